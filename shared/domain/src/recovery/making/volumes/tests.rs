use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    id::InstanceId,
    kind::Resource,
    origin::VolumeOrigin,
    recovery::{
        RecoveryId,
        making::{
            self,
            ebs::fixtures::{
                Checked, INSTANCE, KEY, OTHER_KEY, abroad, answer, checked, imaged, snapshot_unit, subject, unknown,
                volume_id, volume_origin, volumes_plan, with, world,
            },
        },
        plan::Plan,
        work::{Action, Ref, Work},
    },
    unit::UnitState,
};

fn instance() -> InstanceId {
    INSTANCE.parse().unwrap()
}

fn attached(how: &str) -> Plan {
    volumes_plan(&json!({"attach_to": INSTANCE, "attach_behavior": how}))
}

/// Onto devices that nothing has.
fn moved() -> Value {
    json!({
        "attach_to": INSTANCE,
        "volumes": [
            {"volume": "vol-00000001", "device": "/dev/sdx"},
            {"volume": "vol-00000002", "device": "/dev/sdy"},
            {"volume": "vol-00000000", "recover": false},
        ],
    })
}

/// The plan of one volume with `fields`.
fn volume(fields: &str) -> Plan {
    let mut volume: Value = serde_json::from_str(fields).unwrap();
    volume["volume"] = json!("vol-00000001");
    volumes_plan(&json!({"volumes": [volume]}))
}

fn works(checked: &Checked, subject: &Subject) -> Vec<Work> {
    assert_eq!(checked.problems(), []);
    making::works(RecoveryId(4), &checked.plan, subject, &checked.facts)
}

#[test]
fn a_plan_filled_in_is_what_was() {
    let alone = checked(volumes_plan(&json!({})), &subject(3), &world());
    insta::assert_yaml_snapshot!("alone", (&alone.plan, works(&alone, &subject(3))));
}

#[rstest]
#[case::switch("switch")]
#[case::switch_and_delete("switch-and-delete")]
fn volumes_take_the_place_of_others(#[case] how: &str) {
    let switched = checked(attached(how), &subject(3), &world());
    insta::assert_yaml_snapshot!(how, works(&switched, &subject(3)));
}

#[test]
fn volumes_go_to_free_devices() {
    let found = checked(volumes_plan(&moved()), &subject(3), &world());
    assert_eq!(found.volumes().attach_behavior, Some(AttachBehavior::IfFree));
    insta::assert_yaml_snapshot!("if-free", works(&found, &subject(3)));
}

#[test]
fn nothing_is_taken_off_before_all_is_there_nor_marked_before_all_is_attached() {
    let found = checked(attached("switch-and-delete"), &subject(3), &world());
    let works = works(&found, &subject(3));
    let wanted: Vec<&Work> = works.iter().filter(|work| !work.is_aftermath()).collect();
    let of = |is: fn(&Action) -> bool| wanted.iter().filter(move |work| is(&work.what)).map(|work| work.number);
    let created: Vec<u32> = of(|what| matches!(what, Action::CreateVolume { .. })).collect();
    let attached: Vec<u32> = of(|what| matches!(what, Action::Attach { .. })).collect();
    assert_eq!((created.len(), attached.len()), (3, 3));
    for work in &works {
        match work.what {
            Action::Detach { .. } => assert_eq!(work.needs, created),
            Action::MarkReplaced { .. } => assert_eq!(work.needs, attached),
            _ => {}
        }
    }
    let taken = works.iter().filter(|work| matches!(work.what, Action::Detach { .. }));
    for detach in taken {
        let Action::Detach { volume, instance, device } = &detach.what else { panic!() };
        let back = works.iter().find(|work| work.needs == [detach.number] && work.if_failed.is_some()).unwrap();
        let (volume, instance, device) = (Ref::Id(volume.to_string()), instance.clone(), device.clone());
        assert_eq!(back.what, Action::Attach { volume, instance, device, delete_on_termination: false });
        let new = works.iter().find(|work| Some(work.number) == back.if_failed).unwrap();
        assert!(new.needs.contains(&detach.number), "what failed is what was to come instead");
    }
}

