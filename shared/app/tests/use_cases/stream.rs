//! What the table's stream brings is told, in order, and never lost.

use cpm_app::stream::{Change, Item, Notifier, Record, Untold};
use cpm_domain::{
    alert::Category,
    aws::{AwsError, Refusal},
    backup::{Backup, Phase},
    id::BackupId,
    state_change::State,
};
use cpm_fakes::{DEPLOYMENT, Estate, OWN_ACCOUNT, When, at_once, sample};

fn tell(estate: &Estate, records: &[Record]) -> Result<(), Untold> {
    let account = OWN_ACCOUNT.parse().unwrap();
    let Estate { publisher, bus, .. } = estate;
    let approvals = Some("https://cpm.example/approval");
    let notifier = Notifier { publisher, bus, deployment: DEPLOYMENT, account: &account, approvals };
    at_once(notifier.tell(records))
}

/// As Lambda does: comes back to the record that was not told, and tells from there.
fn tell_all(estate: &Estate, records: &[Record]) {
    let mut rest = records;
    for _ in 0..10 {
        match tell(estate, rest) {
            Ok(()) => return,
            Err(untold) => rest = &rest[untold.record..],
        }
    }
    panic!("not told after ten attempts: {rest:?}");
}

fn alert(subject: &str) -> Record {
    let after = Some(Box::new(sample::alert(Category::Backup, subject)));
    Record { owner: sample::root(), item: Item::Alert(Change { before: None, after, time: sample::start() }) }
}

fn record(before: Option<Backup>, after: Option<Backup>) -> Record {
    let (before, after) = (before.map(Box::new), after.map(Box::new));
    Record { owner: sample::root(), item: Item::Backup(Change { before, after, time: sample::start() }) }
}

fn started(id: u64) -> Record {
    record(None, Some(sample::backup(id, "web")))
}

fn asked(id: u64) -> Record {
    let before = sample::backup(id, "web");
    record(Some(before.clone()), Some(Backup { phase: Phase::Asked, ..before }))
}

fn woken(id: u64) -> Record {
    let before = Backup { phase: Phase::Asked, ..sample::backup(id, "web") };
    record(Some(before.clone()), Some(Backup { wake: Some("token".into()), ..before }))
}

fn ended(id: u64) -> Record {
    record(Some(Backup { phase: Phase::Asked, ..sample::backup(id, "web") }), Some(sample::generation(id, "web")))
}

fn taken(estate: &Estate) -> Vec<(u64, State)> {
    estate.bus.taken().iter().map(|event| (event.backup.0, event.state)).collect()
}

fn subjects(estate: &Estate) -> usize {
    estate.publisher.published().len()
}

fn denied() -> AwsError {
    let (action, code) = ("sns:Publish".to_owned(), "AuthorizationError".to_owned());
    AwsError { refusal: Refusal::Denied, action, code, message: String::new() }
}

#[test]
fn each_kind_goes_its_way() {
    let estate = Estate::new();
    tell(&estate, &[started(1), alert("web"), asked(1), woken(1), ended(1)]).unwrap();
    assert_eq!(taken(&estate), [(1, State::Started), (1, State::SnapshotsStarted), (1, State::Successful)]);
    assert_eq!(subjects(&estate), 1);
    let event = &estate.bus.taken()[2];
    assert_eq!((event.deployment.as_str(), event.account.as_str()), (DEPLOYMENT, OWN_ACCOUNT));
    assert_eq!((&event.owner, event.time), (&sample::root(), sample::start()));
}

#[test]
fn events_of_different_backups_share_a_call() {
    let estate = Estate::new();
    tell(&estate, &(1..=10).map(started).collect::<Vec<_>>()).unwrap();
    assert_eq!(estate.faults.count("events:PutEvents"), 1);
    tell(&estate, &[started(11), asked(11), started(12)]).unwrap();
    assert_eq!(estate.faults.count("events:PutEvents"), 3);
}

#[test]
fn what_changes_no_state_costs_no_call() {
    let estate = Estate::new();
    tell(&estate, &[woken(1)]).unwrap();
    assert!(estate.faults.calls().is_empty());
}

#[test]
fn the_stream_comes_back_to_the_event_that_was_not_taken() {
    let estate = Estate::new();
    let records = [alert("a"), woken(9), started(1), started(2), alert("b"), started(3), asked(2), asked(1)];
    estate.bus.refuse_next(BackupId(2));
    let untold = tell(&estate, &records).unwrap_err();
    assert_eq!((untold.record, untold.error.refusal), (3, Refusal::Throttled));
    // The alert after it waits: told now, it would be told again.
    assert_eq!(subjects(&estate), 1);
    tell(&estate, &records[untold.record..]).unwrap();
    assert_eq!(subjects(&estate), 2);
    let of = |id| {
        taken(&estate).into_iter().filter(|(backup, _)| *backup == id).map(|(_, state)| state).collect::<Vec<_>>()
    };
    assert_eq!(of(1), [State::Started, State::SnapshotsStarted]);
    assert_eq!(of(2), [State::Started, State::SnapshotsStarted]);
}

#[test]
fn the_stream_comes_back_to_the_alert_that_was_not_published() {
    let estate = Estate::new();
    estate.faults.refuse_next("sns:Publish", 1, &denied());
    let untold = tell(&estate, &[started(1), alert("a"), started(2)]).unwrap_err();
    assert_eq!((untold.record, untold.error), (1, denied()));
}

#[test]
fn nothing_is_lost_whichever_call_fails() {
    let records =
        [started(1), alert("a"), started(2), asked(1), alert("b"), asked(2), ended(1), alert("c"), started(3)];
    for when in When::ALL {
        for call in 1..=6 {
            let estate = Estate::new();
            estate.faults.fail_call(call, when);
            tell_all(&estate, &records);
            assert!(subjects(&estate) >= 3, "call {call} {when:?}");
            for (id, states) in [
                (1, vec![State::Started, State::SnapshotsStarted, State::Successful]),
                (2, vec![State::Started, State::SnapshotsStarted]),
                (3, vec![State::Started]),
            ] {
                let mut told: Vec<State> =
                    taken(&estate).into_iter().filter(|(backup, _)| *backup == id).map(|(_, state)| state).collect();
                assert!(told.ends_with(&states[states.len() - 1..]), "call {call} {when:?}: {told:?}");
                told.dedup();
                assert!(states.iter().all(|state| told.contains(state)), "call {call} {when:?}: {told:?}");
            }
        }
    }
}
