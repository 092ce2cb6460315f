//! Accounts, schedules, policies, and their changes.

use cpm_domain::{
    account::Account,
    app_aware::Vss,
    change::{Change, Plan, Protection, Unmanaged},
    document::{Document, Problem, TargetSpec},
    drill::{DrillId, DrillRule, State as DrillState},
    id::{BackupId, Region},
    name::{AccountName, PolicyName, ScheduleName},
    policy::{AutoTargetRemoval, RecoveryRule, RetryRule, SuccessRule, Wait},
    recovery::{RecoveryId, State as RecoveryState, plan::RecoveryKind},
    schedule::{ScheduleSpec, Warning},
    script::ScriptsSpec,
    status::Status,
    target::PutBy,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Started;

/// All accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Accounts {
    /// By name.
    pub accounts: Vec<AccountView>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountView {
    /// As in a policy file.
    #[serde(flatten)]
    pub account: Account,
    /// The policies that work in it.
    pub policies: Vec<PolicyName>,
}

/// All schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schedules {
    /// By name.
    pub schedules: Vec<ScheduleView>,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleView {
    /// As in a policy file, the time zone always there.
    #[serde(flatten)]
    pub schedule: ScheduleSpec,
    /// The policies that it runs.
    pub policies: Vec<PolicyName>,
    /// Its next run; null: it never runs again.
    pub next: Option<Timestamp>,
    /// What may not be meant so.
    pub warnings: Vec<WarningView>,
}

/// Something that is allowed and may not be meant so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WarningView {
    /// For programs: `never-runs`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// All policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policies {
    /// By name.
    pub policies: Vec<PolicySummary>,
}

/// A policy in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicySummary {
    /// Its name.
    pub name: PolicyName,
    /// For people.
    pub description: Option<String>,
    /// The account of its targets.
    pub account: AccountName,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// How many counting backups are kept.
    pub generations: u32,
    /// When it runs.
    pub schedules: Vec<ScheduleName>,
    /// What happens to targets that no longer exist.
    pub auto_target_removal: AutoTargetRemoval,
    /// What counts.
    pub success: SuccessRule,
    /// What happens after a failure.
    pub retry: RetryRule,
    /// The policy that a tag scan made it after; null when a person made it.
    pub template: Option<PolicyName>,
    /// When it was made.
    pub created: Timestamp,
    /// How many targets it has.
    pub target_count: usize,
    /// Its next run; null: none comes by itself.
    pub next: Option<Timestamp>,
    /// The backup that runs now.
    pub running: Option<BackupId>,
    /// Its newest backup.
    pub last_backup: Option<LastBackup>,
    /// Why it needs a look; empty when it does not.
    pub attention: Vec<Attention>,
}

/// Whether what a policy backs up comes back, as far as that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// Its newest drill.
    pub last_drill: Option<LastDrill>,
    /// When its next drill is due; null: none comes by itself.
    pub next_drill: Option<Timestamp>,
    /// The recovery time that its newest successful drill measured, in seconds.
    pub rto: Option<u64>,
    /// The recovery point that it measured, in seconds.
    pub rpo: Option<u64>,
}

/// The newest drill of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastDrill {
    /// Its number.
    pub id: DrillId,
    /// How it stands.
    pub state: DrillState,
    /// The generation that it restored.
    pub backup: Option<BackupId>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// A policy with its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyView {
    /// What a list shows of it.
    #[serde(flatten)]
    pub summary: PolicySummary,
    /// What runs around a backup.
    #[serde(default)]
    pub scripts: ScriptsSpec,
    /// Who makes shadow copies of Windows instances.
    #[serde(default)]
    pub vss: Vss,
    /// For how long the scripts may keep applications frozen; null: no bound.
    #[serde(default)]
    pub max_frozen: Option<Wait>,
    /// What recoveries of its backups need.
    #[serde(default)]
    pub recovery: RecoveryRule,
    /// How its backups are tried out; null: never.
    #[serde(default)]
    pub drill: Option<DrillRule>,
    /// What its drills came to.
    #[serde(default)]
    pub readiness: Readiness,
    /// When each of its schedules is next due.
    pub slots: Vec<SlotView>,
    /// What it backs up.
    pub targets: Vec<TargetView>,
    /// The newest recovery from its backups; null: there was none.
    #[serde(default)]
    pub last_recovery: Option<LastRecovery>,
}

/// The newest backup of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastBackup {
    /// Its number.
    pub id: BackupId,
    /// How it went.
    pub status: Status,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// The newest recovery from backups of a policy (§9): one that was never tried may not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastRecovery {
    /// Its number.
    pub id: RecoveryId,
    /// What was recovered.
    pub kind: RecoveryKind,
    /// From which backup.
    pub backup: BackupId,
    /// How it stands.
    pub state: RecoveryState,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Why a policy needs a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Attention {
    /// It is disabled: it backs nothing up by itself.
    Disabled,
    /// It has no target: there is nothing to back up.
    NoTarget,
    /// It has no schedule: it never runs by itself.
    NoSchedule,
    /// It has schedules, and none of them runs any more.
    NeverRuns,
}

impl Attention {
    /// For people.
    pub fn message(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NoTarget => "no target",
            Self::NoSchedule => "no schedule",
            Self::NeverRuns => "its schedules never run again",
        }
    }
}

/// When a schedule of a policy is next due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SlotView {
    /// The schedule.
    pub schedule: ScheduleName,
    /// The instant; null: never again.
    pub next: Option<Timestamp>,
}

/// A target of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TargetView {
    /// As in a policy file.
    #[serde(flatten)]
    pub target: TargetSpec,
    /// Whether a person or a tag put it in.
    pub put_by: PutBy,
}

/// Which policies hold a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResourceView {
    /// The resource, by AWS's id.
    pub resource: String,
    /// Where.
    pub region: Region,
    /// The policies that hold it.
    pub policies: Vec<PolicyName>,
}

/// What would change?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The files, merged.
    pub document: Document,
    /// Remove what people made and is in no file.
    #[serde(default)]
    pub prune: bool,
}

/// Change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// The files, merged.
    pub document: Document,
    /// Remove what people made and is in no file.
    #[serde(default)]
    pub prune: bool,
    /// The `revision` of the plan that was looked at: what would do something else is refused.
    #[serde(default)]
    pub revision: Option<String>,
}

/// What would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanView {
    /// In the order in which it is done.
    pub changes: Vec<Change>,
    /// Who gains and who loses protection.
    pub protection: Protection,
    /// Why it cannot be applied; empty when it can.
    pub problems: Vec<Problem>,
    /// What is allowed and may not be meant so.
    pub warnings: Vec<Problem>,
    /// What is deployed and in no file.
    pub unmanaged: Vec<Unmanaged>,
    /// Names this plan on what is deployed now.
    pub revision: String,
}

impl PlanView {
    /// For an answer.
    pub fn new(plan: &Plan, revision: String) -> Self {
        Self {
            changes: plan.steps.iter().map(|step| step.change.clone()).collect(),
            protection: plan.protection.clone(),
            problems: plan.problems.clone(),
            warnings: plan.warnings.clone(),
            unmanaged: plan.unmanaged.clone(),
            revision,
        }
    }
}

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Applied {
    /// In the order in which it was done.
    pub changes: Vec<Change>,
    /// Backups of removed policies that are deleted now.
    pub backups: usize,
    /// The cleanup that deletes them; null when there are none.
    pub cleanup: Option<Started>,
}

impl From<Warning> for WarningView {
    fn from(warning: Warning) -> Self {
        Self { code: warning.code.as_str().to_owned(), message: warning.message }
    }
}
