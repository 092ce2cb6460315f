//! The cleanup state machine and its function.

use cpm_domain::name::{OwnerName, PolicyName};
use serde::{Deserialize, Serialize};

use crate::recovery::Running;

/// The input of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartCleanup {
    /// Whose; all owners when left out.
    #[serde(default)]
    pub owner: Option<OwnerName>,
    /// Of which policy; all when left out.
    #[serde(default)]
    pub policy: Option<PolicyName>,
    /// `schedule`, `backup`, or who asked.
    #[serde(default)]
    pub asked_by: Option<String>,
}

/// What a task of the state machine asks the function to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// Marks the backups whose time is over.
    Plan {
        /// What the execution was started with.
        start: StartCleanup,
    },
    /// Deletes their snapshots.
    Delete,
    /// Removes the records of which nothing is left; names what AWS will not delete.
    Settle,
    /// Removes what a recovery made for the while only: the image that it registered, the volumes that it replaced.
    Tidy {
        /// Which recovery.
        running: Running,
    },
    /// Removes all that a recovery made, and nothing else.
    Undo {
        /// Which recovery.
        running: Running,
    },
    /// Removes all that the recoveries of a drill made, and nothing else.
    Clear {
        /// Which drill.
        running: crate::drill::Running,
    },
}

/// The answer to [`Step::Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Backups marked by this step.
    pub marked: u32,
    /// Whether any backup is to be deleted, of this time or an earlier one.
    pub due: bool,
}

/// The answer to [`Step::Delete`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Snapshots deleted by this step.
    pub deleted: u32,
    /// Whether the time was too short for all.
    pub left: bool,
    /// Seconds to wait before the step goes on.
    pub wait: u32,
}

/// The answer to [`Step::Settle`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Records removed.
    pub removed: u32,
    /// Snapshots that AWS will not delete.
    pub blocked: u32,
}

/// The answer to [`Step::Tidy`], [`Step::Undo`] and [`Step::Clear`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// What is still there.
    pub left: u32,
    /// Seconds to wait before the step goes on.
    pub wait: u32,
}
