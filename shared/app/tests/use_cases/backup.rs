//! A backup on the day that things break.

use crate::machine::{At, End, Events, Execution, start};
use cpm_contracts::backup::Next;
use cpm_domain::{
    alert::Category,
    backup::{Level, Phase, Trigger},
    id::BackupId,
    policy::{AutoTargetRemoval, Policy, RetryRule, SuccessRule, Wait},
    status::Status,
    unit::{Unit, UnitState},
};
use cpm_fakes::{Estate, Fate, Whom, at_each_call, sample};
use cpm_ports::{Alerts, Backups, Configuration, Leases};
use jiff::SignedDuration;
use rstest::rstest;

/// An instance with three volumes in one Region, one with two in another, and a volume by itself.
fn estate() -> Estate {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 3);
    let db = estate.instance("eu-west-1", 2);
    let lone = estate.volume("us-east-1");
    let targets = [estate.target(web), estate.target(db), estate.target(lone)];
    estate.policy(sample::policy("web"), targets);
    estate
}

fn units(sets: &[cpm_domain::unit::UnitSet]) -> Vec<&Unit> {
    sets.iter().flat_map(|set| &set.units).collect()
}

async fn assert_whole(execution: &Execution, end: &End) {
    let End::Finished(_, id) = end else { panic!("{end:?}") };
    let (backup, sets) = (execution.backup(*id).await, execution.sets(*id).await);
    assert_eq!(backup.status, Status::Successful, "{:#?}", backup.log);
    assert!(backup.counts);
    assert_eq!(units(&sets).len(), 6);
    assert!(units(&sets).iter().all(|unit| unit.state == UnitState::Completed));
    assert_eq!(execution.estate.aws.made().len(), 6, "none lost, none doubled");
    assert_eq!(execution.estate.breaches(), Vec::<String>::new());
    let lease = execution.estate.beside().store.lease(&sample::root(), &"web".parse().unwrap()).await.unwrap();
    assert_eq!(lease, None);
}

#[rstest]
#[case::by_event(Events::Once)]
#[case::events_twice(Events::Twice)]
#[case::events_lost(Events::Never)]
#[tokio::test]
async fn goes_well(#[case] events: Events) {
    let mut execution = Execution::new(&estate(), "x", start("web"));
    execution.events = events;
    let end = execution.run().await;
    assert_whole(&execution, &end).await;
    assert_eq!(end, End::Finished(Next::End, BackupId(1)));
    let polls = execution.estate.faults.count("ec2:DescribeSnapshots");
    assert_eq!(polls > 0, events == Events::Never, "{polls} polls");
}

#[tokio::test]
async fn calls_are_one_a_set_and_writes_are_few() {
    let estate = Estate::new();
    let one = estate.instance("us-east-1", 4);
    estate.policy(sample::policy("web"), [estate.target(one)]);
    let execution = Execution::new(&estate, "x", start("web"));
    let before = estate.store.writes();
    execution.run().await;
    // The dispatcher's claim comes on top.
    assert!(
        estate.store.writes() - before <= 11,
        "{} writes: {:?}",
        estate.store.writes() - before,
        estate.faults.tally()
    );
    assert_eq!(estate.faults.count("ec2:CreateSnapshots"), 1);
    // The instance, its volumes and its image; its three attributes, which hold still; and its snapshots.
    assert_eq!(estate.faults.count("ec2:*"), 7, "{:?}", estate.faults.tally());
    estate.faults.forget_calls();
    Execution::new(&estate, "y", start("web")).run().await;
    assert_eq!(estate.faults.count("ec2:*"), 4, "{:?}", estate.faults.tally());
}

/// The function is killed at each of its calls in turn: before it, half-way and after it. The state machine repeats the
/// step, and nothing is lost, doubled or orphaned.
#[rstest]
#[case::by_event(Events::Once)]
#[case::by_poll(Events::Never)]
#[tokio::test]
async fn killed_anywhere(#[case] events: Events) {
    let calls = at_each_call(
        Fate::Killed,
        async || {
            let mut execution = Execution::new(&estate(), "x", start("web"));
            execution.events = events;
            execution
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            let end = execution.run_again().await;
            println!("{crash}");
            assert_whole(execution, &end).await;
        },
    )
    .await;
    assert!(calls > 15, "{calls} calls");
}

