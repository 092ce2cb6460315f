//! What recoveries ask of EC2, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use std::collections::BTreeMap;

use cpm_aws_call::scripted::Script;
use cpm_aws_ec2::Ec2;
use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    id::{BackupId, SnapshotId, UnitId},
    name::OwnerName,
    origin::MetadataOptions,
    recovery::{
        Mark, RecoveryId,
        facts::{Facts, Question},
        image::ImageFilter,
        plan::ShutdownBehavior,
        work::{Action, Device, ImageSpec, LaunchSpec, Made, MadeKind, MadeState, Order, Ref},
    },
    unit::{UnitKind, UnitState},
};
use cpm_ports::{Access, ImageSearch, Place, Removals, Restorer};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn ec2(script: &Script) -> Ec2 {
    Ec2::new(&script.config())
}

fn answer(action: &str, body: &str) -> (u16, String) {
    let space = "http://ec2.amazonaws.com/doc/2016-11-15/";
    (200, format!(r#"<{action}Response xmlns="{space}"><requestId>r</requestId>{body}</{action}Response>"#))
}

fn refusal(code: &str, message: &str) -> (u16, String) {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
         <RequestID>r</RequestID></Response>"
    );
    (400, body)
}

fn done(action: &str) -> (u16, String) {
    answer(action, "<return>true</return>")
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn order(what: Action) -> Order {
    Order {
        work: 3,
        what,
        made: vec![],
        token: "cpm-root-r17-3".into(),
        tags: tags(&[
            ("cpm:deployment", "cpm"),
            ("cpm:owner", "root"),
            ("cpm:recovery", "r17"),
            ("cpm:backup", "5"),
            ("cpm:work", "3"),
        ]),
    }
}

fn device(name: &str) -> Device {
    Device {
        device: name.into(),
        snapshot: Some("snap-0000000a".into()),
        size: 8,
        volume_type: "gp3".into(),
        iops: Some(3000),
        throughput: Some(125),
        kms_key: None,
        delete_on_termination: true,
        tags: Tags::new(),
        source: "vol-0000000a".parse().unwrap(),
    }
}

fn image_spec() -> ImageSpec {
    ImageSpec {
        name: "cpm-r17-1".into(),
        architecture: "x86_64".into(),
        virtualization: "hvm".into(),
        root_device: "/dev/xvda".into(),
        boot_mode: Some("uefi-preferred".into()),
        ena: true,
        kernel: None,
        ramdisk: None,
        imds: Some("v2.0".into()),
        devices: vec![Device { kms_key: Some("arn:key".into()), ..device("/dev/xvda") }],
        windows: false,
    }
}

fn launch_spec() -> LaunchSpec {
    LaunchSpec {
        image: Ref::Id("ami-0000000a".into()),
        count: 1,
        instance_type: "m5.large".into(),
        zone: Some("eu-west-1a".into()),
        subnet: Some("subnet-1".into()),
        placement_group: None,
        tenancy: None,
        private_ip: Some("10.0.0.4".into()),
        secondary_ips: vec![],
        public_ip: None,
        security_groups: vec!["sg-1".into(), "sg-2".into()],
        key_pair: Some("ops".into()),
        profile: Some("arn:aws:iam::111122223333:instance-profile/web".into()),
        user_data: Some("IyEvYmluL3NoCg==".into()),
        shutdown_behavior: Some(ShutdownBehavior::Stop),
        kernel: None,
        ramdisk: None,
        monitoring: true,
        ebs_optimized: true,
        metadata: Some(MetadataOptions {
            http_tokens: Some("required".into()),
            http_endpoint: Some("enabled".into()),
            hop_limit: Some(2),
            instance_tags: Some("disabled".into()),
        }),
        ephemeral: BTreeMap::new(),
        devices: vec![],
        left_out: vec![],
        tags: tags(&[("Name", "w1"), ("cpm:recovery", "r3"), ("aws:cloudformation:stack-name", "s")]),
    }
}

async fn carry_out(script: &Script, what: Action) -> Result<Vec<Made>, AwsError> {
    ec2(script).carry_out(&here(), &order(what)).await
}

#[tokio::test]
async fn registers_an_image_with_its_tags() {
    let script = Script::of([answer("RegisterImage", "<imageId>ami-0000000a</imageId>")]);
    let made = carry_out(&script, Action::RegisterImage(Box::new(image_spec()))).await.unwrap();
    assert_eq!(made, [Made::pending(MadeKind::Image, "ami-0000000a")]);
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=RegisterImage\n\
         Architecture=x86_64\n\
         BlockDeviceMapping.1.DeviceName=/dev/xvda\n\
         BlockDeviceMapping.1.Ebs.DeleteOnTermination=true\n\
         BlockDeviceMapping.1.Ebs.Iops=3000\n\
         BlockDeviceMapping.1.Ebs.SnapshotId=snap-0000000a\n\
         BlockDeviceMapping.1.Ebs.Throughput=125\n\
         BlockDeviceMapping.1.Ebs.VolumeSize=8\n\
         BlockDeviceMapping.1.Ebs.VolumeType=gp3\n\
         BootMode=uefi-preferred\n\
         Description=cpm: recovery r17 of backup 5\n\
         EnaSupport=true\n\
         ImdsSupport=v2.0\n\
         Name=cpm-r17-1\n\
         RootDeviceName=/dev/xvda\n\
         TagSpecification.1.ResourceType=image\n\
         TagSpecification.1.Tag.1.Key=cpm:backup\n\
         TagSpecification.1.Tag.1.Value=5\n\
         TagSpecification.1.Tag.2.Key=cpm:deployment\n\
         TagSpecification.1.Tag.2.Value=cpm\n\
         TagSpecification.1.Tag.3.Key=cpm:owner\n\
         TagSpecification.1.Tag.3.Value=root\n\
         TagSpecification.1.Tag.4.Key=cpm:recovery\n\
         TagSpecification.1.Tag.4.Value=r17\n\
         TagSpecification.1.Tag.5.Key=cpm:work\n\
         TagSpecification.1.Tag.5.Value=3\n\
         Version=2016-11-15\n\
         VirtualizationType=hvm\n"
    );
}

const LAUNCHED: &str = "<instancesSet><item><instanceId>i-0000000b</instanceId>\
                        <instanceState><name>pending</name></instanceState></item></instancesSet>";

#[tokio::test]
async fn launches_with_plain_fields() {
    let script = Script::of([answer("RunInstances", LAUNCHED)]);
    let made = carry_out(&script, Action::Launch(Box::new(launch_spec()))).await.unwrap();
    assert_eq!(made, [Made::pending(MadeKind::Instance, "i-0000000b")]);
    let asked = script.asked()[0].to_string();
    let (before, tags) = asked.split_once("TagSpecification").unwrap();
    assert_eq!(
        before,
        "Action=RunInstances\n\
         ClientToken=cpm-root-r17-3\n\
         EbsOptimized=true\n\
         IamInstanceProfile.Arn=arn:aws:iam::111122223333:instance-profile/web\n\
         ImageId=ami-0000000a\n\
         InstanceInitiatedShutdownBehavior=stop\n\
         InstanceType=m5.large\n\
         KeyName=ops\n\
         MaxCount=1\n\
         MetadataOptions.HttpEndpoint=enabled\n\
         MetadataOptions.HttpPutResponseHopLimit=2\n\
         MetadataOptions.HttpTokens=required\n\
         MetadataOptions.InstanceMetadataTags=disabled\n\
         MinCount=1\n\
         Monitoring.Enabled=true\n\
         PrivateIpAddress=10.0.0.4\n\
         SecurityGroupId.1=sg-1\n\
         SecurityGroupId.2=sg-2\n\
         SubnetId=subnet-1\n"
    );
    // The suite's tags win, and AWS's own cannot be set; volumes get theirs afterwards.
    for expected in [
        ".1.ResourceType=instance\n",
        ".1.Tag.1.Key=Name\nTagSpecification.1.Tag.1.Value=w1\n",
        ".1.Tag.5.Key=cpm:recovery\nTagSpecification.1.Tag.5.Value=r17\n",
        ".2.ResourceType=volume\n",
        ".2.Tag.4.Key=cpm:recovery\nTagSpecification.2.Tag.4.Value=r17\n",
    ] {
        assert!(tags.contains(expected), "{expected} in {tags}");
    }
    assert!(!tags.contains("aws:") && !tags.contains("=r3"), "{tags}");
}

#[tokio::test]
async fn an_interface_says_what_plain_fields_cannot() {
    let script = Script::of([answer("RunInstances", LAUNCHED), answer("RunInstances", LAUNCHED)]);
    let spec = LaunchSpec {
        public_ip: Some(false),
        secondary_ips: vec!["10.0.0.5".into()],
        tags: Tags::new(),
        ..launch_spec()
    };
    carry_out(&script, Action::Launch(Box::new(spec.clone()))).await.unwrap();
    carry_out(&script, Action::Launch(Box::new(LaunchSpec { secondary_ips: vec![], ..spec }))).await.unwrap();
    let network = |asked: &cpm_aws_call::scripted::Asked| -> Vec<String> {
        let form = asked.form().into_iter();
        form.filter(|(name, _)| {
            ["NetworkInterface", "SubnetId", "Security", "PrivateIp"].iter().any(|it| name.starts_with(it))
        })
        .map(|(name, value)| format!("{}={value}", name.trim_start_matches("NetworkInterface.1.")))
        .collect()
    };
    let asked = script.asked();
    let common = ["AssociatePublicIpAddress=false", "DeleteOnTermination=true", "DeviceIndex=0"];
    let groups = ["SecurityGroupId.1=sg-1", "SecurityGroupId.2=sg-2", "SubnetId=subnet-1"];
    let addresses = [
        "PrivateIpAddresses.1.Primary=true",
        "PrivateIpAddresses.1.PrivateIpAddress=10.0.0.4",
        "PrivateIpAddresses.2.Primary=false",
        "PrivateIpAddresses.2.PrivateIpAddress=10.0.0.5",
    ];
    assert_eq!(network(&asked[0]), [&common[..], &addresses, &groups].concat());
    assert_eq!(network(&asked[1]), [&common[..], &["PrivateIpAddress=10.0.0.4"], &groups].concat());
}

#[tokio::test]
async fn launches_with_devices_of_every_sort() {
    let script = Script::of([answer("RunInstances", LAUNCHED)]);
    let spec = LaunchSpec {
        subnet: None,
        security_groups: vec![],
        placement_group: Some("near".into()),
        tenancy: Some("dedicated".into()),
        devices: vec![Device {
            snapshot: None,
            iops: None,
            throughput: None,
            kms_key: Some("arn:key".into()),
            delete_on_termination: false,
            ..device("/dev/xvda")
        }],
        ephemeral: [("/dev/sdb".to_owned(), "ephemeral0".to_owned())].into(),
        left_out: vec!["/dev/sdc".into()],
        ..launch_spec()
    };
    carry_out(&script, Action::Launch(Box::new(spec))).await.unwrap();
    let form = script.asked()[0].form().into_iter();
    let devices: Vec<String> = form
        .filter(|(name, _)| name.starts_with("Block") || name.starts_with("Placement"))
        .map(|(name, value)| format!("{}={value}", name.trim_start_matches("BlockDeviceMapping.")))
        .collect();
    assert_eq!(
        devices,
        [
            "1.DeviceName=/dev/xvda",
            "1.Ebs.DeleteOnTermination=false",
            "1.Ebs.Encrypted=true",
            "1.Ebs.KmsKeyId=arn:key",
            "1.Ebs.VolumeSize=8",
            "1.Ebs.VolumeType=gp3",
            "2.DeviceName=/dev/sdb",
            "2.VirtualName=ephemeral0",
            "3.DeviceName=/dev/sdc",
            "3.NoDevice=",
            "Placement.AvailabilityZone=eu-west-1a",
            "Placement.GroupName=near",
            "Placement.Tenancy=dedicated",
        ]
    );
}

#[tokio::test]
async fn creates_a_volume_with_its_tags() {
    let script = Script::of([answer("CreateVolume", "<volumeId>vol-0000000b</volumeId><status>creating</status>")]);
    let device = Device {
        kms_key: Some("arn:key".into()),
        tags: tags(&[("Name", "data"), ("cpm:work", "9")]),
        ..device("/dev/sdf")
    };
    let made = carry_out(&script, Action::CreateVolume { device, zone: "eu-west-1a".into() }).await.unwrap();
    assert_eq!(made, [Made::pending(MadeKind::Volume, "vol-0000000b")]);
    let asked = script.asked()[0].to_string();
    assert!(
        asked.starts_with(
            "Action=CreateVolume\n\
             AvailabilityZone=eu-west-1a\n\
             ClientToken=cpm-root-r17-3\n\
             Encrypted=true\n\
             Iops=3000\n\
             KmsKeyId=arn:key\n\
             Size=8\n\
             SnapshotId=snap-0000000a\n\
             TagSpecification.1.ResourceType=volume\n\
             TagSpecification.1.Tag.1.Key=Name\n\
             TagSpecification.1.Tag.1.Value=data\n\
             TagSpecification.1.Tag.2.Key=cpm:backup\n"
        ),
        "{asked}"
    );
    assert!(asked.contains("Tag.6.Key=cpm:work\nTagSpecification.1.Tag.6.Value=3\n"), "{asked}");
    assert!(asked.ends_with("Throughput=125\nVersion=2016-11-15\nVolumeType=gp3\n"), "{asked}");
}

fn attach(delete_on_termination: bool) -> Action {
    Action::Attach {
        volume: Ref::Id("vol-0000000b".into()),
        instance: "i-0000000a".parse().unwrap(),
        device: "/dev/sdf".into(),
        delete_on_termination,
    }
}

fn holding(volume: &str, status: &str) -> (u16, String) {
    answer(
        "DescribeInstances",
        &format!(
            "<reservationSet><item><instancesSet><item><instanceId>i-0000000a</instanceId><blockDeviceMapping><item>\
             <deviceName>/dev/sdf</deviceName><ebs><volumeId>{volume}</volumeId><status>{status}</status></ebs></item>\
             </blockDeviceMapping></item></instancesSet></item></reservationSet>"
        ),
    )
}

#[tokio::test]
async fn attaches_a_volume() {
    let attached = || answer("AttachVolume", "<status>attaching</status>");
    let script = Script::of([attached(), attached(), done("ModifyInstanceAttribute")]);
    assert_eq!(
        carry_out(&script, attach(false)).await,
        Ok(vec![Made::pending(MadeKind::Volume, "vol-0000000b")]),
        "AWS is at it for a while"
    );
    assert_eq!(script.asked().len(), 1, "it stays when the instance goes: AWS's own way");
    carry_out(&script, attach(true)).await.unwrap();
    assert_eq!(
        script.asked()[1].to_string(),
        "Action=AttachVolume\nDevice=/dev/sdf\nInstanceId=i-0000000a\nVersion=2016-11-15\nVolumeId=vol-0000000b\n"
    );
    assert_eq!(
        script.asked()[2].to_string(),
        "Action=ModifyInstanceAttribute\n\
         BlockDeviceMapping.1.DeviceName=/dev/sdf\n\
         BlockDeviceMapping.1.Ebs.DeleteOnTermination=true\n\
         BlockDeviceMapping.1.Ebs.VolumeId=vol-0000000b\n\
         InstanceId=i-0000000a\n\
         Version=2016-11-15\n"
    );
}

#[rstest]
#[case("VolumeInUse", "vol-0000000b", "attached", None)]
#[case("InvalidParameterValue", "vol-0000000b", "attaching", None)]
#[case("InvalidParameterValue", "vol-0000000c", "detaching", Some(Refusal::Busy))]
#[case("InvalidParameterValue", "vol-0000000c", "attached", Some(Refusal::InUse))]
#[case("VolumeInUse", "vol-0000000b", "detaching", Some(Refusal::Busy))]
#[tokio::test]
async fn a_device_that_is_taken_is_looked_at(
    #[case] code: &str,
    #[case] volume: &str,
    #[case] status: &str,
    #[case] expected: Option<Refusal>,
) {
    let script = Script::of([refusal(code, "it is in use"), holding(volume, status)]);
    let outcome = carry_out(&script, attach(false)).await;
    assert_eq!(outcome.map_err(|error| error.refusal).err(), expected);
}

#[rstest]
#[case("VolumeInUse", Refusal::InUse)]
#[case("IncorrectState", Refusal::Busy)]
#[case("InvalidParameterValue", Refusal::Invalid)]
#[case("InvalidVolume.NotFound", Refusal::NotFound)]
#[tokio::test]
async fn what_is_attached_elsewhere_is_told(#[case] code: &str, #[case] expected: Refusal) {
    let nothing = answer("DescribeInstances", "<reservationSet/>");
    let script = Script::of([refusal(code, "AWS's words"), nothing]);
    let error = carry_out(&script, attach(true)).await.unwrap_err();
    assert_eq!(
        (error.refusal, error.action.as_str(), error.message.as_str()),
        (expected, "ec2:AttachVolume", "AWS's words")
    );
}

fn detach() -> Action {
    Action::Detach {
        volume: "vol-0000000b".parse().unwrap(),
        instance: "i-0000000a".parse().unwrap(),
        device: "/dev/sdf".into(),
    }
}

fn attached_to(instance: &str, status: &str) -> (u16, String) {
    answer(
        "DescribeVolumes",
        &format!(
            "<volumeSet><item><volumeId>vol-0000000b</volumeId><attachmentSet><item><instanceId>{instance}</instanceId>\
             <status>{status}</status></item></attachmentSet></item></volumeSet>"
        ),
    )
}

#[tokio::test]
async fn detaches_a_volume() {
    let script = Script::of([answer("DetachVolume", "<status>detaching</status>")]);
    assert_eq!(carry_out(&script, detach()).await, Ok(vec![Made::pending(MadeKind::Volume, "vol-0000000b")]));
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DetachVolume\nDevice=/dev/sdf\nInstanceId=i-0000000a\nVersion=2016-11-15\nVolumeId=vol-0000000b\n"
    );
}

