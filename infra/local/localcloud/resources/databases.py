"""What RDS, Aurora and Redshift have in common: the life of a snapshot, pages, the rules for names and tags, and the
steering of the databases themselves.

moto's databases never change their state and its snapshots are available at once. On AWS a snapshot is `creating`, with
progress, for minutes, and only a database in the right state can be snapshotted.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..settings import ACCOUNT, REGION
from .behaviour import SWITCHES
from .call import Call, current
from .describe import Pages
from .errors import AwsError
from .snapshots import CLOCK

SERVICES = ("rds", "redshift")
PAGE_MIN, PAGE_MAX = 20, 100
KEY_MAX, VALUE_MAX, TAGS_MAX = 128, 256, 50
_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,254}(?<!-)")
_MARKERS = Pages()


@dataclass(frozen=True)
class Kind:
    """A kind of database, and where moto keeps those of an account and Region."""

    service: str
    collection: str
    states: tuple[str, ...]
    """The states in which AWS lets it be snapshotted."""
    busy: str
    """Its state while it is; empty when the state stays."""


KINDS = {
    # "The source DB instance must be in the available or storage-optimization state" (API reference of CreateDBSnapshot).
    "instance": Kind("rds", "databases", ("available", "storage-optimization"), "backing-up"),
    "cluster": Kind("rds", "clusters", ("available",), "backing-up"),
    # "The cluster must be in the available state" (API reference of CreateClusterSnapshot).
    "warehouse": Kind("redshift", "clusters", ("available",), ""),
}


@dataclass
class Course:
    """How far a snapshot has come."""

    began: float
    seconds: float

    @property
    def percent(self) -> int:
        """From 0 to 99 while it is being made."""
        share = (time.monotonic() - self.began) / self.seconds if self.seconds else 1.0
        return min(int(share * 100), 99)


def begin(kind: str, collection: Any, identifier: str, snapshot: Any, ended: Callable[[bool], None]) -> None:
    """Make a snapshot `creating`; it ends `available`, or `failed` when a fault says so or its source is gone by then."""
    call = current()
    fails = bool(call and call.snapshot_error)
    seconds = SWITCHES.now.database_snapshot_seconds
    source, busy = collection[identifier], KINDS[kind].busy
    before = source.status
    snapshot.course = Course(time.monotonic(), seconds)
    snapshot.status = "creating"
    if busy:
        source.status = busy

    def finish() -> None:
        good = not fails and collection.get(identifier) is source
        snapshot.status = "available" if good else "failed"
        if busy and source.status == busy:
            source.status = before
        ended(good)

    CLOCK.after(seconds, finish)


def percent_progress(snapshot: Any) -> int:
    """On AWS the progress of a snapshot grows while it is being made."""
    if snapshot.status == "available":
        return 100
    course = getattr(snapshot, "course", None)
    return course.percent if course and snapshot.status == "creating" else 0


def check_name(name: str, parameter: str) -> None:
    """AWS's rules for the identifiers of snapshots, the same for RDS and Redshift."""
    if not _NAME.fullmatch(name):
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain "
            "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
        )


def check(call: Call) -> None:
    """The rules of RDS and Redshift for tags in a request and for the size of pages."""
    tags = call.tags("Tags.Tag")
    invalid = "InvalidTagFault" if call.service == "redshift" else "InvalidParameterValue"
    if len(tags) > TAGS_MAX:
        raise AwsError(
            "TagLimitExceededFault" if call.service == "redshift" else "InvalidParameterValue",
            f"The number of tags exceeds the limit of {TAGS_MAX} tags for a resource.",
        )
    for key, value in tags.items():
        if key.lower().startswith(("aws:", "rds:")):
            raise AwsError(invalid, f"Tag keys can't start with 'aws:' or 'rds:': {key}")
        if not 1 <= len(key) <= KEY_MAX or len(value) > VALUE_MAX:
            raise AwsError(invalid, f"A tag key has 1 to {KEY_MAX} characters, a tag value 0 to {VALUE_MAX}: {key}")
        if not (_written_well(key) and _written_well(value)):
            raise AwsError(invalid, "Tag keys and values contain letters, digits, white space and _ . : / = + - @ only: "
                                    f"{key}={value}")
    limit = call.params.get("MaxRecords")
    if limit is not None and not (limit.isdigit() and PAGE_MIN <= int(limit) <= PAGE_MAX):
        raise AwsError(
            "InvalidParameterValue", f"Invalid value {limit} for MaxRecords. Must be between {PAGE_MIN} and {PAGE_MAX}"
        )


