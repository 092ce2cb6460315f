//! What is asked of RDS, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_rds::Rds;
use cpm_domain::{
    aws::{Found, Managed, Quota, Tags, UnitRequest},
    id::{BackupId, UnitId},
    kind::{Kind, Resource},
    name::OwnerName,
    origin::{ClusterOrigin, Completed, DatabaseOrigin, MemberOrigin, Origin, Reading},
    provenance::Sought,
    unit::{UnitKind, UnitState},
};
use cpm_ports::{Access, Deletions, Driver, Place};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn rds(script: &Script) -> Rds {
    Rds::new(&Roles::new(&script.config()))
}

fn answer(action: &str, body: &str) -> (u16, String) {
    let space = "http://rds.amazonaws.com/doc/2014-10-31/";
    let body =
        format!(r#"<{action}Response xmlns="{space}"><{action}Result>{body}</{action}Result></{action}Response>"#);
    (200, body)
}

fn tag_list(tags: &[(&str, &str)]) -> String {
    let tags = tags.iter().map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"));
    format!("<TagList>{}</TagList>", tags.collect::<String>())
}

fn database(id: &str, status: &str, more: &str) -> String {
    let tags = tag_list(&[("cpm backup", "web"), ("team", "shop")]);
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceStatus>{status}</DBInstanceStatus>\
         {more}{tags}</DBInstance>"
    )
}

fn databases(some: &[String]) -> (u16, String) {
    answer("DescribeDBInstances", &format!("<DBInstances>{}</DBInstances>", some.concat()))
}

fn clusters(some: &str) -> (u16, String) {
    answer("DescribeDBClusters", &format!("<DBClusters>{some}</DBClusters>"))
}

fn resources(kind: Kind, ids: &[&str]) -> Vec<Resource> {
    ids.iter().map(|id| Resource::new(kind, id).unwrap()).collect()
}

fn managed(found: Vec<Found>) -> Vec<Managed> {
    let managed = found.into_iter().filter_map(|found| match found {
        Found::Managed(managed) => Some(managed),
        _ => None,
    });
    managed.collect()
}

#[tokio::test]
async fn describes_databases_by_filter() {
    let member = "<DBClusterIdentifier>ledger</DBClusterIdentifier>";
    let page = databases(&[database("orders", "available", ""), database("ledger-1", "modifying", member)]);
    let script = Script::of([page]);
    let asked = resources(Kind::Rds, &["Orders", "ledger-1", "gone"]);
    let found = managed(rds(&script).describe(&here(), Kind::Rds, &asked).await.unwrap());
    assert_eq!(found.len(), 2);
    assert_eq!((&found[0].resource, found[0].status.as_str()), (&asked[0], "available"));
    assert_eq!((&found[0].cluster, found[0].tags["team"].as_str()), (&None, "shop"));
    assert_eq!((found[1].cluster.as_deref(), found[1].status.as_str()), (Some("ledger"), "modifying"));
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DescribeDBInstances\n\
         Filters.Filter.1.Name=db-instance-id\n\
         Filters.Filter.1.Values.Value.1=orders\n\
         Filters.Filter.1.Values.Value.2=ledger-1\n\
         Filters.Filter.1.Values.Value.3=gone\n\
         MaxRecords=100\n\
         Version=2014-10-31\n"
    );
}

#[tokio::test]
async fn describes_clusters_by_filter() {
    let cluster =
        "<DBCluster><DBClusterIdentifier>ledger</DBClusterIdentifier><Status>backing-up</Status></DBCluster>";
    let script = Script::of([clusters(cluster)]);
    let asked = resources(Kind::Aurora, &["ledger"]);
    let found = managed(rds(&script).describe(&here(), Kind::Aurora, &asked).await.unwrap());
    assert_eq!((&found[0].resource, found[0].status.as_str()), (&asked[0], "backing-up"));
    let asked = &script.asked()[0];
    assert_eq!(asked.field("Filters.Filter.1.Name").as_deref(), Some("db-cluster-id"));
    assert_eq!(asked.field("Filters.Filter.1.Values.Value.1").as_deref(), Some("ledger"));
}