#[rstest]
#[case(vec![refusal("InvalidAttachment.NotFound", "none")], true)]
#[case(vec![refusal("InvalidVolume.NotFound", "none")], false)]
#[case(vec![refusal("IncorrectState", "available"), answer("DescribeVolumes", "<volumeSet/>")], true)]
#[case(vec![refusal("IncorrectState", "detaching"), attached_to("i-0000000a", "detaching")], true)]
#[case(vec![refusal("IncorrectState", "elsewhere"), attached_to("i-0000000f", "attached")], true)]
#[case(vec![refusal("IncorrectState", "busy"), attached_to("i-0000000a", "attached")], false)]
#[case(vec![refusal("OperationNotPermitted", "a root volume")], false)]
#[tokio::test]
async fn what_is_off_is_detached(#[case] answers: Vec<(u16, String)>, #[case] expected: bool) {
    let script = Script::of(answers);
    assert_eq!(carry_out(&script, detach()).await.is_ok(), expected);
}

#[tokio::test]
async fn a_replaced_volume_is_marked_as_such_and_not_as_made() {
    let script = Script::of([done("CreateTags")]);
    carry_out(&script, Action::MarkReplaced { volume: "vol-0000000b".parse().unwrap() }).await.unwrap();
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=CreateTags\n\
         ResourceId.1=vol-0000000b\n\
         Tag.1.Key=cpm:deployment\n\
         Tag.1.Value=cpm\n\
         Tag.2.Key=cpm:owner\n\
         Tag.2.Value=root\n\
         Tag.3.Key=cpm:replaced-by\n\
         Tag.3.Value=r17\n\
         Version=2016-11-15\n"
    );
}

