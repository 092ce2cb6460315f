//! Schedules in a plan.

use super::{Action, Change, Kind, Operation, fields, plan::Planner};
use crate::{
    document::{Document, schedule_problem},
    name::ScheduleName,
    schedule::{Schedule, ScheduleSpec},
};

impl Planner<'_> {
    pub(super) fn put_schedules(&mut self, desired: &Document) {
        for (n, spec) in desired.schedules.iter().enumerate() {
            let before = self.current.schedules.iter().find(|before| before.name().as_str() == spec.name);
            let zone = before.map_or(&self.context.default_zone, Schedule::zone);
            match spec.resolve(zone) {
                Ok(schedule) => self.put_schedule(n, before, schedule),
                Err(error) => self.plan.problems.push(schedule_problem(n, &error)),
            }
        }
    }

    fn put_schedule(&mut self, n: usize, before: Option<&Schedule>, schedule: Schedule) {
        for warning in schedule.warnings(self.context.now) {
            let help = "look at its next runs with `cpm schedule preview`";
            self.warn(format!("schedules[{n}]"), warning.message, help);
        }
        let changed = fields::diff(&before.map(fields::schedule).unwrap_or_default(), &fields::schedule(&schedule));
        if changed.is_empty() {
            return;
        }
        let action = if before.is_some() { Action::Update } else { Action::Create };
        self.schedules.retain(|before| before.name() != schedule.name());
        self.schedules.push(schedule.clone());
        let change = Change::new(action, Kind::Schedule, schedule.name(), changed);
        self.step(change, Operation::PutSchedule(schedule));
    }

    pub(super) fn remove_schedules(&mut self, desired: &Document) {
        let in_files = |name: &ScheduleName| desired.schedules.iter().any(|s: &ScheduleSpec| s.name == name.as_str());
        for schedule in &self.current.schedules {
            let name = schedule.name();
            if in_files(name) {
                continue;
            }
            if !self.context.prune {
                self.leave(Kind::Schedule, name, "in no file");
                continue;
            }
            let in_file = desired.policies.iter().enumerate().find_map(|(n, policy)| {
                let drill = policy.drill.as_ref().and_then(|drill| drill.schedule.as_ref());
                let of_drill = (drill == Some(name)).then(|| format!("policies[{n}].drill.schedule"));
                let of_backups = policy.schedules.iter().position(|used| used == name);
                of_backups.map(|s| format!("policies[{n}].schedules[{s}]")).or(of_drill)
            });
            match (in_file, self.schedule_user(name)) {
                (Some(path), _) => self.problem(
                    path,
                    format!("schedule `{name}` is in no file, and all that is in no file is pruned"),
                    format!("add `{name}` to the files, or plan without pruning"),
                ),
                // What is left is made by tags, or cannot be removed itself: its schedules stay with it.
                (None, Some(policy)) => self.leave(Kind::Schedule, name, format!("policy `{policy}` uses it")),
                (None, None) => self.remove_schedule(name),
            }
        }
    }

    fn schedule_user(&self, name: &ScheduleName) -> Option<String> {
        let user = self.policies.iter().find(|held| held.policy.uses(name));
        user.map(|held| held.policy.name.to_string())
    }

    fn remove_schedule(&mut self, name: &ScheduleName) {
        self.schedules.retain(|schedule| schedule.name() != name);
        let change = Change::new(Action::Delete, Kind::Schedule, name, vec![]);
        self.step(change, Operation::RemoveSchedule(name.clone()));
    }

    /// Removes one schedule by name.
    pub(super) fn remove_schedule_alone(&mut self, name: &ScheduleName) {
        match self.schedule_user(name) {
            Some(policy) => self.problem(
                "",
                format!("schedule `{name}` cannot be removed: policy `{policy}` uses it"),
                format!("take it out of `{policy}` first"),
            ),
            None => self.remove_schedule(name),
        }
    }
}
