"""Policies follow the `cpm backup` tags; what a person put in stays."""

from __future__ import annotations

import random
import string
from typing import Any

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import Suite, of_instance
from tests.estate import KINDS, TAG, Estate


def scan(cloud: Cloud, *options: str) -> dict[str, Any]:
    """Scan and wait; answers the scan with its lines."""
    return dict(cloud.cpm("scan", "run", "--wait", "--json", *options).json)


def lines(scanned: dict[str, Any], resource: str) -> list[dict[str, Any]]:
    """What a scan's log says of a resource."""
    return [line for line in scanned["lines"] if line["resource"] == resource]


def test_a_policy_is_made_after_a_template(cloud: Cloud, suite: Suite, us: Estate) -> None:
    schedule = {"repeat": {"every": 1, "unit": "weeks"}, "start": "2040-01-01T00:00", "timezone": "Europe/Berlin"}
    template = suite.policy(schedules=[schedule], generations=9, retry={"count": 1, "wait": "1m"})
    new = f"{template}-new"
    instance, _ = us.instance({TAG: f"{new}:{template}"})

    scanned = scan(cloud)

    made = cloud.cpm("policy", "show", new, "--json").json
    assert (made["template"], made["generations"], made["auto_target_removal"]) == (template, 9, "yes-and-alert")
    assert made["schedules"] == cloud.cpm("policy", "show", template, "--json").json["schedules"]
    assert made["next"] == "2039-12-31T23:00:00Z"
    assert suite.targets(new) == {instance}
    assert suite.targets(template) == set()
    # Made by the scan, or by the event that came before it.
    assert any(f"`{new}`" in line["message"] for line in lines(scanned, instance))


def test_a_wrong_tag_is_told_with_what_to_write(cloud: Cloud, suite: Suite, us: Estate) -> None:
    policy = suite.policy()
    semicolon, _ = us.instance({TAG: f"{policy};other"})
    unknown, _ = us.instance({TAG: "nobody-knows-it"})
    half, _ = us.instance({TAG: f"{policy} {policy}-x#what"})
    long = us.volume({TAG: "".join(random.Random(256).choices(string.printable[:95] + "äß€😀", k=256))})
    only = us.volume({TAG: f"{policy}#only-amis"})

    scanned = scan(cloud)

    for resource in (semicolon, unknown, half, long, only):
        assert [line for line in lines(scanned, resource) if line["level"] == "error"], resource
    assert f"`{policy}:other`" in str(lines(scanned, semicolon))
    assert suite.targets(policy) == {half}, "the other entries of a tag still count"
    assert scanned["scan"]["errors"] >= 5
    for resource in (semicolon, unknown, half, long, only):
        us.untag(resource, TAG)


def test_a_tag_taken_off_takes_out_what_a_tag_put_in(cloud: Cloud, suite: Suite, us: Estate) -> None:
    by_tag, _ = us.instance()
    by_person, _ = us.instance()
    policy = suite.policy(of_instance(by_person))
    us.tag(by_tag, {TAG: policy})
    us.tag(by_person, {TAG: policy})
    scan(cloud)
    assert suite.targets(policy) == {by_tag, by_person}

    us.untag(by_tag, TAG)
    us.untag(by_person, TAG)
    scan(cloud)

    assert suite.targets(policy) == {by_person}


def test_no_backup_takes_out_and_a_persons_stays(cloud: Cloud, suite: Suite, us: Estate) -> None:
    by_tag, _ = us.instance()
    by_person, _ = us.instance()
    policy = suite.policy(of_instance(by_person))
    us.tag(by_tag, {TAG: policy})
    wait_for("the target", lambda: suite.targets(policy) == {by_tag, by_person})

    for instance in (by_tag, by_person):
        us.tag(instance, {TAG: "no-backup"})
    scanned = scan(cloud)

    assert suite.targets(policy) == {by_person}
    assert "a person put it into" in str(lines(scanned, by_person))


def test_options_of_a_tag_are_stored_and_changed(cloud: Cloud, suite: Suite, us: Estate) -> None:
    policy = suite.policy()
    instance, _ = us.instance({TAG: f"{policy}#only-amis#app-aware"})

    def target() -> dict[str, Any] | None:
        return next(iter(cloud.cpm("policy", "show", policy, "--json").json["targets"]), None)

    found = wait_for("the target", target)
    assert (found["option"], found["app_aware"], found["put_by"]) == ("only-amis", True, "tag")
    us.tag(instance, {TAG: f"{policy}#only-snaps"})
    wait_for("the change", lambda: (target() or {}).get("option") == "only-snaps")


