//! Due instants.

use async_trait::async_trait;
use cpm_domain::name::{OwnerName, PolicyName, ScheduleName};
use cpm_ports::{Due, DueItem, Slots, StoreError};
use jiff::Timestamp;

use super::{FakeStore, data::Owned, of};

/// Where a thing stands among those that are due.
fn order(item: &DueItem) -> (Timestamp, &OwnerName, String) {
    let what = match &item.what {
        Due::Slot { policy, schedule } => format!("{policy}#SLOT#{schedule}"),
        Due::Lease(lease) => format!("{}#LEASE", lease.policy),
        Due::Drill { policy, .. } => format!("{policy}#DRILL"),
        Due::Recovery(id) => format!("#RECOVERY#{:012}", id.0),
        Due::Hold(hold) => format!("#HOLD#{}", hold.on),
    };
    (item.at, &item.owner, what)
}

fn due_items(owner: &OwnerName, items: &Owned) -> Vec<DueItem> {
    let slots = items.slots.iter().filter_map(|((policy, schedule), next)| {
        let what = Due::Slot { policy: policy.clone(), schedule: schedule.clone() };
        next.map(|at| DueItem { owner: owner.clone(), at, what })
    });
    let leases = items.leases.values().map(|lease| DueItem {
        owner: owner.clone(),
        at: lease.expires,
        what: Due::Lease(lease.clone()),
    });
    let drills = items.drill_slots.iter().filter_map(|(policy, (schedule, next))| {
        let what = Due::Drill { policy: policy.clone(), schedule: schedule.clone() };
        next.map(|at| DueItem { owner: owner.clone(), at, what })
    });
    let holds = items.holds.values().map(|hold| DueItem {
        owner: owner.clone(),
        at: hold.expires,
        what: Due::Hold(hold.clone()),
    });
    let recoveries = items.recoveries.values().filter_map(|recovery| {
        let at = recovery.course.watch.filter(|_| !recovery.state.is_ended())?;
        Some(DueItem { owner: owner.clone(), at, what: Due::Recovery(recovery.id) })
    });
    slots.chain(leases).chain(drills).chain(holds).chain(recoveries).collect()
}

#[async_trait]
impl Slots for FakeStore {
    async fn due(&self, now: Timestamp, after: Option<&DueItem>, limit: usize) -> Result<Vec<DueItem>, StoreError> {
        self.read_index(&["store:due"], now, |data| {
            let mut due: Vec<DueItem> = data.iter().flat_map(|(owner, items)| due_items(owner, items)).collect();
            due.retain(|item| item.at <= now && after.is_none_or(|after| order(item) > order(after)));
            due.sort_by(|one, other| order(one).cmp(&order(other)));
            due.truncate(limit);
            due
        })
        .await
    }

    async fn advance(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let key = format!("slot {schedule} of policy {policy}");
        self.write(&["store:advance"], owner, &key, |owned| {
            match owned.slots.get_mut(&(policy.clone(), schedule.clone())) {
                Some(slot) if *slot == Some(at) => {
                    *slot = next;
                    Ok(())
                }
                _ => Err(StoreError::LostRace(key.clone())),
            }
        })
        .await
    }

    async fn slots(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Vec<(ScheduleName, Option<Timestamp>)>, StoreError> {
        self.read(&["store:slots"], policy, |data| {
            let all = of(data, owner).slots.iter();
            all.filter(|((of, _), _)| of == policy).map(|((_, schedule), next)| (schedule.clone(), *next)).collect()
        })
        .await
    }

    async fn advance_drill(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let key = format!("the drill slot of policy {policy}");
        self.write(&["store:advance_drill"], owner, &key, |owned| match owned.drill_slots.get_mut(policy) {
            Some((standing, slot)) if standing == schedule && *slot == Some(at) => {
                *slot = next;
                Ok(())
            }
            _ => Err(StoreError::LostRace(key.clone())),
        })
        .await
    }

    async fn drill_slot(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Option<(ScheduleName, Option<Timestamp>)>, StoreError> {
        self.read(&["store:drill_slot"], policy, |data| of(data, owner).drill_slots.get(policy).cloned()).await
    }
}
