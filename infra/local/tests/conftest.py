"""A local cloud of its own for these tests: free ports, a state directory that goes away."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

LOCAL = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(LOCAL))

from localcloud.settings import Settings, client_environment  # noqa: E402

HOME = "123456789012"
MEMBER = "111122223333"


def free_port() -> int:
    """A port that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait until the condition gives something; answers it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not come true within {seconds} s")


class Cloud:
    """A running local cloud and clients of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CPM_"))},
            "CPM_LOCAL_STATE": str(settings.state),
            "CPM_LOCAL_PORT": str(settings.serverless_port),
            "CPM_LOCAL_RESOURCE_PORT": str(settings.resources_port),
        }

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`cloud.py` with these arguments."""
        return subprocess.run(
            [sys.executable, str(LOCAL / "cloud.py"), *arguments],
            env={**self.variables, **variables}, capture_output=True, text=True, timeout=120, check=False,
        )

    def client(self, service: str, account: str = HOME, region: str = "us-east-1", **given: Any) -> Any:
        """A client as the root of an account, or with the credentials given."""
        endpoints = client_environment(self.settings)
        credentials = given.pop("credentials", None)
        keys = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        } if credentials else {"aws_access_key_id": account, "aws_secret_access_key": "test"}
        return boto3.client(
            service, region_name=region,
            endpoint_url=endpoints.get(f"AWS_ENDPOINT_URL_{service.upper()}", endpoints["AWS_ENDPOINT_URL"]),
            config=Config(retries={"total_max_attempts": 1}, **given), **keys,
        )

    def control(self, method: str, path: str, data: Any = None) -> Any:
        """A call to the resource plane's own routes."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"{self.settings.resources_url}/_cloud/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def calls(self) -> list[dict[str, Any]]:
        """The record of calls."""
        return [json.loads(line) for line in self.settings.calls.read_text().splitlines()]

    def role(self, name: str, statements: list[dict[str, Any]], account: str = HOME, trust: Any = None) -> str:
        """A role with one policy; answers its ARN."""
        iam = self.client("iam", account)
        trust = trust or [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}}]
        arn = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
        )["Role"]["Arn"]
        iam.put_role_policy(
            RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements})
        )
        return str(arn)

    def assume(self, arn: str, **more: Any) -> dict[str, str]:
        """Credentials of a role."""
        return dict(self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **more)["Credentials"])


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The cloud that the tests share."""
    it = Cloud(Settings(tmp_path_factory.mktemp("cloud"), free_port(), free_port()))
    started = it.run("up")
    assert started.returncode == 0, started.stdout + started.stderr
    yield it
    it.run("down")


@pytest.fixture(autouse=True)
def as_new(request: pytest.FixtureRequest) -> Iterator[None]:
    """Behaviour and faults as at the start, with quick snapshots."""
    yield
    if "cloud" in request.fixturenames:
        it = request.getfixturevalue("cloud")
        it.control("DELETE", "config")
        it.control("DELETE", "faults")
        it.control("DELETE", "agents")


@pytest.fixture
def ec2(cloud: Cloud) -> Any:
    """EC2 of the home account."""
    return cloud.client("ec2")


def launch(ec2: Any, volumes: int = 1, tags: dict[str, str] | None = None) -> tuple[str, list[str]]:
    """An instance with so many volumes, the root first; answers the ids."""
    devices = ["/dev/sda1", *(f"/dev/sd{letter}" for letter in "bcdefghijk")][:volumes]
    mappings = [{"DeviceName": device, "Ebs": {"VolumeSize": 8}} for device in devices]
    pairs = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    spec = [{"ResourceType": "instance", "Tags": pairs}] if tags else []
    made = ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t3.micro", BlockDeviceMappings=mappings,
        TagSpecifications=spec,
    )["Instances"][0]["InstanceId"]
    found = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
    return made, [mapping["Ebs"]["VolumeId"] for mapping in found["BlockDeviceMappings"]]


class Inbox:
    """A queue that gets the events of the default bus that match a pattern."""

    def __init__(self, cloud: Cloud, pattern: dict[str, Any]) -> None:
        self._sqs, events = cloud.client("sqs"), cloud.client("events")
        name = f"inbox-{os.urandom(4).hex()}"
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{HOME}:{name}"
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
        self._seen: list[dict[str, Any]] = []

    def events(self) -> list[dict[str, Any]]:
        """What has come so far."""
        while batch := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                self._seen.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._seen

    def about(self, resource: str) -> list[dict[str, Any]]:
        """The events that name a resource."""
        return [event for event in self.events() if resource in json.dumps(event)]
