//! How functions are called, and how what comes of it is read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use std::time::Duration;

use cpm_aws_call::scripted::Script;
use cpm_aws_lambda::Lambda;
use cpm_aws_place::Roles;
use cpm_domain::{
    aws::{AwsError, Refusal},
    command::FunctionReport,
};
use cpm_ports::{Access, Functions, Place};
use jiff::SignedDuration;
use rstest::rstest;

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:quiesce";

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

async fn call(script: &Script) -> Result<FunctionReport, AwsError> {
    let lambda = Lambda::new(&Roles::new(&script.config()));
    lambda.call(&here(), FUNCTION, r#"{"phase":"before"}"#, SignedDuration::from_secs(75)).await
}

#[tokio::test]
async fn a_function_is_called_with_its_payload() {
    let script = Script::of([(200, r#"{"done":true}"#)]);
    assert_eq!(call(&script).await.unwrap(), FunctionReport { failure: None, log: String::new() });
    let asked = script.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].uri.starts_with("https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/"), "{asked:?}");
    assert!(asked[0].uri.contains("quiesce/invocations"), "{asked:?}");
    assert_eq!(asked[0].body, r#"{"phase":"before"}"#);
    assert_eq!(asked[0].header("x-amz-invocation-type"), Some("RequestResponse"));
    assert_eq!(asked[0].header("x-amz-log-type"), Some("Tail"));
}

#[rstest]
#[case(r#"{"errorType":"RuntimeError","errorMessage":"no disk"}"#, "RuntimeError: no disk")]
#[case(
    r#"{"errorMessage":"2026-01-01 Task timed out after 3.00 seconds"}"#,
    "2026-01-01 Task timed out after 3.00 seconds"
)]
#[case(r#"{"errorType":"Runtime.ExitError"}"#, "Runtime.ExitError")]
#[case(r#""text""#, "Unhandled")]
#[case("", "Unhandled")]
#[tokio::test]
async fn a_failure_is_told_in_the_functions_words(#[case] payload: &str, #[case] words: &str) {
    let script = Script::of([(200, payload)]).with_headers([
        ("x-amz-function-error", "Unhandled"),
        // `START\nno disk\n`
        ("x-amz-log-result", "U1RBUlQKbm8gZGlzawo="),
    ]);
    let report = call(&script).await.unwrap();
    assert_eq!(report, FunctionReport { failure: Some(words.to_owned()), log: "START\nno disk\n".to_owned() });
}

#[rstest]
#[case(404, "ResourceNotFoundException", Refusal::NotFound)]
#[case(429, "TooManyRequestsException", Refusal::Throttled)]
#[case(502, "EC2ThrottledException", Refusal::Throttled)]
#[case(403, "AccessDeniedException", Refusal::Denied)]
#[case(502, "KMSAccessDeniedException", Refusal::Denied)]
#[case(409, "ResourceConflictException", Refusal::Busy)]
#[case(502, "InvalidRuntimeException", Refusal::Invalid)]
#[case(413, "RequestTooLargeException", Refusal::Invalid)]
#[case(400, "InvalidRequestContentException", Refusal::Invalid)]
#[case(500, "ServiceException", Refusal::Unknown)]
#[tokio::test]
async fn refusals(#[case] status: u16, #[case] code: &str, #[case] expected: Refusal) {
    let body = r#"{"Type":"User","message":"AWS's words","Message":"AWS's words"}"#;
    let script = Script::of([(status, body), (200, "{}")]).with_headers([("x-amzn-errortype", code)]);
    let error = call(&script).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (expected, code));
    assert_eq!((error.action.as_str(), error.message.as_str()), ("lambda:InvokeFunction", "AWS's words"));
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn silence_is_unknown_when_its_time_is_over() {
    let script = Script::default();
    let lambda = Lambda::new(&Roles::new(&script.silent()));
    let error = lambda.call(&here(), FUNCTION, "{}", SignedDuration::from_secs(75)).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "Timeout"));
    let shorter = script.waited().into_iter().filter(|wait| *wait < Duration::from_secs(75));
    assert!(script.waited().contains(&Duration::from_secs(75)), "{:?}", script.waited());
    assert!(shorter.clone().all(|wait| wait <= Duration::from_secs(3)), "{:?}", script.waited());
}
