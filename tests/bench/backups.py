"""How many calls a backup takes, how close together its snapshots are, and what it does when AWS throttles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from tests.bench.figure import Report
from tests.bench.ground import REGION, Ground, first
from tests.cloud import HOME, wait_for
from tests.estate import Estate

LATENCY = 0.05
AT_ONCE = 8
"""Calls that the bare client has under way."""


def calls(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """EC2 calls for a backup of N instances with 10 volumes each: the first of a policy, which reads for recoveries what
    EC2 tells one instance at a time, and those after it."""
    for count in (5, 50, 200):
        some = first(machines, count)
        ground.policy(f"calls-{count}", some)
        settled(ground)
        ground.reset()
        backup = ground.back_up(f"calls-{count}")
        counted = ground.counted()
        attributes = counted["DescribeInstanceAttribute"]
        report.holds(
            f"EC2 calls for the first backup of {count} instances with 10 volumes each", sum(counted.values()), 4 * count + 8,
            attributes <= 3 * count and sum(counted.values()) <= 4 * count + 8, "calls", by_action=dict(counted),
            status=backup["status"],
        )
        settled(ground)
        ground.reset()
        backup = ground.back_up(f"calls-{count}")
        counted = ground.counted()
        whole = backup["status"] == "successful" and len(backup["units"]) == 10 * count
        report.holds(
            f"EC2 calls for a backup of {count} instances with 10 volumes each", sum(counted.values()), count + 8,
            whole and sum(counted.values()) <= count + 8, "calls", by_action=dict(counted), status=backup["status"],
        )


def closeness(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """First to last CreateSnapshots of 50 instances, compared with a bare client that has 8 calls under way."""
    some = first(machines, 50)
    settled(ground)
    bare = min(window(bare_client(ground, some)) for _ in range(2))
    ground.policy("closeness", some)
    ours = []
    for _ in range(2):
        settled(ground)
        ground.reset(latency=LATENCY)
        ground.back_up("closeness")
        ours.append(window(ground.seen()))
    ground.reset()
    report.most(
        "first to last CreateSnapshots, 50 instances, 500 volumes, 50 ms a call, against a bare client",
        min(ours) / bare, 1.3, "times", ours_seconds=round(min(ours), 3), bare_seconds=round(bare, 3),
    )


def bare_client(ground: Ground, machines: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The same calls without anything around them; answers what the proxy saw."""
    client = boto3.client(
        "ec2", region_name=REGION, endpoint_url=ground.url, aws_access_key_id=HOME, aws_secret_access_key="test",
        config=Config(max_pool_connections=AT_ONCE, retries={"total_max_attempts": 1}),
    )
    names = ("deployment", "owner", "policy", "backup", "unit", "source")
    tags = [{"Key": f"cpm:{name}", "Value": "bare-client"} for name in names]

    def snapshot(instance: str) -> None:
        client.create_snapshots(
            InstanceSpecification={"InstanceId": instance}, CopyTagsFromSource="volume", Description="bare client",
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}],
        )

    settled(ground)
    ground.reset(latency=LATENCY)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(snapshot, machines))
    return ground.seen()


def window(seen: list[dict[str, Any]]) -> float:
    """Seconds from the first CreateSnapshots that succeeded to the end of the last."""
    mine = [call for call in seen if call["action"] == "CreateSnapshots" and call["status"] == 200]
    return float(max(call["ended"] for call in mine) - min(call["began"] for call in mine))


def settled(ground: Ground) -> None:
    """Wait until no snapshot is pending: AWS allows one of a volume in 15 seconds otherwise."""
    estate = Estate(ground.cloud, REGION)
    pending = [{"Name": "status", "Values": ["pending"]}]
    wait_for("no snapshot to be pending", lambda: not estate.ec2.describe_snapshots(Filters=pending)["Snapshots"], 60)


def dry_buckets(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """Buckets that are nearly dry: nothing is lost or doubled, and the status is true all along."""
    some = first(machines, 8)
    expected = sorted(volume for volumes in some.values() for volume in volumes)
    ground.policy("dry", some)
    settled(ground)
    ground.reset(buckets=[{"action": "CreateSnapshot*", "capacity": 5, "refill": 0.05}])
    ground.start("dry")
    untrue: list[str] = []

    def ended() -> dict[str, Any] | None:
        backup = ground.newest("dry")
        if backup is None:
            return None
        untrue.extend(untruths(ground, backup))
        return backup if backup["status"] != "in-progress" else None

    backup = wait_for("the backup with dry buckets", ended, 400)
    throttled = sum(call["throttled"] for call in ground.seen())
    made = Estate(ground.cloud, REGION).snapshots(policy="dry")
    assert {s["Tags"]["cpm:backup"] for s in made} == {str(backup["id"])}
    ground.reset()
    lost = set(expected) - {s["VolumeId"] for s in made}
    doubled = len(made) - len({s["VolumeId"] for s in made})
    on_record = sorted(unit["source"] for unit in backup["units"] if unit["state"] == "completed")
    report.holds(
        "volumes lost or doubled when buckets are nearly dry (5 tokens, 0.05 a second)", len(lost) + doubled, 0,
        not lost and not doubled and on_record == expected, "volumes", volumes=len(expected), throttled_calls=throttled,
    )
    report.holds(
        "statements of the status that were not true meanwhile", len(untrue), 0,
        not untrue and backup["status"] == "successful" and throttled > 0, "statements", status=backup["status"],
        first_untrue=untrue[:1] or "",
    )


def untruths(ground: Ground, backup: dict[str, Any]) -> list[str]:
    """What a backup says of itself and AWS does not confirm."""
    wrong = []
    open_units = [unit for unit in backup["units"] if unit["state"] in ("planned", "pending")]
    if (backup["status"] == "in-progress") != (backup["ended"] is None):
        wrong.append(f"{backup['status']}, ended {backup['ended']}")
    if backup["status"] != "in-progress" and open_units:
        wrong.append(f"{backup['status']} with {len(open_units)} open units")
    ids = [unit["id"] for unit in backup["units"] if unit["state"] == "completed"]
    pages = Estate(ground.cloud, REGION).snapshots(policy=backup["policy"])
    really = {s["SnapshotId"] for s in pages if s["State"] == "completed"}
    wrong += [f"{snapshot} is not completed" for snapshot in ids if snapshot not in really]
    wrong += [f"{unit['source']} failed" for unit in backup["units"] if unit["state"] == "failed"]
    return wrong
