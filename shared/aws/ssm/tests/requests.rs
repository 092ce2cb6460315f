//! What is asked of Systems Manager, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use std::collections::BTreeMap;

use cpm_aws_call::scripted::{Asked, Script};
use cpm_aws_place::Roles;
use cpm_aws_ssm::Ssm;
use cpm_domain::{
    aws::Platform,
    command::{Agent, CommandReport, CommandRequest, CommandState, Ping},
    kind::InstanceId,
};
use cpm_ports::{Access, Agents, Commands, Place};
use rstest::rstest;
use serde_json::{Value, json};

const COMMAND: &str = "ef7fdfd8-9b57-4151-a15c-db9a12345678";

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn ssm(script: &Script) -> Ssm {
    Ssm::new(&Roles::new(&script.config()))
}

fn instance(number: u32) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

fn answers<const N: usize>(bodies: [Value; N]) -> Script {
    Script::of(bodies.map(|body| (200, body.to_string())))
}

fn sent(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

fn request(delivery: u32) -> CommandRequest {
    CommandRequest {
        document: "AWS-RunShellScript".to_owned(),
        parameters: BTreeMap::from([
            ("commands".to_owned(), vec!["sync".to_owned(), "fsfreeze -f /data".to_owned()]),
            ("executionTimeout".to_owned(), vec!["60".to_owned()]),
        ]),
        instance: instance(1),
        comment: "cpm 7-1 before".to_owned(),
        delivery,
    }
}

#[rstest]
#[case(5, 30)]
#[case(90, 90)]
#[case(u32::MAX, 2_592_000)]
#[tokio::test]
async fn sends_a_command_to_one_instance(#[case] delivery: u32, #[case] told: u32) {
    let script = answers([json!({"Command": {"CommandId": COMMAND}})]);
    assert_eq!(ssm(&script).send(&here(), &request(delivery)).await.unwrap(), COMMAND);
    let asked = script.asked();
    assert_eq!(asked[0].target, "AmazonSSM.SendCommand");
    assert_eq!(
        sent(&asked[0]),
        json!({
            "DocumentName": "AWS-RunShellScript",
            "Parameters": {"commands": ["sync", "fsfreeze -f /data"], "executionTimeout": ["60"]},
            "InstanceIds": [instance(1).as_str()],
            "Comment": "cpm 7-1 before",
            "TimeoutSeconds": told,
        })
    );
}

#[tokio::test]
async fn a_command_without_an_id_is_no_success() {
    let script = answers([json!({"Command": {}})]);
    assert_eq!(ssm(&script).send(&here(), &request(60)).await.unwrap_err().code, "UnreadableAnswer");
}

async fn look(body: Value) -> CommandReport {
    let script = answers([body]);
    let report = ssm(&script).look(&here(), COMMAND, &instance(1)).await.unwrap().unwrap();
    let asked = script.asked();
    assert_eq!(asked[0].target, "AmazonSSM.GetCommandInvocation");
    assert_eq!(sent(&asked[0]), json!({"CommandId": COMMAND, "InstanceId": instance(1).as_str()}));
    report
}

#[rstest]
#[case("Pending", "Pending", CommandState::Open)]
#[case("InProgress", "InProgress", CommandState::Open)]
#[case("InProgress", "In Progress", CommandState::Open)]
#[case("Delayed", "Delayed", CommandState::Open)]
#[case("Cancelling", "Cancelling", CommandState::Open)]
#[case("Success", "Success", CommandState::Succeeded)]
#[case("Failed", "Failed", CommandState::Failed)]
#[case("Cancelled", "Cancelled", CommandState::Failed)]
#[case("Failed", "Undeliverable", CommandState::Failed)]
#[case("TimedOut", "Undeliverable", CommandState::Failed)]
#[case("Cancelled", "Terminated", CommandState::Failed)]
#[case("Failed", "InvalidPlatform", CommandState::Failed)]
#[case("Failed", "Access Denied", CommandState::Failed)]
#[case("TimedOut", "DeliveryTimedOut", CommandState::TimedOut)]
#[case("TimedOut", "Delivery Timed Out", CommandState::TimedOut)]
#[case("TimedOut", "ExecutionTimedOut", CommandState::TimedOut)]
#[case("TimedOut", "", CommandState::TimedOut)]
#[case("Failed", "NeverHeardOf", CommandState::Failed)]
#[case("NeverHeardOf", "NeverHeardOf", CommandState::Open)]
#[tokio::test]
async fn reads_every_state(#[case] status: &str, #[case] details: &str, #[case] state: CommandState) {
    let report = look(json!({"Status": status, "StatusDetails": details, "ResponseCode": -1})).await;
    let words = if details.is_empty() { status } else { details };
    assert_eq!((report.state, report.words.as_str()), (state, words));
}

#[tokio::test]
async fn reads_what_a_command_did() {
    let report = look(json!({
        "Status": "Failed",
        "StatusDetails": "Failed",
        "ResponseCode": 3,
        "ExecutionStartDateTime": "2026-01-01T00:00:01.250Z",
        "ExecutionEndDateTime": "2026-01-01T00:00:05Z",
        "StandardOutputContent": "frozen\n",
        "StandardErrorContent": "failed to run commands: exit status 3",
    }))
    .await;
    assert_eq!(
        report,
        CommandReport {
            state: CommandState::Failed,
            words: "Failed".to_owned(),
            exit_code: Some(3),
            started: Some("2026-01-01T00:00:01.250Z".parse().unwrap()),
            ended: Some("2026-01-01T00:00:05Z".parse().unwrap()),
            output: "frozen\n".to_owned(),
            error_output: "failed to run commands: exit status 3".to_owned(),
            truncated: false,
        }
    );
}

#[tokio::test]
async fn what_has_not_begun_has_no_times_and_no_exit_code() {
    let times = json!({
        "Status": "Pending", "ResponseCode": -1, "ExecutionStartDateTime": "", "ExecutionEndDateTime": "",
    });
    let report = look(times).await;
    assert_eq!((report.exit_code, report.started, report.ended), (None, None, None));
}

#[rstest]
#[case("many lines\n--output truncated--", "", "many lines", "")]
#[case("many lines\n---Output truncated---\n", "", "many lines", "")]
#[case("", "trouble\n---Error truncated----", "", "trouble")]
#[tokio::test]
async fn says_what_was_cut(
    #[case] output: &str,
    #[case] error_output: &str,
    #[case] kept: &str,
    #[case] error_kept: &str,
) {
    let report = look(json!({
        "Status": "Success", "StandardOutputContent": output, "StandardErrorContent": error_output,
    }))
    .await;
    assert_eq!((report.output.as_str(), report.error_output.as_str()), (kept, error_kept));
    assert!(report.truncated);
}

#[tokio::test]
async fn the_mark_of_what_was_cut_counts_at_the_end_only() {
    let text = "it said --output truncated-- and went on\n";
    let report = look(json!({"Status": "Success", "StandardOutputContent": text})).await;
    assert_eq!((report.output.as_str(), report.truncated), (text, false));
}

#[tokio::test]
async fn finds_the_newest_command_of_its_comment() {
    let invocation =
        |id: &str, comment: &str, at: f64| json!({"CommandId": id, "Comment": comment, "RequestedDateTime": at});
    let script = answers([
        json!({
            "CommandInvocations": [invocation("other", "cpm 7-1 after", 9e8), invocation("old", "cpm 7-1 before", 1e8)],
            "NextToken": "more",
        }),
        json!({"CommandInvocations": [
            invocation("new", "cpm 7-1 before", 3e8),
            invocation("middle", "cpm 7-1 before", 2e8),
            invocation("longer", "cpm 7-1 before and more", 9e8),
        ]}),
    ]);
    let since = "2026-01-01T00:00:00.9Z".parse().unwrap();
    let found = ssm(&script).find(&here(), &instance(1), "cpm 7-1 before", since).await.unwrap();
    assert_eq!(found.as_deref(), Some("new"));
    let asked = script.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].target, "AmazonSSM.ListCommandInvocations");
    assert_eq!(
        sent(&asked[0]),
        json!({
            "InstanceId": instance(1).as_str(),
            "MaxResults": 50,
            "Filters": [{"key": "InvokedAfter", "value": "2026-01-01T00:00:00Z"}],
        })
    );
}

