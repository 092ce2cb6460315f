"""What becomes of a backup is told on the suite's event bus, once for each change of state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cloud import HOME, REPOSITORY, STACK, Cloud, wait_for
from tests.e2e.conftest import Suite, of_volume
from tests.estate import Estate

SCHEMA = REPOSITORY / "docs" / "events" / "backup-state-change.schema.json"
PATTERN = {"source": ["cpm"], "detail-type": ["Backup State Change"]}


class Subscriber:
    """A queue behind a rule on the suite's bus, as `docs/events` says how."""

    def __init__(self, cloud: Cloud, name: str, pattern: dict[str, Any]) -> None:
        self._sqs, self._events = cloud.client("sqs"), cloud.client("events")
        self._name, self._bus = name, cloud.outputs["EventBusName"]
        rule = self._events.put_rule(Name=name, EventBusName=self._bus, EventPattern=json.dumps(pattern))["RuleArn"]
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        let_in = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        self._events.put_targets(Rule=name, EventBusName=self._bus, Targets=[{"Id": "queue", "Arn": arn}])
        self._read: list[dict[str, Any]] = []

    def events(self) -> list[dict[str, Any]]:
        """All that has come so far, oldest first, in EventBridge's envelope."""
        while batch := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                self._read.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return list(self._read)

    def about(self, policy: str) -> list[dict[str, Any]]:
        """The details of the events of a policy."""
        return [event["detail"] for event in self.events() if event["detail"]["policy"] == policy]

    def await_states(self, policy: str, *states: str) -> list[dict[str, Any]]:
        """Wait until so many events of a policy came, assert that they are these states in this order, and answer them."""
        details = wait_for(
            f"{len(states)} events of {policy}",
            lambda: found if len(found := self.about(policy)) >= len(states) else None,
        )
        assert [detail["state"] for detail in details] == list(states)
        return details

    def end(self) -> None:
        """Take the rule off the bus."""
        self._events.remove_targets(Rule=self._name, EventBusName=self._bus, Ids=["queue"])
        self._events.delete_rule(Name=self._name, EventBusName=self._bus)


@pytest.fixture(scope="module")
def subscriber(cloud: Cloud) -> Iterator[Subscriber]:
    """A subscriber to all events."""
    it = Subscriber(cloud, "all-backups", PATTERN)
    yield it
    it.end()


def test_a_backup_is_told_from_its_start_to_its_end(suite: Suite, us: Estate, subscriber: Subscriber) -> None:
    policy = suite.policy(of_volume(us.volume()))
    backup = suite.run(policy)
    started, asked, ended = subscriber.await_states(policy, "started", "snapshots-started", "successful")
    assert [started["previous"], asked["previous"], ended["previous"]] == [None, "started", "snapshots-started"]
    for detail in (started, asked, ended):
        assert (detail["deployment"], detail["account"], detail["owner"]) == (STACK, HOME, "root")
        assert (detail["backup"], detail["policy_account"], detail["trigger"]) == (backup["id"], "main", "manual")
        assert (detail["slot"], detail["retry"]) == (None, 0)
    assert (started["status"], started["counts"], started["ended"]) == ("in-progress", False, None)
    assert (ended["status"], ended["counts"]) == ("successful", True)
    assert (ended["started"], ended["ended"]) == (backup["started"], backup["ended"])
    assert ended["units"] == {"open": 0, "completed": 1, "failed": 0, "missing": 0, "skipped": 0}


def test_a_failure_is_told(cloud: Cloud, suite: Suite, us: Estate, subscriber: Subscriber) -> None:
    volume = us.volume()
    policy = suite.policy(of_volume(volume))
    cloud.fault("ec2:CreateSnapshot*", "deny", resource=volume)
    suite.run(policy, code=1)
    details = subscriber.await_states(policy, "started", "snapshots-started", "failed")
    assert (details[-1]["counts"], details[-1]["units"]["failed"]) == (False, 1)


def test_what_is_no_longer_kept_is_told_of(suite: Suite, us: Estate, subscriber: Subscriber) -> None:
    policy = suite.policy(of_volume(us.volume()), generations=1)
    old, new = suite.run(policy)["id"], suite.run(policy)["id"]
    suite.clean_up(policy)

    def of_old() -> list[dict[str, Any]] | None:
        found = [detail for detail in subscriber.about(policy) if detail["backup"] == old]
        return found if found and found[-1]["state"] == "deleted" else None

    details = wait_for(f"the end of backup {old}", of_old)
    told = [(detail["previous"], detail["state"]) for detail in details]
    assert told[2:] == [("snapshots-started", "successful"), ("successful", "deleting"), ("deleting", "deleted")]
    assert {detail["state"] for detail in subscriber.about(policy) if detail["backup"] == new} == {
        "started", "snapshots-started", "successful",
    }


def test_a_rule_picks_what_it_wants(cloud: Cloud, suite: Suite, us: Estate) -> None:
    policy = suite.policy(of_volume(us.volume()))
    picky = Subscriber(cloud, "ends-only", {**PATTERN, "detail": {"policy": [policy], "counts": [True]}})
    suite.run(policy)
    picky.await_states(policy, "successful")
    picky.end()


def test_all_of_it_is_as_the_schema_says(subscriber: Subscriber) -> None:
    validator = Draft202012Validator(
        json.loads(SCHEMA.read_text()), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    events = subscriber.events()
    assert events
    for event in events:
        assert (event["source"], event["detail-type"], event["resources"]) == ("cpm", "Backup State Change", [])
        validator.validate(event["detail"])
