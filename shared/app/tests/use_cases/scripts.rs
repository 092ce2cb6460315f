//! Scripts and VSS on the day that things break.

use std::{cell::Cell, collections::BTreeMap};

use cpm_app::{resume, schedule::Dispatcher};
use cpm_contracts::backup::Next;
use cpm_domain::{
    alert::Category,
    backup::{Backup, Level, Phase},
    id::BackupId,
    kind::InstanceId,
    name::PolicyName,
    policy::{Policy, SuccessRule, Wait},
    resume::FROZEN_LEASE,
    script::{ScriptKind, ScriptPhase, ScriptRun, ScriptState, Scripts},
    status::Status,
    tag::BackupOption,
    target::Target,
    unit::UnitState,
};
use cpm_fakes::{Estate, Fate, FunctionOutcome, Outcome, SentCommand, When, at_each_call, sample};
use cpm_ports::{Alerts, Backups, Clock, Deadline, Execution as State, Leases, PolicyChange, ScriptRuns};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};

use crate::machine::{At, End, Execution, start};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:truncate";
const WRITER: &str = "{4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f}";
const OTHER_WRITER: &str = "{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}";

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn on_each(text: &str) -> Value {
    json!({"ssm": {"each_target": true, "shell": text}})
}

/// On each instance, unless `more` says otherwise.
fn scripts(more: &Value) -> Scripts {
    let mut all = json!({
        "enabled": true,
        "before": on_each("freeze"),
        "after": on_each("thaw"),
        "complete": on_each("truncate"),
    });
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn scripted(more: &Value) -> Policy {
    Policy { scripts: scripts(more), ..sample::policy("web") }
}

/// Two instances in one Region, the first with two volumes and the second with one.
fn estate(policy: Policy) -> (Estate, [InstanceId; 2]) {
    let estate = Estate::new();
    let both = [estate.instance("us-east-1", 2), estate.instance("us-east-1", 1)];
    let targets: Vec<Target> = both.iter().map(|id| estate.target(id)).collect();
    estate.policy(policy, targets);
    (estate, both)
}

/// What was sent, as the phase and the kind of its comment.
fn of<'a>(sent: &'a [SentCommand], phase: &str, kind: &str) -> Vec<&'a SentCommand> {
    let words = format!(" {phase} {kind} ");
    sent.iter().filter(|sent| sent.request.comment.contains(&words)).collect()
}

/// The argument that each command of a phase is given.
fn arguments(estate: &Estate, phase: &str) -> Vec<String> {
    let sent = estate.systems.sent();
    let argument = |sent: &&SentCommand| {
        let lines = &sent.request.parameters["commands"];
        let line = lines.iter().find(|line| line.contains("</dev/null")).unwrap();
        let (_, rest) = line.split_once("\"$cpm_file\"").unwrap();
        rest.split_once('<').unwrap().0.trim().to_owned()
    };
    of(&sent, phase, "script").iter().map(argument).collect()
}

async fn runs(estate: &Estate, id: BackupId) -> Vec<ScriptRun> {
    estate.beside().store.runs(&sample::root(), id).await.unwrap()
}

fn run_of<'a>(runs: &'a [ScriptRun], phase: ScriptPhase, target: &InstanceId) -> &'a ScriptRun {
    runs.iter().find(|run| run.phase == phase && run.instance.as_ref() == Some(target)).unwrap()
}

async fn run(estate: &Estate) -> Backup {
    let execution = Execution::new(estate, "x", start("web"));
    let End::Finished(_, id) = execution.run().await else { panic!() };
    execution.backup(id).await
}

/// Steps until the execution is where `there` says.
async fn step_until(execution: &Execution, there: impl Fn(&At) -> bool) {
    for _ in 0..50 {
        let at = execution.at();
        if there(&at) {
            return;
        }
        execution.step(&at).await.unwrap();
    }
    panic!("it does not come there: at {:?}", execution.at());
}

fn is_frozen(at: &At) -> bool {
    matches!(at, At::SnapshotFrozen(..))
}

/// So much time passes while AWS makes the next set.
fn slow_snapshot(estate: &Estate, time: SignedDuration) {
    let clock = estate.beside().clock;
    estate.faults.meanwhile("ec2:CreateSnapshots", move || clock.advance(time));
}

fn says(backup: &Backup, level: Level, words: &[&str]) -> bool {
    backup.log.iter().any(|line| line.level == level && words.iter().all(|word| line.message.contains(word)))
}

