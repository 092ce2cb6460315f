//! Accounts, schedules and policies: looking at them, and changing them as code.

use std::fs;

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    command::{Ran, cpm_at, run, run_with},
    stub::Stub,
    views::{account, applied, assumed, empty_plan, plan, policy, policy_summary, schedule},
};

fn stub() -> Stub {
    let wary = json!({"name": "old", "repeat": {"every": 2, "unit": "weeks"}, "start": "2026-01-01T02:00",
        "timezone": "UTC", "policies": [], "next": null,
        "warnings": [{"code": "ended", "message": "`old` has no run from 2026-03-29T01:00 on"}]});
    let mut idle = policy_summary("shop");
    for (field, value) in
        [("next", Value::Null), ("last_backup", Value::Null), ("attention", json!(["disabled", "no-target"]))]
    {
        idle[field] = value;
    }
    Stub::start()
        .on("GET /v1/accounts", json!({"accounts": [account("main"), assumed()]}))
        .on("GET /v1/accounts/prod", assumed())
        .on("GET /v1/schedules", json!({"schedules": [schedule("nightly"), wary]}))
        .on("GET /v1/schedules/nightly", schedule("nightly"))
        .on("GET /v1/policies", json!({"policies": [policy_summary("web"), idle]}))
        .on("GET /v1/policies/web", policy("web"))
        .on("POST /v1/policies/web/enable", policy("web"))
        .on("POST /v1/policies/web/disable", {
            let mut view = policy("web");
            view["enabled"] = json!(false);
            view
        })
}

