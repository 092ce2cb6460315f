"""Databases, clusters, warehouses, tables and images of instances: each backed up in its own way, in one policy."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.cloud import Cloud, wait_for
from tests.e2e.conftest import EU, US, Suite, copied, made_by, of_instance, says
from tests.e2e.test_rebuild import forget
from tests.estate import KINDS, Database, Estate

OURS = {"cpm:deployment", "cpm:owner", "cpm:policy", "cpm:backup", "cpm:unit", "cpm:source"}
UNITS = {"rds": "rds-snapshot", "aurora": "aurora-snapshot", "redshift": "redshift-snapshot", "dynamodb": "dynamodb-backup"}
CREATE = {"rds": "CreateDBSnapshot", "aurora": "CreateDBClusterSnapshot", "redshift": "CreateClusterSnapshot",
          "dynamodb": "CreateBackup"}
BUSY = {"rds": "InvalidDBInstanceState", "aurora": "InvalidDBClusterStateFault", "redshift": "InvalidClusterState",
        "dynamodb": "TableInUseException"}
WITH_TAGS = ["rds", "aurora", "redshift"]


def of_each_kind(place: Estate, **tags: str) -> list[Database]:
    """A database of each kind."""
    return [place.of_kind(kind, tags) for kind in KINDS]


def unit_of(backup: dict[str, Any], source: Database | str) -> dict[str, Any]:
    """The unit of a source."""
    name = source if isinstance(source, str) else source.name
    (unit,) = [unit for unit in backup["units"] if unit["source"] == name]
    return dict(unit)


def imaged(backup: dict[str, Any], place: Estate, instance: str, volumes: list[str]) -> dict[str, Any]:
    """Assert that an instance has exactly one image of this backup in AWS, complete, of these volumes, and that the record
    names it and its snapshots; answers it."""
    unit = unit_of(backup, instance)
    mine = [image for image in place.images(instance) if image["Tags"].get("cpm:backup") == str(backup["id"])]
    assert [(image["ImageId"], image["State"]) for image in mine] == [(unit["id"], "available")], (unit, mine)
    assert (unit["kind"], unit["state"], unit["instance"], unit["error"]) == ("ami", "completed", instance, None)
    image = mine[0]
    assert set(unit["snapshots"]) == image["Snapshots"]
    found = [s for s in place.snapshots(*volumes) if s["SnapshotId"] in image["Snapshots"]]
    assert sorted(s["VolumeId"] for s in found) == sorted(volumes)
    assert {s["State"] for s in found} == {"completed"}
    assert all(set(s["Tags"]) >= OURS for s in found), "an image's snapshots are the deployment's own as well"
    return image


def refusals(cloud: Cloud, since: int, kind: str) -> list[dict[str, Any]]:
    """The calls to back one of a kind up that AWS refused because it is busy."""
    return [call for call in cloud.calls(since) if call["action"] == CREATE[kind] and call["error"] == BUSY[kind]]


def set_status(cloud: Cloud, source: Database, status: str) -> None:
    """Put a database or a table into a state until the end of the test."""
    if source.kind == "dynamodb":
        cloud.table_status(source.name, status, source.account, source.region)
    else:
        cloud.database(KINDS[source.kind], source.name, source.account, source.region, status=status)


# ---- what is made


def test_all_kinds_in_one_policy(suite: Suite, us: Estate, eu: Estate) -> None:
    here, there = of_each_kind(us, Name="here", cost="1"), of_each_kind(eu, Name="there")
    instance, volumes = us.instance({"Name": "machine"}, 2)
    policy = suite.policy(
        *(source.target for source in [*here, *there]), of_instance(instance, option="only-amis"),
    )

    backup = suite.run(policy)

    assert (backup["status"], backup["counts"], len(backup["units"])) == ("successful", True, 9)
    for place, sources in ((us, here), (eu, there)):
        for source in sources:
            copied(backup, place, source)
            unit = unit_of(backup, source)
            assert (unit["kind"], unit["instance"]) == (UNITS[source.kind], None)
    image = imaged(backup, us, instance, volumes)
    assert image["Tags"]["Name"] == "machine"
    assert suite.targets(policy) == {instance, *(source.name for source in [*here, *there])}
    assert backup == suite.show(backup["id"])


def test_names_are_legal_and_telling(suite: Suite, us: Estate) -> None:
    """Of policy, source, time and backup; whatever characters the policy's name has."""
    sources = of_each_kind(us)
    instance, volumes = us.instance()
    name = f"Wild_Name..of-{sources[0].name}"
    policy = suite.policy(*(s.target for s in sources), of_instance(instance, option="only-amis"), name=name)

    backup = suite.run(policy)

    names = {source.name: copied(backup, us, source).name for source in sources}
    table = next(source for source in sources if source.kind == "dynamodb")
    of_table = names.pop(table.name)
    names[instance] = imaged(backup, us, instance, volumes)["Name"]
    for source, made in names.items():
        words = f"cpm-wild-name-of-{sources[0].name}-{source}"
        assert re.fullmatch(rf"{re.escape(words)}-\d{{8}}t\d{{4}}z-{backup['id']}-\d+", made), made
    assert re.fullmatch(rf"cpm\.-{backup['id']}-\d+\.-root\.-Wild_Name\.\.\.\.of-{sources[0].name}\.-cpm", of_table)


