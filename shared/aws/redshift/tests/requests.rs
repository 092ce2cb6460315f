//! What is asked of Redshift, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_redshift::Redshift;
use cpm_domain::{
    aws::{Found, Tags, UnitRequest},
    id::{BackupId, UnitId},
    kind::{Kind, Resource},
    name::OwnerName,
    origin::{Origin, Reading, WarehouseOrigin},
    provenance::Sought,
    unit::{UnitKind, UnitState},
};
use cpm_ports::{Access, Deletions, Driver, Place};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn redshift(script: &Script) -> Redshift {
    Redshift::new(&Roles::new(&script.config()))
}

fn answer(action: &str, body: &str) -> (u16, String) {
    let space = "http://redshift.amazonaws.com/doc/2012-12-01/";
    let body =
        format!(r#"<{action}Response xmlns="{space}"><{action}Result>{body}</{action}Result></{action}Response>"#);
    (200, body)
}

fn tags(tags: &[(&str, &str)]) -> String {
    let tags = tags.iter().map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"));
    format!("<Tags>{}</Tags>", tags.collect::<String>())
}

fn cluster(id: &str, status: &str) -> String {
    format!(
        "<Cluster><ClusterIdentifier>{id}</ClusterIdentifier><ClusterStatus>{status}</ClusterStatus>{}</Cluster>",
        tags(&[("cpm backup", "web"), ("team", "shop")])
    )
}

fn clusters(some: &[String], more: &str) -> (u16, String) {
    answer("DescribeClusters", &format!("<Clusters>{}</Clusters>{more}", some.concat()))
}

fn warehouses(ids: &[&str]) -> Vec<Resource> {
    ids.iter().map(|id| Resource::new(Kind::Redshift, id).unwrap()).collect()
}

#[tokio::test]
async fn one_cluster_is_described_by_its_id() {
    let script = Script::of([clusters(&[cluster("dwh", "paused")], "")]);
    let found = redshift(&script).describe(&here(), Kind::Redshift, &warehouses(&["dwh"])).await.unwrap();
    let [Found::Managed(found)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((found.resource.id(), found.status.as_str(), &found.cluster), ("dwh", "paused", &None));
    assert_eq!(found.tags["team"], "shop");
    assert_eq!(script.asked()[0].to_string(), "Action=DescribeClusters\nClusterIdentifier=dwh\nVersion=2012-12-01\n");
}

#[tokio::test]
async fn a_cluster_that_is_gone_is_not_found() {
    let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>ClusterNotFound</Code><Message>gone</Message></Error>\
                </ErrorResponse>";
    let script = Script::of([(404, gone)]);
    assert_eq!(redshift(&script).describe(&here(), Kind::Redshift, &warehouses(&["dwh"])).await, Ok(vec![]));
}

#[tokio::test]
async fn several_clusters_are_described_by_pages() {
    let script = Script::of([
        clusters(&[cluster("dwh", "available"), cluster("others", "available")], "<Marker>next</Marker>"),
        clusters(&[cluster("lake", "resizing")], ""),
    ]);
    let asked = warehouses(&["lake", "dwh", "gone"]);
    let found = redshift(&script).describe(&here(), Kind::Redshift, &asked).await.unwrap();
    assert_eq!(found.iter().map(Found::resource).collect::<Vec<_>>(), warehouses(&["dwh", "lake"]));
    assert_eq!(script.asked()[0].to_string(), "Action=DescribeClusters\nMaxRecords=100\nVersion=2012-12-01\n");
    assert_eq!(script.asked()[1].field("Marker").as_deref(), Some("next"));
    redshift(&script).describe(&here(), Kind::Redshift, &[]).await.unwrap();
    assert_eq!(script.asked().len(), 2, "nothing is asked about nothing");
}

#[tokio::test]
async fn finds_what_is_tagged_and_not_going() {
    let untagged = "<Cluster><ClusterIdentifier>plain</ClusterIdentifier></Cluster>".to_owned();
    let all = [cluster("dwh", "paused"), untagged, cluster("a", "deleting"), cluster("b", "final-snapshot")];
    let script = Script::of([clusters(&all, "")]);
    let tagged = redshift(&script).tagged(&here()).await.unwrap();
    let read: Vec<_> = tagged.iter().map(|one| (one.resource.id(), one.value.as_str())).collect();
    assert_eq!(read, [("dwh", "web")]);
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeClusters\nMaxRecords=100\nTagKeys.TagKey.1=cpm backup\nVersion=2012-12-01\n"
    );
}

#[tokio::test]
async fn snapshots_a_cluster() {
    let made = "<Snapshot><SnapshotIdentifier>cpm-web-dwh-17-1</SnapshotIdentifier>\
                <ClusterIdentifier>dwh</ClusterIdentifier><Status>creating</Status>\
                <SnapshotCreateTime>2026-03-01T02:00:00Z</SnapshotCreateTime></Snapshot>";
    let script = Script::of([answer("CreateClusterSnapshot", made)]);
    let request = UnitRequest {
        kind: UnitKind::RedshiftSnapshot,
        target: Resource::new(Kind::Redshift, "dwh").unwrap(),
        name: "cpm-web-dwh-17-1".into(),
        excluded: vec![],
        exclude_boot: false,
        image: None,
        description: String::new(),
        tags: Tags::from([("cpm:backup".into(), "17".into()), ("cpm:unit".into(), "17-1".into())]),
        copy_tags: false,
    };
    let made = redshift(&script).create(&here(), &request).await.unwrap();
    assert_eq!((made[0].id.as_str(), made[0].state), ("cpm-web-dwh-17-1", UnitState::Pending));
    assert_eq!(made[0].source.as_ref(), Some(&request.target));
    assert_eq!(made[0].started, Some("2026-03-01T02:00:00Z".parse().unwrap()));
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=CreateClusterSnapshot\n\
         ClusterIdentifier=dwh\n\
         SnapshotIdentifier=cpm-web-dwh-17-1\n\
         Tags.Tag.1.Key=cpm:backup\n\
         Tags.Tag.1.Value=17\n\
         Tags.Tag.2.Key=cpm:unit\n\
         Tags.Tag.2.Value=17-1\n\
         Version=2012-12-01\n"
    );
}

