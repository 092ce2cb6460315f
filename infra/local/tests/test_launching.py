"""Images are registered, instances launched and ended as on AWS."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, MEMBER, Cloud, Inbox, wait_for
from made import (
    instance, name, plain, refused, register, registered, run, snapshot, snapshots, state, tagged, volume, volumes,
)


@pytest.fixture(autouse=True)
def quick(cloud: Cloud) -> Iterator[None]:
    cloud.control("POST", "config", {"snapshot_seconds": 0.1, "instance_seconds": 0.4, "image_seconds": 0.2})
    yield


# ---- images


def test_an_image_has_what_it_was_registered_with(cloud: Cloud, ec2: Any) -> None:
    inbox = Inbox(cloud, {"source": ["aws.ec2"], "detail-type": ["EC2 AMI State Change"]})
    root, data = snapshots(ec2, 2)
    wanted = register(
        ec2, root, data, Architecture="arm64", BootMode="uefi", ImdsSupport="v2.0", Description="of a backup",
        TagSpecifications=tagged("image", **{"cpm:recovery": "r1"}),
    )
    wanted["BlockDeviceMappings"][1]["Ebs"] |= {
        "VolumeSize": 20, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250, "DeleteOnTermination": False}
    made = ec2.register_image(**wanted)["ImageId"]
    seen = ec2.describe_images(ImageIds=[made])["Images"][0]
    assert (seen["State"], seen["Name"], seen["OwnerId"]) == ("pending", wanted["Name"], HOME)
    assert (seen["Architecture"], seen["VirtualizationType"], seen["BootMode"]) == ("arm64", "hvm", "uefi")
    assert (seen["ImdsSupport"], seen["EnaSupport"], seen["RootDeviceName"]) == ("v2.0", True, "/dev/xvda")
    assert (seen["PlatformDetails"], seen["Description"], plain(seen)) == ("Linux/UNIX", "of a backup", {"cpm:recovery": "r1"})
    first, second = (mapping["Ebs"] for mapping in seen["BlockDeviceMappings"])
    assert (first["SnapshotId"], first["VolumeSize"], first["DeleteOnTermination"]) == (root, 8, True)
    assert second == {
        "SnapshotId": data, "VolumeSize": 20, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250, "Encrypted": False,
        "DeleteOnTermination": False,
    }
    refused("InvalidAMIID.Unavailable", run, ec2=ec2, image=made)
    wait_for(lambda: ec2.describe_images(ImageIds=[made])["Images"][0]["State"] == "available")
    wait_for(lambda: inbox.about(made))
    for held in (root, data):
        refused("InvalidSnapshot.InUse", ec2.delete_snapshot, SnapshotId=held)
    ec2.deregister_image(ImageId=made)
    refused("InvalidAMIID.Unavailable", run, ec2=ec2, image=made, words="no longer available")
    ec2.delete_snapshot(SnapshotId=data)


def test_images_that_are_refused(ec2: Any) -> None:
    (root,) = snapshots(ec2)
    taken = register(ec2, root)
    ec2.register_image(**taken)
    refused("InvalidAMIName.Duplicate", ec2.register_image, **taken)
    refused("InvalidSnapshot.NotFound", ec2.register_image, **register(ec2, "snap-0123456789abcdef0"))
    refused("InvalidBlockDeviceMapping", ec2.register_image, "No root snapshot", **register(ec2, root, RootDeviceName="/dev/sda1"))
    small = register(ec2, root)
    small["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] = 4
    refused("InvalidBlockDeviceMapping", ec2.register_image, "smaller than snapshot", **small)
    encrypted = register(ec2, root)
    encrypted["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] = True
    refused("InvalidBlockDeviceMapping", ec2.register_image, "encrypted flag", **encrypted)
    twice = register(ec2, root)
    twice["BlockDeviceMappings"] *= 2
    refused("InvalidBlockDeviceMapping", ec2.register_image, "more than one", **twice)
    refused("InvalidParameterValue", ec2.register_image, **register(ec2, root, TagSpecifications=tagged("volume", a="b")))


def test_amazons_images_are_everybodys(ec2: Any) -> None:
    found = ec2.describe_images(Owners=["amazon"])["Images"]
    assert {image["OwnerId"] for image in found} == {"137112412989"} and {image["Public"] for image in found} == {True}
    assert {image["Architecture"] for image in found} == {"x86_64", "arm64"}
    assert ec2.describe_images(Owners=["self"], Filters=[{"Name": "is-public", "Values": ["true"]}])["Images"] == []
    refused("AuthFailure", ec2.deregister_image, ImageId=found[0]["ImageId"])


def test_a_registration_can_fail(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "faults", {"action": "ec2:RegisterImage", "effect": "image_error", "cause": "unreadable"})
    made = ec2.register_image(**register(ec2, *snapshots(ec2)))["ImageId"]
    seen = wait_for(lambda: next((it for it in ec2.describe_images(ImageIds=[made])["Images"] if it["State"] == "failed"), None))
    assert seen["StateReason"]["Message"] == "unreadable"


# ---- launches


def test_an_instance_of_an_image_has_its_devices_and_those_of_the_request(ec2: Any) -> None:
    root, data, extra = snapshots(ec2, 3)
    image = registered(ec2, root, data)
    made = run(
        ec2, image, BlockDeviceMappings=[
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 16, "VolumeType": "gp3", "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdf", "NoDevice": ""},
            {"DeviceName": "/dev/sdg", "Ebs": {"SnapshotId": extra, "VolumeType": "io2", "Iops": 500, "DeleteOnTermination": True}},
        ],
        TagSpecifications=tagged("instance", Name="web") + tagged("volume", of="recovery"),
    )["InstanceId"]
    found = volumes(ec2, made)
    assert set(found) == {"/dev/xvda", "/dev/sdg"}
    first, second = found["/dev/xvda"], found["/dev/sdg"]
    assert (first["SnapshotId"], first["Size"], first["VolumeType"], first["Iops"], first["Throughput"]) == (root, 16, "gp3", 3000, 125)
    assert (second["SnapshotId"], second["Size"], second["VolumeType"], second["Iops"]) == (extra, 8, "io2", 500)
    assert [it["Attachments"][0]["DeleteOnTermination"] for it in (first, second)] == [False, True]
    assert [plain(it) for it in (first, second)] == [{"of": "recovery"}] * 2
    seen = instance(ec2, made)
    assert plain(seen) == {"Name": "web"} and seen["ImageId"] == image and seen["RootDeviceName"] == "/dev/xvda"
    assert seen["State"]["Name"] == "pending"
    wait_for(lambda: state(ec2, made) == "running")


def test_what_a_launch_sets_is_described(cloud: Cloud, ec2: Any) -> None:
    key, group = name("key"), name("group")
    ec2.create_key_pair(KeyName=key)
    ec2.create_placement_group(GroupName=group, Strategy="spread")
    profile = cloud.client("iam").create_instance_profile(InstanceProfileName=name("profile"))["InstanceProfile"]["Arn"]
    subnet = ec2.describe_subnets()["Subnets"][0]
    security = ec2.create_security_group(GroupName=name(), Description="x", VpcId=subnet["VpcId"])["GroupId"]
    prefix = subnet["CidrBlock"].rsplit(".", 1)[0]
    text = base64.b64encode(b"#!/bin/sh\n").decode()
    made = run(
        ec2, "ami-12c6146b", KeyName=key, UserData="#!/bin/sh\n", Monitoring={"Enabled": True}, EbsOptimized=True,
        IamInstanceProfile={"Arn": profile}, InstanceInitiatedShutdownBehavior="terminate", DisableApiTermination=True,
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled"},
        Placement={"GroupName": group, "Tenancy": "dedicated"},
        NetworkInterfaces=[{
            "DeviceIndex": 0, "SubnetId": subnet["SubnetId"], "Groups": [security], "AssociatePublicIpAddress": False,
            "PrivateIpAddresses": [
                {"PrivateIpAddress": f"{prefix}.77", "Primary": True}, {"PrivateIpAddress": f"{prefix}.78", "Primary": False}],
        }],
    )["InstanceId"]
    seen = instance(ec2, made)
    assert (seen["KeyName"], seen["IamInstanceProfile"]["Arn"], seen["EbsOptimized"]) == (key, profile, True)
    assert (seen["Placement"]["GroupName"], seen["Placement"]["Tenancy"]) == (group, "dedicated")
    assert (seen["SubnetId"], seen["PrivateIpAddress"], seen["Monitoring"]["State"]) == (subnet["SubnetId"], f"{prefix}.77", "enabled")
    assert [it["GroupId"] for it in seen["SecurityGroups"]] == [security] and "PublicIpAddress" not in seen
    options = seen["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["InstanceMetadataTags"]) == ("required", 2, "enabled")
    (interface,) = seen["NetworkInterfaces"]
    assert interface["Attachment"]["DeleteOnTermination"] is True and [it["GroupId"] for it in interface["Groups"]] == [security]
    assert {it["PrivateIpAddress"]: it["Primary"] for it in interface["PrivateIpAddresses"]} == {
        f"{prefix}.77": True, f"{prefix}.78": False}

    def attribute(name: str) -> Any:
        return ec2.describe_instance_attribute(InstanceId=made, Attribute=name)

    assert attribute("userData")["UserData"]["Value"] == text
    assert attribute("disableApiTermination")["DisableApiTermination"]["Value"] is True
    assert attribute("instanceInitiatedShutdownBehavior")["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
    by_ip = [{"Name": "addresses.private-ip-address", "Values": [f"{prefix}.78"]}]
    assert len(ec2.describe_network_interfaces(Filters=by_ip)["NetworkInterfaces"]) == 1
    refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[made])
    ec2.modify_instance_attribute(InstanceId=made, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[made])
    assert not ec2.describe_network_interfaces(Filters=by_ip)["NetworkInterfaces"], "its addresses are free again"
    run(ec2, "ami-12c6146b", SubnetId=subnet["SubnetId"], PrivateIpAddress=f"{prefix}.77")
    refused("InvalidIPAddress.InUse", run, ec2=ec2, image="ami-12c6146b", SubnetId=subnet["SubnetId"], PrivateIpAddress=f"{prefix}.77")


def test_a_launch_without_a_subnet_goes_to_the_default_one(ec2: Any) -> None:
    made = run(ec2, "ami-12c6146b", Placement={"AvailabilityZone": "us-east-1b"})
    subnet = ec2.describe_subnets(SubnetIds=[made["SubnetId"]])["Subnets"][0]
    assert (subnet["AvailabilityZone"], subnet["DefaultForAz"]) == ("us-east-1b", True)
    assert made["PrivateIpAddress"].startswith(subnet["CidrBlock"].rsplit(".", 2)[0])


def _other_vpc(ec2: Any) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return str(ec2.create_security_group(GroupName=name(), Description="x", VpcId=vpc)["GroupId"])


REFUSED: dict[str, tuple[str, str, Callable[[Any], dict[str, Any]]]] = {
    "image": ("InvalidAMIID.Malformed", "", lambda _: {"image": "image-1"}),
    "type": ("InvalidParameterValue", "InstanceType", lambda _: {"InstanceType": "t9.huge"}),
    "architecture": ("InvalidParameterValue", "architecture", lambda _: {"InstanceType": "t4g.micro"}),
    "zone": ("InvalidParameterValue", "zone", lambda _: {"Placement": {"AvailabilityZone": "us-east-1q"}}),
    "offering": ("Unsupported", "choosing", lambda _: {"InstanceType": "m5.large", "Placement": {"AvailabilityZone": "us-east-1e"}}),
    "subnet": ("InvalidSubnetID.NotFound", "subnet-0123", lambda _: {"SubnetId": "subnet-0123456789abcdef0"}),
    "group": ("InvalidGroup.NotFound", "", lambda _: {"SecurityGroupIds": ["sg-0123456789abcdef0"]}),
    "group of another vpc": ("InvalidParameter", "different networks", lambda ec2: {"SecurityGroupIds": [_other_vpc(ec2)]}),
    "key": ("InvalidKeyPair.NotFound", "", lambda _: {"KeyName": "nobodys"}),
    "placement": ("InvalidPlacementGroup.Unknown", "", lambda _: {"Placement": {"GroupName": "nobodys"}}),
    "profile": ("InvalidParameterValue", "Profile", lambda _: {"IamInstanceProfile": {"Name": "nobodys"}}),
    "snapshot": ("InvalidSnapshot.NotFound", "", lambda _: {"BlockDeviceMappings": [
        {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}]}),
    "size": ("InvalidBlockDeviceMapping", "smaller", lambda _: {"BlockDeviceMappings": [
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 2}}]}),
    "root": ("InvalidBlockDeviceMapping", "root", lambda _: {"BlockDeviceMappings": [
        {"DeviceName": "/dev/sda1", "NoDevice": ""}]}),
    "iops": ("InvalidParameterCombination", "gp2", lambda _: {"BlockDeviceMappings": [
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 8, "VolumeType": "gp2", "Iops": 3000}}]}),
    "twice": ("InvalidParameterCombination", "same request", lambda ec2: {
        "SubnetId": ec2.describe_subnets()["Subnets"][0]["SubnetId"], "NetworkInterfaces": [{"DeviceIndex": 0}]}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_launches_that_are_refused(ec2: Any, case: str) -> None:
    code, words, given = REFUSED[case]
    before = len(ec2.describe_volumes()["Volumes"])
    refused(code, run, words, **{"ec2": ec2, "image": "ami-12c6146b", **given(ec2)})
    assert len(ec2.describe_volumes()["Volumes"]) == before, "nothing is made of it"


@pytest.mark.parametrize(("last", "code", "words"), [
    ("250.250", "InvalidParameterValue", "within the subnet's address range"),
    ("0.3", "InvalidParameterValue", "reserved"),
])
def test_addresses_that_are_refused(ec2: Any, last: str, code: str, words: str) -> None:
    subnet = next(it for it in ec2.describe_subnets()["Subnets"] if it["CidrBlock"] == "172.31.0.0/20")
    refused(code, run, words, ec2=ec2, image="ami-12c6146b", SubnetId=subnet["SubnetId"], PrivateIpAddress=f"172.31.{last}")
    refused(
        "InvalidParameterCombination", run, ec2=ec2, image="ami-12c6146b", SubnetId=subnet["SubnetId"],
        PrivateIpAddress="172.31.0.99", MaxCount=2,
    )


def test_images_that_do_not_fit_the_type(ec2: Any) -> None:
    (root,) = snapshots(ec2)
    refused("InvalidParameterCombination", run, "ENA", ec2=ec2, image=registered(ec2, root, EnaSupport=False))
    old = registered(ec2, root, VirtualizationType="paravirtual")
    refused("InvalidParameterCombination", run, "paravirtual", ec2=ec2, image=old)


def test_a_token_launches_once(cloud: Cloud, ec2: Any) -> None:
    image = registered(ec2, *snapshots(ec2))
    token = name("token")
    cloud.control("POST", "faults", {"action": "ec2:RunInstances", "effect": "drop", "when": "after", "times": 1})
    with pytest.raises(Exception, match="onnection"):
        run(ec2, image, ClientToken=token)
    made = [run(ec2, image, ClientToken=token)["InstanceId"] for _ in range(2)]
    by_token = [{"Name": "client-token", "Values": [token]}]
    found = ec2.describe_instances(Filters=by_token)["Reservations"]
    assert {it["InstanceId"] for r in found for it in r["Instances"]} == set(made) and len(set(made)) == 1
    refused("IdempotentParameterMismatch", run, ec2=ec2, image=image, ClientToken=token, InstanceType="t3.small")
    elsewhere = run(cloud.client("ec2", MEMBER), "ami-12c6146b", ClientToken=token)
    assert elsewhere["InstanceId"] not in made


def test_a_zone_without_capacity(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "config", {"no_capacity": ["us-east-1a"]})
    given: dict[str, Any] = {"Placement": {"AvailabilityZone": "us-east-1a"}}
    with pytest.raises(ClientError) as error:
        run(ec2, "ami-12c6146b", **given)
    said = error.value.response["Error"]
    assert said["Code"] == "InsufficientInstanceCapacity" and "us-east-1b" in said["Message"]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert run(ec2, "ami-12c6146b")["Placement"]["AvailabilityZone"] != "us-east-1a"


def test_an_instance_that_terminates_at_once_says_why(cloud: Cloud, ec2: Any) -> None:
    image, cause = registered(ec2, *snapshots(ec2)), "Client.VolumeLimitExceeded: Volume limit exceeded"
    cloud.control("POST", "faults", {"action": "ec2:RunInstances", "effect": "instance_error", "cause": cause, "times": 1})
    made = run(ec2, image)
    assert made["State"]["Name"] == "pending"
    held = set(volumes(ec2, made["InstanceId"]))
    wait_for(lambda: state(ec2, made["InstanceId"]) == "terminated")
    seen = instance(ec2, made["InstanceId"])
    assert seen["StateReason"] == {"Code": "Client.VolumeLimitExceeded", "Message": cause}
    assert held and not volumes(ec2, made["InstanceId"])


def test_an_instance_whose_key_is_disabled_terminates_at_once(cloud: Cloud, ec2: Any) -> None:
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    encrypted = ec2.create_volume(AvailabilityZone="us-east-1a", Size=8, Encrypted=True, KmsKeyId=key["Arn"])["VolumeId"]
    root = snapshot(ec2, encrypted)
    assert ec2.describe_snapshots(SnapshotIds=[root])["Snapshots"][0]["KmsKeyId"] == key["Arn"]
    image = registered(ec2, root)
    kms.disable_key(KeyId=key["KeyId"])
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["KeyState"] == "Disabled"
    made = run(ec2, image)["InstanceId"]
    wait_for(lambda: state(ec2, made) == "terminated")
    assert instance(ec2, made)["StateReason"]["Code"] == "Client.InternalError"
    kms.enable_key(KeyId=key["KeyId"])
    made = run(ec2, image)["InstanceId"]
    wait_for(lambda: state(ec2, made) == "running")
    (disk,) = volumes(ec2, made).values()
    assert (disk["Encrypted"], disk["KmsKeyId"]) == (True, key["Arn"])


def test_volumes_go_with_their_instance_as_they_were_told(ec2: Any) -> None:
    root, data = snapshots(ec2, 2)
    image = registered(ec2, root, data)
    made = run(ec2, image)["InstanceId"]
    found = volumes(ec2, made)
    wait_for(lambda: state(ec2, made) == "running")
    ec2.modify_instance_attribute(
        InstanceId=made, BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": False}}])
    ec2.terminate_instances(InstanceIds=[made])
    assert state(ec2, made) == "shutting-down"
    wait_for(lambda: state(ec2, made) == "terminated")
    refused("InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=[found["/dev/xvda"]["VolumeId"]])
    assert volume(ec2, found["/dev/sdf"]["VolumeId"])["State"] == "available"
    refused("InvalidInstanceID.NotFound", ec2.terminate_instances, InstanceIds=["i-0123456789abcdef0"])


# ---- addresses


def test_elastic_addresses(ec2: Any) -> None:
    address = ec2.allocate_address(Domain="vpc")
    allocation = address["AllocationId"]
    image = registered(ec2, *snapshots(ec2))
    made = run(ec2, image)["InstanceId"]
    refused("InvalidInstanceID", ec2.associate_address, "pending", InstanceId=made, AllocationId=allocation)
    wait_for(lambda: state(ec2, made) == "running")
    refused("InvalidAllocationID.NotFound", ec2.associate_address, InstanceId=made, AllocationId="eipalloc-0123456789abcdef0")
    first = ec2.associate_address(InstanceId=made, AllocationId=allocation)["AssociationId"]
    assert ec2.associate_address(InstanceId=made, AllocationId=allocation)["AssociationId"] == first
    assert instance(ec2, made)["PublicIpAddress"] == address["PublicIp"]
    other = run(ec2, "ami-12c6146b")["InstanceId"]
    refused(
        "Resource.AlreadyAssociated", ec2.associate_address, InstanceId=other, AllocationId=allocation, AllowReassociation=False)
    ec2.associate_address(InstanceId=other, AllocationId=allocation)
    assert ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]["InstanceId"] == other
    assert instance(ec2, made).get("PublicIpAddress") != address["PublicIp"]
    ec2.terminate_instances(InstanceIds=[other])
    assert "InstanceId" not in ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]


# ---- another account


def test_an_image_of_another_account(cloud: Cloud, ec2: Any) -> None:
    theirs = cloud.client("ec2", MEMBER)
    image = registered(ec2, *snapshots(ec2))
    refused("InvalidAMIID.NotFound", run, ec2=theirs, image=image)
    refused("InvalidAMIID.NotFound", theirs.describe_images, ImageIds=[image])
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": MEMBER}]})
    assert theirs.describe_images(ImageIds=[image])["Images"][0]["OwnerId"] == HOME
    refused("AuthFailure", theirs.deregister_image, ImageId=image)
    made = run(theirs, image)["InstanceId"]
    wait_for(lambda: state(theirs, made) == "running")
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Remove": [{"UserId": MEMBER}]})
    refused("InvalidAMIID.NotFound", run, ec2=theirs, image=image)