#[tokio::test]
async fn finds_none() {
    let script = answers([json!({"CommandInvocations": []})]);
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(ssm(&script).find(&here(), &instance(1), "cpm 7-1 before", since).await, Ok(None));
}

#[tokio::test]
async fn cancels() {
    let script = answers([json!({})]);
    assert_eq!(ssm(&script).cancel(&here(), COMMAND).await, Ok(()));
    let asked = script.asked();
    assert_eq!(
        (asked[0].target.as_str(), sent(&asked[0])),
        ("AmazonSSM.CancelCommand", json!({"CommandId": COMMAND}))
    );
}

#[tokio::test]
async fn reads_agents_of_all_pages() {
    let script = answers([
        json!({
            "InstanceInformationList": [{
                "InstanceId": instance(1).as_str(),
                "PingStatus": "Online",
                "LastPingDateTime": 1_767_225_600,
                "AgentVersion": "3.3.1611.0",
                "PlatformType": "Windows",
            }],
            "NextToken": "more",
        }),
        json!({
            "InstanceInformationList": [{
                "InstanceId": instance(2).as_str(), "PingStatus": "ConnectionLost", "PlatformType": "Linux",
            }],
        }),
    ]);
    let agents = ssm(&script).agents(&here(), &[instance(1), instance(2), instance(3)]).await.unwrap();
    assert_eq!(
        agents,
        [
            Agent {
                instance: instance(1),
                ping: Ping::Online,
                version: Some("3.3.1611.0".to_owned()),
                last_seen: Some("2026-01-01T00:00:00Z".parse().unwrap()),
                platform: Platform::Windows,
            },
            Agent {
                instance: instance(2),
                ping: Ping::ConnectionLost,
                version: None,
                last_seen: None,
                platform: Platform::Linux,
            },
        ]
    );
    let asked = script.asked();
    assert_eq!(asked[0].target, "AmazonSSM.DescribeInstanceInformation");
    let ids = [instance(1), instance(2), instance(3)].map(|id| id.to_string());
    assert_eq!(sent(&asked[0]), json!({"MaxResults": 50, "Filters": [{"Key": "InstanceIds", "Values": ids}]}));
    assert_eq!(sent(&asked[1])["NextToken"], "more");
}

#[tokio::test]
async fn asks_for_a_hundred_agents_at_once() {
    let instances: Vec<_> = (0..230).map(instance).collect();
    let script = answers([json!({}), json!({}), json!({})]);
    assert_eq!(ssm(&script).agents(&here(), &instances).await, Ok(vec![]));
    let counts: Vec<_> =
        script.asked().iter().map(|asked| sent(asked)["Filters"][0]["Values"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [100, 100, 30]);
    assert_eq!(ssm(&Script::default()).agents(&here(), &[]).await, Ok(vec![]), "of none, nothing is asked");
}
