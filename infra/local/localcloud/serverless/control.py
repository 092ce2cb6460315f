"""The ASGI application: ministack, with a record of every call, and our own routes under /_cloud."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any
from urllib.parse import parse_qs

from ministack import app as ministack
from ministack.core import iam_evaluator as iam
from ministack.core.iam_actions import dynamodb_transaction_checks, extract_iam_action
from ministack.core.responses import get_account_id, set_request_account_id
from ministack.core.router import detect_service

from ..calls import CallLog, CallRecord, Scope, app_of_user_agent, error_code
from . import backups, events, identities

_RECORDED_BYTES = 4 * 1024 * 1024  # DynamoDB's longest transaction
_INTERNAL = ("/_ministack/", "/_localstack/", "/health", "/_aws/lambda/runtime", "/2018-06-01/runtime/")


class Application:
    """ASGI application in front of ministack's."""

    def __init__(self, log: CallLog) -> None:
        self._log = log

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer /_cloud ourselves; pass all else on and record it."""
        if scope["type"] != "http":
            await ministack.app(scope, receive, send)
        elif scope["path"].startswith("/_cloud/"):
            await self._control(scope, receive, send)
        elif scope["path"].startswith(_INTERNAL):
            await ministack.app(scope, receive, send)
        else:
            await self._recorded(scope, receive, send)

    async def _recorded(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass a call on to ministack; write down what it was and what came of it before the caller has the answer."""
        body, answer, status, written = bytearray(), bytearray(), 0, False

        def write() -> None:
            nonlocal written
            if not written:
                written = True
                self._log.append(_record(scope, bytes(body), status, bytes(answer)))

        async def listen() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "http.request" and len(body) < _RECORDED_BYTES:
                body.extend(message.get("body", b""))
            return message

        async def speak(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= 400 and len(answer) < 65_536:
                answer.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                write()
            await send(message)

        try:
            await ministack.app(scope, listen, speak)
        finally:
            write()

    async def _control(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The routes that the resource plane and the tests use."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        route = (scope["method"], scope["path"])
        query = {key: values[0] for key, values in parse_qs(scope.get("query_string", b"").decode()).items()}
        if route == ("POST", "/_cloud/events"):
            request = json.loads(body)
            matched = await asyncio.to_thread(events.deliver, request["event"], request["account"], request["region"])
            status, answer = 200, {"matched_rules": matched}
        elif route == ("GET", "/_cloud/principal"):
            status, answer = 200, principal(query.get("key", ""), query.get("token"))
        elif route == ("GET", "/_cloud/key"):
            status, answer = 200, identities.key(query["account"], query["region"], query["name"])
        elif route == ("GET", "/_cloud/profile"):
            status, answer = 200, identities.profile(query["account"], query["name"])
        elif route == ("GET", "/_cloud/ready"):
            status, answer = 200, {"plane": "serverless"}
        elif scope["path"] in ("/_cloud/backups", "/_cloud/tables"):
            status, answer = _dynamodb(*route, body)
        else:
            status, answer = 404, {"message": f"no route {route}"}
        text = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})


def _dynamodb(method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """How backups behave, and the status of tables."""
    try:
        if path == "/_cloud/tables":
            return 200, backups.set_table(json.loads(body))
        return 200, backups.behave(None if method == "DELETE" else json.loads(body or b"{}"))
    except (ValueError, AttributeError) as error:
        return 400, {"message": str(error)}


def principal(access_key: str, token: str | None) -> dict[str, Any]:
    """Who an access key is, with the policies that bind it; `policies` null means the account's root."""
    set_request_account_id(ministack._request_account_scope(access_key) if ministack.AUTH else access_key)
    account = get_account_id()
    credential = iam.resolve_credential(access_key, account, token or None)
    if isinstance(credential, iam.CredentialResolutionError):
        return {"error": credential.code}
    found = iam.resolve_principal(access_key, account, credential)
    if isinstance(found, iam.AuthError):
        return {"error": found.code}
    return dataclasses.asdict(found)


def _record(scope: dict[str, Any], body: bytes, status: int, answer: bytes) -> CallRecord:
    """What is written down of one call."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    signed = Scope.of_authorization(headers.get("authorization", ""))
    service, action = _operation(scope, headers, body)
    try:
        account = ministack._request_account_scope(signed.access_key) if signed.access_key else ""
        set_request_account_id(account)
        account = get_account_id()
    except ValueError:
        account = ""
    return CallRecord(
        plane="serverless", service=signed.service or service, action=action, region=signed.region, account=account,
        status=status, error=error_code(status, answer), app=app_of_user_agent(headers.get("user-agent", "")),
        parts=tuple(
            part.split(":", 1)[1] for part, _ in dynamodb_transaction_checks(f"{service}:{action}", body, "", account)
        ),
    )


def _operation(scope: dict[str, Any], headers: dict[str, str], body: bytes) -> tuple[str, str]:
    """Service and IAM action of a call, by ministack's own routing; for what it cannot name, method and path."""
    path, method = scope["path"], scope["method"]
    if path.startswith("/_aws/execute-api/"):
        return "execute-api", "Invoke"
    query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
    try:
        params = ministack._routing_params(method, path, headers, body, query)
        service = detect_service(method, path, headers, params)
        action = extract_iam_action(service, method, path, headers, body, params)
    except Exception:  # the record must not break the call
        service, action = "", None
    return service, action.split(":", 1)[1] if action else f"{method} {path}"
