"""Recoveries to which a second person says yes or no."""

from __future__ import annotations

import json

import pytest

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import Suite, of_volume
from tests.estate import Estate

_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def second(cloud: Cloud) -> tuple[str, str]:
    """The keys of a second person."""
    iam = cloud.client("iam")
    iam.create_user(UserName="second")
    iam.put_user_policy(UserName="second", PolicyName="all", PolicyDocument=json.dumps(_ALL))
    key = iam.create_access_key(UserName="second")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def waiting(cloud: Cloud, suite: Suite, us: Estate) -> str:
    """A recovery that waits for an answer, by its number."""
    policy = suite.policy(of_volume(us.volume({"Name": "ledger"})), recovery={"approval": True})
    backup = suite.run(policy)
    asked = cloud.cpm("recover", "volumes", str(backup["id"]), "--yes", "--no-wait", "--json").json
    assert asked["state"] == "waiting-for-approval"
    return str(asked["id"])


def state(cloud: Cloud, recovery: str) -> str:
    return str(cloud.cpm("recover", "show", recovery, "--json").json["state"])


def test_a_recovery_waits_for_somebody_else(cloud: Cloud, suite: Suite, us: Estate, second: tuple[str, str]) -> None:
    recovery = waiting(cloud, suite, us)

    own = cloud.cpm("recover", "approve", recovery, code=None)
    assert own.code != 0 and "somebody else" in own.err, "who asked cannot say yes"
    assert state(cloud, recovery) == "waiting-for-approval"
    cloud.cpm("recover", "approve", recovery, "--reason", "seen", keys=second)

    wait_for("the recovery", lambda: state(cloud, recovery) == "succeeded" or None, 90)
    late = cloud.cpm("recover", "refuse", recovery, code=None, keys=second)
    assert late.code != 0, "one answer is all there is"
    events = cloud.cpm("audit", "list", "--json").json
    assert recovery in json.dumps(events)


def test_a_recovery_that_is_refused_makes_nothing(
    cloud: Cloud, suite: Suite, us: Estate, second: tuple[str, str]
) -> None:
    recovery = waiting(cloud, suite, us)

    cloud.cpm("recover", "refuse", recovery, "--reason", "not today", keys=second)

    wait_for("its end", lambda: state(cloud, recovery) == "failed" or None, 90)
    shown = cloud.cpm("recover", "show", recovery, "--json").json
    assert [error["code"] for error in shown["errors"]] == ["Approval.Refused"]
    assert shown["made"] == []
