"""Faults on request: errors, throttles, lost connections, delays, for the calls that a rule names; and snapshots, images, volumes
and instances that such a call makes and that end badly."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from .call import Call
from .errors import AwsError, throttled
from .permissions import unauthorized

# What such a call makes ends badly, for the rule's cause; of a database it is the status that it ends in: `incompatible-restore`.
_MADE = ("snapshot_error", "image_error", "volume_error", "instance_error", "database_error")
EFFECTS = ("error", "throttle", "deny", "drop", "delay", *_MADE)
# After these the call goes on, and later rules still apply.
_PASSING = ("delay", *_MADE)
_NUMBERS = itertools.count(1)


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass
class Rule:
    """One fault. All conditions given must hold; `*` and `?` are wildcards in `action`, `account`, `region`, `app`."""

    action: str
    effect: str
    number: int = 0
    region: str = "*"
    account: str = "*"
    app: str = "*"
    resource: str = ""
    """A text that some parameter of the call must contain."""
    when: str = "before"
    """`before` the call is carried out, or `after`: it took effect, and the answer is lost or replaced."""
    skip: int = 0
    """So many matching calls pass first."""
    times: int | None = None
    """So many matching calls are hit; without a number all are."""
    code: str = "InternalError"
    message: str = "An internal error has occurred"
    status: int = 500
    seconds: float = 1.0
    cause: str = "Internal error"
    hits: int = 0

    @staticmethod
    def of_json(data: dict[str, Any]) -> Rule:
        """Read a rule; ValueError says what is wrong."""
        unknown = set(data) - set(Rule.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown fields {', '.join(sorted(unknown))}; known: {', '.join(Rule.__dataclass_fields__)}")
        if not data.get("action") or data.get("effect") not in EFFECTS:
            raise ValueError(f"a rule has an action and an effect, one of {', '.join(EFFECTS)}")
        if data.get("when", "before") not in ("before", "after"):
            raise ValueError("when is before or after")
        return Rule(**{**data, "number": next(_NUMBERS), "hits": 0})

    def matches(self, call: Call) -> bool:
        """Whether the call is one that this rule names."""
        return (
            fnmatchcase(call.name, self.action)
            and fnmatchcase(call.region, self.region)
            and fnmatchcase(call.account, self.account)
            and fnmatchcase(call.app, self.app)
            and (not self.resource or any(self.resource in value for value in call.params.values()))
        )


class Faults:
    """The rules in force, in the order in which they were given."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, data: Any) -> list[dict[str, Any]]:
        """Add one rule or a list of them; answers all rules."""
        rules = [Rule.of_json(entry) for entry in (data if isinstance(data, list) else [data])]
        with self._lock:
            self._rules += rules
        return self.as_json()

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules = []

    def as_json(self) -> list[dict[str, Any]]:
        """The rules with their hits."""
        return [asdict(rule) for rule in self._rules]

    def apply(self, call: Call, when: str) -> None:
        """Do to a call what the rules say; raises AwsError or Dropped when it ends here."""
        for rule in self._hit(call, when):
            if rule.effect == "delay":
                time.sleep(rule.seconds)
            elif rule.effect in _MADE:
                setattr(call, rule.effect, rule.cause)
            elif rule.effect == "drop":
                raise Dropped
            elif rule.effect == "throttle":
                raise throttled(call.service)
            elif rule.effect == "deny":
                raise unauthorized(call)
            else:
                raise AwsError(rule.code, rule.message, rule.status)

    def _hit(self, call: Call, when: str) -> list[Rule]:
        """The rules that apply to this call; their counts go on. Nothing after one that ends the call is counted."""
        hit = []
        with self._lock:
            for rule in self._rules:
                if rule.when != when or not rule.matches(call):
                    continue
                rule.hits += 1
                if rule.hits <= rule.skip or (rule.times is not None and rule.hits > rule.skip + rule.times):
                    continue
                hit.append(rule)
                if rule.effect not in _PASSING:
                    break
        return hit


FAULTS = Faults()
