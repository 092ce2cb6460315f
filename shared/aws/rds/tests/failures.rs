//! How failures of RDS come out, and how often a call is made.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use std::time::Duration;

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_rds::Rds;
use cpm_domain::{
    aws::{AwsError, Refusal, Tags, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    unit::{UnitKind, UnitReport},
};
use cpm_ports::{Access, Deletions, Driver, Place};
use rstest::rstest;

const DATABASE: UnitKind = UnitKind::RdsSnapshot;
const CLUSTER: UnitKind = UnitKind::AuroraSnapshot;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn refusal(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>AWS's words</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    )
}

async fn create(config: &aws_config::SdkConfig, kind: UnitKind) -> Result<Vec<UnitReport>, AwsError> {
    let source = kind.sources().next().unwrap();
    let request = UnitRequest {
        kind,
        target: Resource::new(source, "orders").unwrap(),
        name: "cpm-web-orders-17-1".into(),
        excluded: vec![],
        exclude_boot: false,
        image: None,
        description: String::new(),
        tags: Tags::new(),
        copy_tags: false,
    };
    Rds::new(&Roles::new(config)).create(&here(), &request).await
}

#[rstest]
#[case(DATABASE, 400, "InvalidDBInstanceState", Refusal::Busy)]
#[case(DATABASE, 400, "InvalidDBInstanceStateFault", Refusal::Busy)]
#[case(DATABASE, 400, "DBSnapshotAlreadyExists", Refusal::Exists)]
#[case(DATABASE, 400, "SnapshotQuotaExceeded", Refusal::Quota)]
#[case(DATABASE, 400, "SnapshotQuotaExceededFault", Refusal::Quota)]
#[case(DATABASE, 404, "DBInstanceNotFound", Refusal::NotFound)]
#[case(DATABASE, 400, "KMSKeyNotAccessibleFault", Refusal::Denied)]
#[case(DATABASE, 400, "InvalidParameterValue", Refusal::Invalid)]
#[case(DATABASE, 400, "Throttling", Refusal::Throttled)]
#[case(DATABASE, 403, "AccessDenied", Refusal::Denied)]
#[case(DATABASE, 500, "InternalFailure", Refusal::Unknown)]
#[case(CLUSTER, 400, "InvalidDBClusterStateFault", Refusal::Busy)]
#[case(CLUSTER, 400, "InvalidDBClusterSnapshotStateFault", Refusal::Busy)]
#[case(CLUSTER, 400, "DBClusterSnapshotAlreadyExistsFault", Refusal::Exists)]
#[case(CLUSTER, 400, "SnapshotQuotaExceeded", Refusal::Quota)]
#[case(CLUSTER, 400, "DBClusterSnapshotQuotaExceededFault", Refusal::Quota)]
#[case(CLUSTER, 404, "DBClusterNotFoundFault", Refusal::NotFound)]
#[tokio::test]
async fn creations(#[case] kind: UnitKind, #[case] status: u16, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([(status, refusal(code)), (200, String::new())]);
    let error = create(&script.config(), kind).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str(), error.message.as_str()), (expected, code, "AWS's words"));
    let action = if kind == DATABASE { "rds:CreateDBSnapshot" } else { "rds:CreateDBClusterSnapshot" };
    assert_eq!(error.action, action);
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn a_creation_without_an_answer_is_unknown_after_thirty_seconds() {
    let script = Script::default();
    let error = create(&script.silent(), CLUSTER).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "Timeout"));
    assert!(script.waited().contains(&Duration::from_secs(30)), "{:?}", script.waited());
}

#[rstest]
#[case(DATABASE, 404, "DBSnapshotNotFound", None)]
#[case(DATABASE, 404, "DBSnapshotNotFoundFault", None)]
#[case(DATABASE, 400, "InvalidDBSnapshotState", Some(Refusal::InUse))]
#[case(CLUSTER, 404, "DBClusterSnapshotNotFoundFault", None)]
#[case(CLUSTER, 400, "InvalidDBClusterSnapshotStateFault", Some(Refusal::InUse))]
#[case(CLUSTER, 403, "AccessDenied", Some(Refusal::Denied))]
#[case(DATABASE, 500, "InternalFailure", Some(Refusal::Unknown))]
#[tokio::test]
async fn deletions(
    #[case] kind: UnitKind,
    #[case] status: u16,
    #[case] code: &str,
    #[case] expected: Option<Refusal>,
) {
    let script = Script::of([(status, refusal(code)), (200, String::new())]);
    let rds = Rds::new(&Roles::new(&script.config()));
    let outcome = rds.delete(&here(), kind, &UnitId::new("s-1")).await;
    assert_eq!(outcome.err().map(|error| error.refusal), expected);
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn questions_are_asked_three_times() {
    let script = Script::of(vec![(400, refusal("Throttling")); 4]);
    let rds = Rds::new(&Roles::new(&script.config()));
    let asked = [Resource::new(Kind::Rds, "orders").unwrap()];
    let error = rds.describe(&here(), Kind::Rds, &asked).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Throttled, "rds:DescribeDBInstances"));
    assert_eq!(script.asked().len(), 3);
}
