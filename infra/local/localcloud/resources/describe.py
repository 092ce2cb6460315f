"""Describe calls: pages, filters and their limits, as EC2's API reference has them."""

from __future__ import annotations

import copy
import functools
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import utils
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instances import Instance
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.responses.instances import InstanceResponse

from .call import Call, current
from .errors import AwsError

PAGE_MIN, PAGE_MAX = 5, 1000
FILTER_VALUES_MAX, FILTERS_MAX = 200, 50
# The parameter that lists ids, and the word for it in EC2's error messages.
_IDS = {
    "DescribeSnapshots": ("SnapshotId", "snapshotSet"),
    "DescribeInstances": ("InstanceId", "instancesSet"),
    "DescribeVolumes": ("VolumeId", "volumeSet"),
    "DescribeImages": ("ImageId", "imagesSet"),
}
_REMEMBERED_TOKENS = 2000
WINDOWS_IMAGES = frozenset({"ami-b7e93bce"})
"""Windows Server 2016, English, Base."""


class Pages:
    """What is left of the answers that were given in pages, by token."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, list[str]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, ids: list[str]) -> str:
        """Keep ids for a next page; answers its token."""
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._left[token] = ids
            while len(self._left) > _REMEMBERED_TOKENS:
                self._left.popitem(last=False)
        return token

    def left(self, token: str) -> list[str]:
        """The ids kept for a token; a token may be used again."""
        with self._lock:
            if token not in self._left:
                raise AwsError("InvalidPaginationToken", f"The pagination token '{token}' is invalid.")
            return self._left[token]


PAGES = Pages()


def install() -> None:
    """Put every patch of this module in place."""
    _page(ElasticBlockStore, "describe_snapshots", "Snapshots")
    _page(ElasticBlockStore, "describe_volumes", "Volumes")
    _page(AmisResponse, "describe_images", "Images")
    InstanceResponse.describe_instances = describe_instances
    utils.is_filter_matching = filter_matches
    utils.instance_value_in_filter_values = lambda value, wanted: _any_matches(_texts(value), wanted)
    TaggedEC2Resource.get_tags = tags_of
    Instance.platform = property(platform, _keep_platform)
    Instance.platform_details = property(platform_details)


def check(call: Call) -> None:
    """EC2's limits on describe calls."""
    if call.action not in _IDS:
        return
    parameter, word = _IDS[call.action]
    if (limit := call.params.get("MaxResults")) is not None:
        if call.numbered(parameter):
            raise AwsError(
                "InvalidParameterCombination", f"The parameter {word} cannot be used with the parameter maxResults"
            )
        if not limit.isdigit() or int(limit) < PAGE_MIN:
            raise AwsError("InvalidParameterValue", f"Value ( {limit} ) for parameter maxResults is invalid. "
                                                    f"Expecting a value greater than or equal to {PAGE_MIN}.")
        if int(limit) > PAGE_MAX:
            raise AwsError("InvalidParameterValue", f"Value ( {limit} ) for parameter maxResults is invalid. "
                                                    f"Expecting a value less than or equal to {PAGE_MAX}.")
    filters = call.filters()
    if len(filters) > FILTERS_MAX or any(len(values) > FILTER_VALUES_MAX for values in filters.values()):
        raise AwsError(
            "FilterLimitExceeded", f"The maximum number of filter values specified on a single call is {FILTER_VALUES_MAX}"
        )


def page(items: list[Any], call: Call, key: Callable[[Any], str]) -> tuple[list[Any], str | None]:
    """The page of the items that MaxResults and NextToken ask for, and the token of the next.

    The first page fixes what the others hold: what is made later is in none, what goes is left out.
    """
    limit = int(call.params["MaxResults"]) if "MaxResults" in call.params else None
    if token := call.params.get("NextToken"):
        present = {key(item): item for item in items}
        wanted = PAGES.left(token)
    else:
        present, wanted = {key(item): item for item in items}, [key(item) for item in items]
    if limit is None or len(wanted) <= limit:
        return [present[name] for name in wanted if name in present], None
    return [present[name] for name in wanted[:limit] if name in present], PAGES.keep(wanted[limit:])


