"""Events that EC2 and the tagging service send to EventBridge, in AWS's shapes.

Shapes: "Amazon EventBridge events for Amazon EBS" (EBS user guide), "Monitor AMI events using Amazon EventBridge" (EC2 user
guide), "Monitoring Amazon RDS events" (RDS and Aurora user guides) and "Tag Change on Resource" (EventBridge reference).
The EBS events write snapshot and volume ARNs as `arn:aws:ec2::<region>:snapshot/<id>`: AWS does so.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
import urllib.request
import uuid
from datetime import datetime, timezone
from typing import Any

from ..settings import ACCOUNT, REGION
from .behaviour import SWITCHES

_log = logging.getLogger("events")
Event = dict[str, Any]


def timestamp(moment: datetime | None = None) -> str:
    """A time as events carry it, to the second."""
    return (moment or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _event(source: str, kind: str, account: str, region: str, resources: list[str], detail: Event) -> Event:
    return {
        "version": "0", "id": str(uuid.uuid4()), "detail-type": kind, "source": source, "account": account,
        "time": timestamp(), "region": region, "resources": resources, "detail": detail,
    }


def ebs_arn(region: str, kind: str, resource_id: str) -> str:
    """An ARN as EBS events write it: the region stands where the account belongs."""
    return f"arn:aws:ec2::{region}:{kind}/{resource_id}"


def create_snapshot(account: str, region: str, snapshot: Any, cause: str, began: datetime) -> Event:
    """The event when a single snapshot completes or fails."""
    arn = ebs_arn(region, "snapshot", snapshot.id)
    return _event("aws.ec2", "EBS Snapshot Notification", account, region, [arn], {
        "event": "createSnapshot", "result": "failed" if cause else "succeeded", "cause": cause, "request-id": "",
        "snapshot_id": arn, "source": ebs_arn(region, "volume", snapshot.volume_id),
        "startTime": timestamp(began), "endTime": timestamp(),
    })


def create_snapshots(account: str, region: str, snapshots: list[Any], cause: str, began: datetime) -> Event:
    """The event when a multi-volume set completes or fails, as a whole."""
    arns = [ebs_arn(region, "snapshot", snapshot.id) for snapshot in snapshots]
    if cause:
        cause = f"Snapshot {snapshots[0].id} is in status error"
    return _event("aws.ec2", "EBS Multi-Volume Snapshots Completion Status", account, region, arns, {
        "event": "createSnapshots", "result": "failed" if cause else "succeeded", "cause": cause, "request-id": "",
        "startTime": timestamp(began), "endTime": timestamp(),
        "snapshots": [
            {"snapshot_id": arn, "source": ebs_arn(region, "volume", snapshot.volume_id), "status": snapshot.status}
            for arn, snapshot in zip(arns, snapshots, strict=True)
        ],
    })


def copy_snapshot(account: str, region: str, snapshot: Any, source: tuple[str, str], cause: str, began: datetime) -> Event:
    """The event, in the destination region, when a copy completes or fails. `source`: region and id."""
    arn = ebs_arn(region, "snapshot", snapshot.id)
    detail = {
        "event": "copySnapshot", "result": "failed" if cause else "succeeded", "cause": cause, "request-id": "",
        "snapshot_id": arn, "source": ebs_arn(source[0], "snapshot", source[1]),
        "startTime": timestamp(began), "endTime": timestamp(),
    }
    if not cause:
        detail |= {"incremental": "true", "transferType": "standard"}
    return _event("aws.ec2", "EBS Snapshot Notification", account, region, [arn], detail)


def rds_snapshot(snapshot: Any, of_cluster: bool, number: str, category: str, message: str) -> Event:
    """An event about a snapshot of an RDS instance or an Aurora cluster, by its number in RDS's list of events."""
    kind = "RDS DB Cluster Snapshot Event" if of_cluster else "RDS DB Snapshot Event"
    return _event("aws.rds", kind, snapshot.account_id, snapshot.region, [snapshot.arn], {
        "EventCategories": [category], "SourceType": "CLUSTER_SNAPSHOT" if of_cluster else "SNAPSHOT",
        "SourceArn": snapshot.arn, "SourceIdentifier": snapshot.resource_id, "Message": message, "EventID": number,
        "Date": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    })


def image_state(account: str, region: str, image_id: str, state: str, error: str = "") -> Event:
    """The event when an AMI becomes `available`, `failed` (then with the reason) or `deregistered`."""
    return _event("aws.ec2", "EC2 AMI State Change", account, region, [f"arn:aws:ec2:{region}::image/{image_id}"], {
        "RequestId": str(uuid.uuid4()), "ImageId": image_id, "State": state, "ErrorMessage": error,
    })


def tag_change(
    account: str, region: str, kind: str, resource_id: str, keys: list[str], tags: dict[str, str], version: int
) -> Event:
    """The event when tags of a resource changed: the keys that did, and all tags as they are now."""
    arn = f"arn:aws:ec2:{region}:{account}:{kind}/{resource_id}"
    return _event("aws.tag", "Tag Change on Resource", account, region, [arn], {
        "changed-tag-keys": keys, "service": "ec2", "resource-type": kind,
        "version-timestamp": str(int(time.time() * 1000)), "version": version, "tags": tags,
    })


class Courier:
    """Carries events to the serverless plane, in order, on a thread of its own."""

    def __init__(self, serverless_url: str) -> None:
        self._url = serverless_url
        self._queue: queue.Queue[Event] = queue.Queue()
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def send(self, event: Event) -> None:
        """Send an event, lose it, or send it twice, as the switch `events` says."""
        for _ in range({"deliver": 1, "drop": 0, "twice": 2}[SWITCHES.now.events]):
            self._queue.put(event)

    def _run(self) -> None:
        while True:
            event = self._queue.get()
            buses = [(event["account"], event["region"])]
            if SWITCHES.now.forward_events and (ACCOUNT, REGION) not in buses:
                buses.append((ACCOUNT, REGION))
            for account, region in buses:
                try:
                    self._deliver(event, account, region)
                except OSError as error:
                    _log.error("event %s lost: %s", event["id"], error)

    def _deliver(self, event: Event, account: str, region: str) -> None:
        body = json.dumps({"event": event, "account": account, "region": region}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self._url}/_cloud/events", body), timeout=30) as answer:
            answer.read()


COURIER = Courier(os.environ.get("CPM_SERVERLESS_URL", "http://127.0.0.1:4566"))
