"""Snapshots and images of other accounts: who may see them and make something of them.

moto keeps what is shared on record and gives it to nobody. On AWS a snapshot that is shared can be described and restored
by the other account, without its tags; an image can be launched from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.responses import EmptyResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter

from .errors import AwsError


def install() -> None:
    """Put every patch of this module in place."""
    EBSBackend.describe_snapshots = describe_snapshots
    ElasticBlockStore.modify_snapshot_attribute = modify_snapshot_attribute


def others(backend: Any) -> Iterator[Any]:
    """The same Region of the other accounts."""
    for account, regions in list(ec2_backends.items()):
        if account != backend.account_id and backend.region_name in list(regions):
            yield regions[backend.region_name]


def is_shared(snapshot: Any, account: str) -> bool:
    """Whether an account may make volumes of another's snapshot."""
    return account in snapshot.create_volume_permission_userids or "all" in snapshot.create_volume_permission_groups


def shared_snapshots(backend: Any) -> list[Any]:
    """The snapshots that others share with an account."""
    return [
        snapshot for other in others(backend) for snapshot in list(other.snapshots.values())
        if is_shared(snapshot, backend.account_id)
    ]


def restorable(backend: Any, snapshot_id: str) -> Any:
    """A snapshot that the account has, or that is shared with it."""
    if found := backend.snapshots.get(snapshot_id):
        return found
    for snapshot in shared_snapshots(backend):
        if snapshot.id == snapshot_id:
            return snapshot
    raise AwsError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")


def describe_snapshots(backend: Any, snapshot_ids: list[str] | None = None, filters: Any = None) -> list[Any]:
    """As moto's, and those that are shared with the account."""
    found = [*list(backend.snapshots.values()), *shared_snapshots(backend)]
    if snapshot_ids:
        present = {snapshot.id for snapshot in found}
        for missing in (it for it in snapshot_ids if it not in present):
            raise AwsError("InvalidSnapshot.NotFound", f"The snapshot '{missing}' does not exist.")
        found = [snapshot for snapshot in found if snapshot.id in snapshot_ids]
    return generic_filter(filters, found) if filters else found


def modify_snapshot_attribute(response: Any) -> EmptyResult:
    """AWS's ModifySnapshotAttribute, in both its forms. What is encrypted with AWS's own key is not shared."""
    backend, snapshot_id = response.ec2_backend, response._get_param("SnapshotId")
    snapshot = backend.snapshots.get(snapshot_id)
    if snapshot is None:
        raise AwsError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
    given = response._get_param("CreateVolumePermission", {})
    changes = {"add": list(given.get("Add", [])), "remove": list(given.get("Remove", []))}
    if operation := response._get_param("OperationType"):
        changes[operation] += [{"UserId": user} for user in response._get_param("UserIds", [])]
        changes[operation] += [{"Group": group} for group in response._get_param("GroupNames", [])]
    for entry in (entry for entries in changes.values() for entry in entries):
        user, group = str(entry.get("UserId", "0" * 12)), entry.get("Group", "all")
        if len(user) != 12 or not user.isdigit():
            raise AwsError("InvalidParameterValue", f"Invalid value '{user}' for userId. Must be a 12 digit account number.")
        if group != "all":
            raise AwsError("InvalidParameterValue", f"Invalid value '{group}' for group. Must be 'all'.")
    if changes["add"] and snapshot.encrypted and snapshot.kms_key_id == backend.default_kms_key_id:
        raise AwsError("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
    if any("Group" in entry for entry in changes["add"]) and snapshot.encrypted:
        raise AwsError("OperationNotPermitted", "Encrypted snapshots cannot be made public")
    for entry in changes["add"]:
        _of(snapshot, entry).add(entry.get("UserId") or entry.get("Group"))
    for entry in changes["remove"]:
        _of(snapshot, entry).discard(entry.get("UserId") or entry.get("Group"))
    return EmptyResult()


def _of(snapshot: Any, entry: dict[str, str]) -> set[str]:
    """What an entry of a permission is written to."""
    if "UserId" in entry:
        return snapshot.create_volume_permission_userids  # type: ignore[no-any-return]
    return snapshot.create_volume_permission_groups  # type: ignore[no-any-return]
