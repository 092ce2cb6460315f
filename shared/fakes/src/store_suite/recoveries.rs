//! How the sources of backups were; recoveries with their works.

use cpm_domain::{
    backup::{Backup, Phase},
    id::BackupId,
    kind::Kind,
    name::OwnerName,
    origin::SourceRecord,
    recovery::{
        Recovery, RecoveryId, State,
        work::{Action, Ref, Work, WorkState},
    },
};
use cpm_ports::{BackupQuery, RecoveryPage, RecoveryQuery, Store};
use futures::future::join_all;

use super::{
    assert_lost, assert_one_won,
    samples::{at, backup, origin, policy_name, recovery, root, run, set, work},
};

const BACKUP: BackupId = BackupId(17);
const ID: RecoveryId = RecoveryId(17);
const SOURCES: [(Kind, &str); 6] = [
    (Kind::Instance, "i-0000000a"),
    (Kind::Volume, "vol-0000000a"),
    (Kind::Rds, "orders"),
    (Kind::Aurora, "orders"),
    (Kind::Redshift, "orders"),
    (Kind::Dynamodb, "orders"),
];

fn jo() -> OwnerName {
    "jo".parse().unwrap()
}

pub async fn origins_are_read_back_and_replaced(store: &dyn Store) {
    let all: Vec<SourceRecord> = SOURCES.iter().map(|(kind, id)| origin("eu-west-1", *kind, id)).collect();
    store.put_origins(&root(), BACKUP, &all).await.unwrap();
    assert_eq!(store.origins(&root(), BACKUP).await.unwrap(), all);
    let changed = SourceRecord { origin: origin("eu-west-1", Kind::Volume, "vol-0000000b").origin, ..all[1].clone() };
    store.put_origins(&root(), BACKUP, std::slice::from_ref(&changed)).await.unwrap();
    let mut expected = all;
    expected[1] = changed;
    assert_eq!(store.origins(&root(), BACKUP).await.unwrap(), expected, "others stay");
    store.put_origins(&root(), BACKUP, &[]).await.unwrap();
    assert_eq!(store.origins(&root(), BackupId(170)).await.unwrap(), []);
    assert_eq!(store.origins(&jo(), BACKUP).await.unwrap(), []);
}

pub async fn origins_come_in_order_of_region_and_resource(store: &dyn Store) {
    let places = ["eu-west-1", "us-east-1"];
    let all: Vec<SourceRecord> =
        places.iter().flat_map(|region| SOURCES.iter().map(|(kind, id)| origin(region, *kind, id))).collect();
    let backwards: Vec<SourceRecord> = all.iter().rev().cloned().collect();
    store.put_origins(&root(), BACKUP, &backwards).await.unwrap();
    assert_eq!(store.origins(&root(), BACKUP).await.unwrap(), all);
}

/// They are written before their backup, and a plan that was cut off leaves them.
pub async fn origins_outlast_a_plan_and_go_with_their_backup(store: &dyn Store) {
    let (first, second) =
        (origin("eu-west-1", Kind::Instance, "i-0000000a"), origin("eu-west-1", Kind::Volume, "vol-0000000a"));
    store.put_origins(&root(), BACKUP, &[first.clone(), second.clone()]).await.unwrap();
    store.put_origins(&root(), BackupId(18), std::slice::from_ref(&first)).await.unwrap();
    let finished = Backup { phase: Phase::Finished, ..backup(17, "web") };
    let runs = [run(cpm_domain::script::ScriptPhase::Before, 1)];
    store.create(&root(), &finished, &[set(1, None)], &runs).await.unwrap();
    assert_eq!(store.origins(&root(), BACKUP).await.unwrap(), [first.clone(), second]);
    assert_eq!(store.sets(&root(), BACKUP).await.unwrap(), [set(1, None)], "no origin is taken for a set");
    assert_eq!(store.runs(&root(), BACKUP).await.unwrap(), runs, "nor for a run");
    assert_lost(&store.remove(&root(), BACKUP).await);
    assert_eq!(store.origins(&root(), BACKUP).await.unwrap().len(), 2, "nothing of it went");
    store.put(&root(), &Backup { phase: Phase::Deleted, ..finished }, Phase::Finished).await.unwrap();
    store.remove(&root(), BACKUP).await.unwrap();
    assert_eq!(store.origins(&root(), BACKUP).await.unwrap(), []);
    assert_eq!(store.origins(&root(), BackupId(18)).await.unwrap(), [first], "others stay");
}

