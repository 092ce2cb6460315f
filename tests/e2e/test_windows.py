"""Windows instances: shadow copies around the snapshots, and one image that is kept beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cloud import REPOSITORY, Cloud, wait_for
from tests.e2e.conftest import US, Suite, of_instance, once_each, says
from tests.e2e.test_scripts import ran, runs, scripts
from tests.estate import WINDOWS, Estate

RECORDED: dict[str, Any] = json.loads((REPOSITORY / "tests" / "recorded" / "vss" / "conversation.json").read_text())
DOCUMENT = "cpm-vss"
WRITER = "{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}"


def play(cloud: Cloud, instance: str, directory: Path, begin: str, end: str = "end", when: str = "$Phase = 'begin'") -> None:
    """Have the agent of a Windows instance play what was recorded, for the beginning and the end of shadow copies."""
    directory.mkdir(parents=True, exist_ok=True)
    conversation = [{"when": when, **RECORDED[begin]}, {"when": "$Phase = 'end'", **RECORDED[end]}]
    (directory / f"{DOCUMENT}.json").write_text(json.dumps(conversation))
    cloud.agent(instance, platform="Windows", plays=str(directory))


def snapshotted(instance: str, **more: Any) -> dict[str, Any]:
    """A Windows instance as a target, without an image."""
    return of_instance(instance, option="only-snaps", **more)


# ---- VSS


def test_shadow_copies_are_made_before_and_ended_at_completion(
    cloud: Cloud, suite: Suite, us: Estate, tmp_path: Path
) -> None:
    instance, volumes = us.instance(volumes=2, image=WINDOWS)
    plain, more = us.instance(image=WINDOWS)
    settings = {"volumes": ["d:", "e:"], "verify_writers": [WRITER]}
    policy = suite.policy(snapshotted(instance, app_aware=settings), snapshotted(plain))
    # Played only for what the document is to be told.
    play(cloud, instance, tmp_path, "begin", when=f"$VerifyWriters = '{WRITER}'")
    since = cloud.call_count()

    backup = suite.run(policy)

    assert (backup["status"], backup["counts"]) == ("successful", True), backup["log"]
    assert [(run["phase"], run["kind"], run["target"], run["state"]) for run in backup["scripts"]] == [
        ("before", "vss", instance, "succeeded"), ("complete", "vss", instance, "succeeded"),
    ]
    begun, ended = (run["output"] for run in backup["scripts"])
    assert "Microsoft DiskShadow" in begun and "VSS_SHADOW_SET" in begun, "the log of diskshadow is kept, unasked"
    assert "-> end backup" in ended
    assert "Microsoft DiskShadow" in cloud.cpm("backup", "show", str(backup["id"])).out
    assert backup["frozen_ms"] is None, "VSS thaws by itself"
    sent = [command for command in cloud.client("ssm", US).list_commands()["Commands"] if command["DocumentName"] == DOCUMENT]
    mine = [command["Parameters"] for command in sent if instance in command["InstanceIds"]]
    name = f"cpm-{backup['id']}"
    assert sorted(mine, key=lambda given: str(given["Phase"])) == [
        {"Phase": ["begin"], "Backup": [name], "Volumes": ["d:,e:"], "ExcludeWriters": [""], "VerifyWriters": [WRITER]},
        {"Phase": ["end"], "Backup": [name], "Success": ["1"]},
    ]
    order = [call["action"] for call in cloud.calls(since) if call["action"] in ("SendCommand", "CreateSnapshots")]
    assert order == ["SendCommand", "CreateSnapshots", "CreateSnapshots", "SendCommand"]
    once_each(backup, us, [*volumes, *more])


def test_a_writer_that_fails_makes_the_backup_partially_successful(
    cloud: Cloud, suite: Suite, us: Estate, tmp_path: Path
) -> None:
    instance, volumes = us.instance(volumes=2, image=WINDOWS)
    policy = suite.policy(snapshotted(instance, app_aware=True))
    play(cloud, instance, tmp_path, "begin-writer-failed", "end-never-begun")

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    (begun,) = runs(backup, "before")
    assert (begun["kind"], begun["state"], begun["exit_code"]) == ("vss", "failed", 5)
    assert "VSS_E_WRITERERROR_NONRETRYABLE" in begun["output"] and "these writers failed" in begun["output"]
    once_each(backup, us, volumes)
    sent = cloud.client("ssm", US).list_commands()["Commands"]
    (ended,) = [it["Parameters"] for it in sent if instance in it["InstanceIds"] and it["Parameters"]["Phase"] == ["end"]]
    assert ended["Success"] == ["0"], "logs are not truncated"


def test_snapshots_alone_count_without_vss(cloud: Cloud, suite: Suite, us: Estate, tmp_path: Path) -> None:
    instance, volumes = us.instance(image=WINDOWS)
    policy = suite.policy(snapshotted(instance, app_aware=True), success="snapshots")
    play(cloud, instance, tmp_path, "begin-no-diskshadow", "end-never-begun")

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", True)
    once_each(backup, us, volumes)


def test_scripts_and_vss_run_in_one_backup(cloud: Cloud, suite: Suite, us: Estate, tmp_path: Path) -> None:
    """A database on Linux, thawed by script, and a Windows instance beside it."""
    windows, some = us.instance(image=WINDOWS)
    linux, more = us.instance()
    where = {"instance": linux, "region": US}
    own = {phase: {"ssm": {**where, "shell": "echo $CPM_PHASE:$* >>ran"}} for phase in ("before", "after", "complete")}
    policy = suite.policy(snapshotted(windows, app_aware=True), of_instance(linux), scripts=scripts(**own))
    play(cloud, windows, tmp_path, "begin")

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    assert {(run["phase"], run["kind"]) for run in backup["scripts"]} == {
        ("before", "script"), ("before", "vss"), ("after", "script"), ("complete", "script"), ("complete", "vss"),
    }
    assert ran(cloud, linux) == ["before:", "after:1", "complete:1"]
    once_each(backup, us, [*some, *more])


def test_app_aware_on_linux_is_told_and_does_no_harm(suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance()
    policy = suite.policy(of_instance(instance, app_aware=True))

    backup = suite.run(policy)

    assert backup["status"] == "successful" and backup["scripts"] == []
    assert says(backup, "app-aware is for Windows")
    once_each(backup, us, volumes)


# ---- initial images


def test_the_first_backup_makes_one_image_of_the_root(suite: Suite, us: Estate) -> None:
    """And the second none; it outlives the backup that made it, and goes when no policy wants it any more."""
    instance, volumes = us.instance(volumes=3, image=WINDOWS)
    policy = suite.policy(of_instance(instance), generations=1)

    first = suite.run(policy)

    (unit,) = [unit for unit in first["units"] if unit.get("initial")]
    (image,) = us.images(instance)
    assert (unit["kind"], unit["state"], unit["id"]) == ("ami", "completed", image["ImageId"])
    of_image = [s for s in us.snapshots(*volumes) if s["SnapshotId"] in image["Snapshots"]]
    assert [s["VolumeId"] for s in of_image] == volumes[:1], "of the root device only"
    assert (first["status"], first["counts"], len(first["units"])) == ("successful", True, 4)

    second = suite.run(policy)

    assert not [unit for unit in second["units"] if unit.get("initial")]
    assert len(second["units"]) == 3
    suite.clean_up(policy)
    wait_for("the first to go", lambda: [backup["id"] for backup in suite.backups(policy)] == [second["id"]])
    assert [it["ImageId"] for it in us.images(instance)] == [image["ImageId"]], "it is the instance's, not the backup's"
    assert image["Snapshots"] <= us.snapshot_ids(*volumes)


def test_only_snaps_makes_no_image(suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(image=WINDOWS)
    policy = suite.policy(snapshotted(instance))

    backup = suite.run(policy)

    assert not us.images(instance)
    once_each(backup, us, volumes)


def test_an_initial_image_that_is_old_is_made_anew(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, _ = us.instance(volumes=2, image=WINDOWS)
    policy = suite.policy(of_instance(instance))
    suite.run(policy)
    (old,) = us.images(instance)
    grow_old(cloud, instance, "2020-01-01T00:00:00Z")

    suite.run(policy)
    suite.clean_up(policy)

    wait_for("the old one to go", lambda: len(us.images(instance)) == 1)
    assert us.images(instance)[0]["ImageId"] != old["ImageId"]


def grow_old(cloud: Cloud, instance: str, made: str) -> None:
    """Have the initial image of an instance be made at another time, on record."""
    table, name = cloud.client("dynamodb"), cloud.outputs["TableName"]
    items = table.query(
        TableName=name, KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "OWNER#root#IMAGES"}},
    )["Items"]
    (item,) = [item for item in items if item["sk"]["S"].endswith(f"#{instance}")]
    item["current"]["M"]["made"] = {"S": made}
    table.put_item(TableName=name, Item=item)
