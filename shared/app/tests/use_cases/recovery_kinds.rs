//! Recovering volumes, databases, clusters and tables, into this account and another.

use cpm_app::recovery::resume::execution_died;
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::{BackupId, InstanceId, VolumeId},
    kind::{Kind, Resource},
    recovery::{
        AdHocRole, OnFailure, State,
        plan::{AttachBehavior, Plan, RecoveryKind, VolumePlan, Wanted},
        work::{Action, MadeKind, MadeState, Work, WorkState},
    },
    resume::MOST_RESUMES,
    target::{PutBy, Target},
    unit::UnitKind,
};
use cpm_fakes::{Estate, Fate, OWN_ACCOUNT, at_each_call, sample};
use cpm_ports::{Clock, Execution as Standing, Machine};
use jiff::SignedDuration;
use rstest::rstest;

use crate::{
    recovery_life::tick,
    recovery_machine::{At, End, Execution, back_up, own, record, recovery, steps, trouble},
};

const OTHER: &str = "222222222222";

async fn backed_up(build: impl Fn(&Estate) -> Vec<Target>) -> Estate {
    let estate = Estate::new();
    let targets = build(&estate);
    estate.policy(sample::policy("web"), targets);
    back_up(&estate).await;
    estate
}

fn kinds(estate: &Estate) -> Vec<MadeKind> {
    estate.aws.recovered().into_iter().map(|thing| thing.kind).collect()
}

async fn run(estate: &Estate, plan: Plan) -> Execution {
    let id = record(estate, plan, |_| {}).await;
    let execution = Execution::new(estate, id, &format!("x{id}"));
    execution.run().await;
    execution
}

/// A hundred volumes under AWS's rates: none lost, none doubled, and no throttle that anybody hears of.
#[tokio::test]
async fn a_hundred_volumes_at_once() {
    let estate = backed_up(|estate| {
        let web = estate.instance("us-east-1", 100);
        vec![estate.target(&web)]
    })
    .await;
    let id = record(&estate, Plan::new(BackupId(1), RecoveryKind::Volumes), |_| {}).await;
    estate.clock.advance(SignedDuration::from_mins(2));
    estate.aws.keep_rates();
    // Others have used most of it up.
    estate.faults.throttle_next("ec2:CreateVolume", 150);
    estate.faults.interleave(7);
    let execution = Execution::new(&estate, id, "x");
    assert_eq!(execution.run().await, End::Finished(State::Succeeded));
    assert_eq!(kinds(&estate), vec![MadeKind::Volume; 100]);
    assert!(execution.faults().await.is_empty());
    assert!(execution.works().await.iter().all(|work| work.state == WorkState::Done && work.made.len() == 1));
    let tries = estate.faults.count("ec2:CreateVolume");
    assert!((250..600).contains(&tries), "{tries} calls");
}

/// What may have been made is looked for before it is asked for again, whether AWS knows the call again or not.
#[rstest]
#[case::killed(Fate::Killed)]
#[case::unanswered(Fate::Unanswered)]
#[tokio::test]
async fn without_tokens_nothing_is_made_twice_either(#[case] fate: Fate) {
    at_each_call(
        fate,
        async || {
            let estate = backed_up(|estate| vec![estate.target(estate.volume("us-east-1"))]).await;
            estate.aws.forget_tokens();
            let id = record(&estate, Plan::new(BackupId(1), RecoveryKind::Volumes), |_| {}).await;
            Execution::new(&estate, id, "x")
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            assert_eq!(execution.run().await, End::Finished(State::Succeeded), "{crash}");
            assert_eq!(kinds(&execution.estate), [MadeKind::Volume], "{crash}");
        },
    )
    .await;
}

/// A stopped instance with its root volume and two others, one of which is switched for what was backed up.
async fn to_switch() -> (Estate, InstanceId, VolumeId) {
    let estate = backed_up(|estate| {
        let web = estate.instance("us-east-1", 3);
        vec![estate.target(&web)]
    })
    .await;
    let web: InstanceId = "i-00000000000000001".parse().unwrap();
    let data = estate.aws.volumes_of(&web)[1].clone();
    estate.aws.stop(&web);
    (estate, web, data)
}