fn instance_with(parts: &[(&str, &str)]) -> Made {
    let part = |(device, id): &(&str, &str)| Made {
        device: Some((*device).to_owned()),
        ..Made::pending(MadeKind::Volume, *id)
    };
    Made { parts: parts.iter().map(part).collect(), ..Made::pending(MadeKind::Instance, "i-0000000a") }
}

#[tokio::test]
async fn volumes_with_the_same_tags_are_tagged_in_one_call() {
    let data = || tags(&[("Name", "data"), ("cpm:work", "9"), ("aws:x", "y")]);
    let wanted = BTreeMap::from([
        ("/dev/sdf".to_owned(), data()),
        ("/dev/sdg".to_owned(), data()),
        ("/dev/xvda".to_owned(), tags(&[("Name", "root")])),
        ("/dev/sdh".to_owned(), Tags::new()),
    ]);
    let parts = [("/dev/sdf", "vol-1"), ("/dev/sdg", "vol-2"), ("/dev/sdh", "vol-3"), ("/dev/xvda", "vol-4")];
    let what = Action::TagVolumes { of: 2, tags: wanted.clone() };
    let tagging = Order { made: vec![instance_with(&parts)], ..order(what) };
    let script = Script::of([done("CreateTags"), done("CreateTags")]);
    ec2(&script).carry_out(&here(), &tagging).await.unwrap();
    let asked: Vec<String> = script.asked().iter().map(ToString::to_string).collect();
    let call = |ids: &str, name: &str| {
        format!("Action=CreateTags\n{ids}Tag.1.Key=Name\nTag.1.Value={name}\nVersion=2016-11-15\n")
    };
    assert_eq!(
        asked,
        [call("ResourceId.1=vol-1\nResourceId.2=vol-2\n", "data"), call("ResourceId.1=vol-4\n", "root")]
    );

    let lacking = Order { made: vec![instance_with(&parts[..1])], ..tagging };
    let error = ec2(&Script::default()).carry_out(&here(), &lacking).await.unwrap_err();
    assert_eq!((error.refusal, error.message.as_str()), (Refusal::NotFound, "i-0000000a has no volume at /dev/sdg"));
}

