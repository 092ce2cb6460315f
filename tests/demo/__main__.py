"""The main job, from a tag to a verified backup, shown and checked. `make demo` runs it."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from tests.cloud import REPOSITORY, Cloud, CloudError, TooLate
from tests.demo.screen import Screen, Wrong
from tests.demo.story import Story


class Stopped(BaseException):
    """Somebody wants it to end."""


def main() -> int:
    """Show it on a cloud of its own, and take the cloud down whatever happens; answers the exit code."""
    cloud = Cloud(Path(REPOSITORY / ".local" / "demo"))
    screen = Screen(cloud)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    error: BaseException | None = None
    screen.title("Cloud Protection Manager", "From a tag to a verified backup, on an AWS of this machine")
    try:
        Story(cloud, screen).tell()
    except (Wrong, CloudError, TooLate, Stopped, KeyboardInterrupt) as failure:
        error = failure
    except Exception as failure:  # a mistake of the demonstration itself: with its place
        traceback.print_exc()
        error = failure
    finally:
        with contextlib.suppress(CloudError):
            cloud.down()
    screen.end(error)
    if error is not None:
        screen.say(f"The logs are in {cloud.settings.state}.")
    return 0 if error is None else 1


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(f"signal {number}")


if __name__ == "__main__":
    sys.exit(main())
