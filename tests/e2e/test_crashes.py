"""Whatever dies, no snapshot is lost, none is made twice, and the status is true."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import EU, Suite, of_instance, of_volume, once_each, says
from tests.e2e.test_schedule import executions
from tests.estate import Estate


def stop_execution(cloud: Cloud, policy: str) -> str:
    """Abort the running execution of a policy, as a person may in the console; answers its name."""
    name = wait_for("a running execution", lambda: executions(cloud, policy, "RUNNING"))[0]
    cloud.client("stepfunctions").stop_execution(executionArn=arn_of(cloud, name))
    return name


def arn_of(cloud: Cloud, execution: str) -> str:
    """The ARN of an execution of the backup machine."""
    return f"{cloud.outputs['BackupStateMachineArn'].replace(':stateMachine:', ':execution:')}:{execution}"


def waits(cloud: Cloud, policy: str) -> bool:
    """Whether the running execution of a policy waits for AWS: it has the lease, and a token is out."""
    for name in executions(cloud, policy, "RUNNING"):
        history = cloud.client("stepfunctions").get_execution_history(executionArn=arn_of(cloud, name))["events"]
        return any(event.get("stateEnteredEventDetails", {}).get("name") == "Await" for event in history)
    return False


def kill_function(cloud: Cloud, app: str) -> int:
    """Kill the processes of one function of this cloud, and no others; answers how many there were."""
    killed = 0
    marks = (f"AWS_SDK_UA_APP_ID={app}", f"AWS_ENDPOINT_URL={cloud.settings.serverless_url}")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            variables = (entry / "environ").read_bytes().decode("utf-8", "replace").split("\0")
            if all(mark in variables for mark in marks):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
        except (OSError, ProcessLookupError):
            continue
    return killed


def answered(cloud: Cloud, since: int) -> int:
    """How many calls of CreateSnapshots are over."""
    return sum(call["action"] == "CreateSnapshots" for call in cloud.calls(since))


def test_an_execution_that_is_stopped_while_it_waits_is_resumed(cloud: Cloud, suite: Suite, us: Estate) -> None:
    cloud.behave(snapshot_seconds=5)
    instance, volumes = us.instance(volumes=2)
    alone = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(alone))
    suite.start(policy)
    wait_for("the snapshots", lambda: len(us.snapshots(*volumes, alone)) == 3)

    stopped = stop_execution(cloud, policy)

    tick_until(suite, policy, 2)
    backup = suite.await_backup(policy, status="successful")
    assert says(backup, f"the execution {stopped} died")
    assert len(suite.backups(policy)) == 1
    once_each(backup, us, [*volumes, alone])


def test_an_execution_that_is_stopped_during_the_calls_is_resumed(cloud: Cloud, suite: Suite, us: Estate) -> None:
    machines = [us.instance(volumes=2) for _ in range(3)]
    policy = suite.policy(*(of_instance(instance) for instance, _ in machines))
    cloud.fault("ec2:CreateSnapshots", "delay", seconds=4, when="after", resource=machines[0][0], times=1)
    suite.start(policy)
    wait_for("the first call", lambda: cloud.hits() or None)

    stop_execution(cloud, policy)

    tick_until(suite, policy, 2)
    backup = suite.await_backup(policy, status="successful")
    once_each(backup, us, [volume for _, volumes in machines for volume in volumes])


def tick_until(suite: Suite, policy: str, count: int) -> None:
    """Tick as the scheduler does, until a policy has had so many executions."""

    def ticked() -> bool:
        suite.tick()
        return len(executions(suite.cloud, policy)) >= count

    wait_for("another execution", ticked)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_function_that_is_killed_around_its_call_makes_nothing_twice(
    cloud: Cloud, suite: Suite, us: Estate, when: str
) -> None:
    """`before`: AWS carries the call out when its function is long dead. `after`: the snapshots are made, and the
    function dies before it has them on record."""
    cloud.behave(snapshot_seconds=8)  # AWS refuses a second snapshot of a volume for 15 s while the first is pending
    instance, volumes = us.instance(volumes=3)
    policy = suite.policy(of_instance(instance))
    cloud.fault("ec2:CreateSnapshots", "delay", seconds=4, when=when, resource=instance, times=1)
    before = cloud.call_count()
    suite.start(policy)
    wait_for("the call", lambda: cloud.hits() or None)

    assert kill_function(cloud, "cpm-backup") >= 1
    backup = suite.await_backup(policy, seconds=90, status="successful")

    wait_for("the call of the dead to be over", lambda: answered(cloud, before) >= cloud.hits())
    once_each(backup, us, volumes)


def test_a_lost_answer_makes_nothing_twice(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=3)
    alone = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(alone))
    cloud.fault("ec2:CreateSnapshots", "drop", when="after", times=1, resource=instance)
    cloud.fault("ec2:CreateSnapshot", "drop", when="after", times=1, resource=alone)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, [*volumes, alone])


def test_a_lost_question_is_asked_again(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance))
    cloud.fault("ec2:CreateSnapshots", "drop", times=2, resource=instance)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    once_each(backup, us, volumes)


def test_a_backup_whose_executions_keep_dying_is_failed_and_told(cloud: Cloud, suite: Suite, eu: Estate) -> None:
    cloud.behave(snapshot_seconds=60)
    instance, _ = eu.instance(volumes=1)
    policy = suite.policy(of_instance(instance, EU))
    suite.start(policy)
    for count in range(1, 5):
        wait_for("the execution to wait for the snapshot", lambda: waits(cloud, policy))
        stop_execution(cloud, policy)
        if count < 4:
            tick_until(suite, policy, count + 1)

    def given_up() -> bool:
        suite.tick()
        return bool(suite.backups(policy)[0]["status"] != "in-progress")

    wait_for("the backup to be given up", given_up)
    backup = suite.show(suite.backups(policy)[0]["id"])
    assert backup["status"] == "failed"
    assert "ExecutionDied" in str(backup["units"])
    assert suite.alerts(policy)
    suite.await_idle(policy)
