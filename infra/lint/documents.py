"""Lint documents of Systems Manager: their schema, their parameters, the PowerShell in them.

    python infra/lint/documents.py infra/documents/cpm-vss.yaml

Exits with 1 when there is any finding. The grammar is tree-sitter's: it finds what does not parse, not what does not run.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import tree_sitter_powershell
import yaml
from tree_sitter import Language, Node, Parser

SCHEMA = json.loads((Path(__file__).parent / "ssm-document-2.2.schema.json").read_text())
# AWS's limit for the content of a document.
LIMIT = 64 * 1024
_USE = re.compile(r"\{\{\s*(.*?)\s*\}\}")
# `"$name: …"` names a drive to PowerShell, and is refused; the grammar takes it.
_DRIVE = re.compile(r"(?<!`)\$(?!(?:env|script|global):\w)\w+:(?!:)")
# Quotes, what expands within them, and what parts or redirects commands, must not get into a script by a value.
_DANGEROUS = "\"'`$;&|<>\n\r \\%()@#\u2018\u2019\u201c\u201d"


def parse(script: str) -> Node:
    """The syntax tree of a script."""
    return Parser(Language(tree_sitter_powershell.language())).parse(script.encode()).root_node


def script_findings(script: str) -> Iterator[str]:
    """What is wrong with a script, by line."""
    for number, line in enumerate(script.splitlines(), 1):
        # The agent's file may lack a byte order mark, and Windows PowerShell takes it to be in the system's code page.
        if not line.isascii():
            yield f"script line {number}: not ASCII"
    for node in _nodes(parse(script)):
        line = node.start_point[0] + 1
        if node.type == "ERROR" or node.is_missing:
            yield f"script line {line}: does not parse: {(node.text or b'').decode()[:60]!r}"
        elif node.type == "expandable_string_literal" and (found := _DRIVE.search((node.text or b"").decode())):
            yield f"script line {line}: {found[0]} names a drive within a string; write $({found[0][:-1]})"


def findings(text: str) -> Iterator[str]:
    """What is wrong with a document."""
    if len(text.encode()) > LIMIT:
        yield f"longer than {LIMIT} bytes"
    document = yaml.safe_load(text)
    for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(document):
        yield f"{error.json_path}: {error.message[:200]}"
        return
    parameters = document.get("parameters", {})
    yield from _parameter_findings(parameters)
    used = set(_USE.findall(json.dumps(document["mainSteps"])))
    yield from (f"{name} is used and not declared" for name in sorted(used - set(parameters)))
    yield from (f"{name} is declared and not used" for name in sorted(set(parameters) - used))
    for step in document["mainSteps"]:
        script = "\n".join(step["inputs"]["runCommand"])
        yield from script_findings(script)
        # Between apostrophes nothing is expanded, and no pattern lets one in.
        yield from (f"{{{{ {it[1]} }}}} does not stand alone between apostrophes" for it in _USE.finditer(script)
                    if script[it.start() - 1] + script[it.end()] != "''")


def _parameter_findings(parameters: dict[str, Any]) -> Iterator[str]:
    for name, parameter in parameters.items():
        # `$` may pass a line break at the very end; the script refuses it.
        pattern = re.compile(parameter["allowedPattern"][:-1] + r"\Z")
        for value in [*parameter.get("allowedValues", []), *([parameter["default"]] if "default" in parameter else [])]:
            if not pattern.search(value):
                yield f"{name}: its own value {value!r} is not of its pattern"
        for sign in _DANGEROUS:
            sample = next((s for s in (sign, f"a{sign}a", f"1{sign}1", f"d:{sign}e:") if pattern.search(s)), None)
            if sample is not None:
                yield f"{name}: its pattern lets {sample!r} in"


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def main(files: list[str]) -> int:
    """Print the findings of all files."""
    found = [f"{file}: {finding}" for file in files for finding in findings(Path(file).read_text())]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
