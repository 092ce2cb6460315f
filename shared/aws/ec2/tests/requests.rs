//! What is asked of EC2, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_ec2::Ec2;
use cpm_domain::{
    aws::{AwsError, Found, Instance, Platform, Refusal, Tags, UnitRequest, Volume},
    id::{BackupId, InstanceId, Region, UnitId, VolumeId},
    kind::{Kind, Resource},
    name::OwnerName,
    provenance::Sought,
    unit::{Image, UnitKind, UnitState},
};
use cpm_ports::{Access, Deletions, Driver, Place, Regions};

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

async fn describe_instances(ec2: &Ec2, ids: &[InstanceId]) -> Result<Vec<Instance>, AwsError> {
    let resources: Vec<Resource> = ids.iter().cloned().map(Resource::Instance).collect();
    let found = ec2.describe(&here(), Kind::Instance, &resources).await?;
    Ok(found
        .into_iter()
        .filter_map(|found| if let Found::Instance(instance) = found { Some(instance) } else { None })
        .collect())
}

async fn describe_volumes(ec2: &Ec2, ids: &[VolumeId]) -> Result<Vec<Volume>, AwsError> {
    let resources: Vec<Resource> = ids.iter().cloned().map(Resource::Volume).collect();
    let found = ec2.describe(&here(), Kind::Volume, &resources).await?;
    Ok(found
        .into_iter()
        .filter_map(|found| if let Found::Volume(volume) = found { Some(volume) } else { None })
        .collect())
}

fn instances(count: usize) -> Vec<InstanceId> {
    (0..count).map(|n| format!("i-{n:017x}").parse().unwrap()).collect()
}

const INSTANCES: &str = r"<reservationSet>
  <item><instancesSet><item>
    <instanceId>i-0123456789abcdef0</instanceId><instanceState><code>16</code><name>running</name></instanceState>
    <platform>windows</platform><rootDeviceName>/dev/sda1</rootDeviceName>
    <blockDeviceMapping>
      <item><deviceName>/dev/sda1</deviceName><ebs><volumeId>vol-0000000a</volumeId><status>attached</status></ebs></item>
      <item><deviceName>xvdf</deviceName><ebs><volumeId>vol-0000000b</volumeId><status>attached</status></ebs></item>
    </blockDeviceMapping>
    <tagSet><item><key>cpm backup</key><value>web</value></item><item><key>Name</key><value>w1</value></item></tagSet>
  </item></instancesSet></item>
  <item><instancesSet><item>
    <instanceId>i-0123456789abcdef1</instanceId><instanceState><code>48</code><name>terminated</name></instanceState>
    <tagSet><item><key>cpm backup</key><value>web</value></item></tagSet>
  </item><item>
    <instanceId>i-0123456789abcdef2</instanceId><instanceState><code>80</code><name>stopped</name></instanceState>
  </item></instancesSet></item>
</reservationSet>";

const VOLUMES: &str = r"<volumeSet>
  <item><volumeId>vol-0000000a</volumeId><status>in-use</status>
    <tagSet><item><key>cpm backup</key><value>db#only-snaps</value></item></tagSet></item>
  <item><volumeId>vol-0000000b</volumeId><status>deleting</status>
    <tagSet><item><key>cpm backup</key><value>db</value></item></tagSet></item>
</volumeSet>";

#[tokio::test]
async fn reads_instances() {
    let script = Script::of([answer("DescribeInstances", INSTANCES)]);
    let found = describe_instances(&ec2(&script), &instances(2)).await.unwrap();
    assert_eq!(found.iter().map(|found| found.is_stopped).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!((found[0].is_gone, found[0].platform), (false, Platform::Windows));
    let volumes: Vec<_> =
        found[0].volumes.iter().map(|v| (v.volume.as_str(), v.device.as_str(), v.is_root)).collect();
    assert_eq!(volumes, [("vol-0000000a", "/dev/sda1", true), ("vol-0000000b", "xvdf", false)]);
    assert_eq!(found[0].tags.get("Name").map(String::as_str), Some("w1"));
    assert_eq!((found[1].is_gone, found[1].platform), (true, Platform::Unknown));
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeInstances\n\
         Filter.1.Name=instance-id\n\
         Filter.1.Value.1=i-00000000000000000\n\
         Filter.1.Value.2=i-00000000000000001\n\
         MaxResults=1000\n\
         Version=2016-11-15\n"
    );
}

