"""Permissions that AWS checks and ministack does not: state machine roles, event targets, schedules."""

from __future__ import annotations

import contextvars
import json
import logging
from typing import Any

from ministack.core import iam_actions
from ministack.core import iam_evaluator as iam
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, lambda_svc, scheduler
from ministack.services import iam as identities
from ministack.services import stepfunctions as sfn

_log = logging.getLogger("permissions")
_ROLE: contextvars.ContextVar[str] = contextvars.ContextVar("cpm_state_machine_role", default="")

SCHEDULER_TICK_SECONDS = 1

# Optimized integrations: the IAM action and the argument that names the resource.
_INTEGRATIONS = {
    "lambda:invoke": ("lambda:InvokeFunction", "FunctionName", "Lambda"),
    "states:startExecution": ("states:StartExecution", "StateMachineArn", "StepFunctions"),
    "sns:publish": ("sns:Publish", "TopicArn", "SNS"),
    "sqs:sendMessage": ("sqs:SendMessage", "QueueUrl", "SQS"),
    "events:putEvents": ("events:PutEvents", "", "EventBridge"),
    "dynamodb:getItem": ("dynamodb:GetItem", "TableName", "DynamoDB"),
    "dynamodb:putItem": ("dynamodb:PutItem", "TableName", "DynamoDB"),
    "dynamodb:updateItem": ("dynamodb:UpdateItem", "TableName", "DynamoDB"),
    "dynamodb:deleteItem": ("dynamodb:DeleteItem", "TableName", "DynamoDB"),
}


