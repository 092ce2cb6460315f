"""Recoveries that fail or die half-way."""

from __future__ import annotations

from typing import Any

import pytest

from tests import machines
from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import US, Suite, of_instance, of_volume
from tests.e2e.test_crashes import kill_function
from tests.estate import Estate
from tests.recoveries import Recoveries, made, the, told, units

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
