"""On-demand backups of DynamoDB tables, as AWS makes them; and their steering.

ministack's backups are available at once, of any table, under any name. On AWS a backup is CREATING for a while, holds
its table meanwhile, and needs a table that is neither being created nor deleted and whose backups have been enabled.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb

from ..settings import ACCOUNT, REGION

_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_NAME_MIN, _NAME_MAX, _PAGE_MAX = 3, 255, 100
_TYPES = ("USER", "SYSTEM", "AWS_BACKUP", "ALL")
_SYSTEM_DAYS = 35
_DEFAULTS = {"backup_seconds": 1.0, "enabling_seconds": 0.0, "restore_seconds": 1.0}
# How long a backup is CREATING, how long after its creation a table has no backups yet, how long a restored table is CREATING.
_behaviour = dict(_DEFAULTS)


def install() -> None:
    """Put every patch of this module in place."""
    create, describe, delete = dynamodb._create_backup, dynamodb._describe_backup, dynamodb._delete_backup
    delete_table, restore = dynamodb._delete_table, dynamodb._restore_table_from_backup

    def create_backup(data: dict[str, Any]) -> Any:
        """On AWS names and states bind, and a backup is CREATING first."""
        refused = _name_refused(data.get("BackupName")) or _table_refused(data.get("TableName"))
        return refused or _begun(create(data))

    def describe_backup(data: dict[str, Any]) -> Any:
        """On AWS a backup becomes AVAILABLE with time."""
        _refresh()
        return describe(data)

    def delete_backup(data: dict[str, Any]) -> Any:
        """On AWS a backup that is being created stays; the answer to a deletion says DELETED."""
        if refused := _unfinished(data.get("BackupArn")):
            return refused
        if backup := dynamodb._backups.get(data.get("BackupArn")):
            backup["BackupDetails"]["BackupStatus"] = "DELETED"
        return delete(data)

    def restore_table(data: dict[str, Any]) -> Any:
        """On AWS a backup that is being created cannot be restored."""
        return _unfinished(data.get("BackupArn")) or restore(data)

    def remove_table(data: dict[str, Any]) -> Any:
        """On AWS a table stays while it is backed up, and one with point-in-time recovery leaves a SYSTEM backup."""
        name = dynamodb._normalize_table_name(data.get("TableName"))
        if name in dynamodb._tables:
            if _in_progress(name):
                return _error("ResourceInUseException",
                              f"Attempt to change a resource which is still in use: Table is being backed up: {name}")
            if dynamodb._pitr_settings.get(name) and not dynamodb._tables[name].get("DeletionProtectionEnabled"):
                _keep(name, create)
        return delete_table(data)

    dynamodb._backup_arn = backup_arn
    dynamodb._create_backup = create_backup
    dynamodb._describe_backup = describe_backup
    dynamodb._delete_backup = delete_backup
    dynamodb._list_backups = list_backups
    dynamodb._delete_table = remove_table
    dynamodb._restore_table_from_backup = restore_table


def backup_arn(table: str, _: str) -> str:
    """On AWS the id of a backup is its time in milliseconds, of 14 digits, and 8 hexadecimal digits."""
    place = f"{get_region()}:{get_account_id()}"
    return f"arn:aws:dynamodb:{place}:table/{table}/backup/{int(time.time() * 1000):014d}-{dynamodb.new_uuid()[:8]}"


def _error(code: str, message: str) -> Any:
    return dynamodb.error_response_json(code, message, 400)


def _invalid(value: Any, member: str, constraint: str) -> Any:
    """DynamoDB's words for a parameter that breaks a constraint of its shape."""
    return _error("ValidationException", f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
                                         f"constraint: Member must {constraint}")


def _name_refused(name: Any) -> Any:
    """DynamoDB's answer to a name that it does not take; None for one that it does, or for none at all."""
    if not name:
        return None
    if len(name) < _NAME_MIN:
        return _invalid(name, "backupName", f"have length greater than or equal to {_NAME_MIN}")
    if len(name) > _NAME_MAX:
        return _invalid(name, "backupName", f"have length less than or equal to {_NAME_MAX}")
    if not _NAME.fullmatch(name):
        return _invalid(name, "backupName", f"satisfy regular expression pattern: {_NAME.pattern}")
    return None


def _table_refused(given: Any) -> Any:
    """DynamoDB's answer when a table cannot be backed up now; None when it can, or is not there."""
    name = dynamodb._normalize_table_name(given) if given else ""
    table = dynamodb._tables.get(name)
    if table is None:
        return None
    if table["TableStatus"] in ("CREATING", "DELETING"):
        return _error("TableInUseException", f"Table is being created or deleted: {name}")
    if time.time() < table["CreationDateTime"] + _behaviour["enabling_seconds"]:
        return _error("ContinuousBackupsUnavailableException",
                      f"Backups are being enabled for the table: {name}. Please retry later")
    if _in_progress(name):
        return _error("BackupInUseException", f"Backup is being created for the table: {name}")
    return None


