"""The API of Run Command and of managed instances; shapes and limits as in Systems Manager's API reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..call import Call
from ..describe import page
from ..errors import AwsError
from . import documents
from .agents import AGENTS, Agent
from .commands import COMMANDS, Command, Invocation, StepRun

Answer = dict[str, Any]
_INSTANCE = re.compile(r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)")
_INSTANCES_MAX, _COMMENT_MAX, _PLUGIN_OUTPUT_MAX = 50, 100, 2500
_TIMEOUT_MIN, _TIMEOUT_MAX, _TIMEOUT_DEFAULT = 30, 2_592_000, 3600
_NO_LOGS = {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False}


def answer(call: Call) -> Answer | None:
    """The answer to a call; None for what moto answers. AwsError for what AWS refuses."""
    handler = _HANDLERS.get(call.action)
    return handler(call) if handler else None


def _send_command(call: Call) -> Answer:
    body = call.body
    ids = _instance_ids(body)
    if body.get("Targets") or not ids:
        raise AwsError("ValidationException", "The local cloud sends commands to InstanceIds, at least one, not to Targets.")
    if len(comment := str(body.get("Comment", ""))) > _COMMENT_MAX:
        raise _invalid(comment, "comment", f"Member must have length less than or equal to {_COMMENT_MAX}")
    timeout = int(body.get("TimeoutSeconds") or _TIMEOUT_DEFAULT)
    if timeout < _TIMEOUT_MIN:
        raise _invalid(timeout, "timeoutSeconds", f"Member must have value greater than or equal to {_TIMEOUT_MIN}")
    if timeout > _TIMEOUT_MAX:
        raise _invalid(timeout, "timeoutSeconds", f"Member must have value less than or equal to {_TIMEOUT_MAX}")
    found = {rid: AGENTS.find(call.account, call.region, rid) for rid in ids}
    agents = [agent for agent in found.values() if agent is not None]
    name = documents.short_name(str(body.get("DocumentName", "")))
    recorded = any(agent.plays and (agent.plays / f"{name}.json").is_file() for agent in agents)
    document = documents.find(call.account, call.region, name, str(body.get("DocumentVersion", "")), recorded)
    given = {key: [str(value) for value in values] for key, values in (body.get("Parameters") or {}).items()}
    values = document.bound(given)
    if unmanaged := [rid for rid, agent in found.items() if agent is None]:
        raise AwsError(
            "InvalidInstanceId", f"Instances [[{', '.join(unmanaged)}]] not in a valid state for account {call.account}"
        )
    if any(agent.platform not in document.platforms for agent in agents):
        raise AwsError("UnsupportedPlatformType", f"The document {name} does not support the platform of an instance.")
    command = Command(call.account, call.region, document, values, given, comment, timeout)
    COMMANDS.send(command, agents)
    return {"Command": _command(command)}


def _cancel_command(call: Call) -> Answer:
    command = _find(call)
    if command is None:
        raise AwsError("InvalidCommandId", "The specified command ID isn't valid. Verify the ID and try again.")
    ids = _instance_ids(call.body)
    if unknown := [rid for rid in ids if rid not in command.invocations]:
        raise AwsError("InvalidInstanceId", f"Instances [[{', '.join(unknown)}]] are not of this command")
    for rid, invocation in command.invocations.items():
        if not ids or rid in ids:
            invocation.cancel()
    return {}


def _get_command_invocation(call: Call) -> Answer:
    command = _find(call)
    invocation = command.invocations.get(str(call.body.get("InstanceId", ""))) if command and command.visible else None
    if command is None or invocation is None:
        raise AwsError("InvocationDoesNotExist", "The command ID and managed node ID didn't match any invocations.")
    run = _run_asked_for(invocation, str(call.body.get("PluginName", "")))
    # The agent tells of a step when it has ended; of several steps, one must be asked for by name.
    ended = run if run is not None and run.ended is not None else None
    status, details = (ended.status, ended.details) if ended else (invocation.status, invocation.details)
    return {
        "CommandId": command.number, "InstanceId": invocation.instance, "Comment": command.comment,
        "DocumentName": command.document.name, "DocumentVersion": command.document.version,
        "PluginName": run.step.name if run else "", "ResponseCode": ended.code if ended else -1,
        "ExecutionStartDateTime": _iso(run.began if run else None), "ExecutionElapsedTime": ended.elapsed if ended else "",
        "ExecutionEndDateTime": _iso(ended.ended if ended else None), "Status": status, "StatusDetails": details,
        "StandardOutputContent": ended.stdout if ended else "", "StandardOutputUrl": "",
        "StandardErrorContent": ended.stderr if ended else "", "StandardErrorUrl": "", "CloudWatchOutputConfig": _NO_LOGS,
    }


def _run_asked_for(invocation: Invocation, name: str) -> StepRun | None:
    if not name:
        return invocation.runs[0] if len(invocation.runs) == 1 else None
    for run in invocation.runs:
        if run.step.name == name:
            return run
    raise AwsError("InvalidPluginName", "The plugin name isn't valid.")


def _list_command_invocations(call: Call) -> Answer:
    commands = [command for command in _listed(call) if command.visible]
    wanted = call.body.get("InstanceId")
    found = [
        invocation for command in commands for invocation in command.invocations.values()
        if wanted in (None, invocation.instance) and _status_matches(call, invocation.status)
    ]
    chosen, token = _page(found, call, lambda one: f"{one.command.number} {one.instance}", 1, 50, 50)
    details = bool(call.body.get("Details"))
    return _with_token({"CommandInvocations": [_invocation(one, details) for one in chosen]}, token)


def _list_commands(call: Call) -> Answer:
    wanted = call.body.get("InstanceId")
    found = [
        command for command in _listed(call)
        if (wanted is None or wanted in command.invocations) and _status_matches(call, command.status()[0])
    ]
    chosen, token = _page(found, call, lambda command: command.number, 1, 50, 50)
    return _with_token({"Commands": [_command(command) for command in chosen]}, token)


def _describe_instance_information(call: Call) -> Answer:
    agents = AGENTS.all(call.account, call.region)
    filters = [(entry.get("Key", ""), entry.get("Values", [])) for entry in call.body.get("Filters") or []]
    filters += [(e.get("key", ""), e.get("valueSet", [])) for e in call.body.get("InstanceInformationFilterList") or []]
    for key, values in filters:
        if key == "InstanceIds" and any(not _INSTANCE.match(value) for value in values):
            raise AwsError("InvalidInstanceInformationFilterValue", "The specified filter value isn't valid.")
        agents = [agent for agent in agents if _agent_value(agent, key) in values]
    chosen, token = _page(agents, call, lambda agent: agent.instance, 5, 50, 10)
    return _with_token({"InstanceInformationList": [agent.as_json() for agent in chosen]}, token)


def _agent_value(agent: Agent, key: str) -> str:
    known = {"InstanceIds": "InstanceId", "AgentVersion": "AgentVersion", "PingStatus": "PingStatus",
             "PlatformTypes": "PlatformType", "ResourceType": "ResourceType"}
    if key not in known:
        raise AwsError("InvalidFilterKey", "The specified key isn't valid.")
    return str(agent.as_json()[known[key]])


def _instance_ids(body: dict[str, Any]) -> list[str]:
    """InstanceIds, within AWS's rules."""
    ids = [str(value) for value in body.get("InstanceIds") or []]
    if len(ids) > _INSTANCES_MAX:
        raise _invalid(ids, "instanceIds", f"Member must have length less than or equal to {_INSTANCES_MAX}")
    if any(not _INSTANCE.match(value) for value in ids):
        raise _invalid(ids, "instanceIds", f"Member must satisfy regular expression pattern: {_INSTANCE.pattern}")
    if len(set(ids)) != len(ids):
        raise AwsError("DuplicateInstanceId", "You can't specify a managed node ID in more than one association.")
    return ids


