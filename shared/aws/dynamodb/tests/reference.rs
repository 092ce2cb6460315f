//! The table answers every sequence of calls as the store in memory does, which the use cases are tested with.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and so do the functions they share"
)]

mod emulator;

use cpm_domain::{
    alert::Category,
    backup::{Backup, Level, LogLine, Phase},
    freezer::Afterwards,
    id::BackupId,
    kind::Kind,
    recovery::{Recovery, RecoveryId, work::Work},
    script::{ScriptPhase, ScriptRun},
    unit::UnitState,
};
use cpm_fakes::{
    FakeStore,
    store_suite::samples::{
        alert, at, backup, entry, event, lease, line, origin, policy, policy_name, recovery, region, root, run, scan,
        schedule_name, set, target, work,
    },
};
use cpm_ports::{BackupQuery, PolicyChange, RecoveryQuery, Store, StoreError};
use proptest::{collection::vec, option, prelude::*, sample::select};

const POLICIES: [&str; 2] = ["web", "web-2"];
const SCHEDULES: [&str; 2] = ["nightly", "LEASE"];
const NAMES: [&str; 3] = ["good", "Good", "Before 12.4"];
const HOLDERS: [&str; 3] = ["a", "b", "c"];
const PHASES: [Phase; 5] = [Phase::Planned, Phase::Asked, Phase::Finished, Phase::Deleting, Phase::Deleted];
const SNAPSHOTS: [&str; 2] = ["snap-0000000a", "snap-0000000b"];
const RESOURCES: [&str; 2] = ["i-0000000a", "vol-0000000a"];

type Name = &'static str;

/// One call, or a question asked to its end.
#[derive(Debug, Clone)]
enum Call {
    Change(Vec<Change>),
    Due { now: i64, part: usize },
    Advance(Name, Name, i64, Option<i64>),
    Take(Name, Name, Option<Name>, i64),
    Renew(Name, Name, i64),
    Release(Name, Name),
    NextId,
    Reserve(u64),
    Create(u64, Phase, u32, u32),
    PutRun(u64, ScriptPhase, u32, u64),
    Put(u64, Phase, Phase),
    PutSet { id: u64, number: u32, version: u64, snapshot: Option<Name>, settled: bool },
    AddSet(u64, u32, Option<Name>),
    SetWith(Name),
    List { policy: Option<Name>, part: usize },
    InPhase(bool, Option<u64>, usize),
    Remove(u64),
    Freeze(u64, Name),
    Unfreeze(u64, Name, Afterwards),
    PutAlert(Name, u32),
    ClearAlert(Name),
    Record(Name),
    Events(Option<i64>, usize),
    PutScan(Name),
    PutLines(Name, Name, usize),
    Recovery(Recovering),
    Look(Name),
}

#[derive(Debug, Clone)]
enum Recovering {
    PutOrigins(u64, Vec<(usize, Name)>),
    Next,
    Put(u64, u64),
    AddWorks(u64, Vec<u32>),
    PutWork(u64, u32, u64),
    List(Option<Name>, usize),
}

#[derive(Debug, Clone)]
enum Change {
    Create(Name),
    Put(Name),
    Remove(Name),
    PutTarget(Name, Name),
    RemoveTarget(Name, Name),
    PutSlot(Name, Name, Option<i64>),
    RemoveSlot(Name, Name),
}

fn policies() -> impl Strategy<Value = Name> {
    select(&POLICIES)
}

fn change() -> impl Strategy<Value = Change> {
    let resource = || select(&RESOURCES);
    let slot = || (policies(), select(&SCHEDULES));
    prop_oneof![
        policies().prop_map(Change::Create),
        policies().prop_map(Change::Put),
        policies().prop_map(Change::Remove),
        (policies(), resource()).prop_map(|(policy, id)| Change::PutTarget(policy, id)),
        (policies(), resource()).prop_map(|(policy, id)| Change::RemoveTarget(policy, id)),
        (slot(), option::of(0..4_i64)).prop_map(|((policy, schedule), next)| Change::PutSlot(policy, schedule, next)),
        slot().prop_map(|(policy, schedule)| Change::RemoveSlot(policy, schedule)),
    ]
}

fn due_and_held() -> impl Strategy<Value = Call> {
    let (holder, second) = (|| select(&HOLDERS), || 0..4_i64);
    prop_oneof![
        2 => (second(), 1..4_usize).prop_map(|(now, part)| Call::Due { now, part }),
        2 => (policies(), select(&SCHEDULES), second(), option::of(second()))
            .prop_map(|(policy, schedule, at, next)| Call::Advance(policy, schedule, at, next)),
        2 => (policies(), holder(), option::of(holder()), second())
            .prop_map(|(policy, holder, instead, expires)| Call::Take(policy, holder, instead, expires)),
        1 => (policies(), holder(), second()).prop_map(|(policy, holder, expires)| Call::Renew(policy, holder, expires)),
        1 => (policies(), holder()).prop_map(|(policy, holder)| Call::Release(policy, holder)),
    ]
}

