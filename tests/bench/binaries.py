"""The release binaries: how big, how soon ready, how much memory a large step takes."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from tests.bench.backups import settled
from tests.bench.figure import Report
from tests.bench.ground import REGION, VOLUMES, Ground, first
from tests.runtime_api import Runtime
from tests.cloud import ACCOUNT_KEYS, HOME, Cloud, wait_for

FUNCTIONS = ("api", "backup", "cleaner", "dispatcher", "events", "notifier", "recoverer", "tag-scanner")
STARTS = 15


def sizes(report: Report, release: Path) -> None:
    """The size of each function as Lambda takes it, zipped."""
    found = {name: zipped(release / name) for name in FUNCTIONS}
    largest = max(found, key=lambda name: found[name])
    report.most(
        "size of a release binary, zipped", found[largest] / 1e6, 5, "MB", largest=largest,
        all={name: round(size / 1e6, 2) for name, size in found.items()},
    )


def zipped(binary: Path) -> int:
    """The bytes of a zip with the stripped binary as its `bootstrap`."""
    with tempfile.TemporaryDirectory() as folder:
        stripped, archive = Path(folder) / "bootstrap", Path(folder) / "function.zip"
        subprocess.run(["strip", "-o", str(stripped), str(binary)], check=True)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(stripped, "bootstrap")
        return archive.stat().st_size


def starts(report: Report, release: Path) -> None:
    """From the start of a function's process to its first poll for an event."""
    environment = {
        "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": HOME, "AWS_SECRET_ACCESS_KEY": "test", "PATH": "/usr/bin:/bin",
        "CPM_TABLE": "none", "CPM_DEPLOYMENT": "bench", "CPM_TIMEZONE": "Europe/Berlin", "CPM_ACCOUNT": HOME,
        "RUST_LOG": "info",
        "CPM_ALERT_TOPIC": f"arn:aws:sns:{REGION}:{HOME}:alerts", "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH": "true",
        "CPM_EVENT_BUS": "bench", "CPM_RECOVERER": "recoverer",
    }
    for machine in ("backup", "tag-scan", "cleanup", "recovery", "drill", "scenario"):
        name = f"CPM_{machine.replace('-', '_').upper()}_STATE_MACHINE"
        environment[name] = f"arn:aws:states:{REGION}:{HOME}:stateMachine:{machine}"
    medians = {}
    for name in FUNCTIONS:
        taken = []
        for _ in range(STARTS):
            with Runtime(release / name, environment) as runtime:
                taken.append(runtime.first_poll_seconds() * 1000)
        medians[name] = statistics.median(taken)
    slowest = max(medians, key=lambda name: medians[name])
    report.most(
        "start of a release binary to its first poll, median", medians[slowest], 15, "ms", slowest=slowest,
        starts=STARTS, all={name: round(value, 2) for name, value in medians.items()},
    )


def variables(cloud: Cloud, function: str) -> dict[str, str]:
    """A deployed function's environment, for a process outside of Lambda: as the account's root, without the proxy."""
    found = cloud.client("lambda").get_function_configuration(FunctionName=cloud.physical(function))
    return {**found["Environment"]["Variables"], **ACCOUNT_KEYS, **cloud.endpoints(), "PATH": "/usr/bin:/bin"}


def memory(ground: Ground, report: Report, machines: dict[str, list[str]]) -> None:
    """Peak memory of the function when it snapshots 500 volumes, from the plan to the end."""
    ground.policy("memory", first(machines, 50))
    settled(ground)
    start = {
        "owner": "root", "policy": "memory", "trigger": "manual", "slot": None, "asked_by": "bench", "resume": None,
    }
    with Runtime(ground.release / "backup", variables(ground.cloud, "BackupFunction")) as runtime:
        planned = runtime.invoke({"step": "plan", "execution": "bench", "start": start, "retried": None}, 300)
        running = {"owner": "root", "policy": "memory", "backup": planned["backup"], "holder": planned["holder"]}

        def step(name: str, **more: Any) -> Any:
            return runtime.invoke({"step": name, "running": running, **more}, 300)

        step("before")
        asked = step("snapshot", again=False)
        peak = runtime.peak_bytes()
        step("after", trouble=None)
        settled(ground)
        wait_for("all units to be settled", lambda: step("progress", polls=0)["open"] == 0, 60)
        step("complete")
        ended = step("finish")
        last = runtime.peak_bytes()
    whole = asked["left"] == 0 and ended["status"] == "successful"
    report.holds(
        "peak memory in the snapshot step of 500 volumes", round(peak / 2**20, 1), 64, whole and peak <= 64 * 2**20,
        "MB", volumes=50 * VOLUMES, to_the_end=round(last / 2**20, 1),
    )