#[tokio::test]
async fn volumes_that_are_not_known_are_looked_for() {
    let what = Action::TagVolumes { of: 2, tags: [("/dev/sdf".to_owned(), tags(&[("Name", "data")]))].into() };
    let tagging = Order { made: vec![instance_with(&[])], ..order(what) };
    let script = Script::of([holding("vol-0000000c", "attached"), done("CreateTags")]);
    ec2(&script).carry_out(&here(), &tagging).await.unwrap();
    assert_eq!(script.asked()[1].field("ResourceId.1").as_deref(), Some("vol-0000000c"));
}

fn associate() -> Action {
    Action::AssociateAddress { instance: Ref::Id("i-0000000a".into()), allocation: "eipalloc-1".into() }
}

#[tokio::test]
async fn an_address_is_never_taken_from_another() {
    let script = Script::of([answer("AssociateAddress", "<associationId>eipassoc-1</associationId>")]);
    carry_out(&script, associate()).await.unwrap();
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=AssociateAddress\n\
         AllocationId=eipalloc-1\n\
         AllowReassociation=false\n\
         InstanceId=i-0000000a\n\
         Version=2016-11-15\n"
    );
    for (holder, expected) in [("i-0000000a", None), ("i-0000000b", Some(Refusal::InUse))] {
        let address = format!(
            "<addressesSet><item><allocationId>eipalloc-1</allocationId><instanceId>{holder}</instanceId></item>\
             </addressesSet>"
        );
        let refused = refusal("Resource.AlreadyAssociated", "it is associated");
        let script = Script::of([refused, answer("DescribeAddresses", &address)]);
        assert_eq!(carry_out(&script, associate()).await.map_err(|error| error.refusal).err(), expected);
    }
}

