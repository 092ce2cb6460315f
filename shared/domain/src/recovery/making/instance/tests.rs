use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    origin::ImageOrigin,
    recovery::{
        RecoveryId,
        making::{
            self,
            ebs::fixtures::{
                Checked, INITIAL_IMAGE, KEY, ORIGINAL_IMAGE, OWN_IMAGE, abroad, answer, change, checked, image_unit,
                imaged, instance_plan, named, snapshot_unit, subject, unknown, volume_id, with, world,
            },
        },
        plan::Plan,
        work::{Action, LaunchSpec, Ref, Work},
    },
    unit::UnitState,
};

fn plan(wanted: &Value) -> Plan {
    instance_plan(wanted)
}

fn defaults() -> Plan {
    plan(&json!({}))
}

fn works(checked: &Checked, subject: &Subject) -> Vec<Work> {
    assert_eq!(checked.problems(), []);
    making::works(RecoveryId(4), &checked.plan, subject, &checked.facts)
}

fn launch(works: &[Work]) -> &LaunchSpec {
    let spec = works.iter().find_map(|work| match &work.what {
        Action::Launch(spec) => Some(spec.as_ref()),
        _ => None,
    });
    spec.unwrap()
}

fn names(works: &[Work]) -> Vec<String> {
    let name = |work: &Work| serde_json::to_value(&work.what).unwrap()["action"].as_str().unwrap().to_owned();
    works.iter().map(name).collect()
}

/// All that it takes to place an instance where its source was not.
fn placed() -> Value {
    json!({"subnet": "subnet-2", "security_groups": ["sg-3"]})
}

fn windows(volumes: usize) -> Subject {
    let subject = Subject { initial_image: Some(image_unit(INITIAL_IMAGE)), ..subject(volumes) };
    change(subject, |origin| {
        origin.platform = Platform::Windows;
        origin.platform_details = Some("Windows".into());
        origin.boot_mode = None;
    })
}

#[test]
fn a_linux_instance_with_ten_volumes() {
    let subject = subject(10);
    let found = checked(defaults(), &subject, &world());
    assert_eq!(found.findings.warnings, Vec::<String>::new());
    insta::assert_yaml_snapshot!("linux", (&found.plan, works(&found, &subject)));
}

#[test]
fn a_windows_instance() {
    let subject = windows(2);
    let found = checked(defaults(), &subject, &world());
    insta::assert_yaml_snapshot!("windows", (&found.plan, &found.findings.warnings, works(&found, &subject)));
}

#[test]
fn an_instance_into_another_account() {
    let subject = abroad(subject(3));
    let found = checked(plan(&placed()), &subject, &world());
    insta::assert_yaml_snapshot!("abroad", (&found.plan, &found.findings.warnings, works(&found, &subject)));
}

