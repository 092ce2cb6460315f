//! Backups and their units.

use cpm_domain::{
    backup::{Backup, LogLine, Trigger},
    id::{BackupId, InstanceId, Region, SnapshotId, VolumeId},
    name::{AccountName, PolicyName},
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
    /// The volume.
    pub source: VolumeId,
    /// The instance whose volumes were snapshotted together; null for a volume alone.
    pub instance: Option<InstanceId>,
    /// The snapshot; null until AWS named it.
    pub id: Option<SnapshotId>,
    /// How far it is.
    pub state: UnitState,
    /// When AWS began.
    pub started: Option<Timestamp>,
    /// When it was settled.
    pub ended: Option<Timestamp>,
    /// AWS's words and the advice, when it failed.
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
        }
    }
}

impl BackupView {
    /// A backup with its sets of units.
    pub fn new(backup: &Backup, sets: &[UnitSet]) -> Self {
        let units = sets.iter().flat_map(|set| set.units.iter().map(move |unit| UnitView::new(set, unit))).collect();
        Self { summary: backup.into(), units, log: backup.log.clone() }
    }
}

impl UnitView {
    fn new(set: &UnitSet, unit: &Unit) -> Self {
        Self {
            kind: unit.kind,
            region: set.region.clone(),
            source: unit.source.clone(),
            instance: set.instance().cloned(),
            id: unit.id.clone(),
            state: unit.state,
            started: unit.started,
            ended: unit.ended,
            error: unit.error.as_ref().map(ToString::to_string),
        }
    }
}
