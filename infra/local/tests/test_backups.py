"""On-demand backups of DynamoDB, the tables of a Region by tag, and what IAM holds them against."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.serialize import create_serializer
from conftest import HOME, MEMBER, Cloud, wait_for
from databases import name, pairs
from test_permissions import allow


def steer(cloud: Cloud, method: str, route: str, data: Any = None) -> Any:
    """A call to the serverless plane's own routes."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(f"{cloud.settings.serverless_url}/_cloud/{route}", body, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


@pytest.fixture
def dynamodb(cloud: Cloud) -> Iterator[Any]:
    """DynamoDB of the home account, with quick backups."""
    steer(cloud, "POST", "backups", {"backup_seconds": 0.2})
    yield cloud.client("dynamodb")
    steer(cloud, "DELETE", "backups")


def table(dynamodb: Any, **tags: str) -> str:
    identifier = name("t")
    dynamodb.create_table(
        TableName=identifier, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], Tags=pairs(tags),
    )
    return identifier


def take(dynamodb: Any, source: str, backup: str = "backup") -> str:
    return str(dynamodb.create_backup(TableName=source, BackupName=backup)["BackupDetails"]["BackupArn"])


def status(dynamodb: Any, arn: str) -> str:
    return str(dynamodb.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"])


def refused(call: Any, code: str) -> None:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == code


def test_a_backup_is_creating_then_available_and_outlives_its_table(dynamodb: Any) -> None:
    source = table(dynamodb)
    made = dynamodb.create_backup(TableName=source, BackupName="a.b_c-1")["BackupDetails"]
    arn = made["BackupArn"]
    assert made["BackupStatus"] == "CREATING" and made["BackupType"] == "USER" and made["BackupName"] == "a.b_c-1"
    assert re.fullmatch(rf"arn:aws:dynamodb:us-east-1:{HOME}:table/{source}/backup/0\d{{13}}-[0-9a-f]{{8}}", arn)
    assert status(dynamodb, arn) == "CREATING"
    refused(lambda: take(dynamodb, source), "BackupInUseException")
    refused(lambda: dynamodb.delete_backup(BackupArn=arn), "BackupInUseException")
    refused(lambda: dynamodb.restore_table_from_backup(TargetTableName=name("t"), BackupArn=arn), "BackupInUseException")
    refused(lambda: dynamodb.delete_table(TableName=source), "ResourceInUseException")
    wait_for(lambda: status(dynamodb, arn) == "AVAILABLE")
    dynamodb.delete_table(TableName=source)
    assert status(dynamodb, arn) == "AVAILABLE"
    assert [it["BackupArn"] for it in dynamodb.list_backups(TableName=source)["BackupSummaries"]] == [arn]
    gone = dynamodb.delete_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
    assert gone["BackupStatus"] == "DELETED"
    for call in (dynamodb.describe_backup, dynamodb.delete_backup):
        refused(lambda it=call: it(BackupArn=arn), "BackupNotFoundException")


@pytest.mark.parametrize("wrong", ["ab", "x" * 256, "a b c", "a/b/c", "äöü"])
def test_names_that_aws_refuses(dynamodb: Any, wrong: str) -> None:
    with pytest.raises(ClientError) as error:
        raw(dynamodb, "CreateBackup", {"TableName": table(dynamodb), "BackupName": wrong})
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert "backupName" in error.value.response["Error"]["Message"]


def raw(client: Any, action: str, data: dict[str, Any]) -> Any:
    """A call without the client's own checks of its parameters."""
    serializer = client._serializer
    client._serializer = create_serializer("json", include_validation=False)
    try:
        return client._make_api_call(action, data)
    finally:
        client._serializer = serializer


def test_tables_that_cannot_be_backed_up(cloud: Cloud, dynamodb: Any) -> None:
    refused(lambda: take(dynamodb, "nowhere"), "TableNotFoundException")
    source = table(dynamodb)
    for state in ("CREATING", "DELETING"):
        steer(cloud, "POST", "tables", {"table": source, "status": state})
        assert dynamodb.describe_table(TableName=source)["Table"]["TableStatus"] == state
        refused(lambda: take(dynamodb, source), "TableInUseException")
    steer(cloud, "POST", "tables", {"table": source, "status": "ACTIVE"})
    steer(cloud, "POST", "backups", {"enabling_seconds": 3600})
    refused(lambda: take(dynamodb, source), "ContinuousBackupsUnavailableException")
    steer(cloud, "POST", "backups", {"enabling_seconds": 0})
    assert take(dynamodb, source)


def test_lists(cloud: Cloud, dynamodb: Any) -> None:
    steer(cloud, "POST", "backups", {"backup_seconds": 0})
    source, other = table(dynamodb), table(dynamodb)
    made = []
    for number in range(3):
        made.append(take(dynamodb, source, f"b-{number}"))
        time.sleep(0.002)  # the ids of two backups of one millisecond have no order
    foreign = take(dynamodb, other)

    def listed(**given: Any) -> list[str]:
        return [it["BackupArn"] for it in dynamodb.list_backups(**given)["BackupSummaries"]]

    assert listed(TableName=source) == made and foreign in listed()
    entry = dynamodb.list_backups(TableName=source)["BackupSummaries"][1]
    assert entry["TableName"] == source and entry["TableArn"].endswith(f"table/{source}") and entry["BackupStatus"]
    tomorrow = datetime.fromtimestamp(time.time() + 86_400, timezone.utc)
    assert listed(TableName=source, TimeRangeLowerBound=tomorrow) == []
    assert listed(TableName=source, TimeRangeUpperBound=tomorrow) == made
    yesterday = datetime.fromtimestamp(time.time() - 86_400, timezone.utc)
    assert listed(TableName=source, TimeRangeLowerBound=yesterday, TimeRangeUpperBound=tomorrow) == made
    assert listed(TableName=source, TimeRangeUpperBound=yesterday) == []
    page = dynamodb.list_backups(TableName=source, Limit=2)
    assert [it["BackupArn"] for it in page["BackupSummaries"]] == made[:2]
    dynamodb.delete_backup(BackupArn=made[1])  # the page's last one goes; the next page begins after it all the same
    rest = dynamodb.list_backups(TableName=source, Limit=2, ExclusiveStartBackupArn=page["LastEvaluatedBackupArn"])
    assert [it["BackupArn"] for it in rest["BackupSummaries"]] == made[2:] and "LastEvaluatedBackupArn" not in rest
    refused(lambda: raw(dynamodb, "ListBackups", {"Limit": 101}), "ValidationException")
    dynamodb.update_continuous_backups(
        TableName=source, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    dynamodb.delete_table(TableName=source)
    assert listed(TableName=source) == [made[0], made[2]] and len(listed(TableName=source, BackupType="SYSTEM")) == 1
    assert len(listed(TableName=source, BackupType="ALL")) == 3
    for elsewhere in (cloud.client("dynamodb", HOME, "eu-west-1"), cloud.client("dynamodb", MEMBER)):
        assert elsewhere.list_backups()["BackupSummaries"] == []
        refused(lambda it=elsewhere: it.describe_backup(BackupArn=made[0]), "BackupNotFoundException")


def test_tables_of_a_region_by_tag(cloud: Cloud) -> None:
    account, key = "666677778888", "cpm backup"
    dynamodb, tagging = cloud.client("dynamodb", account), cloud.client("resourcegroupstaggingapi", account)
    made = [table(dynamodb, **{key: "daily"}) for _ in range(51)]
    weekly, plain = table(dynamodb, **{key: "weekly"}), table(dynamodb, other="x")
    arns = {identifier: f"arn:aws:dynamodb:us-east-1:{account}:table/{identifier}" for identifier in [*made, weekly, plain]}

    def found(**given: Any) -> list[str]:
        return [
            it["ResourceARN"] for page in tagging.get_paginator("get_resources").paginate(**given)
            for it in page["ResourceTagMappingList"]
        ]

    tagged = {"ResourceTypeFilters": ["dynamodb:table"], "TagFilters": [{"Key": key}]}
    first = tagging.get_resources(**tagged)
    assert len(first["ResourceTagMappingList"]) == 50 and first["PaginationToken"]
    assert sorted(found(**tagged)) == sorted(arns[identifier] for identifier in [*made, weekly])
    assert found(**{**tagged, "TagFilters": [{"Key": key, "Values": ["weekly"]}]}) == [arns[weekly]]
    (entry,) = tagging.get_resources(**{**tagged, "ResourcesPerPage": 1})["ResourceTagMappingList"]
    assert entry["Tags"] == pairs({key: "weekly" if entry["ResourceARN"] == arns[weekly] else "daily"})
    refused(lambda: tagging.get_resources(ResourcesPerPage=101), "InvalidParameterException")
    refused(lambda: tagging.get_resources(TagFilters=[{"Key": key, "Values": [str(n) for n in range(21)]}]),
            "InvalidParameterException")
    dynamodb.untag_resource(ResourceArn=arns[weekly], TagKeys=[key])
    assert dynamodb.list_tags_of_resource(ResourceArn=arns[weekly])["Tags"] == []
    dynamodb.tag_resource(ResourceArn=arns[plain], Tags=pairs({key: "daily"}))
    dynamodb.delete_table(TableName=made[0])
    assert sorted(found(**tagged)) == sorted(arns[identifier] for identifier in [*made[1:], plain])
    assert cloud.client("resourcegroupstaggingapi", account, "eu-west-1").get_resources(**tagged)[
        "ResourceTagMappingList"] == []


def test_permissions(cloud: Cloud, dynamodb: Any) -> None:
    ours, foreign = table(dynamodb, **{"cpm backup": "daily"}), table(dynamodb)
    prefix = f"arn:aws:dynamodb:us-east-1:{HOME}:table"
    keeper = cloud.client("dynamodb", credentials=cloud.assume(cloud.role("table-keeper", [
        allow("dynamodb:CreateBackup", resource=f"{prefix}/*", StringEquals={"aws:ResourceTag/cpm backup": "daily"}),
        allow("dynamodb:DeleteBackup", "dynamodb:DescribeBackup", resource=f"{prefix}/{ours}/backup/*"),
        allow("dynamodb:ListTagsOfResource", resource=f"{prefix}/{ours}"),
        allow("dynamodb:ListBackups", resource=f"{prefix}/*"),
    ])))
    arn, other = take(keeper, ours), take(dynamodb, foreign)
    wait_for(lambda: status(keeper, arn) == "AVAILABLE")
    keeper.list_tags_of_resource(ResourceArn=f"{prefix}/{ours}")
    for call in (
        lambda: take(keeper, foreign),
        lambda: keeper.describe_backup(BackupArn=other),
        lambda: keeper.delete_backup(BackupArn=other),
        lambda: keeper.list_tags_of_resource(ResourceArn=f"{prefix}/{foreign}"),
        lambda: keeper.list_backups(TableName=ours),  # ListBackups needs `*` as the resource
        lambda: cloud.client("resourcegroupstaggingapi", credentials=cloud.assume(
            f"arn:aws:iam::{HOME}:role/table-keeper")).get_resources(),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    keeper.delete_backup(BackupArn=arn)
    assert ("dynamodb", "CreateBackup", "AccessDeniedException") in [
        (call["service"], call["action"], call["error"]) for call in cloud.calls()
    ]