fn backed_up() -> impl Strategy<Value = Call> {
    let (id, phase) = (|| 1..4_u64, || select(&PHASES));
    prop_oneof![
        1 => Just(Call::NextId),
        1 => (0..6_u64).prop_map(Call::Reserve),
        3 => (id(), phase(), 0..3_u32, 0..3_u32)
            .prop_map(|(id, phase, sets, runs)| Call::Create(id, phase, sets, runs)),
        2 => (id(), select(&ScriptPhase::ALL), 1..3_u32, 0..2_u64)
            .prop_map(|(id, phase, number, version)| Call::PutRun(id, phase, number, version)),
        3 => (id(), phase(), phase()).prop_map(|(id, from, to)| Call::Put(id, from, to)),
        4 => (id(), 1..3_u32, 0..3_u64, option::of(select(&SNAPSHOTS)), any::<bool>()).prop_map(
            |(id, number, version, snapshot, settled)| Call::PutSet { id, number, version, snapshot, settled }
        ),
        1 => (id(), 1..4_u32, option::of(select(&SNAPSHOTS)))
            .prop_map(|(id, number, snapshot)| Call::AddSet(id, number, snapshot)),
        2 => select(&SNAPSHOTS).prop_map(Call::SetWith),
        2 => (option::of(policies()), 1..4_usize).prop_map(|(policy, part)| Call::List { policy, part }),
        2 => (any::<bool>(), option::of(id()), 1..4_usize).prop_map(|(gone, after, part)| Call::InPhase(gone, after, part)),
        1 => id().prop_map(Call::Remove),
        3 => (id(), select(&NAMES)).prop_map(|(id, name)| Call::Freeze(id, name)),
        2 => (id(), select(&NAMES), select(&[Afterwards::Retention, Afterwards::Deletion]))
            .prop_map(|(id, name, afterwards)| Call::Unfreeze(id, name, afterwards)),
    ]
}

fn told() -> impl Strategy<Value = Call> {
    let account = || select(vec!["prod", "prod-eu"]);
    prop_oneof![
        (policies(), 1..4_u32).prop_map(|(subject, count)| Call::PutAlert(subject, count)),
        policies().prop_map(Call::ClearAlert),
        policies().prop_map(Call::Record),
        (option::of(0..80_i64), 0..4_usize).prop_map(|(before, limit)| Call::Events(before, limit)),
        select(vec!["1", "2", "10"]).prop_map(Call::PutScan),
        (account(), select(vec!["eu-west-1", "us-east-1"]), 0..3_usize)
            .prop_map(|(account, region, lines)| Call::PutLines(account, region, lines)),
    ]
}

fn recovered() -> impl Strategy<Value = Recovering> {
    let id = || 1..4_u64;
    prop_oneof![
        2 => (id(), vec((0..2_usize, select(&RESOURCES)), 0..3)).prop_map(|(id, all)| Recovering::PutOrigins(id, all)),
        1 => Just(Recovering::Next),
        3 => (id(), 0..3_u64).prop_map(|(id, version)| Recovering::Put(id, version)),
        2 => (id(), vec(1..3_u32, 0..3)).prop_map(|(id, works)| Recovering::AddWorks(id, works)),
        3 => (id(), 1..3_u32, 0..3_u64).prop_map(|(id, number, version)| Recovering::PutWork(id, number, version)),
        2 => (option::of(policies()), 1..4_usize).prop_map(|(policy, part)| Recovering::List(policy, part)),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        2 => vec(change(), 1..5).prop_map(Call::Change),
        3 => due_and_held(),
        5 => backed_up(),
        3 => recovered().prop_map(Call::Recovery),
        2 => told(),
        1 => policies().prop_map(Call::Look),
    ]
}

fn to_change(change: &Change) -> PolicyChange {
    match *change {
        Change::Create(name) => PolicyChange::CreatePolicy(policy(name)),
        Change::Put(name) => PolicyChange::PutPolicy(cpm_domain::policy::Policy { enabled: false, ..policy(name) }),
        Change::Remove(name) => PolicyChange::RemovePolicy(policy_name(name)),
        Change::PutTarget(policy, id) => PolicyChange::PutTarget(policy_name(policy), target("eu-west-1", id)),
        Change::RemoveTarget(policy, id) => {
            PolicyChange::RemoveTarget(policy_name(policy), target("eu-west-1", id).key())
        }
        Change::PutSlot(policy, schedule, next) => PolicyChange::PutSlot {
            policy: policy_name(policy),
            schedule: schedule_name(schedule),
            next: next.map(at),
        },
        Change::RemoveSlot(policy, schedule) => {
            PolicyChange::RemoveSlot { policy: policy_name(policy), schedule: schedule_name(schedule) }
        }
    }
}

