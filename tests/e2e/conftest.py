"""One local cloud for all end-to-end tests: the real template, state machines and binaries. Each test has policies and
resources of its own, so that none disturbs another."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cloud import HOME, MEMBER, STACK, Cloud, load_template, wait_for
from tests.estate import KINDS, Copy, Database, Estate, Mailbox
from tests.recoveries import Recoveries

US, EU = "us-east-1", "eu-west-1"
EXTERNAL_ID = "x7"
"""That the member's roles ask for."""
WAIT_SCALE = 0.1
"""Waits of the state machines are a tenth of AWS's: the first poll comes after 3 s instead of 30."""

_NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at the calls of all other tests comes last."""
    items.sort(key=lambda item: "e2e/test_roles" in item.nodeid)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The cloud that all tests share, with the suite deployed and the account `main` in it."""
    it = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        it.up()
        it.deploy(MemberAccounts=MEMBER)
        it.scale_waits(WAIT_SCALE)
        Suite(it).apply(accounts=[account("main")])
        yield it
    finally:
        it.down()


@pytest.fixture(autouse=True)
def as_new(cloud: Cloud) -> Iterator[None]:
    """No faults, the planes' usual behaviour, every database in its usual state and quick waits, before each test; no
    faults after it."""
    cloud.reset()
    cloud.scale_waits(WAIT_SCALE)
    yield
    cloud.heal()


@pytest.fixture
def suite(cloud: Cloud) -> Suite:
    """The suite, as a person works with it."""
    return Suite(cloud)


@pytest.fixture
def recoveries(cloud: Cloud) -> Recoveries:
    """`cpm recover`."""
    return Recoveries(cloud)


@pytest.fixture(scope="session")
def us(cloud: Cloud) -> Estate:
    """us-east-1 of the home account."""
    return Estate(cloud, US)


@pytest.fixture(scope="session")
def eu(cloud: Cloud) -> Estate:
    """eu-west-1 of the home account."""
    return Estate(cloud, EU)


@pytest.fixture(scope="session")
def member(cloud: Cloud) -> Estate:
    """us-east-1 of the other account, with member-account.yaml deployed in it, and known to the suite as `prod`."""
    stacks = cloud.client("cloudformation", account=MEMBER)
    stacks.create_stack(
        StackName="cpm-member", Capabilities=["CAPABILITY_NAMED_IAM"],
        TemplateBody=json.dumps(load_template("member-account.yaml")),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (("DeploymentAccount", HOME), ("DeploymentName", STACK), ("ExternalId", EXTERNAL_ID))
        ],
    )
    wait_for(
        "the member's stack",
        lambda: stacks.describe_stacks(StackName="cpm-member")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE",
    )
    role = {"account": MEMBER, "name": "cpm-backup", "external_id": EXTERNAL_ID}
    Suite(cloud).apply(accounts=[account("prod", role, regions=(US,))])
    return Estate(cloud, US, MEMBER)


@pytest.fixture(scope="session")
def mailbox(cloud: Cloud) -> Mailbox:
    """What people are told."""
    return Mailbox(cloud, "on-call")


def account(name: str, role: Any = "own", scan: bool = True, regions: tuple[str, ...] = (US, EU)) -> dict[str, Any]:
    """An account in a policy file."""
    return {"name": name, "type": "backup", "role": role, "scan": {"enabled": scan, "regions": list(regions)}}


def of_instance(instance: str, region: str = US, **more: Any) -> dict[str, Any]:
    """A target in a policy file."""
    return {"instance": instance, "region": region, **more}


def of_volume(volume: str, region: str = US) -> dict[str, Any]:
    """A target in a policy file."""
    return {"volume": volume, "region": region}


