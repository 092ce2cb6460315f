"""RDS and Aurora: snapshots that take their time and can fail, states, quotas, pages, events."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import ec2_backends
from moto.rds.models import DBClusterSnapshot, DBSnapshot, RDSBackend
from moto.rds.responses import RDSResponse

from . import events
from .behaviour import SWITCHES
from .databases import KINDS, begin, check_name, page, percent_progress
from .errors import AwsError

# Method, member of its answer, what names an entry.
_PAGED = (
    ("describe_db_instances", "DBInstances", lambda it: it.db_instance_identifier),
    ("describe_db_clusters", "DBClusters", lambda it: it.db_cluster_identifier),
    ("describe_db_snapshots", "DBSnapshots", lambda it: it.db_snapshot_arn),
    ("describe_db_cluster_snapshots", "DBClusterSnapshots", lambda it: it.db_cluster_snapshot_arn),
)
# "Amazon RDS event categories and event messages": id, category, message. There is none for a snapshot that fails.
_STARTED = ("RDS-EVENT-0040", "creation", "Creating manual snapshot")
_CREATED = ("RDS-EVENT-0042", "creation", "Manual snapshot created")
_DELETED = ("RDS-EVENT-0041", "deletion", "Deleted manual snapshot")
_CLUSTER_STARTED = ("RDS-EVENT-0074", "backup", "Creating manual cluster snapshot")
_CLUSTER_CREATED = ("RDS-EVENT-0075", "backup", "Manual cluster snapshot created")
_QUOTAS = {"DBInstances": 40, "DBClusters": 40}


def install() -> None:
    """Put every patch of this module in place."""
    ignored: Callable[[Any, Any], None] = lambda snapshot, value: None  # noqa: E731
    DBSnapshot.percent_progress = property(percent_progress)
    DBClusterSnapshot.percent_progress = property(percent_progress, ignored)
    # On AWS a snapshot of an instance has no creation time before it is available.
    DBSnapshot.snapshot_create_time = property(lambda it: None if it.status in ("creating", "failed") else it.created)
    for method, member, key in _PAGED:
        _page(method, member, key)
    _around("create_db_snapshot", _create_snapshot)
    _around("create_db_cluster_snapshot", _create_cluster_snapshot)
    _around("delete_db_snapshot", _delete_snapshot)
    _around("delete_db_cluster_snapshot", _delete_cluster_snapshot)
    RDSResponse.describe_account_attributes = describe_account_attributes
    _with_default_subnets()


def _with_default_subnets() -> None:
    """On AWS the subnet group `default` of a VPC's clusters is there, of all its default subnets."""
    original = RDSBackend.describe_db_subnet_groups

    @functools.wraps(original)
    def with_default(backend: Any, subnet_group_name: str) -> list[Any]:
        subnets = ec2_backends[backend.account_id][backend.region_name].describe_subnets()
        of_default = [it for it in subnets if it.default_for_az == "true" or it.default_for_az is True]
        if "default" not in backend.subnet_groups and of_default:
            backend.create_subnet_group("default", "default", of_default, [])
        return original(backend, subnet_group_name)

    RDSBackend.describe_db_subnet_groups = with_default


def _around(method: str, patch: Callable[[Any, Callable[[], ActionResult]], ActionResult]) -> None:
    """Put `patch` around a method of moto; it is given the response and moto's own method."""
    original = getattr(RDSResponse, method)
    setattr(RDSResponse, method, functools.wraps(original)(
        lambda response: patch(response, lambda: original(response))
    ))


