use std::collections::BTreeSet;

use cpm_domain::{
    account::{Account, AssumedRole, Role},
    aws::{Found, Instance, MAX_TAGS, Refusal, UnitRequest},
    id::{BackupId, InstanceId, UnitId},
    kind::{Kind, Resource},
    provenance::Sought,
    unit::{Image, UnitKind, UnitState},
};
use cpm_ports::{Access, Deletions, Driver, Place, Regions};
use rstest::rstest;

use super::*;
use crate::{DEPLOYMENT, Estate, at_once, sample};

fn instances(estate: &Estate, place: &Place, ids: &[InstanceId]) -> Vec<Instance> {
    let resources: Vec<Resource> = ids.iter().cloned().map(Resource::Instance).collect();
    let found = at_once(estate.aws.describe(place, Kind::Instance, &resources)).unwrap();
    found
        .into_iter()
        .map(|found| match found {
            Found::Instance(instance) => instance,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn create(estate: &Estate, request: &UnitRequest) -> Result<Vec<UnitReport>, String> {
    at_once(estate.aws.create(&sample::place("us-east-1"), request)).map_err(|error| error.code)
}

fn member() -> Account {
    let role = AssumedRole {
        account: "222222222222".parse().unwrap(),
        name: "backups".into(),
        external_id: Some("x-1".into()),
    };
    Account { role: Role::Assumed(role), ..sample::account("prod") }
}

fn at(access: Access) -> Place {
    Place { access, region: "us-east-1".parse().unwrap() }
}

#[test]
fn all_attached_volumes_are_taken_also_those_that_came_late() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    let late = estate.aws.attach(&web).unwrap();
    let reports = create(&estate, &sample::request(&web)).unwrap();
    assert_eq!(reports.len(), 3);
    assert!(reports.iter().all(|report| report.state == UnitState::Pending && report.started.is_some()));
    assert!(reports.iter().any(|report| report.source == Some(Resource::Volume(late.clone()))));
}

#[test]
fn exclusions_are_kept() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 3);
    let volumes = estate.aws.volumes_of(&web);
    let request = UnitRequest { excluded: vec![volumes[1].clone()], exclude_boot: true, ..sample::request(&web) };
    assert_eq!(create(&estate, &request).unwrap()[0].source, Some(Resource::Volume(volumes[2].clone())));
    let root_by_name = UnitRequest { excluded: vec![volumes[0].clone()], ..sample::request(&web) };
    assert_eq!(create(&estate, &root_by_name), Err("InvalidParameterValue".into()));
    let nothing_left = UnitRequest { excluded: volumes[1..].to_vec(), exclude_boot: true, ..sample::request(&web) };
    assert_eq!(create(&estate, &nothing_left), Err("InvalidParameterValue".into()));
}

#[rstest]
#[case(128, 0, true)]
#[case(129, 0, false)]
#[case(129, 1, true)]
#[case(100, 40, true)]
#[case(100, 41, false)]
fn a_call_takes_128_volumes_and_excludes_40(#[case] volumes: usize, #[case] excluded: usize, #[case] good: bool) {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", volumes);
    let excluded = estate.aws.volumes_of(&web)[1..=excluded].to_vec();
    assert_eq!(create(&estate, &UnitRequest { excluded, ..sample::request(&web) }).is_ok(), good);
}

#[test]
fn tags_come_from_the_request_and_then_from_the_volume() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    let volume = estate.aws.volumes_of(&web)[0].clone();
    for (key, value) in [("Name", "root"), ("cpm:owner", "somebody"), ("aws:stack", "s")] {
        estate.aws.tag(&volume, key, value);
    }
    create(&estate, &sample::request(&web)).unwrap();
    let tags = &estate.aws.made()[0].tags;
    assert_eq!((tags.len(), tags["Name"].as_str(), tags["cpm:owner"].as_str()), (7, "root", "root"));
    let bare = estate.volume("us-east-1");
    estate.aws.tag(&bare, "Name", "data");
    create(&estate, &sample::request(&bare)).unwrap();
    assert!(estate.aws.made().iter().any(|made| made.report.source == Some(Resource::Volume(bare.clone())) && !made.tags.contains_key("Name")));
}

