"""RDS and Aurora: databases that are restored from snapshots, members that join clusters, snapshots that are shared, and the end
of all of them.

moto restores at once, over a cluster of the same name if need be, with the protection that the original had. On AWS a name that
is taken is refused, what is not said has AWS's default, and a restored database is `creating` for a while. So is its end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.rds.models import DBCluster, RDSBackend, rds_backends
from moto.rds.responses import RDSResponse

from . import keys
from .behaviour import SWITCHES
from .call import current
from .errors import AwsError
from .snapshots import CLOCK

Original = Callable[[], ActionResult]


def install() -> None:
    """Put every patch of this module in place."""
    status = DBCluster.status
    # moto's cluster is `creating` when it is looked at once.
    DBCluster.status = property(
        lambda it: it._status if it.__dict__.get("takes_time") else status.fget(it), status.fset
    )
    _around("restore_db_instance_from_db_snapshot", _restore_instance)
    _around("restore_db_cluster_from_snapshot", _restore_cluster)
    _around("create_db_instance", _create_member)
    _around("delete_db_instance", _delete_instance)
    _around("delete_db_cluster", _delete_cluster)
    _around("describe_db_parameter_groups", _parameter_groups)
    _around("describe_db_snapshots", lambda response, original: _described(response, original, "DBSnapshot"))
    _around("describe_db_cluster_snapshots", lambda response, original: _described(response, original, "DBClusterSnapshot"))


def _around(method: str, patch: Callable[[Any, Original], ActionResult]) -> None:
    """Put `patch` around a method of moto; it is given the response and moto's own method."""
    original = getattr(RDSResponse, method)
    setattr(RDSResponse, method, functools.wraps(original)(
        lambda response: patch(response, lambda: original(response))
    ))


class _With:
    """A backend that knows one snapshot, whosever that is."""

    def __init__(self, backend: Any, snapshot: Any) -> None:
        self._backend, self._snapshot = backend, snapshot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def describe_db_snapshots(self, **_: Any) -> list[Any]:
        """The snapshot."""
        return [self._snapshot]

    describe_db_cluster_snapshots = describe_db_snapshots

    def extract_snapshot_name_from_arn(self, arn: str) -> str:
        """Its name."""
        return arn.rsplit(":", 1)[-1]


# ---- snapshots, perhaps another account's


def find(backend: Any, named: str, of_cluster: bool) -> Any:
    """A snapshot by its name, or by its ARN: one of another account only if that shares it."""
    collection = "cluster_snapshots" if of_cluster else "database_snapshots"
    owner = backend
    if named.startswith("arn:"):
        parts = named.split(":")
        owner, named = rds_backends[parts[4]][parts[3]], parts[6]
    found = getattr(owner, collection).get(named.lower())
    if found is not None and owner is not backend:
        allowed = found.attributes.get("restore", [])
        found = found if backend.account_id in allowed or "all" in allowed else None
    if found is None or owner.region_name != backend.region_name:
        code = "DBClusterSnapshotNotFoundFault" if of_cluster else "DBSnapshotNotFound"
        raise AwsError(code, f"{'DBClusterSnapshot' if of_cluster else 'DBSnapshot'} {named} not found.", 404)
    return found


def _described(response: Any, original: Original, kind: str) -> ActionResult:
    """On AWS a snapshot that another account shares is described by its ARN."""
    named = str(response.params.get(f"{kind}Identifier") or "")
    if not named.startswith("arn:") or named.split(":")[4] == response.backend.account_id:
        return original()
    return ActionResult({f"{kind}s": [find(response.backend, named, kind == "DBClusterSnapshot")]})


def _parameter_groups(response: Any, original: Original) -> ActionResult:
    """On AWS a group that is named and not there is an error."""
    result, named = original(), response.params.get("DBParameterGroupName")
    if named and not result.result["DBParameterGroups"]:
        raise AwsError("DBParameterGroupNotFound", f"DBParameterGroup not found: {named}", 404)
    return result


