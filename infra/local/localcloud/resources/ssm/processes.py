"""Scripts as the agent runs them: in the instance's directory, in a process group of their own, which ends in time."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STDOUT_MAX, STDERR_MAX = 24_000, 8_000
TRUNCATED = "--output truncated--"
STOPPED = 137
"""The exit code that the agent reports of what it killed: 128 and SIGKILL."""
_CHUNK, _LOOK_SECONDS = 65_536, 0.05


@dataclass(frozen=True)
class Outcome:
    """How a script ended."""

    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool = False
    cancelled: bool = False


class Kept:
    """The first part of an output, decoded and cut as the agent cuts it; the rest is read and forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take what there is room for. A character has four bytes at most."""
        self._bytes += chunk[: max(0, 4 * self._limit - len(self._bytes))]

    def text(self) -> str:
        """The text, with AWS's mark when it was cut."""
        return cut(self._bytes.decode(errors="replace"), self._limit)


def cut(text: str, limit: int) -> str:
    """A text of less than `limit` characters as it is, a longer one with AWS's mark at its end."""
    return text if len(text) < limit else text[: limit - len(TRUNCATED)] + TRUNCATED


class Processes:
    """The process groups that run now."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        # Held from the writing of a script to its start: a child of another thread that holds the file open for
        # writing, between fork and exec, would make it "text file busy".
        self._starting = threading.Lock()
        self._closed = False

    def run(
        self, lines: list[str], file: Path, directory: Path, environment: Mapping[str, str], seconds: float,
        cancelled: threading.Event, interpreter: str = "",
    ) -> Outcome:
        """Run a script with `sh`, or with the interpreter given; a `#!` line counts, as with the agent."""
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [interpreter, "-NonInteractive", "-f", str(file)] if interpreter else ["sh", "-c", shlex.quote(str(file))]
        try:
            with self._starting:
                if self._closed:
                    return Outcome(1, "", "the local cloud ends", cancelled=True)
                file.write_text("\n".join(lines) + "\n")
                file.chmod(0o700)
                process = subprocess.Popen(
                    command, cwd=directory, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, start_new_session=True,
                )
                self._running.add(process.pid)
        except OSError as error:
            return Outcome(1, "", f"failed to run commands: {error}")
        try:
            return _attend(process, time.monotonic() + seconds, cancelled)
        finally:
            self._running.discard(process.pid)

    def end_all(self) -> None:
        """Kill every group; nothing starts any more."""
        self._closed = True
        for group in list(self._running):
            _kill(group)


def _attend(process: subprocess.Popen[bytes], deadline: float, cancelled: threading.Event) -> Outcome:
    """Read and wait until the script and whoever holds its output have ended, or it is time to kill them.

    The agent waits for the output's end too: a background process that keeps it open keeps the command going.
    """
    outputs = (Kept(STDOUT_MAX), Kept(STDERR_MAX))
    timed_out = stopped = False
    with selectors.DefaultSelector() as selector:
        for stream, output in zip((process.stdout, process.stderr), outputs, strict=True):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, output)
        while selector.get_map() or process.poll() is None:
            _read(selector) if selector.get_map() else _wait(process)
            stopped, timed_out = cancelled.is_set(), time.monotonic() >= deadline
            if stopped or timed_out:
                _kill(process.pid)
                _read(selector, 0)
                break
    code = process.wait()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    if stopped or timed_out:
        return Outcome(STOPPED, outputs[0].text(), outputs[1].text(), timed_out and not stopped, stopped)
    code = 128 - code if code < 0 else code
    if code:
        outputs[1].add(f"failed to run commands: exit status {code}".encode())
    # The agent takes this code for its own kill, whoever gave it.
    return Outcome(code, outputs[0].text(), outputs[1].text(), timed_out=code == STOPPED)


def _read(selector: selectors.BaseSelector, seconds: float = _LOOK_SECONDS) -> None:
    """Read once what is there of each output."""
    for key, _ in selector.select(seconds) if selector.get_map() else ():
        try:
            chunk = os.read(key.fd, _CHUNK)
        except BlockingIOError:
            continue
        if chunk:
            key.data.add(chunk)
        else:
            selector.unregister(key.fileobj)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        pass


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


PROCESSES = Processes()
