"""Roles bind on both planes; accounts are entered by AssumeRole only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, MEMBER, Cloud, launch

SNAPSHOT = "arn:aws:ec2:*::snapshot/*"


def allow(*actions: str, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def deployment(value: str) -> list[dict[str, Any]]:
    return [{"ResourceType": "snapshot", "Tags": [{"Key": "cpm:deployment", "Value": value}]}]


def test_a_role_may_what_its_policy_says(cloud: Cloud, ec2: Any) -> None:
    arn = cloud.role("reader", [allow("ec2:DescribeInstances")])
    reader = cloud.client("ec2", credentials=cloud.assume(arn))
    reader.describe_instances()
    with pytest.raises(ClientError) as error:
        reader.describe_volumes()
    assert error.value.response["Error"]["Code"] == "UnauthorizedOperation"
    who = f"User: arn:aws:sts::{HOME}:assumed-role/reader/test"
    assert f"{who} is not authorized to perform: ec2:DescribeVolumes" in str(error.value)


def test_tags_in_the_request(cloud: Cloud, ec2: Any) -> None:
    arn = cloud.role("backup", [
        allow("ec2:CreateSnapshots", resource=["arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:volume/*"]),
        allow("ec2:CreateSnapshots", resource=SNAPSHOT, StringEquals={"aws:RequestTag/cpm:deployment": "t"}),
        allow("ec2:CreateTags", resource=SNAPSHOT, StringEquals={"ec2:CreateAction": "CreateSnapshots"}),
    ])
    backup = cloud.client("ec2", credentials=cloud.assume(arn))
    instance, _ = launch(ec2, 2)
    spec = {"InstanceId": instance}
    for tags in (deployment("other"), []):
        with pytest.raises(ClientError, match="ec2:CreateSnapshots on resource: arn:aws:ec2:us-east-1::snapshot/\\*"):
            backup.create_snapshots(InstanceSpecification=spec, TagSpecifications=tags)
    made = backup.create_snapshots(InstanceSpecification=spec, TagSpecifications=deployment("t"))["Snapshots"]
    with pytest.raises(ClientError, match="ec2:CreateTags"):
        backup.create_tags(Resources=[made[0]["SnapshotId"]], Tags=[{"Key": "a", "Value": "b"}])


def test_tags_at_creation_are_a_permission_of_their_own(cloud: Cloud, ec2: Any) -> None:
    arn = cloud.role("untagged", [allow("ec2:CreateSnapshot")])
    maker = cloud.client("ec2", credentials=cloud.assume(arn))
    _, (volume,) = launch(ec2)
    with pytest.raises(ClientError, match="not authorized to perform: ec2:CreateTags on resource"):
        maker.create_snapshot(VolumeId=volume, TagSpecifications=deployment("t"))
    maker.create_snapshot(VolumeId=volume)


def test_tags_of_the_resource(cloud: Cloud, ec2: Any) -> None:
    arn = cloud.role("cleaner", [
        allow("ec2:DeleteSnapshot", resource=SNAPSHOT, StringEquals={"aws:ResourceTag/cpm:deployment": "t"}),
    ])
    cleaner = cloud.client("ec2", credentials=cloud.assume(arn))
    cloud.control("POST", "config", {"volume_interval": 0})
    _, (volume,) = launch(ec2)
    ours = ec2.create_snapshot(VolumeId=volume, TagSpecifications=deployment("t"))["SnapshotId"]
    foreign = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    cleaner.delete_snapshot(SnapshotId=ours)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        cleaner.delete_snapshot(SnapshotId=foreign)


def test_into_another_account_with_its_external_id(cloud: Cloud) -> None:
    trust = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
              "Condition": {"StringEquals": {"sts:ExternalId": "secret"}}}]
    arn = cloud.role("cpm-backup", [allow("ec2:Describe*")], MEMBER, trust)
    for wrong in ({}, {"ExternalId": "wrong"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            cloud.assume(arn, **wrong)
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.assume(f"arn:aws:iam::{MEMBER}:role/missing", ExternalId="secret")
    inside = cloud.client("ec2", credentials=cloud.assume(arn, ExternalId="secret"))
    instance, _ = launch(cloud.client("ec2", MEMBER))
    found = inside.describe_instances(InstanceIds=[instance])["Reservations"][0]
    assert found["OwnerId"] == MEMBER


def test_a_role_with_a_path_is_trusted_by_its_arn(cloud: Cloud) -> None:
    cloud.client("iam").create_role(
        RoleName="cpm-BackupRole-1", Path="/cpm/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}}]}),
    )
    cloud.client("iam").put_role_policy(
        RoleName="cpm-BackupRole-1", PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("sts:AssumeRole")]}),
    )
    sts = cloud.client("sts", credentials=cloud.assume(f"arn:aws:iam::{HOME}:role/cpm/cpm-BackupRole-1"))
    trusted = {"cpm-trusting": "role/cpm/cpm-BackupRole-*", "cpm-distrusting": "role/cpm-BackupRole-*"}
    for name, pattern in trusted.items():
        trusted[name] = cloud.role(name, [allow("ec2:DescribeVolumes")], MEMBER, [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
             "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HOME}:{pattern}"}}}])
    sts.assume_role(RoleArn=trusted["cpm-trusting"], RoleSessionName="test")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=trusted["cpm-distrusting"], RoleSessionName="test")


def test_unknown_keys_are_refused(cloud: Cloud) -> None:
    nobody = {"AccessKeyId": "ASIA0123456789ABCDEF", "SecretAccessKey": "x", "SessionToken": "y"}
    with pytest.raises(ClientError, match="AuthFailure"):
        cloud.client("ec2", credentials=nobody).describe_instances()
