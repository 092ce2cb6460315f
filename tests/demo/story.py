"""The sections of the demonstration, in order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import yaml

from tests.cloud import Cloud, wait_for
from tests.demo import database
from tests.demo.estate import EU, US, Small
from tests.demo.recoveries import Comeback
from tests.demo.screen import Screen
from tests.estate import TAG, Database, Mailbox, plain

WEB = ("web-1", "web-2", "web-3", "archive")
OURS = ("cpm:deployment", "cpm:owner", "cpm:policy", "cpm:backup", "cpm:unit", "cpm:source")

POLICIES = """\
accounts:
  - {{name: main, type: backup, role: own, scan: {{enabled: true, regions: [us-east-1, eu-west-1]}}}}
schedules:
  - name: nightly
    repeat: {{every: 1, unit: days}}
    start: {start}
    timezone: UTC
policies:
  - name: web
    description: front ends
    account: main
    generations: 2
    schedules: [nightly]
    retry: {{count: 2, wait: 10s}}
  - name: gold
    description: a template, for tags such as `orders:gold`
    account: main
    generations: 14
"""


class Block(str):
    """A text that YAML writes as it is, line by line."""


yaml.SafeDumper.add_representer(Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "|"))


class Story:
    """What one section leaves to the next."""

    def __init__(self, cloud: Cloud, screen: Screen) -> None:
        self.cloud, self.screen = cloud, screen
        self.estate: Small
        self.mailbox: Mailbox
        self.due: datetime
        self.shop: Database

    def tell(self) -> None:
        """All of it."""
        self.deployed()
        self.protected_estate()
        self.policies_as_code()
        self.tags_followed()
        self.backup_by_schedule()
        self.backup_by_hand()
        self.failure_and_alert()
        self.retry_and_relief()
        self.generations()
        self.consistent()
        self.frozen()
        self.databases()
        self.comebacks()
        self.monitor()

    # ---- looking

    def backups(self, policy: str) -> list[dict[str, Any]]:
        """The backups of a policy, newest first."""
        return list(self.cloud.cpm("backup", "list", "--policy", policy, "--json").json)

    def show(self, backup: int) -> dict[str, Any]:
        """One backup with its units and its log."""
        return dict(self.cloud.cpm("backup", "show", str(backup), "--json").json)

    def newest(self, policy: str, **wanted: object) -> dict[str, Any] | None:
        """The newest backup of a policy, if it is as wanted."""
        found = self.backups(policy)[:1]
        return next((backup for backup in found if all(backup[key] == value for key, value in wanted.items())), None)

    def check_whole(self, backup: dict[str, Any], names: tuple[str, ...], what: str) -> None:
        """Every volume of `names` has exactly one completed snapshot in AWS for this backup."""
        expected = self.estate.volumes(*names)
        made = {unit["source"]: unit["id"] for unit in backup["units"] if unit["state"] == "completed"}
        in_aws: list[str] = []
        for region in (US, EU):
            for snapshot in self.estate.place(region).snapshots():
                if snapshot["Tags"].get("cpm:backup") == str(backup["id"]) and snapshot["State"] == "completed":
                    in_aws.append(snapshot["VolumeId"])
        holds = sorted(made) == sorted(expected) == sorted(in_aws)
        seen = f"on record {sorted(made)}, in AWS {sorted(in_aws)}, expected {sorted(expected)}"
        self.screen.check(holds, what, seen)

    # ---- sections

    def deployed(self) -> None:
        """1. The suite runs."""
        self.screen.section(
            "The suite on a local cloud",
            "An AWS on this machine; on it the real template, the real state machines and the real functions. Nothing "
            "is mocked on our side: the same files go to AWS.",
        )
        self.cloud.up()
        outputs = self.cloud.deploy()
        self.cloud.behave(snapshot_seconds=2)
        self.screen.table(("output of the stack", "value"), [
            (name, outputs[name]) for name in ("DeploymentName", "TableName", "AlertTopicArn", "BackupStateMachineArn")
        ])
        status, answer = self.cloud.api("GET", "/v1/policies", signed=False)
        self.screen.check(status == 403, "the API refuses a call that is not signed (403)", (status, answer))
        self.mailbox = Mailbox(self.cloud, "on-call")
        self.screen.say("A queue subscribes to the alert topic: that is the person on call.")

    def protected_estate(self) -> None:
        """2. What there is to protect."""
        self.screen.section(
            "A small estate in two Regions",
            "Instances with several volumes, one of them stopped; a detached volume; tags by which their owners ask "
            "for backups, and one that is spelt wrong. Somebody made a snapshot by hand: it must not be touched.",
        )
        self.estate = Small.make(self.cloud)
        self.screen.table(("region", "name", "id", "state", "volumes", "tag `cpm backup`"), [
            (r.region, r.name, r.id, r.state, str(len(r.volumes)), r.tag) for r in self.estate.resources
        ])

    def policies_as_code(self) -> None:
        """3. Policies come from a file."""
        now = datetime.now(timezone.utc)
        self.due = (now + timedelta(seconds=10)).replace(second=0, microsecond=0) + timedelta(minutes=1)
        self.screen.section(
            "Policies as code",
            f"A policy says what to keep; `web` runs every night, and tonight is at {self.due:%H:%M} UTC, in a minute "
            "or so.",
        )
        text = POLICIES.format(start=f"{self.due:%Y-%m-%dT%H:%M}")
        (self.cloud.settings.state / "policies.yaml").write_text(text)
        self.screen.quote(text)
        self.screen.cpm("plan", "-f", "policies.yaml", code=2)
        self.screen.check(True, "`plan` says what would change, and ends with 2 because something would")
        self.screen.cpm("apply", "-f", "policies.yaml", "--yes", warnings=False)
        self.screen.cpm("plan", "-f", "policies.yaml", warnings=False)
        self.screen.check(True, "after `apply`, `plan` is empty and ends with 0")

    def tags_followed(self) -> None:
        """4. A scan reads the tags."""
        self.screen.section("The scan follows the tags")
        log = self.screen.cpm("scan", "run", "--wait").out
        reports = self.estate.named("reports")
        line = next((line for line in log.splitlines() if reports.id in line), "")
        self.screen.check(line, "the tag that is spelt wrong is in the log, with its resource")
        self.screen.check(
            "orders:gold" in log and "web:gold" in log, "the log says what to write instead: `web:gold`", log,
        )
        self.screen.cpm("policy", "list")
        policies = {policy["name"]: policy for policy in self.cloud.cpm("policy", "list", "--json").json}
        self.screen.check(
            policies.get("orders", {}).get("template") == "gold", "the tag `orders:gold` made the policy `orders`",
            policies,
        )
        targets = self.cloud.cpm("policy", "show", "web", "--json").json["targets"]
        held = {target.get("instance") or target.get("volume") for target in targets}
        self.screen.check(
            held == {self.estate.named(name).id for name in WEB},
            "`web` holds the four that ask for it, stopped and detached too", held,
        )

    def backup_by_schedule(self) -> None:
        """5. The schedule runs it."""
        self.screen.section(
            "A backup by schedule",
            "EventBridge Scheduler ticks every minute, the dispatcher starts what is due, Step Functions does the "
            f"rest. Nobody does anything here; we wait for {self.due:%H:%M}.",
        )
        backup = wait_for(
            "the scheduled backup of `web`", lambda: self.newest("web", status="successful"), seconds=150,
        )
        whole = self.show(backup["id"])
        self.screen.cpm("backup", "show", str(backup["id"]))
        self.screen.check(whole["trigger"] == "schedule" and whole["slot"], "it ran by schedule", whole["trigger"])
        slot = datetime.fromisoformat(whole["slot"])
        self.screen.check(slot == self.due, f"its slot is {self.due:%H:%M}, to the second", whole["slot"])
        self.check_whole(whole, WEB, "each of the 8 volumes has one completed snapshot, in both Regions")
        self.check_tags(whole)

    def check_tags(self, backup: dict[str, Any]) -> None:
        """Snapshots carry the suite's tags and those of their volume."""
        wrong = []
        for unit in backup["units"]:
            place = self.estate.place(unit["region"])
            snapshot = next(s for s in place.snapshots(unit["source"]) if s["SnapshotId"] == unit["id"])
            volume = place.ec2.describe_volumes(VolumeIds=[unit["source"]])["Volumes"][0]
            own = plain(volume.get("Tags"))
            if not set(OURS) <= set(snapshot["Tags"]) or not own.items() <= snapshot["Tags"].items():
                wrong.append((unit["id"], snapshot["Tags"], own))
        self.screen.check(not wrong, "each snapshot carries the six `cpm:` tags and all tags of its volume", wrong)

    def backup_by_hand(self) -> None:
        """6. And by hand."""
        self.screen.section("A backup by hand", "`orders` came from a template without a schedule: a person runs it.")
        self.screen.cpm("backup", "run", "orders", "--wait")
        backup = self.show(self.backups("orders")[0]["id"])
        self.screen.check(backup["trigger"] == "manual", "it ran by hand", backup["trigger"])
        self.check_whole(backup, ("orders",), "its three volumes were taken in one call, at one point in time")

    def failure_and_alert(self) -> None:
        """7. One fails."""
        self.screen.section(
            "One fails, and people are told",
            "Somebody takes away the right to make snapshots in eu-west-1. The other Region must still be backed up, "
            "and the person on call must learn of it.",
        )
        self.cloud.fault("ec2:CreateSnapshot*", "deny", region=EU)
        self.screen.cpm("backup", "run", "web")
        failed = wait_for("the backup that fails", lambda: self.newest("web", status="partially-successful"), 60)
        self.screen.cpm("backup", "show", str(failed["id"]))
        whole = self.show(failed["id"])
        good = {unit["source"] for unit in whole["units"] if unit["state"] == "completed"}
        self.screen.check(
            good == set(self.estate.volumes("web-1", "web-2")),
            "us-east-1 is backed up in full; nothing is called successful that is not", good,
        )
        errors = [unit["error"] or "" for unit in whole["units"] if unit["state"] == "failed"]
        self.screen.check(
            len(errors) == 3 and all("CreateSnapshot" in error and "role" in error for error in errors),
            "each failed volume names the action that was refused, and the role", errors,
        )
        wait_for("the alert", lambda: self.cloud.cpm("alert", "list", "--json").json or None, seconds=20)
        self.screen.cpm("alert", "list")
        messages = wait_for("the message to the person on call", lambda: self.mailbox.about("web") or None)
        self.screen.say("The person on call has a message:")
        self.screen.mail(messages[0])
        self.screen.check(len(messages) == 1, "it was sent once", [message.get("Subject") for message in messages])
        self.failed = int(failed["id"])

    def retry_and_relief(self) -> None:
        """8. The retry succeeds."""
        self.screen.section(
            "The retry succeeds, and the alert is gone", "The right is given back before the retry, 10 s later.",
        )
        self.cloud.heal()
        retried = wait_for(
            "the retry", lambda: self.newest("web", status="successful", trigger="retry", retry=True), seconds=90,
        )
        self.screen.cpm("backup", "list", "--policy", "web")
        self.screen.check(
            retried["id"] > self.failed, f"backup {retried['id']} is a retry, marked as one, and successful",
        )
        self.check_whole(self.show(retried["id"]), WEB, "it holds all 8 volumes")
        wait_for("the alert to go", lambda: not self.cloud.cpm("alert", "list", "--json").json)
        self.screen.cpm("alert", "list")
        messages = wait_for(
            "the message that it is over", lambda: found if len(found := self.mailbox.about("web")) > 1 else None,
        )
        self.screen.mail(messages[1])
        self.screen.check(
            len(messages) == 2 and "resolved" in f"{messages[1]}".lower(), "the person on call is told that it is over",
            [message.get("Subject") for message in messages],
        )

    def generations(self) -> None:
        """9. Old ones go."""
        self.screen.section(
            "Generations come and go",
            "`web` keeps 2 generations. Each further backup pushes the oldest out; the cleaner, alone allowed to "
            "delete, may delete only what carries this deployment's tag.",
        )
        before = {str(backup["id"]) for backup in self.backups("web")}
        self.screen.cpm("backup", "run", "web", "--wait")
        self.screen.say("And once more, without the details.")
        self.cloud.cpm("backup", "run", "web", "--wait")
        wait_for("the cleanup", lambda: len(self.backups("web")) == 2 or None, seconds=60)
        self.screen.cpm("cleanup", "run", "--policy", "web", "--wait")
        kept = {str(backup["id"]) for backup in self.backups("web")}
        held = {
            snapshot["Tags"]["cpm:backup"]
            for region in (US, EU) for snapshot in self.estate.place(region).snapshots(policy="web")
        }
        self.screen.check(
            len(kept) == 2 and held == kept and not kept & before,
            f"snapshots of backups {' and '.join(sorted(kept, key=int))} stay; "
            f"those of {', '.join(sorted(before, key=int))} are gone",
            f"records {kept}, snapshots of {held}",
        )
        orders = self.estate.us.snapshot_ids(policy="orders")
        self.screen.check(len(orders) == 3, "the snapshots of `orders` stay: it keeps 14 generations", orders)
        self.screen.check(
            self.estate.stranger in self.estate.us.snapshot_ids(),
            "the snapshot that somebody made by hand is untouched",
        )

    def apply(self, name: str, policy: dict[str, Any]) -> None:
        """Apply a policy in a file of its own, and show it."""
        text = yaml.safe_dump({"policies": [policy]}, sort_keys=False, width=110)
        (self.cloud.settings.state / name).write_text(text)
        self.screen.quote(text)
        self.screen.cpm("apply", "-f", name, "--yes", warnings=False)

    def consistent(self) -> None:
        """10. Scripts hold an application still."""
        self.screen.section(
            "A consistent backup",
            "The instance `orders` keeps a small database: rows go into a log at once, and into a table when eight are "
            "together. Snapshots taken at any time catch the two apart. Scripts hold it still: `before` takes a lock and "
            "waits until the table is whole, `after` lets go, `complete` truncates the log, if the backup is good.",
        )
        orders = self.estate.named("orders")
        files = database.FileDatabase(self.cloud.settings.instances / orders.id)
        files.start()
        wait_for("rows", lambda: len(files.rows()) >= 3 * database.BATCH)
        place = {"instance": orders.id, "region": US}
        texts = {"before": database.BEFORE, "after": database.AFTER, "complete": database.COMPLETE}
        scripts = {phase: {"ssm": {"each_target": True, "shell": Block(text)}} for phase, text in texts.items()}
        self.apply("consistent.yaml", {
            "name": "orders-db", "account": "main", "generations": 1, "retry": {"count": 0}, "max_frozen": "10s",
            "scripts": {"enabled": True, "timeout": "10s", "collect_output": True, **scripts}, "targets": [place],
        })

        self.screen.say("First somebody takes the right to make snapshots away: the log must survive that.")
        self.cloud.fault("ec2:CreateSnapshots", "deny", resource=orders.id)
        self.cloud.cpm("backup", "run", "orders-db", "--wait", code=1)
        self.cloud.heal()
        bad = self.show(self.backups("orders-db")[0]["id"])
        told = [str(run["output"]).strip() for run in bad["scripts"]]
        self.screen.check(
            bad["status"] == "failed" and told[2:] == ["the log is kept"] and files.segments()[0] == 1,
            "without snapshots `complete` gets 0: the log is kept, from its first segment on", (told, files.segments()),
        )
        wait_for("it to go on", lambda: len(files.segments()) == 2)

        self.screen.cpm("backup", "run", "orders-db", "--wait")
        good = self.show(self.backups("orders-db")[0]["id"])
        self.check_held(good, files)
        self.check_whole(good, ("orders",), "its three volumes were taken in one call, while it was held")
        self.good = int(good["id"])

    def check_held(self, backup: dict[str, Any], files: database.FileDatabase) -> None:
        """Nothing was written while the snapshots were asked for, and the log was truncated after that."""
        ran = [(run["phase"], run["state"]) for run in backup["scripts"]]
        self.screen.check(
            ran == [(phase, "succeeded") for phase in ("before", "after", "complete")], "each script ran once", ran,
        )
        held, let_go, truncated = (str(run["output"]).strip() for run in backup["scripts"])
        rows = [re.fullmatch(rf"{what} at row (\d+)", said) for what, said in (("held", held), ("let go", let_go))]
        row = int(rows[0][1]) if rows[0] else 0
        self.screen.check(
            all(rows) and held.removeprefix("held") == let_go.removeprefix("let go") and row > 3 * database.BATCH,
            f"nothing was written while it was held: row {row} was the last before the snapshots, and after them",
            (held, let_go),
        )
        frozen = backup["frozen_ms"]
        self.screen.check(
            frozen is not None and frozen < 10_000, f"it was held for {frozen} ms: the policy allows 10 s", frozen,
        )
        wait_for("rows after that", lambda: files.rows()[-1] > row and files.logged() > row)
        table = files.rows()
        self.screen.check(
            table == list(range(1, len(table) + 1)), "it went on after that: no row is missing or there twice", table[-20:],
        )
        self.screen.check(
            truncated == "the log is truncated to segment 2" and files.segments() == [3],
            "the log was truncated when all snapshots were there, and not before", (truncated, files.segments()),
        )

    def frozen(self) -> None:
        """11. The freezer."""
        self.screen.section(
            "One backup into the freezer", "`orders-db` keeps 1 generation. What is in the freezer stays beside it.",
        )
        self.screen.cpm("freezer", "add", str(self.good), "--name", "Before the upgrade")
        self.cloud.cpm("backup", "run", "orders-db", "--wait")
        self.cloud.cpm("cleanup", "run", "--policy", "orders-db", "--wait")
        self.screen.cpm("freezer", "list")
        kept = [backup["id"] for backup in self.backups("orders-db") if backup["status"] == "successful"]
        held = {snapshot["Tags"]["cpm:backup"] for snapshot in self.estate.us.snapshots(policy="orders-db")}
        self.screen.check(
            len(kept) == 2 and kept[1] == self.good and held == {str(backup) for backup in kept},
            f"backup {self.good} outlives its generation, with its snapshots", (kept, held),
        )

    def databases(self) -> None:
        """12. Databases and tables."""
        self.screen.section(
            "Databases and tables",
            "A database of RDS and a cluster of Aurora ask by tag for the policy `data`; a cluster of Redshift and a "
            "DynamoDB table are named in its file. One backup takes all four, each in its own way.",
        )
        us = self.estate.us
        named = [us.warehouse({"Name": "figures"}), us.table({"Name": "sessions"})]
        self.apply("data.yaml", {
            "name": "data", "account": "main", "generations": 7, "targets": [source.target for source in named],
        })
        tagged = [us.database({"Name": "shop", TAG: "data"}), us.cluster({"Name": "ledger", TAG: "data"})]
        self.cloud.cpm("scan", "run", "--wait", code=None)
        self.screen.cpm("policy", "show", "data")
        self.screen.cpm("backup", "run", "data", "--wait")
        backup = self.show(self.backups("data")[0]["id"])
        for source in [*tagged, *named]:
            self.check_copied(backup, source)
        self.screen.check(len(backup["units"]) == 4, "and nothing else was made", backup["units"])

        self.shop = tagged[0]

    def comebacks(self) -> None:
        """13 to 18. What was backed up comes back."""
        comeback = Comeback(self.cloud, self.screen, self.estate)
        comeback.an_instance()
        comeback.a_volume()
        comeback.a_database(self.shop)
        comeback.what_is_wrong()
        comeback.an_approval(self.apply)
        comeback.a_drill(self.apply)

    def check_copied(self, backup: dict[str, Any], source: Database) -> None:
        """A database has one copy in AWS, complete, and the record names it."""
        units = [(unit["kind"], unit["id"], unit["state"]) for unit in backup["units"] if unit["source"] == source.name]
        copies = [(copy.id, copy.state) for copy in self.estate.us.copies(source)]
        self.screen.check(
            len(units) == 1 and copies == [(units[0][1], "available")] and units[0][2] == "completed",
            f"`{source.name}` ({source.kind}): one {units[0][0] if units else 'unit'}, complete in AWS", (units, copies),
        )

    def monitor(self) -> None:
        """19. The monitor."""
        self.screen.section("The monitor of backups and recoveries")
        self.screen.cpm("backup", "list")
        self.screen.cpm("recover", "list")
        recoveries = self.cloud.cpm("recover", "list", "--json").json
        self.screen.check(
            len(recoveries) == 5 and all(recovery["state"] == "succeeded" for recovery in recoveries),
            "five recoveries, that of the drill among them, and all succeeded", recoveries,
        )
        listed = self.cloud.cpm("backup", "list", "--json").json
        self.screen.check(
            all(backup["status"] == "successful" for backup in listed) and len(listed) == 8,
            "eight backups are kept, and all are successful: one that failed goes with its generation", listed,
        )