@pytest.mark.parametrize("kind", WITH_TAGS)
def test_tags_of_the_source_and_ours_are_on_what_is_made(suite: Suite, us: Estate, kind: str) -> None:
    source = us.of_kind(kind, {"Name": "orders", "cost center": "42", "owner": "ops@example.com"})
    policy = suite.policy(source.target)

    backup = suite.run(policy)

    tags = copied(backup, us, source).tags
    assert tags.items() >= {"Name": "orders", "cost center": "42", "owner": "ops@example.com"}.items()
    assert set(tags) >= OURS
    assert (tags["cpm:deployment"], tags["cpm:policy"], tags["cpm:source"]) == ("cpm", policy, source.name)


@pytest.mark.parametrize("kind", WITH_TAGS)
def test_a_source_with_fifty_tags_is_backed_up(suite: Suite, us: Estate, kind: str) -> None:
    """AWS allows 50 tags: ours win."""
    source = us.of_kind(kind, {f"k{n:02}": "v" for n in range(50)})
    policy = suite.policy(source.target)

    backup = suite.run(policy)

    tags = copied(backup, us, source).tags
    assert set(tags) >= OURS and len(tags) == 50


def test_an_image_reboots_only_when_it_is_said_so(cloud: Cloud, suite: Suite, us: Estate) -> None:
    (runs, of_runs), (reboots, of_reboots) = us.instance(volumes=1), us.instance(volumes=2)
    policy = suite.policy(
        of_instance(runs, option="only-amis"),
        of_instance(reboots, option="only-amis-reboot", volumes={"exclude": [of_reboots[1]]}),
    )

    backup = suite.run(policy)

    imaged(backup, us, runs, of_runs)
    imaged(backup, us, reboots, of_reboots[:1])
    assert not cloud.reboots(runs)
    assert [entry["by"] for entry in cloud.reboots(reboots)] == ["CreateImage"]
    assert not us.snapshots(of_reboots[1]), "what is left out is left out of the image"


# ---- what holds it up, and what goes wrong


@pytest.mark.parametrize("kind", KINDS)
def test_a_busy_one_is_waited_for(cloud: Cloud, suite: Suite, us: Estate, kind: str) -> None:
    busy, idle = us.of_kind(kind), us.of_kind(kind)
    policy = suite.policy(busy.target, idle.target)
    set_status(cloud, busy, "CREATING" if kind == "dynamodb" else "modifying")
    since = cloud.call_count()

    suite.start(policy)
    wait_for("AWS to be asked twice", lambda: len(refusals(cloud, since, kind)) >= 2)
    set_status(cloud, busy, "ACTIVE" if kind == "dynamodb" else "available")
    backup = suite.await_end(policy)

    assert backup["status"] == "successful"
    copied(backup, us, busy)
    copied(backup, us, idle)


def test_a_member_of_a_cluster_is_backed_up_with_its_cluster(suite: Suite, us: Estate) -> None:
    cluster = us.cluster()
    member, alone = us.database(cluster=cluster), us.database()
    policy = suite.policy(member.target, alone.target)

    backup = suite.run(policy, code=1)

    assert backup["status"] == "partially-successful"
    assert [unit["source"] for unit in backup["units"]] == [alone.name]
    assert says(backup, member.name) and says(backup, f"`aurora: {cluster.name}`"), "it says what to write"
    assert not us.copies(cluster)


