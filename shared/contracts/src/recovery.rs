//! The recovery state machine and its function.

pub use cpm_domain::recovery::{
    image::{ImageMatch, ImagesFound, ImagesLike},
    plan::Checked,
};
use cpm_domain::{
    name::OwnerName,
    recovery::{RecoveryId, State, plan::Plan},
};
use serde::{Deserialize, Serialize};

use crate::backup::Trouble;

/// The input of an execution. The recovery is on record already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRecovery {
    /// Whose.
    pub owner: OwnerName,
    /// Which.
    pub recovery: RecoveryId,
}

/// What is asked of the function: the steps of the state machine, and, by the API, what only looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// Fills a plan in and holds it against AWS: [`Checked`]. Nothing is made and nothing is written. Asked by the API.
    Plan {
        /// Whose.
        owner: OwnerName,
        /// What is wanted.
        plan: Plan,
    },
    /// Looks for images like the one that an instance was launched from: [`ImagesFound`]. Asked by the API.
    Images {
        /// Whose.
        owner: OwnerName,
        /// What is looked for.
        like: ImagesLike,
    },
    /// Holds the plan against AWS again, if that was some time ago.
    Check {
        /// Which recovery.
        running: Running,
    },
    /// Leaves the token by which an answer to the approval goes on.
    Ask {
        /// Which recovery.
        running: Running,
        /// The token.
        token: String,
    },
    /// Writes every work down before AWS is asked for anything.
    Prepare {
        /// Which recovery.
        running: Running,
    },
    /// Asks AWS for what is due: whose needs are done.
    Create {
        /// Which recovery.
        running: Running,
    },
    /// Asks AWS how things are.
    Progress {
        /// Which recovery.
        running: Running,
        /// Polls made so far.
        polls: u32,
    },
    /// Decides how it ended, and what becomes of what it made.
    Finish {
        /// Which recovery.
        running: Running,
        /// Why the execution gave up; null when it did not.
        trouble: Option<Trouble>,
    },
    /// A step of a drill.
    Drill {
        /// Which.
        drill: crate::drill::Step,
    },
    /// A step of a scenario.
    Scenario {
        /// Which.
        scenario: crate::scenario::Step,
    },
}

/// The recovery that an execution runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Whose.
    pub owner: OwnerName,
    /// Its number.
    pub recovery: RecoveryId,
    /// The name of the execution.
    pub execution: String,
}

/// The answer to [`Step::Check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Whether it goes on; else it ended, and its record says why.
    pub go: bool,
    /// Whether somebody has to say yes first.
    pub ask: bool,
}

/// The answer to a waiting [`Step::Ask`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Yes or no.
    pub approved: bool,
}

/// The answer to [`Step::Prepare`], [`Step::Create`] and [`Step::Progress`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Works that AWS can be asked for now.
    pub due: u32,
    /// Works that AWS has begun, and not ended.
    pub open: u32,
    /// Seconds to wait before the next step.
    pub wait: u32,
    /// Polls made so far.
    pub polls: u32,
}

/// What the execution does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Next {
    /// Nothing.
    End,
    /// The cleaner removes what was made for the while only: a registered image, volumes that were replaced.
    Tidy,
    /// The cleaner removes all that was made.
    Undo,
}

impl Next {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::End, Self::Tidy, Self::Undo];
}

/// The answer to [`Step::Finish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// What follows; the step is asked again after that.
    pub next: Next,
    /// How it stands, for those who watch the execution.
    pub state: State,
}
