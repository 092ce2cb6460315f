"""Instances with everything that an instance can have, what can be seen of them, and how they end: for recoveries, which have to
bring all of it back."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from tests.cloud import Cloud, wait_for
from tests.estate import IMAGE, Estate, Tags, pairs, plain

USER_DATA = "#!/bin/sh\necho ready > /run/ready\n"
_NUMBERS = itertools.count(20)
_SERVICE = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
_FOR_EC2 = json.dumps({"Version": "2012-10-17", "Statement": [_SERVICE]})


@dataclass(frozen=True)
class Disk:
    """A volume as a person sees it."""

    device: str
    size: int
    kind: str
    iops: int | None
    throughput: int | None
    delete_on_termination: bool
    tags: tuple[tuple[str, str], ...]


@dataclass
class Machine:
    """An instance as a person sees it: what a recovery has to bring back."""

    instance_type: str
    subnet: str
    private_ips: tuple[str, ...]
    groups: tuple[str, ...]
    key_pair: str | None
    profile: str | None
    user_data: str
    shutdown_behavior: str
    protected: bool
    monitoring: str
    metadata: tuple[Any, ...]
    elastic_ip: str | None
    tags: Tags
    disks: dict[str, Disk]
    volumes: dict[str, str] = field(compare=False, default_factory=dict)
    """Its volumes by device: other ones after a recovery."""


def rich(cloud: Cloud, place: Estate, name: str, protected: bool = True) -> str:
    """An instance with three volumes, each different, and all that can be set; answers its id."""
    number, ec2, iam = next(_NUMBERS), place.ec2, cloud.client("iam", account=place.account)
    subnet = own_subnet(place, number)
    group = ec2.create_security_group(GroupName=f"{name}-{number}", Description="x", VpcId=subnet["VpcId"])["GroupId"]
    key, role = f"key-{name}-{number}", f"role-{name}-{number}"
    ec2.create_key_pair(KeyName=key)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=_FOR_EC2)
    profile = iam.create_instance_profile(InstanceProfileName=role)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
    prefix = subnet["CidrBlock"].rsplit(".", 1)[0]
    instance = str(ec2.run_instances(
        ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="m5.large", KeyName=key, IamInstanceProfile={"Arn": profile},
        UserData=USER_DATA, Monitoring={"Enabled": True}, InstanceInitiatedShutdownBehavior="terminate",
        DisableApiTermination=protected,
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled"},
        NetworkInterfaces=[{
            "DeviceIndex": 0, "SubnetId": subnet["SubnetId"], "Groups": [group], "PrivateIpAddresses": [
                {"PrivateIpAddress": f"{prefix}.{number}", "Primary": True},
                {"PrivateIpAddress": f"{prefix}.{number + 100}", "Primary": False},
            ],
        }],
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}},
            {"DeviceName": "/dev/sdf", "Ebs": {
                "VolumeSize": 20, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250, "DeleteOnTermination": True}},
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 10, "VolumeType": "io2", "Iops": 500, "DeleteOnTermination": False}},
        ],
    )["Instances"][0]["InstanceId"])
    place.tag(instance, {"Name": name, "cost-centre": "4711"})
    for device, volume in volumes(place, instance).items():
        place.tag(volume, {"Name": f"{name}-{device.removeprefix('/dev/')}", "backup-tier": "gold"})
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(InstanceId=instance, AllocationId=allocation)
    return instance


def own_subnet(place: Estate, number: int) -> dict[str, Any]:
    """A subnet beside the default ones: no other instance takes an address of it."""
    beside = default_subnet(place)
    return dict(place.ec2.create_subnet(
        VpcId=beside["VpcId"], AvailabilityZone=beside["AvailabilityZone"], CidrBlock=f"172.31.{number + 180}.0/24",
    )["Subnet"])


def default_subnet(place: Estate, zone: str = "a") -> dict[str, Any]:
    """The default subnet of a zone."""
    by_zone = [{"Name": "availability-zone", "Values": [f"{place.region}{zone}"]}, {"Name": "default-for-az", "Values": ["true"]}]
    return dict(place.ec2.describe_subnets(Filters=by_zone)["Subnets"][0])


def described(place: Estate, instance: str) -> dict[str, Any]:
    """An instance as AWS describes it."""
    return dict(place.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0])


def state(place: Estate, instance: str) -> str:
    """The state of an instance."""
    return str(described(place, instance)["State"]["Name"])


def volumes(place: Estate, instance: str) -> dict[str, str]:
    """The volumes of an instance by device."""
    return {it["DeviceName"]: str(it["Ebs"]["VolumeId"]) for it in described(place, instance)["BlockDeviceMappings"]}


def of_suite(tags: Tags) -> Tags:
    """The tags that are the suite's."""
    return {key: value for key, value in tags.items() if key.startswith("cpm:")}


