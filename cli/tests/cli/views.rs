//! What the deployment shows.

use serde_json::{Value, json};

pub const INSTANCE: &str = "i-0123456789abcdef0";
pub const VOLUME: &str = "vol-0123456789abcdef0";

pub fn account(name: &str) -> Value {
    json!({"name": name, "type": "backup", "role": "own",
        "scan": {"enabled": true, "regions": ["us-east-1", "eu-west-1"]}, "policies": ["web", "db"]})
}

pub fn assumed() -> Value {
    json!({"name": "prod", "type": "backup",
        "role": {"account": "111122223333", "name": "cpm-backup", "external_id": "x7"},
        "scan": {"enabled": false}, "policies": []})
}

pub fn schedule(name: &str) -> Value {
    json!({"name": name, "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00",
        "timezone": "Europe/Berlin", "weekdays": ["mon", "tue"],
        "disabled": [{"day": "every", "from": "18:00", "to": "06:00"}],
        "policies": ["web"], "next": "2026-03-30T00:00:00Z", "warnings": []})
}

pub fn policy_summary(name: &str) -> Value {
    json!({"name": name, "description": "front ends", "account": "main", "enabled": true, "generations": 30,
        "schedules": ["nightly"], "auto_target_removal": "yes-and-alert", "success": "no-issues",
        "retry": {"count": 3, "wait": "10m"}, "template": null, "created": "2026-01-01T00:00:00Z", "target_count": 2,
        "next": "2026-03-30T00:00:00Z", "running": null,
        "last_backup": {"id": 17, "status": "successful", "started": "2026-03-29T01:00:00Z",
            "ended": "2026-03-29T01:03:20Z"},
        "attention": []})
}

pub fn policy(name: &str) -> Value {
    let mut view = policy_summary(name);
    view["scripts"] = json!({"enabled": true, "timeout": "1m", "collect_output": true,
        "before": {"ssm": {"instance": INSTANCE, "region": "us-east-1", "shell": "flush.sh"}},
        "after": {"ssm": {"each_target": true, "document": "thaw-db"}},
        "complete": {"lambda": "arn:aws:lambda:us-east-1:111122223333:function:truncate-logs"}});
    view["vss"] = json!("diskshadow");
    view["max_frozen"] = json!("10s");
    view["last_recovery"] = json!({"id": "r7", "kind": "instance", "backup": 17, "state": "succeeded",
        "started": "2026-04-01T09:00:00Z", "ended": "2026-04-01T09:03:20Z"});
    view["recovery"] = json!({"approval": true});
    view["drill"] = json!({"schedule": "weekly", "quarantine": {"subnet": "subnet-1a2b3c4d",
        "security_groups": ["sg-1a2b3c4d"]}});
    view["readiness"] = json!({"last_drill": {"id": "d5", "state": "succeeded", "backup": 17,
        "started": "2026-03-29T03:05:00Z", "ended": "2026-03-29T03:12:00Z"},
        "next_drill": "2026-04-05T03:00:00Z", "rto": 312, "rpo": 7500});
    view["slots"] = json!([{"schedule": "nightly", "next": "2026-03-30T00:00:00Z"}]);
    view["targets"] = json!([
        {"instance": INSTANCE, "region": "us-east-1", "volumes": {"exclude": [VOLUME]}, "option": "initial-ami",
            "app_aware": {"volumes": ["d:", "e:"]}, "put_by": "person"},
        {"volume": "vol-0123456789abcdef1", "region": "eu-west-1", "put_by": "tag"}]);
    view
}

/// In the order in which scripts find the fields.
pub fn backup_summary(id: u64, status: &str) -> Value {
    let ended = if status == "in-progress" { Value::Null } else { json!("2026-03-29T01:03:20Z") };
    json!({"id": id, "policy": "web", "account": "main", "status": status, "counts": status == "successful",
        "trigger": "schedule", "retry": false, "slot": "2026-03-29T01:00:00Z", "started": "2026-03-29T01:00:02Z",
        "ended": ended, "frozen_ms": null, "frozen": null, "max_frozen": null})
}

pub fn frozen(afterwards: &str) -> Value {
    json!({"name": "Before (12.4)", "description": "the last\ngood one", "time": "2026-04-01T09:00:00Z", "backup": 17,
        "policy": "web", "account": "main", "started": "2026-03-29T01:00:02Z", "afterwards": afterwards})
}