fn switch(web: &InstanceId, data: &VolumeId, how: AttachBehavior, on_failure: OnFailure) -> Plan {
    let mut plan = Plan { on_failure, ..Plan::new(BackupId(1), RecoveryKind::Volumes) };
    let Wanted::Volumes(wanted) = &mut plan.wanted else { panic!() };
    (wanted.attach_to, wanted.attach_behavior) = (Some(web.clone()), Some(how));
    wanted.volumes = vec![VolumePlan { recover: Some(true), ..VolumePlan::new(data.clone()) }];
    plan
}

/// Only the volume that the plan names is wanted.
fn only(mut plan: Plan, estate: &Estate, web: &InstanceId, data: &VolumeId) -> Plan {
    let Wanted::Volumes(wanted) = &mut plan.wanted else { panic!() };
    for volume in estate.aws.volumes_of(web).into_iter().filter(|volume| volume != data) {
        wanted.volumes.push(VolumePlan { recover: Some(false), ..VolumePlan::new(volume) });
    }
    plan
}

#[rstest]
#[case::kept(AttachBehavior::Switch)]
#[case::deleted(AttachBehavior::SwitchAndDelete)]
#[tokio::test]
async fn a_volume_is_switched(#[case] how: AttachBehavior) {
    let calls = at_each_call(
        Fate::Killed,
        async || {
            let (estate, web, data) = to_switch().await;
            let id =
                record(&estate, only(switch(&web, &data, how, OnFailure::Keep), &estate, &web, &data), |_| {}).await;
            Execution::new(&estate, id, "x")
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            let end = execution.run().await;
            let estate = &execution.estate;
            assert_eq!(end, End::Finished(State::Succeeded), "{crash} {:#?}", execution.faults().await);
            let web: InstanceId = "i-00000000000000001".parse().unwrap();
            let attached = estate.aws.volumes_of(&web);
            assert_eq!(attached.len(), 3, "{crash}");
            let made = estate.aws.recovered();
            assert_eq!(made.len(), 1, "{crash}");
            assert!(attached.iter().any(|volume| volume.as_str() == made[0].id), "{crash}");
            let works = execution.works().await;
            let Some(Action::Detach { volume: old, .. }) =
                works.iter().map(|work| &work.what).find(|what| matches!(what, Action::Detach { .. }))
            else {
                panic!("{crash}: nothing was taken off")
            };
            let is_there = estate.aws.region_of(old).is_some();
            assert_eq!(is_there, how == AttachBehavior::Switch, "{crash}");
            let removed: Vec<String> = estate.aws.removed().into_iter().map(|(_, id)| id).collect();
            assert!(removed.iter().all(|id| id == old.as_str()), "{crash}: {removed:?}");
        },
    )
    .await;
    assert!(calls > 30, "{calls} calls");
}

fn denied(action: &str) -> AwsError {
    AwsError {
        refusal: Refusal::Denied,
        action: action.into(),
        code: "UnauthorizedOperation".into(),
        message: "no".into(),
    }
}

/// When the new volume cannot be attached, nothing is deleted, and the old one is put back, whoever dies under way; undoing
/// leaves it alone.
#[tokio::test]
async fn a_switch_that_fails_leaves_what_was_there() {
    let calls = at_each_call(
        Fate::Killed,
        async || {
            let (estate, web, data) = to_switch().await;
            let plan =
                only(switch(&web, &data, AttachBehavior::SwitchAndDelete, OnFailure::Remove), &estate, &web, &data);
            estate.faults.refuse_next("ec2:AttachVolume", 1, &denied("ec2:AttachVolume"));
            Execution::new(&estate, record(&estate, plan, |_| {}).await, "x")
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            let end = execution.run().await;
            let estate = &execution.estate;
            let web: InstanceId = "i-00000000000000001".parse().unwrap();
            let attached = estate.aws.volumes_of(&web);
            assert_eq!(attached.len(), 3, "{crash} {end:?}: the instance has its volumes");
            if end == End::Finished(State::Undone) {
                assert_eq!(kinds(estate), [], "{crash}");
                assert!(
                    attached.iter().all(|volume| !estate.aws.recovered().iter().any(|it| it.id == volume.as_str()))
                );
                assert_eq!(estate.aws.removed().len(), 1, "{crash}: only what it made");
            }
        },
    )
    .await;
    assert!(calls > 30, "{calls} calls");
}

