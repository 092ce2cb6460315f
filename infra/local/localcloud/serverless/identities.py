"""Keys and instance profiles, for the resource plane: what it makes depends on them."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import iam, kms


def key(account: str, region: str, name: str) -> dict[str, Any]:
    """State and ARN of a key by its id, ARN or alias; empty when there is none. A key may be another account's."""
    parts = name.split(":")
    if len(parts) > 5:
        region, account = parts[3], parts[4]
    set_request_account_id(account)
    set_request_region(region)
    found = kms._resolve_key(name)
    return {"arn": found["Arn"], "state": found["KeyState"]} if found else {}


def profile(account: str, name: str) -> dict[str, Any]:
    """ARN, id and the ARNs of the roles of an instance profile by its name or ARN; empty when there is none."""
    set_request_account_id(account)
    found = iam._instance_profiles.get(name.rsplit("/", 1)[-1])
    if not found or (name.startswith("arn:") and found["Arn"] != name):
        return {}
    roles = [iam._roles.get(role if isinstance(role, str) else role["RoleName"]) for role in found.get("Roles", [])]
    return {"arn": found["Arn"], "id": found["InstanceProfileId"], "roles": [role["Arn"] for role in roles if role]}