/// A call is not answered: AWS or the table did it, or not.
#[tokio::test]
async fn unanswered_anywhere() {
    let calls = at_each_call(
        Fate::Unanswered,
        async || Execution::new(&estate(), "x", start("web")),
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            let end = execution.run_again().await;
            println!("{crash}");
            assert_whole(execution, &end).await;
        },
    )
    .await;
    assert!(calls > 15, "{calls} calls");
}

/// Every step runs twice, as Lambda may do.
#[tokio::test]
async fn every_step_twice() {
    let execution = Execution::new(&estate(), "x", start("web"));
    let end = loop {
        let at = execution.at();
        if let At::Ended(end) = at {
            break end;
        }
        execution.step(&at).await.unwrap();
        let after = execution.at();
        let again = match &at {
            At::Snapshot(running, _) => At::Snapshot(running.clone(), true),
            // A second run would wait for what is there already.
            At::Await(..) => continue,
            other => other.clone(),
        };
        // What it answers the second time may differ; what it did may not.
        execution.step(&again).await.unwrap();
        if let At::Await(running, polls) = after {
            execution.step(&At::Await(running, polls)).await.unwrap();
        }
    };
    assert_whole(&execution, &end).await;
}

#[tokio::test]
async fn a_snapshot_that_is_not_listed_yet_is_not_made_twice() {
    let estate = estate();
    estate.aws.lag(SignedDuration::from_secs(3));
    let execution = Execution::new(&estate, "x", start("web"));
    estate.faults.fail_call(1, cpm_fakes::When::After);
    let end = execution.run().await;
    assert_whole(&execution, &end).await;
}

#[tokio::test]
async fn denied_in_one_region_the_other_is_backed_up() {
    let estate = estate();
    estate.faults.deny("ec2:CreateSnapshots", "eu-west-1");
    let execution = Execution::new(&estate, "x", start("web"));
    let End::Finished(next, id) = execution.run().await else { panic!() };
    assert_eq!(next, Next::Retry);
    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.counts), (Status::PartiallySuccessful, false));
    let sets = execution.sets(id).await;
    let failed: Vec<_> = units(&sets).into_iter().filter(|unit| unit.state == UnitState::Failed).collect();
    assert_eq!(failed.len(), 2);
    let fault = failed[0].error.as_ref().unwrap().to_string();
    assert!(fault.contains("ec2:CreateSnapshots") && fault.contains("the role of the function backup"), "{fault}");
    let alert = estate.beside().store.alert(&sample::root(), Category::Backup, "web").await.unwrap().unwrap();
    assert!(alert.message.contains("ec2:CreateSnapshots"), "{}", alert.message);
    assert_eq!(estate.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn a_region_that_cannot_be_read_is_named() {
    let estate = estate();
    estate.faults.deny("ec2:DescribeInstances", "eu-west-1");
    let execution = Execution::new(&estate, "x", start("web"));
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.tally.missing), (Status::PartiallySuccessful, 1));
    let said = backup.log.iter().any(|line| {
        line.level == Level::Error
            && line.message.contains("eu-west-1")
            && line.message.contains("ec2:DescribeInstances")
    });
    assert!(said, "{:#?}", backup.log);
}

#[tokio::test]
async fn a_retry_succeeds_and_the_alert_goes() {
    let estate = estate();
    estate.faults.deny("ec2:CreateSnapshots", "eu-west-1");
    let execution = Execution::new(&estate, "x", start("web"));
    let End::Finished(Next::Retry, failed) = execution.run().await else { panic!() };
    estate.faults.clear();
    execution.retry(failed);
    let End::Finished(next, id) = execution.run().await else { panic!() };
    assert_eq!(next, Next::End);
    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.trigger, backup.attempt), (Status::Successful, Trigger::Retry, 1));
    assert_eq!(estate.beside().store.alert(&sample::root(), Category::Backup, "web").await.unwrap(), None);
}

