"""The deployment keeps its data, loses no event, and says when something is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

from templates import INFRA, Template, each, of_role, of_type

DEAD_LETTERS = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
STATES = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
FUNCTIONS = {"dispatcher", "tag-scanner", "backup", "cleaner", "recoverer", "events", "notifier", "api"}


def test_data_outlives_the_stack(deployment: Template) -> None:
    for name in ("Table", "Key"):
        resource = deployment["Resources"][name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    table = deployment["Resources"]["Table"]["Properties"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"]["SSEType"] == "KMS" and table["SSESpecification"]["KMSMasterKeyId"]
    # A name of our own would stand in the way of a table beside the one that was kept.
    assert "TableName" not in table
    assert deployment["Resources"]["Key"]["Properties"]["EnableKeyRotation"] is True


def test_the_table_is_the_one_that_the_code_reads(deployment: Template) -> None:
    table = deployment["Resources"]["Table"]["Properties"]
    source = (INFRA.parent / "shared/aws/dynamodb/src/index.rs").read_text()
    named = re.findall(r"Self::(\w+) => \"(\w+)\"", source)
    in_code: dict[str, list[str]] = {}
    for variant, text in named:
        in_code.setdefault(variant, []).append(text)
    in_template = [
        [index["IndexName"], *(key["AttributeName"] for key in index["KeySchema"])]
        for index in table["GlobalSecondaryIndexes"]
    ]
    assert sorted(in_template) == sorted(in_code.values())
    assert [index["Projection"]["ProjectionType"] for index in table["GlobalSecondaryIndexes"]] == ["ALL"] * 3
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_functions_are_told_where_they_are(deployment: Template) -> None:
    shared = set(deployment["Globals"]["Function"]["Environment"]["Variables"])
    assert shared == {"CPM_TABLE", "CPM_DEPLOYMENT", "CPM_TIMEZONE", "CPM_ACCOUNT", "RUST_LOG"}
    taken_up = {f"CPM_{name}_STATE_MACHINE" for name in ("BACKUP", "RECOVERY", "DRILL", "SCENARIO")}
    asked_for = taken_up | {"CPM_TAG_SCAN_STATE_MACHINE", "CPM_CLEANUP_STATE_MACHINE"}
    more = {
        "dispatcher": taken_up,
        "api": asked_for | {"AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "CPM_RECOVERER"},
        "recoverer": {"CPM_RECOVERY_STATE_MACHINE"},
        "notifier": {"CPM_ALERT_TOPIC", "CPM_APPROVAL_URL", "CPM_EVENT_BUS"},
    }
    seen = set()
    for properties in of_type(deployment, "AWS::Serverless::Function").values():
        name = re.fullmatch(r"\.\./dist/([a-z-]+)/", properties["CodeUri"])[1]  # type: ignore[index]
        variables = properties["Environment"]["Variables"]
        assert variables["AWS_SDK_UA_APP_ID"] == f"cpm-{name}"
        assert set(variables) - {"AWS_SDK_UA_APP_ID"} == more.get(name, set())
        seen.add(name)
    assert seen == FUNCTIONS


def test_state_machines_get_what_their_definitions_ask_for(deployment: Template) -> None:
    for properties in of_type(deployment, "AWS::Serverless::StateMachine").values():
        definition = (INFRA / properties["DefinitionUri"]).read_text()
        assert set(re.findall(r"\$\{(\w+)\}", definition)) == set(properties["DefinitionSubstitutions"])
        assert properties["Logging"]["Level"] == "ERROR" and properties["Tracing"]["Enabled"]


def test_functions_may_start_the_machines_that_they_are_told_of(deployment: Template) -> None:
    # The recoverer, which its machine needs first, is told of it by its name.
    names = {
        properties["Name"]["Fn::Sub"].replace("${AWS::StackName}-", ""): machine
        for machine, properties in of_type(deployment, "AWS::Serverless::StateMachine").items()
    }

    def machine(value: dict[str, str]) -> str:
        if "Ref" in value:
            return value["Ref"]
        return names[value["Fn::Sub"].removeprefix(f"{STATES}:stateMachine:${{AWS::StackName}}-")]

    def on(role: str, action: str) -> list[Any]:
        return [arn for it in of_role(deployment, role) if action in each(it["Action"]) for arn in each(it["Resource"])]

    for properties in of_type(deployment, "AWS::Serverless::Function").values():
        variables, role = properties["Environment"]["Variables"], properties["Role"]["Fn::GetAtt"][0]
        told = [machine(value) for name, value in variables.items() if name.endswith("_STATE_MACHINE")]
        assert sorted(map(machine, on(role, "states:StartExecution"))) == sorted(told), role
        watched = [arn["Fn::Sub"] for arn in on(role, "states:DescribeExecution")]
        wanted = [] if role == "RecovererRole" else told
        assert sorted(watched) == sorted(f"{STATES}:execution:${{{it}.Name}}:*" for it in wanted), role


def test_state_machines_may_invoke_what_their_definitions_ask_for(deployment: Template) -> None:
    for properties in of_type(deployment, "AWS::Serverless::StateMachine").values():
        wanted = {json.dumps(value) for value in properties["DefinitionSubstitutions"].values()}
        allowed = {
            json.dumps(arn)
            for it in of_role(deployment, properties["Role"]["Fn::GetAtt"][0])
            if each(it["Action"])[0] in ("lambda:InvokeFunction", "states:StartExecution")
            for arn in each(it["Resource"])
        }
        assert allowed == wanted


def test_no_target_loses_what_it_is_sent(deployment: Template, forwarding: Template) -> None:
    asynchronous = set()
    for template in (deployment, forwarding):
        targets = [target for rule in of_type(template, "AWS::Events::Rule").values() for target in rule["Targets"]]
        targets += [schedule["Target"] for schedule in of_type(template, "AWS::Scheduler::Schedule").values()]
        assert targets
        for target in targets:
            assert target["DeadLetterConfig"] == {"Arn": DEAD_LETTERS}
            assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] >= 60
            if isinstance(target["Arn"], dict) and "Fn::GetAtt" in target["Arn"]:
                asynchronous.add(target["Arn"]["Fn::GetAtt"][0])
    assert asynchronous == {"DispatcherFunction", "EventsFunction"}
    configured = of_type(deployment, "AWS::Lambda::EventInvokeConfig").values()
    assert {config["FunctionName"]["Ref"] for config in configured} == asynchronous
    assert all(config["DestinationConfig"] == {"OnFailure": {"Destination": DEAD_LETTERS}} for config in configured)
    for mapping in of_type(deployment, "AWS::Lambda::EventSourceMapping").values():
        assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": DEAD_LETTERS}}
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_whoever_sends_dead_letters_may(deployment: Template, forwarding: Template) -> None:
    senders = {"DispatcherRole", "EventsRole", "NotifierRole"}
    senders |= {it["Target"]["RoleArn"]["Fn::GetAtt"][0] for it in of_type(deployment, "AWS::Scheduler::Schedule").values()}
    roles = of_type(deployment, "AWS::IAM::Role")
    assert {name for name, role in roles.items() if {"Ref": "DeadLetterPolicy"} in role.get("ManagedPolicyArns", [])} == senders
    for template in (deployment, forwarding):
        statements = template["Resources"]["DeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        rules = statements[0]["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert rules == [{"Fn::GetAtt": [name, "Arn"]} for name in of_type(template, "AWS::Events::Rule")]
    policy = deployment["Resources"]["DeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (bus,) = [it for it in policy if it["Sid"] == "Bus"]
    assert bus["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["EventBus", "Arn"]}}}


def test_rules_may_invoke_their_function(deployment: Template) -> None:
    permitted = [
        permission["SourceArn"]["Fn::GetAtt"][0]
        for permission in of_type(deployment, "AWS::Lambda::Permission").values()
        if permission["Principal"] == "events.amazonaws.com"
    ]
    assert permitted == list(of_type(deployment, "AWS::Events::Rule"))


def test_other_accounts_and_regions_forward_what_the_deployment_listens_to(
    deployment: Template, forwarding: Template
) -> None:
    for name, rule in of_type(forwarding, "AWS::Events::Rule").items():
        assert rule["EventPattern"] == deployment["Resources"][name]["Properties"]["EventPattern"]


def test_the_events_function_hears_of_executions_that_it_knows(deployment: Template) -> None:
    """What it cannot read is an error: it reads what backups and recoveries are started with."""
    pattern = deployment["Resources"]["ExecutionRule"]["Properties"]["EventPattern"]["detail"]
    assert pattern["stateMachineArn"] == [{"Ref": "BackupStateMachine"}, {"Ref": "RecoveryStateMachine"}]
    source = (INFRA.parent / "functions/events/src/event.rs").read_text().split("#[cfg(test)]")[0]
    assert set(re.findall(r"Start(\w+) \{", source)) == {"Backup", "Recovery"}


def test_the_notifier_hears_of_alerts_backups_and_recoveries_only(deployment: Template) -> None:
    keys = (INFRA.parent / "shared/aws/dynamodb/src/keys.rs").read_text()
    alerts = re.search(r'ALERTS: &str = "([^"]+)"', keys)[1]  # type: ignore[index]

    def partition(name: str) -> str:
        found = re.search(rf'fn {name}\(.+\n    format!\("OWNER#\{{owner\}}([^"]+)"\)', keys)
        return str(found[1])  # type: ignore[index]

    filters = deployment["Resources"]["NotifierStream"]["Properties"]["FilterCriteria"]["Filters"]
    assert [json.loads(it["Pattern"]) for it in filters] == [
        {"dynamodb": {"Keys": {"sk": {"S": [{"prefix": alerts}]}}}},
        {"dynamodb": {"Keys": {"pk": {"S": [{"suffix": partition("backups")}]}}}},
        {"dynamodb": {"Keys": {"pk": {"S": [{"suffix": partition("recoveries")}]}}}},
    ]


def test_events_are_the_notifiers_alone_and_encrypted(deployment: Template) -> None:
    bus = deployment["Resources"]["EventBus"]["Properties"]
    assert bus["Name"] == {"Ref": "AWS::StackName"}
    assert bus["KmsKeyIdentifier"]["Fn::If"][0] == "MakeKey"
    assert bus["DeadLetterConfig"] == {"Arn": DEAD_LETTERS}
    may = {
        role: it["Resource"]
        for role in of_type(deployment, "AWS::IAM::Role")
        for it in of_role(deployment, role)
        if "events:PutEvents" in each(it["Action"])
    }
    assert may == {"NotifierRole": {"Fn::GetAtt": ["EventBus", "Arn"]}}
    statements = {it["Sid"]: it for it in deployment["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]}
    # Not its attribute: the bus is made with the key, and so after it.
    arn = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${AWS::StackName}"
    assert statements["EventsOnTheEncryptedBus"]["Condition"] == {"StringEquals": {"aws:SourceArn": {"Fn::Sub": arn}}}


def test_logs_end_and_are_encrypted(deployment: Template) -> None:
    groups = of_type(deployment, "AWS::Logs::LogGroup")
    assert len(groups) == len(FUNCTIONS) + 2
    key_policy = deployment["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]
    (logs,) = [it for it in key_policy if it["Sid"] == "EncryptedLogs"]
    arns = [arn["Fn::Sub"] for arn in logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]]
    prefixes = tuple(arn.split(":log-group:")[1].rstrip("*") for arn in arns)
    for properties in groups.values():
        assert properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert properties["KmsKeyId"]["Fn::If"][0] == "MakeKey"
        assert properties["LogGroupName"]["Fn::Sub"].startswith(prefixes)


def test_the_api_lets_in_who_signs(deployment: Template) -> None:
    routes = {it["RouteKey"]: it["AuthorizationType"] for it in of_type(deployment, "AWS::ApiGatewayV2::Route").values()}
    # The page of an approval has its own signature, in the link; nothing else is open.
    page = (INFRA.parent / "functions/api/src/approve.rs").read_text()
    path = re.search(r'PATH: &str = "([^"]+)"', page)[1]  # type: ignore[index]
    assert "route(PATH, get(ask).post(take))" in page
    assert routes == {"ANY /v1/{proxy+}": "AWS_IAM", f"GET {path}": "NONE", f"POST {path}": "NONE"}
    variables = deployment["Resources"]["NotifierFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["CPM_APPROVAL_URL"] == {"Fn::Sub": f"${{Api.ApiEndpoint}}{path}"}
    (stage,) = of_type(deployment, "AWS::ApiGatewayV2::Stage").values()
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    # A path without its query: that of a link is a key.
    assert logged["status"] == "$context.status" and logged["path"] == "$context.path"
    # Strangers do not use up what callers who sign may.
    rate = stage["DefaultRouteSettings"]["ThrottlingRateLimit"]
    limits = {key: it["ThrottlingRateLimit"] for key, it in stage["RouteSettings"].items()}
    assert set(limits) == {key for key, kind in routes.items() if kind == "NONE"} and max(limits.values()) < rate / 2
    dependent = deployment["Resources"]["ApiStage"]["DependsOn"]
    assert {deployment["Resources"][it]["Properties"]["RouteKey"] for it in dependent} == set(limits)


def test_alarms_reach_the_topic(deployment: Template) -> None:
    alarms = of_type(deployment, "AWS::CloudWatch::Alarm")
    topic = {"Fn::If": ["MakeTopic", {"Ref": "AlertTopic"}, {"Ref": "AlertTopicArn"}]}
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms.values())

    def watched(dimension: str) -> set[tuple[Any, str]]:
        return {
            (next(iter(it["Dimensions"][0]["Value"].values())), it["MetricName"])
            for it in alarms.values()
            if it["Dimensions"][0]["Name"] == dimension
        }

    ends = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
    machines = of_type(deployment, "AWS::Serverless::StateMachine")
    assert watched("StateMachineArn") == {(machine, end) for machine in machines for end in ends}
    # Those that no state machine watches.
    unwatched = ("DispatcherFunction", "EventsFunction", "NotifierFunction", "ApiFunction")
    assert {(name, "Errors") for name in unwatched} < watched("FunctionName")
    tick = alarms["TickAlarm"]
    assert tick["Period"] * tick["EvaluationPeriods"] == 300 and tick["TreatMissingData"] == "breaching"
    shown = json.dumps(deployment["Resources"]["Dashboard"])
    assert all(f"${{{name}.Arn}}" in shown for name in alarms)


def test_the_dashboard_is_json(deployment: Template) -> None:
    body = deployment["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]
    places = {(it["x"], it["y"]) for it in widgets}
    assert len(places) == len(widgets)


def test_every_parameter_is_explained_and_grouped(deployment: Template, member: Template) -> None:
    for template in (deployment, member):
        groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        grouped = [name for group in groups for name in group["Parameters"]]
        assert sorted(grouped) == sorted(template["Parameters"])
        assert all(parameter.get("Description") for parameter in template["Parameters"].values())