#[test]
fn what_is_shared_is_taken_back_last() {
    let subject = abroad(subject(2));
    let volume = |n| json!({"volume": volume_id(n), "zone": "us-east-1b"});
    let plan = volumes_plan(&json!({"volumes": [volume(0), volume(1)]}));
    let found = checked(plan, &subject, &world());
    insta::assert_yaml_snapshot!("abroad", works(&found, &subject));
}

#[test]
fn volumes_come_out_of_an_image_too() {
    let found = checked(volumes_plan(&json!({})), &imaged(5), &world());
    // The image holds four: the fifth was left out.
    assert_eq!(found.volumes().volumes[4].recover, Some(false));
    assert!(found.findings.warnings[0].contains("the backup has no snapshot of it"), "{:?}", found.findings.warnings);
    let works = works(&found, &imaged(5));
    assert_eq!(works.len(), 4);
    let Action::CreateVolume { device, .. } = &works[2].what else { panic!("{works:?}") };
    assert_eq!(device.snapshot.as_deref(), Some("snap-00000002"));
}

#[test]
fn a_volume_alone_is_as_it_was() {
    let subject = Subject {
        source: Resource::Volume(volume_id(2)),
        origin: Some(Origin::Volume(volume_origin(2))),
        units: vec![snapshot_unit(2)],
        ..subject(0)
    };
    let found = checked(volumes_plan(&json!({})), &subject, &world());
    let [plan] = found.volumes().volumes.as_slice() else { panic!("{:?}", found.plan) };
    assert_eq!(
        (plan.zone.as_deref(), plan.iops, plan.kms_key.as_deref()),
        (Some("us-east-1a"), Some(2000), Some(KEY))
    );
    assert_eq!(works(&found, &subject).len(), 1);
}

#[test]
fn one_that_nothing_is_known_of_is_what_its_snapshot_says() {
    let volume = json!({"volume": volume_id(0), "device": "/dev/sdx"});
    let plan = volumes_plan(&json!({"attach_to": INSTANCE, "volumes": [volume]}));
    let found = checked(plan, &unknown(1), &world());
    assert_eq!(found.problems(), []);
    let plan = &found.volumes().volumes[0];
    assert_eq!((plan.size, plan.volume_type.as_deref()), (Some(100), Some("gp3")));
    assert_eq!(plan.tags.as_ref().unwrap().keys().collect::<Vec<_>>(), ["Name"]);
}

