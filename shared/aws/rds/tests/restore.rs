//! What recoveries ask of RDS, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_rds::Rds;
use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    id::{BackupId, UnitId},
    name::OwnerName,
    recovery::{
        Mark, RecoveryId,
        facts::{Facts, ManagedFact, Question, SubnetGroupFact},
        plan::{ClusterPlan, DatabasePlan, MemberPlan},
        work::{Action, ClusterSpec, DatabaseSpec, Made, MadeKind, MadeState, Order, Ref},
    },
    unit::UnitKind,
};
use cpm_ports::{Access, Place, Removals, Restorer};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn rds(script: &Script) -> Rds {
    Rds::new(&Roles::new(&script.config()))
}

fn answer(action: &str, body: &str) -> (u16, String) {
    let space = "http://rds.amazonaws.com/doc/2014-10-31/";
    (200, format!(r#"<{action}Response xmlns="{space}"><{action}Result>{body}</{action}Result></{action}Response>"#))
}

fn refusal(code: &str, message: &str) -> (u16, String) {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    );
    (400, body)
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn order(what: Action) -> Order {
    let tags = tags(&[("cpm:deployment", "cpm"), ("cpm:owner", "root"), ("cpm:recovery", "r17"), ("cpm:work", "3")]);
    Order { work: 3, what, made: vec![], token: "cpm-root-r17-3".into(), tags }
}

async fn carry_out(script: &Script, what: Action) -> Result<Vec<Made>, AwsError> {
    rds(script).carry_out(&here(), &order(what)).await
}

const TAGS: &str = "Tags.Tag.1.Key=Name\nTags.Tag.1.Value=w\nTags.Tag.2.Key=cpm:deployment\nTags.Tag.2.Value=cpm\n\
                    Tags.Tag.3.Key=cpm:owner\nTags.Tag.3.Value=root\nTags.Tag.4.Key=cpm:recovery\n\
                    Tags.Tag.4.Value=r17\nTags.Tag.5.Key=cpm:work\nTags.Tag.5.Value=3\n";

fn own() -> Tags {
    tags(&[("Name", "w"), ("cpm:work", "9")])
}

fn database() -> Action {
    let plan = DatabasePlan {
        id: Some("orders-2".into()),
        class: Some("db.m5.large".into()),
        port: Some(5432),
        zone: Some("eu-west-1a".into()),
        multi_az: Some(false),
        subnet_group: Some("private".into()),
        security_groups: Some(vec!["sg-1".into()]),
        parameter_group: Some("pg16".into()),
        option_group: Some(String::new()),
        storage_type: Some("gp3".into()),
        iops: Some(12_000),
        throughput: Some(500),
        public: Some(false),
        deletion_protection: Some(true),
        iam_authentication: Some(true),
        auto_minor_upgrade: Some(true),
        log_exports: Some(vec!["postgresql".into()]),
        tags: Some(own()),
    };
    Action::RestoreDatabase(Box::new(DatabaseSpec { snapshot: "cpm-1".into(), id: "orders-2".into(), plan }))
}

#[tokio::test]
async fn restores_a_database() {
    let made = "<DBInstance><DBInstanceIdentifier>orders-2</DBInstanceIdentifier></DBInstance>";
    let script = Script::of([answer("RestoreDBInstanceFromDBSnapshot", made)]);
    assert_eq!(carry_out(&script, database()).await, Ok(vec![Made::pending(MadeKind::Database, "orders-2")]));
    // Protection comes last, and what is empty is not sent.
    let expected = format!(
        "Action=RestoreDBInstanceFromDBSnapshot\n\
         AutoMinorVersionUpgrade=true\n\
         AvailabilityZone=eu-west-1a\n\
         DBInstanceClass=db.m5.large\n\
         DBInstanceIdentifier=orders-2\n\
         DBParameterGroupName=pg16\n\
         DBSnapshotIdentifier=cpm-1\n\
         DBSubnetGroupName=private\n\
         EnableCloudwatchLogsExports.member.1=postgresql\n\
         EnableIAMDatabaseAuthentication=true\n\
         Iops=12000\n\
         MultiAZ=false\n\
         Port=5432\n\
         PubliclyAccessible=false\n\
         StorageThroughput=500\n\
         StorageType=gp3\n\
         {TAGS}\
         Version=2014-10-31\n\
         VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1\n"
    );
    assert_eq!(script.asked()[0].to_string(), expected);
}

#[tokio::test]
async fn one_with_a_standby_has_no_zone_of_its_own() {
    let Action::RestoreDatabase(mut spec) = database() else { panic!("it restores a database") };
    spec.plan.multi_az = Some(true);
    let script = Script::of([answer("RestoreDBInstanceFromDBSnapshot", "")]);
    let made = carry_out(&script, Action::RestoreDatabase(spec)).await.unwrap();
    assert_eq!(made[0].id, "orders-2");
    assert_eq!(script.asked()[0].field("AvailabilityZone"), None);
}

fn cluster() -> Action {
    let plan = ClusterPlan {
        id: Some("shop-2".into()),
        port: Some(3306),
        zones: Some(vec!["eu-west-1a".into(), "eu-west-1b".into()]),
        subnet_group: Some("private".into()),
        security_groups: Some(vec!["sg-1".into()]),
        parameter_group: Some("aurora8".into()),
        kms_key: Some("arn:key".into()),
        deletion_protection: Some(true),
        iam_authentication: Some(false),
        members: Some(vec![]),
        tags: Some(own()),
    };
    Action::RestoreCluster(Box::new(ClusterSpec {
        snapshot: "cpm-2".into(),
        id: "shop-2".into(),
        engine: "aurora-mysql".into(),
        engine_version: Some("8.0.mysql_aurora.3.05.2".into()),
        capacity: Some((1, 64)),
        plan,
    }))
}

#[tokio::test]
async fn restores_a_cluster() {
    let made = "<DBCluster><DBClusterIdentifier>shop-2</DBClusterIdentifier></DBCluster>";
    let script = Script::of([answer("RestoreDBClusterFromSnapshot", made)]);
    assert_eq!(carry_out(&script, cluster()).await, Ok(vec![Made::pending(MadeKind::Cluster, "shop-2")]));
    let expected = format!(
        "Action=RestoreDBClusterFromSnapshot\n\
         AvailabilityZones.AvailabilityZone.1=eu-west-1a\n\
         AvailabilityZones.AvailabilityZone.2=eu-west-1b\n\
         DBClusterIdentifier=shop-2\n\
         DBClusterParameterGroupName=aurora8\n\
         DBSubnetGroupName=private\n\
         EnableIAMDatabaseAuthentication=false\n\
         Engine=aurora-mysql\n\
         EngineVersion=8.0.mysql_aurora.3.05.2\n\
         KmsKeyId=arn:key\n\
         Port=3306\n\
         ServerlessV2ScalingConfiguration.MaxCapacity=32.0\n\
         ServerlessV2ScalingConfiguration.MinCapacity=0.5\n\
         SnapshotIdentifier=cpm-2\n\
         {TAGS}\
         Version=2014-10-31\n\
         VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1\n"
    );
    assert_eq!(script.asked()[0].to_string(), expected);
}

fn member() -> Action {
    let member = MemberPlan {
        id: "shop-2-a".into(),
        class: "db.r6g.large".into(),
        zone: Some("eu-west-1a".into()),
        public: Some(false),
        parameter_group: Some("aurora8".into()),
        promotion_tier: Some(1),
    };
    Action::CreateMember { cluster: Ref::Id("shop-2".into()), engine: "aurora-mysql".into(), member, tags: own() }
}

#[tokio::test]
async fn makes_a_member() {
    let made = "<DBInstance><DBInstanceIdentifier>shop-2-a</DBInstanceIdentifier></DBInstance>";
    let script = Script::of([answer("CreateDBInstance", made)]);
    assert_eq!(carry_out(&script, member()).await, Ok(vec![Made::pending(MadeKind::Database, "shop-2-a")]));
    let expected = format!(
        "Action=CreateDBInstance\n\
         AvailabilityZone=eu-west-1a\n\
         DBClusterIdentifier=shop-2\n\
         DBInstanceClass=db.r6g.large\n\
         DBInstanceIdentifier=shop-2-a\n\
         DBParameterGroupName=aurora8\n\
         Engine=aurora-mysql\n\
         PromotionTier=1\n\
         PubliclyAccessible=false\n\
         {TAGS}\
         Version=2014-10-31\n"
    );
    assert_eq!(script.asked()[0].to_string(), expected);
}

#[rstest]
#[case(MadeKind::Database, "Action=ModifyDBInstance\nApplyImmediately=true\nDBInstanceIdentifier=x\n")]
#[case(MadeKind::Cluster, "Action=ModifyDBCluster\nApplyImmediately=true\nDBClusterIdentifier=x\n")]
#[tokio::test]
async fn protects(#[case] kind: MadeKind, #[case] expected: &str) {
    let action = expected.lines().next().unwrap().trim_start_matches("Action=");
    let script = Script::of([answer(action, "")]);
    carry_out(&script, Action::ProtectManaged { kind, of: Ref::Id("x".into()) }).await.unwrap();
    assert_eq!(script.asked()[0].to_string(), format!("{expected}DeletionProtection=true\nVersion=2014-10-31\n"));
}

#[rstest]
#[case(UnitKind::RdsSnapshot, "ModifyDBSnapshotAttribute", "DBSnapshotIdentifier")]
#[case(UnitKind::AuroraSnapshot, "ModifyDBClusterSnapshotAttribute", "DBClusterSnapshotIdentifier")]
#[tokio::test]
async fn shares_and_takes_back(#[case] kind: UnitKind, #[case] action: &str, #[case] name: &str) {
    let (unit, account) = (UnitId::new("cpm-1"), "111122223333".to_owned());
    let share = Action::Share { kind, unit: unit.clone(), account: account.clone() };
    let unshare = Action::Unshare { kind, unit, account };
    for (what, change) in [(share, "Add"), (unshare, "Remove")] {
        let script = Script::of([answer(action, "")]);
        carry_out(&script, what.clone()).await.unwrap();
        let expected = format!(
            "Action={action}\nAttributeName=restore\n{name}=cpm-1\nValuesTo{change}.AttributeValue.1=111122223333\n\
             Version=2014-10-31\n"
        );
        assert_eq!(script.asked()[0].to_string(), expected);
        let gone = Script::of([refusal("DBSnapshotNotFound", "gone")]);
        assert_eq!(carry_out(&gone, what).await.is_ok(), change == "Remove", "what is gone is shared no more");
    }
}

fn mark(owner: &OwnerName) -> Mark<'_> {
    Mark { deployment: "cpm", owner, recovery: RecoveryId(17), backup: BackupId(5) }
}

fn tagged(recovery: &str, work: &str) -> String {
    let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let all = [
        tag("cpm:deployment", "cpm"),
        tag("cpm:owner", "root"),
        tag("cpm:recovery", recovery),
        tag("cpm:work", work),
    ];
    format!("<TagList>{}</TagList>", all.concat())
}

fn databases(all: &[(&str, &str, String)]) -> (u16, String) {
    let one = |(id, status, more): &(&str, &str, String)| {
        format!(
            "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceStatus>{status}</DBInstanceStatus>{more}</DBInstance>"
        )
    };
    answer("DescribeDBInstances", &format!("<DBInstances>{}</DBInstances>", all.iter().map(one).collect::<String>()))
}

#[rstest]
#[case("r17", "3", 1)]
#[case("r18", "3", 0)]
#[case("r17", "4", 0)]
#[tokio::test]
async fn what_an_order_made_is_known_by_its_tags(
    #[case] recovery: &str,
    #[case] work: &str,
    #[case] expected: usize,
) {
    let root = OwnerName::root();
    for what in [database(), member()] {
        let script = Script::of([databases(&[("orders-2", "creating", tagged(recovery, work))])]);
        let found = rds(&script).find(&here(), &order(what), &mark(&root)).await.unwrap();
        assert_eq!(found.len(), expected);
        assert_eq!(script.asked()[0].field("Filters.Filter.1.Name").as_deref(), Some("db-instance-id"));
    }
    let clusters = format!(
        "<DBClusters><DBCluster><DBClusterIdentifier>shop-2</DBClusterIdentifier>{}</DBCluster></DBClusters>",
        tagged(recovery, work)
    );
    let script = Script::of([answer("DescribeDBClusters", &clusters)]);
    assert_eq!(rds(&script).find(&here(), &order(cluster()), &mark(&root)).await.unwrap().len(), expected);
    let protect = order(Action::ProtectManaged { kind: MadeKind::Database, of: Ref::Id("x".into()) });
    assert_eq!(rds(&Script::default()).find(&here(), &protect, &mark(&root)).await, Ok(vec![]));
}

#[tokio::test]
async fn databases_are_seen_with_their_endpoint_or_why_they_failed() {
    let script = Script::of([databases(&[
        ("a", "creating", String::new()),
        ("b", "available", "<Endpoint><Address>b.rds</Address><Port>5432</Port></Endpoint>".into()),
        (
            "c",
            "incompatible-restore",
            "<StatusInfos><DBInstanceStatusInfo><Message>no</Message></DBInstanceStatusInfo></StatusInfos>".into(),
        ),
        ("d", "inaccessible-encryption-credentials", "<KmsKeyId>arn:key</KmsKeyId>".into()),
        ("e", "deleting", String::new()),
    ])]);
    let ids: Vec<String> = ["a", "B", "c", "d", "e", "f"].map(str::to_owned).into();
    let seen = rds(&script).look(&here(), MadeKind::Database, &ids).await.unwrap();
    let states: Vec<(&str, MadeState)> = seen.iter().map(|made| (made.id.as_str(), made.state)).collect();
    assert_eq!(
        states,
        [
            ("a", MadeState::Pending),
            ("B", MadeState::Ready),
            ("c", MadeState::Failed),
            ("d", MadeState::Failed),
            ("e", MadeState::Pending),
            ("f", MadeState::Gone),
        ]
    );
    assert_eq!(seen[1].addresses, ["b.rds:5432"]);
    let causes: Vec<&str> = seen.iter().filter_map(|made| made.cause.as_deref()).collect();
    assert_eq!(
        causes,
        [
            "it is `incompatible-restore`: no; what its snapshot holds cannot be restored so",
            "it is `inaccessible-encryption-credentials`: its KMS key arn:key cannot be used",
        ]
    );
    assert_eq!(script.asked()[0].field("Filters.Filter.1.Values.Value.2").as_deref(), Some("b"), "in small letters");
}

#[tokio::test]
async fn clusters_are_seen_with_both_endpoints() {
    let cluster = "<DBClusters><DBCluster><DBClusterIdentifier>shop-2</DBClusterIdentifier><Status>available</Status>\
                   <Endpoint>w.rds</Endpoint><ReaderEndpoint>r.rds</ReaderEndpoint><Port>3306</Port></DBCluster>\
                   </DBClusters>";
    let script = Script::of([answer("DescribeDBClusters", cluster)]);
    let seen = rds(&script).look(&here(), MadeKind::Cluster, &["shop-2".to_owned()]).await.unwrap();
    assert_eq!(
        (seen[0].state, &seen[0].addresses[..]),
        (MadeState::Ready, &["w.rds:3306".to_owned(), "r.rds:3306".to_owned()][..])
    );
}

#[tokio::test]
async fn all_of_a_recovery_is_found_among_all() {
    let root = OwnerName::root();
    let script =
        Script::of([databases(&[("a", "available", tagged("r17", "3")), ("b", "available", tagged("r1", "3"))])]);
    let found = rds(&script).marked(&here(), MadeKind::Database, &mark(&root)).await.unwrap();
    assert_eq!(found.iter().map(|made| made.id.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(script.asked()[0].field("Filters.Filter.1.Name"), None);
}

#[rstest]
#[case(MadeKind::Database, "Action=DeleteDBInstance\nDBInstanceIdentifier=x\n", "InvalidDBInstanceState")]
#[case(MadeKind::Cluster, "Action=DeleteDBCluster\nDBClusterIdentifier=x\n", "InvalidDBClusterStateFault")]
#[tokio::test]
async fn removes_without_a_last_snapshot(#[case] kind: MadeKind, #[case] expected: &str, #[case] busy: &str) {
    let action = expected.lines().next().unwrap().trim_start_matches("Action=");
    let script = Script::of([
        answer(action, ""),
        refusal("DBInstanceNotFound", "gone"),
        refusal("DBClusterNotFoundFault", "gone"),
        refusal(busy, "Instance x is already being deleted."),
        refusal(busy, "it still contains DB instances in non-deleting state"),
    ]);
    let rds = rds(&script);
    for _ in 0..4 {
        rds.remove(&here(), kind, "x").await.unwrap();
    }
    assert_eq!(rds.remove(&here(), kind, "x").await.unwrap_err().refusal, Refusal::InUse);
    assert_eq!(script.asked()[0].to_string(), format!("{expected}SkipFinalSnapshot=true\nVersion=2014-10-31\n"));
}

#[rstest]
#[case(database(), "DBInstanceAlreadyExists", Refusal::Exists)]
#[case(database(), "InstanceQuotaExceeded", Refusal::Quota)]
#[case(database(), "InsufficientDBInstanceCapacity", Refusal::Capacity)]
#[case(database(), "DBSnapshotNotFound", Refusal::NotFound)]
#[case(database(), "DBSubnetGroupNotFoundFault", Refusal::NotFound)]
#[case(database(), "KMSKeyNotAccessibleFault", Refusal::Denied)]
#[case(database(), "InvalidParameterCombination", Refusal::Invalid)]
#[case(cluster(), "DBClusterAlreadyExistsFault", Refusal::Exists)]
#[case(cluster(), "DBClusterQuotaExceededFault", Refusal::Quota)]
#[case(cluster(), "InsufficientStorageClusterCapacityFault", Refusal::Capacity)]
#[case(member(), "InvalidDBClusterStateFault", Refusal::Busy)]
#[case(Action::ProtectManaged { kind: MadeKind::Database, of: Ref::Id("x".into()) }, "InvalidDBInstanceState", Refusal::Busy)]
#[tokio::test]
async fn refusals(#[case] what: Action, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([refusal(code, "AWS's words"), answer("X", "")]);
    let error = carry_out(&script, what).await.unwrap_err();
    assert_eq!((error.refusal, error.message.as_str()), (expected, "AWS's words"));
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

async fn ask(script: &Script, questions: &[Question]) -> Result<Facts, AwsError> {
    rds(script).ask(&here(), questions).await
}

#[tokio::test]
async fn names_that_are_given_are_told() {
    let script = Script::of([
        databases(&[("orders-2", "available", String::new())]),
        answer("DescribeDBClusters", "<DBClusters/>"),
    ]);
    let orders = Question::Database("Orders-2".into());
    let questions =
        [orders.clone(), Question::Database("free".into()), Question::Cluster("shop-2".into()), Question::Zones];
    let facts = ask(&script, &questions).await.unwrap();
    assert_eq!(facts.names.into_iter().collect::<Vec<_>>(), [orders]);
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn snapshots_are_asked_for_by_name_together_and_by_arn_alone() {
    let one = "<DBSnapshot><DBSnapshotIdentifier>cpm-1</DBSnapshotIdentifier><Status>available</Status><Engine>postgres\
               </Engine><EngineVersion>16.3</EngineVersion><AllocatedStorage>20</AllocatedStorage><Encrypted>true\
               </Encrypted><KmsKeyId>arn:key</KmsKeyId><DBSnapshotArn>arn:aws:rds:eu-west-1:1:snapshot:cpm-1\
               </DBSnapshotArn></DBSnapshot>";
    let found = |all: &str| answer("DescribeDBSnapshots", &format!("<DBSnapshots>{all}</DBSnapshots>"));
    let shared = UnitId::new("arn:aws:rds:eu-west-1:1:snapshot:cpm-1");
    let ids = [UnitId::new("cpm-1"), UnitId::new("cpm-9"), shared.clone()];
    let questions: Vec<Question> = ids.iter().cloned().map(Question::DatabaseSnapshot).collect();
    let script = Script::of([found(one), found(one)]);
    let facts = ask(&script, &questions).await.unwrap();
    let expected = ManagedFact {
        status: "available".into(),
        engine: Some("postgres".into()),
        engine_version: Some("16.3".into()),
        size: Some(20),
        encrypted: true,
        kms_key: Some("arn:key".into()),
    };
    assert_eq!(facts.managed, [(ids[0].clone(), expected.clone()), (shared, expected)].into());
    let asked = script.asked();
    assert_eq!(asked[0].field("Filters.Filter.1.Name").as_deref(), Some("db-snapshot-id"));
    assert_eq!(asked[0].field("Filters.Filter.1.Values.Value.2").as_deref(), Some("cpm-9"));
    assert_eq!(asked[1].field("IncludeShared").as_deref(), Some("true"));
    let gone = Script::of([refusal("DBSnapshotNotFound", "gone")]);
    assert_eq!(ask(&gone, &questions[2..]).await, Ok(Facts::default()));
}

#[tokio::test]
async fn a_subnet_group_is_known_with_its_vpc_and_zones() {
    let subnet =
        |zone: &str| format!("<Subnet><SubnetAvailabilityZone><Name>{zone}</Name></SubnetAvailabilityZone></Subnet>");
    let group = format!(
        "<DBSubnetGroups><DBSubnetGroup><VpcId>vpc-1</VpcId><Subnets>{}{}</Subnets></DBSubnetGroup></DBSubnetGroups>",
        subnet("eu-west-1a"),
        subnet("eu-west-1b")
    );
    let script = Script::of([answer("DescribeDBSubnetGroups", &group)]);
    let question = Question::DatabaseSubnetGroup("g".into());
    let facts = ask(&script, std::slice::from_ref(&question)).await.unwrap();
    let zones = ["eu-west-1a".to_owned(), "eu-west-1b".to_owned()].into();
    assert_eq!(facts.subnet_groups[&question], SubnetGroupFact { vpc: "vpc-1".into(), zones });
}

#[tokio::test]
async fn snapshots_of_clusters_are_read() {
    let one = "<DBClusterSnapshots><DBClusterSnapshot><DBClusterSnapshotIdentifier>cpm-2</DBClusterSnapshotIdentifier>\
               <Status>creating</Status><Engine>aurora-mysql</Engine><StorageEncrypted>true</StorageEncrypted>\
               </DBClusterSnapshot></DBClusterSnapshots>";
    let script = Script::of([answer("DescribeDBClusterSnapshots", one)]);
    let facts = ask(&script, &[Question::ClusterSnapshot(UnitId::new("cpm-2"))]).await.unwrap();
    let fact = &facts.managed[&UnitId::new("cpm-2")];
    assert_eq!(
        (fact.status.as_str(), fact.engine.as_deref(), fact.encrypted),
        ("creating", Some("aurora-mysql"), true)
    );
    assert_eq!(script.asked()[0].field("Filters.Filter.1.Name").as_deref(), Some("db-cluster-snapshot-id"));
}

#[rstest]
#[case(Question::DatabaseSubnetGroup("g".into()), "DescribeDBSubnetGroups", "DBSubnetGroup", "DBSubnetGroupName")]
#[case(Question::DatabaseParameterGroup("g".into()), "DescribeDBParameterGroups", "DBParameterGroup", "DBParameterGroupName")]
#[case(
    Question::ClusterParameterGroup("g".into()),
    "DescribeDBClusterParameterGroups",
    "DBClusterParameterGroup",
    "DBClusterParameterGroupName"
)]
#[tokio::test]
async fn groups_are_told(#[case] question: Question, #[case] action: &str, #[case] item: &str, #[case] name: &str) {
    let body = format!("<{item}s><{item}><{name}>g</{name}></{item}></{item}s>");
    let script = Script::of([answer(action, &body)]);
    let facts = ask(&script, std::slice::from_ref(&question)).await.unwrap();
    assert_eq!(facts.names, [question.clone()].into());
    assert_eq!(script.asked()[0].to_string(), format!("Action={action}\n{name}=g\nVersion=2014-10-31\n"));
    for code in ["DBSubnetGroupNotFoundFault", "DBParameterGroupNotFound"] {
        let none = Script::of([refusal(code, "none")]);
        assert_eq!(ask(&none, std::slice::from_ref(&question)).await, Ok(Facts::default()));
    }
}
