//! Drills: their routes with good and bad input.

use axum::body::Body;
use cpm_contracts::drill::StartDrill;
use cpm_fakes::Whom;
use cpm_ports::Machine;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{ADA, Api, document, request};

/// The policy `web` has a place for drills, `plain` has none.
async fn api() -> Api {
    let api = Api::new().await;
    let mut document = document();
    document["policies"][0]["drill"] = json!({"quarantine": {"zone": "eu-west-1a"}});
    document["policies"].as_array_mut().unwrap().push(json!({"name": "plain", "account": "main"}));
    assert_eq!(api.send("POST", "/v1/apply", &json!({"document": document})).await.status, 200);
    api
}

const RUN: &str = "/v1/policies/web/drills";

#[tokio::test]
async fn one_is_started_as_whoever_asked() {
    let api = api().await;
    let started = api.send("POST", RUN, &Value::Null).await;
    assert_eq!((started.status, &started.body["id"], &started.body["state"]), (202, &json!("d1"), &json!("running")));
    assert_eq!((&started.body["asked_by"], &started.body["policy"]), (&json!(ADA), &json!("web")));
    let execution = &api.estate.executions.started()[0];
    let input: StartDrill = serde_json::from_str(&execution.input).unwrap();
    assert_eq!((execution.machine, input.policy.as_str(), input.slot), (Machine::Drill, "web", None));
    let event = api.newest_event().await;
    assert_eq!(
        (&event["action"], &event["subject"], &event["actor"]),
        (&json!("drill.run"), &json!("web"), &json!(ADA))
    );

    assert_eq!(api.get("/v1/drills/d1").await.body, started.body);
    let list = api.get("/v1/drills?policy=web&limit=1").await.body;
    assert_eq!((&list["drills"][0]["id"], &list["drills"][0]["report"]), (&json!("d1"), &Value::Null));
    assert_eq!(api.get("/v1/drills?before=d1").await.body["drills"], json!([]));
    assert_eq!(api.get("/v1/drills?policy=plain").await.body["drills"], json!([]));
    let newest = &api.get("/v1/policies/web").await.body["readiness"]["last_drill"];
    assert_eq!((&newest["id"], &newest["state"], &newest["ended"]), (&json!("d1"), &json!("running"), &Value::Null));
}

#[tokio::test]
async fn one_at_a_time() {
    let api = api().await;
    api.send("POST", RUN, &Value::Null).await;
    let said = api.send("POST", RUN, &Value::Null).await.refused(409, "Input.Conflict");
    assert!(said.contains("drill d1 of policy `web` is running"), "{said}");
    assert_eq!(api.estate.executions.started().len(), 1);
}

#[tokio::test]
async fn one_that_cannot_be_started_has_failed_and_holds_nothing() {
    let api = api().await;
    api.estate.faults.deny("states:StartExecution", Whom::anybody());
    api.send("POST", RUN, &Value::Null).await.refused(502, "Aws.Refused");
    let shown = api.get("/v1/drills/d1").await.body;
    assert_eq!(shown["state"], json!("failed"));
    assert!(shown["errors"][0]["message"].as_str().unwrap().contains("could not be started"), "{shown}");

    api.estate.faults.allow("states:StartExecution");
    assert_eq!(api.send("POST", RUN, &Value::Null).await.status, 202, "the next one finds no hold");
}

#[rstest]
#[case("POST", "/v1/policies/plain/drills", 409, "Input.Conflict")]
#[case("POST", "/v1/policies/none/drills", 404, "Input.NotFound")]
#[case("POST", "/v1/policies/a+b/drills", 400, "Input.Bad")]
#[case("GET", "/v1/drills/d9", 404, "Input.NotFound")]
#[case("GET", "/v1/drills/x", 400, "Input.Bad")]
#[case("GET", "/v1/drills?limit=0", 400, "Input.Bad")]
#[case("GET", "/v1/drills?before=x", 400, "Input.Bad")]
#[case("GET", "/v1/drills?state=failed", 400, "Input.Bad")]
#[case("POST", "/v1/drills", 405, "Input.NoSuchMethod")]
#[case("DELETE", "/v1/drills/d1", 405, "Input.NoSuchMethod")]
#[tokio::test]
async fn refuses_in_words(#[case] method: &str, #[case] path: &str, #[case] status: u16, #[case] code: &str) {
    let api = api().await;
    api.call(request(method, path, Body::empty(), Some(ADA))).await.refused(status, code);
    assert_eq!(api.estate.executions.started().len(), 0);
}

#[rstest]
#[case("POST", RUN)]
#[case("GET", "/v1/drills")]
#[case("GET", "/v1/drills/d1")]
#[tokio::test]
async fn nobody_unknown_drills(#[case] method: &str, #[case] path: &str) {
    let api = api().await;
    api.call(request(method, path, Body::empty(), None)).await.refused(401, "Caller.Unknown");
}