#[tokio::test]
async fn protects_every_launched_instance() {
    let script = Script::of([done("ModifyInstanceAttribute"), done("ModifyInstanceAttribute")]);
    let made = ["i-0000000a", "i-0000000b"].map(|id| Made::pending(MadeKind::Instance, id));
    let protecting = Order { made: made.into(), ..order(Action::ProtectInstances { of: 1 }) };
    ec2(&script).carry_out(&here(), &protecting).await.unwrap();
    let expected = ["i-0000000a", "i-0000000b"].map(|id| {
        format!(
            "Action=ModifyInstanceAttribute\nDisableApiTermination.Value=true\nInstanceId={id}\nVersion=2016-11-15\n"
        )
    });
    assert_eq!(script.asked().iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn shares_and_takes_back() {
    let (snapshot, image) = (UnitId::new("snap-0000000a"), UnitId::new("ami-0000000a"));
    let account = || "111122223333".to_owned();
    let actions = [
        Action::Share { kind: UnitKind::EbsSnapshot, unit: snapshot.clone(), account: account() },
        Action::Unshare { kind: UnitKind::EbsSnapshot, unit: snapshot, account: account() },
        Action::Share { kind: UnitKind::Ami, unit: image.clone(), account: account() },
        Action::Unshare { kind: UnitKind::Ami, unit: image, account: account() },
    ];
    let of_snapshot = |change: &str| {
        format!(
            "Action=ModifySnapshotAttribute\nAttribute=createVolumePermission\n\
             CreateVolumePermission.{change}.1.UserId=111122223333\nSnapshotId=snap-0000000a\nVersion=2016-11-15\n"
        )
    };
    let of_image = |change: &str| {
        format!(
            "Action=ModifyImageAttribute\nImageId=ami-0000000a\nLaunchPermission.{change}.1.UserId=111122223333\n\
             Version=2016-11-15\n"
        )
    };
    let expected = [of_snapshot("Add"), of_snapshot("Remove"), of_image("Add"), of_image("Remove")];
    for (action, expected) in actions.iter().zip(expected) {
        let script = Script::of([done("ModifyAttribute")]);
        carry_out(&script, action.clone()).await.unwrap();
        assert_eq!(script.asked()[0].to_string(), expected);
        let gone = Script::of([refusal("InvalidSnapshot.NotFound", "gone")]);
        let outcome = carry_out(&gone, action.clone()).await;
        assert_eq!(outcome.is_ok(), matches!(action, Action::Unshare { .. }), "what is gone is shared no more");
    }
}

#[tokio::test]
async fn what_is_not_made_yet_is_refused() {
    let script = Script::default();
    let error =
        carry_out(&script, Action::AssociateAddress { instance: Ref::Work(2), allocation: "eipalloc-1".into() })
            .await
            .unwrap_err();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("NotMadeYet", "it needs what work 2 makes"));
    assert_eq!(script.asked().len(), 0);
}

const RUNNING: &str = r"<reservationSet><item><instancesSet><item>
  <instanceId>i-0000000a</instanceId><instanceState><name>running</name></instanceState>
  <privateIpAddress>10.0.0.4</privateIpAddress><ipAddress>54.0.0.1</ipAddress>
  <networkInterfaceSet><item><association><publicIp>54.0.0.1</publicIp></association><privateIpAddressesSet>
    <item><privateIpAddress>10.0.0.4</privateIpAddress></item><item><privateIpAddress>10.0.0.5</privateIpAddress></item>
  </privateIpAddressesSet></item></networkInterfaceSet>
  <blockDeviceMapping>
    <item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-0000000a</volumeId><status>attached</status></ebs></item>
    <item><deviceName>/dev/sdf</deviceName><ebs><volumeId>vol-0000000b</volumeId><status>attaching</status></ebs></item>
  </blockDeviceMapping>
</item></instancesSet></item></reservationSet>";

#[tokio::test]
async fn instances_are_seen_with_their_parts_and_addresses() {
    let script = Script::of([answer("DescribeInstances", RUNNING)]);
    let ids = ["i-0000000b".to_owned(), "i-0000000a".to_owned()];
    let seen = ec2(&script).look(&here(), MadeKind::Instance, &ids).await.unwrap();
    assert_eq!(seen[0], Made { state: MadeState::Gone, ..Made::pending(MadeKind::Instance, "i-0000000b") });
    assert_eq!((seen[1].id.as_str(), seen[1].state), ("i-0000000a", MadeState::Ready));
    assert_eq!(seen[1].addresses, ["10.0.0.4", "10.0.0.5", "54.0.0.1"]);
    let parts: Vec<_> =
        seen[1].parts.iter().map(|part| (part.device.as_deref().unwrap(), part.id.as_str(), part.state)).collect();
    assert_eq!(
        parts,
        [("/dev/xvda", "vol-0000000a", MadeState::Ready), ("/dev/sdf", "vol-0000000b", MadeState::Pending)]
    );
    assert_eq!(script.asked()[0].field("Filter.1.Name").as_deref(), Some("instance-id"));
}

fn in_state(state: &str, code: &str, message: &str) -> (u16, String) {
    answer(
        "DescribeInstances",
        &format!(
            "<reservationSet><item><instancesSet><item><instanceId>i-0000000a</instanceId><instanceState><name>{state}\
             </name></instanceState><stateReason><code>{code}</code><message>{message}</message></stateReason></item>\
             </instancesSet></item></reservationSet>"
        ),
    )
}

#[rstest]
#[case("pending", "pending", "", MadeState::Pending, MadeState::Pending)]
#[case("stopped", "Client.UserInitiatedShutdown", "by a user", MadeState::Ready, MadeState::Ready)]
#[case("shutting-down", "Client.UserInitiatedShutdown", "by a user", MadeState::Gone, MadeState::Pending)]
#[case(
    "shutting-down",
    "Client.InternalError",
    "Client.InternalError: on launch",
    MadeState::Gone,
    MadeState::Pending
)]
#[case("terminated", "Client.InstanceInitiatedShutdown", "from within", MadeState::Gone, MadeState::Gone)]
#[case("terminated", "Client.VolumeLimitExceeded", "too many", MadeState::Gone, MadeState::Gone)]
#[case("terminated", "", "", MadeState::Gone, MadeState::Gone)]
#[tokio::test]
async fn an_instance_that_ended_is_gone_with_why(
    #[case] state: &str,
    #[case] code: &str,
    #[case] message: &str,
    #[case] made: MadeState,
    #[case] removed: MadeState,
) {
    let script = Script::of([in_state(state, code, message), in_state(state, code, message)]);
    let (ec2, ids) = (ec2(&script), ["i-0000000a".to_owned()]);
    let seen = ec2.look(&here(), MadeKind::Instance, &ids).await.unwrap().remove(0);
    assert_eq!(seen.state, made);
    if made == MadeState::Gone {
        let cause = seen.cause.unwrap();
        assert!(cause.starts_with(code) && cause.contains(message), "{cause}");
        assert_eq!(cause.contains("kms:CreateGrant"), code == "Client.InternalError", "{cause}");
        assert!(code.is_empty() || cause.matches(code).count() == 1, "{cause}");
        assert_eq!(cause == "it is terminated", code.is_empty(), "{cause}");
    }
    // Its volumes are on it until it is terminated.
    assert_eq!(ec2.remaining(&here(), MadeKind::Instance, &ids).await.unwrap()[0].state, removed);
}

#[rstest]
#[case("in-use", "attaching", MadeState::Pending)]
#[case("in-use", "attached", MadeState::Ready)]
#[case("in-use", "detaching", MadeState::Pending)]
#[case("in-use", "busy", MadeState::Pending)]
#[tokio::test]
async fn a_volume_on_its_way_is_pending(#[case] state: &str, #[case] attachment: &str, #[case] expected: MadeState) {
    let volume = format!(
        "<volumeSet><item><volumeId>vol-1</volumeId><status>{state}</status><attachmentSet><item><device>/dev/sdf</device>\
         <status>{attachment}</status></item></attachmentSet></item></volumeSet>"
    );
    let script = Script::of([answer("DescribeVolumes", &volume)]);
    let seen = ec2(&script).look(&here(), MadeKind::Volume, &["vol-1".to_owned()]).await.unwrap().remove(0);
    assert_eq!((seen.state, seen.device.as_deref()), (expected, Some("/dev/sdf")));
}

#[tokio::test]
async fn volumes_are_seen_with_why_they_failed() {
    use MadeState::{Failed, Gone, Pending, Ready};

    let volume = |id: &str, status: &str, more: &str| {
        format!("<item><volumeId>{id}</volumeId><status>{status}</status>{more}</item>")
    };
    let all = [
        volume("vol-1", "creating", ""),
        volume("vol-2", "available", ""),
        volume("vol-3", "in-use", "<attachmentSet><item><device>/dev/sdf</device></item></attachmentSet>"),
        volume("vol-4", "error", "<kmsKeyId>arn:key</kmsKeyId>"),
        volume("vol-5", "error", ""),
        volume("vol-6", "deleting", ""),
    ];
    let script = Script::of([answer("DescribeVolumes", &format!("<volumeSet>{}</volumeSet>", all.concat()))]);
    let ids: Vec<String> = (1..=7).map(|n| format!("vol-{n}")).collect();
    let seen = ec2(&script).look(&here(), MadeKind::Volume, &ids).await.unwrap();
    let states: Vec<MadeState> = seen.iter().map(|made| made.state).collect();
    assert_eq!(states, [Pending, Ready, Ready, Failed, Failed, Gone, Gone]);
    assert_eq!(seen[2].device.as_deref(), Some("/dev/sdf"));
    assert!(seen[3].cause.as_deref().unwrap().contains("its key arn:key is disabled"), "{:?}", seen[3].cause);
    assert!(seen[4].cause.as_deref().unwrap().contains("does not say why"), "{:?}", seen[4].cause);
}

