"""Evaluates the simplest of PowerShell: a function of strings, `if` and `foreach`. Anything else is an error.

There is no PowerShell that runs everywhere the tests do. So what must be right to the letter is written in this subset,
and evaluated from the very script that runs on instances.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from templates import INFRA

sys.path.insert(0, str(INFRA / "lint"))

from documents import parse  # noqa: E402
from tree_sitter import Node  # noqa: E402

Scope = dict[str, Any]


class NotInSubset(Exception):
    """The function does more than this evaluator understands."""


def evaluate(script: str, function: str, **arguments: Any) -> list[str]:
    """The strings that a function answers. Arguments come by the names of its parameters, or of variables of the script."""
    found = [it for it in _find(parse(script), "function_statement") if _child(it, "function_name") == function]
    if len(found) != 1:
        raise NotInSubset(f"{len(found)} functions are named {function}")
    declared = {(it.text or b"").decode()[1:] for it in _find(found[0], "script_parameter") for it in _find(it, "variable")}
    if missing := declared - set(arguments):
        raise NotInSubset(f"{function} wants {sorted(missing)}")
    (body,) = _of_type(found[0], "script_block")
    return list(_block(body, dict(arguments)))


def _block(node: Node, scope: Scope) -> Iterator[str]:
    for child in node.named_children:
        if child.type in ("script_block_body", "statement_list"):
            yield from _block(child, scope)
        elif child.type == "pipeline":
            yield _string(child, scope)
        elif child.type == "if_statement":
            yield from _if(child, scope)
        elif child.type == "foreach_statement":
            yield from _foreach(child, scope)
        elif child.type != "comment":
            raise NotInSubset(_text(child))


def _if(node: Node, scope: Scope) -> Iterator[str]:
    (condition,), (block,) = _of_type(node, "pipeline"), _of_type(node, "statement_block")
    if _of_type(node, "elseif_clauses"):
        raise NotInSubset(_text(node))
    negated, name = re.fullmatch(r"(-not )?\$(\w+)", _text(condition)).groups()  # type: ignore[union-attr]
    if not isinstance(scope[name], bool):
        raise NotInSubset(f"${name} is no Boolean")
    if scope[name] != bool(negated):
        yield from _block(block, scope)
    else:
        for otherwise in _of_type(node, "else_clause"):
            yield from _block(_of_type(otherwise, "statement_block")[0], scope)


def _foreach(node: Node, scope: Scope) -> Iterator[str]:
    (variable,), (values,), (block,) = (_of_type(node, it) for it in ("variable", "pipeline", "statement_block"))
    for value in scope[_text(values).removeprefix("$")]:
        yield from _block(block, {**scope, _text(variable)[1:]: value})


def _string(node: Node, scope: Scope) -> str:
    text = _text(node)
    while node.named_child_count == 1 and node.type not in ("verbatim_string_characters", "expandable_string_literal"):
        node = node.named_children[0]
    if node.type == "verbatim_string_characters" and _text(node) == text:
        return text[1:-1].replace("''", "'")
    if node.type == "expandable_string_literal" and _text(node) == text and not re.search(r"`|\"\"|\$[^A-Za-z]", text[1:-1]):
        return re.sub(r"\$(\w+)", lambda it: scope[it[1]], text[1:-1])
    raise NotInSubset(text)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _of_type(node: Node, kind: str) -> list[Node]:
    return [child for child in node.named_children if child.type == kind]


def _child(node: Node, kind: str) -> str:
    return _text(_of_type(node, kind)[0])


def _find(node: Node, kind: str) -> Iterator[Node]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from _find(child, kind)
