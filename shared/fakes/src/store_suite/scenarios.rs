//! Runs of scenarios.

use cpm_domain::scenario::{Run, RunId, State};
use cpm_ports::Store;
use futures::future::join_all;

use super::{
    assert_lost,
    samples::{at, root, scenario},
};

pub async fn numbers_of_scenarios_are_given_once(store: &dyn Store) {
    let owner = root();
    store.next_drill(&owner).await.unwrap();
    let numbers = join_all((0..8).map(|_| store.next_scenario(&owner))).await;
    let mut numbers: Vec<RunId> = numbers.into_iter().map(Result::unwrap).collect();
    numbers.sort();
    assert_eq!(numbers, (1..=8).map(RunId).collect::<Vec<_>>(), "they are not those of drills");
}

pub async fn a_scenario_changes_from_the_version_that_was_read(store: &dyn Store) {
    let first = scenario(3);
    assert_eq!(store.scenario(&root(), RunId(3)).await.unwrap(), None);
    store.put_scenario(&root(), &first).await.unwrap();
    assert_lost(&store.put_scenario(&root(), &first).await);
    let stored = store.scenario(&root(), RunId(3)).await.unwrap().unwrap();
    assert_eq!(stored, Run { version: 1, ..first });
    let ended = Run { state: State::Failed, ended: Some(at(9)), ..stored.clone() };
    store.put_scenario(&root(), &ended).await.unwrap();
    assert_lost(&store.put_scenario(&root(), &stored).await);
    assert_eq!(store.scenario(&root(), RunId(3)).await.unwrap(), Some(Run { version: 2, ..ended }));
}

pub async fn scenarios_are_listed_newest_first(store: &dyn Store) {
    for id in [1, 2, 10] {
        store.put_scenario(&root(), &scenario(id)).await.unwrap();
    }
    let list = async |before: Option<u64>, limit| {
        let page = store.scenarios(&root(), before.map(RunId), limit).await.unwrap();
        (page.runs.iter().map(|run| run.id.0).collect::<Vec<_>>(), page.next.map(|id| id.0))
    };
    assert_eq!(list(None, 5).await, (vec![10, 2, 1], None));
    assert_eq!(list(None, 2).await, (vec![10, 2], Some(2)));
    assert_eq!(list(Some(2), 2).await, (vec![1], None));
}