/// What a call came to, as text: words of errors may differ, their codes may not.
fn say<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.code().to_owned(),
    }
}

async fn all_due(store: &dyn Store, now: i64, part: usize) -> String {
    let mut all = Vec::new();
    loop {
        let found = store.due(at(now), all.last(), part).await.unwrap();
        if found.is_empty() {
            return format!("{all:?}");
        }
        all.extend(found);
    }
}

async fn whole_list(store: &dyn Store, policy: Option<Name>, part: usize) -> String {
    let mut query = BackupQuery { policy: policy.map(policy_name), limit: part, before: None };
    let mut all = Vec::new();
    loop {
        let page = store.list(&root(), &query).await.unwrap();
        all.push(page.backups);
        query.before = page.next;
        if query.before.is_none() {
            return format!("{all:?}");
        }
    }
}

async fn all_recoveries(store: &dyn Store, policy: Option<Name>, part: usize) -> String {
    let mut query = RecoveryQuery { policy: policy.map(policy_name), limit: part, before: None };
    let mut all = Vec::new();
    loop {
        let page = store.recoveries(&root(), &query).await.unwrap();
        all.push(page.recoveries);
        query.before = page.next;
        if query.before.is_none() {
            return format!("{all:?}");
        }
    }
}

async fn recover(store: &dyn Store, call: &Recovering) -> String {
    let owner = root();
    match call {
        Recovering::PutOrigins(id, all) => {
            let regions = ["eu-west-1", "us-east-1"];
            let origins = all.iter().map(|(place, id)| {
                origin(regions[*place], if id.starts_with("i-") { Kind::Instance } else { Kind::Volume }, id)
            });
            say(store.put_origins(&owner, BackupId(*id), &origins.collect::<Vec<_>>()).await)
        }
        Recovering::Next => say(store.next_recovery(&owner).await),
        Recovering::Put(id, version) => {
            let record = Recovery { version: *version, ..recovery(*id, POLICIES[usize::from(*id > 2)]) };
            say(store.put_recovery(&owner, &record).await)
        }
        Recovering::AddWorks(id, works) => {
            let mut numbers = works.clone();
            numbers.dedup();
            let works: Vec<Work> = numbers.into_iter().map(work).collect();
            say(store.add_works(&owner, RecoveryId(*id), &works).await)
        }
        Recovering::PutWork(id, number, version) => {
            say(store.put_work(&owner, RecoveryId(*id), &Work { version: *version, ..work(*number) }).await)
        }
        Recovering::List(policy, part) => all_recoveries(store, *policy, *part).await,
    }
}

/// Makes the call `now` of a sequence.
async fn make(store: &dyn Store, call: &Call, now: i64) -> String {
    let owner = root();
    match *call {
        Call::Change(ref changes) => {
            let with_event = |change| (to_change(change), event(now, &format!("{change:?}")));
            say(store.change(&owner, &changes.iter().map(with_event).collect::<Vec<_>>()).await)
        }
        Call::Due { now, part } => all_due(store, now, part).await,
        Call::Advance(policy, schedule, from, next) => {
            let (policy, schedule) = (policy_name(policy), schedule_name(schedule));
            say(store.advance(&owner, &policy, &schedule, at(from), next.map(at)).await)
        }
        Call::Take(policy, holder, instead, expires) => {
            let instead = instead.map(|holder| lease(policy, holder, at(0)));
            say(store.take(&owner, &lease(policy, holder, at(expires)), instead.as_ref()).await)
        }
        Call::Renew(policy, holder, expires) => {
            say(store.renew(&owner, &lease(policy, holder, at(0)), at(expires)).await)
        }
        Call::Release(policy, holder) => say(store.release(&owner, &lease(policy, holder, at(0))).await),
        _ => make_more(store, call, now).await,
    }
}

