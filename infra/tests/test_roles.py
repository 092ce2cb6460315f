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
# What takes away what is there. Items of the suite's own table are no resource of anybody.
TAKES_AWAY = re.compile(r"(ec2|rds|redshift|dynamodb|ssm|lambda):(Delete|Deregister|Terminate|Reset|Stop|Reboot)(?!Item)\w*")
# What makes or changes something other than copies.
LAUNCHES = re.compile(
    r"ec2:(Run|Register|CreateVolume|Attach|Detach|Associate|Modify)\w*|rds:(Restore|Modify|CreateDB(Instance|Cluster)$)\w*"
    r"|redshift:(Restore|Modify|CreateCluster$|Authorize|Revoke)\w*|dynamodb:(Restore|Update)Table\w*|iam:PassRole"
)
# What AWS makes with tags, and what it asks for beside it when tags come with the call.
MADE = ("ec2:CreateImage", "ec2:CreateSnapshot", "ec2:CreateSnapshots", "rds:CreateDBClusterSnapshot", "rds:CreateDBSnapshot",
        "redshift:CreateClusterSnapshot")
DELETED = ("ec2:DeleteSnapshot", "ec2:DeregisterImage", "rds:DeleteDBClusterSnapshot", "rds:DeleteDBSnapshot",
           "redshift:DeleteClusterSnapshot")
REMOVED = ("dynamodb:DeleteTable", "ec2:DeleteVolume", "ec2:TerminateInstances", "rds:DeleteDBCluster",
           "rds:DeleteDBInstance", "redshift:DeleteCluster")
