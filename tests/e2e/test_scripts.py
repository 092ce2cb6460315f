"""Backup scripts: they run before, after and at completion, each once, and whatever happens what they froze is thawed."""

from __future__ import annotations

import io
import itertools
import json
import sys
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import HOME, Cloud, wait_for
from tests.e2e.conftest import US, Suite, of_instance, of_volume, once_each, says
from tests.e2e.test_crashes import kill_function, stop_execution, tick_until
from tests.estate import Estate

PHASES = ("before", "after", "complete")
NOTE = 'echo "$CPM_PHASE:$*:$CPM_BACKUP:$CPM_POLICY" >>ran'
"""Writes down that it ran, what for and with which arguments."""
BOOTSTRAP = """\
import json, os, urllib.request
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{API}/next") as answer:
        number, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
    with open(os.environ["MARK"], "a") as mark:
        mark.write(json.dumps(event) + "\\n")
    fails = event["phase"] in os.environ["FAILS"].split()
    said = {"errorType": "OutOfPaper", "errorMessage": "the printer has none"} if fails else None
    kind = "error" if fails else "response"
    urllib.request.urlopen(urllib.request.Request(f"{API}/{number}/{kind}", json.dumps(said).encode(), method="POST"))
"""
_NUMBERS = itertools.count(1)


def shell(text: str = NOTE, on: str | None = None, **command: str) -> dict[str, Any]:
    """A script in a policy file: on each target, or on one instance; `document` in place of the text."""
    place = {"instance": on, "region": US} if on else {"each_target": True}
    return {"ssm": {**place, **(command or {"shell": text})}}


def scripts(**more: Any) -> dict[str, Any]:
    """The scripts of a policy file: each writes down that it ran, unless it is given, or a setting."""
    return {"enabled": True, **{phase: shell() for phase in PHASES}, **more}


def directory(cloud: Cloud, instance: str) -> Path:
    """Where the scripts of an instance run."""
    return cloud.settings.instances / instance


def ran(cloud: Cloud, instance: str) -> list[str]:
    """What ran on an instance: `<phase>:<arguments>`, in order."""
    file = directory(cloud, instance) / "ran"
    return [":".join(line.split(":")[:2]) for line in file.read_text().splitlines()] if file.exists() else []


def runs(backup: dict[str, Any], phase: str, target: str | None = None) -> list[dict[str, Any]]:
    """The runs of a phase, of one target."""
    return [run for run in backup["scripts"] if run["phase"] == phase and target in (None, run["target"])]


def states(backup: dict[str, Any]) -> list[tuple[str, str]]:
    """Phase and state of each run."""
    return [(run["phase"], run["state"]) for run in backup["scripts"]]


def instant(text: str) -> datetime:
    """An instant as answers and the record of calls write it, to the millisecond that the latter has."""
    found = datetime.fromisoformat(text)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def document(cloud: Cloud, text: str, *parameters: str) -> str:
    """A document of the customer's with these parameters; answers its name."""
    name = f"of-the-customer-{next(_NUMBERS)}"
    content = {
        "schemaVersion": "2.2", "description": "a script",
        "parameters": {parameter: {"type": "String", "default": ""} for parameter in parameters},
        "mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": [text]}}],
    }
    cloud.client("ssm", US).create_document(
        Name=name, DocumentType="Command", DocumentFormat="JSON", Content=json.dumps(content)
    )
    return name


