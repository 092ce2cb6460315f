"""Completion comes by event; a lost one costs time, a doubled one nothing."""

from __future__ import annotations

import time

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import Suite, of_instance, of_volume, once_each
from tests.estate import Estate


def polls(cloud: Cloud, since: int) -> int:
    """How often backups have asked AWS how their snapshots are."""
    return sum((c["app"], c["action"]) == ("cpm-backup", "DescribeSnapshots") for c in cloud.calls(since))


def test_an_event_ends_the_backup_long_before_the_first_poll(cloud: Cloud, suite: Suite, us: Estate) -> None:
    cloud.scale_waits(1.0)
    instance, volumes = us.instance(volumes=3)
    alone = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(alone))
    before, began = cloud.call_count(), time.monotonic()

    backup = suite.run(policy)

    assert time.monotonic() - began < 25, "the first poll would have come after 30 s"
    once_each(backup, us, [*volumes, alone])
    assert polls(cloud, before) == 0


def test_a_lost_event_costs_a_poll(cloud: Cloud, suite: Suite, us: Estate) -> None:
    cloud.behave(events="drop")
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance))
    before = cloud.call_count()

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, volumes)
    assert polls(cloud, before) >= 1


def test_polls_go_on_until_the_snapshots_are_there(cloud: Cloud, suite: Suite, us: Estate) -> None:
    cloud.behave(events="drop", snapshot_seconds=8)
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance))

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, volumes)


def test_an_event_twice_changes_nothing(cloud: Cloud, suite: Suite, us: Estate) -> None:
    cloud.behave(events="twice")
    instance, volumes = us.instance(volumes=2)
    alone = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(alone))

    backup = suite.run(policy)
    suite.await_idle(policy)

    assert backup == suite.show(backup["id"])
    once_each(backup, us, [*volumes, alone])


def test_an_event_before_the_unit_is_on_record(cloud: Cloud, suite: Suite, us: Estate) -> None:
    """AWS answers late: the snapshot is complete, and its event gone by, before we know its id."""
    cloud.behave(snapshot_seconds=0)
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance))
    cloud.fault("ec2:CreateSnapshots", "delay", seconds=2, when="after", resource=instance)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, volumes)


def test_who_waits_for_what_has_ended_is_woken_at_once(cloud: Cloud, suite: Suite) -> None:
    """The last event may come between the snapshots and the wait: the step that waits looks once more."""
    policy = suite.policy()
    backup = suite.run(policy)
    before = cloud.call_count()

    running = {"owner": "root", "policy": policy, "backup": backup["id"], "holder": "nobody"}
    cloud.invoke("BackupFunction", {"step": "await", "running": running, "token": "of-no-task"})

    calls = [call for call in cloud.calls(before) if call["app"] == "cpm-backup"]
    assert [call["action"] for call in calls if call["service"] == "states"] == ["SendTaskSuccess"]


def test_a_tag_takes_effect_within_a_minute(suite: Suite, us: Estate) -> None:
    policy = suite.policy()
    instance, _ = us.instance()

    us.tag(instance, {"cpm backup": policy})
    wait_for("the target to be in", lambda: suite.targets(policy) == {instance}, 60)

    us.untag(instance, "cpm backup")
    wait_for("the target to be out", lambda: suite.targets(policy) == set(), 60)