def _find(call: Call) -> Command | None:
    number = call.body.get("CommandId")
    return next((command for command in COMMANDS.of(call.account, call.region) if command.number == number), None)


def _listed(call: Call) -> list[Command]:
    """The commands that CommandId and Filters ask for; statuses are looked at by the caller."""
    commands = COMMANDS.of(call.account, call.region)
    if (number := call.body.get("CommandId")) is not None:
        commands = [command for command in commands if command.number == number]
        if not commands:
            raise AwsError("InvalidCommandId", "The specified command ID isn't valid. Verify the ID and try again.")
    for key, value in _filters(call):
        if key == "InvokedAfter":
            commands = [command for command in commands if command.requested >= _moment(value)]
        elif key == "InvokedBefore":
            commands = [command for command in commands if command.requested < _moment(value)]
        elif key == "DocumentName":
            commands = [command for command in commands if command.document.name == value]
        elif key != "Status":
            raise AwsError("InvalidFilterKey", "The specified key isn't valid.")
    return commands


def _filters(call: Call) -> list[tuple[str, str]]:
    return [(str(entry.get("key", "")), str(entry.get("value", ""))) for entry in call.body.get("Filters") or []]


def _status_matches(call: Call, status: str) -> bool:
    return all(value == status for key, value in _filters(call) if key == "Status")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _invalid(text, "filters", "Member must be a timestamp such as 2024-07-07T00:00:00Z")
    return moment