#[tokio::test]
async fn retries_end() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    let rule = RetryRule { count: 2, wait: Wait::from_seconds(60) };
    estate.policy(cpm_domain::policy::Policy { retry: rule, ..sample::policy("web") }, [estate.target(web)]);
    estate.faults.deny("ec2:CreateSnapshots", "us-east-1");
    let execution = Execution::new(&estate, "x", start("web"));
    let mut runs = 0;
    loop {
        let End::Finished(next, id) = execution.run().await else { panic!() };
        runs += 1;
        assert_eq!(execution.backup(id).await.status, Status::Failed);
        if next != Next::Retry {
            break;
        }
        estate.clock.advance(SignedDuration::from_mins(1));
        execution.retry(id);
    }
    assert_eq!(runs, 3);
    let alert = estate.beside().store.alert(&sample::root(), Category::Backup, "web").await.unwrap().unwrap();
    assert_eq!((alert.count, alert.announced), (3, 1), "people are told once of one failure");
}

#[tokio::test]
async fn a_newer_backup_ends_the_retries() {
    let estate = estate();
    estate.faults.deny("ec2:CreateSnapshots", "eu-west-1");
    let first = Execution::new(&estate, "first", start("web"));
    let End::Finished(Next::Retry, failed) = first.run().await else { panic!() };
    estate.faults.clear();
    Execution::new(&estate, "second", start("web")).run().await;
    first.retry(failed);
    assert!(matches!(first.run().await, End::NothingToRun(reason) if reason.contains("newer")));
}

#[tokio::test]
async fn one_at_a_time() {
    let estate = estate();
    let first = Execution::new(&estate, "first", start("web"));
    first.step(&first.at()).await.unwrap();
    let second = Execution::new(&estate, "second", start("web"));
    assert!(matches!(second.run().await, End::NothingToRun(reason) if reason.contains("one at a time")));
    let end = first.run().await;
    assert_whole(&first, &end).await;
    let log = first.backup(BackupId(1)).await.log;
    assert!(log.iter().any(|line| line.message.contains("refused")), "{log:#?}");
}

#[tokio::test]
async fn a_vanished_target_goes_as_the_policy_says() {
    for (removal, left, status) in [
        (AutoTargetRemoval::No, 2, Status::PartiallySuccessful),
        (AutoTargetRemoval::Yes, 1, Status::Successful),
        (AutoTargetRemoval::YesAndAlert, 1, Status::Successful),
    ] {
        let estate = Estate::new();
        let (web, gone) = (estate.instance("us-east-1", 1), estate.instance("us-east-1", 1));
        let policy = cpm_domain::policy::Policy { auto_target_removal: removal, ..sample::policy("web") };
        estate.policy(policy, [estate.target(&web), estate.target(&gone)]);
        estate.aws.terminate(&gone);
        let execution = Execution::new(&estate, "x", start("web"));
        let End::Finished(_, id) = execution.run().await else { panic!() };
        let backup = execution.backup(id).await;
        assert_eq!(backup.status, status, "{removal:?}: {:#?}", backup.log);
        let targets = estate.beside().store.targets(&sample::root(), &"web".parse().unwrap()).await.unwrap();
        assert_eq!(targets.len(), left);
        let warned = backup.log.iter().any(|line| line.level == Level::Warning && line.message.contains("removed"));
        assert_eq!(warned, removal == AutoTargetRemoval::YesAndAlert);
    }
}

#[tokio::test]
async fn a_volume_deleted_between_plan_and_snapshot() {
    let estate = Estate::new();
    let (web, lone) = (estate.instance("us-east-1", 1), estate.volume("us-east-1"));
    estate.policy(sample::policy("web"), [estate.target(&web), estate.target(&lone)]);
    let execution = Execution::new(&estate, "x", start("web"));
    execution.step(&execution.at()).await.unwrap();
    estate.aws.delete_volume(&lone);
    let End::Finished(next, id) = execution.run().await else { panic!() };
    assert_eq!(next, Next::Retry);
    let backup = execution.backup(id).await;
    assert_eq!(backup.status, Status::PartiallySuccessful);
    let sets = execution.sets(id).await;
    let lost = units(&sets).into_iter().find(|unit| unit.source.id() == lone.as_str()).unwrap();
    assert_eq!(lost.state, UnitState::Failed);
    assert!(lost.error.as_ref().unwrap().code.contains("NotFound"), "{:?}", lost.error);
}

