"""Redshift: the life of snapshots, states, quotas, tags, pages."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, Cloud, wait_for
from databases import name, pairs, warehouse, warehouse_snapshot_of


@pytest.fixture
def redshift(cloud: Cloud) -> Any:
    """Redshift of the home account, with quick snapshots."""
    cloud.control("POST", "config", {"database_snapshot_seconds": 0.3})
    return cloud.client("redshift")


def refused(call: Any, code: str) -> None:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == code


def take(redshift: Any, source: str, **tags: str) -> str:
    identifier = name("s")
    redshift.create_cluster_snapshot(ClusterIdentifier=source, SnapshotIdentifier=identifier, Tags=pairs(tags))
    return identifier


def test_a_snapshot_is_creating_then_available(redshift: Any) -> None:
    source, snapshot = warehouse(redshift), name("s")
    made = redshift.create_cluster_snapshot(
        ClusterIdentifier=source, SnapshotIdentifier=snapshot, Tags=pairs({"cpm backup": "daily"}),
    )["Snapshot"]
    assert made["Status"] == "creating" and made["Tags"] == pairs({"cpm backup": "daily"})
    assert made["SnapshotArn"] == f"arn:aws:redshift:us-east-1:{HOME}:snapshot:{source}/{snapshot}"
    assert made["SnapshotType"] == "manual" and made["ClusterIdentifier"] == source and made["OwnerAccount"] == HOME
    refused(lambda: redshift.delete_cluster_snapshot(SnapshotIdentifier=snapshot), "InvalidClusterSnapshotState")
    wait_for(lambda: warehouse_snapshot_of(redshift, snapshot)["Status"] == "available")
    assert warehouse_snapshot_of(redshift, snapshot)["SnapshotCreateTime"]
    refused(lambda: redshift.create_cluster_snapshot(ClusterIdentifier=source, SnapshotIdentifier=snapshot),
            "ClusterSnapshotAlreadyExists")
    assert redshift.delete_cluster_snapshot(SnapshotIdentifier=snapshot)["Snapshot"]["Status"] == "deleted"
    refused(lambda: warehouse_snapshot_of(redshift, snapshot), "ClusterSnapshotNotFound")


def test_states_names_and_failures(cloud: Cloud, redshift: Any) -> None:
    source = warehouse(redshift)
    refused(lambda: take(redshift, "nowhere"), "ClusterNotFound")
    refused(lambda: redshift.create_cluster_snapshot(ClusterIdentifier=source, SnapshotIdentifier="a--b"),
            "InvalidParameterValue")
    refused(lambda: take(redshift, source, a="one,two"), "InvalidTagFault")
    cloud.control("POST", "databases", {"kind": "warehouse", "identifier": source, "status": "resizing"})
    assert redshift.describe_clusters(ClusterIdentifier=source)["Clusters"][0]["ClusterStatus"] == "resizing"
    refused(lambda: take(redshift, source), "InvalidClusterState")
    cloud.control("POST", "databases", {"kind": "warehouse", "identifier": source, "status": "available"})
    cloud.control("POST", "faults", {"action": "redshift:CreateClusterSnapshot", "effect": "snapshot_error", "times": 1})
    failing, orphan = take(redshift, source), take(redshift, source)
    cloud.control("POST", "databases", {"kind": "warehouse", "identifier": source, "vanish": True})
    for snapshot in (failing, orphan):
        wait_for(lambda it=snapshot: warehouse_snapshot_of(redshift, it)["Status"] == "failed")
    refused(lambda: redshift.describe_clusters(ClusterIdentifier=source), "ClusterNotFound")


def test_quota(cloud: Cloud) -> None:
    redshift = cloud.client("redshift", account="333344445555")
    cloud.control("POST", "config", {"warehouse_snapshot_quota": 1})
    source = warehouse(redshift)
    take(redshift, source)
    refused(lambda: take(redshift, source), "ClusterSnapshotQuotaExceeded")


def test_tags_types_pages_and_places(cloud: Cloud) -> None:
    redshift = cloud.client("redshift", account="444455556666")
    cloud.control("POST", "config", {"database_snapshot_seconds": 0})
    one, two = warehouse(redshift, owner="ann"), warehouse(redshift, owner="bob", spare="x")
    made = [take(redshift, one, n=str(number)) for number in range(21)]

    def clusters(**given: Any) -> list[str]:
        return [it["ClusterIdentifier"] for it in redshift.describe_clusters(**given)["Clusters"]]

    def snapshots(**given: Any) -> list[str]:
        return [it["SnapshotIdentifier"] for it in redshift.describe_cluster_snapshots(**given)["Snapshots"]]

    assert sorted(clusters()) == sorted([one, two])
    assert redshift.describe_clusters(ClusterIdentifier=one)["Clusters"][0]["Tags"] == pairs({"owner": "ann"})
    assert clusters(TagKeys=["owner"], TagValues=["bob"]) == [two] == clusters(TagKeys=["spare", "other"])
    assert snapshots(TagKeys=["n"], TagValues=["3", "4"]) == made[3:5] and snapshots(TagKeys=["owner"]) == []
    assert snapshots(SnapshotType="manual") == made and len(snapshots(SnapshotType="automated")) == 2
    assert snapshots(ClusterIdentifier=two, SnapshotType="manual") == []
    refused(lambda: snapshots(ClusterIdentifier="nowhere"), "ClusterNotFound")
    refused(lambda: snapshots(ClusterIdentifier=one, SnapshotIdentifier=made[0]), "InvalidParameterCombination")
    pages = list(redshift.get_paginator("describe_cluster_snapshots").paginate(
        SnapshotType="manual", PaginationConfig={"PageSize": 20}))
    assert [len(page["Snapshots"]) for page in pages] == [20, 1]
    for method in (redshift.describe_clusters, redshift.describe_cluster_snapshots):
        refused(lambda it=method: it(MaxRecords=19), "InvalidParameterValue")
        refused(lambda it=method: it(Marker="nonsense"), "InvalidParameterValue")
    assert cloud.client("redshift", "444455556666", "eu-west-1").describe_clusters()["Clusters"] == []
    assert cloud.client("redshift", "555566667777").describe_cluster_snapshots()["Snapshots"] == []


def test_faults_and_calls(cloud: Cloud, redshift: Any) -> None:
    cloud.control("POST", "faults", {"action": "redshift:Describe*", "effect": "throttle", "times": 1})
    refused(redshift.describe_clusters, "Throttling")
    assert ("redshift", "DescribeClusters", "Throttling") in [
        (call["service"], call["action"], call["error"]) for call in cloud.calls()
    ]
