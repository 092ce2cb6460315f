//! The configuration: accounts, schedules, policies, targets and settings.

use async_trait::async_trait;
use cpm_domain::{
    account::Account,
    audit::Event,
    name::{AccountName, OwnerName, PolicyName, ScheduleName},
    policy::Policy,
    schedule::Schedule,
    settings::Settings,
    target::{Target, TargetKey},
};
use jiff::Timestamp;

use super::StoreError;

/// One change of what an owner configured, written with its audit event in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyChange {
    /// Makes or replaces an account.
    PutAccount(Account),
    /// Removes an account.
    RemoveAccount(AccountName),
    /// Makes or replaces a schedule.
    PutSchedule(Schedule),
    /// Removes a schedule.
    RemoveSchedule(ScheduleName),
    /// Makes a policy that must not exist yet.
    CreatePolicy(Policy),
    /// Replaces a policy that must exist.
    PutPolicy(Policy),
    /// Removes a policy. Its targets and slots are removed by changes of their own.
    RemovePolicy(PolicyName),
    /// Makes or replaces a target.
    PutTarget(PolicyName, Target),
    /// Removes a target.
    RemoveTarget(PolicyName, TargetKey),
    /// Sets when a policy's schedule is next due, whatever was there.
    PutSlot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
        /// The next due instant; none: it never runs again.
        next: Option<Timestamp>,
    },
    /// Removes a slot: the policy is disabled, gone, or has lost the schedule.
    RemoveSlot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// Sets when a policy's drill is next due, and by which schedule, whatever was there.
    PutDrillSlot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
        /// The next due instant; none: it never runs again.
        next: Option<Timestamp>,
    },
    /// Removes the slot of a policy's drill.
    RemoveDrillSlot {
        /// The policy.
        policy: PolicyName,
    },
    /// Replaces the settings.
    PutSettings(Settings),
}

/// Accounts, schedules, policies, targets and settings.
#[async_trait]
pub trait Configuration: Send + Sync {
    /// All owners. (Only `root` so far; the first user.)
    async fn owners(&self) -> Result<Vec<OwnerName>, StoreError>;
    /// All accounts, by name.
    async fn accounts(&self, owner: &OwnerName) -> Result<Vec<Account>, StoreError>;
    /// One account.
    async fn account(&self, owner: &OwnerName, name: &AccountName) -> Result<Option<Account>, StoreError>;
    /// All schedules, by name.
    async fn schedules(&self, owner: &OwnerName) -> Result<Vec<Schedule>, StoreError>;
    /// One schedule.
    async fn schedule(&self, owner: &OwnerName, name: &ScheduleName) -> Result<Option<Schedule>, StoreError>;
    /// All policies, by name.
    async fn policies(&self, owner: &OwnerName) -> Result<Vec<Policy>, StoreError>;
    /// One policy, consistently read.
    async fn policy(&self, owner: &OwnerName, name: &PolicyName) -> Result<Option<Policy>, StoreError>;
    /// The targets of a policy, consistently read, in order of Region and id.
    async fn targets(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Vec<Target>, StoreError>;
    /// Which policies hold a resource (by index, so a moment late).
    async fn policies_with(&self, owner: &OwnerName, target: &TargetKey) -> Result<Vec<PolicyName>, StoreError>;
    /// The settings; defaults when none were made.
    async fn settings(&self, owner: &OwnerName) -> Result<Settings, StoreError>;
    /// Makes changes with their audit events. Up to 50 changes are one transaction; more go in transactions of 50 in
    /// the order given, so that a cut leaves a state that the same call finishes. A thing that is changed twice is
    /// changed in two transactions.
    async fn change(&self, owner: &OwnerName, changes: &[(PolicyChange, Event)]) -> Result<(), StoreError>;
}