#[tokio::test]
async fn two_hundred_ids_are_one_call() {
    let none = || answer("DescribeInstances", "<reservationSet/>");
    let script = Script::of([none(), none(), none()]);
    describe_instances(&ec2(&script), &instances(200)).await.unwrap();
    assert_eq!(script.asked().len(), 1);
    describe_instances(&ec2(&script), &instances(201)).await.unwrap();
    assert_eq!(script.asked().len(), 3);
    assert_eq!(script.asked()[2].field("Filter.1.Value.1").as_deref(), Some("i-000000000000000c8"));
    assert_eq!(script.asked()[2].field("Filter.1.Value.2"), None);
    describe_instances(&ec2(&script), &[]).await.unwrap();
    assert_eq!(script.asked().len(), 3, "nothing is asked about nothing");
}

#[tokio::test]
async fn reads_volumes_page_by_page() {
    let page = "<volumeSet><item><volumeId>vol-0000000c</volumeId><status>available</status></item></volumeSet>";
    let script = Script::of([
        answer("DescribeVolumes", &format!("{VOLUMES}<nextToken>next</nextToken>")),
        answer("DescribeVolumes", page),
    ]);
    let ids: Vec<VolumeId> = vec!["vol-0000000a".parse().unwrap()];
    let found = describe_volumes(&ec2(&script), &ids).await.unwrap();
    let read: Vec<_> = found.iter().map(|volume| (volume.id.as_str(), volume.is_gone)).collect();
    assert_eq!(read, [("vol-0000000a", false), ("vol-0000000b", true), ("vol-0000000c", false)]);
    assert_eq!(script.asked()[0].field("NextToken"), None);
    assert_eq!(script.asked()[1].field("NextToken").as_deref(), Some("next"));
    assert_eq!(script.asked()[1].field("Filter.1.Name").as_deref(), Some("volume-id"));
}

#[tokio::test]
async fn finds_what_is_tagged_and_not_gone() {
    let script = Script::of([answer("DescribeInstances", INSTANCES), answer("DescribeVolumes", VOLUMES)]);
    let tagged = ec2(&script).tagged(&here()).await.unwrap();
    let read: Vec<_> = tagged.iter().map(|tagged| (tagged.resource.id(), tagged.value.as_str())).collect();
    assert_eq!(read, [("i-0123456789abcdef0", "web"), ("vol-0000000a", "db#only-snaps")]);
    for asked in script.asked() {
        assert_eq!(asked.field("Filter.1.Name").as_deref(), Some("tag-key"));
        assert_eq!(asked.field("Filter.1.Value.1").as_deref(), Some("cpm backup"));
    }
}

#[tokio::test]
async fn lists_the_regions_that_are_enabled() {
    let regions = "<regionInfo><item><regionName>eu-west-1</regionName></item><item><regionName>us-east-1</regionName>\
                   </item></regionInfo>";
    let script = Script::of([answer("DescribeRegions", regions)]);
    let regions = ec2(&script).regions(&Access::Own).await.unwrap();
    assert_eq!(regions.iter().map(Region::as_str).collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
    assert_eq!(script.asked()[0].field("AllRegions"), None);
}

fn request(target: &str) -> UnitRequest {
    UnitRequest {
        kind: UnitKind::EbsSnapshot,
        target: Resource::of_kinds([Kind::Instance, Kind::Volume], target).unwrap(),
        name: "cpm-web-i-0123456789abcdef0-20261121t0200z-17-1".into(),
        image: None,
        excluded: vec![],
        exclude_boot: false,
        description: "cpm: policy web, backup 17".into(),
        tags: Tags::from([("cpm:backup".into(), "17".into()), ("cpm:unit".into(), "17-1".into())]),
        copy_tags: target.starts_with("i-"),
    }
}

const MADE: &str = r"<snapshotSet>
  <item><snapshotId>snap-0000000a</snapshotId><volumeId>vol-0000000a</volumeId><state>pending</state>
    <startTime>2026-11-21T02:00:00.000Z</startTime></item>
  <item><snapshotId>snap-0000000b</snapshotId><volumeId>vol-0000000b</volumeId><state>completed</state></item>
</snapshotSet>";

#[tokio::test]
async fn snapshots_all_volumes_of_an_instance_in_one_call() {
    let script = Script::of([answer("CreateSnapshots", MADE)]);
    let made = ec2(&script).create(&here(), &request("i-0123456789abcdef0")).await.unwrap();
    assert_eq!((made[0].id.as_str(), made[0].source.as_ref().unwrap().id()), ("snap-0000000a", "vol-0000000a"));
    assert_eq!(
        made.iter().map(|report| report.state).collect::<Vec<_>>(),
        [UnitState::Pending, UnitState::Completed]
    );
    assert_eq!(made[0].started, Some("2026-11-21T02:00:00Z".parse().unwrap()));
    assert_eq!(made[1].started, None);
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=CreateSnapshots\n\
         CopyTagsFromSource=volume\n\
         Description=cpm: policy web, backup 17\n\
         InstanceSpecification.InstanceId=i-0123456789abcdef0\n\
         TagSpecification.1.ResourceType=snapshot\n\
         TagSpecification.1.Tag.1.Key=cpm:backup\n\
         TagSpecification.1.Tag.1.Value=17\n\
         TagSpecification.1.Tag.2.Key=cpm:unit\n\
         TagSpecification.1.Tag.2.Value=17-1\n\
         Version=2016-11-15\n"
    );
}

