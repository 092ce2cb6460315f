//! What is asked of KMS, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_kms::Kms;
use cpm_aws_place::Roles;
use cpm_domain::{
    aws::{AwsError, Refusal},
    recovery::facts::{Facts, Question},
};
use cpm_ports::{Access, Place, Restorer};
use rstest::rstest;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/k1";

async fn ask(script: &Script, questions: &[Question]) -> Result<Facts, AwsError> {
    let here = Place { access: Access::Own, region: "eu-west-1".parse().unwrap() };
    Kms::new(&Roles::new(&script.config())).ask(&here, questions).await
}

fn refusal(code: &str) -> (u16, String) {
    (400, format!(r#"{{"__type": "{code}", "message": "AWS's words"}}"#))
}

#[rstest]
#[case("Enabled")]
#[case("Disabled")]
#[case("PendingDeletion")]
#[tokio::test]
async fn the_state_of_a_key_is_told(#[case] state: &str) {
    let script = Script::of([(200, format!(r#"{{"KeyMetadata": {{"KeyId": "k1", "KeyState": "{state}"}}}}"#))]);
    let facts = ask(&script, &[Question::Key(KEY.into()), Question::Zones]).await.unwrap();
    assert_eq!(facts.keys, [(KEY.to_owned(), state.to_owned())].into());
    assert_eq!(script.asked().len(), 1);
    assert_eq!(script.asked()[0].target, "TrentService.DescribeKey");
    assert_eq!(script.asked()[0].body, format!(r#"{{"KeyId":"{KEY}"}}"#));
}

#[rstest]
#[case("NotFoundException")]
#[case("InvalidArnException")]
#[case("AccessDeniedException")]
#[tokio::test]
async fn a_key_that_is_not_there_or_not_to_be_seen_is_not_in_it(#[case] code: &str) {
    assert_eq!(ask(&Script::of([refusal(code)]), &[Question::Key(KEY.into())]).await, Ok(Facts::default()));
}

#[rstest]
#[case("ThrottlingException", Refusal::Throttled, 3)]
#[case("KMSInternalException", Refusal::Unknown, 3)]
#[tokio::test]
async fn refusals(#[case] code: &str, #[case] expected: Refusal, #[case] tries: usize) {
    let status = if expected == Refusal::Unknown { 500 } else { 400 };
    let script = Script::of(vec![(status, refusal(code).1); 4]);
    let error = ask(&script, &[Question::Key(KEY.into())]).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (expected, "kms:DescribeKey"));
    assert_eq!(script.asked().len(), tries);
}

#[rstest]
#[case("AWS", true)]
#[case("CUSTOMER", false)]
#[tokio::test]
async fn keys_of_awss_own_are_told_apart(#[case] manager: &str, #[case] expected: bool) {
    let key = format!(r#"{{"KeyMetadata": {{"KeyId": "k1", "KeyState": "Enabled", "KeyManager": "{manager}"}}}}"#);
    let facts = ask(&Script::of([(200, key)]), &[Question::Key(KEY.into())]).await.unwrap();
    assert_eq!(facts.aws_keys.contains(KEY), expected);
    assert_eq!(facts.keys.len(), 1);
}

#[tokio::test]
async fn nothing_is_asked_about_nothing() {
    let script = Script::default();
    assert_eq!(ask(&script, &[Question::Database("orders".into())]).await, Ok(Facts::default()));
    assert_eq!(script.asked().len(), 0);
}
