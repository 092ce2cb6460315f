"""Run Command behaves as on AWS, and runs."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, MEMBER, Cloud, launch, wait_for
from localcloud.resources.ssm.processes import Kept

ENDED = ("Success", "Failed", "TimedOut", "Cancelled")
SHELL = "AWS-RunShellScript"


@pytest.fixture
def ssm(cloud: Cloud) -> Any:
    """Systems Manager of the home account."""
    return cloud.client("ssm")


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def send(ssm: Any, instances: str | list[str], *lines: str, **more: Any) -> str:
    parameters = {"commands": list(lines), **more.pop("Parameters", {})}
    ids = [instances] if isinstance(instances, str) else instances
    return str(ssm.send_command(InstanceIds=ids, DocumentName=SHELL, Parameters=parameters, **more)["Command"]["CommandId"])


def invocation(ssm: Any, command: str, instance: str, **more: Any) -> dict[str, Any] | None:
    """The invocation, once it is there."""
    try:
        return dict(ssm.get_command_invocation(CommandId=command, InstanceId=instance, **more))
    except ssm.exceptions.InvocationDoesNotExist:
        return None


def reached(ssm: Any, command: str, instance: str, *statuses: str, **more: Any) -> dict[str, Any]:
    """The invocation, when it has one of the statuses."""
    def look() -> dict[str, Any] | None:
        found = invocation(ssm, command, instance, **more)
        return found if found and found["Status"] in (statuses or ENDED) else None
    return dict(wait_for(look, 20))


def own_document(ssm: Any, content: dict[str, Any], **more: Any) -> str:
    name = f"cpm-{os.urandom(4).hex()}"
    ssm.create_document(Name=name, DocumentType="Command", Content=json.dumps({"schemaVersion": "2.2", **content}), **more)
    return name


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pid_in(file: Path) -> int:
    """The process id that a script wrote."""
    return int(wait_for(lambda: file.exists() and file.read_text().strip()))


def test_a_script_runs_in_its_instances_directory(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    first, second = launch(ec2)[0], launch(ec2)[0]
    command = send(ssm, [first, second], "pwd; echo $HOME", "echo $AWS_SSM_INSTANCE_ID > mark; env", "echo bad >&2",
                   Comment="why")
    for instance in (first, second):
        home = cloud.settings.state / "instances" / instance
        seen = reached(ssm, command, instance)
        assert (seen["Status"], seen["StatusDetails"], seen["ResponseCode"]) == ("Success", "Success", 0)
        assert seen["StandardOutputContent"].startswith(f"{home}\n{home}\n")
        assert "AWS_SECRET" not in seen["StandardOutputContent"] and "CPM_CALLS" not in seen["StandardOutputContent"]
        assert seen["StandardErrorContent"] == "bad\n"
        assert (home / "mark").read_text() == f"{instance}\n"
        assert (seen["DocumentName"], seen["PluginName"], seen["Comment"]) == (SHELL, "aws:runShellScript", "why")
        assert seen["ExecutionStartDateTime"] <= seen["ExecutionEndDateTime"] and seen["ExecutionElapsedTime"].startswith("PT0.")


def test_exit_codes_are_real(ec2: Any, ssm: Any) -> None:
    instance, _ = launch(ec2)
    seen = reached(ssm, send(ssm, instance, "echo partly", "exit 3"), instance)
    assert (seen["Status"], seen["StatusDetails"], seen["ResponseCode"]) == ("Failed", "Failed", 3)
    assert seen["StandardOutputContent"] == "partly\n"
    assert seen["StandardErrorContent"] == "failed to run commands: exit status 3"
    bash = reached(ssm, send(ssm, instance, "#!/bin/bash", "false | true", "echo ${PIPESTATUS[0]}"), instance)
    assert bash["StandardOutputContent"] == "1\n"


def test_not_there_at_first_then_pending_or_running(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    cloud.control("POST", "config", {"invocation_delay": 0.5})
    instance, _ = launch(ec2)
    command = send(ssm, instance, "touch begun; while [ ! -e go ]; do sleep 0.02; done; echo out")
    with pytest.raises(ClientError) as error:
        ssm.get_command_invocation(CommandId=command, InstanceId=instance)
    assert code(error) == "InvocationDoesNotExist"
    assert ssm.list_command_invocations(CommandId=command)["CommandInvocations"] == []
    running = reached(ssm, command, instance, "InProgress")
    assert running["ResponseCode"] == -1 and running["StandardOutputContent"] == "" and running["ExecutionEndDateTime"] == ""
    assert ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "InProgress"
    (cloud.settings.state / "instances" / instance / "go").touch()
    assert reached(ssm, command, instance)["StandardOutputContent"] == "out\n"
    with pytest.raises(ClientError) as error:
        ssm.get_command_invocation(CommandId=command, InstanceId=launch(ec2)[0])
    assert code(error) == "InvocationDoesNotExist"


def test_working_directory(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    instance, _ = launch(ec2)
    inside = cloud.settings.state / "instances" / instance / "opt" / "scripts"
    inside.mkdir(parents=True)

    def ran_in(directory: str) -> dict[str, Any]:
        return reached(ssm, send(ssm, instance, "pwd", Parameters={"workingDirectory": [directory]}), instance)

    assert ran_in("/opt/scripts")["StandardOutputContent"] == f"{inside}\n"
    assert ran_in("/usr")["StandardOutputContent"] == "/usr\n"
    missing = ran_in("/not/there")
    assert missing["Status"] == "Failed" and "No such file or directory" in missing["StandardErrorContent"]


def test_execution_timeout_kills_the_whole_group(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    cloud.control("POST", "config", {"execution_scale": 0.4})
    instance, _ = launch(ec2)
    command = send(ssm, instance, "echo begun; sleep 300 & echo $! > child", "echo $$ > self", "sleep 300",
                   Parameters={"executionTimeout": ["5"]})
    home = cloud.settings.state / "instances" / instance
    child, itself = pid_in(home / "child"), pid_in(home / "self")
    assert alive(child) and alive(itself)
    seen = reached(ssm, command, instance)
    assert (seen["Status"], seen["StatusDetails"], seen["ResponseCode"]) == ("TimedOut", "ExecutionTimedOut", 137)
    assert seen["StandardOutputContent"] == "begun\n"
    wait_for(lambda: not alive(child) and not alive(itself))


def test_what_is_no_execution_timeout_is_an_hour(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    cloud.control("POST", "config", {"execution_scale": 0.001})
    instance, _ = launch(ec2)
    command = send(ssm, instance, "sleep 0.2; echo done", Parameters={"executionTimeout": ["4"]})
    assert reached(ssm, command, instance)["StandardOutputContent"] == "done\n"


def test_cancelled_is_killed(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    running, waiting = launch(ec2)[0], launch(ec2)[0]
    cloud.control("POST", "agents", {"instance": waiting, "ping": "ConnectionLost"})
    command = send(ssm, [running, waiting], "echo $$ > self; sleep 300")
    process = pid_in(cloud.settings.state / "instances" / running / "self")
    reached(ssm, command, waiting, "Delayed")
    ssm.cancel_command(CommandId=command)
    for instance in (running, waiting):
        assert reached(ssm, command, instance)["StatusDetails"] == "Cancelled"
    wait_for(lambda: not alive(process))
    assert ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "Cancelled"
    with pytest.raises(ClientError) as error:
        ssm.cancel_command(CommandId="0" * 36)
    assert code(error) == "InvalidCommandId"


def test_delivery_expires_when_the_agent_is_lost(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    lost, back, late = (launch(ec2)[0] for _ in range(3))
    cloud.control("POST", "agents", [{"instance": one, "ping": "ConnectionLost"} for one in (lost, back, late)])
    given: dict[str, Any] = {"TimeoutSeconds": 60, "Parameters": {"executionTimeout": ["172800"]}}
    commands = {one: send(ssm, one, "echo ran > ran", **given) for one in (lost, back, late)}
    for one, command in commands.items():
        reached(ssm, command, one, "Delayed")
    cloud.control("POST", "agents", {"instance": back, "ping": "Online"})
    assert reached(ssm, commands[back], back)["Status"] == "Success"
    # TimeoutSeconds are over now, and the sum is not: an agent that comes gets nothing, and nothing has expired yet.
    cloud.control("POST", "config", {"delivery_scale": 0.001})
    cloud.control("POST", "agents", {"instance": late, "ping": "Online"})
    for one in (lost, late):
        assert reached(ssm, commands[one], one, "Delayed", "Success")["Status"] == "Delayed"
    cloud.control("POST", "config", {"delivery_scale": 0})
    for one in (lost, late):
        seen = reached(ssm, commands[one], one)
        assert (seen["Status"], seen["StatusDetails"], seen["ResponseCode"]) == ("TimedOut", "DeliveryTimedOut", -1)
        assert not (cloud.settings.state / "instances" / one / "ran").exists()
    listed = ssm.list_commands(CommandId=commands[lost])["Commands"][0]
    assert (listed["StatusDetails"], listed["DeliveryTimedOutCount"], listed["ErrorCount"]) == ("DeliveryTimedOut", 1, 0)
    assert listed["ExpiresAfter"] - listed["RequestedDateTime"] == timedelta(seconds=60 + 172_800)


def test_managed_instances(cloud: Cloud) -> None:
    account = "444455556666"
    ec2, ssm = cloud.client("ec2", account), cloud.client("ssm", account)
    ids = [launch(ec2)[0] for _ in range(12)]
    first = ssm.describe_instance_information()
    assert len(first["InstanceInformationList"]) == 10  # AWS's page unless asked otherwise
    pages = list(ssm.get_paginator("describe_instance_information").paginate(PaginationConfig={"PageSize": 5}))
    assert [entry["InstanceId"] for page in pages for entry in page["InstanceInformationList"]] == ids

    def about(instance: str) -> list[dict[str, Any]]:
        found = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [instance]}])
        return list(found["InstanceInformationList"])

    (entry,) = about(ids[0])
    assert (entry["PingStatus"], entry["PlatformType"], entry["PlatformName"]) == ("Online", "Linux", "Amazon Linux")
    assert entry["ComputerName"].startswith("ip-") and entry["AgentVersion"].count(".") == 3
    assert datetime.now(timezone.utc) - entry["LastPingDateTime"] < timedelta(minutes=1)
    cloud.control("POST", "agents", [
        {"instance": ids[1], "ping": "ConnectionLost"}, {"instance": ids[2], "ping": "absent"},
        {"instance": ids[3], "platform": "Windows", "agent_version": "2.3.1.0"},
    ])
    ec2.stop_instances(InstanceIds=[ids[4]])
    ec2.terminate_instances(InstanceIds=[ids[5]])
    assert [about(one)[0]["PingStatus"] for one in (ids[1], ids[4])] == ["ConnectionLost"] * 2
    assert about(ids[1])[0]["LastPingDateTime"] == about(ids[1])[0]["LastPingDateTime"]
    assert about(ids[2]) == about(ids[5]) == []
    assert (about(ids[3])[0]["PlatformType"], about(ids[3])[0]["AgentVersion"]) == ("Windows", "2.3.1.0")
    wanted = [{"key": "PingStatus", "valueSet": ["ConnectionLost"]}]
    lost = ssm.describe_instance_information(InstanceInformationFilterList=wanted)
    assert [entry["InstanceId"] for entry in lost["InstanceInformationList"]] == [ids[1], ids[4]]
    ec2.start_instances(InstanceIds=[ids[4]])
    assert about(ids[4])[0]["PingStatus"] == "Online"
    for wrong, named in (({"Filters": [{"Key": "Nonsense", "Values": ["x"]}]}, "InvalidFilterKey"),
                         ({"Filters": [{"Key": "InstanceIds", "Values": ["x"]}]}, "InvalidInstanceInformationFilterValue"),
                         ({"NextToken": "nonsense"}, "InvalidNextToken")):
        with pytest.raises(ClientError) as error:
            ssm.describe_instance_information(**wrong)
        assert code(error) == named


def test_what_send_command_refuses(cloud: Cloud, ec2: Any) -> None:
    ssm = cloud.client("ssm", parameter_validation=False)
    instance, unmanaged, windows = (launch(ec2)[0] for _ in range(3))
    cloud.control("POST", "agents", [{"instance": unmanaged, "ping": "absent"}, {"instance": windows, "platform": "Windows"}])
    right: dict[str, Any] = {"InstanceIds": [instance], "DocumentName": SHELL, "Parameters": {"commands": ["true"]}}
    for wrong, named in (
        ({"InstanceIds": [instance, unmanaged]}, "InvalidInstanceId"),
        ({"InstanceIds": ["i-0123456789abcdef0"]}, "InvalidInstanceId"),
        ({"InstanceIds": [instance, instance]}, "DuplicateInstanceId"),
        ({"InstanceIds": [f"i-{number:017x}" for number in range(51)]}, "ValidationException"),
        ({"InstanceIds": [windows]}, "UnsupportedPlatformType"),
        ({"DocumentName": "cpm-nothing"}, "InvalidDocument"),
        ({"DocumentName": "AWSEC2-CreateVssSnapshot"}, "InvalidDocument"),
        ({"Parameters": {"commands": ["true"], "other": ["x"]}}, "InvalidParameters"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "executionTimeout": ["soon"]}}, "InvalidParameters"),
        ({"Comment": "x" * 101}, "ValidationException"),
        ({"TimeoutSeconds": 29}, "ValidationException"),
    ):
        with pytest.raises(ClientError) as error:
            ssm.send_command(**{**right, **wrong})
        assert code(error) == named, wrong
    with pytest.raises(ClientError, match=rf"Instances \[\[{unmanaged}\]\] not in a valid state for account {HOME}"):
        ssm.send_command(**{**right, "InstanceIds": [instance, unmanaged]})
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        cloud.client("ssm", MEMBER).send_command(**right)


def test_own_documents(ec2: Any, ssm: Any) -> None:
    instance, _ = launch(ec2)
    step = {"action": "aws:runShellScript", "name": "script"}
    name = own_document(ssm, {
        "parameters": {
            "who": {"type": "String"}, "lines": {"type": "StringList", "default": ["echo default"]},
            "kind": {"type": "String", "default": "a", "allowedValues": ["a", "b"]},
        },
        "mainSteps": [{**step, "inputs": {"runCommand": ["echo '{{ who }} {{kind}} {{ unknown }}'", "{{ lines }}"]}}],
    })

    def ran(**parameters: list[str]) -> dict[str, Any]:
        command = ssm.send_command(InstanceIds=[instance], DocumentName=name, Parameters=parameters)["Command"]["CommandId"]
        return reached(ssm, command, instance)

    seen = ran(who=["me"])
    assert (seen["StandardOutputContent"], seen["PluginName"]) == ("me a {{ unknown }}\ndefault\n", "script")
    assert seen["DocumentVersion"] == "1"
    assert ran(who=["x"], lines=["echo 1", "echo 2"])["StandardOutputContent"] == "x a {{ unknown }}\n1\n2\n"
    for wrong in ({}, {"who": ["a", "b"]}, {"who": ["a"], "kind": ["c"]}, {"who": ["a"], "what": ["b"]}):
        with pytest.raises(ClientError) as error:
            ran(**wrong)
        assert code(error) == "InvalidParameters", wrong
    ssm.delete_document(Name=name)
    with pytest.raises(ClientError) as error:
        ran(who=["me"])
    assert code(error) == "InvalidDocument"


def test_documents_of_several_steps(ec2: Any, ssm: Any) -> None:
    instance, _ = launch(ec2)

    def step(name: str, line: str, action: str = "aws:runShellScript", **more: Any) -> dict[str, Any]:
        inputs = {"runCommand": [line], **more.pop("inputs", {})}
        return {"action": action, "name": name, "inputs": inputs, **more}

    name = own_document(ssm, {"mainSteps": [
        step("windows", "exit 9", "aws:runPowerShellScript", precondition={"StringEquals": ["platformType", "Windows"]}),
        step("step one", "echo one; exit 4"), step("step two", "echo two", inputs={"onSuccess": "exit"}), step("step three", "echo three"),
    ]})
    command = ssm.send_command(InstanceIds=[instance], DocumentName=name)["Command"]["CommandId"]
    whole = reached(ssm, command, instance)
    assert (whole["Status"], whole["StandardOutputContent"], whole["PluginName"]) == ("Failed", "", "")

    def of(plugin: str) -> tuple[str, str, int]:
        seen = invocation(ssm, command, instance, PluginName=plugin)
        assert seen is not None
        return seen["Status"], seen["StandardOutputContent"], seen["ResponseCode"]

    assert of("windows")[0] == "Success" and of("windows")[1].startswith("Step execution skipped due to unsatisfied")
    assert (of("step one"), of("step two")) == (("Failed", "one\n", 4), ("Success", "two\n", 0))
    assert of("step three")[2] == -1
    with pytest.raises(ClientError) as error:
        of("step four")
    assert code(error) == "InvalidPluginName"


def test_windows_plays_what_was_recorded(cloud: Cloud, ec2: Any, ssm: Any, tmp_path: Path) -> None:
    instance, _ = launch(ec2)
    cloud.control("POST", "agents", {"instance": instance, "platform": "Windows"})
    powershell = "AWS-RunPowerShellScript"

    def ran(document: str = powershell, line: str = "Get-Date", **more: Any) -> dict[str, Any]:
        parameters = more.pop("Parameters", {"commands": [line]})
        sent = ssm.send_command(InstanceIds=[instance], DocumentName=document, Parameters=parameters, **more)
        return reached(ssm, sent["Command"]["CommandId"], instance)

    if shutil.which("pwsh") is None:
        without = ran()
        assert without["Status"] == "Failed" and "no recorded conversation for document" in without["StandardErrorContent"]
    (tmp_path / f"{powershell}.json").write_text(json.dumps([
        {"when": "freeze", "stdout": "frozen\r\n"}, {"when": "thaw", "stderr": "no writer", "exit_code": 7},
        {"when": "slow", "seconds": 60},
    ]))
    (tmp_path / "AWSEC2-CreateVssSnapshot.json").write_text(json.dumps({"stdout": "{{}}"}))
    cloud.control("POST", "agents", {"plays": str(tmp_path)})
    assert ran(line="freeze the disks")["StandardOutputContent"] == "frozen\r\n"
    thaw = ran(line="x", Comment="thaw")
    assert (thaw["Status"], thaw["ResponseCode"], thaw["StandardErrorContent"]) == ("Failed", 7, "no writer")
    assert ran("AWSEC2-CreateVssSnapshot", Parameters={"ExcludeBootVolume": ["False"]})["StandardOutputContent"] == "{{}}"
    cloud.control("POST", "config", {"execution_scale": 0.01})
    slow = ran(Parameters={"commands": ["slow"], "executionTimeout": ["10"]})
    assert (slow["StatusDetails"], slow["ResponseCode"]) == ("ExecutionTimedOut", 137)


def test_large_outputs_are_cut(ec2: Any, ssm: Any) -> None:
    instance, _ = launch(ec2)
    much = "head -c 10000000 /dev/zero | tr '\\0'"
    seen = reached(ssm, send(ssm, instance, f"{much} x", f"{much} y >&2", "printf '\\303\\244' >&2"), instance)
    assert seen["Status"] == "Success"
    for member, limit, letter in (("StandardOutputContent", 24_000, "x"), ("StandardErrorContent", 8_000, "y")):
        assert len(seen[member]) == limit
        assert seen[member].endswith(letter + "--output truncated--") and set(seen[member][:-20]) == {letter}
    (listed,) = ssm.list_command_invocations(CommandId=seen["CommandId"], Details=True)["CommandInvocations"]
    plugin = listed["CommandPlugins"][0]
    assert len(plugin["Output"]) == 2500 and plugin["ResponseCode"] == 0


def test_no_more_of_an_output_is_kept_than_is_shown() -> None:
    kept = Kept(8_000)
    for _ in range(100):
        kept.add(b"x" * 100_000)
    assert len(kept._bytes) <= 4 * 8_000 and len(kept.text()) == 8_000


def test_commands_run_at_once(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    instances = [launch(ec2)[0] for _ in range(8)]
    # Each waits until all have begun: one after the other, none would end.
    gate = cloud.settings.state / "gate"
    gate.mkdir()
    line = f"touch {gate}/$AWS_SSM_INSTANCE_ID; while [ $(ls {gate} | wc -l) -lt 8 ]; do sleep 0.02; done"
    command = send(ssm, instances, line)
    for instance in instances:
        assert reached(ssm, command, instance)["Status"] == "Success"


def test_lists(cloud: Cloud) -> None:
    account = "555566667777"
    ec2, ssm = cloud.client("ec2", account), cloud.client("ssm", account)
    first, second = launch(ec2)[0], launch(ec2)[0]
    one, two = send(ssm, first, "true"), send(ssm, [first, second], "exit 1")
    for command, instance in ((one, first), (two, first), (two, second)):
        reached(ssm, command, instance)

    def invocations(**asked: Any) -> list[tuple[str, str]]:
        found = ssm.list_command_invocations(**asked)["CommandInvocations"]
        return [(entry["CommandId"], entry["InstanceId"]) for entry in found]

    assert invocations() == [(two, first), (two, second), (one, first)]
    assert invocations(InstanceId=second) == [(two, second)] and invocations(CommandId=one) == [(one, first)]
    assert invocations(Filters=[{"key": "Status", "value": "Success"}]) == [(one, first)]
    hour = timedelta(hours=1)
    past, future = ((datetime.now(timezone.utc) + by).strftime("%Y-%m-%dT%H:%M:%SZ") for by in (-hour, hour))
    assert len(invocations(Filters=[{"key": "InvokedAfter", "value": past}])) == 3
    assert invocations(Filters=[{"key": "InvokedAfter", "value": future}]) == []
    assert invocations(Filters=[{"key": "InvokedBefore", "value": past}]) == []
    page = ssm.list_command_invocations(MaxResults=2)
    assert len(page["CommandInvocations"]) == 2
    assert len(ssm.list_command_invocations(MaxResults=2, NextToken=page["NextToken"])["CommandInvocations"]) == 1
    (entry,) = ssm.list_command_invocations(CommandId=one, Details=True)["CommandInvocations"]
    assert entry["CommandPlugins"][0]["Name"] == "aws:runShellScript" and entry["Status"] == "Success"
    assert [command["CommandId"] for command in ssm.list_commands(InstanceId=first)["Commands"]] == [two, one]
    (failed,) = ssm.list_commands(Filters=[{"key": "Status", "value": "Failed"}])["Commands"]
    assert (failed["CommandId"], failed["TargetCount"], failed["CompletedCount"], failed["ErrorCount"]) == (two, 2, 2, 2)
    assert failed["InstanceIds"] == [first, second] and failed["Parameters"] == {"commands": ["exit 1"]}
    for call in (ssm.list_commands, ssm.list_command_invocations):
        for wrong, named in (({"CommandId": "0" * 36}, "InvalidCommandId"), ({"NextToken": "x"}, "InvalidNextToken"),
                             ({"Filters": [{"key": "Nonsense", "value": "x"}]}, "InvalidFilterKey")):
            with pytest.raises(ClientError) as error:
                call(**wrong)
            assert code(error) == named


def test_roles(cloud: Cloud, ec2: Any) -> None:
    def allow(*actions: str, resource: Any = "*", **condition: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        return {**statement, "Condition": condition} if condition else statement

    arn = cloud.role("runner", [
        allow("ssm:SendCommand", resource=["arn:aws:ssm:*::document/AWS-RunShellScript"]),
        allow("ssm:SendCommand", resource=f"arn:aws:ec2:*:{HOME}:instance/*", StringEquals={"aws:ResourceTag/script": "yes"}),
        allow("ssm:GetCommandInvocation"),
    ])
    runner = cloud.client("ssm", credentials=cloud.assume(arn))
    tagged, bare = launch(ec2, tags={"script": "yes"})[0], launch(ec2)[0]
    assert reached(runner, send(runner, tagged, "true"), tagged)["Status"] == "Success"
    own = own_document(cloud.client("ssm"), {"mainSteps": [{"action": "aws:runShellScript", "name": "s", "inputs": {}}]})
    for refused, resource in (
        (lambda: send(runner, [tagged, bare], "true"), f"arn:aws:ec2:us-east-1:{HOME}:instance/{bare}"),
        (lambda: runner.send_command(InstanceIds=[tagged], DocumentName=own), f"arn:aws:ssm:us-east-1:{HOME}:document/{own}"),
    ):
        with pytest.raises(ClientError) as error:
            refused()
        assert code(error) == "AccessDeniedException"
        who = f"User: arn:aws:sts::{HOME}:assumed-role/runner/test is not authorized to perform: ssm:SendCommand"
        assert f"{who} on resource: {resource} because no identity-based policy allows" in str(error.value)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        runner.describe_instance_information()


def test_faults_and_the_record(cloud: Cloud, ec2: Any, ssm: Any) -> None:
    instance, other = launch(ec2)[0], launch(ec2)[0]
    cloud.control("POST", "faults", [
        {"action": "ssm:SendCommand", "effect": "throttle", "times": 1, "resource": instance},
        {"action": "ssm:SendCommand", "effect": "error", "code": "InternalServerError", "when": "after", "times": 1},
    ])
    with pytest.raises(ClientError) as error:
        send(ssm, instance, "touch ran")
    assert code(error) == "ThrottlingException"
    with pytest.raises(ClientError) as error:
        send(ssm, other, "touch ran")
    assert code(error) == "InternalServerError"
    wait_for((cloud.settings.state / "instances" / other / "ran").exists)
    assert not (cloud.settings.state / "instances" / instance / "ran").exists()
    sent = [call for call in cloud.calls() if (call["service"], call["action"]) == ("ssm", "SendCommand")][-2:]
    assert [(call["status"], call["error"]) for call in sent] == [(400, "ThrottlingException"), (500, "InternalServerError")]


def test_steering_that_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    for wrong in ({"ping": "off"}, {"platform": "Plan9"}, {"pong": "x"}, {"plays": str(tmp_path / "missing")}, "x"):
        with pytest.raises(Exception, match="400"):
            cloud.control("POST", "agents", wrong)
    assert cloud.control("POST", "agents", {"instance": "i-1", "ping": "absent"}) == {"i-1": {"ping": "absent"}}
    assert cloud.control("GET", "agents") == {"i-1": {"ping": "absent"}}
    assert cloud.control("DELETE", "agents") == cloud.control("GET", "agents") == {}
