//! What is asked of CloudFormation, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_cloudformation::{OutputsError, outputs};

const STACK: &str = r"<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
  <StackName>cpm</StackName><CreationTime>2026-11-21T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>
  <Outputs>
    <member><OutputKey>ApiUrl</OutputKey><OutputValue>https://x.execute-api.eu-west-1.amazonaws.com</OutputValue></member>
    <member><OutputKey>Table</OutputKey><OutputValue>cpm-Table-1</OutputValue></member>
  </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

fn refusal(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )
}

#[tokio::test]
async fn reads_the_outputs_of_the_stack() {
    let script = Script::of([(200, STACK)]);
    let outputs = outputs("cpm", &script.config()).await.unwrap();
    assert_eq!(outputs["ApiUrl"], "https://x.execute-api.eu-west-1.amazonaws.com");
    assert_eq!(outputs.len(), 2);
    assert_eq!(script.asked()[0].field("StackName").as_deref(), Some("cpm"));
}

#[tokio::test]
async fn says_that_there_is_no_stack() {
    let script = Script::of([(400, refusal("ValidationError", "Stack with id cpm does not exist"))]);
    let error = outputs("cpm", &script.config()).await.unwrap_err();
    assert_eq!(error, OutputsError::NoStack { stack: "cpm".into(), region: "eu-west-1".into() });
    assert_eq!(error.to_string(), "there is no stack `cpm` in the Region eu-west-1 of this account");
}

#[tokio::test]
async fn says_who_may_not_look() {
    let words =
        "User: arn:aws:iam::123456789012:user/eve is not authorized to perform: cloudformation:DescribeStacks";
    let script = Script::of([(403, refusal("AccessDenied", words))]);
    let error = outputs("cpm", &script.config()).await.unwrap_err();
    assert!(matches!(error, OutputsError::Denied { .. }), "{error:?}");
    assert!(error.to_string().contains("user/eve"), "{error}");
    assert!(error.advice().contains("cloudformation:DescribeStacks"));
}

#[tokio::test]
async fn asks_again_when_aws_stumbles() {
    let script = Script::of([(503, String::new()), (200, STACK.to_owned())]);
    assert_eq!(outputs("cpm", &script.config()).await.unwrap().len(), 2);
    assert_eq!(script.asked().len(), 2);
}
