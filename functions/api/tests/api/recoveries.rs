//! Recoveries: their routes with good and bad input.

use axum::body::Body;
use cpm_app::recovery::approval::Approvals;
use cpm_contracts::recovery::StartRecovery;
use cpm_domain::{
    id::BackupId,
    origin::ImageOrigin,
    recovery::{
        Recovery, RecoveryId, State,
        approval::Link,
        image::{ImageMatch, ImagesFound},
        plan::PlanProblem,
    },
    unit::{Unit, UnitState},
};
use cpm_fakes::{Estate, Whom, at_once, sample};
use cpm_ports::{Backups, Machine, Recoveries};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{ADA, Api, document, request};

const BEN: &str = "arn:aws:iam::111111111111:user/ben";

/// With backup 17 of `web`: a volume.
async fn api() -> Api {
    let api = Api::new().await;
    let id = "vol-0123456789abcdef1".parse().unwrap();
    let mut set = sample::set(1, "eu-west-1", &id, std::slice::from_ref(&id));
    let id = Some("snap-0123456789abcdef1".parse().unwrap());
    set.units[0] = Unit { id, state: UnitState::Completed, ..set.units[0].clone() };
    let backup = sample::generation(17, "web");
    at_once(api.estate.store.create(&sample::root(), &backup, &[set], &[])).unwrap();
    api
}

fn plan() -> Value {
    json!({"plan": {"backup": 17, "volumes": {}}})
}

#[tokio::test]
async fn the_panel() {
    let api = api().await;
    api.send("POST", "/v1/recoveries", &plan()).await;
    let panel = api.get("/v1/backups/17/recovery").await;
    let unit = json!({"kind": "ebs-snapshot", "id": "snap-0123456789abcdef1", "state": "completed",
        "source": "vol-0123456789abcdef1", "device": null, "size": null});
    let source = json!({"kind": "volume", "id": "vol-0123456789abcdef1", "name": null, "region": "eu-west-1",
        "recover": ["volumes"], "units": [unit], "origin": null});
    assert_eq!((panel.status, &panel.body["sources"]), (200, &json!([source])));
    assert_eq!((&panel.body["policy"], &panel.body["recoveries"][0]["id"]), (&json!("web"), &json!("r1")));
}

#[tokio::test]
async fn a_plan_with_its_defaults_and_problems() {
    let api = api().await;
    let problem = PlanProblem {
        field: "volumes.volumes[0].size".into(),
        message: "4 GiB is less than the snapshot's 8 GiB".into(),
        advice: "write 8 or more".into(),
    };
    api.estate.planner.finds(std::slice::from_ref(&problem), &["worth knowing"]);
    let writes = api.estate.store.writes();
    let checked = api.send("POST", "/v1/recoveries/plan", &plan()).await;
    let whole = json!({"backup": 17, "region": "us-east-1", "on_failure": "keep", "volumes": {}});
    let problems = json!([{"field": "volumes.volumes[0].size", "message": "4 GiB is less than the snapshot's 8 GiB",
        "advice": "write 8 or more"}]);
    let expected = json!({"plan": whole, "problems": problems, "warnings": ["worth knowing"]});
    assert_eq!((checked.status, &checked.body), (200, &expected));

    let refused = api.send("POST", "/v1/recoveries", &plan()).await;
    refused.refused(422, "Input.Bad");
    let problems = json!([{"path": "volumes.volumes[0].size", "message": "4 GiB is less than the snapshot's 8 GiB",
        "help": "write 8 or more"}]);
    assert_eq!(refused.body["problems"], problems);
    assert_eq!((api.estate.store.writes(), api.estate.executions.started().len()), (writes, 0));
}

