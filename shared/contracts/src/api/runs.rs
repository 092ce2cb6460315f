//! Executions that were asked for, scans, alerts and the audit trail.

use cpm_domain::{
    alert::{Alert, Category, Severity},
    audit::Event,
    id::BackupId,
    name::PolicyName,
    scan::{Scan, ScanLine},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An execution was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Started {
    /// Its name: ask for it under `/policies/{name}/runs`, `/scans` or `/cleanups`. It is a scan's id.
    pub execution: String,
}

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It runs, or waits to try again.
    Running,
    /// It reached its end, whatever came of it.
    Ended,
    /// It failed, timed out or was stopped.
    Dead,
    /// Step Functions knows no such execution, or has forgotten it after 90 days.
    Unknown,
}

/// An execution that backs a policy up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackupRun {
    /// Its name.
    pub execution: String,
    /// How it stands.
    pub state: RunState,
    /// Its backups, oldest first: the first try, then the retries. None until it has begun, or when it was refused.
    pub backups: Vec<BackupId>,
}

/// Look for `cpm backup` tags now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScanRequest {
    /// Says what would change and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Rebuild records from the tags of snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RebuildRequest {
    /// Says what would be rebuilt and rebuilds nothing.
    pub dry_run: bool,
}

/// Scans, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanList {
    /// They.
    pub scans: Vec<Scan>,
}

/// A scan with its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanRun {
    /// Its id: the name of its execution.
    pub id: String,
    /// How it stands.
    pub state: RunState,
    /// Its record; null until it has begun.
    pub scan: Option<Scan>,
    /// What was found, done and wrong.
    pub lines: Vec<ScanLine>,
}

/// Delete what retention no longer keeps, now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CleanupRequest {
    /// Of this policy only; of all when left out.
    #[serde(default)]
    pub policy: Option<PolicyName>,
}

/// A cleanup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CleanupRun {
    /// The name of its execution.
    pub execution: String,
    /// How it stands.
    pub state: RunState,
}

/// All alerts that stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertList {
    /// The newest failure first.
    pub alerts: Vec<AlertView>,
}

/// What is wrong now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertView {
    /// What it is about.
    pub category: Category,
    /// Which one: a policy's name, or `account region` of a scan.
    pub subject: String,
    /// The policy, if it is about one.
    pub policy: Option<PolicyName>,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The whole story.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// The time of the last failure.
    pub time: Timestamp,
    /// How many failures.
    pub count: u32,
}

/// The audit trail, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// It.
    pub events: Vec<AuditView>,
    /// Pass it as `before` for more; null: these are all.
    pub next: Option<Timestamp>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditView {
    /// When.
    pub time: Timestamp,
    /// Who: an ARN, `tag on i-…`, or `cpm …` for the suite itself.
    pub actor: String,
    /// What kind of change: `policy.create`, `target.remove`, `backup.run`.
    pub action: String,
    /// The thing changed.
    pub subject: String,
    /// What exactly.
    pub details: String,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        Self {
            category: alert.category,
            subject: alert.subject,
            policy: alert.policy,
            severity: alert.severity,
            title: alert.title,
            message: alert.message,
            since: alert.since,
            time: alert.time,
            count: alert.count,
        }
    }
}

impl From<Event> for AuditView {
    fn from(event: Event) -> Self {
        Self {
            time: event.time,
            actor: event.actor.to_string(),
            action: event.action,
            subject: event.subject,
            details: event.details,
        }
    }
}
