"""The API, the files and what the command line answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cloud import Cloud, find_cpm
from tests.e2e.conftest import Suite, of_instance
from tests.estate import Estate


def test_an_unsigned_call_is_refused(cloud: Cloud) -> None:
    for path in ("/v1/policies", "/v1/openapi.json", "/v1/backups"):
        assert cloud.api("GET", path, signed=False)[0] == 403


def test_openapi_is_served_and_complete(cloud: Cloud) -> None:
    status, document = cloud.api("GET", "/v1/openapi.json")
    assert status == 200
    assert document["openapi"].startswith("3.")
    paths = " ".join(document["paths"])
    for path in (
        "/backups/{id}", "/policies/{name}", "/plan", "/apply", "/scans", "/rebuild", "/alerts", "/audit",
        "/freezer/{name}",
    ):
        assert path in paths


def test_a_refusal_is_a_problem_with_advice(cloud: Cloud) -> None:
    status, problem = cloud.api("GET", "/v1/policies/nobody-made-it")
    assert (status, problem["status"], problem["code"]) == (404, 404, "Input.NotFound")
    assert problem["detail"] and problem["advice"]
    status, problem = cloud.api("POST", "/v1/plan", {"document": {}, "what": 1})
    assert status == 400 and "what" in problem["detail"]


def test_plan_says_by_its_exit_code_whether_something_would_change(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance()
    policy = suite.policy()
    more = {"name": policy, "account": "main", "retry": {"count": 0}, "targets": [of_instance(instance)]}
    path = suite.file(policies=[more])

    plan = cloud.cpm("plan", "-f", path, code=2)
    assert policy in plan.out and instance in plan.out
    said = cloud.cpm("plan", "-f", path, "--json", code=2).json
    assert said["changes"] and said["protection"]
    assert suite.targets(policy) == set(), "plan changes nothing"
    cloud.cpm("apply", "-f", path, code=1)
    assert suite.targets(policy) == set(), "apply asks first"

    cloud.cpm("apply", "-f", path, "--yes")
    cloud.cpm("plan", "-f", path)
    assert suite.targets(policy) == {instance}
    without = suite.file(policies=[{**more, "targets": []}])
    assert instance in cloud.cpm("plan", "-f", without, code=2).out, "it says who loses protection"


def test_export_reads_back_as_no_change(cloud: Cloud) -> None:
    exported = cloud.cpm("export").out
    path = cloud.settings.state / "exported.yaml"
    path.write_text(exported)
    cloud.cpm("plan", "-f", str(path))


def test_bad_files_are_refused_with_file_line_and_pointer(cloud: Cloud) -> None:
    path = Path(cloud.settings.state / "bad.yaml")
    head = "schedules:\n  - name: n\n"
    for text, line, word in (
        ("policies:\n  - name: web\n    account: main\n    generation: 3\n", 4, "generation"),
        ("policies:\n  - name: web\n    account: main\n    generations: many\n", 4, "many"),
        ("policies:\n  - name: web\n    account: main\n    generations: 0\n", 4, "generations"),
        (head + "    repeat: {every: 1, unit: fortnights}\n    start: 2026-01-01T02:00\n", 3, "fortnights"),
        ("policies:\n  - name: web\n    account: main\n   enabled: false\n", 4, "indentation"),
    ):
        path.write_text(text)
        for command in (("plan",), ("apply", "--yes")):
            said = cloud.cpm(command[0], "-f", str(path), *command[1:], code=1)
            assert f"bad.yaml:{line}" in said.err, said
            assert word in said.err


def test_a_policy_of_an_unknown_account_is_refused_at_its_place(cloud: Cloud) -> None:
    path = Path(cloud.settings.state / "unknown.yaml")
    path.write_text("policies:\n  - name: lonely\n    account: nowhere\n")
    said = cloud.cpm("plan", "-f", str(path), code=1)
    assert "unknown.yaml:3" in said.err and "nowhere" in said.err


def test_every_change_is_in_the_audit_trail(cloud: Cloud, suite: Suite) -> None:
    policy = suite.policy()
    cloud.cpm("policy", "disable", policy)
    suite.run(policy)
    events = [event for event in cloud.cpm("audit", "list", "--json").json if event["subject"] == policy]
    actions = {event["action"] for event in events}
    assert {"policy.create", "backup.run"} <= actions, actions
    assert len(actions) >= 3
    assert all("user/operator" in event["actor"] for event in events)


def test_what_needs_no_deployment_needs_none() -> None:
    cpm = find_cpm()
    bare = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    for arguments in (["tag", "check", "--json", "web#only-snaps"], ["completion", "bash"], ["--help"]):
        done = subprocess.run([cpm, *arguments], env=bare, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 0, done.stderr