#[tokio::test]
async fn starts_one_as_whoever_asked() {
    let api = api().await;
    let started = api.send("POST", "/v1/recoveries", &plan()).await;
    assert_eq!((started.status, &started.body["id"], &started.body["state"]), (202, &json!("r1"), &json!("running")));
    assert_eq!((&started.body["asked_by"], &started.body["kind"]), (&json!(ADA), &json!("volumes")));
    let execution = &api.estate.executions.started()[0];
    let input: StartRecovery = serde_json::from_str(&execution.input).unwrap();
    assert_eq!((execution.machine, input.recovery), (Machine::Recovery, RecoveryId(1)));
    let event = api.newest_event().await;
    assert_eq!(
        (&event["action"], &event["subject"], &event["actor"]),
        (&json!("recovery.run"), &json!("r1"), &json!(ADA))
    );
    assert_eq!(api.get("/v1/recoveries/r1").await.body, started.body);
    assert_eq!(api.get("/v1/recoveries/1").await.body, started.body);
    let list = api.get("/v1/recoveries?policy=web&limit=1").await.body;
    assert_eq!((&list["recoveries"][0]["id"], &list["recoveries"][0]["log"]), (&json!("r1"), &json!([])));
    assert_eq!(list["next"], Value::Null);
    assert_eq!(api.get("/v1/recoveries?before=r1").await.body["recoveries"], json!([]));
}

/// With a recovery that waits, whose execution has left its token.
async fn waiting() -> Api {
    let api = api().await;
    let mut document = document();
    document["policies"][0]["recovery"] = json!({"approval": true});
    assert_eq!(api.send("POST", "/v1/apply", &json!({"document": document})).await.status, 200);
    let started = api.send("POST", "/v1/recoveries", &plan()).await;
    assert_eq!((started.status, &started.body["state"]), (202, &json!("waiting-for-approval")));
    assert!(!started.body.to_string().contains("secret"), "{started:?}");
    let Estate { store, executions, clock, .. } = &api.estate.beside();
    let approvals = Approvals { store, executions, clock };
    approvals.ask(&sample::root(), RecoveryId(1), "token").await.unwrap();
    api.estate.executions.wait_with("token");
    api
}

fn recovery(api: &Api) -> Recovery {
    at_once(api.estate.beside().store.recovery(&sample::root(), RecoveryId(1))).unwrap().unwrap()
}

/// The link in the message.
fn link(api: &Api) -> String {
    Link::new(&sample::root(), &recovery(api)).unwrap().url("/approve")
}

#[tokio::test]
async fn the_answer_is_somebody_elses() {
    let api = waiting().await;
    let path = "/v1/recoveries/r1/answer";
    let said = api.send("POST", path, &json!({"approved": true})).await.refused(409, "Input.Conflict");
    assert!(said.contains("cannot be the one who says yes or no"), "{said}");
    let body = json!({"approved": true, "reason": "change 4711"}).to_string();
    let answered = api.call(request("POST", path, Body::from(body), Some(BEN))).await;
    assert_eq!((answered.status, &answered.body["answer"]["by"]), (200, &json!(BEN)));
    assert_eq!(api.estate.executions.woken(), ["token"]);
    let event = api.newest_event().await;
    assert_eq!((&event["action"], &event["actor"]), (&json!("recovery.approve"), &json!(BEN)));
}

