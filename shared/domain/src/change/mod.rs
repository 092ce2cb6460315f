//! What a policy file would change: the plan.
//!
//! [`plan`] compares what is deployed ([`State`]) with what is wanted
//! ([`Document`](crate::document::Document)). It changes nothing and knows no table: each [`Step`] carries what people
//! read ([`Change`]) and what is to be done ([`Operation`]).

mod accounts;
mod drills;
mod fields;
mod plan;
mod policies;
mod protection;
mod schedules;
mod single;
mod slots;
mod state;
mod targets;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::{
    drills::{DrillSlots, drill_slot_changes},
    plan::{Context, plan},
    single::{enable_policy, remove_account, remove_policy, remove_schedule},
    slots::{SlotChange, Slots, slot_changes},
};
use crate::{
    account::Account,
    document::Problem,
    freezer,
    id::{BackupId, Region},
    name::{AccountName, PolicyName, ScheduleName},
    policy::Policy,
    schedule::Schedule,
    settings::Settings,
    target::{Target, TargetKey},
};

/// What is deployed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// All accounts.
    pub accounts: Vec<Account>,
    /// All schedules.
    pub schedules: Vec<Schedule>,
    /// All policies with their targets.
    pub policies: Vec<Held>,
    /// The settings.
    pub settings: Settings,
    /// Kept backups of policies that a plan may delete, without those in the freezer; a policy that is not in it has none.
    pub backups: BTreeMap<PolicyName, usize>,
    /// Backups that run.
    pub running: BTreeMap<PolicyName, BackupId>,
    /// Accounts in which backups are still to be deleted: their way in is needed.
    pub deleting: BTreeSet<AccountName>,
    /// What is in the freezer. It outlives its policy, and its account's way in is needed.
    pub frozen: Vec<freezer::Entry>,
}

/// A policy that is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The policy.
    pub policy: Policy,
    /// Its targets.
    pub targets: Vec<Target>,
}

/// What is done to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ChangeAction))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is removed.
    Delete,
}

impl Action {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ChangeKind))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The settings.
    Settings,
    /// An account.
    Account,
    /// A schedule.
    Schedule,
    /// A policy, without its targets.
    Policy,
    /// A target of a policy.
    Target,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Account => "account",
            Self::Schedule => "schedule",
            Self::Policy => "policy",
            Self::Target => "target",
        }
    }
}

/// A field that changes. Values are as the policy file writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// Its name in the policy file: `generations`, `retry.count`.
    pub field: String,
    /// What it was; null when it was not there.
    pub from: Option<String>,
    /// What it becomes; null when it goes.
    pub to: Option<String>,
}

/// One thing that changes, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// What is done to it.
    pub action: Action,
    /// What it is.
    pub kind: Kind,
    /// Its name; of a target: `instance i-0123456789abcdef0 in eu-west-1`.
    pub name: String,
    /// Of a target: its policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// What changes; of a thing that is made, what differs from nothing; of one that is removed, nothing.
    #[serde(default)]
    pub fields: Vec<FieldChange>,
    /// What follows from it, such as backups that are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is to be done for a [`Change`].
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Replaces the settings.
    PutSettings(Settings),
    /// Makes or replaces an account.
    PutAccount(Account),
    /// Removes an account.
    RemoveAccount(AccountName),
    /// Makes or replaces a schedule.
    PutSchedule(Schedule),
    /// Removes a schedule.
    RemoveSchedule(ScheduleName),
    /// Makes a policy.
    CreatePolicy(Policy),
    /// Replaces a policy.
    PutPolicy(Policy),
    /// Removes a policy with its targets, and marks its backups for deletion.
    RemovePolicy(PolicyName),
    /// Makes or replaces a target.
    PutTarget(PolicyName, Target),
    /// Removes a target.
    RemoveTarget(PolicyName, TargetKey),
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// For people.
    pub change: Change,
    /// For the table.
    pub operation: Operation,
}

/// A resource whose protection changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Protected {
    /// The account it is in.
    pub account: AccountName,
    /// Where.
    pub region: Region,
    /// What, by AWS's id.
    pub resource: String,
    /// By which policies it becomes protected, or was.
    pub policies: Vec<PolicyName>,
}

/// Who gains and who loses protection.
///
/// A resource is protected when an enabled policy holds it that has a schedule which still runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Protection {
    /// Protected after, not before.
    pub gains: Vec<Protected>,
    /// Protected before, not after.
    pub loses: Vec<Protected>,
}

/// Something that is deployed and in no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unmanaged {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Why it is left alone.
    pub reason: String,
}

/// What a policy file would change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// In the order in which they are done.
    pub steps: Vec<Step>,
    /// Who gains and who loses protection.
    pub protection: Protection,
    /// Why it cannot be applied; empty when it can.
    pub problems: Vec<Problem>,
    /// What is allowed and may not be meant so.
    pub warnings: Vec<Problem>,
    /// What is in no file and left alone.
    pub unmanaged: Vec<Unmanaged>,
}
