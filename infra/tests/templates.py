"""Where the templates are, and what their policies say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parents[1]

Statement = dict[str, Any]
Template = dict[str, Any]


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def each(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def of_role(template: Template, role: str) -> list[Statement]:
    """All statements of a role, those of the template's managed policies included."""
    properties = template["Resources"][role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    managed = of_type(template, "AWS::IAM::ManagedPolicy")
    documents += [managed[arn["Ref"]]["PolicyDocument"] for arn in properties.get("ManagedPolicyArns", [])]
    return [statement for document in documents for statement in document["Statement"]]


def allowed(template: Template, role: str) -> set[str]:
    """The actions that a role may take, on something at least."""
    return {
        action
        for statement in of_role(template, role)
        if statement["Effect"] == "Allow"
        for action in each(statement["Action"])
    }


def every(value: Any) -> Iterator[Statement]:
    """Every policy statement within a template, wherever it stands."""
    if isinstance(value, dict):
        if value.get("Effect") in ("Allow", "Deny"):
            yield value
        for inner in value.values():
            yield from every(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from every(inner)
