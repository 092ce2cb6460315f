"""Recoveries that nobody needs, and recoveries in an order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.cloud import Cloud
from tests.e2e.conftest import Suite, of_instance, of_volume
from tests.estate import Estate

DRILL = "cpm:recovery"


def quarantine(us: Estate) -> dict[str, Any]:
    """A subnet of the Region's default VPC, and its group."""
    subnet = us.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]
    groups = us.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"]
    return {"subnet": subnet["SubnetId"], "security_groups": [groups[0]["GroupId"]]}


def left_of_recoveries(us: Estate) -> set[str]:
    """Instances and volumes that a recovery made and that are there."""
    marked = [{"Name": "tag-key", "Values": [DRILL]}]
    found = us.ec2.describe_instances(Filters=marked)["Reservations"]
    gone = ("terminated", "shutting-down")
    instances = {it["InstanceId"] for one in found for it in one["Instances"] if it["State"]["Name"] not in gone}
    return instances | {volume["VolumeId"] for volume in us.ec2.describe_volumes(Filters=marked)["Volumes"]}


def test_a_drill_restores_checks_measures_and_removes(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=2)
    script = {"ssm": {"each_target": True, "shell": "test -n \"$CPM_POLICY\" || exit 3"}}
    drill = {"quarantine": quarantine(us), "checks": {"script": script}}
    policy = suite.policy(of_instance(instance), drill=drill)
    backup = suite.run(policy)
    before = left_of_recoveries(us)

    shown = cloud.cpm("drill", "run", policy, "--wait", "--json").json

    assert (shown["state"], shown["backup"]) == ("succeeded", backup["id"])
    assert left_of_recoveries(us) == before, "nothing of it stays"
    last = cloud.cpm("policy", "show", policy, "--json").json["readiness"]["last_drill"]
    assert last["state"] == "succeeded"
    assert [drill["policy"] for drill in cloud.cpm("drill", "list", "--json").json].count(policy) == 1


def test_a_drill_whose_check_fails_says_so_and_is_removed_all_the_same(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=1)
    script = {"ssm": {"each_target": True, "shell": "echo no answer >&2; exit 3"}}
    policy = suite.policy(of_instance(instance), drill={"quarantine": quarantine(us), "checks": {"script": script}})
    suite.run(policy)
    before = left_of_recoveries(us)

    shown = cloud.cpm("drill", "run", policy, "--wait", "--json", code=1).json

    assert shown["state"] == "failed"
    assert left_of_recoveries(us) == before
    assert any(policy in str(alert) for alert in cloud.cpm("alert", "list", "--json").json)


def test_a_drill_without_its_subnet_fails_and_says_why(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=1)
    missing = {**quarantine(us), "subnet": "subnet-0123456789abcdef0"}
    policy = suite.policy(of_instance(instance), drill={"quarantine": missing})
    suite.run(policy)

    said = cloud.cpm("drill", "run", policy, "--wait", "--json", code=1)

    assert "subnet-0123456789abcdef0" in str(said.json), "the words name what is missing"


def test_a_scenario_runs_in_its_order(cloud: Cloud, suite: Suite, us: Estate, tmp_path: Path) -> None:
    volume = us.volume({"Name": "books"})
    backup = suite.run(suite.policy(of_volume(volume)))
    steps = [
        {"name": "first", "recover": {"backup": backup["id"], "volumes": {}}},
        {"name": "second", "needs": ["first"], "recover": {
            "backup": backup["id"],
            "volumes": {"volumes": [{"volume": volume, "tags": {"after": "${first.volume}"}}]}}},
    ]
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml.safe_dump({"name": "shop", "steps": steps}))

    shown = cloud.cpm("scenario", "run", str(file), "--json").json

    assert shown["state"] == "succeeded"
    made = us.ec2.describe_volumes(Filters=[{"Name": "tag-key", "Values": ["after"]}])["Volumes"]
    (first,) = {tag["Value"] for one in made for tag in one["Tags"] if tag["Key"] == "after"}
    assert us.ec2.describe_volumes(VolumeIds=[first])["Volumes"]
