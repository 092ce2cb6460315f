//! What EC2 tells of how instances and volumes are, and what it is asked for it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds nothing has failed"
)]

use cpm_aws_call::scripted::Script;
use cpm_aws_ec2::Ec2;
use cpm_domain::{
    aws::{Platform, Refusal},
    kind::{Kind, Resource},
    origin::{Attribute, Completed, ImageOrigin, InstanceOrigin, MetadataOptions, Origin, Reading, VolumeOrigin},
};
use cpm_ports::{Access, Driver, Place};
use jiff::{SignedDuration, Timestamp};

const ID: &str = "i-0123456789abcdef0";

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

fn refusal(code: &str) -> (u16, String) {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>"
    );
    (403, body)
}

const INSTANCE: &str = r"<reservationSet><item><instancesSet><item>
  <instanceId>i-0123456789abcdef0</instanceId><imageId>ami-0a</imageId>
  <instanceState><code>16</code><name>running</name></instanceState>
  <keyName>ops</keyName><instanceType>m5.large</instanceType><launchTime>2026-11-01T08:00:00.000Z</launchTime>
  <placement><availabilityZone>eu-west-1b</availabilityZone><groupName/><tenancy>dedicated</tenancy></placement>
  <monitoring><state>enabled</state></monitoring>
  <subnetId>subnet-0a</subnetId><vpcId>vpc-0a</vpcId>
  <privateIpAddress>10.0.1.5</privateIpAddress><ipAddress>203.0.113.7</ipAddress>
  <groupSet><item><groupId>sg-0a</groupId></item><item><groupId>sg-0b</groupId></item></groupSet>
  <architecture>x86_64</architecture><platformDetails>Linux/UNIX</platformDetails>
  <rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>
  <blockDeviceMapping>
    <item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-0000000a</volumeId><status>attached</status>
      <deleteOnTermination>true</deleteOnTermination></ebs></item>
    <item><deviceName>/dev/sdf</deviceName><ebs><volumeId>vol-0000000b</volumeId><status>attached</status>
      <deleteOnTermination>false</deleteOnTermination></ebs></item>
  </blockDeviceMapping>
  <virtualizationType>hvm</virtualizationType><enaSupport>true</enaSupport><ebsOptimized>true</ebsOptimized>
  <iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/web</arn><id>AIPA</id></iamInstanceProfile>
  <metadataOptions><state>applied</state><httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>
    <httpEndpoint>enabled</httpEndpoint><instanceMetadataTags>disabled</instanceMetadataTags></metadataOptions>
  <currentInstanceBootMode>uefi</currentInstanceBootMode>
  <networkInterfaceSet>
    <item><networkInterfaceId>eni-2</networkInterfaceId><subnetId>subnet-0b</subnetId>
      <groupSet><item><groupId>sg-0c</groupId></item></groupSet>
      <attachment><deviceIndex>1</deviceIndex></attachment></item>
    <item><networkInterfaceId>eni-1</networkInterfaceId><subnetId>subnet-0a</subnetId>
      <groupSet><item><groupId>sg-0a</groupId></item></groupSet>
      <attachment><deviceIndex>0</deviceIndex></attachment>
      <privateIpAddressesSet>
        <item><privateIpAddress>10.0.1.5</privateIpAddress><primary>true</primary></item>
        <item><privateIpAddress>10.0.1.6</privateIpAddress><primary>false</primary></item>
      </privateIpAddressesSet></item>
  </networkInterfaceSet>
  <tagSet><item><key>Name</key><value>w1</value></item></tagSet>
</item></instancesSet></item></reservationSet>";

