//! Databases, clusters, tables and images on the day that things break.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cpm_domain::{
    aws::Tags,
    backup::{Backup, Level},
    id::BackupId,
    kind::{InstanceId, Kind, Resource},
    policy::Policy,
    settings::Settings,
    status::Status,
    tag::BackupOption,
    target::Target,
    unit::{Unit, UnitKind, UnitState},
};
use cpm_fakes::{Estate, Fate, at_each_call, at_once, sample};
use cpm_ports::{Backups, Images, PolicyChange};
use jiff::SignedDuration;
use rstest::rstest;

use crate::{
    cleanup::clean,
    machine::{At, End, Events, Execution, start},
};

const MANAGED: [(Kind, &str); 4] =
    [(Kind::Rds, "orders"), (Kind::Aurora, "ledger"), (Kind::Redshift, "dwh"), (Kind::Dynamodb, "sessions")];

fn target(resource: &Resource) -> Target {
    Target::new(resource.clone(), "us-east-1".parse().unwrap(), cpm_domain::target::PutBy::Person)
}

fn with(option: BackupOption, instance: &InstanceId) -> Target {
    Target { option: Some(option), ..target(&Resource::Instance(instance.clone())) }
}

/// One of each kind, an instance that is backed up by images, and one with an initial image.
fn estate() -> Estate {
    estate_of(sample::policy("web"))
}

fn estate_of(policy: Policy) -> Estate {
    let estate = Estate::new();
    let site = estate.aws.here("us-east-1");
    let managed: Vec<Target> = MANAGED.iter().map(|(kind, name)| target(&site.managed(*kind, name))).collect();
    let (imaged, initial) = (estate.instance("us-east-1", 3), estate.instance("us-east-1", 2));
    let instances = [with(BackupOption::OnlyAmis, &imaged), with(BackupOption::InitialAmi, &initial)];
    estate.policy(policy, managed.into_iter().chain(instances));
    estate
}

async fn run(estate: &Estate, name: &str) -> (Backup, Vec<Unit>) {
    let execution = Execution::new(estate, name, start("web"));
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let units = execution.sets(id).await.into_iter().flat_map(|set| set.units).collect();
    (execution.backup(id).await, units)
}

async fn assert_whole(execution: &Execution, end: &End) {
    let End::Finished(_, id) = end else { panic!("{end:?}") };
    let (backup, sets) = (execution.backup(*id).await, execution.sets(*id).await);
    let units: Vec<&Unit> = sets.iter().flat_map(|set| &set.units).collect();
    assert_eq!(backup.status, Status::Successful, "{:#?} {units:#?}", backup.log);
    // Four managed ones, an image, two snapshots and their initial image.
    assert_eq!(units.len(), 8);
    assert!(units.iter().all(|unit| unit.state == UnitState::Completed && unit.id.is_some()));
    let images: Vec<usize> =
        units.iter().filter(|unit| unit.kind == UnitKind::Ami).map(|unit| unit.parts.len()).collect();
    assert_eq!(images, [3, 1], "all volumes of the one, the root of the other");
    // Besides the units AWS holds the four snapshots of the two images.
    assert_eq!(execution.estate.aws.made().len(), 12, "none lost, none doubled");
    assert_eq!(execution.estate.breaches(), Vec::<String>::new());
    let kept = execution.estate.beside().store.images(&sample::root()).await.unwrap();
    assert_eq!((kept.len(), kept[0].outdated.len()), (1, 0));
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
}