fn snapshot(id: &str, status: &str, owner: &str) -> String {
    format!(
        "<Snapshot><SnapshotIdentifier>{id}</SnapshotIdentifier><ClusterIdentifier>dwh</ClusterIdentifier>\
         <Status>{status}</Status>{}</Snapshot>",
        tags(&[("cpm:deployment", "cpm"), ("cpm:owner", owner), ("cpm:backup", "17")])
    )
}

#[tokio::test]
async fn finds_snapshots_by_one_tag_and_holds_the_others_against_them() {
    let some = [snapshot("s-1", "available", "root"), snapshot("s-2", "available", "another")].concat();
    let script = Script::of([
        answer("DescribeClusterSnapshots", &format!("<Snapshots>{some}</Snapshots><Marker>next</Marker>")),
        answer("DescribeClusterSnapshots", &format!("<Snapshots>{}</Snapshots>", snapshot("s-3", "failed", "root"))),
    ]);
    let owner = OwnerName::root();
    let sought = Sought { deployment: "cpm", backup: Some((&owner, BackupId(17))) };
    let found = redshift(&script).find(&here(), UnitKind::RedshiftSnapshot, &sought).await.unwrap();
    let read: Vec<_> = found.iter().map(|unit| (unit.report.id.as_str(), unit.report.state)).collect();
    assert_eq!(read, [("s-1", UnitState::Completed), ("s-3", UnitState::Failed)]);
    assert_eq!(found[0].report.source, Resource::new(Kind::Redshift, "dwh").ok());
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeClusterSnapshots\n\
         MaxRecords=100\n\
         SnapshotType=manual\n\
         TagKeys.TagKey.1=cpm:backup\n\
         TagValues.TagValue.1=17\n\
         Version=2012-12-01\n"
    );
}

