//! What is told of recoveries.

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

use crate::schema::{assert_described, assert_fields, assert_nulls, assert_valid, made, read, words};

fn schema() -> Value {
    read("recovery-state-change")
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

#[test]
fn every_event_is_valid() {
    let nonsense = [
        ("state", json!("approved")),
        ("previous", json!("asked")),
        ("recovery", json!(17)),
        ("started", json!("yesterday")),
        ("approved", json!("yes")),
        ("errors", json!([17])),
        ("version", json!("2")),
    ];
    assert_valid(&schema(), &events(), nonsense);
}

#[test]
fn the_schema_lists_the_fields_that_are_made_and_no_others() {
    let schema = schema();
    for event in events() {
        assert_fields(&event, &schema);
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
    assert_nulls(&schema(), &events());
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
    assert_described(&schema);
    let before = recovery(State::Running, RecoveryKind::Rds, Purpose::Manual);
    let after = recovery(State::Succeeded, RecoveryKind::Rds, Purpose::Manual);
    assert_eq!(schema["examples"], json!([event(Some(&before), Some(&after))]));
}
