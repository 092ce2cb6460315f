//! A plan becomes what is deployed.

use cpm_contracts::api::Applied;
use cpm_domain::{
    alert::Category,
    change::{Change, Operation, Plan, SlotChange, State, drill_slot_changes, slot_changes},
    name::PolicyName,
};
use cpm_ports::PolicyChange;

use super::{Setup, audit};
use crate::{Error, Result};

impl Setup<'_> {
    /// Carries a plan out, or nothing of it when it has problems.
    ///
    /// Slots come first: a policy that is written has its slots, so that one that was cut before is changed again by the
    /// same call. A slot without its policy starts nothing.
    pub(super) async fn carry_out(&self, state: &State, plan: Plan) -> Result<Applied> {
        if !plan.problems.is_empty() {
            return Err(Error::Problems(plan.problems));
        }
        let removed: Vec<&PolicyName> = plan.steps.iter().filter_map(|step| removed(&step.operation)).collect();
        let mut backups = 0;
        for policy in &removed {
            backups += self.mark(policy).await?;
        }
        let changes = self.changes(state, &plan).await?;
        if !changes.is_empty() {
            self.store.change(self.owner, &changes).await?;
        }
        for policy in removed {
            // One that ended meanwhile.
            backups += self.mark(policy).await?;
            for category in [Category::Backup, Category::Drill] {
                self.store.clear_alert(self.owner, category, policy.as_str()).await?;
            }
        }
        let cleanup = if backups > 0 { self.clean_up().await } else { None };
        Ok(Applied { changes: plan.steps.into_iter().map(|step| step.change).collect(), backups, cleanup })
    }

    async fn changes(&self, state: &State, plan: &Plan) -> Result<Vec<(PolicyChange, cpm_domain::audit::Event)>> {
        let slots = self.slots(&state.policies).await?;
        let now = self.clock.now();
        let mut changes = Vec::new();
        for slot in slot_changes(state, &state.after(plan), &slots, now) {
            let event = audit::of_slot(&slot, self.actor, now);
            changes.push((of_slot(slot), event));
        }
        let drills = self.drill_slots(&state.policies).await?;
        for slot in drill_slot_changes(state, &state.after(plan), &drills, now) {
            let event = audit::of_drill_slot(&slot, self.actor, now);
            changes.push((of_drill_slot(slot), event));
        }
        for step in &plan.steps {
            if let Operation::RemovePolicy(name) = &step.operation {
                for target in state.policy(name).into_iter().flat_map(|held| &held.targets) {
                    let change = PolicyChange::RemoveTarget(name.clone(), target.key());
                    changes.push((change, audit::of_lost_target(name, &target.key(), self.actor, now)));
                }
            }
            changes.push((of_operation(&step.operation), self.event(&step.change)));
        }
        Ok(changes)
    }

    fn event(&self, change: &Change) -> cpm_domain::audit::Event {
        audit::of(change, self.actor, self.clock.now())
    }
}

fn removed(operation: &Operation) -> Option<&PolicyName> {
    match operation {
        Operation::RemovePolicy(name) => Some(name),
        _ => None,
    }
}

fn of_slot(slot: SlotChange) -> PolicyChange {
    match slot {
        SlotChange::Put(policy, schedule, next) => PolicyChange::PutSlot { policy, schedule, next },
        SlotChange::Remove(policy, schedule) => PolicyChange::RemoveSlot { policy, schedule },
    }
}

fn of_drill_slot(slot: SlotChange) -> PolicyChange {
    match slot {
        SlotChange::Put(policy, schedule, next) => PolicyChange::PutDrillSlot { policy, schedule, next },
        SlotChange::Remove(policy, _) => PolicyChange::RemoveDrillSlot { policy },
    }
}

fn of_operation(operation: &Operation) -> PolicyChange {
    match operation.clone() {
        Operation::PutSettings(settings) => PolicyChange::PutSettings(settings),
        Operation::PutAccount(account) => PolicyChange::PutAccount(account),
        Operation::RemoveAccount(name) => PolicyChange::RemoveAccount(name),
        Operation::PutSchedule(schedule) => PolicyChange::PutSchedule(schedule),
        Operation::RemoveSchedule(name) => PolicyChange::RemoveSchedule(name),
        Operation::CreatePolicy(policy) => PolicyChange::CreatePolicy(policy),
        Operation::PutPolicy(policy) => PolicyChange::PutPolicy(policy),
        Operation::RemovePolicy(name) => PolicyChange::RemovePolicy(name),
        Operation::PutTarget(policy, target) => PolicyChange::PutTarget(policy, target),
        Operation::RemoveTarget(policy, key) => PolicyChange::RemoveTarget(policy, key),
    }
}
