//! How the function that recovers is asked.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use std::time::Duration;

use cpm_aws_call::scripted::Script;
use cpm_aws_lambda::Recoverer;
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::BackupId,
    name::OwnerName,
    origin::ImageOrigin,
    recovery::{
        image::{ImagesFound, ImagesLike},
        plan::{Checked, Plan, RecoveryKind},
    },
};
use cpm_ports::Planner;
use rstest::rstest;

fn plan() -> Plan {
    Plan::new(BackupId(7), RecoveryKind::Rds)
}

async fn check(script: &Script) -> Result<Checked, AwsError> {
    Recoverer::new(&script.config(), "cpm-recoverer").plan(&OwnerName::root(), &plan()).await
}

#[tokio::test]
async fn a_plan_is_checked() {
    let checked = Checked { plan: plan(), problems: vec![], warnings: vec!["it is large".into()] };
    let script = Script::of([(200, serde_json::to_string(&checked).unwrap())]);
    assert_eq!(check(&script).await, Ok(checked));
    let asked = script.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].uri.contains("cpm-recoverer/invocations"), "{asked:?}");
    assert_eq!(asked[0].header("x-amz-invocation-type"), Some("RequestResponse"));
    let sent: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(sent, serde_json::json!({"step": "plan", "owner": "root", "plan": plan()}));
}

#[tokio::test]
async fn images_are_looked_for() {
    let found =
        ImagesFound { original: ImageOrigin::default(), region: "eu-west-1".parse().unwrap(), images: vec![] };
    let script = Script::of([(200, serde_json::to_string(&found).unwrap())]);
    let like = ImagesLike { backup: BackupId(7), source: None, region: None, account: None, fuzzy: true };
    let answer = Recoverer::new(&script.config(), "cpm-recoverer").images(&OwnerName::root(), &like).await;
    assert_eq!(answer, Ok(found));
    let sent: serde_json::Value = serde_json::from_str(&script.asked()[0].body).unwrap();
    assert_eq!(sent, serde_json::json!({"step": "images", "owner": "root", "like": like}));
}

#[rstest]
#[case(
    r#"{"errorType":"Input.NotFound","errorMessage":"no backup 7"}"#,
    "Input.NotFound",
    "no backup 7",
    Refusal::NotFound
)]
#[case(r#"{"errorType":"Input.Bad","errorMessage":"no source"}"#, "Input.Bad", "no source", Refusal::Invalid)]
#[case(r#"{"errorType":"Aws.Refused","errorMessage":"denied"}"#, "Aws.Refused", "denied", Refusal::Invalid)]
#[case(r#"{"errorType":"Aws.Unavailable","errorMessage":"slow"}"#, "Aws.Unavailable", "slow", Refusal::Unknown)]
#[case(
    r#"{"errorType":"Sandbox.Timedout","errorMessage":"timed out"}"#,
    "Sandbox.Timedout",
    "timed out",
    Refusal::Unknown
)]
#[case(r#"{"errorMessage":"it is over"}"#, "Unhandled", "it is over", Refusal::Unknown)]
#[case("", "Unhandled", "the function ended unheard", Refusal::Unknown)]
#[tokio::test]
async fn a_failure_is_told_in_the_functions_words(
    #[case] payload: &str,
    #[case] code: &str,
    #[case] message: &str,
    #[case] refusal: Refusal,
) {
    let script = Script::of([(200, payload)]).with_headers([("x-amz-function-error", "Unhandled")]);
    let error = check(&script).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str(), error.message.as_str()), (refusal, code, message));
    assert_eq!(error.action, "lambda:InvokeFunction");
}

#[tokio::test]
async fn an_answer_that_is_not_understood_is_told() {
    let error = check(&Script::of([(200, r#"{"plan": 1}"#)])).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Invalid, "UnreadableAnswer"));
    assert!(error.message.contains("deploy all of one version"), "{}", error.message);
}

#[tokio::test]
async fn it_is_asked_once_and_in_time() {
    let script = Script::of([(500, ""), (500, "")]);
    assert_eq!(check(&script).await.unwrap_err().refusal, Refusal::Unknown);
    assert_eq!(script.asked().len(), 1);
    let silent = Script::default();
    let error = Recoverer::new(&silent.silent(), "r").plan(&OwnerName::root(), &plan()).await.unwrap_err();
    assert_eq!(error.refusal, Refusal::Unknown);
    assert!(silent.waited().contains(&Duration::from_secs(27)), "{:?}", silent.waited());
}
