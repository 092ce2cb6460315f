//! Drills and their slots.

use cpm_domain::{
    drill::{Drill, DrillId, State},
    name::OwnerName,
};
use cpm_ports::{DrillQuery, Due, DueItem, PolicyChange, Store};
use futures::future::join_all;

use super::{
    assert_lost, assert_one_won,
    samples::{at, drill, event, policy_name, root, schedule_name},
};

async fn put_slot(store: &dyn Store, policy: &str, schedule: &str, next: Option<jiff::Timestamp>) {
    let change = PolicyChange::PutDrillSlot { policy: policy_name(policy), schedule: schedule_name(schedule), next };
    store.change(&root(), &[(change, event(0, schedule))]).await.unwrap();
}

fn due(policy: &str, schedule: &str, at: jiff::Timestamp) -> DueItem {
    let what = Due::Drill { policy: policy_name(policy), schedule: schedule_name(schedule) };
    DueItem { owner: root(), at, what }
}

pub async fn a_drill_slot_is_due_beside_the_others(store: &dyn Store) {
    let (web, nightly) = (policy_name("web"), schedule_name("nightly"));
    let backup = PolicyChange::PutSlot { policy: web.clone(), schedule: nightly.clone(), next: Some(at(10)) };
    store.change(&root(), &[(backup, event(0, "web"))]).await.unwrap();
    put_slot(store, "web", "nightly", Some(at(20))).await;
    put_slot(store, "db", "nightly", None).await;
    let of_backup = DueItem {
        what: Due::Slot { policy: web.clone(), schedule: nightly.clone() },
        ..due("web", "nightly", at(10))
    };
    assert_eq!(store.due(at(100), None, 10).await.unwrap(), [of_backup.clone(), due("web", "nightly", at(20))]);
    assert_eq!(store.due(at(100), Some(&of_backup), 10).await.unwrap(), [due("web", "nightly", at(20))]);
    assert_eq!(
        store.slots(&root(), &web).await.unwrap(),
        [(nightly.clone(), Some(at(10)))],
        "not one of its backups"
    );
    assert_eq!(store.drill_slot(&root(), &web).await.unwrap(), Some((nightly.clone(), Some(at(20)))));
    assert_eq!(store.drill_slot(&root(), &policy_name("db")).await.unwrap(), Some((nightly, None)));
    let gone = PolicyChange::RemoveDrillSlot { policy: web.clone() };
    store.change(&root(), &[(gone, event(0, "web"))]).await.unwrap();
    assert_eq!(store.drill_slot(&root(), &web).await.unwrap(), None);
    assert_eq!(store.due(at(100), None, 10).await.unwrap(), [of_backup]);
}

pub async fn a_drill_slot_is_advanced_by_one_of_many(store: &dyn Store) {
    let (owner, web, nightly) = (root(), policy_name("web"), schedule_name("nightly"));
    assert_lost(&store.advance_drill(&owner, &web, &nightly, at(0), Some(at(10))).await);
    put_slot(store, "web", "nightly", Some(at(0))).await;
    assert_lost(&store.advance_drill(&owner, &web, &schedule_name("hourly"), at(0), Some(at(10))).await);
    let tries = (0..8).map(|n| store.advance_drill(&owner, &web, &nightly, at(0), Some(at(100 + n))));
    assert_one_won(join_all(tries).await);
    assert_eq!(store.due(at(99), None, 10).await.unwrap(), []);
    let (_, next) = store.drill_slot(&owner, &web).await.unwrap().unwrap();
    assert_eq!(store.due(at(200), None, 10).await.unwrap(), [due("web", "nightly", next.unwrap())]);
    store.advance_drill(&owner, &web, &nightly, next.unwrap(), None).await.unwrap();
    assert_eq!(store.due(at(1_000), None, 10).await.unwrap(), [], "never again");
}

pub async fn numbers_of_drills_are_given_once(store: &dyn Store) {
    let owner = root();
    let numbers = join_all((0..8).map(|_| store.next_drill(&owner))).await;
    let mut numbers: Vec<DrillId> = numbers.into_iter().map(Result::unwrap).collect();
    numbers.sort();
    assert_eq!(numbers, (1..=8).map(DrillId).collect::<Vec<_>>());
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.next_drill(&jo).await.unwrap(), DrillId(1));
}

pub async fn a_drill_changes_from_the_version_that_was_read(store: &dyn Store) {
    let first = drill(5, "web");
    assert_eq!(store.drill(&root(), DrillId(5)).await.unwrap(), None);
    store.put_drill(&root(), &first).await.unwrap();
    assert_lost(&store.put_drill(&root(), &first).await);
    let stored = store.drill(&root(), DrillId(5)).await.unwrap().unwrap();
    assert_eq!(stored, Drill { version: 1, ..first });
    let ended = Drill { state: State::Failed, ended: Some(at(9)), ..stored.clone() };
    store.put_drill(&root(), &ended).await.unwrap();
    assert_lost(&store.put_drill(&root(), &stored).await);
    assert_eq!(store.drill(&root(), DrillId(5)).await.unwrap(), Some(Drill { version: 2, ..ended }));
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.drill(&jo, DrillId(5)).await.unwrap(), None);
}

pub async fn drills_are_listed_newest_first(store: &dyn Store) {
    for (id, policy) in [(1, "web"), (2, "db"), (3, "web"), (10, "web")] {
        store.put_drill(&root(), &drill(id, policy)).await.unwrap();
    }
    let list = async |policy: Option<&str>, before: Option<u64>, limit| {
        let query = DrillQuery { policy: policy.map(policy_name), limit, before: before.map(DrillId) };
        let page = store.drills(&root(), &query).await.unwrap();
        (page.drills.iter().map(|drill| drill.id.0).collect::<Vec<_>>(), page.next.map(|id| id.0))
    };
    assert_eq!(list(None, None, 10).await, (vec![10, 3, 2, 1], None));
    assert_eq!(list(None, None, 2).await, (vec![10, 3], Some(3)));
    assert_eq!(list(None, Some(3), 2).await, (vec![2, 1], None));
    assert_eq!(list(Some("web"), None, 2).await, (vec![10, 3], Some(3)));
    assert_eq!(list(Some("web"), Some(3), 2).await, (vec![1], None));
}
