"""What is frozen stays until a person takes it out."""

from __future__ import annotations

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import Suite, of_instance, once_each, says
from tests.estate import Estate


def test_a_frozen_backup_outlives_its_generations_and_its_policy(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(of_instance(instance), generations=1)
    first = suite.run(policy)
    name = f"Before the upgrade of {policy} (größer)"

    frozen = cloud.cpm(
        "freezer", "add", str(first["id"]), "--name", name, "--description", "the last GOOD one", "--json"
    ).json

    assert (frozen["backup"], frozen["afterwards"]) == (first["id"], "retention")
    mark = {"name": name, "description": "the last GOOD one", "time": frozen["time"]}
    assert suite.show(first["id"])["frozen"] == mark
    assert says(suite.show(first["id"]), f"moved into the freezer as `{name}`")
    assert [f["name"] for f in cloud.cpm("freezer", "list", "good", policy.upper(), "--json").json] == [name]
    assert cloud.cpm("freezer", "list", "good", policy, "downgrade", "--json").json == []
    refused = cloud.cpm("freezer", "add", str(first["id"]), "--name", f"{policy} again", code=1)
    assert name in refused.err

    second, third = suite.run(policy), suite.run(policy)
    suite.clean_up(policy)
    assert [b["id"] for b in suite.backups(policy)] == [third["id"], first["id"]]
    refused = cloud.cpm("freezer", "add", str(third["id"]), "--name", name.upper(), code=1)
    assert str(first["id"]) in refused.err, "the name is taken, in any case"

    cloud.cpm("policy", "delete", policy, "--yes")
    wait_for("the others to go", lambda: [b["id"] for b in suite.backups(policy)] == [first["id"]])
    wait_for("their snapshots to go", lambda: len(us.snapshots(*volumes, policy=policy)) == 2)
    once_each(suite.show(first["id"]), us, volumes)
    assert second["id"] not in {b["id"] for b in suite.backups(policy)}
    refused = cloud.cpm("account", "delete", "main", "--yes", code=1)
    assert "cannot be removed" in refused.err

    shown = cloud.cpm("freezer", "show", name.lower()).out
    assert "is deleted with all its snapshots" in shown
    cloud.cpm("freezer", "remove", name, code=1)
    assert suite.show(first["id"])["frozen"] == mark, "it asks first"
    removed = cloud.cpm("freezer", "remove", name, "--yes", "--json").json
    assert removed["afterwards"] == "deletion" and removed["cleanup"]
    wait_for("its snapshots to go", lambda: not us.snapshots(*volumes, policy=policy))
    wait_for("its record to go", lambda: not suite.backups(policy))
    gone = cloud.cpm("freezer", "show", name, code=1)
    assert "cpm freezer list" in gone.err

    events = [event for event in cloud.cpm("audit", "list", "--json").json if event["subject"] == name]
    assert [event["action"] for event in events] == ["freezer.remove", "freezer.add"]
    assert all("user/operator" in event["actor"] for event in events)


def test_taken_out_a_backup_is_under_retention_again(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=1)
    policy = suite.policy(of_instance(instance), generations=1)
    first = suite.run(policy)
    cloud.cpm("freezer", "add", str(first["id"]), "--name", policy)
    second = suite.run(policy)
    suite.clean_up(policy)
    assert [b["id"] for b in suite.backups(policy)] == [second["id"], first["id"]]

    said = cloud.cpm("freezer", "remove", policy, "--yes")

    assert f"under the retention of policy `{policy}` again" in said.out
    assert [b["id"] for b in suite.backups(policy)] == [second["id"], first["id"]], "not before the next cleanup"
    suite.clean_up(policy)
    assert [b["id"] for b in suite.backups(policy)] == [second["id"]]
    assert us.snapshot_ids(*volumes) == {unit["id"] for unit in second["units"]}


def test_a_backup_that_runs_is_not_frozen(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=1)
    policy = suite.policy(of_instance(instance))
    cloud.behave(snapshot_seconds=8)
    suite.start(policy)
    running = suite.await_backup(policy, status="in-progress")

    refused = cloud.cpm("freezer", "add", str(running["id"]), "--name", policy, code=1)

    assert "still running" in refused.err and f"cpm backup show {running['id']}" in refused.err
    suite.await_end(policy)
    cloud.cpm("freezer", "add", str(running["id"]), "--name", policy)
