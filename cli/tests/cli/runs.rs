//! Backups, scans, cleanups, alerts and the audit trail.

use std::{process::Stdio, thread, time::Duration};

use insta::assert_snapshot;
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    command::{cpm_at, end},
    stub::Stub,
    views::{agents, alert, backup, backup_summary, event, frozen, policy, scan, scan_run},
};

fn started() -> Value {
    json!({"execution": "root-web-1"})
}

fn run_of(state: &str, backups: &[u64]) -> Value {
    json!({"execution": "root-web-1", "state": state, "backups": backups})
}

const BACKUPS: &str = "POST /v1/policies/web/backups";
const RUN: &str = "GET /v1/policies/web/runs/root-web-1";

#[test]
fn show_has_the_shape_that_scripts_rely_on() {
    let stub = Stub::start().on("GET /v1/backups/17", backup(17, "successful"));
    let ran = stub.run(&["backup", "show", "--json", "17"]);
    assert_eq!((ran.code, ran.json()), (0, backup(17, "successful")), "{ran}");
    let keys: Vec<String> = ran
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("  \""))
        .map(|line| line.split('"').next().unwrap().to_owned())
        .collect();
    let order = [
        "id",
        "policy",
        "account",
        "status",
        "counts",
        "trigger",
        "retry",
        "slot",
        "started",
        "ended",
        "frozen_ms",
        "frozen",
        "max_frozen",
        "units",
        "scripts",
        "log",
    ];
    assert_eq!(keys, order);
}