#[tokio::test]
async fn leaves_out_what_is_excluded() {
    let script = Script::of([answer("CreateSnapshots", MADE)]);
    let excluded = vec!["vol-0000000c".parse().unwrap(), "vol-0000000d".parse().unwrap()];
    let request = UnitRequest { excluded, exclude_boot: true, ..request("i-0123456789abcdef0") };
    ec2(&script).create(&here(), &request).await.unwrap();
    let asked = &script.asked()[0];
    assert_eq!(asked.field("InstanceSpecification.ExcludeBootVolume").as_deref(), Some("true"));
    let ids: Vec<_> =
        asked.form().into_iter().filter(|(name, _)| name.contains("ExcludeDataVolumeId")).map(|(_, id)| id).collect();
    assert_eq!(ids, ["vol-0000000c", "vol-0000000d"]);
}

#[tokio::test]
async fn copies_no_tags_when_they_would_be_too_many() {
    let script = Script::of([answer("CreateSnapshots", MADE)]);
    let request = UnitRequest { copy_tags: false, ..request("i-0123456789abcdef0") };
    ec2(&script).create(&here(), &request).await.unwrap();
    assert_eq!(script.asked()[0].field("CopyTagsFromSource"), None);
}

#[tokio::test]
async fn snapshots_a_volume_alone() {
    let made = "<snapshotId>snap-0000000a</snapshotId><volumeId>vol-0000000a</volumeId><status>pending</status>\
                <startTime>2026-11-21T02:00:00.000Z</startTime><statusMessage></statusMessage>";
    let script = Script::of([answer("CreateSnapshot", made)]);
    let made = ec2(&script).create(&here(), &request("vol-0000000a")).await.unwrap();
    assert_eq!((made[0].id.as_str(), made[0].state, &made[0].cause), ("snap-0000000a", UnitState::Pending, &None));
    let asked = &script.asked()[0];
    assert_eq!(asked.field("VolumeId").as_deref(), Some("vol-0000000a"));
    assert_eq!(asked.field("TagSpecification.1.Tag.2.Value").as_deref(), Some("17-1"));
    assert_eq!(asked.field("CopyTagsFromSource"), None);
}

#[tokio::test]
async fn finds_snapshots_by_tags() {
    let snapshots = r"<snapshotSet>
      <item><snapshotId>snap-0000000a</snapshotId><volumeId>vol-0000000a</volumeId><status>error</status>
        <statusMessage>Given key ID is not accessible</statusMessage>
        <tagSet><item><key>cpm:unit</key><value>17-1</value></item></tagSet></item>
      <item><snapshotId>snap-0000000b</snapshotId><volumeId>vol-0000000b</volumeId><status>completed</status></item>
    </snapshotSet>";
    let script = Script::of([
        answer("DescribeSnapshots", &format!("<nextToken>next</nextToken>{snapshots}")),
        answer("DescribeSnapshots", "<snapshotSet/>"),
    ]);
    let owner = OwnerName::root();
    let sought = Sought { deployment: "cpm*", backup: Some((&owner, BackupId(17))) };
    let found = ec2(&script).find(&here(), UnitKind::EbsSnapshot, &sought).await.unwrap();
    assert_eq!(found[0].report.state, UnitState::Failed);
    assert_eq!(found[0].report.cause.as_deref(), Some("Given key ID is not accessible"));
    assert_eq!(found[0].tags.get("cpm:unit").map(String::as_str), Some("17-1"));
    assert_eq!(found[1].report.state, UnitState::Completed);
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeSnapshots\n\
         Filter.1.Name=tag:cpm:deployment\n\
         Filter.1.Value.1=cpm\\*\n\
         Filter.2.Name=tag:cpm:owner\n\
         Filter.2.Value.1=root\n\
         Filter.3.Name=tag:cpm:backup\n\
         Filter.3.Value.1=17\n\
         MaxResults=1000\n\
         Owner.1=self\n\
         Version=2016-11-15\n"
    );
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn deletes_a_snapshot() {
    let script = Script::of([answer("DeleteSnapshot", "<return>true</return>")]);
    ec2(&script).delete(&here(), UnitKind::EbsSnapshot, &UnitId::new("snap-0000000a")).await.unwrap();
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DeleteSnapshot\nSnapshotId=snap-0000000a\nVersion=2016-11-15\n"
    );
}

