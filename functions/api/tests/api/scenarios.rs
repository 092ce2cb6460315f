//! Scenarios: their routes with good and bad input.

use axum::body::Body;
use cpm_domain::{
    recovery::plan::PlanProblem,
    unit::{Unit, UnitState},
};
use cpm_fakes::{at_once, sample};
use cpm_ports::{Backups, Machine};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{ADA, Api, request};

/// With backup 17 of `web`: a volume.
async fn api() -> Api {
    let api = Api::new().await;
    let id = "vol-0123456789abcdef1".parse().unwrap();
    let mut set = sample::set(1, "eu-west-1", &id, std::slice::from_ref(&id));
    let id = Some("snap-0123456789abcdef1".parse().unwrap());
    set.units[0] = Unit { id, state: UnitState::Completed, ..set.units[0].clone() };
    at_once(api.estate.store.create(&sample::root(), &sample::generation(17, "web"), &[set], &[])).unwrap();
    api
}

/// A second step that needs the first one, written before it.
fn shop() -> Value {
    json!({"name": "shop", "steps": [
        {"name": "second", "needs": ["first"], "recover": {"backup": 17, "volumes": {
            "volumes": [{"volume": "vol-0123456789abcdef1", "tags": {"after": "${first.volume}"}}]}}},
        {"name": "first", "recover": {"backup": 17, "volumes": {}}},
    ]})
}

fn asked(scenario: &Value) -> Value {
    json!({"scenario": scenario})
}

#[tokio::test]
async fn a_plan_makes_nothing() {
    let api = api().await;
    let writes = api.estate.store.writes();
    let planned = api.send("POST", "/v1/scenarios/plan", &asked(&shop())).await;
    assert_eq!(planned.status, 200, "{planned:?}");
    let names: Vec<&Value> = planned.body["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
    assert_eq!(names, ["first", "second"], "in an order in which they may run");
    assert_eq!((api.estate.store.writes(), api.estate.executions.started().len()), (writes, 0));
}

#[tokio::test]
async fn one_is_started_as_whoever_asked() {
    let api = api().await;
    let started = api.send("POST", "/v1/scenarios", &asked(&shop())).await;
    assert_eq!(
        (started.status, &started.body["name"], &started.body["state"]),
        (202, &json!("shop"), &json!("running"))
    );
    assert_eq!(started.body["asked_by"], json!(ADA));
    assert_eq!(api.estate.executions.started()[0].machine, Machine::Scenario);
    let id = started.body["id"].as_str().unwrap().to_owned();
    assert_eq!(api.get(&format!("/v1/scenarios/{id}")).await.body["id"], json!(id));
    let list = api.get("/v1/scenarios?limit=1").await.body;
    assert_eq!(list["scenarios"][0]["id"], json!(id));
    assert_eq!(api.get(&format!("/v1/scenarios?before={id}")).await.body["scenarios"], json!([]));
    assert_eq!(api.newest_event().await["actor"], json!(ADA));
}

#[tokio::test]
async fn all_that_is_wrong_is_told_and_nothing_is_made() {
    let api = api().await;
    let problem = PlanProblem {
        field: "volumes.volumes[0].size".into(),
        message: "4 GiB is less than the snapshot's 8 GiB".into(),
        advice: "write 8 or more".into(),
    };
    api.estate.planner.finds(std::slice::from_ref(&problem), &[]);
    let writes = api.estate.store.writes();
    let refused = api.send("POST", "/v1/scenarios", &asked(&shop())).await;
    refused.refused(422, "Input.Bad");
    let told = json!([{"path": "steps[1].recover.volumes.volumes[0].size", "help": "write 8 or more",
        "message": "4 GiB is less than the snapshot's 8 GiB"}]);
    assert_eq!(refused.body["problems"], told);
    assert_eq!((api.estate.store.writes(), api.estate.executions.started().len()), (writes, 0));
}

#[rstest]
#[case("GET", "/v1/scenarios/s9", 404, "Input.NotFound")]
#[case("GET", "/v1/scenarios/x", 400, "Input.Bad")]
#[case("GET", "/v1/scenarios?limit=0", 400, "Input.Bad")]
#[case("GET", "/v1/scenarios?before=x", 400, "Input.Bad")]
#[case("GET", "/v1/scenarios?name=shop", 400, "Input.Bad")]
#[case("DELETE", "/v1/scenarios/s1", 405, "Input.NoSuchMethod")]
#[tokio::test]
async fn refuses_in_words(#[case] method: &str, #[case] path: &str, #[case] status: u16, #[case] code: &str) {
    let api = api().await;
    api.call(request(method, path, Body::empty(), Some(ADA))).await.refused(status, code);
}

#[rstest]
#[case(json!({}), "missing field `name`")]
#[case(json!({"name": "shop", "steps": []}), "step")]
#[case(json!({"name": "shop", "steps": [{"name": "a"}]}), "a")]
#[case(json!({"name": "shop", "steps": [{"name": "a", "needs": ["b"], "recover": {"backup": 17, "volumes": {}}}]}), "`b`")]
#[case(json!({"name": "shop", "steps": [{"name": "a", "needs": ["a"], "recover": {"backup": 17, "volumes": {}}}]}), "steps[0].needs[0]")]
#[case(json!({"name": "shop", "steps": [{"name": "a", "recover": {"backup": 18, "volumes": {}}}]}), "steps[0].recover.backup")]
#[tokio::test]
async fn wrong_ones_make_nothing(#[case] scenario: Value, #[case] said: &str) {
    let api = api().await;
    let writes = api.estate.store.writes();
    let refused = api.send("POST", "/v1/scenarios", &asked(&scenario)).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert!(refused.body.to_string().contains(said), "{refused:?}");
    assert_eq!((api.estate.store.writes(), api.estate.executions.started().len()), (writes, 0));
}

#[rstest]
#[case("POST", "/v1/scenarios/plan")]
#[case("POST", "/v1/scenarios")]
#[case("GET", "/v1/scenarios")]
#[case("GET", "/v1/scenarios/s1")]
#[tokio::test]
async fn nobody_unknown_runs_one(#[case] method: &str, #[case] path: &str) {
    let api = api().await;
    api.call(request(method, path, Body::from("{}"), None)).await.refused(401, "Caller.Unknown");
}
