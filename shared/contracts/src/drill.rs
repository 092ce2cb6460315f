//! The drill state machine. Its steps are the recoverer's, but for the removal, which is the cleaner's.

use cpm_domain::{
    backup::Slot,
    drill::{DrillId, State},
    name::{OwnerName, PolicyName},
};
use serde::{Deserialize, Serialize};

use crate::backup::Trouble;

/// The input of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartDrill {
    /// Whose policy.
    pub owner: OwnerName,
    /// Which policy.
    pub policy: PolicyName,
    /// The due instant; null for one by hand.
    pub slot: Option<Slot>,
    /// Who asked; null for the schedule.
    pub asked_by: Option<String>,
    /// The drill whose execution died, to remove what it made; null for a new one.
    pub resume: Option<DrillId>,
}

/// What a task of the state machine asks the function to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// Takes the hold on the policy's drills, chooses the generation and its targets, and writes them down.
    Plan {
        /// The name of the execution.
        execution: String,
        /// What it was started with.
        start: StartDrill,
    },
    /// Asks for the recoveries: each is planned into the quarantine, written down and started.
    Recover {
        /// Which drill.
        running: Running,
    },
    /// Looks at the recoveries, and checks what is restored.
    Watch {
        /// Which drill.
        running: Running,
        /// Looks made so far.
        polls: u32,
        /// Why the step before gave up; null when it did not.
        trouble: Option<Trouble>,
    },
    /// Decides how it ended, writes the report, raises or clears the alert, and gives the hold back.
    Finish {
        /// Which drill.
        running: Running,
        /// Why the execution gave up; null when it did not.
        trouble: Option<Trouble>,
    },
}

/// The drill that an execution runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Whose.
    pub owner: OwnerName,
    /// Its number.
    pub drill: DrillId,
    /// The name of the execution.
    pub execution: String,
}

/// The answer to [`Step::Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Whether there is something to run.
    pub go: bool,
    /// The drill; null when nothing runs.
    pub drill: Option<DrillId>,
    /// Why nothing runs.
    pub reason: Option<String>,
}

/// The answer to [`Step::Recover`] and [`Step::Watch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Targets that are not done with this step.
    pub open: u32,
    /// Seconds to wait before the step goes on.
    pub wait: u32,
    /// Looks made so far.
    pub polls: u32,
}

/// The answer to [`Step::Finish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// How it ended, for those who watch the execution.
    pub state: State,
}
