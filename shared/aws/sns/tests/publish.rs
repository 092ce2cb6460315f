//! What is asked of SNS, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_sns::Topic;
use cpm_domain::{
    alert::{Alert, Category, Severity},
    aws::Refusal,
    message::{Message, Sender},
    name::OwnerName,
};
use cpm_ports::Publisher;
use rstest::rstest;
use serde_json::Value;

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:cpm-Alerts";
const DONE: &str = "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>";

fn message(story: &str) -> Message {
    let alert = Alert {
        category: Category::Backup,
        subject: "web".into(),
        policy: Some("web".parse().unwrap()),
        severity: Severity::Error,
        title: "Policy web Backup Failure".into(),
        message: story.into(),
        since: "2026-11-21T02:03:04Z".parse().unwrap(),
        time: "2026-11-21T02:03:04Z".parse().unwrap(),
        count: 1,
        announced: 1,
    };
    let account = "123456789012".parse().unwrap();
    Message::raised(&Sender { deployment: "cpm", account: &account, owner: &OwnerName::root() }, &alert)
}

#[tokio::test]
async fn each_protocol_gets_its_form() {
    let script = Script::of([(200, DONE)]);
    Topic::new(&script.config(), TOPIC).publish(&message("the whole story")).await.unwrap();
    let asked = &script.asked()[0];
    assert_eq!(asked.field("TopicArn").as_deref(), Some(TOPIC));
    assert_eq!(asked.field("Subject").as_deref(), Some("[cpm error] Policy web Backup Failure"));
    assert_eq!(asked.field("MessageStructure").as_deref(), Some("json"));
    let forms: Value = serde_json::from_str(&asked.field("Message").unwrap()).unwrap();
    assert_eq!(forms["sms"], "[cpm error] Policy web Backup Failure");
    assert!(forms["email"].as_str().unwrap().contains("the whole story"));
    let body: Value = serde_json::from_str(forms["default"].as_str().unwrap()).unwrap();
    assert_eq!((&body["message_body"], &body["state"]), (&"the whole story".into(), &"raised".into()));
}

#[tokio::test]
async fn subscriptions_can_filter() {
    let script = Script::of([(200, DONE)]);
    Topic::new(&script.config(), TOPIC).publish(&message("s")).await.unwrap();
    let form = script.asked()[0].form();
    let values = |suffix: &str| {
        let mut values: Vec<_> =
            form.iter().filter(|(name, _)| name.ends_with(suffix)).map(|(_, value)| value.as_str()).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(values(".Name"), ["category", "owner", "policy", "severity", "state"]);
    assert_eq!(values(".StringValue"), ["backup", "error", "raised", "root", "web"]);
    assert_eq!(values(".DataType"), ["String"; 5]);
}

#[rstest]
#[case("\u{1}")]
#[case("\"\\")]
#[case("\u{10ffff}")]
#[tokio::test]
async fn the_longest_story_is_within_the_limit_of_sns(#[case] worst: &str) {
    let script = Script::of([(200, DONE)]);
    Topic::new(&script.config(), TOPIC).publish(&message(&worst.repeat(400_000))).await.unwrap();
    let length = script.asked()[0].field("Message").unwrap().len();
    assert!(length < 256 * 1024 - 1024, "{length} bytes, and attributes count as well");
}

#[rstest]
#[case(403, "AuthorizationError", Refusal::Denied)]
#[case(403, "KMSAccessDenied", Refusal::Denied)]
#[case(404, "NotFound", Refusal::NotFound)]
#[case(400, "Throttled", Refusal::Throttled)]
#[case(400, "KMSThrottling", Refusal::Throttled)]
#[case(400, "InvalidParameter", Refusal::Invalid)]
#[case(500, "InternalError", Refusal::Unknown)]
#[tokio::test]
async fn a_refusal_is_told_once(#[case] status: u16, #[case] code: &str, #[case] refusal: Refusal) {
    let words = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>AWS's words</Message></Error>\
         </ErrorResponse>"
    );
    let script = Script::of([(status, words), (200, DONE.to_owned())]);
    let error = Topic::new(&script.config(), TOPIC).publish(&message("s")).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str(), error.action.as_str()), (refusal, code, "sns:Publish"));
    assert_eq!(script.asked().len(), 1);
}