#[tokio::test]
async fn goes_well() {
    let (estate, both) = estate(scripted(&json!({})));
    slow_snapshot(&estate, seconds(3));
    let backup = run(&estate).await;
    assert_eq!((backup.status, backup.counts, backup.late), (Status::Successful, true, 0), "{:#?}", backup.log);
    assert_eq!((backup.frozen_ms, backup.runs), (Some(3_000), 6));
    let mut order: Vec<&str> = Vec::new();
    let calls = estate.faults.calls();
    for call in &calls {
        let what = ["before", "after", "complete"].into_iter().find(|phase| call.key.contains(&format!(" {phase} ")));
        match (call.name, what) {
            ("ssm:SendCommand", Some(phase)) => order.push(phase),
            ("ec2:CreateSnapshots", _) => order.push("snapshots"),
            _ => {}
        }
    }
    let twice = |word| [word, word];
    assert_eq!(order, ["before", "snapshots", "after", "complete"].map(twice).concat());
    let sent = estate.systems.sent();
    for phase in ["before", "after", "complete"] {
        let mut on: Vec<&InstanceId> = of(&sent, phase, "script").iter().map(|sent| &sent.request.instance).collect();
        on.sort();
        assert_eq!(on, [&both[0], &both[1]], "{phase}");
    }
    assert_eq!(arguments(&estate, "before"), ["", ""]);
    assert_eq!(arguments(&estate, "after"), ["1", "1"]);
    assert_eq!(arguments(&estate, "complete"), ["1", "1"]);
    let runs = runs(&estate, backup.id).await;
    assert!(runs.iter().all(|run| run.state == ScriptState::Succeeded && run.exit_code == Some(0)), "{runs:#?}");
    assert_eq!((estate.aws.made().len(), estate.breaches()), (3, Vec::new()));
}

#[rstest]
#[case(SuccessRule::NoIssues, false)]
#[case(SuccessRule::Snapshots, true)]
#[tokio::test]
async fn before_fails_and_the_snapshots_are_made_all_the_same(#[case] success: SuccessRule, #[case] counts: bool) {
    let (estate, both) = estate(Policy { success, ..scripted(&json!({})) });
    estate.systems.when(&both[1], " before ", Outcome::exit(3));
    let backup = run(&estate).await;
    assert_eq!((backup.status, backup.counts), (Status::PartiallySuccessful, counts));
    assert_eq!(arguments(&estate, "after"), ["0", "0"]);
    assert_eq!(arguments(&estate, "complete"), ["0", "0"]);
    assert_eq!(estate.aws.made().len(), 3);
    let runs = runs(&estate, backup.id).await;
    let bad = run_of(&runs, ScriptPhase::Before, &both[1]);
    assert_eq!((bad.state, bad.exit_code), (ScriptState::Failed, Some(3)));
    assert_eq!(runs.iter().filter(|run| !run.succeeded()).count(), 1);
    assert!(says(&backup, Level::Error, &["before", both[1].as_str(), "exit code 3"]), "{:#?}", backup.log);
}

#[tokio::test]
async fn after_fails_and_complete_is_told() {
    let (estate, both) = estate(scripted(&json!({})));
    estate.systems.when(&both[0], " after ", Outcome::exit(1));
    let backup = run(&estate).await;
    assert_eq!(backup.status, Status::PartiallySuccessful);
    assert_eq!(
        (arguments(&estate, "after"), arguments(&estate, "complete")),
        (vec!["1".to_owned(); 2], vec!["0".to_owned(); 2])
    );
    assert_eq!((estate.aws.made().len(), backup.late), (3, 0));
}

#[rstest]
#[case(" before ", ScriptPhase::Before)]
#[case(" after ", ScriptPhase::After)]
#[case(" complete ", ScriptPhase::Complete)]
#[tokio::test]
async fn a_script_that_never_ends_is_cancelled(#[case] words: &str, #[case] phase: ScriptPhase) {
    let (estate, both) = estate(scripted(&json!({"timeout": "20s"})));
    estate.systems.when(&both[0], words, Outcome::never());
    let backup = run(&estate).await;
    assert_eq!(backup.status, Status::PartiallySuccessful);
    let sent = estate.systems.sent();
    let cancelled: Vec<&SentCommand> = sent.iter().filter(|sent| sent.cancelled.is_some()).collect();
    assert_eq!(cancelled.len(), 1);
    let patience = cancelled[0].cancelled.unwrap().duration_since(cancelled[0].at);
    assert!(patience >= seconds(20) && patience <= seconds(25), "{patience:?}");
    let runs = runs(&estate, backup.id).await;
    let endless = run_of(&runs, phase, &both[0]);
    assert_eq!(endless.state, ScriptState::TimedOut);
    assert!(endless.error.as_ref().unwrap().message.contains("20 s"), "{:?}", endless.error);
    assert_eq!(runs.iter().filter(|run| run.succeeded()).count(), 5, "all the others ran");
    let argument = if phase == ScriptPhase::Before { "0" } else { "1" };
    assert_eq!(arguments(&estate, "after"), [argument, argument]);
}

#[tokio::test]
async fn a_script_that_is_stopped_by_its_own_time_has_timed_out() {
    let (estate, both) = estate(scripted(&json!({"timeout": "20s"})));
    estate.systems.when(&both[0], " before ", Outcome::success().after(seconds(21)));
    let backup = run(&estate).await;
    let runs = runs(&estate, backup.id).await;
    assert_eq!(run_of(&runs, ScriptPhase::Before, &both[0]).state, ScriptState::TimedOut);
    assert_eq!(estate.faults.count("ssm:CancelCommand"), 0, "AWS did it");
}

