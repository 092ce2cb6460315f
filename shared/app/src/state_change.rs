//! Events follow what becomes of backups and recoveries: the table's stream feeds the notifier, which puts them on the bus.

use cpm_domain::{
    message::Sender,
    recovery::state_change::RecoveryStateChange,
    state_change::{Event, StateChange, calls},
};
use cpm_ports::{EventBus, Untaken};

use crate::stream::Item;

/// What a change of a record says to those outside, if it says anything.
pub(crate) fn event(sender: &Sender<'_>, item: &Item) -> Option<Event> {
    match item {
        Item::Alert(_) => None,
        Item::Backup(change) => {
            let (before, after) = (change.before.as_deref(), change.after.as_deref());
            StateChange::between(sender, before, after, change.time).map(Event::from)
        }
        Item::Recovery(change) => {
            let (before, after) = (change.before.as_deref(), change.after.as_deref());
            RecoveryStateChange::between(sender, before, after, change.time).map(Event::from)
        }
    }
}

/// Puts events on the bus, in order, and stops at the first that it does not take.
pub(crate) async fn put(bus: &dyn EventBus, events: &[Event]) -> Result<(), Untaken> {
    let mut done = 0;
    for call in calls(events) {
        bus.put(call).await.map_err(|untaken| Untaken { event: done + untaken.event, ..untaken })?;
        done += call.len();
    }
    Ok(())
}