#[rstest]
#[case::killed(Fate::Killed)]
#[case::unanswered(Fate::Unanswered)]
#[tokio::test]
async fn broken_anywhere(#[case] fate: Fate) {
    let calls = at_each_call(
        fate,
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
    assert!(calls > 20, "{calls} calls");
}

/// Every call of a backup in turn is throttled more often than the SDK repeats it.
#[tokio::test]
async fn throttled_at_every_bucket() {
    let whole = Execution::new(&estate(), "x", start("web"));
    whole.run().await;
    let calls: Vec<&str> = whole.estate.faults.tally().into_keys().collect();
    assert!(calls.len() > 20, "{calls:?}");
    for call in calls {
        let execution = Execution::new(&estate(), "x", start("web"));
        execution.estate.faults.throttle_next(call, 5);
        let mut end = execution.run().await;
        if !matches!(end, End::Finished(..)) {
            end = execution.run_again().await;
        }
        println!("{call}");
        assert_whole(&execution, &end).await;
    }
}

/// Each call of a cleanup in turn is throttled: it leaves the one generation that is to stay in the end.
#[tokio::test]
async fn a_cleanup_is_throttled_at_every_bucket() {
    let two_generations = async || {
        let estate = estate_of(Policy { generations: 1, ..sample::policy("web") });
        for day in ["mon", "tue"] {
            estate.clock.advance(SignedDuration::from_hours(24));
            run(&estate, day).await;
        }
        estate.faults.forget_calls();
        estate
    };
    let estate = two_generations().await;
    assert!(estate.aws.made().len() > 20, "{}", estate.aws.made().len());
    clean(&estate).await.unwrap();
    let stays = estate.aws.made().len();
    let calls: Vec<&str> = estate.faults.tally().into_keys().collect();
    assert!(calls.len() > 10, "{calls:?}");
    for call in calls {
        let estate = two_generations().await;
        estate.faults.throttle_next(call, 5);
        // Steps that fail are repeated by the state machine.
        for _ in 0..6 {
            let _ = clean(&estate).await;
            estate.clock.advance(SignedDuration::from_mins(1));
        }
        assert_eq!(estate.aws.made().len(), stays, "{call}");
        assert_eq!(estate.breaches(), Vec::<String>::new(), "{call}");
    }
}

/// Lets somebody else write all sets just before the `n`-th time that one is written.
fn write_before(estate: &Estate, n: usize, happened: &Arc<AtomicBool>) {
    let (inner, happened) = (estate.clone(), Arc::clone(happened));
    estate.faults.meanwhile("store:put_set", move || {
        if n > 0 {
            return write_before(&inner, n - 1, &happened);
        }
        happened.store(true, Ordering::Relaxed);
        let store = inner.beside().store;
        for set in at_once(store.sets(&sample::root(), BackupId(1))).unwrap() {
            at_once(store.put_set(&sample::root(), BackupId(1), &set)).unwrap();
        }
    });
}

/// Each write of a set in turn loses its race: it is read and written again, and no step fails for that.
#[tokio::test]
async fn a_write_that_loses_its_race_is_made_again() {
    for n in 0.. {
        let execution = Execution::new(&estate(), "x", start("web"));
        let happened = Arc::new(AtomicBool::new(false));
        write_before(&execution.estate, n, &happened);
        println!("before write {n}");
        let end = loop {
            match execution.at() {
                At::Ended(end) => break end,
                at => execution.step(&at).await.unwrap(),
            }
        };
        assert_whole(&execution, &end).await;
        if !happened.load(Ordering::Relaxed) {
            assert!(n > 10, "{n} writes");
            return;
        }
    }
}

fn state_of<'a>(units: &'a [Unit], name: &str) -> &'a Unit {
    units.iter().find(|unit| unit.source.id() == name).unwrap()
}

#[rstest]
#[case(Kind::Rds, "backing-up")]
#[case(Kind::Rds, "modifying")]
#[case(Kind::Aurora, "backing-up")]
#[case(Kind::Redshift, "modifying")]
#[case(Kind::Dynamodb, "UPDATING")]
#[tokio::test]
async fn a_busy_database_is_waited_for(#[case] kind: Kind, #[case] status: &str) {
    let estate = Estate::new();
    let busy = estate.aws.here("us-east-1").managed(kind, "busy-one");
    estate.policy(sample::policy("web"), [target(&busy)]);
    estate.aws.set_status(&busy, status);
    let execution = Execution::new(&estate, "x", start("web"));
    while !matches!(execution.at(), At::Snapshot(_, true)) {
        let at = execution.at();
        execution.step(&at).await.unwrap();
    }
    assert_eq!(estate.aws.made().len(), 0, "AWS was asked, and said no");
    estate.aws.set_status(&busy, if kind == Kind::Dynamodb { "ACTIVE" } else { "available" });
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let backup = execution.backup(id).await;
    let units: Vec<Unit> = execution.sets(id).await.into_iter().flat_map(|set| set.units).collect();
    assert_eq!((backup.status, units.len()), (Status::Successful, 1), "{:#?}", backup.log);
}

