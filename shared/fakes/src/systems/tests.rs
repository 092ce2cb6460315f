use std::collections::BTreeMap;

use cpm_domain::{
    aws::{AwsError, Platform, Refusal},
    command::{CommandReport, CommandState},
};
use cpm_ports::{Agents, Commands, Functions};

use super::*;
use crate::{Estate, Fate, Whom, at_each_call, at_once, sample};

const REGION: &str = "us-east-1";

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn request(instance: &InstanceId, comment: &str) -> CommandRequest {
    CommandRequest {
        document: "AWS-RunShellScript".to_owned(),
        parameters: BTreeMap::from([("executionTimeout".to_owned(), vec!["60".to_owned()])]),
        instance: instance.clone(),
        comment: comment.to_owned(),
        delivery: 40,
    }
}

fn send(estate: &Estate, request: &CommandRequest) -> Result<String, AwsError> {
    at_once(estate.systems.send(&sample::place(REGION), request))
}

fn look(estate: &Estate, instance: &InstanceId, command: &str) -> CommandReport {
    at_once(estate.systems.look(&sample::place(REGION), command, instance)).unwrap().unwrap()
}

/// How a new command is after so many seconds.
fn after(estate: &Estate, instance: &InstanceId, time: i64) -> CommandReport {
    let id = send(estate, &request(instance, "before")).unwrap();
    estate.clock.advance(seconds(time));
    look(estate, instance, &id)
}

fn words(report: &CommandReport) -> (CommandState, &str, Option<i64>) {
    (report.state, &report.words, report.exit_code)
}

#[test]
fn a_command_succeeds_at_once() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    let report = after(&estate, &web, 0);
    assert_eq!(words(&report), (CommandState::Succeeded, "Success", Some(0)));
    assert_eq!((report.started, report.ended), (Some(sample::start()), Some(sample::start())));
    assert_eq!(estate.systems.sent()[0].request, request(&web, "before"));
}

#[test]
fn a_command_comes_to_the_end_that_its_words_have() {
    let estate = Estate::new();
    let (web, other) = (estate.instance(REGION, 1), estate.instance(REGION, 1));
    estate.systems.whenever("RunShell", Outcome::exit(5));
    estate.systems.when(&web, "before", Outcome::exit(3).after(seconds(10)).saying("out").complaining("no disk"));
    let id = send(&estate, &request(&web, "before")).unwrap();
    let running = look(&estate, &web, &id);
    assert_eq!(words(&running), (CommandState::Open, "InProgress", None));
    assert_eq!(running.error_output, "", "shown at the end only");
    estate.clock.advance(seconds(10));
    let report = look(&estate, &web, &id);
    assert_eq!(words(&report), (CommandState::Failed, "Failed", Some(3)));
    assert_eq!((report.output.as_str(), report.error_output.as_str()), ("out", "no disk"));
    assert_eq!(report.ended, Some(sample::start() + seconds(10)));
    assert_eq!(words(&after(&estate, &other, 0)), (CommandState::Failed, "Failed", Some(5)));
}

#[test]
fn outputs_are_cut() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    estate.systems.when(&web, "", Outcome::success().saying("out").complaining(&"e".repeat(8_001)));
    let report = after(&estate, &web, 0);
    assert_eq!((report.output.as_str(), report.error_output.len(), report.truncated), ("out", 8_000, true));
}

#[test]
fn a_command_ends_with_its_own_time() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    estate.systems.when(&web, "", Outcome::success().after(seconds(61)));
    assert_eq!(after(&estate, &web, 59).state, CommandState::Open);
    let report = after(&estate, &web, 60);
    assert_eq!(words(&report), (CommandState::TimedOut, "ExecutionTimedOut", Some(137)));
}

