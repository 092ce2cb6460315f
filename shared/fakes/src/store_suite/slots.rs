//! Due instants.

use cpm_domain::{
    name::OwnerName,
    recovery::{Recovery, RecoveryId, State, course::Course},
};
use cpm_ports::{Due, DueItem, PolicyChange, Store};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    assert_lost, assert_one_won,
    samples::{at, event, lease, policy_name, recovery, root, schedule_name},
};

async fn put(store: &dyn Store, owner: &OwnerName, policy: &str, schedule: &str, next: Option<Timestamp>) {
    let change = PolicyChange::PutSlot { policy: policy_name(policy), schedule: schedule_name(schedule), next };
    store.change(owner, &[(change, event(0, schedule))]).await.unwrap();
}

fn slot(policy: &str, schedule: &str, at: Timestamp) -> DueItem {
    let what = Due::Slot { policy: policy_name(policy), schedule: schedule_name(schedule) };
    DueItem { owner: root(), at, what }
}

pub async fn what_is_due_comes_in_order_and_in_parts(store: &dyn Store) {
    let a_moment_later = at(30).checked_add(SignedDuration::from_nanos(1)).unwrap();
    put(store, &root(), "web", "weekly", Some(at(20))).await;
    put(store, &root(), "web", "nightly", Some(at(10))).await;
    put(store, &root(), "db", "LEASE", Some(at(20))).await;
    put(store, &root(), "web", "week", Some(at(20))).await;
    put(store, &root(), "web", "now", Some(at(30))).await;
    put(store, &root(), "web", "soon", Some(a_moment_later)).await;
    let held = lease("db", "a", at(20));
    store.take(&root(), &held, None).await.unwrap();
    // Two that are watched, and two that are not: one of them no longer.
    for (id, watch) in [(1, Some(20)), (2, Some(30)), (3, None), (4, Some(20))] {
        let watched =
            Recovery { course: Course { watch: watch.map(at), ..Course::default() }, ..recovery(id, "web") };
        store.put_recovery(&root(), &watched).await.unwrap();
    }
    let course = Course { watch: Some(at(20)), ..Course::default() };
    let ended = Recovery { version: 1, state: State::Failed, course, ..recovery(4, "web") };
    store.put_recovery(&root(), &ended).await.unwrap();
    let all = store.due(at(30), None, 100).await.unwrap();
    let mut expected = vec![
        slot("web", "nightly", at(10)),
        slot("db", "LEASE", at(20)),
        DueItem { owner: root(), at: at(20), what: Due::Lease(held) },
        DueItem { owner: root(), at: at(20), what: Due::Recovery(RecoveryId(1)) },
        DueItem { owner: root(), at: at(30), what: Due::Recovery(RecoveryId(2)) },
        slot("web", "week", at(20)),
        slot("web", "weekly", at(20)),
        slot("web", "now", at(30)),
    ];
    for item in &all {
        let n = expected.iter().position(|other| other == item).expect("nothing twice, nothing that is not due");
        expected.remove(n);
    }
    assert_eq!(expected, [], "all that is due");
    assert!(all.is_sorted_by_key(|item| item.at), "{all:?}");
    for size in 1..4 {
        let mut parts: Vec<DueItem> = Vec::new();
        loop {
            let part = store.due(at(30), parts.last(), size).await.unwrap();
            assert!(part.len() <= size);
            if part.is_empty() {
                break;
            }
            parts.extend(part);
        }
        assert_eq!(parts, all, "in parts of {size}");
    }
}

pub async fn what_is_due_comes_of_all_owners(store: &dyn Store) {
    let jo: OwnerName = "jo".parse().unwrap();
    put(store, &root(), "web", "nightly", Some(at(20))).await;
    put(store, &jo, "web", "nightly", Some(at(10))).await;
    let due = store.due(at(20), None, 10).await.unwrap();
    assert_eq!(
        due,
        [DueItem { owner: jo.clone(), ..slot("web", "nightly", at(10)) }, slot("web", "nightly", at(20))]
    );
    assert_lost(&store.advance(&root(), &policy_name("web"), &schedule_name("nightly"), at(10), None).await);
    store.advance(&jo, &policy_name("web"), &schedule_name("nightly"), at(10), None).await.unwrap();
    assert_eq!(store.due(at(20), None, 10).await.unwrap(), [slot("web", "nightly", at(20))]);
}

pub async fn a_slot_is_advanced_by_one_of_many(store: &dyn Store) {
    put(store, &root(), "web", "nightly", Some(at(0))).await;
    let (web, nightly) = (policy_name("web"), schedule_name("nightly"));
    let owner = root();
    let tries = (0..8).map(|n| store.advance(&owner, &web, &nightly, at(0), Some(at(100 + n))));
    assert_one_won(join_all(tries).await);
    let slots = store.slots(&owner, &web).await.unwrap();
    let (_, next) = slots[0].clone();
    assert!(next > Some(at(99)));
    assert_eq!(store.due(at(99), None, 10).await.unwrap(), []);
    assert_eq!(store.due(at(200), None, 10).await.unwrap(), [slot("web", "nightly", next.unwrap())]);
}

pub async fn a_slot_that_is_gone_is_not_advanced(store: &dyn Store) {
    let (web, nightly) = (policy_name("web"), schedule_name("nightly"));
    assert_lost(&store.advance(&root(), &web, &nightly, at(0), Some(at(10))).await);
    put(store, &root(), "web", "nightly", Some(at(0))).await;
    let removal = PolicyChange::RemoveSlot { policy: web.clone(), schedule: nightly.clone() };
    store.change(&root(), &[(removal, event(0, "web"))]).await.unwrap();
    assert_lost(&store.advance(&root(), &web, &nightly, at(0), Some(at(10))).await);
    assert_eq!(store.slots(&root(), &web).await.unwrap(), [], "it does not come back");
    assert_eq!(store.due(at(10), None, 10).await.unwrap(), []);
}

pub async fn a_slot_that_never_runs_again_is_not_due(store: &dyn Store) {
    let (web, nightly, hourly) = (policy_name("web"), schedule_name("nightly"), schedule_name("hourly"));
    put(store, &root(), "web", "nightly", Some(at(0))).await;
    put(store, &root(), "web", "hourly", None).await;
    store.advance(&root(), &web, &nightly, at(0), None).await.unwrap();
    assert_lost(&store.advance(&root(), &web, &nightly, at(0), Some(at(10))).await);
    assert_eq!(store.due(at(1000), None, 10).await.unwrap(), []);
    assert_eq!(store.slots(&root(), &web).await.unwrap(), [(hourly, None), (nightly, None)], "they are known still");
    put(store, &root(), "web", "nightly", Some(at(5))).await;
    assert_eq!(store.due(at(1000), None, 10).await.unwrap(), [slot("web", "nightly", at(5))]);
}
