"""What one backup of one instance costs in state transitions, invocations and table writes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.bench import prices
from tests.bench.backups import settled
from tests.bench.figure import Report
from tests.bench.ground import Ground, first
from tests.cloud import Cloud, wait_for

APPS = {"cpm-backup", "cpm-dispatcher", "cpm-events", "cpm-notifier"}
"""Who works on a backup, or tells of it; the API only answers those who watch."""
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
MEMORY_GB = 0.5


def cost(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """A scheduled backup of one instance with 10 volumes, from the tick to the end of its execution."""
    settled(ground)
    due = (datetime.now(timezone.utc) + timedelta(seconds=15)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    ground.apply({"schedules": [{
        "name": "once", "repeat": {"every": 1, "unit": "days"}, "start": f"{due:%Y-%m-%dT%H:%M}", "timezone": "UTC",
    }]})
    ground.policy("cost", first(machines, 1), schedules=["once"])
    before = ground.cloud.call_count()
    backup = wait_for("the scheduled backup", lambda: successful(ground), 180)
    history = execution(ground.cloud, "cost-")
    counted = Counter(event["type"] for event in history)
    calls = [call for call in ground.cloud.calls(before) if call["app"] in APPS and call["status"] == 200]
    # AWS counts the start and the end of an execution as transitions too.
    transitions = sum(count for kind, count in counted.items() if kind.endswith("StateEntered")) + 2
    steps = counted["TaskScheduled"] + counted["LambdaFunctionScheduled"]
    events = len({unit["instance"] or unit["source"] for unit in backup["units"]})
    # The notifier is called for each change of state, and publishes it.
    told = sum(call["action"] == "PutEvents" for call in calls)
    writes, units = written(calls)
    price = {
        "state transitions": transitions * prices.STATE_TRANSITION,
        "Lambda requests": (steps + events + told) * prices.LAMBDA_REQUEST,
        "Lambda time": busy(history) * MEMORY_GB * prices.LAMBDA_GB_SECOND,
        "events on the suite's bus": told * prices.CUSTOM_EVENT,
        "table writes": units * prices.WRITE_UNIT,
        "table reads": sum(reads(call) for call in calls) * prices.READ_UNIT,
    }
    report.most("state transitions of one backup of one instance", transitions, 20, "transitions")
    report.shown(
        "Lambda invocations of one backup of one instance", steps + events + told, "invocations", steps=steps,
        events=events, told=told,
    )
    report.most(
        "table writes of one backup of one instance", sum(writes.values()), 12, "writes", by_action=dict(writes),
        write_units=units,
    )
    report.shown(
        "list price of one backup of one instance", round(sum(price.values()), 7), "USD",
        parts={name: round(part, 8) for name, part in price.items()},
        left_out="snapshot storage, logs, the tick of every minute, the time that events and notifications take",
    )


def successful(ground: Ground) -> dict[str, Any] | None:
    """The newest backup of the policy, once it is successful."""
    found = ground.newest("cost")
    return found if found and found["status"] == "successful" else None


def execution(cloud: Cloud, prefix: str) -> list[dict[str, Any]]:
    """The whole history of the newest execution whose name begins so."""
    sfn = cloud.client("stepfunctions")
    listed = sfn.list_executions(stateMachineArn=cloud.outputs["BackupStateMachineArn"])["executions"]
    arn = next(found["executionArn"] for found in listed if found["name"].startswith(prefix))
    wait_for("its end", lambda: sfn.describe_execution(executionArn=arn)["status"] == "SUCCEEDED", 60)
    pages = sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def written(calls: list[dict[str, Any]]) -> tuple[Counter[str], int]:
    """The items written, by how; and the write units: an index takes one more of each item, a transaction another."""
    writes: Counter[str] = Counter()
    units = 0
    for call in calls:
        if call["action"] in WRITES:
            writes[call["action"]] += 1
            units += 2
        elif call["action"] == "TransactWriteItems":
            writes.update(call["parts"])
            units += 3 * len(call["parts"])
    return writes, units


def reads(call: dict[str, Any]) -> float:
    """Read units of a call: one for a consistent read of up to 4 KB, as most of ours are."""
    return 1 if call["action"] in ("GetItem", "Query") else 0


def busy(history: list[dict[str, Any]]) -> float:
    """Seconds that functions worked: from the schedule of each task to its end, without the wait for the callback."""
    seconds = 0.0
    begun = None
    waits = False
    for event in history:
        if event["type"] in ("TaskScheduled", "LambdaFunctionScheduled"):
            begun = event["timestamp"]
            waits = "waitForTaskToken" in str(event.get("taskScheduledEventDetails", {}).get("resource", ""))
        elif event["type"] in ("TaskSucceeded", "LambdaFunctionSucceeded", "TaskSubmitted") and begun is not None:
            if not (waits and event["type"] == "TaskSucceeded"):
                seconds += (event["timestamp"] - begun).total_seconds()
            begun = None if event["type"] != "TaskSubmitted" else begun
    return seconds
