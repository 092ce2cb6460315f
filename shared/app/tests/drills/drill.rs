//! Drills.

use cpm_app::{
    Error,
    drill::{Clearing, DrillDesk, Steps},
    schedule::Dispatcher,
};
use cpm_contracts::{
    backup::Trouble,
    drill::{Running, StartDrill},
};
use cpm_domain::{
    alert::{Alert, Category},
    audit::Actor,
    drill::{CheckKind, CheckState, Condition, Drill, DrillId, DrillRule, ExerciseState, Figures, State},
    policy::Policy,
    recovery::{
        OnFailure, Purpose,
        plan::{PlanProblem, Wanted},
    },
    unit::Fault,
};
use cpm_fakes::{DEPLOYMENT, Estate, Outcome, at_each_call, sample};
use cpm_ports::{
    Alerts, Clock, Configuration, Deadline, DrillQuery, Drills, Execution, Executions, Held, Holds, Machine,
    PolicyChange, Slots,
};
use jiff::{SignedDuration, Timestamp};

use crate::world::{Fate, GENERATION, POLICY, Undo, World, rule};

/// Where an execution of the drill machine is.
#[derive(Debug, Clone, PartialEq)]
enum At {
    Plan,
    Recover(Running),
    Watch(Running, u32, Option<Trouble>),
    Clear(Running, Option<Trouble>),
    Finish(Running, Option<Trouble>),
    Ended(Option<State>),
}

/// The drill state machine, played on the use cases: it repeats, catches and goes on as `drill.asl.json` does.
struct Machinery<'a> {
    world: &'a World,
    name: String,
    start: StartDrill,
    at: At,
    /// Every step is run twice.
    twice: bool,
}

fn start(resume: Option<DrillId>) -> StartDrill {
    StartDrill {
        owner: sample::root(),
        policy: POLICY.parse().unwrap(),
        slot: None,
        asked_by: Some("jo".into()),
        resume,
    }
}

impl<'a> Machinery<'a> {
    fn new(world: &'a World, name: &str) -> Self {
        Self { world, name: name.to_owned(), start: start(None), at: At::Plan, twice: false }
    }

    /// The execution that somebody started last.
    fn started(world: &'a World) -> Self {
        let started = world.estate.executions.started();
        let last = started.iter().rfind(|execution| execution.machine == Machine::Drill).unwrap();
        let start = serde_json::from_str(&last.input).unwrap();
        Self { world, name: last.name.clone(), start, at: At::Plan, twice: false }
    }

    async fn run(&mut self) -> Option<State> {
        for _ in 0..2_000 {
            if let At::Ended(state) = self.at {
                self.world.estate.executions.set(&self.name, Execution::Succeeded);
                return state;
            }
            self.step().await;
        }
        panic!("no end: at {:?}", self.at);
    }

    /// A step with its repetitions.
    async fn step(&mut self) {
        if self.twice {
            let _ = self.once().await;
        }
        for _ in 0..6 {
            match self.once().await {
                Ok(next) => {
                    self.at = next;
                    return;
                }
                Err(error) if error.code().retryable => {}
                Err(error) => return self.catch(&error),
            }
        }
        let error = Error::bad_input("it fails again and again", "look");
        self.catch(&error);
    }

    fn catch(&mut self, error: &Error) {
        let code = error.code().name;
        let trouble = Some(Trouble { error: code.to_owned(), cause: error.to_string() });
        self.at = match self.at.clone() {
            _ if code == "Backup.LeaseLost" => At::Ended(None),
            At::Recover(running) => At::Watch(running, 0, trouble),
            At::Watch(running, ..) => At::Clear(running, trouble),
            at => panic!("the execution fails at {at:?}: {error}"),
        };
    }

    fn pause(&self, seconds: u32) {
        self.world.estate.clock.advance(SignedDuration::from_secs(seconds.into()));
    }