def _page(response: Any, method: str, member: str) -> None:
    """Let a method of moto honour MaxResults, NextToken, OwnerIds and RestorableByUserIds."""
    original = getattr(response, method)

    @functools.wraps(original)
    def paged(self: Any) -> ActionResult:
        result = original(self)
        call = current()
        if call is None:
            return result
        items = _owned(result.result[member], call)
        result.result[member], result.result["NextToken"] = page(items, call, lambda item: item.id)
        return result

    setattr(response, method, paged)


def _owned(items: list[Any], call: Call) -> list[Any]:
    """The items of the owners asked for. The plane shows an account its own only."""
    if call.action != "DescribeSnapshots":
        return items
    owners = {call.account if owner == "self" else owner for owner in call.numbered("Owner")}
    users = {call.account if user == "self" else user for user in call.numbered("RestorableBy")}
    return [
        item for item in items
        if (not owners or item.owner_id in owners)
        and (not users or item.owner_id in users or users & (item.create_volume_permission_userids | item.create_volume_permission_groups))
    ]


def describe_instances(response: Any) -> ActionResult:
    """As moto's, but pages hold MaxResults instances, and a reservation may be split among pages."""
    response.error_on_dryrun()
    call = current()
    filters = response._filters_from_querystring()
    ids = response._get_param("InstanceIds", [])
    backend = response.ec2_backend
    reservations = (
        backend.get_reservations_by_instance_ids(ids, filters=filters) if ids
        else backend.describe_instances(filters=filters)
    )
    found = [(reservation, instance) for reservation in reservations for instance in reservation.instances]
    chosen, token = page(found, call, lambda pair: pair[1].id) if call else (found, None)
    answer: dict[str, Any] = {}
    for reservation, instance in chosen:
        if reservation.id not in answer:
            answer[reservation.id] = copy.copy(reservation)
            answer[reservation.id].instances = []
        answer[reservation.id].instances.append(instance)
    return ActionResult({"Reservations": list(answer.values()), "NextToken": token})


def platform(instance: Any) -> str | None:
    """`windows`, or nothing. As on AWS it is the image's; the public images of Windows are known by their ids here, for
    none of AWS's images is there."""
    return instance.__dict__.get("image_platform") or ("windows" if instance.image_id in WINDOWS_IMAGES else None)


def _keep_platform(instance: Any, of_image: str | None) -> None:
    instance.__dict__["image_platform"] = of_image


def platform_details(instance: Any) -> str:
    """`Windows` or `Linux/UNIX`: what AWS bills an instance as; it is there whatever the platform."""
    return "Windows" if instance.platform else "Linux/UNIX"


def tags_of(resource: Any) -> list[dict[str, str]]:
    """As moto's, without a look at every tag of the account: it is asked for each resource of each answer."""
    kind = utils.EC2_PREFIX_TO_RESOURCE.get(utils.get_prefix(resource.id), "") if resource.id else ""
    call = current()
    # Of what another account shares, the tags stay its own.
    is_own = call is None or call.account == resource.ec2_backend.account_id
    tags = (resource.ec2_backend.tags.get(resource.id) or {}) if is_own else {}
    return [
        {"resource_id": resource.id, "key": key, "value": value, "resource_type": kind}
        for key, value in list(tags.items())
    ]


def filter_matches(resource: Any, name: str, wanted: Any) -> bool:
    """On AWS a filter matches when any of its values matches, `*` and `?` being wildcards; case counts."""
    return _any_matches(_texts(resource.get_filter_value(name)), wanted)


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, datetime):
        return [utils.format_timestamp(value)] if hasattr(utils, "format_timestamp") else [value.isoformat()]
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple, set, dict)) or hasattr(value, "__iter__"):
        return [str(item) for item in value]
    return [str(value)]


def _any_matches(values: list[str], wanted: Any) -> bool:
    patterns = [wanted] if isinstance(wanted, str) else list(wanted or [])
    return any(_pattern(pattern).fullmatch(value) for value in values for pattern in patterns)


@functools.lru_cache(4096)
def _pattern(text: str) -> re.Pattern[str]:
    """A filter value as a pattern; a backslash takes a wildcard's meaning away."""
    parts = re.findall(r"\\.|[*?]|[^\\*?]+|\\", text, re.DOTALL)
    special = {"*": ".*", "?": "."}
    plain = [part[1:] if len(part) == 2 and part.startswith("\\") else part for part in parts]
    return re.compile(
        "".join(special.get(part) or re.escape(text) for part, text in zip(parts, plain, strict=True)), re.DOTALL
    )