#[tokio::test]
async fn a_script_that_outlasts_a_step_is_followed_by_the_next() {
    let (estate, both) = estate(scripted(&json!({"timeout": "20m"})));
    estate.systems.when(&both[0], " before ", Outcome::success().after(SignedDuration::from_mins(12)));
    let execution = Execution::new(&estate, "x", start("web"));
    let mut rounds = 0;
    while !is_frozen(&execution.at()) {
        let (at, began) = (execution.at(), estate.clock.now());
        execution.step(&at).await.unwrap();
        rounds += u32::from(matches!(at, At::Before(_)));
        let took = estate.clock.now().duration_since(began);
        assert!(took <= SignedDuration::from_mins(5), "{took:?}: the function's time is over");
    }
    assert_eq!(rounds, 3);
    let End::Finished(_, id) = execution.run().await else { panic!() };
    assert_eq!(execution.backup(id).await.status, Status::Successful);
    assert_eq!(of(&estate.systems.sent(), "before", "script").len(), 2, "each sent once");
}

#[rstest]
#[case::offline(|estate: &Estate, web: &InstanceId| estate.systems.offline(web), ScriptState::TimedOut)]
#[case::unmanaged(|estate: &Estate, web: &InstanceId| estate.systems.unmanage(web), ScriptState::Failed)]
#[case::stopped(|estate: &Estate, web: &InstanceId| estate.aws.stop(web), ScriptState::Failed)]
#[tokio::test]
async fn an_instance_that_takes_no_commands(#[case] break_it: fn(&Estate, &InstanceId), #[case] state: ScriptState) {
    let (estate, both) = estate(scripted(&json!({})));
    break_it(&estate, &both[0]);
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.aws.made().len()), (Status::PartiallySuccessful, 3));
    let runs = runs(&estate, backup.id).await;
    for phase in ScriptPhase::ALL {
        let run = run_of(&runs, phase, &both[0]);
        assert_eq!(run.state, state);
        let advice = run.error.as_ref().unwrap().advice.clone().unwrap();
        assert!(advice.contains("`cpm agent list`"), "{advice}");
        assert!(run_of(&runs, phase, &both[1]).succeeded(), "the other one is not kept from it");
    }
    assert!(says(&backup, Level::Error, &["before", both[0].as_str(), "cpm agent list"]), "{:#?}", backup.log);
}

#[tokio::test]
async fn a_denied_command_names_the_action_and_the_role() {
    let (estate, _) = estate(scripted(&json!({})));
    estate.faults.deny("ssm:SendCommand", "us-east-1");
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.aws.made().len()), (Status::PartiallySuccessful, 3));
    assert!(
        says(&backup, Level::Error, &["ssm:SendCommand", "the role of the function backup"]),
        "{:#?}",
        backup.log
    );
}

#[tokio::test]
async fn a_throttled_command_is_sent_in_the_end() {
    let (estate, _) = estate(scripted(&json!({})));
    estate.faults.throttle_next("ssm:*", 9);
    let backup = run(&estate).await;
    assert_eq!(backup.status, Status::Successful, "{:#?}", backup.log);
    assert_eq!(estate.systems.sent().len(), 6);
}

/// One instance is frozen, and AWS takes no command for the other: it is not kept waiting for longer than a script may
/// take.
#[tokio::test]
async fn a_command_that_aws_does_not_take_keeps_nobody_frozen() {
    let (estate, both) = estate(scripted(&json!({"timeout": "20s"})));
    let faults = estate.faults.clone();
    let throttle = move || faults.throttle_next("ssm:SendCommand", 100_000);
    estate.faults.meanwhile("ssm:GetCommandInvocation", throttle);
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, |at| matches!(at, At::Before(_))).await;
    let began = estate.clock.now();
    while !is_frozen(&execution.at()) {
        execution.step(&execution.at()).await.unwrap();
        estate.clock.advance(seconds(1));
    }
    let waited = estate.clock.now().duration_since(began);
    assert!(waited < seconds(75), "{waited:?}");
    estate.faults.clear();
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let runs = runs(&estate, id).await;
    let states = both.each_ref().map(|instance| run_of(&runs, ScriptPhase::Before, instance).state);
    assert_eq!(states, [ScriptState::Succeeded, ScriptState::TimedOut]);
    assert_eq!(arguments(&estate, "after"), ["0", "0"]);
}

/// What thaws is tried for as long as the step lasts.
#[tokio::test]
async fn an_after_that_aws_does_not_take_at_once_is_sent() {
    let (estate, _) = estate(scripted(&json!({"timeout": "1s"})));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, |at| matches!(at, At::After(..))).await;
    estate.faults.throttle_next("ssm:SendCommand", 24);
    let began = estate.clock.now();
    step_until(&execution, |at| !matches!(at, At::After(..))).await;
    let waited = estate.clock.now().duration_since(began);
    assert!(waited > seconds(60), "{waited:?}: longer than the script itself has");
    assert_eq!(arguments(&estate, "after"), ["1", "1"]);
}

#[tokio::test]
async fn a_command_that_is_not_listed_yet_is_waited_for() {
    let (estate, _) = estate(scripted(&json!({})));
    estate.systems.lag(seconds(2));
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.systems.sent().len()), (Status::Successful, 6), "{:#?}", backup.log);
}

/// AWS took the command, its answer was lost, and AWS does not list it at once: Run Command is eventually consistent.
#[tokio::test]
async fn a_command_that_is_not_listed_yet_is_not_sent_twice() {
    let make = || {
        let estate = Estate::new();
        let web = estate.instance("us-east-1", 1);
        estate.policy(scripted(&json!({})), [estate.target(&web)]);
        estate
    };
    let first = make();
    run(&first).await;
    let nth = first.faults.calls().iter().position(|call| call.name == "ssm:SendCommand").unwrap() + 1;
    let estate = make();
    estate.systems.lag(seconds(3));
    estate.faults.fail_call(nth, When::After);
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.systems.sent().len()), (Status::Successful, 3), "{:#?}", backup.log);
}

