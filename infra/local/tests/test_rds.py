"""RDS and Aurora: the life of snapshots, states, quotas, pages, events."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, MEMBER, Cloud, Inbox, wait_for
from databases import cluster, cluster_snapshot_of, instance, instance_status, name, pairs, snapshot_of

SNAPSHOTS = {"source": ["aws.rds"], "detail-type": ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"]}


@pytest.fixture
def rds(cloud: Cloud) -> Any:
    """RDS of the home account, with quick snapshots."""
    cloud.control("POST", "config", {"database_snapshot_seconds": 0.3})
    return cloud.client("rds")


def refused(call: Any, code: str, words: str = "") -> None:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == code
    assert words in error.value.response["Error"]["Message"]


def test_a_snapshot_is_creating_then_available(rds: Any) -> None:
    source, snapshot = instance(rds, own="1"), name("s")
    made = rds.create_db_snapshot(
        DBInstanceIdentifier=source, DBSnapshotIdentifier=snapshot, Tags=pairs({"cpm backup": "daily"}),
    )["DBSnapshot"]
    assert made["Status"] == "creating" and made["PercentProgress"] < 100
    assert made["DBSnapshotArn"] == f"arn:aws:rds:us-east-1:{HOME}:snapshot:{snapshot}"
    assert made["TagList"] == pairs({"cpm backup": "daily"}) and "SnapshotCreateTime" not in made
    assert instance_status(rds, source) == "backing-up"
    refused(lambda: rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=name("s")),
            "InvalidDBInstanceState",
            f"Cannot create a snapshot because the database instance {source} is not currently in the available state.")
    refused(lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot), "InvalidDBSnapshotState")
    wait_for(lambda: snapshot_of(rds, snapshot)["Status"] == "available")
    done = snapshot_of(rds, snapshot)
    assert done["PercentProgress"] == 100 and done["SnapshotCreateTime"] and done["SnapshotType"] == "manual"
    assert instance_status(rds, source) == "available"
    refused(lambda: rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=snapshot.upper()),
            "DBSnapshotAlreadyExists")
    assert rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot)["DBSnapshot"]["Status"] == "deleted"
    refused(lambda: snapshot_of(rds, snapshot), "DBSnapshotNotFound")


def test_a_snapshot_of_a_cluster(rds: Any) -> None:
    source, snapshot = cluster(rds), name("s")
    member = instance(rds, source)
    refused(lambda: rds.create_db_snapshot(DBInstanceIdentifier=member, DBSnapshotIdentifier=name("s")),
            "InvalidParameterValue", "The specified instance is a member of a cluster")
    made = rds.create_db_cluster_snapshot(
        DBClusterIdentifier=source, DBClusterSnapshotIdentifier=snapshot, Tags=pairs({"a": "b"}),
    )["DBClusterSnapshot"]
    assert made["Status"] == "creating" and made["PercentProgress"] < 100 and made["TagList"] == pairs({"a": "b"})
    assert made["DBClusterSnapshotArn"] == f"arn:aws:rds:us-east-1:{HOME}:cluster-snapshot:{snapshot}"
    assert rds.describe_db_clusters(DBClusterIdentifier=source)["DBClusters"][0]["Status"] == "backing-up"
    refused(lambda: rds.create_db_cluster_snapshot(DBClusterIdentifier=source, DBClusterSnapshotIdentifier=name("s")),
            "InvalidDBClusterStateFault")
    refused(lambda: rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=snapshot),
            "InvalidDBClusterSnapshotStateFault")
    wait_for(lambda: cluster_snapshot_of(rds, snapshot)["Status"] == "available")
    assert rds.describe_db_clusters(DBClusterIdentifier=source)["DBClusters"][0]["Status"] == "available"
    refused(lambda: rds.create_db_cluster_snapshot(DBClusterIdentifier=source, DBClusterSnapshotIdentifier=snapshot),
            "DBClusterSnapshotAlreadyExistsFault")
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=snapshot)


@pytest.mark.parametrize("wrong", ["1abc", "abc-", "a--b", "a_b", "a" * 256, "rds:a", "ä"])
def test_names_that_aws_refuses(rds: Any, wrong: str) -> None:
    source, group = instance(rds), cluster(rds)
    refused(lambda: rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=wrong), "InvalidParameterValue")
    refused(lambda: rds.create_db_cluster_snapshot(DBClusterIdentifier=group, DBClusterSnapshotIdentifier=wrong),
            "InvalidParameterValue")


def test_names_that_aws_takes(rds: Any) -> None:
    for right in ("a" * 255, "a", "A-1-b"):
        rds.create_db_snapshot(DBInstanceIdentifier=instance(rds), DBSnapshotIdentifier=right)
        wait_for(lambda it=right: snapshot_of(rds, it)["Status"] == "available")
        rds.delete_db_snapshot(DBSnapshotIdentifier=right)


@pytest.mark.parametrize("status", ["modifying", "stopped", "storage-full", "deleting", "backing-up"])
def test_only_an_available_instance(cloud: Cloud, rds: Any, status: str) -> None:
    source, group = instance(rds), cluster(rds)
    cloud.control("POST", "databases", {"kind": "instance", "identifier": source, "status": status})
    cloud.control("POST", "databases", {"kind": "cluster", "identifier": group, "status": status})
    assert instance_status(rds, source) == status
    refused(lambda: rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=name("s")),
            "InvalidDBInstanceState")
    refused(lambda: rds.create_db_cluster_snapshot(DBClusterIdentifier=group, DBClusterSnapshotIdentifier=name("s")),
            "InvalidDBClusterStateFault")


def test_storage_optimization_is_no_hindrance_and_comes_back(cloud: Cloud, rds: Any) -> None:
    source, snapshot = instance(rds), name("s")
    cloud.control("POST", "databases", {"kind": "instance", "identifier": source, "status": "storage-optimization"})
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=snapshot)
    wait_for(lambda: snapshot_of(rds, snapshot)["Status"] == "available")
    assert instance_status(rds, source) == "storage-optimization"


def test_a_state_for_some_seconds(cloud: Cloud, rds: Any) -> None:
    source, leaving = instance(rds), instance(rds)
    for identifier, status in ((source, "modifying"), (leaving, "deleting")):
        cloud.control("POST", "databases",
                      {"kind": "instance", "identifier": identifier, "status": status, "seconds": 0.3})
        assert instance_status(rds, identifier) == status
    wait_for(lambda: instance_status(rds, source) == "available")
    wait_for(lambda: leaving not in {it["identifier"] for it in cloud.control("GET", "databases")})
    refused(lambda: instance_status(rds, leaving), "DBInstanceNotFound")
    listed = cloud.control("GET", "databases")
    assert {"kind": "instance", "account": HOME, "region": "us-east-1", "identifier": source,
            "status": "available"} in listed


def test_what_vanishes_fails_its_snapshot(cloud: Cloud, rds: Any) -> None:
    inbox = Inbox(cloud, SNAPSHOTS)
    source, group, one, two = instance(rds), cluster(rds), name("s"), name("s")
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=one)
    rds.create_db_cluster_snapshot(DBClusterIdentifier=group, DBClusterSnapshotIdentifier=two)
    cloud.control("POST", "databases", {"kind": "instance", "identifier": source, "vanish": True})
    cloud.control("POST", "databases", {"kind": "cluster", "identifier": group, "vanish": True})
    refused(lambda: instance_status(rds, source), "DBInstanceNotFound")
    wait_for(lambda: snapshot_of(rds, one)["Status"] == "failed")
    wait_for(lambda: cluster_snapshot_of(rds, two)["Status"] == "failed")
    assert all("created" not in event["detail"]["Message"] for event in inbox.about(one) + inbox.about(two))
    rds.delete_db_snapshot(DBSnapshotIdentifier=one)


def test_a_fault_fails_the_snapshot(cloud: Cloud, rds: Any) -> None:
    cloud.control("POST", "faults", [{"action": "rds:CreateDBSnapshot", "effect": "snapshot_error", "times": 1},
                                     {"action": "rds:CreateDBClusterSnapshot", "effect": "snapshot_error", "times": 1}])
    source, one, two = instance(rds), name("s"), name("s")
    made = rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=one)["DBSnapshot"]
    assert made["Status"] == "creating"
    rds.create_db_cluster_snapshot(DBClusterIdentifier=cluster(rds), DBClusterSnapshotIdentifier=two)
    wait_for(lambda: snapshot_of(rds, one)["Status"] == "failed")
    wait_for(lambda: cluster_snapshot_of(rds, two)["Status"] == "failed")
    assert instance_status(rds, source) == "available"


def test_quota_of_manual_snapshots(cloud: Cloud) -> None:
    rds = cloud.client("rds", account="333344445555")
    cloud.control("POST", "config", {"database_snapshot_quota": 2, "database_snapshot_seconds": 0})
    for _ in range(2):
        rds.create_db_snapshot(DBInstanceIdentifier=instance(rds), DBSnapshotIdentifier=name("s"))
    rds.create_db_cluster_snapshot(DBClusterIdentifier=cluster(rds), DBClusterSnapshotIdentifier=name("s"))
    source = instance(rds)
    refused(lambda: rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=name("s")),
            "SnapshotQuotaExceeded", "Cannot create more than 2 manual snapshots")
    quotas = {quota["AccountQuotaName"]: quota for quota in rds.describe_account_attributes()["AccountQuotas"]}
    assert (quotas["ManualSnapshots"]["Used"], quotas["ManualSnapshots"]["Max"]) == (2, 2)
    assert (quotas["ManualClusterSnapshots"]["Used"], quotas["ManualClusterSnapshots"]["Max"]) == (1, 2)


def test_pages_types_and_places_apart(cloud: Cloud) -> None:
    rds = cloud.client("rds", account="444455556666")
    cloud.control("POST", "config", {"database_snapshot_seconds": 0})
    sources = [instance(rds, n=str(number)) for number in range(21)]
    manual = [name("s") for _ in sources]
    for source, snapshot in zip(sources, manual, strict=True):
        rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=snapshot)
    first = rds.describe_db_instances(MaxRecords=20)
    rest = rds.describe_db_instances(MaxRecords=20, Marker=first["Marker"])
    found = first["DBInstances"] + rest["DBInstances"]
    assert len(first["DBInstances"]) == 20 and "Marker" not in rest
    assert sorted(it["DBInstanceIdentifier"] for it in found) == sorted(sources)
    assert {tag["Value"] for it in found for tag in it["TagList"]} == {str(number) for number in range(21)}
    pages = list(rds.get_paginator("describe_db_snapshots").paginate(
        SnapshotType="manual", PaginationConfig={"PageSize": 20}))
    assert [len(page["DBSnapshots"]) for page in pages] == [20, 1]
    automated = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"]
    assert len(automated) == 21 and all(it["SnapshotType"] == "automated" for it in automated)
    for method in ("describe_db_instances", "describe_db_clusters", "describe_db_snapshots",
                   "describe_db_cluster_snapshots"):
        for limit in (19, 101):
            refused(lambda it=getattr(rds, method), n=limit: it(MaxRecords=n), "InvalidParameterValue", "between 20 and 100")
        refused(lambda it=getattr(rds, method): it(Marker="nonsense"), "InvalidParameterValue")
    for elsewhere in (cloud.client("rds", "444455556666", "eu-west-1"), cloud.client("rds", "555566667777")):
        assert elsewhere.describe_db_instances()["DBInstances"] == []
        assert elsewhere.describe_db_snapshots()["DBSnapshots"] == []
    refused(lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=automated[0]["DBSnapshotIdentifier"]),
            "InvalidDBSnapshotState")


def test_tags_that_rds_refuses(rds: Any) -> None:
    source = instance(rds)
    for tags in ({"aws:x": ""}, {"a": "daily,weekly"}, {"a": "x" * 257}, {f"k{n}": "" for n in range(51)}):
        refused(lambda it=tags: rds.create_db_snapshot(
            DBInstanceIdentifier=source, DBSnapshotIdentifier=name("s"), Tags=pairs(it)), "InvalidParameterValue")


@pytest.mark.parametrize(("account", "region"), [(HOME, "us-east-1"), (HOME, "eu-west-1"), (MEMBER, "us-east-1")])
def test_events(cloud: Cloud, account: str, region: str) -> None:
    inbox = Inbox(cloud, SNAPSHOTS)
    cloud.control("POST", "config", {"database_snapshot_seconds": 0.1})
    rds = cloud.client("rds", account, region)
    one, two = name("s"), name("s")
    rds.create_db_snapshot(DBInstanceIdentifier=instance(rds), DBSnapshotIdentifier=one)
    rds.create_db_cluster_snapshot(DBClusterIdentifier=cluster(rds), DBClusterSnapshotIdentifier=two)
    for snapshot, kind, source, infix, ids in (
        (one, "RDS DB Snapshot Event", "SNAPSHOT", "snapshot", ["RDS-EVENT-0040", "RDS-EVENT-0042"]),
        (two, "RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT", "cluster-snapshot", ["RDS-EVENT-0074", "RDS-EVENT-0075"]),
    ):
        wait_for(lambda it=snapshot: len(inbox.about(it)) == 2)
        found = inbox.about(snapshot)
        assert [event["detail"]["EventID"] for event in found] == ids
        event, arn = found[1], f"arn:aws:rds:{region}:{account}:{infix}:{snapshot}"
        assert (event["detail-type"], event["account"], event["region"]) == (kind, account, region)
        assert event["resources"] == [arn] and event["detail"]["SourceArn"] == arn
        assert (event["detail"]["SourceType"], event["detail"]["SourceIdentifier"]) == (source, snapshot)
        assert event["detail"]["Message"].startswith("Manual") and event["detail"]["EventCategories"]
    rds.delete_db_snapshot(DBSnapshotIdentifier=one)
    wait_for(lambda: [it for it in inbox.about(one) if it["detail"]["EventID"] == "RDS-EVENT-0041"])


def test_lost_and_doubled_events(cloud: Cloud, rds: Any) -> None:
    inbox = Inbox(cloud, {**SNAPSHOTS, "detail": {"EventID": ["RDS-EVENT-0042"]}})
    lost, twice = name("s"), name("s")
    cloud.control("POST", "config", {"events": "drop"})
    rds.create_db_snapshot(DBInstanceIdentifier=instance(rds), DBSnapshotIdentifier=lost)
    wait_for(lambda: snapshot_of(rds, lost)["Status"] == "available")
    cloud.control("POST", "config", {"events": "twice"})
    rds.create_db_snapshot(DBInstanceIdentifier=instance(rds), DBSnapshotIdentifier=twice)
    wait_for(lambda: len(inbox.about(twice)) == 2)
    assert inbox.about(lost) == []


def test_faults_and_calls(cloud: Cloud, rds: Any) -> None:
    cloud.control("POST", "faults", [{"action": "rds:DescribeDBInstances", "effect": "throttle", "times": 1},
                                     {"action": "rds:DescribeDBClusters", "effect": "deny", "times": 1}])
    refused(rds.describe_db_instances, "Throttling")
    refused(rds.describe_db_clusters, "AccessDenied", "rds:DescribeDBClusters on resource: arn:aws:rds:us-east-1:")
    said = [(call["service"], call["action"], call["error"]) for call in cloud.calls()]
    assert ("rds", "DescribeDBInstances", "Throttling") in said
    assert ("rds", "DescribeDBClusters", "AccessDenied") in said
