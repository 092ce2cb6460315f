//! Leases on policies.

use cpm_domain::name::OwnerName;
use cpm_ports::{Due, DueItem, Lease, LeaseOutcome, Store};
use futures::future::join_all;

use super::{
    assert_lost,
    samples::{at, lease, policy_name, root},
};

async fn held(store: &dyn Store) -> Option<Lease> {
    store.lease(&root(), &policy_name("web")).await.unwrap()
}

pub async fn a_lease_is_taken_by_one_of_many(store: &dyn Store) {
    let owner = root();
    let wanted: Vec<Lease> = (0..8).map(|n| lease("web", &format!("holder-{n}"), at(100))).collect();
    let outcomes = join_all(wanted.iter().map(|lease| store.take(&owner, lease, None))).await;
    let outcomes: Vec<LeaseOutcome> = outcomes.into_iter().map(Result::unwrap).collect();
    let winners: Vec<&Lease> = wanted
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == LeaseOutcome::Taken)
        .map(|(l, _)| l)
        .collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    for outcome in &outcomes {
        if let LeaseOutcome::Held(by) = outcome {
            assert_eq!(by, winners[0], "the others are told who has it");
        }
    }
    assert_eq!(held(store).await.as_ref(), Some(winners[0]));
    // Another policy and another owner have leases of their own.
    assert_eq!(store.take(&owner, &lease("db", "x", at(0)), None).await.unwrap(), LeaseOutcome::Taken);
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.take(&jo, &lease("web", "x", at(0)), None).await.unwrap(), LeaseOutcome::Taken);
}

pub async fn a_lease_is_taken_again_by_its_holder(store: &dyn Store) {
    let (first, again) = (lease("web", "a", at(0)), lease("web", "a", at(50)));
    assert_eq!(store.take(&root(), &first, None).await.unwrap(), LeaseOutcome::Taken);
    assert_eq!(store.take(&root(), &again, None).await.unwrap(), LeaseOutcome::Taken);
    assert_eq!(held(store).await, Some(again.clone()));
    // However late it is: a lease that ran out is not free.
    let other = store.take(&root(), &lease("web", "b", at(9_999)), None).await.unwrap();
    assert_eq!(other, LeaseOutcome::Held(again));
}

pub async fn a_lease_is_taken_instead_of_its_holder(store: &dyn Store) {
    let (dead, heir, late) =
        (lease("web", "dead", at(0)), lease("web", "heir", at(50)), lease("web", "late", at(50)));
    assert_eq!(store.take(&root(), &dead, None).await.unwrap(), LeaseOutcome::Taken);
    // Its end may have been put off since it was read.
    store.renew(&root(), &dead, at(10)).await.unwrap();
    assert_eq!(store.take(&root(), &heir, Some(&dead)).await.unwrap(), LeaseOutcome::Taken);
    assert_eq!(store.take(&root(), &late, Some(&dead)).await.unwrap(), LeaseOutcome::Held(heir.clone()));
    assert_eq!(store.take(&root(), &heir, Some(&dead)).await.unwrap(), LeaseOutcome::Taken, "a repeated try");
    assert_eq!(held(store).await, Some(heir.clone()));
    store.release(&root(), &heir).await.unwrap();
    assert_eq!(store.take(&root(), &late, Some(&dead)).await.unwrap(), LeaseOutcome::Taken, "nobody has it");
}

pub async fn a_lease_is_renewed_by_its_holder_alone(store: &dyn Store) {
    let (mine, other) = (lease("web", "a", at(0)), lease("web", "b", at(0)));
    assert_lost(&store.renew(&root(), &mine, at(10)).await);
    assert_eq!(held(store).await, None, "a renewal takes nothing");
    store.take(&root(), &mine, None).await.unwrap();
    store.renew(&root(), &mine, at(10)).await.unwrap();
    assert_lost(&store.renew(&root(), &other, at(20)).await);
    assert_eq!(held(store).await, Some(Lease { expires: at(10), ..mine }));
}

pub async fn a_lease_is_released_by_its_holder_alone(store: &dyn Store) {
    let (mine, other) = (lease("web", "a", at(0)), lease("web", "b", at(0)));
    store.release(&root(), &mine).await.unwrap();
    store.take(&root(), &mine, None).await.unwrap();
    store.release(&root(), &other).await.unwrap();
    assert_eq!(held(store).await, Some(mine.clone()));
    store.release(&root(), &Lease { expires: at(99), ..mine.clone() }).await.unwrap();
    assert_eq!(held(store).await, None);
    assert_eq!(store.due(at(100), None, 10).await.unwrap(), []);
}

pub async fn a_lease_that_runs_out_is_due(store: &dyn Store) {
    let mine = lease("web", "a", at(100));
    store.take(&root(), &mine, None).await.unwrap();
    assert_eq!(store.due(at(99), None, 10).await.unwrap(), []);
    let due = |lease: &Lease| [DueItem { owner: root(), at: lease.expires, what: Due::Lease(lease.clone()) }];
    assert_eq!(store.due(at(100), None, 10).await.unwrap(), due(&mine));
    store.renew(&root(), &mine, at(200)).await.unwrap();
    assert_eq!(store.due(at(199), None, 10).await.unwrap(), []);
    store.renew(&root(), &mine, at(5)).await.unwrap();
    assert_eq!(store.due(at(5), None, 10).await.unwrap(), due(&Lease { expires: at(5), ..mine }), "due at once");
}
