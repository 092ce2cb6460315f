"""Deployment, and a state machine that runs as on AWS."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import Cloud, launch, wait_for
from deployed import Stack
from localcloud.settings import read_env


@pytest.fixture(scope="module")
def stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    it = Stack(cloud, tmp_path_factory.mktemp("stack"))
    answer = it.deploy()
    assert answer.returncode == 0, answer.stderr
    return it


@pytest.fixture
def quick(cloud: Cloud) -> Any:
    """Waits at a twentieth of their time."""
    _scale(cloud, 0.05)
    yield
    _scale(cloud, 1)


def _scale(cloud: Cloud, scale: float) -> None:
    body = json.dumps({"stepfunctions._SFN_WAIT_SCALE": scale}).encode()
    urllib.request.urlopen(f"{cloud.settings.serverless_url}/_ministack/config", body).read()


def invoke(stack: Stack, event: Any) -> Any:
    answer = stack.cloud.client("lambda").invoke(FunctionName=stack.output("Echo"), Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read())


def test_a_second_deployment_keeps_the_data(stack: Stack) -> None:
    table = stack.cloud.client("dynamodb")
    table.put_item(TableName=stack.output("Table"), Item={"pk": {"S": "kept"}})
    answer = stack.deploy("--parameter", "Colour=blue")
    assert answer.returncode == 0, answer.stderr
    assert "Item" in table.get_item(TableName=stack.output("Table"), Key={"pk": {"S": "kept"}})
    assert invoke(stack, {"environment": True})["COLOUR"] == "blue"
    assert stack.deploy("--parameter", "Colour=blue").returncode == 0
    variables = read_env(stack.cloud.settings)
    assert variables["CPM_STACK"] == "test" and variables["CPM_API_URL"].endswith("/$default")


def test_a_changed_document_is_a_new_version_and_the_default_one(stack: Stack) -> None:
    documents = stack.cloud.client("ssm")

    def of(name: str) -> list[str]:
        document = documents.describe_document(Name=name)["Document"]
        return [document["DefaultVersion"], document["LatestVersion"], document["Description"]]

    before = of("test-document")
    assert stack.deploy("--parameter", "Colour=green").returncode == 0
    after = of("test-document")
    assert after == [str(int(before[0]) + 1)] * 2 + ["green"]
    # What did not change makes no version.
    assert stack.deploy("--parameter", "Colour=green").returncode == 0
    assert of("test-document") == after


def test_a_route_without_authorization_and_no_other_is_open_to_strangers(stack: Stack) -> None:
    def call(method: str, path: str) -> tuple[int, Any]:
        request = urllib.request.Request(read_env(stack.cloud.settings)["CPM_API_URL"] + path, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, None

    status, event = call("GET", "/open?a=b")
    assert (status, event["rawPath"], event["rawQueryString"]) == (200, "/open", "a=b")
    assert [call(*it)[0] for it in (("GET", "/v1/open"), ("POST", "/open"), ("GET", "/open/more"))] == [403, 404, 404]
    # The address that functions are told names the API, as on AWS.
    api = read_env(stack.cloud.settings)["CPM_API_URL"].split("/")[-2]
    assert stack.output("Endpoint").startswith(f"http://{api}.execute-api.")


def test_functions_see_nothing_of_the_shell(stack: Stack) -> None:
    seen = invoke(stack, {"environment": True})
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert not [name for name in seen if name.startswith("PIP_") or name in ("PWD", "OLDPWD", "VIRTUAL_ENV", "PYTHONPATH")]


def test_what_is_missing_or_wrong_is_said(cloud: Cloud, tmp_path: Path, stack: Stack) -> None:
    template = tmp_path / "t.yaml"
    template.write_text("Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: x/missing}}}")
    answer = cloud.run("deploy", "--template", str(template), "--stack", "w")
    assert answer.returncode == 1 and "missing.zip" in answer.stderr
    template.write_text("Resources: {R: {Type: 'AWS::No::Such'}}")
    answer = cloud.run("deploy", "--template", str(template), "--stack", "w")
    assert answer.returncode == 1 and "AWS::No::Such" in answer.stderr


def test_errors_have_the_name_that_the_function_gave(stack: Stack) -> None:
    end = stack.end_of(stack.start(fail="Cpm.Oops"))
    assert json.loads(end["output"])["Error"] == "Cpm.Oops"


def test_retry_count_reaches_the_function(stack: Stack, quick: None) -> None:
    assert json.loads(stack.end_of(stack.start(kind="retry"))["output"])["try"] == 2


def test_a_callback_with_a_token_for_each_attempt(stack: Stack, quick: None) -> None:
    before = len(stack.tokens())
    execution = stack.start(kind="wait", seconds=20)
    first, second = wait_for(lambda: len(stack.tokens()) == before + 2 and stack.tokens()[before:])
    assert first != second
    with pytest.raises(ClientError, match="TaskTimedOut"):
        stack.sfn.send_task_success(taskToken=first, output="{}")
    stack.sfn.send_task_success(taskToken=second, output='{"done": true}')
    with pytest.raises(ClientError, match="TaskTimedOut"):
        stack.sfn.send_task_success(taskToken=second, output="{}")
    with pytest.raises(ClientError, match="InvalidToken"):
        stack.sfn.send_task_success(taskToken="nonsense", output="{}")
    assert json.loads(stack.end_of(execution)["output"]) == {"done": True}


def test_a_callback_times_out(stack: Stack, quick: None) -> None:
    assert json.loads(stack.end_of(stack.start(kind="wait", seconds=8))["output"])["Error"] == "States.Timeout"


def test_a_callback_whose_function_fails(stack: Stack) -> None:
    assert json.loads(stack.end_of(stack.start(kind="refused"))["output"])["Error"] == "Oops"


def test_branches_have_tokens_and_variables_of_their_own(stack: Stack) -> None:
    before = len(stack.tokens())
    execution = stack.start(kind="both")
    tokens = wait_for(lambda: len(stack.tokens()) == before + 2 and stack.tokens()[before:])
    assert len(set(tokens)) == 2
    for token in tokens:
        stack.sfn.send_task_success(taskToken=token, output="{}")
    assert json.loads(stack.end_of(execution)["output"]) == ["left", "right"]


def test_the_state_machines_role_binds(stack: Stack) -> None:
    error = json.loads(stack.end_of(stack.start(kind="forbidden"))["output"])
    assert error["Error"] == "Lambda.AWSLambdaException"
    assert "not authorized to perform: lambda:InvokeFunction" in error["Cause"]


def test_payloads_over_256_kib_end_the_execution(stack: Stack) -> None:
    end = stack.end_of(stack.start(size=300_000))
    assert (end["status"], end["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_names_of_executions(stack: Stack) -> None:
    named = {"stateMachineArn": stack.output("Flow"), "name": "once", "input": '{"kind": "wait", "seconds": 60}'}
    first = stack.sfn.start_execution(**named)
    assert stack.sfn.start_execution(**named)["executionArn"] == first["executionArn"]
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        stack.sfn.start_execution(**{**named, "input": "{}"})
    stack.sfn.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        stack.sfn.start_execution(**named)
    assert stack.sfn.describe_execution(executionArn=first["executionArn"])["status"] == "ABORTED"


def test_streams_are_filtered(stack: Stack) -> None:
    table = stack.cloud.client("dynamodb")
    for key in ("other#1", "unit#1"):
        table.put_item(TableName=stack.output("Table"), Item={"pk": {"S": key}})
    def keys() -> list[str]:
        records = [r for event in stack.asked() if isinstance(event, dict) for r in event.get("Records", [])]
        return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]
    wait_for(lambda: "unit#1" in keys())
    assert "other#1" not in keys()


def test_rules_and_schedules_reach_what_they_may(stack: Stack) -> None:
    ec2 = stack.cloud.client("ec2")
    made = ec2.create_snapshot(VolumeId=launch(ec2)[1][0])["SnapshotId"]
    entry = {"Source": "custom", "DetailType": "x", "Detail": '{"from": "rule"}'}
    stack.cloud.client("events").put_events(Entries=[entry])
    wait_for(lambda: {"tick": True} in stack.asked())
    wait_for(lambda: {"from": "rule"} in stack.asked())
    wait_for(lambda: [event for event in stack.asked() if made in json.dumps(event)])
    log = (stack.cloud.settings.state / "serverless.log").read_text()
    assert "resource policy does not let events.amazonaws.com in" in log


def test_a_failing_function_is_asked_three_times(stack: Stack) -> None:
    events, function = stack.cloud.client("events"), stack.output("Echo")
    arn = stack.cloud.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    rule = events.put_rule(Name="fails", EventPattern='{"source": ["fails"]}')["RuleArn"]
    stack.cloud.client("lambda").add_permission(
        FunctionName=function, StatementId="fails", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    events.put_targets(Rule="fails", Targets=[{"Id": "f", "Arn": arn, "InputPath": "$.detail"}])
    events.put_events(Entries=[{"Source": "fails", "DetailType": "x", "Detail": '{"fail": "Always"}'}])
    wait_for(lambda: stack.asked().count({"fail": "Always"}) == 3)


def test_calls_are_written_down(cloud: Cloud, stack: Stack) -> None:
    cloud.client("ec2", user_agent_appid="probe").describe_regions()
    cloud.client("dynamodb", user_agent_appid="probe").list_tables()
    with pytest.raises(ClientError):
        cloud.client("stepfunctions", user_agent_appid="probe").describe_execution(
            executionArn="arn:aws:states:us-east-1:123456789012:execution:x:y")
    mine = [call for call in cloud.calls() if call["app"] == "probe"]
    assert [(c["plane"], c["service"], c["action"], c["status"], c["error"]) for c in mine] == [
        ("resources", "ec2", "DescribeRegions", 200, ""),
        ("serverless", "dynamodb", "ListTables", 200, ""),
        ("serverless", "states", "DescribeExecution", 400, "ExecutionDoesNotExist"),
    ]
    assert {call["account"] for call in mine} == {"123456789012"}
