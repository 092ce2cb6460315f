//! Backups.

use std::collections::BTreeSet;

use cpm_domain::{
    backup::{Backup, Level, LogLine, Phase},
    id::BackupId,
    name::OwnerName,
};
use cpm_ports::{BackupPage, BackupQuery, Store};
use futures::future::join_all;

use super::{
    assert_lost, assert_one_won,
    samples::{at, backup, policy_name, root, set},
};

fn ids(backups: &[Backup]) -> Vec<u64> {
    backups.iter().map(|backup| backup.id.0).collect()
}

async fn create(store: &dyn Store, id: u64, policy: &str, phase: Phase) {
    store.create(&root(), &Backup { phase, ..backup(id, policy) }, &[set(1, None)], &[]).await.unwrap();
}

pub async fn numbers_are_given_once(store: &dyn Store) {
    let (owner, jo): (_, OwnerName) = (root(), "jo".parse().unwrap());
    assert_eq!(store.next_id(&owner).await.unwrap(), BackupId(1));
    let given = join_all((0..10).map(|_| store.next_id(&owner))).await;
    let given: BTreeSet<u64> = given.into_iter().map(|id| id.unwrap().0).collect();
    assert_eq!(given, (2..12).collect());
    assert_eq!(store.next_id(&jo).await.unwrap(), BackupId(1), "each owner counts alone");
}

pub async fn reserved_numbers_are_not_given(store: &dyn Store) {
    store.reserve_ids(&root(), BackupId(40)).await.unwrap();
    assert_eq!(store.next_id(&root()).await.unwrap(), BackupId(41));
    store.reserve_ids(&root(), BackupId(7)).await.unwrap();
    store.reserve_ids(&root(), BackupId(41)).await.unwrap();
    assert_eq!(store.next_id(&root()).await.unwrap(), BackupId(42));
    store.reserve_ids(&root(), BackupId(100)).await.unwrap();
    assert_eq!(store.next_id(&root()).await.unwrap(), BackupId(101));
}

pub async fn a_backup_is_written_once(store: &dyn Store) {
    let first = backup(17, "web");
    store.create(&root(), &first, &[set(1, None), set(2, None)], &[]).await.unwrap();
    store.put_set(&root(), first.id, &set(1, Some("snap-0000000a"))).await.unwrap();
    let again = Backup { execution: "another".into(), ..first.clone() };
    store.create(&root(), &again, &[set(1, None), set(2, None), set(3, None)], &[]).await.unwrap();
    assert_eq!(store.backup(&root(), first.id).await.unwrap(), Some(first.clone()));
    let sets = store.sets(&root(), first.id).await.unwrap();
    assert_eq!(sets.iter().map(|set| (set.number, set.version)).collect::<Vec<_>>(), [(1, 1), (2, 0)]);
    let empty = Backup { sets: 0, ..backup(18, "web") };
    store.create(&root(), &empty, &[], &[]).await.unwrap();
    store
        .create(&root(), &Backup { execution: "another".into(), ..empty.clone() }, &[set(1, None)], &[])
        .await
        .unwrap();
    assert_eq!(store.backup(&root(), empty.id).await.unwrap(), Some(empty.clone()));
    assert_eq!(store.sets(&root(), empty.id).await.unwrap(), [], "nothing is added to what is there");
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.backup(&jo, first.id).await.unwrap(), None);
    assert_eq!(store.sets(&jo, first.id).await.unwrap(), []);
}

pub async fn a_backup_changes_from_the_phase_that_was_read(store: &dyn Store) {
    let planned = backup(17, "web");
    let asked = Backup { phase: Phase::Asked, ..planned.clone() };
    assert_lost(&store.put(&root(), &asked, Phase::Planned).await);
    assert_eq!(store.backup(&root(), planned.id).await.unwrap(), None, "what is not there is not made");
    store.create(&root(), &planned, &[], &[]).await.unwrap();
    assert_lost(&store.put(&root(), &asked, Phase::Asked).await);
    let owner = root();
    assert_one_won(join_all((0..6).map(|_| store.put(&owner, &asked, Phase::Planned))).await);
    let rest = Backup { wake: None, log: vec![], counts: true, ..asked.clone() };
    store.put(&root(), &rest, Phase::Asked).await.unwrap();
    store.put(&root(), &rest, Phase::Asked).await.unwrap();
    assert_eq!(store.backup(&root(), planned.id).await.unwrap(), Some(rest), "token and log are replaced as well");
}