pub fn backup(id: u64, status: &str) -> Value {
    let mut view = backup_summary(id, status);
    let state = match status {
        "in-progress" => "pending",
        "successful" => "completed",
        _ => "failed",
    };
    let error = (state == "failed").then_some("SnapshotCreationPerVolumeRateExceeded: too often (wait 15 s)");
    let ended = if state == "pending" { Value::Null } else { json!("2026-03-29T01:03:10Z") };
    if status == "partially-successful" {
        (view["frozen_ms"], view["max_frozen"]) = (json!(12_345), json!("10s"));
    }
    view["units"] = json!([
        {"kind": "ebs-snapshot", "region": "us-east-1", "source": VOLUME, "instance": INSTANCE,
            "id": "snap-0123456789abcdef0", "state": "completed", "started": "2026-03-29T01:00:03Z",
            "ended": "2026-03-29T01:02:03Z", "error": null},
        {"kind": "ebs-snapshot", "region": "eu-west-1", "source": "vol-0123456789abcdef1", "instance": null,
            "id": "snap-0123456789abcdef1", "state": state, "started": "2026-03-29T01:00:03Z", "ended": ended,
            "error": error}]);
    view["scripts"] = if status == "partially-successful" { script_runs() } else { json!([]) };
    view["log"] = json!([
        {"time": "2026-03-29T01:00:02Z", "level": "info", "message": "2 targets, 2 volumes"},
        {"time": "2026-03-29T01:03:20Z", "level": "warning",
            "message": "initial-ami is not carried out yet: i-0123456789abcdef0 is backed up by snapshots only"}]);
    view
}

/// One that ended well with an output, one that failed, one that was stopped, and one that waits.
fn script_runs() -> Value {
    let run = |phase: &str, kind: &str, target: &str, state: &str| {
        json!({"phase": phase, "kind": kind, "target": target, "state": state, "exit_code": null,
            "started": "2026-03-29T01:00:02Z", "ended": "2026-03-29T01:00:05Z", "output": null, "truncated": false,
            "error": null})
    };
    let mut before = run("before", "script", INSTANCE, "succeeded");
    before["exit_code"] = json!(0);
    before["output"] = json!("flushing\n\u{1b}[31mtables\n");
    before["truncated"] = json!(true);
    let mut vss = run("before", "vss", INSTANCE, "failed");
    vss["exit_code"] = json!(7);
    vss["error"] = json!("Script.ExitCode: it ended with 7 (see the output)");
    let after = run("after", "script", INSTANCE, "timed-out");
    let function = "arn:aws:lambda:us-east-1:111122223333:function:truncate-logs";
    let mut complete = run("complete", "script", function, "planned");
    complete["started"] = Value::Null;
    complete["ended"] = Value::Null;
    json!([before, vss, after, complete])
}

pub fn scan(id: &str, failed_places: u32) -> Value {
    json!({"id": id, "kind": "tags", "started": "2026-03-29T01:00:00Z", "ended": "2026-03-29T01:00:07Z",
        "asked_by": "arn:aws:iam::111122223333:user/ann", "places": 2, "failed_places": failed_places, "found": 4,
        "changes": 2, "errors": 1, "dry_run": false})
}

pub fn scan_run(id: &str, state: &str, failed_places: u32) -> Value {
    json!({"id": id, "state": state, "scan": scan(id, failed_places), "lines": [
        {"account": "main", "region": "us-east-1", "resource": INSTANCE, "value": "web", "level": "info",
            "message": "added to policy `web`"},
        {"account": "main", "region": "us-east-1", "resource": VOLUME, "value": "web#only-snap", "level": "error",
            "message": "`#only-snap` is not a backup option; take it out: a volume takes no options"}]})
}

pub fn plan() -> Value {
    json!({"changes": [
            {"action": "create", "kind": "schedule", "name": "nightly",
                "fields": [{"field": "repeat", "from": null, "to": "every 1 days"}]},
            {"action": "update", "kind": "policy", "name": "web", "fields": [
                {"field": "generations", "from": "30", "to": "14"}, {"field": "description", "from": "old", "to": null}]},
            {"action": "delete", "kind": "target", "name": "volume vol-0123456789abcdef1 in eu-west-1",
                "policy": "web", "fields": [], "note": "its snapshots stay until they are outdated"}],
        "protection": {
            "gains": [{"account": "main", "region": "us-east-1", "resource": INSTANCE, "policies": ["web"]}],
            "loses": [{"account": "main", "region": "eu-west-1", "resource": "vol-0123456789abcdef1",
                "policies": ["web"]}]},
        "problems": [], "warnings": [],
        "unmanaged": [{"kind": "policy", "name": "shop", "reason": "a tag scan made it"}], "revision": "r1"})
}

pub fn empty_plan() -> Value {
    json!({"changes": [], "protection": {"gains": [], "loses": []}, "problems": [], "warnings": [], "unmanaged": [],
        "revision": "r0"})
}

pub fn applied() -> Value {
    json!({"changes": plan()["changes"], "backups": 0, "cleanup": null})
}