/// Two are switched, and one of them cannot be: undoing takes the other one off again, and puts both old ones back.
#[tokio::test]
async fn undoing_a_switch_puts_all_back() {
    at_each_call(
        Fate::Killed,
        async || {
            let (estate, web, data) = to_switch().await;
            let other = estate.aws.volumes_of(&web)[2].clone();
            let mut plan = switch(&web, &data, AttachBehavior::SwitchAndDelete, OnFailure::Remove);
            let Wanted::Volumes(wanted) = &mut plan.wanted else { panic!() };
            wanted.volumes.push(VolumePlan { recover: Some(true), ..VolumePlan::new(other) });
            let root = VolumePlan::new(estate.aws.volumes_of(&web)[0].clone());
            wanted.volumes.push(VolumePlan { recover: Some(false), ..root });
            estate.faults.refuse_next("ec2:AttachVolume", 1, &denied("ec2:AttachVolume"));
            Execution::new(&estate, record(&estate, plan, |_| {}).await, "x")
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            let end = execution.run().await;
            let estate = &execution.estate;
            let web: InstanceId = "i-00000000000000001".parse().unwrap();
            let (attached, made) = (estate.aws.volumes_of(&web), estate.aws.recovered());
            assert_eq!(attached.len(), 3, "{crash} {end:?}: {:#?}", execution.works().await);
            if end == End::Finished(State::Undone) {
                assert_eq!(kinds(estate), [], "{crash}");
                let is_new = |volume: &VolumeId| made.iter().any(|it| it.id == volume.as_str());
                assert!(!attached.iter().any(is_new), "{crash}: the old ones");
            }
        },
    )
    .await;
}

/// Steps until AWS was asked to attach the new volume, and nobody saw the end of it.
async fn until_attaching(execution: &Execution) {
    let is_attaching = |work: &Work| {
        matches!(work.what, Action::Attach { .. }) && !work.is_aftermath() && work.state == WorkState::Pending
    };
    for _ in 0..100 {
        if execution.works().await.iter().any(is_attaching) {
            return;
        }
        execution.step(&execution.at()).await.unwrap();
    }
    panic!("it never attached: {:#?}", execution.works().await);
}

/// The execution gives up while AWS attaches the new volume: it is where it was to be, or it is removed and the old one put
/// back, as the plan says.
#[rstest]
#[case::kept(OnFailure::Keep, State::Failed)]
#[case::removed(OnFailure::Remove, State::Undone)]
#[tokio::test]
async fn a_switch_that_is_broken_off_leaves_no_device_empty(#[case] on_failure: OnFailure, #[case] state: State) {
    let (estate, web, data) = to_switch().await;
    let plan = only(switch(&web, &data, AttachBehavior::SwitchAndDelete, on_failure), &estate, &web, &data);
    let execution = Execution::new(&estate, record(&estate, plan, |_| {}).await, "x");
    until_attaching(&execution).await;
    execution.go(At::Finish(Some(trouble("States.Timeout", "a week"))));
    assert_eq!(execution.run().await, End::Finished(state));
    let attached = estate.aws.volumes_of(&web);
    assert_eq!((attached.len(), attached.contains(&data)), (3, on_failure == OnFailure::Remove), "{attached:?}");
    let told = execution.faults().await;
    assert!(!told.iter().any(|fault| fault.contains("NotPutBack") || fault.contains("already in use")), "{told:#?}");
    assert!(execution.works().await.iter().all(|work| work.state.is_settled()));
}

