//! Targets in a plan.

use super::{Action, Change, Kind, Operation, fields, plan::Planner};
use crate::{
    document::PolicySpec,
    name::PolicyName,
    target::{PutBy, Target},
};

impl Planner<'_> {
    /// Brings the targets in line and gives those that there will be. What a tag put in stays; when a file names it as
    /// well, it is a person's from then on.
    pub(super) fn put_targets(&mut self, spec: &PolicySpec, before: &[Target]) -> Vec<Target> {
        let mut after = Vec::new();
        for target in &spec.targets {
            // The document was checked.
            let Ok(target) = target.to_target() else { continue };
            self.put_target(&spec.name, before.iter().find(|before| before.key() == target.key()), &target);
            after.push(target);
        }
        for target in before {
            if after.iter().any(|wanted| wanted.key() == target.key()) {
                continue;
            }
            match target.put_by {
                PutBy::Tag => after.push(target.clone()),
                PutBy::Person => {
                    let change = of(Action::Delete, &spec.name, target, vec![]);
                    self.step(change, Operation::RemoveTarget(spec.name.clone(), target.key()));
                }
            }
        }
        after
    }

    fn put_target(&mut self, policy: &PolicyName, before: Option<&Target>, target: &Target) {
        let changed = fields::diff(&before.map(fields::target).unwrap_or_default(), &fields::target(target));
        let action = if before.is_some() { Action::Update } else { Action::Create };
        if before.is_none() || !changed.is_empty() {
            let change = of(action, policy, target, changed);
            self.step(change, Operation::PutTarget(policy.clone(), target.clone()));
        }
    }
}

fn of(action: Action, policy: &PolicyName, target: &Target, fields: Vec<super::FieldChange>) -> Change {
    Change { policy: Some(policy.clone()), ..Change::new(action, Kind::Target, &target.key(), fields) }
}
