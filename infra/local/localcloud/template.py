"""Read a CloudFormation template and point it at packaged code, as `sam package` does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import yaml

from .processes import CloudError

Template = dict[str, Any]


class Store(Protocol):
    """Where packaged files go. `put` answers the key."""

    bucket: str

    def put(self, name: str, content: bytes) -> str:
        """Keep a file."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`, `!Sub`, ...), read into their long forms."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> Any:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _short_form)
# A date in a template ('2012-10-17') is text, as CloudFormation takes it.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def load(path: Path) -> Template:
    """Read a template file."""
    try:
        return yaml.load(path.read_text(), _Loader)
    except OSError as error:
        raise CloudError(f"the template cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise CloudError(f"{path} is not YAML: {error}") from None


def package(template: Template, directory: Path, artifacts: Path, store: Store) -> Template:
    """Replace local paths of functions and state machines by what was put into the store.

    A function's zip is `<artifacts>/<name>.zip`, where name is the last part of its CodeUri. A state machine's
    definition is the file at its DefinitionUri, beside the template.
    """
    defaults = (template.get("Globals") or {}).get("Function") or {}
    missing = []
    for logical_id, resource in template.get("Resources", {}).items():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            source = properties.get("CodeUri", defaults.get("CodeUri"))
            if isinstance(source, str) and not source.startswith("s3://"):
                archive = artifacts / f"{PurePosixPath(source).name}.zip"
                if archive.exists():
                    properties["CodeUri"] = _stored(store, archive)
                else:
                    missing.append(f"{logical_id}: {archive}")
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            source = properties.get("DefinitionUri")
            if isinstance(source, str) and not source.startswith("s3://"):
                properties["DefinitionUri"] = _definition(store, logical_id, directory / source)
    if missing:
        raise CloudError("these functions have not been built:\n  " + "\n  ".join(missing))
    return template


def _stored(store: Store, file: Path) -> dict[str, str]:
    return {"Bucket": store.bucket, "Key": store.put(file.name, file.read_bytes())}


def _definition(store: Store, logical_id: str, file: Path) -> dict[str, str]:
    """Store a definition; one that is not JSON is refused with the place."""
    try:
        json.loads(file.read_text())
    except OSError as error:
        raise CloudError(f"{logical_id}: the definition cannot be read: {error}") from None
    except ValueError as error:
        raise CloudError(f"{logical_id}: {file} is not JSON: {error}") from None
    return _stored(store, file)


def content_key(name: str, content: bytes) -> str:
    """A key that changes when the content does, and only then."""
    return f"{hashlib.sha256(content).hexdigest()[:16]}/{name}"