class Function:
    """A Lambda function of the customer's, which writes its events down and throws in some phases."""

    def __init__(self, cloud: Cloud, *fails: str) -> None:
        number = next(_NUMBERS)
        self._mark = cloud.settings.state / f"function-{number}"
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = cloud.client("iam").create_role(
            RoleName=f"of-function-{number}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, f"#!{sys.executable}\n{BOOTSTRAP}")
        self.arn = str(cloud.client("lambda").create_function(
            FunctionName=f"cpm-script-{number}", Runtime="provided.al2023", Handler="bootstrap", Role=role,
            Code={"ZipFile": code.getvalue()}, Timeout=30,
            Environment={"Variables": {"MARK": str(self._mark), "FAILS": " ".join(fails)}},
        )["FunctionArn"])

    @property
    def script(self) -> dict[str, Any]:
        """As a script in a policy file."""
        return {"lambda": self.arn}

    def events(self) -> list[dict[str, Any]]:
        """What it was called with, in order."""
        return [json.loads(line) for line in self._mark.read_text().splitlines()] if self._mark.exists() else []


# ---- what runs


def test_each_runs_once_in_order_with_its_argument(cloud: Cloud, suite: Suite, us: Estate) -> None:
    machines = sorted(us.instance(volumes=2) for _ in range(3))
    (elsewhere, _) = us.instance()
    policy = suite.policy(
        *(of_instance(instance) for instance, _ in machines), scripts=scripts(complete=shell(on=elsewhere)),
    )
    since = cloud.call_count()

    backup = suite.run(policy)

    assert (backup["status"], backup["counts"]) == ("successful", True)
    for instance, _ in machines:
        told = (directory(cloud, instance) / "ran").read_text().splitlines()
        assert told == [f"before::{backup['id']}:{policy}", f"after:1:{backup['id']}:{policy}"]
    assert ran(cloud, elsewhere) == ["complete:1"]
    assert [(run["phase"], run["kind"], run["target"]) for run in backup["scripts"]] == [
        *[("before", "script", instance) for instance, _ in machines],
        *[("after", "script", instance) for instance, _ in machines],
        ("complete", "script", elsewhere),
    ]
    for run in backup["scripts"]:
        assert (run["state"], run["exit_code"], run["error"]) == ("succeeded", 0, None)
        assert (run["output"], run["truncated"]) == (None, False)
        assert run["started"] <= run["ended"]
    held = max(instant(run["ended"]) for run in runs(backup, "before"))
    thawed = min(instant(run["started"]) for run in runs(backup, "after"))
    calls = [instant(call["time"]) for call in cloud.calls(since) if call["action"] == "CreateSnapshots"]
    assert len(calls) == 3
    assert held <= min(calls) and max(calls) <= thawed, "all snapshots are asked for while it is frozen"
    assert abs(backup["frozen_ms"] - (thawed - held).total_seconds() * 1000) <= 2
    assert max(instant(unit["ended"]) for unit in backup["units"]) <= instant(runs(backup, "complete")[0]["started"])
    once_each(backup, us, [volume for _, volumes in machines for volume in volumes])


def test_scripts_that_are_not_enabled_do_not_run(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance()
    policy = suite.policy(of_instance(instance), scripts=scripts(enabled=False))

    backup = suite.run(policy)

    assert (backup["scripts"], backup["frozen_ms"], ran(cloud, instance)) == ([], None, [])


def test_standard_error_is_kept_when_it_is_asked_for(suite: Suite, us: Estate) -> None:
    instance, _ = us.instance()
    text = "echo not this; echo 'held: größer' >&2"
    policy = suite.policy(of_instance(instance), scripts=scripts(before=shell(text), collect_output=True))

    backup = suite.run(policy)

    assert [run["output"] for run in runs(backup, "before")] == ["held: größer\n"]
    shown = suite.cloud.cpm("backup", "show", str(backup["id"])).out
    assert "held: größer" in shown and "not this" not in shown

    suite.apply(policies=[{"name": policy, "account": "main", "retry": {"count": 0}, "scripts": scripts(before=shell(text)),
                           "targets": [of_instance(instance)]}])
    backup = suite.run(policy)
    assert [run["output"] for run in backup["scripts"]] == [None, None, None]


def test_a_flood_of_output_is_cut(suite: Suite, us: Estate) -> None:
    instance, _ = us.instance()
    flood = "head -c 10485760 /dev/zero | tr '\\0' x >&2"
    policy = suite.policy(of_instance(instance), scripts=scripts(before=shell(flood), collect_output=True))

    backup = suite.run(policy)

    (run,) = runs(backup, "before")
    assert (run["state"], run["truncated"]) == ("succeeded", True)
    assert run["output"].startswith("x" * 1000) and len(run["output"].encode()) <= 64 * 1024


@pytest.mark.parametrize("parameters", [("Backup", "Policy", "Phase", "Argument"), ()])
def test_a_document_of_the_customers(
    cloud: Cloud, suite: Suite, us: Estate, parameters: tuple[str, ...]
) -> None:
    """It is told what it is run for when it wants to know."""
    told = ":".join(f"{{{{ {parameter} }}}}" for parameter in parameters)
    name = document(cloud, f"echo 'ran {told}' >>documents; echo of it >&2", *parameters)
    instance, _ = us.instance()
    policy = suite.policy(
        of_instance(instance),
        scripts=scripts(before=shell(document=name), after=shell(document=name), collect_output=True),
    )

    backup = suite.run(policy)

    number = backup["id"]
    expected = [f"ran {number}:{policy}:before:", f"ran {number}:{policy}:after:1"] if parameters else ["ran ", "ran "]
    assert (directory(cloud, instance) / "documents").read_text().splitlines() == expected
    assert backup["status"] == "successful"
    assert [run["output"] for run in runs(backup, "before")] == ["of it\n"]
    assert ran(cloud, instance) == ["complete:1"]


def test_a_function_is_a_script(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance()
    function = Function(cloud)
    policy = suite.policy(of_instance(instance), scripts=scripts(**{phase: function.script for phase in PHASES}))

    backup = suite.run(policy)

    assert backup["status"] == "successful" and backup["frozen_ms"] is not None
    same = {"deployment": "cpm", "backup": backup["id"], "policy": policy}
    assert function.events() == [
        {**same, "phase": "before", "argument": None}, {**same, "phase": "after", "argument": "1"},
        {**same, "phase": "complete", "argument": "1"},
    ]
    assert [(run["target"], run["state"]) for run in backup["scripts"]] == [(function.arn, "succeeded")] * 3


def test_a_function_that_throws_has_failed(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance()
    function = Function(cloud, "before")
    policy = suite.policy(of_instance(instance), scripts=scripts(before=function.script, complete=function.script))

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    assert states(backup) == [("before", "failed"), ("after", "succeeded"), ("complete", "succeeded")]
    (failed,) = runs(backup, "before")
    assert "the printer has none" in failed["error"] and function.arn in failed["error"]
    assert ran(cloud, instance) == ["after:0"]
    assert [event["argument"] for event in function.events()] == [None, "0"]
    once_each(backup, us, volumes)


# ---- what fails


@pytest.mark.parametrize(("phase", "expected"), [
    ("before", ["after:0", "complete:0"]), ("after", ["before:", "complete:0"]), ("complete", ["before:", "after:1"]),
])
def test_one_that_fails_fails_the_backup_but_not_the_snapshots(
    cloud: Cloud, suite: Suite, us: Estate, phase: str, expected: list[str]
) -> None:
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance), scripts=scripts(**{phase: shell("exit 3")}))

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    assert ran(cloud, instance) == expected
    (failed,) = [run for run in backup["scripts"] if run["state"] != "succeeded"]
    assert (failed["phase"], failed["state"], failed["exit_code"]) == (phase, "failed", 3)
    assert "exit code 3" in failed["error"] and instance in failed["error"]
    assert says(backup, f"{phase} (script) on {instance}")
    once_each(backup, us, volumes)


def test_a_script_that_hangs_is_killed_and_the_backup_retried(cloud: Cloud, suite: Suite, us: Estate) -> None:
    (hangs, some), (well, more) = us.instance(), us.instance()
    place = directory(cloud, hangs)
    place.mkdir(parents=True)
    (place / "hang").touch()
    text = f"{NOTE}; [ ! -e hang ] || {{ echo $$ >pid; sleep 600; }}"
    policy = suite.policy(
        of_instance(hangs), of_instance(well), scripts=scripts(before=shell(text), timeout="5s"),
        retry={"count": 1, "wait": "30s"},
    )

    suite.start(policy)
    first = suite.await_backup(policy, status="partially-successful")
    (place / "hang").unlink()
    retry = suite.await_backup(policy, status="successful", trigger="retry")

    assert (first["counts"], retry["counts"]) == (False, True)
    (killed,) = runs(first, "before", hangs)
    assert killed["state"] == "timed-out" and "5 s" in killed["error"] and "scripts.timeout" in killed["error"]
    assert not Path(f"/proc/{(place / 'pid').read_text().strip()}").exists(), "it is dead, not forgotten"
    assert runs(first, "before", well)[0]["state"] == "succeeded"
    assert ran(cloud, hangs) == ["before:", "after:0", "complete:0", "before:", "after:1", "complete:1"]
    once_each(first, us, [*some, *more])
    once_each(retry, us, [*some, *more])


def test_a_timeout_that_the_agent_does_not_know_is_kept_all_the_same(cloud: Cloud, suite: Suite, us: Estate) -> None:
    """The agent takes less than 5 s for an hour."""
    instance, _ = us.instance()
    policy = suite.policy(of_instance(instance), scripts=scripts(before=shell("echo $$ >pid; sleep 600"), timeout="1s"))

    backup = suite.run(policy, code=1)

    (killed,) = runs(backup, "before")
    took = datetime.fromisoformat(killed["ended"]) - datetime.fromisoformat(killed["started"])
    assert killed["state"] == "timed-out" and took < timedelta(seconds=5)
    pid = Path(f"/proc/{(directory(cloud, instance) / 'pid').read_text().strip()}")
    wait_for("its end", lambda: not pid.exists())


def test_a_command_whose_answer_is_lost_is_found_and_not_sent_again(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance()
    policy = suite.policy(of_instance(instance), scripts=scripts())
    cloud.fault("ssm:SendCommand", "drop", when="after", times=1)

    backup = suite.run(policy)

    assert states(backup) == [(phase, "succeeded") for phase in PHASES]
    assert ran(cloud, instance) == ["before:", "after:1", "complete:1"]
    once_each(backup, us, volumes)


def test_snapshots_alone_count_when_the_policy_says_so(suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance()
    policy = suite.policy(of_instance(instance), success="snapshots", scripts=scripts(before=shell("exit 1")))

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", True)
    once_each(backup, us, volumes)


@pytest.mark.parametrize("what", ["stopped", "offline", "absent"])
def test_an_instance_that_cannot_be_reached_costs_only_its_scripts(
    cloud: Cloud, suite: Suite, us: Estate, what: str
) -> None:
    cloud.behave(delivery_scale=0.02)
    (gone, some), (there, more) = us.instance(), us.instance()
    if what == "stopped":
        us.stop(gone)
    else:
        cloud.agent(gone, ping="ConnectionLost" if what == "offline" else "absent")
    policy = suite.policy(of_instance(gone), of_instance(there), scripts=scripts(timeout="5s"))

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    for run in backup["scripts"]:
        if run["target"] == gone:
            assert run["state"] in ("failed", "timed-out"), run
            assert "cpm agent list" in run["error"], "it says where to look"
        else:
            assert run["state"] == "succeeded"
    assert ran(cloud, gone) == []
    assert ran(cloud, there) == ["before:", "after:0", "complete:0"]
    once_each(backup, us, [*some, *more])


def test_the_list_of_agents_says_who_can_run_scripts(cloud: Cloud, suite: Suite, us: Estate) -> None:
    online, offline, absent = (us.instance()[0] for _ in range(3))
    cloud.agent(offline, ping="ConnectionLost")
    cloud.agent(absent, ping="absent")
    policy = suite.policy(*(of_instance(instance) for instance in (online, offline, absent)), scripts=scripts())

    listed = cloud.cpm("agent", "list", "--policy", policy, "--json").json

    found = {agent["instance"]: agent for agent in listed}
    assert {instance: agent["ping"] for instance, agent in found.items()} == {
        online: "online", offline: "connection-lost", absent: None,
    }
    assert found[online]["missing"] == []
    assert all(found[instance]["missing"] for instance in (offline, absent)), "it says what is missing"
    assert {(agent["region"], tuple(agent["policies"])) for agent in listed} == {(US, (policy,))}
    shown = cloud.cpm("agent", "list", "--policy", policy).out
    assert all(instance in shown for instance in found)


# ---- what was frozen is thawed


def test_snapshots_that_are_denied_are_told_to_those_that_thaw(cloud: Cloud, suite: Suite, us: Estate) -> None:
    (denied, _), (made, volumes) = us.instance(), us.instance()
    policy = suite.policy(of_instance(denied), of_instance(made), scripts=scripts())
    cloud.fault("ec2:CreateSnapshots", "deny", resource=denied)

    backup = suite.run(policy, code=1)

    assert backup["status"] == "partially-successful"
    assert ran(cloud, denied) == ran(cloud, made) == ["before:", "after:1", "complete:0"]
    once_each(backup, us, volumes)


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_death_of_the_function_that_asks_thaws(cloud: Cloud, suite: Suite, us: Estate, when: str) -> None:
    """`before`: AWS makes the snapshots when its function is long dead, and all is thawed: they are not of the scripts'
    point in time. `after`: they were made in time."""
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance), scripts=scripts())
    cloud.fault("ec2:CreateSnapshots", "delay", seconds=4, when=when, resource=instance, times=1)
    suite.start(policy)
    wait_for("the call", lambda: cloud.hits() or None)

    assert kill_function(cloud, "cpm-backup") >= 1
    killed = datetime.now(timezone.utc)
    backup = suite.await_end(policy, 90)

    assert ran(cloud, instance)[:2] == ["before:", "after:1"]
    (thaw,) = runs(backup, "after")
    assert datetime.fromisoformat(thaw["started"]) - killed < timedelta(seconds=3), "nothing is waited for"
    once_each(backup, us, volumes)
    late = when == "before"
    assert ran(cloud, instance)[2] == f"complete:{0 if late else 1}"
    assert backup["status"] == ("partially-successful" if late else "successful")


@pytest.mark.parametrize("event", ["heard", "lost"])
def test_an_execution_that_is_stopped_while_all_is_frozen(
    cloud: Cloud, suite: Suite, us: Estate, event: str
) -> None:
    """The next tick takes the backup up, and thaws first. When the event of the death is lost the lease runs out soon."""
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance), scripts=scripts(timeout="20s"))
    cloud.fault("ec2:CreateSnapshots", "delay", seconds=3, when="after", resource=instance, times=1)
    rule = cloud.physical("ExecutionRule").rpartition("/")[2]
    events = cloud.client("events")
    if event == "lost":
        events.disable_rule(Name=rule)
    try:
        suite.start(policy)
        wait_for("the call", lambda: cloud.hits() or None)
        assert ran(cloud, instance) == ["before:"]
        stopped = stop_execution(cloud, policy)
        if event == "lost":
            suite.tick()
            assert ran(cloud, instance) == ["before:"]
            left = lease_ends(cloud, policy) - datetime.now(timezone.utc)
            assert timedelta(minutes=3) < left < timedelta(minutes=5), "4 min and the time of the script"
            let_lease_end(cloud, policy)
        tick_until(suite, policy, 2)
        backup = suite.await_end(policy, 90)
    finally:
        events.enable_rule(Name=rule)

    assert says(backup, f"the execution {stopped} died")
    assert ran(cloud, instance)[:2] == ["before:", "after:1"], "each once"
    assert len(ran(cloud, instance)) == 3
    assert len(suite.backups(policy)) == 1
    once_each(backup, us, volumes)
    suite.await_idle(policy)