#[rstest]
#[case("creating", UnitState::Pending)]
#[case("final snapshot", UnitState::Pending)]
#[case("available", UnitState::Completed)]
#[case("failed", UnitState::Failed)]
#[case("deleted", UnitState::Deleted)]
#[tokio::test]
async fn states_of_snapshots(#[case] status: &str, #[case] expected: UnitState) {
    let one = format!("<Snapshots>{}</Snapshots>", snapshot("s-1", status, "root"));
    let script = Script::of([answer("DescribeClusterSnapshots", &one)]);
    let sought = Sought { deployment: "cpm", backup: None };
    let found = redshift(&script).find(&here(), UnitKind::RedshiftSnapshot, &sought).await.unwrap();
    assert_eq!(found[0].report.state, expected);
    assert_eq!(script.asked()[0].field("TagKeys.TagKey.1").as_deref(), Some("cpm:deployment"));
}

#[tokio::test]
async fn deletes_a_snapshot() {
    let script = Script::of([answer("DeleteClusterSnapshot", "")]);
    redshift(&script).delete(&here(), UnitKind::RedshiftSnapshot, &UnitId::new("s-1")).await.unwrap();
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DeleteClusterSnapshot\nSnapshotIdentifier=s-1\nVersion=2012-12-01\n"
    );
}

#[tokio::test]
async fn a_cluster_tells_how_it_is_and_no_more_is_asked() {
    let more = "<NodeType>ra3.xlplus</NodeType><NumberOfNodes>2</NumberOfNodes>\
        <Endpoint><Address>a</Address><Port>5440</Port></Endpoint><AvailabilityZone>eu-west-1b</AvailabilityZone>\
        <ClusterSubnetGroupName>data</ClusterSubnetGroupName><VpcSecurityGroups><VpcSecurityGroup>\
        <VpcSecurityGroupId>sg-0a</VpcSecurityGroupId></VpcSecurityGroup></VpcSecurityGroups>\
        <ClusterParameterGroups><ClusterParameterGroup><ParameterGroupName>rs1</ParameterGroupName>\
        </ClusterParameterGroup></ClusterParameterGroups><PubliclyAccessible>true</PubliclyAccessible>\
        <Encrypted>true</Encrypted><KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/k</KmsKeyId>\
        <IamRoles><ClusterIamRole><IamRoleArn>arn:aws:iam::111122223333:role/load</IamRoleArn></ClusterIamRole></IamRoles>\
        <EnhancedVpcRouting>true</EnhancedVpcRouting></Cluster>";
    let script = Script::of([clusters(&[cluster("dwh", "available").replace("</Cluster>", more)], "")]);
    let found = redshift(&script).describe(&here(), Kind::Redshift, &warehouses(&["dwh"])).await.unwrap();
    let origins = found.iter().filter_map(|found| found.origin().cloned()).collect();
    let (at, patience) = ("2026-11-21T02:00:00Z".parse().unwrap(), jiff::SignedDuration::from_secs(60));
    let reading = Reading { kind: Kind::Redshift, origins, at, patience };
    let done = redshift(&script).complete(&here(), reading).await;
    let expected = WarehouseOrigin {
        id: "dwh".into(),
        node_type: "ra3.xlplus".into(),
        nodes: 2,
        port: Some(5440),
        zone: Some("eu-west-1b".into()),
        subnet_group: Some("data".into()),
        security_groups: vec!["sg-0a".into()],
        parameter_group: Some("rs1".into()),
        public: true,
        encrypted: true,
        kms_key: Some("arn:aws:kms:eu-west-1:111122223333:key/k".into()),
        roles: vec!["arn:aws:iam::111122223333:role/load".into()],
        enhanced_vpc_routing: true,
        tags: Tags::from([("cpm backup".into(), "web".into()), ("team".into(), "shop".into())]),
    };
    assert_eq!((done.origins, done.unread), (vec![Origin::Redshift(Box::new(expected))], vec![]));
    assert_eq!(script.asked().len(), 1);
}
