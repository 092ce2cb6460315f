"""Databases, clusters, warehouses and tables are restored, shared and ended as on AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import HOME, MEMBER, Cloud, wait_for
from databases import cluster, cluster_snapshot_of, instance, name, pairs, snapshot_of, warehouse, warehouse_snapshot_of
from made import refused
from test_backups import status as backup_status
from test_backups import steer, take
from test_permissions import allow

OURS = {"cpm:deployment": "t", "cpm:recovery": "r1"}
CLASS = "db.t3.micro"


@pytest.fixture(autouse=True)
def quick(cloud: Cloud) -> Iterator[None]:
    cloud.control("POST", "config", {"database_snapshot_seconds": 0.1, "database_seconds": 0.4})
    steer(cloud, "POST", "backups", {"backup_seconds": 0.1, "restore_seconds": 0.4})
    yield
    steer(cloud, "DELETE", "backups")


@pytest.fixture
def rds(cloud: Cloud) -> Any:
    return cloud.client("rds")


@pytest.fixture
def redshift(cloud: Cloud) -> Any:
    return cloud.client("redshift")


def database(rds: Any, identifier: str) -> dict[str, Any]:
    return dict(rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0])


def aurora(rds: Any, identifier: str) -> dict[str, Any]:
    return dict(rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"][0])


def of_instance(rds: Any, **tags: str) -> str:
    source, made = instance(rds, **tags), name("s")
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=made)
    wait_for(lambda: snapshot_of(rds, made)["Status"] == "available")
    rds.delete_db_instance(DBInstanceIdentifier=source, SkipFinalSnapshot=True)
    return made


def of_cluster(rds: Any) -> str:
    source, made = cluster(rds), name("s")
    rds.create_db_cluster_snapshot(DBClusterIdentifier=source, DBClusterSnapshotIdentifier=made)
    wait_for(lambda: cluster_snapshot_of(rds, made)["Status"] == "available")
    return made


def of_warehouse(redshift: Any) -> str:
    source, made = warehouse(redshift, team="dwh"), name("s")
    redshift.create_cluster_snapshot(ClusterIdentifier=source, SnapshotIdentifier=made, Tags=pairs({"cpm:unit": "u1"}))
    wait_for(lambda: warehouse_snapshot_of(redshift, made)["Status"] == "available")
    redshift.delete_cluster(ClusterIdentifier=source, SkipFinalClusterSnapshot=True)
    return made


# ---- RDS


def test_an_instance_that_is_gone_comes_back_under_a_new_name(cloud: Cloud, rds: Any) -> None:
    group, made = name("group"), name("db")
    subnets = [it["SubnetId"] for it in cloud.client("ec2").describe_subnets()["Subnets"][:2]]
    rds.create_db_subnet_group(DBSubnetGroupName=group, DBSubnetGroupDescription="x", SubnetIds=subnets)
    given = {
        "DBInstanceIdentifier": made, "DBSnapshotIdentifier": of_instance(rds, Name="shop"), "DBInstanceClass": "db.m5.large",
        "DBSubnetGroupName": group, "Tags": pairs(OURS), "Port": 3307, "MultiAZ": True, "PubliclyAccessible": False,
        "StorageType": "gp3",
    }
    answer = rds.restore_db_instance_from_db_snapshot(**given)["DBInstance"]
    assert answer["DBInstanceStatus"] == "creating"
    refused("DBInstanceAlreadyExists", rds.restore_db_instance_from_db_snapshot, **given)
    refused("InvalidDBInstanceState", rds.delete_db_instance, DBInstanceIdentifier=made, SkipFinalSnapshot=True)
    seen = wait_for(lambda: found if (found := database(rds, made))["DBInstanceStatus"] == "available" else None)
    assert (seen["DBInstanceClass"], seen["Endpoint"]["Port"], seen["MultiAZ"]) == ("db.m5.large", 3307, True)
    assert (seen["DBSubnetGroup"]["DBSubnetGroupName"], seen["DeletionProtection"], seen["StorageType"]) == (group, False, "gp3")
    assert {tag["Key"]: tag["Value"] for tag in seen["TagList"]} == OURS
    rds.modify_db_instance(DBInstanceIdentifier=made, DeletionProtection=True, ApplyImmediately=True)
    refused("InvalidParameterCombination", rds.delete_db_instance, DBInstanceIdentifier=made, SkipFinalSnapshot=True)
    rds.modify_db_instance(DBInstanceIdentifier=made, DeletionProtection=False, ApplyImmediately=True)
    refused("InvalidParameterCombination", rds.delete_db_instance, DBInstanceIdentifier=made)
    rds.delete_db_instance(DBInstanceIdentifier=made, SkipFinalSnapshot=True)
    assert database(rds, made)["DBInstanceStatus"] == "deleting"
    refused("InvalidDBInstanceState", rds.delete_db_instance, DBInstanceIdentifier=made, SkipFinalSnapshot=True)
    wait_for(lambda: made not in {it["DBInstanceIdentifier"] for it in rds.describe_db_instances()["DBInstances"]})


@pytest.mark.parametrize(("code", "given"), [
    ("DBSnapshotNotFound", {"DBSnapshotIdentifier": "nobodys"}),
    ("DBSubnetGroupNotFoundFault", {"DBSubnetGroupName": "nobodys"}),
    ("DBParameterGroupNotFound", {"DBParameterGroupName": "nobodys"}),
    ("OptionGroupNotFoundFault", {"OptionGroupName": "nobodys"}),
    ("InvalidParameterValue", {"VpcSecurityGroupIds": ["sg-0123456789abcdef0"]}),
    ("InvalidParameterCombination", {"MultiAZ": True, "AvailabilityZone": "us-east-1a"}),
])
def test_restores_that_are_refused(rds: Any, code: str, given: dict[str, Any]) -> None:
    made = name("db")
    refused(code, rds.restore_db_instance_from_db_snapshot, **{
        "DBInstanceIdentifier": made, "DBSnapshotIdentifier": of_instance(rds), **given})
    refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier=made)


def test_groups_that_are_not_there(rds: Any) -> None:
    refused("DBParameterGroupNotFound", rds.describe_db_parameter_groups, DBParameterGroupName="nobodys")
    refused("DBSubnetGroupNotFoundFault", rds.describe_db_subnet_groups, DBSubnetGroupName="nobodys")


def test_a_snapshot_under_way_and_one_whose_key_is_disabled(cloud: Cloud, rds: Any) -> None:
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    source, made = name("db"), name("s")
    rds.create_db_instance(
        DBInstanceIdentifier=source, DBInstanceClass=CLASS, Engine="mysql", AllocatedStorage=20, MasterUsername="root",
        MasterUserPassword="hunter2222", StorageEncrypted=True, KmsKeyId=key["Arn"],
    )
    cloud.control("POST", "config", {"database_snapshot_seconds": 1})
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=made)
    given = {"DBInstanceIdentifier": name("db"), "DBSnapshotIdentifier": made}
    refused("InvalidDBSnapshotState", rds.restore_db_instance_from_db_snapshot, **given)
    wait_for(lambda: snapshot_of(rds, made)["Status"] == "available")
    kms.disable_key(KeyId=key["KeyId"])
    refused("KMSKeyNotAccessibleFault", rds.restore_db_instance_from_db_snapshot, **given)


def test_a_restore_can_end_badly(cloud: Cloud, rds: Any) -> None:
    made = name("db")
    cloud.control("POST", "faults", {
        "action": "rds:RestoreDBInstanceFromDBSnapshot", "effect": "database_error", "cause": "incompatible-restore"})
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=made, DBSnapshotIdentifier=of_instance(rds))
    wait_for(lambda: database(rds, made)["DBInstanceStatus"] == "incompatible-restore")


def test_a_snapshot_of_another_account(cloud: Cloud, rds: Any) -> None:
    theirs, shared = cloud.client("rds", MEMBER), of_instance(rds)
    arn = f"arn:aws:rds:us-east-1:{HOME}:snapshot:{shared}"
    given = {"DBInstanceIdentifier": name("db"), "DBSnapshotIdentifier": arn}
    refused("DBSnapshotNotFound", theirs.restore_db_instance_from_db_snapshot, **given)
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier=shared, AttributeName="restore", ValuesToAdd=[MEMBER])
    refused("DBSnapshotNotFound", theirs.restore_db_instance_from_db_snapshot, **{**given, "DBSnapshotIdentifier": shared})
    assert theirs.describe_db_snapshots(DBSnapshotIdentifier=arn, IncludeShared=True)["DBSnapshots"][0]["Status"] == "available"
    theirs.restore_db_instance_from_db_snapshot(**given)
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier=shared, AttributeName="restore", ValuesToRemove=[MEMBER])
    refused("DBSnapshotNotFound", theirs.restore_db_instance_from_db_snapshot, **{**given, "DBInstanceIdentifier": name("db")})


# ---- Aurora


def test_a_cluster_comes_back_without_members_and_gets_them(rds: Any) -> None:
    made, of = name("cl"), of_cluster(rds)
    given = {"DBClusterIdentifier": made, "SnapshotIdentifier": of, "Engine": "aurora-mysql", "Tags": pairs(OURS)}
    assert rds.restore_db_cluster_from_snapshot(**given)["DBCluster"]["Status"] == "creating"
    refused("DBClusterAlreadyExistsFault", rds.restore_db_cluster_from_snapshot, **given)
    wait_for(lambda: aurora(rds, made)["Status"] == "available")
    assert aurora(rds, made)["DBClusterMembers"] == []
    member = {"DBInstanceClass": "db.r6g.large", "Engine": "aurora-mysql", "DBClusterIdentifier": made, "Tags": pairs(OURS)}
    refused("DBClusterNotFoundFault", rds.create_db_instance, **{**member, "DBInstanceIdentifier": name(), "DBClusterIdentifier": "no"})
    writer, reader = name("writer"), name("reader")
    rds.create_db_instance(**member, DBInstanceIdentifier=writer, PromotionTier=0)
    rds.create_db_instance(**member, DBInstanceIdentifier=reader, PromotionTier=1)
    refused("DBInstanceAlreadyExists", rds.create_db_instance, **member, DBInstanceIdentifier=reader)
    assert database(rds, reader)["DBInstanceStatus"] == "creating"
    wait_for(lambda: database(rds, reader)["DBInstanceStatus"] == "available")
    roles = {it["DBInstanceIdentifier"]: it["IsClusterWriter"] for it in aurora(rds, made)["DBClusterMembers"]}
    assert roles == {writer: True, reader: False}
    gone = {"DBClusterIdentifier": made, "SkipFinalSnapshot": True}
    refused("InvalidDBClusterStateFault", rds.delete_db_cluster, "non-deleting", **gone)
    for it in (writer, reader):
        rds.delete_db_instance(DBInstanceIdentifier=it, SkipFinalSnapshot=True)
    rds.delete_db_cluster(**gone)
    wait_for(lambda: made not in {it["DBClusterIdentifier"] for it in rds.describe_db_clusters()["DBClusters"]})
    refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier=writer)


@pytest.mark.parametrize(("code", "given"), [
    ("DBClusterSnapshotNotFoundFault", {"SnapshotIdentifier": "nobodys"}),
    ("InvalidParameterCombination", {"Engine": "aurora-postgresql"}),
    ("DBClusterParameterGroupNotFound", {"DBClusterParameterGroupName": "nobodys"}),
    ("DBSubnetGroupNotFoundFault", {"DBSubnetGroupName": "nobodys"}),
])
def test_clusters_that_are_refused(rds: Any, code: str, given: dict[str, Any]) -> None:
    made = name("cl")
    refused(code, rds.restore_db_cluster_from_snapshot, **{
        "DBClusterIdentifier": made, "SnapshotIdentifier": of_cluster(rds), "Engine": "aurora-mysql", **given})
    refused("DBClusterNotFoundFault", rds.describe_db_clusters, DBClusterIdentifier=made)


# ---- Redshift


def test_a_warehouse_comes_back(redshift: Any) -> None:
    made, of = name("wh"), of_warehouse(redshift)
    given = {"ClusterIdentifier": made, "SnapshotIdentifier": of, "NodeType": "ra3.xlplus", "NumberOfNodes": 2, "Port": 5440}

    def seen() -> dict[str, Any]:
        return dict(redshift.describe_clusters(ClusterIdentifier=made)["Clusters"][0])

    assert redshift.restore_from_cluster_snapshot(**given)["Cluster"]["ClusterStatus"] == "creating"
    refused("ClusterAlreadyExists", redshift.restore_from_cluster_snapshot, **given)
    refused("InvalidClusterState", redshift.delete_cluster, ClusterIdentifier=made, SkipFinalClusterSnapshot=True)
    wait_for(lambda: seen()["ClusterStatus"] == "available")
    assert seen()["RestoreStatus"]["Status"] == "completed"
    assert (seen()["NodeType"], seen()["NumberOfNodes"], seen()["Endpoint"]["Port"]) == ("ra3.xlplus", 2, 5440)
    assert seen()["Tags"] == [{"Key": "cpm:unit", "Value": "u1"}], "the tags of its snapshot, as no others can be given"
    redshift.create_tags(ResourceName=f"arn:aws:redshift:us-east-1:{HOME}:cluster:{made}", Tags=pairs(OURS))
    assert OURS.items() <= {tag["Key"]: tag["Value"] for tag in seen()["Tags"]}.items()
    refused("InvalidParameterCombination", redshift.delete_cluster, ClusterIdentifier=made)
    redshift.delete_cluster(ClusterIdentifier=made, SkipFinalClusterSnapshot=True)
    wait_for(lambda: made not in {it["ClusterIdentifier"] for it in redshift.describe_clusters()["Clusters"]})


def test_warehouses_that_are_refused(redshift: Any) -> None:
    given = {"ClusterIdentifier": name("wh"), "SnapshotIdentifier": of_warehouse(redshift)}
    restore = redshift.restore_from_cluster_snapshot
    refused("ClusterSnapshotNotFound", restore, **{**given, "SnapshotIdentifier": "nobodys"})
    refused("ClusterSubnetGroupNotFoundFault", restore, **given, ClusterSubnetGroupName="nobodys")
    refused("ClusterParameterGroupNotFound", restore, **given, ClusterParameterGroupName="nobodys")
    refused("ClusterNotFound", redshift.describe_clusters, ClusterIdentifier=given["ClusterIdentifier"])


def test_a_warehouse_of_another_account(cloud: Cloud, redshift: Any) -> None:
    theirs, of = cloud.client("redshift", MEMBER), of_warehouse(redshift)
    given = {"ClusterIdentifier": name("wh"), "SnapshotIdentifier": of, "OwnerAccount": HOME}
    refused("AccessToSnapshotDenied", theirs.restore_from_cluster_snapshot, **given)
    access = {"SnapshotIdentifier": of, "AccountWithRestoreAccess": MEMBER}
    refused("AuthorizationNotFound", redshift.revoke_snapshot_access, **access)
    shared = redshift.authorize_snapshot_access(**access)["Snapshot"]
    assert shared["AccountsWithRestoreAccess"] == [{"AccountId": MEMBER}]
    refused("AuthorizationAlreadyExists", redshift.authorize_snapshot_access, **access)
    source = redshift.describe_cluster_snapshots(SnapshotIdentifier=of)["Snapshots"][0]["ClusterIdentifier"]
    by_arn = {"SnapshotArn": f"arn:aws:redshift:us-east-1:{HOME}:snapshot:{source}/{of}", "OwnerAccount": HOME}
    assert theirs.describe_cluster_snapshots(**by_arn)["Snapshots"][0]["SnapshotIdentifier"] == of
    assert theirs.restore_from_cluster_snapshot(**by_arn, ClusterIdentifier=name("wh"))["Cluster"]["ClusterStatus"] == "creating"
    assert theirs.restore_from_cluster_snapshot(**given)["Cluster"]["ClusterIdentifier"] == given["ClusterIdentifier"]
    redshift.revoke_snapshot_access(**access)
    refused("AccessToSnapshotDenied", theirs.restore_from_cluster_snapshot, **{**given, "ClusterIdentifier": name("wh")})


# ---- DynamoDB


@pytest.fixture
def dynamodb(cloud: Cloud) -> Any:
    return cloud.client("dynamodb")


def table(dynamodb: Any) -> tuple[str, str]:
    """A table with items that is gone, and its backup."""
    source = name("t")
    dynamodb.create_table(
        TableName=source, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[{
            "IndexName": "by_g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
        Tags=pairs({"team": "web"}), DeletionProtectionEnabled=True,
    )
    for number in range(3):
        dynamodb.put_item(TableName=source, Item={"k": {"S": str(number)}, "g": {"S": "x"}})
    of = take(dynamodb, source)
    wait_for(lambda: backup_status(dynamodb, of) == "AVAILABLE")
    dynamodb.update_table(TableName=source, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=source)
    return source, of


def test_a_table_comes_back_with_its_items(dynamodb: Any) -> None:
    source, of = table(dynamodb)
    made = name("t")
    given = {"TargetTableName": made, "BackupArn": of}

    def seen() -> dict[str, Any]:
        return dict(dynamodb.describe_table(TableName=made)["Table"])

    answer = dynamodb.restore_table_from_backup(**given)["TableDescription"]
    assert (answer["TableStatus"], answer["RestoreSummary"]["SourceBackupArn"]) == ("CREATING", of)
    assert seen()["RestoreSummary"]["RestoreInProgress"] is True
    refused("TableAlreadyExistsException", dynamodb.restore_table_from_backup, **given)
    arn = answer["TableArn"]
    refused("ResourceInUseException", dynamodb.tag_resource, ResourceArn=arn, Tags=pairs(OURS))
    refused("ResourceInUseException", dynamodb.update_table, TableName=made, DeletionProtectionEnabled=True)
    refused("ResourceInUseException", dynamodb.delete_table, TableName=made)
    wait_for(lambda: seen()["TableStatus"] == "ACTIVE")
    summary = seen()["RestoreSummary"]
    assert summary["RestoreInProgress"] is False and summary["SourceTableArn"].endswith(f"table/{source}")
    assert seen()["GlobalSecondaryIndexes"][0]["IndexName"] == "by_g" and seen()["DeletionProtectionEnabled"] is False
    assert len(dynamodb.scan(TableName=made)["Items"]) == 3
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [], "a backup keeps no tags"
    dynamodb.tag_resource(ResourceArn=arn, Tags=pairs(OURS))
    dynamodb.delete_table(TableName=made)
    refused("BackupNotFoundException", dynamodb.restore_table_from_backup, TargetTableName=made, BackupArn=f"{of[:-8]}00000000")


def test_a_restored_table_in_another_mode_and_with_another_key(cloud: Cloud, dynamodb: Any) -> None:
    _, of = table(dynamodb)
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    given = {"BackupArn": of, "SSESpecificationOverride": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key["Arn"]}}
    made = name("t")
    dynamodb.restore_table_from_backup(
        **given, TargetTableName=made, BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride={"ReadCapacityUnits": 3, "WriteCapacityUnits": 2}, GlobalSecondaryIndexOverride=[{
            "IndexName": "by_g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}])
    seen = dynamodb.describe_table(TableName=made)["Table"]
    assert (seen["ProvisionedThroughput"]["ReadCapacityUnits"], seen["SSEDescription"]["KMSMasterKeyArn"]) == (3, key["Arn"])
    kms.disable_key(KeyId=key["KeyId"])
    refused("ValidationException", dynamodb.restore_table_from_backup, "Disabled", **given, TargetTableName=name("t"))


def test_a_restore_needs_all_that_fills_a_table(cloud: Cloud, dynamodb: Any) -> None:
    _, of = table(dynamodb)
    fills = [f"dynamodb:{it}" for it in ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")]
    backup, tables = "arn:aws:dynamodb:*:*:table/*/backup/*", "arn:aws:dynamodb:*:*:table/t-*"
    whole = [
        allow("dynamodb:RestoreTableFromBackup", resource=[backup, tables]), allow(*fills, resource=tables),
        allow("dynamodb:TagResource", resource=tables, StringEquals={"aws:RequestTag/cpm:deployment": "t"}),
        allow("dynamodb:DeleteTable", resource=tables, StringEquals={"aws:ResourceTag/cpm:deployment": "t"},
              Null={"aws:ResourceTag/cpm:recovery": "false"}),
    ]
    lacking = [allow("dynamodb:RestoreTableFromBackup", resource=[backup, tables]), allow(*fills[:-1], resource=tables)]
    made = name("t")
    given = {"TargetTableName": made, "BackupArn": of}
    weak = cloud.client("dynamodb", credentials=cloud.assume(cloud.role(name("weak"), lacking)))
    refused("AccessDeniedException", weak.restore_table_from_backup, "dynamodb:UpdateItem", **given)
    maker = cloud.client("dynamodb", credentials=cloud.assume(cloud.role(name("maker"), whole)))
    arn = maker.restore_table_from_backup(**given)["TableDescription"]["TableArn"]
    wait_for(lambda: dynamodb.describe_table(TableName=made)["Table"]["TableStatus"] == "ACTIVE")
    refused("AccessDeniedException", maker.delete_table, TableName=made)
    refused("AccessDeniedException", maker.tag_resource, ResourceArn=arn, Tags=pairs({"cpm:deployment": "other"}))
    maker.tag_resource(ResourceArn=arn, Tags=pairs({"cpm:deployment": "t"}))
    refused("AccessDeniedException", maker.delete_table, TableName=made)
    maker.tag_resource(ResourceArn=arn, Tags=pairs(OURS))
    maker.delete_table(TableName=made)


# ---- what IAM holds restores against


def test_what_a_restore_of_a_database_needs(cloud: Cloud, rds: Any) -> None:
    of, prefix = of_instance(rds), "arn:aws:rds:*:*"
    tagged = {"StringEquals": {"aws:RequestTag/cpm:deployment": "t"}}
    restore = "rds:RestoreDBInstanceFromDBSnapshot"
    role = cloud.role(name("restorer"), [
        allow(restore, "rds:AddTagsToResource", resource=f"{prefix}:db:*", **tagged),
        allow(restore, resource=f"{prefix}:snapshot:*"),
        allow("rds:DeleteDBInstance", resource=f"{prefix}:db:*", StringEquals={"aws:ResourceTag/cpm:deployment": "t"}),
    ])
    mine = cloud.client("rds", credentials=cloud.assume(role))
    made = name("db")
    given = {"DBInstanceIdentifier": made, "DBSnapshotIdentifier": of}
    refused("AccessDenied", mine.restore_db_instance_from_db_snapshot, ":db:", **given)
    refused("AccessDenied", mine.restore_db_instance_from_db_snapshot, ":pg:", **given, DBParameterGroupName="default.mysql8.0", Tags=pairs(OURS))
    mine.restore_db_instance_from_db_snapshot(**given, Tags=pairs(OURS))
    wait_for(lambda: database(rds, made)["DBInstanceStatus"] == "available")
    refused("AccessDenied", mine.delete_db_instance, DBInstanceIdentifier=instance(rds), SkipFinalSnapshot=True)
    mine.delete_db_instance(DBInstanceIdentifier=made, SkipFinalSnapshot=True)


def test_a_cluster_hands_roles_over(cloud: Cloud, redshift: Any) -> None:
    of, role = of_warehouse(redshift), cloud.role(name("spectrum"), [allow("s3:GetObject")])
    restore = allow("redshift:RestoreFromClusterSnapshot", resource=["arn:aws:redshift:*:*:cluster:*", "arn:aws:redshift:*:*:snapshot:*"])
    passing = allow("iam:PassRole", resource="arn:aws:iam::*:role/*", StringEquals={"iam:PassedToService": "redshift.amazonaws.com"})
    given = {"ClusterIdentifier": name("wh"), "SnapshotIdentifier": of, "IamRoles": [role]}
    weak = cloud.client("redshift", credentials=cloud.assume(cloud.role(name("weak"), [restore])))
    refused("AccessDenied", weak.restore_from_cluster_snapshot, "iam:PassRole", **given)
    cloud.client("redshift", credentials=cloud.assume(cloud.role(name("full"), [restore, passing]))).restore_from_cluster_snapshot(**given)
