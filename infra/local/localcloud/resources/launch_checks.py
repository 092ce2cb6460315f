"""What RunInstances refuses: images, types, networks, keys, profiles and devices that do not exist or do not fit together."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES

from . import keys
from .errors import AwsError
from .placement import check_capacity, groups
from .public_images import is_public
from .sharing import others
from .volumes import Wanted, wanted

_PARAVIRTUAL = "paravirtual"
_RESERVED = 4
"""The first addresses of a subnet, and the last one, are AWS's."""


@dataclass
class Network:
    """Where an instance goes."""

    subnet: Any
    groups: list[str]
    private_ip: str | None = None
    secondary: list[str] = field(default_factory=list)
    public_ip: bool | None = None


@dataclass(frozen=True)
class Disk:
    """A device of an instance."""

    device: str
    volume: Wanted
    delete_on_termination: bool
    refused: str
    """Why its key cannot be used, or empty."""


def image_of(backend: Any, image_id: str) -> Any:
    """The image; None for an id that nobody knows: it stands for one of Amazon's."""
    if not image_id:
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
    if not image_id.startswith("ami-"):
        raise AwsError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
    if image_id in backend.deleted_amis:
        raise AwsError("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is no longer available")
    image = backend.amis.get(image_id)
    for other in others(backend) if image is None else ():
        if (theirs := other.amis.get(image_id)) is None:
            continue
        if not any(it.get("UserId") == backend.account_id or it.get("Group") == "all" for it in theirs.launch_permissions):
            raise AwsError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
        image = theirs
    if image is not None and image.state != "available":
        raise AwsError("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is not available")
    return image


