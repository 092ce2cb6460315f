"""AMIs behave as on AWS."""

from __future__ import annotations

import os
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, MEMBER, Cloud, Inbox, launch, wait_for

AMI_EVENTS = {"source": ["aws.ec2"], "detail-type": ["EC2 AMI State Change"]}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def name() -> str:
    return f"cpm-{os.urandom(4).hex()}"


def described(ec2: Any, image: str) -> dict[str, Any]:
    return dict(ec2.describe_images(ImageIds=[image])["Images"][0])


def tagged(kind: str, **tags: str) -> dict[str, Any]:
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def snapshots_of(ec2: Any, image: str) -> list[str]:
    return [mapping["Ebs"]["SnapshotId"] for mapping in described(ec2, image)["BlockDeviceMappings"]]


def test_pending_till_every_snapshot_is_completed(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"snapshot_seconds": 0.5})
    instance, volumes = launch(ec2, 3)
    wanted = name()
    made = ec2.create_image(InstanceId=instance, Name=wanted, TagSpecifications=[
        tagged("image", of="image"), tagged("snapshot", of="snapshot")])["ImageId"]
    seen = described(ec2, made)
    assert (seen["State"], seen["Name"], seen["OwnerId"], seen["SourceInstanceId"]) == ("pending", wanted, HOME, instance)
    assert seen["RootDeviceName"] == "/dev/sda1" and seen["RootDeviceType"] == "ebs" and "StateReason" not in seen
    assert seen["Tags"] == [{"Key": "of", "Value": "image"}]
    assert [mapping["DeviceName"] for mapping in seen["BlockDeviceMappings"]] == ["/dev/sda1", "/dev/sdb", "/dev/sdc"]
    found = ec2.describe_snapshots(SnapshotIds=snapshots_of(ec2, made))["Snapshots"]
    assert {snapshot["VolumeId"] for snapshot in found} == set(volumes)
    assert {snapshot["State"] for snapshot in found} == {"pending"}
    assert {snapshot["Description"] for snapshot in found} == {f"Created by CreateImage({instance}) for {made}"}
    assert [snapshot["Tags"] for snapshot in found] == [[{"Key": "of", "Value": "snapshot"}]] * 3
    wait_for(lambda: described(ec2, made)["State"] == "available")
    found = ec2.describe_snapshots(SnapshotIds=snapshots_of(ec2, made))["Snapshots"]
    assert {snapshot["State"] for snapshot in found} == {"completed"}
    assert ec2.describe_snapshots(Filters=[{"Name": "description", "Values": [f"*{made}"]}])["Snapshots"] != []


def test_devices_left_out(ec2: Any) -> None:
    instance, volumes = launch(ec2, 3)
    made = ec2.create_image(InstanceId=instance, Name=name(), BlockDeviceMappings=[
        {"DeviceName": "/dev/sdb", "NoDevice": ""}])["ImageId"]
    found = ec2.describe_snapshots(SnapshotIds=snapshots_of(ec2, made))["Snapshots"]
    assert {snapshot["VolumeId"] for snapshot in found} == {volumes[0], volumes[2]}
    with pytest.raises(ClientError) as error:
        ec2.create_image(InstanceId=instance, Name=name(), BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "NoDevice": ""}])
    assert code(error) == "InvalidBlockDeviceMapping"


def test_names(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"volume_interval": 0})
    instance, _ = launch(ec2)
    taken = name()
    made = ec2.create_image(InstanceId=instance, Name=taken)["ImageId"]
    with pytest.raises(ClientError) as error:
        ec2.create_image(InstanceId=instance, Name=taken)
    assert code(error) == "InvalidAMIName.Duplicate"
    assert f"AMI name {taken} is already in use by AMI {made}" in str(error.value)
    unchecked = cloud.client("ec2", parameter_validation=False)
    for bad in ("ab", "x" * 129, "with,comma", "with:colon"):
        with pytest.raises(ClientError) as error:
            unchecked.create_image(InstanceId=instance, Name=bad)
        assert code(error) == "InvalidAMIName.Malformed"
    for place in (cloud.client("ec2", MEMBER), cloud.client("ec2", region="eu-west-1")):
        place.create_image(InstanceId=launch(place)[0], Name=taken)
    ec2.deregister_image(ImageId=made)
    ec2.create_image(InstanceId=instance, Name=taken)