fn with_function(phase: &str) -> Policy {
    let mut more = json!({});
    more[phase] = json!({"lambda": FUNCTION});
    scripted(&more)
}

#[tokio::test]
async fn functions_are_told_what_they_are_called_for() {
    let (estate, _) = estate(scripted(&json!({
        "before": {"lambda": FUNCTION}, "after": {"lambda": FUNCTION}, "complete": {"lambda": FUNCTION},
    })));
    let backup = run(&estate).await;
    assert_eq!((backup.status, backup.runs), (Status::Successful, 3));
    let told: Vec<Value> =
        estate.systems.called().iter().map(|called| serde_json::from_str(&called.payload).unwrap()).collect();
    let told: Vec<_> = told.iter().map(|told| (told["phase"].as_str().unwrap(), told["argument"].as_str())).collect();
    assert_eq!(told, [("before", None), ("after", Some("1")), ("complete", Some("1"))]);
}

#[tokio::test]
async fn a_function_that_throws_has_failed() {
    let (estate, _) = estate(with_function("before"));
    estate.systems.function(FUNCTION, FunctionOutcome::failure("RuntimeError: no disk"));
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.aws.made().len()), (Status::PartiallySuccessful, 3));
    assert!(says(&backup, Level::Error, &["before", FUNCTION, "RuntimeError: no disk"]), "{:#?}", backup.log);
    assert_eq!(arguments(&estate, "after"), ["0", "0"]);
    assert_eq!(estate.systems.called().len(), 1);
}

#[tokio::test]
async fn a_function_whose_answer_is_lost_is_called_again() {
    let (first, _) = estate(with_function("before"));
    run(&first).await;
    let nth = first.faults.calls().iter().position(|call| call.name == "lambda:InvokeFunction").unwrap() + 1;
    let (estate, _) = estate(with_function("before"));
    estate.faults.fail_call(nth, When::After);
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.systems.called().len()), (Status::Successful, 2), "{:#?}", backup.log);
    assert_eq!(arguments(&estate, "after"), ["1", "1"]);
}

#[tokio::test]
async fn a_function_that_never_answers_holds_nothing_up_for_ever() {
    let (estate, _) = estate(with_function("before"));
    estate.systems.function(FUNCTION, FunctionOutcome::success().after(SignedDuration::from_hours(1)));
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.systems.called().len()), (Status::PartiallySuccessful, 1));
    let runs = runs(&estate, backup.id).await;
    assert_eq!(runs[0].state, ScriptState::TimedOut);
    assert_eq!(arguments(&estate, "after"), ["0", "0"]);
}

/// A step has five minutes, and ends before AWS ends it.
#[tokio::test]
async fn a_function_does_not_outlast_its_step() {
    let (estate, _) = estate(Policy {
        scripts: scripts(&json!({"timeout": "20m", "before": {"lambda": FUNCTION}})),
        ..sample::policy("web")
    });
    estate.systems.function(FUNCTION, FunctionOutcome::success().after(SignedDuration::from_mins(12)));
    let execution = Execution::new(&estate, "x", start("web"));
    while !is_frozen(&execution.at()) {
        let (at, began) = (execution.at(), estate.clock.now());
        execution.step(&at).await.unwrap();
        let took = estate.clock.now().duration_since(began);
        assert!(took <= SignedDuration::from_mins(5), "{took:?}: the step's time is over");
    }
    let End::Finished(_, id) = execution.run().await else { panic!() };
    assert_eq!(execution.backup(id).await.status, Status::PartiallySuccessful);
    assert_eq!(estate.systems.called().len(), 1, "none beside itself");
}

/// What may never be, whatever broke: all ran, in order, nothing lost or doubled, and the status is true.
async fn assert_sound(execution: &Execution, end: &End) -> Backup {
    let End::Finished(_, id) = end else { panic!("{end:?}") };
    let estate = &execution.estate;
    let (backup, sets) = (execution.backup(*id).await, execution.sets(*id).await);
    let runs = runs(estate, *id).await;
    let expected = if backup.late > 0 { Status::PartiallySuccessful } else { Status::Successful };
    assert_eq!(backup.status, expected, "{:#?} {runs:#?}", backup.log);
    assert!(runs.iter().all(ScriptRun::succeeded), "{runs:#?}");
    let units: Vec<_> = sets.iter().flat_map(|set| &set.units).collect();
    assert!(units.iter().all(|unit| unit.state == UnitState::Completed), "{units:#?}");
    assert_eq!((units.len(), estate.aws.made().len()), (3, 3), "none lost, none doubled");
    assert_eq!(estate.breaches(), Vec::<String>::new());
    let lease = estate.beside().store.lease(&sample::root(), &"web".parse().unwrap()).await.unwrap();
    assert_eq!(lease, None);
    let sent = estate.systems.sent();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for sent in &sent {
        *times.entry(&sent.request.comment).or_default() += 1;
    }
    assert!(times.len() == 4 && times.values().all(|times| *times == 1), "{times:?}");
    let place = |phase: &str| sent.iter().position(|sent| sent.request.comment.contains(phase));
    let last = sent.iter().rposition(|sent| sent.request.comment.contains(" before "));
    assert!(last < place(" after "), "{times:?}");
    assert!((1..=2).contains(&estate.systems.called().len()));
    assert_eq!(arguments(estate, "after"), ["1", "1"]);
    let told: Value = serde_json::from_str(&estate.systems.called().last().unwrap().payload).unwrap();
    assert_eq!(told["argument"], if backup.late > 0 { "0" } else { "1" });
    assert!(backup.frozen_ms.is_some());
    backup
}