# ---- restored


def _restore_instance(response: Any, _: Original) -> ActionResult:
    """AWS's RestoreDBInstanceFromDBSnapshot."""
    backend, params = response.backend, response.params
    name = str(params["DBInstanceIdentifier"]).lower()
    snapshot = find(backend, str(params["DBSnapshotIdentifier"]), of_cluster=False)
    _check_ready(snapshot, "InvalidDBSnapshotState")
    if name in backend.databases:
        raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
    _check_place(backend, params)
    _check_key(backend, snapshot.kms_key_id)
    made = RDSBackend.restore_db_instance_from_db_snapshot(_With(backend, snapshot), snapshot.db_snapshot_identifier, params)
    made.deletion_protection = _is(params.get("DeletionProtection"))
    made.multi_az = _is(params.get("MultiAZ"))
    made.tags = params.get("Tags") or []
    if (zone := params.get("AvailabilityZone")) and made.multi_az:
        backend.databases.pop(name)
        raise AwsError("InvalidParameterCombination", f"Requesting a specific availability zone is not valid for Multi-AZ instances. ({zone})")
    made.source_snapshot = snapshot.db_snapshot_identifier
    _create(made)
    return ActionResult({"DBInstance": made})


def _restore_cluster(response: Any, _: Original) -> ActionResult:
    """AWS's RestoreDBClusterFromSnapshot. It makes no members."""
    backend, params = response.backend, response.params
    name = str(params["DBClusterIdentifier"]).lower()
    snapshot = find(backend, str(params["SnapshotIdentifier"]), of_cluster=True)
    _check_ready(snapshot, "InvalidDBClusterSnapshotStateFault")
    if name in backend.clusters:
        raise AwsError("DBClusterAlreadyExistsFault", f"DB Cluster already exists: {name}")
    if params.get("Engine") != snapshot.cluster.engine:
        raise AwsError("InvalidParameterCombination", f"The engine {params.get('Engine')} is not the snapshot's: {snapshot.cluster.engine}")
    _check_place(backend, params)
    key = params.get("KmsKeyId") or snapshot.kms_key_id
    _check_key(backend, key)
    made = RDSBackend.restore_db_cluster_from_snapshot(_With(backend, snapshot), snapshot.db_cluster_snapshot_identifier, params)
    made.deletion_protection = _is(params.get("DeletionProtection"))
    made.tags = params.get("Tags") or []
    if key:
        made.kms_key_id, made.storage_encrypted = key, True
    _create(made)
    return ActionResult({"DBCluster": made})


def _create_member(response: Any, original: Original) -> ActionResult:
    """On AWS a member joins a cluster that is there, and takes its time."""
    backend, cluster = response.backend, response.params.get("DBClusterIdentifier")
    if not cluster:
        return original()
    if str(response.params["DBInstanceIdentifier"]).lower() in backend.databases:
        raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
    if str(cluster).lower() not in backend.clusters:
        raise AwsError("DBClusterNotFoundFault", f"DBCluster {cluster} not found.", 404)
    result = original()
    _create(result.result["DBInstance"])
    return result


def _check_ready(snapshot: Any, code: str) -> None:
    if snapshot.status != "available":
        raise AwsError(code, f"Cannot restore from the snapshot because it is in the {snapshot.status} state.")


def _check_key(backend: Any, key: str | None) -> None:
    if key and keys.key(backend.account_id, backend.region_name, key).get("state", "Enabled") != "Enabled":
        raise AwsError(
            "KMSKeyNotAccessibleFault",
            f"The specified KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it.",
        )