pub fn alert() -> Value {
    json!({"category": "backup", "subject": "web", "policy": "web", "severity": "error",
        "title": "Backup of web failed", "message": "Backup 17 failed: no snapshot was made.",
        "since": "2026-03-28T01:00:00Z", "time": "2026-03-29T01:00:00Z", "count": 2})
}

pub fn event() -> Value {
    json!({"time": "2026-03-29T01:00:00Z", "actor": "arn:aws:iam::111122223333:user/ann", "action": "policy.create",
        "subject": "web", "details": "account main, 30 generations"})
}

pub fn agents() -> Value {
    let agent = |instance: &str, ping: Value, missing: Value| {
        let seen = if ping.is_null() { Value::Null } else { json!("2026-03-29T01:00:00Z") };
        let version = if ping.is_null() { Value::Null } else { json!("3.3.1611.0") };
        json!({"account": "main", "region": "us-east-1", "instance": instance, "policies": ["db", "web"],
            "needed_for": ["scripts", "vss"], "platform": "windows", "ping": ping, "version": version,
            "last_seen": seen, "missing": missing})
    };
    let missing =
        json!([{"what": "Systems Manager does not manage the instance", "advice": "install the SSM Agent"}]);
    json!({"agents": [agent(INSTANCE, json!("online"), json!([])),
        agent("i-0123456789abcdef1", Value::Null, missing)]})
}

/// Backup 17 of `web`: an instance with two volumes and an initial image, and a database of which nothing is there.
pub fn panel() -> Value {
    let unit = |kind: &str, id: Value, state: &str, source: &str| json!({"kind": kind, "id": id, "state": state, "source": source, "device": null, "size": null});
    let mut root = unit("ebs-snapshot", json!("snap-0123456789abcdef0"), "completed", VOLUME);
    let mut data = unit("ebs-snapshot", json!("snap-0123456789abcdef1"), "completed", "vol-0123456789abcdef1");
    (root["device"], root["size"]) = (json!("/dev/xvda"), json!(8));
    (data["device"], data["size"]) = (json!("/dev/sdf"), json!(100));
    let mut image = unit("ami", json!("ami-0123456789abcdef0"), "completed", INSTANCE);
    image["initial"] = json!(true);
    json!({"backup": 17, "policy": "web", "account": "main", "started": "2026-03-29T01:00:02Z",
        "sources": [
            {"kind": "instance", "id": INSTANCE, "name": "web-1", "region": "us-east-1",
                "recover": ["instance", "volumes"], "units": [root, data, image], "origin": instance_origin()},
            {"kind": "volume", "id": "vol-0123456789abcdef2", "name": null, "region": "us-east-1",
                "recover": ["volumes"],
                "units": [unit("ebs-snapshot", json!("snap-0123456789abcdef2"), "completed", "vol-0123456789abcdef2")],
                "origin": null},
            {"kind": "rds", "id": "orders", "name": null, "region": "eu-west-1", "recover": [],
                "units": [unit("rds-snapshot", Value::Null, "failed", "orders")], "origin": database_origin()}],
        "scripts": script_runs(),
        "recoveries": [recovery("r3", "succeeded")]})
}

fn instance_origin() -> Value {
    json!({"kind": "instance", "id": INSTANCE, "instance_type": "m5.large", "architecture": "x86_64",
        "platform": "linux", "platform_details": "Linux/UNIX",
        "image": {"id": "ami-0fedcba9876543210", "known": true, "name": "al2023-ami-2023.1"},
        "zone": "us-east-1a", "subnet": "subnet-0123456789abcdef0", "private_ip": "10.0.0.5", "ena": true,
        "termination_protection": false, "monitoring": false, "ebs_optimized": false, "interfaces": 1,
        "volumes": [], "tags": {"Name": "web-1"}})
}

fn database_origin() -> Value {
    json!({"kind": "rds", "id": "orders", "engine": "postgres", "engine_version": "16.3", "class": "db.m5.large",
        "storage": 100, "storage_type": "gp3", "zone": "eu-west-1a", "multi_az": true})
}

/// The plan of an instance, with every default.
pub fn whole_plan() -> Value {
    json!({"backup": 17, "source": INSTANCE, "account": "main", "region": "us-east-1", "on_failure": "keep",
        "instance": {"launch_from": "snapshot", "image_handling": "deregister", "count": 1, "type": "m5.large",
            "architecture": "x86_64", "subnet": "subnet-0123456789abcdef0", "tenancy": "default",
            "private_ip": "10.0.0.5", "secondary_ips": [], "elastic_ip": "",
            "security_groups": ["sg-0123456789abcdef0", "sg-0123456789abcdef1"], "key_pair": "ops",
            "user_data": "IyEvYmluL2Jhc2gK", "shutdown_behavior": "stop", "termination_protection": true,
            "monitoring": false, "ebs_optimized": true, "metadata": {"http_tokens": "required"},
            "tags": {"Name": "web-1", "note": "yes: #1"},
            "volumes": [
                {"volume": VOLUME, "recover": true, "device": "/dev/xvda", "size": 8, "type": "gp3", "iops": 3000,
                    "throughput": 125, "delete_on_termination": true, "tags": {}},
                {"volume": "vol-0123456789abcdef1", "recover": false, "device": "/dev/sdf", "size": 100, "type": "io2",
                    "iops": 5000, "delete_on_termination": false}]}})
}

