"""RegisterImage: an AMI of snapshots, with the devices and the properties that the request says.

moto registers a name, and makes a snapshot up. On AWS the AMI has the devices that it was registered with, is `pending` for
a moment, and its snapshots cannot be deleted before it is deregistered. What it runs is not known from its snapshots: it
counts as Linux.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.amis import Ami
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from . import events
from .behaviour import SWITCHES
from .call import current
from .errors import AwsError
from .images import check_name
from .snapshots import CLOCK
from .volumes import wanted

_ARCHITECTURES = ("i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac")
_BOOT_MODES = ("legacy-bios", "uefi", "uefi-preferred")


def install() -> None:
    """Put every patch of this module in place."""
    AmisResponse.register_image = register_image


def register_image(response: Any) -> ActionResult:
    """AWS's RegisterImage."""
    backend = response.ec2_backend
    given = {name: response._get_param(name) for name in (
        "Name", "Description", "Architecture", "RootDeviceName", "VirtualizationType", "KernelId", "RamdiskId", "BootMode",
        "ImdsSupport", "TpmSupport", "SriovNetSupport")}
    check_name(backend, given["Name"] or "")
    _check(given)
    devices = [_device(backend, mapping) for mapping in response._get_param("BlockDeviceMappings", [])]
    names = [device["DeviceName"] for device in devices]
    for name in (name for name in names if names.count(name) > 1):
        raise AwsError("InvalidBlockDeviceMapping", f"The device '{name}' is used in more than one block-device mapping")
    root = given["RootDeviceName"] or "/dev/sda1"
    roots = [device for device in devices if device["DeviceName"] == root and device.get("Ebs", {}).get("SnapshotId")]
    if not roots:
        raise AwsError("InvalidBlockDeviceMapping", "No root snapshot specified in device mapping.")
    image = _made(backend, given, root, response._get_param("EnaSupport"))
    image.devices = devices
    for device in devices:
        snapshot = backend.snapshots.get(device.get("Ebs", {}).get("SnapshotId", ""))
        if snapshot is not None:
            snapshot.from_ami = image.id
            image.ebs_snapshot = snapshot if device is roots[0] else image.ebs_snapshot
    image.add_tags(response._parse_tag_specification().get("image", {}))
    backend.amis[image.id] = image
    _begin(backend, image)
    return ActionResult({"ImageId": image.id})


def _check(given: dict[str, Any]) -> None:
    """What a request may say of an image."""
    for name, allowed in (("Architecture", _ARCHITECTURES), ("BootMode", _BOOT_MODES),
                          ("VirtualizationType", ("hvm", "paravirtual")), ("ImdsSupport", ("v2.0",))):
        if given[name] and given[name] not in allowed:
            raise AwsError("InvalidParameterValue", f"Value ({given[name]}) for parameter {name} is invalid.")
    if given["Architecture"] == "arm64" and (given["VirtualizationType"] == "paravirtual" or given["BootMode"] == "legacy-bios"):
        raise AwsError("InvalidParameterCombination", "An arm64 image is of virtualization type hvm and boots by uefi.")
    if given["KernelId"] and given["VirtualizationType"] == "hvm":
        raise AwsError("InvalidParameterCombination", "The parameter kernel is not supported for HVM images.")


def _device(backend: Any, mapping: dict[str, Any]) -> dict[str, Any]:
    """A device as the image will have it."""
    name, ebs = mapping.get("DeviceName"), mapping.get("Ebs")
    if not name:
        raise AwsError("MissingParameter", "The request must contain the parameter deviceName")
    if not ebs:
        return {"DeviceName": name, "VirtualName": mapping.get("VirtualName", "")}
    if ebs.get("SnapshotId") and (ebs.get("Encrypted") is not None or ebs.get("KmsKeyId")):
        raise AwsError(
            "InvalidBlockDeviceMapping",
            f"the encrypted flag cannot be specified since device {name} has a snapshot specified.",
        )
    it = wanted(backend, ebs, name, "InvalidBlockDeviceMapping")
    delete = ebs.get("DeleteOnTermination")
    shown: dict[str, Any] = {
        "VolumeSize": it.size, "VolumeType": it.kind, "Encrypted": it.encrypted,
        "DeleteOnTermination": True if delete is None else str(delete).lower() == "true",
    }
    if it.snapshot is not None:
        shown["SnapshotId"] = it.snapshot.id
    if ebs.get("Iops"):
        shown["Iops"] = it.iops
    if ebs.get("Throughput"):
        shown["Throughput"] = it.throughput
    return {"DeviceName": name, "Ebs": shown}


def _made(backend: Any, given: dict[str, Any], root: str, ena: Any) -> Ami:
    """The image, without devices. moto makes a snapshot up: it goes."""
    image = Ami(
        backend, random_ami_id(), name=given["Name"], description=given["Description"], owner_id=backend.account_id,
        state="pending", architecture=given["Architecture"] or "i386", hypervisor="xen",
        virtualization_type=given["VirtualizationType"] or "paravirtual", root_device_type="ebs", root_device_name=root,
        image_location=f"{backend.account_id}/{given['Name']}", sriov=given["SriovNetSupport"],
    )
    backend.snapshots.pop(image.ebs_snapshot.id, None)
    image.boot_mode, image.ena_support = given["BootMode"], str(ena).lower() == "true"
    image.kernel_id, image.ramdisk_id = given["KernelId"], given["RamdiskId"]
    image.imds_support, image.tpm_support = given["ImdsSupport"], given["TpmSupport"]
    image.platform_details, image.usage_operation = "Linux/UNIX", "RunInstances"
    return image


def _begin(backend: Any, image: Ami) -> None:
    """It is pending for a moment; an event tells of the end. A fault may have it fail."""
    call = current()
    reason = call.image_error if call else ""

    def end() -> None:
        image.state = "failed" if reason else "available"
        if reason:
            image.state_reason = {"Code": "Server.InternalError", "Message": reason}
        if image.id in backend.amis:
            events.COURIER.send(events.image_state(backend.account_id, backend.region_name, image.id, image.state, reason))

    CLOCK.after(SWITCHES.now.image_seconds, end)
