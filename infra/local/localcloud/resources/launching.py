"""RunInstances and TerminateInstances as AWS carries them out: all checks first, the devices of image and request together,
one launch for a token, states that take their time.

moto runs at once what it is told to. What is launched from an image that somebody of the estate made is `pending`, then
`running`; a key that cannot be used, or a fault, has it `terminated` instead. An instance of one of Amazon's images runs at
once: it stands for what was there before.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import utils
from moto.ec2.models.instances import Instance, Reservation, StateReason
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.utils import parse_user_data, random_reservation_id

from . import launch_checks as checks
from .addresses import release
from .behaviour import SWITCHES
from .call import current
from .errors import AwsError
from .public_images import is_public
from .snapshots import CLOCK
from .tokens import once
from .volumes import make

_STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}
_ON_LAUNCH = "Client.InternalError: Client error on launch"


def install() -> None:
    """Put every patch of this module in place."""
    terminate = Instance.terminate

    def terminated(instance: Any) -> Any:
        """On AWS the interface and its addresses go with the instance."""
        before = terminate(instance)
        release(instance.ec2_backend, instance)
        return before

    Instance.terminate = terminated
    utils.filter_dict_attribute_mapping |= {
        "client-token": "client_token", "network-interface.addresses.private-ip-address": "private_ips",
    }
    Instance.private_ips = property(lambda it: [
        address["PrivateIpAddress"] for interface in it.nics.values() for address in interface.private_ip_addresses
    ])
    InstanceResponse.run_instances = run_instances
    InstanceResponse.terminate_instances = terminate_instances


def run_instances(response: Any) -> ActionResult:
    """AWS's RunInstances."""
    backend = response.ec2_backend
    given = _read(response)

    def launch() -> Any:
        image = checks.image_of(backend, given["ImageId"])
        checks.check_type(given["InstanceType"], image)
        network = checks.network_of(backend, given, given["InstanceType"], given["Count"])
        checks.check_key_pair(backend, given["KeyName"])
        checks.check_group(backend, given["Placement"].get("GroupName"))
        profile = checks.profile_of(backend, given["IamInstanceProfile"])
        root, disks = checks.disks_of(backend, image, given["BlockDeviceMappings"])
        reservation = Reservation(random_reservation_id(), owner_id=backend.account_id)
        for index in range(given["Count"]):
            instance = _instance(backend, given, image, network, index)
            instance.root_device_name = root
            instance.iam_instance_profile = profile
            reservation.instances.append(instance)
            backend.reservations[reservation.id] = reservation
            instance.add_tags(given["Tags"].get("instance", {}))
            for interface in instance.nics.values():
                interface.add_tags(given["Tags"].get("network-interface", {}))
            for disk in disks:
                volume = make(backend, disk.volume, instance.availability_zone)
                backend.attach_volume(volume.id, instance.id, disk.device, disk.delete_on_termination)
                volume.add_tags(given["Tags"].get("volume", {}))
            _begin(instance, image, next((disk.refused for disk in disks if disk.refused), ""))
        return reservation

    return ActionResult(once(launch))


def _read(response: Any) -> dict[str, Any]:
    """The request."""
    names = ("ImageId", "KeyName", "SubnetId", "PrivateIpAddress", "InstanceInitiatedShutdownBehavior", "KernelId", "RamdiskId")
    lists = ("SecurityGroupIds", "SecurityGroups", "NetworkInterfaces", "BlockDeviceMappings")
    maps = ("Placement", "IamInstanceProfile", "MetadataOptions", "Monitoring")
    given = {name: response._get_param(name) for name in names}
    given |= {name: response._get_param(name, []) for name in lists}
    given |= {name: response._get_param(name, {}) for name in maps}
    least, most = int(response._get_param("MinCount", 1)), int(response._get_param("MaxCount", 1))
    if least > most or least < 1:
        raise AwsError("InvalidParameterValue", f"Invalid value '{most}' for maxCount. Must be at least minCount, {least}.")
    return given | {
        "Count": most, "Zone": given["Placement"].get("AvailabilityZone"),
        "InstanceType": response._get_param("InstanceType") or "m1.small", "Tags": response._parse_tag_specification(),
        "UserData": parse_user_data(response._get_param("UserData")),
        "DisableApiTermination": response._get_bool_param("DisableApiTermination", False),
        "DisableApiStop": response._get_bool_param("DisableApiStop", False),
        "EbsOptimized": response._get_bool_param("EbsOptimized", False),
    }


