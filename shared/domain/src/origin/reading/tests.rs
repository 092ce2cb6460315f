use rstest::rstest;

use super::*;
use crate::{
    aws::{Platform, Refusal},
    origin::{ClusterOrigin, DatabaseOrigin},
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn at(hours: i64) -> Timestamp {
    "2026-11-21T02:00:00Z".parse::<Timestamp>().unwrap() + HOUR * i32::try_from(hours).unwrap()
}

fn instance() -> InstanceOrigin {
    serde_json::from_value(serde_json::json!({
        "id": "i-0123456789abcdef0",
        "instance_type": "m5.large",
        "architecture": "x86_64",
        "platform": Platform::Linux,
        "image": { "id": "ami-1", "known": true, "name": "base" },
        "zone": "us-east-1a",
        "read": { "launched": at(-100) },
    }))
    .unwrap()
}

/// One that was read in full some hours ago.
fn earlier(hours: i64) -> InstanceOrigin {
    let mut earlier = instance();
    earlier.learn(Attribute::UserData, AttributeValue::Text(Some("aGVsbG8=".to_owned())), at(-hours));
    earlier.learn(Attribute::ShutdownBehavior, AttributeValue::Text(Some("terminate".to_owned())), at(-hours));
    earlier.learn(Attribute::TerminationProtection, AttributeValue::Switch(true), at(-hours));
    earlier
}

fn recalled(mut now: InstanceOrigin, earlier: &InstanceOrigin, is_stopped: bool) -> (Vec<Attribute>, InstanceOrigin) {
    now.recall(earlier, is_stopped, at(0));
    (now.wanted().collect(), now)
}

const FLAGS: [Attribute; 2] = [Attribute::ShutdownBehavior, Attribute::TerminationProtection];

#[rstest]
#[case::an_hour(1, false, &[])]
#[case::a_day(24, false, &[])]
#[case::nearly_stale(35, false, &[])]
#[case::stale(36, false, &FLAGS)]
#[case::user_data_holds_for_as_long_as_it_runs(2000, false, &FLAGS)]
#[case::stopped_it_may_have_been_changed(1, true, &[Attribute::UserData])]
#[case::stopped_and_stale(40, true, &Attribute::ALL)]
fn what_holds_still_is_not_asked_for(#[case] hours: i64, #[case] is_stopped: bool, #[case] wanted: &[Attribute]) {
    assert_eq!(recalled(instance(), &earlier(hours), is_stopped).0, wanted);
}

#[test]
fn what_is_taken_over_keeps_its_time() {
    let (wanted, now) = recalled(instance(), &earlier(3), false);
    assert_eq!((wanted.len(), &now), (0, &earlier(3)), "the next backup counts from when AWS was asked");
}

#[test]
fn nothing_is_taken_over_from_another_run() {
    let mut started = instance();
    started.read.launched = Some(at(-1));
    let (wanted, now) = recalled(started.clone(), &earlier(3), false);
    assert_eq!((wanted, &now), (Attribute::ALL.to_vec(), &started));
    let mut untold = instance();
    untold.read.launched = None;
    let mut before = earlier(3);
    before.read.launched = None;
    assert_eq!(recalled(untold, &before, false).0, Attribute::ALL, "not known is not the same");
}

#[test]
fn nothing_is_taken_over_that_was_not_read() {
    let mut denied = earlier(3);
    denied.read.user_data = None;
    assert_eq!(recalled(instance(), &denied, false).0, [Attribute::UserData]);
}

#[test]
fn an_image_that_is_gone_keeps_its_details() {
    let before = Origin::Instance(Box::new(instance()));
    let gone = |id: &str| {
        let image = ImageOrigin { id: id.to_owned(), ..ImageOrigin::default() };
        let mut now = Origin::Instance(Box::new(InstanceOrigin { image, ..instance() }));
        now.recall_image(&before);
        let Origin::Instance(now) = now else { panic!() };
        (now.image.known, now.image.name)
    };
    assert_eq!(gone("ami-1"), (false, Some("base".to_owned())));
    assert_eq!(gone("ami-2"), (false, None), "another image");
}

fn attached(n: u8) -> VolumeOrigin {
    let volume =
        Attached { volume: format!("vol-{n:017x}").parse().unwrap(), device: format!("/dev/sd{n}"), is_root: n == 0 };
    VolumeOrigin::seen_on(&instance().id, "us-east-1a", &volume, n == 0)
}

#[test]
fn how_a_volume_is_attached_its_instance_knows() {
    let mut origin = InstanceOrigin { volumes: vec![attached(0), attached(1)], ..instance() };
    // It is attached to another instance as well, and tells of that one.
    let told = VolumeOrigin {
        size: 500,
        volume_type: "io2".to_owned(),
        attached_to: Some("i-0123456789abcdef1".parse().unwrap()),
        device: Some("/dev/xvdz".to_owned()),
        is_root: false,
        delete_on_termination: false,
        multi_attach: true,
        ..attached(0)
    };
    origin.take_in(&told);
    let expected = VolumeOrigin { size: 500, volume_type: "io2".to_owned(), multi_attach: true, ..attached(0) };
    assert_eq!(origin.volumes, [expected, attached(1)]);
}

fn denied(action: &str) -> AwsError {
    AwsError { refusal: Refusal::Denied, action: action.into(), code: "Denied".into(), message: "no".into() }
}

#[test]
fn one_reason_is_told_once() {
    let other = InstanceOrigin { id: "i-0123456789abcdef1".parse().unwrap(), ..instance() };
    let origins = vec![Origin::Instance(Box::new(instance())), Origin::Instance(Box::new(other.clone()))];
    let mut done = Completed::as_they_are(origins);
    let of = |instance: &InstanceOrigin| vec![Resource::Instance(instance.id.clone())];
    done.leave_unread("the user data", of(&instance()), denied("ec2:DescribeInstanceAttribute"));
    done.leave_unread("the user data", of(&other), denied("ec2:DescribeInstanceAttribute"));
    done.leave_unread("its image", of(&other), denied("ec2:DescribeImages"));
    done.leave_unread("its image", vec![], denied("ec2:DescribeImages"));
    let told: Vec<_> = done.unread.iter().map(|unread| (unread.what.as_str(), unread.of.len())).collect();
    assert_eq!(told, [("the user data", 2), ("its image", 1)]);
    let noted: Vec<usize> = done
        .origins
        .iter()
        .map(|origin| if let Origin::Instance(instance) = origin { instance.unread.len() } else { 0 })
        .collect();
    assert_eq!(noted, [1, 2]);
}

#[test]
fn tags_of_volumes_are_left_out_with_a_note() {
    let mut origin = InstanceOrigin { volumes: vec![attached(0), attached(1)], ..instance() };
    let mut whole = Origin::Instance(Box::new(origin.clone()));
    assert!(!whole.leave_out_volume_tags(), "there are none");
    origin.volumes[1].tags.insert("Name".to_owned(), "data".to_owned());
    let mut whole = Origin::Instance(Box::new(origin));
    assert!(whole.leave_out_volume_tags());
    let Origin::Instance(left) = &whole else { panic!() };
    assert!(left.volumes.iter().all(|volume| volume.tags.is_empty()));
    assert_eq!(left.unread.len(), 1);
}

#[test]
fn what_is_written_can_be_read() {
    let all = [
        Origin::Instance(Box::new(InstanceOrigin { volumes: vec![attached(0)], ..earlier(3) })),
        Origin::Volume(attached(1)),
        Origin::Rds(Box::new(DatabaseOrigin { id: "orders".to_owned(), ..DatabaseOrigin::default() })),
        Origin::Aurora(Box::new(ClusterOrigin {
            unread: vec!["its members".to_owned()],
            ..ClusterOrigin::default()
        })),
    ];
    for origin in all {
        let text = serde_json::to_string(&origin).unwrap();
        assert_eq!(serde_json::from_str::<Origin>(&text).unwrap(), origin, "{text}");
    }
}

#[test]
fn an_origin_knows_its_resource() {
    let rds = Origin::Rds(Box::new(DatabaseOrigin { id: "orders".to_owned(), ..DatabaseOrigin::default() }));
    assert_eq!(rds.resource(), Some(Resource::new(Kind::Rds, "orders").unwrap()));
    assert_eq!(Origin::Rds(Box::default()).resource(), None);
}