#[tokio::test]
async fn an_id_that_cannot_be_read_is_not_passed_over() {
    let strange = "<volumeSet><item><volumeId>volume/1</volumeId></item></volumeSet>";
    let script = Script::of([answer("DescribeVolumes", strange)]);
    let error = describe_volumes(&ec2(&script), &["vol-0000000a".parse().unwrap()]).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Invalid, "UnreadableAnswer"));
}

#[tokio::test]
async fn makes_an_image_without_a_reboot() {
    let script = Script::of([answer("CreateImage", "<imageId>ami-0123456789abcdef0</imageId>")]);
    let image = Image { initial: true, reboot: false, left_out: vec!["/dev/sdf".into()] };
    let request = UnitRequest { kind: UnitKind::Ami, image: Some(image), ..request("i-0123456789abcdef0") };
    let made = ec2(&script).create(&here(), &request).await.unwrap();
    assert_eq!((made[0].id.as_str(), made[0].kind), ("ami-0123456789abcdef0", UnitKind::Ami));
    let asked = &script.asked()[0];
    assert_eq!(asked.field("NoReboot").as_deref(), Some("true"));
    assert_eq!(asked.field("Name").as_deref(), Some("cpm-web-i-0123456789abcdef0-20261121t0200z-17-1"));
    assert_eq!(asked.field("BlockDeviceMapping.1.DeviceName").as_deref(), Some("/dev/sdf"));
    assert_eq!(asked.field("BlockDeviceMapping.1.NoDevice").as_deref(), Some(""));
    assert_eq!(asked.field("TagSpecification.1.ResourceType").as_deref(), Some("image"));
    assert_eq!(asked.field("TagSpecification.2.ResourceType").as_deref(), Some("snapshot"));
}

#[tokio::test]
async fn finds_images_with_their_snapshots() {
    let images = r"<imagesSet><item>
      <imageId>ami-0123456789abcdef0</imageId><imageState>failed</imageState>
      <creationDate>2026-11-21T02:00:00.000Z</creationDate><stateReason><message>no key</message></stateReason>
      <blockDeviceMapping><item><deviceName>/dev/sda1</deviceName><ebs><snapshotId>snap-0000000a</snapshotId></ebs></item>
        <item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item></blockDeviceMapping>
      <tagSet><item><key>cpm:source</key><value>i-0123456789abcdef0</value></item></tagSet>
    </item></imagesSet>";
    let script = Script::of([answer("DescribeImages", images)]);
    let found = ec2(&script).find(&here(), UnitKind::Ami, &Sought { deployment: "cpm", backup: None }).await.unwrap();
    let report = &found[0].report;
    assert_eq!((report.state, report.cause.as_deref()), (UnitState::Failed, Some("no key")));
    assert_eq!(report.parts.iter().map(cpm_domain::id::SnapshotId::as_str).collect::<Vec<_>>(), ["snap-0000000a"]);
    assert_eq!(report.source.as_ref().map(Resource::id), Some("i-0123456789abcdef0"));
    assert_eq!(script.asked()[0].field("Owner.1").as_deref(), Some("self"));
}

#[tokio::test]
async fn deregisters_an_image() {
    let script = Script::of([answer("DeregisterImage", "<return>true</return>")]);
    ec2(&script).delete(&here(), UnitKind::Ami, &UnitId::new("ami-0123456789abcdef0")).await.unwrap();
    assert_eq!(script.asked()[0].field("ImageId").as_deref(), Some("ami-0123456789abcdef0"));
}