#[rstest]
#[case("<platform>windows</platform><platformDetails>Windows</platformDetails>", MadeState::Ready)]
#[case("<platformDetails>Windows with SQL Server Standard</platformDetails>", MadeState::Ready)]
#[case("<platformDetails>Linux/UNIX</platformDetails>", MadeState::Failed)]
#[case("", MadeState::Failed)]
#[tokio::test]
async fn an_image_of_windows_must_have_been_recognised(#[case] platform: &str, #[case] expected: MadeState) {
    let script = Script::of([answer("RegisterImage", "<imageId>ami-0000000a</imageId>")]);
    let spec = ImageSpec { windows: true, ..image_spec() };
    carry_out(&script, Action::RegisterImage(Box::new(spec))).await.unwrap();
    let asked = script.asked()[0].form();
    let (name, _) = asked.iter().find(|(_, value)| value == "cpm:platform").unwrap();
    assert_eq!(script.asked()[0].field(&name.replace("Key", "Value")).as_deref(), Some("windows"));

    for (marked, expected) in [(true, expected), (false, MadeState::Ready)] {
        let tag = if marked { "<item><key>cpm:platform</key><value>windows</value></item>" } else { "" };
        let image = format!(
            "<imagesSet><item><imageId>ami-0000000a</imageId><imageState>available</imageState>{platform}\
             <tagSet>{tag}</tagSet></item></imagesSet>"
        );
        let script = Script::of([answer("DescribeImages", &image)]);
        let seen = ec2(&script).look(&here(), MadeKind::Image, &["ami-0000000a".to_owned()]).await.unwrap().remove(0);
        assert_eq!(seen.state, expected, "marked: {marked}");
        assert_eq!(
            seen.cause.is_some_and(|cause| cause.contains("did not recognise Windows")),
            expected == MadeState::Failed
        );
    }
}

#[tokio::test]
async fn an_image_that_failed_says_why() {
    let image = "<imagesSet><item><imageId>ami-0000000a</imageId><imageState>failed</imageState><stateReason>\
                 <code>Client.KMSKeyError</code><message>the key</message></stateReason></item></imagesSet>";
    let script = Script::of([answer("DescribeImages", image)]);
    let seen = ec2(&script).look(&here(), MadeKind::Image, &["ami-0000000a".to_owned()]).await.unwrap().remove(0);
    assert_eq!(seen.state, MadeState::Failed);
    assert!(seen.cause.unwrap().starts_with("Client.KMSKeyError: the key; "));
    assert_eq!(script.asked()[0].field("Owner.1").as_deref(), Some("self"));
}

fn mark(owner: &OwnerName) -> Mark<'_> {
    Mark { deployment: "cpm*1", owner, recovery: RecoveryId(17), backup: BackupId(5) }
}

#[tokio::test]
async fn what_an_order_made_is_found_by_its_tags() {
    let root = OwnerName::root();
    let script = Script::of([answer("DescribeInstances", RUNNING)]);
    let found =
        ec2(&script).find(&here(), &order(Action::Launch(Box::new(launch_spec()))), &mark(&root)).await.unwrap();
    assert_eq!(found.iter().map(|made| made.id.as_str()).collect::<Vec<_>>(), ["i-0000000a"]);
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeInstances\n\
         Filter.1.Name=tag:cpm:deployment\n\
         Filter.1.Value.1=cpm\\*1\n\
         Filter.2.Name=tag:cpm:owner\n\
         Filter.2.Value.1=root\n\
         Filter.3.Name=tag:cpm:recovery\n\
         Filter.3.Value.1=r17\n\
         Filter.4.Name=tag:cpm:work\n\
         Filter.4.Value.1=3\n\
         MaxResults=1000\n\
         Version=2016-11-15\n"
    );
    assert_eq!(ec2(&Script::default()).find(&here(), &order(attach(true)), &mark(&root)).await, Ok(vec![]));
}

#[tokio::test]
async fn all_of_a_recovery_is_found_by_its_mark() {
    let root = OwnerName::root();
    let volumes = "<volumeSet><item><volumeId>vol-1</volumeId><status>available</status></item></volumeSet>";
    let script = Script::of([answer("DescribeVolumes", volumes), answer("DescribeImages", "<imagesSet/>")]);
    let ec2 = ec2(&script);
    let found = ec2.marked(&here(), MadeKind::Volume, &mark(&root)).await.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].state), ("vol-1", MadeState::Ready));
    assert_eq!(script.asked()[0].field("Filter.3.Value.1").as_deref(), Some("r17"));
    assert_eq!(script.asked()[0].field("Filter.4.Name"), None);
    assert_eq!(ec2.marked(&here(), MadeKind::Image, &mark(&root)).await, Ok(vec![]));
    assert_eq!(script.asked()[1].field("Owner.1").as_deref(), Some("self"));
}

#[rstest]
#[case(MadeKind::Instance, "i-0000000a", "Action=TerminateInstances\nInstanceId.1=i-0000000a\nVersion=2016-11-15\n")]
#[case(MadeKind::Volume, "vol-0000000a", "Action=DeleteVolume\nVersion=2016-11-15\nVolumeId=vol-0000000a\n")]
#[case(MadeKind::Image, "ami-0000000a", "Action=DeregisterImage\nImageId=ami-0000000a\nVersion=2016-11-15\n")]
#[tokio::test]
async fn removes_what_was_made(#[case] kind: MadeKind, #[case] id: &str, #[case] expected: &str) {
    let action = expected.lines().next().unwrap().trim_start_matches("Action=");
    let script = Script::of([done(action), refusal("InvalidThing.NotFound", "gone")]);
    let ec2 = ec2(&script);
    ec2.remove(&here(), kind, id).await.unwrap();
    assert_eq!(script.asked()[0].to_string(), expected);
    ec2.remove(&here(), kind, id).await.unwrap();
}

#[rstest]
#[case(MadeKind::Volume, "IncorrectState", Refusal::InUse)]
#[case(MadeKind::Instance, "OperationNotPermitted", Refusal::InUse)]
#[case(MadeKind::Instance, "RequestLimitExceeded", Refusal::Throttled)]
#[case(MadeKind::Instance, "UnauthorizedOperation", Refusal::Denied)]
#[tokio::test]
async fn removals_are_made_once(#[case] kind: MadeKind, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([refusal(code, "AWS's words"), done("Removal")]);
    assert_eq!(ec2(&script).remove(&here(), kind, "x").await.unwrap_err().refusal, expected);
    assert_eq!(script.asked().len(), 1);
}

#[rstest]
#[case(answer("DetachVolume", "<status>detaching</status>"), None)]
#[case(refusal("InvalidAttachment.NotFound", "off"), None)]
#[case(refusal("IncorrectState", "detaching"), Some(Refusal::Busy))]
#[case(refusal("OperationNotPermitted", "a root volume"), Some(Refusal::Invalid))]
#[tokio::test]
async fn a_volume_that_is_attached_is_taken_off_first(
    #[case] detached: (u16, String),
    #[case] expected: Option<Refusal>,
) {
    let script = Script::of([refusal("VolumeInUse", "attached"), detached]);
    let removed = ec2(&script).remove(&here(), MadeKind::Volume, "vol-1").await;
    assert_eq!(removed.map_err(|error| error.refusal).err(), expected);
    assert_eq!(script.asked()[1].to_string(), "Action=DetachVolume\nVersion=2016-11-15\nVolumeId=vol-1\n");
}

