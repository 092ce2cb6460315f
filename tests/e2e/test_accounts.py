"""Backups in another account, by an assumed role with an external id."""

from __future__ import annotations

import json

import pytest

from tests.cloud import MEMBER, Cloud, wait_for
from tests.e2e.conftest import EXTERNAL_ID, US, Suite, account, copied, of_instance, of_volume, once_each
from tests.e2e.test_scripts import scripts, shell
from tests.estate import KINDS, TAG, Estate


def test_backup_and_retention_through_roles(suite: Suite, member: Estate, us: Estate) -> None:
    instance, volumes = member.instance(volumes=[{"Name": "root"}, {"Name": "data"}])
    alone = member.volume()
    policy = suite.policy(of_instance(instance), of_volume(alone), account="prod", generations=1)

    first = suite.run(policy)
    once_each(first, member, [*volumes, alone])
    second = suite.run(policy)
    suite.clean_up(policy)

    assert member.snapshot_ids(*volumes, alone) == {unit["id"] for unit in second["units"]}
    assert first["account"] == "prod"
    assert not us.snapshot_ids(policy=policy), "nothing is made in the home account"


def test_scripts_go_through_roles(cloud: Cloud, suite: Suite, member: Estate) -> None:
    """One whose command's answer is lost, and which is stopped when its time is over."""
    instance, volumes = member.instance()
    policy = suite.policy(
        of_instance(instance), account="prod", scripts=scripts(before=shell("sleep 600"), timeout="1s"),
    )
    cloud.fault("ssm:SendCommand", "drop", when="after", times=1)

    backup = suite.run(policy, code=1)

    found = {run["phase"]: run["state"] for run in backup["scripts"]}
    assert found == {"before": "timed-out", "after": "succeeded", "complete": "succeeded"}
    assert backup["status"] == "partially-successful"
    once_each(backup, member, volumes)


def test_agents_of_the_member_are_read_by_a_role_that_only_looks(cloud: Cloud, suite: Suite, member: Estate) -> None:
    instance, _ = member.instance()
    policy = suite.policy(of_instance(instance), account="prod", scripts=scripts(before=shell("exit 0")))

    (agent,) = cloud.cpm("agent", "list", "--policy", policy, "--json").json

    assert (agent["instance"], agent["account"], agent["ping"], agent["missing"]) == (instance, "prod", "online", [])
    assumed = {call["principal"] for call in cloud.calls() if call["app"] == "cpm-api" and call["account"] == MEMBER}
    assert assumed and all(":assumed-role/cpm-backup-reader/" in principal for principal in assumed)


def test_every_kind_goes_through_roles(suite: Suite, member: Estate, us: Estate) -> None:
    sources = [member.of_kind(kind, {"Name": kind}) for kind in KINDS]
    instance, volumes = member.instance()
    policy = suite.policy(
        *(source.target for source in sources), of_instance(instance, option="only-amis"),
        account="prod", generations=1,
    )

    first, second = suite.run(policy), suite.run(policy)
    suite.clean_up(policy)

    for source in sources:
        kept = copied(second, member, source)
        assert [copy.id for copy in member.copies(source)] == [kept.id]
    (image,) = member.images(instance)
    assert image["ImageId"] in {unit["id"] for unit in second["units"]}
    assert member.snapshot_ids(*volumes) == image["Snapshots"]
    assert {first["account"], second["account"]} == {"prod"}
    assert not us.images(instance), "nothing is made in the home account"


def test_databases_of_the_member_are_found_by_their_tags(cloud: Cloud, suite: Suite, member: Estate) -> None:
    policy = suite.policy(account="prod")
    sources = [member.of_kind(kind, {TAG: policy}) for kind in KINDS]

    cloud.cpm("scan", "run", "--wait")

    assert suite.targets(policy) == {source.name for source in sources}
    for source in sources:
        member.untag(source, TAG)
    cloud.cpm("scan", "run", "--wait")
    assert suite.targets(policy) == set()


def test_tags_of_the_member_are_followed(cloud: Cloud, suite: Suite, member: Estate) -> None:
    policy = suite.policy(account="prod")
    other = suite.policy()
    instance, _ = member.instance({TAG: policy})
    wrong, _ = member.instance({TAG: other})

    scanned = cloud.cpm("scan", "run", "--wait", "--json").json

    assert suite.targets(policy) == {instance}
    assert suite.targets(other) == set()
    assert [line for line in scanned["lines"] if line["resource"] == wrong and line["level"] == "error"]
    member.untag(wrong, TAG)
    member.untag(instance, TAG)
    wait_for("the events of the member", lambda: suite.targets(policy) == set())


def test_a_wrong_external_id_is_a_clear_error(cloud: Cloud, suite: Suite, member: Estate) -> None:
    instance, volumes = member.instance()
    role = {"account": MEMBER, "name": "cpm-backup", "external_id": "not-it"}
    suite.apply(accounts=[account("prod-wrong", role, scan=False, regions=(US,))])
    policy = suite.policy(of_instance(instance), account="prod-wrong")

    backup = suite.run(policy, code=1)

    assert backup["status"] == "failed"
    said = str(backup["log"])
    assert "sts:AssumeRole" in said and "cpm-backup" in said and MEMBER in said
    assert "external" in said.lower(), "the advice names the external id"
    assert not member.snapshots(*volumes)
    cloud.cpm("policy", "delete", policy, "--yes")
    wait_for("the account to go", lambda: cloud.api("DELETE", "/v1/accounts/prod-wrong")[0] == 200)


@pytest.mark.usefixtures("member")
def test_the_backup_role_may_not_delete(cloud: Cloud) -> None:
    """The role for backups is assumed by nobody else, and deletes nothing."""
    found = json.dumps(cloud.client("iam", account=MEMBER).get_role_policy(RoleName="cpm-backup", PolicyName="backup"))
    assert "DeleteSnapshot" not in found
    with pytest.raises(Exception, match="AccessDenied"):
        cloud.client("sts", keys=cloud.operator()).assume_role(
            RoleArn=f"arn:aws:iam::{MEMBER}:role/cpm-backup", RoleSessionName="operator", ExternalId=EXTERNAL_ID,
        )
