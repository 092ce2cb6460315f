"""Roles bind for RDS and Redshift: resources, tags of the request, tags of the resource, the permission to tag."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, Cloud, wait_for
from databases import cluster, instance, name, pairs, snapshot_of, warehouse, warehouse_snapshot_of
from test_permissions import allow

OURS = {"cpm:deployment": "t"}


def only(words: str) -> Any:
    """The refusal of RDS and Redshift."""
    return pytest.raises(ClientError, match=f"AccessDenied.*is not authorized to perform: {words}")


@pytest.fixture(autouse=True)
def quick(cloud: Cloud) -> None:
    """Snapshots take no time."""
    cloud.control("POST", "config", {"database_snapshot_seconds": 0})


def test_reading(cloud: Cloud) -> None:
    source = instance(cloud.client("rds"))
    reader = cloud.client("rds", credentials=cloud.assume(cloud.role("rds-reader", [
        allow("rds:DescribeDBInstances", resource=f"arn:aws:rds:*:*:db:{source}"),
        allow("rds:DescribeDBSnapshots", resource="arn:aws:rds:*:*:snapshot:*"),
    ])))
    assert reader.describe_db_instances(DBInstanceIdentifier=source)["DBInstances"]
    reader.describe_db_snapshots()
    with only(f"rds:DescribeDBInstances on resource: arn:aws:rds:us-east-1:{HOME}:db:\\*"):
        reader.describe_db_instances()
    with only(f"rds:DescribeDBClusters on resource: arn:aws:rds:us-east-1:{HOME}:cluster:\\*"):
        reader.describe_db_clusters()
    with only("rds:DescribeAccountAttributes on resource: \\*"):
        reader.describe_account_attributes()


def test_a_snapshot_needs_its_source_itself_and_the_permission_to_tag(cloud: Cloud) -> None:
    source = instance(cloud.client("rds"))
    sources, snapshots = "arn:aws:rds:*:*:db:*", "arn:aws:rds:*:*:snapshot:*"
    tagged = {"StringEquals": {"aws:RequestTag/cpm:deployment": "t"}}
    statements = {
        "rds-no-source": [allow("rds:CreateDBSnapshot", "rds:AddTagsToResource", resource=snapshots)],
        "rds-no-snapshot": [allow("rds:CreateDBSnapshot", resource=sources)],
        "rds-no-tagging": [allow("rds:CreateDBSnapshot", resource=[sources, snapshots])],
        "rds-right": [
            allow("rds:CreateDBSnapshot", resource=sources),
            allow("rds:CreateDBSnapshot", "rds:AddTagsToResource", resource=snapshots, **tagged),
        ],
    }
    clients = {
        role: cloud.client("rds", credentials=cloud.assume(cloud.role(role, policy))) for role, policy in statements.items()
    }

    def make(role: str, tags: dict[str, str]) -> str:
        snapshot = name("s")
        clients[role].create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=snapshot, Tags=pairs(tags))
        wait_for(lambda: snapshot_of(cloud.client("rds"), snapshot)["Status"] == "available")
        return snapshot

    with only(f"rds:CreateDBSnapshot on resource: arn:aws:rds:us-east-1:{HOME}:db:{source}"):
        make("rds-no-source", {})
    with only(f"rds:CreateDBSnapshot on resource: arn:aws:rds:us-east-1:{HOME}:snapshot:"):
        make("rds-no-snapshot", {})
    make("rds-no-tagging", {})
    with only(f"rds:AddTagsToResource on resource: arn:aws:rds:us-east-1:{HOME}:snapshot:"):
        make("rds-no-tagging", OURS)
    for wrong in ({}, {"cpm:deployment": "other"}):
        with only("rds:CreateDBSnapshot on resource: .*:snapshot:"):
            make("rds-right", wrong)
    make("rds-right", OURS)


def test_a_cluster_snapshot_too(cloud: Cloud) -> None:
    source = cluster(cloud.client("rds"))
    maker = cloud.client("rds", credentials=cloud.assume(cloud.role("rds-clusters", [
        allow("rds:CreateDBClusterSnapshot", resource=["arn:aws:rds:*:*:cluster:*", "arn:aws:rds:*:*:cluster-snapshot:*"]),
    ])))
    given = {"DBClusterIdentifier": source, "DBClusterSnapshotIdentifier": name("s")}
    with only("rds:AddTagsToResource on resource: .*:cluster-snapshot:"):
        maker.create_db_cluster_snapshot(**given, Tags=pairs(OURS))
    maker.create_db_cluster_snapshot(**given)


def test_tags_of_the_snapshot(cloud: Cloud) -> None:
    rds = cloud.client("rds")
    source = instance(rds)
    made = []
    for tags in (OURS, {}):
        made.append(name("s"))
        rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=made[-1], Tags=pairs(tags))
        wait_for(lambda: snapshot_of(rds, made[-1])["Status"] == "available")
    ours, foreign = made
    condition = {"StringEquals": {"aws:ResourceTag/cpm:deployment": "t"}}
    cleaner = cloud.client("rds", credentials=cloud.assume(cloud.role("rds-cleaner", [
        allow("rds:DeleteDBSnapshot", resource="arn:aws:rds:*:*:snapshot:*", **condition),
        allow("rds:AddTagsToResource", resource="*", **condition),
    ])))
    arn = f"arn:aws:rds:us-east-1:{HOME}:snapshot:"
    cleaner.add_tags_to_resource(ResourceName=arn + ours, Tags=pairs({"a": "b"}))
    with only("rds:AddTagsToResource"):
        cleaner.add_tags_to_resource(ResourceName=arn + foreign, Tags=pairs(OURS))
    with only(f"rds:DeleteDBSnapshot on resource: {arn}{foreign}"):
        cleaner.delete_db_snapshot(DBSnapshotIdentifier=foreign)
    cleaner.delete_db_snapshot(DBSnapshotIdentifier=ours)


def test_redshift(cloud: Cloud) -> None:
    redshift = cloud.client("redshift")
    source, foreign = warehouse(redshift), name("s")
    redshift.create_cluster_snapshot(ClusterIdentifier=source, SnapshotIdentifier=foreign)
    wait_for(lambda: warehouse_snapshot_of(redshift, foreign)["Status"] == "available")
    snapshots = f"arn:aws:redshift:us-east-1:{HOME}:snapshot:{source}/*"
    untagged = cloud.client("redshift", credentials=cloud.assume(cloud.role("redshift-untagged", [
        allow("redshift:CreateClusterSnapshot", resource=snapshots)])))
    keeper = cloud.client("redshift", credentials=cloud.assume(cloud.role("redshift-keeper", [
        allow("redshift:CreateClusterSnapshot", "redshift:CreateTags", resource=snapshots,
              StringEquals={"aws:RequestTag/cpm:deployment": "t"}),
        allow("redshift:DeleteClusterSnapshot", resource=snapshots,
              StringEquals={"aws:ResourceTag/cpm:deployment": "t"}),
        allow("redshift:Describe*", resource=f"arn:aws:redshift:us-east-1:{HOME}:cluster:*"),
    ])))
    ours = name("s")
    given = {"ClusterIdentifier": source, "SnapshotIdentifier": ours}
    with only(f"redshift:CreateTags on resource: arn:aws:redshift:us-east-1:{HOME}:snapshot:{source}/{ours}"):
        untagged.create_cluster_snapshot(**given, Tags=pairs(OURS))
    with only("redshift:CreateClusterSnapshot"):
        keeper.create_cluster_snapshot(**given)
    with only("redshift:DescribeClusters on resource: \\*"):
        keeper.describe_clusters(ClusterIdentifier=source)
    keeper.create_cluster_snapshot(**given, Tags=pairs(OURS))
    wait_for(lambda: warehouse_snapshot_of(redshift, ours)["Status"] == "available")
    with only(f"redshift:DeleteClusterSnapshot on resource: .*:snapshot:{source}/{foreign}"):
        keeper.delete_cluster_snapshot(SnapshotIdentifier=foreign)
    keeper.delete_cluster_snapshot(SnapshotIdentifier=ours)