def test_what_a_dead_execution_had_not_asked_for_is_made_when_all_is_thawed(
    cloud: Cloud, suite: Suite, us: Estate
) -> None:
    (asked, some), (left, more) = us.instance(), us.instance()
    policy = suite.policy(of_instance(asked), of_instance(left), scripts=scripts())
    cloud.fault("ec2:CreateSnapshots", "throttle", resource=left)
    suite.start(policy)
    wait_for("the others", lambda: us.snapshots(*some))
    stop_execution(cloud, policy)
    kill_function(cloud, "cpm-backup")
    cloud.heal()

    tick_until(suite, policy, 2)
    backup = suite.await_end(policy, 90)

    assert ran(cloud, asked) == ran(cloud, left) == ["before:", "after:1", "complete:0"]
    assert backup["status"] == "partially-successful"
    assert says(backup, f"{left} in {US}: AWS would not make it while")
    once_each(backup, us, [*some, *more])


def lease(cloud: Cloud, policy: str) -> dict[str, Any]:
    """The item of the lease on a policy."""
    key = {"pk": {"S": f"OWNER#root#POLICY#{policy}"}, "sk": {"S": "LEASE"}}
    return dict(cloud.client("dynamodb").get_item(TableName=cloud.outputs["TableName"], Key=key)["Item"])