#[tokio::test]
async fn images_are_looked_for_by_owner_name_and_architecture() {
    let wanted = ImageFilter {
        owner: "137112412989".into(),
        name: "al2023-ami-*-kernel-*-arm64".into(),
        architecture: Some("arm64".into()),
    };
    let found = "<imagesSet><item><imageId>ami-0000000a</imageId><name>al2023</name><imageOwnerId>137112412989\
                 </imageOwnerId></item></imagesSet>";
    let script = Script::of([answer("DescribeImages", found), answer("DescribeImages", found)]);
    let ec2 = ec2(&script);
    let images = ec2.images(&here(), &wanted).await.unwrap();
    assert_eq!((images[0].id.as_str(), images[0].name.as_deref()), ("ami-0000000a", Some("al2023")));
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeImages\n\
         Filter.1.Name=name\n\
         Filter.1.Value.1=al2023-ami-*-kernel-*-arm64\n\
         Filter.2.Name=state\n\
         Filter.2.Value.1=available\n\
         Filter.3.Name=architecture\n\
         Filter.3.Value.1=arm64\n\
         IncludeDeprecated=true\n\
         MaxResults=1000\n\
         Owner.1=137112412989\n\
         Version=2016-11-15\n"
    );
    ec2.images(&here(), &ImageFilter { architecture: None, ..wanted }).await.unwrap();
    assert_eq!(script.asked()[1].field("Filter.3.Name"), None);
}

#[rstest]
#[case("InsufficientInstanceCapacity", Refusal::Capacity)]
#[case("Unsupported", Refusal::Capacity)]
#[case("VcpuLimitExceeded", Refusal::Quota)]
#[case("InstanceLimitExceeded", Refusal::Quota)]
#[case("InsufficientFreeAddressesInSubnet", Refusal::Quota)]
#[case("InvalidIPAddress.InUse", Refusal::InUse)]
#[case("InvalidAMIID.Unavailable", Refusal::Busy)]
#[case("InvalidSnapshot.NotFound", Refusal::NotFound)]
#[case("InvalidParameterCombination", Refusal::Invalid)]
#[case("IdempotentParameterMismatch", Refusal::Invalid)]
#[case("RequestLimitExceeded", Refusal::Throttled)]
#[case("InternalError", Refusal::Unknown)]
#[tokio::test]
async fn launches_that_are_refused(#[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([refusal(code, "AWS's words"), answer("RunInstances", LAUNCHED)]);
    let error = carry_out(&script, Action::Launch(Box::new(launch_spec()))).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str(), error.code.as_str()), (expected, "ec2:RunInstances", code));
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn other_refusals() {
    let script = Script::of([refusal("InvalidAMIName.Duplicate", "taken")]);
    let error = carry_out(&script, Action::RegisterImage(Box::new(image_spec()))).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Exists, "ec2:RegisterImage"));
    let script = Script::of([refusal("VolumeLimitExceeded", "too many")]);
    let what = Action::CreateVolume { device: device("/dev/sdf"), zone: "eu-west-1a".into() };
    assert_eq!(carry_out(&script, what).await.unwrap_err().refusal, Refusal::Quota);
    let script = Script::of([refusal("IncorrectInstanceState", "pending")]);
    assert_eq!(carry_out(&script, associate()).await.unwrap_err().refusal, Refusal::Busy);
}

async fn ask(script: &Script, questions: &[Question]) -> Result<Facts, AwsError> {
    ec2(script).ask(&here(), questions).await
}

#[tokio::test]
async fn nothing_is_asked_about_nothing() {
    let script = Script::default();
    let of_others = [Question::Database("orders".into()), Question::Key("arn:key".into())];
    assert_eq!(ask(&script, &of_others).await, Ok(Facts::default()));
    assert_eq!(script.asked().len(), 0);
}

#[tokio::test]
async fn all_snapshots_are_one_question() {
    let found = "<snapshotSet><item><snapshotId>snap-0000000a</snapshotId><status>completed</status><volumeSize>8\
                 </volumeSize><encrypted>true</encrypted><kmsKeyId>arn:key</kmsKeyId><storageTier>archive</storageTier>\
                 <tagSet><item><key>Name</key><value>root</value></item></tagSet></item></snapshotSet>";
    let script = Script::of([answer("DescribeSnapshots", found)]);
    let ids: Vec<SnapshotId> = ["snap-0000000a", "snap-0000000b"].iter().map(|id| id.parse().unwrap()).collect();
    let questions: Vec<Question> = ids.iter().cloned().map(Question::Snapshot).collect();
    let facts = ask(&script, &questions).await.unwrap();
    assert_eq!(facts.snapshots.len(), 1, "what is not there is not in it");
    let fact = &facts.snapshots[&ids[0]];
    assert_eq!(
        (fact.state, fact.size, fact.encrypted, fact.tier.as_str()),
        (UnitState::Completed, 8, true, "archive")
    );
    assert_eq!((fact.kms_key.as_deref(), &fact.tags), (Some("arn:key"), &tags(&[("Name", "root")])));
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeSnapshots\n\
         Filter.1.Name=snapshot-id\n\
         Filter.1.Value.1=snap-0000000a\n\
         Filter.1.Value.2=snap-0000000b\n\
         MaxResults=1000\n\
         RestorableBy.1=self\n\
         Version=2016-11-15\n"
    );
}

