//! Accounts, schedules and policies as code: the policy file.
//!
//! A [`Document`] is what one file holds, or several merged. Reading refuses unknown keys and values of the wrong form,
//! and the reader knows the place. What is well formed and still makes no sense is found by [`Document::check`], all of
//! it at once, each with its path in the document. What depends on what is deployed, such as a policy's account, is
//! found by the [plan](crate::change::plan).
//!
//! The format of the file is the reader's business: nothing here knows YAML.

mod check;
mod export;
mod merge;
mod removal;
mod specs;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use self::check::schedule_problem;
pub use self::{
    check::Problem,
    merge::{Merged, Place},
};
use crate::{
    account::Account,
    app_aware::{self, AppAware, Vss},
    drill::DrillRule,
    id::{ClusterId, DatabaseId, InstanceId, Region, TableName, VolumeId, WarehouseId},
    name::{AccountName, PolicyName, ScheduleName},
    policy::{AutoTargetRemoval, DEFAULT_GENERATIONS, RecoveryRule, RetryRule, SuccessRule, Wait},
    schedule::ScheduleSpec,
    script::ScriptsSpec,
    settings::Settings,
    tag::BackupOption,
    target::VolumeChoice,
};

/// A policy file.
///
/// ```
/// use cpm_domain::document::Document;
///
/// let document: Document = serde_json::from_str(
///     r#"{"accounts": [{"name": "main", "role": "own"}],
///         "policies": [{"name": "web", "account": "main",
///                       "targets": [{"volume": "vol-0123456789abcdef1", "region": "eu-west-1"}]}]}"#,
/// )?;
/// assert_eq!(document.check(), []);
/// assert_eq!(document.policies[0].generations, 30);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(description = "A policy file: accounts, schedules and policies.")
)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The ways into AWS accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
    /// When backups run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleSpec>,
    /// What is backed up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySpec>,
    /// What is set for all policies at once; left as it is when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

/// A policy with its targets, as a file writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Unique within the owner.
    pub name: PolicyName,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The account of its targets; never changes.
    pub account: AccountName,
    /// A disabled policy starts no backup by itself.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// How many counting backups are kept.
    #[serde(default = "generations")]
    pub generations: u32,
    /// When it runs.
    #[serde(default)]
    pub schedules: Vec<ScheduleName>,
    /// What happens to targets that no longer exist: `no`, `yes` or `yes-and-alert`.
    #[serde(default, deserialize_with = "removal::read")]
    pub auto_target_removal: AutoTargetRemoval,
    /// What counts as a generation.
    #[serde(default)]
    pub success: SuccessRule,
    /// What happens after a failure.
    #[serde(default)]
    pub retry: RetryRule,
    /// What runs around a backup.
    #[serde(default, skip_serializing_if = "ScriptsSpec::is_default")]
    pub scripts: ScriptsSpec,
    /// Who makes shadow copies of Windows instances: `diskshadow` or `aws`.
    #[serde(default, skip_serializing_if = "Vss::is_default")]
    pub vss: Vss,
    /// For how long the scripts may keep applications frozen; no bound when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_frozen: Option<Wait>,
    /// What recoveries of its backups need: `approval: true`, that somebody else than who asks says yes.
    #[serde(default, skip_serializing_if = "RecoveryRule::is_default")]
    pub recovery: RecoveryRule,
    /// How its backups are tried out; never when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillRule>,
    /// What it backs up.
    #[serde(default)]
    pub targets: Vec<TargetSpec>,
}

/// A target, as a file writes it: one resource, in a Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TargetSpec {
    /// An EC2 instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// An EBS volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeId>,
    /// An RDS database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rds: Option<DatabaseId>,
    /// An Aurora cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aurora: Option<ClusterId>,
    /// A Redshift cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redshift: Option<WarehouseId>,
    /// A DynamoDB table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamodb: Option<TableName>,
    /// Where.
    pub region: Region,
    /// Of an instance: which of its volumes; all when left out.
    #[serde(default, skip_serializing_if = "VolumeChoice::is_all")]
    pub volumes: VolumeChoice,
    /// Of an instance: snapshots, images, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<BackupOption>,
    /// Of a Windows instance: through VSS. `true` for all its volumes and writers, or which ones.
    #[serde(default, with = "app_aware::form", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<app_aware::form::AppAwareForm>))]
    pub app_aware: Option<AppAware>,
}

fn enabled() -> bool {
    true
}

fn generations() -> u32 {
    DEFAULT_GENERATIONS
}
