"""The record of reboots: an emulated instance shows no other sign of one."""

from __future__ import annotations

import functools
import threading
from datetime import datetime, timezone
from typing import Any

from moto.ec2.models.instances import InstanceBackend


class Reboots:
    """Which instances were rebooted, when, and by which call; in order."""

    def __init__(self) -> None:
        self._entries: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def note(self, backend: Any, instance_id: str, by: str) -> None:
        """Note a reboot. `by` is the action that caused it."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._lock:
            self._entries.append({
                "time": now, "account": backend.account_id, "region": backend.region_name, "instance": instance_id, "by": by,
            })

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._entries = []

    def as_json(self) -> list[dict[str, str]]:
        """The entries, as plain data."""
        with self._lock:
            return list(self._entries)


REBOOTS = Reboots()


def install() -> None:
    """Put every patch of this module in place."""
    original = InstanceBackend.reboot_instances

    @functools.wraps(original)
    def reboot_instances(backend: Any, instance_ids: list[str]) -> Any:
        """As moto's, which leaves no trace."""
        rebooted = original(backend, instance_ids)
        for instance in rebooted:
            REBOOTS.note(backend, instance.id, "RebootInstances")
        return rebooted

    InstanceBackend.reboot_instances = reboot_instances
