"""KMS keys and instance profiles: they live on the serverless plane, and what this plane makes depends on them."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from typing import Any

_SERVERLESS = os.environ.get("CPM_SERVERLESS_URL", "http://127.0.0.1:4566")


def key(account: str, region: str, name: str) -> dict[str, Any]:
    """State and ARN of a key by its id, its ARN or its alias; empty when there is none."""
    return _ask("key", account=account, region=region, name=name)


def profile(account: str, name: str) -> dict[str, Any]:
    """ARN, id and roles of an instance profile by its name or ARN; empty when there is none."""
    return _ask("profile", account=account, name=name)


def refuses(backend: Any, name: str | None) -> str:
    """Why EBS cannot use a key, in AWS's words; empty when it can. A key that AWS manages always works."""
    if not name or name == getattr(backend, "default_kms_key_id", None) or "alias/aws/" in name:
        return ""
    found = key(backend.account_id, backend.region_name, name)
    if not found:
        return "The specified KMS key does not exist or is not allowed to be used"
    return "" if found["state"] == "Enabled" else f"{found['arn']} is {found['state']}."


def _ask(route: str, **query: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{_SERVERLESS}/_cloud/{route}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        return dict(json.loads(answer.read()))
