//! What machines are told of backups and recoveries: each change of their state, once it is on record.
//!
//! What is said of a recovery is in [`recovery::state_change`](crate::recovery::state_change). The shape is a promise to those who subscribed; `docs/events` has its schema, and a test holds one to the other.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    backup::{Backup, Phase, Slot, Trigger},
    id::{AccountId, BackupId},
    message::Sender,
    name::{AccountName, OwnerName, PolicyName},
    recovery::{RecoveryId, state_change::RecoveryStateChange},
    status::{Status, Tally},
};

/// The version of the shape. It goes up when a field goes or changes its meaning, not when one comes.
pub const VERSION: &str = "1";

/// Who says it, in events.
pub const SOURCE: &str = "cpm";

/// What it is, in events of backups.
pub const DETAIL_TYPE: &str = "Backup State Change";

/// The most events of one call (`PutEvents` of EventBridge).
pub const MAX_EVENTS: usize = 10;

/// Where in its life a backup is, for those outside: its phase, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is on record, with all that is to be backed up.
    Started,
    /// AWS was asked for every snapshot.
    SnapshotsStarted,
    /// It ended well.
    Successful,
    /// It ended, and something of it failed.
    PartiallySuccessful,
    /// It ended with nothing.
    Failed,
    /// It ended, and is in the freezer. Taken out, it is what it was when it ended.
    Frozen,
    /// Its time is over: its snapshots are being deleted.
    Deleting,
    /// Its snapshots are gone.
    Deleted,
}

impl State {
    /// The state of a backup on record.
    pub fn of(backup: &Backup) -> Self {
        match (backup.phase, backup.status) {
            (Phase::Finished, _) if backup.frozen.is_some() => Self::Frozen,
            (Phase::Planned, _) => Self::Started,
            // No backup is finished without an outcome.
            (Phase::Asked, _) | (Phase::Finished, Status::InProgress) => Self::SnapshotsStarted,
            (Phase::Finished, Status::Successful) => Self::Successful,
            (Phase::Finished, Status::PartiallySuccessful) => Self::PartiallySuccessful,
            (Phase::Finished, Status::Failed) => Self::Failed,
            (Phase::Deleting, _) => Self::Deleting,
            (Phase::Deleted, _) => Self::Deleted,
        }
    }
}

/// A backup passed from one state to another. Serialized, it is the detail of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// [`VERSION`].
    pub version: &'static str,
    /// The deployment.
    pub deployment: String,
    /// The deployment's account.
    pub account: AccountId,
    /// Whose backup it is.
    pub owner: OwnerName,
    /// The policy.
    pub policy: PolicyName,
    /// The account that the policy backs up, by its name in the suite.
    pub policy_account: AccountName,
    /// The backup's number: unique with deployment, account and owner.
    pub backup: BackupId,
    /// What it is now.
    pub state: State,
    /// What it was; null when its record is new.
    pub previous: Option<State>,
    /// The status, as shown.
    pub status: Status,
    /// Whether it is a generation.
    pub counts: bool,
    /// Why it ran.
    pub trigger: Trigger,
    /// 0 for the first try, else which retry of its slot this is.
    pub retry: u32,
    /// The slot; null when somebody asked for it by hand.
    pub slot: Option<Slot>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; null before that.
    pub ended: Option<Timestamp>,
    /// How long scripts held applications still, in milliseconds; null when none ran.
    pub frozen_ms: Option<u64>,
    /// How its units stand; exact once it ended.
    pub units: Tally,
    /// When the change was written down.
    pub time: Timestamp,
}

impl StateChange {
    /// What is to be told when the record of a backup was `before` and is `after`; none stands for no record.
    ///
    /// A line of its log, a token, a count: what leaves the state as it is is not told.
    pub fn between(
        sender: &Sender<'_>,
        before: Option<&Backup>,
        after: Option<&Backup>,
        time: Timestamp,
    ) -> Option<Self> {
        let previous = before.map(State::of);
        // A record that goes takes its backup along, unless that was gone before.
        let state = after.map_or(State::Deleted, State::of);
        let backup = after.or(before)?;
        (previous != Some(state)).then(|| Self::compose(sender, backup, previous, state, time))
    }