#[tokio::test]
async fn a_snapshot_that_goes_to_error() {
    let estate = estate();
    let broken = estate.aws.here("eu-west-1").instance(1);
    let volume = estate.aws.volumes_of(&broken).remove(0);
    estate.aws.spoil(&volume, "the key is disabled");
    estate.change([cpm_ports::PolicyChange::PutTarget("web".parse().unwrap(), estate.target(&broken))]);
    for events in [Events::Once, Events::Never] {
        let mut execution = Execution::new(&estate, &format!("{events:?}"), start("web"));
        execution.events = events;
        let End::Finished(next, id) = execution.run().await else { panic!() };
        assert_eq!(next, Next::Retry);
        assert_eq!(execution.backup(id).await.status, Status::PartiallySuccessful);
        let sets = execution.sets(id).await;
        let unit = units(&sets).into_iter().find(|unit| unit.source.id() == volume.as_str()).unwrap().clone();
        assert_eq!(unit.error.unwrap().code, "SnapshotError");
    }
}

#[tokio::test]
async fn nothing_to_back_up_is_successful_and_no_generation() {
    let estate = Estate::new();
    estate.policy(sample::policy("web"), []);
    let execution = Execution::new(&estate, "x", start("web"));
    let End::Finished(next, id) = execution.run().await else { panic!() };
    assert_eq!(next, Next::End);
    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.counts), (Status::Successful, false));
    assert!(backup.log.iter().any(|line| line.level == Level::Warning));
}

#[tokio::test]
async fn throttled_calls_go_through_in_the_end() {
    let estate = estate();
    estate.faults.throttle_next("ec2:CreateSnapshots", 7);
    let execution = Execution::new(&estate, "x", start("web"));
    let end = execution.run().await;
    assert_whole(&execution, &end).await;
}

#[tokio::test]
async fn a_quota_of_pending_snapshots_is_waited_for() {
    let estate = estate();
    estate.aws.limit_pending(3);
    estate.aws.snapshots_take(SignedDuration::from_secs(20));
    let execution = Execution::new(&estate, "x", start("web"));
    let end = execution.run().await;
    assert_whole(&execution, &end).await;
}

#[tokio::test]
async fn a_source_with_fifty_tags_is_backed_up_and_ours_win() {
    let estate = Estate::new();
    let (web, lone) = (estate.instance("us-east-1", 2), estate.volume("us-east-1"));
    for volume in estate.aws.volumes_of(&web).iter().chain([&lone]) {
        (0..50).for_each(|n| estate.aws.tag(volume, &format!("key{n:02}"), "x"));
    }
    estate.policy(sample::policy("web"), [estate.target(&web), estate.target(&lone)]);
    let execution = Execution::new(&estate, "x", start("web"));
    let End::Finished(_, id) = execution.run().await else { panic!() };
    assert_eq!(execution.backup(id).await.status, Status::Successful);
    for made in estate.aws.made() {
        assert_eq!(made.tags.len(), 50);
        assert_eq!(made.tags.get("cpm:policy").map(String::as_str), Some("web"));
        assert_eq!(made.tags.get("key00").map(String::as_str), Some("x"));
    }
}

#[tokio::test]
async fn an_execution_that_lost_the_policy_does_no_harm() {
    let estate = estate();
    let old = Execution::new(&estate, "old", start("web"));
    old.step(&old.at()).await.unwrap();
    let mut taking = start("web");
    taking.resume = Some(BackupId(1));
    let new = Execution::new(&estate, "new", taking);
    new.step(&new.at()).await.unwrap();
    assert_eq!(old.run().await, End::TakenOver);
    let end = new.run().await;
    assert_whole(&new, &end).await;
}

