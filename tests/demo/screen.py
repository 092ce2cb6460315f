"""What the demonstration shows: sections, commands with what they said, and what was found true."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import textwrap
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from tests.cloud import Cloud, Said

WIDTH = 118
LONGEST = 320
"""What is longer is cut: AWS's encoded messages are no pleasure to read."""


class Wrong(Exception):
    """Something that the demonstration shows is not as it should be."""


class Screen:
    """Writes to the terminal; colours only there."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._began = time.monotonic()
        self._section = 0
        self.found_true = 0

    def _paint(self, text: str, *codes: int) -> str:
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self._colours and text else text

    def _line(self, text: str = "") -> None:
        print(text, flush=True)

    def title(self, text: str, below: str) -> None:
        """The head of it all."""
        self._line()
        self._line(self._paint(f"  {text}", 1))
        self._line(self._paint(f"  {below}", 2))

    def section(self, name: str, *story: str) -> None:
        """A new section, with what it is about."""
        self._section += 1
        clock = f"{time.monotonic() - self._began:.0f} s"
        head = f"━━ {self._section}. {name} "
        self._line()
        rule = head + "━" * max(4, WIDTH - len(head) - len(clock) - 1)
        self._line(f"{self._paint(rule, 1, 36)} {self._paint(clock, 2)}")
        for paragraph in story:
            self._line(textwrap.fill(paragraph, WIDTH - 4, initial_indent="  ", subsequent_indent="  "))
        self._line()

    def say(self, text: str) -> None:
        """A remark."""
        self._line(textwrap.fill(text, WIDTH - 4, initial_indent="  ", subsequent_indent="  "))

    def cpm(
        self, *arguments: str, code: int = 0, warnings: bool = True, keys: tuple[str, str] | None = None,
    ) -> Said:
        """Run the command line, and show the command with what it really said; `warnings` were perhaps shown before; `keys`
        are those of somebody else."""
        self._line(f"  {self._paint('$', 2)} {self._paint('cpm ' + shlex.join(arguments), 1)}")
        said = self._cloud.cpm(*arguments, code=None, merged=warnings, keys=keys)
        self.quote(said.out)
        if said.code != code:
            self.wrong(f"`cpm {shlex.join(arguments)}` ended with {said.code}, not {code}", said.err)
        return said

    def quote(self, text: str, most: int = 60) -> None:
        """A text as it came."""
        lines = text.rstrip().splitlines()
        for line in lines[:most]:
            shown = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
            self._line(f"    {self._paint('│', 2)} {shown}".rstrip())
        if len(lines) > most:
            self._line(f"    {self._paint('│', 2)} … and {len(lines) - most} lines more")
        self._line()

    def mail(self, message: dict[str, Any]) -> None:
        """A message of the alert topic."""
        text = str(message["Message"])
        with contextlib.suppress(ValueError):
            text = "\n".join(f"{key}: {value}" for key, value in json.loads(text).items())
        self.quote(f"Subject: {message.get('Subject')}\n\n{text}")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A small table of our own."""
        widths = [max(len(str(row[n])) for row in [heads, *rows]) for n in range(len(heads))]
        for number, row in enumerate([heads, *rows]):
            line = "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._line("    " + (self._paint(line, 2) if number == 0 else line))
        self._line()

    def check(self, holds: object, what: str, seen: object = "") -> None:
        """Assert what is shown; the first that does not hold ends the demonstration."""
        if not holds:
            self.wrong(what, seen)
        self.found_true += 1
        self._line(f"  {self._paint('✓', 1, 32)} {what}")

    def wrong(self, what: str, seen: object = "") -> NoReturn:
        """Say what is wrong, and end."""
        self._line(f"  {self._paint('✗', 1, 31)} {self._paint(what, 1)}")
        if seen != "":
            self.quote(f"seen: {seen}")
        raise Wrong(what)

    def end(self, error: BaseException | None) -> None:
        """The last line: all is well, or what is not."""
        took = time.monotonic() - self._began
        self._line()
        if error is None:
            self._line(self._paint(f"  {self.found_true} things were shown and found true, in {took:.0f} s.", 1, 32))
        else:
            kind = "" if isinstance(error, Wrong) else f"{type(error).__name__}: "
            self._line(self._paint(f"  The demonstration failed after {took:.0f} s: {kind}{error}", 1, 31))
        self._line()
