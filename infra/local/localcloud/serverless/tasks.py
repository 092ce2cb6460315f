"""Step Functions tasks as AWS runs them: callbacks, timeouts, heartbeats, payload limits.

Every patch replaces or wraps a function of `ministack.services.stepfunctions`; its docstring names the behaviour of AWS
that it restores.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import threading
import time
from collections import OrderedDict
from typing import Any

from ministack.services import stepfunctions as sfn

PAYLOAD_LIMIT = 262_144
SHORTEST_SCALED_WAIT = 0.2
_FOREVER = 99_999_999
_CALLBACK = ".waitForTaskToken"
_EXECUTION = "_CpmExecution"
_ENDED_TOKENS: OrderedDict[str, None] = OrderedDict()
_ENDED_LOCK = threading.Lock()


def install() -> None:
    """Put every patch of this module in place."""
    original = {name: getattr(sfn, name) for name in (
        "_apply_jsonata_arguments", "_execute_task", "_execute_pass", "_execute_map", "_execute_parallel",
        "_run_sub_machine", "_fail_execution", "_error_matches", "_call_lambda",
    )}

    def apply_arguments(state: dict[str, Any], raw_input: Any, ctx: dict[str, Any] | None = None) -> Any:
        """AWS gives each attempt of a callback task a token of its own, and evaluates its timeouts."""
        if _EXECUTION in state and ctx is not None:
            if _CALLBACK in state.get("Resource", ""):
                ctx["Task"] = {"Token": new_token()}
            for field in ("TimeoutSeconds", "HeartbeatSeconds"):
                if f"_{field}" in state:
                    evaluated = {field: state[f"_{field}"]}
                    state[field] = sfn._jsonata_state_field(evaluated, field, "number", raw_input, ctx)
        arguments = original["_apply_jsonata_arguments"](state, raw_input, ctx)
        check_size(arguments, "The state's arguments")
        return arguments

    def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], ctx: dict[str, Any]) -> Any:
        """An aborted execution starts no further task; AWS evaluates timeouts; results are limited to 256 KiB."""
        if execution is not None and execution["status"] != "RUNNING":
            raise sfn._ExecutionError("States.Runtime", "The execution has ended")
        state = {**state, _EXECUTION: execution}
        for field in ("TimeoutSeconds", "HeartbeatSeconds"):
            if isinstance(state.get(field), str):
                state[f"_{field}"] = state[field]
        check_size(raw_input, "The state's input")
        output = original["_execute_task"](state, raw_input, execution, ctx)
        check_size(output[0], "The state's output")
        return output

    def limited(name: str) -> Any:
        def execute(state: dict[str, Any], raw_input: Any, *rest: Any) -> Any:
            """AWS limits the output of every state to 256 KiB."""
            output = original[name](state, raw_input, *rest)
            check_size(output[0], "The state's output")
            return output
        return execute

    def run_sub_machine(states: Any, start_at: str, data: Any, execution: Any, ctx: dict[str, Any]) -> Any:
        """Branches of a Parallel have a context each on AWS: tokens and variables do not leak from one to another."""
        return original["_run_sub_machine"](states, start_at, data, execution, copy.deepcopy(ctx))

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        """An execution that has ended keeps its status: what was aborted does not fail afterwards."""
        if execution["status"] == "RUNNING":
            original["_fail_execution"](execution, error, cause)

    def error_matches(error_equals: list[str], error: str) -> bool:
        """On AWS neither States.ALL nor States.TaskFailed matches States.DataLimitExceeded or States.Runtime."""
        if error in ("States.DataLimitExceeded", "States.Runtime"):
            return error in error_equals
        return original["_error_matches"](error_equals, error)

    def call_lambda(reference: str, event: Any) -> Any:
        """AWS names a throttled function Lambda.TooManyRequestsException; payloads are limited to 256 KiB both ways."""
        check_size(event, "The payload for the function")
        try:
            result = original["_call_lambda"](reference, event)
        except sfn._ExecutionError as error:
            if error.error == "Lambda.Unknown" and "TooManyRequestsException" in error.cause:
                raise sfn._ExecutionError("Lambda.TooManyRequestsException", error.cause) from None
            raise
        check_size(result, "The function's result")
        return result

    sfn._apply_jsonata_arguments = apply_arguments
    sfn._execute_task = execute_task
    for name in ("_execute_pass", "_execute_map", "_execute_parallel"):
        setattr(sfn, name, limited(name))
    sfn._run_sub_machine = run_sub_machine
    sfn._fail_execution = fail_execution
    sfn._error_matches = error_matches
    sfn._call_lambda = call_lambda
    sfn._invoke_with_callback = invoke_with_callback
    sfn._send_task_success = lambda data: answer_task(data, "result", data.get("output", "{}"))
    sfn._send_task_failure = lambda data: answer_task(
        data, "error", {"Error": data.get("error", ""), "Cause": data.get("cause", "")}
    )
    sfn._send_task_heartbeat = lambda data: answer_task(data, "heartbeat", time.monotonic())


def new_token() -> str:
    """A task token as long as AWS's, so that what stores or passes tokens is tried with their true size."""
    return "AQCEAAAAKgAAAAMAAAAAAAAAA" + base64.b64encode(os.urandom(480)).decode()