const VOLUMES: &str = r"<volumeSet>
  <item><volumeId>vol-0000000b</volumeId><size>500</size><availabilityZone>eu-west-1b</availabilityZone>
    <status>in-use</status><volumeType>io2</volumeType><iops>8000</iops><encrypted>true</encrypted>
    <kmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/k</kmsKeyId><multiAttachEnabled>true</multiAttachEnabled>
    <attachmentSet><item><volumeId>vol-0000000b</volumeId><instanceId>i-0123456789abcdef9</instanceId>
      <device>/dev/sdz</device><deleteOnTermination>true</deleteOnTermination></item></attachmentSet>
    <tagSet><item><key>Name</key><value>data</value></item></tagSet></item>
  <item><volumeId>vol-0000000a</volumeId><size>8</size><availabilityZone>eu-west-1b</availabilityZone>
    <status>in-use</status><volumeType>gp3</volumeType><iops>3000</iops><throughput>125</throughput>
    <encrypted>false</encrypted></item>
</volumeSet>";

const IMAGES: &str = r"<imagesSet><item><imageId>ami-0a</imageId><imageOwnerId>137112412989</imageOwnerId>
  <imageOwnerAlias>amazon</imageOwnerAlias><name>al2023</name><description>Amazon Linux</description>
  <architecture>x86_64</architecture><creationDate>2026-10-01T00:00:00.000Z</creationDate><rootDeviceType>ebs</rootDeviceType>
  <rootDeviceName>/dev/xvda</rootDeviceName><virtualizationType>hvm</virtualizationType><enaSupport>true</enaSupport>
  <bootMode>uefi-preferred</bootMode><platformDetails>Linux/UNIX</platformDetails>
  <productCodes><item><productCode>abc</productCode><type>marketplace</type></item></productCodes>
</item></imagesSet>";

const ADDRESSES: &str = r"<addressesSet><item><publicIp>203.0.113.7</publicIp><allocationId>eipalloc-0a</allocationId>
  <domain>vpc</domain></item></addressesSet>";

/// Whichever is asked for.
const ATTRIBUTES: &str = r"<instanceId>i-0123456789abcdef0</instanceId><userData><value>aGVsbG8=</value></userData>
  <instanceInitiatedShutdownBehavior><value>terminate</value></instanceInitiatedShutdownBehavior>
  <disableApiTermination><value>true</value></disableApiTermination>";

fn now() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

async fn described() -> InstanceOrigin {
    let script = Script::of([answer("DescribeInstances", INSTANCE)]);
    let asked = [Resource::Instance(ID.parse().unwrap())];
    let found = ec2(&script).describe(&here(), Kind::Instance, &asked).await.unwrap();
    let Some(Origin::Instance(instance)) = found[0].origin() else { panic!("{found:?}") };
    (**instance).clone()
}

fn reading(kind: Kind, origins: Vec<Origin>) -> Reading {
    Reading { kind, origins, at: now(), patience: SignedDuration::from_secs(60) }
}

async fn completed(script: &Script, instances: Vec<InstanceOrigin>) -> (Vec<InstanceOrigin>, Completed) {
    let origins = instances.into_iter().map(|instance| Origin::Instance(Box::new(instance))).collect();
    let done = ec2(script).complete(&here(), reading(Kind::Instance, origins)).await;
    let instances = done.origins.iter().map(|origin| match origin {
        Origin::Instance(instance) => (**instance).clone(),
        other => panic!("{other:?}"),
    });
    (instances.collect(), done)
}

