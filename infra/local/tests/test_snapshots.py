"""CreateSnapshot and CreateSnapshots behave as on AWS."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import Cloud, launch, wait_for


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def state(ec2: Any, snapshot: str) -> str:
    return str(ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"])


def tagged(**tags: str) -> list[dict[str, Any]]:
    return [{"ResourceType": "snapshot", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def test_a_snapshot_is_pending_then_completed(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"snapshot_seconds": 0.6})
    _, (volume,) = launch(ec2)
    made = ec2.create_snapshot(VolumeId=volume, TagSpecifications=tagged(a="b"))
    assert made["State"] == "pending"
    seen = ec2.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"][0]
    assert seen["State"] == "pending" and seen["Progress"].endswith("%") and seen["Progress"] != "100%"
    assert seen["Tags"] == [{"Key": "a", "Value": "b"}]
    began = time.monotonic()
    wait_for(lambda: state(ec2, made["SnapshotId"]) == "completed")
    assert time.monotonic() - began > 0.3
    assert ec2.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"][0]["Progress"] == "100%"


def test_create_snapshot_does_not_copy_tags(ec2: Any) -> None:
    _, (volume,) = launch(ec2)
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "own", "Value": "1"}])
    made = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    assert ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0].get("Tags", []) == []


def test_unknown_volume_and_instance(ec2: Any) -> None:
    with pytest.raises(ClientError) as error:
        ec2.create_snapshot(VolumeId="vol-0123456789abcdef0")
    assert code(error) == "InvalidVolume.NotFound"
    with pytest.raises(ClientError) as error:
        ec2.create_snapshots(InstanceSpecification={"InstanceId": "i-0123456789abcdef0"})
    assert code(error) == "InvalidInstanceID.NotFound"


def test_all_volumes_with_their_tags_and_ours_win(ec2: Any) -> None:
    instance, volumes = launch(ec2, 3)
    ec2.create_tags(Resources=volumes, Tags=[{"Key": "shared", "Value": "volume"}, {"Key": "Name", "Value": "disk"}])
    made = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": instance}, CopyTagsFromSource="volume",
        TagSpecifications=tagged(shared="ours", unit="u"),
    )["Snapshots"]
    assert sorted(snapshot["VolumeId"] for snapshot in made) == sorted(volumes)
    for snapshot in made:
        assert snapshot["State"] == "pending"
        assert {tag["Key"]: tag["Value"] for tag in snapshot["Tags"]} == {"shared": "ours", "Name": "disk", "unit": "u"}


@pytest.mark.parametrize(("boot", "data", "left"), [(True, [], [1, 2]), (False, [1], [0, 2]), (True, [2], [1])])
def test_exclusions(ec2: Any, boot: bool, data: list[int], left: list[int]) -> None:
    instance, volumes = launch(ec2, 3)
    made = ec2.create_snapshots(InstanceSpecification={
        "InstanceId": instance, "ExcludeBootVolume": boot, "ExcludeDataVolumeIds": [volumes[n] for n in data],
    })["Snapshots"]
    assert sorted(snapshot["VolumeId"] for snapshot in made) == sorted(volumes[n] for n in left)


def test_exclusions_that_aws_refuses(ec2: Any) -> None:
    instance, volumes = launch(ec2, 2)
    _, (foreign,) = launch(ec2)
    for spec in (
        {"ExcludeDataVolumeIds": [volumes[0]]}, {"ExcludeDataVolumeIds": [foreign]},
        {"ExcludeBootVolume": True, "ExcludeDataVolumeIds": [volumes[1]]},
    ):
        with pytest.raises(ClientError) as error:
            ec2.create_snapshots(InstanceSpecification={"InstanceId": instance, **spec})
        assert code(error) == "InvalidParameterValue"


def test_too_many_tags_make_nothing(ec2: Any) -> None:
    instance, volumes = launch(ec2)
    ec2.create_tags(Resources=volumes, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(49)])
    with pytest.raises(ClientError) as error:
        ec2.create_snapshots(
            InstanceSpecification={"InstanceId": instance}, CopyTagsFromSource="volume", TagSpecifications=tagged(a="", b=""),
        )
    assert code(error) == "TagLimitExceeded"
    assert ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": volumes}])["Snapshots"] == []


def test_more_than_128_volumes(ec2: Any) -> None:
    instance, _ = launch(ec2)
    for number in range(128):
        volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=f"/dev/x{number}")
    with pytest.raises(ClientError) as error:
        ec2.create_snapshots(InstanceSpecification={"InstanceId": instance})
    assert code(error) == "InvalidParameterValue"


def test_a_failing_set_fails_as_a_whole(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"snapshot_seconds": 0.1})
    cloud.control("POST", "faults", {"action": "ec2:CreateSnapshots", "effect": "snapshot_error", "cause": "disk is gone"})
    instance, _ = launch(ec2, 2)
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": instance})["Snapshots"]
    for snapshot in made:
        wait_for(lambda sid=snapshot["SnapshotId"]: state(ec2, sid) == "error")
    found = ec2.describe_snapshots(SnapshotIds=[made[0]["SnapshotId"]])["Snapshots"][0]
    assert found["StateMessage"] == "disk is gone"


def test_pending_limits(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"snapshot_seconds": 30, "volume_interval": 0, "volume_pending_limit": 2})
    _, (volume,) = launch(ec2)
    made = [ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for _ in range(2)]
    with pytest.raises(ClientError) as error:
        ec2.create_snapshot(VolumeId=volume)
    assert code(error) == "ConcurrentSnapshotLimitExceeded"
    cloud.control("POST", "config", {"volume_interval": 15, "volume_pending_limit": 5})
    with pytest.raises(ClientError) as error:
        ec2.create_snapshot(VolumeId=volume)
    assert code(error) == "SnapshotCreationPerVolumeRateExceeded"
    cloud.control("POST", "config", {"pending_limit": 1})
    with pytest.raises(ClientError) as error:
        ec2.create_snapshot(VolumeId=launch(ec2)[1][0])
    assert code(error) == "PendingSnapshotLimitExceeded"
    for snapshot in made:  # a pending snapshot can be deleted
        ec2.delete_snapshot(SnapshotId=snapshot)


def test_a_snapshot_in_use_stays(ec2: Any) -> None:
    instance, _ = launch(ec2)
    image = ec2.create_image(InstanceId=instance, Name="image")["ImageId"]
    mapping = ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"][0]
    with pytest.raises(ClientError) as error:
        ec2.delete_snapshot(SnapshotId=mapping["Ebs"]["SnapshotId"])
    assert code(error) == "InvalidSnapshot.InUse"
    with pytest.raises(ClientError) as error:
        ec2.delete_snapshot(SnapshotId="snap-0123456789abcdef0")
    assert code(error) == "InvalidSnapshot.NotFound"


def test_a_copy_needs_a_completed_source(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"snapshot_seconds": 0.2})
    made = ec2.create_snapshot(VolumeId=launch(ec2)[1][0])["SnapshotId"]
    west = cloud.client("ec2", region="us-west-2")
    with pytest.raises(ClientError) as error:
        west.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=made)
    assert code(error) == "IncorrectState"
    wait_for(lambda: state(ec2, made) == "completed")
    copied = west.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=made)["SnapshotId"]
    assert state(west, copied) == "pending"
    wait_for(lambda: state(west, copied) == "completed")