def _written_well(text: str) -> bool:
    """Only the characters that RDS and Redshift let into tags; EC2 takes more."""
    return all(unicodedata.category(sign)[0] in "LZN" or sign in "_.:/=+-@" for sign in text)


def page(items: list[Any], key: Callable[[Any], str]) -> tuple[list[Any], str | None]:
    """The page that MaxRecords (100 when it is not given) and Marker ask for, and the marker of the next.

    The first page fixes what the others hold: what is made later is in none, what goes is left out.
    """
    call = current()
    params = call.params if call else {}
    present = {key(item): item for item in items}
    wanted = list(present)
    if marker := params.get("Marker"):
        try:
            wanted = _MARKERS.left(marker)
        except AwsError:
            raise AwsError("InvalidParameterValue", f"Invalid marker: {marker}") from None
    limit = int(params.get("MaxRecords", PAGE_MAX))
    following = _MARKERS.keep(wanted[limit:]) if len(wanted) > limit else None
    return [present[name] for name in wanted[:limit] if name in present], following


def _backends(service: str) -> Any:
    from moto.rds.models import rds_backends
    from moto.redshift.models import redshift_backends

    return rds_backends if service == "rds" else redshift_backends


def listing() -> list[dict[str, str]]:
    """Every database with its state: `GET /_cloud/databases`."""
    return [
        {"kind": name, "account": account, "region": region, "identifier": identifier, "status": database.status}
        for name, kind in KINDS.items()
        for account, regions in _backends(kind.service).items()
        for region, backend in regions.items()
        for identifier, database in list(getattr(backend, kind.collection).items())
    ]


def steer(data: Any) -> dict[str, str]:
    """Set the state of a database, for some seconds or for good, or let it vanish: `POST /_cloud/databases`.

    ValueError says what is wrong. A database that is `deleting` for some seconds is gone after them, any other state for
    some seconds turns to `available`.
    """
    known = {"kind", "identifier", "account", "region", "status", "seconds", "vanish"}
    if not isinstance(data, dict) or set(data) - known:
        raise ValueError(f"known fields: {', '.join(sorted(known))}")
    if data.get("kind") not in KINDS or bool(data.get("status")) == bool(data.get("vanish")):
        raise ValueError(f"kind is one of {', '.join(KINDS)}; give either a status or vanish")
    kind, identifier = KINDS[data["kind"]], str(data.get("identifier", ""))
    backend = _backends(kind.service)[data.get("account", ACCOUNT)][data.get("region", REGION)]
    found = getattr(backend, kind.collection).get(identifier)
    if found is None:
        raise ValueError(f"there is no {data['kind']} {identifier}")
    if data.get("vanish"):
        _vanish(kind, backend, identifier)
        return {"identifier": identifier, "status": "gone"}
    status = found.status = str(data["status"])

    def back() -> None:
        if getattr(backend, kind.collection).get(identifier) is not found or found.status != status:
            return
        if status == "deleting":
            _vanish(kind, backend, identifier)
        else:
            found.status = "available"

    if seconds := data.get("seconds"):
        CLOCK.after(float(seconds), back)
    return {"identifier": identifier, "status": status}


def _vanish(kind: Kind, backend: Any, identifier: str) -> None:
    """Take a database away with its automated snapshots, and a cluster with its members. Manual snapshots stay."""
    database = getattr(backend, kind.collection).pop(identifier)
    for member in list(getattr(database, "_members", [])):
        backend.databases.pop(member.db_instance_identifier, None)
    if kind.service == "redshift":
        backend.delete_automated_snapshots(identifier)
        return
    for snapshots, attribute in (
        (backend.database_snapshots, "db_instance_identifier"), (backend.cluster_snapshots, "db_cluster_identifier"),
    ):
        for name, snapshot in list(snapshots.items()):
            if snapshot.snapshot_type == "automated" and getattr(snapshot, attribute) == identifier:
                del snapshots[name]
