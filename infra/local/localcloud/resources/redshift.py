"""Redshift: snapshots that take their time and can fail, states, quotas, tags, pages."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.redshift.models import Snapshot
from moto.redshift.responses import RedshiftResponse

from .behaviour import SWITCHES
from .call import current
from .databases import KINDS, begin, check_name, page
from .errors import AwsError


def install() -> None:
    """Put every patch of this module in place."""
    Snapshot.snapshot_arn = property(lambda it: it.arn)
    Snapshot.owner_account = property(lambda it: it.account_id)
    _around("create_cluster_snapshot", _create_snapshot)
    _around("delete_cluster_snapshot", _delete_snapshot)
    _around("describe_cluster_snapshots", _describe_snapshots)
    _around("describe_clusters", _describe_clusters)


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
    identifier, name = response._get_param("ClusterIdentifier"), response._get_param("SnapshotIdentifier")
    if identifier and name:
        raise AwsError(
            "InvalidParameterCombination", "ClusterIdentifier and SnapshotIdentifier can't be specified together."
        )
    kind = response._get_param("SnapshotType")
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
