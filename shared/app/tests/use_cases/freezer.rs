//! What is frozen stays, whoever else is at work.

use crate::{
    cleanup::{clean, estate, ids, steps},
    machine::{Execution, start},
};
use cpm_app::{configuration::Setup, freezer::Freezer};
use cpm_contracts::{
    api::{FreezeRequest, FrozenView, Unfrozen},
    backup::{Next, Running},
    cleanup::StartCleanup,
};
use cpm_domain::{
    audit::Actor,
    backup::{Backup, Phase},
    freezer::Afterwards,
    id::BackupId,
    name::OwnerName,
    schedule::Zone,
};
use cpm_fakes::{Estate, Fate, at_each_call, at_once, sample};
use cpm_ports::{AuditTrail, Backups, Freezer as _, PolicyChange};
use jiff::SignedDuration;
use rstest::rstest;

struct Desk {
    owner: OwnerName,
    actor: Actor,
    zone: Zone,
}

fn desk() -> Desk {
    Desk {
        owner: sample::root(),
        actor: Actor::Caller("arn:aws:iam::111111111111:user/ada".into()),
        zone: Zone::utc(),
    }
}

impl Desk {
    fn freezer<'a>(&'a self, estate: &'a Estate) -> Freezer<'a> {
        let Estate { store, executions, clock, .. } = estate;
        Freezer { store, executions, clock, owner: &self.owner, actor: &self.actor }
    }

    fn setup<'a>(&'a self, estate: &'a Estate) -> Setup<'a> {
        let Estate { store, executions, clock, .. } = estate;
        Setup { store, executions, clock, owner: &self.owner, actor: &self.actor, default_zone: &self.zone }
    }
}

fn request(backup: u64, name: &str) -> FreezeRequest {
    FreezeRequest { backup: BackupId(backup), name: name.parse().unwrap(), description: None }
}

async fn freeze(estate: &Estate, backup: u64, name: &str) -> cpm_app::Result<FrozenView> {
    desk().freezer(estate).add(&request(backup, name)).await
}

async fn remove(estate: &Estate, name: &str) -> cpm_app::Result<Unfrozen> {
    desk().freezer(estate).remove(&name.parse().unwrap(), None).await
}

async fn remove_policy(estate: &Estate) {
    desk().setup(estate).remove_policy(&"web".parse().unwrap()).await.unwrap();
}

async fn run(estate: &Estate, name: &str) {
    estate.clock.advance(SignedDuration::from_hours(1));
    Execution::new(estate, name, start("web")).run().await;
}

fn read(estate: &Estate, id: u64) -> Backup {
    at_once(estate.beside().store.backup(&sample::root(), BackupId(id))).unwrap().unwrap()
}

fn actions(estate: &Estate) -> Vec<String> {
    let events = at_once(estate.beside().store.events(&sample::root(), None, 100)).unwrap();
    let of_freezer = events.into_iter().filter(|event| event.action.starts_with("freezer."));
    of_freezer.rev().map(|event| format!("{} {} by {}", event.action, event.subject, event.actor)).collect()
}

/// A frozen backup that is being deleted, a name without its backup or a backup without its name.
fn contradictions(estate: &Estate) -> Vec<String> {
    let entries = at_once(estate.beside().store.frozen(&sample::root())).unwrap();
    let mut wrong = Vec::new();
    for (_, backup) in estate.store.every_backup() {
        let entry = entries.iter().find(|entry| entry.backup == backup.id).map(|entry| &entry.frozen);
        if backup.frozen.as_ref() != entry || backup.frozen.is_some() && backup.phase != Phase::Finished {
            wrong.push(format!("backup {} in {:?}: {:?}, {entry:?}", backup.id, backup.phase, backup.frozen));
        }
    }
    wrong.extend(estate.breaches());
    wrong
}