def test_a_dry_run_changes_nothing(cloud: Cloud, suite: Suite, us: Estate) -> None:
    policy = suite.policy()
    instance, _ = us.instance({TAG: f"{policy}-b"})
    late = suite.policy(name=f"{policy}-b")

    scanned = scan(cloud, "--dry-run")

    assert scanned["scan"]["dry_run"] and scanned["scan"]["changes"] >= 1
    assert lines(scanned, instance)
    assert suite.targets(late) == set()
    us.untag(instance, TAG)


def test_a_region_that_cannot_be_read_costs_no_other(cloud: Cloud, suite: Suite, us: Estate, eu: Estate) -> None:
    policy = suite.policy()
    (here, _), (there, _) = us.instance({TAG: policy}), eu.instance({TAG: policy})
    wait_for("both", lambda: suite.targets(policy) == {here, there})
    us.untag(here, TAG)
    wait_for("one", lambda: suite.targets(policy) == {there})
    cloud.fault("ec2:Describe*", "deny", region="eu-west-1", app="cpm-tag-scanner")

    said = cloud.cpm("scan", "run", "--wait", "--json", code=1).json

    assert said["scan"]["failed_places"] == 1
    assert suite.targets(policy) == {there}, "nothing changes where nothing could be read"
    alert = wait_for("the alert", lambda: suite.alerts("main eu-west-1") or None)[0]
    assert "ec2:Describe" in alert["message"]
    cloud.heal()
    scan(cloud)
    assert not suite.alerts("main eu-west-1")


def test_tags_of_databases_and_tables_are_followed(cloud: Cloud, suite: Suite, us: Estate, eu: Estate) -> None:
    first, second = suite.policy(), suite.policy()
    here = [us.of_kind(kind, {TAG: first}) for kind in KINDS]
    there = [eu.of_kind(kind, {TAG: f"{first} {second}"}) for kind in KINDS]

    scan(cloud)

    names = {source.name for source in there}
    assert suite.targets(first) == {source.name for source in here} | names
    assert suite.targets(second) == names
    shown = cloud.cpm("policy", "show", first, "--json").json["targets"]
    assert {(kind, target["region"]) for target in shown for kind in KINDS if kind in target} == {
        (source.kind, source.region) for source in [*here, *there]
    }
    assert {target["put_by"] for target in shown} == {"tag"}

    for source in here:
        us.untag(source, TAG)
    for source in there:
        eu.tag(source, {TAG: second})
    scan(cloud)

    assert suite.targets(first) == set()
    assert suite.targets(second) == names
    for source in there:
        eu.untag(source, TAG)


def test_a_database_takes_no_option(cloud: Cloud, suite: Suite, us: Estate) -> None:
    policy = suite.policy()
    # RDS and Redshift let no `#` into a tag: a table alone can carry an option.
    table = us.table({TAG: f"{policy}#only-snaps"})
    good = us.table({TAG: policy})

    scanned = scan(cloud)

    (line,) = lines(scanned, table.name)
    assert line["level"] == "error" and "only-snaps" in line["message"]
    assert suite.targets(policy) == {good.name}
    for source in (table, good):
        us.untag(source, TAG)


def test_no_backup_takes_a_database_out(cloud: Cloud, suite: Suite, us: Estate) -> None:
    policy = suite.policy()
    sources = [us.of_kind(kind, {TAG: policy}) for kind in KINDS]
    scan(cloud)
    assert suite.targets(policy) == {source.name for source in sources}

    for source in sources:
        us.tag(source, {TAG: "no-backup"})
    scan(cloud)

    assert suite.targets(policy) == set()


def test_a_service_that_cannot_be_read_costs_no_other(cloud: Cloud, suite: Suite, us: Estate) -> None:
    policy = suite.policy()
    database, warehouse = us.database({TAG: policy}), us.warehouse({TAG: policy})
    scan(cloud)
    assert suite.targets(policy) == {database.name, warehouse.name}
    us.untag(database, TAG)
    cloud.fault("redshift:DescribeClusters", "deny", app="cpm-tag-scanner")

    cloud.cpm("scan", "run", "--wait", "--json", code=1)

    assert warehouse.name in suite.targets(policy), "what could not be read changes nothing"
    alert = wait_for("the alert", lambda: suite.alerts(f"main {us.region}") or None)[0]
    assert "redshift:DescribeClusters" in alert["message"]
    cloud.heal()
    scan(cloud)
    assert suite.targets(policy) == {warehouse.name}
    assert not suite.alerts(f"main {us.region}")
    us.untag(warehouse, TAG)
