"""What calls to RDS and Redshift need, by AWS's service authorization reference.

Tags at creation need the permission to tag, on what is made: rds:AddTagsToResource and redshift:CreateTags.
"""

from __future__ import annotations

from typing import Any

from moto.rds.models import rds_backends
from moto.redshift.models import redshift_backends

from . import permissions
from .call import Call
from .permissions import Need

# The parameters that name a resource, with the type of the resource.
_RDS = {
    "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "snapshot", "DBClusterIdentifier": "cluster",
    "DBClusterSnapshotIdentifier": "cluster-snapshot", "SourceDBSnapshotIdentifier": "snapshot",
    "TargetDBSnapshotIdentifier": "snapshot", "SourceDBClusterSnapshotIdentifier": "cluster-snapshot",
    "TargetDBClusterSnapshotIdentifier": "cluster-snapshot", "SnapshotIdentifier": "cluster-snapshot",
    "DBSubnetGroupName": "subgrp", "DBParameterGroupName": "pg", "DBClusterParameterGroupName": "cluster-pg",
    "OptionGroupName": "og",
}
# What these make, by the parameter that names it.
_MADE = {
    "RestoreDBInstanceFromDBSnapshot": "DBInstanceIdentifier", "RestoreDBClusterFromSnapshot": "DBClusterIdentifier",
    "CreateDBInstance": "DBInstanceIdentifier",
}
# What a call that lists is about, also when it names none.
_LISTED = {
    "DescribeDBInstances": "db", "DescribeDBClusters": "cluster", "DescribeDBSnapshots": "snapshot",
    "DescribeDBClusterSnapshots": "cluster-snapshot", "DescribeDBSubnetGroups": "subgrp", "DescribeDBParameterGroups": "pg",
    "DescribeDBClusterParameterGroups": "cluster-pg",
}
_TAGGING = {"rds": "AddTagsToResource", "redshift": "CreateTags"}


def install() -> None:
    """Have permissions of RDS and Redshift checked as those of EC2 are."""
    permissions.NEEDS["rds"] = lambda call: _with_tagging(call, _rds(call))
    permissions.NEEDS["redshift"] = lambda call: _with_tagging(call, _redshift(call)) + _roles(call)


def _with_tagging(call: Call, arns: list[str]) -> list[Need]:
    """A need for each resource; one more for each that is made with tags. The request's tags are keys of them all."""
    tags = call.tags("Tags.Tag")
    keys = _request_tags(call, tags)
    found = [Need(call.name, arn, {**_resource_tags(call, arn), **keys}) for arn in arns]
    made = arns[-1:] if tags and call.action.startswith(("Create", "Copy", "Restore")) else []
    tagging = f"{call.service}:{_TAGGING[call.service]}"
    return (found or [Need(call.name, "*", keys)]) + [
        Need(tagging, arn, keys) for arn in made if tagging != call.name
    ]


def _roles(call: Call) -> list[Need]:
    """The roles that a cluster is given."""
    return [permissions.passing(role, "redshift.amazonaws.com") for role in call.numbered("IamRoles.IamRoleArn")]


def _rds(call: Call) -> list[str]:
    """The ARNs of the resources that a call to RDS names; what is made comes last."""
    if resource := call.params.get("ResourceName"):
        return [resource]
    made = _MADE.get(call.action, "")
    names = sorted((name for name in _RDS if call.params.get(name)), key=lambda name: name == made)
    named = [_rds_arn(call, _RDS[name], call.params[name]) for name in names]
    listed = _LISTED.get(call.action)
    if listed and not any(f":{listed}:" in arn for arn in named):
        named.append(_rds_arn(call, listed, "*"))
    return named


def _rds_arn(call: Call, kind: str, identifier: str) -> str:
    if identifier.startswith("arn:"):
        return identifier
    return f"arn:aws:rds:{call.region}:{call.account}:{kind}:{identifier.lower()}"


def _redshift(call: Call) -> list[str]:
    """The ARNs of the resources that a call to Redshift names. Calls that list are held against `*`."""
    if resource := call.params.get("ResourceName"):
        return [resource]
    if call.action.startswith("Describe"):
        return []
    prefix = f"arn:aws:redshift:{call.region}:{call.account}"
    cluster, name = call.params.get("ClusterIdentifier"), call.params.get("SnapshotIdentifier")
    if call.action == "RestoreFromClusterSnapshot":
        owner = call.params.get("OwnerAccount", call.account)
        name = name or call.params.get("SnapshotArn", "").rsplit("/", 1)[-1]
        source = redshift_backends[owner][call.region].snapshots.get(name)
        of = source.cluster_identifier if source else "*"
        return [f"arn:aws:redshift:{call.region}:{owner}:snapshot:{of}/{name}", f"{prefix}:cluster:{cluster}"]
    if name:
        snapshot = redshift_backends[call.account][call.region].snapshots.get(name)
        owner = cluster or call.params.get("SnapshotClusterIdentifier") or (snapshot.cluster_identifier if snapshot else "*")
        return [f"{prefix}:snapshot:{owner}/{name}"]
    return [f"{prefix}:cluster:{cluster}"] if cluster else []


def _request_tags(call: Call, tags: dict[str, str]) -> dict[str, Any]:
    prefixes = ("aws:requesttag", "rds:req-tag") if call.service == "rds" else ("aws:requesttag",)
    keys: dict[str, Any] = {f"{prefix}/{key}".lower(): value for key, value in tags.items() for prefix in prefixes}
    named = list(tags) or call.numbered("TagKeys.member") or call.numbered("TagKeys.TagKey")
    return {**keys, "aws:tagkeys": named} if named else keys


def _resource_tags(call: Call, arn: str) -> dict[str, Any]:
    """The tags of an existing resource, as `aws:ResourceTag` and as RDS's own keys, `rds:snapshot-tag` and the like."""
    parts = arn.split(":", 6)
    if len(parts) != 7:
        return {}
    kind, identifier = parts[5], parts[6]
    if call.service == "rds":
        backend = rds_backends[call.account][call.region]
        stores = {"db": backend.databases, "cluster": backend.clusters, "snapshot": backend.database_snapshots,
                  "cluster-snapshot": backend.cluster_snapshots}
    else:
        warehouse = redshift_backends[call.account][call.region]
        stores = {"cluster": warehouse.clusters, "snapshot": warehouse.snapshots}
        identifier = identifier.rsplit("/", 1)[-1]
    found = stores[kind].get(identifier) if kind in stores else None
    prefixes = ("aws:resourcetag", f"rds:{kind}-tag") if call.service == "rds" else ("aws:resourcetag",)
    return {
        f"{prefix}/{tag['Key']}".lower(): tag["Value"] for tag in (found.tags if found else []) for prefix in prefixes
    }