#[tokio::test]
async fn generations_pass_and_its_policy_goes_and_it_stays() {
    let estate = estate(2, 2).await;
    freeze(&estate, 1, "Before the upgrade").await.unwrap();
    for name in ["a", "b", "c"] {
        run(&estate, name).await;
    }
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [5, 4, 1], "two generations beside it");
    remove_policy(&estate).await;
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [1]);
    assert_eq!(estate.aws.made().len(), 2, "its snapshots");

    let removed = remove(&estate, "before the UPGRADE").await.unwrap();
    assert_eq!((removed.afterwards, removed.cleanup.is_some()), (Afterwards::Deletion, true));
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, Vec::<u64>::new());
    assert_eq!((estate.aws.made().len(), contradictions(&estate)), (0, vec![]));
    let ada = "arn:aws:iam::111111111111:user/ada";
    let expected = ["freezer.add", "freezer.remove"].map(|action| format!("{action} Before the upgrade by {ada}"));
    assert_eq!(actions(&estate), expected);
}

#[tokio::test]
async fn taken_out_it_is_under_retention_again() {
    let estate = estate(4, 1).await;
    freeze(&estate, 1, "Good").await.unwrap();
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [4, 3, 1]);
    let removed = remove(&estate, "Good").await.unwrap();
    assert_eq!((removed.afterwards, removed.cleanup), (Afterwards::Retention, None));
    assert_eq!(ids(&estate).await, [4, 3, 1], "nothing goes before a cleanup");
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [4, 3]);
    assert_eq!(contradictions(&estate), Vec::<String>::new());
}

#[rstest]
#[case(Phase::Asked, "backup 9 is still running, and only a backup that has ended can be frozen")]
#[case(Phase::Deleting, "backup 9 is being deleted: it is too late to freeze it")]
#[case(Phase::Deleted, "backup 9 is deleted: there is nothing left to freeze")]
#[tokio::test]
async fn what_has_not_ended_or_goes_is_refused(#[case] phase: Phase, #[case] words: &str) {
    let estate = Estate::new();
    let backup = Backup { phase, ..sample::generation(9, "web") };
    estate.beside().store.create(&sample::root(), &backup, &[], &[]).await.unwrap();
    let refused = freeze(&estate, 9, "Good").await.unwrap_err();
    assert_eq!((refused.code().name, refused.to_string().as_str()), ("Input.Conflict", words));
    assert_eq!(estate.store.writes(), 0);
}

#[tokio::test]
async fn names_and_backups_are_frozen_once() {
    let estate = estate(2, 1).await;
    assert_eq!(freeze(&estate, 7, "Good").await.unwrap_err().code().name, "Input.NotFound");
    assert_eq!(remove(&estate, "Good").await.unwrap_err().to_string(), "there is no frozen backup `Good`");
    let first = freeze(&estate, 1, "Good").await.unwrap();
    estate.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(freeze(&estate, 1, "Good").await.unwrap(), first, "asked again");
    let refused = freeze(&estate, 1, "Better").await.unwrap_err();
    assert_eq!(refused.to_string(), "backup 1 is in the freezer already, as `Good`");
    let described = FreezeRequest { description: Some("why".parse().unwrap()), ..request(1, "Good") };
    let refused = desk().freezer(&estate).add(&described).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Conflict", "another description is not silently dropped");
    let refused = freeze(&estate, 2, "GOOD").await.unwrap_err();
    assert_eq!(refused.to_string(), "the name `Good` is taken: backup 1 is in the freezer under it");
    assert_eq!(actions(&estate).len(), 1);
    assert_eq!(read(&estate, 1).log.iter().filter(|line| line.message.contains("freezer as `Good`")).count(), 1);
}

#[tokio::test]
async fn searched_by_words() {
    let estate = estate(3, 1).await;
    let desk = desk();
    for (id, name, description) in [(1, "Before 12.4", "the last GOOD one"), (2, "after 12.4", "good too")] {
        let description = Some(description.parse().unwrap());
        desk.freezer(&estate).add(&FreezeRequest { description, ..request(id, name) }).await.unwrap();
    }
    let found = async |words: &str| -> Vec<u64> {
        let found = desk.freezer(&estate).list(words).await.unwrap().frozen;
        found.iter().map(|view| view.backup.0).collect()
    };
    assert_eq!(found("").await, [2, 1]);
    assert_eq!(found("12.4 Good").await, [2, 1]);
    assert_eq!(found("before good").await, [1]);
    assert_eq!(found("before after").await, Vec::<u64>::new());
}

