"""Volumes of snapshots are made, attached and deleted as on AWS; snapshots are shared among accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import HOME, MEMBER, Cloud, launch, wait_for
from made import instance, name, plain, refused, snapshot, snapshots, tagged, volume

ZONE = "us-east-1a"


@pytest.fixture(autouse=True)
def quick(cloud: Cloud) -> Iterator[None]:
    cloud.control("POST", "config", {"snapshot_seconds": 0.1, "volume_seconds": 0.3, "attach_seconds": 0.3})
    yield


def available(ec2: Any, made: str) -> dict[str, Any]:
    return dict(wait_for(lambda: found if (found := volume(ec2, made))["State"] == "available" else None))


def test_a_volume_remembers_its_snapshot(ec2: Any) -> None:
    (of,) = snapshots(ec2)
    token = name("token")
    given = {
        "AvailabilityZone": ZONE, "SnapshotId": of, "Size": 12, "VolumeType": "gp3", "Iops": 5000, "Throughput": 300,
        "TagSpecifications": tagged("volume", Name="data"), "ClientToken": token,
    }
    made = ec2.create_volume(**given)
    assert (made["State"], made["SnapshotId"]) == ("creating", of)
    assert ec2.create_volume(**given)["VolumeId"] == made["VolumeId"], "a token makes one volume"
    refused("IncorrectState", ec2.delete_volume, VolumeId=made["VolumeId"])
    seen = available(ec2, made["VolumeId"])
    assert (seen["Size"], seen["VolumeType"], seen["Iops"], seen["Throughput"]) == (12, "gp3", 5000, 300)
    assert (seen["SnapshotId"], plain(seen)) == (of, {"Name": "data"})
    assert ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=of)["Size"] == 8


@pytest.mark.parametrize(("code", "given"), [
    ("InvalidParameterValue", {"Size": 4}),
    ("InvalidZone.NotFound", {"AvailabilityZone": "us-east-1q"}),
    ("InvalidSnapshot.NotFound", {"SnapshotId": "snap-0123456789abcdef0"}),
    ("InvalidParameterValue", {"VolumeType": "gp9"}),
    ("InvalidParameterCombination", {"VolumeType": "gp2", "Iops": 3000}),
    ("InvalidParameterCombination", {"VolumeType": "io2", "Iops": 300, "Throughput": 125}),
    ("MissingParameter", {"VolumeType": "io1"}),
    ("InvalidParameterValue", {"VolumeType": "io1", "Iops": 1000}),
    ("InvalidParameterValue", {"VolumeType": "gp3", "Iops": 5000}),
    ("InvalidParameterValue", {"VolumeType": "gp3", "Throughput": 1000}),
    ("InvalidParameterValue", {"VolumeType": "gp3", "Iops": 100}),
    ("InvalidParameterValue", {"VolumeType": "st1"}),
    ("InvalidParameterDependency", {"KmsKeyId": "alias/mine"}),
    ("InvalidParameterValue", {"TagSpecifications": tagged("instance", a="b")}),
])
def test_volumes_that_are_refused(ec2: Any, code: str, given: dict[str, Any]) -> None:
    (of,) = snapshots(ec2)
    before = len(ec2.describe_volumes()["Volumes"])
    refused(code, ec2.create_volume, **{"AvailabilityZone": ZONE, "SnapshotId": of, **given})
    assert len(ec2.describe_volumes()["Volumes"]) == before


def test_a_snapshot_under_way_makes_no_volume(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"snapshot_seconds": 1})
    pending = ec2.create_snapshot(VolumeId=launch(ec2)[1][0])["SnapshotId"]
    refused("IncorrectState", ec2.create_volume, AvailabilityZone=ZONE, SnapshotId=pending)


def test_a_key_that_is_disabled_makes_a_volume_end_in_error(cloud: Cloud, ec2: Any) -> None:
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    of = snapshot(ec2, ec2.create_volume(
        AvailabilityZone=ZONE, Size=8, Encrypted=True, KmsKeyId=key["Arn"])["VolumeId"])
    kms.disable_key(KeyId=key["KeyId"])
    made = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=of)
    assert (made["State"], made["Encrypted"], made["KmsKeyId"]) == ("creating", True, key["Arn"])
    wait_for(lambda: volume(ec2, made["VolumeId"])["State"] == "error")
    refused("IncorrectState", ec2.attach_volume, VolumeId=made["VolumeId"], InstanceId=launch(ec2)[0], Device="/dev/sdf")
    ec2.delete_volume(VolumeId=made["VolumeId"])
    (plain_one,) = snapshots(ec2)
    other = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=plain_one, Encrypted=True, KmsKeyId="arn:aws:kms:us-east-1:1:key/no")
    wait_for(lambda: volume(ec2, other["VolumeId"])["State"] == "error")


def test_a_volume_that_fails(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "faults", {"action": "ec2:CreateVolume", "effect": "volume_error"})
    (of,) = snapshots(ec2)
    made = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=of)["VolumeId"]
    wait_for(lambda: volume(ec2, made)["State"] == "error")


def test_a_volume_is_attached_where_a_device_is_free(ec2: Any) -> None:
    machine, (root, data) = launch(ec2, 2)
    made = available(ec2, ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot(ec2, data))["VolumeId"])["VolumeId"]
    elsewhere = ec2.create_volume(AvailabilityZone="us-east-1b", Size=8)["VolumeId"]
    refused("InvalidVolume.ZoneMismatch", ec2.attach_volume, VolumeId=elsewhere, InstanceId=machine, Device="/dev/sdf")
    refused("VolumeInUse", ec2.attach_volume, VolumeId=data, InstanceId=machine, Device="/dev/sdf")
    refused("InvalidParameterValue", ec2.attach_volume, "already in use", VolumeId=made, InstanceId=machine, Device="/dev/sdb")
    assert ec2.attach_volume(VolumeId=made, InstanceId=machine, Device="/dev/sdf")["State"] == "attaching"
    assert volume(ec2, made)["Attachments"][0]["State"] == "attaching"
    wait_for(lambda: volume(ec2, made)["Attachments"][0]["State"] == "attached")
    mapped = {it["DeviceName"]: it["Ebs"] for it in instance(ec2, machine)["BlockDeviceMappings"]}
    assert mapped["/dev/sdf"]["VolumeId"] == made and mapped["/dev/sdf"]["DeleteOnTermination"] is False
    refused("OperationNotPermitted", ec2.detach_volume, VolumeId=root)
    refused("VolumeInUse", ec2.delete_volume, VolumeId=made)


def test_a_volume_is_switched_on_a_stopped_instance(ec2: Any) -> None:
    machine, (root, _) = launch(ec2, 2)
    new = available(ec2, ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot(ec2, root))["VolumeId"])["VolumeId"]
    ec2.stop_instances(InstanceIds=[machine])
    refused("InvalidAttachment.NotFound", ec2.detach_volume, VolumeId=root, InstanceId=launch(ec2)[0])
    assert ec2.detach_volume(VolumeId=root)["State"] == "detaching"
    refused("IncorrectState", ec2.detach_volume, "detaching", VolumeId=root)
    assert volume(ec2, root)["State"] == "in-use"
    refused("InvalidParameterValue", ec2.attach_volume, VolumeId=new, InstanceId=machine, Device="/dev/sda1")
    available(ec2, root)
    refused("IncorrectState", ec2.detach_volume, VolumeId=root)
    ec2.attach_volume(VolumeId=new, InstanceId=machine, Device="/dev/sda1")
    wait_for(lambda: volume(ec2, new)["Attachments"][0]["State"] == "attached")
    ec2.delete_volume(VolumeId=root)


# ---- another account


def test_a_snapshot_is_seen_and_restored_where_it_is_shared(cloud: Cloud, ec2: Any) -> None:
    theirs = cloud.client("ec2", MEMBER)
    of = snapshot(ec2, launch(ec2)[1][0])
    ec2.create_tags(Resources=[of], Tags=[{"Key": "cpm:deployment", "Value": "cpm"}])
    refused("InvalidSnapshot.NotFound", theirs.describe_snapshots, SnapshotIds=[of])
    refused("InvalidSnapshot.NotFound", theirs.create_volume, AvailabilityZone=ZONE, SnapshotId=of)
    ec2.modify_snapshot_attribute(SnapshotId=of, Attribute="createVolumePermission", OperationType="add", UserIds=[MEMBER])
    seen = theirs.describe_snapshots(SnapshotIds=[of])["Snapshots"][0]
    assert seen["OwnerId"] == HOME and not seen.get("Tags"), "tags are not shared"
    assert of not in {it["SnapshotId"] for it in theirs.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert of in {it["SnapshotId"] for it in theirs.describe_snapshots(RestorableByUserIds=["self"])["Snapshots"]}
    made = theirs.create_volume(AvailabilityZone=ZONE, SnapshotId=of)["VolumeId"]
    assert available(theirs, made)["SnapshotId"] == of
    refused("InvalidSnapshot.NotFound", theirs.delete_snapshot, SnapshotId=of)
    ec2.modify_snapshot_attribute(SnapshotId=of, CreateVolumePermission={"Remove": [{"UserId": MEMBER}]})
    refused("InvalidSnapshot.NotFound", theirs.create_volume, AvailabilityZone=ZONE, SnapshotId=of)
    shown = ec2.describe_snapshot_attribute(SnapshotId=of, Attribute="createVolumePermission")
    assert shown["CreateVolumePermissions"] == []


def test_what_cannot_be_shared(ec2: Any) -> None:
    encrypted = snapshot(ec2, ec2.create_volume(AvailabilityZone=ZONE, Size=8, Encrypted=True)["VolumeId"])
    given: dict[str, Any] = {"Attribute": "createVolumePermission", "OperationType": "add"}
    refused("OperationNotPermitted", ec2.modify_snapshot_attribute, SnapshotId=encrypted, UserIds=[MEMBER], **given)
    (of,) = snapshots(ec2)
    refused("InvalidParameterValue", ec2.modify_snapshot_attribute, SnapshotId=of, UserIds=["1"], **given)
    refused("InvalidSnapshot.NotFound", ec2.modify_snapshot_attribute, SnapshotId="snap-0123456789abcdef0", UserIds=[MEMBER], **given)