    async fn once(&self) -> Result<At, Error> {
        let steps = steps(&self.world.estate);
        Ok(match self.at.clone() {
            At::Plan => {
                let planned = steps.plan(&self.name, &self.start).await?;
                match planned.drill.filter(|_| planned.go) {
                    Some(drill) => {
                        At::Recover(Running { owner: self.start.owner.clone(), drill, execution: self.name.clone() })
                    }
                    None => At::Ended(None),
                }
            }
            At::Recover(running) => {
                let progress = steps.recover(&running, self.world.deadline()).await?;
                self.pause(progress.wait);
                if progress.open > 0 { At::Recover(running) } else { At::Watch(running, 0, None) }
            }
            At::Watch(running, polls, trouble) => {
                self.world.recover().await;
                let progress = steps.watch(&running, polls, trouble.as_ref()).await?;
                self.pause(progress.wait);
                if progress.open > 0 { At::Watch(running, progress.polls, None) } else { At::Clear(running, None) }
            }
            At::Clear(running, trouble) => {
                let removed = clearing(self.world).clear(&running, self.world.deadline()).await?;
                self.pause(removed.wait);
                if removed.left > 0 { At::Clear(running, trouble) } else { At::Finish(running, trouble) }
            }
            At::Finish(running, trouble) => At::Ended(Some(steps.finish(&running, trouble.as_ref()).await?.state)),
            ended @ At::Ended(_) => ended,
        })
    }
}

fn steps(estate: &Estate) -> Steps<'_> {
    Steps {
        store: &estate.store,
        planner: &estate.planner,
        executions: &estate.executions,
        commands: &estate.systems,
        health: &estate.health,
        clock: &estate.clock,
        deployment: DEPLOYMENT,
    }
}

fn clearing(world: &World) -> Clearing<'_> {
    Clearing { store: &world.estate.store, undoing: &world.undoing, clock: &world.estate.clock }
}

async fn drill(world: &World, id: u64) -> Drill {
    world.estate.beside().store.drill(&sample::root(), DrillId(id)).await.unwrap().unwrap()
}

async fn alert(world: &World) -> Option<Alert> {
    world.estate.beside().store.alert(&sample::root(), Category::Drill, POLICY).await.unwrap()
}

async fn is_held(world: &World) -> bool {
    let on = Held::Drills(POLICY.parse().unwrap());
    world.estate.beside().store.hold(&sample::root(), &on).await.unwrap().is_some()
}

fn dispatcher(estate: &Estate) -> Dispatcher<'_> {
    Dispatcher { store: &estate.store, executions: &estate.executions, clock: &estate.clock }
}

async fn tick(world: &World) {
    let estate = &world.estate;
    let deadline = Deadline(estate.clock.now() + SignedDuration::from_secs(50));
    dispatcher(estate).tick(deadline).await.unwrap();
}

/// Nothing is left, nothing is held, and the drill ended so.
async fn is_over(world: &World, id: u64, state: State) -> Drill {
    let drill = drill(world, id).await;
    assert_eq!(drill.state, state, "{}", drill.report.clone().unwrap_or_default());
    assert_eq!(world.left().await, Vec::<String>::new(), "all is gone");
    assert!(!is_held(world).await, "nothing is held");
    assert!(drill.ended.is_some() && drill.report.is_some());
    assert_eq!(alert(world).await.is_some(), state == State::Failed);
    drill
}