#[test]
fn what_belongs_to_an_account_is_asked_for_in_another() {
    let found = checked(defaults(), &abroad(subject(2)), &world());
    insta::assert_yaml_snapshot!(found.problems(), @r#"
    - - instance.subnet
      - "where it goes is not said: the source was in another account"
    - - instance.security_groups
      - "they are not said: the source was in another account"
    "#);
    let wanted = found.instance();
    assert_eq!(
        (&wanted.key_pair, &wanted.profile, &wanted.elastic_ip, &wanted.private_ip),
        (&None, &None, &None, &None)
    );
    assert!(wanted.volumes.iter().all(|volume| volume.kms_key.as_deref() == Some("")));
}

#[test]
fn what_belongs_to_a_region_is_asked_for_in_another() {
    let subject = Subject { region: "eu-west-1".parse().unwrap(), ..subject(1) };
    let mut plan = defaults();
    making::fill(&mut plan, &subject);
    let found = checked(plan, &subject, &world());
    assert!(
        found
            .problems()
            .contains(&("instance.subnet", "where it goes is not said: the source was in another Region"))
    );
    // Nor has the original image that id there.
    let other = Subject { units: vec![], ..subject };
    let found = checked(defaults(), &other, &world());
    assert_eq!(found.instance().image, None);
}

#[test]
fn the_kinds_of_sources_have_their_ways() {
    for (subject, from, image) in [
        (subject(2), LaunchFrom::Snapshot, None),
        (windows(2), LaunchFrom::Snapshot, None),
        (imaged(4), LaunchFrom::Image, Some(OWN_IMAGE)),
        (Subject { units: vec![snapshot_unit(1)], ..windows(2) }, LaunchFrom::Image, Some(INITIAL_IMAGE)),
        (Subject { units: vec![snapshot_unit(1)], ..subject(2) }, LaunchFrom::Image, Some(ORIGINAL_IMAGE)),
        (
            Subject { initial_image: Some(image_unit(INITIAL_IMAGE)), ..unknown(2) },
            LaunchFrom::Image,
            Some(INITIAL_IMAGE),
        ),
        (unknown(2), LaunchFrom::Snapshot, None),
    ] {
        let found = checked(defaults(), &subject, &world());
        let wanted = found.instance();
        assert_eq!((wanted.launch_from, wanted.image.as_deref()), (Some(from), image), "{subject:?}");
    }
}

#[test]
fn an_initial_image_among_the_units_is_not_the_backup() {
    let mut mixed = subject(2);
    mixed.units.push(image_unit(INITIAL_IMAGE));
    assert_eq!(checked(defaults(), &mixed, &world()).instance().launch_from, Some(LaunchFrom::Snapshot));
}

#[test]
fn an_image_that_is_the_backup_brings_its_volumes() {
    // The image holds four of five; one of them is refused.
    let subject = imaged(5);
    let found = checked(plan(&json!({"volumes": [{"volume": volume_id(3), "recover": false}]})), &subject, &world());
    assert!(found.findings.warnings.iter().any(|warning| warning.contains("vol-00000004 (/dev/sdi)")));
    let works = works(&found, &subject);
    assert_eq!(names(&works), ["launch", "tag-volumes", "associate-address", "protect-instances"]);
    let spec = launch(&works);
    assert_eq!(spec.image, Ref::Id(OWN_IMAGE.into()));
    assert_eq!(spec.left_out, ["/dev/sdh"]);
    let devices: Vec<_> =
        spec.devices.iter().map(|device| (device.device.as_str(), device.snapshot.clone())).collect();
    assert_eq!(devices, [("/dev/xvda", None), ("/dev/sdf", None), ("/dev/sdg", None)]);
}

#[test]
fn data_volumes_of_the_backup_go_with_a_root_volume_of_an_image() {
    let mut subject = Subject { units: vec![snapshot_unit(1)], ..windows(2) };
    let mut world = world();
    // Made when the instance had more.
    let fact = world.images.get_mut(INITIAL_IMAGE).unwrap();
    fact.devices.insert("/dev/sdz".into(), ("snap-00000009".parse().unwrap(), 8));
    fact.platform_details = Some("Windows".into());
    let found = checked(defaults(), &subject, &world);
    let works = works(&found, &subject);
    let spec = launch(&works);
    assert_eq!(spec.left_out, ["/dev/sdz"]);
    let devices: Vec<_> = spec.devices.iter().map(|one| (one.device.as_str(), one.snapshot.as_deref())).collect();
    assert_eq!(devices, [("/dev/xvda", None), ("/dev/sdf", Some("snap-00000001"))]);
    let [warning] = found.findings.warnings.as_slice() else { panic!("{:?}", found.findings) };
    assert!(warning.starts_with("the root volume is that of the image"), "{warning}");
    subject.units.clear();
    let found = checked(defaults(), &subject, &world);
    assert!(
        found.findings.warnings.iter().any(|warning| warning.contains("vol-00000001 (/dev/sdf) is not recovered"))
    );
}

#[test]
fn the_root_volume_is_the_device_of_the_image() {
    let mut world = world();
    let fact = world.images.get_mut(ORIGINAL_IMAGE).unwrap();
    fact.root_device = Some("/dev/sda1".into());
    fact.devices = [("/dev/sda1".to_owned(), ("snap-00000009".parse().unwrap(), 8))].into();
    let found = checked(plan(&json!({"image": ORIGINAL_IMAGE})), &subject(1), &world);
    assert_eq!(launch(&works(&found, &subject(1))).devices[0].device, "/dev/sda1");
}

#[test]
fn of_a_source_that_is_not_on_record_people_say_what_it_was() {
    let found = checked(defaults(), &unknown(2), &world());
    insta::assert_yaml_snapshot!("unknown", (found.problems(), &found.findings.warnings));
    let said = json!({
        "type": "m5.large", "architecture": "x86_64", "subnet": "subnet-1", "security_groups": ["sg-1"],
        "volumes": [{"volume": volume_id(1), "device": "/dev/xvda"}, {"volume": volume_id(0), "device": "/dev/sdf"}],
    });
    let found = checked(plan(&said), &unknown(2), &world());
    let works = works(&found, &unknown(2));
    let Action::RegisterImage(image) = &works[0].what else { panic!("{works:?}") };
    assert_eq!(
        (image.root_device.as_str(), image.devices[0].snapshot.as_deref()),
        ("/dev/xvda", Some("snap-00000001"))
    );
    assert_eq!((image.virtualization.as_str(), image.ena), ("hvm", true));
    assert_eq!(launch(&works).devices[1].volume_type, "gp3");
}

#[test]
fn an_image_alone_needs_no_place() {
    let found = checked(plan(&json!({"image_handling": "only"})), &abroad(subject(2)), &world());
    let works = works(&found, &abroad(subject(2)));
    assert_eq!(names(&works), ["share", "share", "register-image", "unshare", "unshare"]);
    assert_eq!(found.instance().count, None);
}

#[test]
fn several_keep_no_address() {
    let found = checked(plan(&json!({"count": 3})), &subject(1), &world());
    let works = works(&found, &subject(1));
    let spec = launch(&works);
    assert_eq!((spec.count, &spec.private_ip, spec.secondary_ips.len()), (3, &None, 0));
    assert!(!names(&works).contains(&"associate-address".to_owned()));
}

#[rstest]
#[case::taken(true, "stays with i-0fedcba9876543210")]
#[case::gone(false, "does not get the elastic address eipalloc-1")]
fn the_elastic_address_of_the_source_comes_when_it_is_free(#[case] taken: bool, #[case] warning: &str) {
    let mut world = world();
    world.elastic.clear();
    if taken {
        world.elastic.insert("eipalloc-1".into(), Some("i-0fedcba9876543210".into()));
    }
    let found = checked(defaults(), &subject(1), &world);
    assert!(found.findings.warnings[0].contains(warning), "{:?}", found.findings.warnings);
    // What the plan says is what is done.
    assert_eq!(found.instance().elastic_ip.as_deref(), Some(""));
    assert!(!names(&works(&found, &subject(1))).contains(&"associate-address".to_owned()));
}

#[test]
fn another_zone_is_another_subnet() {
    let found = checked(plan(&json!({"zone": "us-east-1b"})), &subject(1), &world());
    assert_eq!(found.instance().subnet.as_deref(), Some(""));
    let [("instance.security_groups", _)] = found.problems()[..] else { panic!("{:?}", found.problems()) };
    let found = checked(plan(&json!({"zone": "us-east-1b", "security_groups": []})), &subject(1), &world());
    let works = works(&found, &subject(1));
    let spec = launch(&works);
    assert_eq!((spec.zone.as_deref(), &spec.subnet, &spec.private_ip), (Some("us-east-1b"), &None, &None));
}

#[test]
fn what_the_metadata_service_demanded_it_goes_on_to_demand() {
    let found = checked(plan(&json!({"metadata": {"hop_limit": 5}})), &subject(1), &world());
    let metadata = found.instance().metadata.as_ref().unwrap();
    assert_eq!((metadata.http_tokens.as_deref(), metadata.hop_limit), (Some("required"), Some(5)));
}

#[rstest]
#[case::tags(json!({"tags": {"cpm:x": "y", "aws:z": "a"}}), "instance.tags", "cannot be given")]
#[case::handling(json!({"launch_from": "image", "image_handling": "keep"}), "instance.image_handling", "no image is registered")]
#[case::image(json!({"launch_from": "snapshot", "image": OWN_IMAGE}), "instance.image", "is not used")]
#[case::image_gone(json!({"image": "ami-0000dead"}), "instance.image", "there is no image ami-0000dead")]
#[case::architecture(json!({"architecture": "i386"}), "instance.architecture", "holds a system for x86_64")]
#[case::image_architecture(json!({"image": OWN_IMAGE, "architecture": "arm64"}), "instance.architecture", "is for x86_64")]
#[case::no_architecture(json!({"architecture": "sparc"}), "instance.architecture", "AWS does not know `sparc`")]
#[case::count_0(json!({"count": 0}), "instance.count", "0 instances")]
#[case::count_101(json!({"count": 101}), "instance.count", "101 instances")]
#[case::full(json!({"count": 100, "subnet": "subnet-1", "volumes": []}), "", "")]
#[case::no_type(json!({"type": "m99.large"}), "instance.type", "no instance type m99.large")]
#[case::no_subnet(json!({"subnet": "subnet-9"}), "instance.subnet", "there is no subnet subnet-9")]
#[case::zone_of_subnet(json!({"subnet": "subnet-1", "zone": "us-east-1b"}), "instance.zone", "is in us-east-1a")]
#[case::no_zone(json!({"zone": "us-east-1f"}), "instance.zone", "no zone us-east-1f")]
#[case::group_of_another_vpc(json!({"security_groups": ["sg-1", "sg-3"]}), "instance.security_groups[1]", "sg-3 is of vpc-2, and the subnet subnet-1 is of vpc-1")]
#[case::groups_of_two_vpcs(json!({"zone": "us-east-1b", "security_groups": ["sg-1", "sg-3"]}), "instance.security_groups[1]", "others are of another VPC")]
#[case::no_group(json!({"security_groups": ["sg-9"]}), "instance.security_groups[0]", "no security group sg-9")]
#[case::no_key(json!({"key_pair": "lost"}), "instance.key_pair", "no key pair lost")]
#[case::no_placement_group(json!({"placement_group": "lost"}), "instance.placement_group", "no placement group lost")]
#[case::tenancy(json!({"tenancy": "mine"}), "instance.tenancy", "does not know `mine`")]
#[case::profile(json!({"profile": "web"}), "instance.profile", "not the ARN of an instance profile")]
#[case::address(json!({"private_ip": "10.0.2.5"}), "instance.private_ip", "10.0.2.5 is not in the subnet subnet-1, which has 10.0.1.0/24")]
#[case::address_reserved(json!({"private_ip": "10.0.1.3"}), "instance.private_ip", "AWS keeps 10.0.1.3")]
#[case::address_last(json!({"private_ip": "10.0.1.255"}), "instance.private_ip", "AWS keeps 10.0.1.255")]
#[case::address_taken(json!({"private_ip": "10.0.1.99"}), "instance.private_ip", "10.0.1.99 is taken")]
#[case::address_odd(json!({"private_ip": "10.0.1"}), "instance.private_ip", "not an IPv4 address")]
#[case::address_v6(json!({"private_ip": "2001:db8::1"}), "instance.private_ip", "not an IPv4 address")]
#[case::address_twice(json!({"secondary_ips": ["10.0.1.23"]}), "instance.secondary_ips[0]", "is there already")]
#[case::address_of_several(json!({"count": 2, "private_ip": "10.0.1.30"}), "instance.private_ip", "several instances")]
#[case::address_nowhere(json!({"zone": "us-east-1b", "security_groups": [], "private_ip": "10.0.1.30"}), "instance.private_ip", "none is named")]
#[case::elastic_of_several(json!({"count": 2, "elastic_ip": "eipalloc-1"}), "instance.elastic_ip", "several instances")]
#[case::elastic_gone(json!({"elastic_ip": "eipalloc-9"}), "instance.elastic_ip", "no elastic address eipalloc-9")]
#[case::elastic_taken(json!({"elastic_ip": "eipalloc-2"}), "instance.elastic_ip", "i-0fedcba9876543210 has")]
#[case::user_data(json!({"user_data": "#!/bin/sh"}), "instance.user_data", "not base64")]
#[case::user_data_long(json!({"user_data": "A".repeat(21_848)}), "instance.user_data", "it has 16386 bytes")]
#[case::kernel(json!({"kernel": "linux"}), "instance.kernel", "not the id of a kernel")]
#[case::ramdisk(json!({"ramdisk": "aki-0123abcd"}), "instance.ramdisk", "not the id of a ramdisk")]
#[case::tokens(json!({"metadata": {"http_tokens": "yes"}}), "instance.metadata.http_tokens", "does not know `yes`")]
#[case::hops(json!({"metadata": {"hop_limit": 65}}), "instance.metadata.hop_limit", "out of range")]
#[case::ephemeral(json!({"ephemeral": {"/dev/sdb": "ephemeral24"}}), "instance.ephemeral./dev/sdb", "`ephemeral24`")]
#[case::ephemeral_device(json!({"ephemeral": {"disk": "ephemeral0"}}), "instance.ephemeral.disk", "`disk` is not the name of a device")]
#[case::ephemeral_taken(json!({"ephemeral": {"xvdf": "ephemeral0"}}), "instance.volumes[1].device", "/dev/sdf is taken by instance.ephemeral.xvdf")]
#[case::no_root(json!({"volumes": [{"volume": "vol-00000000", "recover": false}]}), "instance.volumes[0].recover", "it is the root volume")]
#[case::root_type(json!({"volumes": [{"volume": "vol-00000000", "type": "st1", "size": 200, "throughput": null}]}), "instance.volumes[0].type", "no instance starts from st1")]
#[case::volume_unknown(json!({"volumes": [{"volume": "vol-00000077"}]}), "instance.volumes[0].volume", "is not in the backup")]
#[case::volume_size(json!({"volumes": [{"volume": "vol-00000002", "size": 10}]}), "instance.volumes[0].size", "smaller than its snapshot")]
#[case::volume_zone(json!({"volumes": [{"volume": "vol-00000002", "zone": "us-east-1b"}]}), "instance.volumes[0].zone", "us-east-1b")]
#[case::volume_device(json!({"volumes": [{"volume": "vol-00000001", "device": "/dev/xvda"}]}), "instance.volumes[1].device", "/dev/xvda is taken by instance.volumes[0]")]
fn what_is_wrong_is_told(#[case] wanted: Value, #[case] field: &str, #[case] message: &str) {
    let mut world = world();
    world.taken.insert(("subnet-1".into(), "10.0.1.99".parse().unwrap()));
    world.elastic.insert("eipalloc-2".into(), Some("i-0fedcba9876543210".into()));
    let found = checked(plan(&wanted), &subject(3), &world);
    if field.is_empty() {
        return assert_eq!(found.problems(), []);
    }
    let text = found.problems().into_iter().find(|(at, text)| *at == field && text.contains(message));
    assert!(text.is_some(), "{:?}", found.problems());
    // And nothing that does not follow from it.
    assert!(found.problems().len() <= 3, "{:?}", found.problems());
}

#[test]
fn the_place_of_a_type_is_advised() {
    let mut world = world();
    let fact = world.types.get_mut("m5.large").unwrap();
    fact.zones = ["us-east-1c".to_owned(), "us-east-1d".to_owned()].into();
    let found = checked(defaults(), &subject(1), &world);
    let [problem] = found.findings.problems.as_slice() else { panic!("{:?}", found.findings) };
    assert_eq!(problem.message, "m5.large is not offered in us-east-1a");
    assert_eq!(problem.advice, "write another type, or a subnet or zone of us-east-1c, us-east-1d");
}

#[test]
fn a_type_must_do_what_the_source_did() {
    let mut world = world();
    world.types.get_mut("m5.large").unwrap().architectures = vec!["arm64".into()];
    let old = change(subject(1), |origin| {
        origin.virtualization = Some("paravirtual".into());
        origin.ena = false;
    });
    let found = checked(defaults(), &old, &world);
    insta::assert_yaml_snapshot!(found.problems(), @r#"
    - - instance.type
      - "m5.large does not run x86_64: it runs arm64"
    - - instance.type
      - m5.large does not run paravirtual images
    - - instance.type
      - "m5.large needs enhanced networking (ENA), which the source did not have"
    "#);
}

#[test]
fn a_full_subnet_is_told() {
    let mut world = world();
    world.subnets.get_mut("subnet-1").unwrap().free = 1;
    let found = checked(defaults(), &subject(1), &world);
    let [("instance.subnet", text)] = found.problems()[..] else { panic!("{:?}", found.problems()) };
    assert_eq!(text, "subnet-1 has 1 free addresses, and 2 are needed");
}

#[rstest]
#[case::deregistered("deregistered", "is deregistered")]
#[case::pending("pending", "is pending")]
fn an_image_must_be_available(#[case] state: &str, #[case] message: &str) {
    let mut world = world();
    world.images.get_mut(OWN_IMAGE).unwrap().state = state.to_owned();
    let found = checked(defaults(), &imaged(2), &world);
    let [("instance.image", text)] = found.problems()[..] else { panic!("{:?}", found.problems()) };
    assert!(text.contains(message), "{text}");
}

#[test]
fn an_image_of_another_platform_is_told_of() {
    let mut world = world();
    world.images.get_mut(ORIGINAL_IMAGE).unwrap().platform_details = Some("Windows".into());
    let found = checked(plan(&json!({"image": ORIGINAL_IMAGE})), &subject(1), &world);
    assert!(found.findings.warnings[0].contains("is for Windows"), "{:?}", found.findings.warnings);
}

#[test]
fn the_size_of_an_images_volumes_is_the_least() {
    let small =
        json!({"volumes": [{"volume": volume_id(0), "size": 50}, {"volume": volume_id(1), "device": "/dev/sdz"}]});
    let found = checked(plan(&small), &imaged(2), &world());
    let fields: Vec<_> = found.problems().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["instance.volumes[0].size", "instance.volumes[1].device"], "{:?}", found.problems());
}

#[test]
fn everything_is_told_at_once() {
    let mut world = world();
    world.keys.insert(KEY.into(), "Disabled".into());
    let wrong = json!({
        "count": 0, "type": "m99.large", "architecture": "sparc", "subnet": "subnet-1", "zone": "us-east-1b",
        "private_ip": "10.9.9.9", "security_groups": ["sg-3"], "key_pair": "lost", "placement_group": "lost",
        "tenancy": "mine", "profile": "web", "user_data": "no", "elastic_ip": "eipalloc-9",
        "tags": {"cpm:x": "y"}, "ephemeral": {"/dev/sdb": "disk"}, "metadata": {"http_tokens": "yes"},
        "volumes": [
            {"volume": volume_id(0), "size": 10},
            {"volume": volume_id(1), "type": "gp3", "iops": 100_000, "throughput": 5000, "device": "/dev/xvda"},
            {"volume": volume_id(99)},
        ],
    });
    let found = checked(plan(&wrong), &subject(3), &world);
    let told: Vec<String> = found.findings.problems.iter().map(ToString::to_string).collect();
    insta::assert_yaml_snapshot!("everything", told);
}

#[test]
fn what_could_not_be_kept_is_told() {
    let subject = change(subject(1), |origin| {
        origin.interfaces = 2;
        origin.unread = vec!["user data: denied".into()];
        origin.platform_details = Some("Red Hat Enterprise Linux".into());
    });
    let found = checked(plan(&json!({"key_pair": ""})), &subject, &world());
    insta::assert_yaml_snapshot!("warnings", found.findings.warnings);
}

#[test]
fn a_profile_of_another_account_is_told() {
    let mut wanted = placed();
    wanted["profile"] = json!("arn:aws:iam::111122223333:instance-profile/web");
    let found = checked(plan(&wanted), &abroad(subject(1)), &world());
    let [("instance.profile", text)] = found.problems()[..] else { panic!("{:?}", found.problems()) };
    assert_eq!(text, "the instance profile is of account 111122223333");
}

#[test]
fn every_question_is_needed_and_none_is_missing() {
    let by_zone = plan(&json!({"zone": "us-east-1b", "security_groups": [], "placement_group": "rack"}));
    for (plan, subject) in [(defaults(), subject(3)), (defaults(), imaged(3)), (by_zone, subject(1))] {
        let full = checked(plan, &subject, &world());
        assert_eq!(full.problems(), []);
        let questions = making::questions(&full.plan, &subject);
        for left_out in &questions {
            let fewer: Vec<Question> = questions.iter().filter(|question| *question != left_out).cloned().collect();
            let findings = making::check(&full.plan, &subject, &answer(&world(), &fewer));
            // Nothing has an address of which AWS says nothing.
            let silent = matches!(left_out, Question::Address { .. });
            assert_eq!(findings == full.findings, silent, "{left_out:?}");
        }
    }
}

#[test]
fn the_source_is_not_asked_for_what_an_image_alone_needs_not() {
    let full = checked(plan(&json!({"image_handling": "only"})), &subject(3), &world());
    let questions = making::questions(&full.plan, &subject(3));
    assert!(questions.iter().all(|one| matches!(one, Question::Snapshot(_) | Question::Key(_))), "{questions:?}");
}

#[test]
fn the_name_of_an_image_is_legal_and_of_one_recovery() {
    let name = |id| {
        let found = checked(defaults(), &subject(1), &world());
        let works = making::works(RecoveryId(id), &found.plan, &subject(1), &found.facts);
        let Action::RegisterImage(image) = &works[0].what else { panic!("{works:?}") };
        image.name.clone()
    };
    assert_eq!(name(17), "cpm-r17-i-0123456789abcdef0-snap-00000000");
    assert_ne!(name(17), name(18));
    let longest = format!("cpm-r{}-i-0123456789abcdef0-snap-0123456789abcdef0", u64::MAX);
    assert!((3..=128).contains(&longest.len()));
}

#[test]
fn tags_of_volumes_are_given_where_there_are_some() {
    let bare = change(subject(2), |origin| origin.volumes.iter_mut().for_each(|volume| volume.tags.clear()));
    let found = checked(defaults(), &bare, &world());
    assert!(!names(&works(&found, &bare)).contains(&"tag-volumes".to_owned()));
    let found = checked(defaults(), &subject(2), &world());
    let works = works(&found, &subject(2));
    let tags = works.iter().find_map(|work| match &work.what {
        Action::TagVolumes { tags, .. } => Some(tags.clone()),
        _ => None,
    });
    let mut expected = named("data-1");
    expected.retain(|key, _| key == "Name");
    assert_eq!(tags.unwrap(), [("/dev/sdf".to_owned(), expected)].into());
}

#[test]
fn a_kernel_is_given_to_the_image_that_is_registered() {
    let old = change(subject(1), |origin| {
        origin.virtualization = Some("paravirtual".into());
        origin.kernel = Some("aki-0123abcd".into());
        origin.image = ImageOrigin::default();
    });
    let mut world = world();
    world.types.get_mut("m5.large").unwrap().virtualizations.push("paravirtual".into());
    let found = checked(defaults(), &old, &world);
    let works = works(&found, &old);
    let Action::RegisterImage(image) = &works[0].what else { panic!("{works:?}") };
    assert_eq!((image.kernel.as_deref(), &launch(&works).kernel), (Some("aki-0123abcd"), &None));
}

#[test]
fn no_volume_is_made_empty_when_its_data_goes_after_the_check() {
    let mut found = checked(defaults(), &subject(2), &world());
    found.facts.snapshots.clear();
    let works = works(&found, &subject(2));
    // AWS will say that they are gone.
    assert_eq!(launch(&works).devices[1].snapshot.as_deref(), Some("snap-00000001"));
    let mut found = checked(plan(&json!({"launch_from": "snapshot"})), &imaged(2), &world());
    found.facts.images.clear();
    assert_eq!(making::works(RecoveryId(4), &found.plan, &imaged(2), &found.facts), []);
}

fn subjects() -> impl Strategy<Value = Subject> {
    (0_u8..4, 1_usize..5, prop::bool::ANY, prop::bool::ANY, prop::sample::subsequence(vec![0_usize, 1, 2, 3], 0..=4))
        .prop_map(|(kind, volumes, away, initial, without)| {
            let mut subject = match kind {
                0 => subject(volumes),
                1 => windows(volumes),
                2 => imaged(volumes),
                _ => unknown(volumes),
            };
            let gone = |unit: &crate::unit::Unit| {
                without.iter().any(|n| unit.source == crate::kind::Resource::Volume(volume_id(*n)))
            };
            for unit in subject.units.iter_mut().filter(|unit| gone(unit)) {
                unit.state = UnitState::Failed;
            }
            if initial {
                subject.initial_image = Some(image_unit(INITIAL_IMAGE));
            }
            if away { abroad(subject) } else { subject }
        })
}

fn wishes() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        Just(json!({})),
        Just(json!({"image_handling": "only"})),
        Just(json!({"image_handling": "keep", "termination_protection": false})),
        Just(json!({"image": ORIGINAL_IMAGE})),
        Just(json!({"launch_from": "image"})),
        Just(json!({"launch_from": "snapshot"})),
        Just(json!({"count": 3})),
        Just(json!({"zone": "us-east-1b"})),
        Just(json!({"zone": "us-east-1a", "private_ip": "10.0.1.77"})),
        Just(json!({"subnet": "", "security_groups": []})),
        Just(json!({"volumes": [{"volume": "vol-00000001", "type": "io1", "recover": false}]})),
        Just(json!({"volumes": [{"volume": "vol-00000000", "device": "/dev/xvda", "type": "gp2"}]})),
        Just(json!({"metadata": {"hop_limit": 3}, "tags": {}, "elastic_ip": ""})),
    ];
    let place = prop::bool::ANY;
    (field, place).prop_map(|(mut field, place)| {
        if place && field.get("zone").is_none() && field.get("subnet").is_none() {
            field = with(with(field, "/subnet", json!("subnet-2")), "/security_groups", json!(["sg-3"]));
            field = with(with(field, "/type", json!("m5.large")), "/architecture", json!("x86_64"));
        }
        field
    })
}

