//! The backup state machine and its function.

use cpm_domain::{
    backup::{Slot, Trigger},
    id::BackupId,
    name::{OwnerName, PolicyName},
    status::Status,
};
use serde::{Deserialize, Serialize};

/// The input of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartBackup {
    /// Whose policy.
    pub owner: OwnerName,
    /// Which policy.
    pub policy: PolicyName,
    /// Why.
    pub trigger: Trigger,
    /// The due instant; null for one by hand.
    pub slot: Option<Slot>,
    /// Who asked, for the log of one by hand; null for the schedule.
    pub asked_by: Option<String>,
    /// The backup to take up again after its execution died; null for a new one.
    pub resume: Option<BackupId>,
}

/// What a task of the state machine asks the function to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// Takes the lease, resolves the targets, writes the backup and its units.
    Plan {
        /// The name of the execution.
        execution: String,
        /// What it was started with.
        start: StartBackup,
        /// The backup that failed, of a retry; null otherwise.
        retried: Option<BackupId>,
    },
    /// Runs what comes before the snapshots.
    Before {
        /// Which backup.
        running: Running,
    },
    /// Asks AWS for the snapshots.
    Snapshot {
        /// Which backup.
        running: Running,
        /// Whether the step ran before, so that AWS may have been asked already.
        again: bool,
    },
    /// Runs what comes after the snapshots, whatever happened.
    After {
        /// Which backup.
        running: Running,
        /// Why the snapshot step gave up; null when it did not.
        trouble: Option<Trouble>,
    },
    /// Leaves a token by which the execution is woken when all units are settled.
    Await {
        /// Which backup.
        running: Running,
        /// The token.
        token: String,
    },
    /// Asks AWS how the units are.
    Progress {
        /// Which backup.
        running: Running,
        /// Polls made so far.
        polls: u32,
    },
    /// Decides the status.
    Complete {
        /// Which backup.
        running: Running,
    },
    /// Gives the lease back, raises or clears the alert, decides what follows.
    Finish {
        /// Which backup.
        running: Running,
    },
}

/// The backup that an execution runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Whose.
    pub owner: OwnerName,
    /// Which policy.
    pub policy: PolicyName,
    /// Its number.
    pub backup: BackupId,
    /// Who holds the lease: execution and attempt.
    pub holder: String,
}

/// An error that a state machine caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Trouble {
    /// Its name.
    pub error: String,
    /// What was said.
    #[serde(default)]
    pub cause: String,
}

/// The answer to [`Step::Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Whether there is something to run.
    pub go: bool,
    /// The backup; null when nothing runs.
    pub backup: Option<BackupId>,
    /// Who holds the lease.
    pub holder: String,
    /// Whether AWS may have been asked already.
    pub again: bool,
    /// Whether a dead execution ran `before` and not yet `after`: thaw first.
    pub frozen: bool,
    /// Why nothing runs.
    pub reason: Option<String>,
}

/// The answer to [`Step::Before`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Whether all that runs before the snapshots has ended; else the step goes on.
    pub done: bool,
    /// Whether scripts ran, so that something may be frozen.
    pub frozen: bool,
}

/// The answer to [`Step::Snapshot`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Sets that AWS has not been asked for yet: its rate or a quota is used up.
    pub left: u32,
    /// Seconds to wait before the step goes on.
    pub wait: u32,
}

/// The answer to [`Step::After`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thawed {
    /// Whether all that runs after the snapshots has ended; else the step goes on.
    pub done: bool,
    /// Units that are not settled.
    pub open: u32,
    /// Seconds until the first poll, unless an event comes first.
    pub wait: u32,
    /// Polls made so far: none.
    pub polls: u32,
}

/// The answer to [`Step::Progress`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units that are not settled.
    pub open: u32,
    /// Seconds until the next poll, unless an event comes first.
    pub wait: u32,
    /// Polls made so far.
    pub polls: u32,
}

/// The answer to [`Step::Complete`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// Whether all that runs at the end has ended; else the step goes on.
    pub done: bool,
    /// The status; in progress until it is done.
    pub status: Status,
}

/// What the execution does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Next {
    /// Nothing.
    End,
    /// Wait and try again.
    Retry,
    /// Generations are outdated: start a cleanup.
    Cleanup,
}

impl Next {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::End, Self::Retry, Self::Cleanup];
}

/// The answer to [`Step::Finish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// What follows.
    pub next: Next,
    /// Seconds to wait before a retry.
    pub wait: u32,
    /// The status, for those who watch the execution.
    pub status: Status,
}
