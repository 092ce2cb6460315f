"""Placement groups, which moto does not have, and zones that have no capacity left."""

from __future__ import annotations

import secrets
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.responses import EC2Response

from .behaviour import SWITCHES
from .errors import AwsError

_GROUPS: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
_STRATEGIES = ("cluster", "spread", "partition")


def install() -> None:
    """Put every patch of this module in place."""
    EC2Response.create_placement_group = create
    EC2Response.describe_placement_groups = describe
    EC2Response.delete_placement_group = delete


def groups(backend: Any) -> dict[str, dict[str, Any]]:
    """The groups of an account and Region, by name."""
    return _GROUPS.setdefault((backend.account_id, backend.region_name), {})


def create(response: Any) -> ActionResult:
    """AWS's CreatePlacementGroup."""
    mine, name = groups(response.ec2_backend), response._get_param("GroupName")
    strategy = response._get_param("Strategy") or "cluster"
    if name in mine:
        raise AwsError("InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists.")
    if strategy not in _STRATEGIES:
        raise AwsError("InvalidParameterValue", f"Value ({strategy}) for parameter strategy is invalid.")
    group_id = f"pg-0{secrets.token_hex(8)}"
    arn = f"arn:aws:ec2:{response.region}:{response.current_account}:placement-group/{name}"
    mine[name] = {"GroupName": name, "GroupId": group_id, "Strategy": strategy, "State": "available", "GroupArn": arn}
    return ActionResult({"PlacementGroup": mine[name]})


def describe(response: Any) -> ActionResult:
    """AWS's DescribePlacementGroups, by names, ids, or filters for them."""
    mine, filters = groups(response.ec2_backend), response._filters_from_querystring()
    names, ids = response._get_param("GroupNames", []), response._get_param("GroupIds", [])
    for unknown in (name for name in names if name not in mine):
        raise AwsError("InvalidPlacementGroup.Unknown", f"The Placement Group '{unknown}' is unknown.")
    wanted = {"GroupName": filters.get("group-name"), "State": filters.get("state"), "Strategy": filters.get("strategy")}
    found = [
        group for group in mine.values()
        if (not names or group["GroupName"] in names) and (not ids or group["GroupId"] in ids)
        and all(values is None or group[field] in values for field, values in wanted.items())
    ]
    return ActionResult({"PlacementGroups": found})


def delete(response: Any) -> EmptyResult:
    """AWS's DeletePlacementGroup."""
    name = response._get_param("GroupName")
    if groups(response.ec2_backend).pop(name, None) is None:
        raise AwsError("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
    return EmptyResult()


def check_capacity(kind: str, zone: str, asked: bool, zones: list[str]) -> str:
    """The zone to launch in: the one that was asked for, or another that has capacity left; refused in AWS's words."""
    full = SWITCHES.now.no_capacity
    left = [it for it in zones if it not in full]
    if zone not in full:
        return zone
    if left and not asked:
        return left[0]
    advice = (
        f"You can currently get {kind} capacity by not specifying an Availability Zone in your request or choosing "
        f"{', '.join(left)}." if left else ""
    )
    raise AwsError(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). Our system "
        f"will be working on provisioning additional capacity. {advice}".rstrip(), 500,
    )