#[rstest]
#[case::killed(Fate::Killed)]
#[case::unanswered(Fate::Unanswered)]
#[tokio::test]
async fn broken_anywhere(#[case] fate: Fate) {
    let calls = at_each_call(
        fate,
        async || Execution::new(&estate(with_function("complete")).0, "x", start("web")),
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            println!("{crash}");
            let end = execution.run_again().await;
            assert_sound(execution, &end).await;
        },
    )
    .await;
    assert!(calls > 40, "{calls} calls");
}

/// The step that asks AWS dies: it is thawed at once, and what AWS made is found when it lists it.
#[tokio::test]
async fn a_snapshot_step_that_dies_does_not_keep_it_frozen() {
    let (whole, late) = (Cell::new(0), Cell::new(0));
    at_each_call(
        Fate::Killed,
        async || {
            let (estate, _) = estate(with_function("complete"));
            estate.aws.lag(seconds(30));
            let execution = Execution::new(&estate, "x", start("web"));
            step_until(&execution, is_frozen).await;
            execution
        },
        async |execution: &Execution| execution.step(&execution.at()).await.unwrap(),
        async |execution: &Execution, crash| {
            println!("{crash}");
            let end = execution.run_again().await;
            let backup = assert_sound(execution, &end).await;
            assert!(backup.frozen_ms.unwrap() < 60_000, "{:?}", backup.frozen_ms);
            assert!(says(&backup, Level::Error, &["the snapshot step gave up"]));
            let count = if backup.late > 0 { &late } else { &whole };
            count.set(count.get() + 1);
        },
    )
    .await;
    assert!(whole.get() > 0 && late.get() > 0, "{whole:?} whole, {late:?} late");
}

#[tokio::test]
async fn what_aws_throttles_while_frozen_is_made_late() {
    let (estate, both) = estate(scripted(&json!({})));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, is_frozen).await;
    let began = estate.clock.now();
    estate.faults.throttle_next("ec2:CreateSnapshots", 100_000);
    step_until(&execution, |at| matches!(at, At::SnapshotRest(..))).await;
    let waited = estate.clock.now().duration_since(began);
    assert!(waited <= seconds(60), "{waited:?}: thawed all the same");
    assert_eq!((arguments(&estate, "after").len(), estate.aws.made().len()), (2, 0));
    estate.faults.clear();
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.late, backup.counts), (Status::PartiallySuccessful, 2, false));
    for instance in &both {
        assert!(says(&backup, Level::Warning, &[instance.as_str(), "not of the scripts' point in time"]));
    }
    assert_eq!(arguments(&estate, "complete"), ["0", "0"]);
    assert_eq!((estate.aws.made().len(), estate.breaches()), (3, Vec::new()));
    assert_eq!(u128::from(backup.frozen_ms.unwrap()), waited.as_millis().unsigned_abs());
}

#[tokio::test]
async fn one_set_that_is_held_up_does_not_make_the_other_late() {
    let (estate, _) = estate(scripted(&json!({})));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, is_frozen).await;
    estate.aws.limit_pending(2);
    step_until(&execution, |at| matches!(at, At::SnapshotRest(..))).await;
    estate.aws.complete_all();
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.late), (Status::PartiallySuccessful, 1), "{:#?}", backup.log);
    assert_eq!((estate.aws.made().len(), estate.breaches()), (3, Vec::new()));
}

fn dispatcher(estate: &Estate) -> Dispatcher<'_> {
    Dispatcher { store: &estate.store, executions: &estate.executions, clock: &estate.clock }
}

/// The dispatcher finds that the execution is dead, and starts another.
async fn taken_up(estate: &Estate) -> Execution {
    estate.executions.set("x", State::Dead);
    dispatcher(estate).tick(Deadline(estate.clock.now() + seconds(50))).await.unwrap();
    let started = estate.executions.started();
    let input = &started.last().expect("it is taken up again").input;
    Execution::new(estate, "second", serde_json::from_str(input).unwrap())
}

async fn expires(estate: &Estate) -> Timestamp {
    let lease = estate.beside().store.lease(&sample::root(), &"web".parse().unwrap()).await.unwrap();
    lease.unwrap().expires
}

#[tokio::test]
async fn the_lease_is_long_again_when_it_is_thawed() {
    let (estate, _) = estate(scripted(&json!({})));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, |at| matches!(at, At::Await(..))).await;
    assert!(expires(&estate).await > estate.clock.now() + SignedDuration::from_hours(1));
}

