//! Scenarios.

use cpm_app::{
    Error,
    scenario::{ScenarioDesk, Steps},
    schedule::Dispatcher,
};
use cpm_contracts::{
    api::ScenarioView,
    backup::Trouble,
    scenario::{Running, StartScenario},
};
use cpm_domain::{
    audit::Actor,
    policy::{Policy, RecoveryRule},
    recovery::{
        Purpose, State as Recovered,
        plan::{PlanProblem, Wanted},
    },
    scenario::{Run, RunId, Spec, State, StepState},
    unit::Fault,
};
use cpm_fakes::{DEPLOYMENT, Outcome, at_each_call, sample};
use cpm_ports::{Clock, Configuration, Deadline, Execution, Held, Holds, Machine, PolicyChange, Scenarios};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Fate, POLICY, World};

fn recover(name: &str, needs: &[&str], tags: &Value) -> Value {
    json!({"name": name, "needs": needs, "recover": {
        "backup": 17, "source": name, "region": "us-east-1", "instance": {"tags": tags}}})
}

/// The database first, then two web servers that know it, then a check; and something that stands alone.
fn shop() -> Spec {
    serde_json::from_value(json!({"name": "shop", "steps": [
        recover("db", &[], &json!({})),
        recover("web1", &["db"], &json!({"db": "${db.private_ip}"})),
        recover("web2", &["db"], &json!({"db": "${db.instance}"})),
        {"name": "works", "needs": ["web1", "web2"], "check": {
            "ssm": {"instance": "${web1.instance}", "shell": "curl -f http://$OTHER/"},
            "env": {"OTHER": "${web2.private_ip}"}}},
        recover("alone", &[], &json!({})),
    ]}))
    .unwrap()
}

fn desk<'a>(world: &'a World, owner: &'a cpm_domain::name::OwnerName, actor: &'a Actor) -> ScenarioDesk<'a> {
    let estate = &world.estate;
    ScenarioDesk {
        store: &estate.store,
        executions: &estate.executions,
        planner: &estate.planner,
        clock: &estate.clock,
        owner,
        actor,
    }
}

async fn ask(world: &World, spec: Spec) -> Result<ScenarioView, Error> {
    desk(world, &sample::root(), &Actor::Caller("jo".into())).run(spec).await
}

fn steps(world: &World) -> Steps<'_> {
    let estate = &world.estate;
    Steps {
        store: &estate.store,
        planner: &estate.planner,
        executions: &estate.executions,
        commands: &estate.systems,
        clock: &estate.clock,
        deployment: DEPLOYMENT,
    }
}

/// The newest execution, as `scenario.asl.json` runs it; at most so many looks. None: it is not over.
async fn play(world: &World, looks: usize) -> Option<State> {
    let started = world.estate.executions.started();
    let last = started.iter().rfind(|execution| execution.machine == Machine::Scenario).unwrap();
    let start: StartScenario = serde_json::from_str(&last.input).unwrap();
    let running = Running { owner: start.owner, run: start.run, execution: last.name.clone() };
    let (mut polls, mut tries, mut trouble) = (0, 0, None);
    for _ in 0..looks {
        match steps(world).advance(&running, polls).await {
            Ok(progress) => {
                if progress.open == 0 {
                    break;
                }
                (polls, tries) = (progress.polls, 0);
                world.estate.clock.advance(SignedDuration::from_secs(progress.wait.into()));
                world.recover().await;
            }
            Err(error) if error.code().name == "Backup.LeaseLost" => return None,
            Err(error) if error.code().retryable && tries < 6 => tries += 1,
            Err(error) => {
                trouble = Some(Trouble { error: error.code().name.into(), cause: error.to_string() });
                break;
            }
        }
    }
    if trouble.is_none() && run(world).await.steps.iter().any(|step| !step.state.is_settled()) {
        return None;
    }
    for _ in 0..6 {
        match steps(world).finish(&running, trouble.as_ref()).await {
            Ok(finished) => {
                world.estate.executions.set(&last.name, Execution::Succeeded);
                return Some(finished.state);
            }
            Err(error) => assert!(error.code().retryable, "{error}"),
        }
    }
    panic!("it does not end");
}

