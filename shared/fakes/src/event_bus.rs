//! An event bus in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::BackupId,
    recovery::state_change::RecoveryStateChange,
    state_change::{About, Event, SOURCE, StateChange},
};
use cpm_ports::{EventBus, Untaken};

use crate::{Faults, faults::Calling, held};

/// What EventBridge takes in one call.
const MAX_ENTRIES: usize = 10;
/// What EventBridge takes of one entry, in bytes.
const MAX_ENTRY: usize = 262_144;

/// EventBridge, by its rules. Clones are the same bus. Calls go by the name `events:PutEvents`.
///
/// A call has 1 to 10 events, each of at most 256 KiB. One that is not taken does not keep the others of its call from
/// being taken.
#[derive(Debug, Clone, Default)]
pub struct FakeEventBus {
    taken: Arc<Mutex<Vec<Event>>>,
    refused: Arc<Mutex<Vec<BackupId>>>,
    faults: Faults,
}

impl FakeEventBus {
    /// A bus.
    pub fn new() -> Self {
        Self::default()
    }

    /// A bus whose calls fail as `faults` say.
    pub fn with(faults: Faults) -> Self {
        Self { faults, ..Self::default() }
    }

    /// The same bus for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { taken: Arc::clone(&self.taken), refused: Arc::clone(&self.refused), faults: Faults::new() }
    }

    /// The next event of that backup is not taken, as when EventBridge throttles; the others of its call are.
    pub fn refuse_next(&self, backup: BackupId) {
        held(&self.refused).push(backup);
    }

    /// What was taken of backups, in that order.
    pub fn taken(&self) -> Vec<StateChange> {
        let of_backup = |event: &Event| match event {
            Event::Backup(change) => Some((**change).clone()),
            Event::Recovery(_) => None,
        };
        held(&self.taken).iter().filter_map(of_backup).collect()
    }

    /// What was taken of recoveries, in that order.
    pub fn taken_of_recoveries(&self) -> Vec<RecoveryStateChange> {
        let of_recovery = |event: &Event| match event {
            Event::Recovery(change) => Some((**change).clone()),
            Event::Backup(_) => None,
        };
        held(&self.taken).iter().filter_map(of_recovery).collect()
    }

    fn take(&self, event: &Event) -> Result<(), AwsError> {
        let mut refused = held(&self.refused);
        let is_it = |backup: &BackupId| matches!(event.about(), About::Backup(_, id) if id == *backup);
        if let Some(at) = refused.iter().position(is_it) {
            refused.remove(at);
            return Err(refusal(Refusal::Throttled, "ThrottlingException", "Rate exceeded"));
        }
        let detail = serde_json::to_string(event).map_err(|error| invalid(&error.to_string()))?;
        // The time counts for 14 bytes.
        if SOURCE.len() + event.detail_type().len() + detail.len() + 14 > MAX_ENTRY {
            return Err(invalid("Total size of the entries in the request is over the limit."));
        }
        held(&self.taken).push(event.clone());
        Ok(())
    }
}

const PUT: &str = "events:PutEvents";

fn refusal(refusal: Refusal, code: &str, message: &str) -> AwsError {
    AwsError { refusal, action: PUT.to_owned(), code: code.to_owned(), message: message.to_owned() }
}

fn invalid(message: &str) -> AwsError {
    refusal(Refusal::Invalid, "ValidationException", message)
}

#[async_trait]
impl EventBus for FakeEventBus {
    async fn put(&self, events: &[Event]) -> Result<(), Untaken> {
        let what = events.iter().map(|event| event.about().to_string()).collect::<Vec<_>>().join(" ");
        let call = self.faults.call(Calling::new(&[PUT], what, None), |_| {
            if events.is_empty() || events.len() > MAX_ENTRIES {
                return Err(invalid("Member must have length between 1 and 10"));
            }
            Ok(events.iter().map(|event| self.take(event)).collect::<Vec<_>>())
        });
        let outcomes = call.await.map_err(|error| Untaken { event: 0, error })?;
        let first = outcomes.into_iter().enumerate().find_map(|(event, outcome)| Some((event, outcome.err()?)));
        first.map_or(Ok(()), |(event, error)| Err(Untaken { event, error }))
    }
}

#[cfg(test)]
mod tests {
    use cpm_domain::message::Sender;

    use super::*;
    use crate::{DEPLOYMENT, OWN_ACCOUNT, When, at_once, sample};

    fn event(backup: u64) -> StateChange {
        let (account, owner) = (OWN_ACCOUNT.parse().unwrap(), sample::root());
        let sender = Sender { deployment: DEPLOYMENT, account: &account, owner: &owner };
        StateChange::between(&sender, None, Some(&sample::backup(backup, "web")), sample::start()).unwrap()
    }

    fn events(count: u64) -> Vec<Event> {
        (1..=count).map(|backup| event(backup).into()).collect()
    }

    #[test]
    fn one_that_is_not_taken_does_not_hold_the_others_up() {
        let bus = FakeEventBus::new();
        bus.refuse_next(BackupId(2));
        let untaken = at_once(bus.put(&events(3))).unwrap_err();
        assert_eq!((untaken.event, untaken.error.refusal), (1, Refusal::Throttled));
        assert_eq!(bus.taken(), [event(1), event(3)]);
        at_once(bus.put(&events(3)[1..])).unwrap();
        assert_eq!(bus.taken(), [event(1), event(3), event(2), event(3)]);
    }

    #[test]
    fn what_eventbridge_refuses_is_refused() {
        let refused = |events: &[Event]| at_once(FakeEventBus::new().put(events)).unwrap_err().error.refusal;
        assert_eq!(refused(&[]), Refusal::Invalid);
        assert_eq!(refused(&events(11)), Refusal::Invalid);
        assert_eq!(refused(&[StateChange { deployment: "x".repeat(262_144), ..event(1) }.into()]), Refusal::Invalid);
    }

    #[test]
    fn an_answer_may_be_lost() {
        let bus = FakeEventBus::new();
        bus.faults.fail_call(1, When::After);
        assert_eq!(at_once(bus.put(&events(1))).unwrap_err().error.refusal, Refusal::Unknown);
        assert_eq!(bus.taken(), [event(1)]);
    }
}
