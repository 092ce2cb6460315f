"""Redshift: snapshots that take their time and can fail, states, quotas, tags, pages."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.redshift.models import Snapshot, redshift_backends
from moto.redshift.responses import RedshiftResponse

from .behaviour import SWITCHES
from .call import current
from .databases import KINDS, begin, check_name, page
from .errors import AwsError
from .snapshots import CLOCK


def install() -> None:
    """Put every patch of this module in place."""
    Snapshot.snapshot_arn = property(lambda it: it.arn)
    Snapshot.owner_account = property(lambda it: it.account_id)
    _around("create_cluster_snapshot", _create_snapshot)
    _around("delete_cluster_snapshot", _delete_snapshot)
    _around("describe_cluster_snapshots", _describe_snapshots)
    _around("describe_clusters", _describe_clusters)
    _around("restore_from_cluster_snapshot", _restore)
    _around("delete_cluster", _delete)
    RedshiftResponse.authorize_snapshot_access = lambda response: _share(response, True)
    RedshiftResponse.revoke_snapshot_access = lambda response: _share(response, False)
    Snapshot.accounts_with_restore_access = property(
        lambda it: [{"AccountId": account} for account in sorted(it.__dict__.get("shared", ()))]
    )


def _around(method: str, patch: Callable[[Any, Callable[[], ActionResult]], ActionResult]) -> None:
    """Put `patch` around a method of moto; it is given the response and moto's own method."""
    original = getattr(RedshiftResponse, method)
    setattr(RedshiftResponse, method, functools.wraps(original)(
        lambda response: patch(response, lambda: original(response))
    ))


