"""Recoveries into another account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import machines
from tests.cloud import HOME, MEMBER, Cloud
from tests.e2e.conftest import Suite, of_instance, of_volume
from tests.estate import Estate, plain
from tests.recoveries import Recoveries, carries_marks, the, told, units


def place_in(place: Estate) -> dict[str, Any]:
    """What a plan has to name in another account."""
    subnet = machines.default_subnet(place)
    groups = place.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"]
    return {
        "subnet": subnet["SubnetId"], "security_groups": [groups[0]["GroupId"]], "private_ip": "", "key_pair": "", "profile": "",
        "elastic_ip": "",
    }


def shared_with(place: Estate, snapshots: set[str]) -> list[Any]:
    """Whom snapshots are shared with."""
    return [
        entry for snapshot in snapshots for entry in place.ec2.describe_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission")["CreateVolumePermissions"]
    ]


def test_an_instance_is_recovered_into_another_account(
    suite: Suite, us: Estate, member: Estate, recoveries: Recoveries
) -> None:
    instance, _ = us.instance({"Name": "moved"}, 2)
    backup = suite.run(suite.policy(of_instance(instance)))

    recovery = recoveries.file("instance", {"backup": backup["id"], "account": "prod", "instance": place_in(member)})

    assert (recovery["state"], recovery["account"]) == ("succeeded", "prod")
    there = the(recovery, "instance")
    assert machines.state(member, there) == "running" and len(machines.volumes(member, there)) == 2
    assert carries_marks(plain(machines.described(member, there)["Tags"]), recovery)
    assert not any(machines.of_recovery(us, recovery["id"]).values()), "nothing is made in the home account"
    assert not machines.of_recovery(member, recovery["id"])["image"]
    assert shared_with(us, units(backup)) == [], "and nothing is shared any longer"


def test_a_recovery_that_fails_in_another_account_leaves_nothing_shared(
    cloud: Cloud, suite: Suite, us: Estate, member: Estate, recoveries: Recoveries
) -> None:
    instance, _ = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))
    cloud.fault("ec2:RunInstances", "deny", account=MEMBER, app="cpm-recoverer")

    plan = {"backup": backup["id"], "account": "prod", "on_failure": "remove", "instance": place_in(member)}
    recovery = recoveries.file("instance", plan, code=1)

    assert recovery["state"] == "undone" and "ec2:RunInstances" in told(recovery) and "cpm-backup-recovery" in told(recovery)
    assert not any(machines.of_recovery(member, recovery["id"]).values())
    assert shared_with(us, units(backup)) == []


@pytest.mark.parametrize("kind", ["rds", "aurora", "redshift"])
def test_databases_are_recovered_into_another_account(
    suite: Suite, us: Estate, member: Estate, recoveries: Recoveries, kind: str
) -> None:
    source = us.of_kind(kind)
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-there"
    wanted: dict[str, Any] = {"id": name, **({"members": []} if kind == "aurora" else {})}
    if kind != "redshift":
        # What belongs to an account has to be said of another.
        wanted |= {"subnet_group": "default", "security_groups": []}

    recovery = recoveries.file(kind, {"backup": backup["id"], "account": "prod", kind: wanted})

    assert (recovery["state"], recovery["account"]) == ("succeeded", "prod")
    if kind == "rds":
        there = member.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]
    elif kind == "aurora":
        there = member.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"]
    else:
        there = member.redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]["ClusterStatus"]
    assert there == "available"


def test_a_role_of_one_recovery_has_to_be_of_its_account(
    cloud: Cloud, suite: Suite, us: Estate, member: Estate, recoveries: Recoveries
) -> None:
    iam, name = cloud.client("iam", account=MEMBER), "cpm-recovery-special"
    own = iam.get_role_policy(RoleName="cpm-backup-recovery", PolicyName="recovery")["PolicyDocument"]
    document = own if isinstance(own, str) else json.dumps(own)
    trusted = {
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
        "Condition": {"StringEquals": {"sts:ExternalId": "once"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="recovery", PolicyDocument=document)
    alone = us.volume({"Name": "alone"})
    backup = suite.run(suite.policy(of_volume(alone)))
    chosen = [{"volume": alone, "zone": f"{us.region}a"}]
    plan = {"backup": backup["id"], "role": {"arn": arn, "external_id": "once"}, "volumes": {"volumes": chosen}}

    into_member = recoveries.file("volumes", {**plan, "account": "prod"})
    refused = recoveries.planned(plan)

    assert into_member["state"] == "succeeded"
    assert member.ec2.describe_volumes(VolumeIds=[the(into_member, "volume")])["Volumes"]
    said = json.dumps(refused["problems"])
    assert "role" in said and MEMBER in said, "a role of another account is refused"


def test_an_image_is_shared_for_a_recovery_and_no_longer(
    suite: Suite, us: Estate, member: Estate, recoveries: Recoveries
) -> None:
    instance, _ = us.instance({"Name": "imaged"}, 2)
    backup = suite.run(suite.policy(of_instance(instance, option="only-amis")))

    recovery = recoveries.file("instance", {"backup": backup["id"], "account": "prod", "instance": place_in(member)})

    there = machines.described(member, the(recovery, "instance"))
    assert (recovery["state"], there["State"]["Name"]) == ("succeeded", "running")
    (image,) = units(backup)
    assert there["ImageId"] == image
    left = us.ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]
    disks = us.ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
    assert left == [] and shared_with(us, {disk["Ebs"]["SnapshotId"] for disk in disks}) == []