#[tokio::test]
async fn the_newest_generation_is_restored_checked_and_removed() {
    let world = World::with(rule(), 2).await;
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Succeeded));
    let drill = is_over(&world, 1, State::Succeeded).await;
    assert_eq!(drill.backup, Some(GENERATION));
    let Figures { rto, rpo } = Figures::of(&drill);
    assert_eq!(rpo, Some(7_200), "the generation began two hours before");
    assert!(rto.is_some_and(|rto| rto > 0), "{rto:?}");
    for recovery in world.recoveries().await {
        assert_eq!(recovery.purpose, Purpose::Drill(1));
        assert_eq!(recovery.on_failure, OnFailure::Keep, "the drill removes it itself");
        let Wanted::Instance(wanted) = recovery.plan.wanted else { panic!() };
        assert_eq!(wanted.subnet.as_deref(), Some("subnet-1a2b3c4d"));
        assert_eq!((wanted.private_ip.as_deref(), wanted.elastic_ip.as_deref()), (Some(""), Some("")));
        assert_eq!(wanted.termination_protection, Some(false));
    }
    let sent = world.estate.systems.sent();
    assert_eq!(sent.len(), 2, "the script ran on each");
    let commands = sent[0].request.parameters["commands"].join("\n");
    assert!(
        commands.contains("export CPM_ADDRESS='10.9.0.4'") && commands.contains("curl -f localhost"),
        "{commands}"
    );
    assert!(drill.report.unwrap().contains("All that was restored is removed again."));
}

#[tokio::test]
async fn every_step_may_run_twice() {
    let world = World::with(rule(), 2).await;
    let mut machine = Machinery { twice: true, ..Machinery::new(&world, "a") };
    assert_eq!(machine.run().await, Some(State::Succeeded));
    is_over(&world, 1, State::Succeeded).await;
    assert_eq!(world.recoveries().await.len(), 2, "none is made twice");
    assert_eq!(world.estate.systems.sent().len(), 2, "no script runs twice");
}

/// The function dies at any of its calls, at any point: the step is repeated, and nothing is made twice or left.
#[tokio::test]
async fn killed_anywhere_and_repeated() {
    for fate in [cpm_fakes::Fate::Killed, cpm_fakes::Fate::Unanswered] {
        let calls = at_each_call(
            fate,
            async || World::new().await,
            async |world: &World| {
                Machinery::new(world, "a").run().await;
            },
            async |world: &World, crash| {
                let mut machine = Machinery::new(world, "a");
                let all = DrillQuery { policy: None, limit: 10, before: None };
                let drills = world.estate.beside().store.drills(&sample::root(), &all).await.unwrap().drills;
                if let Some(drill) = drills.first().filter(|drill| drill.is_ended()) {
                    // It died in its last step: that is what is repeated.
                    let running = Running { owner: sample::root(), drill: drill.id, execution: "a".into() };
                    machine.at = At::Finish(running, None);
                }
                let ended = machine.run().await;
                let drills = world.estate.beside().store.drills(&sample::root(), &all).await.unwrap().drills;
                assert_eq!(drills.len(), 1, "{crash}: one drill");
                let drill = &drills[0];
                assert!(!is_held(world).await, "{crash}");
                assert!(ended.is_some() || drill.is_ended(), "{crash}");
                assert_eq!(drill.state, State::Succeeded, "{crash}: {drill:#?}");
                assert_eq!(world.recoveries().await.len(), 1, "{crash}: one recovery");
                assert!(world.estate.systems.sent().len() <= 1, "{crash}: one command");
                assert_eq!(world.left().await, Vec::<String>::new(), "{crash}");
            },
        )
        .await;
        assert!(calls >= 25, "{calls} calls");
    }
}

#[tokio::test]
async fn a_quarantine_that_is_missing_fails_with_words() {
    let world = World::new().await;
    let problem = PlanProblem {
        field: "instance.subnet".into(),
        message: "there is no subnet `subnet-1a2b3c4d`".into(),
        advice: "name one that is there".into(),
    };
    world.estate.planner.finds(&[problem], &[]);
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Failed));
    is_over(&world, 1, State::Failed).await;
    assert_eq!(world.recoveries().await.len(), 0, "nothing is made");
    let alert = alert(&world).await.unwrap();
    assert!(alert.message.contains("there is no subnet `subnet-1a2b3c4d`"), "{}", alert.message);
    assert!(alert.message.contains("cpm drill show d1"));
}

#[tokio::test]
async fn a_rule_without_a_place_fails_with_advice() {
    let rule = DrillRule { quarantine: cpm_domain::drill::Quarantine::default(), ..rule() };
    let world = World::with(rule, 1).await;
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Failed));
    let drill = is_over(&world, 1, State::Failed).await;
    assert_eq!(drill.targets[0].error.as_ref().unwrap().code, "NoQuarantine");
}

