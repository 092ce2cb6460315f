use cpm_domain::{
    account::Account,
    alert::Category,
    audit::Event,
    backup::{Backup, Phase},
    id::{BackupId, UnitId},
    kind::Resource,
    script::{ScriptPhase, ScriptRun, ScriptState},
    unit::{UnitKind, UnitReport, UnitState},
};
use cpm_ports::{
    Alerts, AuditTrail, BackupQuery, Backups, Configuration, Due, LeaseOutcome, Leases, PolicyChange, ScriptRuns,
    Slots,
};

use super::*;
use crate::{When, at_once, sample, store_suite::samples};

fn store() -> FakeStore {
    FakeStore::new()
}

fn change(store: &FakeStore, changes: Vec<PolicyChange>) -> Result<(), StoreError> {
    let changes: Vec<_> = changes.into_iter().map(|change| (change, sample::event("test"))).collect();
    at_once(store.change(&sample::root(), &changes))
}

fn slot(policy: &str, seconds: i64) -> PolicyChange {
    PolicyChange::PutSlot {
        policy: policy.parse().unwrap(),
        schedule: "nightly".parse().unwrap(),
        next: Some(sample::start() + SignedDuration::from_secs(seconds)),
    }
}

fn pending(volume: &str, snapshot: &str) -> UnitReport {
    let volume = Resource::Volume(volume.parse().unwrap());
    UnitReport::pending(UnitKind::EbsSnapshot, UnitId::new(snapshot), volume)
}

fn set(number: u32) -> UnitSet {
    sample::set(number, "us-east-1", "i-00000001", &["vol-0000000a".parse().unwrap()])
}

#[test]
fn a_policy_is_made_once_and_replaced_only_while_it_is_there() {
    let store = store();
    let create = || vec![PolicyChange::CreatePolicy(sample::policy("web"))];
    assert!(matches!(
        change(&store, vec![PolicyChange::PutPolicy(sample::policy("web"))]),
        Err(StoreError::LostRace(_))
    ));
    change(&store, create()).unwrap();
    assert!(matches!(change(&store, create()), Err(StoreError::LostRace(_))));
    change(&store, vec![PolicyChange::PutPolicy(sample::policy("web"))]).unwrap();
}

#[test]
fn a_transaction_is_made_whole_and_those_before_it_stay() {
    let store = store();
    change(&store, vec![PolicyChange::CreatePolicy(sample::policy("web"))]).unwrap();
    let mut changes: Vec<_> =
        (0..60).map(|n| PolicyChange::PutAccount(sample::account(&format!("a{n:02}")))).collect();
    changes.push(PolicyChange::CreatePolicy(sample::policy("web")));
    assert!(matches!(change(&store, changes), Err(StoreError::LostRace(_))));
    let names = |accounts: Vec<Account>| accounts.iter().map(|account| account.name.to_string()).collect::<Vec<_>>();
    let accounts = names(at_once(store.accounts(&sample::root())).unwrap());
    assert_eq!((accounts.len(), accounts[49].as_str()), (50, "a49"));
}

#[test]
fn a_thing_changed_twice_ends_as_it_was_changed_last() {
    let store = store();
    let web = || sample::policy("web");
    change(&store, vec![PolicyChange::CreatePolicy(web()), PolicyChange::PutPolicy(web())]).unwrap();
    change(&store, vec![slot("web", 1), slot("web", 2)]).unwrap();
    let slots = at_once(store.slots(&sample::root(), &"web".parse().unwrap())).unwrap();
    assert_eq!(slots[0].1, Some(sample::start() + SignedDuration::from_secs(2)));
}

#[test]
fn due_things_come_in_order_and_in_pages() {
    let store = store();
    change(&store, vec![slot("b", 5), slot("a", 5), slot("c", 1), slot("later", 9)]).unwrap();
    let lease =
        cpm_ports::Lease { expires: sample::start() + SignedDuration::from_secs(5), ..sample::lease("b", "x", 1) };
    at_once(store.take(&sample::root(), &lease, None)).unwrap();
    let now = sample::start() + SignedDuration::from_secs(5);
    let due = |after| at_once(store.due(now, after, 2)).unwrap();
    let first = due(None);
    let second = due(first.last());
    let names: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|item| match &item.what {
            Due::Slot { policy, .. } => policy.to_string(),
            Due::Lease(lease) => format!("lease {}", lease.policy),
            Due::Drill { policy, schedule } => format!("drill {policy} {schedule}"),
            Due::Hold(hold) => format!("hold {}", hold.on),
            Due::Recovery(id) => id.to_string(),
        })
        .collect();
    assert_eq!(names, ["c", "a", "lease b", "b"]);
    assert!(due(second.last()).is_empty());
}

