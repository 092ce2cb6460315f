//! What is told of recoveries is what `docs/events` says.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to end there and then"
)]

use std::collections::BTreeSet;

use cpm_domain::{
    message::Sender,
    name::OwnerName,
    recovery::{
        Answer, Approval, Purpose, Recovery, State,
        approval::Secret,
        plan::{RecoveryKind, Wanted},
        state_change::{RecoveryStateChange, VERSION},
    },
    state_change::Event,
};
use serde_json::{Value, json};

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events/recovery-state-change.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn recovery(state: State, kind: RecoveryKind, purpose: Purpose) -> Recovery {
    let record: Recovery = serde_json::from_value(json!({
        "id": "r17", "backup": 17, "policy": "db", "account": "main", "region": "us-east-1", "state": state,
        "plan": {"backup": 17, "rds": {}}, "asked_by": "arn:aws:iam::123456789012:user/ada",
        "checked": "2026-11-21T02:00:00Z", "started": "2026-11-21T02:00:08.25Z",
        "ended": state.is_ended().then_some("2026-11-21T02:03:41.5Z"), "version": 1
    }))
    .unwrap();
    let mut record = Recovery { purpose, ..record };
    record.plan.wanted = Wanted::new(kind);
    if kind != RecoveryKind::Volumes {
        record.plan.source = Some("orders".to_owned());
    }
    if kind == RecoveryKind::Rds {
        record.approval = Some(Approval::asked(record.started, Secret::new([7; 32])));
    }
    record
}

fn answered(approved: bool) -> Recovery {
    let mut record = recovery(State::WaitingForApproval, RecoveryKind::Rds, Purpose::Manual);
    let (by, at) = ("arn:aws:iam::123456789012:user/grace".to_owned(), "2026-11-21T03:00:00Z".parse().unwrap());
    record.take_answer(Answer { approved, by, at, reason: None });
    record
}

/// A recovery in every state, of every kind, for every purpose, with every answer.
fn recoveries() -> Vec<Recovery> {
    let scenario = Purpose::Scenario { run: "s1".into(), step: "db".into() };
    let mut all = vec![answered(true), answered(false)];
    for state in State::ALL {
        all.extend(RecoveryKind::ALL.map(|kind| recovery(state, kind, Purpose::Manual)));
        all.extend([Purpose::Drill(3), scenario.clone()].map(|purpose| recovery(state, RecoveryKind::Rds, purpose)));
    }
    all
}

fn event(before: Option<&Recovery>, after: Option<&Recovery>) -> Option<Value> {
    let (account, owner) = ("123456789012".parse().unwrap(), OwnerName::root());
    let sender = Sender { deployment: "cpm", account: &account, owner: &owner };
    let time = "2026-11-21T02:03:41Z".parse().unwrap();
    let change = Event::from(RecoveryStateChange::between(&sender, before, after, time)?);
    assert_eq!(change.detail_type(), "Recovery State Change");
    Some(serde_json::to_value(change).unwrap())
}

/// Every event that the code can make, up to names, numbers and times.
fn events() -> Vec<Value> {
    let records: Vec<Option<Recovery>> = recoveries().into_iter().map(Some).chain([None]).collect();
    let pairs = records.iter().flat_map(|before| records.iter().map(move |after| (before.as_ref(), after.as_ref())));
    pairs.filter_map(|(before, after)| event(before, after)).collect()
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn made(events: &[Value], field: &str) -> BTreeSet<String> {
    events.iter().filter_map(|event| event[field].as_str()).map(str::to_owned).collect()
}

#[test]
fn every_event_is_valid() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    let events = events();
    assert!(!events.is_empty());
    for event in &events {
        validator.validate(event).unwrap_or_else(|error| panic!("{error} at {}: {event}", error.instance_path()));
    }
    for (field, nonsense) in [
        ("state", json!("approved")),
        ("previous", json!("asked")),
        ("recovery", json!(17)),
        ("started", json!("yesterday")),
        ("approved", json!("yes")),
        ("errors", json!([17])),
        ("version", json!("2")),
    ] {
        let mut event = events[0].clone();
        event[field] = nonsense;
        assert!(!validator.is_valid(&event), "{event}");
    }
}

#[test]
fn the_schema_lists_the_fields_that_are_made_and_no_others() {
    let schema = schema();
    for event in events() {
        assert_eq!(keys(&event), keys(&schema["properties"]));
        assert_eq!(keys(&event), words(&schema["required"]));
    }
}

#[test]
fn the_schema_lists_the_words_that_are_made_and_no_others() {
    let (schema, events) = (schema(), events());
    let states = words(&schema["$defs"]["state"]["enum"]);
    assert_eq!(made(&events, "state"), states);
    assert_eq!(made(&events, "previous"), states);
    for field in ["kind", "purpose"] {
        assert_eq!(made(&events, field), words(&schema["properties"][field]["enum"]), "{field}");
    }
    assert_eq!(schema["properties"]["version"]["const"], VERSION);
}

#[test]
fn what_may_be_null_is_null_sometimes_and_nothing_else_is() {
    let (schema, events) = (schema(), events());
    for (field, shape) in schema["properties"].as_object().unwrap() {
        let may_be = shape.to_string().contains(r#""type":"null""#);
        let (null, given) = events.iter().partition::<Vec<_>, _>(|event| event[field].is_null());
        assert_eq!(!null.is_empty(), may_be, "{field}");
        assert!(!given.is_empty(), "{field}");
    }
}

/// What links are signed with, and the token of the state machine, leave the table for nobody.
#[test]
fn no_secret_is_told() {
    let mut record = recovery(State::Running, RecoveryKind::Rds, Purpose::Manual);
    record.approval.as_mut().unwrap().token = Some("the-token".to_owned());
    let told = event(None, Some(&record)).unwrap().to_string();
    assert!(!told.contains("0707") && !told.contains("the-token"), "{told}");
}

#[test]
fn what_leaves_the_state_as_it_is_is_not_told() {
    let running = recovery(State::Running, RecoveryKind::Rds, Purpose::Manual);
    let later = Recovery { works: 3, version: 2, ..running.clone() };
    assert_eq!(event(Some(&running), Some(&later)), None);
    assert_eq!(event(Some(&running), None), None);
}

#[test]
fn all_is_described_and_the_example_is_what_the_code_makes() {
    let schema = schema();
    for (field, shape) in schema["properties"].as_object().unwrap() {
        assert!(shape["description"].as_str().is_some_and(|words| words.ends_with('.')), "{field}");
    }
    let before = recovery(State::Running, RecoveryKind::Rds, Purpose::Manual);
    let after = recovery(State::Succeeded, RecoveryKind::Rds, Purpose::Manual);
    assert_eq!(schema["examples"], json!([event(Some(&before), Some(&after))]));
}