#[tokio::test]
async fn a_hundred_ids_are_one_call() {
    let ids: Vec<String> = (0..101).map(|n| format!("db-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let asked = resources(Kind::Rds, &ids);
    let script = Script::of([databases(&[]), databases(&[]), databases(&[])]);
    rds(&script).describe(&here(), Kind::Rds, &asked[..100]).await.unwrap();
    assert_eq!(script.asked().len(), 1);
    rds(&script).describe(&here(), Kind::Rds, &asked).await.unwrap();
    assert_eq!(script.asked().len(), 3);
    assert_eq!(script.asked()[2].field("Filters.Filter.1.Values.Value.1").as_deref(), Some("db-100"));
    rds(&script).describe(&here(), Kind::Rds, &[]).await.unwrap();
    assert_eq!(script.asked().len(), 3, "nothing is asked about nothing");
}

#[tokio::test]
async fn finds_what_is_tagged_and_not_going() {
    let untagged = "<DBInstance><DBInstanceIdentifier>plain</DBInstanceIdentifier></DBInstance>".to_owned();
    let member = database("ledger-1", "available", "<DBClusterIdentifier>ledger</DBClusterIdentifier>");
    let first = format!("<DBInstances>{}</DBInstances><Marker>next</Marker>", database("orders", "stopped", ""));
    let tags = tag_list(&[("cpm backup", "books")]);
    let of_cluster = |id: &str, status: &str| {
        format!(
            "<DBCluster><DBClusterIdentifier>{id}</DBClusterIdentifier><Status>{status}</Status>{tags}</DBCluster>"
        )
    };
    let of_clusters = of_cluster("ledger", "available") + &of_cluster("old", "deleting");
    let script = Script::of([
        answer("DescribeDBInstances", &first),
        clusters(&of_clusters),
        databases(&[untagged, member, database("gone", "deleting", "")]),
    ]);
    let tagged = rds(&script).tagged(&here()).await.unwrap();
    let read: Vec<_> =
        tagged.iter().map(|one| (one.resource.kind(), one.resource.id(), one.value.as_str())).collect();
    assert_eq!(
        read,
        [(Kind::Rds, "orders", "web"), (Kind::Rds, "ledger-1", "web"), (Kind::Aurora, "ledger", "books")]
    );
    assert_eq!(script.asked()[2].field("Marker").as_deref(), Some("next"));
}

fn request(kind: UnitKind, target: Resource) -> UnitRequest {
    UnitRequest {
        kind,
        target,
        name: "cpm-web-orders-20260301t0200z-17-1".into(),
        excluded: vec![],
        exclude_boot: false,
        image: None,
        description: "cpm: policy web, backup 17".into(),
        tags: Tags::from([("cpm:backup".into(), "17".into()), ("cpm:unit".into(), "17-1".into())]),
        copy_tags: false,
    }
}

#[tokio::test]
async fn snapshots_a_database() {
    let made = "<DBSnapshot><DBSnapshotIdentifier>cpm-web-orders-20260301t0200z-17-1</DBSnapshotIdentifier>\
                <DBInstanceIdentifier>orders</DBInstanceIdentifier><Status>creating</Status></DBSnapshot>";
    let script = Script::of([answer("CreateDBSnapshot", made)]);
    let target = Resource::new(Kind::Rds, "Orders").unwrap();
    let made = rds(&script).create(&here(), &request(UnitKind::RdsSnapshot, target.clone())).await.unwrap();
    assert_eq!((made.len(), made[0].id.as_str()), (1, "cpm-web-orders-20260301t0200z-17-1"));
    assert_eq!((made[0].state, made[0].started, made[0].source.as_ref()), (UnitState::Pending, None, Some(&target)));
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=CreateDBSnapshot\n\
         DBInstanceIdentifier=Orders\n\
         DBSnapshotIdentifier=cpm-web-orders-20260301t0200z-17-1\n\
         Tags.Tag.1.Key=cpm:backup\n\
         Tags.Tag.1.Value=17\n\
         Tags.Tag.2.Key=cpm:unit\n\
         Tags.Tag.2.Value=17-1\n\
         Version=2014-10-31\n"
    );
}

#[tokio::test]
async fn snapshots_a_cluster() {
    let made = "<DBClusterSnapshot><DBClusterSnapshotIdentifier>s-1</DBClusterSnapshotIdentifier>\
                <DBClusterIdentifier>ledger</DBClusterIdentifier><Status>creating</Status>\
                <SnapshotCreateTime>2026-03-01T02:00:00.500Z</SnapshotCreateTime></DBClusterSnapshot>";
    let script = Script::of([answer("CreateDBClusterSnapshot", made)]);
    let target = Resource::new(Kind::Aurora, "ledger").unwrap();
    let made = rds(&script).create(&here(), &request(UnitKind::AuroraSnapshot, target)).await.unwrap();
    assert_eq!((made[0].kind, made[0].id.as_str()), (UnitKind::AuroraSnapshot, "s-1"));
    assert_eq!(made[0].started, Some("2026-03-01T02:00:00.5Z".parse().unwrap()));
    let asked = &script.asked()[0];
    assert_eq!(asked.field("DBClusterIdentifier").as_deref(), Some("ledger"));
    assert_eq!(asked.field("DBClusterSnapshotIdentifier").as_deref(), Some("cpm-web-orders-20260301t0200z-17-1"));
    assert_eq!(asked.field("Tags.Tag.2.Value").as_deref(), Some("17-1"));
}

fn snapshot(id: &str, status: &str, tags: &[(&str, &str)]) -> String {
    format!(
        "<DBSnapshot><DBSnapshotIdentifier>{id}</DBSnapshotIdentifier>\
         <DBInstanceIdentifier>orders</DBInstanceIdentifier><Status>{status}</Status>\
         <OriginalSnapshotCreateTime>2026-03-01T02:00:00Z</OriginalSnapshotCreateTime>\
         <SnapshotCreateTime>2026-03-01T02:00:07Z</SnapshotCreateTime>{}</DBSnapshot>",
        tag_list(tags)
    )
}

#[tokio::test]
async fn finds_snapshots_of_a_backup() {
    let of =
        |backup| [("cpm:deployment", "cpm"), ("cpm:owner", "root"), ("cpm:backup", backup), ("cpm:source", "Orders")];
    let pages = [
        [snapshot("s-1", "available", &of("17")), snapshot("s-2", "available", &of("18"))].concat(),
        [snapshot("by-hand", "available", &[]), snapshot("s-3", "failed", &of("17"))].concat(),
    ];
    let script = Script::of([
        answer("DescribeDBSnapshots", &format!("<DBSnapshots>{}</DBSnapshots><Marker>next</Marker>", pages[0])),
        answer("DescribeDBSnapshots", &format!("<DBSnapshots>{}</DBSnapshots>", pages[1])),
    ]);
    let owner = OwnerName::root();
    let sought = Sought { deployment: "cpm", backup: Some((&owner, BackupId(17))) };
    let found = rds(&script).find(&here(), UnitKind::RdsSnapshot, &sought).await.unwrap();
    let read: Vec<_> = found.iter().map(|unit| (unit.report.id.as_str(), unit.report.state)).collect();
    assert_eq!(read, [("s-1", UnitState::Completed), ("s-3", UnitState::Failed)]);
    assert_eq!(found[0].report.source, Resource::new(Kind::Rds, "Orders").ok());
    assert_eq!(found[0].report.started, Some("2026-03-01T02:00:00Z".parse().unwrap()));
    assert_eq!(found[0].tags["cpm:backup"], "17");
    assert_eq!(
        script.asked()[1].to_string(),
        "Action=DescribeDBSnapshots\nMarker=next\nMaxRecords=100\nSnapshotType=manual\nVersion=2014-10-31\n"
    );
}

#[rstest]
#[case("creating", UnitState::Pending)]
#[case("a-state-that-is-new", UnitState::Pending)]
#[case("available", UnitState::Completed)]
#[case("failed", UnitState::Failed)]
#[case("incompatible-restore", UnitState::Failed)]
#[case("deleting", UnitState::Deleted)]
#[case("deleted", UnitState::Deleted)]
#[tokio::test]
async fn states_of_snapshots(#[case] status: &str, #[case] expected: UnitState) {
    let snapshot = format!(
        "<DBClusterSnapshots><DBClusterSnapshot><DBClusterSnapshotIdentifier>s-1</DBClusterSnapshotIdentifier>\
         <DBClusterIdentifier>ledger</DBClusterIdentifier><Status>{status}</Status>{}</DBClusterSnapshot>\
         </DBClusterSnapshots>",
        tag_list(&[("cpm:deployment", "cpm")])
    );
    let script = Script::of([answer("DescribeDBClusterSnapshots", &snapshot)]);
    let sought = Sought { deployment: "cpm", backup: None };
    let found = rds(&script).find(&here(), UnitKind::AuroraSnapshot, &sought).await.unwrap();
    assert_eq!((found[0].report.kind, found[0].report.state), (UnitKind::AuroraSnapshot, expected));
    assert_eq!(found[0].report.source, Resource::new(Kind::Aurora, "ledger").ok());
    assert_eq!(script.asked()[0].field("SnapshotType").as_deref(), Some("manual"));
}

const QUOTAS: &str = "<AccountQuotas>
  <AccountQuota><AccountQuotaName>DBInstances</AccountQuotaName><Used>3</Used><Max>40</Max></AccountQuota>
  <AccountQuota><AccountQuotaName>ManualSnapshots</AccountQuotaName><Used>81</Used><Max>100</Max></AccountQuota>
  <AccountQuota><AccountQuotaName>ManualClusterSnapshots</AccountQuotaName><Used>2</Used><Max>100</Max></AccountQuota>
</AccountQuotas>";

#[tokio::test]
async fn quotas_of_both_kinds_are_one_call() {
    let quotas = || answer("DescribeAccountAttributes", QUOTAS);
    let script = Script::of([quotas(), quotas()]);
    let of_databases = Quota { what: "manual snapshots of RDS databases".into(), used: 81, most: 100 };
    let of_clusters = Quota { what: "manual snapshots of Aurora clusters".into(), used: 2, most: 100 };
    let both = rds(&script).quotas(&here(), &[UnitKind::AuroraSnapshot, UnitKind::RdsSnapshot]).await.unwrap();
    assert_eq!(both, [of_databases, of_clusters.clone()]);
    assert_eq!(script.asked().len(), 1);
    assert_eq!(rds(&script).quotas(&here(), &[UnitKind::AuroraSnapshot]).await.unwrap(), [of_clusters]);
}

#[tokio::test]
async fn deletes_snapshots() {
    let script = Script::of([answer("DeleteDBSnapshot", ""), answer("DeleteDBClusterSnapshot", "")]);
    rds(&script).delete(&here(), UnitKind::RdsSnapshot, &UnitId::new("s-1")).await.unwrap();
    rds(&script).delete(&here(), UnitKind::AuroraSnapshot, &UnitId::new("s-2")).await.unwrap();
    let asked: Vec<String> = script.asked().iter().map(ToString::to_string).collect();
    assert_eq!(
        asked,
        [
            "Action=DeleteDBSnapshot\nDBSnapshotIdentifier=s-1\nVersion=2014-10-31\n",
            "Action=DeleteDBClusterSnapshot\nDBClusterSnapshotIdentifier=s-2\nVersion=2014-10-31\n",
        ]
    );
}

fn told(found: &[Found]) -> Vec<Origin> {
    found.iter().filter_map(|found| found.origin().cloned()).collect()
}

fn reading(kind: Kind, origins: Vec<Origin>) -> Reading {
    let at = "2026-11-21T02:00:00Z".parse().unwrap();
    Reading { kind, origins, at, patience: jiff::SignedDuration::from_secs(60) }
}

const OF_A_DATABASE: &str = "<Engine>postgres</Engine><EngineVersion>16.3</EngineVersion>\
    <DBInstanceClass>db.m5.large</DBInstanceClass><Endpoint><Address>a</Address><Port>5433</Port></Endpoint>\
    <AvailabilityZone>eu-west-1b</AvailabilityZone><MultiAZ>true</MultiAZ>\
    <DBSubnetGroup><DBSubnetGroupName>data</DBSubnetGroupName></DBSubnetGroup>\
    <VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-0a</VpcSecurityGroupId></VpcSecurityGroupMembership>\
    </VpcSecurityGroups><DBParameterGroups><DBParameterGroup><DBParameterGroupName>pg16</DBParameterGroupName>\
    </DBParameterGroup></DBParameterGroups><OptionGroupMemberships><OptionGroupMembership><OptionGroupName>og</OptionGroupName>\
    </OptionGroupMembership></OptionGroupMemberships><AllocatedStorage>100</AllocatedStorage><StorageType>gp3</StorageType>\
    <Iops>12000</Iops><StorageThroughput>500</StorageThroughput><PubliclyAccessible>true</PubliclyAccessible>\
    <DeletionProtection>true</DeletionProtection>\
    <IAMDatabaseAuthenticationEnabled>true</IAMDatabaseAuthenticationEnabled>\
    <AutoMinorVersionUpgrade>true</AutoMinorVersionUpgrade><StorageEncrypted>true</StorageEncrypted>\
    <KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/k</KmsKeyId><LicenseModel>postgresql-license</LicenseModel>\
    <EnabledCloudwatchLogsExports><member>postgresql</member></EnabledCloudwatchLogsExports>";

#[tokio::test]
async fn a_database_tells_how_it_is_and_no_more_is_asked() {
    let script = Script::of([databases(&[database("orders", "available", OF_A_DATABASE)])]);
    let found = rds(&script).describe(&here(), Kind::Rds, &resources(Kind::Rds, &["orders"])).await.unwrap();
    let done = rds(&script).complete(&here(), reading(Kind::Rds, told(&found))).await;
    let some = |text: &str| Some(text.to_owned());
    let expected = DatabaseOrigin {
        id: "orders".into(),
        engine: "postgres".into(),
        engine_version: some("16.3"),
        class: "db.m5.large".into(),
        port: Some(5433),
        zone: some("eu-west-1b"),
        multi_az: true,
        subnet_group: some("data"),
        security_groups: vec!["sg-0a".into()],
        parameter_group: some("pg16"),
        option_group: some("og"),
        storage: Some(100),
        storage_type: some("gp3"),
        iops: Some(12000),
        throughput: Some(500),
        public: true,
        deletion_protection: true,
        iam_authentication: true,
        auto_minor_upgrade: true,
        encrypted: true,
        kms_key: some("arn:aws:kms:eu-west-1:111122223333:key/k"),
        license: some("postgresql-license"),
        log_exports: vec!["postgresql".into()],
        tags: Tags::from([("cpm backup".into(), "web".into()), ("team".into(), "shop".into())]),
    };
    assert_eq!((done.origins, done.unread), (vec![Origin::Rds(Box::new(expected))], vec![]));
    assert_eq!(script.asked().len(), 1);
}

const LEDGER: &str = "<DBCluster><DBClusterIdentifier>ledger</DBClusterIdentifier><Status>available</Status>\
    <Engine>aurora-postgresql</Engine><EngineVersion>16.3</EngineVersion><EngineMode>provisioned</EngineMode><Port>5432</Port>\
    <AvailabilityZones><AvailabilityZone>eu-west-1a</AvailabilityZone><AvailabilityZone>eu-west-1b</AvailabilityZone>\
    </AvailabilityZones><DBSubnetGroup>data</DBSubnetGroup><DBClusterParameterGroup>apg16</DBClusterParameterGroup>\
    <DatabaseName>books</DatabaseName><DeletionProtection>true</DeletionProtection><StorageEncrypted>true</StorageEncrypted>\
    <KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/k</KmsKeyId>\
    <ServerlessV2ScalingConfiguration><MinCapacity>0.5</MinCapacity><MaxCapacity>8</MaxCapacity>\
    </ServerlessV2ScalingConfiguration><DBClusterMembers>\
    <DBClusterMember><DBInstanceIdentifier>ledger-2</DBInstanceIdentifier><IsClusterWriter>false</IsClusterWriter>\
    <PromotionTier>1</PromotionTier></DBClusterMember>\
    <DBClusterMember><DBInstanceIdentifier>ledger-1</DBInstanceIdentifier><IsClusterWriter>true</IsClusterWriter>\
    <PromotionTier>0</PromotionTier></DBClusterMember></DBClusterMembers></DBCluster>";

fn of_ledger(id: &str, zone: &str) -> String {
    let more = format!(
        "<DBClusterIdentifier>ledger</DBClusterIdentifier><DBInstanceClass>db.r6g.large</DBInstanceClass>\
         <AvailabilityZone>{zone}</AvailabilityZone><PubliclyAccessible>true</PubliclyAccessible>\
         <DBParameterGroups><DBParameterGroup><DBParameterGroupName>pg16</DBParameterGroupName></DBParameterGroup>\
         </DBParameterGroups>"
    );
    database(id, "available", &more)
}

async fn ledger(members: (u16, String)) -> (Completed, Script) {
    let script = Script::of([clusters(LEDGER), members]);
    let found = rds(&script).describe(&here(), Kind::Aurora, &resources(Kind::Aurora, &["Ledger"])).await.unwrap();
    let done = rds(&script).complete(&here(), reading(Kind::Aurora, told(&found))).await;
    (done, script)
}

#[tokio::test]
async fn a_cluster_tells_how_it_is_and_its_members_in_one_call_more() {
    let (done, script) =
        ledger(databases(&[of_ledger("ledger-1", "eu-west-1a"), of_ledger("ledger-2", "eu-west-1b")])).await;
    let some = |text: &str| Some(text.to_owned());
    let member = |n: i32, zone: &str| MemberOrigin {
        id: format!("ledger-{n}"),
        is_writer: n == 1,
        class: "db.r6g.large".into(),
        zone: some(zone),
        public: true,
        parameter_group: some("pg16"),
        promotion_tier: Some(n - 1),
    };
    let expected = ClusterOrigin {
        id: "ledger".into(),
        engine: "aurora-postgresql".into(),
        engine_version: some("16.3"),
        engine_mode: some("provisioned"),
        port: Some(5432),
        zones: vec!["eu-west-1a".into(), "eu-west-1b".into()],
        subnet_group: some("data"),
        parameter_group: some("apg16"),
        database: some("books"),
        deletion_protection: true,
        encrypted: true,
        kms_key: some("arn:aws:kms:eu-west-1:111122223333:key/k"),
        capacity: Some((1, 16)),
        members: vec![member(1, "eu-west-1a"), member(2, "eu-west-1b")],
        ..ClusterOrigin::default()
    };
    assert_eq!((done.origins, done.unread), (vec![Origin::Aurora(Box::new(expected))], vec![]));
    assert_eq!(
        script.asked()[1].to_string(),
        "Action=DescribeDBInstances\n\
         Filters.Filter.1.Name=db-cluster-id\n\
         Filters.Filter.1.Values.Value.1=ledger\n\
         MaxRecords=100\n\
         Version=2014-10-31\n"
    );
}

#[tokio::test]
async fn members_that_are_denied_are_named() {
    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>\
                  </ErrorResponse>";
    let (done, _) = ledger((403, denied.to_owned())).await;
    let [unread] = done.unread.as_slice() else { panic!("{:?}", done.unread) };
    assert_eq!((unread.what.as_str(), unread.error.action.as_str()), ("its members", "rds:DescribeDBInstances"));
    let [Origin::Aurora(cluster)] = done.origins.as_slice() else { panic!() };
    assert_eq!((cluster.unread.len(), cluster.members.len(), cluster.members[0].is_writer), (1, 2, true));
}
