//! What is asked of EventBridge, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_eventbridge::Bus;
use cpm_domain::{
    aws::Refusal,
    message::Sender,
    name::OwnerName,
    state_change::{Event, StateChange},
};
use cpm_ports::EventBus;
use rstest::rstest;
use serde_json::{Value, json};

fn event(number: u64) -> Event {
    let backup = json!({
        "id": number, "policy": "web", "account": "main", "phase": "planned", "status": "in-progress", "counts": false,
        "trigger": "manual", "attempt": 0, "started": "2026-11-21T02:00:00.5Z", "success": "no-issues",
        "retry": {"count": 0}, "sets": 1, "execution": "e",
        "tally": {"open": 3, "completed": 0, "failed": 0, "missing": 0, "skipped": 0},
    });
    let backup = serde_json::from_value(backup).unwrap();
    let account = "123456789012".parse().unwrap();
    let sender = Sender { deployment: "cpm", account: &account, owner: &OwnerName::root() };
    let change = StateChange::between(&sender, None, Some(&backup), "2026-11-21T02:00:01Z".parse().unwrap());
    change.unwrap().into()
}

fn taken() -> Value {
    json!({"EventId": "e"})
}

fn untaken(code: &str) -> Value {
    json!({"ErrorCode": code, "ErrorMessage": "AWS's words"})
}

fn answer(entries: &[Value]) -> String {
    let failed = entries.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
    json!({"FailedEntryCount": failed, "Entries": entries}).to_string()
}

#[tokio::test]
async fn events_go_to_the_bus_in_order() {
    let script = Script::of([(200, answer(&[taken(), taken()]))]);
    Bus::new(&script.config(), "cpm").put(&[event(17), event(18)]).await.unwrap();
    let asked = &script.asked()[0];
    assert_eq!(asked.target, "AWSEvents.PutEvents");
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let entries = body["Entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    for (entry, number) in entries.iter().zip([17, 18]) {
        assert_eq!((&entry["EventBusName"], &entry["Source"]), (&"cpm".into(), &"cpm".into()));
        assert_eq!((&entry["DetailType"], &entry["Time"]), (&"Backup State Change".into(), &1_795_226_401.into()));
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(detail, serde_json::to_value(event(number)).unwrap());
    }
}

#[test]
fn the_longest_event_is_far_below_the_limit_of_eventbridge() {
    // 256 KiB an entry; names have at most 64 characters and all else is of fixed size.
    let detail = serde_json::to_string(&event(u64::MAX)).unwrap();
    assert!(detail.len() < 2048, "{} bytes", detail.len());
}

#[rstest]
#[case("ThrottlingException", Refusal::Throttled)]
#[case("InternalFailure", Refusal::Unknown)]
#[case("InternalException", Refusal::Unknown)]
#[case("AccessDeniedException", Refusal::Denied)]
#[case("NotAuthorizedForSourceException", Refusal::Denied)]
#[case("MalformedDetail", Refusal::Invalid)]
#[tokio::test]
async fn an_answer_of_200_may_say_that_one_was_not_taken(#[case] code: &str, #[case] refusal: Refusal) {
    let script = Script::of([(200, answer(&[taken(), untaken(code), taken(), untaken("Other")]))]);
    let events: Vec<_> = (1..=4).map(event).collect();
    let untaken = Bus::new(&script.config(), "cpm").put(&events).await.unwrap_err();
    assert_eq!(untaken.event, 1);
    let error = untaken.error;
    assert_eq!((error.refusal, error.code.as_str(), error.message.as_str()), (refusal, code, "AWS's words"));
    assert_eq!(error.action, "events:PutEvents");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn a_count_without_a_reason_is_no_success() {
    let script = Script::of([(200, json!({"FailedEntryCount": 1, "Entries": []}).to_string())]);
    let untaken = Bus::new(&script.config(), "cpm").put(&[event(1)]).await.unwrap_err();
    assert_eq!((untaken.event, untaken.error.refusal), (0, Refusal::Unknown));
}

#[rstest]
#[case(400, "AccessDeniedException", Refusal::Denied)]
#[case(400, "ThrottlingException", Refusal::Throttled)]
#[case(400, "ValidationException", Refusal::Invalid)]
#[case(400, "ResourceNotFoundException", Refusal::NotFound)]
#[case(500, "InternalException", Refusal::Unknown)]
#[tokio::test]
async fn a_refusal_is_told_once(#[case] status: u16, #[case] code: &str, #[case] refusal: Refusal) {
    let words = json!({"__type": code, "message": "AWS's words"}).to_string();
    let script = Script::of([(status, words), (200, answer(&[taken()]))]);
    let untaken = Bus::new(&script.config(), "cpm").put(&[event(1)]).await.unwrap_err();
    assert_eq!((untaken.event, untaken.error.refusal, untaken.error.code.as_str()), (0, refusal, code));
    assert_eq!(script.asked().len(), 1);
}
