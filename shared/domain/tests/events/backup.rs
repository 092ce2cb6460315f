//! What is told of backups.

use cpm_domain::{
    backup::{Backup, Phase, Slot, Trigger},
    freezer::Frozen,
    id::BackupId,
    message::Sender,
    name::OwnerName,
    policy::{RetryRule, SuccessRule},
    state_change::{StateChange, VERSION},
    status::{Status, Tally},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::schema::{assert_described, assert_fields, assert_nulls, assert_valid, made, read, words};

const PHASES: [Phase; 5] = [Phase::Planned, Phase::Asked, Phase::Finished, Phase::Deleting, Phase::Deleted];
const ENDS: [Status; 3] = [Status::Successful, Status::PartiallySuccessful, Status::Failed];
const TRIGGERS: [Trigger; 3] = [Trigger::Schedule, Trigger::Manual, Trigger::Retry];

/// A phase or a trigger that is new must come into the lists above: without it here, this does not compile.
const fn _all_are_listed(phase: Phase, trigger: Trigger, status: Status) {
    match phase {
        Phase::Planned | Phase::Asked | Phase::Finished | Phase::Deleting | Phase::Deleted => {}
    }
    match trigger {
        Trigger::Schedule | Trigger::Manual | Trigger::Retry => {}
    }
    match status {
        Status::InProgress | Status::Successful | Status::PartiallySuccessful | Status::Failed => {}
    }
}

fn schema() -> Value {
    read("backup-state-change")
}

fn backup(phase: Phase, status: Status, trigger: Trigger) -> Backup {
    let ended = phase >= Phase::Finished;
    let due = (trigger != Trigger::Manual)
        .then(|| Slot { schedule: "nightly".parse().unwrap(), at: "2026-11-21T02:00:00Z".parse().unwrap() });
    Backup {
        id: BackupId(17),
        policy: "web".parse().unwrap(),
        account: "main".parse().unwrap(),
        phase,
        status,
        counts: status == Status::Successful,
        trigger,
        attempt: u32::from(trigger == Trigger::Retry),
        slot: due,
        started: "2026-11-21T02:00:08.25Z".parse().unwrap(),
        ended: ended.then(|| "2026-11-21T02:03:41.5Z".parse().unwrap()),
        frozen_ms: (status == Status::PartiallySuccessful).then_some(1_250),
        runs: 0,
        late: 0,
        frozen: None,
        max_frozen: None,
        success: SuccessRule::NoIssues,
        retry: RetryRule::default(),
        sets: 1,
        tally: Tally { open: 0, completed: 3, failed: 0, missing: 0, skipped: 1 },
        execution: "e".into(),
        wake: None,
        log: vec![],
    }
}

/// A backup in every phase and with every end.
fn backups() -> Vec<Backup> {
    let mut all = Vec::new();
    for trigger in TRIGGERS {
        for phase in PHASES {
            let statuses: &[Status] = if phase < Phase::Finished { &[Status::InProgress] } else { &ENDS };
            all.extend(statuses.iter().map(|status| backup(phase, *status, trigger)));
            if phase == Phase::Finished {
                let frozen = Frozen {
                    name: "before the move".parse().unwrap(),
                    description: None,
                    time: Timestamp::UNIX_EPOCH,
                };
                all.push(Backup { frozen: Some(frozen), ..backup(phase, Status::Successful, trigger) });
            }
        }
    }
    all
}

fn event(before: Option<&Backup>, after: Option<&Backup>) -> Option<Value> {
    let account = "123456789012".parse().unwrap();
    let sender = Sender { deployment: "cpm", account: &account, owner: &OwnerName::root() };
    let change = StateChange::between(&sender, before, after, "2026-11-21T02:03:41Z".parse().unwrap())?;
    Some(serde_json::to_value(change).unwrap())
}

/// Every event that the code can make, up to names, numbers and times.
fn events() -> Vec<Value> {
    let records: Vec<Option<Backup>> = backups().into_iter().map(Some).chain([None]).collect();
    let pairs = records.iter().flat_map(|before| records.iter().map(move |after| (before.as_ref(), after.as_ref())));
    pairs.filter_map(|(before, after)| event(before, after)).collect()
}

#[test]
fn every_event_is_valid() {
    // What it says is not said of everything.
    let nonsense = [
        ("state", json!("asked")),
        ("previous", json!("planned")),
        ("started", json!("yesterday")),
        ("slot", json!({"schedule": "nightly"})),
        ("units", json!({})),
        ("version", json!("2")),
    ];
    assert_valid(&schema(), &events(), nonsense);
}

#[test]
fn the_schema_lists_the_fields_that_are_made_and_no_others() {
    let schema = schema();
    let units = &schema["$defs"]["units"];
    let slot = &schema["$defs"]["slot"];
    for event in events() {
        for (object, shape) in [(&event, &schema), (&event["units"], units), (&event["slot"], slot)] {
            if !object.is_null() {
                assert_fields(object, shape);
            }
        }
    }
}

#[test]
fn the_schema_lists_the_words_that_are_made_and_no_others() {
    let (schema, events) = (schema(), events());
    let states = words(&schema["$defs"]["state"]["enum"]);
    assert_eq!(made(&events, "state"), states);
    assert_eq!(made(&events, "previous"), states);
    for field in ["status", "trigger"] {
        assert_eq!(made(&events, field), words(&schema["properties"][field]["enum"]), "{field}");
    }
    assert_eq!(schema["properties"]["version"]["const"], VERSION);
}

#[test]
fn what_may_be_null_is_null_sometimes_and_nothing_else_is() {
    assert_nulls(&schema(), &events());
}

#[test]
fn all_is_described_and_the_example_is_what_the_code_makes() {
    let schema = schema();
    for shape in [&schema, &schema["$defs"]["units"], &schema["$defs"]["slot"]] {
        assert_described(shape);
    }
    let before = backup(Phase::Asked, Status::InProgress, Trigger::Schedule);
    let after = backup(Phase::Finished, Status::Successful, Trigger::Schedule);
    assert_eq!(schema["examples"], json!([event(Some(&before), Some(&after))]));
}
