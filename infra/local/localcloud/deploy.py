"""Deploy the project's template to the local cloud: package, create or update the stack, wait, say what failed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from . import template as templates
from .processes import CloudError
from .settings import ACCESS_KEY, REGION, REPOSITORY, SECRET_KEY, Settings, write_env

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_BUCKET = "cpm-local-artifacts"
_INLINE_LIMIT = 51_200


def client(settings: Settings, service: str) -> Any:
    """A client of the serverless plane as the account's root."""
    return boto3.client(
        service, endpoint_url=settings.serverless_url, region_name=REGION,
        aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}),
    )


class _Bucket:
    """Packaged files in S3, each once."""

    bucket = _BUCKET

    def __init__(self, settings: Settings) -> None:
        self._s3 = client(settings, "s3")
        self._s3.create_bucket(Bucket=_BUCKET)
        listed = self._s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET)
        self._present = {item["Key"] for page in listed for item in page.get("Contents", [])}

    def put(self, name: str, content: bytes) -> str:
        """Upload unless the same content is there already."""
        key = templates.content_key(name, content)
        if key not in self._present:
            self._s3.put_object(Bucket=_BUCKET, Key=key, Body=content)
            self._present.add(key)
        return key


def artifacts_directory(settings: Settings) -> Path:
    """Where `<function>.zip` are: CPM_ARTIFACTS, else `artifacts` in the state directory."""
    given = os.environ.get("CPM_ARTIFACTS")
    directory = Path(given) if given else settings.state / "artifacts"
    return directory if directory.is_absolute() else REPOSITORY / directory


def deploy(settings: Settings, template_file: Path, stack: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create or update the stack; answers its outputs, and writes CPM_STACK and CPM_API_URL for shells."""
    store = _Bucket(settings)
    template = templates.package(
        templates.load(template_file), template_file.parent, artifacts_directory(settings), store
    )
    if "Architecture" in template.get("Parameters", {}):
        parameters = {"Architecture": "x86_64", **parameters}
    _apply(settings, stack, template, parameters, store)
    cloudformation = client(settings, "cloudformation")
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    variables = {"CPM_STACK": stack}
    if url := api_url(settings, cloudformation, stack):
        variables["CPM_API_URL"] = url
    write_env(settings, variables)
    return {**outputs, **variables}


def api_url(settings: Settings, cloudformation: Any, stack: str) -> str:
    """Where the stack's HTTP API answers on this machine; empty when it has none."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::ApiGatewayV2::Api":
                return f"{settings.serverless_url}/_aws/execute-api/{resource['PhysicalResourceId']}/$default"
    return ""


def _apply(settings: Settings, stack: str, template: Any, parameters: dict[str, str], store: _Bucket) -> None:
    """Create the stack, or update it, and wait for the end."""
    cloudformation = client(settings, "cloudformation")
    status = _status(cloudformation, stack)
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        cloudformation.delete_stack(StackName=stack)
        _await(cloudformation, stack)
        status = None
    seen = _event_ids(cloudformation, stack) if status else set()
    body = json.dumps(template)
    source = {"TemplateBody": body}
    if len(body.encode()) > _INLINE_LIMIT:
        source = {"TemplateURL": f"{settings.serverless_url}/{_BUCKET}/{store.put('template.json', body.encode())}"}
    request = {
        "StackName": stack, **source, "Capabilities": _CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
    try:
        if status:
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" in message:
            return
        raise CloudError(f"the stack was refused: {message}") from None
    final = _await(cloudformation, stack)
    if final not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CloudError(f"the stack {stack} ended as {final}:\n{_failures(cloudformation, stack, seen)}")


def _status(cloudformation: Any, stack: str) -> str | None:
    try:
        return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise


def _await(cloudformation: Any, stack: str, seconds: float = 120) -> str:
    """Wait until nothing is in progress; answers the status."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = _status(cloudformation, stack) or "DELETE_COMPLETE"
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.1)
    raise CloudError(f"the stack {stack} is still at work after {seconds:.0f} s")


def _events(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    return [event for page in pages for event in page["StackEvents"]]


def _event_ids(cloudformation: Any, stack: str) -> set[str]:
    return {event["EventId"] for event in _events(cloudformation, stack)}


def _failures(cloudformation: Any, stack: str, seen: set[str]) -> str:
    """The resources that failed, each with its reason, oldest first."""
    lines = [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(_events(cloudformation, stack))
        if event["EventId"] not in seen and event["ResourceStatus"].endswith("FAILED")
    ]
    return "\n".join(lines) or "  no resource says why"