/// The last execution dies when the old volume is off: nobody goes on, and people are told what they have to put back.
#[tokio::test]
async fn a_switch_that_is_given_up_names_what_is_to_be_put_back() {
    let (estate, web, data) = to_switch().await;
    let plan = only(switch(&web, &data, AttachBehavior::Switch, OnFailure::Keep), &estate, &web, &data);
    let id = record(&estate, plan, |recovery| {
        recovery.execution = Some("last".to_owned());
        recovery.course.resumed = MOST_RESUMES;
    })
    .await;
    estate.executions.runs(Machine::Recovery, "last");
    let execution = Execution::new(&estate, id, "last");
    while estate.aws.volumes_of(&web).contains(&data) {
        execution.step(&execution.at()).await.unwrap();
    }
    estate.executions.set("last", Standing::Dead);
    execution_died(&estate.store, &sample::root(), id, "last", estate.clock.now()).await.unwrap();
    tick(&estate).await;
    let ended = recovery(&estate, id).await;
    assert_eq!(ended.state, State::Failed);
    let told = format!("this has to be done by hand: attaching {data} to {web} as /dev/");
    assert!(ended.log.iter().any(|line| line.message.starts_with(&told)), "{:#?}", ended.log);
    assert!(execution.works().await.iter().all(|work| work.state.is_settled()));
}

/// What cannot be put back either is there, and named.
#[tokio::test]
async fn a_volume_that_cannot_be_put_back_is_named() {
    let (estate, web, data) = to_switch().await;
    let plan = only(switch(&web, &data, AttachBehavior::SwitchAndDelete, OnFailure::Remove), &estate, &web, &data);
    estate.faults.deny("ec2:AttachVolume", "us-east-1");
    let execution = run(&estate, plan).await;
    assert_eq!(execution.recovery().await.state, State::Undone, "{:#?}", execution.faults().await);
    assert!(estate.aws.region_of(&data).is_some(), "the old volume is there");
    assert_eq!(kinds(&estate), []);
    let told = execution.faults().await;
    assert!(told.iter().any(|fault| fault.contains(&format!("attaching {data} to {web}"))), "{told:#?}");
    let removed = estate.aws.removed();
    assert!(removed.iter().all(|(_, id)| *id != data.as_str()), "{removed:?}");
}

/// A volume that was attached, and is to go again, is taken off first.
#[tokio::test]
async fn what_was_attached_is_removed_all_the_same() {
    let (estate, web, data) = to_switch().await;
    let plan = only(switch(&web, &data, AttachBehavior::SwitchAndDelete, OnFailure::Remove), &estate, &web, &data);
    // Its last call fails: the old volume cannot be marked.
    estate.faults.deny("ec2:CreateTags", "us-east-1");
    let id = record(&estate, plan, |_| {}).await;
    let execution = Execution::new(&estate, id, "x");
    estate.faults.allow("ec2:CreateTags");
    estate.faults.refuse_next("ec2:CreateTags", 1, &denied("ec2:CreateTags"));
    assert_eq!(execution.run().await, End::Finished(State::Undone));
    assert_eq!(kinds(&estate), []);
    assert!(estate.aws.volumes_of(&web).contains(&data), "the old one is in its place again");
}

#[rstest]
#[case(Kind::Rds, RecoveryKind::Rds, &[MadeKind::Database])]
#[case(Kind::Aurora, RecoveryKind::Aurora, &[MadeKind::Database, MadeKind::Database, MadeKind::Cluster])]
#[case(Kind::Redshift, RecoveryKind::Redshift, &[MadeKind::Warehouse])]
#[case(Kind::Dynamodb, RecoveryKind::Dynamodb, &[MadeKind::Table])]
#[tokio::test]
async fn what_aws_manages_comes_back_and_goes_again(
    #[case] kind: Kind,
    #[case] wanted: RecoveryKind,
    #[case] made: &[MadeKind],
    #[values(false, true)] fails: bool,
) {
    let make = async || {
        let estate = backed_up(|estate| {
            let managed = estate.aws.here("us-east-1").managed(kind, "orders");
            vec![Target::new(managed, "us-east-1".parse().unwrap(), PutBy::Person)]
        })
        .await;
        estate.aws.vanish(&Resource::new(kind, "orders").unwrap());
        estate.aws.recoveries_take(SignedDuration::from_mins(7));
        let plan = Plan { on_failure: OnFailure::Remove, ..Plan::new(BackupId(1), wanted) };
        let id = record(&estate, plan, |_| {}).await;
        Execution::new(&estate, id, "x")
    };
    let calls = at_each_call(
        Fate::Unanswered,
        make,
        async |execution: &Execution| {
            if fails {
                break_last(execution);
            }
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            let end = execution.run().await;
            let mut found = kinds(&execution.estate);
            found.sort();
            if end == End::Finished(State::Succeeded) {
                assert_eq!(found, made, "{crash}");
            } else {
                assert_eq!(end, End::Finished(State::Undone), "{crash} {:#?}", execution.recovery().await.log);
                assert_eq!(found, [], "{crash}");
            }
            assert_eq!(execution.estate.breaches(), Vec::<String>::new(), "{crash}");
        },
    )
    .await;
    assert!(calls > 20, "{calls} calls");
}

