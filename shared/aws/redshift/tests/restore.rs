//! What recoveries ask of Redshift, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_redshift::Redshift;
use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    id::{BackupId, UnitId},
    name::OwnerName,
    recovery::{
        Mark, RecoveryId,
        facts::{Facts, Question, SubnetGroupFact},
        plan::WarehousePlan,
        work::{Action, Made, MadeKind, MadeState, Order},
    },
    unit::UnitKind,
};
use cpm_ports::{Access, Place, Removals, Restorer};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn redshift(script: &Script) -> Redshift {
    Redshift::new(&Roles::new(&script.config()))
}

fn answer(action: &str, body: &str) -> (u16, String) {
    let space = "http://redshift.amazonaws.com/doc/2012-12-01/";
    (200, format!(r#"<{action}Response xmlns="{space}"><{action}Result>{body}</{action}Result></{action}Response>"#))
}

fn refusal(code: &str, message: &str) -> (u16, String) {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    );
    (400, body)
}

fn who() -> (u16, String) {
    answer("GetCallerIdentity", "<Account>111122223333</Account>")
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn restore(snapshot: &str) -> Action {
    let plan = WarehousePlan {
        id: Some("dwh-2".into()),
        node_type: Some("ra3.xlplus".into()),
        nodes: Some(2),
        port: Some(5439),
        zone: Some("eu-west-1a".into()),
        subnet_group: Some("private".into()),
        security_groups: Some(vec!["sg-1".into()]),
        parameter_group: Some(String::new()),
        public: Some(false),
        roles: Some(vec!["arn:role".into()]),
        enhanced_vpc_routing: Some(true),
        tags: Some(tags(&[("Name", "w"), ("cpm:work", "9")])),
    };
    Action::RestoreWarehouse { snapshot: snapshot.to_owned(), plan: Box::new(plan) }
}

fn order(what: Action) -> Order {
    let tags = tags(&[("cpm:deployment", "cpm"), ("cpm:owner", "root"), ("cpm:recovery", "r17"), ("cpm:work", "3")]);
    Order { work: 3, what, made: vec![], token: "cpm-root-r17-3".into(), tags }
}

async fn carry_out(script: &Script, what: Action) -> Result<Vec<Made>, AwsError> {
    redshift(script).carry_out(&here(), &order(what)).await
}

const TAGS: &str = "Action=CreateTags\n\
                    ResourceName=arn:aws:redshift:eu-west-1:111122223333:cluster:dwh-2\n\
                    Tags.Tag.1.Key=Name\nTags.Tag.1.Value=w\n\
                    Tags.Tag.2.Key=cpm:deployment\nTags.Tag.2.Value=cpm\n\
                    Tags.Tag.3.Key=cpm:owner\nTags.Tag.3.Value=root\n\
                    Tags.Tag.4.Key=cpm:recovery\nTags.Tag.4.Value=r17\n\
                    Tags.Tag.5.Key=cpm:work\nTags.Tag.5.Value=3\n\
                    Version=2012-12-01\n";

#[tokio::test]
async fn restores_a_cluster_and_tags_it() {
    let made = "<Cluster><ClusterIdentifier>dwh-2</ClusterIdentifier></Cluster>";
    let script = Script::of([who(), answer("RestoreFromClusterSnapshot", made), answer("CreateTags", "")]);
    assert_eq!(carry_out(&script, restore("cpm-1")).await, Ok(vec![Made::pending(MadeKind::Warehouse, "dwh-2")]));
    let asked = script.asked();
    assert_eq!(
        asked[1].to_string(),
        "Action=RestoreFromClusterSnapshot\n\
         AvailabilityZone=eu-west-1a\n\
         ClusterIdentifier=dwh-2\n\
         ClusterSubnetGroupName=private\n\
         EnhancedVpcRouting=true\n\
         IamRoles.IamRoleArn.1=arn:role\n\
         NodeType=ra3.xlplus\n\
         NumberOfNodes=2\n\
         Port=5439\n\
         PubliclyAccessible=false\n\
         SnapshotIdentifier=cpm-1\n\
         Version=2012-12-01\n\
         VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1\n"
    );
    assert_eq!(asked[2].to_string(), TAGS);
}

#[tokio::test]
async fn a_shared_snapshot_is_named_with_its_owner() {
    let arn = "arn:aws:redshift:eu-west-1:444455556666:snapshot:dwh/cpm-1";
    let script = Script::of([who(), answer("RestoreFromClusterSnapshot", ""), answer("CreateTags", "")]);
    carry_out(&script, restore(arn)).await.unwrap();
    let asked = &script.asked()[1];
    assert_eq!(asked.field("SnapshotArn").as_deref(), Some(arn));
    assert_eq!(asked.field("OwnerAccount").as_deref(), Some("444455556666"));
    assert_eq!(asked.field("SnapshotIdentifier"), None);
}

#[tokio::test]
async fn tags_that_are_refused_leave_it_open_what_was_made() {
    let script =
        Script::of([who(), answer("RestoreFromClusterSnapshot", ""), refusal("TagLimitExceededFault", "too many")]);
    let error = carry_out(&script, restore("cpm-1")).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Unknown, "redshift:CreateTags"));
    assert_eq!(error.message, "the cluster is being made, and its tags were refused: too many");
}

