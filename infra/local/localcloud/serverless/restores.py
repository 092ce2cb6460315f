"""Tables that are restored from backups: they take their time, say of what they were made, and IAM asks for all that it takes
to fill them.

ministack's are there at once, and any caller that may restore may fill. On AWS a table is CREATING until all is in it, and
nothing can be done with it meanwhile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb, kms

from . import backups

# "Required permissions for restoring a table" (DynamoDB developer guide, "Using IAM with DynamoDB backup and restore").
_FILLS = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")


def install() -> None:
    """Put every patch of this module in place."""
    restore, describe = dynamodb._restore_table_from_backup, dynamodb._describe_table
    request = dynamodb._restore_create_request
    checks = iam_actions.dynamodb_transaction_checks

    def restore_table(data: dict[str, Any]) -> Any:
        """On AWS the new table is CREATING, and its key has to be enabled."""
        if refused := _key_refused(data.get("SSESpecificationOverride") or {}):
            return refused
        status, headers, body = restore(data)
        if status != 200:
            return status, headers, body
        table = dynamodb._tables[data["TargetTableName"]]
        table["TableStatus"], table["_ready"] = "CREATING", time.time() + backups.seconds("restore_seconds")
        source = dynamodb._backups[data["BackupArn"]]["SourceTableDetails"]
        table["RestoreSummary"]["SourceTableArn"] = source["TableArn"]
        return dynamodb.json_response({"TableDescription": _described(json.loads(body)["TableDescription"], table)})

    def create_request(*given: Any) -> dict[str, Any]:
        """On AWS a restore may say what the table can take and with which key it is encrypted."""
        made, data = request(*given), given[5]
        if made["BillingMode"] == "PROVISIONED" and (override := data.get("ProvisionedThroughputOverride")):
            made["ProvisionedThroughput"] = override
        for index in made.get("GlobalSecondaryIndexes", []) if made["BillingMode"] != "PROVISIONED" else ():
            index.pop("ProvisionedThroughput", None)
        if override := data.get("SSESpecificationOverride"):
            made["SSESpecification"] = override
        return dict(made)

    def describe_table(data: dict[str, Any]) -> Any:
        """On AWS a restored table says of what it was made."""
        table = _current(data.get("TableName"))
        status, headers, body = describe(data)
        if status != 200 or table is None or "RestoreSummary" not in table:
            return status, headers, body
        return dynamodb.json_response({"Table": _described(json.loads(body)["Table"], table)})

    def needed(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        """On AWS a restore needs its own action on the backup and on the table, and those that fill the table."""
        if action != "dynamodb:RestoreTableFromBackup":
            return checks(action, body, region, account)
        arns = iam_actions.dynamodb_resource_arns(body, region, account)
        return [(action, arn) for arn in arns] + [(f"dynamodb:{name}", arn) for arn in arns[1:] for name in _FILLS]

    dynamodb._restore_table_from_backup = restore_table
    dynamodb._restore_create_request = create_request
    dynamodb._describe_table = describe_table
    iam_actions.dynamodb_transaction_checks = needed
    for name in ("_tag_resource", "_update_table", "_delete_table"):
        setattr(dynamodb, name, _when_ready(getattr(dynamodb, name)))


def _when_ready(original: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """On AWS a table that is being restored is neither changed nor tagged nor deleted."""
    def wait(data: dict[str, Any]) -> Any:
        named = data.get("TableName") or data.get("ResourceArn")
        table = _current(named)
        if table is not None and "_ready" in table:
            return dynamodb.error_response_json(
                "ResourceInUseException",
                f"Attempt to change a resource which is still in use: Table is being created: {table['TableName']}", 400,
            )
        return original(data)

    return wait


def _current(named: Any) -> Any:
    """A table, with the state that it has by now."""
    name = dynamodb._normalize_table_name(named) if isinstance(named, str) and named else ""
    table = dynamodb._tables.get(name)
    if table is not None and time.time() >= table.get("_ready", float("inf")):
        del table["_ready"]
        if table["TableStatus"] == "CREATING":
            table["TableStatus"] = "ACTIVE"
    return table


def _described(description: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    description["TableStatus"] = table["TableStatus"]
    description["RestoreSummary"] = {**table["RestoreSummary"], "RestoreInProgress": "_ready" in table}
    return description


def _key_refused(encryption: dict[str, Any]) -> Any:
    """DynamoDB's answer to a key that it cannot use; None when it can, or when none is named."""
    named = encryption.get("KMSMasterKeyId")
    if not named or "alias/aws/" in named:
        return None
    found = kms._resolve_key(named)
    if found is not None and found["KeyState"] == "Enabled":
        return None
    state = f"The key {named} is {found['KeyState']}" if found else f"Invalid keyId {named}"
    return dynamodb.error_response_json(
        "ValidationException", f"One or more parameter values were invalid: KMS validation error: {state}", 400,
    )
