"""How many calls a recovery takes, how soon its instance is asked for, and what it does when AWS throttles."""

from __future__ import annotations

import time
from typing import Any

from tests.bench.figure import Report
from tests.bench.ground import REGION, VOLUMES, Ground, first
from tests.cloud import CloudError, wait_for
from tests.estate import IMAGE, Estate

LATENCY = 0.05
SPARE = 6
SECONDS = 2.0
HUNDRED = 100
ENDED = ("succeeded", "failed", "undone")
FLOOR = {
    "DescribeSnapshots": 1, "DescribeSubnets": 1, "DescribeSecurityGroups": 1, "DescribeInstanceTypes": 1,
    "DescribeInstanceTypeOfferings": 1, "RegisterImage": 1, "DescribeImages": 1, "RunInstances": 1, "DescribeInstances": 1,
    "DeregisterImage": 1,
}
"""The fewest calls with which a plan can be held against AWS, an image registered, an instance launched, both seen to be
ready, and the image deregistered."""


def recovery(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """Calls to recover an instance with ten volumes, and the time until AWS has taken the launch."""
    (instance,) = first(machines, 1)
    backup = backed_up(ground, "recovery", [{"instance": instance, "region": REGION}])
    plan = {"backup": backup["id"], "instance": {"private_ip": ""}}
    ground.reset()
    recovered = recover(ground, plan)
    counted, floor = ground.counted(), sum(FLOOR.values())
    whole = recovered["state"] == "succeeded" and len(of_kind(recovered, "volume")) == VOLUMES
    report.holds(
        f"calls to recover an instance with {VOLUMES} volumes from snapshot", sum(counted.values()), floor + SPARE,
        whole and sum(counted.values()) <= floor + SPARE, "calls", floor=floor, floor_is="; ".join(FLOOR),
        by_action=dict(counted), state=recovered["state"],
    )
    ground.cloud.behave(image_seconds=0, instance_seconds=0)
    tries = [launched(ground, plan) for _ in range(3)]
    ground.reset()
    report.most(
        f"from the start of a recovery to RunInstances accepted, {LATENCY * 1000:.0f} ms a call, AWS's pending times left out",
        min(tries), SECONDS, "s", of_each_try=[round(tried, 3) for tried in tries],
    )
    ground.cloud.behave(image_seconds=0.5, instance_seconds=1.0)


def launched(ground: Ground, plan: dict[str, Any]) -> float:
    """Seconds from the request to the end of RunInstances."""
    ground.reset(latency=LATENCY)
    began = time.time()
    recovered = recover(ground, plan)
    if recovered["state"] != "succeeded":
        raise CloudError(f"the recovery did not succeed: {recovered['errors']}")
    taken = [call["ended"] for call in ground.seen() if call["action"] == "RunInstances" and call["status"] == 200]
    return float(min(taken)) - began


def hundred(ground: Ground, report: Report, _: dict[str, list[str]]) -> None:
    """A hundred volumes in one recovery, under a bucket that holds a third of them."""
    estate = Estate(ground.cloud, REGION)
    instance = estate.ec2.run_instances(
        ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="m5.large",
        BlockDeviceMappings=[{"DeviceName": device, "Ebs": {"VolumeSize": 8}} for device in devices()],
    )["Instances"][0]["InstanceId"]
    backup = backed_up(ground, "hundred", [{"instance": instance, "region": REGION}])
    ground.reset(buckets=[{"action": "CreateVolume", "capacity": HUNDRED / 3, "refill": 5}])
    recovered = recover(ground, {"backup": backup["id"], "volumes": {}}, seconds=300)
    seen = ground.seen()
    ground.reset()
    marked = [{"Name": "tag:cpm:recovery", "Values": [recovered["id"]]}]
    pages = estate.ec2.get_paginator("describe_volumes").paginate(Filters=marked)
    made = [volume["SnapshotId"] for page in pages for volume in page["Volumes"]]
    wanted = {unit["id"] for unit in backup["units"]}
    lost, doubled = len(wanted - set(made)), len(made) - len(set(made))
    throttled = sum(call["throttled"] for call in seen)
    good = recovered["state"] == "succeeded" and not recovered["errors"] and len(of_kind(recovered, "volume")) == HUNDRED
    report.holds(
        f"volumes lost or doubled when {HUNDRED} are recovered at once under AWS's buckets", lost + doubled, 0,
        good and not lost and not doubled and throttled > 0, "volumes", throttled_calls=throttled, state=recovered["state"],
        calls=sum(call["action"] == "CreateVolume" for call in seen), errors=recovered["errors"][:1] or "",
    )


def devices() -> list[str]:
    """Names of a hundred devices, the root first."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"/dev/xvd{first}{second}" for first in "bcde" for second in letters]
    return ["/dev/sda1", *names[: HUNDRED - 1]]


def backed_up(ground: Ground, policy: str, targets: list[dict[str, Any]]) -> dict[str, Any]:
    """A backup of these targets."""
    ground.apply({"policies": [
        {"name": policy, "account": "main", "generations": 30, "retry": {"count": 0}, "targets": targets},
    ]})
    ground.reset()
    return ground.back_up(policy)


def recover(ground: Ground, plan: dict[str, Any], seconds: float = 120) -> dict[str, Any]:
    """Recover by the API, and wait for the end."""
    status, started = ground.cloud.api("POST", "/v1/recoveries", {"plan": plan})
    if status != 202:
        raise CloudError(f"the recovery was not started: {status} {started}")

    def ended() -> dict[str, Any] | None:
        found = ground.cloud.api("GET", f"/v1/recoveries/{started['id']}")[1]
        return dict(found) if found["state"] in ENDED else None

    return wait_for(f"the end of recovery {started['id']}", ended, seconds)


def of_kind(recovered: dict[str, Any], kind: str) -> list[str]:
    """What a recovery made of a kind and is there."""
    return [it["id"] for it in recovered["made"] if it["kind"] == kind and it["state"] == "ready"]
