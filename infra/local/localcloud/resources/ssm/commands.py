"""Commands and their invocations: delivered to the agent, run step by step, cancelled, expired.

Statuses: "Understanding command statuses" and "Understanding command timeouts" (Systems Manager user guide).
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..behaviour import SWITCHES
from .agents import AGENTS, Agent, powershell
from .documents import POWERSHELL, SHELL, Document, Step
from .processes import PROCESSES, STDERR_MAX, STDOUT_MAX, STOPPED, Outcome, cut

ENDED = ("Success", "Cancelled", "TimedOut", "Failed")
_LOOK_SECONDS = 0.05
_MINUTE, _HOUR = 60, 3600
INSTANCES = Path(os.environ.get("CPM_INSTANCES") or Path.cwd() / "instances")


def directory_of(instance_id: str) -> Path:
    """The directory of an instance: where its scripts run, and their HOME."""
    return INSTANCES / instance_id


@dataclass
class StepRun:
    """One step on one instance."""

    step: Step
    status: str = "Pending"
    details: str = "Pending"
    code: int = -1
    began: datetime | None = None
    ended: datetime | None = None
    stdout: str = ""
    stderr: str = ""

    def finish(self, outcome: Outcome) -> None:
        """Take over how the script ended, as the agent reads its exit code."""
        if outcome.cancelled:
            self.status = self.details = "Cancelled"
        elif outcome.timed_out:
            self.status, self.details = "TimedOut", "ExecutionTimedOut"
        else:
            self.status = self.details = "Failed" if outcome.exit_code else "Success"
        self.code, self.stdout, self.stderr = outcome.exit_code, outcome.stdout, outcome.stderr
        self.ended = datetime.now(timezone.utc)

    @property
    def elapsed(self) -> str:
        """How long it ran, as in `PT1H0.271S`; empty before its end."""
        if self.began is None or self.ended is None:
            return ""
        seconds = (self.ended - self.began).total_seconds()
        hours, minutes = int(seconds // _HOUR), int(seconds % _HOUR // _MINUTE)
        longer = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        return f"PT{longer}{seconds % _MINUTE:.3f}".rstrip("0").rstrip(".") + "S"


@dataclass
class Command:
    """What one SendCommand asked for."""

    account: str
    region: str
    document: Document
    values: Mapping[str, Any]
    given: Mapping[str, list[str]]
    comment: str
    timeout: int
    """TimeoutSeconds: after so long it is not started any more."""
    number: str = field(default_factory=lambda: str(uuid.uuid4()))
    requested: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    began: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    invocations: dict[str, Invocation] = field(default_factory=dict)

    @property
    def execution(self) -> int:
        """The longest execution timeout of its steps, in seconds."""
        return max((step.seconds(self.values) for step in self.document.steps), default=0)

    @property
    def expires(self) -> float:
        """Seconds after which an undelivered one is DeliveryTimedOut: delivery and execution timeout together."""
        return float(self.timeout + self.execution)

    @property
    def visible(self) -> bool:
        """Whether its invocations are there yet."""
        return time.monotonic() - self.began >= SWITCHES.now.invocation_delay

    def status(self) -> tuple[str, str]:
        """Status and StatusDetails of the whole."""
        invocations = list(self.invocations.values())
        if any(invocation.status not in ENDED for invocation in invocations):
            if self.cancelled:
                return "Cancelling", "Cancelling"
            idle = all(invocation.status in ("Pending", "Delayed") for invocation in invocations)
            return ("Pending", "Pending") if idle else ("InProgress", "InProgress")
        if self.cancelled:
            return "Cancelled", "Cancelled"
        for status in ("Failed", "TimedOut", "Cancelled"):
            found = [invocation.details for invocation in invocations if invocation.status == status]
            if found:
                return status, found[0]
        return "Success", "Success"


class Invocation:
    """A command on one instance."""

    def __init__(self, command: Command, agent: Agent) -> None:
        self.command, self.instance, self.computer = command, agent.instance, agent.computer
        self.status = self.details = "Pending"
        self.runs = [StepRun(step) for step in command.document.steps]
        self.cancelled = threading.Event()

    def start(self) -> None:
        """Carry it out, on a thread of its own."""
        threading.Thread(target=self._carry_out, name=f"command {self.command.number}", daemon=True).start()

    def cancel(self) -> None:
        """End it: what runs is killed, what was not delivered is not run."""
        if self.status not in ENDED:
            self.command.cancelled = True
            if self.status == "InProgress":
                self.status = self.details = "Cancelling"
            self.cancelled.set()

    def _end(self, status: str, details: str = "") -> None:
        self.status, self.details = status, details or status

    def _carry_out(self) -> None:
        self.cancelled.wait(SWITCHES.now.invocation_delay)
        agent = self._delivered()
        if agent is None:
            return
        self._end("InProgress")
        for run in self.runs:
            run.began = datetime.now(timezone.utc)
            run.status = run.details = "InProgress"
            run.finish(self._outcome(agent, run.step))
            if run.status == "Cancelled" or run.step.ends(run.status != "Success"):
                break
        for status in ("Cancelled", "Failed", "TimedOut"):
            found = [run for run in self.runs if run.status == status and run.step.failure_counts]
            if found:
                return self._end(status, found[0].details)
        return self._end("Success")

    def _delivered(self) -> Agent | None:
        """Wait for the agent to be online; None when it ended before."""
        while not self.cancelled.is_set():
            agent = AGENTS.find(self.command.account, self.command.region, self.instance)
            waited = time.monotonic() - self.command.began
            scale = SWITCHES.now.delivery_scale
            if agent is not None and agent.online and waited < self.command.timeout * scale:
                return agent
            if waited >= self.command.expires * scale:
                self._end("TimedOut", "DeliveryTimedOut")
                return None
            self._end("Delayed")
            self.cancelled.wait(_LOOK_SECONDS)
        self._end("Cancelled")
        return None

    def _outcome(self, agent: Agent, step: Step) -> Outcome:
        """Run one step, play it, or say why neither can be."""
        if step.platform and step.platform != agent.platform:
            return Outcome(0, f"Step execution skipped due to unsatisfied preconditions: platformType is {agent.platform}.", "")
        if step.plugin not in (SHELL, POWERSHELL):
            return Outcome(1, "", f"The local cloud runs {SHELL} and {POWERSHELL}, not {step.plugin}.")
        if step.plugin == SHELL and agent.platform == "Windows":
            return Outcome(0, f"Step execution skipped due to unsupported plugin: {step.plugin}.", "")
        command = self.command
        lines, seconds = step.script(command.values), step.seconds(command.values) * SWITCHES.now.execution_scale
        if step.plugin == POWERSHELL:
            text = "\n".join([*lines, command.comment, *(value for values in command.given.values() for value in values)])
            try:
                entry = agent.play(command.document.name, text)
            except (OSError, ValueError) as error:
                return Outcome(1, "", f"The recorded conversation for document {command.document.name} cannot be read: {error}")
            if entry is not None:
                return self._played(entry, seconds)
            if powershell() is None:
                return Outcome(1, "", f"pwsh is not on this machine, and there is no recorded conversation for document "
                                      f"{command.document.name}; set `plays` with POST /_cloud/agents.")
        home = directory_of(agent.instance)
        home.mkdir(parents=True, exist_ok=True)
        windows = step.plugin == POWERSHELL
        file = home / ".ssm" / command.number / step.name.replace(":", "_") / ("_script.ps1" if windows else "_script.sh")
        directory = working_directory(home, step.directory(command.values))
        return PROCESSES.run(
            lines, file, directory, self._environment(home), seconds, self.cancelled, powershell() or "" if windows else ""
        )

    def _environment(self, home: Path) -> dict[str, str]:
        """What a script sees. CPM_INSTANCE_DIRECTORY marks its processes, so that `down` finds those left over."""
        return {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(home), "CPM_INSTANCE_DIRECTORY": str(home), "AWS_SSM_INSTANCE_ID": self.instance,
            "AWS_SSM_REGION_NAME": self.command.region,
        }

    def _played(self, entry: Mapping[str, Any], seconds: float) -> Outcome:
        """A recorded conversation: it takes its `seconds`, and is held to the execution timeout."""
        takes = float(entry.get("seconds", 0))
        cancelled = self.cancelled.wait(min(takes, seconds))
        timed_out = takes > seconds and not cancelled
        code = STOPPED if cancelled or timed_out else int(entry.get("exit_code", 0))
        stdout, stderr = str(entry.get("stdout", "")), str(entry.get("stderr", ""))
        return Outcome(code, cut(stdout, STDOUT_MAX), cut(stderr, STDERR_MAX), timed_out, cancelled)


def working_directory(home: Path, asked: str) -> Path:
    """Where a script runs: the instance's directory is the root of its file system as far as it has the path asked for."""
    if not asked:
        return home
    inside = home / asked.lstrip("/")
    return inside if inside.is_dir() or not asked.startswith("/") else Path(asked)


class Commands:
    """The commands of each account and region, the newest first."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], list[Command]] = defaultdict(list)
        self._lock = threading.Lock()

    def send(self, command: Command, agents: list[Agent]) -> None:
        """Remember a command and start it on its instances."""
        command.invocations = {agent.instance: Invocation(command, agent) for agent in agents}
        with self._lock:
            self._all[(command.account, command.region)].insert(0, command)
        for invocation in list(command.invocations.values()):
            invocation.start()

    def of(self, account: str, region: str) -> list[Command]:
        """The commands of an account and region."""
        with self._lock:
            return list(self._all[(account, region)])


COMMANDS = Commands()