proptest! {
    #[test]
    fn a_plan_that_is_filled_in_stays_as_it_is(subject in subjects(), wishes in wishes()) {
        let found = checked(plan(&wishes), &subject, &world());
        let text = serde_json::to_string(&found.plan).unwrap();
        let again: Plan = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &found.plan);
        let again = checked(again, &subject, &world());
        prop_assert_eq!(&again.plan, &found.plan);
        prop_assert_eq!(again.findings.problems, found.findings.problems);
        let mut filled = plan(&wishes);
        making::fill(&mut filled, &subject);
        let mut twice = filled.clone();
        making::fill(&mut twice, &subject);
        prop_assert_eq!(twice, filled);
    }

    #[test]
    fn works_need_what_comes_before_them(subject in subjects(), wishes in wishes(), id in 1_u64..1000) {
        let found = checked(plan(&wishes), &subject, &world());
        let works = making::works(RecoveryId(id), &found.plan, &subject, &found.facts);
        prop_assert_eq!(&works, &making::works(RecoveryId(id), &found.plan, &subject, &found.facts));
        for (n, work) in works.iter().enumerate() {
            prop_assert_eq!(work.number as usize, n + 1);
            prop_assert!(work.needs.iter().all(|need| *need < work.number), "{:?}", work);
            prop_assert_eq!(work.at_source, matches!(work.what, Action::Share { .. } | Action::Unshare { .. }));
            if let Action::ProtectInstances { .. } = work.what {
                let later = works.iter().skip(n + 1).all(|work| matches!(work.what, Action::Unshare { .. }));
                prop_assert!(later);
            }
        }
        let count = |is: fn(&Action) -> bool| works.iter().filter(|work| is(&work.what)).count();
        let shares = count(|what| matches!(what, Action::Share { .. }));
        prop_assert_eq!(shares, count(|what| matches!(what, Action::Unshare { .. })));
        prop_assert_eq!(shares > 0, subject.shared_with.is_some() && works.iter().any(|work| work.at_source));
    }

    /// What passes is complete: AWS is given a size, a type and a device for all that it makes.
    #[test]
    fn what_passes_can_be_asked_for(subject in subjects(), wishes in wishes()) {
        let found = checked(plan(&wishes), &subject, &world());
        prop_assume!(found.findings.problems.is_empty());
        let works = making::works(RecoveryId(1), &found.plan, &subject, &found.facts);
        for work in &works {
            let devices = match &work.what {
                Action::RegisterImage(spec) => {
                    prop_assert!(!spec.architecture.is_empty() && spec.devices.iter().all(|one| one.snapshot.is_some()));
                    prop_assert_eq!(&spec.root_device, &spec.devices[0].device);
                    &spec.devices
                }
                Action::Launch(spec) => {
                    prop_assert!(!spec.instance_type.is_empty() && (spec.subnet.is_some() || spec.zone.is_some()));
                    &spec.devices
                }
                _ => continue,
            };
            prop_assert!(devices.iter().all(|one| one.size > 0 && one.device.starts_with("/dev/")), "{:?}", devices);
        }
    }
}