def check_type(kind: str, image: Any) -> None:
    """An instance type exists, and what it can run is what the image is."""
    known = INSTANCE_TYPES.get(kind)
    if known is None:
        raise AwsError("InvalidParameterValue", f"Invalid value '{kind}' for InstanceType.")
    if image is None:
        return
    architectures = known["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in architectures:
        raise AwsError(
            "InvalidParameterValue",
            f"The architecture '{','.join(architectures)}' of the specified instance type does not match the architecture "
            f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the "
            "architecture of the instance type or AMI.",
        )
    virtualization = image.virtualization_type or _PARAVIRTUAL
    if virtualization not in known.get("SupportedVirtualizationTypes", ["hvm"]):
        raise AwsError(
            "InvalidParameterCombination",
            f"Non-Windows instances with a virtualization type of '{virtualization}' are currently not supported for this "
            f"instance type : {kind}",
        )
    if known.get("NetworkInfo", {}).get("EnaSupport") == "required" and not getattr(image, "ena_support", True):
        raise AwsError(
            "InvalidParameterCombination",
            f"Enhanced networking with the Elastic Network Adapter (ENA) is required for the '{kind}' instance type. Ensure "
            "that you are using an AMI that is enabled for ENA.",
        )


def network_of(backend: Any, given: dict[str, Any], kind: str, count: int) -> Network:
    """Subnet, groups and addresses, from the request or from its one interface; without a subnet the zone's default one."""
    interfaces = given["NetworkInterfaces"]
    if len(interfaces) > 1:
        raise AwsError("InvalidParameterCombination", "One network interface is all that can be made here.")
    if interfaces and (given["SubnetId"] or given["SecurityGroupIds"] or given["SecurityGroups"] or given["PrivateIpAddress"]):
        raise AwsError(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID, security groups or private address may not be specified on "
            "the same request",
        )
    interface = interfaces[0] if interfaces else {}
    subnet = _subnet(backend, interface.get("SubnetId") or given["SubnetId"], given["Zone"], kind)
    wanted_groups = [str(it) for it in interface.get("Groups") or given["SecurityGroupIds"]]
    wanted_groups += [_group_named(backend, name, subnet.vpc_id) for name in given["SecurityGroups"]]
    for group_id in wanted_groups:
        _check_group(backend, group_id, subnet)
    listed = interface.get("PrivateIpAddresses", [])
    primary = next((it["PrivateIpAddress"] for it in listed if str(it.get("Primary")).lower() == "true"), None)
    private_ip = interface.get("PrivateIpAddress") or given["PrivateIpAddress"] or primary
    secondary = [it["PrivateIpAddress"] for it in listed if it["PrivateIpAddress"] != private_ip]
    if (private_ip or secondary) and count > 1:
        raise AwsError("InvalidParameterCombination", "A private address can be given to one instance only.")
    for ip in ([private_ip] if private_ip else []) + secondary:
        _check_address(backend, subnet, ip)
    if len(secondary) != len(set(secondary) - {private_ip}):
        raise AwsError("InvalidParameterValue", "A private address is given twice.")
    default = backend.get_default_security_group(subnet.vpc_id)
    public = interface.get("AssociatePublicIpAddress")
    return Network(
        subnet, wanted_groups or ([default.id] if default else []), private_ip, secondary,
        None if public is None else str(public).lower() == "true",
    )


def _subnet(backend: Any, subnet_id: str | None, zone: str | None, kind: str) -> Any:
    """The subnet to launch in: it is there, its zone offers the type and has capacity left."""
    zones = sorted(it.name for it in backend.describe_availability_zones())
    if zone and zone not in zones:
        raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
    if subnet_id:
        found = next((it for subnets in backend.subnets.values() for it in subnets.values() if it.id == subnet_id), None)
        if found is None:
            raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
        if zone and zone != found.availability_zone:
            raise AwsError("InvalidParameterValue", f"The subnet '{subnet_id}' is not in the availability zone '{zone}'.")
        _check_offered(backend, kind, found.availability_zone, zones)
        check_capacity(kind, found.availability_zone, True, zones)
        return found
    defaults = backend.get_default_subnets()
    offering = [it for it in zones if it in defaults and _offers(backend, kind, it)]
    chosen = zone or (offering or zones)[0]
    _check_offered(backend, kind, chosen, zones)
    chosen = check_capacity(kind, chosen, bool(zone), offering)
    if chosen not in defaults:
        raise AwsError("MissingInput", f"No default subnet for availability zone: '{chosen}'.")
    return defaults[chosen]


def _offers(backend: Any, kind: str, zone: str) -> bool:
    found = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(backend.region_name, [])
    return any(it["Location"] == zone and it["InstanceType"] == kind for it in found)


def _check_offered(backend: Any, kind: str, zone: str, zones: list[str]) -> None:
    if not _offers(backend, kind, zone):
        better = ", ".join(it for it in zones if _offers(backend, kind, it))
        raise AwsError(
            "Unsupported",
            f"Your requested instance type ({kind}) is not supported in your requested Availability Zone ({zone}). Please retry "
            f"your request by not specifying an Availability Zone or choosing {better}.",
        )


def _group_named(backend: Any, name: str, vpc: str) -> str:
    group = backend.get_security_group_by_name_or_id(name, vpc)
    if group is None:
        raise AwsError("InvalidGroup.NotFound", f"The security group '{name}' does not exist in VPC '{vpc}'")
    return str(group.id)


def _check_group(backend: Any, group_id: str, subnet: Any) -> None:
    group = backend.get_security_group_from_id(group_id)
    if group is None:
        raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    if group.vpc_id != subnet.vpc_id:
        raise AwsError(
            "InvalidParameter", f"Security group {group_id} and subnet {subnet.id} belong to different networks."
        )


def _check_address(backend: Any, subnet: Any, ip: str) -> None:
    """A private address is of the subnet, not one of AWS's, and free."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        raise AwsError("InvalidParameterValue", f"Invalid IPv4 address: {ip}") from None
    if address not in subnet.cidr:
        raise AwsError("InvalidParameterValue", "Address does not fall within the subnet's address range")
    number = int(address) - int(subnet.cidr.network_address)
    if number < _RESERVED or address == subnet.cidr.broadcast_address:
        raise AwsError("InvalidParameterValue", f"Address {ip} is in subnet's reserved address range")
    for interface in list(backend.enis.values()):
        if interface.subnet.id == subnet.id and any(it["PrivateIpAddress"] == ip for it in interface.private_ip_addresses):
            raise AwsError("InvalidIPAddress.InUse", f"Address {ip} is in use.")


def check_key_pair(backend: Any, name: str | None) -> None:
    """A key pair that is named is there."""
    if name and name not in backend.key_pairs:
        raise AwsError("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")


def check_group(backend: Any, name: str | None) -> None:
    """A placement group that is named is there."""
    if name and name not in groups(backend):
        raise AwsError("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")


def profile_of(backend: Any, given: dict[str, Any]) -> dict[str, str] | None:
    """An instance profile that is named is there."""
    if not (named := given.get("Arn") or given.get("Name")):
        return None
    found = keys.profile(backend.account_id, named)
    if not found:
        member = "iamInstanceProfile.arn" if given.get("Arn") else "iamInstanceProfile.name"
        raise AwsError("InvalidParameterValue", f"Value ({named}) for parameter {member} is invalid. Invalid IAM Instance Profile")
    return {"Arn": found["arn"], "Id": found["id"]}


def disks_of(backend: Any, image: Any, mappings: list[dict[str, Any]]) -> tuple[str, list[Disk]]:
    """The root device, and every device: those of the image, changed, left out or joined by those of the request."""
    root = image.root_device_name if image is not None else "/dev/sda1"
    own = image.block_device_mappings if image is not None else []
    devices = {it["DeviceName"]: dict(it["Ebs"]) for it in own if it.get("Ebs")}
    devices.setdefault(root, {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True})
    of_image = {name: ebs.get("SnapshotId") for name, ebs in devices.items()}
    for mapping in mappings:
        name = mapping.get("DeviceName", "")
        if "NoDevice" in mapping:
            devices.pop(name, None)
        elif "Ebs" in mapping:
            devices[name] = {**devices.get(name, {}), **mapping["Ebs"]}
        elif "VirtualName" not in mapping:
            raise AwsError("MissingParameter", "The request must contain the parameter ebs or virtualName")
    if root not in devices:
        raise AwsError("InvalidBlockDeviceMapping", f"The root device {root} cannot be left out.")
    return root, [_disk(backend, image, name, ebs, of_image.get(name)) for name, ebs in devices.items()]


def _disk(backend: Any, image: Any, name: str, ebs: dict[str, Any], of_image: str | None) -> Disk:
    """A device after all checks. Snapshots of an image can be used by whoever can launch from it."""
    given = dict(ebs)
    if of_image and given.get("SnapshotId") == of_image:
        given["Snapshot"] = image.ec2_backend.snapshots.get(of_image)
        # Whether it is encrypted the image says; the request may ask for more.
        if not str(given.get("Encrypted")).lower() == "true" or given.get("KmsKeyId") is None:
            given.pop("Encrypted", None)
        if is_public(image) or given["Snapshot"] is None:
            least = next(it["Ebs"]["VolumeSize"] for it in image.block_device_mappings if it["DeviceName"] == name)
            _check_size(given, least, of_image)
            given.pop("SnapshotId")
    it = wanted(backend, given, name, "InvalidBlockDeviceMapping")
    delete = str(given.get("DeleteOnTermination")).lower() == "true"
    return Disk(name, it, delete, keys.refuses(backend, it.key if it.encrypted else None))


def _check_size(given: dict[str, Any], least: int, snapshot: str) -> None:
    if int(given.get("VolumeSize") or least) < least:
        raise AwsError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {given['VolumeSize']}GB is smaller than snapshot '{snapshot}', expect size >= {least}GB",
        )