    fn compose(sender: &Sender<'_>, backup: &Backup, previous: Option<State>, state: State, time: Timestamp) -> Self {
        Self {
            version: VERSION,
            deployment: sender.deployment.to_owned(),
            account: sender.account.clone(),
            owner: sender.owner.clone(),
            policy: backup.policy.clone(),
            policy_account: backup.account.clone(),
            backup: backup.id,
            state,
            previous,
            status: backup.status,
            counts: backup.counts,
            trigger: backup.trigger,
            retry: backup.attempt,
            slot: backup.slot.clone(),
            started: backup.started,
            ended: backup.ended,
            frozen_ms: backup.frozen_ms,
            units: backup.tally,
            time,
        }
    }
}

/// An event for the bus. Serialized, it is the event's detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// Of a backup.
    Backup(Box<StateChange>),
    /// Of a recovery.
    Recovery(Box<RecoveryStateChange>),
}

/// What an event is about: events of one thing keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A backup.
    Backup(OwnerName, BackupId),
    /// A recovery.
    Recovery(OwnerName, RecoveryId),
}

impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Backup(_, id) => id.fmt(f),
            Self::Recovery(_, id) => id.fmt(f),
        }
    }
}

impl Event {
    /// What it is, in EventBridge's field.
    pub fn detail_type(&self) -> &'static str {
        match self {
            Self::Backup(_) => DETAIL_TYPE,
            Self::Recovery(_) => crate::recovery::state_change::DETAIL_TYPE,
        }
    }

    /// When the change was written down.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Backup(change) => change.time,
            Self::Recovery(change) => change.time,
        }
    }

    /// What it is about.
    pub fn about(&self) -> About {
        match self {
            Self::Backup(change) => About::Backup(change.owner.clone(), change.backup),
            Self::Recovery(change) => About::Recovery(change.owner.clone(), change.recovery),
        }
    }
}

impl From<StateChange> for Event {
    fn from(change: StateChange) -> Self {
        Self::Backup(Box::new(change))
    }
}

impl From<RecoveryStateChange> for Event {
    fn from(change: RecoveryStateChange) -> Self {
        Self::Recovery(Box::new(change))
    }
}

/// Parts `changes` into calls, in order: at most [`MAX_EVENTS`] each, and at most one of a thing. Of one call the bus may
/// take the second event and not the first, and it would be told of in the wrong order.
pub fn calls(changes: &[Event]) -> Vec<&[Event]> {
    let mut calls = Vec::new();
    let mut rest = changes;
    while !rest.is_empty() {
        let (call, after) = rest.split_at(length_of_call(rest));
        calls.push(call);
        rest = after;
    }
    calls
}

