//! Scenarios: recoveries and checks in an order, as one: the database first, then the two web servers, then a look at
//! whether they answer.
//!
//! A [`Spec`] is what a file writes. What a step made is available to those that need it, as `${db.endpoint}`, in the texts
//! of their plans and in the environment of their checks. A [`Run`] is on record.

mod check;
mod reference;
mod run;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    reference::{Reference, TemplateError, fill_in, references, values},
    run::{Run, RunId, State, Step, StepState, plan_of},
};
use crate::{
    id::Region,
    name::{AccountName, PolicyName},
    policy::Wait,
    script::DocumentName,
};

/// The most steps of a scenario: its record is one item of the table.
pub const MAX_STEPS: usize = 50;

/// A scenario, as a file writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Scenario))]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// For people: letters, digits, `_ - .`, as names of policies.
    pub name: PolicyName,
    /// What is done, in an order that their `needs` allow.
    pub steps: Vec<StepSpec>,
}

/// A step, as a file writes it: one of `recover` and `check`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScenarioStepSpec))]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Its name within the scenario: letters, digits, `_` and `-`.
    pub name: String,
    /// The steps that must have succeeded first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// A recovery: a plan, as `cpm recover` takes it, with references in its texts. User data with references is written as
    /// plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub recover: Option<Value>,
    /// A look at what was recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckSpec>,
}

/// A look at what was recovered: a command of Systems Manager, which succeeds with the exit code 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScenarioCheckSpec))]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// What runs, and where.
    pub ssm: SsmCheckSpec,
    /// Variables of its environment, with references. Its text is sent as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// How long it may take, waiting for the agent included: `1m` to `6h`.
    #[serde(default = "CheckSpec::default_timeout")]
    pub timeout: Wait,
}

/// What a check runs: one of `shell`, `powershell` and `document`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScenarioSsmSpec))]
#[serde(deny_unknown_fields)]
pub struct SsmCheckSpec {
    /// On this instance: `${web.instance}`, or by its id.
    pub instance: String,
    /// Where it is; that of the step when it is a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// In which account; that of the step when it is a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// A text for a shell, or for what its first line `#!` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// A text for PowerShell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub powershell: Option<String>,
    /// A document of Systems Manager, by its name or ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentName>,
}

impl CheckSpec {
    pub(crate) const LEAST: Wait = Wait::from_seconds(60);
    pub(crate) const MOST: Wait = Wait::from_seconds(6 * 3600);

    fn default_timeout() -> Wait {
        Wait::from_seconds(600)
    }
}