async fn run(world: &World) -> Run {
    world.estate.beside().store.scenarios(&sample::root(), None, 1).await.unwrap().runs.remove(0)
}

async fn is_held(world: &World, id: RunId) -> bool {
    world.estate.beside().store.hold(&sample::root(), &Held::Scenario(id)).await.unwrap().is_some()
}

async fn tick(world: &World) {
    let estate = &world.estate;
    let dispatcher = Dispatcher { store: &estate.store, executions: &estate.executions, clock: &estate.clock };
    dispatcher.tick(Deadline(estate.clock.now() + SignedDuration::from_secs(50))).await.unwrap();
}

fn states(run: &Run) -> String {
    run.steps.iter().map(|step| format!("{}:{}", step.spec.name, step.state)).collect::<Vec<_>>().join(" ")
}

const ALL_WELL: &str = "db:succeeded web1:succeeded web2:succeeded works:succeeded alone:succeeded";

#[tokio::test]
async fn what_one_step_makes_is_known_to_the_next() {
    let world = World::new().await;
    let view = ask(&world, shop()).await.unwrap();
    assert_eq!((view.id, view.state, view.asked_by.as_str()), (RunId(1), State::Running, "jo"));
    assert_eq!(play(&world, 100).await, Some(State::Succeeded));
    let run = run(&world).await;
    assert_eq!(states(&run), ALL_WELL);
    assert!(!is_held(&world, RunId(1)).await);
    let db = run.steps[0].made["instance"].clone();
    for recovery in world.recoveries().await {
        let source = recovery.plan.source.clone().unwrap();
        assert_eq!(recovery.purpose, Purpose::Scenario { run: "s1".into(), step: source.clone() });
        assert_eq!(recovery.asked_by, "jo", "who asked cannot approve");
        let Wanted::Instance(wanted) = recovery.plan.wanted else { panic!() };
        let tags = wanted.tags.unwrap_or_default();
        match source.as_str() {
            "web1" => assert_eq!(tags["db"], "10.9.0.4"),
            "web2" => assert_eq!(tags["db"], db),
            _ => assert!(tags.is_empty()),
        }
    }
    let sent = world.estate.systems.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].request.instance.as_str(), run.steps[1].made["instance"]);
    let commands = sent[0].request.parameters["commands"].join("\n");
    assert!(commands.contains("export OTHER='10.9.0.4'") && commands.contains("http://$OTHER/"), "{commands}");
    let (db_ended, web_started) = (run.steps[0].ended.unwrap(), run.steps[1].started.unwrap());
    assert!(db_ended <= web_started, "the database comes first");
}

#[tokio::test]
async fn a_step_that_fails_in_the_middle_stops_those_that_need_it() {
    let world = World::new().await;
    let fault = Fault::new("InvalidKMSKey.InvalidState", "the key is disabled").advise("enable it");
    world.fate("web1", Fate::Fails(fault));
    ask(&world, shop()).await.unwrap();
    assert_eq!(play(&world, 100).await, Some(State::Failed));
    let run = run(&world).await;
    assert_eq!(states(&run), "db:succeeded web1:failed web2:succeeded works:not-run alone:succeeded");
    let failed = run.steps[1].error.as_ref().unwrap();
    assert!(
        failed.message.contains("the key is disabled") && failed.advice.as_deref() == Some("enable it"),
        "{failed}"
    );
    assert_eq!(run.steps[3].error.as_ref().unwrap().message, "it needs `web1`, which failed");
    assert_eq!(world.estate.systems.sent().len(), 0, "nothing is checked");
    assert_eq!(world.left().await.len(), 4, "what was recovered stays");
}

#[tokio::test]
async fn a_check_that_fails_fails_the_scenario() {
    let world = World::new().await;
    world.estate.systems.whenever("scenario", Outcome::exit(7).saying("connection refused\n"));
    ask(&world, shop()).await.unwrap();
    assert_eq!(play(&world, 100).await, Some(State::Failed));
    let step = run(&world).await.steps.remove(3);
    assert_eq!(step.state, StepState::Failed);
    assert_eq!(step.error.unwrap().message, "exit code 7");
    assert_eq!(step.output.as_deref(), Some("connection refused\n"));
}