def _page(method: str, member: str, key: Callable[[Any], str]) -> None:
    """On AWS every describe call answers in pages of 20 to 100."""
    def paged(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
        items, marker = page(list(original().result[member]), key)
        return ActionResult({member: items, "Marker": marker})

    _around(method, paged)


def _create_snapshot(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
    """On AWS: names, states and quotas bind, a member of a cluster is refused, and the snapshot takes its time."""
    backend, name = response.backend, response.params["DBSnapshotIdentifier"]
    check_name(name, "DBSnapshotIdentifier")
    instance = backend.databases.get(response.params["DBInstanceIdentifier"])
    if instance is None or name in backend.database_snapshots:
        return original()
    if instance.db_cluster_identifier:
        raise AwsError(
            "InvalidParameterValue",
            "The specified instance is a member of a cluster and a snapshot cannot be created directly. "
            "Please use the CreateDBClusterSnapshot API instead.",
        )
    if instance.status not in KINDS["instance"].states:
        raise AwsError(
            "InvalidDBInstanceState",
            f"Cannot create a snapshot because the database instance {instance.db_instance_identifier} is not currently "
            "in the available state.",
        )
    _check_quota(backend.database_snapshots)
    result = original()
    snapshot = result.result["DBSnapshot"]
    _tell(snapshot, _STARTED)
    begin("instance", backend.databases, instance.db_instance_identifier, snapshot, lambda good: (
        _tell(snapshot, _CREATED) if good else None
    ))
    return result


def _create_cluster_snapshot(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
    """As for an instance."""
    backend, name = response.backend, response.params["DBClusterSnapshotIdentifier"]
    check_name(name, "DBClusterSnapshotIdentifier")
    cluster = backend.clusters.get(response.params["DBClusterIdentifier"])
    if cluster is None or name in backend.cluster_snapshots:
        return original()
    if (status := cluster.status) not in KINDS["cluster"].states:
        raise AwsError(
            "InvalidDBClusterStateFault",
            f"DbCluster {cluster.db_cluster_identifier} is in {status} state but expected it to be one of "
            f"{','.join(KINDS['cluster'].states)}.",
        )
    _check_quota(backend.cluster_snapshots)
    result = original()
    snapshot = result.result["DBClusterSnapshot"]
    _tell(snapshot, _CLUSTER_STARTED)
    begin("cluster", backend.clusters, cluster.db_cluster_identifier, snapshot, lambda good: (
        _tell(snapshot, _CLUSTER_CREATED) if good else None
    ))
    return result


def _delete_snapshot(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
    """On AWS a snapshot that is being made stays, and so does an automated one."""
    snapshot = response.backend.database_snapshots.get(response.params["DBSnapshotIdentifier"])
    if snapshot is not None and snapshot.snapshot_type == "automated":
        raise AwsError("InvalidDBSnapshotState", "automated snapshots cannot be deleted.")
    _check_ended(snapshot, "InvalidDBSnapshotState")
    result = original()
    result.result["DBSnapshot"].status = "deleted"
    _tell(result.result["DBSnapshot"], _DELETED)
    return result


def _delete_cluster_snapshot(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
    """As for an instance's."""
    snapshot = response.backend.cluster_snapshots.get(response.params["DBClusterSnapshotIdentifier"])
    if snapshot is not None and snapshot.snapshot_type == "automated":
        raise AwsError("InvalidDBClusterSnapshotStateFault", "Only manual snapshots may be deleted.")
    _check_ended(snapshot, "InvalidDBClusterSnapshotStateFault")
    result = original()
    result.result["DBClusterSnapshot"].status = "deleted"
    return result


def _check_ended(snapshot: Any, code: str) -> None:
    if snapshot is not None and snapshot.status not in ("available", "failed"):
        raise AwsError(code, "Cannot delete the snapshot because it is not currently in the available or failed state.")


def _manual(snapshots: Any) -> int:
    return sum(1 for snapshot in list(snapshots.values()) if snapshot.snapshot_type == "manual")


def _check_quota(snapshots: Any) -> None:
    """AWS's quota is on manual snapshots of an account and Region; those of instances and clusters count apart."""
    limit = SWITCHES.now.database_snapshot_quota
    if _manual(snapshots) >= limit:
        raise AwsError("SnapshotQuotaExceeded", f"Cannot create more than {limit} manual snapshots")


def describe_account_attributes(response: Any) -> ActionResult:
    """On AWS the quotas of the account and Region, and what is used of them. Only these four are here."""
    backend, limit = response.backend, SWITCHES.now.database_snapshot_quota
    used = [
        ("DBInstances", len(backend.databases), _QUOTAS["DBInstances"]),
        ("DBClusters", len(backend.clusters), _QUOTAS["DBClusters"]),
        ("ManualSnapshots", _manual(backend.database_snapshots), limit),
        ("ManualClusterSnapshots", _manual(backend.cluster_snapshots), limit),
    ]
    return ActionResult({
        "AccountQuotas": [{"AccountQuotaName": name, "Used": count, "Max": limit} for name, count, limit in used]
    })


def _tell(snapshot: Any, what: tuple[str, str, str]) -> None:
    """Send the event in which RDS tells of a snapshot."""
    events.COURIER.send(events.rds_snapshot(snapshot, isinstance(snapshot, DBClusterSnapshot), *what))