def lease_ends(cloud: Cloud, policy: str) -> datetime:
    """When the lease on a policy runs out."""
    return datetime.fromisoformat(lease(cloud, policy)["expires"]["S"])


def let_lease_end(cloud: Cloud, policy: str) -> None:
    """Have the lease on a policy run out now, as if nobody had looked since."""
    item, now = lease(cloud, policy), f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}"
    item["expires"] = {"S": f"{now}Z"}
    item["due_sk"] = {"S": f"{now}.000000000Z#root#{policy}#LEASE"}
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["TableName"], Item=item)


def test_the_rest_of_a_throttled_backup_is_made_when_all_is_thawed(cloud: Cloud, suite: Suite, us: Estate) -> None:
    (throttled, some), (made, more) = us.instance(), us.instance()
    policy = suite.policy(of_instance(throttled), of_instance(made), scripts=scripts())
    cloud.fault("ec2:CreateSnapshots", "throttle", resource=throttled)
    suite.start(policy)

    wait_for("the thaw", lambda: len(ran(cloud, throttled)) > 1, 75)
    assert not us.snapshots(*some)
    cloud.heal()
    backup = suite.await_end(policy, 90)

    assert ran(cloud, throttled) == ran(cloud, made) == ["before:", "after:1", "complete:0"]
    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    assert backup["frozen_ms"] < 60_000
    late = [line["message"] for line in backup["log"] if "not of the scripts' point in time" in line["message"]]
    assert len(late) == 1 and throttled in late[0]
    once_each(backup, us, [*some, *more])


