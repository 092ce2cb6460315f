"""The dispatcher with 10,000 due slots, and with 10,000 of which 10 are due."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.bench.binaries import variables
from tests.bench.figure import Report
from tests.bench.ground import Ground
from tests.runtime_api import LocalServer, Runtime
from tests.cloud import HOME, REGION, REPOSITORY, Cloud, load_template

SLOTS, FEW = 10_000, 10
TIME_LIMIT = 55
"""The function's, in seconds."""


class Executions:
    """A Step Functions that only counts what is started, and refuses no name but one that it has had."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.lock = threading.Lock()


@contextmanager
def step_functions() -> Iterator[tuple[str, Executions]]:
    """The stub, as an endpoint and what it counted."""
    executions = Executions()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """StartExecution."""
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with executions.lock:
                executions.names[asked["name"]] += 1
            arn = f"arn:aws:states:{REGION}:{HOME}:execution:bench:{asked['name']}"
            body = json.dumps({"executionArn": arn, "startDate": time.time()}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = LocalServer(Handler)
    try:
        yield f"http://127.0.0.1:{server.server_port}", executions
    finally:
        server.close()


class Slots:
    """A table of its own in the real shape: one schedule, and as many policies as there are slots."""

    def __init__(self, ground: Ground, cloud: Cloud) -> None:
        self._deployed, self.cloud = ground.cloud, cloud
        self._client = cloud.client("dynamodb")
        self.name = "bench-slots"
        self._due = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(hours=1)
        ground.apply({
            "schedules": [{
                "name": "daily", "repeat": {"every": 1, "unit": "days"}, "timezone": "UTC",
                "start": f"{self._due:%Y-%m-%dT%H:%M}",
            }],
            "policies": [{"name": "slot", "account": "main", "schedules": ["daily"]}],
        })
        definition = load_template("template.yaml")["Resources"]["Table"]["Properties"]
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        self._client.create_table(TableName=self.name, **{key: definition[key] for key in wanted})
        self._schedule = self._real("OWNER#root#SCHEDULES", "daily")
        self._slot = self._real("OWNER#root#POLICY#slot", "SLOT#daily")
        self._owner = self._real("OWNERS", "root")

    def _real(self, pk: str, sk: str) -> dict[str, Any]:
        """An item as the suite itself wrote it."""
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        table = self._deployed.client("dynamodb")
        return dict(table.get_item(TableName=self._deployed.outputs["TableName"], Key=key)["Item"])

    def _at(self, number: int, at: datetime) -> dict[str, Any]:
        """The slot of a policy, due at an instant."""
        policy = f"policy-{number:05}"
        return {
            **self._slot, "pk": {"S": f"OWNER#root#POLICY#{policy}"}, "next": {"S": f"{at:%Y-%m-%dT%H:%M:%SZ}"},
            "due_sk": {"S": f"{at:%Y-%m-%dT%H:%M:%S}.000000000Z#root#{policy}#SLOT#daily"},
        }

    def fill(self, due: int) -> None:
        """10,000 slots, so many of which are due; the others are in a month."""
        later = self._due + timedelta(days=30)
        items = [self._owner, self._schedule]
        items += [self._at(number, self._due if number < due else later) for number in range(SLOTS)]
        for begin in range(0, len(items), 25):
            batch = [{"PutRequest": {"Item": item}} for item in items[begin : begin + 25]]
            self._client.batch_write_item(RequestItems={self.name: batch})


def dispatcher(ground: Ground, report: Report) -> None:
    """Both figures, with the release binary alone, and a table for itself."""
    cloud = Cloud(REPOSITORY / ".local" / "bench-table")
    try:
        cloud.up(auth=False)
        measure(ground, report, Slots(ground, cloud))
    finally:
        cloud.down()


def measure(ground: Ground, report: Report, slots: Slots) -> None:
    """10,000 due, then 10 due of 10,000."""
    slots.fill(SLOTS)
    all_due, seconds, names, _ = tick(ground, slots, "bench-all")
    again, _, _, _ = tick(ground, slots, "bench-again")
    # A start whose answer was lost is asked for again under its name, which Step Functions takes once.
    claimed = all_due["started"] == SLOTS and len(names) == SLOTS
    report.holds(
        "seconds for a tick of the dispatcher with 10,000 due slots", round(seconds, 1), TIME_LIMIT,
        claimed and not all_due["cut_short"] and again["started"] == 0 and seconds <= TIME_LIMIT, "s",
        started=all_due["started"], executions=len(names), left_for_the_next_tick=again["started"],
        asked_again=sum(names.values()) - SLOTS,
    )
    slots.fill(FEW)
    few_due, few_seconds, few_names, calls = tick(ground, slots, "bench-few")
    report.holds(
        "DynamoDB calls of a tick with 10,000 slots of which 10 are due", sum(calls.values()), FEW + 5,
        few_due["started"] == len(few_names) == FEW and sum(calls.values()) <= FEW + 5, "calls",
        by_action=dict(calls), seconds=round(few_seconds, 2),
    )


def tick(ground: Ground, slots: Slots, app: str) -> tuple[dict[str, Any], float, Counter[str], Counter[str]]:
    """One invocation: its answer, how long it took, what it started, what it asked of the table."""
    with step_functions() as (endpoint, executions):
        environment = {
            **variables(ground.cloud, "DispatcherFunction"), **slots.cloud.endpoints(), "CPM_TABLE": slots.name,
            "AWS_SDK_UA_APP_ID": app, "AWS_ENDPOINT_URL_SFN": endpoint,
        }
        with Runtime(ground.release / "dispatcher", environment) as runtime:
            runtime.first_poll_seconds()
            before, began = slots.cloud.call_count(), time.monotonic()
            answer = runtime.invoke({}, TIME_LIMIT)
            seconds = time.monotonic() - began
        calls = Counter(
            call["action"] for call in slots.cloud.calls(before) if (call["app"], call["service"]) == (app, "dynamodb")
        )
        return answer, seconds, executions.names, calls
