"""One figure of the benchmark: what was measured, what it may be at most, whether it is."""

from __future__ import annotations

import json
from typing import Any


class Report:
    """Prints figures as JSON, a line each, and remembers whether all are within their bounds."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def most(self, figure: str, value: float, bound: float, unit: str, **detail: Any) -> None:
        """A figure that may be at most `bound`."""
        self._line(figure, round(value, 4), bound, unit, value <= bound, detail)

    def holds(self, figure: str, value: Any, bound: Any, ok: bool, unit: str = "", **detail: Any) -> None:
        """A figure that is right or wrong in another way."""
        self._line(figure, value, bound, unit, ok, detail)

    def shown(self, figure: str, value: Any, unit: str, **detail: Any) -> None:
        """A figure without a bound."""
        self._line(figure, value, None, unit, True, detail)

    def _line(self, figure: str, value: Any, bound: Any, unit: str, ok: bool, detail: dict[str, Any]) -> None:
        line = {"figure": figure, "value": value, "unit": unit, "bound": bound, "ok": bool(ok), **detail}
        print(json.dumps({key: given for key, given in line.items() if given != ""}), flush=True)
        if not ok:
            self.missed.append(figure)
