//! Ticks that are lost, doubled or cut short; executions that die.

use crate::machine::{At, End, Execution, start};
use cpm_app::{resume, schedule::Dispatcher};
use cpm_contracts::backup::StartBackup;
use cpm_domain::{
    alert::Category, backup::Phase, id::BackupId, resume::MOST_RESUMES, schedule::Schedule, status::Status,
};
use cpm_fakes::{Estate, Fate, at_each_call, sample};
use cpm_ports::{Alerts, Backups, Clock, Deadline, Execution as State, Executions, Leases, Machine, Slots};
use jiff::{SignedDuration, Timestamp};

fn hourly() -> Schedule {
    serde_json::from_str(
        r#"{"name": "hourly", "repeat": {"every": 1, "unit": "hours"}, "start": "2025-01-01T00:00", "timezone": "UTC"}"#,
    )
    .unwrap()
}

/// A policy that is due on the hour, at 2026-01-01 01:00 for the first time.
fn estate() -> Estate {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    estate.schedule(hourly());
    let policy = cpm_domain::policy::Policy { schedules: vec!["hourly".parse().unwrap()], ..sample::policy("web") };
    estate.policy(policy, [estate.target(web)]);
    estate.clock.set("2026-01-01T00:30:00Z".parse().unwrap());
    estate.slot("web", "hourly", "2026-01-01T01:00:00Z".parse().unwrap());
    estate
}

fn dispatcher(estate: &Estate) -> Dispatcher<'_> {
    Dispatcher { store: &estate.store, executions: &estate.executions, clock: &estate.clock }
}

fn soon(estate: &Estate) -> Deadline {
    Deadline(estate.clock.now() + SignedDuration::from_secs(50))
}

