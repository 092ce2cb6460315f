//! Scenarios.

use std::collections::BTreeMap;

use cpm_domain::{
    backup::LogLine,
    name::PolicyName,
    recovery::{
        RecoveryId,
        plan::{Plan, PlanProblem},
    },
    scenario::{Run, RunId, Spec, State, StepState},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ErrorView;

/// A scenario is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScenarioRequest {
    /// What is done.
    pub scenario: Spec,
}

/// What a scenario comes to. Nothing is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScenarioPlan {
    /// Its name.
    pub name: PolicyName,
    /// Its steps, in an order in which they may run.
    pub steps: Vec<PlannedStep>,
    /// Whether nothing is wrong with those that could be checked.
    pub ok: bool,
}

/// What a step of a scenario comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// What it needs.
    pub needs: Vec<String>,
    /// Of a recovery whose plan refers to nothing: the plan with every default filled in.
    pub plan: Option<Plan>,
    /// Why it could not be held against AWS: it refers to what is not made yet, or is a check.
    pub unchecked: Option<String>,
    /// All that is wrong with it, by the fields of its plan.
    pub problems: Vec<PlanProblem>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// A run of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScenarioView {
    /// Its number.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "s3"))]
    pub id: RunId,
    /// The scenario's name.
    pub name: PolicyName,
    /// How it stands.
    pub state: State,
    /// Who asked for it.
    pub asked_by: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; null before that.
    pub ended: Option<Timestamp>,
    /// Its steps, as the file has them.
    pub steps: Vec<ScenarioStepView>,
    /// What went wrong beside its steps.
    pub errors: Vec<ErrorView>,
    /// Its log; empty in lists.
    pub log: Vec<LogLine>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScenarioStepView {
    /// Its name.
    pub name: String,
    /// What it needs.
    pub needs: Vec<String>,
    /// How it stands.
    pub state: StepState,
    /// Its recovery; null of a check, and before it began.
    pub recovery: Option<RecoveryId>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it was settled.
    pub ended: Option<Timestamp>,
    /// What others can refer to.
    pub made: BTreeMap<String, String>,
    /// The end of what a check wrote.
    pub output: Option<String>,
    /// Why it failed, or was not run.
    pub error: Option<ErrorView>,
}

/// Runs of scenarios, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScenarioList {
    /// They, without logs.
    pub scenarios: Vec<ScenarioView>,
    /// Pass it as `before` for more; null: these are all.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub next: Option<RunId>,
}

impl From<Run> for ScenarioView {
    fn from(run: Run) -> Self {
        let steps = run.steps.into_iter().map(|step| ScenarioStepView {
            name: step.spec.name,
            needs: step.spec.needs,
            state: step.state,
            recovery: step.recovery,
            started: step.started,
            ended: step.ended,
            made: step.made,
            output: step.output,
            error: step.error.as_ref().map(ErrorView::from),
        });
        Self {
            id: run.id,
            name: run.name,
            state: run.state,
            asked_by: run.asked_by,
            started: run.started,
            ended: run.ended,
            steps: steps.collect(),
            errors: run.errors.iter().map(ErrorView::from).collect(),
            log: run.log,
        }
    }
}
