//! What machines are told of recoveries: each change of a recovery's state, once it is on record.
//!
//! The shape is a promise to those who subscribed; `docs/events` has its schema, and a test holds one to the other.

use jiff::Timestamp;
use serde::Serialize;

use super::{Purpose, Recovery, RecoveryId, State, plan::RecoveryKind};
use crate::{
    id::{AccountId, BackupId, Region},
    message::Sender,
    name::{AccountName, OwnerName, PolicyName},
};

/// The version of the shape. It goes up when a field goes or changes its meaning, not when one comes.
pub const VERSION: &str = "1";

/// What it is, in events.
pub const DETAIL_TYPE: &str = "Recovery State Change";

/// Why it runs, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Somebody asked for it.
    Manual,
    /// A drill did.
    Drill,
    /// A scenario did.
    Scenario,
}

impl Why {
    fn of(purpose: &Purpose) -> Self {
        match purpose {
            Purpose::Manual => Self::Manual,
            Purpose::Drill(_) => Self::Drill,
            Purpose::Scenario { .. } => Self::Scenario,
        }
    }
}

/// A recovery passed from one state to another. Serialized, it is the detail of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveryStateChange {
    /// [`VERSION`].
    pub version: &'static str,
    /// The deployment.
    pub deployment: String,
    /// The deployment's account.
    pub account: AccountId,
    /// Whose recovery it is.
    pub owner: OwnerName,
    /// Its number: unique with deployment, account and owner.
    pub recovery: RecoveryId,
    /// Of which backup.
    pub backup: BackupId,
    /// Of which policy that is.
    pub policy: PolicyName,
    /// What is recovered.
    pub kind: RecoveryKind,
    /// Which source, by its id; null when the plan does not name it.
    pub source: Option<String>,
    /// Into which account, by its name in the suite.
    pub target_account: AccountName,
    /// Into which Region.
    pub target_region: Region,
    /// Why it runs.
    pub purpose: Why,
    /// Who asked for it.
    pub asked_by: String,
    /// What it is now.
    pub state: State,
    /// What it was; null when its record is new.
    pub previous: Option<State>,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended; null before that.
    pub ended: Option<Timestamp>,
    /// Until when somebody can say yes or no; null when nobody has to.
    pub approve_by: Option<Timestamp>,
    /// Whether somebody said yes; null when nobody has to, or nobody did.
    pub approved: Option<bool>,
    /// The codes of what went wrong beside its calls; empty as a rule.
    pub errors: Vec<String>,
    /// When the change was written down.
    pub time: Timestamp,
}

impl RecoveryStateChange {
    /// What is to be told when the record of a recovery was `before` and is `after`; none stands for no record.
    ///
    /// A line of its log, a token, a count: what leaves the state as it is is not told. Nor is that a record goes.
    pub fn between(
        sender: &Sender<'_>,
        before: Option<&Recovery>,
        after: Option<&Recovery>,
        time: Timestamp,
    ) -> Option<Self> {
        let (recovery, previous) = (after?, before.map(|before| before.state));
        (previous != Some(recovery.state)).then(|| Self::compose(sender, recovery, previous, time))
    }

    fn compose(sender: &Sender<'_>, recovery: &Recovery, previous: Option<State>, time: Timestamp) -> Self {
        let approval = recovery.approval.as_ref();
        Self {
            version: VERSION,
            deployment: sender.deployment.to_owned(),
            account: sender.account.clone(),
            owner: sender.owner.clone(),
            recovery: recovery.id,
            backup: recovery.backup,
            policy: recovery.policy.clone(),
            kind: recovery.plan.wanted.kind(),
            source: recovery.plan.source.clone(),
            target_account: recovery.account.clone(),
            target_region: recovery.region.clone(),
            purpose: Why::of(&recovery.purpose),
            asked_by: recovery.asked_by.clone(),
            state: recovery.state,
            previous,
            started: recovery.started,
            ended: recovery.ended,
            approve_by: approval.map(|approval| approval.expires),
            approved: approval.and_then(|approval| approval.answer.as_ref()).map(|answer| answer.approved),
            errors: recovery.errors.iter().map(|error| error.code.clone()).collect(),
            time,
        }
    }
}
