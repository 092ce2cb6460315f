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
