"""Every function may do what it is for, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from templates import Template, allowed, each, every, of_role, of_type

# By AWS's service authorization reference these know no resource; Redshift's know one when they name it only.
WITHOUT_RESOURCE = re.compile(
    r"ec2:Describe\w+|states:SendTaskSuccess|dynamodb:List(Streams|Backups)|xray:\w+|logs:(\w+LogDelivery|ListLogDeliveries"
    r"|DescribeLogGroups|DescribeResourcePolicies|PutResourcePolicy)|rds:DescribeAccountAttributes|redshift:Describe\w+"
    r"|tag:GetResources|ssm:(CancelCommand|DescribeInstanceInformation|GetCommandInvocation|ListCommandInvocations)"
)
# What takes away or changes what is there. Items of the suite's own table are no resource of anybody.
TAKES_AWAY = re.compile(r"(ec2|rds|redshift|dynamodb|ssm|lambda):(Delete|Deregister|Modify|Terminate|Reset)(?!Item)\w*")
# What AWS makes with tags, and what it asks for beside it when tags come with the call.
MADE = ("ec2:CreateImage", "ec2:CreateSnapshot", "ec2:CreateSnapshots", "rds:CreateDBClusterSnapshot", "rds:CreateDBSnapshot",
        "redshift:CreateClusterSnapshot")
DELETED = ("ec2:DeleteSnapshot", "ec2:DeregisterImage", "rds:DeleteDBClusterSnapshot", "rds:DeleteDBSnapshot",
           "redshift:DeleteClusterSnapshot")


@pytest.fixture(params=["deployment", "member", "forwarding"])
def template(request: pytest.FixtureRequest) -> Template:
    return dict(request.getfixturevalue(request.param))


def test_no_action_has_a_wildcard(template: Template) -> None:
    found = [
        (statement.get("Sid"), action)
        for statement in every(template)
        for action in each(statement.get("Action", "NotAction"))
        if "*" in action or action == "NotAction"
    ]
    # A key whose policy does not hand it to its account cannot be administered by anybody.
    assert [it for it in found if it != ("AccountDecides", "kms:*")] == []


def test_resources_are_named(template: Template) -> None:
    broad = {
        action
        for role in of_type(template, "AWS::IAM::Role")
        for statement in of_role(template, role)
        if "*" in each(statement["Resource"])
        for action in each(statement["Action"])
        if not WITHOUT_RESOURCE.fullmatch(action)
    }
    assert broad == set()


def test_only_the_cleaner_may_delete(template: Template) -> None:
    may = {
        role
        for role in of_type(template, "AWS::IAM::Role")
        if any(TAKES_AWAY.fullmatch(action) for action in allowed(template, role))
    }
    assert may <= {"CleanerRole", "CleanupRole"}


def test_the_cleaner_deletes_what_carries_the_tag_of_the_deployment(deployment: Template, member: Template) -> None:
    for template, role, name in ((deployment, "CleanerRole", "AWS::StackName"), (member, "CleanupRole", "DeploymentName")):
        taking = [it for it in of_role(template, role) if any(TAKES_AWAY.fullmatch(action) for action in each(it["Action"]))]
        conditions = {action: it.get("Condition") for it in taking for action in each(it["Action"])}
        tag = {"StringEquals": {"aws:ResourceTag/cpm:deployment": {"Ref": name}}}
        # Backups of tables have no tags.
        assert conditions == {**dict.fromkeys(DELETED, tag), "dynamodb:DeleteBackup": None}
        (backups,) = [it["Resource"] for it in taking if it["Action"] == "dynamodb:DeleteBackup"]
        assert backups == {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:${AWS::AccountId}:table/*/backup/*"}


def test_what_is_made_carries_the_tag_of_the_deployment(deployment: Template, member: Template) -> None:
    for template, name in ((deployment, "AWS::StackName"), (member, "DeploymentName")):
        made = [it for it in of_role(template, "BackupRole") if re.search(r"(snapshot|image)[/:]\*", json.dumps(it["Resource"]))]
        conditions = {
            action: it["Condition"]["StringEquals"]
            for it in made for action in each(it["Action"]) if ":Describe" not in action
        }
        tag = {"aws:RequestTag/cpm:deployment": {"Ref": name}}
        at_creation = {"ec2:CreateAction": ["CreateImage", "CreateSnapshot", "CreateSnapshots"]}
        tagging = {"ec2:CreateTags": at_creation, "rds:AddTagsToResource": tag, "redshift:CreateTags": tag}
        assert conditions == dict.fromkeys(MADE, tag) | tagging


def test_commands_are_of_the_account_or_named(deployment: Template, member: Template) -> None:
    for template in (deployment, member):
        (statement,) = [it for it in of_role(template, "BackupRole") if "ssm:SendCommand" in each(it["Action"])]
        documents = [arn["Fn::Sub"] for arn in statement["Resource"] if ":document/" in arn["Fn::Sub"]]
        amazons = [arn for arn in documents if ":ssm:*::" in arn]
        assert all(arn.rsplit("/", 1)[1].startswith("AWS") and not arn.endswith("*") for arn in amazons)
        assert set(documents) - set(amazons) == {"arn:${AWS::Partition}:ssm:*:${AWS::AccountId}:document/*"}


def test_functions_that_are_scripts_are_named_by_people_or_by_their_prefix(deployment: Template) -> None:
    may = {
        role: it["Resource"]
        for role in of_type(deployment, "AWS::IAM::Role")
        if role.endswith("Role") and "Machine" not in role and "Schedule" not in role
        for it in of_role(deployment, role)
        if "lambda:InvokeFunction" in each(it["Action"])
    }
    default = "arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:cpm-script-*"
    assert may == {"BackupRole": {"Fn::If": ["NamesScripts", {"Ref": "ScriptFunctions"}, {"Fn::Sub": default}]}}


def test_policies_of_a_role_have_room(deployment: Template, member: Template) -> None:
    """IAM takes 10,240 characters of inline policies a role, white space not counted."""
    for template in (deployment, member):
        for role, properties in of_type(template, "AWS::IAM::Role").items():
            written = json.dumps([policy["PolicyDocument"] for policy in properties.get("Policies", [])])
            # What stands in the place of names of accounts, Regions and stacks is not longer than they are.
            assert len(re.sub(r"\s", "", written)) < 8_000, role


def test_roles_for_cleanup_are_the_cleaners_alone(deployment: Template) -> None:
    for role in of_type(deployment, "AWS::IAM::Role"):
        statements = [it for it in of_role(deployment, role) if each(it["Action"]) == ["sts:AssumeRole"]]
        allows = [it["Resource"]["Fn::Sub"] for it in statements if it["Effect"] == "Allow"]
        denies = [it["Resource"]["Fn::Sub"] for it in statements if it["Effect"] == "Deny"]
        if role == "CleanerRole":
            assert [arn.endswith("-cleanup") for arn in allows] == [True] and not denies
        elif role in ("BackupRole", "TagScannerRole"):
            assert len(allows) == 1 and denies == ["arn:${AWS::Partition}:iam::*:role/*-cleanup"]
        else:
            assert not allows


def test_every_function_has_a_role_of_its_own(deployment: Template) -> None:
    functions = of_type(deployment, "AWS::Serverless::Function")
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions.values()]
    assert len(functions) == 7
    assert roles == [name.replace("Function", "Role") for name in functions]
    for role in roles:
        trust = deployment["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert [it["Principal"] for it in trust] == [{"Service": "lambda.amazonaws.com"}]
        assert deployment["Resources"][role]["Properties"]["Path"] == "/cpm/"


def test_every_function_writes_its_own_log_only(deployment: Template) -> None:
    for name, properties in of_type(deployment, "AWS::Serverless::Function").items():
        group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        assert group == name.replace("Function", "Logs")
        role = properties["Role"]["Fn::GetAtt"][0]
        groups = [it["Resource"] for it in of_role(deployment, role) if "logs:PutLogEvents" in each(it["Action"])]
        assert groups == [{"Fn::GetAtt": [group, "Arn"]}]


def test_indexes_are_read_and_never_scanned(deployment: Template) -> None:
    assert not [it for it in every(deployment) if "dynamodb:Scan" in each(it.get("Action"))]
    indexes = {index["IndexName"] for index in deployment["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"]}
    read = set(re.findall(r"\$\{Table\.Arn\}/index/(\w+)", json.dumps(deployment)))
    assert read == indexes


def test_a_member_account_allows_what_the_deployments_own_roles_allow(deployment: Template, member: Template) -> None:
    def resources(template: Template, *roles: str) -> dict[str, set[str]]:
        """Actions on what is backed up, each with what it is allowed on and when."""
        found: dict[str, set[str]] = {}
        for statement in (it for role in roles for it in of_role(template, role)):
            scope = json.dumps([statement["Resource"], statement.get("Condition")]).replace(
                "AWS::StackName", "DeploymentName"
            )
            # The suite's own table is in its own account.
            if '"Table' not in scope and "${Table." not in scope:
                for action in each(statement["Action"]):
                    if action.startswith(("ec2:", "rds:", "redshift:", "dynamodb:", "ssm:", "tag:")):
                        found.setdefault(action, set()).add(scope)
        return found

    assert resources(member, "BackupRole") == resources(deployment, "BackupRole", "TagScannerRole")
    assert resources(member, "CleanupRole") == resources(deployment, "CleanerRole")


def test_a_member_account_trusts_roles_that_the_deployment_has(deployment: Template, member: Template) -> None:
    def trusted(role: str) -> set[str]:
        (statement,) = member["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"]["StringEquals"]["Fn::If"][1] == {"sts:ExternalId": {"Ref": "ExternalId"}}
        arns: Any = each(statement["Condition"]["ArnLike"]["aws:PrincipalArn"])
        pattern = r"arn:\$\{AWS::Partition\}:iam::\$\{DeploymentAccount\}:role/cpm/\$\{DeploymentName\}-(\w+)-\*"
        return {re.fullmatch(pattern, arn["Fn::Sub"])[1] for arn in arns}  # type: ignore[index]

    assert trusted("BackupRole") == {"BackupRole", "TagScannerRole"}
    assert trusted("CleanupRole") == {"CleanerRole"}
    assert trusted("BackupRole") | trusted("CleanupRole") <= set(of_type(deployment, "AWS::IAM::Role"))
