//! Plans that change one thing, without a file.

use super::{
    Plan, State,
    plan::{Context, Planner},
};
use crate::name::{AccountName, PolicyName, ScheduleName};

/// Removes a policy and its backups; nothing when there is none.
pub fn remove_policy(current: &State, name: &PolicyName, context: &Context) -> Plan {
    one(current, context, |planner| {
        if current.policies.iter().any(|held| held.policy.name == *name) {
            planner.remove_policy(name);
        }
    })
}

/// Removes a schedule that no policy uses; nothing when there is none.
pub fn remove_schedule(current: &State, name: &ScheduleName, context: &Context) -> Plan {
    one(current, context, |planner| {
        if current.schedules.iter().any(|schedule| schedule.name() == name) {
            planner.remove_schedule_alone(name);
        }
    })
}

/// Removes an account that no policy and no backup needs; nothing when there is none.
pub fn remove_account(current: &State, name: &AccountName, context: &Context) -> Plan {
    one(current, context, |planner| {
        if current.accounts.iter().any(|account| account.name == *name) {
            planner.remove_account_alone(name);
        }
    })
}

/// Enables or disables a policy; nothing when it is so already, or when there is none.
pub fn enable_policy(current: &State, name: &PolicyName, enabled: bool, context: &Context) -> Plan {
    one(current, context, |planner| planner.enable(name, enabled))
}

fn one(current: &State, context: &Context, change: impl FnOnce(&mut Planner<'_>)) -> Plan {
    let mut planner = Planner::new(current, context);
    change(&mut planner);
    planner.finish()
}