/// A question with its answer, the filters that are sent, and what is read.
#[rstest]
#[case(
    Question::Image("ami-1".into()),
    "<imagesSet><item><imageId>ami-1</imageId><imageState>available</imageState><name>web</name><architecture>arm64\
     </architecture><platformDetails>Linux/UNIX</platformDetails><rootDeviceName>/dev/xvda</rootDeviceName>\
     <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><snapshotId>snap-0000000a</snapshotId><volumeSize>8\
     </volumeSize></ebs></item><item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item>\
     </blockDeviceMapping></item></imagesSet>",
    "image-id=ami-1",
    r#"{"ami-1": ImageFact { state: "available", name: "web", architecture: "arm64", platform_details: Some("Linux/UNIX"), root_device: Some("/dev/xvda"), devices: {"/dev/xvda": (SnapshotId("snap-0000000a"), 8)} }}"#
)]
#[case(
    Question::Subnet("subnet-1".into()),
    "<subnetSet><item><subnetId>subnet-1</subnetId><availabilityZone>eu-west-1a</availabilityZone><vpcId>vpc-1</vpcId>\
     <cidrBlock>10.0.0.0/24</cidrBlock><availableIpAddressCount>9</availableIpAddressCount><mapPublicIpOnLaunch>true\
     </mapPublicIpOnLaunch></item></subnetSet>",
    "subnet-id=subnet-1",
    r#"{"subnet-1": SubnetFact { zone: "eu-west-1a", vpc: "vpc-1", cidr: "10.0.0.0/24", free: 9, public: true }}"#
)]
#[case(
    Question::Group("sg-1".into()),
    "<securityGroupInfo><item><groupId>sg-1</groupId><vpcId>vpc-1</vpcId></item></securityGroupInfo>",
    "group-id=sg-1",
    r#"{"sg-1": "vpc-1"}"#
)]
#[case(
    Question::KeyPair("ops".into()),
    "<keySet><item><keyName>ops</keyName></item></keySet>",
    "key-name=ops",
    r#"{"ops"}"#
)]
#[case(
    Question::ElasticIp("eipalloc-1".into()),
    "<addressesSet><item><allocationId>eipalloc-1</allocationId><instanceId>i-0000000b</instanceId></item></addressesSet>",
    "allocation-id=eipalloc-1",
    r#"{"eipalloc-1": Some("i-0000000b")}"#
)]
#[case(
    Question::ElasticIp("eipalloc-1".into()),
    "<addressesSet><item><allocationId>eipalloc-1</allocationId><instanceId></instanceId></item></addressesSet>",
    "allocation-id=eipalloc-1",
    r#"{"eipalloc-1": None}"#
)]
#[case(
    Question::Instance("i-0000000a".parse().unwrap()),
    "<reservationSet><item><instancesSet><item><instanceId>i-0000000a</instanceId><instanceState><name>stopped</name>\
     </instanceState><placement><availabilityZone>eu-west-1a</availabilityZone></placement><blockDeviceMapping><item>\
     <deviceName>/dev/sdf</deviceName><ebs><volumeId>vol-0000000a</volumeId></ebs></item></blockDeviceMapping></item>\
     </instancesSet></item></reservationSet>",
    "instance-id=i-0000000a",
    r#"{InstanceId("i-0000000a"): InstanceFact { state: "stopped", zone: "eu-west-1a", devices: {"/dev/sdf": VolumeId("vol-0000000a")} }}"#
)]
#[case(
    Question::PlacementGroup("near".into()),
    "<placementGroupSet><item><groupName>near</groupName></item></placementGroupSet>",
    "group-name=near",
    r#"{"near"}"#
)]
#[case(
    Question::Zones,
    "<availabilityZoneInfo><item><zoneName>eu-west-1a</zoneName></item><item><zoneName>eu-west-1b</zoneName></item>\
     </availabilityZoneInfo>",
    "state=available",
    r#"{"eu-west-1a", "eu-west-1b"}"#
)]
#[case(
    Question::Address { subnet: "subnet-1".into(), ip: "10.0.0.5".parse().unwrap() },
    "<networkInterfaceSet><item><subnetId>subnet-1</subnetId><privateIpAddress>10.0.0.4</privateIpAddress>\
     <privateIpAddressesSet><item><privateIpAddress>10.0.0.4</privateIpAddress></item><item><privateIpAddress>10.0.0.5\
     </privateIpAddress></item></privateIpAddressesSet></item></networkInterfaceSet>",
    "subnet-id=subnet-1 addresses.private-ip-address=10.0.0.5",
    r#"{("subnet-1", 10.0.0.5)}"#
)]
#[tokio::test]
async fn questions(#[case] question: Question, #[case] body: &str, #[case] filters: &str, #[case] expected: &str) {
    let action = match question {
        Question::Image(_) => "DescribeImages",
        Question::Subnet(_) => "DescribeSubnets",
        Question::Group(_) => "DescribeSecurityGroups",
        Question::KeyPair(_) => "DescribeKeyPairs",
        Question::ElasticIp(_) => "DescribeAddresses",
        Question::Instance(_) => "DescribeInstances",
        Question::PlacementGroup(_) => "DescribePlacementGroups",
        Question::Address { .. } => "DescribeNetworkInterfaces",
        _ => "DescribeAvailabilityZones",
    };
    let script = Script::of([answer(action, body)]);
    let facts = ask(&script, std::slice::from_ref(&question)).await.unwrap();
    let read = match question {
        Question::Image(_) => format!("{:?}", facts.images),
        Question::Subnet(_) => format!("{:?}", facts.subnets),
        Question::Group(_) => format!("{:?}", facts.groups),
        Question::KeyPair(_) => format!("{:?}", facts.key_pairs),
        Question::ElasticIp(_) => format!("{:?}", facts.elastic),
        Question::Instance(_) => format!("{:?}", facts.instances),
        Question::PlacementGroup(_) => format!("{:?}", facts.placement_groups),
        Question::Address { .. } => format!("{:?}", facts.taken),
        _ => format!("{:?}", facts.zones),
    };
    assert_eq!(read, expected);
    let asked = script.asked();
    assert_eq!(asked.len(), 1);
    let sent: Vec<String> = (1..=2)
        .filter_map(|n| {
            Some(format!(
                "{}={}",
                asked[0].field(&format!("Filter.{n}.Name"))?,
                asked[0].field(&format!("Filter.{n}.Value.1"))?
            ))
        })
        .collect();
    assert_eq!(sent.join(" "), filters);
}

#[tokio::test]
async fn a_type_is_known_with_the_zones_that_offer_it() {
    let types = "<instanceTypeSet><item><instanceType>m5.large</instanceType><processorInfo><supportedArchitectures>\
                 <item>x86_64</item></supportedArchitectures></processorInfo><supportedVirtualizationTypes><item>hvm</item>\
                 </supportedVirtualizationTypes><networkInfo><enaSupport>required</enaSupport></networkInfo></item>\
                 </instanceTypeSet>";
    let offerings = "<instanceTypeOfferingSet><item><instanceType>m5.large</instanceType><location>eu-west-1a</location>\
                     </item><item><instanceType>m5.large</instanceType><location>eu-west-1c</location></item>\
                     </instanceTypeOfferingSet>";
    let script =
        Script::of([answer("DescribeInstanceTypes", types), answer("DescribeInstanceTypeOfferings", offerings)]);
    let facts = ask(&script, &[Question::InstanceType("m5.large".into())]).await.unwrap();
    let fact = &facts.types["m5.large"];
    assert_eq!(
        (fact.architectures.as_slice(), fact.virtualizations.as_slice()),
        (&["x86_64".to_owned()][..], &["hvm".to_owned()][..])
    );
    assert!(fact.needs_ena);
    assert_eq!(fact.zones.iter().map(String::as_str).collect::<Vec<_>>(), ["eu-west-1a", "eu-west-1c"]);
    let asked = script.asked();
    assert_eq!(asked[0].field("Filter.1.Name").as_deref(), Some("instance-type"));
    assert_eq!(asked[1].field("LocationType").as_deref(), Some("availability-zone"));
}

#[tokio::test]
async fn a_question_that_is_denied_fails_them_all() {
    let script = Script::of([refusal("UnauthorizedOperation", "no")]);
    let error = ask(&script, &[Question::KeyPair("ops".into())]).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Denied, "ec2:DescribeKeyPairs"));
}
