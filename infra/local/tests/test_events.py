"""EBS and tag events, in AWS's shapes, through EventBridge's rules."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import HOME, MEMBER, Cloud, Inbox, launch, wait_for

EBS = {"source": ["aws.ec2"], "detail-type": ["EBS Multi-Volume Snapshots Completion Status", "EBS Snapshot Notification"]}


def test_one_event_for_a_set(cloud: Cloud, ec2: Any) -> None:
    inbox = Inbox(cloud, EBS)
    cloud.control("POST", "config", {"snapshot_seconds": 0.2})
    instance, volumes = launch(ec2, 2)
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": instance})["Snapshots"]
    assert inbox.events() == []
    (event,) = wait_for(lambda: inbox.about(made[0]["SnapshotId"]))
    assert event["detail-type"] == "EBS Multi-Volume Snapshots Completion Status"
    assert (event["account"], event["region"], event["version"]) == (HOME, "us-east-1", "0")
    detail = event["detail"]
    assert (detail["event"], detail["result"], detail["cause"]) == ("createSnapshots", "succeeded", "")
    assert {entry["snapshot_id"] for entry in detail["snapshots"]} == set(event["resources"]) == {
        f"arn:aws:ec2::us-east-1:snapshot/{snapshot['SnapshotId']}" for snapshot in made
    }
    assert {entry["source"] for entry in detail["snapshots"]} == {f"arn:aws:ec2::us-east-1:volume/{v}" for v in volumes}
    assert {entry["status"] for entry in detail["snapshots"]} == {"completed"}


def test_a_failed_set(cloud: Cloud, ec2: Any) -> None:
    inbox = Inbox(cloud, {**EBS, "detail": {"result": ["failed"]}})
    cloud.control("POST", "config", {"snapshot_seconds": 0.1})
    cloud.control("POST", "faults", {"action": "ec2:CreateSnapshots", "effect": "snapshot_error"})
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": launch(ec2, 2)[0]})["Snapshots"]
    (event,) = wait_for(lambda: inbox.about(made[1]["SnapshotId"]))
    assert event["detail"]["cause"] == f"Snapshot {made[0]['SnapshotId']} is in status error"
    assert {entry["status"] for entry in event["detail"]["snapshots"]} == {"error"}


@pytest.mark.parametrize(("account", "region"), [(HOME, "us-east-1"), (HOME, "eu-west-1"), (MEMBER, "us-east-1")])
def test_one_snapshot_of_any_account_and_region(cloud: Cloud, account: str, region: str) -> None:
    inbox = Inbox(cloud, {**EBS, "detail": {"event": ["createSnapshot"]}})
    cloud.control("POST", "config", {"snapshot_seconds": 0.1})
    ec2 = cloud.client("ec2", account, region)
    _, (volume,) = launch(ec2)
    made = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    (event,) = wait_for(lambda: inbox.about(made))
    assert (event["account"], event["region"]) == (account, region)
    detail = event["detail"]
    assert detail["snapshot_id"] == f"arn:aws:ec2::{region}:snapshot/{made}"
    assert detail["source"] == f"arn:aws:ec2::{region}:volume/{volume}"
    assert detail["result"] == "succeeded" and detail["startTime"] <= detail["endTime"]


def test_lost_and_doubled_events(cloud: Cloud, ec2: Any) -> None:
    inbox = Inbox(cloud, EBS)
    _, (volume,) = launch(ec2)
    cloud.control("POST", "config", {"snapshot_seconds": 0.05, "events": "drop", "volume_interval": 0})
    lost = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    wait_for(lambda: ec2.describe_snapshots(SnapshotIds=[lost])["Snapshots"][0]["State"] == "completed")
    cloud.control("POST", "config", {"events": "twice"})
    twice = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    wait_for(lambda: len(inbox.about(twice)) == 2)
    assert inbox.about(lost) == []


def test_tag_changes(cloud: Cloud, ec2: Any) -> None:
    inbox = Inbox(cloud, {"source": ["aws.tag"], "detail-type": ["Tag Change on Resource"],
                          "detail": {"service": ["ec2"], "changed-tag-keys": ["cpm backup"]}})
    instance, (volume,) = launch(ec2, tags={"cpm backup": "daily", "x": "y"})
    (event,) = wait_for(lambda: inbox.about(instance))
    assert event["resources"] == [f"arn:aws:ec2:us-east-1:{HOME}:instance/{instance}"]
    assert event["detail"]["resource-type"] == "instance" and event["detail"]["version"] == 1
    assert event["detail"]["changed-tag-keys"] == ["cpm backup", "x"]
    assert event["detail"]["tags"] == {"cpm backup": "daily", "x": "y"}
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "other", "Value": "1"}])
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "cpm backup", "Value": "daily"}])  # no change, no event
    ec2.delete_tags(Resources=[instance], Tags=[{"Key": "cpm backup"}])
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "cpm backup", "Value": "weekly"}])
    wait_for(lambda: inbox.about(volume))
    assert [e["detail"]["tags"].get("cpm backup") for e in inbox.about(instance)] == ["daily", None]
    made = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=[
        {"ResourceType": "volume", "Tags": [{"Key": "cpm backup", "Value": "v"}]}])["VolumeId"]
    assert wait_for(lambda: inbox.about(made))[0]["detail"]["resource-type"] == "volume"


def test_put_events_refuses_aws_sources(cloud: Cloud) -> None:
    answer = cloud.client("events").put_events(Entries=[{"Source": "aws.ec2", "DetailType": "x", "Detail": "{}"}])
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