def _instance(backend: Any, given: dict[str, Any], image: Any, network: checks.Network, index: int) -> Any:
    """The instance, without devices."""
    interface = {"DeviceIndex": 0, "SubnetId": network.subnet.id, "DeleteOnTermination": True}
    if network.public_ip is not None:
        interface["AssociatePublicIpAddress"] = network.public_ip
    call = current()
    instance = Instance(
        backend, given["ImageId"], given["UserData"], [backend.get_security_group_from_id(it) for it in network.groups],
        instance_type=given["InstanceType"], region_name=backend.region_name, subnet_id=network.subnet.id,
        key_name=given["KeyName"], nics=[interface], private_ip=network.private_ip, ami_launch_index=index,
        associate_public_ip=None, ebs_optimized=given["EbsOptimized"],
        monitoring_state="enabled" if str(given["Monitoring"].get("Enabled")).lower() == "true" else "disabled",
        disable_api_termination=given["DisableApiTermination"], disable_api_stop=given["DisableApiStop"],
        instance_initiated_shutdown_behavior=given["InstanceInitiatedShutdownBehavior"],
        metadata_options=given["MetadataOptions"], client_token=call.params.get("ClientToken") if call else None,
    )
    if image is None:
        instance.virtualization_type, instance.architecture = "hvm", "x86_64"
    instance.ena_support = getattr(image, "ena_support", True)
    instance.boot_mode = getattr(image, "boot_mode", None)
    instance.kernel_id = given["KernelId"] or getattr(image, "kernel_id", None)
    instance.ramdisk_id = given["RamdiskId"] or getattr(image, "ramdisk_id", None)
    instance.placement.group_name = given["Placement"].get("GroupName", "")
    instance.placement.tenancy = given["Placement"].get("Tenancy") or "default"
    if getattr(image, "imds_support", None) == "v2.0" and not given["MetadataOptions"].get("HttpTokens"):
        instance.metadata_options.http_tokens = "required"
    primary = instance.nics[0]
    for ip in network.secondary:
        network.subnet.request_ip(ip, instance)
        primary.private_ip_addresses.append({"Primary": False, "PrivateIpAddress": ip})
    return instance


def _begin(instance: Any, image: Any, refused: str) -> None:
    """The launch takes its course."""
    call = current()
    cause = (call.instance_error if call else "") or (_ON_LAUNCH if refused else "")
    instance.takes_time = image is not None and not is_public(image)
    if not instance.takes_time and not cause:
        return
    _set(instance, "pending")

    def end() -> None:
        if instance.state != "pending":
            return
        if not cause:
            _set(instance, "running")
            return
        instance.disable_api_termination = False
        instance.terminate()
        instance.state_reason = StateReason(cause, cause.split(":", 1)[0] if ":" in cause else "Server.InternalError")
        instance._reason = ""

    CLOCK.after(SWITCHES.now.instance_seconds, end)


def _set(instance: Any, state: str) -> None:
    instance._state.name, instance._state.code = state, _STATES[state]


def terminate_instances(response: Any) -> ActionResult:
    """On AWS all are there and none is protected, or none is touched; it takes its time, and the volumes go at its end."""
    backend, ids = response.ec2_backend, response._get_param("InstanceIds", [])
    instances = [backend.get_instance_by_id(it) for it in ids]
    for missing in (it for it, found in zip(ids, instances, strict=True) if found is None):
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{missing}' does not exist")
    for instance in instances:
        if instance.disable_api_termination is True or str(instance.disable_api_termination).lower() == "true":
            raise AwsError(
                "OperationNotPermitted",
                f"The instance '{instance.id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and "
                "try again.",
            )
    return ActionResult({"TerminatingInstances": [_end(instance) for instance in instances]})


def _end(instance: Any) -> dict[str, Any]:
    before = {"Name": instance.state, "Code": instance.state_code}
    if instance.state not in ("terminated", "shutting-down"):
        if instance.__dict__.get("takes_time"):
            _set(instance, "shutting-down")
            CLOCK.after(SWITCHES.now.instance_seconds, instance.terminate)
        else:
            instance.terminate()
    after = "shutting-down" if before["Name"] != "terminated" else "terminated"
    return {
        "InstanceId": instance.id, "PreviousState": before, "CurrentState": {"Name": after, "Code": _STATES[after]},
    }