/// The last thing that is made vanishes under way.
fn break_last(execution: &Execution) {
    let aws = execution.estate.aws.beside();
    let times = ["rds:DescribeDBInstances", "redshift:DescribeClusters", "dynamodb:DescribeTable"];
    for name in times {
        let aws = aws.clone();
        execution.estate.faults.meanwhile(name, move || {
            for thing in aws.recovered() {
                if matches!(thing.kind, MadeKind::Database | MadeKind::Warehouse | MadeKind::Table) {
                    aws.lose_made(thing.kind, &thing.id);
                }
            }
        });
    }
}

/// An estate whose instance was backed up here and goes into another account.
async fn across() -> (Estate, Plan) {
    let estate = Estate::new();
    estate.account(sample::member("dr", OTHER));
    let web = estate.instance("us-east-1", 2);
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    back_up(&estate).await;
    estate.aws.site(OTHER, "us-east-1");
    let mut plan = Plan { account: Some("dr".parse().unwrap()), ..Plan::new(BackupId(1), RecoveryKind::Instance) };
    let Wanted::Instance(wanted) = &mut plan.wanted else { panic!() };
    wanted.subnet = Some("subnet-0123456789abcdef0".to_owned());
    wanted.security_groups = Some(vec!["sg-0123456789abcdef0".to_owned()]);
    (estate, plan)
}

#[tokio::test]
async fn into_another_account_it_is_shared_for_the_while() {
    let (estate, plan) = across().await;
    let execution = run(&estate, plan).await;
    assert_eq!(execution.recovery().await.state, State::Succeeded, "{:#?}", execution.faults().await);
    assert_eq!(estate.aws.shared(), []);
    let made = estate.aws.recovered();
    assert!(made.iter().all(|thing| thing.account == OTHER) && made.len() == 3, "{made:#?}");
    assert_eq!(estate.faults.count("ec2:ModifySnapshotAttribute"), 4, "two snapshots, there and back");
}

/// Whatever fails, and when: what was shared is taken back, and nothing is left.
#[rstest]
#[case::killed(Fate::Killed)]
#[case::unanswered(Fate::Unanswered)]
#[tokio::test]
async fn what_was_shared_is_taken_back_whatever_happens(#[case] fate: Fate, #[values(false, true)] fails: bool) {
    at_each_call(
        fate,
        async || {
            let (estate, plan) = across().await;
            if fails {
                estate.aws.end_instances("Server.InternalError");
            }
            let plan = Plan { on_failure: OnFailure::Remove, ..plan };
            let id = record(&estate, plan, |_| {}).await;
            Execution::new(&estate, id, "x")
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            let end = execution.run().await;
            let expected = if fails { State::Undone } else { State::Succeeded };
            assert_eq!(end, End::Finished(expected), "{crash} {:#?}", execution.recovery().await.log);
            assert_eq!(execution.estate.aws.shared(), [], "{crash}");
            assert_eq!(kinds(&execution.estate).len(), if fails { 0 } else { 3 }, "{crash}");
        },
    )
    .await;
}

