//! The scenario state machine. Its steps are the recoverer's.

use cpm_domain::{
    name::OwnerName,
    scenario::{RunId, State},
};
use serde::{Deserialize, Serialize};

use crate::backup::Trouble;

/// The input of an execution. The run is on record already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartScenario {
    /// Whose.
    pub owner: OwnerName,
    /// Which run.
    pub run: RunId,
}

/// What a task of the state machine asks the function to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// Looks at the steps that run, and begins those that are due.
    Advance {
        /// Which run.
        running: Running,
        /// Looks made so far.
        polls: u32,
    },
    /// Decides how it ended, and gives the hold back.
    Finish {
        /// Which run.
        running: Running,
        /// Why the execution gave up; null when it did not.
        trouble: Option<Trouble>,
    },
}

/// The run of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Whose.
    pub owner: OwnerName,
    /// Its number.
    pub run: RunId,
    /// The name of the execution.
    pub execution: String,
}

/// The answer to [`Step::Advance`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that are not settled.
    pub open: u32,
    /// Seconds to wait before the next look.
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