#[test]
fn a_slot_is_moved_on_by_one_only() {
    let store = store();
    change(&store, vec![slot("web", 0)]).unwrap();
    let advance = || {
        let (policy, schedule) = ("web".parse().unwrap(), "nightly".parse().unwrap());
        at_once(store.advance(&sample::root(), &policy, &schedule, sample::start(), None))
    };
    assert_eq!(advance(), Ok(()));
    assert!(matches!(advance(), Err(StoreError::LostRace(_))));
    assert!(at_once(store.due(sample::start(), None, 9)).unwrap().is_empty());
}

#[test]
fn a_lease_goes_from_hand_to_hand() {
    let store = store();
    let (root, one, other) = (sample::root(), sample::lease("web", "one", 1), sample::lease("web", "other", 2));
    let take = |lease, instead_of| at_once(store.take(&root, lease, instead_of)).unwrap();
    assert_eq!(take(&one, None), LeaseOutcome::Taken);
    assert_eq!(take(&one, None), LeaseOutcome::Taken);
    assert_eq!(take(&other, None), LeaseOutcome::Held(one.clone()));
    assert_eq!(take(&other, Some(&one)), LeaseOutcome::Taken);
    assert!(matches!(at_once(store.renew(&root, &one, sample::start())), Err(StoreError::LostRace(_))));
    at_once(store.release(&root, &one)).unwrap();
    assert_eq!(at_once(store.lease(&root, &one.policy)).unwrap(), Some(other.clone()));
    at_once(store.renew(&root, &other, sample::start())).unwrap();
    at_once(store.release(&root, &other)).unwrap();
    assert_eq!(at_once(store.lease(&root, &one.policy)).unwrap(), None);
}

#[test]
fn a_backup_written_again_stays_as_it_is() {
    let (store, root) = (store(), sample::root());
    at_once(store.create(&root, &sample::backup(1, "web"), &[set(1)], &[])).unwrap();
    at_once(store.put_set(&root, BackupId(1), &set(1))).unwrap();
    at_once(store.create(&root, &sample::backup(1, "other"), &[set(1), set(2)], &[])).unwrap();
    assert_eq!(at_once(store.backup(&root, BackupId(1))).unwrap().unwrap().policy.as_str(), "web");
    let versions: Vec<_> = at_once(store.sets(&root, BackupId(1))).unwrap().iter().map(|set| set.version).collect();
    assert_eq!(versions, [1]);
}

#[test]
fn sets_of_a_plan_that_was_cut_off_are_replaced() {
    let (store, root) = (store(), sample::root());
    store.faults.fail_call(1, When::Halfway);
    assert!(at_once(store.create(&root, &sample::backup(1, "web"), &[set(1), set(2)], &[])).is_err());
    assert_eq!(at_once(store.backup(&root, BackupId(1))).unwrap(), None);
    assert_eq!(store.every_set().len(), 2);
    at_once(store.create(&root, &sample::backup(1, "web"), &[set(1)], &[])).unwrap();
    assert_eq!(store.every_set().len(), 1);
}

#[test]
fn sets_that_somebody_worked_on_are_not_replaced() {
    let (store, root) = (store(), sample::root());
    store.faults.fail_call(1, When::Halfway);
    assert!(at_once(store.create(&root, &sample::backup(1, "web"), &[set(1)], &[])).is_err());
    at_once(store.put_set(&root, BackupId(1), &set(1))).unwrap();
    at_once(store.create(&root, &sample::backup(1, "web"), &[set(1)], &[])).unwrap();
    assert_eq!(store.every_set()[0].2.version, 1);
    assert_eq!(store.every_backup().len(), 1);
}

