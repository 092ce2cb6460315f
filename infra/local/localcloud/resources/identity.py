"""Who calls: the account and the policies of an access key, as the serverless plane's IAM and STS know them."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from ministack.core.iam_evaluator import ParsedStatement

from .errors import AwsError

_SECONDS = 2.0
Policies = list[list[ParsedStatement]]


@dataclass(frozen=True)
class Principal:
    """A caller. `policies` is None for an account's root, who may do all."""

    arn: str
    kind: str
    account: str
    policies: Policies | None
    limits: list[Policies] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)


class Directory:
    """Looks callers up; remembers answers for a moment, so that a changed policy counts soon."""

    def __init__(self, serverless_url: str) -> None:
        self._url = serverless_url
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, Principal]] = {}

    def find(self, access_key: str, token: str) -> Principal:
        """The principal of a key. Unknown, expired and forged ones are refused as EC2 does.

        An account's root is known by its number and not asked for: the serverless plane calls as one, while it waits.
        """
        if re.fullmatch(r"\d{12}", access_key) and not token:
            return Principal(f"arn:aws:iam::{access_key}:root", "Root", access_key, None)
        now = time.monotonic()
        with self._lock:
            known = self._known.get((access_key, token))
        if known and now - known[0] < _SECONDS:
            return known[1]
        principal = _principal(self._ask(access_key, token))
        with self._lock:
            self._known[(access_key, token)] = (now, principal)
        return principal

    def _ask(self, access_key: str, token: str) -> dict[str, Any]:
        query = urllib.parse.urlencode({"key": access_key, "token": token})
        with urllib.request.urlopen(f"{self._url}/_cloud/principal?{query}", timeout=10) as answer:
            return json.loads(answer.read())


def _principal(data: dict[str, Any]) -> Principal:
    """Read an answer of the serverless plane."""
    if data.get("error") == "ExpiredTokenException":
        raise AwsError("RequestExpired", "Request has expired.")
    if "error" in data:
        raise AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    policies = None if data["policies"] is None else _policies(data["policies"])
    limits = [_policies(layer) for layer in data["limits"]]
    return Principal(data["arn"], data["type"], data["account"], policies, limits, data["keys"])


def _policies(documents: list[list[dict[str, Any]]]) -> Policies:
    return [[ParsedStatement(**statement) for statement in document] for document in documents]


DIRECTORY = Directory(os.environ.get("CPM_SERVERLESS_URL", "http://127.0.0.1:4566"))
