//! Holds on drills and scenarios.

use cpm_domain::{name::OwnerName, scenario::RunId};
use cpm_ports::{Due, DueItem, Held, Hold, Store};
use futures::future::join_all;

use super::{
    assert_lost,
    samples::{at, hold, policy_name, root},
};

fn web() -> Held {
    Held::Drills(policy_name("web"))
}

pub async fn a_hold_is_taken_by_one_of_many(store: &dyn Store) {
    let owner = root();
    let wanted: Vec<Hold> = (0..8).map(|n| hold(web(), &format!("execution-{n}"), at(100))).collect();
    let outcomes = join_all(wanted.iter().map(|hold| store.take_hold(&owner, hold, None))).await;
    let outcomes: Vec<Option<Hold>> = outcomes.into_iter().map(Result::unwrap).collect();
    let winners: Vec<&Hold> =
        wanted.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_none()).map(|(hold, _)| hold).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().flatten().all(|standing| standing == winners[0]), "the others are told who has it");
    assert_eq!(store.hold(&owner, &web()).await.unwrap().as_ref(), Some(winners[0]));
    // Other things and other owners have holds of their own.
    let jo: OwnerName = "jo".parse().unwrap();
    for on in [Held::Drills(policy_name("db")), Held::Scenario(RunId(1)), Held::Scenario(RunId(11))] {
        assert_eq!(store.take_hold(&owner, &hold(on, "x", at(0)), None).await.unwrap(), None);
    }
    assert_eq!(store.take_hold(&jo, &hold(web(), "x", at(0)), None).await.unwrap(), None);
}

pub async fn a_hold_is_taken_instead_of_its_execution(store: &dyn Store) {
    let (dead, heir, late) = (hold(web(), "dead", at(0)), hold(web(), "heir", at(50)), hold(web(), "late", at(50)));
    assert_eq!(store.take_hold(&root(), &dead, None).await.unwrap(), None);
    assert_eq!(store.take_hold(&root(), &dead, None).await.unwrap(), None, "a repeated try");
    store.renew_hold(&root(), &dead, at(10)).await.unwrap();
    assert_eq!(store.take_hold(&root(), &heir, Some(&dead)).await.unwrap(), None);
    assert_eq!(store.take_hold(&root(), &late, Some(&dead)).await.unwrap(), Some(heir.clone()));
    assert_eq!(store.take_hold(&root(), &heir, Some(&dead)).await.unwrap(), None, "a repeated try");
    assert_eq!(store.hold(&root(), &web()).await.unwrap(), Some(heir));
}

pub async fn a_hold_is_renewed_and_released_by_its_execution_alone(store: &dyn Store) {
    let (mine, other) = (hold(web(), "a", at(0)), hold(web(), "b", at(0)));
    assert_lost(&store.renew_hold(&root(), &mine, at(10)).await);
    store.release_hold(&root(), &mine).await.unwrap();
    store.take_hold(&root(), &mine, None).await.unwrap();
    store.renew_hold(&root(), &mine, at(10)).await.unwrap();
    assert_lost(&store.renew_hold(&root(), &other, at(20)).await);
    store.release_hold(&root(), &other).await.unwrap();
    assert_eq!(store.hold(&root(), &web()).await.unwrap(), Some(Hold { expires: at(10), ..mine.clone() }));
    store.release_hold(&root(), &mine).await.unwrap();
    assert_eq!(store.hold(&root(), &web()).await.unwrap(), None);
}

pub async fn a_hold_is_due_until_it_is_released(store: &dyn Store) {
    let scenario = hold(Held::Scenario(RunId(3)), "b", at(90));
    let drill = hold(web(), "a", at(100));
    for hold in [&scenario, &drill] {
        store.take_hold(&root(), hold, None).await.unwrap();
    }
    let due = |hold: &Hold| DueItem { owner: root(), at: hold.expires, what: Due::Hold(hold.clone()) };
    assert_eq!(store.due(at(89), None, 10).await.unwrap(), []);
    assert_eq!(store.due(at(100), None, 10).await.unwrap(), [due(&scenario), due(&drill)]);
    assert_eq!(store.due(at(100), Some(&due(&scenario)), 10).await.unwrap(), [due(&drill)]);
    store.renew_hold(&root(), &scenario, at(200)).await.unwrap();
    assert_eq!(store.due(at(199), None, 10).await.unwrap(), [due(&drill)]);
    store.release_hold(&root(), &drill).await.unwrap();
    assert_eq!(store.due(at(200), None, 10).await.unwrap(), [due(&Hold { expires: at(200), ..scenario })]);
}
