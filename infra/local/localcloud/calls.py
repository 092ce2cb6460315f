"""The record of API calls: who called which action of which service, and what came of it.

Both planes append to one file, a line for each call. A test compares it with the roles in the template.
"""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
_APP = re.compile(r"(?:^|\s)app/(\S+)")
_XML_CODE = re.compile(r"<Code>([^<]+)</Code>")


@dataclass(frozen=True)
class Scope:
    """What a SigV4 Authorization header says of a request; empty strings for an unsigned one."""

    access_key: str = ""
    region: str = ""
    service: str = ""

    @staticmethod
    def of_authorization(header: str) -> Scope:
        """Parse the credential scope of `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...`."""
        match = _CREDENTIAL.search(header)
        return Scope(match.group(1), match.group(3), match.group(4)) if match else Scope()


def app_of_user_agent(user_agent: str) -> str:
    """The application id that AWS SDKs put in as `app/<id>` (AWS_SDK_UA_APP_ID); empty when there is none."""
    match = _APP.search(user_agent)
    return match.group(1) if match else ""


def error_code(status: int, body: bytes) -> str:
    """The AWS error code in an answer of any of AWS's protocols; empty for a success."""
    if status < 400:
        return ""
    text = body.decode("utf-8", "replace")
    if match := _XML_CODE.search(text):
        return match.group(1)
    try:
        document = json.loads(text)
    except ValueError:
        return str(status)
    code = document.get("__type") or document.get("code") or document.get("Code") if isinstance(document, dict) else ""
    return str(code or status).rsplit("#", 1)[-1]


@dataclass(frozen=True)
class CallRecord:
    """One API call and its outcome. `status` 0: the connection was dropped. `parts`: the IAM actions of a DynamoDB
    transaction, one an item, for which IAM has no action of its own."""

    plane: str
    service: str
    action: str
    region: str
    account: str
    status: int
    error: str
    app: str
    principal: str = ""
    parts: tuple[str, ...] = ()


class CallLog:
    """Appends records to a file; safe among threads and among processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def append(self, record: CallRecord) -> None:
        """Write one line in a single append, so that lines of two processes never mix."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, **asdict(record)}, separators=(",", ":")) + "\n"
        with self._lock:
            if not self._path.exists():  # someone removed it to start afresh
                os.close(self._file)
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.write(self._file, line.encode())
