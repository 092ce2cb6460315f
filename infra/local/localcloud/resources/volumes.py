"""Volumes: what CreateVolume takes and makes, how long it takes, and the rules by which volumes are attached.

moto's volumes are available at once, of any size, attached wherever one likes. On AWS a volume of a snapshot is `creating`
for a while, is never smaller than its snapshot, and ends in `error` when its key cannot be used. An empty volume is available
at once here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models.block_device import BlockDeviceType
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot, Volume, VolumeAttachment
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from . import keys
from .behaviour import SWITCHES
from .call import current
from .errors import AwsError
from .sharing import restorable
from .snapshots import CLOCK
from .tokens import once


@dataclass(frozen=True)
class Kind:
    """What EBS allows of a type of volume (API reference of CreateVolume)."""

    sizes: tuple[int, int]
    iops: tuple[int, int] | None = None
    per_gib: int = 0
    throughputs: tuple[int, int] | None = None
    needs_iops: bool = False


KINDS = {
    "gp2": Kind((1, 16_384)), "gp3": Kind((1, 65_536), (3_000, 80_000), 500, (125, 2_000)),
    "io1": Kind((4, 16_384), (100, 64_000), 50, needs_iops=True),
    "io2": Kind((4, 65_536), (100, 256_000), 1_000, needs_iops=True),
    "st1": Kind((125, 16_384)), "sc1": Kind((125, 16_384)), "standard": Kind((1, 1_024)),
}
_GP3_IOPS, _GP3_THROUGHPUT = 3_000, 125


@dataclass(frozen=True)
class Wanted:
    """A volume that is asked for, after all checks."""

    size: int
    kind: str
    snapshot: Any
    iops: int | None
    throughput: int | None
    encrypted: bool
    key: str | None
    multi_attach: bool = False


def install() -> None:
    """Put every patch of this module in place."""
    began = Snapshot.__init__

    def begin(snapshot: Any, *rest: Any, **named: Any) -> None:
        """On AWS a snapshot is encrypted with the key of its volume."""
        began(snapshot, *rest, **named)
        if snapshot.encrypted and not snapshot.kms_key_id:
            snapshot.kms_key_id = snapshot.volume.kms_key_id

    Snapshot.__init__ = begin
    Volume.status = property(status)
    EBSBackend.get_snapshot = restorable
    EBSBackend.attach_volume = attach_volume
    EBSBackend.detach_volume = detach_volume
    ElasticBlockStore.create_volume = create_volume
    ElasticBlockStore.attach_volume = attach
    ElasticBlockStore.detach_volume = detach
    ElasticBlockStore.delete_volume = delete


def status(volume: Any) -> str:
    """`creating` and `error` beside what moto knows."""
    return volume.__dict__.get("phase") or ("in-use" if volume.attachment else "available")


# ---- made


def wanted(backend: Any, given: Mapping[str, Any], name: str, small: str) -> Wanted:
    """What a request for a volume comes to; refused as AWS refuses it. `name` is the device, or empty; `small` the code for a
    volume that is smaller than its snapshot."""
    snapshot = given.get("Snapshot") or (
        restorable(backend, given["SnapshotId"]) if given.get("SnapshotId") else None
    )
    if snapshot is not None and getattr(snapshot, "status", "completed") != "completed":
        raise AwsError("IncorrectState", f"Snapshot '{snapshot.id}' is in the '{snapshot.status}' state.")
    if snapshot is not None and getattr(snapshot, "storage_tier", "standard") == "archive":
        raise AwsError("IncorrectState", f"Snapshot '{snapshot.id}' is archived: restore it first.")
    least = snapshot.volume.size if snapshot is not None else None
    size = int(given.get("VolumeSize") or least or 0)
    if not size:
        raise AwsError("MissingParameter", f"The request must contain the parameter size or snapshotId {name}".rstrip())
    if least is not None and size < least:
        raise AwsError(
            small, f"Volume of size {size}GB is smaller than snapshot '{snapshot.id}', expect size >= {least}GB"
        )
    kind = str(given.get("VolumeType") or "gp2")
    iops, throughput = _rates(kind, size, given.get("Iops"), given.get("Throughput"))
    encrypted = given.get("Encrypted")
    asked = str(encrypted).lower() == "true"
    if given.get("KmsKeyId") and not asked:
        raise AwsError("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
    if snapshot is not None and snapshot.encrypted and encrypted is not None and not asked:
        raise AwsError("InvalidParameterValue", "A volume of an encrypted snapshot is encrypted.")
    of_snapshot = snapshot.kms_key_id if snapshot is not None and snapshot.encrypted else None
    return Wanted(
        size, kind, snapshot, iops, throughput, asked or bool(snapshot is not None and snapshot.encrypted),
        given.get("KmsKeyId") or of_snapshot, str(given.get("MultiAttachEnabled")).lower() == "true",
    )


def _rates(kind: str, size: int, iops: Any, throughput: Any) -> tuple[int | None, int | None]:
    """IOPS and throughput of a volume, with the defaults of its type."""
    rule = KINDS.get(kind)
    if rule is None:
        raise AwsError("InvalidParameterValue", f"Value ({kind}) for parameter volumeType is invalid.")
    low, high = rule.sizes
    if not low <= size <= high:
        raise AwsError("InvalidParameterValue", f"Volume of {size} GiB is invalid; {kind} volumes are {low} to {high} GiB.")
    if iops and rule.iops is None:
        raise AwsError("InvalidParameterCombination", f"The parameter iops is not supported for {kind} volumes.")
    if throughput and rule.throughputs is None:
        raise AwsError("InvalidParameterCombination", f"The parameter throughput is not supported for {kind} volumes.")
    if rule.needs_iops and not iops:
        raise AwsError("MissingParameter", f"The request must contain the parameter iops for {kind} volumes")
    rate = int(iops) if iops else (_GP3_IOPS if kind == "gp3" else None)
    if rate is not None and rule.iops is not None:
        least, most = rule.iops
        if not least <= rate <= most:
            raise AwsError("InvalidParameterValue", f"Volume iops of {rate} is not between {least} and {most} for {kind}.")
        if rate > max(least, size * rule.per_gib):
            raise AwsError(
                "InvalidParameterValue",
                f"Iops to volume size ratio is too high; maximum is {rule.per_gib} for {kind} volumes of {size} GiB.",
            )
    flow = int(throughput) if throughput else (_GP3_THROUGHPUT if kind == "gp3" else None)
    if flow is not None and rule.throughputs is not None:
        least, most = rule.throughputs
        if not least <= flow <= most:
            raise AwsError("InvalidParameterValue", f"Throughput of {flow} is not between {least} and {most} for {kind}.")
        if flow > (rate or _GP3_IOPS) / 4:
            raise AwsError("InvalidParameterValue", "Throughput (MiB/s) to iops ratio is too high; maximum is 0.25 MiB/s per iops.")
    return rate, flow


def make(backend: Any, it: Wanted, zone: str) -> Any:
    """The volume; its `phase` is for whoever asked to set."""
    own = it.snapshot is not None and it.snapshot.id in backend.snapshots
    volume = backend.create_volume(
        size=it.size, zone_name=zone, snapshot_id=it.snapshot.id if own else None, encrypted=it.encrypted, kms_key_id=it.key,
        volume_type=it.kind, iops=it.iops, throughput=it.throughput, multi_attach_enabled=it.multi_attach or None,
    )
    if it.snapshot is not None:
        volume.snapshot_id = it.snapshot.id
    return volume


def create_volume(response: Any) -> ActionResult:
    """AWS's CreateVolume: of a snapshot it takes its time; a key that cannot be used makes it end in `error`."""
    backend = response.ec2_backend
    given = {name: response._get_param(name) for name in (
        "SnapshotId", "VolumeType", "Iops", "Throughput", "Encrypted", "KmsKeyId", "MultiAttachEnabled")}
    zone = response._get_param("AvailabilityZone")

    def made() -> Any:
        if not zone:
            raise AwsError("MissingParameter", "The request must contain the parameter zone")
        if zone not in {it.name for it in backend.describe_availability_zones()}:
            raise AwsError("InvalidZone.NotFound", f"The zone '{zone}' does not exist.")
        it = wanted(backend, {**given, "VolumeSize": response._get_param("Size")}, "", "InvalidParameterValue")
        volume = make(backend, it, zone)
        volume.add_tags(response._parse_tag_specification().get("volume", {}))
        call = current()
        cause = (call.volume_error if call else "") or keys.refuses(backend, it.key if it.encrypted else None)
        if it.snapshot is not None or cause:
            volume.phase = "creating"
            CLOCK.after(SWITCHES.now.volume_seconds, lambda: setattr(volume, "phase", "error" if cause else ""))
        return volume

    return ActionResult(once(made))


