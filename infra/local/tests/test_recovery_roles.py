"""The roles of the template, held against the planes: the recoverer makes what carries the deployment's tag, the cleaner removes
what a recovery made and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import HOME, LOCAL, Cloud, launch, wait_for
from databases import instance as database
from databases import pairs
from localcloud import template as templates
from made import instance, name, refused, register, run, snapshots, state, tagged, volume, volumes

STACK = "cpm"
OURS = {"cpm:deployment": STACK, "cpm:recovery": "r1"}


def _resolved(value: Any) -> Any:
    """A value of the template in the home account."""
    known = {"AWS::StackName": STACK, "AWS::AccountId": HOME, "AWS::Partition": "aws", "AWS::Region": "us-east-1",
             "AWS::URLSuffix": "amazonaws.com"}
    if isinstance(value, list):
        return [_resolved(it) for it in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return known.get(value["Ref"], "none")
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", lambda found: known.get(found[1], "none"), value["Fn::Sub"])
    if "Fn::GetAtt" in value:
        return "arn:aws:none:us-east-1:123456789012:none"
    return {key: _resolved(it) for key, it in value.items()}


def _client(cloud: Cloud, role: str, service: str) -> Any:
    template = templates.load(LOCAL.parent / "template.yaml")
    policies = template["Resources"][role]["Properties"]["Policies"]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    # Conditions of the template's own, and what no plane of this test is asked for.
    kept = [it for it in statements if "Fn::If" not in json.dumps(it)]
    return cloud.client(service, credentials=cloud.assume(cloud.role(name(role), _resolved(kept))))


@pytest.fixture(scope="module")
def recoverer(cloud: Cloud) -> Any:
    """EC2 as the recoverer."""
    return _client(cloud, "RecovererRole", "ec2")


@pytest.fixture(scope="module")
def cleaner(cloud: Cloud) -> Any:
    """EC2 as the cleaner."""
    return _client(cloud, "CleanerRole", "ec2")


@pytest.fixture(autouse=True)
def quick(cloud: Cloud) -> Iterator[None]:
    cloud.control("POST", "config", {
        "snapshot_seconds": 0.1, "instance_seconds": 0.2, "image_seconds": 0.1, "volume_seconds": 0.1, "attach_seconds": 0.1,
        "database_snapshot_seconds": 0.1, "database_seconds": 0.1,
    })
    yield


def _tags(kind: str) -> list[dict[str, Any]]:
    return tagged(kind, **OURS)


def _image(ec2: Any, recoverer: Any, *of: str) -> str:
    made = recoverer.register_image(**register(ec2, *of, TagSpecifications=_tags("image")))["ImageId"]
    wait_for(lambda: ec2.describe_images(ImageIds=[made])["Images"][0]["State"] == "available")
    return str(made)


def test_an_instance_is_brought_back_and_removed(cloud: Cloud, ec2: Any, recoverer: Any, cleaner: Any) -> None:
    of = snapshots(ec2, 2)
    refused("UnauthorizedOperation", recoverer.register_image, "image/\\*".replace("\\", ""), **register(ec2, *of))
    image = _image(ec2, recoverer, *of)
    both = _tags("instance") + _tags("volume")
    for lacking in ([], both[:1], both[1:], tagged("instance", **{"cpm:deployment": "other"}) + both[1:]):
        refused("UnauthorizedOperation", run, ec2=recoverer, image=image, TagSpecifications=lacking)
    key, role = name("key"), cloud.role(name("of-profile"), [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])
    ec2.create_key_pair(KeyName=key)
    iam, profile = cloud.client("iam"), name("profile")
    arn = iam.create_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role.rsplit("/", 1)[-1])
    subnet = ec2.describe_subnets()["Subnets"][0]
    made = run(
        recoverer, image, TagSpecifications=both, KeyName=key, IamInstanceProfile={"Arn": arn},
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet["SubnetId"]}],
    )["InstanceId"]
    wait_for(lambda: state(ec2, made) == "running")
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    recoverer.associate_address(InstanceId=made, AllocationId=allocation, AllowReassociation=False)
    recoverer.create_tags(Resources=[volumes(ec2, made)["/dev/sdf"]["VolumeId"]], Tags=pairs({"Name": "data"}))
    recoverer.modify_instance_attribute(InstanceId=made, DisableApiTermination={"Value": True})
    ec2.modify_instance_attribute(InstanceId=made, DisableApiTermination={"Value": False})
    foreign = launch(ec2)[0]
    refused("UnauthorizedOperation", recoverer.associate_address, InstanceId=foreign, AllocationId=allocation)
    refused("UnauthorizedOperation", recoverer.create_tags, Resources=[foreign], Tags=pairs(OURS))
    refused("UnauthorizedOperation", recoverer.terminate_instances, InstanceIds=[made])
    refused("UnauthorizedOperation", cleaner.terminate_instances, InstanceIds=[foreign])
    refused("UnauthorizedOperation", cleaner.run_instances, ImageId=image, MinCount=1, MaxCount=1)
    ec2.create_tags(Resources=[foreign], Tags=pairs({"cpm:deployment": STACK}))
    refused("UnauthorizedOperation", cleaner.terminate_instances, InstanceIds=[foreign])
    cleaner.terminate_instances(InstanceIds=[made])
    cleaner.deregister_image(ImageId=image)


def test_a_profile_is_handed_over_to_ec2_alone(cloud: Cloud, ec2: Any) -> None:
    """Without the permission to pass the role the launch is refused."""
    iam, profile = cloud.client("iam"), name("profile")
    role = cloud.role(name("of-profile"), [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role.rsplit("/", 1)[-1])
    launches = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    weak = cloud.client("ec2", credentials=cloud.assume(cloud.role(name("weak"), [launches])))
    refused("UnauthorizedOperation", run, "iam:PassRole", ec2=weak, image="ami-12c6146b", IamInstanceProfile={"Name": profile})


def test_a_volume_is_switched_and_the_old_one_removed(ec2: Any, recoverer: Any, cleaner: Any) -> None:
    machine, (_, old) = launch(ec2, 2)
    (of,) = snapshots(ec2)
    refused("UnauthorizedOperation", recoverer.create_volume, AvailabilityZone="us-east-1a", SnapshotId=of)
    new = recoverer.create_volume(AvailabilityZone="us-east-1a", SnapshotId=of, TagSpecifications=_tags("volume"))["VolumeId"]
    wait_for(lambda: volume(ec2, new)["State"] == "available")
    ec2.stop_instances(InstanceIds=[machine])
    refused("UnauthorizedOperation", cleaner.delete_volume, VolumeId=old)
    recoverer.detach_volume(VolumeId=old, InstanceId=machine, Device="/dev/sdb")
    wait_for(lambda: volume(ec2, old)["State"] == "available")
    foreign = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    recoverer.attach_volume(VolumeId=new, InstanceId=machine, Device="/dev/sdb")
    mapping = [{"DeviceName": "/dev/sdb", "Ebs": {"DeleteOnTermination": True}}]
    recoverer.modify_instance_attribute(InstanceId=machine, BlockDeviceMappings=mapping)
    found = {it["DeviceName"]: it["Ebs"] for it in instance(ec2, machine)["BlockDeviceMappings"]}
    assert found["/dev/sdb"]["DeleteOnTermination"] is True
    mark = {"cpm:deployment": STACK, "cpm:owner": "root", "cpm:replaced-by": "r1"}
    for wrong in ({"cpm:deployment": STACK}, {**mark, "Name": "x"}, {**mark, "cpm:deployment": "other"}, OURS):
        refused("UnauthorizedOperation", recoverer.create_tags, Resources=[old], Tags=pairs(wrong))
    refused("UnauthorizedOperation", recoverer.delete_volume, VolumeId=old)
    recoverer.create_tags(Resources=[old], Tags=pairs(mark))
    cleaner.delete_volume(VolumeId=old)
    refused("UnauthorizedOperation", cleaner.delete_volume, VolumeId=foreign)


def test_a_volume_is_put_back_and_the_new_one_removed(ec2: Any, recoverer: Any, cleaner: Any) -> None:
    machine, (_, old) = launch(ec2, 2)
    (of,) = snapshots(ec2)
    new = recoverer.create_volume(AvailabilityZone="us-east-1a", SnapshotId=of, TagSpecifications=_tags("volume"))["VolumeId"]
    ec2.stop_instances(InstanceIds=[machine])
    refused("UnauthorizedOperation", cleaner.detach_volume, VolumeId=old)
    recoverer.detach_volume(VolumeId=old, InstanceId=machine, Device="/dev/sdb")
    wait_for(lambda: volume(ec2, old)["State"] == volume(ec2, new)["State"] == "available")
    recoverer.attach_volume(VolumeId=new, InstanceId=machine, Device="/dev/sdb")
    wait_for(lambda: volume(ec2, new)["Attachments"][0]["State"] == "attached")
    cleaner.detach_volume(VolumeId=new)
    wait_for(lambda: volume(ec2, new)["State"] == "available")
    cleaner.delete_volume(VolumeId=new)
    recoverer.attach_volume(VolumeId=old, InstanceId=machine, Device="/dev/sdb")
    refused("UnauthorizedOperation", recoverer.delete_volume, VolumeId=old)
    refused("UnauthorizedOperation", cleaner.attach_volume, VolumeId=old, InstanceId=machine, Device="/dev/sdb")


def test_snapshots_that_are_not_the_deployments_are_not_shared(ec2: Any, recoverer: Any) -> None:
    ours, foreign = snapshots(ec2, 2)
    ec2.create_tags(Resources=[ours], Tags=pairs({"cpm:deployment": STACK}))
    given = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": ["111122223333"]}
    recoverer.modify_snapshot_attribute(SnapshotId=ours, **given)
    refused("UnauthorizedOperation", recoverer.modify_snapshot_attribute, SnapshotId=foreign, **given)


def test_databases_are_restored_and_removed(cloud: Cloud) -> None:
    rds, recoverer, cleaner = cloud.client("rds"), _client(cloud, "RecovererRole", "rds"), _client(cloud, "CleanerRole", "rds")
    source, of, made = database(rds), name("s"), name("db")
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=of)
    wait_for(lambda: rds.describe_db_snapshots(DBSnapshotIdentifier=of)["DBSnapshots"][0]["Status"] == "available")
    given = {"DBInstanceIdentifier": made, "DBSnapshotIdentifier": of, "DBParameterGroupName": "default.mysql8.0"}
    refused("AccessDenied", recoverer.restore_db_instance_from_db_snapshot, **given)
    recoverer.restore_db_instance_from_db_snapshot(**given, Tags=pairs(OURS))
    wait_for(lambda: cleaner.describe_db_instances(DBInstanceIdentifier=made)["DBInstances"][0]["DBInstanceStatus"] == "available")
    recoverer.modify_db_instance(DBInstanceIdentifier=made, DeletionProtection=False)
    refused("AccessDenied", recoverer.modify_db_instance, DBInstanceIdentifier=source, DeletionProtection=False)
    refused("AccessDenied", recoverer.delete_db_instance, DBInstanceIdentifier=made, SkipFinalSnapshot=True)
    refused("AccessDenied", cleaner.delete_db_instance, DBInstanceIdentifier=source, SkipFinalSnapshot=True)
    cleaner.delete_db_instance(DBInstanceIdentifier=made, SkipFinalSnapshot=True)