pub async fn backups_are_listed_newest_first(store: &dyn Store) {
    // Not in order, and past a number of one digit more.
    for (id, policy) in [(9, "web"), (1, "web"), (2, "db"), (100, "web"), (10, "web"), (11, "web2")] {
        create(store, id, policy, Phase::Finished).await;
    }
    let list = async |policy: Option<&str>, limit, before: Option<u64>| {
        let query = BackupQuery { policy: policy.map(policy_name), limit, before: before.map(BackupId) };
        let BackupPage { backups, next } = store.list(&root(), &query).await.unwrap();
        (ids(&backups), next.map(|id| id.0))
    };
    assert_eq!(list(None, 10, None).await, (vec![100, 11, 10, 9, 2, 1], None));
    assert_eq!(list(None, 6, None).await, (vec![100, 11, 10, 9, 2, 1], None), "these are all");
    assert_eq!(list(None, 2, None).await, (vec![100, 11], Some(11)));
    assert_eq!(list(None, 2, Some(11)).await, (vec![10, 9], Some(9)));
    assert_eq!(list(None, 2, Some(9)).await, (vec![2, 1], None));
    assert_eq!(list(None, 2, Some(1)).await, (vec![], None));
    assert_eq!(list(Some("web"), 10, None).await, (vec![100, 10, 9, 1], None));
    assert_eq!(list(Some("web"), 2, Some(100)).await, (vec![10, 9], Some(9)));
    assert_eq!(list(Some("none"), 2, None).await, (vec![], None));
    let query = BackupQuery { limit: 1, ..BackupQuery::default() };
    let page = store.list(&root(), &query).await.unwrap();
    let newest = Backup { phase: Phase::Finished, ..backup(100, "web") };
    assert_eq!(page.backups, [newest], "log and all");
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.list(&jo, &query).await.unwrap(), BackupPage::default());
}

pub async fn backups_are_listed_past_a_page_of_the_table(store: &dyn Store) {
    let line = |n: u64| LogLine { time: at(0), level: Level::Info, message: format!("{n} {}", "x".repeat(500)) };
    for id in 1..=25 {
        let long = Backup { log: (0..200).map(line).collect(), phase: Phase::Deleting, ..backup(id, "web") };
        store.create(&root(), &long, &[], &[]).await.unwrap();
    }
    let newest_first: Vec<u64> = (1..=25).rev().collect();
    for policy in [None, Some(policy_name("web"))] {
        let query = BackupQuery { policy, limit: 100, before: None };
        let page = store.list(&root(), &query).await.unwrap();
        assert_eq!((ids(&page.backups), page.next), (newest_first.clone(), None));
        let page = store.list(&root(), &BackupQuery { limit: 24, ..query }).await.unwrap();
        assert_eq!((ids(&page.backups), page.next), (newest_first[..24].to_vec(), Some(BackupId(2))));
        assert_eq!(page.backups[0].log.len(), 200);
    }
    let deleting = store.in_phase(&root(), Phase::Deleting, None, 100).await.unwrap();
    assert_eq!(ids(&deleting), (1..=25).collect::<Vec<_>>());
}

pub async fn backups_in_deletion_come_oldest_first(store: &dyn Store) {
    for (id, phase) in [
        (9, Phase::Deleting),
        (10, Phase::Finished),
        (11, Phase::Deleting),
        (100, Phase::Deleting),
        (12, Phase::Deleted),
        (13, Phase::Finished),
    ] {
        create(store, id, "web", phase).await;
    }
    let deleting = async |after: Option<u64>, limit| {
        ids(&store.in_phase(&root(), Phase::Deleting, after.map(BackupId), limit).await.unwrap())
    };
    assert_eq!(deleting(None, 10).await, [9, 11, 100]);
    assert_eq!(deleting(None, 2).await, [9, 11]);
    assert_eq!(deleting(Some(11), 2).await, [100]);
    let begin = Backup { phase: Phase::Deleting, ..backup(10, "web") };
    store.put(&root(), &begin, Phase::Finished).await.unwrap();
    let end = Backup { phase: Phase::Deleted, ..backup(9, "web") };
    store.put(&root(), &end, Phase::Deleting).await.unwrap();
    store.remove(&root(), BackupId(11)).await.unwrap();
    assert_eq!(deleting(None, 10).await, [10, 100]);
    let deleted = store.in_phase(&root(), Phase::Deleted, None, 10).await.unwrap();
    assert_eq!(ids(&deleted), [9, 12]);
    assert_eq!(deleted[0], end, "log and all");
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.in_phase(&jo, Phase::Deleting, None, 10).await.unwrap(), []);
}

pub async fn only_what_is_in_deletion_is_removed(store: &dyn Store) {
    let id = BackupId(17);
    store.remove(&root(), id).await.unwrap();
    let finished = Backup { phase: Phase::Finished, ..backup(17, "web") };
    let sets: Vec<_> = (1..=40).map(|n| set(n, None)).collect();
    store.create(&root(), &finished, &sets, &[]).await.unwrap();
    create(store, 18, "web", Phase::Finished).await;
    assert_lost(&store.remove(&root(), id).await);
    assert_eq!(store.sets(&root(), id).await.unwrap().len(), 40, "nothing of it went");
    store.put(&root(), &Backup { phase: Phase::Deleted, ..finished }, Phase::Finished).await.unwrap();
    store.remove(&root(), id).await.unwrap();
    store.remove(&root(), id).await.unwrap();
    assert_eq!(store.backup(&root(), id).await.unwrap(), None);
    assert_eq!(store.sets(&root(), id).await.unwrap(), []);
    assert_eq!(store.sets(&root(), BackupId(18)).await.unwrap().len(), 1, "others stay");
    let query = BackupQuery { policy: Some(policy_name("web")), limit: 10, before: None };
    assert_eq!(ids(&store.list(&root(), &query).await.unwrap().backups), [18]);
}
