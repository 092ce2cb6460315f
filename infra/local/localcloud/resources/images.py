"""AMIs: made of an instance with all its volumes, described, shared, deregistered.

moto's are available at once, and of the root volume only. On AWS an AMI is `pending` until its snapshots are completed.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidAMIIdError, InvalidInstanceIdError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.utils import generic_filter, random_ami_id

from . import events
from .call import Call, current
from .multivolume import TAG_LIMIT
from .reboots import REBOOTS
from .sharing import others
from .snapshots import check_limits, pend

_NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
_IMAGED_STATES = ("running", "stopping", "stopped")


def install() -> None:
    """Put every patch of this module in place."""
    deregister, describe = AmiBackend.deregister_image, AmiBackend.describe_images
    mappings, filter_value = Ami.block_device_mappings, Ami.get_filter_value

    def deregister_image(backend: Any, ami_id: str) -> None:
        """On AWS an event tells of it; the snapshots stay. It is its owner's right."""
        image = backend.amis.get(ami_id) or next((it for it in shared_with(backend) if it.id == ami_id), None)
        if image is not None and image.owner_id != backend.account_id:
            raise EC2ClientError("AuthFailure", f"Not authorized for image:{ami_id}")
        deregister(backend, ami_id)
        events.COURIER.send(events.image_state(backend.account_id, backend.region_name, ami_id, "deregistered"))

    def describe_images(
        backend: Any, ami_ids: list[str] | None = None, filters: Any = None, exec_users: Any = None, owners: Any = None
    ) -> list[Ami]:
        """On AWS every id asked for must be known, and owners and filters hold for ids too."""
        found = shared = [image for image in shared_with(backend) if not ami_ids or image.id in ami_ids]
        known = {image.id for image in shared}
        if not ami_ids:
            mine = describe(backend, ami_ids, filters, exec_users, owners)
            wanted = {backend.account_id if owner == "self" else owner for owner in owners or []}
            return mine + generic_filter(filters or {}, [image for image in shared if not wanted or image.owner_id in wanted])
        if unknown := [rid for rid in ami_ids if rid not in known and rid not in backend.amis and rid not in backend.deleted_amis]:
            raise InvalidAMIIdError(unknown)
        own = [rid for rid in ami_ids if rid not in known]
        found = shared + (describe(backend, own, filters, exec_users, owners) if own else [])
        if owners:
            wanted = {backend.account_id if owner == "self" else owner for owner in owners}
            found = [image for image in found if image.owner_id in wanted or image.owner_alias in wanted]
        return generic_filter(filters or {}, found)

    def get_filter_value(image: Ami, name: str, method: str | None = None) -> Any:
        """As moto's, and the snapshots of the block device mappings."""
        if name == "block-device-mapping.snapshot-id":
            return [mapping["Ebs"].get("SnapshotId", "") for mapping in image.block_device_mappings]
        return filter_value(image, name, method)

    Ami.block_device_mappings = property(lambda image: getattr(image, "devices", None) or mappings.fget(image))
    Ami.get_filter_value = get_filter_value
    AmiBackend.create_image = create_image
    AmiBackend.deregister_image = deregister_image
    AmiBackend.describe_images = describe_images
    AmiBackend.modify_image_attribute = modify_image_attribute


def shared_with(backend: Any) -> list[Ami]:
    """The images that other accounts let an account launch from."""
    let_in = {"UserId": backend.account_id}
    return [image for other in others(backend) for image in list(other.amis.values()) if let_in in image.launch_permissions]


def modify_image_attribute(
    backend: Any, ami_id: str, launch_permissions_to_add: list[dict[str, str]], launch_permissions_to_remove: list[dict[str, str]]
) -> None:
    """On AWS its owner alone says who may launch from an image."""
    image = backend.amis.get(ami_id)
    if image is None or image.owner_id != backend.account_id:
        if image is None and not any(ami_id in other.amis for other in others(backend)):
            raise InvalidAMIIdError([ami_id])
        raise EC2ClientError("AuthFailure", f"Not authorized for image:{ami_id}")
    backend.validate_permission_targets(launch_permissions_to_add)
    backend.validate_permission_targets(launch_permissions_to_remove)
    image.launch_permissions += [it for it in launch_permissions_to_add if it not in image.launch_permissions]
    image.launch_permissions[:] = [it for it in image.launch_permissions if it not in launch_permissions_to_remove]