def _begun(answer: Any) -> Any:
    """The answer to CreateBackup, with the backup CREATING from now on."""
    status, _, body = answer
    if status != 200:
        return answer
    backup = dynamodb._backups[json.loads(body)["BackupDetails"]["BackupArn"]]
    backup["BackupDetails"]["BackupStatus"] = "CREATING"
    backup["_ready"] = time.time() + _behaviour["backup_seconds"]
    return dynamodb.json_response({"BackupDetails": backup["BackupDetails"]})


def _unfinished(arn: Any) -> Any:
    """DynamoDB's answer when a backup is not made yet; None when it is, or is not there."""
    _refresh()
    backup = dynamodb._backups.get(arn)
    if backup is not None and backup["BackupDetails"]["BackupStatus"] == "CREATING":
        return _error("BackupInUseException", f"Backup is being created: {arn}")
    return None


def _refresh() -> None:
    """Make available what has been CREATING for long enough."""
    for backup in list(dynamodb._backups.values()):
        if backup["BackupDetails"]["BackupStatus"] == "CREATING" and time.time() >= backup.get("_ready", 0):
            backup["BackupDetails"]["BackupStatus"] = "AVAILABLE"


def _in_progress(table: str) -> bool:
    _refresh()
    return any(
        backup["SourceTableDetails"]["TableName"] == table and backup["BackupDetails"]["BackupStatus"] == "CREATING"
        for backup in list(dynamodb._backups.values())
    )


def _keep(table: str, create: Callable[[dict[str, Any]], Any]) -> None:
    """The backup that DynamoDB makes itself of a table with point-in-time recovery that is deleted."""
    made = json.loads(create({"TableName": table, "BackupName": f"{table}$DeletedTableBackup"})[2])["BackupDetails"]
    dynamodb._backups[made["BackupArn"]]["BackupDetails"].update({
        "BackupType": "SYSTEM", "BackupExpiryDateTime": made["BackupCreationDateTime"] + _SYSTEM_DAYS * 86_400,
    })


def list_backups(data: dict[str, Any]) -> Any:
    """On AWS only USER backups are listed unless asked otherwise, the time range binds, and pages go on after a backup
    that is gone by then."""
    _refresh()
    limit, kind = data.get("Limit", _PAGE_MAX), data.get("BackupType", "USER")
    if not 1 <= limit <= _PAGE_MAX:
        bound = "less than or equal to 100" if limit > _PAGE_MAX else "greater than or equal to 1"
        return _invalid(limit, "limit", f"have value {bound}")
    if kind not in _TYPES:
        return _invalid(kind, "backupType", f"satisfy enum value set: [{', '.join(_TYPES)}]")
    table = dynamodb._normalize_table_name(data.get("TableName") or "")
    lower, upper = data.get("TimeRangeLowerBound", 0), data.get("TimeRangeUpperBound", float("inf"))
    after = data.get("ExclusiveStartBackupArn", "")
    found = [
        _summary(backup) for arn, backup in sorted(dynamodb._backups.items())
        if arn > after
        and (not table or backup["SourceTableDetails"]["TableName"] == table)
        and kind in ("ALL", backup["BackupDetails"]["BackupType"])
        and lower <= backup["BackupDetails"]["BackupCreationDateTime"] < upper
    ]
    answer: dict[str, Any] = {"BackupSummaries": found[:limit]}
    if len(found) > limit:
        answer["LastEvaluatedBackupArn"] = found[limit - 1]["BackupArn"]
    return dynamodb.json_response(answer)


def _summary(backup: dict[str, Any]) -> dict[str, Any]:
    source = backup["SourceTableDetails"]
    return {**{name: source[name] for name in ("TableName", "TableId", "TableArn")}, **backup["BackupDetails"]}


def behave(changes: dict[str, Any] | None) -> dict[str, float]:
    """Change how backups behave, or with None go back to the defaults: `/_cloud/backups`."""
    if changes is None:
        _behaviour.update(_DEFAULTS)
        return _behaviour
    for name, value in changes.items():
        if name not in _DEFAULTS or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ValueError(f"known settings, numbers of 0 or more: {', '.join(_DEFAULTS)}")
    _behaviour.update(changes)
    return _behaviour


def seconds(name: str) -> float:
    """One of the times in force."""
    return _behaviour[name]


def set_table(data: dict[str, Any]) -> dict[str, str]:
    """Set the status of a table: `POST /_cloud/tables`."""
    account, region = data.get("account", ACCOUNT), data.get("region", REGION)
    table = dynamodb._tables.get_scoped(account, region, data.get("table", ""))
    if table is None or not data.get("status"):
        raise ValueError("give the name of a table that exists, and a status")
    table["TableStatus"] = str(data["status"])
    return {"table": table["TableName"], "status": table["TableStatus"]}
