"""A delete of 500 snapshots: how many calls, and how fast."""

from __future__ import annotations

from tests.bench.backups import settled
from tests.bench.figure import Report
from tests.bench.ground import REGION, Ground, first
from tests.estate import Estate

BURST, RATE = 100, 5
"""AWS's bucket of DeleteSnapshot."""


def deletes(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """500 deletes, at most 10 other calls, below AWS's pace."""
    some = first(machines, 50)
    ground.policy("deletes", some, generations=2)
    for _ in range(2):
        settled(ground)
        ground.back_up("deletes")
    settled(ground)
    before = Estate(ground.cloud, REGION).snapshot_ids(policy="deletes")
    ground.policy("deletes", some, generations=1)
    ground.reset()
    ground.cloud.cpm("cleanup", "run", "--policy", "deletes", "--wait", timeout=400)
    seen = ground.seen()
    ground.reset()
    gone = len(before - Estate(ground.cloud, REGION).snapshot_ids(policy="deletes"))
    began = sorted(call["began"] for call in seen if call["action"] == "DeleteSnapshot")
    others = len(seen) - len(began)
    report.holds(
        "calls for a delete of 500 snapshots", {"DeleteSnapshot": len(began), "others": others},
        {"DeleteSnapshot": 500, "others": 10}, gone == len(began) == 500 and others <= 10, "calls", gone=gone,
    )
    report.most(
        "most deletes ahead of AWS's pace of 100 and 5 a second", ahead(began), 0, "calls",
        seconds=round(began[-1] - began[0], 1),
    )


def ahead(began: list[float]) -> int:
    """By how many calls the worst stretch is above 100 and 5 a second; below zero, it is under."""
    return max(
        later - earlier + 1 - int(BURST + RATE * (began[later] - began[earlier]))
        for earlier in range(len(began)) for later in range(earlier, len(began))
    )
