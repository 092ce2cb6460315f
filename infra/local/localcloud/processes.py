"""Start and end the processes of a local cloud; end only what this state directory started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .settings import HOST

# A process may start another while we look; so we look again, until there is none.
_SWEEPS = 50


class CloudError(Exception):
    """Something the operator must know, with what to do about it."""


@dataclass(frozen=True)
class Started:
    """A process that we started. Pid and start time together name it: a pid alone may have been given away again."""

    name: str
    pid: int
    birth: str
    port: int

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return birth_of(self.pid) == self.birth


def birth_of(pid: int) -> str:
    """A process's start time in clock ticks since boot, as the kernel tells it; empty when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _birth_by_ps(pid)
    return "" if fields[0] == "Z" else fields[19]


def _birth_by_ps(pid: int) -> str:
    """The same where there is no /proc."""
    if Path("/proc/self/stat").exists():
        return ""
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, birth = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else birth.strip()


def port_in_use(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((HOST, port)) == 0


def start(name: str, script: Path, port: int, state: Path, environment: dict[str, str]) -> Started:
    """Start `script` in a session of its own, its output in `<state>/<name>.log`."""
    with (state / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env=environment, cwd=state, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Started(name, process.pid, birth_of(process.pid), port)


def await_ready(started: Started, url: str, log: Path, seconds: float = 30) -> None:
    """Wait until `url` answers. Fails when the process ends first or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if not started.alive():
                raise CloudError(f"{started.name} ended while starting. Its log, {log}, ends with:\n{tail(log)}") from None
            time.sleep(0.05)
    raise CloudError(f"{started.name} did not answer at {url} within {seconds:.0f} s; see {log}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"  {line}" for line in text[-lines:])


def end(started: Started, seconds: float = 10) -> bool:
    """End a process that we started, and what it started in its session. False when it had already ended."""
    if not started.alive():
        return False
    _signal_session(started.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while started.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal_session(started.pid, signal.SIGKILL)
    return True


def _signal_session(leader: int, number: signal.Signals) -> None:
    """Signal the process group that `start` made; the functions that the cloud runs are in it."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        pass


def end_left_over(instances: Path) -> None:
    """Kill what commands left running on instances: their environment names a directory of this state directory.

    A process that left its group, or whose plane was killed, is found so. Where there is no /proc, none is.
    """
    mark = f"\0CPM_INSTANCE_DIRECTORY={instances}/".encode()
    for _ in range(_SWEEPS):
        found = [pid for pid in _pids() if mark in b"\0" + _environment_of(pid)]
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        if not found:
            return


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _environment_of(pid: int) -> bytes:
    """The environment that a process was started with; empty when it is gone, a zombie or not ours."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def save(state: Path, processes: list[Started]) -> None:
    """Remember what was started."""
    (state / "processes.json").write_text(json.dumps([vars(process) for process in processes], indent=2))


def load(state: Path) -> list[Started]:
    """What this state directory started, alive or not."""
    file = state / "processes.json"
    if not file.exists():
        return []
    try:
        return [Started(**entry) for entry in json.loads(file.read_text())]
    except (ValueError, TypeError) as error:
        raise CloudError(f"{file} cannot be read ({error}); end its processes by hand and remove it") from None


def reap_children() -> None:
    """Collect children that have ended, so that they are not taken for alive."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