#[tokio::test]
async fn recoveries_wait_for_approval_where_the_policy_wants_it() {
    let world = World::new().await;
    let store = world.estate.beside().store;
    let policy = store.policy(&sample::root(), &POLICY.parse().unwrap()).await.unwrap().unwrap();
    let policy = Policy { recovery: RecoveryRule { approval: true }, ..policy };
    world.estate.change([PolicyChange::PutPolicy(policy)]);
    ask(&world, shop()).await.unwrap();
    assert_eq!(play(&world, 5).await, None, "it waits");
    let recoveries = world.recoveries().await;
    assert_eq!(recoveries.len(), 2, "the first steps, and no other");
    for recovery in recoveries {
        assert_eq!(recovery.state, Recovered::WaitingForApproval);
        assert!(recovery.approval.is_some_and(|approval| approval.answer.is_none()));
        assert_eq!(recovery.asked_by, "jo");
    }
}

#[tokio::test]
async fn a_value_that_is_not_there_fails_its_step() {
    let world = World::new().await;
    let mut spec = shop();
    spec.steps[1].recover =
        Some(json!({"backup": 17, "source": "web1", "instance": {"private_ip": "${db.public_ip}"}}));
    ask(&world, spec).await.unwrap();
    assert_eq!(play(&world, 100).await, Some(State::Failed));
    let run = run(&world).await;
    assert_eq!(run.steps[1].error.as_ref().unwrap().code, "NoValue");
    assert_eq!(world.recoveries().await.len(), 3, "it was not begun");
}

#[tokio::test]
async fn all_that_is_wrong_is_told_before_anything_is_made() {
    let world = World::new().await;
    let mut spec = shop();
    spec.steps[1].needs = vec!["dbs".into()];
    spec.steps[2].name = "web1".into();
    let Err(Error::Problems(problems)) = ask(&world, spec).await else { panic!("it was taken") };
    assert!(problems.len() >= 3, "{problems:?}");
    let problem = PlanProblem { field: "instance.type".into(), message: "no such type".into(), advice: "x".into() };
    world.estate.planner.finds(&[problem], &[]);
    let error = ask(&world, shop()).await.unwrap_err().to_string();
    let told = |step: usize| error.contains(&format!("steps[{step}].recover.instance.type: no such type"));
    assert!(told(0) && told(4), "{error}");
    assert!(!told(1), "it cannot be checked yet: {error}");
    assert_eq!(world.recoveries().await.len() + world.estate.executions.started().len(), 0);
}

#[tokio::test]
async fn a_plan_is_shown_and_nothing_is_made() {
    let world = World::new().await;
    let planned = desk(&world, &sample::root(), &Actor::Caller("jo".into())).plan(&shop()).await.unwrap();
    assert!(planned.ok);
    let names: Vec<(&str, bool, bool)> = planned
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.plan.is_some(), step.unchecked.is_some()))
        .collect();
    assert_eq!(
        names,
        [
            ("db", true, false),
            ("web1", false, true),
            ("web2", false, true),
            ("works", false, true),
            ("alone", true, false)
        ]
    );
    assert_eq!(world.estate.executions.started().len(), 0);
}

/// The function dies at any of its calls: the step is repeated, and nothing is made twice.
#[tokio::test]
async fn killed_anywhere_and_repeated() {
    for fate in [cpm_fakes::Fate::Killed, cpm_fakes::Fate::Unanswered] {
        let calls = at_each_call(
            fate,
            async || {
                let world = World::new().await;
                ask(&world, shop()).await.unwrap();
                world
            },
            async |world: &World| {
                play(world, 100).await;
            },
            async |world: &World, crash| {
                play(world, 100).await;
                let run = run(world).await;
                assert_eq!((run.state, states(&run).as_str()), (State::Succeeded, ALL_WELL), "{crash}: {run:#?}");
                assert_eq!(world.recoveries().await.len(), 4, "{crash}: each once");
                assert_eq!(world.estate.systems.sent().len(), 1, "{crash}: one command");
                assert!(!is_held(world, RunId(1)).await, "{crash}");
            },
        )
        .await;
        assert!(calls >= 25, "{calls} calls");
    }
}

