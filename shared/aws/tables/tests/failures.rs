//! How failures of DynamoDB come out, and how often a call is made.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use std::time::Duration;

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_tables::Tables;
use cpm_domain::{
    aws::{Refusal, Tags, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    provenance::Sought,
    unit::UnitKind,
};
use cpm_ports::{Access, Deletions, Driver, Place};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn tables(script: &Script) -> Tables {
    Tables::new(&Roles::new(&script.config()))
}

fn refusal(code: &str) -> String {
    format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"AWS's words"}}"#)
}

fn request() -> UnitRequest {
    UnitRequest {
        kind: UnitKind::DynamodbBackup,
        target: Resource::new(Kind::Dynamodb, "sessions").unwrap(),
        name: "cpm.-17-1.-root.-web.-cpm".into(),
        excluded: vec![],
        exclude_boot: false,
        image: None,
        description: String::new(),
        tags: Tags::new(),
        copy_tags: false,
    }
}

#[rstest]
#[case(400, "BackupInUseException", Refusal::Busy)]
#[case(400, "TableInUseException", Refusal::Busy)]
#[case(400, "ContinuousBackupsUnavailableException", Refusal::Busy)]
#[case(400, "LimitExceededException", Refusal::Limit)]
#[case(400, "TableNotFoundException", Refusal::NotFound)]
#[case(400, "ValidationException", Refusal::Invalid)]
#[case(400, "ThrottlingException", Refusal::Throttled)]
#[case(400, "AccessDeniedException", Refusal::Denied)]
#[case(500, "InternalServerError", Refusal::Unknown)]
#[tokio::test]
async fn creations(#[case] status: u16, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([(status, refusal(code)), (200, String::new())]);
    let error = tables(&script).create(&here(), &request()).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str(), error.message.as_str()), (expected, code, "AWS's words"));
    assert_eq!(error.action, "dynamodb:CreateBackup");
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn a_creation_without_an_answer_is_unknown_after_thirty_seconds() {
    let script = Script::default();
    let error = Tables::new(&Roles::new(&script.silent())).create(&here(), &request()).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "Timeout"));
    assert!(script.waited().contains(&Duration::from_secs(30)), "{:?}", script.waited());
}

#[rstest]
#[case(400, "BackupNotFoundException", None)]
#[case(400, "BackupInUseException", Some(Refusal::InUse))]
#[case(400, "LimitExceededException", Some(Refusal::Limit))]
#[case(400, "AccessDeniedException", Some(Refusal::Denied))]
#[tokio::test]
async fn deletions(#[case] status: u16, #[case] code: &str, #[case] expected: Option<Refusal>) {
    let script = Script::of([(status, refusal(code)), (200, String::new())]);
    let outcome = tables(&script).delete(&here(), UnitKind::DynamodbBackup, &UnitId::new("arn:of:a:backup")).await;
    assert_eq!(outcome.err().map(|error| error.refusal), expected);
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn questions_are_asked_three_times() {
    let script = Script::of(vec![(400, refusal("ThrottlingException")); 7]);
    let sought = Sought { deployment: "cpm", backup: None };
    let error = tables(&script).find(&here(), UnitKind::DynamodbBackup, &sought).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Throttled, "dynamodb:ListBackups"));
    assert_eq!(script.asked().len(), 3);
    let error = tables(&script).tagged(&here()).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Throttled, "tag:GetResources"));
    assert_eq!(script.asked().len(), 6);
}
