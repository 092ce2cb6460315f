//! What is remembered. Every change of state is conditional; every question has a key or an index.
//!
//! Each trait speaks of one owner, given in every call: an owner never sees another's items.

mod backups;
mod configuration;
mod due;
mod logs;
mod recoveries;

pub use backups::{BackupPage, BackupQuery, Backups, Freezer, Images, ScriptRuns};
pub use configuration::{Configuration, PolicyChange};
pub use due::{Due, DueItem, Held, Hold, Holds, Lease, LeaseOutcome, Leases, Slots};
pub use logs::{Alerts, AuditTrail, Scans};
pub use recoveries::{
    DrillPage, DrillQuery, Drills, Origins, Recoveries, RecoveryPage, RecoveryQuery, ScenarioPage, Scenarios,
};

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What was to be changed is no longer as it was read: somebody was faster. Read it again.
    #[error("{0} was changed by somebody else meanwhile")]
    LostRace(String),
    /// DynamoDB is slow, throttled or not to be reached: later.
    #[error("the table did not answer: {0}")]
    Unavailable(String),
    /// DynamoDB refused for good: a missing permission, a missing table, an item over 400 KB.
    #[error("the table refused: {0}")]
    Refused(String),
    /// An item that this version cannot read.
    #[error("item {key} cannot be read: {reason}")]
    Unreadable {
        /// Partition and sort key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LostRace(_) => "Store.LostRace",
            Self::Unavailable(_) => "Store.Unavailable",
            Self::Refused(_) => "Store.Refused",
            Self::Unreadable { .. } => "Store.Unreadable",
        }
    }
}

/// All of it.
pub trait Store:
    Configuration
    + Slots
    + Leases
    + Backups
    + ScriptRuns
    + Freezer
    + Images
    + Origins
    + Recoveries
    + Holds
    + Drills
    + Scenarios
    + Alerts
    + AuditTrail
    + Scans
{
}

impl<T> Store for T where
    T: Configuration
        + Slots
        + Leases
        + Backups
        + ScriptRuns
        + Freezer
        + Images
        + Origins
        + Recoveries
        + Holds
        + Drills
        + Scenarios
        + Alerts
        + AuditTrail
        + Scans
{
}