pub async fn numbers_of_recoveries_are_given_once(store: &dyn Store) {
    let owner = root();
    let mut given: Vec<u64> =
        join_all((0..8).map(|_| store.next_recovery(&owner))).await.into_iter().map(|id| id.unwrap().0).collect();
    given.sort_unstable();
    assert_eq!(given, (1..=8).collect::<Vec<_>>());
    assert_eq!(store.next_id(&owner).await.unwrap(), BackupId(1), "backups have numbers of their own");
    assert_eq!(store.next_recovery(&owner).await.unwrap(), RecoveryId(9));
    assert_eq!(store.next_recovery(&jo()).await.unwrap(), RecoveryId(1));
}

pub async fn a_recovery_changes_from_the_version_that_was_read(store: &dyn Store) {
    let asked = recovery(17, "web");
    assert_eq!(store.recovery(&root(), ID).await.unwrap(), None);
    let later = Recovery { version: 1, ..asked.clone() };
    assert_lost(&store.put_recovery(&root(), &later).await);
    assert_eq!(store.recovery(&root(), ID).await.unwrap(), None, "what is not there is not made");
    store.put_recovery(&root(), &asked).await.unwrap();
    assert_eq!(store.recovery(&root(), ID).await.unwrap(), Some(later.clone()));
    assert_lost(&store.put_recovery(&root(), &asked).await);
    let ended = Recovery {
        state: State::Succeeded,
        approval: None,
        ended: Some(at(9)),
        errors: vec![],
        execution: None,
        log: vec![],
        ..later
    };
    store.put_recovery(&root(), &ended).await.unwrap();
    assert_lost(&store.put_recovery(&root(), &ended).await);
    assert_eq!(store.recovery(&root(), ID).await.unwrap(), Some(Recovery { version: 2, ..ended }));
    assert_eq!(store.recovery(&jo(), ID).await.unwrap(), None);
}

pub async fn a_recovery_is_written_by_one_of_many(store: &dyn Store) {
    let owner = root();
    for version in 0..2 {
        let wanted: Vec<Recovery> = (0..6).map(|works| Recovery { works, version, ..recovery(17, "web") }).collect();
        assert_one_won(join_all(wanted.iter().map(|recovery| store.put_recovery(&owner, recovery))).await);
        assert_eq!(store.recovery(&owner, ID).await.unwrap().unwrap().version, version + 1);
    }
}

fn ids(page: &RecoveryPage) -> (Vec<u64>, Option<u64>) {
    (page.recoveries.iter().map(|recovery| recovery.id.0).collect(), page.next.map(|id| id.0))
}

async fn list(store: &dyn Store, policy: Option<&str>, limit: usize, before: Option<u64>) -> (Vec<u64>, Option<u64>) {
    let query = RecoveryQuery { policy: policy.map(policy_name), limit, before: before.map(RecoveryId) };
    ids(&store.recoveries(&root(), &query).await.unwrap())
}

pub async fn recoveries_are_listed_newest_first(store: &dyn Store) {
    // Not in order, and past a number of one digit more.
    for (id, policy) in [(9, "web"), (1, "web"), (2, "db"), (100, "web"), (10, "web"), (11, "web2")] {
        store.put_recovery(&root(), &recovery(id, policy)).await.unwrap();
    }
    assert_eq!(list(store, None, 10, None).await, (vec![100, 11, 10, 9, 2, 1], None));
    assert_eq!(list(store, None, 6, None).await, (vec![100, 11, 10, 9, 2, 1], None), "these are all");
    assert_eq!(list(store, None, 2, None).await, (vec![100, 11], Some(11)));
    assert_eq!(list(store, None, 2, Some(11)).await, (vec![10, 9], Some(9)));
    assert_eq!(list(store, None, 2, Some(1)).await, (vec![], None));
    assert_eq!(list(store, Some("web"), 10, None).await, (vec![100, 10, 9, 1], None));
    assert_eq!(list(store, Some("web"), 2, Some(100)).await, (vec![10, 9], Some(9)));
    assert_eq!(list(store, Some("none"), 2, None).await, (vec![], None));
    let newest = store.recoveries(&root(), &RecoveryQuery { limit: 1, ..RecoveryQuery::default() }).await.unwrap();
    assert_eq!(newest.recoveries, [Recovery { version: 1, ..recovery(100, "web") }], "log and all");
    let others = store.recoveries(&jo(), &RecoveryQuery { limit: 1, ..RecoveryQuery::default() }).await.unwrap();
    assert_eq!(others, RecoveryPage::default());
}

