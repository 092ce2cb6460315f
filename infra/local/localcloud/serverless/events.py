"""Events that AWS's services send: the resource plane hands them in, ministack's rules decide where they go."""

from __future__ import annotations

import contextvars
import json
import logging
import time
from datetime import datetime
from typing import Any

from ministack.core.responses import new_uuid, set_request_account_id, set_request_region
from ministack.services import eventbridge, lambda_svc

_log = logging.getLogger("events")


def install() -> None:
    """Put every patch of this module in place."""
    eventbridge._dispatch_to_lambda = invoke_function


def invoke_function(arn: str, payload: str) -> None:
    """Rules and schedules invoke a function asynchronously: AWS repeats a failed one twice (here after 1 s and 2 s)."""
    func, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not func or not config:
        _log.error("function %s not found", name)
        return
    try:
        event = json.loads(payload)
    except ValueError:
        event = payload
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(func, config), event)


def deliver(event: dict[str, Any], bus_account: str, bus_region: str) -> int:
    """Put one event through the rules of an account's and region's default bus; answers how many rules matched.

    `PutEvents` refuses sources that begin with `aws.`, here as on AWS: this is the door of AWS's own services. The event
    keeps its own account and region, as one that a rule of another account or region forwarded does.
    """
    return contextvars.copy_context().run(_deliver, event, bus_account, bus_region)


def _deliver(event: dict[str, Any], bus_account: str, bus_region: str) -> int:
    set_request_account_id(bus_account)
    set_request_region(bus_region)
    record = {
        "EventId": event.get("id") or new_uuid(),
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": event["detail"],
        "EventBusName": "default",
        "Time": _epoch(event.get("time")),
        "Resources": event.get("resources", []),
        "Account": event["account"],
        "Region": event["region"],
    }
    eventbridge._ensure_default_bus()
    eventbridge._events_log_list().append(record)
    view = eventbridge._pattern_event_view(record)
    matched = sum(
        1
        for key, rule in eventbridge._rules.items()
        if rule.get("EventBusName", "default") == "default"
        and rule.get("State") == "ENABLED"
        and rule.get("EventPattern")
        and eventbridge._matches_pattern_view(rule["EventPattern"], view, f"rule {key}")
    )
    eventbridge._dispatch_event(record, view)
    return matched


def _epoch(text: str | None) -> int:
    """Seconds since 1970 of a time like 2026-01-31T12:00:00Z; now when there is none."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) if text else int(time.time())