fn length_of_call(changes: &[Event]) -> usize {
    let most = changes.len().min(MAX_EVENTS);
    let repeats = |(n, change): &(usize, &Event)| changes.iter().take(*n).any(|one| one.about() == change.about());
    changes.iter().enumerate().take(most).find(repeats).map_or(most, |(n, _)| n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::policy::{RetryRule, SuccessRule};

    fn backup(phase: Phase, status: Status) -> Backup {
        Backup {
            id: BackupId(17),
            policy: "web".parse().unwrap(),
            account: "main".parse().unwrap(),
            phase,
            status,
            counts: false,
            trigger: Trigger::Manual,
            attempt: 0,
            slot: None,
            started: "2026-11-21T02:00:00.5Z".parse().unwrap(),
            ended: None,
            frozen_ms: None,
            runs: 0,
            late: 0,
            frozen: None,
            max_frozen: None,
            success: SuccessRule::NoIssues,
            retry: RetryRule::default(),
            sets: 1,
            tally: Tally::default(),
            execution: "web-17".into(),
            wake: None,
            log: vec![],
        }
    }

    fn between(before: Option<&Backup>, after: Option<&Backup>) -> Option<StateChange> {
        let account = "123456789012".parse().unwrap();
        let sender = Sender { deployment: "cpm", account: &account, owner: &OwnerName::root() };
        StateChange::between(&sender, before, after, "2026-11-21T02:01:00Z".parse().unwrap())
    }

    const ASKED: (Phase, Status) = (Phase::Asked, Status::InProgress);
    const GOOD: (Phase, Status) = (Phase::Finished, Status::Successful);
    const BAD: (Phase, Status) = (Phase::Finished, Status::Failed);
    const GOING: (Phase, Status) = (Phase::Deleting, Status::Successful);
    const GONE: (Phase, Status) = (Phase::Deleted, Status::Successful);

    #[rstest]
    #[case(None, Some((Phase::Planned, Status::InProgress)), Some(State::Started))]
    #[case(Some((Phase::Planned, Status::InProgress)), Some(ASKED), Some(State::SnapshotsStarted))]
    #[case(Some(ASKED), Some(GOOD), Some(State::Successful))]
    #[case(Some(ASKED), Some((Phase::Finished, Status::PartiallySuccessful)), Some(State::PartiallySuccessful))]
    #[case(Some(ASKED), Some(BAD), Some(State::Failed))]
    #[case(Some((Phase::Planned, Status::InProgress)), Some(BAD), Some(State::Failed))]
    #[case(Some(GOOD), Some(GOING), Some(State::Deleting))]
    #[case(Some(GOING), Some(GONE), Some(State::Deleted))]
    #[case(Some(GOING), None, Some(State::Deleted))]
    // Told already.
    #[case(Some(GONE), None, None)]
    // A snapshot of a deleted backup came to light.
    #[case(Some(GONE), Some(GOING), Some(State::Deleting))]
    // A record rebuilt from tags.
    #[case(None, Some(GOOD), Some(State::Successful))]
    #[case(Some(ASKED), Some(ASKED), None)]
    #[case(Some(GOOD), Some(GOOD), None)]
    #[case(None, None, None)]
    fn table(
        #[case] before: Option<(Phase, Status)>,
        #[case] after: Option<(Phase, Status)>,
        #[case] told: Option<State>,
    ) {
        let before = before.map(|(phase, status)| backup(phase, status));
        let after = after.map(|(phase, status)| backup(phase, status));
        let change = between(before.as_ref(), after.as_ref());
        assert_eq!(change.as_ref().map(|change| change.state), told);
        if let Some(change) = change {
            assert_eq!(change.previous, before.as_ref().map(State::of));
        }
    }

    #[test]
    fn what_leaves_the_state_as_it_is_is_not_told() {
        let waiting = backup(Phase::Asked, Status::InProgress);
        let mut log = crate::backup::Log::default();
        log.info(waiting.started, "a line");
        let tally = Tally { completed: 3, ..Tally::default() };
        let later = Backup { wake: Some("token".into()), log: log.into_lines(), tally, ..waiting.clone() };
        assert_eq!(between(Some(&waiting), Some(&later)), None);
    }

    fn of_backup(number: u64) -> StateChange {
        let one = Backup { id: BackupId(number), ..backup(Phase::Planned, Status::InProgress) };
        between(None, Some(&one)).unwrap()
    }

    proptest! {
        #[test]
        fn calls_keep_order_and_backups_apart(numbers in prop::collection::vec(0u64..30, 0..60)) {
            let changes: Vec<Event> = numbers.iter().copied().map(of_backup).map(Event::from).collect();
            let calls = calls(&changes);
            prop_assert_eq!(&calls.concat(), &changes);
            for call in &calls {
                prop_assert!((1..=MAX_EVENTS).contains(&call.len()));
                let repeated = |n: usize| call[..n].iter().any(|one| one.about() == call[n].about());
                prop_assert!(!(0..call.len()).any(repeated));
            }
            // No call is shorter than it must be.
            for pair in calls.windows(2) {
                let next = &pair[1][0];
                prop_assert!(pair[0].len() == MAX_EVENTS || pair[0].iter().any(|one| one.about() == next.about()));
            }
        }
    }
}
