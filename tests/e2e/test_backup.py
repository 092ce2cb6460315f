"""From a target to a verified backup."""

from __future__ import annotations

from tests.cloud import Cloud
from tests.e2e.conftest import EU, US, Suite, of_instance, of_volume, once_each, says
from tests.estate import TAG, Estate, plain

OURS = {"cpm:deployment", "cpm:owner", "cpm:policy", "cpm:backup", "cpm:unit", "cpm:source"}


def test_from_the_tag_to_the_backup(cloud: Cloud, suite: Suite, us: Estate, eu: Estate) -> None:
    policy = suite.policy()
    instance, volumes = us.instance({TAG: policy}, 3)
    volume = eu.volume({TAG: f"{policy}"})
    scan = cloud.cpm("scan", "run", "--wait", "--json").json
    assert scan["state"] == "ended" and scan["scan"]["failed_places"] == 0
    assert suite.targets(policy) == {instance, volume}

    backup = suite.run(policy)

    assert (backup["status"], backup["counts"], backup["trigger"]) == ("successful", True, "manual")
    assert (backup["policy"], backup["account"], backup["retry"], backup["slot"]) == (policy, "main", False, None)
    once_each(backup, us, volumes)
    once_each(backup, eu, [volume])
    assert {unit["instance"] for unit in backup["units"]} == {instance, None}
    assert backup == suite.show(backup["id"])


def test_every_snapshot_carries_our_tags_and_its_volumes(suite: Suite, us: Estate) -> None:
    own = [{"Name": "root", "cost": "1"}, {"Name": "data", "cost": "2", "only": "here"}]
    instance, volumes = us.instance({"Name": "machine"}, own)
    alone = us.volume({"Name": "alone"})
    policy = suite.policy(of_instance(instance), of_volume(alone))

    backup = suite.run(policy)

    for unit in backup["units"]:
        snapshot = next(s for s in us.snapshots(unit["source"]) if s["SnapshotId"] == unit["id"])
        volume = us.ec2.describe_volumes(VolumeIds=[unit["source"]])["Volumes"][0]
        tags = snapshot["Tags"]
        assert set(tags) >= OURS
        assert plain(volume["Tags"]).items() <= tags.items()
        assert (tags["cpm:deployment"], tags["cpm:owner"], tags["cpm:policy"]) == ("cpm", "root", policy)
        assert tags["cpm:backup"] == str(backup["id"])
        assert tags["cpm:source"] == (alone if unit["source"] == alone else instance)
    calls = {s["Tags"]["cpm:unit"] for s in us.snapshots(*volumes)}
    assert len(calls) == 1, "the volumes of an instance go in one call"


def test_a_volume_with_fifty_tags_is_backed_up(suite: Suite, us: Estate) -> None:
    """AWS allows 50 tags: ours win."""
    instance, volumes = us.instance(volumes=[{f"k{n:02}": "v" for n in range(50)}, {"Name": "data"}])
    policy = suite.policy(of_instance(instance))

    backup = suite.run(policy)

    once_each(backup, us, volumes)
    assert all(set(s["Tags"]) >= OURS for s in us.snapshots(*volumes))


def test_exclusions_are_honoured(suite: Suite, us: Estate) -> None:
    first, data = us.instance(volumes=3)
    second, rest = us.instance(volumes=3)
    policy = suite.policy(
        of_instance(first, volumes={"exclude": [data[1]]}), of_instance(second, volumes={"include": [rest[2]]}),
    )

    backup = suite.run(policy)

    wanted = [data[0], data[2], rest[2]]
    once_each(backup, us, wanted)
    assert {unit["source"] for unit in backup["units"]} == set(wanted)
    assert not us.snapshots(data[1], rest[0], rest[1])


def test_stopped_instances_and_detached_volumes_are_backed_up(suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    us.stop(instance)
    detached = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(detached))

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, [*volumes, detached])


def test_two_regions_in_one_backup(suite: Suite, us: Estate, eu: Estate) -> None:
    (here, mine), (there, theirs) = us.instance(volumes=2), eu.instance(volumes=2)
    policy = suite.policy(of_instance(here), of_instance(there, EU))

    backup = suite.run(policy)

    once_each(backup, us, mine)
    once_each(backup, eu, theirs)
    assert {unit["region"] for unit in backup["units"]} == {US, EU}


def test_an_empty_policy_is_successful_and_counts_for_nothing(suite: Suite) -> None:
    backup = suite.run(suite.policy())

    assert (backup["status"], backup["counts"], backup["units"]) == ("successful", False, [])
    assert says(backup, "nothing was backed up")


def test_a_target_that_is_gone_is_removed_when_the_policy_says_so(suite: Suite, us: Estate) -> None:
    stays, volumes = us.instance(volumes=1)
    goes = us.volume()
    policy = suite.policy(of_instance(stays), of_volume(goes), auto_target_removal="yes-and-alert")
    us.ec2.delete_volume(VolumeId=goes)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    assert suite.targets(policy) == {stays}
    assert says(backup, f"{goes}")
    once_each(backup, us, volumes)


def test_a_target_that_is_gone_fails_when_the_policy_keeps_it(suite: Suite, us: Estate) -> None:
    stays, _ = us.instance(volumes=1)
    goes = us.volume()
    policy = suite.policy(of_instance(stays), of_volume(goes))
    us.ec2.delete_volume(VolumeId=goes)

    backup = suite.run(policy, code=1)

    assert backup["status"] == "partially-successful"
    assert suite.targets(policy) == {stays, goes}
