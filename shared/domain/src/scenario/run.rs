//! A run of a scenario on record: what is due, what cannot run any more, and how it ended.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    CheckSpec, Spec, StepSpec,
    reference::{Reference, fill_in, references},
};
use crate::{
    backup::LogLine,
    id::{Region, number},
    name::{AccountName, PolicyName},
    recovery::{RecoveryId, plan::Plan},
    unit::Fault,
};

number! {
    /// The number of a run: counted up from 1 for each owner, never used twice. Written `s3`.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScenarioRunId, value_type = String, example = "s3"))]
    RunId, "s", "the number of a scenario's run", "s3"
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScenarioState))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Steps run, or wait for others.
    Running,
    /// All steps succeeded.
    Succeeded,
    /// One did not.
    Failed,
}

impl State {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a step stands. It only ever moves downwards in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScenarioStepState))]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// What it needs is not done.
    Waiting,
    /// It runs.
    Running,
    /// It is done.
    Succeeded,
    /// It failed.
    Failed,
    /// What it needs failed, or was not run.
    NotRun,
}

impl StepState {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NotRun => "not-run",
        }
    }

    /// Nothing more will come.
    pub fn is_settled(self) -> bool {
        self >= Self::Succeeded
    }
}

impl fmt::Display for StepState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it is.
    pub spec: StepSpec,
    /// How it stands.
    pub state: StepState,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its recovery, from before that is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryId>,
    /// Where it recovered to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(AccountName, Region)>,
    /// What others can refer to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub made: BTreeMap<String, String>,
    /// The command of a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The end of what a check wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Why it failed, or was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl Step {
    /// It is done.
    pub fn succeed(&mut self, now: Timestamp) {
        self.state = StepState::Succeeded;
        self.ended = Some(now);
    }

    /// It failed.
    pub fn fail(&mut self, fault: Fault, now: Timestamp) {
        self.state = StepState::Failed;
        self.ended = Some(now);
        self.error = Some(fault);
    }
}

/// A run of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The scenario's name.
    pub name: PolicyName,
    /// How it stands.
    pub state: State,
    /// Who asked for it.
    pub asked_by: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its steps, as the file has them.
    pub steps: Vec<Step>,
    /// What went wrong beside its steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// The execution that runs it.
    pub execution: String,
    /// Its log.
    #[serde(default)]
    pub log: Vec<LogLine>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

impl Run {
    /// Of a scenario that has no problem.
    pub fn new(id: RunId, spec: Spec, asked_by: String, execution: String, now: Timestamp) -> Self {
        let steps = spec.steps.into_iter().map(|spec| Step {
            spec,
            state: StepState::Waiting,
            started: None,
            ended: None,
            recovery: None,
            place: None,
            made: BTreeMap::new(),
            command: None,
            output: None,
            error: None,
        });
        Self {
            id,
            name: spec.name,
            state: State::Running,
            asked_by,
            started: now,
            ended: None,
            steps: steps.collect(),
            errors: Vec::new(),
            execution,
            log: Vec::new(),
            version: 0,
        }
    }

    /// Whether it is over.
    pub fn is_ended(&self) -> bool {
        self.state != State::Running
    }

    fn state_of(&self, name: &str) -> Option<StepState> {
        self.steps.iter().find(|step| step.spec.name == name).map(|step| step.state)
    }

    /// The waiting steps whose needs are done, by their place.
    pub fn due(&self) -> Vec<usize> {
        let is_done = |need: &String| self.state_of(need) == Some(StepState::Succeeded);
        let is_due = |step: &Step| step.state == StepState::Waiting && step.spec.needs.iter().all(is_done);
        self.steps.iter().enumerate().filter(|(_, step)| is_due(step)).map(|(n, _)| n).collect()
    }

    /// Gives up the steps whose needs failed, and those that need these.
    pub fn give_up_unreachable(&mut self, now: Timestamp) {
        loop {
            let lost = |need: &&String| {
                self.state_of(need).is_some_and(|state| matches!(state, StepState::Failed | StepState::NotRun))
            };
            let unreachable = self.steps.iter().enumerate().find_map(|(n, step)| {
                let need = step.spec.needs.iter().find(lost).filter(|_| step.state == StepState::Waiting)?;
                Some((n, need.clone()))
            });
            let Some((n, need)) = unreachable else { return };
            let how = if self.state_of(&need) == Some(StepState::Failed) { "failed" } else { "was not run" };
            let fault = Fault::new("NotRun", format!("it needs `{need}`, which {how}"));
            self.not_run(n, fault, now);
        }
    }