pub async fn recoveries_and_backups_of_a_policy_are_apart(store: &dyn Store) {
    store.put_recovery(&root(), &recovery(3, "web")).await.unwrap();
    store.create(&root(), &backup(2, "web"), &[], &[]).await.unwrap();
    store.create(&root(), &backup(4, "web"), &[], &[]).await.unwrap();
    for policy in [None, Some("web")] {
        for before in [None, Some(5)] {
            let query = BackupQuery { policy: policy.map(policy_name), limit: 5, before: before.map(BackupId) };
            let backups: Vec<u64> =
                store.list(&root(), &query).await.unwrap().backups.iter().map(|backup| backup.id.0).collect();
            assert_eq!(backups, [4, 2], "{query:?}");
            assert_eq!(list(store, policy, 5, before).await, (vec![3], None));
        }
    }
}

pub async fn works_are_added_once(store: &dyn Store) {
    let (first, second) = (work(1), work(2));
    store.add_works(&root(), ID, &[]).await.unwrap();
    store.add_works(&root(), ID, std::slice::from_ref(&first)).await.unwrap();
    let other = Work { state: WorkState::Done, made: vec![], ..first.clone() };
    store.add_works(&root(), ID, &[other, second.clone()]).await.unwrap();
    let stored = [Work { version: 1, ..first }, Work { version: 1, ..second }];
    assert_eq!(store.works(&root(), ID).await.unwrap(), stored, "one that is there stays as it is");
    assert_eq!(store.works(&root(), RecoveryId(170)).await.unwrap(), []);
    assert_eq!(store.works(&jo(), ID).await.unwrap(), []);
}

pub async fn works_come_in_order_of_number(store: &dyn Store) {
    let backwards: Vec<Work> = (1..=120).rev().map(work).collect();
    store.add_works(&root(), ID, &backwards).await.unwrap();
    store.put_recovery(&root(), &recovery(17, "web")).await.unwrap();
    let works = store.works(&root(), ID).await.unwrap();
    let numbers: Vec<u32> = works.iter().map(|work| work.number).collect();
    assert_eq!(numbers, (1..=120).collect::<Vec<_>>());
}

pub async fn a_work_changes_from_the_version_that_was_read(store: &dyn Store) {
    assert_lost(&store.put_work(&root(), ID, &work(1)).await);
    assert_eq!(store.works(&root(), ID).await.unwrap(), [], "what is not there is not made");
    store.add_works(&root(), ID, &[work(1)]).await.unwrap();
    assert_lost(&store.put_work(&root(), ID, &work(1)).await);
    let what = Action::AssociateAddress { instance: Ref::Work(1), allocation: "eipalloc-0000000a".into() };
    let done = Work { state: WorkState::Done, ended: Some(at(9)), error: None, what, version: 1, ..work(1) };
    store.put_work(&root(), ID, &done).await.unwrap();
    assert_lost(&store.put_work(&root(), ID, &done).await);
    assert_lost(&store.put_work(&root(), ID, &Work { number: 2, version: 2, ..done.clone() }).await);
    assert_eq!(store.works(&root(), ID).await.unwrap(), [Work { version: 2, ..done }]);
}

pub async fn a_work_is_changed_by_one_of_many(store: &dyn Store) {
    store.add_works(&root(), ID, &[work(1)]).await.unwrap();
    let owner = root();
    let wanted: Vec<Work> = (0..8).map(|n| Work { needs: vec![n], version: 1, ..work(1) }).collect();
    assert_one_won(join_all(wanted.iter().map(|work| store.put_work(&owner, ID, work))).await);
    assert_eq!(store.works(&root(), ID).await.unwrap()[0].version, 2);
}