def test_what_cannot_be_imaged(ec2: Any) -> None:
    with pytest.raises(ClientError) as error:
        ec2.create_image(InstanceId="i-0123456789abcdef0", Name=name())
    assert code(error) == "InvalidInstanceID.NotFound"
    instance, _ = launch(ec2)
    ec2.terminate_instances(InstanceIds=[instance])
    with pytest.raises(ClientError, match="Instance is not in state 'running'") as error:
        ec2.create_image(InstanceId=instance, Name=name())
    assert code(error) == "InvalidParameterValue"


def test_rate_of_a_volume(ec2: Any) -> None:
    instance, _ = launch(ec2)
    ec2.create_image(InstanceId=instance, Name=name())
    refused = name()
    with pytest.raises(ClientError) as error:
        ec2.create_image(InstanceId=instance, Name=refused)
    assert code(error) == "SnapshotCreationPerVolumeRateExceeded"
    assert ec2.describe_images(Filters=[{"Name": "name", "Values": [refused]}])["Images"] == []


def test_tags_that_aws_refuses(ec2: Any) -> None:
    instance, _ = launch(ec2)
    for specification in (tagged("instance", a="b"), tagged("image", **{"aws:x": "y"})):
        with pytest.raises(ClientError) as error:
            ec2.create_image(InstanceId=instance, Name=name(), TagSpecifications=[specification])
        assert code(error) == "InvalidParameterValue"


@pytest.mark.parametrize(("effect", "snapshots"), [("image_error", "completed"), ("snapshot_error", "error")])
def test_a_failing_image(cloud: Cloud, ec2: Any, effect: str, snapshots: str) -> None:
    inbox = Inbox(cloud, AMI_EVENTS)
    cloud.control("POST", "config", {"snapshot_seconds": 0.1})
    cloud.control("POST", "faults", {"action": "ec2:CreateImage", "effect": effect, "cause": "disk is gone"})
    made = ec2.create_image(InstanceId=launch(ec2, 2)[0], Name=name())["ImageId"]
    wait_for(lambda: described(ec2, made)["State"] == "failed")
    assert described(ec2, made)["StateReason"] == {"Code": "Server.InternalError", "Message": "disk is gone"}
    found = ec2.describe_snapshots(SnapshotIds=snapshots_of(ec2, made))["Snapshots"]
    assert {snapshot["State"] for snapshot in found} == {snapshots}
    (event,) = wait_for(lambda: inbox.about(made))
    assert (event["detail"]["State"], event["detail"]["ErrorMessage"]) == ("failed", "disk is gone")


def test_a_reboot_unless_told_otherwise(cloud: Cloud, ec2: Any) -> None:
    cloud.control("DELETE", "reboots")
    left_running, rebooted, stopped, asked = (launch(ec2)[0] for _ in range(4))
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.create_image(InstanceId=left_running, Name=name(), NoReboot=True)
    ec2.create_image(InstanceId=rebooted, Name=name(), NoReboot=False)
    ec2.create_image(InstanceId=stopped, Name=name())
    ec2.reboot_instances(InstanceIds=[asked])
    assert [(entry["instance"], entry["by"]) for entry in cloud.control("GET", "reboots")] == [
        (rebooted, "CreateImage"), (asked, "RebootInstances")]
    assert cloud.control("DELETE", "reboots") == cloud.control("GET", "reboots") == []


def test_deregistered_leaves_its_snapshots(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"snapshot_seconds": 0})
    made = ec2.create_image(InstanceId=launch(ec2, 2)[0], Name=name())["ImageId"]
    snapshots = snapshots_of(ec2, made)
    for snapshot in snapshots:
        with pytest.raises(ClientError) as error:
            ec2.delete_snapshot(SnapshotId=snapshot)
        assert code(error) == "InvalidSnapshot.InUse"
    ec2.deregister_image(ImageId=made)
    assert len(ec2.describe_snapshots(SnapshotIds=snapshots)["Snapshots"]) == 2
    assert ec2.describe_images(ImageIds=[made])["Images"] == []
    with pytest.raises(ClientError) as error:
        ec2.deregister_image(ImageId=made)
    assert code(error) == "InvalidAMIID.Unavailable"
    for snapshot in snapshots:
        ec2.delete_snapshot(SnapshotId=snapshot)