#[tokio::test]
async fn an_instance_tells_what_it_is() {
    let read = described().await;
    assert_eq!(
        (read.id.as_str(), read.instance_type.as_str(), read.architecture.as_str()),
        (ID, "m5.large", "x86_64")
    );
    assert_eq!((read.platform, read.platform_details.as_deref()), (Platform::Linux, Some("Linux/UNIX")));
    assert_eq!(read.image, ImageOrigin { id: "ami-0a".into(), ..ImageOrigin::default() });
    assert_eq!((read.root_device.as_deref(), read.virtualization.as_deref()), (Some("/dev/xvda"), Some("hvm")));
    assert_eq!((read.boot_mode.as_deref(), read.ena), (Some("uefi"), true), "as it booted: its image does not say");
    assert_eq!((read.kernel, read.ramdisk, read.key_pair.as_deref()), (None, None, Some("ops")));
    assert_eq!(
        (read.zone.as_str(), read.placement_group, read.tenancy.as_deref()),
        ("eu-west-1b", None, Some("dedicated"))
    );
    assert_eq!((read.vpc.as_deref(), read.subnet.as_deref()), (Some("vpc-0a"), Some("subnet-0a")));
    assert_eq!(
        (read.security_groups, read.interfaces),
        (vec!["sg-0a".to_owned()], 2),
        "those of its first interface"
    );
    assert_eq!((read.private_ip.as_deref(), read.secondary_ips), (Some("10.0.1.5"), vec!["10.0.1.6".to_owned()]));
    assert_eq!((read.public_ip.as_deref(), read.elastic_ip), (Some("203.0.113.7"), None));
    assert_eq!(read.profile.as_deref(), Some("arn:aws:iam::111122223333:instance-profile/web"));
    assert!(read.monitoring && read.ebs_optimized);
    let metadata = MetadataOptions {
        http_tokens: Some("required".into()),
        http_endpoint: Some("enabled".into()),
        hop_limit: Some(2),
        instance_tags: Some("disabled".into()),
    };
    assert_eq!((read.metadata, read.tags["Name"].as_str()), (Some(metadata), "w1"));
    assert_eq!(read.read.launched, Some("2026-11-01T08:00:00Z".parse().unwrap()));
    let volumes: Vec<_> = read
        .volumes
        .iter()
        .map(|volume| (volume.id.as_str(), volume.device.as_deref(), volume.is_root, volume.delete_on_termination))
        .collect();
    let expected =
        [("vol-0000000a", Some("/dev/xvda"), true, true), ("vol-0000000b", Some("/dev/sdf"), false, false)];
    assert_eq!(volumes, expected);
}

#[tokio::test]
async fn an_instance_that_is_gone_tells_nothing() {
    let gone = INSTANCE.replace("<name>running</name>", "<name>terminated</name>");
    let script = Script::of([answer("DescribeInstances", &gone)]);
    let asked = [Resource::Instance(ID.parse().unwrap())];
    let found = ec2(&script).describe(&here(), Kind::Instance, &asked).await.unwrap();
    assert_eq!(found[0].origin(), None);
}

#[tokio::test]
async fn the_rest_comes_in_few_calls() {
    let attributes = || answer("DescribeInstanceAttribute", ATTRIBUTES);
    let script = Script::of([
        answer("DescribeVolumes", VOLUMES),
        answer("DescribeImages", IMAGES),
        answer("DescribeAddresses", ADDRESSES),
        attributes(),
        attributes(),
        attributes(),
    ]);
    let (read, done) = completed(&script, vec![described().await]).await;
    assert_eq!(done.unread, []);
    let read = &read[0];
    assert_eq!((read.user_data.as_deref(), read.shutdown_behavior.as_deref()), (Some("aGVsbG8="), Some("terminate")));
    assert_eq!((read.termination_protection, read.elastic_ip.as_deref()), (true, Some("eipalloc-0a")));
    assert!(Attribute::ALL.iter().all(|attribute| read.read.of(*attribute) == Some(now())));
    let image = &read.image;
    assert!(image.known && image.ena);
    let told = [&image.name, &image.owner, &image.owner_alias, &image.boot_mode, &image.created];
    let told: Vec<_> = told.iter().map(|text| text.as_deref().unwrap()).collect();
    assert_eq!(told, ["al2023", "137112412989", "amazon", "uefi-preferred", "2026-10-01T00:00:00.000Z"]);
    assert_eq!(image.product_codes, ["abc"]);
    let [root, data] = read.volumes.as_slice() else { panic!() };
    assert_eq!((root.size, root.iops, root.throughput, root.is_root), (8, Some(3000), Some(125), true));
    // It is attached to two instances: how to this one, this one knows.
    let expected = VolumeOrigin {
        id: "vol-0000000b".parse().unwrap(),
        zone: "eu-west-1b".into(),
        size: 500,
        volume_type: "io2".into(),
        iops: Some(8000),
        throughput: None,
        encrypted: true,
        kms_key: Some("arn:aws:kms:eu-west-1:111122223333:key/k".into()),
        multi_attach: true,
        attached_to: Some(ID.parse().unwrap()),
        device: Some("/dev/sdf".into()),
        is_root: false,
        delete_on_termination: false,
        tags: [("Name".to_owned(), "data".to_owned())].into(),
    };
    assert_eq!(*data, expected);
}