/// Nobody hears of its death: the lease is so short while something is frozen that it is looked at soon.
#[tokio::test]
async fn an_execution_that_dies_unheard_while_frozen_is_thawed_soon() {
    let (estate, _) = estate(with_function("complete"));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, is_frozen).await;
    assert_eq!(expires(&estate).await, estate.clock.now() + FROZEN_LEASE + seconds(30));
    estate.clock.set(expires(&estate).await);
    let second = taken_up(&estate).await;
    second.step(&second.at()).await.unwrap();
    assert!(matches!(second.at(), At::After(..)), "{:?}", second.at());
    second.step(&second.at()).await.unwrap();
    assert_eq!(arguments(&estate, "after"), ["1", "1"]);
    assert!(
        expires(&estate).await > estate.clock.now() + SignedDuration::from_hours(1),
        "nothing is frozen any more"
    );
    let end = second.run().await;
    let backup = assert_sound(&second, &end).await;
    assert_eq!(backup.late, 2, "none of them is of the point in time of the scripts");
}

/// Wherever it dies, another execution thaws first what may be frozen, and nothing is lost or doubled.
#[tokio::test]
async fn a_dead_execution_is_taken_up_wherever_it_died() {
    let thawed = Cell::new(0);
    at_each_call(
        Fate::Killed,
        async || Execution::new(&estate(with_function("complete")).0, "x", start("web")),
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            println!("{crash}");
            let (estate, owner) = (&execution.estate, sample::root());
            let policy = "web".parse().unwrap();
            let now = estate.clock.now();
            if !resume::execution_died(&estate.store, &owner, &policy, "x", now).await.unwrap() {
                return;
            }
            let standing = estate.beside().store.backup(&owner, BackupId(1)).await.unwrap();
            let began = !of(&estate.systems.sent(), "before", "script").is_empty();
            let second = taken_up(estate).await;
            second.step(&second.at()).await.unwrap();
            if began && standing.is_some_and(|backup| backup.phase == Phase::Planned) {
                thawed.set(thawed.get() + 1);
                assert!(matches!(second.at(), At::After(..)), "{crash}: {:?}", second.at());
            }
            let End::Finished(_, id) = second.run().await else { panic!() };
            let backup = second.backup(id).await;
            let runs = runs(estate, id).await;
            let after: Vec<_> = runs.iter().filter(|run| run.phase == ScriptPhase::After).collect();
            assert!(after.iter().all(|run| run.succeeded()), "{after:#?}");
            let whole = backup.late == 0 && runs.iter().all(ScriptRun::succeeded);
            assert_eq!(backup.status == Status::Successful, whole, "{:#?}", backup.log);
            assert_eq!((estate.aws.made().len(), estate.breaches()), (3, Vec::new()));
        },
    )
    .await;
    assert!(thawed.get() > 10);
}

/// It dies while `before` still runs: what is thawed then would be frozen after that.
#[tokio::test]
async fn after_does_not_overtake_before() {
    let (estate, both) = estate(with_function("complete"));
    estate.systems.when(&both[0], " before ", Outcome::success().after(seconds(25)));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, |at| matches!(at, At::Before(_))).await;
    let looking = estate.clone();
    estate.faults.meanwhile("ssm:GetCommandInvocation", move || looking.faults.crash_at(10, When::After));
    assert!(estate.faults.run(execution.step(&execution.at())).await.is_none(), "it died");
    estate.faults.revive();
    let (owner, policy) = (sample::root(), "web".parse().unwrap());
    assert!(resume::execution_died(&estate.store, &owner, &policy, "x", estate.clock.now()).await.unwrap());
    let began = of(&estate.systems.sent(), "before", "script")[0].at;
    assert!(estate.clock.now() < began + seconds(25), "it runs yet");
    let second = taken_up(&estate).await;
    let End::Finished(_, id) = second.run().await else { panic!() };
    let sent = estate.systems.sent();
    let first = of(&sent, "after", "script").iter().map(|sent| sent.at).min().unwrap();
    assert!(first >= began + seconds(25), "{first}: `before` ends at {}", began + seconds(25));
    assert_eq!(of(&sent, "before", "script").len(), 2, "none is sent anew");
    assert_eq!(arguments(&estate, "after"), ["1", "1"]);
    assert_eq!(execution.backup(id).await.late, 2);
}

/// VSS may take minutes, and thaws by itself: scripts freeze nothing before it has ended.
#[tokio::test]
async fn what_scripts_freeze_does_not_wait_for_vss() {
    let (estate, _) = windows(scripted(&json!({})));
    estate.systems.whenever(" before vss ", Outcome::success().after(seconds(100)));
    let execution = Execution::new(&estate, "x", start("web"));
    let began = estate.clock.now();
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let sent = estate.systems.sent();
    let before = of(&sent, "before", "script")[0].at;
    assert!(before >= began + seconds(100), "{before}");
    assert!(of(&sent, "after", "script")[0].at < before + seconds(10));
    assert!(of(&sent, "complete", "vss")[0].at > before, "its end comes after the snapshots");
    let backup = execution.backup(id).await;
    assert!(runs(&estate, id).await.iter().all(ScriptRun::succeeded), "{:#?}", backup.log);
}

