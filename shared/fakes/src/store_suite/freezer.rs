//! The freezer.

use cpm_domain::{
    backup::{Backup, Level, LogLine, Phase},
    freezer::{Afterwards, Entry, Frozen},
    id::BackupId,
    name::OwnerName,
};
use cpm_ports::{PolicyChange, Store, StoreError};
use futures::future::{join, join_all};

use super::{
    assert_lost, assert_one_won,
    samples::{at, backup, entry, event, freezer_name, policy, root},
};

fn line() -> Vec<LogLine> {
    vec![LogLine { time: at(9), level: Level::Info, message: "it was moved".into() }]
}

/// Backups of the policy `web`, which exists.
async fn finished(store: &dyn Store, ids: impl IntoIterator<Item = u64>) {
    store.change(&root(), &[(PolicyChange::CreatePolicy(policy("web")), event(0, "web"))]).await.unwrap();
    for id in ids {
        store.create(&root(), &Backup { phase: Phase::Finished, ..backup(id, "web") }, &[], &[]).await.unwrap();
    }
}

async fn freeze(store: &dyn Store, entry: &Entry) -> Result<(), StoreError> {
    store.freeze(&root(), entry, &line(), &event(10, "freeze")).await
}

async fn unfreeze(store: &dyn Store, entry: &Entry, afterwards: Afterwards) -> Result<(), StoreError> {
    store.unfreeze(&root(), entry, afterwards, &line(), &event(11, "unfreeze")).await
}

async fn read(store: &dyn Store, id: u64) -> Backup {
    store.backup(&root(), BackupId(id)).await.unwrap().unwrap()
}

async fn events(store: &dyn Store) -> Vec<String> {
    let events = store.events(&root(), None, 100).await.unwrap();
    events.into_iter().map(|event| event.subject).filter(|subject| subject.ends_with("freeze")).collect()
}

pub async fn a_backup_is_frozen_with_its_name_and_event(store: &dyn Store) {
    finished(store, [17]).await;
    let (before, good) = (read(store, 17).await, entry(17, "web", "Good One"));
    assert_eq!(store.frozen(&root()).await.unwrap(), []);
    freeze(store, &good).await.unwrap();
    let mut expected = Backup { frozen: Some(good.frozen.clone()), ..before };
    expected.log.extend(line());
    assert_eq!(read(store, 17).await, expected, "nothing else of it changed");
    assert_eq!(store.frozen(&root()).await.unwrap(), std::slice::from_ref(&good));
    assert_eq!(store.frozen_as(&root(), &freezer_name("gOOD one")).await.unwrap(), Some(good.clone()));
    assert_eq!(store.frozen_as(&root(), &freezer_name("good")).await.unwrap(), None);
    assert_eq!(events(store).await, ["freeze"]);
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.frozen(&jo).await.unwrap(), []);
    assert_eq!(store.frozen_as(&jo, &good.frozen.name).await.unwrap(), None);
}

pub async fn a_name_is_given_once_in_any_case(store: &dyn Store) {
    finished(store, 1..=6).await;
    let wanted: Vec<Entry> = (1..=6).map(|id| entry(id, "web", if id % 2 == 0 { "Good" } else { "good" })).collect();
    assert_one_won(join_all(wanted.iter().map(|entry| freeze(store, entry))).await);
    assert_eq!(store.frozen(&root()).await.unwrap().len(), 1);
    let mut frozen = 0;
    for id in 1..=6 {
        frozen += usize::from(read(store, id).await.frozen.is_some());
    }
    assert_eq!((frozen, events(store).await.len()), (1, 1), "who lost wrote nothing");
}

pub async fn a_backup_has_one_name(store: &dyn Store) {
    finished(store, [17]).await;
    let names = ["a", "b", "c", "d"];
    let wanted: Vec<Entry> = names.iter().map(|name| entry(17, "web", name)).collect();
    assert_one_won(join_all(wanted.iter().map(|entry| freeze(store, entry))).await);
    let found = store.frozen(&root()).await.unwrap();
    assert_eq!(found.len(), 1, "the names of those who lost are free");
    assert_eq!(read(store, 17).await.frozen.as_ref(), Some(&found[0].frozen));
    assert_lost(&freeze(store, &found[0]).await);
}

pub async fn only_what_is_finished_is_frozen(store: &dyn Store) {
    let phases = [Phase::Planned, Phase::Asked, Phase::Deleting, Phase::Deleted];
    for (id, phase) in (1..).zip(phases) {
        store.create(&root(), &Backup { phase, ..backup(id, "web") }, &[], &[]).await.unwrap();
        assert_lost(&freeze(store, &entry(id, "web", "Good")).await);
        assert_eq!(read(store, id).await.frozen, None);
    }
    assert_lost(&freeze(store, &entry(9, "web", "Good")).await);
    assert_eq!(store.backup(&root(), BackupId(9)).await.unwrap(), None, "what is not there is not made");
    assert_eq!(store.frozen(&root()).await.unwrap(), []);
    assert_eq!(events(store).await, Vec::<String>::new());
}

