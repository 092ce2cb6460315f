"""What tests of recoveries make: machines with snapshots of their volumes, images registered from these, and what is said
when AWS refuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import launch, wait_for


def name(prefix: str = "it") -> str:
    """A name that nothing has."""
    return f"{prefix}-{os.urandom(4).hex()}"


def refused(code: str, call: Callable[..., Any], words: str = "", **given: Any) -> None:
    """Assert that AWS refuses a call with a code, and in such words."""
    with pytest.raises(ClientError) as error:
        call(**given)
    assert error.value.response["Error"]["Code"] == code, error.value
    assert words in (error.value.response["Error"].get("Message") or ""), error.value


def snapshot(ec2: Any, volume: str) -> str:
    """A completed snapshot of a volume."""
    made = str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
    wait_for(lambda: ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"] == "completed")
    return made


def snapshots(ec2: Any, volumes: int = 1) -> list[str]:
    """Completed snapshots of the volumes of a machine that was there."""
    _, ids = launch(ec2, volumes)
    made = [str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"]) for volume in ids]
    wait_for(lambda: {it["State"] for it in ec2.describe_snapshots(SnapshotIds=made)["Snapshots"]} == {"completed"})
    return made


def register(ec2: Any, *of: str, **more: Any) -> dict[str, Any]:
    """A request for an image of snapshots, the root first."""
    devices = ["/dev/xvda", *(f"/dev/sd{letter}" for letter in "fghijk")]
    return {
        "Name": name("image"), "Architecture": "x86_64", "VirtualizationType": "hvm", "RootDeviceName": "/dev/xvda",
        "EnaSupport": True,
        "BlockDeviceMappings": [
            {"DeviceName": device, "Ebs": {"SnapshotId": it}} for device, it in zip(devices, of, strict=False)
        ],
        **more,
    }


def registered(ec2: Any, *of: str, **more: Any) -> str:
    """An image of snapshots that can be launched from."""
    made = str(ec2.register_image(**register(ec2, *of, **more))["ImageId"])
    wait_for(lambda: ec2.describe_images(ImageIds=[made])["Images"][0]["State"] == "available")
    return made


def run(ec2: Any, image: str, **more: Any) -> dict[str, Any]:
    """An instance of an image."""
    given = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro", **more}
    return dict(ec2.run_instances(**given)["Instances"][0])


def instance(ec2: Any, instance_id: str) -> dict[str, Any]:
    """An instance as it is described."""
    return dict(ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0])


def state(ec2: Any, instance_id: str) -> str:
    """The state of an instance."""
    return str(instance(ec2, instance_id)["State"]["Name"])


def volume(ec2: Any, volume_id: str) -> dict[str, Any]:
    """A volume as it is described."""
    return dict(ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0])


def volumes(ec2: Any, instance_id: str) -> dict[str, dict[str, Any]]:
    """The volumes of an instance, by device."""
    attached = [{"Name": "attachment.instance-id", "Values": [instance_id]}]
    return {it["Attachments"][0]["Device"]: it for it in ec2.describe_volumes(Filters=attached)["Volumes"]}


def tagged(kind: str, **tags: str) -> list[dict[str, Any]]:
    """Tags for what a call makes."""
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def plain(found: dict[str, Any]) -> dict[str, str]:
    """Tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
