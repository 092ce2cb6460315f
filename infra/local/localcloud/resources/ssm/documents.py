"""Command documents: Amazon's two that run scripts, and the account's own of schema 2.2.

Rules: "Data elements and parameters" and "Command document plugin reference" (Systems Manager user guide).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ssm.models import ssm_backends

from ..errors import AwsError

SHELL, POWERSHELL = "aws:runShellScript", "aws:runPowerShellScript"
_PLATFORMS = {SHELL: {"Linux"}, POWERSHELL: {"Linux", "Windows"}}
_SCHEMAS = ("2.0", "2.2")
_AMAZON = re.compile(r"^(AWS|Amazon)", re.IGNORECASE)
_TOKEN = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_TIMEOUT_MIN, _TIMEOUT_MAX, _TIMEOUT_DEFAULT = 5, 172_800, 3600
_SCRIPT_PARAMETERS = {
    "commands": {"type": "StringList"},
    "workingDirectory": {"type": "String", "default": ""},
    "executionTimeout": {
        "type": "String", "default": "3600",
        "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)",
    },
}
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One step: a plugin with its inputs, before parameters are put in."""

    name: str
    plugin: str
    inputs: Mapping[str, Any]
    platform: str = ""
    """The platform that the precondition asks for; empty for any."""

    def script(self, values: Values) -> list[str]:
        """The lines to run."""
        lines = substituted(self.inputs.get("runCommand", []), values)
        return [str(line) for line in (lines if isinstance(lines, list) else [lines])]

    def directory(self, values: Values) -> str:
        """The working directory asked for; empty for the instance's own."""
        return str(substituted(self.inputs.get("workingDirectory", ""), values))

    def seconds(self, values: Values) -> int:
        """The execution timeout. The agent takes one hour for what is no number of seconds from 5 to 48 hours."""
        try:
            seconds = int(str(substituted(self.inputs.get("timeoutSeconds", _TIMEOUT_DEFAULT), values)))
        except ValueError:
            return _TIMEOUT_DEFAULT
        return seconds if _TIMEOUT_MIN <= seconds <= _TIMEOUT_MAX else _TIMEOUT_DEFAULT

    def ends(self, failed: bool) -> bool:
        """Whether the document ends after this step: `onFailure`, `onSuccess`."""
        return str(self.inputs.get("onFailure" if failed else "onSuccess", "")) in ("exit", "successAndExit")

    @property
    def failure_counts(self) -> bool:
        """Whether a failure of this step is one of the command."""
        return str(self.inputs.get("onFailure", "")) != "successAndExit"


@dataclass(frozen=True)
class Document:
    """A command document."""

    name: str
    version: str
    parameters: Mapping[str, Mapping[str, Any]]
    steps: tuple[Step, ...]
    recorded: bool = False
    """Known from a recorded conversation only: it takes any parameters."""

    @property
    def platforms(self) -> set[str]:
        """Where some step of it can run."""
        found = [_PLATFORMS.get(step.plugin, {"Linux", "Windows"}) for step in self.steps]
        return {"Windows"} if self.recorded else set().union(*found)

    def bound(self, given: Mapping[str, list[str]]) -> dict[str, Any]:
        """Every parameter with its value, given or by default. What AWS refuses is `InvalidParameters`."""
        if self.recorded:
            return {name: values[0] if len(values) == 1 else values for name, values in given.items()}
        if given and not self.parameters:
            raise AwsError("InvalidParameters", f"document {self.name} does not support parameters.")
        if unknown := sorted(set(given) - set(self.parameters)):
            raise AwsError("InvalidParameters", f"Parameters provided in the request are not supported: {', '.join(unknown)}")
        return {name: self._value(name, declared, given.get(name)) for name, declared in self.parameters.items()}

    @staticmethod
    def _value(name: str, declared: Mapping[str, Any], given: list[str] | None) -> Any:
        if given is None:
            if "default" not in declared:
                raise AwsError("InvalidParameters", f"Parameter {name} is required but was not provided")
            return declared["default"]
        kind = declared.get("type", "String")
        if kind != "StringList" and len(given) != 1:
            raise AwsError("InvalidParameters", f"Parameter {name} of type {kind} must have one value")
        allowed, pattern = declared.get("allowedValues"), declared.get("allowedPattern")
        for value in given:
            if allowed and value not in [str(one) for one in allowed]:
                raise AwsError("InvalidParameters", f"Parameter {name} has a value that is not allowed: {value}")
            if pattern and not re.fullmatch(pattern, value):
                raise AwsError("InvalidParameters", f"Parameter {name} has a value that does not match {pattern}")
        return list(given) if kind == "StringList" else given[0]


def substituted(value: Any, values: Values) -> Any:
    """A value of a document with its parameters put in; a list takes the items of a list that stands alone in it."""
    if isinstance(value, list):
        result: list[Any] = []
        for item in value:
            put = substituted(item, values)
            result += put if isinstance(put, list) else [put]
        return result
    if not isinstance(value, str):
        return value
    alone = _TOKEN.fullmatch(value.strip())
    if alone and alone.group(1) in values:
        return values[alone.group(1)]
    return _TOKEN.sub(lambda match: _text(values.get(match.group(1), match.group(0))), value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def is_amazons(name: str) -> bool:
    """Whether a document is Amazon's by its name; an account may not take such a name."""
    return bool(_AMAZON.match(name))


def short_name(name: str) -> str:
    """The name of a document that may be given by its ARN."""
    return name.rsplit("document/", 1)[-1]


def find(account: str, region: str, name: str, version: str, recorded: bool) -> Document:
    """The document, else `InvalidDocument`. `recorded`: there are recorded conversations of it."""
    name = short_name(name)
    for known, plugin in (("AWS-RunShellScript", SHELL), ("AWS-RunPowerShellScript", POWERSHELL)):
        if name == known:
            return Document(name, version or "$DEFAULT", _SCRIPT_PARAMETERS, (Step(plugin, plugin, {
                "runCommand": ["{{ commands }}"], "workingDirectory": "{{ workingDirectory }}",
                "timeoutSeconds": "{{ executionTimeout }}",
            }),))
    if is_amazons(name) and recorded:
        return Document(name, version or "$DEFAULT", {}, (Step(POWERSHELL, POWERSHELL, {}),), recorded=True)
    versions = ssm_backends[account][region]._documents.get(name)
    if versions is None:
        raise AwsError("InvalidDocument", f"Document with name {name} does not exist.")
    try:
        stored = versions.find(None if version in ("", "$DEFAULT") else version)
    except ServiceException:
        raise AwsError("InvalidDocumentVersion", f"Document {name} has no version {version}.") from None
    if stored.document_type != "Command":
        raise AwsError("InvalidDocument", f"Document {name} is of type {stored.document_type}, not Command.")
    return _own(name, stored)


def _own(name: str, stored: Any) -> Document:
    if stored.schema_version not in _SCHEMAS:
        found = stored.schema_version
        raise AwsError("InvalidDocument", f"The local cloud runs documents of schema 2.2, and {name} has {found}.")
    content = stored.content_json
    steps = tuple(
        Step(step["name"], step["action"], step.get("inputs", {}), _platform(step.get("precondition", {})))
        for step in content.get("mainSteps", [])
    )
    return Document(name, stored.document_version, content.get("parameters") or {}, steps)


def _platform(precondition: Mapping[str, Any]) -> str:
    """The platform in `{"StringEquals": ["platformType", "Windows"]}`."""
    sides = [str(side) for side in precondition.get("StringEquals", [])]
    return next((side for side in sides if side != "platformType"), "") if "platformType" in sides else ""
