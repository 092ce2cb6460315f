use cpm_domain::{
    aws::{Refusal, Tags},
    id::{BackupId, SnapshotId, VolumeId},
    kind::Kind,
    recovery::{
        RecoveryId,
        work::{Device, MadeState, Ref},
    },
    unit::UnitKind,
};
use cpm_ports::{Access, Driver, Place};

use super::*;
use crate::{DEPLOYMENT, at_once, sample};

const OTHER: &str = "222222222222";

fn place(account: &str, role: &str) -> Place {
    let access = Access::Assumed { account: account.to_owned(), role: role.to_owned(), external_id: None };
    Place { access, region: "us-east-1".parse().unwrap() }
}

fn here() -> Place {
    sample::place("us-east-1")
}

fn order(work: u32, what: Action) -> Order {
    let owner = sample::root();
    let mark = Mark { deployment: DEPLOYMENT, owner: &owner, recovery: RecoveryId(1), backup: BackupId(1) };
    Order { work, what, made: Vec::new(), token: mark.token(work), tags: mark.tags(work) }
}

fn make(aws: &FakeAws, place: &Place, work: u32, what: Action) -> Result<Vec<Made>, AwsError> {
    at_once(aws.carry_out(place, &order(work, what)))
}

fn refused(result: Result<Vec<Made>, AwsError>) -> (Refusal, String) {
    result.map_err(|error| (error.refusal, error.code)).unwrap_err()
}

/// A snapshot of a volume that is attached to an instance.
fn snapshot(aws: &FakeAws) -> SnapshotId {
    let web = aws.here("us-east-1").instance(1);
    at_once(aws.create(&here(), &sample::request(web))).unwrap()[0].id.as_str().parse().unwrap()
}

fn volume(snapshot: &SnapshotId, zone: &str) -> Action {
    let device = Device {
        device: "/dev/sdf".to_owned(),
        snapshot: Some(snapshot.to_string()),
        size: 8,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput: None,
        kms_key: None,
        delete_on_termination: false,
        tags: Tags::new(),
        source: "vol-00000000".parse().unwrap(),
    };
    Action::CreateVolume { device, zone: zone.to_owned() }
}

#[test]
fn a_volume_is_made_once_of_a_snapshot_that_is_complete() {
    let aws = FakeAws::new();
    let of = snapshot(&aws);
    assert_eq!(refused(make(&aws, &here(), 1, volume(&of, "us-east-1a"))).1, "IncorrectState");
    aws.complete_all();
    let first = make(&aws, &here(), 1, volume(&of, "us-east-1a")).unwrap();
    let again = make(&aws, &here(), 1, volume(&of, "us-east-1a")).unwrap();
    assert_eq!((first[0].id.clone(), again[0].state), (again[0].id.clone(), MadeState::Ready));
    assert_ne!(make(&aws, &here(), 2, volume(&of, "us-east-1a")).unwrap()[0].id, first[0].id);
    aws.lose(&of.clone().into());
    assert_eq!(refused(make(&aws, &here(), 3, volume(&of, "us-east-1a"))).0, Refusal::NotFound);
}

#[test]
fn another_account_sees_what_is_shared_with_it() {
    let aws = FakeAws::new();
    let of = snapshot(&aws);
    aws.complete_all();
    aws.site(OTHER, "us-east-1");
    let there = place(OTHER, "cpm-backup-recovery");
    assert_eq!(refused(make(&aws, &there, 1, volume(&of, "us-east-1a"))).0, Refusal::NotFound);
    let (kind, unit, account) = (UnitKind::EbsSnapshot, of.clone().into(), OTHER.to_owned());
    make(&aws, &here(), 2, Action::Share { kind, unit, account }).unwrap();
    make(&aws, &there, 1, volume(&of, "us-east-1a")).unwrap();
    let (unit, account) = (of.into(), OTHER.to_owned());
    make(&aws, &here(), 3, Action::Unshare { kind, unit, account }).unwrap();
    assert_eq!(aws.shared(), []);
}