def test_describe(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2", account="333344445555")
    cloud.control("POST", "config", {"snapshot_seconds": 0})
    images = [
        ec2.create_image(InstanceId=launch(ec2)[0], Name=f"n-{number}", TagSpecifications=[tagged("image", n=str(number))])
        ["ImageId"] for number in range(7)
    ]
    pages = list(ec2.get_paginator("describe_images").paginate(Owners=["self"], PaginationConfig={"PageSize": 5}))
    assert [len(page["Images"]) for page in pages] == [5, 2]
    wait_for(lambda: {image["State"] for image in ec2.describe_images(Owners=["self"])["Images"]} == {"available"})

    def found(**asked: Any) -> set[str]:
        return {image["ImageId"] for image in ec2.describe_images(**asked)["Images"]}

    def by(key: str, *values: str) -> dict[str, Any]:
        return {"Filters": [{"Name": key, "Values": list(values)}]}

    assert found(**by("tag:n", "1", "2")) == set(images[1:3])
    assert found(**by("name", "n-3", "n-4*")) == set(images[3:5])
    assert found(**by("state", "pending")) == set()
    assert found(**by("block-device-mapping.snapshot-id", *snapshots_of(ec2, images[6]))) == {images[6]}
    assert found(ImageIds=images[:2], **by("tag:n", "1")) == {images[1]}
    assert found(ImageIds=images[:2], Owners=[HOME]) == set()
    assert found(Owners=[HOME]) == set()
    with pytest.raises(ClientError) as error:
        ec2.describe_images(ImageIds=[images[0], "ami-0123456789abcdef0"])
    assert code(error) == "InvalidAMIID.NotFound"
    with pytest.raises(ClientError, match="InvalidAMIID.NotFound"):
        cloud.client("ec2").describe_images(ImageIds=images[:1])
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        ec2.describe_images(ImageIds=images[:1], MaxResults=5)


def test_events(cloud: Cloud) -> None:
    inbox = Inbox(cloud, AMI_EVENTS)
    cloud.control("POST", "config", {"snapshot_seconds": 0.05})
    ec2 = cloud.client("ec2", MEMBER, "eu-west-1")
    made = ec2.create_image(InstanceId=launch(ec2)[0], Name=name())["ImageId"]
    (event,) = wait_for(lambda: inbox.about(made))
    assert (event["account"], event["region"]) == (MEMBER, "eu-west-1")
    assert event["resources"] == [f"arn:aws:ec2:eu-west-1::image/{made}"]
    request = event["detail"].pop("RequestId")
    assert len(request) == 36 and event["detail"] == {"ImageId": made, "State": "available", "ErrorMessage": ""}
    cloud.control("POST", "config", {"events": "twice"})
    ec2.deregister_image(ImageId=made)
    wait_for(lambda: len(inbox.about(made)) == 3)
    assert [event["detail"]["State"] for event in inbox.about(made)][1:] == ["deregistered"] * 2
    cloud.control("POST", "config", {"events": "drop"})
    lost = ec2.create_image(InstanceId=launch(ec2)[0], Name=name())["ImageId"]
    wait_for(lambda: described(ec2, lost)["State"] == "available")
    cloud.control("POST", "config", {"events": "deliver"})
    after = ec2.create_image(InstanceId=launch(ec2)[0], Name=name())["ImageId"]
    wait_for(lambda: inbox.about(after))
    assert inbox.about(lost) == []


def test_roles(cloud: Cloud, ec2: Any) -> None:
    def allow(*actions: str, resource: Any, **condition: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        return {**statement, "Condition": condition} if condition else statement

    made_kinds = ["arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"]
    arn = cloud.role("imager", [
        allow("ec2:CreateImage", resource="arn:aws:ec2:*:*:instance/*"),
        allow("ec2:CreateImage", resource=made_kinds, StringEquals={"aws:RequestTag/cpm:deployment": "t"}),
        allow("ec2:CreateTags", resource=made_kinds, StringEquals={"ec2:CreateAction": "CreateImage"}),
        allow("ec2:DeregisterImage", resource="arn:aws:ec2:*::image/*", StringEquals={"aws:ResourceTag/cpm:deployment": "t"}),
    ])
    imager = cloud.client("ec2", credentials=cloud.assume(arn))
    instance, _ = launch(ec2)
    ours = {"cpm:deployment": "t"}
    for tags in ([], [tagged("image", **ours)], [tagged("snapshot", **ours)]):
        with pytest.raises(ClientError, match="not authorized to perform: ec2:CreateImage on resource"):
            imager.create_image(InstanceId=instance, Name=name(), TagSpecifications=tags)
    made = imager.create_image(
        InstanceId=instance, Name=name(), TagSpecifications=[tagged("image", **ours), tagged("snapshot", **ours)]
    )["ImageId"]
    foreign = ec2.create_image(InstanceId=launch(ec2)[0], Name=name())["ImageId"]
    imager.deregister_image(ImageId=made)
    with pytest.raises(ClientError, match="not authorized to perform: ec2:DeregisterImage"):
        imager.deregister_image(ImageId=foreign)
