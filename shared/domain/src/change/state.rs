//! What is deployed, before and after a plan.

use super::{Held, Operation, Plan, State};
use crate::{
    name::{PolicyName, ScheduleName},
    policy::Policy,
    schedule::Schedule,
};

impl State {
    /// What is deployed once `plan` is carried out. What is known of backups is left as it is.
    #[must_use]
    pub fn after(&self, plan: &Plan) -> Self {
        let mut after = self.clone();
        for step in &plan.steps {
            after.carry_out(&step.operation);
        }
        after
    }

    /// A policy with its targets.
    pub fn policy(&self, name: &PolicyName) -> Option<&Held> {
        self.policies.iter().find(|held| held.policy.name == *name)
    }

    /// A schedule.
    pub fn schedule(&self, name: &ScheduleName) -> Option<&Schedule> {
        self.schedules.iter().find(|schedule| schedule.name() == name)
    }

    fn carry_out(&mut self, operation: &Operation) {
        match operation {
            Operation::PutSettings(settings) => self.settings = settings.clone(),
            Operation::PutAccount(account) => {
                self.accounts.retain(|before| before.name != account.name);
                self.accounts.push(account.clone());
            }
            Operation::RemoveAccount(name) => self.accounts.retain(|account| account.name != *name),
            Operation::PutSchedule(schedule) => {
                self.schedules.retain(|before| before.name() != schedule.name());
                self.schedules.push(schedule.clone());
            }
            Operation::RemoveSchedule(name) => self.schedules.retain(|schedule| schedule.name() != name),
            Operation::CreatePolicy(policy) | Operation::PutPolicy(policy) => self.put_policy(policy),
            Operation::RemovePolicy(name) => self.policies.retain(|held| held.policy.name != *name),
            Operation::PutTarget(policy, target) => {
                if let Some(held) = self.held(policy) {
                    held.targets.retain(|before| before.key() != target.key());
                    held.targets.push(target.clone());
                }
            }
            Operation::RemoveTarget(policy, key) => {
                if let Some(held) = self.held(policy) {
                    held.targets.retain(|target| target.key() != *key);
                }
            }
        }
    }

    fn held(&mut self, name: &PolicyName) -> Option<&mut Held> {
        self.policies.iter_mut().find(|held| held.policy.name == *name)
    }

    fn put_policy(&mut self, policy: &Policy) {
        match self.held(&policy.name) {
            Some(held) => held.policy = policy.clone(),
            None => self.policies.push(Held { policy: policy.clone(), targets: Vec::new() }),
        }
    }
}
