"""Client tokens: the same call with the same token is carried out once, as on AWS.

A token holds within an account and Region and for one action; with other arguments it is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .call import current
from .errors import AwsError

_LOCK = threading.RLock()
_KNOWN: dict[tuple[str, str, str, str], tuple[str, Any]] = {}
# What differs between two calls that are the same.
_PASSING = ("ClientToken", "Version", "DryRun")


def once(make: Callable[[], Any]) -> Any:
    """What the current call makes, or what it made when it came first. Calls that make things take turns."""
    call = current()
    with _LOCK:
        if call is None or not (token := call.params.get("ClientToken")):
            return make()
        key = (call.account, call.region, call.action, token)
        asked = repr(sorted((name, value) for name, value in call.params.items() if name not in _PASSING))
        if key not in _KNOWN:
            _KNOWN[key] = (asked, make())
        elif _KNOWN[key][0] != asked:
            raise AwsError(
                "IdempotentParameterMismatch",
                f"Arguments on this idempotent request are inconsistent with arguments used in previous request(s) ({token}).",
            )
        return _KNOWN[key][1]