/// Nobody can tell whether it began: nothing is frozen anew only to be thawed.
#[tokio::test]
async fn a_before_that_was_never_sent_is_not_made_up() {
    let (estate, _) = estate(with_function("complete"));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, |at| matches!(at, At::Before(_))).await;
    let stop = estate.clone();
    estate.faults.meanwhile("ssm:SendCommand", move || stop.faults.crash_at(1, When::Before));
    assert!(estate.faults.run(execution.step(&execution.at())).await.is_none(), "it died");
    estate.faults.revive();
    estate.faults.clear();
    let (owner, policy) = (sample::root(), "web".parse().unwrap());
    assert!(resume::execution_died(&estate.store, &owner, &policy, "x", estate.clock.now()).await.unwrap());
    let second = taken_up(&estate).await;
    let End::Finished(_, id) = second.run().await else { panic!() };
    assert_eq!(of(&estate.systems.sent(), "before", "script").len(), 0);
    assert_eq!((arguments(&estate, "after"), estate.aws.made().len()), (vec!["0".to_owned(); 2], 3));
    assert_eq!(execution.backup(id).await.status, Status::PartiallySuccessful);
}

/// A policy of one Windows instance of two volumes.
fn windows(policy: Policy) -> (Estate, InstanceId) {
    let estate = Estate::new();
    let instance = estate.aws.here("us-east-1").windows(2);
    let app_aware = serde_json::from_value(
        json!({"volumes": ["d:", "e:"], "exclude_writers": [WRITER], "verify_writers": [OTHER_WRITER]}),
    );
    let option = Some(BackupOption::OnlySnaps);
    let target = Target { app_aware: Some(app_aware.unwrap()), option, ..estate.target(&instance) };
    estate.policy(policy, [target]);
    (estate, instance)
}

fn parameters(sent: &SentCommand) -> BTreeMap<&str, &str> {
    sent.request.parameters.iter().map(|(name, values)| (name.as_str(), values[0].as_str())).collect()
}

#[tokio::test]
async fn vss_begins_before_the_snapshots_and_ends_when_all_are_there() {
    let (estate, instance) = windows(sample::policy("web"));
    estate.systems.whenever("cpm-vss", Outcome::success().saying("shadow copies: {1} {2}"));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, |at| matches!(at, At::Snapshot(..) | At::SnapshotFrozen(..))).await;
    assert!(matches!(execution.at(), At::Snapshot(_, false)), "VSS thaws by itself");
    let begun = estate.systems.sent();
    assert_eq!((begun.len(), begun[0].request.document.as_str()), (1, "cpm-vss"));
    assert_eq!(begun[0].request.instance, instance);
    let expected = [
        ("Backup", "cpm-1"),
        ("ExcludeWriters", WRITER),
        ("Phase", "begin"),
        ("VerifyWriters", OTHER_WRITER),
        ("Volumes", "d:,e:"),
    ];
    let mut told = parameters(&begun[0]);
    assert!(told.insert("Backup", "cpm-1").is_some_and(|backup| backup.ends_with("-1")));
    assert_eq!(told, BTreeMap::from(expected));
    assert_eq!(estate.aws.made().len(), 0);
    let End::Finished(_, id) = execution.run().await else { panic!() };
    let backup = execution.backup(id).await;
    assert_eq!((backup.status, backup.frozen_ms, backup.runs), (Status::Successful, None, 2));
    let sent = estate.systems.sent();
    assert_eq!((sent.len(), parameters(&sent[1])["Phase"], parameters(&sent[1])["Success"]), (2, "end", "1"));
    assert!(estate.aws.made().iter().all(|made| made.report.started.unwrap() <= sent[1].at));
    let runs = runs(&estate, id).await;
    assert!(runs.iter().all(|run| run.kind == ScriptKind::Vss));
    assert_eq!(runs[0].output.as_deref(), Some("shadow copies: {1} {2}"), "recovery needs it");
}

#[tokio::test]
async fn vss_is_told_of_a_snapshot_that_failed() {
    let (estate, instance) = windows(sample::policy("web"));
    estate.aws.spoil(&estate.aws.volumes_of(&instance)[1], "the key is disabled");
    run(&estate).await;
    let sent = estate.systems.sent();
    assert_eq!((parameters(&sent[1])["Phase"], parameters(&sent[1])["Success"]), ("end", "0"));
}

#[rstest]
#[case::begin(" before vss ", "0")]
#[case::end(" complete vss ", "1")]
#[tokio::test]
async fn vss_that_fails_makes_it_partially_successful(#[case] words: &str, #[case] success: &str) {
    let (estate, instance) = windows(sample::policy("web"));
    estate.systems.when(&instance, words, Outcome::exit(1).saying("what was done").complaining("; no writer"));
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.aws.made().len()), (Status::PartiallySuccessful, 2));
    assert_eq!(parameters(&estate.systems.sent()[1])["Success"], success);
    assert!(says(&backup, Level::Error, &["vss", instance.as_str(), "exit code 1"]), "{:#?}", backup.log);
    let runs = runs(&estate, backup.id).await;
    let failed = runs.iter().find(|run| !run.succeeded()).unwrap();
    assert_eq!(failed.output.as_deref(), Some("what was done; no writer"));
}

#[tokio::test]
async fn scripts_are_not_told_of_vss_before_the_end() {
    let (estate, instance) = windows(scripted(&json!({})));
    estate.systems.when(&instance, " before vss ", Outcome::exit(1));
    let backup = run(&estate).await;
    assert_eq!((backup.status, backup.runs), (Status::PartiallySuccessful, 5));
    assert_eq!(
        (arguments(&estate, "after"), arguments(&estate, "complete")),
        (vec!["1".to_owned()], vec!["0".to_owned()])
    );
    assert!(backup.frozen_ms.is_some());
}

