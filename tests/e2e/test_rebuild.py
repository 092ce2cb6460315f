"""Records come back from the tags of snapshots; a deployment keeps its data."""

from __future__ import annotations

from typing import Any

from tests.cloud import MEMBER, Cloud
from tests.e2e.conftest import EU, WAIT_SCALE, Suite, of_instance, of_volume, once_each
from tests.estate import Estate


def forget(cloud: Cloud, backup: dict[str, Any]) -> None:
    """Lose the records of a backup, as after a disaster."""
    table, name = cloud.client("dynamodb"), cloud.outputs["TableName"]
    number = f"{backup['id']:012}"
    sets = table.query(
        TableName=name, KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"OWNER#root#BACKUP#{number}"}},
    )["Items"]
    keys = [{"pk": item["pk"], "sk": item["sk"]} for item in sets]
    for key in [*keys, {"pk": {"S": "OWNER#root#BACKUPS"}, "sk": {"S": number}}]:
        table.delete_item(TableName=name, Key=key)


def of_policy(scanned: dict[str, Any], policy: str) -> list[str]:
    """What a rebuild's log says of a policy."""
    return [line["message"] for line in scanned["lines"] if f"`{policy}`" in line["message"]]


def test_lost_records_come_back(cloud: Cloud, suite: Suite, us: Estate, eu: Estate) -> None:
    (here, mine), (there, theirs) = us.instance(volumes=2), eu.instance(volumes=1)
    alone = us.volume()
    policy = suite.policy(of_instance(here), of_instance(there, EU), of_volume(alone), generations=2)
    lost, kept = suite.run(policy), suite.run(policy)
    forget(cloud, lost)
    assert [backup["id"] for backup in suite.backups(policy)] == [kept["id"]]

    dry = cloud.cpm("rebuild", "--json").json
    assert any(str(lost["id"]) in message for message in of_policy(dry, policy))
    assert len(suite.backups(policy)) == 1, "a dry run writes nothing"

    cloud.cpm("rebuild", "--yes", "--json")
    back = suite.show(lost["id"])
    assert (back["policy"], back["account"]) == (policy, "main")
    assert (back["status"], back["counts"]) == ("partially-successful", False), "what failed then is not known"
    assert {unit["id"] for unit in back["units"]} == {unit["id"] for unit in lost["units"]}
    once_each(back, us, [*mine, alone])
    once_each(back, eu, theirs)

    again = cloud.cpm("rebuild", "--json").json
    assert of_policy(again, policy) == []

    new = suite.run(policy)
    assert new["id"] > kept["id"], "numbers are never given twice"
    suite.clean_up(policy)
    held = {s["Tags"]["cpm:backup"] for s in us.snapshots(policy=policy)}
    assert held == {str(kept["id"]), str(new["id"])}, "what came back is retained like the rest"


def test_a_new_deployment_of_the_template_keeps_the_data(cloud: Cloud, suite: Suite, us: Estate) -> None:
    instance, volumes = us.instance(volumes=1)
    policy = suite.policy(of_instance(instance))
    before = suite.run(policy)
    table = cloud.outputs["TableName"]

    cloud.deploy(MemberAccounts=MEMBER, LogRetentionDays="90")
    cloud.scale_waits(WAIT_SCALE)

    assert cloud.outputs["TableName"] == table
    assert suite.show(before["id"]) == before
    after = suite.run(policy)
    assert after["id"] > before["id"]
    once_each(after, us, volumes)
