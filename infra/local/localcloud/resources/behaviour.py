"""What can be changed while the resource plane runs: `POST /_cloud/config`."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

EVENT_MODES = ("deliver", "drop", "twice")


@dataclass(frozen=True)
class Behaviour:
    """How the plane behaves. The defaults are AWS's rules with short times."""

    snapshot_seconds: float = 1.0
    """How long a snapshot stays `pending`."""
    events: str = "deliver"
    """`deliver`, `drop` (lost events) or `twice` (doubled events)."""
    forward_events: bool = True
    """Whether other accounts and regions forward their events to the deployment's bus, as their rules do on AWS."""
    pending_limit: int = 0
    """Pending snapshots of one account and region; AWS's quota is 100, 0 means none."""
    volume_pending_limit: int = 5
    """Pending snapshots of one volume; 1 for st1 and sc1, as on AWS."""
    volume_interval: float = 15.0
    """Seconds between two snapshots of one volume of which the first is still pending."""
    database_snapshot_seconds: float = 1.0
    """How long a snapshot of RDS, Aurora or Redshift stays `creating`."""
    database_snapshot_quota: int = 100
    """Manual snapshots of instances, and as many of clusters, in one account and Region, as on AWS."""
    warehouse_snapshot_quota: int = 700
    """Manual snapshots of Redshift in one account and Region, as on AWS."""
    database_seconds: float = 1.0
    """How long a database that is restored, or a member that joins a cluster, is `creating`, and one of those `deleting`."""
    image_seconds: float = 0.5
    """How long an image that is registered stays `pending`."""
    instance_seconds: float = 1.0
    """How long an instance of an own image is `pending`, and `shutting-down`."""
    volume_seconds: float = 0.5
    """How long a volume of a snapshot is `creating`."""
    attach_seconds: float = 0.3
    """How long a volume is `attaching` and `detaching`."""
    no_capacity: tuple[str, ...] = ()
    """The zones in which nothing can be launched."""
    invocation_delay: float = 0.2
    """Seconds from SendCommand to the moment from which its invocations are there and their agents take them up."""
    delivery_scale: float = 1.0
    """What the times after which an undelivered command expires are multiplied with."""
    execution_scale: float = 1.0
    """What the execution timeouts of commands are multiplied with."""
    enforce_iam: bool = True
    """Whether the caller's policies bind on this plane."""


class Switchboard:
    """The behaviour in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._behaviour = Behaviour()

    @property
    def now(self) -> Behaviour:
        """The behaviour in force."""
        return self._behaviour

    def change(self, changes: dict[str, Any]) -> Behaviour:
        """Apply changes; ValueError names what is unknown or wrong."""
        known = {item.name: type(getattr(self._behaviour, item.name)) for item in fields(Behaviour)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}; known: {', '.join(known)}")
            if name == "events" and value not in EVENT_MODES:
                raise ValueError(f"events is one of {', '.join(EVENT_MODES)}")
            if known[name] is bool and not isinstance(value, bool):
                raise ValueError(f"{name} is true or false")
            if known[name] is tuple:
                if not isinstance(value, list) or not all(isinstance(it, str) for it in value):
                    raise ValueError(f"{name} is a list of names")
                changes = {**changes, name: tuple(value)}
            if known[name] in (int, float) and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
                raise ValueError(f"{name} is a number, 0 or more")
        with self._lock:
            self._behaviour = replace(self._behaviour, **changes)
            return self._behaviour

    def reset(self) -> Behaviour:
        """Back to the defaults."""
        self._behaviour = Behaviour()
        return self._behaviour

    def as_json(self) -> dict[str, Any]:
        """The behaviour in force, as plain data."""
        return asdict(self._behaviour)


SWITCHES = Switchboard()