def _create_snapshot(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
    """On AWS: names, states and the quota bind, and the snapshot takes its time. The cluster stays available."""
    backend = response.redshift_backend
    name, identifier = response._get_param("SnapshotIdentifier"), response._get_param("ClusterIdentifier")
    check_name(name, "SnapshotIdentifier")
    cluster = backend.clusters.get(identifier)
    if cluster is None or name in backend.snapshots:
        return original()
    if cluster.status not in KINDS["warehouse"].states:
        raise AwsError(
            "InvalidClusterState", f"Cluster {identifier} is in the {cluster.status} state; it must be in the available state."
        )
    limit = SWITCHES.now.warehouse_snapshot_quota
    if sum(1 for it in list(backend.snapshots.values()) if it.snapshot_type == "manual") >= limit:
        raise AwsError("ClusterSnapshotQuotaExceeded", f"The limit of {limit} manual snapshots has been reached.")
    result = original()
    begin("warehouse", backend.clusters, identifier, result.result["Snapshot"], lambda good: None)
    return result


def _delete_snapshot(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
    """On AWS "the snapshot must be in the available state"."""
    name = response._get_param("SnapshotIdentifier")
    snapshot = response.redshift_backend.snapshots.get(name)
    if snapshot is not None and snapshot.status != "available":
        raise AwsError(
            "InvalidClusterSnapshotState", f"Snapshot {name} is in the {snapshot.status} state and can't be deleted."
        )
    return original()


def _describe_snapshots(response: Any, _: Callable[[], ActionResult]) -> ActionResult:
    """On AWS the conditions hold together, tags select, and answers come in pages. moto lists all for an unknown cluster."""
    backend = response.redshift_backend
    arn = response._get_param("SnapshotArn") or ""
    identifier = response._get_param("ClusterIdentifier")
    name = response._get_param("SnapshotIdentifier") or arn.rsplit("/", 1)[-1]
    if identifier and name:
        raise AwsError(
            "InvalidParameterCombination", "ClusterIdentifier and SnapshotIdentifier can't be specified together."
        )
    kind, owner = response._get_param("SnapshotType"), response._get_param("OwnerAccount")
    if name and owner and owner != backend.account_id:
        return ActionResult({"Snapshots": [_find(backend, name, owner)]})
    found = [
        it for it in list(backend.snapshots.values())
        if (not identifier or it.cluster_identifier == identifier)
        and (not name or it.snapshot_identifier == name)
        and (not kind or it.snapshot_type == kind)
    ]
    if not found and name:
        raise AwsError("ClusterSnapshotNotFound", f"Snapshot {name} not found.", 404)
    if not found and identifier and identifier not in backend.clusters:
        raise AwsError("ClusterNotFound", f"Cluster {identifier} not found.", 404)
    items, marker = page(_tagged(found), lambda it: it.arn)
    return ActionResult({"Snapshots": items, "Marker": marker})


# ---- restored and shared


def _find(backend: Any, name: str, owner: str | None) -> Any:
    """A snapshot of the account, or one that its owner shares with it."""
    holder = redshift_backends[owner][backend.region_name] if owner else backend
    found = holder.snapshots.get(name)
    if found is None:
        raise AwsError("ClusterSnapshotNotFound", f"Snapshot {name} not found.", 404)
    if holder is not backend and backend.account_id not in found.__dict__.get("shared", ()):
        raise AwsError("AccessToSnapshotDenied", f"The owner of {name} does not let this account restore it.")
    return found


def _restore(response: Any, _: Callable[[], ActionResult]) -> ActionResult:
    """On AWS a name that is taken is refused, groups that are named are there, and the cluster takes its time. It has the tags
    of its snapshot."""
    backend, params = response.redshift_backend, response._get_param
    name, named = params("ClusterIdentifier"), params("SnapshotIdentifier") or (params("SnapshotArn") or "").rsplit("/", 1)[-1]
    snapshot = _find(backend, named, params("OwnerAccount"))
    if snapshot.status != "available":
        raise AwsError("InvalidClusterSnapshotState", f"Snapshot {named} is in the {snapshot.status} state.")
    if name in backend.clusters:
        raise AwsError("ClusterAlreadyExists", f"Cluster {name} already exists.")
    if (group := params("ClusterSubnetGroupName")) and group not in backend.subnet_groups:
        raise AwsError("ClusterSubnetGroupNotFoundFault", f"Cluster subnet group {group} not found.")
    parameters = params("ClusterParameterGroupName")
    if parameters and not parameters.startswith("default.") and parameters not in backend.parameter_groups:
        raise AwsError("ClusterParameterGroupNotFound", f"Cluster parameter group {parameters} not found.", 404)
    given = {
        "port": response._get_int_param("Port") or snapshot.port, "cluster_subnet_group_name": group,
        "availability_zone": params("AvailabilityZone") or snapshot.availability_zone,
        "publicly_accessible": response._get_bool_param("PubliclyAccessible", False), "cluster_parameter_group_name": parameters,
        "vpc_security_group_ids": params("VpcSecurityGroupIds", []), "iam_roles_arn": params("IamRoles", []),
        "node_type": params("NodeType") or snapshot.node_type, "encrypted": snapshot.encrypted,
        "number_of_nodes": response._get_int_param("NumberOfNodes") or snapshot.number_of_nodes,
        "enhanced_vpc_routing": response._get_bool_param("EnhancedVpcRouting", snapshot.enhanced_vpc_routing),
        "allow_version_upgrade": response._get_bool_param("AllowVersionUpgrade", True), "tags": list(snapshot.tags),
        "cluster_type": "multi-node" if (response._get_int_param("NumberOfNodes") or snapshot.number_of_nodes) > 1 else "single-node",
        "master_username": snapshot.master_username, "master_user_password": snapshot.master_user_password,
        "db_name": snapshot.db_name, "cluster_version": snapshot.cluster_version, "restored_from_snapshot": True,
        "preferred_maintenance_window": params("PreferredMaintenanceWindow"), "region_name": response.region,
        "cluster_security_groups": [], "automated_snapshot_retention_period": None, "kms_key_id": params("KmsKeyId"),
    }
    cluster = backend.create_cluster(cluster_identifier=name, **given)
    call = current()
    after = (call.database_error if call else "") or "available"
    cluster.status, cluster.takes_time = "creating", True
    CLOCK.after(SWITCHES.now.database_seconds, lambda: (
        setattr(cluster, "status", after) if cluster.status == "creating" else None
    ))
    return ActionResult({"Cluster": cluster})


def _delete(response: Any, original: Callable[[], ActionResult]) -> ActionResult:
    """On AWS a last snapshot is made unless that is declined, what is not ready stays, and the end takes its time."""
    backend, name = response.redshift_backend, response._get_param("ClusterIdentifier")
    found = backend.clusters.get(name)
    if found is None or not found.__dict__.get("takes_time"):
        return original()
    if not response._get_bool_param("SkipFinalClusterSnapshot", False) and not response._get_param("FinalClusterSnapshotIdentifier"):
        raise AwsError(
            "InvalidParameterCombination",
            "FinalClusterSnapshotIdentifier is required unless SkipFinalClusterSnapshot is specified.",
        )
    if found.status in ("creating", "deleting"):
        raise AwsError("InvalidClusterState", f"There is an operation running on the Cluster. Please try to delete it at a later time. ({found.status})")
    found.status = "deleting"

    def gone() -> None:
        if backend.clusters.get(name) is found:
            backend.delete_automated_snapshots(name)
            del backend.clusters[name]

    CLOCK.after(SWITCHES.now.database_seconds, gone)
    return ActionResult({"Cluster": found})


def _share(response: Any, add: bool) -> ActionResult:
    """AWS's AuthorizeSnapshotAccess and RevokeSnapshotAccess, which moto does not have."""
    account = str(response._get_param("AccountWithRestoreAccess"))
    snapshot = _find(response.redshift_backend, response._get_param("SnapshotIdentifier"), None)
    shared = snapshot.__dict__.setdefault("shared", set())
    if add and account in shared:
        raise AwsError("AuthorizationAlreadyExists", f"Account {account} may restore {snapshot.snapshot_identifier} already.")
    if not add and account not in shared:
        raise AwsError("AuthorizationNotFound", f"Account {account} may not restore {snapshot.snapshot_identifier}.", 404)
    (shared.add if add else shared.discard)(account)
    return ActionResult({"Snapshot": snapshot})


def _describe_clusters(response: Any, _: Callable[[], ActionResult]) -> ActionResult:
    """On AWS tag keys and values select, and answers come in pages."""
    found = response.redshift_backend.describe_clusters(response._get_param("ClusterIdentifier"))
    items, marker = page(_tagged(found), lambda it: it.cluster_identifier)
    return ActionResult({"Clusters": items, "Marker": marker})


def _tagged(items: list[Any]) -> list[Any]:
    """Those with a tag whose key is one of TagKeys and whose value is one of TagValues; what is not given does not bind."""
    call = current()
    keys = set(call.numbered("TagKeys.TagKey")) if call else set()
    values = set(call.numbered("TagValues.TagValue")) if call else set()
    return [
        it for it in items
        if not (keys or values) or any(
            (not keys or tag["Key"] in keys) and (not values or tag["Value"] in values) for tag in it.tags
        )
    ]