# What a restore into a table takes, by AWS's reference.
FILLS_TABLES = {f"dynamodb:{name}" for name in ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")}


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
        taking = [
            it for it in of_role(template, role)
            if it["Effect"] == "Allow" and any(TAKES_AWAY.fullmatch(action) for action in each(it["Action"]))
        ]
        conditions: dict[str, list[Any]] = {}
        for statement in taking:
            for action in each(statement["Action"]):
                conditions.setdefault(action, []).append(statement.get("Condition"))
        tag = {"StringEquals": {"aws:ResourceTag/cpm:deployment": {"Ref": name}}}
        # A deployment's tag alone does not do: what recoveries made runs, and somebody may use it.
        made = {**tag, "Null": {"aws:ResourceTag/cpm:recovery": "false"}}
        replaced = {**tag, "Null": {"aws:ResourceTag/cpm:replaced-by": "false"}}
        # Backups of tables have no tags.
        assert conditions == {
            **dict.fromkeys(DELETED, [tag]), **dict.fromkeys(REMOVED, [made]), "ec2:DeleteVolume": [made, replaced],
            "dynamodb:DeleteBackup": [None],
        }
        (backups,) = [it["Resource"] for it in taking if it["Action"] == "dynamodb:DeleteBackup"]
        assert backups == {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:${AWS::AccountId}:table/*/backup/*"}
    denied = [it for it in of_role(deployment, "CleanerRole") if it["Effect"] == "Deny"]
    assert [(it["Action"], it["Resource"]) for it in denied] == [("dynamodb:DeleteTable", {"Fn::GetAtt": ["Table", "Arn"]})]


def test_only_the_recoverer_may_launch(template: Template) -> None:
    may = {
        role: {action for action in allowed(template, role) if LAUNCHES.fullmatch(action)}
        for role in of_type(template, "AWS::IAM::Role")
    }
    # A volume that a recovery made and attached is taken off before it is deleted.
    cleaners = [may.pop(role, set()) for role in ("CleanerRole", "CleanupRole")]
    assert all(actions <= {"ec2:DetachVolume"} for actions in cleaners)
    assert {role for role, actions in may.items() if actions} <= {"RecovererRole", "RecoveryRole"}


def test_what_is_launched_carries_the_tag_of_the_deployment(deployment: Template, member: Template) -> None:
    kinds = {
        "ec2:CreateVolume": ":volume/*", "ec2:RegisterImage": ":image/*", "ec2:RunInstances": ":instance/*",
        "rds:CreateDBInstance": ":db:*", "rds:RestoreDBClusterFromSnapshot": ":cluster:*",
        "rds:RestoreDBInstanceFromDBSnapshot": ":db:*",
    }
    for template, role, name in ((deployment, "RecovererRole", "AWS::StackName"), (member, "RecoveryRole", "DeploymentName")):
        request = {"StringEquals": {"aws:RequestTag/cpm:deployment": {"Ref": name}}}
        resource = {"StringEquals": {"aws:ResourceTag/cpm:deployment": {"Ref": name}}}
        statements = of_role(template, role)
        for action, kind in kinds.items():
            held = [
                it.get("Condition") for it in statements
                if action in each(it["Action"]) and any(arn["Fn::Sub"].endswith(kind) for arn in each(it["Resource"]))
            ]
            # An image is launched from as well, and a member is put into a cluster of ours.
            spare = {"ec2:RunInstances": [], "rds:CreateDBInstance": [resource]}.get(action, [])
            assert held == [request, *spare], action
        for action in ("rds:ModifyDBCluster", "rds:ModifyDBInstance", "dynamodb:UpdateTable", "ec2:ModifyImageAttribute",
                       "ec2:ModifySnapshotAttribute", "rds:ModifyDBSnapshotAttribute", "rds:ModifyDBClusterSnapshotAttribute",
                       "redshift:AuthorizeSnapshotAccess", "redshift:RevokeSnapshotAccess"):
            assert [it.get("Condition") for it in statements if action in each(it["Action"])] == [resource], action
        (passing,) = [it for it in statements if "iam:PassRole" in each(it["Action"])]
        services = passing["Condition"]["StringEquals"]["iam:PassedToService"]
        assert services == [{"Fn::Sub": "ec2.${AWS::URLSuffix}"}, "redshift.amazonaws.com"]
        (grants,) = [it for it in statements if "kms:CreateGrant" in each(it["Action"])]
        assert grants["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_a_foreign_volume_gets_no_tag_but_the_mark(deployment: Template, member: Template) -> None:
    for template, role in ((deployment, "RecovererRole"), (member, "RecoveryRole")):
        tagging = [it["Condition"] for it in of_role(template, role) if "ec2:CreateTags" in each(it["Action"])]
        foreign = [it for it in tagging if "aws:TagKeys" in it.get("ForAllValues:StringEquals", {})]
        assert len(tagging) == 3 and [it["Null"] for it in foreign] == [{"aws:RequestTag/cpm:replaced-by": "false"}]
        assert foreign[0]["ForAllValues:StringEquals"]["aws:TagKeys"] == ["cpm:deployment", "cpm:owner", "cpm:replaced-by"]
        others = [it for it in tagging if it not in foreign]
        assert all("ec2:CreateAction" in it["StringEquals"] or "aws:ResourceTag/cpm:recovery" in it["Null"] for it in others)


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
        of_scripts = {"AWS-RunPowerShellScript", "AWS-RunShellScript"}
        expected = {"BackupRole": of_scripts | {"AWSEC2-VssInstallAndSnapshot"}, "RecovererRole": of_scripts, "RecoveryRole": of_scripts}
        for role in of_type(template, "AWS::IAM::Role"):
            statements = [it for it in of_role(template, role) if "ssm:SendCommand" in each(it["Action"])]
            assert len(statements) == (role in expected), role
            for statement in statements:
                documents = {arn["Fn::Sub"] for arn in statement["Resource"] if ":document/" in arn["Fn::Sub"]}
                amazons = {arn for arn in documents if ":ssm:*::" in arn}
                assert {arn.rsplit("/", 1)[1] for arn in amazons} == expected[role]
                assert documents - amazons == {"arn:${AWS::Partition}:ssm:*:${AWS::AccountId}:document/*"}


def test_functions_that_are_scripts_are_named_by_people_or_by_their_prefix(deployment: Template) -> None:
    may = {
        role: it["Resource"]
        for role in of_type(deployment, "AWS::IAM::Role")
        if role.endswith("Role") and "Machine" not in role and "Schedule" not in role
        for it in of_role(deployment, role)
        if "lambda:InvokeFunction" in each(it["Action"])
    }
    default = "arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:cpm-script-*"
    assert may == {
        "BackupRole": {"Fn::If": ["NamesScripts", {"Ref": "ScriptFunctions"}, {"Fn::Sub": default}]},
        # Of the suite's own it asks what a plan comes to.
        "ApiRole": {"Fn::GetAtt": ["RecovererFunction", "Arn"]},
    }


def test_policies_of_a_role_have_room(deployment: Template, member: Template) -> None:
    """IAM takes 10,240 characters of inline policies a role, white space not counted."""
    for template in (deployment, member):
        for role, properties in of_type(template, "AWS::IAM::Role").items():
            written = json.dumps([policy["PolicyDocument"] for policy in properties.get("Policies", [])])
            # What stands in the place of names of accounts, Regions and stacks is not longer than they are.
            assert len(re.sub(r"\s", "", written)) < 9_500, role


def test_roles_of_other_accounts_are_assumed_by_whom_they_are_for(deployment: Template) -> None:
    everything = "arn:${AWS::Partition}:iam::*:role/"
    backups, single = everything + "${MemberRoleNamePattern}", everything + "${RecoveryRoleNamePattern}"
    expected = {
        "BackupRole": ([backups], [everything + "*-cleanup", everything + "*-recovery"]),
        "TagScannerRole": ([backups], [everything + "*-cleanup", everything + "*-recovery"]),
        "CleanerRole": ([f"{backups}-cleanup"], []),
        "RecovererRole": ([f"{backups}-recovery", single], [everything + "*-cleanup"]),
        "ApiRole": ([f"{backups}-reader"], []),
    }
    for role in of_type(deployment, "AWS::IAM::Role"):
        statements = [it for it in of_role(deployment, role) if each(it["Action"]) == ["sts:AssumeRole"]]
        found = {
            effect: [arn["Fn::Sub"] for it in statements if it["Effect"] == effect for arn in each(it["Resource"])]
            for effect in ("Allow", "Deny")
        }
        assert (found["Allow"], found["Deny"]) == expected.get(role, ([], [])), role
        # Only in the accounts that are named, and, for single recoveries, in the deployment's own.
        for it in (it for it in statements if it["Effect"] == "Allow"):
            assert it["Condition"]["Fn::If"][0] == "HasMembers"
            assert "aws:ResourceAccount" in it["Condition"]["Fn::If"][1]["StringEquals"]


def test_every_function_has_a_role_of_its_own(deployment: Template) -> None:
    functions = of_type(deployment, "AWS::Serverless::Function")
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions.values()]
    assert len(functions) == 8
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
    # A restore of a table asks for it; nothing of the suite's does.
    scanning = [it for it in every(deployment) if "dynamodb:Scan" in each(it.get("Action"))]
    assert all(FILLS_TABLES <= set(it["Action"]) for it in scanning) and len(scanning) == 1
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
            if '"Table' not in scope and "${Table." not in scope and '"MakeKey"' not in scope:
                for action in each(statement["Action"]):
                    if action.startswith(("ec2:", "rds:", "redshift:", "dynamodb:", "ssm:", "tag:", "kms:", "iam:")):
                        found.setdefault(action, set()).add(scope)
        return found

    assert resources(member, "BackupRole") == resources(deployment, "BackupRole", "TagScannerRole")
    assert resources(member, "CleanupRole") == resources(deployment, "CleanerRole")
    assert resources(member, "RecoveryRole") == resources(deployment, "RecovererRole")
    assert resources(member, "ReaderRole") == resources(deployment, "ApiRole")


def test_a_member_account_trusts_roles_that_the_deployment_has(deployment: Template, member: Template) -> None:
    def trusted(role: str) -> set[str]:
        (statement,) = member["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"]["StringEquals"]["Fn::If"][1] == {"sts:ExternalId": {"Ref": "ExternalId"}}
        arns: Any = each(statement["Condition"]["ArnLike"]["aws:PrincipalArn"])
        pattern = r"arn:\$\{AWS::Partition\}:iam::\$\{DeploymentAccount\}:role/cpm/\$\{DeploymentName\}-(\w+)-\*"
        return {re.fullmatch(pattern, arn["Fn::Sub"])[1] for arn in arns}  # type: ignore[index]

    assert trusted("BackupRole") == {"BackupRole", "TagScannerRole"}
    assert trusted("CleanupRole") == {"CleanerRole"}
    assert trusted("RecoveryRole") == {"RecovererRole"}
    assert trusted("ReaderRole") == {"ApiRole"}
    every_one = {trusted(role).pop() for role in of_type(member, "AWS::IAM::Role")}
    assert every_one <= set(of_type(deployment, "AWS::IAM::Role"))
    # The longest suffix must fit into 64 characters.
    for template, parameter in ((member, "RoleName"), (deployment, "MemberRoleNamePattern")):
        pattern = re.compile(template["Parameters"][parameter]["AllowedPattern"])
        assert pattern.fullmatch("r" * 55) and not pattern.fullmatch("r" * 56) and 55 + len("-recovery") == 64