#[tokio::test]
async fn a_disabled_policy_runs_by_hand_only() {
    let estate = estate();
    let policy = cpm_domain::policy::Policy { enabled: false, ..sample::policy("web") };
    estate.change([cpm_ports::PolicyChange::PutPolicy(policy)]);
    let mut due = start("web");
    due.trigger = Trigger::Schedule;
    assert!(matches!(Execution::new(&estate, "due", due).run().await, End::NothingToRun(_)));
    assert!(matches!(Execution::new(&estate, "hand", start("web")).run().await, End::Finished(..)));
}

#[tokio::test]
async fn outdated_generations_ask_for_a_cleanup() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    let policy = cpm_domain::policy::Policy { generations: 2, ..sample::policy("web") };
    estate.policy(policy, [estate.target(web)]);
    let mut nexts = Vec::new();
    for n in 0..3 {
        estate.clock.advance(SignedDuration::from_mins(5));
        let End::Finished(next, id) = Execution::new(&estate, &format!("x{n}"), start("web")).run().await else {
            panic!()
        };
        assert_eq!(estate.beside().store.backup(&sample::root(), id).await.unwrap().unwrap().phase, Phase::Finished);
        nexts.push(next);
    }
    assert_eq!(nexts, [Next::End, Next::End, Next::Cleanup]);
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_says_who_asked() {
    let estate = Estate::new();
    let prod = sample::member("prod", "222222222222");
    estate.account(prod);
    let web = estate.aws.site("222222222222", "us-east-1").instance(1);
    let policy = cpm_domain::policy::Policy { account: "prod".parse().unwrap(), ..sample::policy("web") };
    estate.policy(policy, [estate.target(web)]);
    estate.faults.deny("sts:AssumeRole", Whom::account("222222222222"));
    let execution = Execution::new(&estate, "x", start("web"));
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let backup = execution.backup(id).await;
    assert_eq!(backup.status, Status::Failed);
    assert!(
        backup
            .log
            .iter()
            .any(|line| line.message.contains("sts:AssumeRole") && line.message.contains("trust policy")),
        "{:#?}",
        backup.log
    );
}

#[tokio::test]
async fn snapshots_alone_may_be_enough() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    let policy = cpm_domain::policy::Policy { success: SuccessRule::Snapshots, ..sample::policy("web") };
    estate.policy(policy, [estate.target(web)]);
    let execution = Execution::new(&estate, "x", start("web"));
    let End::Finished(_, id) = execution.run().await else { panic!() };
    assert!(execution.backup(id).await.counts);
}

#[tokio::test]
async fn a_backup_whose_policy_is_deleted_meanwhile_goes_with_it() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    let execution = Execution::new(&estate, "x", start("web"));
    execution.step(&execution.at()).await.unwrap();
    let target = estate.target(&web).key();
    let policy: cpm_domain::name::PolicyName = "web".parse().unwrap();
    estate.change([
        cpm_ports::PolicyChange::RemoveTarget(policy.clone(), target),
        cpm_ports::PolicyChange::RemovePolicy(policy),
    ]);
    let End::Finished(next, id) = execution.run().await else { panic!() };
    assert_eq!((next, execution.backup(id).await.phase), (Next::Cleanup, Phase::Deleting));
}

/// AWS answers for two of three volumes. The step runs again for another set, and must not make the two twice.
#[tokio::test]
async fn a_volume_that_got_no_snapshot_does_not_make_the_others_twice() {
    let estate = Estate::new();
    let (web, lone) = (estate.instance("us-east-1", 3), estate.volume("us-east-1"));
    estate.policy(sample::policy("web"), [estate.target(&web), estate.target(&lone)]);
    let execution = Execution::new(&estate, "x", start("web"));
    execution.step(&execution.at()).await.unwrap();
    let detached = estate.aws.volumes_of(&web).remove(2);
    estate.aws.detach(&detached);
    estate.faults.refuse_next(
        "ec2:CreateSnapshot",
        1,
        &cpm_domain::aws::AwsError {
            refusal: cpm_domain::aws::Refusal::Limit,
            action: "ec2:CreateSnapshot".into(),
            code: "PendingSnapshotLimitExceeded".into(),
            message: "too many".into(),
        },
    );
    let End::Finished(_, id) = execution.run().await else { panic!() };
    assert_eq!(estate.aws.made().len(), 3, "two of the instance, one of the volume");
    assert_eq!(estate.faults.count("ec2:CreateSnapshots"), 1);
    let sets = execution.sets(id).await;
    let unit = units(&sets).into_iter().find(|unit| unit.source.id() == detached.as_str()).unwrap().clone();
    assert_eq!((unit.state, unit.error.unwrap().code.as_str()), (UnitState::Failed, "NotMade"));
    assert_eq!(execution.backup(id).await.status, Status::PartiallySuccessful);
}