@pytest.mark.parametrize("kind", WITH_TAGS)
def test_one_that_vanishes_costs_no_other(cloud: Cloud, suite: Suite, us: Estate, kind: str) -> None:
    """Its snapshot, half made, fails."""
    others = [source for source in of_each_kind(us) if source.kind != kind]
    vanishes = us.of_kind(kind)
    policy = suite.policy(vanishes.target, *(source.target for source in others))
    cloud.behave(database_snapshot_seconds=4)

    suite.start(policy)
    wait_for("its snapshot to begin", lambda: us.copies(vanishes))
    cloud.database(KINDS[kind], vanishes.name, vanish=True)
    backup = suite.await_end(policy)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    failed = unit_of(backup, vanishes)
    assert failed["state"] == "failed" and failed["error"]
    for source in others:
        copied(backup, us, source)


def test_one_that_was_gone_before_is_removed_when_the_policy_says_so(
    cloud: Cloud, suite: Suite, us: Estate
) -> None:
    stays, goes = us.database(), [us.of_kind(kind) for kind in KINDS]
    policy = suite.policy(stays.target, *(source.target for source in goes), auto_target_removal="yes-and-alert")
    for source in goes:
        if source.kind == "dynamodb":
            us.dynamodb.delete_table(TableName=source.name)
        else:
            cloud.database(KINDS[source.kind], source.name, vanish=True)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    assert suite.targets(policy) == {stays.name}
    assert all(says(backup, source.name) for source in goes)
    copied(backup, us, stays)


