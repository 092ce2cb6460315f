//! Sets of units.

use cpm_domain::{
    id::BackupId,
    name::OwnerName,
    unit::{UnitSet, UnitState},
};
use cpm_ports::Store;
use futures::future::join_all;

use super::{
    assert_lost, assert_one_won,
    samples::{at, backup, region, root, set},
};

const ID: BackupId = BackupId(17);

pub async fn sets_come_in_order_of_number(store: &dyn Store) {
    let sets: Vec<UnitSet> = (1..=120).map(|n| set(n, None)).collect();
    let backwards: Vec<UnitSet> = sets.iter().rev().cloned().collect();
    store.create(&root(), &backup(17, "web"), &backwards, &[]).await.unwrap();
    store.create(&root(), &backup(170, "web"), &[set(1, None)], &[]).await.unwrap();
    assert_eq!(store.sets(&root(), ID).await.unwrap(), sets);
}

pub async fn a_set_changes_from_the_version_that_was_read(store: &dyn Store) {
    assert_lost(&store.put_set(&root(), ID, &set(1, None)).await);
    assert_eq!(store.sets(&root(), ID).await.unwrap(), [], "what is not there is not made");
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &[]).await.unwrap();
    let changed = set(1, Some("snap-0000000a"));
    store.put_set(&root(), ID, &changed).await.unwrap();
    assert_eq!(store.sets(&root(), ID).await.unwrap(), [UnitSet { version: 1, ..changed.clone() }]);
    assert_lost(&store.put_set(&root(), ID, &changed).await);
    let next = UnitSet { version: 1, exclude_boot: false, ..changed };
    store.put_set(&root(), ID, &next).await.unwrap();
    assert_eq!(store.sets(&root(), ID).await.unwrap(), [UnitSet { version: 2, ..next }]);
}

pub async fn a_set_that_is_lacking_is_added(store: &dyn Store) {
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &[]).await.unwrap();
    let found = set(2, Some("snap-0000000a"));
    store.add_set(&root(), ID, &found).await.unwrap();
    assert_eq!(store.sets(&root(), ID).await.unwrap(), [set(1, None), found.clone()]);
    let by_snapshot = store.set_with(&region("eu-west-1"), &"snap-0000000a".parse().unwrap()).await.unwrap();
    assert_eq!(by_snapshot, Some((root(), ID, found.clone())));
    store.add_set(&root(), ID, &set(1, Some("snap-0000000b"))).await.unwrap();
    store.add_set(&root(), ID, &set(2, None)).await.unwrap();
    assert_eq!(store.sets(&root(), ID).await.unwrap(), [set(1, None), found], "what is there stays as it is");
}

pub async fn a_set_is_changed_by_one_of_many(store: &dyn Store) {
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &[]).await.unwrap();
    let owner = root();
    let changes: Vec<UnitSet> = (0..8).map(|n| set(1, Some(&format!("snap-0000000{n}")))).collect();
    assert_one_won(join_all(changes.iter().map(|set| store.put_set(&owner, ID, set))).await);
    assert_eq!(store.sets(&root(), ID).await.unwrap()[0].version, 1);
}

pub async fn a_set_is_found_by_its_key_unit_until_it_is_settled(store: &dyn Store) {
    let jo: OwnerName = "jo".parse().unwrap();
    let here = region("eu-west-1");
    let find = async |snapshot: &str| store.set_with(&here, &snapshot.parse().unwrap()).await.unwrap();
    store.create(&root(), &backup(17, "web"), &[set(1, None), set(2, None)], &[]).await.unwrap();
    store.create(&jo, &backup(17, "web"), &[set(1, Some("snap-0000000f"))], &[]).await.unwrap();
    assert_eq!(find("snap-0000000f").await, Some((jo, ID, set(1, Some("snap-0000000f")))));
    assert_eq!(find("snap-0000000b").await, None);
    // Its first snapshot becomes known, then one that sorts before it.
    let mut asked = set(2, Some("snap-0000000b"));
    store.put_set(&root(), ID, &asked).await.unwrap();
    asked.version = 1;
    assert_eq!(find("snap-0000000b").await, Some((root(), ID, asked.clone())));
    asked.units[1].id = Some("snap-0000000a".parse().unwrap());
    asked.units[1].state = UnitState::Completed;
    asked.units[1].ended = Some(at(5));
    store.put_set(&root(), ID, &asked).await.unwrap();
    asked.version = 2;
    assert_eq!(find("snap-0000000b").await, None);
    assert_eq!(find("snap-0000000a").await, Some((root(), ID, asked.clone())));
    let elsewhere = store.set_with(&region("us-east-1"), &"snap-0000000a".parse().unwrap()).await;
    assert_eq!(elsewhere.unwrap(), None, "ids are a Region's");
    asked.units[0].state = UnitState::Failed;
    store.put_set(&root(), ID, &asked).await.unwrap();
    assert_eq!(find("snap-0000000a").await, None, "nothing more is heard of it");
}
