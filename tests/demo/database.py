"""The small database on the instance `orders`: a table, a log in segments, a lock. No more than it takes to see whether a
backup was consistent.

A row goes into the log at once, and into the table when eight are together. Where the file `lock` is, the writer finishes the
table and the segment, says so in `held` (the number of the segment), and writes nothing until the lock is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

BATCH, PAUSE = 8, 0.02

BEFORE = """\
cd db && touch lock
until [ -s held ]; do sleep 0.02; done
cp held frozen-segment
echo "held at row $(tail -n 1 table)" >&2
"""
AFTER = """\
cd db
echo "let go at row $(tail -n 1 table)" >&2
rm -f lock
while [ -e held ]; do sleep 0.02; done
"""
COMPLETE = """\
cd db
if [ "$1" != 1 ]; then echo "the log is kept" >&2; exit 0; fi
for segment in log/*; do
  if [ "${segment#log/}" -le "$(cat frozen-segment)" ]; then rm "$segment"; fi
done
echo "the log is truncated to segment $(cat frozen-segment)" >&2
"""


class FileDatabase:
    """The database, as one looks at it from outside."""

    def __init__(self, instance: Path) -> None:
        self._directory = instance / "db"
        self._instance = instance

    def start(self) -> None:
        """Start its writer. The mark in its environment has the local cloud end it, whatever happens."""
        (self._directory / "log").mkdir(parents=True)
        variables = {"PATH": os.environ["PATH"], "CPM_INSTANCE_DIRECTORY": str(self._instance)}
        subprocess.Popen([sys.executable, __file__, str(self._directory)], env=variables, start_new_session=True)

    def rows(self) -> list[int]:
        """The rows of the table."""
        table = self._directory / "table"
        return [int(line) for line in table.read_text().split()] if table.exists() else []

    def logged(self) -> int:
        """The newest row of the log."""
        for segment in reversed(self.segments()):
            if rows := (self._directory / "log" / str(segment)).read_text().split():
                return int(rows[-1])
        return 0

    def segments(self) -> list[int]:
        """The segments of the log, by number."""
        return sorted(int(entry.name) for entry in (self._directory / "log").iterdir())


def serve(directory: Path) -> None:
    """Write row after row, for ever."""
    row, segment, waiting = 0, 1, list[int]()
    lock, held = directory / "lock", directory / "held"
    while directory.exists():
        if lock.exists():
            _append(directory / "table", waiting)
            waiting.clear()
            ready = directory / "held.new"
            ready.write_text(f"{segment}\n")
            ready.rename(held)
            while lock.exists():
                time.sleep(PAUSE / 4)
            held.unlink()
            segment += 1
        row += 1
        _append(directory / "log" / str(segment), [row])
        waiting.append(row)
        if len(waiting) == BATCH:
            _append(directory / "table", waiting)
            waiting.clear()
        time.sleep(PAUSE)


def _append(file: Path, rows: list[int]) -> None:
    with file.open("a") as opened:
        opened.writelines(f"{row}\n" for row in rows)
        opened.flush()
        os.fsync(opened.fileno())


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