def test_a_quota_that_is_reached_costs_only_what_is_over_it(cloud: Cloud, suite: Suite, us: Estate) -> None:
    databases = [us.database(), us.database()]
    others = [us.cluster(), us.warehouse(), us.table()]
    policy = suite.policy(*(source.target for source in [*databases, *others]))
    # Those of clusters count apart, against the same number: it must hold up databases only. Of four 80 % are used.
    clusters = len(us.rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"])
    used = len(us.rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"])
    for _ in range(max(clusters, 4) - used):
        filler = us.database()
        us.copy_by_hand(filler, f"of-{filler.name}")
    cloud.behave(database_snapshot_quota=max(clusters, used, 4) + 1)

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    units = [unit_of(backup, source) for source in databases]
    (failed,) = [unit for unit in units if unit["state"] == "failed"]
    assert "SnapshotQuotaExceeded" in failed["error"] and "Service Quotas" in failed["error"]
    for source in [*databases, *others]:
        if source.name != failed["source"]:
            copied(backup, us, source)
    assert says(backup, "Service Quotas"), "it is said before it bites, too"


def test_an_image_that_fails_costs_no_other(cloud: Cloud, suite: Suite, us: Estate) -> None:
    (bad, _), (good, volumes) = us.instance(), us.instance()
    database = us.database()
    policy = suite.policy(
        of_instance(bad, option="only-amis"), of_instance(good, option="only-amis"), database.target,
    )
    cloud.fault("ec2:CreateImage", "image_error", resource=bad, cause="the volume could not be read")

    backup = suite.run(policy, code=1)

    assert (backup["status"], backup["counts"]) == ("partially-successful", False)
    failed = unit_of(backup, bad)
    assert (failed["kind"], failed["state"]) == ("ami", "failed")
    assert "the volume could not be read" in failed["error"], "in AWS's words"
    imaged(backup, us, good, volumes)
    copied(backup, us, database)


@pytest.mark.parametrize("kind", WITH_TAGS)
def test_a_snapshot_that_fails_is_retried(cloud: Cloud, suite: Suite, us: Estate, kind: str) -> None:
    """RDS and Redshift send no event of it: a poll finds it."""
    source = us.of_kind(kind)
    policy = suite.policy(source.target, retry={"count": 1, "wait": "10s"})
    service = "redshift" if kind == "redshift" else "rds"
    cloud.fault(f"{service}:{CREATE[kind]}", "snapshot_error", times=1)

    suite.start(policy)
    retry = suite.await_backup(policy, status="successful", trigger="retry")

    first = suite.show(suite.backups(policy)[1]["id"])
    assert (first["status"], unit_of(first, source)["state"]) == ("failed", "failed")
    copied(retry, us, source)


@pytest.mark.parametrize(
    ("kind", "action"),
    [("rds", "rds:CreateDBSnapshot"), ("aurora", "rds:CreateDBClusterSnapshot"), ("redshift", "redshift:CreateClusterSnapshot")],
)
def test_denied_names_the_action_and_the_role(
    cloud: Cloud, suite: Suite, us: Estate, kind: str, action: str
) -> None:
    denied, other = us.of_kind(kind), us.of_kind("rds" if kind == "redshift" else "redshift")
    policy = suite.policy(denied.target, other.target)
    cloud.fault(action, "deny")

    backup = suite.run(policy, code=1)

    error = unit_of(backup, denied)["error"]
    assert action in error and "the role of the function backup" in error
    copied(backup, us, other)
    assert not us.copies(denied)


@pytest.mark.parametrize("kind", WITH_TAGS)
def test_a_lost_answer_makes_nothing_twice(cloud: Cloud, suite: Suite, us: Estate, kind: str) -> None:
    source = us.of_kind(kind)
    policy = suite.policy(source.target)
    service = "redshift" if kind == "redshift" else "rds"
    cloud.fault(f"{service}:{CREATE[kind]}", "drop", when="after", times=1)

    backup = suite.run(policy)

    assert backup["status"] == "successful"
    copied(backup, us, source)
    assert len(us.copies(source)) == 1


def test_a_lost_answer_makes_no_second_image(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance()
    policy = suite.policy(of_instance(instance, option="only-amis"))
    cloud.fault("ec2:CreateImage", "drop", when="after", times=1)

    backup = suite.run(policy)

    imaged(backup, us, instance, volumes)
    assert len(us.images(instance)) == 1


# ---- what is no longer kept, and what was lost


def test_generations_of_every_kind_go_and_strangers_stay(suite: Suite, us: Estate, eu: Estate) -> None:
    sources = [*of_each_kind(us), eu.database(), eu.table()]
    places = {source: us if source.region == US else eu for source in sources}
    instance, volumes = us.instance(volumes=2)
    strangers = {
        source: place.copy_by_hand(source, f"by-hand-{number}", {"cpm:deployment": "another"})
        for number, (source, place) in enumerate(places.items())
    }
    theirs = us.ec2.create_image(InstanceId=instance, Name=f"by-hand-{instance}", NoReboot=True)["ImageId"]
    wait_for("them to be complete", lambda: us.images(instance)[0]["State"] == "available" and all(
        copy.state == "available" for source, place in places.items() for copy in place.copies(source)
    ))
    of_theirs = us.images(instance)[0]["Snapshots"]
    policy = suite.policy(
        *(source.target for source in sources), of_instance(instance, option="only-amis"), generations=1,
    )

    first, second = suite.run(policy), suite.run(policy)
    suite.clean_up(policy)

    wait_for("the record to go", lambda: [backup["id"] for backup in suite.backups(policy)] == [second["id"]])
    for source, place in places.items():
        kept = copied(second, place, source)
        assert {copy.id for copy in place.copies(source)} == {kept.id, strangers[source]}
    image = imaged(second, us, instance, volumes)
    assert {it["ImageId"] for it in us.images(instance)} == {image["ImageId"], theirs}
    assert us.snapshot_ids(*volumes) == image["Snapshots"] | of_theirs, "an image's own snapshots go with it"
    assert not {unit["id"] for unit in first["units"]} & {unit["id"] for unit in second["units"]}
    assert not suite.alerts(policy)


@pytest.mark.parametrize("kind", WITH_TAGS)
def test_the_cleaner_may_delete_only_what_the_deployment_made(suite: Suite, us: Estate, kind: str) -> None:
    """A record that names somebody else's snapshot does no harm: AWS refuses by the tag."""
    source = us.of_kind(kind)
    policy = suite.policy(source.target, generations=1)
    first = suite.run(policy)
    made = Database(kind, first["units"][0]["id"], source.region, source.account)
    arn = {
        "rds": f":rds:{US}:{us.account}:snapshot:{made.name}",
        "aurora": f":rds:{US}:{us.account}:cluster-snapshot:{made.name}",
        "redshift": f":redshift:{US}:{us.account}:snapshot:{source.name}/{made.name}",
    }[kind]
    if kind == "redshift":
        us.redshift.delete_tags(ResourceName=f"arn:aws{arn}", TagKeys=["cpm:deployment"])
    else:
        us.rds.remove_tags_from_resource(ResourceName=f"arn:aws{arn}", TagKeys=["cpm:deployment"])

    suite.run(policy)
    suite.clean_up(policy)

    assert made.name in {copy.id for copy in us.copies(source)}
    alert = wait_for("the alert", lambda: [a for a in suite.alerts(policy) if a["category"] == "cleanup"] or None)[0]
    assert made.name in alert["message"]


def test_an_image_that_is_locked_stays_on_record(cloud: Cloud, suite: Suite, us: Estate) -> None:
    """Its snapshots are not touched while it is there, and the others go on."""
    instance, volumes = us.instance()
    database = us.database()
    policy = suite.policy(of_instance(instance, option="only-amis"), database.target, generations=1)
    first = suite.run(policy)
    image = imaged(first, us, instance, volumes)
    message = f"Image {image['ImageId']} is protected from deregistration"
    cloud.fault("ec2:DeregisterImage", "error", code="OperationNotPermitted", message=message, status=400)

    second = suite.run(policy)
    suite.clean_up(policy)

    assert image["ImageId"] in {it["ImageId"] for it in us.images(instance)}
    assert image["Snapshots"] <= us.snapshot_ids(*volumes)
    unit = unit_of(suite.show(first["id"]), instance)
    assert unit["state"] == "completed" and message in unit["error"]
    assert [copy.id for copy in us.copies(database)] == [unit_of(second, database)["id"]]

    cloud.heal()
    suite.clean_up(policy)
    assert us.snapshot_ids(*volumes) == set(unit_of(second, instance)["snapshots"])
    wait_for("the alert to go", lambda: not suite.alerts(policy))


def test_lost_records_of_every_kind_come_back(cloud: Cloud, suite: Suite, us: Estate, eu: Estate) -> None:
    sources = [*of_each_kind(us), eu.cluster(), eu.table()]
    places = {source: us if source.region == US else eu for source in sources}
    instance, volumes = us.instance(volumes=2)
    policy = suite.policy(
        *(source.target for source in sources), of_instance(instance, option="only-amis"), generations=2,
    )
    lost, kept = suite.run(policy), suite.run(policy)
    forget(cloud, lost)
    assert [backup["id"] for backup in suite.backups(policy)] == [kept["id"]]

    cloud.cpm("rebuild", "--yes", "--json")

    back = suite.show(lost["id"])
    assert (back["policy"], back["account"]) == (policy, "main")
    told = ("kind", "region", "source", "instance", "id", "state")

    def known(backup: dict[str, Any]) -> set[tuple[str, ...]]:
        return {tuple(unit[name] for name in told) for unit in backup["units"]}

    assert known(back) == known(lost)
    assert set(unit_of(back, instance)["snapshots"]) == set(unit_of(lost, instance)["snapshots"])
    for source, place in places.items():
        copied(back, place, source)
    imaged(back, us, instance, volumes)

    suite.run(policy)
    suite.run(policy)
    suite.clean_up(policy)
    for source, place in places.items():
        assert not [copy for copy in place.copies(source) if made_by(copy, back)], "what came back is retained like the rest"
    assert not [it for it in us.images(instance) if it["Tags"].get("cpm:backup") == str(back["id"])]


def test_two_tables_of_one_name_are_told_apart(suite: Suite, us: Estate, eu: Estate) -> None:
    """A name is a Region's own."""
    here = us.table()
    eu.dynamodb.create_table(
        TableName=here.name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    there = Database("dynamodb", here.name, EU, eu.account)
    policy = suite.policy(here.target, there.target)

    backup = suite.run(policy)

    made = {unit["region"]: unit["id"] for unit in backup["units"]}
    assert made == {US: us.copies(here)[0].id, EU: eu.copies(there)[0].id}
