"""Recoveries to which a second person says yes or no."""

from __future__ import annotations

import json
import re

import pytest

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import Suite, of_volume
from tests.estate import Estate, Letters

_LINK = re.compile(r"https?://\S+/approve\?\S+")
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


# ---- by the link in the message


@pytest.fixture(scope="module")
def letters(cloud: Cloud) -> Letters:
    """What somebody who may answer gets by e-mail."""
    return Letters(cloud, "second@example.com", {"category": ["approval"]})


def linked(letters: Letters, recovery: str) -> str:
    """The link of the e-mail that asks about a recovery."""

    def come() -> str | None:
        found = [_LINK.search(letter.get_content()) for letter in letters.about(f"recovery={recovery}&")]
        return next((link.group() for link in found if link), None)

    return wait_for("the e-mail with the link", come)


def test_the_link_in_the_message_answers(cloud: Cloud, suite: Suite, us: Estate, letters: Letters) -> None:
    recovery = waiting(cloud, suite, us)
    link = linked(letters, recovery)

    status, page = cloud.browse(link)
    assert (status, state(cloud, recovery)) == (200, "waiting-for-approval"), "opening it changes nothing: scanners of mail do"
    assert recovery in page and page.count("<button") == 2
    status, page = cloud.browse(link, {"answer": "yes", "reason": "change 4711"})
    assert status == 200 and recovery in page

    wait_for("the recovery", lambda: state(cloud, recovery) == "succeeded" or None, 90)
    status, _ = cloud.browse(link, {"answer": "no"})
    assert status == 409, "one answer is all there is"
    assert "change 4711" in json.dumps(cloud.cpm("audit", "list", "--json").json)
    wait_for("what became of it", lambda: [it for it in letters.about("change 4711") if f"{recovery} of" in it["Subject"]])
    assert all("Recovery" in str(letter["Subject"]) for letter in letters.all()), "the filter lets nothing else pass"


def test_a_link_that_was_changed_answers_nothing(cloud: Cloud, suite: Suite, us: Estate, letters: Letters) -> None:
    recovery = waiting(cloud, suite, us)
    link = linked(letters, recovery)
    later = re.sub(r"expires=(\d+)", lambda found: f"expires={int(found[1]) + 1}", link)
    another = link.replace(f"recovery={recovery}", "recovery=r1")
    cut = link[:-2]

    for wrong in (later, another, cut):
        assert wrong != link
        status, page = cloud.browse(wrong, {"answer": "yes"})
        assert status in (400, 403, 404) and recovery not in page, "strangers are told nothing"
    assert state(cloud, recovery) == "waiting-for-approval"
    assert cloud.browse(link, {"answer": "no"})[0] == 200
