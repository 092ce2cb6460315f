//! What is asked of Step Functions, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use std::collections::HashMap;

use cpm_aws_call::scripted::Script;
use cpm_aws_sfn::Sfn;
use cpm_domain::aws::Refusal;
use cpm_ports::{Execution, Executions, Machine, Started};
use rstest::rstest;
use serde_json::{Value, json};

const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:cpm-Backup-x1";

fn sfn(script: &Script) -> Sfn {
    Sfn::new(&script.config(), HashMap::from([(Machine::Backup, MACHINE.to_owned())]))
}

fn error(code: &str) -> String {
    json!({"__type": format!("com.amazonaws.swf.service.v2.model#{code}"), "message": "AWS's words"}).to_string()
}

fn body(script: &Script) -> Value {
    serde_json::from_str(&script.asked()[0].body).unwrap()
}

#[tokio::test]
async fn starts_an_execution_under_its_name() {
    let script = Script::of([(200, r#"{"executionArn":"arn:aws:states:x","startDate":1.7E9}"#)]);
    let started = sfn(&script).start(Machine::Backup, "root-web-1", r#"{"policy":"web"}"#).await;
    assert_eq!(started, Ok(Started::Now));
    assert_eq!(script.asked()[0].target, "AWSStepFunctions.StartExecution");
    let asked = json!({"stateMachineArn": MACHINE, "name": "root-web-1", "input": "{\"policy\":\"web\"}"});
    assert_eq!(body(&script), asked);
}

#[tokio::test]
async fn a_name_in_use_is_no_error() {
    let script = Script::of([(400, error("ExecutionAlreadyExists"))]);
    assert_eq!(sfn(&script).start(Machine::Backup, "n", "{}").await, Ok(Started::Already));
}

#[rstest]
#[case("ExecutionLimitExceeded", Refusal::Throttled)]
#[case("ThrottlingException", Refusal::Throttled)]
#[case("AccessDeniedException", Refusal::Denied)]
#[case("StateMachineDoesNotExist", Refusal::NotFound)]
#[case("InvalidExecutionInput", Refusal::Invalid)]
#[tokio::test]
async fn a_start_is_made_once(#[case] code: &str, #[case] refusal: Refusal) {
    let script = Script::of([(400, error(code)), (200, "{}".to_owned())]);
    let error = sfn(&script).start(Machine::Backup, "n", "{}").await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str(), error.action.as_str()), (refusal, code, "states:StartExecution"));
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn a_start_without_an_answer_may_have_worked() {
    let script = Script::default();
    let sfn = Sfn::new(&script.silent(), HashMap::from([(Machine::Backup, MACHINE.to_owned())]));
    assert_eq!(sfn.start(Machine::Backup, "n", "{}").await.unwrap_err().refusal, Refusal::Unknown);
}

#[tokio::test]
async fn a_machine_that_was_not_configured_is_named() {
    let error = sfn(&Script::default()).start(Machine::Cleanup, "n", "{}").await.unwrap_err();
    assert!(error.message.contains("Cleanup"), "{error}");
}

#[rstest]
#[case("RUNNING", Execution::Running)]
#[case("PENDING_REDRIVE", Execution::Running)]
#[case("SUCCEEDED", Execution::Succeeded)]
#[case("FAILED", Execution::Dead)]
#[case("TIMED_OUT", Execution::Dead)]
#[case("ABORTED", Execution::Dead)]
#[tokio::test]
async fn says_how_an_execution_stands(#[case] status: &str, #[case] execution: Execution) {
    let answer = json!({"executionArn": "a", "stateMachineArn": MACHINE, "status": status, "startDate": 1.7E9});
    let script = Script::of([(200, answer.to_string())]);
    assert_eq!(sfn(&script).look(Machine::Backup, "root-web-1").await, Ok(execution));
    let arn = "arn:aws:states:eu-west-1:123456789012:execution:cpm-Backup-x1:root-web-1";
    assert_eq!(body(&script), json!({"executionArn": arn}));
}

#[tokio::test]
async fn an_execution_that_aws_forgot_is_unknown() {
    let script = Script::of([(400, error("ExecutionDoesNotExist"))]);
    assert_eq!(sfn(&script).look(Machine::Backup, "n").await, Ok(Execution::Unknown));
}

#[tokio::test]
async fn looks_again_when_throttled() {
    let answer = json!({"executionArn": "a", "stateMachineArn": MACHINE, "status": "RUNNING", "startDate": 1.7E9});
    let script = Script::of([(400, error("ThrottlingException")), (200, answer.to_string())]);
    assert_eq!(sfn(&script).look(Machine::Backup, "n").await, Ok(Execution::Running));
    assert_eq!(script.asked().len(), 2);
}

#[rstest]
#[case(200, None, true)]
#[case(400, Some("TaskTimedOut"), false)]
#[case(400, Some("InvalidToken"), false)]
#[case(400, Some("TaskDoesNotExist"), false)]
#[tokio::test]
async fn wakes_what_waits(#[case] status: u16, #[case] code: Option<&str>, #[case] woken: bool) {
    let script = Script::of([(status, code.map_or_else(|| "{}".to_owned(), error))]);
    assert_eq!(sfn(&script).wake("token").await, Ok(woken));
    assert_eq!(body(&script), json!({"taskToken": "token", "output": "{}"}));
}

#[tokio::test]
async fn a_wake_that_is_denied_is_an_error() {
    let script = Script::of([(400, error("AccessDeniedException"))]);
    let error = sfn(&script).wake("token").await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Denied, "states:SendTaskSuccess"));
}
