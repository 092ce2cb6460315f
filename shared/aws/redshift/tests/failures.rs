//! How failures of Redshift come out, and how often a call is made.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use std::time::Duration;

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_redshift::Redshift;
use cpm_domain::{
    aws::{Refusal, Tags, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    unit::UnitKind,
};
use cpm_ports::{Access, Deletions, Driver, Place};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn refusal(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>AWS's words</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    )
}

fn request() -> UnitRequest {
    UnitRequest {
        kind: UnitKind::RedshiftSnapshot,
        target: Resource::new(Kind::Redshift, "dwh").unwrap(),
        name: "cpm-web-dwh-17-1".into(),
        excluded: vec![],
        exclude_boot: false,
        image: None,
        description: String::new(),
        tags: Tags::new(),
        copy_tags: false,
    }
}

#[rstest]
#[case(400, "InvalidClusterState", Refusal::Busy)]
#[case(400, "ClusterSnapshotAlreadyExists", Refusal::Exists)]
#[case(400, "ClusterSnapshotQuotaExceeded", Refusal::Quota)]
#[case(404, "ClusterNotFound", Refusal::NotFound)]
#[case(400, "TagLimitExceededFault", Refusal::Invalid)]
#[case(400, "DependentServiceRequestThrottlingFault", Refusal::Throttled)]
#[case(400, "Throttling", Refusal::Throttled)]
#[case(403, "AccessDenied", Refusal::Denied)]
#[case(500, "InternalFailure", Refusal::Unknown)]
#[tokio::test]
async fn creations(#[case] status: u16, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([(status, refusal(code)), (200, String::new())]);
    let error = Redshift::new(&Roles::new(&script.config())).create(&here(), &request()).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str(), error.message.as_str()), (expected, code, "AWS's words"));
    assert_eq!(error.action, "redshift:CreateClusterSnapshot");
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn a_creation_without_an_answer_is_unknown_after_thirty_seconds() {
    let script = Script::default();
    let error = Redshift::new(&Roles::new(&script.silent())).create(&here(), &request()).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "Timeout"));
    assert!(script.waited().contains(&Duration::from_secs(30)), "{:?}", script.waited());
}

#[rstest]
#[case(404, "ClusterSnapshotNotFound", None)]
#[case(400, "InvalidClusterSnapshotState", Some(Refusal::InUse))]
#[case(403, "AccessDenied", Some(Refusal::Denied))]
#[tokio::test]
async fn deletions(#[case] status: u16, #[case] code: &str, #[case] expected: Option<Refusal>) {
    let script = Script::of([(status, refusal(code)), (200, String::new())]);
    let redshift = Redshift::new(&Roles::new(&script.config()));
    let outcome = redshift.delete(&here(), UnitKind::RedshiftSnapshot, &UnitId::new("s-1")).await;
    assert_eq!(outcome.err().map(|error| error.refusal), expected);
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn questions_are_asked_three_times() {
    let script = Script::of(vec![(400, refusal("Throttling")); 4]);
    let error = Redshift::new(&Roles::new(&script.config())).tagged(&here()).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Throttled, "redshift:DescribeClusters"));
    assert_eq!(script.asked().len(), 3);
}
