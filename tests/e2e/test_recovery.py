"""From a backup back to something that runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests import machines
from tests.cloud import HOME, MEMBER, Cloud, Said, wait_for
from tests.e2e.conftest import US, Suite, of_instance, of_volume
from tests.e2e.test_crashes import kill_function
from tests.estate import Database, Estate, plain

OURS = {"cpm:deployment", "cpm:owner", "cpm:backup", "cpm:recovery", "cpm:work"}
ENDED = ("succeeded", "failed", "undone")


class Recoveries:
    """`cpm recover`, as a person uses it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def run(self, kind: str, backup: dict[str, Any], *arguments: str, code: int = 0) -> dict[str, Any]:
        """Recover, and wait for the end; answers the recovery."""
        return dict(self._say(kind, str(backup["id"]), *arguments, "--yes", "--json", code=code).json)

    def file(self, kind: str, plan: dict[str, Any], *arguments: str, code: int = 0) -> dict[str, Any]:
        """Recover by a plan in a file, and wait for the end; answers the recovery."""
        return dict(self._say(kind, "-f", self.written(plan), *arguments, "--yes", "--json", code=code).json)

    def start(self, kind: str, backup: dict[str, Any], *arguments: str) -> str:
        """Start a recovery; answers its number."""
        return str(self._say(kind, str(backup["id"]), *arguments, "--yes", "--no-wait", "--json").json["id"])

    def show(self, recovery: str) -> dict[str, Any]:
        """A recovery."""
        return dict(self.cloud.cpm("recover", "show", recovery, "--json").json)

    def await_end(self, recovery: str, seconds: float = 90) -> dict[str, Any]:
        """Wait for the end of a recovery."""

        def ended() -> dict[str, Any] | None:
            found = self.show(recovery)
            return found if found["state"] in ENDED else None

        return wait_for(f"the end of recovery {recovery}", ended, seconds)

    def planned(self, plan: dict[str, Any]) -> dict[str, Any]:
        """What the API says of a plan."""
        status, checked = self.cloud.api("POST", "/v1/recoveries/plan", {"plan": plan})
        assert status == 200, checked
        return dict(checked)

    def written(self, plan: dict[str, Any]) -> str:
        """A plan in a file; answers its path."""
        path = self.cloud.settings.state / f"plan-{plan['backup']}.yaml"
        path.write_text(yaml.safe_dump(plan, sort_keys=False))
        return str(path)

    def _say(self, *arguments: str, code: int | None = 0) -> Said:
        return self.cloud.cpm("recover", *arguments, code=code)


@pytest.fixture
def recoveries(cloud: Cloud) -> Recoveries:
    """`cpm recover`."""
    return Recoveries(cloud)


def made(recovery: dict[str, Any], kind: str, *states: str) -> list[str]:
    """The ids of what a recovery made of a kind, of these states or any."""
    return [it["id"] for it in recovery["made"] if it["kind"] == kind and (not states or it["state"] in states)]


def the(recovery: dict[str, Any], kind: str) -> str:
    """The one thing of a kind that a recovery made and that is there."""
    (found,) = made(recovery, kind, "ready")
    return found


def told(recovery: dict[str, Any]) -> str:
    """All that a recovery says of what went wrong."""
    return json.dumps(recovery["errors"])


def carries_marks(tags: dict[str, str], recovery: dict[str, Any]) -> bool:
    """Whether tags say by which recovery something was made."""
    return set(tags) >= OURS and (tags["cpm:deployment"], tags["cpm:recovery"]) == ("cpm", recovery["id"])


def units(backup: dict[str, Any]) -> set[str]:
    """The ids of a backup's units."""
    return {unit["id"] for unit in backup["units"]}


def without(volumes: list[str]) -> list[str]:
    """The flags that leave volumes out."""
    return [flag for volume in volumes for flag in ("--without", volume)]


# ---- instances


