//! Recovering an instance on the day that things break.

use cpm_contracts::recovery::ImagesLike;
use cpm_domain::{
    alert::Category,
    id::{BackupId, InstanceId},
    origin::ImageOrigin,
    recovery::{
        OnFailure, State,
        plan::{Plan, RecoveryKind, Wanted},
        work::{MadeKind, MadeState, WorkState},
    },
};
use cpm_fakes::{Estate, Fate, When, at_each_call, sample};
use cpm_ports::{Alerts, AuditTrail, Clock};
use jiff::SignedDuration;
use rstest::rstest;

use crate::recovery_machine::{At, End, Execution, back_up, own, record, steps};

/// An instance with three volumes that was backed up and is gone, another that nobody touches, and an elastic address.
async fn estate() -> (Estate, InstanceId) {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 3);
    estate.instance("us-east-1", 2);
    estate.aws.tag(&web, "Name", "web-1");
    estate.aws.set_instance(&web, |web| web.termination_protection = true);
    for (n, volume) in estate.aws.volumes_of(&web).iter().enumerate() {
        estate.aws.tag(volume, "Name", &format!("web-1-{n}"));
    }
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    back_up(&estate).await;
    estate.aws.terminate(&web);
    (estate, web)
}

fn plan(on_failure: OnFailure) -> Plan {
    Plan { on_failure, ..Plan::new(BackupId(1), RecoveryKind::Instance) }
}

async fn execution(on_failure: OnFailure) -> Execution {
    let (estate, _) = estate().await;
    let id = record(&estate, plan(on_failure), |_| {}).await;
    Execution::new(&estate, id, "x")
}

fn kinds(estate: &Estate) -> Vec<MadeKind> {
    estate.aws.recovered().into_iter().map(|thing| thing.kind).collect()
}

/// One instance, its three volumes, and nothing that was needed for the while.
async fn assert_recovered(execution: &Execution, end: &End) {
    let recovery = execution.recovery().await;
    assert_eq!(*end, End::Finished(State::Succeeded), "{:#?} {:#?}", recovery.log, execution.faults().await);
    assert_eq!(recovery.state, State::Succeeded);
    assert!(recovery.ended.is_some() && recovery.course.watch.is_none() && recovery.errors.is_empty());
    let estate = &execution.estate;
    assert_eq!(kinds(estate), [MadeKind::Instance, MadeKind::Volume, MadeKind::Volume, MadeKind::Volume]);
    let things = estate.aws.recovered();
    assert!(things.iter().all(|thing| thing.tags.get("cpm:recovery").map(String::as_str) == Some("r1")));
    assert_eq!(things[0].tags.get("Name").map(String::as_str), Some("web-1"));
    let names: Vec<_> = things[1..].iter().filter_map(|thing| thing.tags.get("Name").cloned()).collect();
    assert_eq!(names, ["web-1-0", "web-1-1", "web-1-2"]);
    assert!(estate.aws.is_protected(MadeKind::Instance, &things[0].id), "as it was");
    assert_untouched(estate);
}

/// What others have, and the backup itself, is as it was.
fn assert_untouched(estate: &Estate) {
    assert_eq!(estate.breaches(), Vec::<String>::new());
    assert_eq!(estate.aws.made().len(), 3, "the snapshots are there");
    assert!(estate.aws.deleted().is_empty());
    assert_eq!(estate.aws.here("us-east-1").living(), 1 + usize::from(kinds(estate).contains(&MadeKind::Instance)));
}

#[tokio::test]
async fn an_instance_that_is_gone_comes_back() {
    let execution = execution(OnFailure::Keep).await;
    let end = execution.run().await;
    assert_recovered(&execution, &end).await;
    let recovery = execution.recovery().await;
    let log: Vec<&str> = recovery.log.iter().map(|line| line.message.as_str()).collect();
    assert!(log.last().unwrap().starts_with("succeeded: "), "{log:#?}");
    let works = execution.works().await;
    assert_eq!(works[0].state, WorkState::Undone, "the image was there for the while");
    assert!(works[1..].iter().all(|work| work.state == WorkState::Done));
    let events = execution.estate.beside().store.events(&sample::root(), None, 10).await.unwrap();
    assert!(events.iter().any(|event| event.action == "recovery.end" && event.details.starts_with("succeeded")));
}