pub fn checked(problems: &Value) -> Value {
    json!({"plan": whole_plan(), "problems": problems, "warnings": ["only the first of 2 interfaces is recovered"]})
}

/// The plan of volumes that are switched.
pub fn switching() -> Value {
    json!({"plan": {"backup": 17, "source": INSTANCE, "account": "main", "region": "us-east-1", "on_failure": "remove",
            "role": {"arn": "arn:aws:iam::111122223333:role/restore"},
            "volumes": {"attach_to": INSTANCE, "attach_behavior": "switch-and-delete", "volumes": [
                {"volume": VOLUME, "recover": true, "device": "/dev/xvda", "size": 8, "type": "gp3",
                    "zone": "us-east-1a"}]}},
        "problems": [], "warnings": []})
}

/// In the order in which scripts find the fields.
pub fn recovery(id: &str, state: &str) -> Value {
    let is_over = matches!(state, "succeeded" | "failed" | "undone");
    let ended = if is_over { json!("2026-04-01T09:03:20Z") } else { Value::Null };
    let mut view = json!({"id": id, "backup": 17, "policy": "web", "kind": "instance", "account": "main",
        "region": "us-east-1", "state": state, "purpose": "manual", "asked_by": "arn:aws:iam::111122223333:user/ann",
        "on_failure": "keep", "started": "2026-04-01T09:00:00Z", "ended": ended, "approve_by": null, "answer": null,
        "works": {"all": 4, "done": 1, "failed": 0}, "made": [], "errors": [], "plan": whole_plan(), "log": [
            {"time": "2026-04-01T09:00:00Z", "level": "info",
                "message": "instance of i-0123456789abcdef0 from backup 17, asked for by ann"}]});
    let made = |kind: &str, id: &str, state: &str, device: Value, addresses: Value| {
        json!({"kind": kind, "region": "us-east-1", "account": "main", "id": id, "state": state, "from": null,
            "device": device, "addresses": addresses})
    };
    let instance = made("instance", "i-0fedcba9876543210", "ready", Value::Null, json!(["10.0.0.5", "203.0.113.7"]));
    let volume = made("volume", "vol-0fedcba9876543210", "ready", json!("/dev/xvda"), json!([]));
    match state {
        "succeeded" => {
            view["works"] = json!({"all": 4, "done": 4, "failed": 0});
            view["made"] =
                json!([made("image", "ami-0fedcba9876543210", "gone", Value::Null, json!([])), instance, volume]);
        }
        "failed" => {
            view["works"] = json!({"all": 4, "done": 1, "failed": 3});
            view["made"] = json!([made("image", "ami-0fedcba9876543210", "ready", Value::Null, json!([]))]);
            view["errors"] = json!([{"code": "InsufficientInstanceCapacity",
                "message": "ec2:RunInstances as the role of the function recoverer: there is no capacity in us-east-1a",
                "advice": "take another zone: us-east-1b or us-east-1c"}]);
        }
        "waiting-for-approval" => {
            view["works"] = json!({"all": 0, "done": 0, "failed": 0});
            view["approve_by"] = json!("2026-04-02T09:00:00Z");
        }
        _ => {}
    }
    view
}

pub fn images() -> Value {
    let image = |id: &str, name: &str| {
        json!({"id": id, "known": true, "name": name, "owner": "137112412989",
        "owner_alias": "amazon", "created": "2026-01-15T00:00:00.000Z", "architecture": "x86_64",
        "virtualization": "hvm", "root_device_type": "ebs", "root_device": "/dev/xvda",
        "platform_details": "Linux/UNIX", "ena": true})
    };
    let mut original = image("ami-0fedcba9876543210", "al2023-ami-2023.1");
    original["description"] = json!("Amazon Linux 2023 AMI");
    json!({"original": original, "region": "eu-west-1", "images": [
        {"image": image("ami-0123456789abcdef0", "al2023-ami-2023.1"),
            "reasons": ["the same name and owner", "the same architecture, x86_64"], "differences": []},
        {"image": image("ami-0123456789abcdef1", "al2023-ami-2023.2"),
            "reasons": ["the same name up to its version"], "differences": ["its name ends in 2023.2, not 2023.1"]}]})
}