#[rstest]
#[case::smaller(r#"{"size": 99}"#, "size", "99 GiB is smaller than its snapshot, which is 100 GiB")]
#[case::too_large(r#"{"size": 16385}"#, "size", "16385 GiB is no size of gp2: it has 1 to 16384 GiB")]
#[case::gp3_too_large(r#"{"type": "gp3", "size": 65537}"#, "size", "no size of gp3")]
#[case::standard_too_large(r#"{"type": "standard", "size": 1025}"#, "size", "no size of standard")]
#[case::st1_too_small(r#"{"type": "st1"}"#, "size", "100 GiB is no size of st1: it has 125 to 16384 GiB")]
#[case::no_type(r#"{"type": "gp4"}"#, "type", "no type of volumes `gp4`")]
#[case::no_iops(r#"{"iops": 300}"#, "iops", "gp2 has no IOPS to set")]
#[case::iops_needed(r#"{"type": "io1"}"#, "iops", "io1 needs a number of IOPS")]
#[case::io1_ratio(
    r#"{"type": "io1", "iops": 5001}"#,
    "iops",
    "5001 IOPS are too many for 100 GiB of io1: it has 50 a GiB"
)]
#[case::io1_least(r#"{"type": "io1", "iops": 99}"#, "iops", "io1 has 100 to 64000")]
#[case::io1_most(r#"{"type": "io1", "size": 16000, "iops": 64001}"#, "iops", "out of range")]
#[case::io2_ratio(r#"{"type": "io2", "iops": 100001}"#, "iops", "1000 a GiB")]
#[case::io2_most(r#"{"type": "io2", "size": 1000, "iops": 256001}"#, "iops", "io2 has 100 to 256000")]
#[case::gp3_least(r#"{"type": "gp3", "iops": 2999}"#, "iops", "gp3 has 3000 to 80000")]
#[case::gp3_most(r#"{"type": "gp3", "size": 1000, "iops": 80001}"#, "iops", "gp3 has 3000 to 80000")]
#[case::gp3_ratio(r#"{"type": "gp3", "iops": 50001}"#, "iops", "500 a GiB")]
#[case::throughput_none(r#"{"throughput": 125}"#, "throughput", "gp2 has no throughput to set")]
#[case::throughput_range(r#"{"type": "gp3", "throughput": 2001}"#, "throughput", "125 to 2000")]
#[case::throughput_ratio(r#"{"type": "gp3", "throughput": 751}"#, "throughput", "0.25 for each of its IOPS")]
#[case::key_gone(r#"{"kms_key": "alias/none"}"#, "kms_key", "alias/none is not there")]
#[case::aws_tag(r#"{"tags": {"aws:x": "y"}}"#, "tags", "AWS keeps `aws:`")]
#[case::suite_tag(r#"{"tags": {"cpm:x": "y"}}"#, "tags", "the tag `cpm:x` cannot be given")]
#[case::zone(r#"{"zone": "us-east-1f"}"#, "zone", "no zone us-east-1f")]
fn what_is_wrong_with_a_volume_is_told(#[case] fields: &str, #[case] field: &str, #[case] message: &str) {
    let found = checked(volume(fields), &subject(2), &world());
    let [(at, text)] = found.problems()[..] else { panic!("{:?}", found.findings) };
    assert_eq!(at, format!("volumes.volumes[0].{field}"));
    assert!(text.contains(message), "{text}");
}

#[rstest]
#[case::gp3(r#"{"type": "gp3", "size": 160, "iops": 80000, "throughput": 2000}"#)]
#[case::io1(r#"{"type": "io1", "iops": 5000}"#)]
#[case::io2(r#"{"type": "io2", "iops": 100000}"#)]
#[case::st1(r#"{"type": "st1", "size": 125}"#)]
#[case::other_key(r#"{"kms_key": "arn:aws:kms:us-east-1:111122223333:key/5678"}"#)]
fn what_aws_allows_passes(#[case] fields: &str) {
    let found = checked(volume(fields), &subject(2), &world());
    assert_eq!(found.problems(), []);
}

#[rstest]
#[case::not_in_the_backup(json!({"volumes": [{"volume": "vol-00000077"}]}), "volumes.volumes[0].volume", "is not in the backup")]
#[case::twice(json!({"volumes": [{"volume": "vol-00000001"}, {"volume": "vol-00000001"}]}), "volumes.volumes[1].volume", "is there already, at volumes.volumes[0]")]
#[case::none(json!({"volumes": [{"volume": "vol-00000000", "recover": false}, {"volume": "vol-00000001", "recover": false}, {"volume": "vol-00000002", "recover": false}]}), "volumes.volumes", "no volume to recover")]
#[case::behavior_alone(json!({"attach_behavior": "switch"}), "volumes.attach_behavior", "no instance to attach")]
#[case::no_instance(json!({"attach_to": "i-00000000"}), "volumes.attach_to", "there is no instance")]
#[case::taken(json!({"attach_to": INSTANCE}), "volumes.volumes[0].device", "/dev/xvda is taken by vol-00000064")]
#[case::other_zone(with(moved(), "/volumes/1/zone", json!("us-east-1b")), "volumes.volumes[1].zone", "is in us-east-1a")]
#[case::odd_device(with(moved(), "/volumes/0/device", json!("nvme1n1")), "volumes.volumes[0].device", "`nvme1n1` is not the name of a device")]
#[case::device_twice(with(moved(), "/volumes/1/device", json!("/dev/xvdx")), "volumes.volumes[1].device", "taken by volumes.volumes[0]")]
#[case::root_type(json!({"attach_to": INSTANCE, "attach_behavior": "switch", "volumes": [{"volume": "vol-00000000", "type": "sc1", "size": 200}]}), "volumes.volumes[0].type", "no instance starts from sc1")]
fn what_is_wrong_with_a_plan_is_told(#[case] wanted: Value, #[case] field: &str, #[case] message: &str) {
    let found = checked(volumes_plan(&wanted), &subject(3), &world());
    let problem = found.problems().into_iter().find(|(at, _)| *at == field);
    let (_, text) = problem.unwrap_or_else(|| panic!("{:?}", found.problems()));
    assert!(text.contains(message), "{text}");
}