fn slots_started(estate: &Estate) -> Vec<Timestamp> {
    let started = estate.executions.started();
    started
        .iter()
        .filter(|started| started.machine == Machine::Backup)
        .filter_map(|started| serde_json::from_str::<StartBackup>(&started.input).unwrap().slot)
        .map(|slot| slot.at)
        .collect()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn nothing_is_started_before_its_time() {
    let estate = estate();
    let tick = dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!((tick.started, slots_started(&estate).len()), (0, 0));
}

#[tokio::test]
async fn a_slot_is_started_once_however_often_the_tick_comes() {
    let estate = estate();
    estate.clock.set(instant("2026-01-01T01:00:20Z"));
    for seed in 0..20 {
        estate.faults.interleave(seed);
        let (one, two, three) = (dispatcher(&estate), dispatcher(&estate), dispatcher(&estate));
        let deadline = soon(&estate);
        let (one, two, three) = tokio::join!(one.tick(deadline), two.tick(deadline), three.tick(deadline));
        assert!([one, two, three].iter().all(Result::is_ok));
    }
    assert_eq!(slots_started(&estate), [instant("2026-01-01T01:00:00Z")]);
}

#[tokio::test]
async fn ticks_lost_for_a_day_are_made_up_once() {
    let estate = estate();
    estate.clock.set(instant("2026-01-02T01:30:00Z"));
    let tick = dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!((tick.started, tick.made_up), (1, 24));
    assert_eq!(slots_started(&estate), [instant("2026-01-02T01:00:00Z")]);
    estate.clock.set(instant("2026-01-02T02:00:00Z"));
    dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!(slots_started(&estate).last(), Some(&instant("2026-01-02T02:00:00Z")));
}

#[tokio::test]
async fn two_schedules_at_one_instant_are_one_run() {
    let estate = estate();
    let mut other = serde_json::to_value(hourly()).unwrap();
    other["name"] = "other".into();
    estate.schedule(serde_json::from_value(other).unwrap());
    estate.slot("web", "other", instant("2026-01-01T01:00:00Z"));
    estate.clock.set(instant("2026-01-01T01:00:10Z"));
    let tick = dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!((tick.started, tick.already), (1, 1));
}

/// The dispatcher dies anywhere: the next tick starts what it did not, and nothing twice.
#[tokio::test]
async fn killed_anywhere() {
    let calls = at_each_call(
        Fate::Killed,
        async || {
            let estate = estate();
            estate.clock.set(instant("2026-01-01T01:00:20Z"));
            estate
        },
        async |estate: &Estate| {
            dispatcher(estate).tick(soon(estate)).await.unwrap();
        },
        async |estate: &Estate, crash| {
            estate.clock.advance(SignedDuration::from_mins(1));
            dispatcher(estate).tick(soon(estate)).await.unwrap();
            assert_eq!(slots_started(estate), [instant("2026-01-01T01:00:00Z")], "{crash}");
            let slots = estate.beside().store.slots(&sample::root(), &"web".parse().unwrap()).await.unwrap();
            assert_eq!(slots[0].1, Some(instant("2026-01-01T02:00:00Z")), "{crash}");
        },
    )
    .await;
    assert!(calls >= 4, "{calls} calls");
}

#[tokio::test]
async fn throttled_starts_are_waited_for() {
    let estate = estate();
    estate.clock.set(instant("2026-01-01T01:00:20Z"));
    estate.faults.throttle_next("states:StartExecution", 3);
    let tick = dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!((tick.started, tick.failed), (1, 0));
}

#[tokio::test]
async fn what_finds_no_time_stays_due() {
    let estate = estate();
    estate.clock.set(instant("2026-01-01T01:00:20Z"));
    let tick = dispatcher(&estate).tick(Deadline(estate.clock.now())).await.unwrap();
    assert!(tick.cut_short);
    assert_eq!(slots_started(&estate).len(), 0);
    dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!(slots_started(&estate).len(), 1);
}

#[tokio::test]
async fn a_slot_of_a_schedule_that_is_gone_is_closed() {
    let estate = estate();
    estate.change([cpm_ports::PolicyChange::RemoveSchedule("hourly".parse().unwrap())]);
    estate.clock.set(instant("2026-01-01T01:00:20Z"));
    let tick = dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!((tick.started, tick.failed), (0, 0));
    assert_eq!(dispatcher(&estate).tick(soon(&estate)).await.unwrap().already, 0, "it is not due again");
}

/// Kills the execution after `steps` steps and lets the dispatcher take the backup up again.
async fn die_after(estate: &Estate, steps: usize) -> Option<StartBackup> {
    let execution = Execution::new(estate, "first", start("web"));
    for _ in 0..steps {
        let at = execution.at();
        if matches!(at, At::Ended(_)) {
            return None;
        }
        execution.step(&at).await.unwrap();
    }
    estate.executions.set("first", State::Dead);
    let (owner, policy) = (sample::root(), "web".parse().unwrap());
    let noted = resume::execution_died(&estate.store, &owner, &policy, "first", estate.clock.now()).await.unwrap();
    if !noted {
        return None;
    }
    dispatcher(estate).tick(soon(estate)).await.unwrap();
    let started = estate.executions.started();
    Some(serde_json::from_str(&started.last().unwrap().input).unwrap())
}

#[tokio::test]
async fn a_dead_execution_is_taken_up_wherever_it_died() {
    let mut taken_up = 0;
    for steps in 0..12 {
        let estate = estate();
        let Some(resuming) = die_after(&estate, steps).await else { continue };
        taken_up += 1;
        let second = Execution::new(&estate, "second", resuming);
        let End::Finished(_, id) = second.run().await else { panic!("after {steps} steps") };
        assert_eq!(id, BackupId(1), "the same backup");
        assert_eq!(second.backup(id).await.status, Status::Successful, "after {steps} steps");
        assert_eq!(estate.aws.made().len(), 2, "after {steps} steps: none lost, none doubled");
        assert_eq!(estate.breaches(), Vec::<String>::new());
    }
    assert!(taken_up >= 6, "{taken_up}");
}

#[tokio::test]
async fn a_backup_that_dies_again_and_again_is_given_up_and_told() {
    let estate = estate();
    let execution = Execution::new(&estate, "e0", start("web"));
    execution.step(&execution.at()).await.unwrap();
    let (owner, policy) = (sample::root(), "web".parse().unwrap());
    for n in 0..=MOST_RESUMES {
        estate.executions.set(&format!("e{n}"), State::Dead);
        let now = estate.clock.now();
        assert!(resume::execution_died(&estate.store, &owner, &policy, &format!("e{n}"), now).await.unwrap());
        estate.clock.advance(SignedDuration::from_secs(1));
        dispatcher(&estate).tick(soon(&estate)).await.unwrap();
        if n < MOST_RESUMES {
            let input = estate.executions.started().last().unwrap().input.clone();
            let resuming = Execution::new(&estate, &format!("e{}", n + 1), serde_json::from_str(&input).unwrap());
            resuming.step(&resuming.at()).await.unwrap();
        }
    }
    let backup = estate.beside().store.backup(&owner, BackupId(1)).await.unwrap().unwrap();
    assert_eq!((backup.phase, backup.status), (Phase::Finished, Status::Failed));
    assert_eq!(estate.beside().store.lease(&owner, &policy).await.unwrap(), None, "the policy is free");
    assert!(estate.beside().store.alert(&owner, Category::Backup, "web").await.unwrap().is_some());
}

#[tokio::test]
async fn a_slow_execution_is_left_alone() {
    let estate = estate();
    let execution = Execution::new(&estate, "slow", start("web"));
    execution.step(&execution.at()).await.unwrap();
    estate.beside().executions.start(Machine::Backup, "slow", "{}").await.unwrap();
    estate.clock.advance(SignedDuration::from_hours(3));
    let before = estate.executions.started().len();
    let tick = dispatcher(&estate).tick(soon(&estate)).await.unwrap();
    assert_eq!(tick.resumed, 1);
    // The slots of those hours are due as well; the policy is theirs when the backup is done.
    let resumed = estate.executions.started()[before..].iter().any(|s| s.input.contains("\"resume\":1"));
    assert!(!resumed);
    assert!(matches!(execution.run().await, End::Finished(..)));
}

/// The execution that should take the backup up dies before it can take the lease, again and again.
#[tokio::test]
async fn a_resumption_that_never_begins_does_not_block_the_policy() {
    let estate = estate();
    let execution = Execution::new(&estate, "first", start("web"));
    execution.step(&execution.at()).await.unwrap();
    let (owner, policy) = (sample::root(), "web".parse().unwrap());
    for _ in 0..=MOST_RESUMES {
        estate.clock.advance(SignedDuration::from_hours(3));
        dispatcher(&estate).tick(soon(&estate)).await.unwrap();
        for started in estate.executions.started() {
            estate.executions.set(&started.name, State::Dead);
        }
    }
    assert_eq!(estate.beside().store.lease(&owner, &policy).await.unwrap(), None, "the policy is free");
    let backup = estate.beside().store.backup(&owner, BackupId(1)).await.unwrap().unwrap();
    assert_eq!(backup.status, Status::Failed);
    assert!(estate.beside().store.alert(&owner, Category::Backup, "web").await.unwrap().is_some());
}

#[tokio::test]
async fn an_execution_that_dies_before_its_backup_begins_is_told() {
    let estate = estate();
    let (owner, policy) = (sample::root(), "web".parse().unwrap());
    let now = estate.clock.now();
    assert!(!resume::execution_died(&estate.store, &owner, &policy, "first", now).await.unwrap());
    let alert = estate.beside().store.alert(&owner, Category::Backup, "web").await.unwrap().unwrap();
    assert!(alert.message.contains("nothing was backed up"), "{}", alert.message);
}