#[test]
fn runs_of_a_plan_that_was_cut_off_are_replaced_unless_somebody_worked_on_them() {
    let (store, root) = (store(), sample::root());
    let run = |phase| ScriptRun { state: ScriptState::Planned, ..samples::run(phase, 1) };
    let (before, after, complete) = (run(ScriptPhase::Before), run(ScriptPhase::After), run(ScriptPhase::Complete));
    store.faults.fail_call(1, When::Halfway);
    let first = [before.clone(), after.clone()];
    assert!(at_once(store.create(&root, &sample::backup(1, "web"), &[], &first)).is_err());
    at_once(store.put_run(&root, BackupId(1), &before)).unwrap();
    at_once(store.create(&root, &sample::backup(1, "web"), &[], &[before.clone(), complete.clone()])).unwrap();
    assert_eq!(at_once(store.runs(&root, BackupId(1))).unwrap(), [ScriptRun { version: 1, ..before }, complete]);
}

#[test]
fn numbers_are_never_given_twice() {
    let (store, root) = (store(), sample::root());
    let next = || at_once(store.next_id(&root)).unwrap().0;
    assert_eq!([next(), next()], [1, 2]);
    at_once(store.reserve_ids(&root, BackupId(17))).unwrap();
    at_once(store.reserve_ids(&root, BackupId(9))).unwrap();
    assert_eq!(next(), 18);
}

#[test]
fn phases_and_versions_guard_each_write() {
    let (store, root) = (store(), sample::root());
    let backup = sample::backup(1, "web");
    let put = |backup: &Backup, expected| at_once(store.put(&root, backup, expected));
    assert!(matches!(put(&backup, Phase::Planned), Err(StoreError::LostRace(_))), "never created");
    at_once(store.create(&root, &backup, &[set(1)], &[])).unwrap();
    put(&Backup { phase: Phase::Asked, ..backup.clone() }, Phase::Planned).unwrap();
    assert!(matches!(put(&backup, Phase::Planned), Err(StoreError::LostRace(_))));
    let put_set = |version| at_once(store.put_set(&root, BackupId(1), &UnitSet { version, ..set(1) }));
    put_set(0).unwrap();
    assert!(matches!(put_set(0), Err(StoreError::LostRace(_))));
    put_set(1).unwrap();
}

#[test]
fn a_set_is_found_by_its_key_snapshot_until_it_is_settled() {
    let (store, root) = (store(), sample::root());
    let mut set = set(1);
    set.take_in(&[pending("vol-0000000a", "snap-0000000b")], sample::start());
    set.take_in(&[pending("vol-0000000b", "snap-0000000a")], sample::start());
    at_once(store.create(&root, &sample::backup(1, "web"), std::slice::from_ref(&set), &[])).unwrap();
    let find = |region: &str, snapshot: &str| {
        at_once(store.set_with(&region.parse().unwrap(), &snapshot.parse().unwrap())).unwrap()
    };
    assert_eq!(find("us-east-1", "snap-0000000a").unwrap().1, BackupId(1));
    assert_eq!(find("us-east-1", "snap-0000000b"), None);
    assert_eq!(find("eu-west-1", "snap-0000000a"), None);
    set.units.iter_mut().for_each(|unit| unit.state = UnitState::Completed);
    at_once(store.put_set(&root, BackupId(1), &set)).unwrap();
    assert_eq!(find("us-east-1", "snap-0000000a"), None);
}

