//! What holds a recovery up, and what it holds: approval, executions that die, and backups that are not deleted under it.

use cpm_app::{recovery::resume::execution_died, schedule::Dispatcher};
use cpm_contracts::api::AnswerRequest;
use cpm_domain::{
    alert::Category,
    audit::Actor,
    backup::Phase,
    id::BackupId,
    policy::Policy,
    recovery::{
        Approval, RecoveryId, State,
        approval::Secret,
        plan::{Plan, RecoveryKind},
    },
};
use cpm_fakes::{Estate, sample};
use cpm_ports::{Alerts, Backups, Clock, Deadline, Execution as Standing, Machine};
use jiff::SignedDuration;

use crate::{
    cleanup::{clean, ids},
    recovery_machine::{At, End, Execution, back_up, record, recovery},
};

async fn estate() -> Estate {
    let estate = Estate::new();
    let data = estate.volume("us-east-1");
    estate.policy(Policy { generations: 1, ..sample::policy("web") }, [estate.target(data)]);
    back_up(&estate).await;
    estate
}

fn volumes() -> Plan {
    Plan::new(BackupId(1), RecoveryKind::Volumes)
}

pub async fn tick(estate: &Estate) -> cpm_app::schedule::Tick {
    let dispatcher = Dispatcher { store: &estate.store, executions: &estate.executions, clock: &estate.clock };
    dispatcher.tick(Deadline(estate.clock.now() + SignedDuration::from_secs(50))).await.unwrap()
}

/// Runs a recovery as far as its calls, and lets its execution die there.
async fn die(estate: &Estate, id: RecoveryId, name: &str) {
    let execution = Execution::new(estate, id, name);
    for _ in 0..3 {
        execution.step(&execution.at()).await.unwrap();
    }
    estate.executions.set(name, Standing::Dead);
    let told = execution_died(&estate.store, &sample::root(), id, name, estate.clock.now()).await.unwrap();
    assert!(told, "it is looked at by the next tick");
}

#[tokio::test]
async fn a_recovery_whose_execution_died_is_taken_up() {
    let estate = estate().await;
    let id = record(&estate, volumes(), |recovery| recovery.execution = Some("first".to_owned())).await;
    estate.executions.runs(Machine::Recovery, "first");
    die(&estate, id, "first").await;
    assert_eq!(tick(&estate).await.resumed, 1);
    let started = estate.executions.started().pop().unwrap();
    assert_eq!(started.machine, Machine::Recovery);
    assert!(started.name.ends_with("-r1-1"), "{}", started.name);
    let second = Execution::new(&estate, id, &started.name);
    assert_eq!(second.run().await, End::Finished(State::Succeeded));
    assert_eq!(estate.aws.recovered().len(), 1, "what the first made is not made again");
    // The one that was thought to be dead lives after all: it stops.
    let first = Execution::new(&estate, id, "first");
    assert_eq!(first.run().await, End::TakenOver);
    assert_eq!(tick(&estate).await.resumed, 0, "nothing is due any more");
}

#[tokio::test]
async fn one_that_dies_again_and_again_is_given_up_and_told() {
    let estate = estate().await;
    let id = record(&estate, volumes(), |recovery| recovery.execution = Some("first".to_owned())).await;
    estate.executions.runs(Machine::Recovery, "first");
    let mut name = "first".to_owned();
    for n in 1..=3 {
        die(&estate, id, &name).await;
        tick(&estate).await;
        name = estate.executions.started().pop().unwrap().name;
        assert!(name.ends_with(&format!("-r1-{n}")), "{name}");
    }
    die(&estate, id, &name).await;
    tick(&estate).await;
    let ended = recovery(&estate, id).await;
    assert_eq!(ended.state, State::Failed);
    assert!(ended.errors[0].to_string().starts_with("ExecutionDied: its execution died 4 times"));
    let alert = estate.beside().store.alert(&sample::root(), Category::Recovery, "web").await.unwrap().unwrap();
    assert!(alert.message.contains("it made volume vol-"), "{}", alert.message);
    assert_eq!(tick(&estate).await.resumed, 0);
}

/// The notice is lost, and so is the start: the tick finds both in time.
#[tokio::test]
async fn what_nobody_told_of_is_found_by_the_tick() {
    let estate = estate().await;
    let now = estate.clock.now();
    let id = record(&estate, volumes(), |recovery| {
        recovery.execution = Some("never-started".to_owned());
        recovery.course.watch = Some(now + SignedDuration::from_mins(10));
    })
    .await;
    assert_eq!(tick(&estate).await.resumed, 0);
    estate.clock.advance(SignedDuration::from_mins(11));
    tick(&estate).await;
    assert_eq!(estate.executions.started().pop().unwrap().name, "never-started");
    let execution = Execution::new(&estate, id, "never-started");
    execution.step(&At::Check).await.unwrap();
    tick(&estate).await;
    assert_eq!(estate.executions.started().len(), 1);
    // It dies unheard.
    estate.executions.set("never-started", Standing::Dead);
    estate.clock.advance(SignedDuration::from_hours(3));
    tick(&estate).await;
    assert!(estate.executions.started().pop().unwrap().name.ends_with("-r1-1"));
}