def create_image(backend: Any, instance_id: str, name: str, description: str, tag_specifications: Any) -> Ami:
    """AWS's CreateImage: a snapshot of each attached volume but those left out, a reboot first unless told otherwise."""
    call = current()
    if call is None:
        raise EC2ClientError("InternalError", "CreateImage outside of a call")
    check_name(backend, name)
    instance = _imageable(backend, instance_id)
    volumes = _volumes(backend, instance, call)
    tags = call.tag_specifications()
    if any(len(own) > TAG_LIMIT for own in tags.values()):
        raise EC2ClientError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    check_limits(backend, [volume for volume, _ in volumes.values()])
    if call.params.get("NoReboot", "false").lower() != "true" and instance.state == "running":
        REBOOTS.note(backend, instance.id, "CreateImage")
    image = _empty_image(backend, instance, name, description)
    began, snapshots = datetime.now(timezone.utc), []
    for device, (volume, delete_on_termination) in volumes.items():
        snapshot = backend.create_one_of_set(
            volume.id, f"Created by CreateImage({instance_id}) for {image.id}", None, image.id
        )
        snapshots.append(snapshot)
        image.devices.append(_mapping(device, volume, snapshot, delete_on_termination))
        if device == instance.root_device_name:
            image.ebs_snapshot = snapshot
        if own := tags.get("snapshot"):
            snapshot.add_tags(own)
    if own := tags.get("image"):
        image.add_tags(own)
    backend.amis[image.id] = image
    image_error = call.image_error
    pend(snapshots, lambda cause: _end(backend, image, snapshots, cause, image_error, began))
    return image


def check_name(backend: Any, name: str) -> None:
    """AWS's rules for the name of an AMI; one of an account and region must have it alone."""
    if not _NAME.fullmatch(name or ""):
        raise EC2ClientError(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
            "'(', ')', '.', '-', '/' and '_'",
        )
    for other in list(backend.amis.values()):
        if other.name == name and other.owner_id == backend.account_id:
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {other.id}")


def _imageable(backend: Any, instance_id: str) -> Any:
    instance = backend.get_instance_by_id(instance_id)
    if instance is None:
        raise InvalidInstanceIdError(instance_id)
    if instance.state not in _IMAGED_STATES:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Invalid value '{instance_id}' for instanceId. Instance is not in state 'running' or 'stopping' or 'stopped'",
        )
    return instance


def _volumes(backend: Any, instance: Any, call: Call) -> dict[str, tuple[Any, bool]]:
    """Volume and DeleteOnTermination of each device that goes into the AMI."""
    left_out = _left_out(call)
    if instance.root_device_name in left_out:
        raise EC2ClientError("InvalidBlockDeviceMapping", "The root device of an instance cannot be left out of its AMI.")
    chosen = {
        device: (backend.get_volume(entry.volume_id), bool(entry.delete_on_termination))
        for device, entry in instance.get_block_device_mapping if device not in left_out
    }
    if not chosen:
        raise EC2ClientError("InvalidParameterValue", f"Instance '{instance.id}' has no EBS volume attached.")
    return chosen


def _left_out(call: Call) -> set[str]:
    """The devices whose mapping in the request has `NoDevice`; its value is an empty text as a rule."""
    return {
        call.params.get(key.removesuffix("NoDevice") + "DeviceName", "")
        for key in call.params if key.startswith("BlockDeviceMapping.") and key.endswith(".NoDevice")
    }


def _empty_image(backend: Any, instance: Any, name: str, description: str) -> Ami:
    """A pending AMI without devices. moto makes a snapshot of a volume that it makes up: it goes."""
    image = Ami(
        backend, random_ami_id(), instance=instance, name=name, description=description, owner_id=backend.account_id,
        state="pending", root_device_type="ebs", root_device_name=instance.root_device_name,
        image_location=f"{backend.account_id}/{name}",
    )
    backend.snapshots.pop(image.ebs_snapshot.id, None)
    image.devices = []
    image.ena_support, image.boot_mode = getattr(instance, "ena_support", True), getattr(instance, "boot_mode", None)
    image.platform_details = instance.platform_details
    return image


def _mapping(device: str, volume: Any, snapshot: Any, delete_on_termination: bool) -> dict[str, Any]:
    ebs = {
        "SnapshotId": snapshot.id, "VolumeSize": volume.size, "VolumeType": volume.volume_type,
        "DeleteOnTermination": delete_on_termination, "Encrypted": volume.encrypted,
    }
    if volume.volume_type in ("gp3", "io1", "io2") and volume.iops:
        ebs["Iops"] = volume.iops
    if volume.volume_type == "gp3" and volume.throughput:
        ebs["Throughput"] = volume.throughput
    return {"DeviceName": device, "Ebs": ebs}


def _end(backend: Any, image: Ami, snapshots: list[Any], cause: str, image_error: str, began: datetime) -> None:
    """The snapshots have ended, so the AMI does: an event tells of each snapshot, then one of the AMI."""
    for snapshot in snapshots:
        if snapshot.id in backend.snapshots:
            events.COURIER.send(
                events.create_snapshot(backend.account_id, backend.region_name, snapshot, cause, began)
            )
    reason = image_error or cause
    image.state = "failed" if reason else "available"
    if reason:
        image.state_reason = {"Code": "Server.InternalError", "Message": reason}
    if image.id in backend.amis:
        events.COURIER.send(events.image_state(backend.account_id, backend.region_name, image.id, image.state, reason))