def _check_place(backend: Any, params: Any) -> None:
    """Groups that are named are there."""
    groups = {it.name.lower() for it in backend.describe_db_subnet_groups("")}
    if (group := params.get("DBSubnetGroupName")) and group.lower() not in groups:
        raise AwsError("DBSubnetGroupNotFoundFault", f"DB subnet group '{group}' does not exist.", 404)
    if (group := params.get("DBClusterParameterGroupName")) and not group.startswith("default."):
        if group not in backend.db_cluster_parameter_groups:
            raise AwsError("DBClusterParameterGroupNotFound", f"DBClusterParameterGroup not found: {group}", 404)
    if (group := params.get("DBParameterGroupName")) and not group.startswith("default."):
        if group not in backend.db_parameter_groups:
            raise AwsError("DBParameterGroupNotFound", f"DBParameterGroup not found: {group}", 404)
    if (group := params.get("OptionGroupName")) and not group.startswith("default:"):
        if group not in backend.option_groups:
            raise AwsError("OptionGroupNotFoundFault", f"Specified OptionGroupName: {group} not found.", 404)
    groups = ec2_backends[backend.account_id][backend.region_name]
    for group in params.get("VpcSecurityGroupIds") or []:
        if groups.get_security_group_from_id(group) is None:
            raise AwsError("InvalidParameterValue", f"Invalid security group , groupId= {group}, groupName=.")


def _is(value: Any) -> bool:
    return str(value).lower() == "true"


def _create(database: Any) -> None:
    """It is `creating`, then `available`; a fault may have it end otherwise."""
    call = current()
    after = (call.database_error if call else "") or "available"
    database.takes_time, database.status = True, "creating"
    CLOCK.after(SWITCHES.now.database_seconds, lambda: (
        setattr(database, "status", after) if database.status == "creating" else None
    ))


# ---- the end


def _delete_instance(response: Any, original: Original) -> ActionResult:
    """On AWS a last snapshot is made unless that is declined, and what is not ready stays."""
    backend, params = response.backend, response.params
    name = str(params["DBInstanceIdentifier"]).lower()
    found = backend.databases.get(name)
    if found is None or not found.__dict__.get("takes_time"):
        return original()
    if not found.db_cluster_identifier and not _is(params.get("SkipFinalSnapshot")) and not params.get("FinalDBSnapshotIdentifier"):
        raise AwsError("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if found.deletion_protection:
        raise AwsError(
            "InvalidParameterCombination", "Cannot delete protected DB Instance, please disable deletion protection and try again.")
    _check_deletable(found, name, "InvalidDBInstanceState")
    _end(backend.databases, name, found)
    return ActionResult({"DBInstance": found})


def _delete_cluster(response: Any, original: Original) -> ActionResult:
    """As an instance; members that are not going hold it."""
    backend, params = response.backend, response.params
    name = str(params["DBClusterIdentifier"]).lower()
    found = backend.clusters.get(name)
    if found is None or not found.__dict__.get("takes_time"):
        return original()
    if not _is(params.get("SkipFinalSnapshot")) and not params.get("FinalDBSnapshotIdentifier"):
        raise AwsError("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if found.deletion_protection:
        raise AwsError(
            "InvalidParameterCombination", "Cannot delete protected Cluster, please disable deletion protection and try again.")
    if any(it.db_cluster_identifier == name and it.status != "deleting" for it in list(backend.databases.values())):
        raise AwsError("InvalidDBClusterStateFault", "Cluster cannot be deleted, it still contains DB instances in non-deleting state.")
    _check_deletable(found, name, "InvalidDBClusterStateFault")
    _end(backend.clusters, name, found)
    return ActionResult({"DBCluster": found})


def _check_deletable(found: Any, name: str, code: str) -> None:
    if found.status == "deleting":
        raise AwsError(code, f"{name} is already being deleted.")
    if found.status == "creating":
        raise AwsError(code, f"{name} is currently creating - try again when it is available.")


def _end(collection: dict[str, Any], name: str, found: Any) -> None:
    found.status = "deleting"

    def gone() -> None:
        if collection.get(name) is found:
            del collection[name]

    CLOCK.after(SWITCHES.now.database_seconds, gone)
