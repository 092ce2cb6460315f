//! Drills and scenarios.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{stub::Stub, views::INSTANCE};

fn drill(state: &str) -> Value {
    let is_over = state != "running";
    let failed = state == "failed";
    let error = failed.then(|| {
        json!({"code": "CheckFailed", "message": "the check `script` of i-0000000b failed: exit code 3",
            "advice": "the end of what the script wrote is in the drill's report"})
    });
    json!({"id": "d5", "policy": "web", "account": "main", "state": state, "backup": 17,
        "point": "2026-03-29T01:00:00Z",
        "figures": {"rto": (state == "succeeded").then_some(312), "rpo": 7500},
        "slot": null, "asked_by": "arn:aws:iam::111122223333:user/jo", "started": "2026-03-29T03:05:00Z",
        "ended": is_over.then_some("2026-03-29T03:12:00Z"),
        "targets": [{"kind": "instance", "id": INSTANCE, "region": "us-east-1",
            "state": if failed { "failed" } else if is_over { "passed" } else { "checking" },
            "recovery": "r7", "took": (state == "succeeded").then_some(310),
            "made": [{"kind": "instance", "id": "i-0000000b", "addresses": ["10.9.0.4"]}],
            "checks": [
                {"what": "running", "on": "i-0000000b", "state": "passed", "message": null, "output": null},
                {"what": "script", "on": "i-0000000b",
                    "state": if failed { "failed" } else if is_over { "passed" } else { "open" },
                    "message": failed.then_some("exit code 3"), "output": failed.then_some("no such table\n")}],
            "error": error, "removed": is_over, "left": null}],
        "errors": [], "report": is_over.then_some("Drill d5 of policy web\n"),
        "log": [{"time": "2026-03-29T03:05:01Z", "level": "info", "message": "restores 1 target of backup 17"}]})
}

#[test]
fn people_see_a_drill() {
    for state in ["running", "succeeded", "failed"] {
        let stub = Stub::start().on("GET /v1/drills/d5", drill(state));
        let ran = stub.run(&["drill", "show", "d5"]);
        assert_eq!(ran.code, 0, "{ran}");
        assert_snapshot!(format!("drill_show_{state}"), ran.out);
        assert_eq!(stub.run(&["drill", "show", "5", "--json"]).json(), drill(state));
    }
}

#[test]
fn drills_are_listed() {
    let page = json!({"drills": [drill("succeeded"), drill("failed")], "next": null});
    let stub = Stub::start().on("GET /v1/drills", page);
    let ran = stub.run(&["drill", "list"]);
    assert_snapshot!(ran.out);
    stub.run(&["drill", "list", "--policy", "web", "--limit", "7"]);
    assert_eq!(stub.requests(), ["GET /v1/drills?limit=50", "GET /v1/drills?policy=web&limit=7"]);
}

#[test]
fn one_is_run_and_waited_for() {
    for (state, code) in [("succeeded", 0), ("failed", 1)] {
        let stub =
            Stub::start().on("POST /v1/policies/web/drills", drill("running")).on("GET /v1/drills/d5", drill(state));
        let ran = stub.run(&["drill", "run", "web"]);
        assert_eq!(ran.code, 0, "{ran}");
        assert!(ran.out.contains("`cpm drill show d5`"), "{ran}");
        assert_eq!(stub.run(&["drill", "run", "web", "--wait"]).code, code);
    }
}

const SHOP: &str = "\
name: shop
steps:
  - name: db
    recover:
      backup: 17
      rds: {id: orders-2}
  - name: web
    needs: [db]
    recover:
      backup: 18
      instance:
        user_data: |
          #!/bin/sh
          echo ${db.endpoint} > /etc/db
  - name: works
    needs: [web]
    check:
      ssm: {instance: \"${web.instance}\", shell: curl -f localhost}
      env: {DB: \"${db.endpoint}\"}
";

fn run_of(state: &str) -> Value {
    let failed = state == "failed";
    let step = |name: &str, needs: &[&str], state: &str| {
        json!({"name": name, "needs": needs, "state": state, "recovery": null, "started": null, "ended": null,
            "made": {}, "output": null, "error": null})
    };
    let mut db = step("db", &[], "succeeded");
    db["recovery"] = json!("r7");
    db["made"] = json!({"endpoint": "db.example", "id": "orders-2"});
    let mut web = step("web", &["db"], if failed { "failed" } else { "succeeded" });
    let mut works = step("works", &["web"], if failed { "not-run" } else { "succeeded" });
    if failed {
        web["error"] = json!({"code": "BadPlan", "message": "no such subnet", "advice": "name another"});
        works["error"] = json!({"code": "NotRun", "message": "it needs `web`, which failed", "advice": null});
    } else {
        works["output"] = json!("all well\n");
    }
    json!({"id": "s3", "name": "shop", "state": state, "asked_by": "jo", "started": "2026-03-29T03:05:00Z",
        "ended": "2026-03-29T03:12:00Z", "steps": [db, web, works], "errors": [], "log": []})
}

#[test]
fn a_scenario_is_run_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    fs::write(&file, SHOP).unwrap();
    let file = file.to_str().unwrap();
    for (state, code) in [("succeeded", 0), ("failed", 1)] {
        let stub = Stub::start().on("POST /v1/scenarios", run_of(state)).on("GET /v1/scenarios/s3", run_of(state));
        let ran = stub.run(&["scenario", "run", file]);
        assert_eq!(ran.code, code, "{ran}");
        assert_snapshot!(format!("scenario_run_{state}"), ran.out);
        assert_eq!(stub.run(&["scenario", "show", "s3", "--json"]).json(), run_of(state));
    }
}

#[test]
fn a_scenario_is_planned() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    fs::write(&file, SHOP).unwrap();
    let step = |name: &str, needs: &[&str], unchecked: Option<&str>, problems: &[Value]| {
        json!({"name": name, "needs": needs, "unchecked": unchecked, "problems": problems, "warnings": [],
            "plan": unchecked.is_none().then(|| json!({"backup": 17, "source": "orders", "rds": {"id": "orders-2"}}))})
    };
    let later = Some("it refers to what is not made yet: it is checked when that is there");
    let plan = json!({"name": "shop", "ok": false, "steps": [
        step("db", &[], None, &[json!({"field": "rds.id", "message": "it is taken", "advice": "take another"})]), step("web", &["db"], later, &[])]});
    let stub = Stub::start().on("POST /v1/scenarios/plan", plan);
    let ran = stub.run(&["scenario", "run", file.to_str().unwrap(), "--plan"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_snapshot!(ran.out);
}

#[test]
fn what_is_wrong_with_a_scenario_is_told_at_its_place_and_nothing_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    fs::write(&file, SHOP.replace("needs: [db]", "needs: [dbs]")).unwrap();
    let stub = Stub::start();
    let ran = stub.run(&["scenario", "run", file.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err.contains("there is no step `dbs`") && ran.err.contains("does not need `db`"), "{ran}");
    assert_eq!(stub.requests(), Vec::<String>::new());
}