#[rstest]
#[case(Kind::Rds, "stopped")]
#[case(Kind::Aurora, "stopped")]
#[case(Kind::Redshift, "paused")]
#[tokio::test]
async fn what_cannot_be_snapshotted_is_refused_with_advice(#[case] kind: Kind, #[case] status: &str) {
    let estate = Estate::new();
    let site = estate.aws.here("us-east-1");
    let (stuck, good) = (site.managed(kind, "stuck-one"), site.managed(Kind::Rds, "orders"));
    estate.policy(sample::policy("web"), [target(&stuck), target(&good)]);
    estate.aws.set_status(&stuck, status);
    let (backup, units) = run(&estate, "x").await;
    assert_eq!((backup.status, units.len()), (Status::PartiallySuccessful, 1));
    assert!(backup.log.iter().any(|line| line.level == Level::Error && line.message.contains(status)));
}

#[tokio::test]
async fn a_member_points_to_its_cluster() {
    let estate = Estate::new();
    let site = estate.aws.here("us-east-1");
    let member = site.member("ledger-1", "ledger");
    estate.policy(sample::policy("web"), [target(&member)]);
    let (backup, _) = run(&estate, "x").await;
    assert_eq!(backup.status, Status::Failed);
    assert!(backup.log.iter().any(|line| line.message.contains("`aurora: ledger`")), "{:#?}", backup.log);
    assert_eq!(estate.aws.made().len(), 0);
}

#[tokio::test]
async fn a_cluster_that_vanishes_while_it_is_snapshotted_fails_alone() {
    let estate = estate();
    let aws = estate.aws.beside();
    let ledger = Resource::new(Kind::Aurora, "ledger").unwrap();
    let execution = Execution::new(&estate, "x", start("web"));
    // Asked for, and not yet made.
    while !aws.made().iter().any(|made| made.report.kind == UnitKind::AuroraSnapshot) {
        let at = execution.at();
        execution.step(&at).await.unwrap();
    }
    aws.vanish(&ledger);
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let units: Vec<Unit> = execution.sets(id).await.into_iter().flat_map(|set| set.units).collect();
    assert_eq!(execution.backup(id).await.status, Status::PartiallySuccessful);
    assert_eq!(state_of(&units, "ledger").state, UnitState::Failed);
    assert_eq!(units.iter().filter(|unit| unit.state == UnitState::Completed).count(), 7);
}

#[tokio::test]
async fn a_quota_that_is_reached_in_the_middle_costs_the_others_nothing() {
    let estate = Estate::new();
    let site = estate.aws.here("us-east-1");
    let databases: Vec<Resource> = (0..6).map(|n| site.managed(Kind::Rds, &format!("db-{n}"))).collect();
    estate.policy(sample::policy("web"), databases.iter().map(target));
    estate.aws.quota(4);
    let (backup, units) = run(&estate, "x").await;
    let of = |state| units.iter().filter(move |unit| unit.state == state);
    assert_eq!((of(UnitState::Completed).count(), of(UnitState::Failed).count()), (4, 2));
    assert_eq!(backup.status, Status::PartiallySuccessful);
    let fault = of(UnitState::Failed).next().unwrap().error.clone().unwrap();
    assert!(fault.advice.unwrap().contains("Service Quotas"));
    // It is said before it bites: the next backup's log begins with it.
    let (second, _) = run(&estate, "y").await;
    assert!(second.log.iter().any(|line| line.level == Level::Warning && line.message.contains("4 of the 4")));
}

#[tokio::test]
async fn an_image_that_fails_fails_its_unit() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    estate.policy(sample::policy("web"), [with(BackupOption::OnlyAmis, &web)]);
    let root = estate.aws.volumes_of(&web)[0].clone();
    estate.aws.spoil(&root, "the key is disabled");
    let (backup, units) = run(&estate, "x").await;
    assert_eq!((backup.status, units[0].state), (Status::Failed, UnitState::Failed));
    assert!(units[0].error.as_ref().unwrap().message.contains("the key is disabled"));
}

