//! Drills: recoveries that nobody needs, to know that those that somebody needs succeed.
//!
//! A drill restores the newest generation of a policy into a quarantine, checks what is there, measures how long that
//! took and how old it is, and removes it again, whatever happened. Its [`DrillRule`] is part of the policy.

mod plan;
mod rule;
mod verdict;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    plan::{choose, newest, quarantined, without_policy_tag},
    rule::{Checks, DrillRule, MAX_TARGETS, Quarantine, WrongRule},
    verdict::{Figures, checks_of, close, fault_of, report, settle},
};
use crate::{
    backup::{LogLine, Slot},
    id::{BackupId, Region, number},
    kind::Resource,
    name::{AccountName, PolicyName},
    recovery::{RecoveryId, work::MadeKind},
    unit::Fault,
};

/// What is kept of what a check's script wrote: its last characters.
pub const MAX_OUTPUT: usize = 2_000;

number! {
    /// The number of a drill: counted up from 1 for each owner, never used twice. Written `d5`.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = "d5"))]
    DrillId, "d", "the number of a drill", "d5"
}

/// How a drill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = DrillState))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It restores, checks or removes.
    Running,
    /// All was restored, passed its checks and is gone again.
    Succeeded,
    /// Something was not.
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

/// How far a target of a drill is. It only ever moves downwards in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ExerciseState {
    /// Its recovery is not asked for yet.
    Planned,
    /// Its recovery runs.
    Recovering,
    /// It is restored, and looked at.
    Checking,
    /// All its checks passed.
    Passed,
    /// It could not be restored, or a check failed.
    Failed,
}

impl ExerciseState {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Recovering => "recovering",
            Self::Checking => "checking",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    /// Nothing more will come.
    pub fn is_settled(self) -> bool {
        self >= Self::Passed
    }
}

impl fmt::Display for ExerciseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a drill looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// The instance runs.
    Running,
    /// AWS's own checks of the instance and of its host pass.
    StatusChecks,
    /// AWS says that it can be used; a database has an endpoint. Nothing outside of its VPC can connect to it: that is for a
    /// script.
    Available,
    /// The policy's script ends with the exit code 0.
    Script,
}

impl CheckKind {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::StatusChecks => "status-checks",
            Self::Available => "available",
            Self::Script => "script",
        }
    }
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How an instance is by AWS's status checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// They are not over yet.
    Open,
    /// All pass.
    Well,
    /// One does not: AWS's words.
    Impaired(String),
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It is not known yet.
    Open,
    /// Well.
    Passed,
    /// Not well.
    Failed,
}

impl CheckState {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }
}

/// A look at what was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What is looked at.
    pub what: CheckKind,
    /// What AWS calls the thing.
    pub on: String,
    /// How it stands.
    pub state: CheckState,
    /// When its command was about to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Timestamp>,
    /// Its command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// AWS's words of how it stands, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The end of what its script wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

impl Check {
    /// One that is not known yet.
    pub fn open(what: CheckKind, on: impl Into<String>) -> Self {
        let on = on.into();
        Self { what, on, state: CheckState::Open, begun: None, command: None, message: None, output: None }
    }

    /// It is well.
    pub fn pass(&mut self) {
        self.state = CheckState::Passed;
        self.message = None;
    }

    /// It is not well.
    pub fn fail(&mut self, message: impl Into<String>) {
        self.state = CheckState::Failed;
        self.message = Some(message.into());
    }
}

/// A thing that a drill restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// What it is.
    pub kind: MadeKind,
    /// What AWS calls it.
    pub id: String,
    /// Where it can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// A target of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exercise {
    /// Counted from 1 within the drill.
    pub number: u32,
    /// Where the source is.
    pub region: Region,
    /// The source.
    pub resource: Resource,
    /// How far it is.
    pub state: ExerciseState,
    /// Its recovery, from before that is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryId>,
    /// When the recovery was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// When it had succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Timestamp>,
    /// What it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<Restored>,
    /// What was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// When all checks had passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// What it made is gone again, or it made nothing.
    #[serde(default)]
    pub cleared: bool,
    /// Why something of it could not be removed when it was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Fault>,
}

impl Exercise {
    /// One whose recovery is not asked for yet.
    pub fn planned(number: u32, region: Region, resource: Resource) -> Self {
        Self {
            number,
            region,
            resource,
            state: ExerciseState::Planned,
            recovery: None,
            asked: None,
            restored: None,
            made: Vec::new(),
            checks: Vec::new(),
            usable: None,
            error: None,
            cleared: false,
            left: None,
        }
    }

    /// It failed.
    pub fn fail(&mut self, fault: Fault) {
        self.state = ExerciseState::Failed;
        self.error = Some(fault);
    }

    /// In seconds from the request for its recovery until it was usable.
    pub fn took(&self) -> Option<u64> {
        Some(verdict::seconds(self.asked?, self.usable?))
    }
}

/// A drill on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// Its number.
    pub id: DrillId,
    /// Of which policy.
    pub policy: PolicyName,
    /// Into which account: that of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// How it stands.
    pub state: State,
    /// The generation that it restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupId>,
    /// When that began: the recovery point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Timestamp>,
    /// The due instant that it answers; none: somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended: all is gone again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its targets; none before they are chosen.
    #[serde(default)]
    pub targets: Vec<Exercise>,
    /// It was given up on its way: nothing more is restored or checked.
    #[serde(default)]
    pub interrupted: bool,
    /// Since when it removes what it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clearing: Option<Timestamp>,
    /// What went wrong beside its targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// What came out, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// The execution that runs it.
    pub execution: String,
    /// Its log.
    #[serde(default)]
    pub log: Vec<LogLine>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

impl Drill {
    /// Whether it is over.
    pub fn is_ended(&self) -> bool {
        self.state != State::Running
    }

    /// Something went wrong: nothing more is restored or checked, and what was made is removed.
    pub fn interrupt(&mut self, fault: Fault) {
        self.interrupted = true;
        self.errors.push(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        assert_eq!("d5".parse(), Ok(DrillId(5)));
        assert_eq!("5".parse(), Ok(DrillId(5)));
        assert_eq!(DrillId(5).to_string(), "d5");
        let error = "r5".parse::<DrillId>().unwrap_err().to_string();
        assert_eq!(error, "`r5` is not the number of a drill, such as `d5`");
    }

    #[test]
    fn words_are_the_same_in_text_and_json() {
        for state in [State::Running, State::Succeeded, State::Failed] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for what in [CheckKind::Running, CheckKind::StatusChecks, CheckKind::Available, CheckKind::Script] {
            assert_eq!(serde_json::to_value(what).unwrap(), what.as_str());
        }
    }
}
