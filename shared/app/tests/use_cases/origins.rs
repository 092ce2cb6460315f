//! What a recovery will need is on record before anything is made, and costs no backup.

use cpm_domain::{
    aws::{AwsError, Refusal},
    backup::{Backup, Level},
    id::{BackupId, InstanceId, VolumeId},
    kind::{Kind, Resource},
    origin::{InstanceOrigin, Origin, Reads, SourceRecord},
    status::Status,
    target::{PutBy, Target},
};
use cpm_fakes::{Estate, Fate, at_each_call, sample};
use cpm_ports::Origins;
use jiff::SignedDuration;
use rstest::rstest;

use crate::machine::{End, Execution, start};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const ATTRIBUTE: &str = "ec2:DescribeInstanceAttribute";
const SECRET: &str = "c2VjcmV0IHBhc3N3b3Jk";

fn target(resource: &Resource) -> Target {
    Target::new(resource.clone(), "us-east-1".parse().unwrap(), PutBy::Person)
}

struct World {
    estate: Estate,
    web: InstanceId,
    lone: VolumeId,
    all: Vec<Resource>,
}

/// One of each kind: an instance with three volumes, tags, an elastic address and user data, and a volume of another
/// instance that is no target.
fn world() -> World {
    let estate = Estate::new();
    let site = estate.aws.here("us-east-1");
    let web = estate.instance("us-east-1", 3);
    estate.aws.set_instance(&web, |web| {
        web.user_data = Some(SECRET.to_owned());
        web.termination_protection = true;
        web.shutdown_behavior = Some("terminate".to_owned());
        web.public_ip = Some("203.0.113.7".to_owned());
        web.elastic_ip = Some("eipalloc-0123456789abcdef0".to_owned());
    });
    estate.aws.tag(&web, "Name", "web-1");
    let data = estate.aws.volumes_of(&web)[1].clone();
    estate.aws.tag(&data, "Name", "data");
    estate.aws.set_volume(&data, |data| {
        data.size = 500;
        "io2".clone_into(&mut data.volume_type);
        data.iops = Some(8000);
    });
    let other = estate.instance("us-east-1", 2);
    let lone = estate.aws.volumes_of(&other)[0].clone();
    let managed =
        [(Kind::Rds, "orders"), (Kind::Aurora, "ledger"), (Kind::Redshift, "dwh"), (Kind::Dynamodb, "sessions")];
    let mut all = vec![Resource::Instance(web.clone()), Resource::Volume(lone.clone())];
    for (kind, name) in managed {
        let resource = site.managed(kind, name);
        estate.aws.tag(name, "team", "shop");
        all.push(resource);
    }
    estate.policy(sample::policy("web"), all.iter().map(target));
    World { estate, web, lone, all }
}

async fn back_up(estate: &Estate, name: &str) -> Backup {
    let execution = Execution::new(estate, name, start("web"));
    let End::Finished(_, id) = execution.run().await else { panic!() };
    execution.backup(id).await
}

async fn records(estate: &Estate, id: BackupId) -> Vec<SourceRecord> {
    estate.beside().store.origins(&sample::root(), id).await.unwrap()
}

async fn instance(estate: &Estate, id: BackupId) -> InstanceOrigin {
    let records = records(estate, id).await;
    let found = records.into_iter().find_map(|record| match record.origin {
        Origin::Instance(instance) => Some(*instance),
        _ => None,
    });
    found.unwrap()
}

/// Without the times at which it was read.
fn untimed(mut origin: Origin) -> Origin {
    if let Origin::Instance(instance) = &mut origin {
        instance.read = Reads::default();
    }
    origin
}

/// Everything that is true of the sources is on record, and nothing else.
async fn assert_on_record(world: &World, id: BackupId) {
    let records = records(&world.estate, id).await;
    assert_eq!(records.len(), world.all.len());
    for resource in &world.all {
        let record = records.iter().find(|record| record.resource == *resource).unwrap();
        let really = world.estate.aws.origin_of(resource).unwrap();
        assert_eq!(untimed(record.origin.clone()), untimed(really));
        assert_eq!(record.region.as_str(), "us-east-1");
    }
}

fn warnings(backup: &Backup) -> Vec<&str> {
    let lines = backup.log.iter().filter(|line| line.level == Level::Warning);
    lines.map(|line| line.message.as_str()).collect()
}

#[tokio::test]
async fn how_each_source_is_is_on_record() {
    let world = world();
    let backup = back_up(&world.estate, "x").await;
    assert_eq!((backup.status, warnings(&backup)), (Status::Successful, vec![]));
    assert_on_record(&world, backup.id).await;
    let web = instance(&world.estate, backup.id).await;
    assert_eq!(web.user_data.as_deref(), Some(SECRET));
    assert_eq!((web.termination_protection, web.shutdown_behavior.as_deref()), (true, Some("terminate")));
    assert_eq!(web.elastic_ip.as_deref(), Some("eipalloc-0123456789abcdef0"));
    assert!(web.image.known && web.image.name.is_some());
    let volumes: Vec<_> = web.volumes.iter().map(|volume| (volume.size, volume.is_root)).collect();
    assert_eq!(volumes, [(8, true), (500, false), (100, false)]);
    assert_eq!((web.tags["Name"].as_str(), web.volumes[1].tags["Name"].as_str()), ("web-1", "data"));
    let records = records(&world.estate, backup.id).await;
    let lone = records.iter().find(|record| record.resource == Resource::Volume(world.lone.clone())).unwrap();
    let Origin::Volume(lone) = &lone.origin else { panic!() };
    assert!(lone.is_root && lone.attached_to.is_some(), "its instance tells that");
}