def install() -> None:
    """Put every patch of this module in place."""
    invoke_resource, run_execution = sfn._invoke_resource, sfn._run_execution
    invoke_target = eventbridge._invoke_target
    resolve_condition_key = iam._resolve_condition_key
    table_arns, resource_arn = iam_actions.dynamodb_resource_arns, iam_actions.extract_resource_arn

    def dynamodb_arns(body: bytes, region: str, account_id: str) -> list[str]:
        """On AWS calls for a backup, and calls for tags, need the permission on the resource whose ARN they give."""
        try:
            data = json.loads(body or b"{}")
        except ValueError:
            data = {}
        named = data.get("BackupArn") or data.get("ResourceArn") if isinstance(data, dict) else None
        if not isinstance(named, str):
            return table_arns(body, region, account_id)
        target = data.get("TargetTableName")
        return [named, *([f"arn:aws:dynamodb:{region}:{account_id}:table/{target}"] if target else [])]

    def needed_arn(service: str, method: str, path: str, headers: dict[str, str], *rest: Any) -> str:
        """On AWS ListBackups knows no resource, though it may name a table."""
        if service == "dynamodb" and headers.get("x-amz-target", "").endswith(".ListBackups"):
            return "*"
        return resource_arn(service, method, path, headers, *rest)

    def resolve(key: str, context: iam.EvalContext) -> Any:
        """On AWS `aws:PrincipalArn` of a role's session is the ARN of the role, its path included."""
        if key.lower() == "aws:principalarn":
            return _role_of_session(context.principal_arn)
        return resolve_condition_key(key, context)

    def run(execution_arn: str) -> None:
        execution = sfn._executions.get(execution_arn)
        machine = sfn._state_machines.get(execution["stateMachineArn"]) if execution else None
        token = _ROLE.set(machine["roleArn"] if machine else "")
        try:
            run_execution(execution_arn)
        finally:
            _ROLE.reset(token)

    def invoke(resource: str, data: Any) -> Any:
        """On AWS a task runs with the permissions of the state machine's role."""
        for action, arn, service in _required(resource, data):
            if _ROLE.get() and not role_allows(_ROLE.get(), action, arn):
                error = "Lambda.AWSLambdaException" if service == "Lambda" else f"{service}.AccessDeniedException"
                raise sfn._ExecutionError(error, _denied(_ROLE.get(), action, arn))
        return invoke_resource(resource, data)

    def deliver(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        """On AWS a rule reaches a function by its resource policy, a state machine by the target's role; a schedule of
        EventBridge Scheduler reaches everything by the target's role."""
        refused = _schedule_refused(target) if ":schedule/" in rule.get("Arn", "") else _target_refused(target, rule)
        if refused:
            _log.error("%s: not delivered to %s: %s", rule.get("Arn"), target.get("Arn"), refused)
            return
        invoke_target(target, event, rule, view)

    iam._resolve_condition_key = resolve
    iam_actions.dynamodb_resource_arns = dynamodb_arns
    iam_actions.extract_resource_arn = needed_arn
    sfn._run_execution = run
    sfn._invoke_resource = invoke
    eventbridge._invoke_target = deliver
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULER_TICK_SECONDS


def _role_of_session(arn: str) -> str:
    """The ARN of the role whose session `arn` is; `arn` itself when it is no session of a role."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sts" or not parts[5].startswith("assumed-role/"):
        return arn
    role = identities._roles.get_scoped(parts[4], None, parts[5].split("/")[1])
    return str(role["Arn"]) if role else arn


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the policies of a role allow an action on a resource."""
    if not role_arn.startswith("arn:"):
        return False
    account = role_arn.split(":")[4]
    policies = iam._gather_role_policies(role_arn.rsplit("/", 1)[-1], account)
    context = iam.EvalContext(
        principal_arn=role_arn, principal_type="AssumedRole", principal_account=account,
        action=action, resource_arn=resource, region=get_region(),
    )
    return iam.evaluate(context, policies).decision == "Allow"


def _denied(role_arn: str, action: str, resource: str) -> str:
    """AWS's words for a call that a role may not make."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return (
        f"User: arn:aws:sts::{account}:assumed-role/{name}/StepFunctions is not authorized to perform: {action} "
        f"on resource: {resource} because no identity-based policy allows the {action} action"
    )


def _required(resource: str, data: Any) -> list[tuple[str, str, str]]:
    """The permissions that a task needs: action, resource, service."""
    parts = resource.split(":::", 1)
    if len(parts) != 2 or parts[1].startswith("aws-sdk:"):
        return _required_by_sdk(parts[-1])
    name = parts[1].split(".", 1)[0]
    if name not in _INTEGRATIONS:
        return []
    action, argument, service = _INTEGRATIONS[name]
    named = str(data.get(argument, "*")) if isinstance(data, dict) and argument else "*"
    needed = [(action, _arn(service, named), service)]
    if ".sync" in parts[1]:
        rule = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
        rule_arn = f"arn:aws:events:{get_region()}:{get_account_id()}:{rule}"
        needed += [(f"events:{verb}", rule_arn, "StepFunctions") for verb in ("PutTargets", "PutRule", "DescribeRule")]
    return needed


def _required_by_sdk(resource: str) -> list[tuple[str, str, str]]:
    """An `aws-sdk:<service>:<action>` task needs the action; its resource is not known here and taken for any."""
    pieces = resource.split(":")
    if len(pieces) < 3 or pieces[0] != "aws-sdk":
        return []
    service, action = pieces[1], pieces[2].split(".", 1)[0]
    prefix = {"sfn": "states", "eventbridge": "events"}.get(service, service)
    return [(f"{prefix}:{action[0].upper()}{action[1:]}", "*", service.capitalize())]


def _arn(service: str, named: str) -> str:
    """The ARN of what an argument names, by whatever of ARN, name or URL it was given."""
    if named.startswith("arn:"):
        return named
    place = f"{get_region()}:{get_account_id()}"
    if service == "Lambda":
        return f"arn:aws:lambda:{place}:function:{named}"
    if service == "DynamoDB":
        return f"arn:aws:dynamodb:{place}:table/{named}"
    if service == "SQS":
        return f"arn:aws:sqs:{place}:{named.rsplit('/', 1)[-1]}"
    return "*"


def _schedule_refused(target: dict[str, Any]) -> str:
    """Why AWS would not let a schedule call this target; empty when it would."""
    arn, role = target.get("Arn", ""), target.get("RoleArn", "")
    service = arn.split(":")[2] if arn.count(":") > 2 else ""
    action = {"lambda": "lambda:InvokeFunction", "states": "states:StartExecution",
              "sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents"}.get(service)
    if action is None:
        return "this kind of target is not known here"
    return "" if role_allows(role, action, arn) else f"{role or 'no role'} does not allow {action}"


def _target_refused(target: dict[str, Any], rule: dict[str, Any]) -> str:
    """Why AWS would not deliver to this target; empty when it would."""
    arn = target.get("Arn", "")
    if ":lambda:" in arn:
        func, _, _ = lambda_svc._get_func_record_for_ref(arn)
        if func is None:
            return "there is no such function"
        if not any(_lets_rule_in(statement, rule) for statement in func["policy"]["Statement"]):
            return "the function's resource policy does not let events.amazonaws.com in from this rule"
    if ":states:" in arn:
        role = target.get("RoleArn", "")
        if not role:
            return "the target has no role"
        if not role_allows(role, "states:StartExecution", arn):
            return f"{role} does not allow states:StartExecution"
    return ""


def _lets_rule_in(statement: dict[str, Any], rule: dict[str, Any]) -> bool:
    """Whether a statement of a function's policy allows this rule to invoke it."""
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, dict) else principal
    if statement.get("Effect") != "Allow" or service not in ("events.amazonaws.com", "*"):
        return False
    wanted = [
        value
        for operator in (statement.get("Condition") or {}).values()
        for key, value in operator.items()
        if key.lower() == "aws:sourcearn"
    ]
    return all(iam.fnmatch_iam(rule.get("Arn", ""), value) for value in wanted)
