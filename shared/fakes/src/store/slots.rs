//! Due instants.

use async_trait::async_trait;
use cpm_domain::name::{OwnerName, PolicyName, ScheduleName};
use cpm_ports::{Due, DueItem, Slots, StoreError};
use jiff::Timestamp;

use super::{FakeStore, data::Owned, of};

/// Where a thing stands among those that are due: a policy's lease before its slots.
fn order(item: &DueItem) -> (Timestamp, &OwnerName, &PolicyName, Option<&ScheduleName>) {
    match &item.what {
        Due::Slot { policy, schedule } => (item.at, &item.owner, policy, Some(schedule)),
        Due::Lease(lease) => (item.at, &item.owner, &lease.policy, None),
    }
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
    slots.chain(leases).collect()
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
}
