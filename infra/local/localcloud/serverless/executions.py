"""How executions start, as on AWS: names, idempotency, nested executions."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from ministack.services import stepfunctions as sfn

from .tasks import PAYLOAD_LIMIT

_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_POLL_SECONDS = 0.05


def install() -> None:
    """Put every patch of this module in place."""
    start = sfn._start_execution

    def start_execution(data: dict[str, Any]) -> Any:
        """On AWS a name in use answers 200 for a running execution of the same input, ExecutionAlreadyExists otherwise."""
        name = data.get("name")
        if name is not None and not _NAME.fullmatch(name):
            return sfn.error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
        if len(data.get("input", "{}").encode()) > PAYLOAD_LIMIT:
            return sfn.error_response_json("ValidationException", "input exceeds 262144 bytes", 400)
        try:
            json.loads(data.get("input", "{}"))
        except ValueError:
            return sfn.error_response_json("InvalidExecutionInput", "Invalid State Machine Execution Input", 400)
        running = _running_namesake(data.get("stateMachineArn", ""), name)
        if running is not None and running["input"] == data.get("input", "{}"):
            return sfn.json_response({"executionArn": running["executionArn"], "startDate": running["startDate"]})
        return start(data)

    sfn._start_execution = start_execution
    sfn._invoke_nested_start_execution = start_nested
    sfn._invoke_nested_start_execution_sync = run_nested


def _running_namesake(machine: str, name: str | None) -> dict[str, Any] | None:
    """The running execution of that machine and name."""
    base = sfn._resolve_state_machine_arn(machine) if name else None
    if base is None:
        return None
    arn = f"{base.replace(':stateMachine:', ':execution:')}:{name}"
    execution = sfn._executions.get(arn)
    return execution if execution is not None and execution["status"] == "RUNNING" else None


def start_nested(resource: str, data: dict[str, Any]) -> dict[str, Any]:
    """AWS names errors of this integration StepFunctions.<Code>Exception, for example ExecutionAlreadyExistsException."""
    status, _, body = sfn._start_execution(sfn._nested_start_execution_request(data))
    answer = json.loads(body)
    if status >= 400:
        code = answer.get("__type", "StepFunctions").removesuffix("Exception")
        raise sfn._ExecutionError(f"StepFunctions.{code}Exception", answer.get("message", ""))
    return {"ExecutionArn": answer["executionArn"], "StartDate": answer["startDate"]}


def run_nested(resource: str, data: dict[str, Any]) -> dict[str, Any]:
    """A child run by `.sync` is an execution like any other on AWS: names are unique, its status events are sent, and
    its failure is States.TaskFailed with the description of the execution as the cause."""
    arn = start_nested(resource, data)["ExecutionArn"]
    child = sfn._executions[arn]
    while child["status"] == "RUNNING":
        time.sleep(_POLL_SECONDS)
    description = {
        "ExecutionArn": arn,
        "StateMachineArn": child["stateMachineArn"],
        "Name": child["name"],
        "Status": child["status"],
        "StartDate": child["startDate"],
        "StopDate": child["stopDate"],
        "Input": child["input"],
        "InputDetails": {"Included": True},
    }
    if child["status"] != "SUCCEEDED":
        failure = {**description, "Error": child.get("error") or "", "Cause": child.get("cause") or ""}
        raise sfn._ExecutionError("States.TaskFailed", json.dumps(failure))
    output = child["output"] or "{}"
    as_json = resource.endswith(".sync:2")
    return {**description, "Output": json.loads(output) if as_json else output, "OutputDetails": {"Included": True}}
