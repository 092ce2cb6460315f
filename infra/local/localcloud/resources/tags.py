"""Tags: AWS's rules for keys and values, and the event that tells of each change."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from moto.ec2.models.tags import TagBackend

from . import events
from .call import Call, current
from .errors import AwsError
from .permissions import KINDS

_TOLD = ("instance", "volume", "snapshot", "image")
_VERSIONS: dict[str, int] = defaultdict(int)
_VERSIONS_LOCK = threading.Lock()
KEY_MAX, VALUE_MAX = 128, 256
# What the tags of these calls may be for.
_TAGGABLE = {
    "CreateSnapshot": ("snapshot",), "CreateSnapshots": ("snapshot",), "CopySnapshot": ("snapshot",),
    "CreateVolume": ("volume",), "CreateImage": ("image", "snapshot"), "RegisterImage": ("image", "snapshot"),
    "RunInstances": ("instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"),
}


def install() -> None:
    """Put every patch of this module in place."""
    create, delete = TagBackend.create_tags, TagBackend.delete_tags

    def noting(original: Any) -> Any:
        def change(backend: Any, resource_ids: list[str], tags: Any) -> bool:
            """AWS sends an event for each resource whose tags a call changed: note which keys did."""
            before = {rid: dict(backend.tags.get(rid, {})) for rid in resource_ids}
            done = original(backend, resource_ids, tags)
            call = current()
            for rid in resource_ids if call is not None else ():
                after = backend.tags.get(rid, {})
                keys = {key for key in before[rid].keys() | after.keys() if before[rid].get(key) != after.get(key)}
                if keys:
                    call.tag_changes[(backend.account_id, backend.region_name, rid)] |= keys
            return done
        return change

    TagBackend.create_tags = noting(create)
    TagBackend.delete_tags = noting(delete)


def check(call: Call) -> None:
    """AWS's rules for the tags in a request."""
    groups = list(call.tag_specifications().values())
    if call.action == "CreateTags":
        groups.append(call.tags())
    for tags in groups:
        for key, value in tags.items():
            if key.lower().startswith("aws:"):
                raise AwsError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
            if not 1 <= len(key) <= KEY_MAX:
                raise AwsError("InvalidParameterValue", f"Tag key exceeds the maximum length of {KEY_MAX} characters")
            if len(value) > VALUE_MAX:
                raise AwsError("InvalidParameterValue", f"Tag value exceeds the maximum length of {VALUE_MAX} characters")
        if len(tags) > 50:
            raise AwsError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    if call.action in _TAGGABLE:
        for kind in call.tag_specifications():
            if kind not in _TAGGABLE[call.action]:
                raise AwsError(
                    "InvalidParameterValue", f"'{kind}' is not a valid taggable resource type for this operation."
                )


def tell(call: Call) -> None:
    """Send the events for what a call changed."""
    from moto.ec2.models import ec2_backends

    for (account, region, resource_id), keys in call.tag_changes.items():
        kind = KINDS.get(resource_id.split("-", 1)[0], "")
        if kind not in _TOLD:
            continue
        with _VERSIONS_LOCK:
            _VERSIONS[resource_id] += 1
            version = _VERSIONS[resource_id]
        tags = dict(ec2_backends[account][region].tags.get(resource_id, {}))
        events.COURIER.send(events.tag_change(account, region, kind, resource_id, sorted(keys), tags, version))