/// The table began anew, and an old snapshot carries the number of the new backup.
#[tokio::test]
async fn a_snapshot_of_an_earlier_life_is_not_taken_for_this_one() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    let volume = estate.aws.volumes_of(&web).remove(0);
    let old = estate.aws.here("us-east-1").snapshot(&volume, &sample::tags(&web, 1, 1));
    estate.clock.advance(SignedDuration::from_hours(24));
    let execution = Execution::new(&estate, "x", start("web"));
    execution.step(&execution.at()).await.unwrap();
    execution.step(&execution.at()).await.unwrap();
    let End::Finished(_, id) = execution.run_again().await else { panic!() };
    let sets = execution.sets(id).await;
    assert_eq!(execution.backup(id).await.status, Status::Successful);
    assert!(units(&sets).iter().all(|unit| unit.id.as_ref() != Some(&old)));
}

#[tokio::test]
async fn a_region_that_cannot_be_asked_again_costs_the_others_nothing() {
    let estate = estate();
    let execution = Execution::new(&estate, "x", start("web"));
    execution.step(&execution.at()).await.unwrap();
    execution.step(&execution.at()).await.unwrap();
    estate.faults.deny("ec2:DescribeSnapshots", "eu-west-1");
    let End::Finished(_, id) = execution.run_again().await else { panic!() };
    assert_eq!(execution.backup(id).await.status, Status::PartiallySuccessful);
    let sets = execution.sets(id).await;
    let made = units(&sets).iter().filter(|unit| unit.state == UnitState::Completed).count();
    assert_eq!(made, 4, "all of the other Region");
    let fault = units(&sets).iter().find_map(|unit| unit.error.clone()).unwrap();
    assert!(fault.to_string().contains("ec2:DescribeSnapshots"), "{fault}");
}

/// The function that asked is dead, `after` has run, and only then AWS carries the call out.
#[tokio::test]
async fn a_snapshot_that_aws_made_when_all_was_thawed_is_not_called_consistent() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    let each = |text: &str| serde_json::json!({"ssm": {"each_target": true, "shell": text}});
    let scripts = serde_json::json!({
        "enabled": true, "before": each("hold"), "after": each("release"), "complete": each("truncate"),
    });
    let policy = Policy { scripts: serde_json::from_value(scripts).unwrap(), ..sample::policy("web") };
    estate.policy(policy, [estate.target(&web)]);
    let execution = Execution::new(&estate, "x", start("web"));
    execution.step(&execution.at()).await.unwrap();
    execution.step(&execution.at()).await.unwrap();
    let At::SnapshotFrozen(running, _) = execution.at() else { panic!("{:?}", execution.at()) };
    execution.step(&At::After(running, None, Some(60))).await.unwrap();
    estate.clock.advance(SignedDuration::from_secs(10));
    let volume = estate.aws.volumes_of(&web).remove(0);
    let made = estate.aws.here("us-east-1").snapshot(&volume, &sample::tags(&web, 1, 1));

    let End::Finished(_, id) = execution.run().await else { panic!() };

    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.late), (Status::PartiallySuccessful, 1), "{:#?}", backup.log);
    assert!(backup.log.iter().any(|line| line.message.contains(&format!("{web} in us-east-1: AWS began it when"))));
    let sets = execution.sets(id).await;
    assert_eq!(
        units(&sets).iter().map(|unit| unit.id.clone()).collect::<Vec<_>>(),
        [Some(made)],
        "and none beside it"
    );
    let complete = estate.systems.sent().into_iter().last().unwrap();
    assert!(format!("{complete:?}").contains("truncate"), "{complete:?}");
}