#[tokio::test]
async fn what_is_asked() {
    let script = Script::of([answer("DescribeVolumes", VOLUMES), answer("DescribeImages", IMAGES)]);
    completed(&script, vec![described().await]).await;
    let asked: Vec<String> = script.asked().iter().map(ToString::to_string).collect();
    assert_eq!(
        asked[0],
        "Action=DescribeVolumes\n\
         Filter.1.Name=attachment.instance-id\n\
         Filter.1.Value.1=i-0123456789abcdef0\n\
         MaxResults=1000\n\
         Version=2016-11-15\n"
    );
    assert_eq!(
        asked[1],
        "Action=DescribeImages\n\
         Filter.1.Name=image-id\n\
         Filter.1.Value.1=ami-0a\n\
         IncludeDeprecated=true\n\
         IncludeDisabled=true\n\
         Version=2016-11-15\n"
    );
    assert_eq!(
        asked[2],
        "Action=DescribeAddresses\n\
         Filter.1.Name=public-ip\n\
         Filter.1.Value.1=203.0.113.7\n\
         Version=2016-11-15\n"
    );
    let mut attributes: Vec<_> = script
        .asked()
        .iter()
        .filter(|asked| asked.field("Action").as_deref() == Some("DescribeInstanceAttribute"))
        .map(|asked| (asked.field("InstanceId").unwrap(), asked.field("Attribute").unwrap()))
        .collect();
    attributes.sort();
    attributes.dedup();
    let names = ["disableApiTermination", "instanceInitiatedShutdownBehavior", "userData"];
    assert_eq!(attributes, names.map(|name| (ID.to_owned(), name.to_owned())));
}

#[tokio::test]
async fn what_is_known_is_not_asked_for() {
    let mut known = described().await;
    known.public_ip = None;
    for attribute in Attribute::ALL {
        known.read.set(attribute, now());
    }
    let script = Script::of([answer("DescribeVolumes", VOLUMES), answer("DescribeImages", IMAGES)]);
    let (_, done) = completed(&script, vec![known]).await;
    assert_eq!((done.unread, script.asked().len()), (vec![], 2));
}

#[tokio::test]
async fn two_hundred_instances_are_one_call_each() {
    let mut like = described().await;
    like.public_ip = None;
    for attribute in Attribute::ALL {
        like.read.set(attribute, now());
    }
    let many = |count: usize| -> Vec<InstanceOrigin> {
        (0..count).map(|n| InstanceOrigin { id: format!("i-{n:017x}").parse().unwrap(), ..like.clone() }).collect()
    };
    let volumes = || answer("DescribeVolumes", "<volumeSet/>");
    let script = Script::of([volumes(), answer("DescribeImages", IMAGES)]);
    assert_eq!(completed(&script, many(200)).await.1.unread, []);
    assert_eq!(script.asked().len(), 2, "they are of one image");
    let script = Script::of([volumes(), volumes(), answer("DescribeImages", IMAGES)]);
    assert_eq!(completed(&script, many(201)).await.1.unread, []);
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test]
async fn what_is_denied_is_named_and_costs_nothing_else() {
    let attributes = || answer("DescribeInstanceAttribute", ATTRIBUTES);
    let script = Script::of([
        refusal("UnauthorizedOperation"),
        refusal("UnauthorizedOperation"),
        refusal("UnauthorizedOperation"),
        attributes(),
        refusal("UnauthorizedOperation"),
        attributes(),
    ]);
    let (read, done) = completed(&script, vec![described().await]).await;
    let told: Vec<_> =
        done.unread.iter().map(|unread| (unread.error.action.as_str(), unread.error.refusal)).collect();
    let actions =
        ["ec2:DescribeVolumes", "ec2:DescribeImages", "ec2:DescribeAddresses", "ec2:DescribeInstanceAttribute"];
    assert_eq!(told, actions.map(|action| (action, Refusal::Denied)));
    assert!(done.unread.iter().all(|unread| unread.of == [Resource::Instance(ID.parse().unwrap())]));
    assert_eq!((read[0].unread.len(), read[0].wanted().count()), (4, 1));
    assert_eq!((read[0].volumes.len(), read[0].volumes[0].size), (2, 0), "their devices are known still");
    assert!(!format!("{:?}", done.unread).contains("aGVsbG8="));
}

