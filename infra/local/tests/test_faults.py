"""Faults hit the calls that their rules name, and no others."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from conftest import HOME, MEMBER, Cloud, launch


def test_error_so_many_times_after_so_many(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "faults", [{"action": "ec2:DescribeV*", "effect": "error", "code": "Unavailable",
                                      "message": "gone", "status": 503, "skip": 1, "times": 1}])
    ec2.describe_volumes()
    ec2.describe_instances()
    with pytest.raises(ClientError) as error:
        ec2.describe_volumes()
    assert error.value.response["Error"]["Code"] == "Unavailable" and "gone" in str(error.value)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    ec2.describe_volumes()
    assert cloud.control("GET", "faults")[0]["hits"] == 3


def test_throttle_by_account_region_and_resource(cloud: Cloud, ec2: Any) -> None:
    _, (volume,) = launch(ec2)
    cloud.control("POST", "faults", [
        {"action": "ec2:*", "effect": "throttle", "account": MEMBER},
        {"action": "ec2:*", "effect": "throttle", "region": "eu-west-1"},
        {"action": "ec2:*", "effect": "throttle", "resource": volume},
    ])
    ec2.describe_volumes()
    for refused in (
        lambda: cloud.client("ec2", MEMBER).describe_volumes(),
        lambda: cloud.client("ec2", HOME, "eu-west-1").describe_volumes(),
        lambda: ec2.create_snapshot(VolumeId=volume),
    ):
        with pytest.raises(ClientError, match="RequestLimitExceeded"):
            refused()


def test_denied_in_the_words_of_ec2(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "faults", {"action": "ec2:CreateSnapshots", "effect": "deny"})
    instance, _ = launch(ec2)
    with pytest.raises(ClientError) as error:
        ec2.create_snapshots(InstanceSpecification={"InstanceId": instance})
    assert error.value.response["Error"]["Code"] == "UnauthorizedOperation"
    assert error.value.response["Error"]["Message"].startswith(
        f"You are not authorized to perform this operation. User: arn:aws:iam::{HOME}:root is not authorized to perform: "
        f"ec2:CreateSnapshots on resource: arn:aws:ec2:us-east-1:{HOME}:instance/{instance} because no identity-based policy allows "
        "the ec2:CreateSnapshots action. Encoded authorization failure message: "
    )
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_dropped_before_and_after(cloud: Cloud, ec2: Any) -> None:
    _, (volume,) = launch(ec2)

    def count() -> int:
        found = ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume]}])
        return len(found["Snapshots"])

    for when, made in (("before", 0), ("after", 1)):
        cloud.control("POST", "faults", {"action": "ec2:CreateSnapshot", "effect": "drop", "when": when, "times": 1})
        with pytest.raises(ConnectionClosedError):
            ec2.create_snapshot(VolumeId=volume)
        assert count() == made


def test_delay_and_then_fail(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "faults", [{"action": "ec2:DescribeVolumes", "effect": "delay", "seconds": 0.3},
                                     {"action": "ec2:DescribeVolumes", "effect": "throttle"}])
    began = time.monotonic()
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        ec2.describe_volumes()
    assert time.monotonic() - began >= 0.3


def test_by_the_application_that_calls(cloud: Cloud, ec2: Any) -> None:
    cloud.control("POST", "faults", {"action": "ec2:*", "effect": "throttle", "app": "backup"})
    ec2.describe_volumes()
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        cloud.client("ec2", user_agent_appid="backup").describe_volumes()