class Suite:
    """The suite by its command line."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    # ---- policies

    def file(self, **document: Any) -> str:
        """A policy file; answers its path."""
        path = self.cloud.settings.state / f"policies-{next(_NUMBERS)}.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return str(path)

    def apply(self, **document: Any) -> None:
        """Bring the deployment in line with a document."""
        self.cloud.cpm("apply", "-f", self.file(**document), "--yes")

    def policy(self, *targets: dict[str, Any], schedules: list[dict[str, Any]] | None = None, **more: Any) -> str:
        """A policy with a name that no other test has; answers the name."""
        number = next(_NUMBERS)
        name = str(more.pop("name", f"p{number}"))
        named = [{**schedule, "name": f"s{number}-{n}"} for n, schedule in enumerate(schedules or [])]
        settings = {"account": "main", "retry": {"count": 0}, **more}
        policy = {
            "name": name, **settings, "schedules": [schedule["name"] for schedule in named], "targets": list(targets),
        }
        self.apply(schedules=named, policies=[policy])
        return name

    def targets(self, policy: str) -> set[str]:
        """What a policy holds, by AWS's ids."""
        shown = self.cloud.cpm("policy", "show", policy, "--json").json
        return {target[kind] for target in shown["targets"] for kind in ("instance", "volume", *KINDS) if kind in target}

    # ---- backups

    def run(self, policy: str, code: int = 0) -> dict[str, Any]:
        """Back a policy up and wait; answers what `backup show` shows."""
        return dict(self.cloud.cpm("backup", "run", policy, "--wait", "--json", code=code).json)

    def start(self, policy: str) -> str:
        """Start a backup; answers the name of its execution."""
        return str(self.cloud.cpm("backup", "run", policy, "--json").json["execution"])

    def backups(self, policy: str) -> list[dict[str, Any]]:
        """The backups of a policy, newest first."""
        return list(self.cloud.cpm("backup", "list", "--policy", policy, "--json").json)

    def show(self, backup: int) -> dict[str, Any]:
        """One backup with its units and its log."""
        return dict(self.cloud.cpm("backup", "show", str(backup), "--json").json)

    def await_backup(self, policy: str, seconds: float = 60, **wanted: Any) -> dict[str, Any]:
        """Wait until the newest backup of a policy is as wanted; answers it with its units and its log."""

        def look() -> dict[str, Any] | None:
            newest = self.backups(policy)[:1]
            found = next((b for b in newest if all(b[key] == value for key, value in wanted.items())), None)
            return self.show(found["id"]) if found else None

        return wait_for(f"a backup of {policy} with {wanted}", look, seconds)

    def await_end(self, policy: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until the newest backup of a policy has ended."""

        def look() -> dict[str, Any] | None:
            found = next((b for b in self.backups(policy)[:1] if b["status"] != "in-progress"), None)
            return self.show(found["id"]) if found else None

        return wait_for(f"the end of the backup of {policy}", look, seconds)

    def clean_up(self, policy: str) -> None:
        """Delete what is no longer kept, and wait."""
        self.cloud.cpm("cleanup", "run", "--policy", policy, "--wait")

    def alerts(self, subject: str) -> list[dict[str, Any]]:
        """The alerts on a subject."""
        return [alert for alert in self.cloud.cpm("alert", "list", "--json").json if alert["subject"] == subject]

    # ---- time

    def tick(self) -> dict[str, Any]:
        """What the scheduler does every minute."""
        return dict(self.cloud.invoke("DispatcherFunction", {}))

    def await_idle(self, policy: str, seconds: float = 60) -> None:
        """Wait until nothing runs for a policy any more."""

        def idle() -> bool:
            return self.cloud.cpm("policy", "show", policy, "--json").json["running"] is None

        wait_for(f"{policy} to be idle", idle, seconds)


def once_each(backup: dict[str, Any], place: Estate, volumes: list[str], completed: bool = True) -> None:
    """Assert that each volume has exactly one snapshot of this backup in AWS, and that the record names it."""
    mine = [s for s in place.snapshots(*volumes) if s["Tags"].get("cpm:backup") == str(backup["id"])]
    assert sorted(s["VolumeId"] for s in mine) == sorted(volumes), mine
    units = {unit["source"]: unit["id"] for unit in backup["units"] if unit["source"] in volumes}
    assert units == {s["VolumeId"]: s["SnapshotId"] for s in mine}
    if completed:
        assert {unit["state"] for unit in backup["units"] if unit["source"] in volumes} == {"completed"}


def copied(backup: dict[str, Any], place: Estate, source: Database) -> Copy:
    """Assert that a database has exactly one copy of this backup in AWS, complete, and that the record names it; answers
    it."""
    (unit,) = [unit for unit in backup["units"] if unit["source"] == source.name]
    mine = [copy for copy in place.copies(source) if made_by(copy, backup)]
    assert [(copy.id, copy.state) for copy in mine] == [(unit["id"], "available")], (unit, mine)
    assert (unit["state"], unit["region"], unit["error"]) == ("completed", place.region, None)
    return mine[0]


def made_by(copy: Copy, backup: dict[str, Any]) -> bool:
    """Whether a copy of a database is of a backup: by its tags, or, of a table, by its name."""
    if copy.tags:
        return copy.tags.get("cpm:backup") == str(backup["id"])
    return copy.name.startswith(f"cpm.-{backup['id']}-")


def says(backup: dict[str, Any], text: str) -> bool:
    """Whether a line of a backup's log contains a text."""
    return any(text in line["message"] for line in backup["log"])