/// The table refuses for good in the middle: the execution gives up, and takes back what it shared.
#[tokio::test]
async fn what_was_shared_is_taken_back_when_the_execution_gives_up() {
    let (estate, plan) = across().await;
    let id = record(&estate, plan, |_| {}).await;
    let execution = Execution::new(&estate, id, "x");
    loop {
        let at = execution.at();
        if at == crate::recovery_machine::At::Create {
            break;
        }
        execution.step(&at).await.unwrap();
    }
    estate.aws.recoveries_take(SignedDuration::from_mins(5));
    execution.step(&execution.at()).await.unwrap();
    assert_eq!(estate.aws.shared().len(), 2);
    let gave_up = crate::recovery_machine::trouble("Store.Refused", "a missing permission");
    execution.go(crate::recovery_machine::At::Finish(Some(gave_up)));
    assert_eq!(execution.run().await, End::Finished(State::Failed));
    assert_eq!(estate.aws.shared(), []);
    let faults = execution.faults().await;
    assert!(faults[0].contains("the execution gave up: a missing permission"), "{faults:#?}");
}

/// Two recoveries of one backup into one account: what the first shared stays until the second has what it needs.
#[tokio::test]
async fn what_another_still_needs_is_not_taken_back() {
    let (estate, plan) = across().await;
    let mut volumes = Plan { wanted: Wanted::new(RecoveryKind::Volumes), ..plan };
    let Wanted::Volumes(wanted) = &mut volumes.wanted else { panic!() };
    let zoned = |volume| VolumePlan { zone: Some("us-east-1a".to_owned()), ..VolumePlan::new(volume) };
    wanted.volumes = estate.aws.volumes_of(&"i-00000000000000001".parse().unwrap()).into_iter().map(zoned).collect();
    let first = record(&estate, volumes.clone(), |_| {}).await;
    let second = record(&estate, volumes, |_| {}).await;
    let (first, second) = (Execution::new(&estate, first, "a"), Execution::new(&estate, second, "b"));
    // The second has shared, and made nothing yet.
    second.step(&second.at()).await.unwrap();
    second.step(&second.at()).await.unwrap();
    for _ in 0..6 {
        first.step(&first.at()).await.unwrap();
    }
    assert_eq!(estate.aws.shared().len(), 2, "the second needs it");
    assert_eq!(second.run().await, End::Finished(State::Succeeded));
    assert_eq!(first.run().await, End::Finished(State::Succeeded));
    assert_eq!(estate.aws.shared(), []);
    assert_eq!(kinds(&estate).len(), 4);
}

/// What is shared is not known at once in the other account.
#[tokio::test]
async fn what_was_shared_a_moment_ago_is_waited_for() {
    let (estate, plan) = across().await;
    let unknown = AwsError {
        refusal: Refusal::NotFound,
        action: String::new(),
        code: "InvalidSnapshot.NotFound".into(),
        message: "The snapshot does not exist".into(),
    };
    estate.faults.refuse_next("ec2:RegisterImage", 5, &unknown);
    let execution = run(&estate, plan.clone()).await;
    assert_eq!(execution.recovery().await.state, State::Succeeded, "{:#?}", execution.faults().await);
    estate.faults.refuse_next("ec2:RegisterImage", 50, &unknown);
    estate.aws.terminate(&estate.aws.recovered()[0].id.parse().unwrap());
    let execution = run(&estate, plan).await;
    assert_eq!(execution.recovery().await.state, State::Failed, "it is not waited for for ever");
}

/// A share that is refused makes nothing, and there is nothing to be taken back.
#[tokio::test]
async fn a_share_that_is_denied_fails_what_needs_it() {
    let (estate, plan) = across().await;
    estate.faults.deny("ec2:ModifySnapshotAttribute", "us-east-1");
    let execution = run(&estate, plan).await;
    assert_eq!(execution.recovery().await.state, State::Failed);
    let works = execution.works().await;
    assert!(works.iter().filter(|work| work.is_unshare()).all(|work| work.state == WorkState::Undone));
    assert_eq!(estate.faults.count("ec2:RunInstances"), 0);
}

