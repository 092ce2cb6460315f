"""IAM on the resource plane: what a call needs by AWS's service authorization reference, held against the policies.

moto checks nothing. The policies come from the serverless plane, the tags of resources from moto.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate
from moto.ec2.models import ec2_backends

from . import keys
from .call import Call
from .errors import AwsError
from .identity import Principal
from .ssm.documents import is_amazons

KINDS = {
    "i": "instance", "vol": "volume", "snap": "snapshot", "ami": "image", "eni": "network-interface",
    "sg": "security-group", "subnet": "subnet", "vpc": "vpc", "key": "key-pair", "lt": "launch-template",
    "eipalloc": "elastic-ip",
}
_OWNERLESS = ("snapshot", "image")
# What an action makes: its ARN ends in `/*`, and the request's tags belong to it.
_CREATES = {
    "CreateSnapshot": ["snapshot"], "CreateSnapshots": ["snapshot"], "CopySnapshot": ["snapshot"],
    "CreateVolume": ["volume"], "CreateImage": ["image", "snapshot"], "CopyImage": ["image", "snapshot"],
    "RegisterImage": ["image"], "RunInstances": ["instance", "volume", "network-interface"],
}


@dataclass(frozen=True)
class Need:
    """One permission: an action on a resource, with the condition keys of that resource."""

    action: str
    resource: str
    context: dict[str, Any] = field(default_factory=dict)


def check(call: Call, principal: Principal) -> None:
    """Raise the service's refusal when a policy of the caller does not allow what the call needs."""
    if principal.policies is None or (call.service != "ec2" and call.service not in NEEDS):
        return
    for need in needs(call):
        context = EvalContext(
            principal_arn=principal.arn, principal_type=principal.kind, principal_account=principal.account,
            action=need.action, resource_arn=need.resource, region=call.region,
            service_context={"ec2:region": call.region, "aws:tagkeys": None, **need.context},
            principal_keys=principal.keys,
        )
        result = evaluate(context, principal.policies, *principal.limits)
        if result.decision != "Allow":
            raise unauthorized(call, need, explicit=result.decision == "Deny")


def needs(call: Call) -> list[Need]:
    """The permissions that a call needs."""
    if call.service in NEEDS:
        return NEEDS[call.service](call)
    if call.action.startswith("Describe") or call.action.startswith("Get"):
        return [Need(call.name, "*")]
    if call.action in ("CreateTags", "DeleteTags"):
        tags = _request_tags(call.tags())
        return [
            Need(call.name, arn(call, rid), {**_resource_tags(call, rid), **tags}) for rid in call.numbered("ResourceId")
        ]
    specified = call.tag_specifications()
    found = [Need(call.name, arn(call, rid), _resource_tags(call, rid)) for rid in _touched(call)]
    for kind in _CREATES.get(call.action, []):
        tags = specified.get(kind, {})
        resource = new_arn(call, kind)
        found.append(Need(call.name, resource, _request_tags(tags)))
        if tags:
            found.append(Need("ec2:CreateTags", resource, {**_request_tags(tags), "ec2:createaction": call.action}))
    if call.action == "RunInstances":
        found += _of_launch(call)
    return found or [Need(call.name, "*")]


def _of_launch(call: Call) -> list[Need]:
    """What a launch names without an id, and the roles that it hands to the instance."""
    named = {"KeyName": "key-pair", "Placement.GroupName": "placement-group"}
    found = [
        Need(call.name, f"arn:aws:ec2:{call.region}:{call.account}:{kind}/{call.params[parameter]}")
        for parameter, kind in named.items() if call.params.get(parameter)
    ]
    profile = call.params.get("IamInstanceProfile.Arn") or call.params.get("IamInstanceProfile.Name")
    roles = keys.profile(call.account, profile).get("roles", []) if profile else []
    return found + [passing(role, "ec2.amazonaws.com") for role in roles]


def passing(role: str, service: str) -> Need:
    """What it takes to hand a role to a service."""
    return Need("iam:PassRole", role, {"iam:passedtoservice": service})


