"""AWS says no: what can be backed up is, the status says the truth, people are told once."""

from __future__ import annotations

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import EU, Suite, of_instance, of_volume, once_each, says
from tests.estate import Estate, Mailbox


def test_denied_in_one_of_two_regions(cloud: Cloud, suite: Suite, us: Estate, eu: Estate) -> None:
    (here, mine), (there, theirs) = us.instance(volumes=2), eu.instance(volumes=2)
    policy = suite.policy(of_instance(here), of_instance(there, EU))
    cloud.fault("ec2:CreateSnapshot*", "deny", region=EU)

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    once_each(backup, us, mine)
    assert not eu.snapshots(*theirs)
    errors = [unit["error"] for unit in backup["units"] if unit["source"] in theirs]
    assert len(errors) == 2
    for error in errors:
        assert "ec2:CreateSnapshots" in error, "it names the action"
        assert "role" in error and "backup" in error.lower(), "it names the role"


def test_describe_denied_in_one_of_two_regions(cloud: Cloud, suite: Suite, us: Estate, eu: Estate) -> None:
    (here, mine), (there, _) = us.instance(volumes=2), eu.instance(volumes=1)
    policy = suite.policy(of_instance(here), of_instance(there, EU))
    cloud.fault("ec2:DescribeInstances", "deny", region=EU)

    backup = suite.run(policy, code=1)

    assert backup["status"] == "partially-successful"
    once_each(backup, us, mine)
    assert says(backup, "ec2:DescribeInstances")


def test_all_denied_is_failed(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance))
    cloud.fault("ec2:CreateSnapshots", "deny", resource=instance)

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("failed", False)
    assert not us.snapshots(*volumes)


def test_a_snapshot_that_goes_to_error_is_retried_and_told_once(
    cloud: Cloud, suite: Suite, us: Estate, mailbox: Mailbox
) -> None:
    instance, volumes = us.instance(volumes=2)
    alone = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(alone), retry={"count": 2, "wait": "30s"})
    cloud.fault("ec2:CreateSnapshots", "snapshot_error", resource=instance, times=1, cause="a volume is not readable")

    suite.start(policy)
    first = suite.await_backup(policy, status="partially-successful")
    alert = wait_for("the alert", lambda: suite.alerts(policy) or None)[0]
    retry = suite.await_backup(policy, status="successful", trigger="retry")

    assert (first["counts"], first["retry"]) == (False, False)
    failed = {unit["source"]: unit for unit in first["units"] if unit["state"] == "failed"}
    assert set(failed) == set(volumes)
    assert all(unit["error"] for unit in failed.values())
    assert (alert["category"], alert["severity"], alert["count"]) == ("backup", "warning", 1)
    assert (retry["retry"], retry["counts"]) == (True, True)
    once_each(retry, us, [*volumes, alone])
    wait_for("the alert to go", lambda: not suite.alerts(policy))
    messages = wait_for("both messages", lambda: found if len(found := mailbox.about(f"{policy} ")) >= 2 else None)
    assert len(messages) == 2, "each is told once"
    assert "resolved" in str(messages[1]).lower()


def test_retries_are_used_up_and_told_once(cloud: Cloud, suite: Suite, us: Estate, mailbox: Mailbox) -> None:
    instance, _ = us.instance(volumes=1)
    policy = suite.policy(of_instance(instance), retry={"count": 2, "wait": "10s"})
    cloud.fault("ec2:CreateSnapshots", "deny", resource=instance)

    suite.start(policy)
    wait_for("all retries", lambda: len([b for b in suite.backups(policy) if b["status"] == "failed"]) == 3, 60)
    suite.await_idle(policy)

    assert [backup["trigger"] for backup in suite.backups(policy)] == ["retry", "retry", "manual"]
    assert says(suite.show(suite.backups(policy)[0]["id"]), "all 2 are used up")
    assert wait_for("the third failure", lambda: [a for a in suite.alerts(policy) if a["count"] == 3] or None)
    wait_for("the message", lambda: mailbox.about(f"{policy} ") or None)
    assert len(mailbox.about(f"{policy} ")) == 1, "nobody is told twice of one failure"


def test_throttled_calls_are_made_again(cloud: Cloud, suite: Suite, us: Estate) -> None:
    (first, some), (second, more) = us.instance(volumes=2), us.instance(volumes=2)
    policy = suite.policy(of_instance(first), of_instance(second))
    cloud.fault("ec2:CreateSnapshots", "throttle", times=5)
    cloud.fault("ec2:Describe*", "throttle", app="cpm-backup", times=2)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    assert cloud.hits() >= 7
    once_each(backup, us, [*some, *more])


def test_a_quota_of_pending_snapshots_is_waited_for(cloud: Cloud, suite: Suite, us: Estate) -> None:
    cloud.behave(snapshot_seconds=2)
    machines = [us.instance(volumes=2) for _ in range(3)]
    policy = suite.policy(*(of_instance(instance) for instance, _ in machines))
    wait_for("nothing to be pending", lambda: not any(s["State"] == "pending" for s in us.snapshots()))
    cloud.behave(pending_limit=3)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, [volume for _, volumes in machines for volume in volumes])


def test_a_server_error_is_made_again_without_doubles(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance))
    cloud.fault("ec2:CreateSnapshots", "error", when="after", code="InternalError", times=1, resource=instance)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, volumes)


def test_a_volume_deleted_between_plan_and_snapshot(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=1)
    goes = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(goes))
    cloud.fault("ec2:CreateSnapshot", "delay", seconds=3, resource=goes)

    suite.start(policy)
    wait_for("the call", lambda: cloud.hits() or None)
    us.ec2.delete_volume(VolumeId=goes)
    backup = suite.await_end(policy)

    assert backup["status"] == "partially-successful"
    once_each(backup, us, volumes)
    error = next(unit["error"] for unit in backup["units"] if unit["source"] == goes)
    assert "InvalidVolume.NotFound" in error
