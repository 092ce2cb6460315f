//! What is deployed, as a file.

use super::{Document, PolicySpec};
use crate::{change::State, policy::Origin, schedule::ScheduleSpec};

impl Document {
    /// What people configured, in one order only: by name, targets by Region and id.
    ///
    /// What tags made is left out, policies and targets: tags make it again. So the plan of an export is empty.
    pub fn from_state(state: &State) -> Self {
        let mut accounts = state.accounts.clone();
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut schedules: Vec<ScheduleSpec> = state.schedules.iter().cloned().map(ScheduleSpec::from).collect();
        schedules.sort_by(|a, b| a.name.cmp(&b.name));
        let by_person = state.policies.iter().filter(|held| held.policy.origin == Origin::Person);
        let mut policies: Vec<PolicySpec> =
            by_person.map(|held| PolicySpec::of(&held.policy, &held.targets)).collect();
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        Self { accounts, schedules, policies, settings: Some(state.settings.clone()) }
    }
}