#[rstest]
#[case(&["account", "list"])]
#[case(&["account", "show", "prod"])]
#[case(&["schedule", "list"])]
#[case(&["schedule", "show", "nightly"])]
#[case(&["policy", "list"])]
#[case(&["policy", "show", "web"])]
#[case(&["policy", "enable", "web"])]
#[case(&["policy", "disable", "web"])]
fn people_see_tables(#[case] args: &[&str]) {
    let ran = stub().run(args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert_snapshot!(args.join("_"), ran.out);
}

#[rstest]
#[case(&["account", "list"], json!([account("main"), assumed()]))]
#[case(&["account", "show", "prod"], assumed())]
#[case(&["schedule", "show", "nightly"], schedule("nightly"))]
#[case(&["policy", "show", "web"], policy("web"))]
#[case(&["policy", "enable", "web"], policy("web"))]
fn programs_see_what_the_deployment_says(#[case] args: &[&str], #[case] view: Value) {
    let ran = stub().run(&[args, &["--json"]].concat());
    assert_eq!((ran.code, ran.json(), ran.err.as_str()), (0, view, ""), "{ran}");
}

#[test]
fn times_are_in_the_zone_that_was_asked_for() {
    let stub = stub();
    let ran = stub.run(&["schedule", "list", "--timezone", "America/New_York"]);
    assert!(ran.out.contains("NEXT RUN (America/New_York)") && ran.out.contains("2026-03-29 20:00"), "{ran}");
    let ran = run(cpm_at(&stub.address).env("CPM_TIMEZONE", "Europe/Berlin"), &["schedule", "list"]);
    assert!(ran.out.contains("NEXT RUN (Europe/Berlin)") && ran.out.contains("2026-03-30 02:00"), "{ran}");
    let ran = run(cpm_at(&stub.address).env("CPM_TIMEZONE", "Berlin"), &["schedule", "list"]);
    assert!(ran.code == 1 && ran.err.contains("`Berlin` is not a time zone"), "{ran}");
}

#[rstest]
#[case("accounts", "account")]
#[case("schedules", "schedule")]
#[case("policies", "policy")]
fn of_nothing_it_says_so_and_what_to_do(#[case] section: &str, #[case] noun: &str) {
    let empty = Stub::start().on(&format!("GET /v1/{section}"), json!({section: []}));
    let ran = empty.run(&[noun, "list"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.out.starts_with(&format!("There is no {noun} yet.")) && ran.out.contains("cpm apply -f"), "{ran}");
    assert_eq!(empty.run(&[noun, "list", "--json"]).json(), json!([]));
}

const FILE: &str = "\
policies:
  - name: web
    account: main
    generations: 14
    targets:
      - {volume: vol-0123456789abcdef1, region: eu-west-1}
";

fn with_file(stub: &Stub, args: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("web.yaml"), FILE).unwrap();
    run(cpm_at(&stub.address).current_dir(directory.path()), args)
}

/// What `POST /v1/plan` and `POST /v1/apply` are sent for [`FILE`].
fn document() -> Value {
    json!({"policies": [{"name": "web", "account": "main", "enabled": true, "generations": 14, "schedules": [],
        "auto_target_removal": "no", "success": "no-issues", "retry": {"count": 3, "wait": "10m"},
        "targets": [{"volume": "vol-0123456789abcdef1", "region": "eu-west-1"}]}]})
}

#[test]
fn plan_tells_changes_by_its_exit_code() {
    let stub = Stub::start().on("POST /v1/plan", plan());
    let ran = with_file(&stub, &["plan", "-f", "web.yaml"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert_snapshot!(ran);
    assert_eq!(stub.asked()[0].body, json!({"document": document(), "prune": false}));
    let ran = with_file(&stub, &["plan", "-f", "web.yaml", "--json", "--prune"]);
    assert_eq!((ran.code, ran.json(), ran.err.as_str()), (2, plan(), ""), "{ran}");
    assert_eq!(stub.asked()[1].body["prune"], json!(true));
}

#[test]
fn plan_of_nothing_is_zero() {
    let stub = Stub::start().on("POST /v1/plan", empty_plan());
    let ran = with_file(&stub, &["plan", "-f", "web.yaml"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "Nothing to change.\n", ""), "{ran}");
    assert_eq!(with_file(&stub, &["plan", "-f", "web.yaml", "--json"]).code, 0);
}

fn problems() -> Value {
    let mut view = empty_plan();
    view["problems"] = json!([
        {"path": "policies[0].account", "message": "there is no account `main`", "help": "add it to `accounts`"},
        {"path": "", "message": "a backup of `shop` runs", "help": "wait for its end"}]);
    view["warnings"] =
        json!([{"path": "policies[0].targets[0]", "message": "this volume is in `db` as well", "help": ""}]);
    view
}

#[test]
fn what_cannot_be_applied_is_told_at_its_place() {
    let stub = Stub::start().on("POST /v1/plan", problems());
    let ran = with_file(&stub, &["plan", "-f", "web.yaml"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_snapshot!(ran);
    let ran = with_file(&stub, &["plan", "-f", "web.yaml", "--json"]);
    assert_eq!((ran.code, ran.json()), (1, problems()), "{ran}");
    let ran = with_file(&stub, &["apply", "-f", "web.yaml", "--yes"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
    assert!(!stub.requests().contains(&"POST /v1/apply".to_owned()));
}

#[test]
fn a_refused_document_is_told_at_its_place() {
    let problem = json!({"type": "urn:cpm:problem:Input.Bad", "title": "Bad Request", "status": 400, "code": "Input.Bad",
        "detail": "the document makes no sense", "advice": "correct it", "instance": "/v1/plan",
        "problems": [{"path": "policies[0].generations", "message": "14 is unlucky", "help": "take 13"}]});
    let stub = Stub::start().on_status("POST /v1/plan", 400, &problem.to_string());
    assert_snapshot!(with_file(&stub, &["plan", "-f", "web.yaml"]));
}

#[test]
fn apply_does_what_the_plan_said() {
    let stub = Stub::start().on("POST /v1/plan", plan()).on("POST /v1/apply", applied());
    let ran = with_file(&stub, &["apply", "-f", "web.yaml", "--yes"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert_snapshot!(ran);
    assert_eq!(stub.asked()[1].body, json!({"document": document(), "prune": false, "revision": "r1"}));
    let ran = with_file(&stub, &["apply", "-f", "web.yaml", "--yes", "--json", "--prune"]);
    assert_eq!((ran.code, ran.json(), ran.err.as_str()), (0, applied(), ""), "{ran}");
    assert_eq!(stub.asked()[3].body["prune"], json!(true));
}

#[test]
fn apply_asks_and_where_nobody_answers_it_does_nothing() {
    for args in [vec!["apply", "-f", "web.yaml"], vec!["apply", "-f", "web.yaml", "--json"]] {
        let stub = Stub::start().on("POST /v1/plan", plan()).on("POST /v1/apply", applied());
        let ran = with_file(&stub, &args);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.err.contains("pass --yes"), "{ran}");
        assert_eq!(stub.requests(), ["POST /v1/plan"]);
    }
    // Not even when the answer seems to come by standard input.
    let stub = Stub::start().on("DELETE /v1/policies/web", applied());
    let ran = run_with(&mut cpm_at(&stub.address), &["policy", "delete", "web"], "yes\n");
    assert_eq!((ran.code, stub.requests()), (1, Vec::new()), "{ran}");
}

#[test]
fn apply_of_nothing_changes_nothing() {
    let stub = Stub::start().on("POST /v1/plan", empty_plan());
    let ran = with_file(&stub, &["apply", "-f", "web.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Nothing to change: everything is as the files say.\n"), "{ran}");
    let ran = with_file(&stub, &["apply", "-f", "web.yaml", "--json"]);
    assert_eq!(ran.json(), json!({"changes": [], "backups": 0, "cleanup": null}), "{ran}");
    assert_eq!(stub.requests(), ["POST /v1/plan", "POST /v1/plan"]);
}

#[test]
fn apply_is_refused_when_something_changed_meanwhile() {
    let stub = Stub::start().on("POST /v1/plan", plan()).refusing(
        "POST /v1/apply",
        409,
        "Plan.Outdated",
        "what is deployed changed since the plan",
        "look at the plan again",
    );
    let ran = with_file(&stub, &["apply", "-f", "web.yaml", "--yes"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err.starts_with("error: what is deployed changed since the plan\n"), "{ran}");
    assert!(ran.err.contains("  = help: look at the plan again\n"), "{ran}");
}

#[rstest]
#[case("account", "/v1/accounts/x")]
#[case("schedule", "/v1/schedules/x")]
#[case("policy", "/v1/policies/x")]
fn deletes(#[case] noun: &str, #[case] path: &str) {
    let gone = json!({"changes": [{"action": "delete", "kind": noun, "name": "x", "fields": [],
        "note": "7 backups are deleted with it"}], "backups": 7, "cleanup": {"execution": "c1"}});
    let stub = Stub::start().on(&format!("DELETE {path}"), gone.clone());
    let ran = stub.run(&[noun, "delete", "x", "--yes"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.out.starts_with(&format!("- delete {noun} x\n    ! 7 backups")), "{ran}");
    assert!(ran.out.ends_with("Done: 1 change.\n7 backups are deleted now; `cpm backup list` shows what is left.\n"));
    assert_eq!(stub.run(&[noun, "delete", "x", "--yes", "--json"]).json(), gone);
}

#[test]
fn what_is_exported_can_be_applied() {
    let stub = Stub::start().on("GET /v1/export", document()).on("POST /v1/plan", empty_plan());
    let ran = stub.run(&["export"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_snapshot!(ran.out);
    let again = run_with(&mut cpm_at(&stub.address), &["plan", "-f", "-"], &ran.out);
    assert_eq!(again.code, 0, "{again}");
    assert_eq!(stub.asked()[1].body["document"], document());
    assert_eq!(stub.run(&["export", "--json"]).json(), document());
    let empty = Stub::start().on("GET /v1/export", json!({}));
    assert_eq!(empty.run(&["export"]).out, "# Nothing is deployed yet.\n{}\n");
}
