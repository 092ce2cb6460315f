"""The WSGI application: moto behind the checks, the faults, the permissions and the record of calls."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from ..calls import CallLog, CallRecord, error_code
from . import databases, describe, tags
from .behaviour import SWITCHES
from .call import Call, set_current
from .errors import AwsError, render
from .faults import FAULTS, Dropped
from .identity import DIRECTORY
from .permissions import check as check_permission
from .reboots import REBOOTS
from .ssm import api as ssm
from .ssm.agents import AGENTS

_log = logging.getLogger("resources")
Environ = dict[str, Any]
Answer = tuple[str, list[tuple[str, str]], bytes]
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
            500: "Internal Server Error", 503: "Service Unavailable"}


class Application:
    """WSGI application in front of moto's."""

    def __init__(self, moto: Callable[..., Iterable[bytes]], log: CallLog) -> None:
        self._moto, self._log = moto, log

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer /_cloud ourselves, pass on what only moto knows, treat all else as an API call."""
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_cloud/"):
            answer = control(environ)
        elif path.startswith(("/moto-api", "/favicon")):
            answer = self._pass_on(environ)
        else:
            answer = self._api(environ)
        status, headers, body = answer
        headers = [(name, value) for name, value in headers if name.lower() not in ("content-length", "connection")]
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _api(self, environ: Environ) -> Answer:
        """One API call, from the caller's identity to the record."""
        call = Call.of_request(environ)
        set_current(call)
        status, body = 0, b""
        try:
            try:
                answer = self._carried_out(call, environ)
                if answer[0].startswith("2"):
                    tags.tell(call)
                FAULTS.apply(call, "after")
            except AwsError as error:
                kind, text = render(call.service, error)
                answer = (f"{error.status} {_REASONS.get(error.status, '')}".strip(), [("Content-Type", kind)], text)
            status, body = int(answer[0].split(" ", 1)[0]), answer[2]
            return answer
        except Dropped:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("dropped on request") from None
        finally:
            set_current(None)
            self._log.append(CallRecord(
                plane="resources", service=call.service, action=call.action, region=call.region, account=call.account,
                status=status, error=error_code(status, body), app=call.app, principal=call.principal,
            ))

    def _carried_out(self, call: Call, environ: Environ) -> Answer:
        """Who calls, may they, do the parameters hold; then moto."""
        if not call.access_key:
            raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        principal = DIRECTORY.find(call.access_key, call.token)
        call.account, call.principal = principal.account, principal.arn
        FAULTS.apply(call, "before")
        if SWITCHES.now.enforce_iam:
            check_permission(call, principal)
        if call.service == "ec2":
            describe.check(call)
            tags.check(call)
        if call.service in databases.SERVICES:
            databases.check(call)
        if call.service == "ssm" and (answer := ssm.answer(call)) is not None:
            return "200 OK", [("Content-Type", "application/x-amz-json-1.1")], json.dumps(answer).encode()
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = principal.account
        return self._pass_on(environ)

    def _pass_on(self, environ: Environ) -> Answer:
        """Moto's answer, whole."""
        begun: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            begun[:] = [status, headers]
            return lambda _: None

        chunks = self._moto(environ, start)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return begun[0], begun[1], body


def control(environ: Environ) -> Answer:
    """The routes with which tests and demos steer this plane."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    route = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
    try:
        data = json.loads(body) if body else None
        answer = _control(route, data)
    except (ValueError, TypeError) as error:
        return _json("400 Bad Request", {"message": str(error)})
    return _json("200 OK", answer) if answer is not None else _json("404 Not Found", {"message": f"no route {route}"})


def _control(route: tuple[str, str], data: Any) -> Any:
    handler = _ROUTES.get(route)
    return handler(data) if handler else None


def _nothing_left(clear: Callable[[], Any]) -> list[Any]:
    clear()
    return []


_ROUTES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("GET", "/_cloud/ready"): lambda _: {"plane": "resources"},
    ("GET", "/_cloud/config"): lambda _: SWITCHES.as_json(),
    ("POST", "/_cloud/config"): lambda data: asdict(SWITCHES.change(data or {})),
    ("DELETE", "/_cloud/config"): lambda _: asdict(SWITCHES.reset()),
    ("GET", "/_cloud/faults"): lambda _: FAULTS.as_json(),
    ("POST", "/_cloud/faults"): FAULTS.add,
    ("DELETE", "/_cloud/faults"): lambda _: _nothing_left(FAULTS.clear),
    ("GET", "/_cloud/databases"): lambda _: databases.listing(),
    ("POST", "/_cloud/databases"): databases.steer,
    ("GET", "/_cloud/agents"): lambda _: AGENTS.as_json(),
    ("POST", "/_cloud/agents"): AGENTS.steer,
    ("DELETE", "/_cloud/agents"): lambda _: AGENTS.clear(),
    ("GET", "/_cloud/reboots"): lambda _: REBOOTS.as_json(),
    ("DELETE", "/_cloud/reboots"): lambda _: _nothing_left(REBOOTS.clear),
}


def _json(status: str, data: Any) -> Answer:
    return status, [("Content-Type", "application/json")], json.dumps(data).encode()