/// Retention never deletes what is being recovered from; it goes when the recovery is over.
#[tokio::test]
async fn a_backup_that_is_recovered_from_stays() {
    let estate = estate().await;
    let id = record(&estate, volumes(), |_| {}).await;
    estate.clock.advance(SignedDuration::from_hours(1));
    back_up(&estate).await;
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [2, 1], "one generation is kept, and the one that is in use");
    let execution = Execution::new(&estate, id, "x");
    assert_eq!(execution.run().await, End::Finished(State::Succeeded));
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [2]);
}

/// One that was marked before is not deleted under the recovery either, and nobody is alarmed for it.
#[tokio::test]
async fn a_backup_that_was_marked_is_not_deleted_under_a_recovery() {
    let estate = estate().await;
    let id = record(&estate, volumes(), |_| {}).await;
    let store = estate.beside().store;
    let mut backup = store.backup(&sample::root(), BackupId(1)).await.unwrap().unwrap();
    backup.phase = Phase::Deleting;
    store.put(&sample::root(), &backup, Phase::Finished).await.unwrap();
    let settled = clean(&estate).await.unwrap();
    assert_eq!((settled.removed, settled.blocked), (0, 0));
    assert_eq!(estate.aws.made().len(), 1);
    assert!(store.alerts(&sample::root()).await.unwrap().is_empty());
    // The recovery finds it marked before it asked for anything, and ends.
    let execution = Execution::new(&estate, id, "x");
    assert_eq!(execution.run().await, End::Finished(State::Failed));
    let errors = recovery(&estate, id).await.errors;
    assert!(errors[0].message.contains("is deleted or being deleted"), "{errors:?}");
    assert_eq!(estate.faults.count("ec2:CreateVolume"), 0);
    assert_eq!(clean(&estate).await.unwrap().removed, 1);
}

fn approval(estate: &Estate) -> Approval {
    Approval::asked(estate.clock.now(), Secret::new([7; 32]))
}

async fn waiting(estate: &Estate) -> Execution {
    let asked = approval(estate);
    let id = record(estate, volumes(), |recovery| {
        recovery.state = State::WaitingForApproval;
        recovery.approval = Some(asked);
    })
    .await;
    let execution = Execution::new(estate, id, "x");
    execution.step(&At::Check).await.unwrap();
    assert_eq!(execution.at(), At::Ask);
    execution.step(&At::Ask).await.unwrap();
    assert_eq!(estate.aws.recovered(), [], "nothing is made before somebody says yes");
    execution
}

async fn answer(execution: &Execution, approved: bool) {
    let estate = &execution.estate;
    let approvals = cpm_app::recovery::approval::Approvals {
        store: &estate.store,
        executions: &estate.executions,
        clock: &estate.clock,
    };
    let request = AnswerRequest { approved, reason: None };
    let somebody = Actor::Caller("somebody".to_owned());
    approvals.answer(&sample::root(), execution.running.recovery, &somebody, &request).await.unwrap();
}

#[tokio::test]
async fn a_yes_lets_it_go_on_and_is_checked_again() {
    let estate = estate().await;
    let execution = waiting(&estate).await;
    estate.clock.advance(SignedDuration::from_hours(5));
    answer(&execution, true).await;
    assert!(estate.executions.woken().contains(&"a-token".to_owned()));
    assert_eq!(execution.run().await, End::Finished(State::Succeeded));
    assert!(execution.recovery().await.checked > sample::start() + SignedDuration::from_hours(5), "checked again");
}

#[tokio::test]
async fn a_no_or_nothing_ends_it_without_an_alert() {
    for approved in [Some(false), None] {
        let estate = estate().await;
        let execution = waiting(&estate).await;
        match approved {
            Some(approved) => answer(&execution, approved).await,
            None => estate.clock.advance(SignedDuration::from_hours(25)),
        }
        assert_eq!(execution.run().await, End::Refused);
        let ended = execution.recovery().await;
        assert_eq!((ended.state, ended.works), (State::Failed, 0));
        assert_eq!(estate.aws.recovered(), []);
        assert!(estate.beside().store.alerts(&sample::root()).await.unwrap().is_empty());
        assert_eq!(tick(&estate).await.resumed, 0);
    }
}

/// A later success takes the alert down.
#[tokio::test]
async fn the_next_success_clears_the_alert() {
    let estate = estate().await;
    let standing = async || estate.beside().store.alert(&sample::root(), Category::Recovery, "web").await.unwrap();
    for (denied, stands) in [(true, true), (false, false)] {
        if denied {
            estate.faults.deny("ec2:CreateVolume", "us-east-1");
        } else {
            estate.faults.clear();
        }
        let id = record(&estate, volumes(), |_| {}).await;
        Execution::new(&estate, id, &format!("x{id}")).run().await;
        assert_eq!(standing().await.is_some(), stands);
    }
}
