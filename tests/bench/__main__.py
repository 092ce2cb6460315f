"""Speed and cost, one JSON line a figure; ends with 1 when one is out of its bound. `make bench` runs it.

    python -m tests.bench --release target/release [--only NAME…]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import backups, binaries, cost, deletes, dispatcher, frozen, kinds, recovery
from tests.bench.figure import Report
from tests.bench.ground import Ground
from tests.cloud import REPOSITORY, CloudError, TooLate

Bench = Callable[[Ground, Report, dict[str, list[str]]], None]

ALONE = {"sizes": binaries.sizes, "starts": binaries.starts}
TOGETHER: dict[str, Bench] = {
    "dispatcher": lambda ground, report, _: dispatcher.dispatcher(ground, report),
    "calls": backups.calls, "closeness": backups.closeness, "memory": binaries.memory, "cost": cost.cost,
    "dry": backups.dry_buckets, "deletes": deletes.deletes, "frozen": frozen.frozen, "units": kinds.units,
    "kinds": kinds.all_kinds, "recovery": recovery.recovery, "recovered": recovery.hundred,
}


def main() -> int:
    """Measure; answers the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, required=True, help="folder of the release binaries")
    parser.add_argument("--only", nargs="+", choices=[*ALONE, *TOGETHER], default=[*ALONE, *TOGETHER])
    arguments = parser.parse_args()
    release = arguments.release.resolve()
    missing = [name for name in binaries.FUNCTIONS if not (release / name).exists()]
    if missing:
        print(f"bench: {', '.join(missing)} not in {release}: `make bench` builds them", file=sys.stderr)
        return 2
    report = Report()
    for name, alone in ALONE.items():
        if name in arguments.only:
            alone(report, release)
    wanted = [name for name in TOGETHER if name in arguments.only]
    if wanted:
        try:
            measure(release, report, wanted)
        except CloudError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    for figure in report.missed:
        print(f"bench: out of bounds: {figure}", file=sys.stderr)
    return 1 if report.missed else 0


def measure(release: Path, report: Report, wanted: list[str]) -> None:
    """The figures that need a cloud. One that breaks down is out of bounds; the others are still measured."""
    ground = Ground(release)
    artifacts = ground.cloud.settings.state / "artifacts"
    try:
        subprocess.run(
            [sys.executable, str(REPOSITORY / "infra" / "artifacts.py"), "--from", str(release), "--to", str(artifacts),
             *binaries.FUNCTIONS], check=True,
        )
        ground.up(artifacts)
        machines = ground.machines(200)
        for name in wanted:
            try:
                TOGETHER[name](ground, report, machines)
            except (CloudError, TooLate) as error:
                report.holds(name, None, None, False, error=str(error)[-2000:])
    finally:
        ground.down()


if __name__ == "__main__":
    sys.exit(main())