/// The cleaner has decided on backup 1 and is about to mark it, or has just marked it.
#[rstest]
#[case("store:backup")]
#[case("store:put")]
#[tokio::test]
async fn frozen_while_the_cleaner_marks_it_it_stays(#[case] before: &str) {
    let estate = estate(4, 1).await;
    let beside = estate.beside();
    estate.faults.meanwhile(before, move || {
        at_once(freeze(&beside, 1, "Just in time")).unwrap();
    });
    let planned = steps(&estate).plan(&StartCleanup::default()).await.unwrap();
    assert_eq!(planned.marked, 1, "the other one");
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [4, 3, 1]);
    assert_eq!(contradictions(&estate), Vec::<String>::new());
}

#[tokio::test]
async fn marked_while_it_is_frozen_it_goes_and_the_caller_is_told() {
    let estate = estate(4, 1).await;
    let beside = estate.beside();
    estate.faults.meanwhile("store:freeze", move || {
        at_once(steps(&beside).plan(&StartCleanup::default())).unwrap();
    });
    let refused = freeze(&estate, 1, "Too late").await.unwrap_err();
    assert_eq!(refused.to_string(), "backup 1 is being deleted: it is too late to freeze it");
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, [4, 3]);
    assert_eq!((contradictions(&estate), actions(&estate).len()), (vec![], 0));
}

#[tokio::test]
async fn the_cleaner_and_a_freezing_in_any_order() {
    let (mut stayed, mut went) = (0, 0);
    for seed in 0..64 {
        let estate = estate(3, 1).await;
        estate.faults.interleave(seed);
        let start = StartCleanup::default();
        let cleaner = steps(&estate);
        let (frozen, planned) = tokio::join!(freeze(&estate, 1, "Good"), cleaner.plan(&start));
        let record = read(&estate, 1);
        assert_eq!(record.frozen.is_some(), frozen.is_ok(), "seed {seed}");
        assert_eq!(record.phase == Phase::Deleting, frozen.is_err(), "seed {seed}");
        assert_eq!(planned.unwrap().marked, u32::from(frozen.is_err()), "seed {seed}");
        if frozen.is_ok() {
            stayed += 1;
        } else {
            went += 1;
        }
        estate.faults.clear();
        clean(&estate).await.unwrap();
        assert_eq!(ids(&estate).await.contains(&1), frozen.is_ok(), "seed {seed}");
        assert_eq!(contradictions(&estate), Vec::<String>::new(), "seed {seed}");
    }
    assert!(stayed > 0 && went > 0, "{stayed} stayed, {went} went");
}

#[tokio::test]
async fn frozen_while_its_policy_goes_it_stays() {
    let estate = estate(2, 1).await;
    let beside = estate.beside();
    estate.faults.meanwhile("store:put", move || {
        at_once(freeze(&beside, 1, "Good")).or_else(|_| at_once(freeze(&beside, 2, "Good"))).unwrap();
    });
    remove_policy(&estate).await;
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await.len(), 1);
    assert_eq!(contradictions(&estate), Vec::<String>::new());
}

/// Whoever says that it is under retention again says the truth, or it goes with its policy: it is never forgotten.
#[tokio::test]
async fn taken_out_while_its_policy_goes_it_goes() {
    for (call, told) in [("store:unfreeze", Afterwards::Deletion), ("store:policy", Afterwards::Deletion)] {
        let estate = estate(2, 1).await;
        freeze(&estate, 1, "Good").await.unwrap();
        let beside = estate.beside();
        estate.faults.meanwhile(call, move || at_once(remove_policy(&beside)));
        assert_eq!(remove(&estate, "Good").await.unwrap().afterwards, told, "{call}");
        clean(&estate).await.unwrap();
        assert_eq!(ids(&estate).await, Vec::<u64>::new(), "{call}");
    }
    // Between the two looks that the removal of a policy takes at its backups, with an index that is late.
    let estate = estate(2, 1).await;
    freeze(&estate, 1, "Good").await.unwrap();
    estate.clock.advance(SignedDuration::from_mins(1));
    let beside = estate.beside();
    estate.store.lag(SignedDuration::from_secs(30));
    estate.faults.meanwhile("store:change", move || {
        assert_eq!(at_once(remove(&beside, "Good")).unwrap().afterwards, Afterwards::Retention);
    });
    remove_policy(&estate).await;
    estate.store.lag(SignedDuration::ZERO);
    clean(&estate).await.unwrap();
    assert_eq!(ids(&estate).await, Vec::<u64>::new());
}