#[tokio::test]
async fn a_recovery_that_fails_fails_the_drill_and_leaves_nothing() {
    let world = World::with(rule(), 2).await;
    let source = world.estate.store.beside().targets(&sample::root(), &POLICY.parse().unwrap()).await.unwrap();
    let fault = Fault::new("InsufficientInstanceCapacity", "no room").advise("take another zone");
    world.fate(source[0].resource.id(), Fate::Fails(fault));
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Failed));
    let drill = is_over(&world, 1, State::Failed).await;
    let states: Vec<ExerciseState> = drill.targets.iter().map(|target| target.state).collect();
    assert_eq!(states, [ExerciseState::Failed, ExerciseState::Passed], "the others are tried all the same");
    assert!(alert(&world).await.unwrap().message.contains("no room (take another zone)"));
    assert_eq!(Figures::of(&drill).rto, None);
}

#[tokio::test]
async fn a_check_that_fails_fails_the_drill() {
    let world = World::new().await;
    world.estate.systems.whenever("drill", Outcome::exit(3).saying("no such table\n"));
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Failed));
    let drill = is_over(&world, 1, State::Failed).await;
    let script = drill.targets[0].checks.iter().find(|check| check.what == CheckKind::Script).unwrap();
    assert_eq!((script.state, script.message.as_deref()), (CheckState::Failed, Some("exit code 3")));
    assert!(drill.report.unwrap().contains("| no such table"));
}

#[tokio::test]
async fn status_checks_that_never_pass_fail_the_drill() {
    let world = World::new().await;
    world.estate.faults.throttle_next("ec2:DescribeInstanceStatus", 3);
    let mut machine = Machinery::new(&world, "a");
    while drill_of(&world).await.is_none_or(|drill| drill.targets.iter().all(|target| target.made.is_empty())) {
        machine.step().await;
    }
    let made = drill(&world, 1).await.targets[0].made[0].id.clone();
    world.estate.health.set(&made, Condition::Impaired("instance: reachability failed".into()));
    assert_eq!(machine.run().await, Some(State::Failed));
    let drill = is_over(&world, 1, State::Failed).await;
    assert!(drill.targets[0].error.as_ref().unwrap().message.contains("status-checks"), "{:?}", drill.targets[0]);
}

async fn drill_of(world: &World) -> Option<Drill> {
    world.estate.beside().store.drill(&sample::root(), DrillId(1)).await.unwrap()
}

#[tokio::test]
async fn an_agent_that_never_comes_fails_the_drill_after_its_time() {
    let world = World::new().await;
    *world.without_agents.lock().unwrap() = true;
    let before = world.estate.clock.now();
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Failed));
    let drill = is_over(&world, 1, State::Failed).await;
    assert!(world.estate.clock.now().duration_since(before) >= SignedDuration::from_mins(10), "it had its time");
    assert!(drill.report.unwrap().contains("Systems Manager knows no agent on it"));
}

#[tokio::test]
async fn a_cleanup_that_aws_throttles_goes_on() {
    let world = World::new().await;
    world.undoing.next(&[Undo::Throttled, Undo::Throttled, Undo::Left(2), Undo::Left(1), Undo::Throttled]);
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Succeeded));
    is_over(&world, 1, State::Succeeded).await;
    assert_eq!(world.undoing.calls.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn what_aws_will_not_remove_is_told() {
    let world = World::new().await;
    world.undoing.next(&[Undo::Refused; 1_000]);
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Failed));
    let drill = drill(&world, 1).await;
    assert_eq!(drill.targets[0].state, ExerciseState::Passed, "it was restored");
    let left = drill.targets[0].left.as_ref().unwrap();
    assert!(left.message.contains("you are not authorized") && !world.left().await.is_empty(), "{left}");
    let alert = alert(&world).await.unwrap();
    assert!(alert.message.contains("cannot be removed: you are not authorized"), "{}", alert.message);
    assert!(!is_held(&world).await);
}

