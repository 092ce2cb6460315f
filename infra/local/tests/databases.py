"""Databases for tests: small ones, with names of their own, and the state of their snapshots."""

from __future__ import annotations

import os
from typing import Any


def name(prefix: str = "d") -> str:
    """A name that nothing has."""
    return f"{prefix}-{os.urandom(4).hex()}"


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as AWS's calls take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def instance(rds: Any, cluster: str = "", **tags: str) -> str:
    """A database instance, alone or in a cluster; answers its name."""
    identifier = name("db")
    more = {"DBClusterIdentifier": cluster, "Engine": "aurora-mysql"} if cluster else {
        "Engine": "mysql", "AllocatedStorage": 20, "MasterUsername": "root", "MasterUserPassword": "hunter2222",
    }
    rds.create_db_instance(DBInstanceIdentifier=identifier, DBInstanceClass="db.t3.micro", Tags=pairs(tags), **more)
    return identifier


def cluster(rds: Any, **tags: str) -> str:
    """An Aurora cluster; answers its name."""
    identifier = name("cl")
    rds.create_db_cluster(
        DBClusterIdentifier=identifier, Engine="aurora-mysql", MasterUsername="root", MasterUserPassword="hunter2222",
        Tags=pairs(tags),
    )
    return identifier


def warehouse(redshift: Any, **tags: str) -> str:
    """A Redshift cluster; answers its name."""
    identifier = name("wh")
    redshift.create_cluster(
        ClusterIdentifier=identifier, NodeType="ra3.large", MasterUsername="root", MasterUserPassword="Hunter2222",
        Tags=pairs(tags),
    )
    return identifier


def instance_status(rds: Any, identifier: str) -> str:
    """The state of an instance."""
    return str(rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]["DBInstanceStatus"])


def snapshot_of(rds: Any, identifier: str) -> dict[str, Any]:
    """The snapshot of an instance."""
    return dict(rds.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"][0])


def cluster_snapshot_of(rds: Any, identifier: str) -> dict[str, Any]:
    """The snapshot of a cluster."""
    return dict(rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=identifier)["DBClusterSnapshots"][0])


def warehouse_snapshot_of(redshift: Any, identifier: str) -> dict[str, Any]:
    """The snapshot of a warehouse."""
    return dict(redshift.describe_cluster_snapshots(SnapshotIdentifier=identifier)["Snapshots"][0])
