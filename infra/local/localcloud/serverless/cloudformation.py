"""Types of CloudFormation resources that ministack lacks."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Put every patch of this module in place."""
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {"create": create, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::SSM::Document"] = {
        "create": create_document, "update": update_document, "delete": delete_document,
    }


def create(logical_id: str, properties: dict[str, Any], _: str) -> tuple[str, dict[str, Any]]:
    """On AWS the statement is put into the policy of the bus."""
    bus, statement = properties.get("EventBusName", "default"), properties["Statement"]
    if isinstance(statement, str):
        statement = json.loads(statement)
    policy = eventbridge._event_bus_policies.setdefault(bus, {"Version": "2012-10-17", "Statement": []})
    sid = properties["StatementId"]
    policy["Statement"] = [*(s for s in policy["Statement"] if s.get("Sid") != sid), {**statement, "Sid": sid}]
    return f"{bus}|{sid}", {}


def delete(physical_id: str, _: dict[str, Any]) -> None:
    """On AWS it goes with the resource."""
    bus, _, sid = physical_id.partition("|")
    eventbridge._remove_permission({"EventBusName": bus, "StatementId": sid})


def create_document(_: str, properties: dict[str, Any], __: str) -> tuple[str, dict[str, Any]]:
    """On AWS the document is in Systems Manager, which is on the resource plane here."""
    optional = {name: properties[name] for name in ("DocumentType", "TargetType") if name in properties}
    _ssm().create_document(**_content(properties), **optional)
    return properties["Name"], {}


def update_document(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], *_: Any
) -> tuple[str, dict[str, Any]]:
    """On AWS `NewVersion` makes a version and the default one of it; without it a document is replaced."""
    if new.get("UpdateMethod") != "NewVersion" or new["Name"] != physical_id:
        raise ValueError("a document is only updated by UpdateMethod NewVersion here, under its name")
    if old["Content"] != new["Content"]:
        made = _ssm().update_document(**_content(new), DocumentVersion="$LATEST")["DocumentDescription"]
        _ssm().update_document_default_version(Name=physical_id, DocumentVersion=made["DocumentVersion"])
    return physical_id, {}


def delete_document(physical_id: str, _: dict[str, Any]) -> None:
    """On AWS it goes with the resource."""
    _ssm().delete_document(Name=physical_id)


def _content(properties: dict[str, Any]) -> dict[str, str]:
    # CloudFormation hands an object over in the document's format, and JSON is YAML.
    content = properties["Content"]
    text = content if isinstance(content, str) else json.dumps(content)
    return {"Name": properties["Name"], "Content": text, "DocumentFormat": properties.get("DocumentFormat", "JSON")}


def _ssm() -> Any:
    """Systems Manager as the root of the stack's account, in the stack's Region. Nothing else is served meanwhile."""
    return boto3.client(
        "ssm", region_name=get_region(), aws_access_key_id=get_account_id(), aws_secret_access_key="test",
        config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}),
    )
