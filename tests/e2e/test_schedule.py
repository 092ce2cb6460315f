"""Due times become backups, once each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import Suite, of_instance, once_each, says
from tests.estate import Estate


def daily(start: datetime) -> dict[str, Any]:
    """A schedule that runs daily from a start."""
    return {"repeat": {"every": 1, "unit": "days"}, "start": f"{start:%Y-%m-%dT%H:%M}", "timezone": "UTC"}


def next_minute() -> datetime:
    """The next full minute that leaves time to write a policy before it."""
    return (datetime.now(timezone.utc) + timedelta(minutes=1, seconds=25)).replace(second=0, microsecond=0)


def set_due(cloud: Cloud, policy: str, at: datetime) -> None:
    """Have a policy's only slot be due at an instant, as if the ticks since then had been lost."""
    table, partition = cloud.client("dynamodb"), f"OWNER#root#POLICY#{policy}"
    item = table.query(
        TableName=cloud.outputs["TableName"], KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": partition}, ":sk": {"S": "SLOT#"}},
    )["Items"][0]
    schedule = item["sk"]["S"].removeprefix("SLOT#")
    item["next"] = {"S": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    item["due_sk"] = {"S": f"{at:%Y-%m-%dT%H:%M:%S}.000000000Z#root#{policy}#SLOT#{schedule}"}
    table.put_item(TableName=cloud.outputs["TableName"], Item=item)


def test_the_schedulers_own_tick_starts_what_is_due(suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    due = next_minute()
    policy = suite.policy(of_instance(instance), schedules=[daily(due)])

    backup = suite.await_backup(policy, seconds=150, status="successful")

    assert backup["trigger"] == "schedule"
    assert datetime.fromisoformat(backup["slot"]) == due
    once_each(backup, us, volumes)


def test_the_same_tick_three_times_at_once_runs_once(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    due = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=1)
    policy = suite.policy(of_instance(instance), schedules=[daily(due)])
    set_due(cloud, policy, due)

    with ThreadPoolExecutor(3) as ticks:
        list(ticks.map(lambda _: suite.tick(), range(3)))
    backup = suite.await_backup(policy, status="successful")
    suite.tick()

    assert len(suite.backups(policy)) == 1
    assert len(executions(cloud, policy)) == 1
    once_each(backup, us, volumes)


def test_a_lost_day_is_made_up_once(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=1)
    now = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    hourly = {**daily(now - timedelta(days=2)), "repeat": {"every": 1, "unit": "hours"}}
    policy = suite.policy(of_instance(instance), schedules=[hourly])
    set_due(cloud, policy, now - timedelta(hours=24))

    suite.tick()
    backup = suite.await_backup(policy, status="successful")
    suite.tick()

    assert len(suite.backups(policy)) == 1, "one run makes up for all that were missed"
    assert datetime.fromisoformat(backup["slot"]) == now
    once_each(backup, us, volumes)
    due = shown(cloud, policy)["slots"][0]["next"]
    assert datetime.fromisoformat(due) == now + timedelta(hours=1)


def test_two_at_once_are_one_and_a_refusal(cloud: Cloud, suite: Suite, us: Estate) -> None:
    cloud.behave(snapshot_seconds=6)
    instance, volumes = us.instance(volumes=2)
    due = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=1)
    policy = suite.policy(of_instance(instance), schedules=[daily(due)])
    first = suite.start(policy)
    running = suite.await_backup(policy, status="in-progress")

    refused = cloud.cpm("backup", "run", policy, code=1)
    set_due(cloud, policy, due)
    suite.tick()
    wait_for("the second execution to end", lambda: len(executions(cloud, policy, "SUCCEEDED")) >= 1)

    assert "one at a time" in refused.err
    backup = suite.await_backup(policy, status="successful")
    assert backup["id"] == running["id"] and first
    assert len(suite.backups(policy)) == 1
    assert says(backup, "a second backup of the policy (schedule) was refused")
    once_each(backup, us, volumes)


def test_a_disabled_policy_runs_by_hand_only(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=1)
    due = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=1)
    policy = suite.policy(of_instance(instance), schedules=[daily(due)])
    set_due(cloud, policy, due)
    cloud.cpm("policy", "disable", policy)

    suite.tick()
    assert executions(cloud, policy) == []
    assert shown(cloud, policy)["next"] is None
    assert suite.run(policy)["status"] == "successful"

    cloud.cpm("policy", "enable", policy)
    following = datetime.fromisoformat(shown(cloud, policy)["next"])
    assert following == due + timedelta(days=1), "what it slept through stays undone"


def shown(cloud: Cloud, policy: str) -> dict[str, Any]:
    """A policy, as it is shown."""
    return dict(cloud.cpm("policy", "show", policy, "--json").json)


def executions(cloud: Cloud, policy: str, status: str | None = None) -> list[str]:
    """The names of the executions that backed a policy up."""
    pages = cloud.client("stepfunctions").get_paginator("list_executions").paginate(
        stateMachineArn=cloud.outputs["BackupStateMachineArn"], **({"statusFilter": status} if status else {}),
    )
    return [e["name"] for page in pages for e in page["executions"] if e["name"].startswith(f"{policy}-")]
