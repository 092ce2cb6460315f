//! Recoveries.

use cpm_domain::{
    backup::LogLine,
    id::{BackupId, Region, UnitId},
    kind::Kind,
    name::{AccountName, PolicyName},
    origin::Origin,
    recovery::{
        Answer, OnFailure, Purpose, Recovery, RecoveryId, State,
        plan::{Plan, RecoveryKind},
        work::{Made, MadeKind, MadeState, Work, WorkState},
    },
    unit::{UnitKind, UnitState},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ScriptView;

/// A recovery is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoverRequest {
    /// What is wanted.
    pub plan: Plan,
}

/// Yes or no to a recovery that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Yes or no.
    pub approved: bool,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A recovery, as `cpm recover … --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryView {
    /// Its number.
    pub id: RecoveryId,
    /// The backup.
    pub backup: BackupId,
    /// Its policy.
    pub policy: PolicyName,
    /// What is recovered.
    pub kind: RecoveryKind,
    /// Into which account.
    pub account: AccountName,
    /// Into which Region.
    pub region: Region,
    /// How it stands.
    pub state: State,
    /// Why it runs.
    pub purpose: Purpose,
    /// Who asked for it.
    pub asked_by: String,
    /// What becomes of what it made when it fails.
    pub on_failure: OnFailure,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended; null before that.
    pub ended: Option<Timestamp>,
    /// Of one that has to be approved: until when.
    pub approve_by: Option<Timestamp>,
    /// Of one that had to be approved: what was said.
    pub answer: Option<Answer>,
    /// How many calls it has, and how many of them are done.
    pub works: WorkCount,
    /// All that it made and that is there, as far as is known.
    pub made: Vec<MadeView>,
    /// What went wrong.
    pub errors: Vec<ErrorView>,
    /// What was wanted, with every default.
    pub plan: Plan,
    /// Its log; empty in lists.
    pub log: Vec<LogLine>,
}

/// Calls of a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkCount {
    /// All; 0 before they are planned.
    pub all: u32,
    /// Done.
    pub done: u32,
    /// Failed.
    pub failed: u32,
}

/// A thing that a recovery made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MadeView {
    /// What it is.
    pub kind: MadeKind,
    /// Where.
    pub region: Region,
    /// In which account.
    pub account: AccountName,
    /// What AWS calls it.
    pub id: String,
    /// How it is.
    pub state: MadeState,
    /// The unit that it was made of; null when it is of several.
    pub from: Option<UnitId>,
    /// The device, of a volume of an instance.
    pub device: Option<String>,
    /// Where it can be reached.
    pub addresses: Vec<String>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorView {
    /// AWS's code, or ours.
    pub code: String,
    /// AWS's words, or ours.
    pub message: String,
    /// What to do.
    pub advice: Option<String>,
}

/// Recoveries, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryList {
    /// They, without logs.
    pub recoveries: Vec<RecoveryView>,
    /// Pass it as `before` for more; null: these are all.
    pub next: Option<RecoveryId>,
}

/// What is in a backup, and what can be made of it: the recovery panel (§9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PanelView {
    /// The backup.
    pub backup: BackupId,
    /// Its policy.
    pub policy: PolicyName,
    /// The account that was backed up.
    pub account: AccountName,
    /// When it began.
    pub started: Timestamp,
    /// What can be recovered.
    pub sources: Vec<PanelSource>,
    /// The runs of its scripts and of VSS, with their output.
    pub scripts: Vec<ScriptView>,
    /// Its newest recoveries.
    pub recoveries: Vec<RecoveryView>,
}

/// A source in a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PanelSource {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The tag `Name`, if it has one.
    pub name: Option<String>,
    /// Where.
    pub region: Region,
    /// What can be recovered of it.
    pub recover: Vec<RecoveryKind>,
    /// What is there of it.
    pub units: Vec<PanelUnit>,
    /// How it was; null when that is not on record.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub origin: Option<Origin>,
}

/// A unit of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PanelUnit {
    /// What it is.
    pub kind: UnitKind,
    /// What AWS calls it.
    pub id: Option<UnitId>,
    /// How it is.
    pub state: UnitState,
    /// What it was made of.
    pub source: String,
    /// The device, of a volume.
    pub device: Option<String>,
    /// In GiB, of a volume.
    pub size: Option<i32>,
    /// Whether it is the one image that is kept beside an instance's snapshots.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initial: bool,
}

impl RecoveryView {
    /// A recovery with its works; in lists, the works may be left out.
    pub fn new(recovery: Recovery, works: &[Work]) -> Self {
        let made = works.iter().flat_map(|work| made_by(&recovery, work)).collect();
        let mut errors: Vec<ErrorView> = recovery.errors.iter().map(ErrorView::from).collect();
        errors.extend(works.iter().filter_map(|work| work.error.as_ref()).map(ErrorView::from));
        let count = |is: &dyn Fn(&Work) -> bool| {
            u32::try_from(works.iter().filter(|work| is(work)).count()).unwrap_or(u32::MAX)
        };
        // What a recovery made that succeeded was done, though it may be gone again.
        let is_done = |work: &Work| match work.state {
            WorkState::Undone => recovery.state == State::Succeeded && work.error.is_none() && work.asked.is_some(),
            state => state == WorkState::Done,
        };
        let counted = WorkCount {
            all: recovery.works
                + count(&|work| {
                    work.if_failed.is_some() && (work.asked.is_some() || work.state == WorkState::Failed)
                }),
            done: count(&is_done),
            failed: count(&|work| work.state == WorkState::Failed),
        };
        Self {
            id: recovery.id,
            backup: recovery.backup,
            policy: recovery.policy,
            kind: recovery.plan.wanted.kind(),
            account: recovery.account,
            region: recovery.region,
            state: recovery.state,
            purpose: recovery.purpose,
            asked_by: recovery.asked_by,
            on_failure: recovery.on_failure,
            started: recovery.started,
            ended: recovery.ended,
            approve_by: recovery.approval.as_ref().map(|approval| approval.expires),
            answer: recovery.approval.and_then(|approval| approval.answer),
            works: counted,
            made,
            errors,
            plan: recovery.plan,
            log: recovery.log,
        }
    }
}

fn made_by(recovery: &Recovery, work: &Work) -> Vec<MadeView> {
    let view = |made: &Made| MadeView {
        kind: made.kind,
        region: work.region.clone(),
        account: recovery.account.clone(),
        id: made.id.clone(),
        state: made.state,
        from: work.from.clone(),
        device: made.device.clone(),
        addresses: made.addresses.clone(),
    };
    // What a work only changed, such as a volume that it took off, is none of its makings.
    let makings = work.made.iter().filter(|_| work.what.makes().is_some());
    makings.flat_map(|made| std::iter::once(view(made)).chain(made.parts.iter().map(view))).collect()
}

impl From<&cpm_domain::unit::Fault> for ErrorView {
    fn from(fault: &cpm_domain::unit::Fault) -> Self {
        Self { code: fault.code.clone(), message: fault.message.clone(), advice: fault.advice.clone() }
    }
}
