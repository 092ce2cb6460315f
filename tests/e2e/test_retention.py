"""What is no longer kept goes; nothing else does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import EU, Suite, of_instance, of_volume, once_each
from tests.estate import Estate, Mailbox


def kept(suite: Suite, policy: str) -> list[int]:
    """The numbers of a policy's backups, newest first."""
    return [backup["id"] for backup in suite.backups(policy)]


def test_old_generations_go_and_strangers_stay(suite: Suite, us: Estate, eu: Estate) -> None:
    (here, mine), (there, theirs) = us.instance(volumes=2), eu.instance(volumes=1)
    by_hand = us.ec2.create_snapshot(VolumeId=mine[0], Description="by hand")["SnapshotId"]
    forged = us.ec2.create_snapshot(
        VolumeId=mine[1],
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "cpm:deployment", "Value": "another"}]}],
    )["SnapshotId"]
    wait_for("them to be complete", lambda: all(s["State"] == "completed" for s in us.snapshots(*mine)))
    policy = suite.policy(of_instance(here), of_instance(there, EU), generations=2)

    made = [suite.run(policy)["id"] for _ in range(3)]
    wait_for("the cleanup", lambda: kept(suite, policy) == made[:0:-1])

    wait_for("the snapshots to go", lambda: len(us.snapshots(*mine, policy=policy)) == 4)
    for place, volumes in ((us, mine), (eu, theirs)):
        found = place.snapshots(*volumes, policy=policy)
        assert {s["Tags"]["cpm:backup"] for s in found} == {str(number) for number in made[1:]}
    assert {by_hand, forged} <= us.snapshot_ids(*mine)


def test_a_good_generation_is_never_deleted_for_failed_ones(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=1)
    policy = suite.policy(of_instance(instance), generations=1)
    good = suite.run(policy)
    cloud.fault("ec2:CreateSnapshots", "deny", resource=instance)
    for _ in range(3):
        suite.run(policy, code=1)

    suite.clean_up(policy)

    assert good["id"] in kept(suite, policy)
    once_each(good, us, volumes)


def test_the_cleaner_may_delete_only_what_the_deployment_made(suite: Suite, us: Estate) -> None:
    """A record that names somebody else's snapshot does no harm: AWS refuses by the tag."""
    instance, volumes = us.instance(volumes=1)
    policy = suite.policy(of_instance(instance), generations=1)
    first = suite.run(policy)
    snapshot = first["units"][0]["id"]
    us.untag(snapshot, "cpm:deployment")

    suite.run(policy)
    suite.clean_up(policy)

    assert snapshot in us.snapshot_ids(*volumes)
    alert = wait_for("the alert", lambda: [a for a in suite.alerts(policy) if a["category"] == "cleanup"] or None)[0]
    assert snapshot in alert["message"] and "ec2:DeleteSnapshot" in alert["message"]
    us.tag(snapshot, {"cpm:deployment": "cpm"})
    suite.clean_up(policy)
    wait_for("the alert to go", lambda: not suite.alerts(policy))
    assert snapshot not in us.snapshot_ids(*volumes)


def test_a_snapshot_that_an_ami_uses_stays_on_record_and_is_named(
    suite: Suite, us: Estate, mailbox: Mailbox
) -> None:
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance), generations=1)
    first = suite.run(policy)
    used = next(unit["id"] for unit in first["units"] if unit["source"] == volumes[0])
    other = next(unit["id"] for unit in first["units"] if unit["source"] == volumes[1])
    image = us.ec2.register_image(
        Name=f"of-{policy}", RootDeviceName="/dev/sda1",
        BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": used}}],
    )["ImageId"]

    second = suite.run(policy)
    suite.clean_up(policy)

    assert used in us.snapshot_ids(*volumes)
    assert other not in us.snapshot_ids(*volumes), "the other deletes go on"
    units = {unit["id"]: unit for unit in suite.show(first["id"])["units"]}
    assert units[used]["state"] == "completed" and "InUse" in units[used]["error"]
    assert units[other]["state"] == "deleted"
    alert = wait_for("the alert", lambda: suite.alerts(policy) or None)[0]
    assert used in alert["message"] and image in alert["message"]
    wait_for("the message", lambda: [m for m in mailbox.about(policy) if used in m["Message"]] or None)

    us.ec2.deregister_image(ImageId=image)
    suite.clean_up(policy)
    wait_for("the alert to go", lambda: not suite.alerts(policy))
    assert us.snapshot_ids(*volumes) == {unit["id"] for unit in second["units"]}


def test_a_throttled_delete_is_made_again(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=3)
    policy = suite.policy(of_instance(instance), generations=1)
    suite.run(policy)
    cloud.fault("ec2:DeleteSnapshot", "throttle", times=2)
    cloud.fault("ec2:DeleteSnapshot", "drop", when="after", times=1)

    second = suite.run(policy)
    suite.clean_up(policy)

    assert us.snapshot_ids(*volumes) == {unit["id"] for unit in second["units"]}
    assert not suite.alerts(policy)


def test_cleanups_at_once_do_no_harm(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=3)
    policy = suite.policy(of_instance(instance), generations=1)
    suite.run(policy)
    cloud.fault("ec2:DeleteSnapshot", "delay", seconds=0.2)

    second = suite.run(policy)
    with ThreadPoolExecutor(4) as cleanups:
        list(cleanups.map(lambda _: suite.clean_up(policy), range(4)))

    assert us.snapshot_ids(*volumes) == {unit["id"] for unit in second["units"]}
    assert not suite.alerts(policy)


def test_a_policy_goes_with_its_backups(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    alone = us.volume()
    policy, other = suite.policy(of_instance(instance)), suite.policy(of_volume(alone))
    for _ in range(2):
        suite.run(policy)
    stays = suite.run(other)

    status, answer = cloud.api("DELETE", f"/v1/policies/{policy}")

    assert status == 200, answer
    wait_for("the snapshots to go", lambda: not us.snapshots(*volumes))
    wait_for("the records to go", lambda: not suite.backups(policy))
    once_each(stays, us, [alone])
    refused = cloud.cpm("policy", "show", policy, code=1)
    assert policy in refused.err
