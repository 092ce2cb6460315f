"""For how long a backup's scripts hold applications still."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from tests.bench.backups import LATENCY, settled
from tests.bench.figure import Report
from tests.bench.ground import Ground, first

COUNT = 20
BOUND_MS = 1_500
TELLS_THE_END = "GetCommandInvocation"
"""The look that sees the end of a `before` script is under way when it ends."""


def frozen(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """From the end of the last `before` to the start of the first `after`, and what AWS is asked meanwhile."""
    some = first(machines, COUNT)
    script = {"ssm": {"each_target": True, "shell": "exit 0"}}
    scripts = {"enabled": True, "before": script, "after": script, "complete": script}
    ground.policy("frozen", some, scripts=scripts)
    tries = [measured(ground) for _ in range(2)]
    frozen_ms, backup, seen = min(tries, key=lambda tried: tried[0])
    units = [unit for unit in backup["units"] if unit["state"] == "completed"]
    whole = backup["status"] == "successful" and len(units) == 10 * COUNT
    report.holds(
        f"frozen time of {COUNT} instances with 10 volumes each, {LATENCY * 1000:.0f} ms a call, the scripts' own time left out",
        frozen_ms, BOUND_MS, whole and frozen_ms <= BOUND_MS, "ms", of_each_try=[tried[0] for tried in tries],
        status=backup["status"],
    )
    meanwhile = between(backup, seen)
    looks = meanwhile.pop(TELLS_THE_END, 0)
    others = sum(meanwhile.values()) - meanwhile["CreateSnapshots"]
    report.holds(
        "calls but CreateSnapshots while applications are frozen", others, 0,
        others == 0 and meanwhile["CreateSnapshots"] == COUNT, "calls", by_action=dict(meanwhile), looks_for_the_end=looks,
    )


def measured(ground: Ground) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """A backup: its frozen time, itself, and the calls that the proxy saw."""
    settled(ground)
    ground.reset(latency=LATENCY)
    backup = ground.back_up("frozen")
    seen = ground.seen()
    ground.reset()
    return int(backup["frozen_ms"]), backup, seen


def between(backup: dict[str, Any], seen: list[dict[str, Any]]) -> Counter[str]:
    """The calls that began while all was frozen, by action."""

    def ran(phase: str, what: str) -> list[float]:
        return [datetime.fromisoformat(run[what]).timestamp() for run in backup["scripts"] if run["phase"] == phase]

    held, thawed = max(ran("before", "ended")), min(ran("after", "started"))
    return Counter(call["action"] for call in seen if held < call["began"] < thawed)
