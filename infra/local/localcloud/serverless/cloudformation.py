"""Types of CloudFormation resources that ministack lacks."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Put every patch of this module in place."""
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {"create": create, "delete": delete}


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
