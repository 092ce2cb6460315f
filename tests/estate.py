"""Instances, volumes and snapshots for a demonstration or a test, made with the AWS SDK as a person would."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import HOME, Cloud

TAG = "cpm backup"
Tags = dict[str, str]
IMAGE = "ami-12c6146b"


def pairs(tags: Tags) -> list[dict[str, str]]:
    """Tags as AWS writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def plain(tags: list[dict[str, str]] | None) -> Tags:
    """Tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


class Estate:
    """What is in one account and Region."""

    def __init__(self, cloud: Cloud, region: str = "us-east-1", account: str = HOME) -> None:
        self.region = region
        self.ec2: Any = cloud.client("ec2", region, account)

    def instance(self, tags: Tags | None = None, volumes: int | list[Tags] = 1, size: int = 8) -> tuple[str, list[str]]:
        """An instance with volumes, the root first, each with tags of its own; answers the ids."""
        wanted = volumes if isinstance(volumes, list) else [{} for _ in range(volumes)]
        devices = ["/dev/sda1", *(f"/dev/sd{letter}" for letter in "bcdefghijklmnop")][: len(wanted)]
        made = self.ec2.run_instances(
            ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="t3.micro",
            BlockDeviceMappings=[{"DeviceName": device, "Ebs": {"VolumeSize": size}} for device in devices],
        )["Instances"][0]
        instance = str(made["InstanceId"])
        ids = self.volumes_of(instance)
        for volume, own in zip(ids, wanted, strict=True):
            if own:
                self.tag(volume, own)
        if tags:
            self.tag(instance, tags)
        return instance, ids

    def volumes_of(self, instance: str) -> list[str]:
        """The volumes attached to an instance, the root first."""
        found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return [str(mapping["Ebs"]["VolumeId"]) for mapping in found["BlockDeviceMappings"]]

    def volume(self, tags: Tags | None = None, size: int = 8) -> str:
        """A detached volume."""
        zone = f"{self.region}a"
        volume = str(self.ec2.create_volume(AvailabilityZone=zone, Size=size, VolumeType="gp3")["VolumeId"])
        if tags:
            self.tag(volume, tags)
        return volume

    def stop(self, instance: str) -> None:
        """Stop an instance."""
        self.ec2.stop_instances(InstanceIds=[instance])

    def tag(self, resource: str, tags: Tags) -> None:
        """Set tags."""
        self.ec2.create_tags(Resources=[resource], Tags=pairs(tags))

    def untag(self, resource: str, *keys: str) -> None:
        """Take tags off."""
        self.ec2.delete_tags(Resources=[resource], Tags=[{"Key": key} for key in keys])

    def snapshots(self, *sources: str, policy: str | None = None) -> list[dict[str, Any]]:
        """The account's snapshots, of these volumes, or of that policy, oldest first; with tags as a mapping."""
        filters = [{"Name": "volume-id", "Values": list(sources)}] if sources else []
        if policy:
            filters.append({"Name": "tag:cpm:policy", "Values": [policy]})
        pages = self.ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=filters)
        found = [{**snapshot, "Tags": plain(snapshot.get("Tags"))} for page in pages for snapshot in page["Snapshots"]]
        return sorted(found, key=lambda snapshot: (snapshot["StartTime"], snapshot["SnapshotId"]))

    def snapshot_ids(self, *sources: str, policy: str | None = None) -> set[str]:
        """The ids of [`snapshots`]."""
        return {str(snapshot["SnapshotId"]) for snapshot in self.snapshots(*sources, policy=policy)}


class Mailbox:
    """A queue subscribed to the alert topic: what a person would be told."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self._sqs, sns = cloud.client("sqs"), cloud.client("sns")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = cloud.outputs["AlertTopicArn"]
        let_in = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self._read: list[dict[str, Any]] = []

    def messages(self) -> list[dict[str, Any]]:
        """All that has come so far, oldest first: SNS's envelope, with `Subject` and `Message`."""
        while batch := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                self._read.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return list(self._read)

    def about(self, text: str) -> list[dict[str, Any]]:
        """The messages that name `text`."""
        return [message for message in self.messages() if text in f"{message.get('Subject')} {message['Message']}"]
