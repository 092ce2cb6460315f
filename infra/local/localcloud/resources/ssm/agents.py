"""The agents of EC2 instances, as DescribeInstanceInformation shows them, and their steering: `/_cloud/agents`."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from moto.ec2.models import ec2_backends

EVERY = "*"
_PINGS = ("Online", "ConnectionLost", "absent")
_PLATFORMS = ("Linux", "Windows")
_FIELDS = ("instance", "ping", "agent_version", "platform", "plays")
_CONNECTED, _SILENT = ("pending", "running"), ("stopping", "stopped")
_NAMES = {
    "Linux": ("Amazon Linux", "2023"), "Windows": ("Microsoft Windows Server 2022 Datacenter", "10.0.20348"),
}
_VERSION = "3.3.987.0"


@dataclass(frozen=True)
class Agent:
    """What Systems Manager knows of one managed instance."""

    instance: str
    online: bool
    last_ping: datetime
    version: str
    platform: str
    """`Linux` or `Windows`."""
    computer: str
    address: str
    registered: datetime
    plays: Path | None
    """Where recorded conversations are, for what this machine cannot run."""

    def as_json(self) -> dict[str, Any]:
        """An entry of DescribeInstanceInformation."""
        name, version = _NAMES[self.platform]
        return {
            "InstanceId": self.instance, "PingStatus": "Online" if self.online else "ConnectionLost",
            "LastPingDateTime": self.last_ping.timestamp(), "AgentVersion": self.version, "IsLatestVersion": True,
            "PlatformType": self.platform, "PlatformName": name, "PlatformVersion": version,
            "ResourceType": "EC2Instance", "IPAddress": self.address, "ComputerName": self.computer,
            "RegistrationDate": self.registered.timestamp(), "SourceId": self.instance,
            "SourceType": "AWS::EC2::Instance",
        }

    def play(self, document: str, text: str) -> dict[str, Any] | None:
        """The recorded conversation for a document: the first whose `when` is in `text`, or that has none."""
        file = self.plays / f"{document}.json" if self.plays else None
        if file is None or not file.is_file():
            return None
        entries = json.loads(file.read_text())
        entries = entries if isinstance(entries, list) else [entries]
        return next((entry for entry in entries if entry.get("when", "") in text), None)


class Agents:
    """Every running instance has an agent that is online, unless steered otherwise."""

    def __init__(self) -> None:
        self._steered: dict[str, dict[str, str]] = {}
        self._lost: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def steer(self, data: Any) -> dict[str, dict[str, str]]:
        """Change one instance or a list of them; without `instance`, every one. ValueError says what is wrong."""
        changes = [_checked(entry) for entry in (data if isinstance(data, list) else [data])]
        with self._lock:
            for change in changes:
                steered = self._steered.setdefault(change.pop("instance", EVERY), {})
                steered.update(change)
        return self.as_json()

    def clear(self) -> dict[str, dict[str, str]]:
        """Every agent is as it was."""
        with self._lock:
            self._steered, self._lost = {}, {}
        return {}

    def as_json(self) -> dict[str, dict[str, str]]:
        """What is steered, by instance; `*` is every one."""
        with self._lock:
            return {instance: dict(steered) for instance, steered in self._steered.items()}

    def all(self, account: str, region: str) -> list[Agent]:
        """The managed instances of an account and region, the eldest first."""
        reservations = list(ec2_backends[account][region].reservations.values())
        found = [self._of(instance) for reservation in reservations for instance in list(reservation.instances)]
        return [agent for agent in found if agent is not None]

    def find(self, account: str, region: str, instance_id: str) -> Agent | None:
        """The agent of an instance; None when it is not managed."""
        instance = ec2_backends[account][region].get_instance_by_id(instance_id)
        return self._of(instance) if instance is not None else None

    def _of(self, instance: Any) -> Agent | None:
        with self._lock:
            steered = {**self._steered.get(EVERY, {}), **self._steered.get(instance.id, {})}
            ping = steered.get("ping", "Online")
            if ping == "absent" or instance.state not in _CONNECTED + _SILENT:
                return None
            online = ping == "Online" and instance.state in _CONNECTED
            now = datetime.now(timezone.utc)
            if online:
                self._lost.pop(instance.id, None)
            last_ping = now if online else self._lost.setdefault(instance.id, now)
        platform = steered.get("platform") or ("Windows" if (instance.platform or "").lower() == "windows" else "Linux")
        address = instance.private_ip or ""
        return Agent(
            instance.id, online, last_ping, steered.get("agent_version", _VERSION), platform,
            instance.private_dns_name or instance.id, address, instance.launch_time,
            Path(steered["plays"]) if "plays" in steered else None,
        )


def powershell() -> str | None:
    """Where this machine has PowerShell, if it has."""
    return shutil.which("pwsh")


def _checked(entry: Any) -> dict[str, str]:
    """A steering; ValueError says what is wrong."""
    if not isinstance(entry, dict):
        raise ValueError("an agent is steered by an object")
    if unknown := sorted(set(entry) - set(_FIELDS)):
        raise ValueError(f"unknown fields {', '.join(unknown)}; known: {', '.join(_FIELDS)}")
    if any(not isinstance(value, str) for value in entry.values()):
        raise ValueError("every field of an agent is a text")
    if entry.get("ping", "Online") not in _PINGS:
        raise ValueError(f"ping is one of {', '.join(_PINGS)}")
    if entry.get("platform", "Linux") not in _PLATFORMS:
        raise ValueError(f"platform is one of {', '.join(_PLATFORMS)}")
    if "plays" in entry and not Path(entry["plays"]).is_dir():
        raise ValueError(f"plays is a directory; {entry['plays']} is none")
    return dict(entry)


AGENTS = Agents()
