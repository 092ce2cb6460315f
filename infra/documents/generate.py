"""Write the Systems Manager document, and its copies in the templates, from `cpm-vss.ps1` and `cpm-vss.head.yaml`.

    python infra/documents/generate.py           writes what has changed
    python infra/documents/generate.py --check   exits with 1 and names what is not up to date

The script is in the templates and not beside them: a template for a stack set is one file.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
INFRA = HERE.parent
SCRIPT = HERE / "cpm-vss.ps1"
HEAD = HERE / "cpm-vss.head.yaml"
DOCUMENT = HERE / "cpm-vss.yaml"
TEMPLATES = (INFRA / "template.yaml", INFRA / "vss-document.yaml")
BEGIN = "# begin of documents/cpm-vss.yaml (generate.py)"
END = "# end of documents/cpm-vss.yaml"


def document(head: str, script: str) -> str:
    """The document: the head, which ends where the commands begin, and the script as its only command."""
    return head + "\n".join(_indented(f"- |\n{_indented(script, 2)}", 8).splitlines()) + "\n"


def embedded(template: str, text: str) -> str:
    """A template with the document between its marks, as deep as these stand."""
    lines = template.splitlines()
    begin, end = (next(i for i, line in enumerate(lines) if line.strip() == mark) for mark in (BEGIN, END))
    depth = len(lines[begin]) - len(lines[begin].lstrip())
    return "\n".join([*lines[: begin + 1], *_indented(text, depth).splitlines(), *lines[end:]]) + "\n"


def outputs() -> dict[Path, str]:
    """What every generated file should hold."""
    text = document(HEAD.read_text(), SCRIPT.read_text())
    return {DOCUMENT: text} | {path: embedded(path.read_text(), text) for path in TEMPLATES}


def _indented(text: str, depth: int) -> str:
    return "\n".join(" " * depth + line if line else "" for line in text.splitlines())


def main(arguments: list[str]) -> int:
    """Write or check."""
    stale = {path: text for path, text in outputs().items() if not path.exists() or path.read_text() != text}
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(INFRA.parent)} is not what documents/generate.py makes; run it")
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text)
        print(f"wrote {path.relative_to(INFRA.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