def test_an_instance_that_is_gone_comes_back_with_all_it_had(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    gone = machines.rich(cloud, us, "orders")
    before = machines.seen(us, gone)
    backup = suite.run(suite.policy(of_instance(gone)))
    machines.end(us, gone)

    recovery = recoveries.run("instance", backup)

    assert (recovery["state"], recovery["kind"], recovery["errors"]) == ("succeeded", "instance", [])
    instance = the(recovery, "instance")
    after = machines.seen(us, instance)
    assert after == before
    described = machines.described(us, instance)
    assert carries_marks(plain(described["Tags"]), recovery) and described["ImageId"] not in units(backup)
    found = us.ec2.describe_volumes(VolumeIds=list(after.volumes.values()))["Volumes"]
    assert {it["SnapshotId"] for it in found} == units(backup), "each is of its snapshot"
    assert all(carries_marks(plain(it["Tags"]), recovery) for it in found)
    assert set(made(recovery, "volume", "ready")) == set(after.volumes.values())
    left = machines.of_recovery(us, recovery["id"])
    assert left == {"instance": {instance}, "volume": set(after.volumes.values()), "image": set()}, "the image is deregistered"
    assert recoveries.show(recovery["id"]) == recovery
    assert recovery["id"] in [it["id"] for it in cloud.cpm("recover", "list", "--json").json]
    machines.end(us, instance)


def test_an_instance_comes_back_as_the_plan_says(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    """Another type, a bigger and faster root, without its second volume; several at once; the image is kept."""
    instance, (root, data) = us.instance({"Name": "web"}, 2)
    backup = suite.run(suite.policy(of_instance(instance)))

    recovery = recoveries.run(
        "instance", backup, "--type", "t3.small", "--count", "2", "--no-private-ip", "--image-handling", "keep",
        "--volume", f"{root}:size=16,type=gp3,iops=4000,throughput=200", "--without", data, "--tag", "Name=copy",
    )

    instances = made(recovery, "instance", "ready")
    assert (recovery["state"], len(instances)) == ("succeeded", 2)
    for it in instances:
        seen = machines.seen(us, it)
        (disk,) = seen.disks.values()
        assert (seen.instance_type, disk.size, disk.kind, disk.iops, disk.throughput) == ("t3.small", 16, "gp3", 4000, 200)
        assert seen.tags == {"Name": "copy"}
    assert us.ec2.describe_images(ImageIds=[the(recovery, "image")])["Images"][0]["State"] == "available"
    assert machines.state(us, instance) == "running", "the original one is not touched"


def test_an_image_alone_and_an_instance_of_an_image(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    instance, _ = us.instance(volumes=2)
    of_snapshots = suite.run(suite.policy(of_instance(instance)))
    image_of = suite.run(suite.policy(of_instance(instance, option="only-amis")))

    only = recoveries.run("instance", of_snapshots, "--image-handling", "only")
    launched = recoveries.run("instance", image_of, "--no-private-ip")

    (image,) = [it["id"] for it in only["made"]]
    assert len(us.ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]) == 2
    assert machines.described(us, the(launched, "instance"))["ImageId"] in units(image_of)
    assert len(machines.volumes(us, the(launched, "instance"))) == 2
    assert us.ec2.describe_images(ImageIds=list(units(image_of)))["Images"], "the backup's own image stays"


def test_the_panel_says_what_is_in_a_backup(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance({"Name": "panel"}, 2)
    database = us.database({"Name": "shop"})
    backup = suite.run(suite.policy(of_instance(instance), database.target))
    machines.end(us, instance)

    panel = cloud.cpm("recover", "show", str(backup["id"]), "--json").json

    found = {source["id"]: source for source in panel["sources"]}
    assert set(found) == {instance, database.name}
    assert found[instance]["recover"] == ["instance", "volumes"] and found[instance]["name"] == "panel"
    assert {unit["source"] for unit in found[instance]["units"]} == set(volumes)
    assert found[instance]["origin"]["instance_type"] == "t3.micro", "though it is gone"
    assert "panel" in cloud.cpm("recover", "show", str(backup["id"])).out


def test_a_plan_is_a_file_that_can_be_run(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    instance, _ = us.instance({"Name": "planned"})
    backup = suite.run(suite.policy(of_instance(instance)))

    printed = cloud.cpm("recover", "instance", str(backup["id"]), "--no-private-ip", "--plan").out

    plan = yaml.safe_load(printed)
    assert (plan["backup"], plan["source"], plan["instance"]["type"]) == (backup["id"], instance, "t3.micro")
    assert len(plan["instance"]["volumes"]) == 1 and plan["instance"]["tags"] == {"Name": "planned"}
    plan["instance"]["tags"] = {"Name": "edited"}
    recovery = recoveries.file("instance", plan)
    assert machines.seen(us, the(recovery, "instance")).tags == {"Name": "edited"}


# ---- volumes


def switched(backup: dict[str, Any], instance: str, volume: str, left_out: list[str], how: str) -> dict[str, Any]:
    """A plan that puts one volume in place of the one that is there."""
    named = [{"volume": volume}, *({"volume": it, "recover": False} for it in left_out)]
    return {"backup": backup["id"], "volumes": {"attach_to": instance, "attach_behavior": how, "volumes": named}}


def test_a_volume_is_switched_and_the_old_one_deleted_only_after(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    instance, (root, data) = us.instance(volumes=[{"Name": "root"}, {"Name": "data"}])
    backup = suite.run(suite.policy(of_instance(instance)))
    us.stop(instance)
    before = cloud.call_count()

    recovery = recoveries.file("volumes", switched(backup, instance, data, [root], "switch-and-delete"))

    new = the(recovery, "volume")
    assert machines.volumes(us, instance) == {"/dev/sda1": root, "/dev/sdb": new}
    assert data not in {it["VolumeId"] for it in us.ec2.describe_volumes()["Volumes"]}
    tags = plain(us.ec2.describe_volumes(VolumeIds=[new])["Volumes"][0]["Tags"])
    assert tags["Name"] == "data" and carries_marks(tags, recovery)
    calls = [call for call in cloud.calls(before) if call["plane"] == "resources" and not call["error"]]
    order = [call["action"] for call in calls if call["action"] in ("AttachVolume", "DeleteVolume", "DetachVolume")]
    assert order == ["DetachVolume", "AttachVolume", "DeleteVolume"]
    assert {call["app"] for call in calls if call["action"] == "DeleteVolume"} == {"cpm-cleaner"}


def test_a_switch_that_fails_puts_the_old_volume_back(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    instance, (root, data) = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))
    us.stop(instance)
    message = "Attachment limit exceeded"
    cloud.fault("ec2:AttachVolume", "error", code="AttachmentLimitExceeded", message=message, status=400, times=1)

    recovery = recoveries.file("volumes", switched(backup, instance, data, [root], "switch-and-delete"), code=1)

    assert recovery["state"] == "failed" and message in told(recovery)
    assert machines.volumes(us, instance) == {"/dev/sda1": root, "/dev/sdb": data}, "the instance is as it was"
    assert the(recovery, "volume"), "what was made is listed"


def test_a_volume_is_switched_and_the_old_one_kept(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    instance, (root, data) = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))
    us.stop(instance)

    recovery = recoveries.file("volumes", switched(backup, instance, root, [data], "switch"))

    assert machines.volumes(us, instance) == {"/dev/sda1": the(recovery, "volume"), "/dev/sdb": data}
    old = us.ec2.describe_volumes(VolumeIds=[root])["Volumes"][0]
    assert old["State"] == "available" and not machines.of_suite(plain(old.get("Tags")))


def test_volumes_are_attached_where_the_device_is_free_or_only_made(
    suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    instance, (root, data) = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))

    attached = recoveries.run("volumes", backup, "--attach-to", instance, "--volume", f"{data}:device=/dev/sdx", *without([root]))
    alone = recoveries.run("volumes", backup, "--volume", f"{data}:size=20,type=gp3,zone={US}b", *without([root]))

    assert machines.volumes(us, instance)["/dev/sdx"] == the(attached, "volume")
    found = us.ec2.describe_volumes(VolumeIds=[the(alone, "volume")])["Volumes"][0]
    assert (found["Size"], found["VolumeType"], found["AvailabilityZone"], found["State"]) == (20, "gp3", f"{US}b", "available")
    assert found["SnapshotId"] in units(backup)


# ---- databases


def aurora(place: Estate, name: str) -> Database:
    """An Aurora cluster with a writer and a reader."""
    cluster = place.cluster({"Name": name})
    place.database({"Name": f"{name}-writer"}, cluster)
    place.database({"Name": f"{name}-reader"}, cluster)
    return cluster


def items(place: Estate, table: str) -> list[dict[str, Any]]:
    """The items of a table."""
    return list(place.dynamodb.scan(TableName=table)["Items"])


def test_a_database_comes_back_under_a_new_name(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.database({"Name": "shop", "cost-centre": "4711"})
    backup = suite.run(suite.policy(source.target))
    cloud.database("instance", source.name, vanish=True)
    name = f"{source.name}-new"

    recovery = recoveries.run("rds", backup, "--id", name, "--class", "db.m5.large", "--deletion-protection")

    assert (recovery["state"], the(recovery, "database")) == ("succeeded", name)
    found = us.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    assert (found["DBInstanceStatus"], found["DBInstanceClass"], found["DeletionProtection"]) == ("available", "db.m5.large", True)
    tags = plain(found["TagList"])
    assert tags.items() >= {"Name": "shop", "cost-centre": "4711"}.items() and carries_marks(tags, recovery)
    (view,) = [it for it in recovery["made"] if it["kind"] == "database"]
    assert view["addresses"] and view["from"] in units(backup)


def test_a_cluster_comes_back_with_its_writer_and_its_readers(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = aurora(us, "ledger")
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-new"

    recovery = recoveries.run(
        "aurora", backup, "--id", name, "--member", f"{name}-w:class=db.r6g.large", "--member", f"{name}-r:class=db.r6g.large",
    )

    assert (recovery["state"], the(recovery, "cluster")) == ("succeeded", name)
    found = us.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    roles = {it["DBInstanceIdentifier"]: it["IsClusterWriter"] for it in found["DBClusterMembers"]}
    assert roles == {f"{name}-w": True, f"{name}-r": False}
    assert set(made(recovery, "database", "ready")) == set(roles)
    assert carries_marks(plain(found["TagList"]), recovery)


def test_a_warehouse_comes_back(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.warehouse({"Name": "figures"})
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-new"

    recovery = recoveries.run("redshift", backup, "--id", name)

    assert (recovery["state"], the(recovery, "redshift-cluster")) == ("succeeded", name)
    found = us.redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]
    assert found["ClusterStatus"] == "available"
    tags = plain(found["Tags"])
    assert tags["Name"] == "figures" and carries_marks(tags, recovery)


def test_a_table_comes_back_with_its_items_and_its_tags(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.table({"Name": "sessions"})
    for number in range(3):
        us.dynamodb.put_item(TableName=source.name, Item={"k": {"S": str(number)}})
    backup = suite.run(suite.policy(source.target))
    us.dynamodb.delete_table(TableName=source.name)

    recovery = recoveries.run("dynamodb", backup, "--deletion-protection")

    assert (recovery["state"], the(recovery, "table")) == ("succeeded", source.name), "the name is free"
    assert len(items(us, source.name)) == 3
    found = us.dynamodb.describe_table(TableName=source.name)["Table"]
    assert (found["TableStatus"], found["DeletionProtectionEnabled"]) == ("ACTIVE", True)
    tags = plain(us.dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"])
    assert tags["Name"] == "sessions" and carries_marks(tags, recovery)


# ---- another account


def place_in(place: Estate) -> dict[str, Any]:
    """What a plan has to name in another account."""
    subnet = machines.default_subnet(place)
    groups = place.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"]
    return {
        "subnet": subnet["SubnetId"], "security_groups": [groups[0]["GroupId"]], "private_ip": "", "key_pair": "", "profile": "",
        "elastic_ip": "",
    }


def shared_with(place: Estate, backup: dict[str, Any]) -> list[Any]:
    """Whom the snapshots of a backup are shared with."""
    return [
        entry for unit in units(backup) for entry in place.ec2.describe_snapshot_attribute(
            SnapshotId=unit, Attribute="createVolumePermission")["CreateVolumePermissions"]
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
    assert shared_with(us, backup) == [], "and nothing is shared any longer"


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
    assert shared_with(us, backup) == []


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


# ---- plans that are wrong


def test_all_that_is_wrong_with_a_plan_is_told_at_once(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    instance, (root, data) = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))
    vpc = us.ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    foreign = us.ec2.create_security_group(GroupName=f"foreign-{vpc}", Description="x", VpcId=vpc)["GroupId"]
    subnet = machines.default_subnet(us)
    kms = cloud.client("kms")
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)
    plan = {"backup": backup["id"], "instance": {
        "type": "t4g.micro", "subnet": subnet["SubnetId"], "private_ip": "10.77.0.9", "security_groups": [foreign],
        "key_pair": "nobodys", "placement_group": "nobodys",
        "volumes": [
            {"volume": root, "size": 4, "type": "gp3", "iops": 100_000},
            {"volume": data, "device": "/dev/sda1", "kms_key": disabled},
        ],
    }}
    before = cloud.call_count()

    checked = recoveries.planned(plan)

    fields = {problem["field"] for problem in checked["problems"]}
    expected = {
        "instance.type", "instance.private_ip", "instance.security_groups[0]", "instance.key_pair", "instance.placement_group",
        "instance.volumes[0].size", "instance.volumes[0].iops", "instance.volumes[1].device", "instance.volumes[1].kms_key",
    }
    assert fields >= expected, checked["problems"]
    assert all(problem["message"] and problem["advice"] for problem in checked["problems"])
    status, refusal = cloud.api("POST", "/v1/recoveries", {"plan": plan})
    assert status == 422 and len(refusal["problems"]) == len(checked["problems"])
    said = cloud.cpm("recover", "instance", "-f", recoveries.written(plan), "--yes", code=1).err
    assert all(problem["message"] in said for problem in checked["problems"])
    changing = ("Create", "Run", "Register", "Attach", "Modify", "Restore")
    mine = [call for call in cloud.calls(before) if call["app"] == "cpm-recoverer" and call["plane"] == "resources"]
    assert mine and not [call for call in mine if call["action"].startswith(changing)], "nothing is made"


def test_what_is_taken_is_told_before_anything_is_made(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    database, table = us.database(), us.table()
    instance, (root, data) = us.instance(volumes=2)
    backup = suite.run(suite.policy(database.target, table.target, of_instance(instance)))
    taken = machines.described(us, instance)["PrivateIpAddress"]
    plans: list[tuple[str, dict[str, Any], str]] = [
        ("rds", {"id": database.name}, "rds.id"), ("dynamodb", {"name": table.name}, "dynamodb.name"),
        ("instance", {"private_ip": taken}, "instance.private_ip"),
        ("volumes", {"attach_to": instance, "volumes": [{"volume": root, "recover": False}]}, "volumes.volumes"),
    ]

    for kind, wanted, field in plans:
        checked = recoveries.planned({"backup": backup["id"], kind: wanted})
        assert any(problem["field"].startswith(field) for problem in checked["problems"]), (kind, checked["problems"])
    running = recoveries.planned(switched(backup, instance, data, [root], "switch"))
    assert any("stopped" in problem["message"] for problem in running["problems"])


def test_a_snapshot_that_somebody_deleted_is_told(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    alone = us.volume()
    backup = suite.run(suite.policy(of_volume(alone)))
    (snapshot,) = units(backup)
    us.ec2.delete_snapshot(SnapshotId=snapshot)

    checked = recoveries.planned({"backup": backup["id"], "volumes": {}})

    assert any(snapshot in problem["message"] for problem in checked["problems"]), checked["problems"]


# ---- what fails half-way


def three_volumes(suite: Suite, us: Estate) -> tuple[dict[str, Any], str]:
    """A backup of an instance with three volumes, and the instance."""
    instance, _ = us.instance(volumes=3)
    return suite.run(suite.policy(of_instance(instance))), instance


def test_what_fails_half_way_is_listed_and_kept(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    backup, _ = three_volumes(suite, us)
    cloud.fault("ec2:CreateVolume", "volume_error", app="cpm-recoverer", times=1)

    recovery = recoveries.run("volumes", backup, code=1)

    assert recovery["state"] == "failed" and recovery["errors"]
    there = {it["VolumeId"]: it["State"] for it in us.ec2.describe_volumes(
        Filters=[{"Name": "tag:cpm:recovery", "Values": [recovery["id"]]}])["Volumes"]}
    assert len(there) == 3 and sorted(there.values()) == ["available", "available", "error"]
    assert set(made(recovery, "volume")) == set(there)
    assert set(made(recovery, "volume", "ready")) == {volume for volume, state in there.items() if state == "available"}


def test_what_fails_half_way_is_removed_when_the_plan_says_so(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    backup, instance = three_volumes(suite, us)
    stranger = us.volume({"cpm:deployment": "cpm", "cpm:recovery": "r999999"})
    cloud.fault("ec2:CreateVolume", "volume_error", app="cpm-recoverer", times=1)
    held = machines.volumes(us, instance)

    recovery = recoveries.run("volumes", backup, "--on-failure", "remove", code=1)

    assert recovery["state"] == "undone" and recovery["errors"]
    assert not any(machines.of_recovery(us, recovery["id"]).values())
    assert not made(recovery, "volume", "ready", "pending")
    assert machines.volumes(us, instance) == held
    assert us.ec2.describe_volumes(VolumeIds=[stranger])["Volumes"], "what it did not make is not touched"


def test_an_instance_that_terminates_at_once_fails_and_says_why(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    backup, _ = three_volumes(suite, us)
    cause = "Client.VolumeLimitExceeded: Volume limit exceeded"
    cloud.fault("ec2:RunInstances", "instance_error", app="cpm-recoverer", cause=cause)

    recovery = recoveries.run("instance", backup, "--no-private-ip", "--on-failure", "remove", code=1)

    assert recovery["state"] == "undone" and cause in told(recovery)
    assert not any(machines.of_recovery(us, recovery["id"]).values())


def test_a_zone_without_capacity_is_advised_on(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    backup, _ = three_volumes(suite, us)
    cloud.behave(no_capacity=[f"{US}a"])

    recovery = recoveries.run("instance", backup, "--no-private-ip", "--on-failure", "remove", code=1)

    assert recovery["state"] == "undone" and "InsufficientInstanceCapacity" in told(recovery)
    assert f"{US}b" in told(recovery), "it says which other zones there are"
    assert not any(machines.of_recovery(us, recovery["id"]).values())


def test_a_key_that_is_disabled_under_way_fails_and_says_why(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    volume, key = machines.encrypted(cloud, us)
    backup = suite.run(suite.policy(of_volume(volume)))
    cloud.fault("ec2:CreateVolume", "delay", seconds=4, app="cpm-recoverer", times=1)

    recovery = recoveries.start("volumes", backup)
    wait_for("the call", lambda: cloud.hits() or None)
    cloud.client("kms").disable_key(KeyId=key)
    ended = recoveries.await_end(recovery)

    assert ended["state"] == "failed" and "error" in told(ended).lower()
    checked = recoveries.planned({"backup": backup["id"], "volumes": {}})
    assert any("kms_key" in problem["field"] or key in problem["message"] for problem in checked["problems"])


def test_a_snapshot_that_is_deleted_under_way_fails_and_says_so(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    alone = us.volume()
    backup = suite.run(suite.policy(of_volume(alone)))
    (snapshot,) = units(backup)
    cloud.fault("ec2:CreateVolume", "delay", seconds=4, app="cpm-recoverer", times=1)

    recovery = recoveries.start("volumes", backup)
    wait_for("the call", lambda: cloud.hits() or None)
    us.ec2.delete_snapshot(SnapshotId=snapshot)
    ended = recoveries.await_end(recovery)

    assert ended["state"] == "failed" and snapshot in told(ended)
    assert not any(machines.of_recovery(us, recovery).values())


@pytest.mark.parametrize(("kind", "action"), [
    ("rds", "rds:RestoreDBInstanceFromDBSnapshot"), ("aurora", "rds:CreateDBInstance"),
    ("redshift", "redshift:RestoreFromClusterSnapshot"),
])
def test_a_database_that_ends_badly_is_removed(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries, kind: str, action: str
) -> None:
    """Of a cluster with its members it is a member that fails: all of it goes."""
    source = us.of_kind(kind)
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-fails"
    cloud.fault(action, "database_error", cause="incompatible-restore", app="cpm-recoverer")
    members = ["--member", f"{name}-w:class=db.r6g.large"] if kind == "aurora" else []

    recovery = recoveries.run(kind, backup, "--id", name, *members, "--on-failure", "remove", code=1)

    assert recovery["state"] == "undone" and "incompatible-restore" in told(recovery)
    left = [it["DBInstanceIdentifier"] for it in us.rds.describe_db_instances()["DBInstances"]]
    left += [it["DBClusterIdentifier"] for it in us.rds.describe_db_clusters()["DBClusters"]]
    left += [it["ClusterIdentifier"] for it in us.redshift.describe_clusters()["Clusters"]]
    assert not [it for it in left if it.startswith(name)]


# ---- what dies half-way


@pytest.mark.parametrize("action", ["ec2:RegisterImage", "ec2:RunInstances"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_function_that_is_killed_around_its_call_makes_nothing_twice(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries, action: str, when: str
) -> None:
    instance, _ = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))
    cloud.fault(action, "delay", seconds=4, when=when, app="cpm-recoverer", times=1)

    recovery = recoveries.start("instance", backup, "--no-private-ip")
    wait_for("the call", lambda: cloud.hits() or None)
    assert kill_function(cloud, "cpm-recoverer") >= 1
    ended = recoveries.await_end(recovery, seconds=150)

    assert ended["state"] == "succeeded", told(ended)
    instance = the(ended, "instance")
    held = set(machines.volumes(us, instance).values())
    assert machines.of_recovery(us, recovery) == {"instance": {instance}, "volume": held, "image": set()}


@pytest.mark.parametrize("action", ["ec2:RegisterImage", "ec2:RunInstances"])
def test_a_lost_answer_makes_nothing_twice(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries, action: str
) -> None:
    instance, _ = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))
    cloud.fault(action, "drop", when="after", app="cpm-recoverer", times=1)

    recovery = recoveries.run("instance", backup, "--no-private-ip")

    assert recovery["state"] == "succeeded", told(recovery)
    there = machines.of_recovery(us, recovery["id"])
    assert (len(there["instance"]), len(there["volume"]), there["image"]) == (1, 2, set())


@pytest.mark.parametrize(("kind", "action"), [
    ("volumes", "ec2:CreateVolume"), ("rds", "rds:RestoreDBInstanceFromDBSnapshot"),
    ("aurora", "rds:RestoreDBClusterFromSnapshot"), ("redshift", "redshift:RestoreFromClusterSnapshot"),
])
def test_a_lost_answer_of_another_kind_makes_nothing_twice(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries, kind: str, action: str
) -> None:
    source = None if kind == "volumes" else us.of_kind(kind)
    backup = suite.run(suite.policy(source.target if source else of_volume(us.volume())))
    cloud.fault(action, "drop", when="after", app="cpm-recoverer", times=1)
    name = ["--id", f"{source.name}-once"] if source else []

    recovery = recoveries.run(kind, backup, *name)

    assert recovery["state"] == "succeeded", told(recovery)
    assert len(made(recovery, recovery["made"][0]["kind"])) == 1
    if kind == "volumes":
        assert len(machines.of_recovery(us, recovery["id"])["volume"]) == 1


def test_throttled_calls_are_no_failure(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    backup, _ = three_volumes(suite, us)
    cloud.fault("ec2:CreateVolume", "throttle", app="cpm-recoverer", times=20)

    recovery = recoveries.run("volumes", backup)

    assert (recovery["state"], recovery["errors"]) == ("succeeded", [])
    assert len(machines.of_recovery(us, recovery["id"])["volume"]) == 3


def test_a_backup_that_is_recovered_from_is_not_cleaned_up(
    cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries
) -> None:
    instance, volumes = us.instance(volumes=1)
    policy = suite.policy(of_instance(instance), generations=2)
    first = suite.run(policy)
    suite.run(policy)
    cloud.fault("ec2:CreateVolume", "delay", seconds=15, app="cpm-recoverer", times=1)
    recovery = recoveries.start("volumes", first)
    wait_for("the call", lambda: cloud.hits() or None)
    suite.policy(of_instance(instance), name=policy, generations=1)

    suite.clean_up(policy)

    assert units(first) <= us.snapshot_ids(*volumes)
    assert recoveries.await_end(recovery)["state"] == "succeeded"
    suite.clean_up(policy)
    wait_for("it to go then", lambda: not units(first) & us.snapshot_ids(*volumes))
