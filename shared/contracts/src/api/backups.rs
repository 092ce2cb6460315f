//! Backups and their units.

use cpm_domain::{
    backup::{Backup, LogLine, Trigger},
    freezer::Frozen,
    id::{BackupId, InstanceId, Region, SnapshotId, UnitId},
    name::{AccountName, PolicyName},
    policy::Wait,
    script::{ScriptKind, ScriptPhase, ScriptRun, ScriptState},
    status::Status,
    unit::{Unit, UnitKind, UnitSet, UnitState},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A backup in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackupSummary {
    /// Its number.
    pub id: BackupId,
    /// The policy.
    pub policy: PolicyName,
    /// The account.
    pub account: AccountName,
    /// How it went.
    pub status: Status,
    /// Whether it is a generation.
    pub counts: bool,
    /// Why it ran.
    pub trigger: Trigger,
    /// Whether it is a retry of one that failed.
    pub retry: bool,
    /// The due instant that it answers to; null for one by hand.
    pub slot: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; null while it runs.
    pub ended: Option<Timestamp>,
    /// From the end of `before` to the start of `after`, in milliseconds; null when no script ran.
    pub frozen_ms: Option<u64>,
    /// That it is in the freezer, where it is no generation and is not deleted; null when it is not.
    pub frozen: Option<Frozen>,
    /// What that may be at most, by the policy as it was then; null: no bound.
    #[serde(default)]
    pub max_frozen: Option<Wait>,
}

/// A backup with its units and its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackupView {
    /// What a list shows of it.
    #[serde(flatten)]
    pub summary: BackupSummary,
    /// What AWS made for it.
    pub units: Vec<UnitView>,
    /// The runs of scripts and of VSS, in order of phase.
    #[serde(default)]
    pub scripts: Vec<ScriptView>,
    /// What happened, line by line.
    pub log: Vec<LogLine>,
}

/// One thing that AWS made, or should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnitView {
    /// What it is.
    pub kind: UnitKind,
    /// Where.
    pub region: Region,
    /// What it is made of: a volume, an instance, a database, a cluster, a table.
    pub source: String,
    /// The instance whose volumes were snapshotted together, or whose image it is; null for anything else.
    pub instance: Option<InstanceId>,
    /// What AWS calls it; null until AWS named it.
    pub id: Option<UnitId>,
    /// Of an image: its own snapshots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub snapshots: Vec<SnapshotId>,
    /// Whether it is the one image that is kept beside an instance's snapshots.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initial: bool,
    /// How far it is.
    pub state: UnitState,
    /// When AWS began.
    pub started: Option<Timestamp>,
    /// When it was settled.
    pub ended: Option<Timestamp>,
    /// AWS's words and the advice, when it failed.
    pub error: Option<String>,
}

/// One run of a script, or of VSS, in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScriptView {
    /// When in the backup it runs.
    pub phase: ScriptPhase,
    /// A script, or VSS.
    pub kind: ScriptKind,
    /// On what: the id of an instance, or the ARN of the function.
    pub target: String,
    /// How far it is.
    pub state: ScriptState,
    /// What it ended with; null when nothing told.
    pub exit_code: Option<i64>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it wrote to standard error; null when that is not collected.
    pub output: Option<String>,
    /// Whether it wrote more than that.
    pub truncated: bool,
    /// Why it failed, and the advice.
    pub error: Option<String>,
}

/// Backups, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackupPage {
    /// They.
    pub backups: Vec<BackupSummary>,
    /// Pass it as `before` for more; null: these are all.
    pub next: Option<BackupId>,
}

impl From<&Backup> for BackupSummary {
    fn from(backup: &Backup) -> Self {
        Self {
            id: backup.id,
            policy: backup.policy.clone(),
            account: backup.account.clone(),
            status: backup.status,
            counts: backup.counts,
            trigger: backup.trigger,
            retry: backup.attempt > 0,
            slot: backup.slot.as_ref().map(|slot| slot.at),
            started: backup.started,
            ended: backup.ended,
            frozen_ms: backup.frozen_ms,
            frozen: backup.frozen.clone(),
            max_frozen: backup.max_frozen,
        }
    }
}

impl BackupView {
    /// A backup with its sets of units and its runs of scripts.
    pub fn new(backup: &Backup, sets: &[UnitSet], runs: &[ScriptRun]) -> Self {
        let units = sets.iter().flat_map(|set| set.units.iter().map(move |unit| UnitView::new(set, unit))).collect();
        let scripts = runs.iter().map(ScriptView::from).collect();
        Self { summary: backup.into(), units, scripts, log: backup.log.clone() }
    }
}

impl From<&ScriptRun> for ScriptView {
    fn from(run: &ScriptRun) -> Self {
        Self {
            phase: run.phase,
            kind: run.kind,
            target: run.target.clone(),
            state: run.state,
            exit_code: run.exit_code,
            started: run.started,
            ended: run.ended,
            output: run.output.clone(),
            truncated: run.truncated,
            error: run.error.as_ref().map(ToString::to_string),
        }
    }
}

impl UnitView {
    fn new(set: &UnitSet, unit: &Unit) -> Self {
        Self {
            kind: unit.kind,
            region: set.region.clone(),
            source: unit.source.id().to_owned(),
            instance: set.instance().cloned(),
            id: unit.id.clone(),
            snapshots: unit.parts.clone(),
            initial: set.is_initial_image(),
            state: unit.state,
            started: unit.started,
            ended: unit.ended,
            error: unit.error.as_ref().map(ToString::to_string),
        }
    }
}