/// The bound of what a recovery may cost: each call once, the questions of a plan left out.
#[tokio::test]
async fn no_call_too_many() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 10);
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    back_up(&estate).await;
    estate.aws.terminate(&web);
    let id = record(&estate, plan(OnFailure::Keep), |_| {}).await;
    let execution = Execution::new(&estate, id, "x");
    execution.run().await;
    let calls: Vec<String> = estate
        .faults
        .calls()
        .iter()
        .filter(|call| !call.name.starts_with("store:"))
        .map(ToString::to_string)
        .collect();
    // Register, describe the image, launch, describe the instance, then deregister with a look before and after; the
    // snapshots are looked at once before that.
    assert!(calls.len() <= 8, "{calls:#?}");
    assert_eq!(estate.faults.count("ec2:RunInstances"), 1);
}

#[rstest]
#[case::killed(Fate::Killed)]
#[case::unanswered(Fate::Unanswered)]
#[tokio::test]
async fn failed_at_each_call_it_is_made_once(#[case] fate: Fate) {
    let calls = at_each_call(
        fate,
        async || execution(OnFailure::Keep).await,
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            println!("{crash}");
            let end = execution.run().await;
            assert_recovered(execution, &end).await;
        },
    )
    .await;
    assert!(calls > 30, "{calls} calls");
}

/// The instance is terminated at once, whatever else happens, and nothing is to be left.
#[rstest]
#[case::killed(Fate::Killed)]
#[case::unanswered(Fate::Unanswered)]
#[tokio::test]
async fn failed_at_each_call_nothing_is_left(#[case] fate: Fate) {
    let calls = at_each_call(
        fate,
        async || {
            let execution = execution(OnFailure::Remove).await;
            execution.estate.aws.end_instances("Client.VolumeLimitExceeded: Volume limit exceeded");
            execution
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            println!("{crash}");
            let end = execution.run().await;
            assert_eq!(end, End::Finished(State::Undone), "{crash}: {:#?}", execution.recovery().await.log);
            assert_eq!(kinds(&execution.estate), [], "{crash}");
            assert_untouched(&execution.estate);
        },
    )
    .await;
    assert!(calls > 30, "{calls} calls");
}

#[rstest]
#[case::made(false)]
#[case::undone(true)]
#[tokio::test]
async fn every_step_twice(#[case] fails: bool) {
    let execution = execution(OnFailure::Remove).await;
    if fails {
        execution.estate.aws.end_instances("Server.InternalError");
    }
    let end = loop {
        let at = execution.at();
        if let At::Ended(end) = at {
            break end;
        }
        execution.step(&at).await.unwrap();
        let after = execution.at();
        if !matches!(at, At::Wait(..)) {
            // What it answers the second time may differ; what it did may not.
            execution.step(&at).await.unwrap();
        }
        execution.go(if matches!(at, At::Finish(_)) { after } else { execution.at() });
    };
    if fails {
        assert_eq!(end, End::Finished(State::Undone));
        assert_eq!(kinds(&execution.estate), []);
        assert_untouched(&execution.estate);
    } else {
        assert_recovered(&execution, &end).await;
    }
}

#[tokio::test]
async fn an_instance_that_ends_at_once_fails_with_its_reason() {
    let execution = execution(OnFailure::Keep).await;
    execution.estate.aws.end_instances("Client.VolumeLimitExceeded: Volume limit exceeded");
    assert_eq!(execution.run().await, End::Finished(State::Failed));
    let faults = execution.faults().await;
    assert!(faults[0].contains("Client.VolumeLimitExceeded"), "{faults:#?}");
    assert!(faults[1].starts_with("NotAsked: tagging the volumes"), "{faults:#?}");
    let alert =
        execution.estate.beside().store.alert(&sample::root(), Category::Recovery, "web").await.unwrap().unwrap();
    assert!(alert.message.contains("Volume limit exceeded") && alert.message.contains("cpm recover show r1"));
    assert_eq!(
        kinds(&execution.estate),
        [MadeKind::Image, MadeKind::Volume, MadeKind::Volume],
        "it is kept, and listed"
    );
    assert!(alert.message.contains("it made image ami-"), "{}", alert.message);
}

#[tokio::test]
async fn no_room_in_a_zone_names_the_others() {
    let execution = execution(OnFailure::Remove).await;
    execution.estate.aws.fill_up("us-east-1a");
    assert_eq!(execution.run().await, End::Finished(State::Undone));
    let faults = execution.faults().await;
    assert!(faults[0].contains("InsufficientInstanceCapacity"), "{faults:#?}");
    assert!(faults[0].contains("us-east-1b, us-east-1c"), "{faults:#?}");
    assert_eq!(kinds(&execution.estate), []);
}

#[tokio::test]
async fn a_snapshot_that_is_deleted_under_way_fails_it() {
    let execution = execution(OnFailure::Remove).await;
    let aws = execution.estate.aws.beside();
    let lost = aws.made()[0].report.id.clone();
    execution.estate.faults.meanwhile("ec2:RegisterImage", move || aws.lose(&lost));
    assert_eq!(execution.run().await, End::Finished(State::Undone));
    let faults = execution.faults().await;
    assert!(faults[0].contains("does not exist"), "{faults:#?}");
    assert_eq!(kinds(&execution.estate), []);
}

