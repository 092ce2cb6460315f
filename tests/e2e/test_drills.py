"""Recoveries that nobody needs, and recoveries in an order."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.cloud import Cloud, wait_for
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
    ready = cloud.cpm("policy", "show", policy, "--json").json["readiness"]
    assert (ready["last_drill"]["id"], ready["last_drill"]["state"]) == (shown["id"], "succeeded")
    assert (ready["rto"], ready["rpo"]) == (shown["figures"]["rto"], shown["figures"]["rpo"])
    began, age = (datetime.fromisoformat(it) for it in (shown["started"], shown["point"]))
    assert ready["rpo"] == int((began - age).total_seconds())
    assert 0 < ready["rto"] <= (datetime.fromisoformat(shown["ended"]) - began).total_seconds()
    text = cloud.cpm("policy", "show", policy).out
    assert "recovery time" in text and "recovery point" in text
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


def running(cloud: Cloud, machine: str, ours: str) -> list[str]:
    """The running executions of a state machine whose names end or begin as `ours` says."""
    found = cloud.client("stepfunctions").list_executions(stateMachineArn=cloud.outputs[machine], statusFilter="RUNNING")
    return [it["executionArn"] for it in found["executions"] if re.search(ours, it["name"])]


def test_whose_execution_is_killed_a_drill_is_removed_and_a_scenario_goes_on(
    cloud: Cloud, suite: Suite, us: Estate, tmp_path: Path
) -> None:
    """Both beside each other: a tick looks after a hold when it is two minutes old."""
    instance, _ = us.instance(volumes=2)
    volume = us.volume({"Name": "ledger"})
    script = {"ssm": {"each_target": True, "shell": "sleep 60"}}
    policy = suite.policy(of_instance(instance), drill={"quarantine": quarantine(us), "checks": {"script": script}})
    suite.run(policy)
    backup = suite.run(suite.policy(of_volume(volume)))
    before = left_of_recoveries(us)
    drill = cloud.cpm("drill", "run", policy, "--json").json["id"]
    wait_for("what it restores", lambda: len(left_of_recoveries(us)) > len(before))
    drilled = left_of_recoveries(us) - before
    recover = {"backup": backup["id"], "volumes": {"volumes": [{"volume": volume, "tags": {"killed": "yes"}}]}}
    steps = [{"name": "first", "recover": recover}, {"name": "second", "needs": ["first"], "recover": recover}]
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml.safe_dump({"name": "killed", "steps": steps}))
    run = cloud.cpm("scenario", "run", str(file), "--no-wait", "--json").json["id"]
    marked = [{"Name": "tag-key", "Values": ["killed"]}]
    wait_for("its first volume", lambda: us.ec2.describe_volumes(Filters=marked)["Volumes"])

    for machine, name in (("DrillStateMachineArn", f"^{policy}-"), ("ScenarioStateMachineArn", f"-{run}$")):
        (killed,) = wait_for("its execution", lambda machine=machine, name=name: running(cloud, machine, name))
        cloud.client("stepfunctions").stop_execution(executionArn=killed)

    def ended(*what: str) -> dict[str, Any] | None:
        suite.tick()
        found = dict(cloud.cpm(*what, "--json").json)
        return found if found["state"] != "running" else None

    shown = wait_for("the drill's end", lambda: ended("drill", "show", drill), 240)
    assert shown["state"] == "failed"
    assert not left_of_recoveries(us) & drilled, "what it had restored is removed by another execution"
    assert any(policy in str(alert) for alert in cloud.cpm("alert", "list", "--json").json)
    assert cloud.cpm("policy", "show", policy, "--json").json["readiness"]["rto"] is None, "it measured nothing"
    assert wait_for("the scenario's end", lambda: ended("scenario", "show", run), 240)["state"] == "succeeded"
    assert len(us.ec2.describe_volumes(Filters=marked)["Volumes"]) == 2, "none is made twice"


def test_a_check_whose_answer_is_lost_runs_once(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=1)
    script = {"ssm": {"each_target": True, "shell": "echo ran >> ran.txt; wc -l < ran.txt; test $(wc -l < ran.txt) = 1"}}
    policy = suite.policy(of_instance(instance), drill={"quarantine": quarantine(us), "checks": {"script": script}})
    suite.run(policy)
    cloud.fault("ssm:SendCommand", "drop", when="after", app="cpm-recoverer", times=1)

    shown = cloud.cpm("drill", "run", policy, "--wait", "--json").json

    assert shown["state"] == "succeeded", shown
    assert cloud.hits() == 1


def test_a_check_that_takes_too_long_fails_and_is_stopped(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=1)
    checks = {"script": {"ssm": {"each_target": True, "shell": "sleep 600"}}, "timeout": "1m"}
    policy = suite.policy(of_instance(instance), drill={"quarantine": quarantine(us), "checks": checks})
    suite.run(policy)
    before = left_of_recoveries(us)

    shown = cloud.cpm("drill", "run", policy, "--wait", "--json", code=1).json

    assert shown["state"] == "failed" and "ExecutionTimedOut" in str(shown["targets"])
    assert left_of_recoveries(us) == before


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