def own(tags: list[dict[str, str]] | None) -> Tags:
    """The tags that are not the suite's."""
    found = plain(tags)
    return {key: value for key, value in found.items() if key not in of_suite(found)}


def seen(place: Estate, instance: str) -> Machine:
    """An instance as it is."""
    it = described(place, instance)
    mapped = {device["DeviceName"]: device["Ebs"] for device in it["BlockDeviceMappings"]}
    held = {volume: device for device, volume in volumes(place, instance).items()}
    disks = {}
    for volume in place.ec2.describe_volumes(VolumeIds=list(held))["Volumes"]:
        device = held[volume["VolumeId"]]
        disks[device] = Disk(
            device, volume["Size"], volume["VolumeType"], volume.get("Iops"), volume.get("Throughput"),
            mapped[device]["DeleteOnTermination"], tuple(sorted(own(volume.get("Tags")).items())),
        )
    interface, options = it["NetworkInterfaces"][0], it["MetadataOptions"]
    addresses = place.ec2.describe_addresses(Filters=[{"Name": "instance-id", "Values": [instance]}])["Addresses"]
    return Machine(
        it["InstanceType"], it["SubnetId"], tuple(sorted(ip["PrivateIpAddress"] for ip in interface["PrivateIpAddresses"])),
        tuple(sorted(group["GroupId"] for group in it["SecurityGroups"])), it.get("KeyName"),
        it.get("IamInstanceProfile", {}).get("Arn"), _user_data(place, instance),
        attribute(place, instance, "instanceInitiatedShutdownBehavior"), attribute(place, instance, "disableApiTermination"),
        it["Monitoring"]["State"],
        tuple(options[name] for name in ("HttpTokens", "HttpEndpoint", "HttpPutResponseHopLimit", "InstanceMetadataTags")),
        addresses[0]["AllocationId"] if addresses else None, own(it.get("Tags")), disks, volumes(place, instance),
    )


def attribute(place: Estate, instance: str, name: str) -> Any:
    """An attribute of an instance."""
    answer = place.ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)
    return answer[f"{name[0].upper()}{name[1:]}"].get("Value")


def _user_data(place: Estate, instance: str) -> str:
    return base64.b64decode(attribute(place, instance, "userData") or "").decode()


def end(place: Estate, instance: str) -> None:
    """Somebody deletes an instance with all its volumes."""
    held = list(volumes(place, instance).values())
    place.ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    place.ec2.terminate_instances(InstanceIds=[instance])
    wait_for(f"the end of {instance}", lambda: state(place, instance) == "terminated")
    left = {it["VolumeId"] for it in place.ec2.describe_volumes()["Volumes"]} & set(held)
    for volume in left:
        place.ec2.delete_volume(VolumeId=volume)


def of_recovery(place: Estate, recovery: str) -> dict[str, set[str]]:
    """What of EC2 carries the mark of a recovery, gone instances left out: ids by kind."""
    by_tag = [{"Name": "tag:cpm:recovery", "Values": [recovery]}]
    reservations = place.ec2.describe_instances(Filters=by_tag)["Reservations"]
    instances = [it for reservation in reservations for it in reservation["Instances"]]
    return {
        "instance": {it["InstanceId"] for it in instances if it["State"]["Name"] not in ("shutting-down", "terminated")},
        "volume": {it["VolumeId"] for it in place.ec2.describe_volumes(Filters=by_tag)["Volumes"]},
        "image": {it["ImageId"] for it in place.ec2.describe_images(Owners=["self"], Filters=by_tag)["Images"]},
    }


def encrypted(cloud: Cloud, place: Estate) -> tuple[str, str]:
    """A detached volume that is encrypted with a key of the account; answers the volume and the key."""
    key = cloud.client("kms", region=place.region, account=place.account).create_key()["KeyMetadata"]["Arn"]
    made = place.ec2.create_volume(
        AvailabilityZone=f"{place.region}a", Size=8, VolumeType="gp3", Encrypted=True, KmsKeyId=key,
        TagSpecifications=[{"ResourceType": "volume", "Tags": pairs({"Name": "secret"})}],
    )
    return str(made["VolumeId"]), str(key)
