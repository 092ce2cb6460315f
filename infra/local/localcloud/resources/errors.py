"""Errors in the forms that AWS's SDKs parse."""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

_JSON_SERVICES = ("ssm", "ebs", "kms")


class AwsError(Exception):
    """An AWS error: its code, its message, its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def render(service: str, error: AwsError) -> tuple[str, bytes]:
    """Content type and body of an error answer, in the protocol of the service."""
    request_id = str(uuid.uuid4())
    code, message = escape(error.code), escape(error.message)
    if service in _JSON_SERVICES:
        return "application/x-amz-json-1.1", json.dumps({"__type": error.code, "message": error.message}).encode()
    if service == "ec2":
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{code}</Code>'
            f"<Message>{message}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    else:
        kind = "Receiver" if error.status >= 500 else "Sender"
        text = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return "text/xml;charset=UTF-8", text.encode()


def throttled(service: str) -> AwsError:
    """What a service answers when its token bucket is empty."""
    if service == "ec2":
        return AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
    if service in _JSON_SERVICES:
        return AwsError("ThrottlingException", "Rate exceeded", 400)
    return AwsError("Throttling", "Rate exceeded", 400)
