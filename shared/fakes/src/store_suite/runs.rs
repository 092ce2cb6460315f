//! Runs of scripts.

use cpm_domain::{
    backup::{Backup, Phase},
    id::BackupId,
    name::OwnerName,
    script::{ScriptPhase, ScriptRun, ScriptState},
};
use cpm_ports::Store;
use futures::future::join_all;

use super::{
    assert_lost, assert_one_won,
    samples::{backup, root, run, set},
};

const ID: BackupId = BackupId(17);

pub async fn runs_come_in_order_of_phase_and_number(store: &dyn Store) {
    let numbers = |phase| (1..=12).map(move |number| run(phase, number));
    let runs: Vec<ScriptRun> = ScriptPhase::ALL.into_iter().flat_map(numbers).collect();
    let backwards: Vec<ScriptRun> = runs.iter().rev().cloned().collect();
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &backwards).await.unwrap();
    store.create(&root(), &backup(170, "web"), &[], &[run(ScriptPhase::After, 1)]).await.unwrap();
    assert_eq!(store.runs(&root(), ID).await.unwrap(), runs);
    assert_eq!(store.sets(&root(), ID).await.unwrap(), [set(1, None)], "no run is taken for a set");
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.runs(&jo, ID).await.unwrap(), []);
}

pub async fn a_run_changes_from_the_version_that_was_read(store: &dyn Store) {
    let planned = run(ScriptPhase::Before, 1);
    assert_lost(&store.put_run(&root(), ID, &planned).await);
    assert_eq!(store.runs(&root(), ID).await.unwrap(), [], "what is not there is not made");
    store.create(&root(), &backup(17, "web"), &[], std::slice::from_ref(&planned)).await.unwrap();
    let running = ScriptRun { state: ScriptState::Running, exit_code: None, output: None, error: None, ..planned };
    store.put_run(&root(), ID, &running).await.unwrap();
    assert_eq!(store.runs(&root(), ID).await.unwrap(), [ScriptRun { version: 1, ..running.clone() }]);
    assert_lost(&store.put_run(&root(), ID, &running).await);
    let ended = ScriptRun { version: 1, state: ScriptState::TimedOut, ..running };
    store.put_run(&root(), ID, &ended).await.unwrap();
    assert_eq!(store.runs(&root(), ID).await.unwrap(), [ScriptRun { version: 2, ..ended.clone() }]);
    let another = ScriptRun { phase: ScriptPhase::After, version: 2, ..ended };
    assert_lost(&store.put_run(&root(), ID, &another).await);
}

pub async fn a_run_is_changed_by_one_of_many(store: &dyn Store) {
    let planned = run(ScriptPhase::Before, 1);
    store.create(&root(), &backup(17, "web"), &[], std::slice::from_ref(&planned)).await.unwrap();
    let owner = root();
    let changes: Vec<ScriptRun> = (0..8).map(|code| ScriptRun { exit_code: Some(code), ..planned.clone() }).collect();
    assert_one_won(join_all(changes.iter().map(|run| store.put_run(&owner, ID, run))).await);
    assert_eq!(store.runs(&root(), ID).await.unwrap()[0].version, 1);
}

pub async fn runs_are_made_once_and_go_with_their_backup(store: &dyn Store) {
    let finished = Backup { phase: Phase::Finished, ..backup(17, "web") };
    let (first, second) = (run(ScriptPhase::Before, 1), run(ScriptPhase::After, 1));
    store.create(&root(), &finished, &[set(1, None)], std::slice::from_ref(&first)).await.unwrap();
    store.create(&root(), &finished, &[set(1, None)], &[first.clone(), second.clone()]).await.unwrap();
    assert_eq!(store.runs(&root(), ID).await.unwrap(), [first], "nothing is added to what is there");
    store
        .create(&root(), &Backup { id: BackupId(18), ..finished.clone() }, &[], std::slice::from_ref(&second))
        .await
        .unwrap();
    assert_lost(&store.remove(&root(), ID).await);
    assert_eq!(store.runs(&root(), ID).await.unwrap().len(), 1, "nothing of it went");
    store.put(&root(), &Backup { phase: Phase::Deleted, ..finished }, Phase::Finished).await.unwrap();
    store.remove(&root(), ID).await.unwrap();
    assert_eq!(store.runs(&root(), ID).await.unwrap(), []);
    assert_eq!(store.runs(&root(), BackupId(18)).await.unwrap(), [second], "others stay");
}
