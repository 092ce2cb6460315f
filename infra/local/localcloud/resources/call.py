"""One API call to the resource plane, read from a WSGI request."""

from __future__ import annotations

import io
import json
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ..calls import Scope, app_of_user_agent
from ..settings import REGION

_RESOURCE_ID = re.compile(r"^[a-z]{1,12}-[0-9a-f]{8,17}$")
_FREE_TEXTS = ("Name", "Description")
_CURRENT = threading.local()


@dataclass
class Call:
    """Who calls what, with which parameters; and what the call brings about."""

    service: str
    action: str
    region: str
    access_key: str
    token: str
    app: str
    params: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    """The parameters of a service that speaks JSON, as they came; `params` has each of them as one text."""
    account: str = ""
    principal: str = ""
    snapshot_error: str = ""
    image_error: str = ""
    volume_error: str = ""
    instance_error: str = ""
    database_error: str = ""
    tag_changes: dict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def name(self) -> str:
        """`service:Action`, as IAM names it."""
        return f"{self.service}:{self.action}"

    def resource_ids(self) -> list[str]:
        """Every resource id among the parameters. A free text may look like one."""
        return [
            value for key, value in self.params.items()
            if _RESOURCE_ID.match(value) and ".Tag." not in key and key not in _FREE_TEXTS
        ]

    def numbered(self, prefix: str) -> list[str]:
        """The values of `<prefix>.1`, `<prefix>.2`, ... in order."""
        found = {}
        for key, value in self.params.items():
            head, _, number = key.rpartition(".")
            if head == prefix and number.isdigit():
                found[int(number)] = value
        return [found[number] for number in sorted(found)]

    def filters(self) -> dict[str, list[str]]:
        """Name and values of every `Filter.N`."""
        numbers = sorted({key.split(".")[1] for key in self.params if key.startswith("Filter.")})
        return {
            self.params.get(f"Filter.{n}.Name", ""): self.numbered(f"Filter.{n}.Value") for n in numbers
        }

    def tag_specifications(self) -> dict[str, dict[str, str]]:
        """The tags that the call gives to what it creates, by resource type."""
        found: dict[str, dict[str, str]] = {}
        for number in sorted({key.split(".")[1] for key in self.params if key.startswith("TagSpecification.")}):
            prefix = f"TagSpecification.{number}"
            kind = self.params.get(f"{prefix}.ResourceType", "")
            found.setdefault(kind, {}).update(self.tags(f"{prefix}.Tag"))
        return found

    def tags(self, prefix: str = "Tag") -> dict[str, str]:
        """The tags `<prefix>.N.Key`, `<prefix>.N.Value`."""
        return {
            value: self.params.get(key.removesuffix("Key") + "Value", "")
            for key, value in self.params.items()
            if key.startswith(f"{prefix}.") and key.endswith(".Key")
        }

    @staticmethod
    def of_request(environ: dict[str, Any]) -> Call:
        """Read a request; its body stays readable for moto."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        scope = Scope.of_authorization(environ.get("HTTP_AUTHORIZATION", ""))
        params = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            params |= dict(parse_qsl(body.decode(), keep_blank_values=True))
        document: dict[str, Any] = {}
        if environ.get("CONTENT_TYPE", "").startswith("application/x-amz-json"):
            document = _json_object(body)
            params |= {name: value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        action = params.get("Action") or target.rsplit(".", 1)[-1]
        return Call(
            service=scope.service,
            action=action or f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}",
            region=scope.region or REGION,
            access_key=scope.access_key,
            token=environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""),
            app=app_of_user_agent(environ.get("HTTP_X_AMZ_USER_AGENT", "") or environ.get("HTTP_USER_AGENT", "")),
            params=params,
            body=document,
        )


def _json_object(body: bytes) -> dict[str, Any]:
    """The object in a JSON body; empty when there is none."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def current() -> Call | None:
    """The call that this thread answers."""
    return getattr(_CURRENT, "call", None)


def set_current(call: Call | None) -> None:
    """Note the call that this thread answers."""
    _CURRENT.call = call
