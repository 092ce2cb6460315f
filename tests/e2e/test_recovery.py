"""From a backup back to something that runs: instances and volumes."""

from __future__ import annotations

from typing import Any

import yaml

from tests import machines
from tests.cloud import Cloud
from tests.e2e.conftest import US, Suite, of_instance, of_volume
from tests.estate import Estate, plain
from tests.recoveries import Recoveries, carries_marks, made, the, told, units, without

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


def test_undoing_a_switch_puts_all_volumes_back(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    """One is switched, the other cannot be: the first is taken off again."""
    instance, (root, data) = us.instance(volumes=2)
    backup = suite.run(suite.policy(of_instance(instance)))
    us.stop(instance)
    cloud.fault("ec2:AttachVolume", "error", code="AttachmentLimitExceeded", message="enough", status=400, times=1)

    plan = {**switched(backup, instance, data, [], "switch-and-delete"), "on_failure": "remove"}
    recovery = recoveries.file("volumes", plan, code=1)

    assert recovery["state"] == "undone" and "enough" in told(recovery)
    assert machines.volumes(us, instance) == {"/dev/sda1": root, "/dev/sdb": data}, "the instance is as it was"
    assert not any(machines.of_recovery(us, recovery["id"]).values())


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