#[test]
fn a_command_that_never_ends_is_cancelled() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    estate.systems.when(&web, "", Outcome::never());
    let id = send(&estate, &request(&web, "before")).unwrap();
    estate.clock.advance(seconds(100_000));
    assert_eq!(look(&estate, &web, &id).state, CommandState::Open);
    at_once(estate.systems.cancel(&sample::place(REGION), &id)).unwrap();
    assert_eq!(words(&look(&estate, &web, &id)), (CommandState::Failed, "Cancelled", None));
    assert_eq!(estate.systems.sent()[0].cancelled, Some(sample::start() + seconds(100_000)));
}

#[test]
fn one_that_is_over_is_not_cancelled() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    let id = send(&estate, &request(&web, "before")).unwrap();
    at_once(estate.systems.cancel(&sample::place(REGION), &id)).unwrap();
    at_once(estate.systems.cancel(&sample::place(REGION), "unknown")).unwrap();
    assert_eq!(look(&estate, &web, &id).state, CommandState::Succeeded);
}

#[test]
fn a_command_waits_for_its_agent_until_its_delivery_is_over() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    estate.systems.offline(&web);
    assert_eq!(words(&after(&estate, &web, 39)), (CommandState::Open, "Pending", None));
    let report = after(&estate, &web, 40);
    assert_eq!(words(&report), (CommandState::TimedOut, "DeliveryTimedOut", None));
    assert_eq!((report.started, report.ended), (None, None));
}

#[test]
fn an_agent_that_comes_back_takes_up_what_waits() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    estate.systems.offline(&web);
    let late = send(&estate, &request(&web, "before")).unwrap();
    estate.clock.advance(seconds(35));
    let in_time = send(&estate, &request(&web, "before")).unwrap();
    estate.clock.advance(seconds(10));
    estate.systems.set_agent(&web, Ping::Online);
    assert_eq!(look(&estate, &web, &late).words, "DeliveryTimedOut");
    let report = look(&estate, &web, &in_time);
    assert_eq!((report.state, report.started), (CommandState::Succeeded, Some(sample::start() + seconds(45))));
}

#[test]
fn what_is_not_there_takes_no_command() {
    let estate = Estate::new();
    let (bare, gone, elsewhere) =
        (estate.instance(REGION, 1), estate.instance(REGION, 1), estate.instance("eu-west-1", 1));
    estate.systems.unmanage(&bare);
    estate.aws.terminate(&gone);
    let stopped = estate.instance(REGION, 1);
    estate.aws.stop(&stopped);
    for instance in [&bare, &gone, &stopped, &elsewhere] {
        let error = send(&estate, &request(instance, "before")).unwrap_err();
        assert_eq!((error.refusal, error.code.as_str()), (Refusal::NotFound, "InvalidInstanceId"));
    }
    let web = estate.instance(REGION, 1);
    estate.systems.missing("cpm-vss");
    let vss = CommandRequest { document: "cpm-vss".to_owned(), ..request(&web, "before") };
    assert_eq!(send(&estate, &vss).unwrap_err().code, "InvalidDocument");
    let long = request(&web, &"c".repeat(101));
    assert_eq!(send(&estate, &long).unwrap_err().refusal, Refusal::Invalid);
    assert!(estate.systems.sent().is_empty());
}

#[test]
fn the_newest_command_of_a_comment_is_found_once_it_is_known() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    let find = |comment: &str, since| {
        at_once(estate.systems.find(&sample::place(REGION), &web, comment, sample::start() + seconds(since))).unwrap()
    };
    send(&estate, &request(&web, "before")).unwrap();
    estate.clock.advance(seconds(5));
    let newest = send(&estate, &request(&web, "before")).unwrap();
    send(&estate, &request(&web, "after")).unwrap();
    assert_eq!(find("before", 0), Some(newest.clone()));
    assert_eq!((find("before", 6), find("complete", 0)), (None, None));
    estate.systems.lag(seconds(2));
    assert_ne!(find("before", 0), Some(newest.clone()));
    assert_eq!(at_once(estate.systems.look(&sample::place(REGION), &newest, &web)), Ok(None));
    estate.clock.advance(seconds(2));
    assert_eq!(find("before", 0), Some(newest));
}

