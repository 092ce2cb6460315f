//! Each route with good and bad input.

use crate::world::{ADA, Api, document, request};
use axum::body::Body;
use cpm_contracts::{backup::StartBackup, cleanup::StartCleanup, scan::StartScan};
use cpm_domain::{
    alert::Category,
    backup::{Backup, Phase, Slot, Trigger},
    id::BackupId,
    scan::{Level, Scan, ScanKind, ScanLine},
    status::Status,
    unit::{Fault, Unit, UnitState},
};
use cpm_fakes::{at_once, sample};
use cpm_ports::{Alerts, Backups, Execution, Leases, Machine, Scans};
use rstest::rstest;
use serde_json::{Value, json};

/// In a workspace some crate keeps the order of JSON's fields, alone this one does not: a snapshot is sorted.
fn sorted() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.set_sort_maps(true);
    settings.bind_to_scope()
}

#[tokio::test]
async fn an_unsigned_request_is_refused_everywhere() {
    let api = Api::new().await;
    for (method, path) in [("GET", "/v1/policies"), ("POST", "/v1/apply"), ("DELETE", "/v1/policies/web")] {
        let answer = api.call(request(method, path, Body::from("{}"), None)).await;
        answer.refused(401, "Caller.Unknown");
    }
    assert_eq!(api.get("/v1/policies/web").await.status, 200);
}

#[rstest]
#[case("GET", "/v1/nothing", 404, "Input.NoSuchPath")]
#[case("GET", "/policies", 404, "Input.NoSuchPath")]
#[case("PUT", "/v1/policies", 405, "Input.NoSuchMethod")]
#[case("GET", "/v1/accounts/other", 404, "Input.NotFound")]
#[case("GET", "/v1/schedules/other", 404, "Input.NotFound")]
#[case("GET", "/v1/policies/other", 404, "Input.NotFound")]
#[case("GET", "/v1/policies/a%20b", 400, "Input.Bad")]
#[case("POST", "/v1/policies/other/enable", 404, "Input.NotFound")]
#[case("POST", "/v1/policies/other/disable", 404, "Input.NotFound")]
#[case("POST", "/v1/policies/other/backups", 404, "Input.NotFound")]
#[case("DELETE", "/v1/policies/other", 404, "Input.NotFound")]
#[case("DELETE", "/v1/schedules/other", 404, "Input.NotFound")]
#[case("DELETE", "/v1/schedules/nightly", 409, "Input.Conflict")]
#[case("DELETE", "/v1/accounts/other", 404, "Input.NotFound")]
#[case("DELETE", "/v1/accounts/main", 409, "Input.Conflict")]
#[case("GET", "/v1/backups?stauts=failed", 400, "Input.Bad")]
#[case("GET", "/v1/backups?status=good", 400, "Input.Bad")]
#[case("GET", "/v1/backups?policy=a+b", 400, "Input.Bad")]
#[case("GET", "/v1/backups?limit=0", 400, "Input.Bad")]
#[case("GET", "/v1/backups?limit=501", 400, "Input.Bad")]
#[case("GET", "/v1/backups/x", 400, "Input.Bad")]
#[case("GET", "/v1/backups/17", 404, "Input.NotFound")]
#[case("GET", "/v1/policies/web/runs/none", 404, "Input.NotFound")]
#[case("GET", "/v1/policies/web/runs/a:b", 400, "Input.Bad")]
#[case("GET", "/v1/scans/none", 404, "Input.NotFound")]
#[case("GET", "/v1/scans?limit=x", 400, "Input.Bad")]
#[case("GET", "/v1/cleanups/none", 404, "Input.NotFound")]
#[case("GET", "/v1/freezer/other", 404, "Input.NotFound")]
#[case("GET", "/v1/freezer/a%20%20b", 400, "Input.Bad")]
#[case("GET", "/v1/freezer?word=a", 400, "Input.Bad")]
#[case("DELETE", "/v1/freezer/other", 404, "Input.NotFound")]
#[case("DELETE", "/v1/freezer/other?afterwards=never", 400, "Input.Bad")]
#[case("GET", "/v1/agents?policy=other", 404, "Input.NotFound")]
#[case("GET", "/v1/agents?police=web", 400, "Input.Bad")]
#[case("GET", "/v1/audit?before=yesterday", 400, "Input.Bad")]
#[case("GET", "/v1/resources/eu-west-1/volume/db-1/policies", 400, "Input.Bad")]
#[case("GET", "/v1/resources/nowhere/volume/vol-0123456789abcdef1/policies", 400, "Input.Bad")]
#[tokio::test]
async fn refuses_in_words(#[case] method: &str, #[case] path: &str, #[case] status: u16, #[case] code: &str) {
    let api = Api::new().await;
    let answer = api.call(request(method, path, Body::empty(), Some(ADA))).await;
    answer.refused(status, code);
    assert_eq!(answer.body["instance"], path.split('?').next().unwrap());
}

