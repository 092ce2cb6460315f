"""`cpm recover` as a person uses it, and what recoveries say."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.cloud import Cloud, Said, wait_for

OURS = {"cpm:deployment", "cpm:owner", "cpm:backup", "cpm:recovery", "cpm:work"}
ENDED = ("succeeded", "failed", "undone")


class Recoveries:
    """`cpm recover`, as a person uses it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def run(self, kind: str, backup: dict[str, Any], *arguments: str, code: int = 0) -> dict[str, Any]:
        """Recover, and wait for the end; answers the recovery."""
        return dict(self._say(kind, str(backup["id"]), *arguments, "--yes", "--json", code=code).json)

    def file(self, kind: str, plan: dict[str, Any], *arguments: str, code: int = 0) -> dict[str, Any]:
        """Recover by a plan in a file, and wait for the end; answers the recovery."""
        return dict(self._say(kind, "-f", self.written(plan), *arguments, "--yes", "--json", code=code).json)

    def start(self, kind: str, backup: dict[str, Any], *arguments: str) -> str:
        """Start a recovery; answers its number."""
        return str(self._say(kind, str(backup["id"]), *arguments, "--yes", "--no-wait", "--json").json["id"])

    def show(self, recovery: str) -> dict[str, Any]:
        """A recovery."""
        return dict(self.cloud.cpm("recover", "show", recovery, "--json").json)

    def await_end(self, recovery: str, seconds: float = 90) -> dict[str, Any]:
        """Wait for the end of a recovery."""

        def ended() -> dict[str, Any] | None:
            found = self.show(recovery)
            return found if found["state"] in ENDED else None

        return wait_for(f"the end of recovery {recovery}", ended, seconds)

    def planned(self, plan: dict[str, Any]) -> dict[str, Any]:
        """What the API says of a plan."""
        status, checked = self.cloud.api("POST", "/v1/recoveries/plan", {"plan": plan})
        assert status == 200, checked
        return dict(checked)

    def written(self, plan: dict[str, Any]) -> str:
        """A plan in a file; answers its path."""
        path = self.cloud.settings.state / f"plan-{plan['backup']}.yaml"
        path.write_text(yaml.safe_dump(plan, sort_keys=False))
        return str(path)

    def _say(self, *arguments: str, code: int | None = 0) -> Said:
        return self.cloud.cpm("recover", *arguments, code=code)


def made(recovery: dict[str, Any], kind: str, *states: str) -> list[str]:
    """The ids of what a recovery made of a kind, of these states or any."""
    return [it["id"] for it in recovery["made"] if it["kind"] == kind and (not states or it["state"] in states)]


def the(recovery: dict[str, Any], kind: str) -> str:
    """The one thing of a kind that a recovery made and that is there."""
    (found,) = made(recovery, kind, "ready")
    return found


def told(recovery: dict[str, Any]) -> str:
    """All that a recovery says of what went wrong."""
    return json.dumps(recovery["errors"])


def carries_marks(tags: dict[str, str], recovery: dict[str, Any]) -> bool:
    """Whether tags say by which recovery something was made."""
    return set(tags) >= OURS and (tags["cpm:deployment"], tags["cpm:recovery"]) == ("cpm", recovery["id"])


def units(backup: dict[str, Any]) -> set[str]:
    """The ids of a backup's units."""
    return {unit["id"] for unit in backup["units"]}


def without(volumes: list[str]) -> list[str]:
    """The flags that leave volumes out."""
    return [flag for volume in volumes for flag in ("--without", volume)]