def _ssm_needs(call: Call) -> list[Need]:
    """SendCommand needs the document and each instance; what is about documents, the document; all else, `*`."""
    if call.action == "SendCommand":
        instances = [value for value in call.body.get("InstanceIds") or [] if isinstance(value, str)]
        return [Need(call.name, _document_arn(call, "DocumentName"))] + [
            Need(call.name, arn(call, rid), _resource_tags(call, rid, ("aws", "ssm", "ec2"))) for rid in instances
        ]
    if "Document" in call.action and "Name" in call.body:
        return [Need(call.name, _document_arn(call, "Name"))]
    return [Need(call.name, "*")]


def _document_arn(call: Call, parameter: str) -> str:
    """The ARN of a document that may be given by its ARN; those of Amazon have no account."""
    name = str(call.body.get(parameter, ""))
    account = "" if is_amazons(name) else call.account
    return name if name.startswith("arn:") else f"arn:aws:ssm:{call.region}:{account}:document/{name}"


# What a call to a service other than EC2 needs; modules of their own add to it.
NEEDS: dict[str, Callable[[Call], list[Need]]] = {"ssm": _ssm_needs}


def _touched(call: Call) -> list[str]:
    """The existing resources that a call is about. CreateSnapshots also needs the instance's volumes."""
    ids = list(dict.fromkeys(call.resource_ids()))
    if call.action != "CreateSnapshots":
        return ids
    excluded = call.numbered("InstanceSpecification.ExcludeDataVolumeId")
    named = call.params.get("InstanceSpecification.InstanceId")
    instance = ec2_backends[call.account][call.region].get_instance_by_id(named)
    if instance is None:
        return [rid for rid in ids if rid.startswith("i-")]
    volumes = [device.volume_id for _, device in instance.get_block_device_mapping]
    return [instance.id, *(volume for volume in volumes if volume not in excluded)]


def arn(call: Call, resource_id: str) -> str:
    """The ARN of a resource, in the form in which IAM names it."""
    kind = KINDS.get(resource_id.split("-", 1)[0], "*")
    account = "" if kind in _OWNERLESS else call.account
    return f"arn:aws:ec2:{call.region}:{account}:{kind}/{resource_id}"


def new_arn(call: Call, kind: str) -> str:
    """The ARN of a resource that is yet to be made."""
    return f"arn:aws:ec2:{call.region}:{'' if kind in _OWNERLESS else call.account}:{kind}/*"


def _request_tags(tags: dict[str, str]) -> dict[str, Any]:
    keys: dict[str, Any] = {f"aws:requesttag/{key}".lower(): value for key, value in tags.items()}
    return {**keys, "aws:tagkeys": list(tags)} if tags else keys


def _resource_tags(call: Call, resource_id: str, prefixes: tuple[str, ...] = ("aws", "ec2")) -> dict[str, Any]:
    tags = ec2_backends[call.account][call.region].tags.get(resource_id, {})
    return {
        f"{prefix}:resourcetag/{key}".lower(): value for key, value in tags.items() for prefix in prefixes
    }


def unauthorized(call: Call, need: Need | None = None, explicit: bool = False) -> AwsError:
    """The service's words for a call that a policy does not allow."""
    if need is None:
        wanted = needs(call)
        need = next((one for one in wanted if one.action == call.name), wanted[-1])
    policy = "with an explicit deny in an identity-based policy" if explicit else (
        f"because no identity-based policy allows the {need.action} action"
    )
    if call.service != "ec2":
        code, status = ("AccessDeniedException", 400) if call.service == "ssm" else ("AccessDenied", 403)
        return AwsError(
            code,
            f"User: {call.principal} is not authorized to perform: {need.action} on resource: {need.resource} {policy}",
            status,
        )
    where = f" on resource: {need.resource}" if need.resource != "*" else ""
    encoded = base64.urlsafe_b64encode(os.urandom(180)).decode()
    return AwsError(
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. User: {call.principal} is not authorized to perform: "
        f"{need.action}{where} {policy}. Encoded authorization failure message: {encoded}",
        403,
    )