#[rstest]
#[case("successful")]
#[case("partially-successful")]
#[case("in-progress")]
fn people_see_a_backup(#[case] status: &str) {
    let stub = Stub::start().on("GET /v1/backups/17", backup(17, status));
    let ran = stub.run(&["backup", "show", "17"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_snapshot!(format!("backup_show_{status}"), ran.out);
}

#[test]
fn a_list_is_the_same_without_units_and_log() {
    let page = json!({"backups": [backup_summary(17, "successful"), backup_summary(16, "failed")], "next": null});
    let stub = Stub::start().on("GET /v1/backups", page);
    let ran = stub.run(&["backup", "list", "--json"]);
    assert_eq!(ran.json(), json!([backup_summary(17, "successful"), backup_summary(16, "failed")]), "{ran}");
    assert_snapshot!(stub.run(&["backup", "list"]).out);
    stub.run(&["backup", "list", "--policy", "web", "--status", "partially-successful", "--limit", "7"]);
    assert_eq!(
        stub.requests(),
        [
            "GET /v1/backups?limit=50",
            "GET /v1/backups?limit=50",
            "GET /v1/backups?policy=web&status=partially-successful&limit=7"
        ]
    );
}

#[test]
fn a_frozen_backup_is_shown_as_one() {
    let mut shown = backup(17, "successful");
    shown["frozen"] =
        json!({"name": "Before 12.4", "description": "the last good one", "time": "2026-04-01T09:00:00Z"});
    let mut summary = shown.clone();
    summary.as_object_mut().unwrap().retain(|field, _| field != "units" && field != "log");
    let stub = Stub::start()
        .on("GET /v1/backups/17", shown.clone())
        .on("GET /v1/backups", json!({"backups": [summary, backup_summary(16, "successful")], "next": null}));
    assert_eq!(stub.run(&["backup", "show", "17", "--json"]).json(), shown);
    let all = [stub.run(&["backup", "list"]).out, stub.run(&["backup", "show", "17"]).out];
    assert_snapshot!(all.join("\n"));
}

const FROZEN: &str = "/v1/freezer/Before%20(12.4)";

#[test]
fn freezes_and_lists_by_words() {
    let second = json!({"name": "zero", "description": null, "time": "2026-04-02T09:00:00Z", "backup": 3, "policy": "db",
        "account": "main", "started": "2026-03-02T01:00:02Z", "afterwards": "retention"});
    let stub = Stub::start()
        .on("POST /v1/freezer", frozen("retention"))
        .on("GET /v1/freezer", json!({"frozen": [frozen("retention"), second]}))
        .on(&format!("GET {FROZEN}"), frozen("deletion"));
    let add = ["freezer", "add", "17", "--name", "Before (12.4)", "--description", "the last\ngood one"];
    let ran = stub.run(&add);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    let shown = [&["freezer", "list"][..], &["freezer", "show", "Before (12.4)"]].map(|args| stub.run(args).out);
    assert_snapshot!([ran.out, shown.join("\n")].join("\n"));
    assert_eq!(stub.run(&[&add[..], &["--json"]].concat()).json(), frozen("retention"));
    let list = stub.run(&["freezer", "list", "--json", "last good", "12.4"]);
    assert_eq!(list.json(), json!([frozen("retention"), second]));
    assert_eq!(stub.run(&["freezer", "show", "Before (12.4)", "--json"]).json(), frozen("deletion"));
    let asked = stub.asked();
    let body = json!({"backup": 17, "name": "Before (12.4)", "description": "the last\ngood one"});
    assert_eq!(asked[0].body, body);
    assert_eq!(stub.requests()[4], "GET /v1/freezer?words=last+good+12.4");
}

#[rstest]
#[case("retention", "backup 17 is under the retention of policy `web` again")]
#[case("deletion", "backup 17 is deleted with all its snapshots: its policy `web` is gone")]
fn what_becomes_of_it_is_said_before_it_is_taken_out(#[case] afterwards: &str, #[case] told: &str) {
    let removed = json!({"name": "Before (12.4)", "backup": 17, "policy": "web", "afterwards": afterwards,
        "cleanup": null});
    let stub = Stub::start()
        .on(&format!("GET {FROZEN}"), frozen(afterwards))
        .on(&format!("DELETE {FROZEN}?afterwards={afterwards}"), removed.clone());
    let ran = stub.run(&["freezer", "remove", "Before (12.4)", "--yes"]);
    assert_eq!((ran.code, ran.out), (0, format!("`Before (12.4)` is out of the freezer: {told}.\n")));
    assert_eq!(ran.err, format!("Taking `Before (12.4)` out of the freezer: {told}.\n"));
    assert_eq!(stub.run(&["freezer", "remove", "Before (12.4)", "--yes", "--json"]).json(), removed);
    let ran = stub.run(&["freezer", "remove", "Before (12.4)"]);
    assert_eq!((ran.code, stub.requests().len()), (1, 5), "nobody was asked, nothing done: {ran}");
    assert!(ran.err.contains(told) && ran.err.contains("pass --yes"), "{ran}");
}

#[test]
fn agents_are_listed_with_what_is_missing() {
    let stub = Stub::start().on("GET /v1/agents", agents());
    let ran = stub.run(&["agent", "list"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert_snapshot!(ran.out);
    assert_eq!(stub.run(&["agent", "list", "--policy", "web", "--json"]).json(), agents()["agents"]);
    assert_eq!(stub.requests(), ["GET /v1/agents", "GET /v1/agents?policy=web"]);
    let ready = Stub::start().on("GET /v1/agents", json!({"agents": [agents()["agents"][0]]}));
    assert!(ready.run(&["agent", "list"]).out.ends_with("Nothing is missing.\n"));
}

#[test]
fn long_lists_come_by_pages() {
    let page = |ids: std::ops::RangeInclusive<u64>, next: Value| {
        let backups: Vec<Value> = ids.rev().map(|id| backup_summary(id, "successful")).collect();
        json!({"backups": backups, "next": next})
    };
    let stub = Stub::start()
        .on("GET /v1/backups?limit=100", page(21..=120, json!(21)))
        .on("GET /v1/backups?limit=50&before=21", page(1..=20, Value::Null))
        .on("GET /v1/backups?limit=5", page(116..=120, json!(116)));
    let ran = stub.run(&["backup", "list", "--limit", "150", "--json"]);
    assert_eq!(ran.json().as_array().unwrap().len(), 120, "{ran}");
    assert_eq!(ran.err, "");
    let ran = stub.run(&["backup", "list", "--limit", "5"]);
    assert_eq!(ran.err, "There are more: see them by a higher --limit.\n");
}

#[test]
fn empty_lists_say_so_and_what_to_do() {
    let stub = Stub::start()
        .on("GET /v1/backups", json!({"backups": [], "next": null}))
        .on("GET /v1/scans", json!({"scans": []}))
        .on("GET /v1/freezer", json!({"frozen": []}))
        .on("GET /v1/agents", json!({"agents": []}))
        .on("GET /v1/alerts", json!({"alerts": []}))
        .on("GET /v1/audit", json!({"events": [], "next": null}));
    let all: Vec<String> = [
        &["backup", "list"][..],
        &["backup", "list", "--status", "failed"],
        &["freezer", "list"],
        &["freezer", "list", "upgrade"],
        &["agent", "list"],
        &["scan", "log"],
        &["alert", "list"],
        &["audit", "list"],
    ]
    .iter()
    .map(|args| stub.run(args).out)
    .collect();
    assert_snapshot!(all.concat());
}

#[test]
fn run_without_wait_only_starts() {
    let stub = Stub::start().on_status(BACKUPS, 202, &started().to_string());
    assert_snapshot!(stub.run(&["backup", "run", "web"]));
    assert_eq!(stub.run(&["backup", "run", "web", "--json"]).json(), started());
    assert_eq!(stub.requests(), [BACKUPS, BACKUPS]);
}

#[rstest]
#[case("successful", 0)]
#[case("partially-successful", 1)]
#[case("failed", 1)]
fn run_and_wait_prints_what_show_prints(#[case] status: &str, #[case] code: i32) {
    let stub = Stub::start()
        .on(BACKUPS, started())
        // What Step Functions tells is a little behind.
        .refusing(RUN, 404, "Input.NotFound", "there is no run `root-web-1`", "")
        .on(RUN, run_of("running", &[]))
        .on(RUN, run_of("running", &[17]))
        .on("GET /v1/backups/17", backup(17, "in-progress"))
        // A stumble is no reason to give up.
        .on_status("GET /v1/backups/17", 503, "")
        .on("GET /v1/backups/17", backup(17, status));
    let ran = stub.run(&["backup", "run", "web", "--wait", "--json"]);
    assert_eq!((ran.code, ran.json()), (code, backup(17, status)), "{ran}");
    let told = "a backup of `web` begins\nbackup 17 of `web`: 1 of 2 units settled\nbackup 17 of `web`: 2 of 2 units settled\n";
    assert_eq!(ran.err, told);
    let shown = stub.run(&["backup", "show", "17", "--json"]);
    assert_eq!(ran.out, shown.out);
}

/// The first try is what was asked for; its retry may come much later.
#[test]
fn run_and_wait_does_not_wait_for_retries() {
    let stub = Stub::start()
        .on(BACKUPS, started())
        .on(RUN, run_of("running", &[17, 18]))
        .on("GET /v1/backups/17", backup(17, "failed"));
    let ran = stub.run(&["backup", "run", "web", "--wait", "--json"]);
    assert_eq!((ran.code, &ran.json()["id"]), (1, &json!(17)), "{ran}");
}

#[test]
fn a_run_that_makes_no_backup_says_why() {
    let mut busy = policy("web");
    busy["running"] = json!(16);
    let refused = Stub::start().on(BACKUPS, started()).on(RUN, run_of("ended", &[]));
    assert_snapshot!(
        "run_refused_busy",
        refused.clone().on("GET /v1/policies/web", busy).run(&["backup", "run", "web", "--wait"])
    );
    let refused =
        Stub::start().on(BACKUPS, started()).on(RUN, run_of("ended", &[])).on("GET /v1/policies/web", policy("web"));
    assert_snapshot!("run_refused", refused.run(&["backup", "run", "web", "--wait", "--json"]));
    let dead = Stub::start().on(BACKUPS, started()).on(RUN, run_of("dead", &[]));
    assert_snapshot!("run_dead", dead.run(&["backup", "run", "web", "--wait"]));
}

/// What is not there after a while is not coming.
#[test]
fn a_wait_for_nothing_ends() {
    let stub = Stub::start().on("POST /v1/cleanups", json!({"execution": "c1"})).refusing(
        "GET /v1/cleanups/c1",
        404,
        "Input.NotFound",
        "there is no cleanup `c1`",
        "",
    );
    let ran = stub.run(&["cleanup", "run", "--wait", "--json"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
    assert!(ran.err.contains("error: there is no cleanup `c1`"), "{ran}");
}

#[test]
fn ctrl_c_ends_the_wait_and_says_that_the_backup_goes_on() {
    let stub = Stub::start()
        .on(BACKUPS, started())
        .on(RUN, run_of("running", &[17]))
        .on("GET /v1/backups/17", backup(17, "in-progress"));
    let child = cpm_at(&stub.address)
        .args(["backup", "run", "web", "--wait", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = || stub.requests().iter().any(|request| request.starts_with("GET /v1/backups/17"));
    while !asked() {
        thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = end(child);
    assert_eq!((ran.code, ran.out.as_str()), (130, ""), "{ran}");
    assert!(
        ran.err.ends_with(
            "error: stopped waiting\n  = help: the backup goes on; `cpm backup list --policy web` shows it\n"
        ),
        "{ran}"
    );
}

#[rstest]
#[case("ended", 0, 0)]
// Partly read is not read.
#[case("ended", 1, 1)]
#[case("dead", 0, 1)]
fn scans(#[case] state: &str, #[case] failed_places: u32, #[case] code: i32) {
    let id = "2026-03-29T01:00:00Z-root-1";
    let path = "GET /v1/scans/2026-03-29T01:00:00Z-root-1";
    let stub = Stub::start()
        .on("POST /v1/scans", json!({"execution": id}))
        .refusing(path, 404, "Input.NotFound", "there is no such scan", "")
        .on(path, json!({"id": id, "state": "running", "scan": null, "lines": []}))
        .on(path, scan_run(id, state, failed_places));
    let ran = stub.run(&["scan", "run", "--wait"]);
    assert_eq!(ran.code, code, "{ran}");
    assert_snapshot!(format!("scan_run_{state}_{failed_places}"), ran);
    assert_eq!(stub.asked()[0].body, json!({"dry_run": false}));
    assert_eq!(stub.run(&["scan", "log", id, "--json"]).json(), scan_run(id, state, failed_places));
}

#[test]
fn a_scan_without_wait_and_the_list() {
    let stub = Stub::start()
        .on("POST /v1/scans", json!({"execution": "s2"}))
        .on("GET /v1/scans", json!({"scans": [scan("s2", 0), scan("s1", 1)]}));
    assert_snapshot!(stub.run(&["scan", "run", "--dry-run"]));
    assert_eq!(stub.asked()[0].body, json!({"dry_run": true}));
    assert_snapshot!(stub.run(&["scan", "log"]).out);
    assert_eq!(stub.run(&["scan", "log", "--json", "--limit", "2"]).json(), json!([scan("s2", 0), scan("s1", 1)]));
    assert_eq!(stub.requests()[2], "GET /v1/scans?limit=2");
}

#[test]
fn rebuild_is_a_dry_run_unless_told_otherwise() {
    let mut dry = scan_run("r1", "ended", 0);
    dry["scan"]["kind"] = json!("snapshots");
    dry["scan"]["dry_run"] = json!(true);
    let stub = Stub::start().on("POST /v1/rebuild", json!({"execution": "r1"})).on("GET /v1/scans/r1", dry.clone());
    let ran = stub.run(&["rebuild"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_snapshot!(ran);
    assert_eq!(stub.asked()[0].body, json!({"dry_run": true}));
    let ran = stub.run(&["rebuild", "--yes", "--json"]);
    assert_eq!((ran.code, ran.json()), (0, dry), "{ran}");
    assert_eq!(stub.asked()[2].body, json!({"dry_run": false}));
}

#[rstest]
#[case("ended", 0)]
#[case("dead", 1)]
fn cleanups(#[case] state: &str, #[case] code: i32) {
    let stub = Stub::start()
        .on("POST /v1/cleanups", json!({"execution": "c1"}))
        .refusing("GET /v1/cleanups/c1", 404, "Input.NotFound", "there is no such cleanup", "")
        .on("GET /v1/cleanups/c1", json!({"execution": "c1", "state": "running"}))
        .on("GET /v1/cleanups/c1", json!({"execution": "c1", "state": state}));
    let ran = stub.run(&["cleanup", "run", "--policy", "web", "--wait"]);
    assert_eq!(ran.code, code, "{ran}");
    assert_snapshot!(format!("cleanup_{state}"), ran);
    assert_eq!(stub.asked()[0].body, json!({"policy": "web"}));
    let ran = stub.run(&["cleanup", "run", "--json"]);
    assert_eq!((ran.code, ran.json()), (0, json!({"execution": "c1"})), "{ran}");
    assert_eq!(stub.asked().last().unwrap().body, json!({"policy": null}));
}

#[test]
fn alerts_and_audit() {
    let stub = Stub::start()
        .on("GET /v1/alerts", json!({"alerts": [alert()]}))
        .on("GET /v1/audit?limit=100", json!({"events": [event()], "next": "2026-03-29T01:00:00Z"}))
        .on("GET /v1/audit", json!({"events": [event()], "next": null}));
    assert_snapshot!(stub.run(&["alert", "list"]).out);
    assert_eq!(stub.run(&["alert", "list", "--json"]).json(), json!([alert()]));
    assert_snapshot!(stub.run(&["audit", "list"]).out);
    assert_eq!(stub.run(&["audit", "list", "--json", "--limit", "101"]).json(), json!([event(), event()]));
    assert_eq!(stub.requests().last().unwrap(), "GET /v1/audit?limit=100&before=2026-03-29T01%3A00%3A00Z");
}
