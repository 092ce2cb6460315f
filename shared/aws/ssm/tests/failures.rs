//! What the refusals of Systems Manager mean.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use std::{collections::BTreeMap, time::Duration};

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_ssm::Ssm;
use cpm_domain::{
    aws::{AwsError, Refusal},
    command::CommandRequest,
    kind::InstanceId,
};
use cpm_ports::{Access, Agents, Commands, Place};
use rstest::rstest;

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn ssm(script: &Script) -> Ssm {
    Ssm::new(&Roles::new(&script.config()))
}

fn instance() -> InstanceId {
    "i-0123456789abcdef0".parse().unwrap()
}

fn refusal(code: &str) -> String {
    format!(r#"{{"__type":"{code}","message":"AWS's words"}}"#)
}

async fn send(ssm: &Ssm) -> AwsError {
    let request = CommandRequest {
        document: "AWS-RunShellScript".to_owned(),
        parameters: BTreeMap::new(),
        instance: instance(),
        comment: String::new(),
        delivery: 30,
    };
    ssm.send(&here(), &request).await.unwrap_err()
}

#[rstest]
#[case(400, "InvalidInstanceId", Refusal::NotFound)]
#[case(400, "InvalidDocument", Refusal::NotFound)]
#[case(400, "ThrottlingException", Refusal::Throttled)]
#[case(400, "UnsupportedPlatformType", Refusal::Invalid)]
#[case(400, "InvalidParameters", Refusal::Invalid)]
#[case(400, "MaxDocumentSizeExceeded", Refusal::Invalid)]
#[case(400, "AccessDeniedException", Refusal::Denied)]
#[case(500, "InternalServerError", Refusal::Unknown)]
#[tokio::test]
async fn commands_that_are_not_sent(#[case] status: u16, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([(status, refusal(code)), (200, "{}".to_owned())]);
    let error = send(&ssm(&script)).await;
    assert_eq!((error.refusal, error.code.as_str()), (expected, code));
    assert_eq!((error.action.as_str(), error.message.as_str()), ("ssm:SendCommand", "AWS's words"));
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn silence_is_unknown_after_ten_seconds() {
    let script = Script::default();
    let error = send(&Ssm::new(&Roles::new(&script.silent()))).await;
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "Timeout"));
    assert!(script.waited().contains(&Duration::from_secs(10)), "{:?}", script.waited());
}

#[tokio::test]
async fn a_command_that_is_not_known_yet_is_no_failure() {
    let script = Script::of([(400, refusal("InvocationDoesNotExist"))]);
    assert_eq!(ssm(&script).look(&here(), "some", &instance()).await, Ok(None));
    let script = Script::of([(400, refusal("InvalidCommandId"))]);
    assert_eq!(ssm(&script).look(&here(), "some", &instance()).await.unwrap_err().refusal, Refusal::NotFound);
}

#[tokio::test]
async fn a_command_that_is_over_is_cancelled() {
    let script = Script::of([(400, refusal("InvalidCommandId"))]);
    assert_eq!(ssm(&script).cancel(&here(), "some").await, Ok(()));
    let script = Script::of([(500, refusal("InternalServerError")), (200, "{}".to_owned())]);
    assert_eq!(ssm(&script).cancel(&here(), "some").await.unwrap_err().refusal, Refusal::Unknown);
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn questions_are_asked_three_times() {
    let throttled = || (400, refusal("ThrottlingException"));
    let script = Script::of([throttled(), throttled(), (200, "{}".to_owned())]);
    assert_eq!(ssm(&script).agents(&here(), &[instance()]).await, Ok(vec![]));
    let script = Script::of(vec![throttled(); 5]);
    let error = ssm(&script).agents(&here(), &[instance()]).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Throttled, "ssm:DescribeInstanceInformation"));
    assert_eq!(script.asked().len(), 3);
}
