"""What the functions called, against what their roles allow, both ways. Runs last, over the calls of all tests."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import HOME, MEMBER, Cloud, load_template

FUNCTIONS = {
    "cpm-api": "ApiRole", "cpm-backup": "BackupRole", "cpm-cleaner": "CleanerRole", "cpm-dispatcher": "DispatcherRole",
    "cpm-events": "EventsRole", "cpm-notifier": "NotifierRole", "cpm-recoverer": "RecovererRole",
    "cpm-tag-scanner": "TagScannerRole",
}

# Not called by the code of a function, but by AWS in its name.
BY_AWS = {
    "logs:CreateLogStream": "Lambda writes the function's log",
    "logs:PutLogEvents": "Lambda writes the function's log",
    "dynamodb:DescribeStream": "Lambda reads the table's stream for the function",
    "dynamodb:GetRecords": "Lambda reads the table's stream for the function",
    "dynamodb:GetShardIterator": "Lambda reads the table's stream for the function",
    "dynamodb:ListStreams": "Lambda asks for it before it reads a stream",
    "sqs:SendMessage": "Lambda sends dead letters for the function",
    "kms:CreateGrant": "EC2, RDS, Redshift and DynamoDB get the use of a key from the caller",
    "kms:Decrypt": "DynamoDB, SNS and SQS use the key for the caller",
    "kms:DescribeKey": "DynamoDB uses the key for the caller",
    "kms:Encrypt": "DynamoDB uses the key for the caller",
    "kms:GenerateDataKey": "DynamoDB, SNS and SQS use the key for the caller",
    "kms:GenerateDataKeyWithoutPlaintext": "EC2 uses the key for the caller",
    "kms:ReEncryptFrom": "DynamoDB uses the key for the caller",
    "kms:ReEncryptTo": "DynamoDB uses the key for the caller",
}
# Not calls of their own: AWS asks for them when the calls that make something come with tags.
WITHOUT_A_CALL = {"ec2:CreateTags", "iam:PassRole", "rds:AddTagsToResource", "redshift:CreateTags"}
# A restore of a table takes all that fills one; the suite calls them for its own table only, or not at all.
FILLS_TABLES = {f"dynamodb:{name}" for name in ("BatchWriteItem", "DeleteItem", "Scan", "UpdateItem")}
# Ways that no test of the local cloud goes: a check whose time is over before its command's is, and an answer that comes before
# the question. The tests of the use cases go them.
SELDOM = {"cpm-recoverer": {"ssm:CancelCommand", "states:SendTaskSuccess"}}
# How services sign, where IAM calls them otherwise.
IN_IAM = {"monitoring": "cloudwatch", "tagging": "tag"}
# What takes something away, but items of the suite's own table.
TAKES_AWAY = re.compile(r"\w+:(Delete|Deregister|Terminate)(?!Item)\w+")
# Calls that look at tags; backups of tables have none.
BY_NAME_ONLY = {"dynamodb:DeleteBackup"}
# Anybody may ask who they are.
ALWAYS_ALLOWED = {"sts:GetCallerIdentity"}
# Transactions are no action of IAM: each item needs the action that it is.
TRANSACTIONS = {"TransactWriteItems", "TransactGetItems"}


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a role's policies, those of the template's managed policies included."""
    resources = load_template("template.yaml")["Resources"]
    managed = [resources[arn["Ref"]]["Properties"] for arn in role["Properties"].get("ManagedPolicyArns", [])]
    policies = [*role["Properties"].get("Policies", []), *managed]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def named(statement: dict[str, Any]) -> set[str]:
    """The actions of a statement."""
    found = statement["Action"]
    return {found} if isinstance(found, str) else set(found)


def actions(role: dict[str, Any]) -> set[str]:
    """What a role's policies allow."""
    return {action for statement in statements(role) if statement["Effect"] == "Allow" for action in named(statement)}


@pytest.fixture(scope="module")
def called(cloud: Cloud) -> dict[tuple[str, str], set[str]]:
    """What each function called, by the account that it called in."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for call in cloud.calls():
        names = call["parts"] if call["action"] in TRANSACTIONS else [call["action"]]
        service = IN_IAM.get(call["service"], call["service"])
        found[call["app"], call["account"]] |= {f"{service}:{name}" for name in names}
    return found


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The deployment's template."""
    return dict(load_template("template.yaml")["Resources"])


@pytest.fixture(scope="module")
def whole_run(request: pytest.FixtureRequest) -> None:
    """Skips what makes sense only after all tests."""
    ran = {item.path.stem for item in request.session.items if item.path.parent == Path(__file__).parent}
    missing = {path.stem for path in Path(__file__).parent.glob("test_*.py")} - ran
    if missing:
        pytest.skip(f"only after all end-to-end tests; {', '.join(sorted(missing))} did not run")


@pytest.mark.parametrize("app", FUNCTIONS)
def test_no_action_is_a_wildcard(template: dict[str, Any], app: str) -> None:
    assert not [action for action in actions(template[FUNCTIONS[app]]) if "*" in action]


@pytest.mark.parametrize("app", FUNCTIONS)
def test_nothing_is_called_that_is_not_allowed(
    called: dict[tuple[str, str], set[str]], template: dict[str, Any], app: str
) -> None:
    calls = called[app, HOME]
    assert calls, f"{app} called nothing: its calls are not on record"
    assert calls - ALWAYS_ALLOWED <= actions(template[FUNCTIONS[app]])


@pytest.mark.usefixtures("whole_run")
@pytest.mark.parametrize("app", FUNCTIONS)
def test_nothing_is_allowed_that_is_never_called(
    called: dict[tuple[str, str], set[str]], template: dict[str, Any], app: str
) -> None:
    spare = set(BY_AWS) | WITHOUT_A_CALL | (FILLS_TABLES if app == "cpm-recoverer" else set()) | SELDOM.get(app, set())
    assert actions(template[FUNCTIONS[app]]) - called[app, HOME] - spare == set()


@pytest.mark.usefixtures("whole_run")
def test_the_members_roles_allow_what_is_called_and_no_more(called: dict[tuple[str, str], set[str]]) -> None:
    roles = load_template("member-account.yaml")["Resources"]
    by_backup = called["cpm-backup", MEMBER] | called["cpm-tag-scanner", MEMBER]
    assert actions(roles["BackupRole"]) - WITHOUT_A_CALL == by_backup
    # What recoveries may do there is what they may do at home, which is called in full: not all of it is done there as well.
    assert called["cpm-cleaner", MEMBER] <= actions(roles["CleanupRole"])
    assert called["cpm-recoverer", MEMBER] - ALWAYS_ALLOWED <= actions(roles["RecoveryRole"])
    assert actions(roles["ReaderRole"]) == called["cpm-api", MEMBER]


def test_only_the_cleaner_can_delete_and_only_what_is_ours(template: dict[str, Any]) -> None:
    for app, role in FUNCTIONS.items():
        deletes = {action for action in actions(template[role]) if TAKES_AWAY.fullmatch(action)}
        assert bool(deletes) == (app == "cpm-cleaner"), app
    for statement in (it for it in statements(template["CleanerRole"]) if it["Effect"] == "Allow"):
        taken = {action for action in named(statement) if TAKES_AWAY.fullmatch(action)}
        if taken - BY_NAME_ONLY:
            assert "aws:ResourceTag/cpm:deployment" in str(statement.get("Condition"))
