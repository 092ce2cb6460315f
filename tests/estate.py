"""Instances, volumes, databases, tables and what is made of them, for a demonstration or a test, made with the AWS SDK
as a person would."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from tests.cloud import HOME, Cloud

TAG = "cpm backup"
Tags = dict[str, str]
IMAGE, WINDOWS = "ami-12c6146b", "ami-b7e93bce"
"""Images of which the local cloud makes instances of Linux and of Windows."""
# In GiB.
WINDOWS_ROOT = 30
KINDS = {"rds": "instance", "aurora": "cluster", "redshift": "warehouse", "dynamodb": "table"}
"""The kinds of databases as policies name them, and as the local cloud does."""
_LOGIN = {"MasterUsername": "root", "MasterUserPassword": "Hunter2222"}
_NUMBERS = itertools.count(1)


def pairs(tags: Tags) -> list[dict[str, str]]:
    """Tags as AWS writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def plain(tags: list[dict[str, str]] | None) -> Tags:
    """Tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


@dataclass(frozen=True)
class Database:
    """A database, a cluster or a table."""

    kind: str
    """As in a policy: `rds`, `aurora`, `redshift`, `dynamodb`."""
    name: str
    region: str
    account: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        service, path = {
            "rds": ("rds", "db:"), "aurora": ("rds", "cluster:"), "redshift": ("redshift", "cluster:"),
            "dynamodb": ("dynamodb", "table/"),
        }[self.kind]
        return f"arn:aws:{service}:{self.region}:{self.account}:{path}{self.name}"

    @property
    def target(self) -> dict[str, Any]:
        """As a target in a policy file."""
        return {self.kind: self.name, "region": self.region}


@dataclass(frozen=True)
class Copy:
    """A manual snapshot of a database, or a backup of a table."""

    id: str
    """By which AWS deletes it: the name of a snapshot, the ARN of a table's backup."""
    name: str
    state: str
    """`available` when it is complete; a table's in small letters too."""
    tags: Tags
    """None on a backup of a table."""