#[tokio::test]
async fn it_is_written_before_the_backup_and_nothing_is_read_later() {
    let world = world();
    back_up(&world.estate, "x").await;
    let calls: Vec<&str> = world.estate.faults.calls().iter().map(|call| call.name).collect();
    let nth = |name: &str| calls.iter().position(|call| *call == name).unwrap();
    assert!(nth("store:put_origins") < nth("store:create") && nth("store:create") < nth("ec2:CreateSnapshots"));
    let later = &calls[nth("store:put_origins")..];
    let reads =
        [ATTRIBUTE, "ec2:DescribeVolumes", "ec2:DescribeInstances", "ec2:DescribeAddresses", "tag:GetResources"];
    assert!(!later.iter().any(|call| reads.contains(call)), "{later:?}");
}

#[tokio::test]
async fn a_source_that_is_gone_is_on_record_still() {
    let world = world();
    let really: Vec<Origin> = world.all.iter().map(|one| world.estate.aws.origin_of(one).unwrap()).collect();
    let backup = back_up(&world.estate, "x").await;
    world.estate.aws.forget(&world.web);
    world.estate.aws.delete_volume(&world.lone);
    world.all.iter().for_each(|one| world.estate.aws.vanish(one));
    let records = records(&world.estate, backup.id).await;
    for origin in really {
        assert!(records.iter().any(|record| untimed(record.origin.clone()) == untimed(origin.clone())));
    }
}

#[tokio::test]
async fn what_holds_still_is_asked_for_once() {
    let World { estate, web, .. } = world();
    let attributes = async |name: &str| {
        estate.faults.forget_calls();
        let backup = back_up(&estate, name).await;
        let read = instance(&estate, backup.id).await;
        assert_eq!(read.user_data.as_deref(), Some(SECRET), "taken over or read, it is on record");
        estate.faults.count(ATTRIBUTE)
    };
    assert_eq!(attributes("1").await, 3);
    estate.clock.advance(HOUR * 24);
    assert_eq!(attributes("2").await, 0, "a daily policy");
    estate.clock.advance(HOUR * 24);
    assert_eq!(attributes("3").await, 2, "protection and shutdown behaviour can be changed while it runs");
    estate.clock.advance(HOUR);
    estate.aws.stop(&web);
    assert_eq!(attributes("4").await, 1, "user data can be changed while it is stopped");
    estate.aws.start(&web);
    assert_eq!(attributes("5").await, 3, "another run");
    estate.clock.advance(HOUR);
    let before = estate.faults.count("ec2:Describe*");
    assert!(before > 0);
    estate.faults.forget_calls();
    back_up(&estate, "6").await;
    // One of each: instances, their volumes, their image, their addresses; the lone volume and its instance.
    assert_eq!(estate.faults.count("ec2:Describe*"), 6, "{:?}", estate.faults.tally());
}

#[tokio::test]
async fn an_earlier_record_that_cannot_be_read_only_costs_calls() {
    let world = world();
    back_up(&world.estate, "x").await;
    let broken = AwsError {
        refusal: Refusal::Unknown,
        action: "store:origins".to_owned(),
        code: "InternalServerError".to_owned(),
        message: "later".to_owned(),
    };
    world.estate.faults.refuse_next("store:origins", 1, &broken);
    world.estate.faults.forget_calls();
    let backup = back_up(&world.estate, "y").await;
    assert_eq!((backup.status, world.estate.faults.count(ATTRIBUTE)), (Status::Successful, 3));
    assert_on_record(&world, backup.id).await;
}