#[tokio::test]
async fn a_key_that_is_disabled_is_named() {
    const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/a";
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    estate.aws.set_key(KEY, "Enabled");
    let volume = estate.aws.volumes_of(&web)[0].clone();
    estate.aws.set_volume(&volume, |volume| (volume.encrypted, volume.kms_key) = (true, Some(KEY.to_owned())));
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    back_up(&estate).await;
    for (kind, made) in [(RecoveryKind::Volumes, MadeKind::Volume), (RecoveryKind::Instance, MadeKind::Instance)] {
        estate.aws.set_key(KEY, "Enabled");
        if made == MadeKind::Instance {
            estate.aws.terminate(&web);
        }
        let id = record(&estate, Plan::new(BackupId(1), kind), |_| {}).await;
        estate.aws.set_key(KEY, "Disabled");
        let execution = Execution::new(&estate, id, "x");
        assert_eq!(execution.run().await, End::Finished(State::Failed));
        let faults = execution.faults().await;
        assert!(faults[0].contains(&format!("the KMS key {KEY} is Disabled")), "{kind}: {faults:#?}");
        let works = execution.works().await;
        let bad = works.iter().flat_map(|work| &work.made).find(|thing| thing.kind == made).unwrap();
        assert!(bad.state >= MadeState::Failed);
    }
}

/// AWS lists late what it made: nothing is called gone for it, and nothing is made twice.
#[tokio::test]
async fn what_is_listed_late_is_waited_for() {
    let execution = execution(OnFailure::Keep).await;
    execution.estate.aws.lag(SignedDuration::from_secs(30));
    execution.estate.faults.fail_call(12, When::After);
    let end = execution.run().await;
    assert_recovered(&execution, &end).await;
}

#[tokio::test]
async fn what_takes_long_is_polled_less_and_less() {
    let execution = execution(OnFailure::Keep).await;
    execution.estate.aws.recoveries_take(SignedDuration::from_mins(20));
    let end = execution.run().await;
    assert_recovered(&execution, &end).await;
    let polls = execution.estate.faults.count("ec2:Describe*");
    assert!((20..80).contains(&polls), "{polls} polls for two times 20 minutes");
}

#[tokio::test]
async fn what_never_comes_is_given_up_after_a_day() {
    let execution = execution(OnFailure::Keep).await;
    execution.estate.aws.recoveries_take(SignedDuration::from_hours(100));
    assert_eq!(execution.run().await, End::Finished(State::Failed));
    assert!(execution.faults().await[0].contains("not there after a day"));
}

#[tokio::test]
async fn an_image_that_is_not_removed_is_told_and_the_instance_is_there() {
    let execution = execution(OnFailure::Keep).await;
    execution.estate.faults.deny("ec2:DeregisterImage", "us-east-1");
    assert_eq!(execution.run().await, End::Finished(State::Succeeded));
    let recovery = execution.recovery().await;
    assert!(recovery.errors[0].to_string().contains("ec2:DeregisterImage"), "{:?}", recovery.errors);
}

#[tokio::test]
async fn what_is_denied_is_said_and_the_rest_goes() {
    let execution = execution(OnFailure::Remove).await;
    execution.estate.faults.deny("ec2:RunInstances", "us-east-1");
    assert_eq!(execution.run().await, End::Finished(State::Undone));
    let faults = execution.faults().await;
    assert!(faults[0].contains("allow ec2:RunInstances to the role of the function recoverer"), "{faults:#?}");
    assert_eq!(kinds(&execution.estate), []);
}

#[tokio::test]
async fn what_the_cleaner_cannot_remove_is_told() {
    let execution = execution(OnFailure::Remove).await;
    execution.estate.aws.end_instances("Server.InternalError");
    execution.estate.faults.deny("ec2:DeleteVolume", "us-east-1");
    assert_eq!(execution.run().await, End::Finished(State::Failed), "not undone: something is left");
    let recovery = execution.recovery().await;
    let told = recovery.errors.last().unwrap().to_string();
    assert!(told.contains("vol-") && told.contains("ec2:DeleteVolume"), "{told}");
}