/// The execution is killed after any of its steps: the next tick starts another, which removes all that was made.
#[tokio::test]
async fn killed_in_the_middle_the_next_tick_cleans_up() {
    for steps in 1..8 {
        let world = World::new().await;
        world.fate("", if steps == 2 { Fate::Runs } else { Fate::Succeeds });
        let mut machine = Machinery::new(&world, "a");
        for _ in 0..steps {
            machine.step().await;
        }
        if matches!(machine.at, At::Ended(_)) {
            assert!(steps > 4, "it has that many steps");
            break;
        }
        world.estate.executions.set("a", Execution::Dead);
        world.estate.clock.advance(SignedDuration::from_mins(2));
        world.fate("", Fate::Succeeds);
        tick(&world).await;
        let mut second = Machinery::started(&world);
        assert_eq!(second.start.resume, Some(DrillId(1)), "after {steps} steps");
        assert_eq!(second.run().await, Some(State::Failed), "after {steps} steps");
        let drill = is_over(&world, 1, State::Failed).await;
        assert_eq!(drill.errors[0].code, "Interrupted");
        assert!(alert(&world).await.unwrap().message.contains("its execution died"));
        // The dead one wakes up again: it does nothing.
        machine.run().await;
        tick(&world).await;
        assert_eq!(world.left().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_drill_that_lives_is_left_alone() {
    let world = World::new().await;
    let input = serde_json::to_string(&start(None)).unwrap();
    world.estate.executions.start(Machine::Drill, "a", &input).await.unwrap();
    let mut machine = Machinery::new(&world, "a");
    machine.step().await;
    for _ in 0..5 {
        world.estate.clock.advance(SignedDuration::from_mins(2));
        tick(&world).await;
    }
    assert_eq!(world.estate.executions.started().len(), 1, "no other is started");
    assert_eq!(machine.run().await, Some(State::Succeeded));
}

#[tokio::test]
async fn one_that_dies_again_and_again_is_given_up() {
    let world = World::new().await;
    let mut machine = Machinery::new(&world, "a");
    for _ in 0..3 {
        machine.step().await;
    }
    for _ in 0..5 {
        for execution in world.estate.executions.started() {
            if execution.machine == Machine::Drill {
                world.estate.executions.set(&execution.name, Execution::Dead);
            }
        }
        world.estate.clock.advance(SignedDuration::from_mins(2));
        tick(&world).await;
    }
    let drill = drill(&world, 1).await;
    assert_eq!(drill.state, State::Failed);
    assert!(!is_held(&world).await, "the next drill can run");
    assert!(alert(&world).await.unwrap().message.contains("died again and again"));
}

#[tokio::test]
async fn two_drills_of_a_policy_at_once_are_one() {
    let world = World::new().await;
    let (mut first, mut second) = (Machinery::new(&world, "a"), Machinery::new(&world, "b"));
    first.step().await;
    assert_eq!(second.run().await, None, "one at a time");
    assert_eq!(first.run().await, Some(State::Succeeded));
    let mut third = Machinery::new(&world, "c");
    assert_eq!(third.run().await, Some(State::Succeeded), "the next one runs");
    assert_eq!(world.recoveries().await.len(), 2);
    for seed in 0..20 {
        let world = World::new().await;
        world.estate.faults.interleave(seed);
        let (mut one, mut two) = (Machinery::new(&world, "a"), Machinery::new(&world, "b"));
        tokio::join!(one.step(), two.step());
        let goes_on = [&one.at, &two.at].iter().filter(|at| matches!(at, At::Recover(_))).count();
        assert_eq!(goes_on, 1, "seed {seed}");
    }
}

#[tokio::test]
async fn success_clears_the_alert() {
    let world = World::new().await;
    world.fate("", Fate::Fails(Fault::new("X", "x")));
    assert_eq!(Machinery::new(&world, "a").run().await, Some(State::Failed));
    assert!(alert(&world).await.is_some());
    world.fate("", Fate::Succeeds);
    assert_eq!(Machinery::new(&world, "b").run().await, Some(State::Succeeded));
    assert!(alert(&world).await.is_none());
}

#[tokio::test]
async fn without_a_generation_there_is_nothing_to_try() {
    let world = World::new().await;
    let policy = Policy { name: "db".parse().unwrap(), drill: Some(rule()), ..sample::policy("db") };
    world.estate.policy(policy, []);
    let mut machine = Machinery::new(&world, "a");
    machine.start.policy = "db".parse().unwrap();
    assert_eq!(machine.run().await, Some(State::Failed));
    assert_eq!(drill(&world, 1).await.errors[0].code, "NoGeneration");
}

fn desk<'a>(world: &'a World, owner: &'a cpm_domain::name::OwnerName, actor: &'a Actor) -> DrillDesk<'a> {
    let estate = &world.estate;
    DrillDesk { store: &estate.store, executions: &estate.executions, clock: &estate.clock, owner, actor }
}

#[tokio::test]
async fn somebody_asks_for_one() {
    let world = World::new().await;
    let (owner, actor) = (sample::root(), Actor::Caller("jo".into()));
    let desk = desk(&world, &owner, &actor);
    let view = desk.run(&POLICY.parse().unwrap()).await.unwrap();
    assert_eq!((view.id, view.state), (DrillId(1), State::Running));
    let error = desk.run(&POLICY.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    assert!(error.to_string().contains("drill d1"), "{error}");
    assert_eq!(Machinery::started(&world).run().await, Some(State::Succeeded));
    is_over(&world, 1, State::Succeeded).await;
    assert_eq!(desk.show(DrillId(1)).await.unwrap().asked_by.as_deref(), Some("jo"));
    let none = desk.run(&"none".parse().unwrap()).await.unwrap_err();
    assert!(matches!(none, Error::NotFound { .. }));
    world.estate.policy(sample::policy("plain"), []);
    let without = desk.run(&"plain".parse().unwrap()).await.unwrap_err();
    assert!(without.advice().contains("quarantine"), "{without}");
}

/// Whoever asks dies at any call: a drill that is on record ends, and nothing is held for ever.
#[tokio::test]
async fn who_asks_dies_anywhere() {
    let calls = at_each_call(
        cpm_fakes::Fate::Killed,
        async || World::new().await,
        async |world: &World| {
            let (owner, actor) = (sample::root(), Actor::Caller("jo".into()));
            desk(world, &owner, &actor).run(&POLICY.parse().unwrap()).await.unwrap();
        },
        async |world: &World, crash| {
            for _ in 0..6 {
                world.estate.clock.advance(SignedDuration::from_mins(3));
                tick(world).await;
                if world.estate.executions.started().iter().any(|execution| execution.state == Execution::Running) {
                    Machinery::started(world).run().await;
                }
            }
            assert!(!is_held(world).await, "{crash}");
            if let Some(drill) = drill_of(world).await {
                assert!(drill.is_ended(), "{crash}: {drill:?}");
            }
            assert_eq!(world.left().await, Vec::<String>::new(), "{crash}");
        },
    )
    .await;
    assert!(calls >= 5, "{calls} calls");
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A drill that is due every day at 02:00.
async fn scheduled() -> World {
    let world = World::new().await;
    world.estate.schedule(sample::schedule("nightly"));
    let next = Some(instant("2026-01-02T02:00:00Z"));
    let (policy, schedule) = (POLICY.parse().unwrap(), "nightly".parse().unwrap());
    world.estate.change([PolicyChange::PutDrillSlot { policy, schedule, next }]);
    world
}

#[tokio::test]
async fn a_slot_is_started_once_however_often_the_tick_comes() {
    let world = scheduled().await;
    world.estate.clock.set(instant("2026-01-02T01:59:00Z"));
    tick(&world).await;
    assert_eq!(world.estate.executions.started().len(), 0, "not before its time");
    world.estate.clock.set(instant("2026-01-02T02:00:20Z"));
    for seed in 0..20 {
        world.estate.faults.interleave(seed);
        tokio::join!(tick(&world), tick(&world), tick(&world));
    }
    let started = world.estate.executions.started();
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].machine, Machine::Drill);
    let start: StartDrill = serde_json::from_str(&started[0].input).unwrap();
    assert_eq!(start.slot.unwrap().at, instant("2026-01-02T02:00:00Z"));
    assert_eq!(Machinery::started(&world).run().await, Some(State::Succeeded));
    // A day was lost, and another: one makes up for both.
    world.estate.clock.set(instant("2026-01-04T03:00:00Z"));
    tick(&world).await;
    assert_eq!(world.estate.executions.started().iter().filter(|e| e.machine == Machine::Drill).count(), 2);
}

#[tokio::test]
async fn the_dispatcher_dies_anywhere() {
    let calls = at_each_call(
        cpm_fakes::Fate::Killed,
        async || {
            let world = scheduled().await;
            world.estate.clock.set(instant("2026-01-02T02:00:20Z"));
            world
        },
        async |world: &World| tick(world).await,
        async |world: &World, crash| {
            world.estate.clock.advance(SignedDuration::from_mins(1));
            tick(world).await;
            assert_eq!(world.estate.executions.started().len(), 1, "{crash}");
            let slot =
                world.estate.beside().store.drill_slot(&sample::root(), &POLICY.parse().unwrap()).await.unwrap();
            assert_eq!(slot.unwrap().1, Some(instant("2026-01-03T02:00:00Z")), "{crash}");
        },
    )
    .await;
    assert!(calls >= 4, "{calls} calls");
}

/// Watch gave up for good while a recovery ran: what it makes yet is removed as well.
#[tokio::test]
async fn what_a_recovery_makes_yet_is_removed_as_well() {
    let world = World::new().await;
    world.fate("", Fate::Runs);
    let mut machine = Machinery::new(&world, "a");
    machine.step().await;
    machine.step().await;
    let At::Watch(running, ..) = machine.at.clone() else { panic!("at {:?}", machine.at) };
    let cleared = clearing(&world).clear(&running, world.deadline()).await.unwrap();
    assert!(cleared.left > 0 && cleared.wait > 0, "its recovery runs still: {cleared:?}");
    assert_eq!(world.undoing.calls.lock().unwrap().len(), 0);
    world.fate("", Fate::Succeeds);
    world.recover().await;
    assert_eq!(world.left().await.len(), 1, "it made something after all");
    let trouble = Trouble { error: "Store.Refused".into(), cause: "the table refused".into() };
    machine.at = At::Clear(running, Some(trouble));
    assert_eq!(machine.run().await, Some(State::Failed));
    let drill = is_over(&world, 1, State::Failed).await;
    assert!(drill.report.unwrap().contains("the table refused"));
}

/// The execution was taken for dead, and another has the drill: each of its steps is refused.
#[tokio::test]
async fn who_lost_the_hold_does_nothing_more() {
    let world = World::new().await;
    let mut machine = Machinery::new(&world, "a");
    machine.step().await;
    machine.step().await;
    let At::Watch(running, ..) = machine.at.clone() else { panic!("at {:?}", machine.at) };
    world.estate.clock.advance(SignedDuration::from_mins(2));
    tick(&world).await;
    let (steps, before) = (steps(&world.estate), drill(&world, 1).await);
    let errors = [
        steps.recover(&running, world.deadline()).await.unwrap_err(),
        steps.watch(&running, 3, None).await.unwrap_err(),
        clearing(&world).clear(&running, world.deadline()).await.unwrap_err(),
        steps.finish(&running, None).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code().name, "Backup.LeaseLost", "{error}");
        assert!(error.to_string().contains("the drills of policy web"), "{error}");
    }
    assert_eq!(drill(&world, 1).await, before, "nothing was written");
    assert_eq!(Machinery::started(&world).run().await, Some(State::Failed));
}