fn mark(owner: &OwnerName) -> Mark<'_> {
    Mark { deployment: "cpm", owner, recovery: RecoveryId(17), backup: BackupId(5) }
}

fn cluster(recovery: Option<&str>, restored: bool) -> (u16, String) {
    let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags = recovery.map(|recovery| {
        [tag("cpm:deployment", "cpm"), tag("cpm:owner", "root"), tag("cpm:recovery", recovery)].concat()
    });
    let restored = if restored { "<RestoreStatus><Status>starting</Status></RestoreStatus>" } else { "" };
    let body = format!(
        "<Clusters><Cluster><ClusterIdentifier>dwh-2</ClusterIdentifier><ClusterStatus>creating</ClusterStatus>\
         <DBName>dev</DBName><MasterUsername>admin</MasterUsername>{restored}<Tags>{}</Tags></Cluster></Clusters>",
        tags.unwrap_or_default()
    );
    answer("DescribeClusters", &body)
}

fn snapshot(user: &str) -> (u16, String) {
    let body = format!(
        "<Snapshots><Snapshot><SnapshotIdentifier>cpm-1</SnapshotIdentifier><Status>available</Status><DBName>dev</DBName>\
         <MasterUsername>{user}</MasterUsername><ClusterVersion>1.0</ClusterVersion><Encrypted>true</Encrypted>\
         <KmsKeyId>arn:key</KmsKeyId></Snapshot></Snapshots>"
    );
    answer("DescribeClusterSnapshots", &body)
}

#[rstest]
#[case("it has the mark", vec![cluster(Some("r17"), true)], 1)]
#[case("another recovery made it", vec![cluster(Some("r18"), true)], 0)]
#[case("no recovery made it", vec![cluster(None, false)], 0)]
#[case("it was made of another snapshot", vec![cluster(None, true), snapshot("root")], 0)]
#[case("the snapshot is gone", vec![cluster(None, true), refusal("ClusterSnapshotNotFound", "gone")], 0)]
#[case("nothing is there", vec![refusal("ClusterNotFound", "none")], 0)]
#[case("its tags are lacking", vec![cluster(None, true), snapshot("admin"), who(), answer("CreateTags", "")], 1)]
#[tokio::test]
async fn what_an_order_made_is_known(
    #[case] why: &str,
    #[case] answers: Vec<(u16, String)>,
    #[case] expected: usize,
) {
    let (root, calls) = (OwnerName::root(), answers.len());
    let script = Script::of(answers);
    let found = redshift(&script).find(&here(), &order(restore("cpm-1")), &mark(&root)).await.unwrap();
    assert_eq!(found.len(), expected, "{why}");
    assert_eq!(script.asked().len(), calls, "{why}");
    if calls == 4 {
        assert_eq!(script.asked()[3].to_string(), TAGS);
    }
}

#[tokio::test]
async fn the_account_of_a_role_is_known() {
    let access = Access::Assumed { account: "444455556666".into(), role: "r".into(), external_id: None };
    let place = Place { access, region: "eu-west-1".parse().unwrap() };
    let session = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>K</AccessKeyId><SecretAccessKey>s\
                   </SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>\
                   </Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let script =
        Script::of([(200, session.to_owned()), answer("RestoreFromClusterSnapshot", ""), answer("CreateTags", "")]);
    redshift(&script).carry_out(&place, &order(restore("cpm-1"))).await.unwrap();
    let arn = script.asked()[2].field("ResourceName");
    assert_eq!(arn.as_deref(), Some("arn:aws:redshift:eu-west-1:444455556666:cluster:dwh-2"));
}