#[test]
fn agents_are_those_of_managed_instances() {
    let estate = Estate::new();
    let (web, bare) = (estate.instance(REGION, 1), estate.instance(REGION, 1));
    let windows = estate.aws.here(REGION).windows(1);
    estate.systems.unmanage(&bare);
    estate.systems.offline(&windows);
    estate.clock.advance(seconds(60));
    let asked = [web.clone(), bare, windows];
    let agents = at_once(estate.systems.agents(&sample::place(REGION), &asked)).unwrap();
    let told: Vec<_> = agents.iter().map(|agent| (agent.ping, agent.platform, agent.last_seen)).collect();
    assert_eq!(
        told,
        [
            (Ping::Online, Platform::Linux, Some(sample::start() + seconds(60))),
            (Ping::ConnectionLost, Platform::Windows, Some(sample::start())),
        ]
    );
}

#[test]
fn functions_come_to_the_end_that_is_said() {
    let estate = Estate::new();
    let call = |function: &str| {
        at_once(Functions::call(&estate.systems, &sample::place(REGION), function, "{}", seconds(30)))
    };
    estate.systems.function("bad", FunctionOutcome::failure("RuntimeError: no disk").logging("END"));
    estate.systems.missing("gone");
    assert_eq!(call("good").unwrap().failure, None);
    let bad = call("bad").unwrap();
    assert_eq!((bad.failure.as_deref(), bad.log.as_str()), (Some("RuntimeError: no disk"), "END"));
    assert_eq!(call("gone").unwrap_err().refusal, Refusal::NotFound);
    let called: Vec<_> = estate.systems.called().into_iter().map(|called| called.function).collect();
    assert_eq!(called, ["good", "bad"]);
}

#[tokio::test]
async fn a_slow_function_takes_its_time_or_the_callers() {
    let estate = Estate::new();
    let call = async |timeout| {
        let place = sample::place(REGION);
        Functions::call(&estate.systems, &place, "slow", "{}", seconds(timeout)).await
    };
    estate.systems.function("slow", FunctionOutcome::success().after(seconds(20)));
    assert_eq!(call(20).await.unwrap().failure, None);
    let error = call(15).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "Timeout"));
    assert_eq!(cpm_ports::Clock::now(&estate.clock), sample::start() + seconds(35));
}

#[test]
fn roles_and_denials_count_here_too() {
    let estate = Estate::new();
    let web = estate.instance(REGION, 1);
    estate.faults.deny("ssm:SendCommand", Whom::anybody());
    let error = send(&estate, &request(&web, "before")).unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Denied, "ssm:SendCommand"));
}

#[test]
fn a_process_is_killed_at_these_calls_too() {
    let calls = at_once(at_each_call(
        Fate::Killed,
        async || {
            let estate = Estate::new();
            estate.instance(REGION, 1);
            estate
        },
        async |estate: &Estate| {
            let (place, web) = (sample::place(REGION), "i-00000000000000001".parse().unwrap());
            let id = estate.systems.send(&place, &request(&web, "before")).await.unwrap();
            estate.systems.look(&place, &id, &web).await.unwrap();
            estate.systems.find(&place, &web, "before", sample::start()).await.unwrap();
            estate.systems.cancel(&place, &id).await.unwrap();
            estate.systems.agents(&place, &[web]).await.unwrap();
            Functions::call(&estate.systems, &place, "good", "{}", seconds(1)).await.unwrap();
        },
        async |estate: &Estate, crash| {
            let sent = estate.systems.beside().sent().len();
            assert_eq!(sent == 0, crash.n == 1 && crash.when != crate::When::After, "{crash}");
            assert!(crash.call.name.starts_with("ssm:") || crash.call.name == "lambda:InvokeFunction", "{crash}");
        },
    ));
    assert_eq!(calls, 6);
}
