"""Pages, filters and owners as on AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, MEMBER, Cloud, launch

IDS = {"describe_snapshots": "SnapshotIds", "describe_volumes": "VolumeIds", "describe_instances": "InstanceIds"}


@pytest.fixture
def crowd(cloud: Cloud) -> Any:
    """A region of its own with 12 instances of one reservation each, and a snapshot of each volume."""
    ec2 = cloud.client("ec2", account="222233334444")
    if not ec2.describe_instances()["Reservations"]:
        cloud.control("POST", "config", {"snapshot_seconds": 0})
        for number in range(12):
            _, (volume,) = launch(ec2, tags={"n": str(number), f"only{number}": ""})
            ec2.create_snapshot(VolumeId=volume)
    return ec2


@pytest.mark.parametrize(("image", "said"), [("ami-785db401", (None, "Linux/UNIX")), ("ami-b7e93bce", ("windows", "Windows"))])
def test_an_instance_says_what_it_runs(ec2: Any, image: str, said: tuple[str | None, str]) -> None:
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert (found.get("Platform"), found["PlatformDetails"]) == said


def test_pages_hold_all_once(crowd: Any) -> None:
    for method, member in (("describe_snapshots", "Snapshots"), ("describe_volumes", "Volumes")):
        pages = list(crowd.get_paginator(method).paginate(PaginationConfig={"PageSize": 5}))
        assert [len(page[member]) for page in pages] == [5, 5, 2]
    pages = list(crowd.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}))
    found = [instance["InstanceId"] for page in pages for r in page["Reservations"] for instance in r["Instances"]]
    assert len(pages) == 3 and len(found) == len(set(found)) == 12


def test_what_goes_between_two_pages_loses_nothing_else(crowd: Any) -> None:
    first = crowd.describe_snapshots(MaxResults=5)
    left = {s["SnapshotId"] for s in crowd.describe_snapshots()["Snapshots"]} - {s["SnapshotId"] for s in first["Snapshots"]}
    crowd.delete_snapshot(SnapshotId=first["Snapshots"][0]["SnapshotId"])
    rest, token = [], first["NextToken"]
    while token:
        page = crowd.describe_snapshots(MaxResults=5, NextToken=token)
        rest, token = rest + page["Snapshots"], page.get("NextToken")
    assert {snapshot["SnapshotId"] for snapshot in rest} == left


@pytest.mark.parametrize("method", IDS)
def test_limits_of_pages(crowd: Any, method: str) -> None:
    call = getattr(crowd, method)
    for number in (4, 1001):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            call(MaxResults=number)
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        call(MaxResults=5, **{IDS[method]: ["x-0123456789abcdef0"]})
    with pytest.raises(ClientError, match="InvalidPaginationToken"):
        call(MaxResults=5, NextToken="nonsense")
    with pytest.raises(ClientError, match="FilterLimitExceeded"):
        call(Filters=[{"Name": "tag:n", "Values": [str(n) for n in range(201)]}])


def test_filters(crowd: Any) -> None:
    def instances(*filters: tuple[str, list[str]]) -> int:
        found = crowd.describe_instances(Filters=[{"Name": name, "Values": values} for name, values in filters])
        return sum(len(reservation["Instances"]) for reservation in found["Reservations"])

    assert instances(("tag:n", ["3"])) == 1
    assert instances(("tag:n", ["3", "4"]), ("tag-key", ["only4", "only5"])) == 1
    assert instances(("tag:n", ["1*"])) == 3
    assert instances(("tag-key", ["only1", "only2"])) == 2
    assert instances(("instance-state-name", ["running"])) == 12
    some = crowd.describe_snapshots()["Snapshots"][:2]
    for name, member in (("snapshot-id", "SnapshotId"), ("volume-id", "VolumeId")):
        found = crowd.describe_snapshots(Filters=[{"Name": name, "Values": [entry[member] for entry in some]}])
        assert len(found["Snapshots"]) == 2
    assert crowd.describe_snapshots(Filters=[{"Name": "status", "Values": ["pending"]}])["Snapshots"] == []
    attached = {"Name": "attachment.instance-id", "Values": ["i-*"]}
    assert len(crowd.describe_volumes(Filters=[attached])["Volumes"]) == 12


def test_owners_and_accounts_are_apart(cloud: Cloud) -> None:
    home, member = cloud.client("ec2"), cloud.client("ec2", MEMBER)
    made = member.create_snapshot(VolumeId=launch(member)[1][0])
    assert made["OwnerId"] == MEMBER
    mine = [snapshot["SnapshotId"] for snapshot in member.describe_snapshots(OwnerIds=["self"])["Snapshots"]]
    assert mine == [made["SnapshotId"]]
    assert member.describe_snapshots(OwnerIds=[HOME])["Snapshots"] == []
    with pytest.raises(ClientError, match="InvalidSnapshot.NotFound"):
        home.describe_snapshots(SnapshotIds=mine)
