"""Databases, clusters and tables come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import machines
from tests.cloud import Cloud
from tests.e2e.conftest import Suite
from tests.estate import Database, Estate, plain
from tests.recoveries import Recoveries, carries_marks, made, the, told, units


def aurora(place: Estate, name: str) -> Database:
    """An Aurora cluster with a writer and a reader."""
    cluster = place.cluster({"Name": name})
    place.database({"Name": f"{name}-writer"}, cluster)
    place.database({"Name": f"{name}-reader"}, cluster)
    return cluster


def items(place: Estate, table: str) -> list[dict[str, Any]]:
    """The items of a table."""
    return list(place.dynamodb.scan(TableName=table)["Items"])


def test_a_database_comes_back_under_a_new_name(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.database({"Name": "shop", "cost-centre": "4711"})
    backup = suite.run(suite.policy(source.target))
    cloud.database("instance", source.name, vanish=True)
    name = f"{source.name}-new"

    recovery = recoveries.run("rds", backup, "--id", name, "--class", "db.m5.large", "--deletion-protection")

    assert (recovery["state"], the(recovery, "database")) == ("succeeded", name)
    found = us.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    assert (found["DBInstanceStatus"], found["DBInstanceClass"], found["DeletionProtection"]) == ("available", "db.m5.large", True)
    tags = plain(found["TagList"])
    assert tags.items() >= {"Name": "shop", "cost-centre": "4711"}.items() and carries_marks(tags, recovery)
    (view,) = [it for it in recovery["made"] if it["kind"] == "database"]
    assert view["addresses"] and view["from"] in units(backup)


def test_a_cluster_comes_back_with_its_writer_and_its_readers(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = aurora(us, "ledger")
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-new"

    recovery = recoveries.run(
        "aurora", backup, "--id", name, "--member", f"{name}-w:class=db.r6g.large", "--member", f"{name}-r:class=db.r6g.large",
    )

    assert (recovery["state"], the(recovery, "cluster")) == ("succeeded", name)
    found = us.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    roles = {it["DBInstanceIdentifier"]: it["IsClusterWriter"] for it in found["DBClusterMembers"]}
    assert roles == {f"{name}-w": True, f"{name}-r": False}
    assert set(made(recovery, "database", "ready")) == set(roles)
    assert carries_marks(plain(found["TagList"]), recovery)


def test_a_warehouse_comes_back(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.warehouse({"Name": "figures"})
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-new"

    recovery = recoveries.run("redshift", backup, "--id", name)

    assert (recovery["state"], the(recovery, "redshift-cluster")) == ("succeeded", name)
    found = us.redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]
    assert found["ClusterStatus"] == "available"
    tags = plain(found["Tags"])
    assert tags["Name"] == "figures" and carries_marks(tags, recovery)


def test_a_table_comes_back_with_its_items_and_its_tags(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.table({"Name": "sessions"})
    for number in range(3):
        us.dynamodb.put_item(TableName=source.name, Item={"k": {"S": str(number)}})
    backup = suite.run(suite.policy(source.target))
    us.dynamodb.delete_table(TableName=source.name)

    recovery = recoveries.run("dynamodb", backup, "--deletion-protection")

    assert (recovery["state"], the(recovery, "table")) == ("succeeded", source.name), "the name is free"
    assert len(items(us, source.name)) == 3
    found = us.dynamodb.describe_table(TableName=source.name)["Table"]
    assert (found["TableStatus"], found["DeletionProtectionEnabled"]) == ("ACTIVE", True)
    tags = plain(us.dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"])
    assert tags["Name"] == "sessions" and carries_marks(tags, recovery)


# ---- groups that a plan names


def group(place: Estate, kind: str, name: str) -> None:
    """A parameter group of a kind of database."""
    if kind == "rds":
        place.rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily="mysql8.0", Description="x")
    elif kind == "aurora":
        place.rds.create_db_cluster_parameter_group(
            DBClusterParameterGroupName=name, DBParameterGroupFamily="aurora-mysql8.0", Description="x")
    else:
        place.redshift.create_cluster_parameter_group(
            ParameterGroupName=name, ParameterGroupFamily="redshift-1.0", Description="x")


def group_of(place: Estate, kind: str, name: str) -> str:
    """The parameter group that a database has."""
    if kind == "rds":
        found = place.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        return str(found["DBParameterGroups"][0]["DBParameterGroupName"])
    if kind == "aurora":
        return str(place.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["DBClusterParameterGroup"])
    found = place.redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]
    return str(found["ClusterParameterGroups"][0]["ParameterGroupName"])


@pytest.mark.parametrize("kind", ["rds", "aurora", "redshift"])
def test_a_database_comes_back_with_the_parameter_group_of_its_plan(
    suite: Suite, us: Estate, recoveries: Recoveries, kind: str
) -> None:
    source = us.of_kind(kind)
    backup = suite.run(suite.policy(source.target))
    name, wanted = f"{source.name}-tuned", f"{source.name}-group"
    group(us, kind, wanted)
    plan = {"backup": backup["id"], kind: {"id": name, "parameter_group": wanted}}

    recovery = recoveries.file(kind, plan)
    missing = recoveries.planned({"backup": backup["id"], kind: {"id": f"{name}-2", "parameter_group": "nobodys"}})

    assert (recovery["state"], group_of(us, kind, name)) == ("succeeded", wanted), told(recovery)
    assert [it["field"] for it in missing["problems"]] == [f"{kind}.parameter_group"], missing["problems"]


def test_a_warehouse_comes_back_in_the_subnet_group_of_its_plan(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.warehouse()
    backup = suite.run(suite.policy(source.target))
    subnet = machines.default_subnet(us)["SubnetId"]
    name, wanted = f"{source.name}-there", f"{source.name}-subnets"
    us.redshift.create_cluster_subnet_group(ClusterSubnetGroupName=wanted, Description="x", SubnetIds=[subnet])

    recovery = recoveries.file("redshift", {"backup": backup["id"], "redshift": {"id": name, "subnet_group": wanted}})

    found = us.redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]
    assert (recovery["state"], found["ClusterSubnetGroupName"]) == ("succeeded", wanted), told(recovery)


def test_a_cluster_is_protected_when_all_of_it_is_there(suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.cluster()
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-safe"

    recovery = recoveries.run("aurora", backup, "--id", name, "--member", f"{name}-w:class=db.r6g.large", "--deletion-protection")

    found = us.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    assert (recovery["state"], found["DeletionProtection"]) == ("succeeded", True), told(recovery)


def test_a_table_that_cannot_be_protected_is_removed(cloud: Cloud, suite: Suite, us: Estate, recoveries: Recoveries) -> None:
    source = us.table()
    backup = suite.run(suite.policy(source.target))
    name = f"{source.name}-new"
    iam, role = cloud.client("iam"), cloud.physical("RecovererRole")
    no = {"Effect": "Deny", "Action": "dynamodb:UpdateTable", "Resource": "*"}
    iam.put_role_policy(RoleName=role, PolicyName="no", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [no]}))
    try:
        recovery = recoveries.run("dynamodb", backup, "--name", name, "--deletion-protection", "--on-failure", "remove", code=1)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="no")

    assert recovery["state"] == "undone" and "dynamodb:UpdateTable" in told(recovery)
    assert us.dynamodb.list_tables()["TableNames"].count(name) == 0
    assert source.name in us.dynamodb.list_tables()["TableNames"]
