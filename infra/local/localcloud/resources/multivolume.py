"""CreateSnapshots: which volumes of an instance, with which tags, all or none."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidInstanceIdError, TagLimitExceeded
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot
from moto.ec2.models.instances import InstanceBackend

from . import events
from .call import current
from .snapshots import begin, check_limits

VOLUME_LIMIT = 128
TAG_LIMIT = 50


def install() -> None:
    """Put every patch of this module in place."""
    EBSBackend.create_snapshots = create_snapshots
    InstanceBackend.get_instance_by_id = instance_by_id


def instance_by_id(backend: Any, instance_id: str) -> Any:
    """As moto's, without a copy of every reservation: it is asked once for each call."""
    for reservation in list(backend.reservations.values()):
        for instance in reservation.instances:
            if instance.id == instance_id:
                return instance
    return None


def create_snapshots(backend: Any, spec: dict[str, Any], description: str, tags: dict[str, str]) -> list[Snapshot]:
    """AWS's rules for a multi-volume set: exclusions, tags copied from the volumes, limits, and one fate for the whole."""
    instance = backend.get_instance_by_id(spec.get("InstanceId"))
    if instance is None:
        raise InvalidInstanceIdError(spec.get("InstanceId"))
    if instance.state == "terminated":
        raise EC2ClientError("IncorrectState", f"Instance '{instance.id}' is in invalid state - terminated")
    volumes = [backend.get_volume(volume_id) for volume_id in selected_volumes(instance, spec)]
    call = current()
    copies = call is not None and call.params.get("CopyTagsFromSource") == "volume"
    wanted = [tags_of(backend, volume, tags, copies) for volume in volumes]
    check_limits(backend, volumes)
    snapshots = [backend.create_one_of_set(volume.id, description) for volume in volumes]
    for snapshot, its_tags in zip(snapshots, wanted, strict=True):
        snapshot.add_tags(its_tags)
    begin(backend, snapshots, lambda cause, began: events.create_snapshots(
        backend.account_id, backend.region_name, snapshots, cause, began
    ))
    return snapshots


def selected_volumes(instance: Any, spec: dict[str, Any]) -> list[str]:
    """The volumes attached to the instance, without those excluded; what is excluded is there, and something stays."""
    attached = {device.volume_id: name for name, device in instance.get_block_device_mapping}
    root = next((volume for volume, name in attached.items() if name == instance.root_device_name), None)
    excluded = set(_excluded_data_volumes(spec))
    for volume_id in excluded:
        if volume_id == root:
            raise _invalid(f"The root volume '{volume_id}' cannot be in ExcludeDataVolumeIds; use ExcludeBootVolume.")
        if volume_id not in attached:
            raise _invalid(f"The volume '{volume_id}' is not attached to instance '{instance.id}'.")
    if str(spec.get("ExcludeBootVolume", False)).lower() == "true" and root:
        excluded.add(root)
    chosen = [volume_id for volume_id in attached if volume_id not in excluded]
    if not chosen:
        raise _invalid(f"Instance '{instance.id}' has no volume to snapshot: none is attached, or all are excluded.")
    if len(chosen) > VOLUME_LIMIT:
        raise _invalid(f"Instance '{instance.id}' has {len(chosen)} volumes; at most {VOLUME_LIMIT} can be in one set.")
    return chosen


def _excluded_data_volumes(spec: dict[str, Any]) -> list[str]:
    """ExcludeDataVolumeIds of the request, by whatever name moto's parser gave it."""
    call = current()
    if call is not None:
        return call.numbered("InstanceSpecification.ExcludeDataVolumeId")
    return list(spec.get("ExcludeDataVolumeIds") or [])


def tags_of(backend: Any, volume: Any, own: dict[str, str], copies: bool) -> dict[str, str]:
    """The tags of a snapshot: those of its volume if asked for, except AWS's own; the request's win; at most 50."""
    inherited = dict(backend.tags.get(volume.id, {})) if copies else {}
    tags = {key: value for key, value in inherited.items() if not key.startswith("aws:")} | own
    if len(tags) > TAG_LIMIT:
        raise TagLimitExceeded
    return tags


def _invalid(message: str) -> EC2ClientError:
    return EC2ClientError("InvalidParameterValue", message)