#[rstest]
#[case::running("running", "switch", Some("volumes.attach_behavior"))]
#[case::running_delete("running", "switch-and-delete", Some("volumes.attach_behavior"))]
#[case::stopping("stopping", "switch", Some("volumes.attach_behavior"))]
#[case::free_running("running", "if-free", None)]
#[case::free_stopped("stopped", "if-free", None)]
#[case::free_terminated("terminated", "if-free", Some("volumes.attach_to"))]
fn only_a_stopped_instance_is_switched(#[case] state: &str, #[case] how: &str, #[case] field: Option<&str>) {
    let mut world = world();
    world.instances.get_mut(&instance()).unwrap().state = state.to_owned();
    let plan = volumes_plan(&with(moved(), "/attach_behavior", json!(how)));
    let found = checked(plan, &subject(3), &world);
    assert_eq!(found.problems().into_iter().map(|(at, _)| at).collect::<Vec<_>>(), Vec::from_iter(field));
}

#[rstest]
#[case::gone(None, "its snapshot snap-00000001 is gone")]
#[case::failed(Some((UnitState::Failed, "standard")), "AWS failed to make its snapshot")]
#[case::pending(Some((UnitState::Pending, "standard")), "is not completed yet")]
#[case::deleted(Some((UnitState::Deleted, "standard")), "is in the recycle bin")]
#[case::archived(Some((UnitState::Completed, "archive")), "is archived")]
fn what_became_of_a_snapshot_is_told(#[case] fact: Option<(UnitState, &str)>, #[case] message: &str) {
    let mut world = world();
    let id = "snap-00000001".parse().unwrap();
    match fact {
        None => drop(world.snapshots.remove(&id)),
        Some((state, tier)) => {
            let fact = world.snapshots.get_mut(&id).unwrap();
            (fact.state, fact.tier) = (state, tier.to_owned());
        }
    }
    let found = checked(volumes_plan(&json!({})), &subject(2), &world);
    let [("volumes.volumes[1].volume", text)] = found.problems()[..] else { panic!("{:?}", found.problems()) };
    assert!(text.contains(message), "{text}");
}

#[rstest]
#[case("Disabled", "is disabled")]
#[case("PendingDeletion", "is to be deleted")]
#[case("Unavailable", "its state is Unavailable")]
fn a_key_that_cannot_be_used_is_told_also_when_another_is_chosen(#[case] state: &str, #[case] message: &str) {
    let mut world = world();
    world.keys.insert(KEY.to_owned(), state.to_owned());
    for other in [None, Some(OTHER_KEY)] {
        let plan = volumes_plan(&json!({"volumes": [{"volume": volume_id(2), "kms_key": other}]}));
        let found = checked(plan, &subject(3), &world);
        let [("volumes.volumes[0].kms_key", text)] = found.problems()[..] else { panic!("{:?}", found.problems()) };
        assert!(text.contains(message), "{text}");
    }
}