/// Problems are all told at once, and none is hidden by what AWS would not tell.
#[tokio::test]
async fn a_plan_is_held_against_the_table_and_aws() {
    let (estate, web) = estate().await;
    let own = own();
    let problems = async |plan: Plan| {
        let checked = steps(&estate, &own).plan(&sample::root(), &plan).await.unwrap();
        checked.problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let base = plan(OnFailure::Keep);
    let told = problems(Plan { backup: BackupId(9), ..base.clone() }).await;
    assert_eq!(told, ["backup: there is no backup 9 (list what there is with `cpm backup list`)"]);
    let told = problems(Plan { account: Some("nowhere".parse().unwrap()), ..base.clone() }).await;
    assert!(told[0].starts_with("account: there is no account `nowhere`"), "{told:?}");
    let told = problems(Plan { source: Some("i-0000000a".into()), ..base.clone() }).await;
    assert!(told[0].contains("has no i-0000000a") && told[0].contains(web.as_str()), "{told:?}");
    let told = problems(Plan::new(BackupId(1), RecoveryKind::Rds)).await;
    assert!(told[0].starts_with("source: backup 1 has nothing that could become this: rds"), "{told:?}");
    estate.faults.deny("ec2:DescribeSubnets", "us-east-1");
    let told = problems(base.clone()).await;
    assert!(
        told[0].contains("ec2:DescribeSubnets") && told[0].contains("the role of the function recoverer"),
        "{told:?}"
    );
    estate.faults.clear();
    let checked = steps(&estate, &own).plan(&sample::root(), &base).await.unwrap();
    let Wanted::Instance(filled) = &checked.plan.wanted else { panic!() };
    assert_eq!((filled.instance_type.as_deref(), filled.volumes.len()), (Some("m5.large"), 3));
    assert_eq!(checked.plan.source.as_deref(), Some(web.as_str()));
}

/// An old check is made again, and what is wrong by then ends the recovery before anything is made.
#[tokio::test]
async fn an_old_check_is_made_again() {
    let (estate, _) = estate().await;
    let id = record(&estate, plan(OnFailure::Keep), |_| {}).await;
    estate.clock.advance(SignedDuration::from_mins(6));
    let lost = estate.aws.made()[0].report.id.clone();
    estate.aws.lose(&lost);
    let execution = Execution::new(&estate, id, "x");
    assert_eq!(execution.run().await, End::Refused);
    let recovery = execution.recovery().await;
    assert_eq!((recovery.state, recovery.works), (State::Failed, 0));
    assert!(recovery.errors[0].message.contains(lost.as_str()), "{:?}", recovery.errors);
    assert_eq!(estate.faults.count("ec2:R*"), 0, "nothing was asked for");
    assert!(recovery.ended.is_some_and(|ended| ended <= estate.clock.now()));
}

/// AWS denies what a recovery has to know before it can be taken apart: that is said, and nothing is made.
#[tokio::test]
async fn what_cannot_be_taken_apart_says_why() {
    let execution = execution(OnFailure::Remove).await;
    execution.estate.faults.deny("ec2:DescribeSnapshots", "us-east-1");
    assert_eq!(execution.run().await, End::Finished(State::Failed));
    let recovery = execution.recovery().await;
    assert!(recovery.errors[0].message.contains("ec2:DescribeSnapshots"), "{:?}", recovery.errors);
    assert_eq!(kinds(&execution.estate), []);
}

/// The image that an instance was launched from, and those that are like it.
#[tokio::test]
async fn images_like_the_one_of_a_backup() {
    let (estate, _) = estate().await;
    let own = own();
    let like = |fuzzy| ImagesLike { backup: BackupId(1), source: None, region: None, account: None, fuzzy };
    let base = ImageOrigin {
        id: "ami-0000000000000000b".to_owned(),
        known: true,
        name: Some("base-2026.10".to_owned()),
        owner: Some("137112412989".to_owned()),
        owner_alias: Some("amazon".to_owned()),
        architecture: Some("x86_64".to_owned()),
        virtualization: Some("hvm".to_owned()),
        root_device_type: Some("ebs".to_owned()),
        platform_details: Some("Linux/UNIX".to_owned()),
        boot_mode: Some("uefi-preferred".to_owned()),
        ..ImageOrigin::default()
    };
    let newer =
        ImageOrigin { id: "ami-0000000000000000c".to_owned(), name: Some("base-2026.11".to_owned()), ..base.clone() };
    estate.aws.publish(base);
    estate.aws.publish(newer);
    for (fuzzy, expected) in [(false, 1), (true, 2)] {
        let found = steps(&estate, &own).images(&sample::root(), &like(fuzzy)).await.unwrap();
        assert_eq!((found.images.len(), found.region.as_str()), (expected, "us-east-1"), "{found:#?}");
        assert_eq!(found.original.id, "ami-0123456789abcdef0");
    }
    let other = ImagesLike { source: Some("i-0000000a".to_owned()), ..like(false) };
    let refused = steps(&estate, &own).images(&sample::root(), &other).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Bad");
}