#[tokio::test]
async fn a_link_shows_a_page_and_its_form_answers_once() {
    let api = waiting().await;
    let link = link(&api);
    let before = api.estate.store.writes();
    let page = api.page("GET", &link, "").await;
    assert_eq!((page.status, page.kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("Recovery r1: yes or no?") && page.text.contains(ADA), "{page:?}");
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{page:?}");
    assert_eq!(api.estate.store.writes(), before, "mail scanners open links");

    let page = api.page("POST", &link, "reason=change+4711&answer=yes").await;
    assert!(page.status == 200 && page.text.contains("Recovery r1 is approved"), "{page:?}");
    let answer = recovery(&api).approval.unwrap().answer.unwrap();
    assert_eq!((answer.approved, answer.by.as_str()), (true, "link from 192.0.2.1"));
    assert_eq!((answer.reason.as_deref(), api.estate.executions.woken().len()), (Some("change 4711"), 1));
    for (method, form) in [("GET", ""), ("POST", "answer=yes"), ("POST", "answer=no")] {
        let page = api.page(method, &link, form).await;
        assert!(page.status == 409 && page.text.contains("No answer was taken"), "{page:?}");
    }
    assert!(recovery(&api).approval.unwrap().answer.unwrap().approved);
}

#[tokio::test]
async fn a_no_by_a_link_ends_it() {
    let api = waiting().await;
    let page = api.page("POST", &link(&api), "answer=no&reason=").await;
    assert!(page.status == 200 && page.text.contains("Recovery r1 is refused"), "{page:?}");
    assert_eq!(recovery(&api).state, State::Failed);
}

#[rstest]
#[case("POST", "", "answer=perhaps", 400, "neither a yes nor a no")]
#[case("POST", "", "", 400, "neither a yes nor a no")]
#[case("GET", "&more=1", "", 200, "yes or no?")]
#[case("GET", "0", "", 400, "altered on its way")]
#[case("POST", "0", "answer=yes", 400, "altered on its way")]
#[tokio::test]
async fn what_is_no_answer_is_none(
    #[case] method: &str,
    #[case] end: &str,
    #[case] form: &str,
    #[case] status: u16,
    #[case] said: &str,
) {
    let api = waiting().await;
    let page = api.page(method, &format!("{}{end}", link(&api)), form).await;
    assert!(page.status == status && page.text.contains(said), "{page:?}");
    assert!(recovery(&api).approval.unwrap().answer.is_none());
}

#[rstest]
#[case("/approve")]
#[case("/approve?owner=root&recovery=r1&expires=soon&signature=x")]
#[case("/approve?owner=root&recovery=r9&expires=1&signature=00")]
#[tokio::test]
async fn strangers_learn_nothing(#[case] path: &str) {
    let api = waiting().await;
    let page = api.page("GET", path, "").await;
    assert!(page.status == 400 && page.text.contains("No answer was taken"), "{page:?}");
    assert!(!page.text.contains("r1") && !page.text.contains(ADA), "{page:?}");
}

#[tokio::test]
async fn what_is_wrong_inside_is_nothing_for_strangers() {
    let api = waiting().await;
    let link = link(&api);
    api.estate.faults.throttle_next("store:recovery", 1);
    let page = api.page("GET", &link, "").await;
    assert!(page.status == 503 && page.text.contains("try again in a minute"), "{page:?}");
}

#[tokio::test]
async fn images_like_the_original_one() {
    let api = api().await;
    let image = ImageOrigin { id: "ami-1".into(), known: true, ..ImageOrigin::default() };
    let alike = ImageMatch { image: image.clone(), reasons: vec!["the same name".into()], differences: vec![] };
    let region = "eu-west-1".parse().unwrap();
    api.estate.planner.has_images(ImagesFound { original: image, region, images: vec![alike] });
    let found =
        api.send("POST", "/v1/images/like", &json!({"backup": 17, "region": "eu-west-1", "fuzzy": true})).await;
    assert_eq!((found.status, &found.body["images"][0]["reasons"]), (200, &json!(["the same name"])));
    let asked = &api.estate.planner.looked_for()[0];
    assert_eq!((asked.backup, asked.fuzzy), (BackupId(17), true));
}

#[rstest]
#[case("GET", "/v1/backups/18/recovery", 404, "Input.NotFound")]
#[case("GET", "/v1/backups/x/recovery", 400, "Input.Bad")]
#[case("GET", "/v1/recoveries/r9", 404, "Input.NotFound")]
#[case("GET", "/v1/recoveries/x", 400, "Input.Bad")]
#[case("GET", "/v1/recoveries?policy=a+b", 400, "Input.Bad")]
#[case("GET", "/v1/recoveries?limit=0", 400, "Input.Bad")]
#[case("GET", "/v1/recoveries?before=x", 400, "Input.Bad")]
#[case("GET", "/v1/recoveries?backup=17", 400, "Input.Bad")]
#[case("GET", "/v1/images/like", 405, "Input.NoSuchMethod")]
#[case("DELETE", "/v1/recoveries/r1", 405, "Input.NoSuchMethod")]
#[tokio::test]
async fn refuses_in_words(#[case] method: &str, #[case] path: &str, #[case] status: u16, #[case] code: &str) {
    let api = api().await;
    api.call(request(method, path, Body::empty(), Some(ADA))).await.refused(status, code);
}

#[rstest]
#[case("/v1/recoveries", json!({}), 400, "missing field `plan`")]
#[case("/v1/recoveries", json!({"plan": {"backup": 17}}), 400, "0 of `instance`")]
#[case("/v1/recoveries", json!({"plan": {"backup": 17, "volumes": {}, "rds": {}}}), 400, "2 of `instance`")]
#[case("/v1/recoveries", json!({"plan": {"backup": 17, "volumes": {"volume": []}}}), 400, "unknown field `volume`")]
#[case("/v1/recoveries", json!({"plan": {"backup": 17, "volumes": {}}, "yes": true}), 400, "unknown field `yes`")]
#[case("/v1/recoveries", json!({"plan": {"backup": 18, "volumes": {}}}), 404, "there is no backup `18`")]
#[case("/v1/recoveries/plan", json!({"plan": {"backup": 18, "volumes": {}}}), 404, "there is no backup `18`")]
#[case("/v1/recoveries/r9/answer", json!({"approved": true}), 404, "there is no recovery `r9`")]
#[case("/v1/recoveries/r1/answer", json!({}), 400, "missing field `approved`")]
#[case("/v1/recoveries/r1/answer", json!({"approved": "yes"}), 400, "invalid type")]
#[case("/v1/images/like", json!({}), 400, "missing field `backup`")]
#[case("/v1/images/like", json!({"backup": 18}), 404, "there is no backup `18`")]
#[case("/v1/images/like", json!({"backup": 17, "account": "prod"}), 404, "there is no account `prod`")]
#[tokio::test]
async fn refuses_bodies_in_words(#[case] path: &str, #[case] body: Value, #[case] status: u16, #[case] detail: &str) {
    let api = api().await;
    let writes = api.estate.store.writes();
    let answer = api.send("POST", path, &body).await;
    let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
    assert!(answer.refused(status, &code).contains(detail), "{answer:?}");
    assert_eq!((api.estate.store.writes(), api.estate.executions.started().len()), (writes, 0));
}

#[tokio::test]
async fn nobody_unknown_recovers() {
    let api = api().await;
    let routes = [
        ("GET", "/v1/backups/17/recovery"),
        ("POST", "/v1/recoveries/plan"),
        ("POST", "/v1/recoveries"),
        ("GET", "/v1/recoveries"),
        ("GET", "/v1/recoveries/r1"),
        ("POST", "/v1/recoveries/r1/answer"),
        ("POST", "/v1/images/like"),
    ];
    for (method, path) in routes {
        api.call(request(method, path, Body::from("{}"), None)).await.refused(401, "Caller.Unknown");
    }
}

#[tokio::test]
async fn the_planner_does_not_answer() {
    let api = api().await;
    api.estate.faults.throttle_next("lambda:InvokeFunction", 1);
    api.send("POST", "/v1/recoveries/plan", &plan()).await.refused(503, "Aws.Unavailable");
    api.estate.faults.deny("lambda:InvokeFunction", Whom::anybody());
    api.send("POST", "/v1/recoveries/plan", &plan()).await.refused(502, "Aws.Refused");
}

#[tokio::test]
async fn a_policy_shows_its_last_recovery() {
    let api = api().await;
    assert_eq!(api.get("/v1/policies/web").await.body["last_recovery"], Value::Null);
    let started = api.send("POST", "/v1/recoveries", &plan()).await.body["started"].clone();
    let last =
        json!({"id": "r1", "kind": "volumes", "backup": 17, "state": "running", "started": started, "ended": null});
    assert_eq!(api.get("/v1/policies/web").await.body["last_recovery"], last);
}