#[test]
fn past_fifty_tags_nothing_is_made() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    let volume = estate.aws.volumes_of(&web)[1].clone();
    (0..MAX_TAGS - 6).for_each(|n| estate.aws.tag(&volume, &format!("key{n}"), "v"));
    assert!(create(&estate, &sample::request(&web)).is_ok());
    estate.clock.advance(SignedDuration::from_secs(60));
    estate.aws.tag(&volume, "one more", "v");
    assert_eq!(create(&estate, &sample::request(&web)), Err("TagLimitExceeded".into()));
    assert_eq!(estate.aws.made().len(), 2);
}

#[test]
fn what_is_not_there_is_not_found() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 1);
    let elsewhere = estate.instance("eu-west-1", 1);
    let volume = estate.volume("us-east-1");
    estate.aws.delete_volume(&volume);
    assert_eq!(create(&estate, &sample::request(&elsewhere)), Err("InvalidInstanceID.NotFound".into()));
    assert_eq!(create(&estate, &sample::request(&volume)), Err("InvalidVolume.NotFound".into()));
    estate.aws.terminate(&web);
    assert_eq!(create(&estate, &sample::request(&web)), Err("IncorrectState".into()));
    let place = sample::place("us-east-1");
    let seen = instances(&estate, &place, &[web.clone(), elsewhere]);
    assert_eq!(seen.iter().map(|instance| instance.is_gone).collect::<Vec<_>>(), [true]);
    estate.aws.forget(&web);
    assert!(instances(&estate, &place, &[web]).is_empty());
}

#[test]
fn a_volume_has_five_pending_snapshots_fifteen_seconds_apart() {
    let estate = Estate::new();
    let volume = estate.volume("us-east-1");
    let request = sample::request(&volume);
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(create(&estate, &request).err());
        estate.clock.advance(SignedDuration::from_secs(15));
    }
    assert_eq!(codes[..5], [None, None, None, None, None]);
    assert_eq!(codes[5].as_deref(), Some("ConcurrentSnapshotLimitExceeded"));
    estate.aws.complete_all();
    assert!(create(&estate, &request).is_ok());
    assert_eq!(create(&estate, &request), Err("SnapshotCreationPerVolumeRateExceeded".into()));
    estate.aws.limit_pending(1);
    let other = estate.volume("us-east-1");
    assert_eq!(create(&estate, &sample::request(&other)), Err("PendingSnapshotLimitExceeded".into()));
}

#[test]
fn snapshots_take_their_time_and_then_the_event_comes_once() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    estate.aws.snapshots_take(SignedDuration::from_mins(10));
    create(&estate, &sample::request(&web)).unwrap();
    estate.clock.advance(SignedDuration::from_secs(599));
    assert!(estate.aws.events().is_empty());
    estate.clock.advance(SignedDuration::from_secs(1));
    let events = estate.aws.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].region.as_str(), "us-east-1");
    assert!(events[0].reports.iter().all(|report| report.state == UnitState::Completed));
    assert_eq!(events[0].reports.len(), 2);
    assert!(estate.aws.events().is_empty());
}

#[test]
fn an_event_waits_for_the_last_snapshot_of_its_call() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    let reports = create(&estate, &sample::request(&web)).unwrap();
    estate.aws.complete(&reports[0].id);
    assert!(estate.aws.events().is_empty());
    estate.aws.complete(&reports[1].id);
    assert_eq!(estate.aws.events().len(), 1);
}

#[test]
fn one_bad_snapshot_fails_its_call() {
    let estate = Estate::new();
    let (web, db) = (estate.instance("us-east-1", 2), estate.instance("us-east-1", 1));
    estate.aws.spoil(&estate.aws.volumes_of(&web)[1], "the key is disabled");
    create(&estate, &sample::request(&web)).unwrap();
    create(&estate, &sample::request(&db)).unwrap();
    estate.aws.complete_all();
    let states = |event: &SnapshotEvent| event.reports.iter().map(|report| report.state).collect::<BTreeSet<_>>();
    let events = estate.aws.events();
    assert_eq!(events.len(), 2);
    let failed = events.iter().find(|event| event.reports.len() == 2).unwrap();
    assert_eq!(states(failed), BTreeSet::from([UnitState::Failed]));
    assert_eq!(failed.reports[0].cause.as_deref(), Some("the key is disabled"));
    let good = events.iter().find(|event| event.reports.len() == 1).unwrap();
    assert_eq!(states(good), BTreeSet::from([UnitState::Completed]));
}

