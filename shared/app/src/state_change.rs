//! Events follow what becomes of backups: the table's stream feeds the notifier, which puts them on the bus.

use cpm_domain::{
    backup::Backup,
    message::Sender,
    state_change::{StateChange, calls},
};
use cpm_ports::{EventBus, Untaken};

use crate::stream::Change;

/// What a change of a backup's record says to those outside, if it says anything.
pub(crate) fn event(sender: &Sender<'_>, change: &Change<Backup>) -> Option<StateChange> {
    StateChange::between(sender, change.before.as_deref(), change.after.as_deref(), change.time)
}

/// Puts events on the bus, in order, and stops at the first that it does not take.
pub(crate) async fn put(bus: &dyn EventBus, events: &[StateChange]) -> Result<(), Untaken> {
    let mut done = 0;
    for call in calls(events) {
        bus.put(call).await.map_err(|untaken| Untaken { event: done + untaken.event, ..untaken })?;
        done += call.len();
    }
    Ok(())
}