pub async fn a_backup_is_frozen_or_deleting_and_never_both(store: &dyn Store) {
    finished(store, 1..=20).await;
    for id in 1..=20 {
        let good = entry(id, "web", &format!("good {id}"));
        let marked = Backup { phase: Phase::Deleting, ..read(store, id).await };
        // The cleaner has read it, and somebody freezes it: in the order of one and of the other, and at once.
        let owner = root();
        let (mark, freezing) = match id % 3 {
            0 => {
                let freezing = freeze(store, &good).await;
                (store.put(&owner, &marked, Phase::Finished).await, freezing)
            }
            1 => (store.put(&owner, &marked, Phase::Finished).await, freeze(store, &good).await),
            _ => join(store.put(&owner, &marked, Phase::Finished), freeze(store, &good)).await,
        };
        if id % 3 == 0 {
            assert_lost(&mark);
        } else if id % 3 == 1 {
            assert_lost(&freezing);
        }
        let left = read(store, id).await;
        assert!(mark.is_ok() != freezing.is_ok(), "{id}: {mark:?} {freezing:?}");
        assert_eq!(left.frozen.is_some(), freezing.is_ok(), "{id}");
        assert_eq!(left.phase == Phase::Deleting, mark.is_ok(), "{id}");
    }
}

pub async fn a_frozen_backup_keeps_its_place_when_it_is_written(store: &dyn Store) {
    finished(store, [17]).await;
    let before = read(store, 17).await;
    let good = entry(17, "web", "Good");
    freeze(store, &good).await.unwrap();
    let frozen = read(store, 17).await;
    assert_lost(&store.put(&root(), &before, Phase::Finished).await);
    let other = Frozen { description: None, ..good.frozen.clone() };
    let others = Backup { frozen: Some(other), ..frozen.clone() };
    assert_lost(&store.put(&root(), &others, Phase::Finished).await);
    let adopted = Backup { sets: 2, ..frozen };
    store.put(&root(), &adopted, Phase::Finished).await.unwrap();
    assert_eq!(read(store, 17).await, adopted);
    for phase in [Phase::Deleting, Phase::Deleted] {
        let refused = store.put(&root(), &Backup { phase, ..adopted.clone() }, Phase::Finished).await;
        assert!(matches!(&refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    assert_lost(&store.remove(&root(), BackupId(17)).await);
    unfreeze(store, &good, Afterwards::Retention).await.unwrap();
    assert_lost(&store.put(&root(), &adopted, Phase::Finished).await);
}

pub async fn a_backup_leaves_the_freezer_as_its_policy_stands(store: &dyn Store) {
    finished(store, [17, 18]).await;
    let (first, second) = (entry(17, "web", "a"), entry(18, "web", "b"));
    for entry in [&first, &second] {
        assert_lost(&unfreeze(store, entry, Afterwards::Retention).await);
        freeze(store, entry).await.unwrap();
    }
    let frozen = read(store, 17).await;
    assert_one_won(join_all((0..4).map(|_| unfreeze(store, &first, Afterwards::Retention))).await);
    let mut expected = Backup { frozen: None, ..frozen };
    expected.log.extend(line());
    assert_eq!(read(store, 17).await, expected);
    assert_eq!(store.frozen_as(&root(), &first.frozen.name).await.unwrap(), None, "the name is free");
    freeze(store, &entry(17, "web", "A")).await.unwrap();

    store.change(&root(), &[(PolicyChange::RemovePolicy("web".parse().unwrap()), event(1, "web"))]).await.unwrap();
    assert_lost(&unfreeze(store, &second, Afterwards::Retention).await);
    assert_eq!(read(store, 18).await.frozen, Some(second.frozen.clone()), "nothing of it was done");
    unfreeze(store, &second, Afterwards::Deletion).await.unwrap();
    let going = read(store, 18).await;
    assert_eq!((going.phase, &going.frozen), (Phase::Deleting, &None));
    let deleting = store.in_phase(&root(), Phase::Deleting, None, 10).await.unwrap();
    assert_eq!(deleting, [going], "the cleaner finds it");
    assert_eq!(store.frozen(&root()).await.unwrap().len(), 1);
}

pub async fn the_freezer_comes_in_order_of_name(store: &dyn Store) {
    let names = ["b", "Before 2", "after", "before 1", "Ärger", "10", "9"];
    finished(store, 1..=7).await;
    for (id, name) in (1..).zip(names) {
        freeze(store, &entry(id, "web", name)).await.unwrap();
    }
    let found = store.frozen(&root()).await.unwrap();
    let found: Vec<&str> = found.iter().map(|entry| entry.frozen.name.as_str()).collect();
    assert_eq!(found, ["10", "9", "after", "b", "before 1", "Before 2", "Ärger"]);
}
