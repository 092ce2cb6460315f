//! Policies in a plan.

use super::{Action, Change, Held, Kind, Operation, fields, plan::Planner};
use crate::{
    account::AccountType,
    document::{Document, PolicySpec},
    drill::DrillRule,
    name::PolicyName,
    policy::{Origin, Policy},
    target::Resource,
};

impl Planner<'_> {
    pub(super) fn put_policies(&mut self, desired: &Document) {
        for (n, spec) in desired.policies.iter().enumerate() {
            let before = self.current.policies.iter().find(|held| held.policy.name == spec.name);
            self.check_account(n, spec, before.map(|held| &held.policy));
            self.check_schedules(n, spec);
            let created = before.map_or(self.context.now, |held| held.policy.created);
            let policy = spec.to_policy(Origin::Person, created);
            self.put_policy(before.map(|held| &held.policy), &policy);
            let targets = self.put_targets(spec, before.map_or(&[], |held| &held.targets));
            self.policies.retain(|held| held.policy.name != spec.name);
            self.policies.push(Held { policy, targets });
            self.look_at(n, spec);
        }
    }

    fn check_account(&mut self, n: usize, spec: &PolicySpec, before: Option<&Policy>) {
        let (path, name, account) = (format!("policies[{n}].account"), &spec.name, &spec.account);
        if let Some(before) = before
            && before.account != *account
        {
            self.problem(
                path,
                format!("policy `{name}` is in account `{}`, and a policy's account never changes", before.account),
                format!("make a policy of another name in `{account}`"),
            );
            return;
        }
        match self.accounts.iter().find(|known| known.name == *account).map(|known| known.kind) {
            Some(AccountType::Backup) => {}
            Some(AccountType::Dr) => self.problem(
                path,
                format!("account `{account}` holds copies for disaster recovery, and no policies"),
                "name an account of type backup",
            ),
            None => {
                let help = format!("add it to the files: {}", known(self.accounts.iter().map(|a| a.name.as_str())));
                self.problem(path, format!("there is no account `{account}`"), help);
            }
        }
    }

    fn check_schedules(&mut self, n: usize, spec: &PolicySpec) {
        for (s, name) in spec.schedules.iter().enumerate() {
            if self.schedules.iter().all(|schedule| schedule.name() != name) {
                let help =
                    format!("add it to the files: {}", known(self.schedules.iter().map(|s| s.name().as_str())));
                self.problem(format!("policies[{n}].schedules[{s}]"), format!("there is no schedule `{name}`"), help);
            }
        }
        if let Some(name) = spec.drill.as_ref().and_then(|drill| drill.schedule.as_ref())
            && self.schedules.iter().all(|schedule| schedule.name() != name)
        {
            let help = format!("add it to the files: {}", known(self.schedules.iter().map(|s| s.name().as_str())));
            self.problem(format!("policies[{n}].drill.schedule"), format!("there is no schedule `{name}`"), help);
        }
    }

    fn put_policy(&mut self, before: Option<&Policy>, policy: &Policy) {
        let changed = fields::diff(&before.map(fields::policy).unwrap_or_default(), &fields::policy(policy));
        if changed.is_empty() {
            return;
        }
        let Some(before) = before else {
            let change = Change::new(Action::Create, Kind::Policy, &policy.name, changed);
            return self.step(change, Operation::CreatePolicy(policy.clone()));
        };
        let fewer = policy.generations < before.generations;
        let note =
            fewer.then(|| format!("backups older than the newest {} that count are deleted", policy.generations));
        let change = Change { note, ..Change::new(Action::Update, Kind::Policy, &policy.name, changed) };
        self.step(change, Operation::PutPolicy(policy.clone()));
    }

    /// Points out a policy that will back nothing up.
    fn look_at(&mut self, n: usize, spec: &PolicySpec) {
        let name = &spec.name;
        if self.policies.iter().any(|held| held.policy.name == *name && held.targets.is_empty()) {
            let message = format!("policy `{name}` has no target: it backs nothing up");
            self.warn(
                format!("policies[{n}]"),
                message,
                format!("add `targets`, or tag resources `cpm backup` = `{name}`"),
            );
        }
        let runs_nowhere = |held: &Held| {
            held.policy.scripts.run_on_each_target()
                && !held.targets.iter().any(|target| matches!(target.resource, Resource::Instance(_)))
        };
        if self.policies.iter().any(|held| held.policy.name == *name && runs_nowhere(held)) {
            let message =
                format!("scripts of policy `{name}` run on each instance that it backs up, and there is none");
            self.warn(format!("policies[{n}].scripts"), message, "add an instance, or name the one that they run on");
        }
        for (field, what, kind) in spec.drill.iter().flat_map(DrillRule::lacking) {
            let has = |held: &Held| held.targets.iter().any(|target| target.resource.kind() == kind);
            if self.policies.iter().any(|held| held.policy.name == *name && has(held)) {
                let message = format!("drills of policy `{name}` cannot restore {}: no {what} is named", kind.noun());
                self.warn(format!("policies[{n}].drill.quarantine"), message, format!("add `{field}`"));
            }
        }
        if spec.schedules.is_empty() {
            let message = format!("policy `{name}` has no schedule: it runs only when asked to");
            self.warn(format!("policies[{n}]"), message, "add `schedules`");
        }
    }

    pub(super) fn remove_policies(&mut self, desired: &Document) {
        for held in &self.current.policies {
            let policy = &held.policy;
            if desired.policies.iter().any(|wanted| wanted.name == policy.name) {
                continue;
            }
            match (&policy.origin, self.context.prune) {
                (Origin::TagScan { .. }, _) => self.leave(Kind::Policy, &policy.name, "made by a tag scan"),
                (Origin::Person, false) => self.leave(Kind::Policy, &policy.name, "in no file"),
                (Origin::Person, true) => self.remove_policy(&policy.name),
            }
        }
    }

    /// Removes a policy with its backups, but not those in the freezer (§8.4 and §13.4.1 of the guide), unless one runs.
    pub(super) fn remove_policy(&mut self, name: &PolicyName) {
        if let Some(backup) = self.current.running.get(name) {
            self.problem(
                "",
                format!("policy `{name}` cannot be removed while its backup {backup} runs"),
                format!("wait for it with `cpm backup show {backup}`, then try again"),
            );
            return;
        }
        self.removed.insert(name.clone());
        self.policies.retain(|held| held.policy.name != *name);
        let going = match self.current.backups.get(name) {
            None | Some(0) => None,
            Some(1) => Some("its backup is deleted with all its snapshots".to_owned()),
            Some(n) => Some(format!("its {n} backups are deleted with all their snapshots")),
        };
        let staying = match self.current.frozen.iter().filter(|entry| entry.policy == *name).count() {
            0 => None,
            1 => Some("its backup in the freezer stays".to_owned()),
            n => Some(format!("its {n} backups in the freezer stay")),
        };
        let notes: Vec<String> = going.into_iter().chain(staying).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let change = Change { note, ..Change::new(Action::Delete, Kind::Policy, name, vec![]) };
        self.step(change, Operation::RemovePolicy(name.clone()));
    }

    /// Enables or disables one policy by name.
    pub(super) fn enable(&mut self, name: &PolicyName, enabled: bool) {
        let Some(held) = self.policies.iter_mut().find(|held| held.policy.name == *name) else { return };
        let before = held.policy.clone();
        held.policy.enabled = enabled;
        let after = held.policy.clone();
        self.put_policy(Some(&before), &after);
    }
}

fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.sort();
    if names.is_empty() { "there is none yet".to_owned() } else { format!("there is {}", names.join(", ")) }
}