#[rstest]
#[case::user_data(ATTRIBUTE, 3)]
#[case::image("ec2:DescribeImages", 1)]
#[case::addresses("ec2:DescribeAddresses", 1)]
#[case::tags("tag:GetResources", 1)]
#[tokio::test]
async fn what_is_denied_is_said_and_fails_nothing(#[case] action: &'static str, #[case] count: usize) {
    let world = world();
    world.estate.faults.deny(action, "us-east-1");
    let backup = back_up(&world.estate, "x").await;
    assert_eq!(backup.status, Status::Successful);
    let said = warnings(&backup);
    assert_eq!(said.len(), count, "{said:?}");
    let whom = "the role of the function backup";
    assert!(said.iter().all(|line| line.contains(action) && line.contains(whom)), "{said:?}");
    let noted: usize = records(&world.estate, backup.id)
        .await
        .iter()
        .map(|record| match &record.origin {
            Origin::Instance(instance) => instance.unread.len(),
            Origin::Dynamodb(table) => table.unread.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(noted, count, "with the source too");
    // As soon as it is allowed, it is on record.
    world.estate.faults.allow(action);
    let backup = back_up(&world.estate, "y").await;
    assert_eq!(warnings(&backup), Vec::<&str>::new());
    assert_on_record(&world, backup.id).await;
}

#[tokio::test]
async fn volumes_that_are_not_told_of_keep_their_devices() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    estate.faults.deny("ec2:DescribeVolumes", "us-east-1");
    let backup = back_up(&estate, "x").await;
    assert_eq!((backup.status, warnings(&backup).len()), (Status::Successful, 1));
    let read = instance(&estate, backup.id).await;
    let volumes: Vec<_> =
        read.volumes.iter().map(|volume| (volume.device.as_deref().unwrap(), volume.is_root, volume.size)).collect();
    assert_eq!(volumes, [("/dev/xvda", true, 0), ("/dev/sdb", false, 0)]);
}

#[tokio::test]
async fn user_data_is_in_no_log() {
    let world = world();
    for action in ["ec2:DescribeVolumes", "ec2:DescribeImages", "ec2:DescribeAddresses"] {
        world.estate.faults.deny(action, "us-east-1");
    }
    let backup = back_up(&world.estate, "x").await;
    assert!(!format!("{:?}", backup.log).contains(SECRET));
}

#[tokio::test]
async fn an_image_that_is_gone_is_on_record_as_it_was() {
    let World { estate, .. } = world();
    let first = back_up(&estate, "x").await;
    let before = instance(&estate, first.id).await.image;
    estate.aws.forget_image(&before.id);
    let second = back_up(&estate, "y").await;
    let after = instance(&estate, second.id).await.image;
    assert_eq!(after, cpm_domain::origin::ImageOrigin { known: false, ..before });
    assert_eq!(warnings(&second), Vec::<&str>::new());
}

#[tokio::test]
async fn too_many_tags_for_one_record_are_left_to_the_snapshots() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 128);
    for volume in estate.aws.volumes_of(&web) {
        (0..40).for_each(|n| estate.aws.tag(&volume, &format!("key-{n}"), &"x".repeat(100)));
    }
    estate.policy(sample::policy("web"), [estate.target(&web)]);
    let backup = back_up(&estate, "x").await;
    assert_eq!((backup.status, warnings(&backup)), (Status::Successful, vec![]));
    assert!(backup.log.iter().any(|line| line.message.contains("their snapshots carry them")), "{:#?}", backup.log);
    let read = instance(&estate, backup.id).await;
    assert!(read.volumes.iter().all(|volume| volume.tags.is_empty() && volume.size > 0));
    assert_eq!((read.volumes.len(), read.unread.len()), (128, 1));
}

#[tokio::test]
async fn what_no_record_holds_is_left_out_and_said() {
    let world = world();
    world.estate.aws.set_instance(&world.web, |web| web.user_data = Some("x".repeat(500_000)));
    let backup = back_up(&world.estate, "x").await;
    assert_eq!((backup.status, warnings(&backup).len()), (Status::Successful, 1), "{:?}", warnings(&backup));
    assert_eq!(records(&world.estate, backup.id).await.len(), world.all.len() - 1);
}

/// Killed at each call, the step is repeated, and all of it is on record at the end.
#[tokio::test]
async fn killed_anywhere_nothing_is_lost() {
    let calls = at_each_call(
        Fate::Killed,
        async || {
            let world = world();
            let execution = Execution::new(&world.estate, "x", start("web"));
            Killed { world, execution }
        },
        async |killed: &Killed| {
            killed.execution.run().await;
        },
        async |killed: &Killed, crash| {
            let End::Finished(_, id) = killed.execution.run_again().await else { panic!("{crash}") };
            let backup = killed.execution.backup(id).await;
            assert_eq!(warnings(&backup), Vec::<&str>::new(), "{crash}");
            assert_on_record(&killed.world, id).await;
        },
    )
    .await;
    assert!(calls > 30, "{calls} calls");
}

struct Killed {
    world: World,
    execution: Execution,
}

impl AsRef<cpm_fakes::Faults> for Killed {
    fn as_ref(&self) -> &cpm_fakes::Faults {
        &self.world.estate.faults
    }
}

/// A call that is not answered leaves a gap that is told, never a backup that is not made.
#[tokio::test]
async fn unanswered_anywhere_gaps_are_told() {
    at_each_call(
        Fate::Unanswered,
        async || {
            let world = world();
            let execution = Execution::new(&world.estate, "x", start("web"));
            Killed { world, execution }
        },
        async |killed: &Killed| {
            killed.execution.run().await;
        },
        async |killed: &Killed, crash| {
            let End::Finished(_, id) = killed.execution.run_again().await else { panic!("{crash}") };
            let backup = killed.execution.backup(id).await;
            assert_eq!(backup.status, Status::Successful, "{crash}");
            if warnings(&backup).is_empty() {
                assert_on_record(&killed.world, id).await;
            }
        },
    )
    .await;
}