def _page(
    items: list[Any], call: Call, key: Callable[[Any], str], least: int, most: int, usual: int
) -> tuple[list[Any], str | None]:
    """A page of the items; the API has limits of its own for each call."""
    limit = int(call.body.get("MaxResults") or usual)
    if not least <= limit <= most:
        raise _invalid(limit, "maxResults", f"Member must have value from {least} to {most}")
    try:
        return page(items, replace(call, params={**call.params, "MaxResults": str(limit)}), key)
    except AwsError:
        raise AwsError("InvalidNextToken", "The specified token isn't valid.") from None


def _with_token(found: Answer, token: str | None) -> Answer:
    return {**found, "NextToken": token} if token else found


def _command(command: Command) -> Answer:
    status, details = command.status()
    statuses = [(one.status, one.details) for one in command.invocations.values()]
    late = statuses.count(("TimedOut", "DeliveryTimedOut"))
    return {
        "CommandId": command.number, "DocumentName": command.document.name, "DocumentVersion": command.document.version,
        "Comment": command.comment, "ExpiresAfter": (command.requested + timedelta(seconds=command.expires)).timestamp(),
        "Parameters": dict(command.given), "InstanceIds": list(command.invocations), "Targets": [],
        "RequestedDateTime": command.requested.timestamp(), "Status": status, "StatusDetails": details,
        "MaxConcurrency": "50", "MaxErrors": "0", "TargetCount": len(statuses),
        "CompletedCount": sum(one in ("Success", "Failed", "TimedOut", "Cancelled") for one, _ in statuses),
        "ErrorCount": sum(one in ("Failed", "TimedOut") for one, _ in statuses) - late, "DeliveryTimedOutCount": late,
        "OutputS3BucketName": "", "OutputS3KeyPrefix": "", "ServiceRole": "", "CloudWatchOutputConfig": _NO_LOGS,
        "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
        "TimeoutSeconds": command.timeout,
    }


def _invocation(invocation: Invocation, details: bool) -> Answer:
    command = invocation.command
    return {
        "CommandId": command.number, "InstanceId": invocation.instance, "InstanceName": invocation.computer,
        "Comment": command.comment, "DocumentName": command.document.name, "DocumentVersion": command.document.version,
        "RequestedDateTime": command.requested.timestamp(), "Status": invocation.status,
        "StatusDetails": invocation.details, "StandardOutputUrl": "", "StandardErrorUrl": "",
        "CommandPlugins": [_plugin(run) for run in invocation.runs] if details else [], "ServiceRole": "",
        "CloudWatchOutputConfig": _NO_LOGS,
    }


def _plugin(run: StepRun) -> Answer:
    output = run.stdout + (f"\n----------ERROR-------\n{run.stderr}" if run.stderr else "")
    mark = "\n---Output truncated---"
    if len(output) > _PLUGIN_OUTPUT_MAX:
        output = output[: _PLUGIN_OUTPUT_MAX - len(mark)] + mark
    times = {"ResponseStartDateTime": run.began, "ResponseFinishDateTime": run.ended}
    return {
        "Name": run.step.name, "Status": run.status, "StatusDetails": run.details, "ResponseCode": run.code,
        "Output": output, "StandardOutputUrl": "", "StandardErrorUrl": "", "OutputS3BucketName": "", "OutputS3KeyPrefix": "",
        **{name: moment.timestamp() for name, moment in times.items() if moment is not None},
    }


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""


def _invalid(value: Any, name: str, constraint: str) -> AwsError:
    where = f"Value '{value}' at '{name}'"
    return AwsError("ValidationException", f"1 validation error detected: {where} failed to satisfy constraint: {constraint}")


_HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "SendCommand": _send_command,
    "CancelCommand": _cancel_command,
    "GetCommandInvocation": _get_command_invocation,
    "ListCommandInvocations": _list_command_invocations,
    "ListCommands": _list_commands,
    "DescribeInstanceInformation": _describe_instance_information,
}