#[tokio::test]
async fn a_missing_document_of_vss_is_told() {
    let (estate, instance) = windows(sample::policy("web"));
    estate.systems.missing("cpm-vss");
    let backup = run(&estate).await;
    assert_eq!((backup.status, estate.aws.made().len()), (Status::PartiallySuccessful, 2));
    assert!(says(&backup, Level::Error, &[instance.as_str(), "InvalidDocument"]), "{:#?}", backup.log);
}

#[rstest]
#[case::killed(Fate::Killed)]
#[case::unanswered(Fate::Unanswered)]
#[tokio::test]
async fn vss_broken_anywhere(#[case] fate: Fate) {
    at_each_call(
        fate,
        async || Execution::new(&windows(sample::policy("web")).0, "x", start("web")),
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            println!("{crash}");
            let End::Finished(_, id) = execution.run_again().await else { panic!() };
            assert_eq!(execution.backup(id).await.status, Status::Successful);
            assert_eq!(execution.estate.systems.sent().len(), 2, "each once");
            assert_eq!((execution.estate.aws.made().len(), execution.estate.breaches()), (2, Vec::new()));
        },
    )
    .await;
}

#[tokio::test]
async fn output_is_kept_when_it_is_wanted() {
    for (collect, kept) in [(false, None), (true, Some("flushed"))] {
        let (estate, both) = estate(scripted(&json!({"collect_output": collect})));
        estate.systems.when(&both[0], " before ", Outcome::success().saying("flushed"));
        let backup = run(&estate).await;
        let runs = runs(&estate, backup.id).await;
        assert_eq!(run_of(&runs, ScriptPhase::Before, &both[0]).output.as_deref(), kept);
    }
}

#[tokio::test]
async fn frozen_for_too_long_is_told_until_it_is_better() {
    let policy = Policy { max_frozen: Some(Wait::from_seconds(5)), ..scripted(&json!({})) };
    let (estate, _) = estate(policy);
    let alert = async || estate.beside().store.alert(&sample::root(), Category::Frozen, "web").await.unwrap();
    slow_snapshot(&estate, seconds(5));
    assert_eq!((run(&estate).await.frozen_ms, alert().await), (Some(5_000), None), "as long as it may");
    slow_snapshot(&estate, seconds(6));
    let long = Execution::new(&estate, "long", start("web"));
    let End::Finished(_, id) = long.run().await else { panic!() };
    let (backup, told) = (long.backup(id).await, alert().await.expect("it stands"));
    assert_eq!((backup.status, backup.frozen_ms), (Status::Successful, Some(6_000)), "no failure by itself");
    assert!(told.message.contains("6000 ms") && told.message.contains("5s"), "{}", told.message);
    let short = Execution::new(&estate, "short", start("web"));
    assert!(matches!(short.run().await, End::Finished(..)));
    assert_eq!(alert().await, None);
}

/// Scripts that were switched off after the backup was planned still end: what they froze is let go of.
#[tokio::test]
async fn what_was_planned_is_thawed_though_the_policy_changed() {
    let (estate, _) = estate(scripted(&json!({})));
    let execution = Execution::new(&estate, "x", start("web"));
    step_until(&execution, is_frozen).await;
    estate.change([PolicyChange::PutPolicy(scripted(&json!({"enabled": false})))]);
    let End::Finished(_, id) = execution.run().await else { panic!() };
    assert_eq!(execution.backup(id).await.status, Status::Successful);
    assert_eq!(arguments(&estate, "after"), ["1", "1"]);
}

/// The scripts went with the policy: nobody knows them any more, and it is told that nothing was thawed.
#[tokio::test]
async fn a_policy_that_is_deleted_while_it_is_frozen_is_told() {
    let places: [fn(&At) -> bool; 3] =
        [|at| matches!(at, At::Before(_)), is_frozen, |at| matches!(at, At::Await(..))];
    for there in places {
        let (estate, both) = estate(scripted(&json!({})));
        let execution = Execution::new(&estate, "x", start("web"));
        step_until(&execution, there).await;
        let sent = estate.systems.sent().len();
        let policy: PolicyName = "web".parse().unwrap();
        let targets = both.each_ref().map(|id| PolicyChange::RemoveTarget(policy.clone(), estate.target(id).key()));
        estate.change(targets.into_iter().chain([PolicyChange::RemovePolicy(policy)]));
        let End::Finished(next, id) = execution.run().await else { panic!() };
        let backup = execution.backup(id).await;
        assert_eq!(
            (next, backup.phase, backup.status),
            (Next::Cleanup, Phase::Deleting, Status::PartiallySuccessful)
        );
        assert_eq!((estate.systems.sent().len(), estate.aws.made().len()), (sent, 3));
        let words = [both[0].as_str(), "policy", "deleted"];
        assert!(says(&backup, Level::Error, &words), "{:#?}", backup.log);
        let holds = sent == 2;
        assert_eq!(says(&backup, Level::Error, &["after", "by hand"]), holds, "{:#?}", backup.log);
        assert_eq!(estate.breaches(), Vec::<String>::new());
    }
}