#[test]
fn lists_are_newest_first_and_in_pages() {
    let (store, root) = (store(), sample::root());
    for id in 1..=5 {
        let policy = if id == 3 { "other" } else { "web" };
        at_once(store.create(&root, &sample::backup(id, policy), &[], &[])).unwrap();
    }
    let list = |policy: Option<&str>, limit, before| {
        let query = BackupQuery { policy: policy.map(|p| p.parse().unwrap()), limit, before };
        let page = at_once(store.list(&root, &query)).unwrap();
        (page.backups.iter().map(|backup| backup.id.0).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(list(Some("web"), 3, None), (vec![5, 4, 2], Some(BackupId(2))));
    assert_eq!(list(Some("web"), 3, Some(BackupId(2))), (vec![1], None));
    assert_eq!(list(None, 5, None), (vec![5, 4, 3, 2, 1], None));
}

#[test]
fn only_what_is_deleted_is_removed_and_the_record_goes_last() {
    let (store, root) = (store(), sample::root());
    let backup = sample::generation(1, "web");
    at_once(store.create(&root, &backup, &[set(1)], &[])).unwrap();
    assert!(matches!(at_once(store.remove(&root, BackupId(1))), Err(StoreError::LostRace(_))));
    let deleting = Backup { phase: Phase::Deleting, ..backup };
    at_once(store.put(&root, &deleting, Phase::Finished)).unwrap();
    let listed = at_once(store.in_phase(&root, Phase::Deleting, None, 9)).unwrap();
    assert_eq!(listed, [deleting]);
    assert!(at_once(store.in_phase(&root, Phase::Deleting, Some(BackupId(1)), 9)).unwrap().is_empty());
    store.faults.fail_call(1, When::Halfway);
    assert!(at_once(store.remove(&root, BackupId(1))).is_err());
    assert_eq!((store.every_backup().len(), store.every_set().len()), (1, 0));
    at_once(store.remove(&root, BackupId(1))).unwrap();
    at_once(store.remove(&root, BackupId(1))).unwrap();
    assert!(store.every_backup().is_empty());
}

#[test]
fn an_alert_that_counts_no_more_is_refused() {
    let (store, root) = (store(), sample::root());
    let alert = sample::alert(Category::Backup, "web");
    at_once(store.put_alert(&root, &alert)).unwrap();
    assert!(matches!(at_once(store.put_alert(&root, &alert)), Err(StoreError::LostRace(_))));
    at_once(store.clear_alert(&root, Category::Backup, "web")).unwrap();
    at_once(store.clear_alert(&root, Category::Backup, "web")).unwrap();
    assert!(at_once(store.alerts(&root)).unwrap().is_empty());
}

#[test]
fn events_come_newest_first_with_the_rest_of_their_instant() {
    let (store, root) = (store(), sample::root());
    for (second, action) in [(1, "a"), (2, "b"), (2, "c"), (3, "d"), (3, "d")] {
        let event = Event { time: sample::start() + SignedDuration::from_secs(second), ..sample::event(action) };
        at_once(store.record(&root, &event)).unwrap();
    }
    let read = |before, limit| {
        let events = at_once(store.events(&root, before, limit)).unwrap();
        events.into_iter().map(|event| event.action).collect::<Vec<_>>()
    };
    assert_eq!(read(None, 1), ["d"], "an event written twice is one");
    assert_eq!(read(None, 2), ["d", "c", "b"]);
    assert_eq!(read(Some(sample::start() + SignedDuration::from_secs(2)), 9), ["a"]);
}

#[test]
fn an_item_too_large_for_dynamodb_is_refused() {
    let (store, root) = (store(), sample::root());
    let large = Backup { execution: "x".repeat(400_001), ..sample::backup(1, "web") };
    assert!(matches!(at_once(store.create(&root, &large, &[], &[])), Err(StoreError::Refused(_))));
}

#[test]
fn indexes_are_late_and_reads_by_key_are_not() {
    let clock = FakeClock::new();
    let store = FakeStore::with(Faults::new(), clock.clone());
    store.lag(SignedDuration::from_secs(2));
    at_once(store.create(&sample::root(), &sample::backup(1, "web"), &[], &[])).unwrap();
    let of_policy = BackupQuery { policy: Some("web".parse().unwrap()), limit: 9, before: None };
    let listed = |query: &BackupQuery| at_once(store.list(&sample::root(), query)).unwrap().backups.len();
    assert_eq!((listed(&of_policy), listed(&BackupQuery { limit: 9, ..BackupQuery::default() })), (0, 1));
    clock.advance(SignedDuration::from_secs(2));
    at_once(store.create(&sample::root(), &sample::backup(2, "web"), &[], &[])).unwrap();
    assert_eq!(listed(&of_policy), 1);
    clock.advance(SignedDuration::from_secs(2));
    assert_eq!(listed(&of_policy), 2);
}

#[test]
fn writes_and_reads_are_counted() {
    let store = store();
    at_once(store.next_id(&sample::root())).unwrap();
    at_once(store.policies(&sample::root())).unwrap();
    at_once(store.policies(&sample::root())).unwrap();
    at_once(store.beside().policies(&sample::root())).unwrap();
    assert_eq!((store.writes(), store.reads()), (1, 2));
}

/// What the table in DynamoDB keeps to as well.
mod suite {
    crate::store_suite!(async { crate::FakeStore::new() });
}

/// The same with calls that answer in any order.
mod suite_interleaved {
    crate::store_suite!(async {
        let faults = crate::Faults::new();
        faults.interleave(7);
        crate::FakeStore::with(faults, crate::FakeClock::new())
    });
}