/// Runs a policy of two generations so often, a day apart.
async fn runs(estate: &Estate, times: u32) {
    for n in 0..times {
        estate.clock.advance(SignedDuration::from_hours(24));
        run(estate, &format!("day-{n}")).await;
        clean(estate).await.unwrap();
    }
}

fn images(estate: &Estate) -> usize {
    estate.aws.made().iter().filter(|made| made.report.kind == UnitKind::Ami).count()
}

#[tokio::test]
async fn images_go_with_their_own_snapshots_and_no_others() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    let foreign = estate.aws.here("us-east-1").snapshot(&estate.aws.volumes_of(&web)[0], &Tags::new());
    let policy = Policy { generations: 2, ..sample::policy("web") };
    estate.policy(policy, [with(BackupOption::OnlyAmis, &web)]);
    runs(&estate, 4).await;
    assert_eq!(images(&estate), 2);
    let snapshots: Vec<_> =
        estate.aws.made().into_iter().filter(|made| made.report.kind == UnitKind::EbsSnapshot).collect();
    assert_eq!(snapshots.len(), 5, "two of each image, and the foreign one");
    assert!(snapshots.iter().any(|made| made.report.id == foreign));
    assert_eq!(estate.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn one_initial_image_is_kept_and_rotated() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    let policy = Policy { generations: 2, ..sample::policy("web") };
    estate.policy(policy, [with(BackupOption::InitialAmi, &web)]);
    let settings = Settings { initial_ami_rotation_days: 5, ..Settings::default() };
    estate.change([PolicyChange::PutSettings(settings)]);
    runs(&estate, 4).await;
    assert_eq!(images(&estate), 1, "it outlives the backup that made it");
    let first = estate.beside().store.images(&sample::root()).await.unwrap()[0].current.clone().unwrap();
    assert_eq!(first.backup, BackupId(1));
    assert!(estate.beside().store.backup(&sample::root(), BackupId(1)).await.unwrap().is_none(), "and that is gone");
    runs(&estate, 3).await;
    assert_eq!(images(&estate), 1, "the old one goes when the new one is there");
    let second = estate.beside().store.images(&sample::root()).await.unwrap()[0].current.clone().unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(estate.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn an_initial_image_goes_when_nobody_needs_it() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    let held = with(BackupOption::InitialAmi, &web);
    estate.policy(sample::policy("web"), [held.clone()]);
    runs(&estate, 1).await;
    estate.change([PolicyChange::RemoveTarget("web".parse().unwrap(), held.key())]);
    clean(&estate).await.unwrap();
    assert_eq!(images(&estate), 1, "a backup is kept that relies on it");
    let mut backup = estate.beside().store.backup(&sample::root(), BackupId(1)).await.unwrap().unwrap();
    let phase = std::mem::replace(&mut backup.phase, cpm_domain::backup::Phase::Deleting);
    estate.beside().store.put(&sample::root(), &backup, phase).await.unwrap();
    clean(&estate).await.unwrap();
    clean(&estate).await.unwrap();
    assert_eq!((images(&estate), estate.aws.made().len()), (0, 0));
    assert_eq!(estate.beside().store.images(&sample::root()).await.unwrap(), []);
}

#[tokio::test]
async fn a_deletion_that_dies_anywhere_is_finished() {
    at_each_call(
        Fate::Killed,
        async || {
            let estate = estate();
            runs_twice(&estate).await;
            estate
        },
        async |estate: &Estate| {
            clean(estate).await.ok();
        },
        async |estate: &Estate, crash| {
            println!("{crash}");
            clean(estate).await.unwrap();
            clean(estate).await.unwrap();
            // Of one backup: eight units and three snapshots of an image; the initial image has one.
            assert_eq!(estate.aws.made().len(), 12);
            assert_eq!(estate.breaches(), Vec::<String>::new());
        },
    )
    .await;
}

/// Two backups of a policy that keeps one, and no cleanup yet.
async fn runs_twice(estate: &Estate) {
    estate.change([PolicyChange::PutPolicy(Policy { generations: 1, ..sample::policy("web") })]);
    for n in 0..2 {
        estate.clock.advance(SignedDuration::from_hours(24));
        run(estate, &format!("day-{n}")).await;
    }
    estate.faults.forget_calls();
}