#[test]
fn lists_are_late_and_by_tag() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    estate.aws.lag(SignedDuration::from_secs(5));
    create(&estate, &sample::request(&web)).unwrap();
    let (owner, kind) = (sample::root(), UnitKind::EbsSnapshot);
    let found = |region: &str, kind: UnitKind, backup: Option<u64>| {
        let backup = backup.map(|number| (&owner, BackupId(number)));
        let sought = Sought { deployment: DEPLOYMENT, backup };
        at_once(estate.aws.find(&sample::place(region), kind, &sought)).unwrap().len()
    };
    assert_eq!(found("us-east-1", kind, None), 0);
    estate.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(found("us-east-1", kind, None), 2);
    assert_eq!(found("us-east-1", kind, Some(1)), 2);
    assert_eq!(found("us-east-1", kind, Some(2)), 0);
    assert_eq!(found("us-east-1", UnitKind::Ami, Some(1)), 0);
    assert_eq!(found("eu-west-1", kind, None), 0);
}

#[test]
fn the_cleaner_deletes_what_is_ours_and_free() {
    let estate = Estate::new();
    let volume = estate.volume("us-east-1");
    let ours = create(&estate, &sample::request(&volume)).unwrap()[0].id.clone();
    let foreign = estate.aws.here("us-east-1").snapshot(&volume, &Tags::new());
    let place = sample::place("us-east-1");
    let delete =
        |id: &UnitId| at_once(estate.aws.delete(&place, UnitKind::EbsSnapshot, id)).map_err(|error| error.refusal);
    assert_eq!(delete(&foreign), Err(Refusal::Denied));
    estate.aws.use_in_image(&ours);
    assert_eq!(delete(&ours), Err(Refusal::InUse));
    estate.aws.lock(&ours);
    assert_eq!(delete(&ours), Err(Refusal::InUse));
    estate.aws.release(&ours);
    assert_eq!(delete(&ours), Ok(()));
    assert_eq!(delete(&ours), Ok(()), "gone already");
    assert_eq!(estate.aws.deleted(), [ours]);
    assert_eq!(estate.aws.made().len(), 1);
}

#[test]
fn tagged_resources_are_those_that_live() {
    let estate = Estate::new();
    let (web, old, disk) =
        (estate.instance("us-east-1", 1), estate.instance("us-east-1", 1), estate.volume("us-east-1"));
    estate.aws.tag(&web, "cpm backup", "nightly");
    estate.aws.tag(&old, "cpm backup", "nightly");
    estate.aws.tag(&disk, "cpm backup", "weekly");
    estate.aws.terminate(&old);
    let found = at_once(estate.aws.tagged(&sample::place("us-east-1"))).unwrap();
    let read: Vec<_> = found.iter().map(|tagged| (tagged.resource.id(), tagged.value.as_str())).collect();
    assert_eq!(read, [(web.as_str(), "nightly"), (disk.as_str(), "weekly")]);
    estate.aws.untag(&disk, "cpm backup");
    assert_eq!(at_once(estate.aws.tagged(&sample::place("us-east-1"))).unwrap().len(), 1);
}

#[test]
fn roles_need_their_external_id_and_do_one_thing() {
    let estate = Estate::new();
    let account = member();
    estate.account(account.clone());
    let disk = estate.aws.site("222222222222", "us-east-1").volume();
    let backup = Access::for_backup(&account);
    let cleanup = Access::for_cleanup(&account);
    let create = |access: &Access| {
        at_once(estate.aws.create(&at(access.clone()), &sample::request(&disk))).map_err(|error| error.action)
    };
    assert_eq!(create(&cleanup).unwrap_err(), "ec2:CreateSnapshot");
    let made = create(&backup).unwrap()[0].id.clone();
    let delete = |access: &Access| {
        at_once(estate.aws.delete(&at(access.clone()), UnitKind::EbsSnapshot, &made)).map_err(|error| error.refusal)
    };
    assert_eq!(delete(&backup), Err(Refusal::Denied));
    assert_eq!(delete(&cleanup), Ok(()));
    let stranger = Access::Assumed { account: "222222222222".into(), role: "backups".into(), external_id: None };
    assert_eq!(create(&stranger).unwrap_err(), "sts:AssumeRole");
    estate.aws.distrust("222222222222");
    assert_eq!(create(&backup).unwrap_err(), "sts:AssumeRole");
}

