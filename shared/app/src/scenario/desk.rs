//! What people ask of scenarios: what one comes to, a run now, and how it stands.

use cpm_contracts::{
    api::{PlannedStep, ScenarioList, ScenarioPlan, ScenarioView},
    scenario::StartScenario,
};
use cpm_domain::{
    audit::{Actor, Event},
    document::Problem,
    name::OwnerName,
    recovery::plan::{Plan, PlanProblem},
    scenario::{Run, RunId, Spec, StepSpec, references},
    unit::Fault,
};
use cpm_ports::{Clock, Executions, Held, Machine, Planner, Store};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::{
    Error, Result,
    hold::{self, scenario_name},
    run,
};

/// Plans held against AWS at a time.
const AT_ONCE: usize = 8;

/// An owner's scenarios, as somebody asks for them.
pub struct ScenarioDesk<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The state machines.
    pub executions: &'a dyn Executions,
    /// What holds plans against AWS.
    pub planner: &'a dyn Planner,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whose.
    pub owner: &'a OwnerName,
    /// Who asks.
    pub actor: &'a Actor,
}

impl ScenarioDesk<'_> {
    /// What a scenario comes to: the plans that refer to nothing are held against AWS. Nothing is made.
    pub async fn plan(&self, spec: &Spec) -> Result<ScenarioPlan> {
        checked(spec)?;
        let planning: Vec<_> = ordered(spec).into_iter().map(|step| self.plan_step(step)).collect();
        let steps: Vec<PlannedStep> = stream::iter(planning).buffered(AT_ONCE).try_collect().await?;
        let ok = steps.iter().all(|step| step.problems.is_empty());
        Ok(ScenarioPlan { name: spec.name.clone(), steps, ok })
    }

    async fn plan_step(&self, step: &StepSpec) -> Result<PlannedStep> {
        let mut planned = PlannedStep {
            name: step.name.clone(),
            needs: step.needs.clone(),
            plan: None,
            unchecked: None,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let Some(recover) = &step.recover else {
            planned.unchecked = Some("it runs when what it needs is there".to_owned());
            return Ok(planned);
        };
        if refers(recover) {
            planned.unchecked =
                Some("it refers to what is not made yet: it is checked when that is there".to_owned());
            return Ok(planned);
        }
        let plan: Plan = match serde_json::from_value(recover.clone()) {
            Ok(plan) => plan,
            Err(error) => {
                planned.problems.push(wrong("", error.to_string(), "write it as a plan of `cpm recover`"));
                return Ok(planned);
            }
        };
        let backup = self.store.backup(self.owner, plan.backup).await?;
        if backup.is_none_or(|backup| !backup.is_kept()) {
            let message = format!("there is no backup {}, or it is being deleted", plan.backup);
            planned.problems.push(wrong("backup", message, "see `cpm backup list`"));
            return Ok(planned);
        }
        let found = self.planner.plan(self.owner, &plan).await?;
        planned.plan = Some(found.plan);
        planned.problems = found.problems;
        planned.warnings = found.warnings;
        Ok(planned)
    }

    /// Runs a scenario. All that is wrong with it is told at once, and then nothing is made.
    pub async fn run(&self, spec: Spec) -> Result<ScenarioView> {
        let planned = self.plan(&spec).await?;
        let problems: Vec<Problem> = planned.steps.into_iter().flat_map(|step| placed(&spec, step)).collect();
        if !problems.is_empty() {
            return Err(Error::Problems(problems));
        }
        let now = self.clock.now();
        let id = self.store.next_scenario(self.owner).await?;
        let execution = scenario_name(self.owner, id, 0);
        let run = Run::new(id, spec, self.actor.to_string(), execution.clone(), now);
        self.record(&run).await?;
        // From here on the dispatcher looks after it, whatever becomes of this call.
        let hold = hold::first(Held::Scenario(id), id.0, &execution, now);
        self.store.take_hold(self.owner, &hold, None).await?;
        self.store.put_scenario(self.owner, &run).await?;
        let start = StartScenario { owner: self.owner.clone(), run: id };
        let Err(error) = run::start(self.executions, self.clock, Machine::Scenario, &execution, &start).await else {
            return Ok(ScenarioView::from(run));
        };
        if error.code().retryable {
            // It may run: the next tick sees.
            return Err(error);
        }
        let mut run = Run { version: 1, ..run };
        run.errors.push(Fault::new(error.code().name, format!("its execution could not be started: {error}")));
        run.close(self.clock.now());
        self.store.put_scenario(self.owner, &run).await?;
        self.store.release_hold(self.owner, &hold).await?;
        Err(error)
    }

    /// Runs, newest first, without their logs.
    pub async fn list(&self, before: Option<RunId>, limit: usize) -> Result<ScenarioList> {
        let page = self.store.scenarios(self.owner, before, limit).await?;
        let scenarios = page.runs.into_iter().map(|run| ScenarioView::from(Run { log: Vec::new(), ..run }));
        Ok(ScenarioList { scenarios: scenarios.collect(), next: page.next })
    }

    /// One run.
    pub async fn show(&self, id: RunId) -> Result<ScenarioView> {
        let run = self.store.scenario(self.owner, id).await?;
        run.map(ScenarioView::from).ok_or_else(|| Error::not_found("scenario", id))
    }

    /// Written before the start: nothing is ever done that the trail lacks.
    async fn record(&self, run: &Run) -> Result<()> {
        let event = Event {
            time: self.clock.now(),
            actor: self.actor.clone(),
            action: "scenario.run".to_owned(),
            subject: run.name.to_string(),
            details: format!("run {}, {} steps", run.id, run.steps.len()),
        };
        Ok(self.store.record(self.owner, &event).await?)
    }
}

fn checked(spec: &Spec) -> Result<()> {
    let problems = spec.check();
    if problems.is_empty() { Ok(()) } else { Err(Error::Problems(problems)) }
}

/// The steps, each after those that it needs.
fn ordered(spec: &Spec) -> Vec<&StepSpec> {
    let mut ordered: Vec<&StepSpec> = Vec::new();
    while ordered.len() < spec.steps.len() {
        let is_done = |need: &String| ordered.iter().any(|step| step.name == *need);
        let next = spec
            .steps
            .iter()
            .find(|step| !ordered.iter().any(|done| done.name == step.name) && step.needs.iter().all(is_done));
        // A scenario that passed its check has no circle.
        let Some(next) = next else { break };
        ordered.push(next);
    }
    ordered
}

/// Whether a text of it refers to a step.
fn refers(plan: &Value) -> bool {
    match plan {
        Value::String(text) => references(text).is_ok_and(|found| !found.is_empty()),
        Value::Array(items) => items.iter().any(refers),
        Value::Object(fields) => fields.values().any(refers),
        _ => false,
    }
}

fn wrong(field: &str, message: String, advice: &str) -> PlanProblem {
    PlanProblem { field: field.to_owned(), message, advice: advice.to_owned() }
}

/// What is wrong with a step's plan, as problems of the scenario's file.
fn placed(spec: &Spec, step: PlannedStep) -> Vec<Problem> {
    let number = spec.steps.iter().position(|written| written.name == step.name).unwrap_or_default();
    let place = |field: &str| match field {
        "" => format!("steps[{number}].recover"),
        field => format!("steps[{number}].recover.{field}"),
    };
    step.problems.into_iter().map(|it| Problem::new(place(&it.field), it.message, it.advice)).collect()
}