/// The execution is killed after any of its looks: the next tick goes on where it stopped.
#[tokio::test]
async fn killed_in_the_middle_the_next_tick_goes_on() {
    for looks in 0..4 {
        let world = World::new().await;
        ask(&world, shop()).await.unwrap();
        assert_eq!(play(&world, looks).await, None, "it is not over after {looks} looks");
        let first = world.estate.executions.started()[0].name.clone();
        world.estate.executions.set(&first, Execution::Dead);
        world.estate.clock.advance(SignedDuration::from_mins(2));
        tick(&world).await;
        assert_eq!(play(&world, 100).await, Some(State::Succeeded), "after {looks} looks");
        assert_eq!(states(&run(&world).await), ALL_WELL);
        assert_eq!(world.recoveries().await.len(), 4);
        // The dead one wakes up again: it is told that it has lost its hold, or that all is over.
        let running = Running { owner: sample::root(), run: RunId(1), execution: first };
        assert_eq!(steps(&world).advance(&running, 0).await.unwrap().open, 0);
    }
}

#[tokio::test]
async fn one_that_dies_again_and_again_is_given_up() {
    let world = World::new().await;
    ask(&world, shop()).await.unwrap();
    play(&world, 1).await;
    for _ in 0..5 {
        for execution in world.estate.executions.started() {
            world.estate.executions.set(&execution.name, Execution::Dead);
        }
        world.estate.clock.advance(SignedDuration::from_mins(2));
        tick(&world).await;
    }
    let run = run(&world).await;
    assert_eq!(run.state, State::Failed);
    assert!(states(&run).contains("works:not-run"), "{}", states(&run));
    assert!(!is_held(&world, RunId(1)).await);
}

/// Whoever asks dies at any call: a run that is on record ends, and nothing is held for ever.
#[tokio::test]
async fn who_asks_dies_anywhere() {
    at_each_call(
        cpm_fakes::Fate::Killed,
        async || World::new().await,
        async |world: &World| {
            ask(world, shop()).await.unwrap();
        },
        async |world: &World, crash| {
            for _ in 0..6 {
                world.estate.clock.advance(SignedDuration::from_mins(3));
                tick(world).await;
                let runs = world.estate.beside().store.scenarios(&sample::root(), None, 9).await.unwrap().runs;
                let started = world.estate.executions.started();
                if !runs.is_empty() && started.iter().any(|started| started.machine == Machine::Scenario) {
                    play(world, 100).await;
                } else {
                    // It finds no run, and fails.
                    for one in &started {
                        world.estate.executions.set(&one.name, Execution::Dead);
                    }
                }
            }
            assert!(!is_held(world, RunId(1)).await, "{crash}");
            let runs = world.estate.beside().store.scenarios(&sample::root(), None, 9).await.unwrap().runs;
            assert!(runs.iter().all(Run::is_ended), "{crash}: {runs:?}");
        },
    )
    .await;
}

/// The execution was taken for dead, and another has the run: it does nothing more.
#[tokio::test]
async fn who_lost_the_hold_does_nothing_more() {
    let world = World::new().await;
    ask(&world, shop()).await.unwrap();
    play(&world, 1).await;
    let first = world.estate.executions.started()[0].name.clone();
    world.estate.executions.set(&first, Execution::Dead);
    world.estate.clock.advance(SignedDuration::from_mins(2));
    tick(&world).await;
    let running = Running { owner: sample::root(), run: RunId(1), execution: first };
    let before = run(&world).await;
    let advanced = steps(&world).advance(&running, 0).await.unwrap_err();
    let finished = steps(&world).finish(&running, None).await.unwrap_err();
    assert_eq!([advanced.code().name, finished.code().name], ["Backup.LeaseLost"; 2]);
    assert_eq!(run(&world).await, before, "nothing was written");
    assert_eq!(play(&world, 100).await, Some(State::Succeeded));
}
