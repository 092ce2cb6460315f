"""How many calls a backup of databases, clusters, warehouses and tables takes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.bench.figure import Report
from tests.bench.ground import REGION, Ground, first
from tests.cloud import Cloud
from tests.estate import KINDS, Database, Estate

SERVICES = {"rds": "rds", "aurora": "rds", "redshift": "redshift"}
UNITS = 20
EACH = 100
APP = "cpm-backup"
OF_TABLES = {"CreateBackup", "DescribeBackup", "DescribeTable", "ListBackups", "ListTagsOfResource"}
"""What is asked of DynamoDB for backups; the other calls are the suite's own table's."""


def units(ground: Ground, report: Report, _: dict[str, list[str]]) -> None:
    """Calls for each unit of a kind, its progress included."""
    estate = Estate(ground.cloud, REGION)
    for kind, service in SERVICES.items():
        sources = [estate.of_kind(kind) for _ in range(UNITS)]
        backup, calls = backed_up(ground, f"of-{kind}", [source.target for source in sources])
        of_kind = {action: count for (name, action), count in calls.items() if name == service}
        report.holds(
            f"calls for each unit of {kind}, progress included ({UNITS} units)", sum(of_kind.values()) / UNITS, 3,
            whole(backup, UNITS) and sum(of_kind.values()) <= 3 * UNITS, "calls", by_action=of_kind, status=backup["status"],
        )


def all_kinds(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """Calls for a backup with 100 targets of each kind, beside the fewest that AWS's API allows."""
    ground.cloud.behave(database_snapshot_quota=1000, warehouse_snapshot_quota=2000)
    estate = Estate(ground.cloud, REGION)
    sources: list[Database] = [estate.of_kind(kind) for kind in KINDS for _ in range(EACH)]
    volumes = [estate.volume() for _ in range(EACH)]
    targets = [source.target for source in sources]
    targets += [{"volume": volume, "region": REGION} for volume in volumes]
    targets += [{"instance": instance, "region": REGION} for instance in first(machines, EACH)]
    backup, calls = backed_up(ground, "all-kinds", targets)
    kinds = len(KINDS) + 2
    of_volumes = sum(len(volumes) for volumes in first(machines, EACH).values())
    report.holds(
        f"calls for a backup of {EACH} targets of each of {kinds} kinds", sum(calls.values()), None,
        whole(backup, EACH * (kinds - 1) + of_volumes), "calls", floor=kinds * EACH + kinds,
        floor_is="one create a unit, one page of describe a kind", status=backup["status"],
        by_action={f"{service}:{action}": count for (service, action), count in sorted(calls.items())},
    )


def backed_up(
    ground: Ground, policy: str, targets: list[dict[str, Any]]
) -> tuple[dict[str, Any], Counter[tuple[str, str]]]:
    """A backup of a policy with these targets, and what AWS was asked for it."""
    ground.apply({"policies": [
        {"name": policy, "account": "main", "generations": 30, "retry": {"count": 0}, "targets": targets},
    ]})
    since = ground.cloud.call_count()
    backup = ground.back_up(policy)
    return backup, asked(ground.cloud, since)


def asked(cloud: Cloud, since: int) -> Counter[tuple[str, str]]:
    """The calls that backups made, but those to the suite's own table, by service and action."""
    mine = [call for call in cloud.calls(since) if call["app"] == APP]
    return Counter(
        (call["service"], call["action"]) for call in mine
        if call["plane"] == "resources" or (call["service"] == "dynamodb" and call["action"] in OF_TABLES)
    )


def whole(backup: dict[str, Any], count: int) -> bool:
    """Whether a backup has so many units, all of them complete."""
    states = {unit["state"] for unit in backup["units"]}
    return backup["status"] == "successful" and len(backup["units"]) == count and states == {"completed"}