#[tokio::test]
async fn what_was_said_before_is_what_is_done() {
    let estate = estate(2, 1).await;
    freeze(&estate, 1, "Good").await.unwrap();
    remove_policy(&estate).await;
    let name = "Good".parse().unwrap();
    let refused = desk().freezer(&estate).remove(&name, Some(Afterwards::Retention)).await.unwrap_err();
    assert!(refused.to_string().ends_with("its policy `web` is gone"), "{refused}");
    assert!(read(&estate, 1).frozen.is_some());
    desk().freezer(&estate).remove(&name, Some(Afterwards::Deletion)).await.unwrap();
}

/// A policy that goes while its backup runs takes the backup with it, unless that was frozen as soon as it had ended.
#[rstest]
#[case("store:backup")]
#[case("store:put")]
#[tokio::test]
async fn frozen_before_its_execution_ends_it_outlives_its_policy(#[case] before: &str) {
    let estate = estate(1, 1).await;
    let backup = Backup { execution: "x".into(), ..sample::generation(2, "web") };
    estate.beside().store.create(&sample::root(), &backup, &[], &[]).await.unwrap();
    let lease = sample::lease("web", "x", 2);
    at_once(cpm_ports::Leases::take(&estate.beside().store, &sample::root(), &lease, None)).unwrap();
    estate.change([PolicyChange::RemovePolicy("web".parse().unwrap())]);
    let beside = estate.beside();
    estate.faults.meanwhile(before, move || {
        at_once(freeze(&beside, 2, "Good")).unwrap();
    });
    let running = Running {
        owner: sample::root(),
        policy: "web".parse().unwrap(),
        backup: BackupId(2),
        holder: lease.holder.clone(),
    };
    let execution = Execution::new(&estate, "x", start("web"));
    let finished = match execution.finish(&running).await {
        // The state machine repeats a step that lost a race.
        Err(error) if error.code().retryable => execution.finish(&running).await.unwrap(),
        done => done.unwrap(),
    };
    assert_eq!(finished.next, Next::Cleanup);
    assert_eq!(read(&estate, 2).phase, Phase::Finished);
    assert_eq!(contradictions(&estate), Vec::<String>::new());
}

#[rstest]
#[case(Fate::Killed)]
#[case(Fate::Unanswered)]
#[tokio::test]
async fn cut_anywhere_the_same_call_finishes_it(#[case] fate: Fate) {
    let calls = at_each_call(
        fate,
        async || estate(3, 1).await,
        async |estate: &Estate| {
            freeze(estate, 1, "Good").await.ok();
        },
        async |estate: &Estate, crash| {
            assert_eq!(contradictions(estate), Vec::<String>::new(), "{crash}");
            freeze(estate, 1, "Good").await.unwrap();
            assert_eq!((contradictions(estate), actions(estate).len()), (vec![], 1), "{crash}");
        },
    )
    .await;
    assert!(calls >= 4, "{calls} calls");
    let calls = at_each_call(
        fate,
        async || {
            let estate = estate(3, 1).await;
            freeze(&estate, 1, "Good").await.unwrap();
            remove_policy(&estate).await;
            estate
        },
        async |estate: &Estate| {
            remove(estate, "Good").await.ok();
        },
        async |estate: &Estate, crash| {
            let again = remove(estate, "Good").await;
            assert!(again.as_ref().map_or_else(|error| error.code().name == "Input.NotFound", |_| true), "{again:?}");
            clean(estate).await.unwrap();
            assert_eq!(ids(estate).await, Vec::<u64>::new(), "{crash}");
            assert_eq!((contradictions(estate), actions(estate).len()), (vec![], 2), "{crash}");
        },
    )
    .await;
    assert!(calls >= 5, "{calls} calls");
}