#[test]
fn each_role_does_its_own_part() {
    let aws = FakeAws::new();
    let of = snapshot(&aws);
    aws.complete_all();
    aws.site(OTHER, "us-east-1");
    for role in ["cpm-backup", "cpm-backup-cleanup"] {
        assert_eq!(
            refused(make(&aws, &place(OTHER, role), 1, volume(&of, "us-east-1a"))).0,
            Refusal::Denied,
            "{role}"
        );
    }
    let made = make(&aws, &here(), 1, volume(&of, "us-east-1a")).unwrap();
    let recovers = place(OTHER, "cpm-backup-recovery");
    let removed = at_once(aws.remove(&recovers, MadeKind::Volume, &made[0].id));
    assert_eq!(removed.unwrap_err().refusal, Refusal::Denied);
}

#[test]
fn a_volume_is_attached_in_its_zone_where_the_device_is_free() {
    let aws = FakeAws::new();
    let of = snapshot(&aws);
    aws.complete_all();
    let web = aws.here("us-east-1").instance(1);
    let attach = |volume: &str, device: &str| Action::Attach {
        volume: Ref::Id(volume.to_owned()),
        instance: web.clone(),
        device: device.to_owned(),
        delete_on_termination: false,
    };
    let far = make(&aws, &here(), 1, volume(&of, "us-east-1b")).unwrap();
    let near = make(&aws, &here(), 2, volume(&of, "us-east-1a")).unwrap();
    assert_eq!(refused(make(&aws, &here(), 3, attach(&far[0].id, "/dev/sdf"))).1, "InvalidVolume.ZoneMismatch");
    assert_eq!(refused(make(&aws, &here(), 4, attach(&near[0].id, "/dev/xvda"))).1, "InvalidParameterValue");
    for work in [5, 6] {
        make(&aws, &here(), work, attach(&near[0].id, "/dev/sdf")).unwrap();
    }
    assert_eq!(refused(make(&aws, &here(), 7, attach(&near[0].id, "/dev/sdg"))).1, "IncorrectState");
    let looked = at_once(Restorer::look(&aws, &here(), MadeKind::Volume, &[near[0].id.clone()])).unwrap();
    assert_eq!(looked[0].device.as_deref(), Some("/dev/sdf"));
}

#[test]
fn only_what_a_recovery_marked_is_removed() {
    let aws = FakeAws::new();
    let of = snapshot(&aws);
    aws.complete_all();
    let theirs: VolumeId = aws.here("us-east-1").volume();
    let remove = |id: &str| at_once(aws.remove(&here(), MadeKind::Volume, id));
    assert_eq!(remove(theirs.as_str()).unwrap_err().code, "UnauthorizedOperation");
    make(&aws, &here(), 1, Action::MarkReplaced { volume: theirs.clone() }).unwrap();
    remove(theirs.as_str()).unwrap();
    let made = make(&aws, &here(), 2, volume(&of, "us-east-1a")).unwrap();
    remove(&made[0].id).unwrap();
    remove(&made[0].id).unwrap();
    let removed: Vec<String> = aws.removed().into_iter().map(|(_, id)| id).collect();
    assert_eq!(removed, [theirs.to_string(), made[0].id.clone()]);
}

#[test]
fn a_table_is_found_by_what_it_is_made_of_before_it_has_tags() {
    let aws = FakeAws::new();
    let table = aws.here("us-east-1").managed(Kind::Dynamodb, "orders");
    let request = cpm_domain::aws::UnitRequest {
        kind: UnitKind::DynamodbBackup,
        target: table.clone(),
        copy_tags: false,
        ..sample::request(aws.here("us-east-1").volume())
    };
    let backup = at_once(aws.create(&here(), &request)).unwrap()[0].id.to_string();
    aws.complete_all();
    aws.vanish(&table);
    let plan = cpm_domain::recovery::plan::TablePlan { name: Some("orders".into()), ..Default::default() };
    let what = Action::RestoreTable { backup, plan };
    let made = make(&aws, &here(), 1, what.clone()).unwrap();
    assert_eq!(refused(make(&aws, &here(), 1, what.clone())).0, Refusal::Exists);
    let owner = sample::root();
    let mark = Mark { deployment: DEPLOYMENT, owner: &owner, recovery: RecoveryId(1), backup: BackupId(1) };
    let found = at_once(Restorer::find(&aws, &here(), &order(1, what), &mark)).unwrap();
    assert_eq!(found[0].id, made[0].id);
    assert!(at_once(aws.marked(&here(), MadeKind::Table, &mark)).unwrap().is_empty());
}