    fn not_run(&mut self, n: usize, fault: Fault, now: Timestamp) {
        if let Some(step) = self.steps.get_mut(n) {
            step.state = StepState::NotRun;
            step.ended = Some(now);
            step.error = Some(fault);
        }
    }

    /// Ends it: what waits is not run, what runs is not waited for.
    pub fn close(&mut self, now: Timestamp) {
        for n in 0..self.steps.len() {
            match self.steps.get(n).map(|step| step.state) {
                Some(StepState::Waiting) => {
                    self.not_run(n, Fault::new("NotRun", "the run of the scenario ended before it"), now);
                }
                Some(StepState::Running) => {
                    if let Some(step) = self.steps.get_mut(n) {
                        let goes_on = step.recovery.map_or_else(String::new, |id| format!("; recovery {id} goes on"));
                        step.fail(Fault::new("NotAwaited", format!("the run ended while it ran{goes_on}")), now);
                    }
                }
                _ => {}
            }
        }
        let all_done = self.steps.iter().all(|step| step.state == StepState::Succeeded);
        self.state = if all_done && self.errors.is_empty() { State::Succeeded } else { State::Failed };
        self.ended = Some(now);
    }

    /// What a reference stands for now.
    pub fn value_of(&self, reference: &Reference) -> Result<String, Fault> {
        let step = self.steps.iter().find(|step| step.spec.name == reference.step);
        step.and_then(|step| step.made.get(&reference.value)).cloned().ok_or_else(|| {
            Fault::new("NoValue", format!("{reference}: what the step made has no `{}`", reference.value))
                .advise("an instance has a public address only where its subnet or its plan gives it one")
        })
    }

    /// Where the instance of a check is, when that is a reference.
    pub fn place_of(&self, check: &CheckSpec) -> Option<(AccountName, Region)> {
        let referred = references(&check.ssm.instance).ok()?.into_iter().next();
        match referred {
            Some(reference) => self.steps.iter().find(|step| step.spec.name == reference.step)?.place.clone(),
            None => Some((check.ssm.account.clone()?, check.ssm.region.clone()?)),
        }
    }
}

/// A step's plan, with what earlier steps made filled in.
pub fn plan_of(run: &Run, recover: &Value) -> Result<Plan, Fault> {
    let filled = fill_plan(recover, |reference| run.value_of(reference))?;
    serde_json::from_value(filled).map_err(|error| Fault::new("BadPlan", error.to_string()))
}

/// All texts of a plan in which references may stand, with their paths.
pub(super) fn texts(plan: &Value) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    collect(plan, &mut String::new(), &mut texts);
    texts
}