#[rstest]
#[case("/v1/plan", json!({}), 400, "missing field `document`")]
#[case("/v1/plan", json!({"document": {}, "purge": true}), 400, "unknown field `purge`")]
#[case("/v1/plan", json!({"document": {"policy": []}}), 400, "unknown field `policy`")]
#[case("/v1/apply", json!({"document": {}, "revison": "x"}), 400, "unknown field `revison`")]
#[case("/v1/apply", json!({"document": {}, "revision": "x"}), 409, "has changed since the plan")]
#[case("/v1/apply", json!({"document": {"policies": [{"name": "db", "account": "prod"}]}}), 422, "one thing stands in the way")]
#[case("/v1/scans", json!({"dryrun": true}), 400, "unknown field `dryrun`")]
#[case("/v1/rebuild", json!({}), 400, "missing field `dry_run`")]
#[case("/v1/cleanups", json!({"policy": "a b"}), 400, "a name is made of letters")]
#[case("/v1/freezer", json!({"backup": 17, "name": "a/b"}), 400, "a/b` holds `/`")]
#[case("/v1/freezer", json!({"backup": 17, "name": "a", "description": ""}), 400, "it cannot be empty")]
#[case("/v1/freezer", json!({"backup": 17}), 400, "missing field `name`")]
#[case("/v1/freezer", json!({"backup": 17, "name": "a"}), 404, "there is no backup `17`")]
#[case("/v1/cleanups", json!({"policy": "other"}), 404, "there is no policy `other`")]
#[tokio::test]
async fn refuses_bodies_in_words(#[case] path: &str, #[case] body: Value, #[case] status: u16, #[case] detail: &str) {
    let api = Api::new().await;
    let writes = api.estate.store.writes();
    let answer = api.send("POST", path, &body).await;
    let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
    assert!(answer.refused(status, &code).contains(detail), "{answer:?}");
    assert_eq!(api.estate.store.writes(), writes, "what is refused changes nothing");
    assert!(api.estate.executions.started().is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let api = Api::new().await;
    let answer = api.call(request("POST", "/v1/plan", Body::from("policies: []"), Some(ADA))).await;
    answer.refused(400, "Input.Bad");
    let large = Body::from(vec![b' '; cpm_api::MAX_BODY + 1]);
    api.call(request("POST", "/v1/plan", large, Some(ADA))).await.refused(413, "Input.TooLarge");
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_no_answer() {
    let api = Api::new().await;
    api.estate.faults.throttle_next("store:policies", 1);
    api.get("/v1/policies").await.refused(503, "Store.Unavailable");
    assert_eq!(api.get("/v1/policies").await.status, 200);
}

#[tokio::test]
async fn plans_applies_and_exports() {
    let api = Api::new().await;
    let again = api.send("POST", "/v1/plan", &json!({"document": document(), "prune": true})).await;
    assert_eq!((again.status, &again.body["changes"]), (200, &json!([])));

    let mut wanted = document();
    wanted["policies"][0]["generations"] = json!(5);
    wanted["policies"][0]["targets"] = json!([]);
    let plan = api.send("POST", "/v1/plan", &json!({"document": wanted})).await.body;
    let mut shown = plan.clone();
    shown["revision"] = json!("of this plan");
    let _sorted = sorted();
    insta::assert_json_snapshot!(shown);

    let request = json!({"document": wanted, "revision": plan["revision"]});
    let applied = api.send("POST", "/v1/apply", &request).await;
    assert_eq!(applied.body["changes"], plan["changes"]);
    let event = api.newest_event().await;
    assert_eq!((event["actor"].as_str(), event["subject"].as_str()), (Some(ADA), Some("web")));

    let export = api.get("/v1/export").await.body;
    assert_eq!(export["policies"][0]["generations"], 5);
    assert_eq!(export["settings"], json!({"record_days": 0, "initial_ami_rotation_days": 90}));
    let rest = api.send("POST", "/v1/plan", &json!({"document": export, "prune": true})).await;
    assert_eq!(rest.body["changes"], json!([]));
}

#[tokio::test]
async fn problems_of_a_file_have_their_places() {
    let api = Api::new().await;
    let body = json!({"document": {"policies": [{"name": "db", "account": "prod", "generations": 0}]}});
    let plan = api.send("POST", "/v1/plan", &body).await;
    assert_eq!((plan.status, plan.body["problems"][0]["path"].as_str()), (200, Some("policies[0].generations")));
    let refused = api.send("POST", "/v1/apply", &body).await;
    refused.refused(422, "Input.Bad");
    assert_eq!(refused.body["problems"], plan.body["problems"]);
}

#[tokio::test]
async fn shows_what_is_configured() {
    let api = Api::new().await;
    let _sorted = sorted();
    insta::assert_json_snapshot!(json!({
        "accounts": api.get("/v1/accounts").await.body,
        "account": api.get("/v1/accounts/main").await.body,
        "schedules": api.get("/v1/schedules").await.body,
        "schedule": api.get("/v1/schedules/nightly").await.body,
        "policies": api.get("/v1/policies").await.body,
        "policy": api.get("/v1/policies/web").await.body,
        "resource": api.get("/v1/resources/eu-west-1/volume/vol-0123456789abcdef1/policies").await.body,
    }));
}

#[tokio::test]
async fn enables_and_disables() {
    let api = Api::new().await;
    let off = api.send("POST", "/v1/policies/web/disable", &json!({})).await;
    assert_eq!((off.status, &off.body["enabled"], &off.body["slots"]), (200, &json!(false), &json!([])));
    assert_eq!(api.newest_event().await["action"], "policy.update");
    let on = api.send("POST", "/v1/policies/web/enable", &json!({})).await;
    assert_eq!(on.body["slots"], json!([{"schedule": "nightly", "next": "2026-01-01T02:00:00Z"}]));
}

#[tokio::test]
async fn removes_policy_schedule_and_account() {
    let api = Api::new().await;
    let store = &api.estate.store;
    at_once(store.create(&sample::root(), &sample::generation(1, "web"), &[], &[])).unwrap();
    let removed = api.send("DELETE", "/v1/policies/web", &Value::Null).await;
    assert_eq!((removed.status, &removed.body["backups"]), (200, &json!(1)));
    let cleanup = removed.body["cleanup"]["execution"].as_str().unwrap();
    assert_eq!(api.get(&format!("/v1/cleanups/{cleanup}")).await.body["state"], "running");
    assert_eq!(api.send("DELETE", "/v1/schedules/nightly", &Value::Null).await.status, 200);
    api.send("DELETE", "/v1/accounts/main", &Value::Null).await.refused(409, "Input.Conflict");
    at_once(store.remove(&sample::root(), BackupId(1))).unwrap();
    assert_eq!(api.send("DELETE", "/v1/accounts/main", &Value::Null).await.status, 200);
    assert_eq!(api.newest_event().await["action"], "account.remove");
}

#[tokio::test]
async fn backs_up_now_and_tells_how_it_goes() {
    let api = Api::new().await;
    let started = api.send("POST", "/v1/policies/web/backups", &json!({})).await;
    assert_eq!(started.status, 202);
    let name = started.body["execution"].as_str().unwrap().to_owned();
    let execution = &api.estate.executions.started()[0];
    assert_eq!((execution.machine, &execution.name), (Machine::Backup, &name));
    let input: StartBackup = serde_json::from_str(&execution.input).unwrap();
    assert_eq!(
        (input.policy.as_str(), input.trigger, input.asked_by.as_deref()),
        ("web", Trigger::Manual, Some(ADA))
    );
    assert_eq!(api.newest_event().await["action"], "backup.run");

    let path = format!("/v1/policies/web/runs/{name}");
    assert_eq!(api.get(&path).await.body, json!({"execution": name, "state": "running", "backups": []}));
    let root = sample::root();
    for (id, attempt) in [(1, 0), (2, 1)] {
        let backup = Backup { execution: name.clone(), attempt, ..sample::backup(id, "web") };
        at_once(api.estate.store.create(&root, &backup, &[], &[])).unwrap();
    }
    assert_eq!(api.get(&path).await.body["backups"], json!([1, 2]));
    api.estate.executions.set(&name, Execution::Dead);
    assert_eq!(api.get(&path).await.body["state"], "running", "another execution takes its backup up");
    for id in [1, 2] {
        let ended = Backup { execution: name.clone(), ..sample::generation(id, "web") };
        at_once(api.estate.store.put(&root, &ended, Phase::Planned)).unwrap();
    }
    assert_eq!(api.get(&path).await.body["state"], "dead");
    api.estate.executions.set(&name, Execution::Succeeded);
    assert_eq!(api.get(&path).await.body["state"], "ended");
}

#[tokio::test]
async fn one_backup_of_a_policy_at_a_time() {
    let api = Api::new().await;
    at_once(api.estate.store.take(&sample::root(), &sample::lease("web", "x", 4), None)).unwrap();
    let refused = api.send("POST", "/v1/policies/web/backups", &json!({})).await;
    assert_eq!(refused.refused(409, "Input.Conflict"), "backup 4 of policy `web` is running: one at a time");
    assert!(api.estate.executions.started().is_empty());
    assert_eq!(api.get("/v1/policies/web").await.body["running"], 4);
}

#[tokio::test]
async fn lists_backups_and_shows_one() {
    let api = Api::new().await;
    let root = sample::root();
    for id in 1..=120 {
        let failed = id % 40 == 0;
        let status = if failed { Status::Failed } else { Status::Successful };
        let policy = if id == 119 { "db" } else { "web" };
        at_once(api.estate.store.create(&root, &Backup { status, ..sample::generation(id, policy) }, &[], &[]))
            .unwrap();
    }
    let gone = Backup { phase: Phase::Deleting, ..sample::generation(118, "web") };
    at_once(api.estate.store.put(&root, &gone, Phase::Finished)).unwrap();
    let ids = |body: &Value| -> Vec<u64> {
        body["backups"].as_array().unwrap().iter().map(|backup| backup["id"].as_u64().unwrap()).collect()
    };

    let page = api.get("/v1/backups?limit=5").await.body;
    assert_eq!((ids(&page), &page["next"]), (vec![120, 119, 117, 116, 115], &json!(115)), "118 is going");
    let rest = api.get("/v1/backups?limit=3&before=115").await.body;
    assert_eq!(ids(&rest), [114, 113, 112]);
    let failed = api.get("/v1/backups?status=failed&policy=web").await.body;
    assert_eq!((ids(&failed), &failed["next"]), (vec![120, 80, 40], &Value::Null));
    let first = api.get("/v1/backups?status=failed&limit=2").await.body;
    assert_eq!((ids(&first), &first["next"]), (vec![120, 80], &json!(80)));
    assert_eq!(ids(&api.get("/v1/backups?status=failed&limit=2&before=80").await.body), [40]);
    assert_eq!(ids(&api.get("/v1/backups?policy=db").await.body), [119]);
    assert_eq!(api.get("/v1/backups/118").await.status, 200, "what goes can be looked at");
}

/// Scripts rely on this shape.
#[tokio::test]
async fn a_backup_has_the_shape_that_scripts_rely_on() {
    let api = Api::new().await;
    let slot = Slot { schedule: "nightly".parse().unwrap(), at: "2026-01-01T02:00:00Z".parse().unwrap() };
    let volumes = ["vol-0000000a".parse().unwrap(), "vol-0000000b".parse().unwrap()];
    let mut set = sample::set(1, "us-east-1", "i-0123456789abcdef0", &volumes);
    set.units[0] = Unit {
        id: Some("snap-0000000a".parse().unwrap()),
        state: UnitState::Completed,
        started: Some(sample::start()),
        ended: Some(sample::start()),
        ..set.units[0].clone()
    };
    set.units[1].fail(
        sample::start(),
        Fault::new("UnauthorizedOperation", "ec2:CreateSnapshots as x: no").advise("allow it"),
    );
    let mut backup = Backup { slot: Some(slot), trigger: Trigger::Schedule, ..sample::generation(17, "web") };
    let mut log = cpm_domain::backup::Log::default();
    log.info(sample::start(), "backup 17 starts");
    backup.log = log.into_lines();
    at_once(api.estate.store.create(&sample::root(), &backup, &[set], &[])).unwrap();
    let answer = api.get("/v1/backups/17").await;
    let _sorted = sorted();
    insta::assert_json_snapshot!(answer.body);
}

#[tokio::test]
async fn freezes_a_backup_and_takes_it_out() {
    let api = Api::new().await;
    let root = sample::root();
    for id in [1, 2, 3] {
        at_once(api.estate.store.create(&root, &sample::generation(id, "web"), &[], &[])).unwrap();
    }
    let body = json!({"backup": 1, "name": "Before (12.4)", "description": "the last good one"});
    let frozen = api.send("POST", "/v1/freezer", &body).await;
    let time = frozen.body["time"].clone();
    let view = json!({"name": "Before (12.4)", "description": "the last good one", "time": time, "backup": 1,
        "policy": "web", "account": "main", "started": "2026-01-01T00:00:00Z", "afterwards": "retention"});
    assert_eq!((frozen.status, &frozen.body), (200, &view));
    let event = api.newest_event().await;
    assert_eq!((&event["action"], &event["actor"]), (&json!("freezer.add"), &json!(ADA)));
    let shown = api.get("/v1/backups/1").await.body;
    let mark = json!({"name": "Before (12.4)", "description": "the last good one", "time": time});
    assert_eq!((&shown["frozen"], shown["log"].as_array().unwrap().len()), (&mark, 1));
    assert_eq!(api.get("/v1/backups").await.body["backups"][2]["frozen"], mark);
    // As API Gateway hands a path on: decoded, and encoded anew.
    assert_eq!(api.get("/v1/freezer/before%20(12.4)").await.body, view);
    assert_eq!(api.get("/v1/freezer?words=LAST+before").await.body["frozen"], json!([view]));
    assert_eq!(api.get("/v1/freezer?words=last+after").await.body["frozen"], json!([]));
    let taken = api.send("POST", "/v1/freezer", &json!({"backup": 2, "name": "BEFORE (12.4)"})).await;
    assert!(taken.refused(409, "Input.Conflict").contains("backup 1 is in the freezer under it"));
    api.send("POST", "/v1/freezer", &json!({"backup": 2, "name": "Two"})).await;

    let out = api.send("DELETE", "/v1/freezer/Before%20(12.4)?afterwards=retention", &Value::Null).await;
    let unfrozen = json!({"name": "Before (12.4)", "backup": 1, "policy": "web", "afterwards": "retention",
        "cleanup": null});
    assert_eq!((out.status, &out.body), (200, &unfrozen));
    assert_eq!(api.newest_event().await["action"], "freezer.remove");
    assert_eq!(api.get("/v1/backups/1").await.body["frozen"], Value::Null);

    let removed = api.send("DELETE", "/v1/policies/web", &Value::Null).await.body;
    assert_eq!(removed["backups"], 2, "one is frozen");
    assert_eq!(
        removed["changes"][0]["note"],
        "its 2 backups are deleted with all their snapshots; its backup in the freezer stays"
    );
    api.send("DELETE", "/v1/accounts/main", &Value::Null).await.refused(409, "Input.Conflict");
    assert_eq!(api.get("/v1/freezer").await.body["frozen"][0]["afterwards"], "deletion");
    let refused = api.send("DELETE", "/v1/freezer/two?afterwards=retention", &Value::Null).await;
    assert!(refused.refused(409, "Input.Conflict").contains("its policy `web` is gone"));
    let out = api.send("DELETE", "/v1/freezer/two", &Value::Null).await.body;
    assert_eq!(out["afterwards"], "deletion");
    let cleanup = out["cleanup"]["execution"].as_str().unwrap();
    assert_eq!(api.get(&format!("/v1/cleanups/{cleanup}")).await.body["state"], "running");
    assert_eq!(api.get("/v1/freezer").await.body["frozen"], json!([]));
}

#[tokio::test]
async fn scans_and_rebuilds() {
    let api = Api::new().await;
    let started = api.send("POST", "/v1/scans", &Value::Null).await;
    assert_eq!(started.status, 400, "null is no object");
    let started = api.call(request("POST", "/v1/scans", Body::empty(), Some(ADA))).await;
    assert_eq!(started.status, 202);
    let name = started.body["execution"].as_str().unwrap().to_owned();
    let execution = api.estate.executions.started()[0].clone();
    let input: StartScan = serde_json::from_str(&execution.input).unwrap();
    assert_eq!((execution.machine, input.kind, input.dry_run), (Machine::TagScan, ScanKind::Tags, false));
    assert_eq!(input.asked_by.as_deref(), Some(ADA));
    assert_eq!(api.newest_event().await["action"], "scan.run");
    let waiting = api.get(&format!("/v1/scans/{name}")).await.body;
    assert_eq!(waiting, json!({"id": name, "state": "running", "scan": null, "lines": []}));

    let root = sample::root();
    let id = format!("2026-01-01T00:00:00.000Z.{name}");
    let scan = Scan {
        id: id.clone(),
        kind: ScanKind::Tags,
        started: sample::start(),
        ended: None,
        asked_by: ADA.into(),
        places: 1,
        failed_places: 0,
        found: 1,
        changes: 1,
        errors: 0,
        dry_run: false,
    };
    at_once(api.estate.store.put_scan(&root, &scan)).unwrap();
    let line = ScanLine {
        account: "main".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        resource: Some("i-1a2b3c4d".into()),
        value: Some("web".into()),
        level: Level::Info,
        message: "added to policy `web`".into(),
    };
    at_once(api.estate.store.put_scan_lines(&root, &id, &line.account, &line.region, std::slice::from_ref(&line)))
        .unwrap();
    for path in [&name, &id] {
        let shown = api.get(&format!("/v1/scans/{path}")).await.body;
        assert_eq!((&shown["id"], &shown["state"]), (&json!(id), &json!("running")));
        assert_eq!(shown["lines"][0]["message"], "added to policy `web`");
    }
    at_once(api.estate.store.put_scan(&root, &Scan { ended: Some(sample::start()), ..scan })).unwrap();
    assert_eq!(api.get(&format!("/v1/scans/{name}")).await.body["state"], "ended");
    assert_eq!(api.get("/v1/scans").await.body["scans"][0]["id"], json!(id));

    let rebuild = api.send("POST", "/v1/rebuild", &json!({"dry_run": true})).await;
    assert_eq!(rebuild.status, 202);
    let input: StartScan = serde_json::from_str(&api.estate.executions.started()[1].input).unwrap();
    assert_eq!((input.kind, input.dry_run), (ScanKind::Snapshots, true));
}

#[tokio::test]
async fn cleans_up() {
    let api = Api::new().await;
    for (body, policy) in [(json!({}), None), (json!({"policy": "web"}), Some("web"))] {
        let started = api.send("POST", "/v1/cleanups", &body).await;
        assert_eq!(started.status, 202);
        let execution = api.estate.executions.started().pop().unwrap();
        let input: StartCleanup = serde_json::from_str(&execution.input).unwrap();
        assert_eq!(input.policy.as_ref().map(cpm_domain::name::PolicyName::as_str), policy);
        assert_eq!(execution.machine, Machine::Cleanup);
        let shown = api.get(&format!("/v1/cleanups/{}", execution.name)).await;
        assert_eq!(shown.body["state"], "running");
    }
    assert_eq!(api.newest_event().await["action"], "cleanup.run");
}

#[tokio::test]
async fn a_start_that_is_throttled_is_tried_again_and_then_refused() {
    let api = Api::new().await;
    api.estate.faults.throttle_next("states:StartExecution", 2);
    assert_eq!(api.send("POST", "/v1/cleanups", &json!({})).await.status, 202);
    api.estate.faults.throttle_next("states:StartExecution", 100);
    api.send("POST", "/v1/cleanups", &json!({})).await.refused(503, "Aws.Unavailable");
}

#[tokio::test]
async fn lists_alerts_and_the_trail() {
    let api = Api::new().await;
    let root = sample::root();
    at_once(api.estate.store.put_alert(&root, &sample::alert(Category::Backup, "web"))).unwrap();
    let alerts = api.get("/v1/alerts").await.body;
    assert_eq!(
        (alerts["alerts"][0]["subject"].as_str(), alerts["alerts"][0]["category"].as_str()),
        (Some("web"), Some("backup"))
    );

    let all = api.get("/v1/audit").await.body;
    let events = all["events"].as_array().unwrap();
    assert!(events.len() >= 4 && all["next"].is_null());
    assert!(events.iter().any(|event| event["action"] == "policy.create" && event["actor"] == ADA));
    let older = api.get("/v1/audit?before=2026-01-01T00:00:00Z").await.body;
    assert_eq!(older["events"], json!([]));
}

#[tokio::test]
async fn agents_are_listed_with_what_is_missing() {
    let api = Api::new().await;
    assert_eq!(api.get("/v1/agents").await.body, json!({"agents": []}));
    let site = api.estate.aws.here("eu-west-1");
    let (linux, windows) = (site.instance(1), site.windows(1));
    api.estate.systems.unmanage(&linux);
    let mut document = crate::world::document();
    document["policies"][0]["targets"] = json!([
        {"instance": linux, "region": "eu-west-1", "app_aware": true},
        {"instance": windows, "region": "eu-west-1", "app_aware": true},
    ]);
    assert_eq!(api.send("POST", "/v1/apply", &json!({"document": document})).await.status, 200);
    let shown = api.get("/v1/agents?policy=web").await.body;
    assert_eq!(api.get("/v1/agents").await.body["agents"].as_array().unwrap().len(), 2);
    let agents = &shown["agents"];
    let place = |view: &Value| (view["account"].clone(), view["region"].clone(), view["instance"].clone());
    assert_eq!(place(&agents[0]), (json!("main"), json!("eu-west-1"), json!(linux)));
    assert_eq!(
        (&agents[0]["policies"], &agents[0]["needed_for"], &agents[0]["platform"], &agents[0]["ping"]),
        (&json!(["web"]), &json!(["vss"]), &json!("linux"), &Value::Null)
    );
    let whats: Vec<_> = agents[0]["missing"].as_array().unwrap().iter().map(|missing| &missing["what"]).collect();
    assert_eq!(
        whats,
        ["VSS is for Windows, and the instance runs Linux", "Systems Manager does not manage the instance"]
    );
    assert_eq!((&agents[1]["ping"], &agents[1]["missing"]), (&json!("online"), &json!([])));
}
