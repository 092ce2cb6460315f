//! Drills.

use cpm_domain::{
    backup::{LogLine, Slot},
    drill::{Check, CheckKind, CheckState, Drill, DrillId, Exercise, ExerciseState, Figures, State},
    id::{BackupId, Region},
    kind::Kind,
    name::{AccountName, PolicyName},
    recovery::{RecoveryId, work::MadeKind},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ErrorView;

/// A drill: its report, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DrillView {
    /// Its number.
    pub id: DrillId,
    /// Its policy.
    pub policy: PolicyName,
    /// Into which account; null before its targets are chosen.
    pub account: Option<AccountName>,
    /// How it stands.
    pub state: State,
    /// The generation that it restored; null when there was none.
    pub backup: Option<BackupId>,
    /// When that began.
    pub point: Option<Timestamp>,
    /// What it measured.
    pub figures: Figures,
    /// The schedule and the due instant; null when somebody asked for it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub slot: Option<Slot>,
    /// Who asked for it; null for the schedule.
    pub asked_by: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; null before that.
    pub ended: Option<Timestamp>,
    /// What it restored.
    pub targets: Vec<ExerciseView>,
    /// What went wrong beside its targets.
    pub errors: Vec<ErrorView>,
    /// Its report, for people; null before it ended, and in lists.
    pub report: Option<String>,
    /// Its log; empty in lists.
    pub log: Vec<LogLine>,
}

/// A target of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExerciseView {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Where it is.
    pub region: Region,
    /// How far it is.
    pub state: ExerciseState,
    /// Its recovery.
    pub recovery: Option<RecoveryId>,
    /// In seconds from the request for its recovery until it was usable; null when it was not.
    pub took: Option<u64>,
    /// What was made of it.
    pub made: Vec<RestoredView>,
    /// What was looked at.
    pub checks: Vec<CheckView>,
    /// Why it failed.
    pub error: Option<ErrorView>,
    /// What was made of it is gone again.
    pub removed: bool,
    /// Why it is not.
    pub left: Option<ErrorView>,
}

/// A thing that a drill made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestoredView {
    /// What it is.
    pub kind: MadeKind,
    /// What AWS calls it.
    pub id: String,
    /// Where it could be reached.
    pub addresses: Vec<String>,
}

/// A check of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckView {
    /// What was looked at.
    pub what: CheckKind,
    /// What AWS calls the thing.
    pub on: String,
    /// How it stands.
    pub state: CheckState,
    /// Why it failed, or how it stands in AWS's words.
    pub message: Option<String>,
    /// The end of what its script wrote.
    pub output: Option<String>,
}

/// Drills, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DrillList {
    /// They, without logs and reports.
    pub drills: Vec<DrillView>,
    /// Pass it as `before` for more; null: these are all.
    pub next: Option<DrillId>,
}

impl From<Drill> for DrillView {
    fn from(drill: Drill) -> Self {
        let figures = Figures::of(&drill);
        Self {
            id: drill.id,
            policy: drill.policy,
            account: drill.account,
            state: drill.state,
            backup: drill.backup,
            point: drill.point,
            figures,
            slot: drill.slot,
            asked_by: drill.asked_by,
            started: drill.started,
            ended: drill.ended,
            targets: drill.targets.into_iter().map(ExerciseView::from).collect(),
            errors: drill.errors.iter().map(ErrorView::from).collect(),
            report: drill.report,
            log: drill.log,
        }
    }
}

impl DrillView {
    /// As a list shows it.
    #[must_use]
    pub fn listed(self) -> Self {
        Self { report: None, log: Vec::new(), ..self }
    }
}

impl From<Exercise> for ExerciseView {
    fn from(target: Exercise) -> Self {
        Self {
            kind: target.resource.kind(),
            id: target.resource.id().to_owned(),
            took: target.took(),
            region: target.region,
            state: target.state,
            recovery: target.recovery,
            made: target
                .made
                .into_iter()
                .map(|made| RestoredView { kind: made.kind, id: made.id, addresses: made.addresses })
                .collect(),
            checks: target.checks.into_iter().map(CheckView::from).collect(),
            error: target.error.as_ref().map(ErrorView::from),
            removed: target.cleared,
            left: target.left.as_ref().map(ErrorView::from),
        }
    }
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        Self { what: check.what, on: check.on, state: check.state, message: check.message, output: check.output }
    }
}
