"""What the benchmarks stand on: a cloud with the proxy before its resource plane, and machines to back up."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from tests.cloud import REPOSITORY, Cloud, free_port, wait_for
from tests.estate import IMAGE, Estate

REGION = "us-east-1"
VOLUMES = 10
DEVICES = ["/dev/sda1", *(f"/dev/sd{letter}" for letter in "bcdefghij")]
EMULATED_SECONDS = 2


class Ground:
    """The cloud, the proxy, and the functions that were built for release."""

    def __init__(self, release: Path) -> None:
        self.release = release
        self.cloud = Cloud(REPOSITORY / ".local" / "bench")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._proxy: subprocess.Popen[bytes] | None = None

    def up(self, artifacts: Path) -> None:
        """Start everything, and deploy the release."""
        proxy = ["-m", "tests.bench.proxy", "--upstream", self.cloud.settings.resources_url, "--port", str(self.port)]
        self._proxy = subprocess.Popen([sys.executable, *proxy], cwd=REPOSITORY)
        self.cloud.up(resource_endpoint=self.url)
        wait_for("the proxy", self._answers)
        self.cloud.deploy(artifacts=artifacts)
        self.cloud.behave(snapshot_seconds=EMULATED_SECONDS)
        self.apply({"accounts": [
            {"name": "main", "type": "backup", "role": "own", "scan": {"enabled": False, "regions": [REGION]}},
        ]})

    def down(self) -> None:
        """End everything."""
        if self._proxy:
            self._proxy.terminate()
            self._proxy.wait()
        self.cloud.down()

    # ---- the proxy

    def _answers(self) -> bool:
        try:
            self._ask("GET", "calls")
        except OSError:
            return False
        return True

    def _ask(self, method: str, route: str, data: Any = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(
            f"{self.url}/_proxy/{route}", body, {"Content-Type": "application/json"}, method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def reset(self, latency: float = 0.0, buckets: list[dict[str, Any]] | None = None) -> None:
        """Forget the calls so far; from now on each call takes `latency` seconds longer and meets these buckets."""
        self._ask("POST", "settings", {"latency": latency, "buckets": buckets or []})
        self._ask("POST", "reset", {})

    def seen(self) -> list[dict[str, Any]]:
        """The calls since the last reset."""
        return list(self._ask("GET", "calls"))

    def counted(self) -> Counter[str]:
        """The calls since the last reset, by action."""
        return Counter(call["action"] for call in self.seen())

    # ---- policies and backups

    def apply(self, document: dict[str, Any]) -> None:
        """Bring the deployment in line with a document."""
        path = self.cloud.settings.state / "bench.yaml"
        path.write_text(yaml.safe_dump(document))
        self.cloud.cpm("apply", "-f", str(path), "--yes")

    def policy(self, name: str, machines: dict[str, list[str]], **more: Any) -> None:
        """A policy on machines."""
        targets = [{"instance": instance, "region": REGION} for instance in machines]
        policy = {"name": name, "account": "main", "generations": 30, "retry": {"count": 0}, **more, "targets": targets}
        self.apply({"policies": [policy]})

    def back_up(self, policy: str, timeout: float = 600) -> dict[str, Any]:
        """Back a policy up and wait."""
        backup = self.cloud.cpm("backup", "run", policy, "--wait", "--json", timeout=timeout).json
        self.idle(policy)
        return dict(backup)

    def start(self, policy: str) -> None:
        """Start a backup."""
        self.cloud.cpm("backup", "run", policy)

    def newest(self, policy: str) -> dict[str, Any] | None:
        """The newest backup of a policy, with its units."""
        listed = self.cloud.cpm("backup", "list", "--policy", policy, "--limit", "1", "--json").json
        return dict(self.cloud.cpm("backup", "show", str(listed[0]["id"]), "--json").json) if listed else None

    def idle(self, policy: str) -> None:
        """Wait until nothing runs for a policy."""
        wait_for(
            f"{policy} to be idle",
            lambda: self.cloud.cpm("policy", "show", policy, "--json").json["running"] is None, 60,
        )

    # ---- machines

    def machines(self, count: int) -> dict[str, list[str]]:
        """So many instances with ten volumes each."""
        estate = Estate(self.cloud, REGION)
        made = estate.ec2.run_instances(
            ImageId=IMAGE, MinCount=count, MaxCount=count, InstanceType="t3.micro",
            BlockDeviceMappings=[{"DeviceName": device, "Ebs": {"VolumeSize": 8}} for device in DEVICES[:VOLUMES]],
        )["Instances"]
        ids = [instance["InstanceId"] for instance in made]
        pages = estate.ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 100})
        found = [i for page in pages for reservation in page["Reservations"] for i in reservation["Instances"]]
        return {
            i["InstanceId"]: [mapping["Ebs"]["VolumeId"] for mapping in i["BlockDeviceMappings"]]
            for i in found if i["InstanceId"] in ids
        }


def first(machines: dict[str, list[str]], count: int) -> dict[str, list[str]]:
    """So many of them."""
    return dict(list(machines.items())[:count])