async fn make_more(store: &dyn Store, call: &Call, now: i64) -> String {
    let owner = root();
    match *call {
        Call::NextId => say(store.next_id(&owner).await),
        Call::Reserve(id) => say(store.reserve_ids(&owner, BackupId(id)).await),
        Call::Create(id, phase, sets, runs) => {
            let record = Backup { phase, sets, ..backup(id, POLICIES[usize::from(id > 2)]) };
            let sets: Vec<_> = (1..=sets).map(|number| set(number, None)).collect();
            let numbers = |phase| (1..=runs).map(move |number| run(phase, number));
            let runs: Vec<_> = ScriptPhase::ALL.into_iter().flat_map(numbers).collect();
            say(store.create(&owner, &record, &sets, &runs).await)
        }
        Call::PutRun(id, phase, number, version) => {
            let run = ScriptRun { version, ..run(phase, number) };
            say(store.put_run(&owner, BackupId(id), &run).await)
        }
        Call::Put(id, from, to) => {
            // Now what was read, now what is believed: neither freezes nor thaws.
            let standing = store.backup(&owner, BackupId(id)).await.unwrap().filter(|_| from == Phase::Finished);
            let frozen = standing.and_then(|backup| backup.frozen).filter(|_| to != Phase::Planned);
            let record = Backup { phase: to, wake: None, frozen, ..backup(id, POLICIES[usize::from(id > 2)]) };
            say(store.put(&owner, &record, from).await)
        }
        Call::PutSet { id, number, version, snapshot, settled } => {
            let mut set = set(number, snapshot);
            set.version = version;
            if settled {
                set.units.iter_mut().for_each(|unit| unit.state = UnitState::Completed);
            }
            say(store.put_set(&owner, BackupId(id), &set).await)
        }
        Call::AddSet(id, number, snapshot) => say(store.add_set(&owner, BackupId(id), &set(number, snapshot)).await),
        Call::SetWith(snapshot) => say(store.set_with(&region("eu-west-1"), &snapshot.parse().unwrap()).await),
        Call::List { policy, part } => whole_list(store, policy, part).await,
        Call::InPhase(gone, after, part) => {
            let phase = if gone { Phase::Deleted } else { Phase::Deleting };
            say(store.in_phase(&owner, phase, after.map(BackupId), part).await)
        }
        Call::Remove(id) => say(store.remove(&owner, BackupId(id)).await),
        Call::Freeze(id, name) => {
            let entry = entry(id, POLICIES[usize::from(id > 2)], name);
            say(store.freeze(&owner, &entry, &entry_line(), &event(now, "freeze")).await)
        }
        Call::Unfreeze(id, name, afterwards) => {
            let entry = entry(id, POLICIES[usize::from(id > 2)], name);
            say(store.unfreeze(&owner, &entry, afterwards, &entry_line(), &event(now, "unfreeze")).await)
        }
        Call::PutAlert(subject, count) => {
            say(store.put_alert(&owner, &alert(Category::Backup, subject, count)).await)
        }
        Call::ClearAlert(subject) => say(store.clear_alert(&owner, Category::Backup, subject).await),
        Call::Record(subject) => say(store.record(&owner, &event(now, subject)).await),
        Call::Events(before, limit) => say(store.events(&owner, before.map(at), limit).await),
        Call::PutScan(id) => say(store.put_scan(&owner, &scan(id)).await),
        Call::PutLines(account, region_name, count) => {
            let lines: Vec<_> = (0..count).map(|n| line(account, region_name, n.to_string())).collect();
            say(store.put_scan_lines(&owner, "1", &account.parse().unwrap(), &region(region_name), &lines).await)
        }
        Call::Recovery(ref call) => recover(store, call).await,
        Call::Look(policy) => look(store, policy).await,
        _ => unreachable!("made before"),
    }
}

fn entry_line() -> Vec<LogLine> {
    vec![LogLine { time: at(9), level: Level::Info, message: "it was moved".into() }]
}

/// All that can be seen of a policy, and of what is no policy's.
async fn look(store: &dyn Store, policy: Name) -> String {
    let (owner, policy) = (root(), policy_name(policy));
    let mut seen = vec![
        say(store.owners().await),
        say(store.policies(&owner).await),
        say(store.targets(&owner, &policy).await),
        say(store.slots(&owner, &policy).await),
        say(store.lease(&owner, &policy).await),
        say(store.alerts(&owner).await),
        say(store.frozen(&owner).await),
        say(store.events(&owner, None, 1_000).await),
        say(store.scans(&owner, 2).await),
        say(store.scan_lines(&owner, "1").await),
    ];
    for id in RESOURCES {
        seen.push(say(store.policies_with(&owner, &target("eu-west-1", id).key()).await));
    }
    for id in 1..4 {
        seen.push(say(store.backup(&owner, BackupId(id)).await));
        seen.push(say(store.sets(&owner, BackupId(id)).await));
        seen.push(say(store.runs(&owner, BackupId(id)).await));
        seen.push(say(store.origins(&owner, BackupId(id)).await));
        seen.push(say(store.recovery(&owner, RecoveryId(id)).await));
        seen.push(say(store.works(&owner, RecoveryId(id)).await));
    }
    seen.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_answers_as_the_store_in_memory(calls in vec(call(), 40..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (table, memory) = (emulator::fresh().await, FakeStore::new());
            let last = POLICIES.map(Call::Look);
            for (now, call) in (0..).zip(calls.iter().chain(&last)) {
                prop_assert_eq!(make(&table, call, now).await, make(&memory, call, now).await, "{:?}", call);
            }
            Ok(())
        })?;
    }
}
