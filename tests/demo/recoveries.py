"""From what the demonstration backed up, back to something that runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests import machines
from tests.cloud import Cloud, wait_for
from tests.demo.estate import Small
from tests.demo.screen import Screen
from tests.estate import Database, Letters, plain

Apply = Callable[[str, dict[str, Any]], None]
"""Applies a policy in a file of its own, and shows it."""
_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Comeback:
    """The sections on recoveries."""

    def __init__(self, cloud: Cloud, screen: Screen, estate: Small) -> None:
        self.cloud, self.screen, self.estate = cloud, screen, estate

    def newest(self, policy: str) -> dict[str, Any]:
        """The newest backup of a policy."""
        return dict(self.cloud.cpm("backup", "list", "--policy", policy, "--json").json[0])

    def last(self) -> dict[str, Any]:
        """The newest recovery, whole."""
        newest = self.cloud.cpm("recover", "list", "--limit", "1", "--json").json[0]
        return dict(self.cloud.cpm("recover", "show", newest["id"], "--json").json)

    def made(self, recovery: dict[str, Any], kind: str) -> str:
        """The one thing of a kind that a recovery made and that is there."""
        found = [it["id"] for it in recovery["made"] if it["kind"] == kind and it["state"] == "ready"]
        self.screen.check(len(found) == 1, f"it made one {kind}", recovery["made"])
        return str(found[0]) if found else ""

    def an_instance(self) -> None:
        """An instance is deleted with all its volumes, and brought back."""
        web = self.estate.named("web-1")
        self.screen.section(
            "An instance is gone, and comes back",
            f"Somebody terminates `web-1` ({web.id}) and deletes its volumes. The backup holds its snapshots, and knows what it "
            "was like: its type, network, addresses, volumes and tags.",
        )
        before = machines.seen(self.estate.us, web.id)
        backup = self.newest("web")
        machines.end(self.estate.us, web.id)
        self.screen.say("It is gone. What the backup has to recover from:")
        self.screen.cpm("recover", "show", str(backup["id"]))
        chosen = ("recover", "instance", str(backup["id"]), "--source", web.id)
        self.screen.say("A plan is a file: every default is written down, and can be changed. Nothing is made by it.")
        self.screen.cpm(*chosen, "--plan")
        self.screen.cpm(*chosen, "--yes")
        recovery = self.last()
        instance = self.made(recovery, "instance")
        after = machines.seen(self.estate.us, instance)
        self.screen.check(machines.state(self.estate.us, instance) == "running", f"{instance} runs")
        self.screen.check(
            after.disks == before.disks, f"all {len(before.disks)} volumes are back: devices, sizes, types and tags", (after.disks, before.disks),
        )
        self.screen.check(
            (after.private_ips, after.elastic_ip) == (before.private_ips, before.elastic_ip) and before.elastic_ip,
            f"it has its addresses: {', '.join(after.private_ips)} and the elastic one", (after, before),
        )
        self.screen.check(after == before, "and everything else that it had: tags, groups, user data, metadata service", (after, before))
        self.screen.check(
            not machines.of_recovery(self.estate.us, recovery["id"])["image"], "the image that was registered for it is gone again",
        )
        web.id, web.volumes = instance, list(after.volumes.values())

    def a_volume(self) -> None:
        """A volume is switched on a stopped instance."""
        web = self.estate.named("web-2")
        root, content = web.volumes
        self.screen.section(
            "A volume is switched",
            "`web-2` is stopped, and what is on its volume `content` is of no use any more. It gets the one of the backup in its place; "
            "the old one is deleted, but only when the new one is attached.",
        )
        backup = self.newest("web")
        self.screen.cpm(
            "recover", "volumes", str(backup["id"]), "--source", web.id, "--attach-to", web.id, "--attach", "switch-and-delete",
            "--without", root, "--yes",
        )
        recovery = self.last()
        new = self.made(recovery, "volume")
        attached = machines.volumes(self.estate.us, web.id)
        self.screen.check(set(attached.values()) == {root, new}, "the new volume is attached where the old one was", attached)
        there = {it["VolumeId"] for it in self.estate.us.ec2.describe_volumes()["Volumes"]}
        self.screen.check(content not in there and root in there, "the old one is gone, and no other volume")
        tags = plain(self.estate.us.ec2.describe_volumes(VolumeIds=[new])["Volumes"][0]["Tags"])
        self.screen.check(tags.get("Name") == "web-2-content" and tags.get("cpm:recovery") == recovery["id"],
                          "it has the tags of the old one, and those that say where it comes from", tags)
        web.volumes = [root, new]

    def a_database(self, source: Database) -> None:
        """A database comes back under a new name."""
        self.screen.section(
            "A database under a new name",
            f"The database `{source.name}` is restored beside the one that runs, to look something up in it.",
        )
        backup = self.newest("data")
        name = f"{source.name}-of-last-night"
        self.screen.cpm("recover", "rds", str(backup["id"]), "--id", name, "--yes")
        recovery = self.last()
        self.screen.check(self.made(recovery, "database") == name, f"it is called `{name}`", recovery["made"])
        found = self.estate.us.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        self.screen.check(found["DBInstanceStatus"] == "available", "it is available", found["DBInstanceStatus"])
        running = wait_for(
            "the original one", lambda: self.estate.us.rds.describe_db_instances(DBInstanceIdentifier=source.name)["DBInstances"],
        )
        self.screen.check(running[0]["DBInstanceStatus"] == "available", "and the original one is untouched")

    def an_approval(self, apply: Apply) -> None:
        """A recovery waits until a second person says yes."""
        logs = self.estate.named("web-1").volumes[2]
        self.screen.section(
            "A recovery that a second person approves",
            "Nobody gets at what is in the backups of `ledger` alone: its policy demands a second person.",
        )
        place = {"volume": logs, "region": self.estate.us.region}
        apply("ledger.yaml", {"name": "ledger", "account": "main", "recovery": {"approval": True}, "targets": [place]})
        self.cloud.cpm("backup", "run", "ledger", "--wait")
        letters = Letters(self.cloud, "second@example.com", {"category": ["approval"]})
        backup = self.newest("ledger")
        self.screen.cpm("recover", "volumes", str(backup["id"]), "--yes", "--no-wait")
        recovery = self.last()
        self.screen.check(
            (recovery["state"], recovery["made"]) == ("waiting-for-approval", []), "it waits, and nothing is made", recovery,
        )
        asked = wait_for("the question", lambda: letters.about(f"recovery={recovery['id']}&"))
        self.screen.say("Those who may answer get an e-mail, with a signed link:")
        self.screen.quote(f"Subject: {asked[0]['Subject']}\n\n{asked[0].get_content()}")
        own = self.screen.cpm("recover", "approve", recovery["id"], code=1)
        self.screen.check("somebody else" in own.out, "who asked cannot say yes", own.out)
        self.screen.say("Somebody else can:")
        self.screen.cpm("recover", "approve", recovery["id"], "--reason", "change 4711", keys=self._second_person())
        ended = wait_for("its end", lambda: found if (found := self.last())["state"] == "succeeded" else None, 90)
        self.screen.check(len(ended["made"]) == 1, "then it runs, and the volume is there", ended["made"])
        trail = json.dumps(self.cloud.cpm("audit", "list", "--json").json)
        self.screen.check("change 4711" in trail, "who asked and who answered is in the audit trail")

    def _second_person(self) -> tuple[str, str]:
        iam = self.cloud.client("iam")
        iam.create_user(UserName="second")
        iam.put_user_policy(UserName="second", PolicyName="all", PolicyDocument=json.dumps(_ALL))
        key = iam.create_access_key(UserName="second")["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def a_drill(self, apply: Apply) -> None:
        """The newest generation is restored into a quarantine, checked, measured and removed."""
        web = self.estate.named("web-2")
        subnet = machines.default_subnet(self.estate.us)
        group = self.estate.us.ec2.create_security_group(
            GroupName="quarantine", Description="lets nothing in", VpcId=subnet["VpcId"],
        )["GroupId"]
        self.screen.section(
            "A drill",
            "A backup that was never restored is a hope. A drill restores the newest one into a quarantine, checks that it works, "
            "measures how long that took, and removes all of it again.",
        )
        apply("drilled.yaml", {
            "name": "drilled", "account": "main", "targets": [{"instance": web.id, "region": self.estate.us.region}],
            "drill": {
                "quarantine": {"subnet": subnet["SubnetId"], "security_groups": [group]},
                "checks": {"script": {"ssm": {"each_target": True, "shell": 'echo "$CPM_POLICY answers"'}}},
            },
        })
        self.cloud.cpm("backup", "run", "drilled", "--wait")
        before = self._instances()
        self.screen.cpm("drill", "run", "drilled", "--wait")
        drill = dict(self.cloud.cpm("drill", "list", "--policy", "drilled", "--json").json[0])
        checks = [check for target in drill["targets"] for check in target["checks"]]
        self.screen.check(
            len(checks) > 1 and all(check["state"] == "passed" for check in checks),
            f"all {len(checks)} checks passed: AWS's own, and the script on the restored instance", drill["targets"],
        )
        self.screen.check(self._instances() == before, "nothing of it is left: no instance, no volume", self._instances() - before)
        shown = self.screen.cpm("policy", "show", "drilled")
        self.screen.check("recovery time" in shown.out, "the policy knows its recovery time and point now")

    def _instances(self) -> set[str]:
        """All instances and volumes that are there."""
        ec2 = self.estate.us.ec2
        found = [it for group in ec2.describe_instances()["Reservations"] for it in group["Instances"]]
        gone = ("shutting-down", "terminated")
        instances = {it["InstanceId"] for it in found if it["State"]["Name"] not in gone}
        return instances | {it["VolumeId"] for it in ec2.describe_volumes()["Volumes"]}

    def what_is_wrong(self) -> None:
        """All that is wrong with a plan is told at once."""
        web = self.estate.named("web-1")
        self.screen.section(
            "What is wrong is told before anything is made",
            "A plan with several mistakes: a volume smaller than its snapshot, a key pair that is not there, a type for another "
            "architecture. All of them are told at once, each with what to do.",
        )
        backup = self.newest("web")
        old_root = next(unit["source"] for unit in self.cloud.cpm("backup", "show", str(backup["id"]), "--json").json["units"]
                        if unit["instance"] and unit["region"] == self.estate.us.region)
        instance = next(unit["instance"] for unit in self.cloud.cpm("backup", "show", str(backup["id"]), "--json").json["units"]
                        if unit["source"] == old_root)
        said = self.screen.cpm(
            "recover", "instance", str(backup["id"]), "--source", instance, "--no-private-ip", "--type", "t4g.micro",
            "--key", "nobodys", "--volume", f"{old_root}:size=1", "--yes", code=1,
        )
        told = [word for word in ("t4g.micro", "nobodys", "size") if word in said.out]
        self.screen.check(len(told) == 3, "all three are told", told)
        self.screen.check(machines.state(self.estate.us, web.id) == "running", "and nothing was made or changed")