def check_size(value: Any, what: str) -> None:
    """AWS ends the execution with States.DataLimitExceeded when a payload has more than 256 KiB as UTF-8."""
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > PAYLOAD_LIMIT:
        raise sfn._ExecutionError(
            "States.DataLimitExceeded", f"{what} has a size exceeding the maximum number of bytes service limit."
        )


def scaled(seconds: float) -> float:
    """Callback timeouts shrink with ministack's wait scale, so that tests of polling need not wait."""
    scale = sfn._SFN_WAIT_SCALE
    return seconds if scale >= 1 else max(seconds * scale, SHORTEST_SCALED_WAIT)


def invoke_with_callback(resource: str, data: Any, token: str, state: dict[str, Any]) -> Any:
    """A callback task as on AWS: an error of the call fails it at once, TimeoutSeconds and HeartbeatSeconds end it."""
    execution = state.get(_EXECUTION)
    began = time.monotonic()
    event = threading.Event()
    info: dict[str, Any] = {"event": event, "result": None, "error": None, "heartbeat": began}
    sfn._task_tokens[token] = info
    try:
        timeout = state.get("TimeoutSeconds", _FOREVER)
        sfn._invoke_resource_with_timeout(resource.replace(_CALLBACK, ""), data, min(timeout, threading.TIMEOUT_MAX))
        _await_callback(info, began + scaled(timeout), state.get("HeartbeatSeconds"), execution)
    finally:
        sfn._task_tokens.pop(token, None)
        _remember_ended(token)
    if info["error"]:
        raise sfn._ExecutionError(info["error"]["Error"], info["error"]["Cause"])
    try:
        return json.loads(info["result"])
    except ValueError:
        return info["result"]


def _await_callback(info: dict[str, Any], deadline: float, heartbeat: float | None, execution: Any) -> None:
    """Wait for the answer; raise when the time is over, no heartbeat came, or the execution was ended."""
    while not info["event"].wait(min(0.25, max(deadline - time.monotonic(), 0.01))):
        now = time.monotonic()
        if execution is not None and execution["status"] != "RUNNING":
            raise sfn._ExecutionError("States.Runtime", "The execution has ended")
        if now >= deadline:
            raise sfn._ExecutionError("States.Timeout", "Task timed out")
        if heartbeat and now - info["heartbeat"] > scaled(heartbeat):
            raise sfn._ExecutionError("States.HeartbeatTimeout", "Task timed out waiting for a heartbeat")


def _remember_ended(token: str) -> None:
    """Keep the newest ended tokens, to tell them from garbage."""
    with _ENDED_LOCK:
        _ENDED_TOKENS[token] = None
        while len(_ENDED_TOKENS) > 100_000:
            _ENDED_TOKENS.popitem(last=False)


def answer_task(data: dict[str, Any], field: str, value: Any) -> Any:
    """AWS answers TaskTimedOut for a task that has ended, InvalidToken for what was never a token."""
    token = data.get("taskToken") or ""
    info = sfn._task_tokens.get(token)
    if info is None or info["event"].is_set():
        if info is None and token not in _ENDED_TOKENS:
            return sfn.error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
        return sfn.error_response_json(
            "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400
        )
    if field == "result" and len(str(value).encode()) > PAYLOAD_LIMIT:
        return sfn.error_response_json("InvalidOutput", "The output exceeds 262144 bytes", 400)
    info[field] = value
    if field != "heartbeat":
        info["event"].set()
    return sfn.json_response({})