def test_a_quota_is_not_waited_for_while_all_is_frozen(cloud: Cloud, suite: Suite, us: Estate) -> None:
    """Databases, volumes and instances without scripts run in the same backup."""
    instance, volumes = us.instance()
    alone = us.volume()
    policy = suite.policy(of_instance(instance), of_volume(alone), scripts=scripts())
    cloud.fault("ec2:CreateSnapshot", "error", code="PendingSnapshotLimitExceeded", status=400, resource=alone, times=1)

    backup = suite.run(policy, code=1)

    assert backup["status"] == "partially-successful" and backup["frozen_ms"] < 5_000
    assert says(backup, alone) and not says(backup, f"{instance} in {US}: AWS would not")
    once_each(backup, us, [*volumes, alone])


def test_people_are_told_of_what_was_frozen_for_too_long(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance()
    policy = suite.policy(of_instance(instance), scripts=scripts(), max_frozen="1s")
    cloud.fault("ec2:CreateSnapshots", "delay", seconds=2, resource=instance, times=1)

    slow = suite.run(policy)

    assert slow["status"] == "successful" and slow["frozen_ms"] > 1_000
    (alert,) = wait_for("the alert", lambda: suite.alerts(policy))
    assert (alert["category"], alert["severity"]) == ("frozen", "warning")
    assert f"{slow['frozen_ms']} ms" in alert["message"]
    # A script that ends is seen at the next look: the second time nothing is delayed.
    quick = suite.run(policy)
    assert quick["frozen_ms"] <= 1_000
    wait_for("the alert to go", lambda: not suite.alerts(policy))


def test_scripts_of_an_unknown_function_are_refused_by_aws(suite: Suite, us: Estate) -> None:
    """A function that the deployment may not call: the error names the action and the role."""
    instance, volumes = us.instance()
    other = {"lambda": f"arn:aws:lambda:{US}:{HOME}:function:somebody-elses"}
    policy = suite.policy(of_instance(instance), scripts=scripts(complete=other))

    backup = suite.run(policy, code=1)

    (failed,) = runs(backup, "complete")
    assert failed["state"] == "failed" and "lambda:InvokeFunction" in failed["error"] and "role" in failed["error"]
    once_each(backup, us, volumes)
