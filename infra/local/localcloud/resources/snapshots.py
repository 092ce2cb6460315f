"""The life of EBS snapshots: pending for a while, then completed or failed, and the event that says so.

moto's snapshots are complete at once. On AWS they are `pending`, with progress, until the data is in S3.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot

from . import events
from .behaviour import SWITCHES
from .call import current

_log = logging.getLogger("clock")
_ONE_AT_A_TIME = ("st1", "sc1")


class Clock:
    """Runs things when their time has come, on a thread of its own."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._changed = threading.Condition()
        self._order = itertools.count()
        threading.Thread(target=self._run, name="snapshots", daemon=True).start()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` that many seconds from now."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                action = heapq.heappop(self._due)[2]
            try:
                action()
            except Exception:  # what comes later still has its time
                _log.exception("something did not take its course")


CLOCK = Clock()


@dataclass
class Pending:
    """What a pending snapshot knows of its own course."""

    began: float
    seconds: float

    @property
    def progress(self) -> str:
        """AWS's text, from `0%` to `99%`."""
        share = (time.monotonic() - self.began) / self.seconds if self.seconds else 1.0
        return f"{min(int(share * 100), 99)}%"


def install() -> None:
    """Put every patch of this module in place."""
    create, copy = EBSBackend.create_snapshot, EBSBackend.copy_snapshot

    def progress(snapshot: Snapshot) -> str:
        """On AWS the progress of a pending snapshot grows, a failed one has none."""
        if snapshot.status == "completed":
            return "100%"
        pending = getattr(snapshot, "pending", None)
        return pending.progress if snapshot.status == "pending" and pending else ""

    def create_snapshot(
        backend: Any, volume_id: str, description: str, owner_id: str | None = None, from_ami: str | None = None
    ) -> Snapshot:
        """On AWS a snapshot of a volume starts as pending and takes its time. Those of images stay as moto has them."""
        if from_ami or owner_id:
            return create(backend, volume_id, description, owner_id, from_ami)
        check_limits(backend, [backend.get_volume(volume_id)])
        snapshot = create(backend, volume_id, description)
        begin(backend, [snapshot], lambda cause, began: events.create_snapshot(
            backend.account_id, backend.region_name, snapshot, cause, began
        ))
        return snapshot

    def copy_snapshot(backend: Any, source_snapshot_id: str, source_region: str, *rest: Any, **named: Any) -> Snapshot:
        """On AWS a copy is pending too, and its source must be complete."""
        from moto.ec2.models import ec2_backends

        source = ec2_backends[backend.account_id][source_region].describe_snapshots([source_snapshot_id])[0]
        if source.status != "completed":
            raise EC2ClientError("IncorrectState", f"Snapshot is in invalid state - {source.status}")
        snapshot = copy(backend, source_snapshot_id, source_region, *rest, **named)
        begin(backend, [snapshot], lambda cause, began: events.copy_snapshot(
            backend.account_id, backend.region_name, snapshot, (source_region, source_snapshot_id), cause, began
        ))
        return snapshot

    Snapshot.progress = property(progress)
    # moto leaves State out of CreateSnapshots' answer.
    Snapshot.state = property(lambda snapshot: snapshot.status)
    EBSBackend.create_snapshot = create_snapshot
    EBSBackend.copy_snapshot = copy_snapshot
    EBSBackend.create_one_of_set = create


def begin(backend: Any, snapshots: list[Snapshot], event: Callable[[str, datetime], events.Event]) -> None:
    """Make snapshots pending; they end together, and one event tells of it. A fault may have them end in error."""
    began = datetime.now(timezone.utc)

    def tell(cause: str) -> None:
        if any(snapshot.id in backend.snapshots for snapshot in snapshots):
            events.COURIER.send(event(cause, began))

    pend(snapshots, tell)


def pend(snapshots: list[Snapshot], ended: Callable[[str], None]) -> None:
    """Make snapshots pending; when they end, together, `ended` hears the cause of a failure, or an empty text."""
    call = current()
    cause = call.snapshot_error if call else ""
    seconds = SWITCHES.now.snapshot_seconds
    for snapshot in snapshots:
        snapshot.status = "pending"
        snapshot.pending = Pending(time.monotonic(), seconds)

    def finish() -> None:
        for snapshot in snapshots:
            snapshot.status = "error" if cause else "completed"
            snapshot.status_message = snapshot.state_message = cause or None
        ended(cause)

    CLOCK.after(seconds, finish)


def check_limits(backend: Any, volumes: list[Any]) -> None:
    """AWS's quotas on pending snapshots: of an account and region, of a volume, and their pace on one volume."""
    behaviour = SWITCHES.now
    pending = [snapshot for snapshot in list(backend.snapshots.values()) if snapshot.status == "pending"]
    if behaviour.pending_limit and len(pending) + len(volumes) > behaviour.pending_limit:
        raise EC2ClientError(
            "PendingSnapshotLimitExceeded",
            "You've reached the limit on the number of Amazon EBS snapshots that you can have in the pending state.",
        )
    if not pending:
        return
    for volume in volumes:
        mine = [snapshot for snapshot in pending if snapshot.volume_id == volume.id]
        limit = 1 if volume.volume_type in _ONE_AT_A_TIME else behaviour.volume_pending_limit
        if mine and limit and len(mine) >= limit:
            raise EC2ClientError(
                "ConcurrentSnapshotLimitExceeded",
                "Maximum allowed in-progress snapshots for a single volume exceeded.",
            )
        newest = max((snapshot.pending.began for snapshot in mine), default=None)
        if newest is not None and time.monotonic() - newest < behaviour.volume_interval:
            raise EC2ClientError(
                "SnapshotCreationPerVolumeRateExceeded",
                "The maximum per volume CreateSnapshot request rate has been exceeded. "
                "Use an increasing or variable sleep interval between requests.",
            )