# ---- attached


def attach(response: Any) -> ActionResult:
    """AWS's rules for AttachVolume; it takes a moment."""
    backend, device = response.ec2_backend, response._get_param("Device")
    volume = backend.get_volume(response._get_param("VolumeId"))
    instance = backend.get_instance(response._get_param("InstanceId"))
    if not device:
        raise AwsError("MissingParameter", "The request must contain the parameter device")
    if volume.attachment:
        raise AwsError("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.status != "available":
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is not 'available'.")
    if instance.state not in ("running", "stopped", "stopping"):
        raise AwsError("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if volume.availability_zone != instance.availability_zone:
        raise AwsError(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
        )
    if device in instance.block_device_mapping:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
        )
    attachment = attach_volume(backend, volume.id, instance.id, device)
    mapped = instance.block_device_mapping[device]
    attachment.status = mapped.status = "attaching"

    def attached() -> None:
        if volume.attachment is attachment and attachment.status == "attaching":
            attachment.status, mapped.status = "attached", "in-use"

    CLOCK.after(SWITCHES.now.attach_seconds, attached)
    return ActionResult({**_shown(attachment), "State": "attaching"})


def attach_volume(
    backend: Any, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False
) -> VolumeAttachment:
    """As moto's, and the mapping says what the volume is."""
    volume, instance = backend.get_volume(volume_id), backend.get_instance(instance_id)
    volume.attachment = VolumeAttachment(volume, instance, device_path, "attached")
    volume.attachment.delete_on_termination = delete_on_termination
    instance.block_device_mapping[device_path] = BlockDeviceType(
        volume_id=volume_id, status="in-use", size=volume.size, attach_time=volume.attachment.attach_time,
        delete_on_termination=delete_on_termination,
    )
    return volume.attachment


def detach(response: Any) -> ActionResult:
    """AWS's rules for DetachVolume; it takes a moment."""
    backend, force = response.ec2_backend, response._get_bool_param("Force", False)
    volume = backend.get_volume(response._get_param("VolumeId"))
    attachment = volume.attachment
    if attachment is None:
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the '{volume.status}' state.")
    instance, device = attachment.instance, attachment.device
    asked = response._get_param("InstanceId"), response._get_param("Device")
    if asked[0] not in (None, instance.id) or asked[1] not in (None, device):
        raise AwsError(
            "InvalidAttachment.NotFound", f"The volume '{volume.id}' is not attached to instance '{asked[0]}' as device '{asked[1]}'."
        )
    if device == instance.root_device_name and instance.state in ("running", "pending") and not force:
        raise AwsError("OperationNotPermitted", f"Unable to detach root volume '{volume.id}' from instance '{instance.id}'")
    if attachment.status == "detaching":
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the 'detaching' state.")
    attachment.status = instance.block_device_mapping[device].status = "detaching"

    def detached() -> None:
        if volume.attachment is attachment:
            detach_volume(backend, volume.id, instance.id, device)

    CLOCK.after(SWITCHES.now.attach_seconds, detached)
    return ActionResult({**_shown(attachment), "State": "detaching"})


def detach_volume(backend: Any, volume_id: str, instance_id: str, device_path: str | None = None) -> VolumeAttachment:
    """As moto's, whatever of instance and device is given."""
    volume = backend.get_volume(volume_id)
    attachment = volume.attachment
    attachment.instance.block_device_mapping.pop(device_path or attachment.device, None)
    attachment.status, volume.attachment = "detached", None
    return attachment


def _shown(attachment: Any) -> dict[str, Any]:
    return {
        "VolumeId": attachment.volume.id, "InstanceId": attachment.instance.id, "Device": attachment.device,
        "AttachTime": attachment.attach_time,
    }


def delete(response: Any) -> EmptyResult:
    """On AWS a volume that is attached or being made stays."""
    backend = response.ec2_backend
    volume = backend.get_volume(response._get_param("VolumeId"))
    if volume.status == "creating":
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the 'creating' state.")
    if volume.attachment:
        raise AwsError("VolumeInUse", f"Volume {volume.id} is currently attached to {volume.attachment.instance.id}")
    backend.delete_volume(volume.id)
    return EmptyResult()
