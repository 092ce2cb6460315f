//! What is due, and which execution works on what.

use async_trait::async_trait;
use cpm_domain::{
    id::BackupId,
    name::{OwnerName, PolicyName, ScheduleName},
    recovery::RecoveryId,
    scenario::RunId,
};
use jiff::Timestamp;

use super::StoreError;

/// One thing whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueItem {
    /// Whose.
    pub owner: OwnerName,
    /// When it was due.
    pub at: Timestamp,
    /// What.
    pub what: Due,
}

/// What can be due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A policy's schedule.
    Slot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// A lease ran out: its execution may be dead.
    Lease(Lease),
    /// A policy's drill.
    Drill {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// A hold is to be looked at: its execution may be dead.
    Hold(Hold),
    /// A recovery is no longer trusted to live ([`Course::watch`](cpm_domain::recovery::course::Course::watch)).
    Recovery(RecoveryId),
}

/// Due instants.
#[async_trait]
pub trait Slots: Send + Sync {
    /// Up to `limit` things due at or before `now`, of all owners, longest due first (by index, so a moment late).
    /// `after` leaves out what was read before: pass the last item read.
    async fn due(&self, now: Timestamp, after: Option<&DueItem>, limit: usize) -> Result<Vec<DueItem>, StoreError>;

    /// Moves a slot from `at` to `next`, or says that somebody was faster.
    async fn advance(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// All slots of a policy: the schedule and its next due instant.
    async fn slots(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Vec<(ScheduleName, Option<Timestamp>)>, StoreError>;

    /// Moves the slot of a policy's drill from `at` to `next`, or says that somebody was faster.
    async fn advance_drill(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// The slot of a policy's drill: the schedule and its next due instant.
    async fn drill_slot(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Option<(ScheduleName, Option<Timestamp>)>, StoreError>;
}

/// What one execution at a time may work on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// The drills of a policy.
    Drills(PolicyName),
    /// The run of a scenario.
    Scenario(RunId),
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Drills(policy) => write!(f, "the drills of policy {policy}"),
            Self::Scenario(run) => write!(f, "the run {run} of a scenario"),
        }
    }
}

/// That an execution works on something. It is due as soon as it expires, so that each tick looks whether the execution
/// lives: what a dead one left is taken up at the next tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// On what.
    pub on: Held,
    /// The drill's number, or that of the run.
    pub number: u64,
    /// The execution.
    pub execution: String,
    /// When it is looked at.
    pub expires: Timestamp,
    /// How often what it works on was taken up again.
    pub resumed: u32,
}

/// Holds.
#[async_trait]
pub trait Holds: Send + Sync {
    /// The hold on something, consistently read.
    async fn hold(&self, owner: &OwnerName, on: &Held) -> Result<Option<Hold>, StoreError>;
    /// Takes the hold if nobody has it, or if `instead_of`'s execution has it still, or if it is the same execution's
    /// already. Else it gives the one that stands.
    async fn take_hold(
        &self,
        owner: &OwnerName,
        hold: &Hold,
        instead_of: Option<&Hold>,
    ) -> Result<Option<Hold>, StoreError>;
    /// Puts off when it is looked at. Another execution's is [`StoreError::LostRace`].
    async fn renew_hold(&self, owner: &OwnerName, hold: &Hold, expires: Timestamp) -> Result<(), StoreError>;
    /// Gives it back. Another execution's stays, without an error.
    async fn release_hold(&self, owner: &OwnerName, hold: &Hold) -> Result<(), StoreError>;
}

/// One backup of a policy at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The policy.
    pub policy: PolicyName,
    /// The execution and the attempt that hold it.
    pub holder: String,
    /// The execution alone, to look it up.
    pub execution: String,
    /// The backup that runs.
    pub backup: BackupId,
    /// When others may doubt that the holder lives.
    pub expires: Timestamp,
    /// How often the backup was resumed.
    pub resumed: u32,
}

/// What became of a try to take a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is the caller's.
    Taken,
    /// Somebody else's.
    Held(Lease),
}

/// Leases on policies.
#[async_trait]
pub trait Leases: Send + Sync {
    /// The lease on a policy, consistently read.
    async fn lease(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Option<Lease>, StoreError>;
    /// Takes the lease if nobody has it, or if `instead_of` has it still, or if it is the same holder's already.
    async fn take(
        &self,
        owner: &OwnerName,
        lease: &Lease,
        instead_of: Option<&Lease>,
    ) -> Result<LeaseOutcome, StoreError>;
    /// Puts off the end of `lease`, or makes it due at once. Somebody else's is [`StoreError::LostRace`].
    async fn renew(&self, owner: &OwnerName, lease: &Lease, expires: Timestamp) -> Result<(), StoreError>;
    /// Gives the lease back. Somebody else's stays, without an error.
    async fn release(&self, owner: &OwnerName, lease: &Lease) -> Result<(), StoreError>;
}