fn collect(value: &Value, path: &mut String, texts: &mut Vec<(String, String)>) {
    let length = path.len();
    match value {
        Value::String(text) => texts.push((path.clone(), text.clone())),
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                path.extend(["[", n.to_string().as_str(), "]"]);
                collect(item, path, texts);
                path.truncate(length);
            }
        }
        Value::Object(fields) => {
            // By name: the order of a map depends on how serde_json is built.
            let ordered: std::collections::BTreeMap<_, _> = fields.iter().collect();
            for (name, field) in ordered {
                path.push('.');
                path.push_str(name);
                collect(field, path, texts);
                path.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A plan with its references replaced. User data that holds one is plain text, and becomes base64.
pub(super) fn fill_plan<E>(plan: &Value, mut value: impl FnMut(&Reference) -> Result<String, E>) -> Result<Value, E> {
    let mut plan = plan.clone();
    fill(&mut plan, &mut value)?;
    Ok(plan)
}

fn fill<E>(value: &mut Value, of: &mut impl FnMut(&Reference) -> Result<String, E>) -> Result<(), E> {
    match value {
        Value::String(text) if text.contains("${") => *text = fill_in(text, of)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, of))?,
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                // Base64 has no `$`.
                let is_plain = name == "user_data" && field.as_str().is_some_and(|text| text.contains("${"));
                fill(field, of)?;
                if let (true, Value::String(text)) = (is_plain, field) {
                    *text = STANDARD.encode(text.as_bytes());
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::recovery::plan::Wanted;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn table(name: &str, needs: &[&str]) -> Value {
        json!({"name": name, "needs": needs, "recover": {"backup": 1, "dynamodb": {}}})
    }

    /// A diamond with a tail, and something that stands alone.
    fn run() -> Run {
        let steps =
            [table("a", &[]), table("b", &["a"]), table("c", &["a"]), table("d", &["b", "c"]), table("e", &[])];
        let spec: Spec = serde_json::from_value(json!({"name": "shop", "steps": steps})).unwrap();
        assert_eq!(spec.check(), []);
        Run::new(RunId(3), spec, "jo".into(), "x".into(), at(0))
    }

    fn states(run: &Run) -> String {
        run.steps.iter().map(|step| format!("{}:{}", step.spec.name, step.state)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn steps_are_due_when_their_needs_are_done() {
        let mut run = run();
        assert_eq!(run.due(), [0, 4]);
        run.steps[0].succeed(at(1));
        assert_eq!(run.due(), [1, 2, 4]);
        run.steps[1].succeed(at(1));
        run.steps[4].succeed(at(1));
        assert_eq!(run.due(), [2]);
        run.steps[2].succeed(at(1));
        assert_eq!(run.due(), [3]);
        run.steps[3].succeed(at(1));
        run.close(at(2));
        assert_eq!(run.state, State::Succeeded);
    }

    #[test]
    fn what_needs_a_failed_step_is_not_run_and_told_so() {
        let mut run = run();
        run.steps[0].succeed(at(1));
        run.steps[1].fail(Fault::new("X", "x"), at(1));
        run.give_up_unreachable(at(2));
        assert_eq!(states(&run), "a:succeeded b:failed c:waiting d:not-run e:waiting");
        assert_eq!(run.steps[3].error.as_ref().unwrap().message, "it needs `b`, which failed");
        assert_eq!(run.due(), [2, 4], "what does not need it goes on");
    }

    #[test]
    fn not_run_is_handed_on() {
        let mut run = run();
        run.steps[0].fail(Fault::new("X", "x"), at(1));
        run.give_up_unreachable(at(2));
        assert_eq!(states(&run), "a:failed b:not-run c:not-run d:not-run e:waiting");
        assert_eq!(run.steps[3].error.as_ref().unwrap().message, "it needs `b`, which was not run");
    }

    #[test]
    fn one_that_is_cut_short_failed() {
        let mut run = run();
        run.steps[0].state = StepState::Running;
        run.steps[0].recovery = Some(RecoveryId(7));
        run.close(at(2));
        assert_eq!(run.state, State::Failed);
        assert_eq!(states(&run), "a:failed b:not-run c:not-run d:not-run e:not-run");
        assert!(run.steps[0].error.as_ref().unwrap().message.contains("recovery r7 goes on"));
    }

    #[test]
    fn plans_get_what_was_made() {
        let mut run = run();
        run.steps[0].made =
            [("endpoint".to_owned(), "db.example".to_owned()), ("id".into(), "i-1a2b3c4d".into())].into();
        let recover =
            json!({"backup": 2, "instance": {"user_data": "db=${a.endpoint}", "tags": {"db": "<${a.endpoint}>"}}});
        let Wanted::Instance(wanted) = plan_of(&run, &recover).unwrap().wanted else { panic!() };
        assert_eq!(wanted.user_data.as_deref(), Some("ZGI9ZGIuZXhhbXBsZQ=="));
        assert_eq!(wanted.tags.unwrap()["db"], "<db.example>");
        let encoded = json!({"backup": 2, "instance": {"user_data": "ZGI9"}});
        let Wanted::Instance(wanted) = plan_of(&run, &encoded).unwrap().wanted else { panic!() };
        assert_eq!(wanted.user_data.as_deref(), Some("ZGI9"), "what is encoded already stays");
        let missing = json!({"backup": 2, "instance": {"private_ip": "${a.private_ip}"}});
        assert_eq!(plan_of(&run, &missing).unwrap_err().code, "NoValue");
    }

    #[test]
    fn a_run_reads_back() {
        let mut run = run();
        run.steps[0].place = Some(("main".parse().unwrap(), "us-east-1".parse().unwrap()));
        let again: Run = serde_json::from_value(serde_json::to_value(&run).unwrap()).unwrap();
        assert_eq!(again, run);
        assert_eq!("s3".parse(), Ok(RunId(3)));
    }
}