#[test]
fn a_volume_that_the_backup_lacks_is_told_of() {
    let mut subject = subject(3);
    subject.units.remove(1);
    subject.units[1].state = UnitState::Failed;
    let found = checked(volumes_plan(&json!({})), &subject, &world());
    assert_eq!(found.problems(), []);
    assert_eq!(found.volumes().volumes.len(), 1);
    insta::assert_yaml_snapshot!(found.findings.warnings, @r#"
    - "volume vol-00000001 (/dev/sdf) is not recovered: the backup has no snapshot of it"
    - "volume vol-00000002 (/dev/sdg) is not recovered: its snapshot failed"
    "#);
    let plan = volumes_plan(&json!({"volumes": [{"volume": volume_id(1)}, {"volume": volume_id(2)}]}));
    let found = checked(plan, &subject, &world());
    assert_eq!(found.problems().len(), 2, "{:?}", found.findings);
}

#[test]
fn every_question_is_needed_and_none_is_missing() {
    for plan in [volumes_plan(&json!({})), attached("switch")] {
        let full = checked(plan, &subject(3), &world());
        assert_eq!(full.problems(), []);
        let questions = making::questions(&full.plan, &subject(3));
        for left_out in &questions {
            let fewer: Vec<_> = questions.iter().filter(|question| *question != left_out).cloned().collect();
            let findings = making::check(&full.plan, &subject(3), &answer(&world(), &fewer));
            assert_ne!(findings.problems, [], "{left_out:?}");
        }
    }
}

#[test]
fn a_volume_of_many_instances_is_told_of() {
    let subject = Subject {
        source: Resource::Volume(volume_id(2)),
        origin: Some(Origin::Volume(VolumeOrigin { multi_attach: true, ..volume_origin(2) })),
        units: vec![snapshot_unit(2)],
        ..subject(0)
    };
    let found = checked(volumes_plan(&json!({})), &subject, &world());
    assert!(found.findings.warnings[0].contains("could be attached to many"), "{:?}", found.findings);
}

#[rstest]
#[case::seen(Some("Enabled"), false, None)]
#[case::unseen(None, false, Some("may not be used by 444455556666"))]
#[case::of_aws(Some("Enabled"), true, Some("is one of AWS's own"))]
#[case::disabled(Some("Disabled"), false, Some("is disabled"))]
fn another_account_must_be_let_use_the_key(
    #[case] state: Option<&str>,
    #[case] of_aws: bool,
    #[case] message: Option<&str>,
) {
    let mut world = world();
    world.keys.remove(KEY);
    world.keys.extend(state.map(|state| (KEY.to_owned(), state.to_owned())));
    world.aws_keys.extend(of_aws.then(|| KEY.to_owned()));
    let volume = |n| json!({"volume": volume_id(n), "zone": "us-east-1b"});
    let plan = volumes_plan(&json!({"volumes": [volume(0), volume(1), volume(2)]}));
    let found = checked(plan, &abroad(subject(3)), &world);
    match (message, found.problems().as_slice()) {
        (None, []) => {}
        (Some(message), [("volumes.volumes[2].kms_key", text)]) => assert!(text.contains(message), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_that_is_not_on_record_is_told_of_when_it_is_shared() {
    let mut volumes = Vec::new();
    for n in 0..3 {
        volumes.push(json!({"volume": volume_id(n), "zone": "us-east-1b"}));
    }
    let found = checked(volumes_plan(&json!({"volumes": volumes})), &abroad(unknown(3)), &world());
    assert_eq!(found.problems(), []);
    assert!(found.findings.warnings[0].contains(KEY), "{:?}", found.findings.warnings);
}

#[test]
fn a_size_that_could_not_be_read_is_that_of_the_snapshot() {
    let subject = Subject {
        source: Resource::Volume(volume_id(1)),
        origin: Some(Origin::Volume(VolumeOrigin { size: 0, ..volume_origin(1) })),
        units: vec![snapshot_unit(1)],
        ..subject(0)
    };
    assert_eq!(checked(volumes_plan(&json!({})), &subject, &world()).volumes().volumes[0].size, Some(100));
}

#[test]
fn what_goes_after_the_check_is_asked_for_all_the_same_or_not_at_all() {
    let mut found = checked(volumes_plan(&json!({})), &subject(2), &world());
    found.facts.snapshots.clear();
    assert_eq!(works(&found, &subject(2)).len(), 2);
    let mut found = checked(volumes_plan(&json!({})), &imaged(2), &world());
    found.facts.images.clear();
    assert_eq!(works(&found, &imaged(2)), []);
}