/// A role of the recovery's own must be of the account that it goes to.
#[tokio::test]
async fn a_role_of_another_account_is_refused() {
    let (estate, plan) = across().await;
    let own = own();
    let told = async |arn: &str| {
        let role = Some(AdHocRole { arn: arn.to_owned(), external_id: None });
        let checked = steps(&estate, &own).plan(&sample::root(), &Plan { role, ..plan.clone() }).await.unwrap();
        checked.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(told("arn:aws:iam::333333333333:role/recover").await.contains("is of account 333333333333"));
    assert!(told("recover").await.contains("is not the ARN of a role"));
    let told = told(&format!("arn:aws:iam::{OTHER}:role/recover")).await;
    assert!(told.contains("sts:AssumeRole"), "nobody made that role: {told}");
    let role = AdHocRole { arn: format!("arn:aws:iam::{OTHER}:role/cpm-backup-recovery"), external_id: None };
    let execution = run(&estate, Plan { role: Some(role), ..plan.clone() }).await;
    assert_eq!(execution.recovery().await.state, State::Succeeded);
}

#[tokio::test]
async fn a_protected_instance_of_a_drill_says_so_and_then_goes() {
    let estate = backed_up(|estate| {
        let web = estate.instance("us-east-1", 1);
        estate.aws.set_instance(&web, |web| web.termination_protection = true);
        vec![estate.target(&web)]
    })
    .await;
    estate.aws.terminate(&"i-00000000000000001".parse().unwrap());
    let drill = cpm_domain::recovery::Purpose::Drill(1);
    let id =
        record(&estate, Plan::new(BackupId(1), RecoveryKind::Instance), |recovery| recovery.purpose = drill).await;
    let execution = Execution::new(&estate, id, "x");
    assert_eq!(execution.run().await, End::Finished(State::Succeeded));
    let cleaner = crate::cleanup::steps(&estate);
    let deadline = || cpm_ports::Deadline(estate.clock.now() + SignedDuration::from_mins(5));
    let removed = cleaner.undo(&execution.running, deadline()).await.unwrap();
    assert_eq!(removed.left, 0, "it will not go: nothing to wait for");
    let works = execution.works().await;
    let instance = works.iter().flat_map(|work| &work.made).find(|made| made.kind == MadeKind::Instance).unwrap();
    assert!(instance.state != MadeState::Gone && instance.cause.as_ref().unwrap().contains("OperationNotPermitted"));
    estate.aws.unprotect(MadeKind::Instance, &instance.id);
    while cleaner.undo(&execution.running, deadline()).await.unwrap().left > 0 {}
    assert_eq!(kinds(&estate), []);
}

/// What was made is removed for a recovery that failed, or a drill: never because somebody asks.
#[tokio::test]
async fn what_succeeded_is_not_undone() {
    let estate = backed_up(|estate| vec![estate.target(estate.volume("us-east-1"))]).await;
    let execution = run(&estate, Plan::new(BackupId(1), RecoveryKind::Volumes)).await;
    assert_eq!(execution.recovery().await.state, State::Succeeded);
    let deadline = cpm_ports::Deadline(estate.clock.now() + SignedDuration::from_mins(5));
    let refused = crate::cleanup::steps(&estate).undo(&execution.running, deadline).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Conflict");
    assert_eq!(kinds(&estate), [MadeKind::Volume]);
}

/// The kinds of units that are shared are all known.
#[tokio::test]
async fn a_database_goes_into_another_account() {
    let estate = Estate::new();
    estate.account(sample::member("dr", OTHER));
    let orders = estate.aws.site(OWN_ACCOUNT, "us-east-1").managed(Kind::Rds, "orders");
    estate.policy(sample::policy("web"), [estate.target(orders.id())]);
    back_up(&estate).await;
    estate.aws.site(OTHER, "us-east-1");
    let plan = Plan { account: Some("dr".parse().unwrap()), ..Plan::new(BackupId(1), RecoveryKind::Rds) };
    let execution = run(&estate, plan).await;
    assert_eq!(execution.recovery().await.state, State::Succeeded, "{:#?}", execution.faults().await);
    let shares = execution
        .works()
        .await
        .into_iter()
        .filter(|work| matches!(work.what, Action::Share { kind: UnitKind::RdsSnapshot, .. }) && work.at_source);
    assert_eq!((shares.count(), estate.aws.shared()), (1, vec![]));
}
