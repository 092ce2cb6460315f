//! The plan as a whole.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Action, Change, FieldChange, Held, Kind, Operation, Plan, State, Step, Unmanaged, fields,
    protection::{self, World},
};
use crate::{
    account::Account,
    document::{Document, Problem},
    name::PolicyName,
    schedule::{Schedule, Zone},
};

/// What a plan depends on beside the two states.
#[derive(Debug, Clone)]
pub struct Context {
    /// Remove what people made and is in no file.
    pub prune: bool,
    /// Now.
    pub now: Timestamp,
    /// Of new schedules that name no zone. One that is deployed keeps the zone that it was made in.
    pub default_zone: Zone,
}

/// Compares what is deployed with what is wanted.
///
/// What is in no file is left alone, or with `prune` removed if a person made it: what tags made never is. A document
/// that does not pass [`Document::check`] gives its problems and nothing else.
pub fn plan(current: &State, desired: &Document, context: &Context) -> Plan {
    let problems = desired.check();
    if !problems.is_empty() {
        return Plan { problems, ..Plan::default() };
    }
    let mut planner = Planner::new(current, context);
    planner.put_settings(desired);
    planner.put_accounts(desired);
    planner.put_schedules(desired);
    planner.put_policies(desired);
    planner.remove_policies(desired);
    planner.remove_schedules(desired);
    planner.remove_accounts(desired);
    planner.finish()
}

/// A plan in the making: what there will be, and how it comes about.
pub(super) struct Planner<'a> {
    pub(super) current: &'a State,
    pub(super) context: &'a Context,
    pub(super) accounts: Vec<Account>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) policies: Vec<Held>,
    pub(super) removed: BTreeSet<PolicyName>,
    pub(super) plan: Plan,
}

impl<'a> Planner<'a> {
    pub(super) fn new(current: &'a State, context: &'a Context) -> Self {
        Self {
            current,
            context,
            accounts: current.accounts.clone(),
            schedules: current.schedules.clone(),
            policies: current.policies.clone(),
            removed: BTreeSet::new(),
            plan: Plan::default(),
        }
    }

    fn put_settings(&mut self, desired: &Document) {
        let Some(settings) = &desired.settings else { return };
        let changed = fields::diff(&fields::settings(&self.current.settings), &fields::settings(settings));
        if !changed.is_empty() {
            let change = Change::new(Action::Update, Kind::Settings, &"settings", changed);
            self.step(change, Operation::PutSettings(settings.clone()));
        }
    }

    pub(super) fn step(&mut self, change: Change, operation: Operation) {
        self.plan.steps.push(Step { change, operation });
    }

    pub(super) fn problem(&mut self, path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) {
        self.plan.problems.push(Problem::new(path, message, help));
    }

    pub(super) fn warn(&mut self, path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) {
        self.plan.warnings.push(Problem::new(path, message, help));
    }

    pub(super) fn leave(&mut self, kind: Kind, name: &impl ToString, reason: impl Into<String>) {
        self.plan.unmanaged.push(Unmanaged { kind, name: name.to_string(), reason: reason.into() });
    }

    pub(super) fn finish(mut self) -> Plan {
        let before = World {
            policies: self.current.policies.iter().collect(),
            schedules: self.current.schedules.iter().collect(),
        };
        let after = World { policies: self.policies.iter().collect(), schedules: self.schedules.iter().collect() };
        self.plan.protection = protection::compare(&before, &after, self.context.now);
        self.plan
    }
}

impl Change {
    pub(super) fn new(action: Action, kind: Kind, name: &impl ToString, fields: Vec<FieldChange>) -> Self {
        Self { action, kind, name: name.to_string(), policy: None, fields, note: None }
    }
}

impl Plan {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