#[test]
fn accounts_do_not_see_each_other() {
    let estate = Estate::new();
    let theirs = estate.aws.site("222222222222", "us-east-1").instance(1);
    assert!(instances(&estate, &sample::place("us-east-1"), std::slice::from_ref(&theirs)).is_empty());
    let there = at(Access::for_backup(&sample::member("prod", "222222222222")));
    assert_eq!(instances(&estate, &there, &[theirs]).len(), 1);
}

#[test]
fn a_region_that_is_not_enabled_refuses() {
    let estate = Estate::new();
    estate.aws.enable(crate::OWN_ACCOUNT, &["eu-west-1"]);
    assert_eq!(at_once(estate.aws.regions(&Access::Own)).unwrap().len(), 1);
    let error = at_once(estate.aws.tagged(&sample::place("us-east-1"))).unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Denied, "AuthFailure"));
}

#[test]
fn rates_are_kept_by_action_and_place() {
    let estate = Estate::new();
    estate.aws.keep_rates();
    let id: UnitId = "snap-0000000a".parse().unwrap();
    let delete = |region| {
        at_once(estate.aws.delete(&sample::place(region), UnitKind::EbsSnapshot, &id)).map_err(|error| error.refusal)
    };
    assert!((0..100).all(|_| delete("us-east-1").is_ok()));
    assert_eq!(delete("us-east-1"), Err(Refusal::Throttled));
    assert_eq!(delete("eu-west-1"), Ok(()));
    estate.clock.advance(SignedDuration::from_secs(1));
    assert_eq!((0..9).filter(|_| delete("us-east-1").is_ok()).count(), 5);
    estate.clock.advance(SignedDuration::from_hours(1));
    assert_eq!((0..200).filter(|_| delete("us-east-1").is_ok()).count(), 100);
}

#[test]
fn an_image_holds_its_snapshots_until_it_is_gone() {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 3);
    let image = Image { initial: false, reboot: false, left_out: vec!["/dev/sdb".to_owned()] };
    let request = UnitRequest { kind: UnitKind::Ami, image: Some(image), ..sample::request(&web) };
    let made = create(&estate, &request).unwrap().remove(0);
    assert_eq!(made.parts.len(), 2);
    assert_eq!(create(&estate, &request), Err("AlreadyExists".into()));
    estate.aws.complete_all();
    let place = sample::place("us-east-1");
    let part: UnitId = made.parts[0].clone().into();
    let delete = |kind, id: &UnitId| at_once(estate.aws.delete(&place, kind, id)).map_err(|error| error.refusal);
    assert_eq!(delete(UnitKind::EbsSnapshot, &part), Err(Refusal::InUse));
    assert_eq!(delete(UnitKind::Ami, &made.id), Ok(()));
    assert_eq!(delete(UnitKind::EbsSnapshot, &part), Ok(()));
}

#[test]
fn a_busy_database_and_a_spent_quota_refuse() {
    let estate = Estate::new();
    let orders = estate.aws.here("us-east-1").managed(Kind::Rds, "orders");
    let request = UnitRequest { kind: UnitKind::RdsSnapshot, ..sample::request(orders.id()) };
    estate.aws.set_status(&orders, "backing-up");
    assert_eq!(create(&estate, &request), Err("InvalidState".into()));
    estate.aws.set_status(&orders, "available");
    estate.aws.quota(1);
    assert_eq!(create(&estate, &request).unwrap().len(), 1);
    let second = UnitRequest { name: "another".to_owned(), ..request };
    assert_eq!(create(&estate, &second), Err("SnapshotQuotaExceeded".into()));
    estate.aws.vanish(&orders);
    assert_eq!(estate.aws.made()[0].report.state, UnitState::Failed);
    assert_eq!(create(&estate, &second), Err("NotFound".into()));
}
