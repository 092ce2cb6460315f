#!/usr/bin/env python3
"""Packs function binaries into the zip files that Lambda takes: a stripped `bootstrap` each.

    artifacts.py --from TARGET/debug --to .local/artifacts FUNCTION...

A zip is written only when its binary is newer, so that a second run costs nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

EXECUTABLE = 0o100755 << 16


def pack(binary: Path, archive: Path) -> None:
    """Write `archive` with the stripped `binary` as its executable `bootstrap`."""
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "bootstrap"
        subprocess.run(["strip", "-o", str(stripped), str(binary)], check=True)
        entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
        entry.external_attr = EXECUTABLE
        partial = archive.with_suffix(".partial")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
            zipped.writestr(entry, stripped.read_bytes(), zipfile.ZIP_DEFLATED, 1)
        partial.replace(archive)


def main() -> int:
    """Pack all functions named; answers the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True, help="folder of the binaries")
    parser.add_argument("--to", dest="target", type=Path, required=True, help="folder of the zip files")
    parser.add_argument("functions", nargs="+")
    arguments = parser.parse_args()
    arguments.target.mkdir(parents=True, exist_ok=True)
    for function in arguments.functions:
        binary, archive = arguments.source / function, arguments.target / f"{function}.zip"
        if not binary.exists():
            print(f"artifacts.py: {binary} is missing: run `make build`", file=sys.stderr)
            return 1
        if not archive.exists() or archive.stat().st_mtime < binary.stat().st_mtime:
            pack(binary, archive)
    return 0


if __name__ == "__main__":
    sys.exit(main())