#[rstest]
#[case("creating", MadeState::Pending, None)]
#[case("available", MadeState::Ready, None)]
#[case("available, prep-for-resize", MadeState::Ready, None)]
#[case("deleting", MadeState::Pending, None)]
#[case(
    "incompatible-network",
    MadeState::Failed,
    Some("it is `incompatible-network`: its subnet group or security groups do not fit")
)]
#[case("hardware-failure", MadeState::Failed, Some("it is `hardware-failure`"))]
#[tokio::test]
async fn clusters_are_seen(#[case] status: &str, #[case] state: MadeState, #[case] cause: Option<&str>) {
    let body = format!(
        "<Clusters><Cluster><ClusterIdentifier>dwh-2</ClusterIdentifier><ClusterStatus>{status}</ClusterStatus><Endpoint>\
         <Address>dwh.rs</Address><Port>5439</Port></Endpoint></Cluster></Clusters>"
    );
    let script = Script::of([answer("DescribeClusters", &body)]);
    let seen = redshift(&script).look(&here(), MadeKind::Warehouse, &["dwh-2".to_owned()]).await.unwrap().remove(0);
    assert_eq!((seen.state, seen.cause.as_deref()), (state, cause));
    assert_eq!(seen.addresses, ["dwh.rs:5439"]);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_gone() {
    let script = Script::of([refusal("ClusterNotFound", "none")]);
    let seen = redshift(&script).remaining(&here(), MadeKind::Warehouse, &["dwh-2".to_owned()]).await.unwrap();
    assert_eq!(seen[0].state, MadeState::Gone);
}

#[tokio::test]
async fn all_of_a_recovery_is_found_by_its_mark() {
    let root = OwnerName::root();
    let script = Script::of([cluster(Some("r17"), true)]);
    let found = redshift(&script).marked(&here(), MadeKind::Warehouse, &mark(&root)).await.unwrap();
    assert_eq!(found[0].id, "dwh-2");
    assert_eq!(script.asked()[0].field("TagKeys.TagKey.1").as_deref(), Some("cpm:recovery"));
    assert_eq!(script.asked()[0].field("TagValues.TagValue.1").as_deref(), Some("r17"));
}

#[tokio::test]
async fn removes_without_a_last_snapshot() {
    let script = Script::of([answer("DeleteCluster", ""), refusal("ClusterNotFound", "gone")]);
    let redshift = redshift(&script);
    redshift.remove(&here(), MadeKind::Warehouse, "dwh-2").await.unwrap();
    redshift.remove(&here(), MadeKind::Warehouse, "dwh-2").await.unwrap();
    assert_eq!(
        script.asked()[0].to_string(),
        "Action=DeleteCluster\nClusterIdentifier=dwh-2\nSkipFinalClusterSnapshot=true\nVersion=2012-12-01\n"
    );
}

#[tokio::test]
async fn shares_and_takes_back() {
    let (kind, unit, account) = (UnitKind::RedshiftSnapshot, UnitId::new("cpm-1"), "111122223333".to_owned());
    let share = Action::Share { kind, unit: unit.clone(), account: account.clone() };
    let unshare = Action::Unshare { kind, unit, account };
    for (what, action, stands) in [
        (share, "AuthorizeSnapshotAccess", "AuthorizationAlreadyExists"),
        (unshare, "RevokeSnapshotAccess", "AuthorizationNotFound"),
    ] {
        let script = Script::of([answer(action, ""), refusal(stands, "it stands")]);
        carry_out(&script, what.clone()).await.unwrap();
        carry_out(&script, what).await.unwrap();
        assert_eq!(
            script.asked()[0].to_string(),
            format!(
                "AccountWithRestoreAccess=111122223333\nAction={action}\nSnapshotIdentifier=cpm-1\nVersion=2012-12-01\n"
            )
        );
    }
}

#[rstest]
#[case("ClusterAlreadyExists", Refusal::Exists)]
#[case("ClusterQuotaExceeded", Refusal::Quota)]
#[case("NumberOfNodesQuotaExceeded", Refusal::Quota)]
#[case("InsufficientClusterCapacity", Refusal::Capacity)]
#[case("AccessToSnapshotDenied", Refusal::Denied)]
#[case("ClusterSubnetGroupNotFoundFault", Refusal::NotFound)]
#[case("InvalidRestore", Refusal::Invalid)]
#[tokio::test]
async fn refusals(#[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([who(), refusal(code, "AWS's words")]);
    let error = carry_out(&script, restore("cpm-1")).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (expected, "redshift:RestoreFromClusterSnapshot"));
    assert_eq!(script.asked().len(), 2, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn questions() {
    let group = "<ClusterSubnetGroups><ClusterSubnetGroup><VpcId>vpc-1</VpcId><Subnets><Subnet><SubnetAvailabilityZone>\
                 <Name>eu-west-1a</Name></SubnetAvailabilityZone></Subnet></Subnets></ClusterSubnetGroup>\
                 </ClusterSubnetGroups>";
    let script = Script::of([
        cluster(None, false),
        snapshot("admin"),
        answer("DescribeClusterSubnetGroups", group),
        refusal("ClusterParameterGroupNotFound", "none"),
    ]);
    let asked = [
        Question::Warehouse("dwh-2".into()),
        Question::WarehouseSnapshot(UnitId::new("cpm-1")),
        Question::WarehouseSubnetGroup("private".into()),
        Question::WarehouseParameterGroup("none".into()),
        Question::Zones,
    ];
    let facts: Facts = redshift(&script).ask(&here(), &asked).await.unwrap();
    assert_eq!(facts.names, [asked[0].clone(), asked[2].clone()].into());
    let network = SubnetGroupFact { vpc: "vpc-1".into(), zones: ["eu-west-1a".to_owned()].into() };
    assert_eq!(facts.subnet_groups, [(asked[2].clone(), network)].into());
    let fact = &facts.managed[&UnitId::new("cpm-1")];
    assert_eq!((fact.status.as_str(), fact.encrypted, fact.kms_key.as_deref()), ("available", true, Some("arn:key")));
    assert_eq!(script.asked().len(), 4);
}