#[tokio::test]
async fn an_image_that_is_gone_is_not_known() {
    let script = Script::of([answer("DescribeVolumes", VOLUMES), answer("DescribeImages", "<imagesSet/>")]);
    let mut known = described().await;
    known.public_ip = None;
    let (read, done) = completed(&script, vec![known]).await;
    assert!(!read[0].image.known);
    assert!(done.unread.iter().all(|unread| unread.what != "its image"));
}

#[tokio::test]
async fn user_data_may_be_none() {
    let none = ATTRIBUTES.replace("<value>aGVsbG8=</value>", "");
    let mut known = described().await;
    known.public_ip = None;
    known.read.set(Attribute::ShutdownBehavior, now());
    known.read.set(Attribute::TerminationProtection, now());
    let script = Script::of([
        answer("DescribeVolumes", VOLUMES),
        answer("DescribeImages", IMAGES),
        answer("DescribeInstanceAttribute", &none),
    ]);
    let (read, done) = completed(&script, vec![known]).await;
    assert_eq!((done.unread, read[0].user_data.as_ref(), read[0].wanted().count()), (vec![], None, 0));
}

#[tokio::test]
async fn volumes_tell_of_themselves_and_their_instance_which_is_root() {
    let attached = VOLUMES.replace(
        "<encrypted>false</encrypted>",
        "<encrypted>false</encrypted><attachmentSet><item><volumeId>vol-0000000a</volumeId>\
         <instanceId>i-0123456789abcdef0</instanceId><device>/dev/xvda</device></item></attachmentSet>",
    );
    let script = Script::of([answer("DescribeVolumes", &attached), answer("DescribeInstances", INSTANCE)]);
    let asked = ["vol-0000000a", "vol-0000000b"].map(|id| Resource::Volume(id.parse().unwrap()));
    let found = ec2(&script).describe(&here(), Kind::Volume, &asked).await.unwrap();
    let origins = found.iter().map(|found| found.origin().unwrap().clone()).collect();
    let done = ec2(&script).complete(&here(), reading(Kind::Volume, origins)).await;
    assert_eq!(done.unread, []);
    let read: Vec<_> = done
        .origins
        .iter()
        .map(|origin| match origin {
            Origin::Volume(volume) => (volume.id.as_str(), volume.is_root, volume.device.as_deref(), volume.size),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [("vol-0000000b", false, Some("/dev/sdz"), 500), ("vol-0000000a", true, Some("/dev/xvda"), 8)];
    assert_eq!(read, expected);
    let holders = &script.asked()[1];
    assert_eq!(holders.field("Filter.1.Name").as_deref(), Some("instance-id"));
    assert_eq!(holders.field("Filter.1.Value.2").as_deref(), Some("i-0123456789abcdef9"));
}

#[tokio::test]
async fn of_volumes_that_nothing_holds_nothing_is_asked() {
    let free = "<volumeSet><item><volumeId>vol-0000000a</volumeId><size>8</size><status>available</status></item></volumeSet>";
    let script = Script::of([answer("DescribeVolumes", free)]);
    let asked = [Resource::Volume("vol-0000000a".parse().unwrap())];
    let found = ec2(&script).describe(&here(), Kind::Volume, &asked).await.unwrap();
    let origins = vec![found[0].origin().unwrap().clone()];
    let done = ec2(&script).complete(&here(), reading(Kind::Volume, origins.clone())).await;
    assert_eq!((done.origins, script.asked().len()), (origins, 1));
}