class Estate:
    """What is in one account and Region."""

    def __init__(self, cloud: Cloud, region: str = "us-east-1", account: str = HOME) -> None:
        self.region, self.account = region, account
        self.ec2: Any = cloud.client("ec2", region, account)
        self.rds: Any = cloud.client("rds", region, account)
        self.redshift: Any = cloud.client("redshift", region, account)
        self.dynamodb: Any = cloud.client("dynamodb", region, account)

    def instance(
        self, tags: Tags | None = None, volumes: int | list[Tags] = 1, size: int = 8, image: str = IMAGE,
    ) -> tuple[str, list[str]]:
        """An instance with volumes, the root first, each with tags of its own; answers the ids."""
        wanted = volumes if isinstance(volumes, list) else [{} for _ in range(volumes)]
        # A root volume is as large as its image's snapshot at least.
        least = WINDOWS_ROOT if image == WINDOWS else size
        devices = ["/dev/sda1", *(f"/dev/sd{letter}" for letter in "bcdefghijklmnop")][: len(wanted)]
        made = self.ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro",
            BlockDeviceMappings=[
                {"DeviceName": device, "Ebs": {"VolumeSize": max(size, least) if device == devices[0] else size}}
                for device in devices
            ],
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

    # ---- databases

    def database(self, tags: Tags | None = None, cluster: Database | None = None) -> Database:
        """An RDS database instance, alone or in a cluster."""
        name = _name("db")
        more = {"DBClusterIdentifier": cluster.name, "Engine": "aurora-mysql"} if cluster else {
            "Engine": "mysql", "AllocatedStorage": 20, **_LOGIN,
        }
        self.rds.create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Tags=pairs(tags or {}), **more
        )
        return self._database("rds", name)

    def cluster(self, tags: Tags | None = None) -> Database:
        """An Aurora cluster without members."""
        name = _name("ledger")
        self.rds.create_db_cluster(
            DBClusterIdentifier=name, Engine="aurora-mysql", Tags=pairs(tags or {}), **_LOGIN
        )
        return self._database("aurora", name)

    def warehouse(self, tags: Tags | None = None) -> Database:
        """A Redshift cluster."""
        name = _name("dwh")
        self.redshift.create_cluster(
            ClusterIdentifier=name, NodeType="ra3.large", Tags=pairs(tags or {}), **_LOGIN
        )
        return self._database("redshift", name)

    def table(self, tags: Tags | None = None) -> Database:
        """A DynamoDB table."""
        name = _name("Sessions.of_")
        self.dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], Tags=pairs(tags or {}),
        )
        return self._database("dynamodb", name)

    def of_kind(self, kind: str, tags: Tags | None = None) -> Database:
        """A database of a kind."""
        made = {"rds": self.database, "aurora": self.cluster, "redshift": self.warehouse, "dynamodb": self.table}
        return made[kind](tags)

    def _database(self, kind: str, name: str) -> Database:
        return Database(kind, name, self.region, self.account)

    def copies(self, source: Database) -> list[Copy]:
        """The manual snapshots of a database, or the backups of a table, by whomever made."""
        if source.kind == "dynamodb":
            found = self.dynamodb.list_backups(TableName=source.name, BackupType="USER")["BackupSummaries"]
            return [Copy(it["BackupArn"], it["BackupName"], it["BackupStatus"].lower(), {}) for it in found]
        if source.kind == "redshift":
            found = self.redshift.describe_cluster_snapshots(ClusterIdentifier=source.name, SnapshotType="manual")
            return [_copy(it, "SnapshotIdentifier", "Tags") for it in found["Snapshots"]]
        if source.kind == "aurora":
            found = self.rds.describe_db_cluster_snapshots(DBClusterIdentifier=source.name, SnapshotType="manual")
            return [_copy(it, "DBClusterSnapshotIdentifier", "TagList") for it in found["DBClusterSnapshots"]]
        found = self.rds.describe_db_snapshots(DBInstanceIdentifier=source.name, SnapshotType="manual")
        return [_copy(it, "DBSnapshotIdentifier", "TagList") for it in found["DBSnapshots"]]

    def copy_by_hand(self, source: Database, name: str, tags: Tags | None = None) -> str:
        """A snapshot or backup that somebody else makes; answers its id."""
        own = pairs(tags or {})
        if source.kind == "dynamodb":
            made = self.dynamodb.create_backup(TableName=source.name, BackupName=name)
            return str(made["BackupDetails"]["BackupArn"])
        if source.kind == "redshift":
            self.redshift.create_cluster_snapshot(ClusterIdentifier=source.name, SnapshotIdentifier=name, Tags=own)
        elif source.kind == "aurora":
            self.rds.create_db_cluster_snapshot(
                DBClusterIdentifier=source.name, DBClusterSnapshotIdentifier=name, Tags=own
            )
        else:
            self.rds.create_db_snapshot(DBInstanceIdentifier=source.name, DBSnapshotIdentifier=name, Tags=own)
        return name

    # ---- tags

    def tag(self, resource: str | Database, tags: Tags) -> None:
        """Set tags."""
        if isinstance(resource, str):
            self.ec2.create_tags(Resources=[resource], Tags=pairs(tags))
        elif resource.kind == "dynamodb":
            self.dynamodb.tag_resource(ResourceArn=resource.arn, Tags=pairs(tags))
        elif resource.kind == "redshift":
            self.redshift.create_tags(ResourceName=resource.arn, Tags=pairs(tags))
        else:
            self.rds.add_tags_to_resource(ResourceName=resource.arn, Tags=pairs(tags))

    def untag(self, resource: str | Database, *keys: str) -> None:
        """Take tags off."""
        if isinstance(resource, str):
            self.ec2.delete_tags(Resources=[resource], Tags=[{"Key": key} for key in keys])
        elif resource.kind == "dynamodb":
            self.dynamodb.untag_resource(ResourceArn=resource.arn, TagKeys=list(keys))
        elif resource.kind == "redshift":
            self.redshift.delete_tags(ResourceName=resource.arn, TagKeys=list(keys))
        else:
            self.rds.remove_tags_from_resource(ResourceName=resource.arn, TagKeys=list(keys))

    # ---- snapshots and images

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

    def images(self, instance: str) -> list[dict[str, Any]]:
        """The account's images of an instance, oldest first; with tags as a mapping, and `Snapshots`: the ids of its own."""
        by_source = [{"Name": "source-instance-id", "Values": [instance]}]
        found = [
            {**image, "Tags": plain(image.get("Tags")), "Snapshots": {
                str(mapping["Ebs"]["SnapshotId"]) for mapping in image["BlockDeviceMappings"] if "Ebs" in mapping
            }}
            for image in self.ec2.describe_images(Owners=["self"], Filters=by_source)["Images"]
        ]
        return sorted(found, key=lambda image: (image["CreationDate"], image["ImageId"]))


def _name(prefix: str) -> str:
    """A name that no other database has."""
    return f"{prefix}{next(_NUMBERS)}"


def _copy(described: dict[str, Any], identifier: str, tags: str) -> Copy:
    return Copy(described[identifier], described[identifier], described["Status"], plain(described.get(tags)))


class Letters:
    """E-mails of the alert topic to an address, which gets those that its filter lets pass."""

    def __init__(self, cloud: Cloud, address: str, wanted: dict[str, list[str]] | None = None) -> None:
        self._box = cloud.settings.mail / address
        attributes = {"FilterPolicy": json.dumps(wanted)} if wanted else {}
        cloud.client("sns").subscribe(
            TopicArn=cloud.outputs["AlertTopicArn"], Protocol="email", Endpoint=address, Attributes=attributes,
        )

    def all(self) -> list[EmailMessage]:
        """All that have come so far, oldest first."""
        read = BytesParser(EmailMessage, policy=policy.default).parsebytes
        return [read(path.read_bytes()) for path in sorted(self._box.glob("[!.]*.eml"))]

    def about(self, text: str) -> list[EmailMessage]:
        """Those that name `text`."""
        return [letter for letter in self.all() if text in f"{letter['Subject']} {letter.get_content()}"]


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
        lets_in = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": lets_in})
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
