//! Accounts in a plan.

use super::{Action, Change, Kind, Operation, fields, plan::Planner};
use crate::{account::Account, document::Document, freezer::Entry, name::AccountName, policy::Origin};

impl Planner<'_> {
    pub(super) fn put_accounts(&mut self, desired: &Document) {
        for (n, account) in desired.accounts.iter().enumerate() {
            let before = self.current.accounts.iter().find(|before| before.name == account.name);
            let changed = fields::diff(&before.map(fields::account).unwrap_or_default(), &fields::account(account));
            if changed.is_empty() {
                continue;
            }
            let action = if before.is_some() { Action::Update } else { Action::Create };
            if let Some(before) = before {
                self.check_number(n, before, account);
            }
            self.accounts.retain(|before| before.name != account.name);
            self.accounts.push(account.clone());
            let change = Change::new(action, Kind::Account, &account.name, changed);
            self.step(change, Operation::PutAccount(account.clone()));
        }
    }

    /// The backups of its policies are in the account of the old number: nobody would delete them any more.
    fn check_number(&mut self, n: usize, before: &Account, after: &Account) {
        if before.number() == after.number() {
            return;
        }
        let name = &after.name;
        let user = self.current.policies.iter().find(|held| held.policy.account == *name);
        let why = match user {
            Some(held) => format!("policy `{}` has its backups there", held.policy.name),
            None if self.current.deleting.contains(name) => "backups are still to be deleted there".to_owned(),
            None => match self.frozen_in(name) {
                Some(entry) => {
                    format!("backup {}, in the freezer as `{}`, is there", entry.backup, entry.frozen.name)
                }
                None => return,
            },
        };
        let was = before.number().map_or_else(|| "the deployment's own".to_owned(), ToString::to_string);
        self.problem(
            format!("accounts[{n}].role"),
            format!("account `{name}` is AWS account {was}, and cannot become another: {why}"),
            "give the other AWS account a name of its own",
        );
    }

    pub(super) fn remove_accounts(&mut self, desired: &Document) {
        for account in &self.current.accounts {
            let name = &account.name;
            if desired.accounts.iter().any(|wanted| wanted.name == *name) {
                continue;
            }
            if !self.context.prune {
                self.leave(Kind::Account, name, "in no file");
            } else if let Some(reason) = self.account_is_needed(desired, name) {
                self.leave(Kind::Account, name, reason);
            } else {
                self.remove_account(name);
            }
        }
    }

    fn remove_account(&mut self, name: &AccountName) {
        self.accounts.retain(|account| account.name != *name);
        let change = Change::new(Action::Delete, Kind::Account, name, vec![]);
        self.step(change, Operation::RemoveAccount(name.clone()));
    }

    /// Why an account that is in no file stays though the rest is pruned. A file's policy that rests on it is a problem.
    fn account_is_needed(&mut self, desired: &Document, name: &AccountName) -> Option<String> {
        if let Some(n) = desired.policies.iter().position(|policy| policy.account == *name) {
            self.problem(
                format!("policies[{n}].account"),
                format!("account `{name}` is in no file, and all that is in no file is pruned"),
                format!("add `{name}` to the files, or plan without pruning"),
            );
            return None;
        }
        if let Some(reason) = self.account_is_used(name) {
            return Some(reason);
        }
        let mut removed = self.current.policies.iter().filter(|held| self.removed.contains(&held.policy.name));
        let emptied = removed.any(|held| {
            held.policy.account == *name && self.current.backups.get(&held.policy.name).is_some_and(|n| *n > 0)
        });
        emptied.then(|| "the backups of its policies are deleted first: prune again after the cleanup".to_owned())
    }

    /// Why an account cannot be removed.
    fn account_is_used(&self, name: &AccountName) -> Option<String> {
        let user = self.policies.iter().find(|held| held.policy.account == *name);
        if let Some(held) = user {
            let policy = &held.policy.name;
            return Some(match held.policy.origin {
                Origin::Person => format!("policy `{policy}` is in it"),
                Origin::TagScan { .. } => format!("policy `{policy}`, made by a tag scan, is in it"),
            });
        }
        if let Some(entry) = self.frozen_in(name) {
            return Some(format!("backup {} is in it, frozen as `{}`", entry.backup, entry.frozen.name));
        }
        let deleting = self.current.deleting.contains(name);
        deleting.then(|| "backups are still to be deleted in it".to_owned())
    }

    /// A frozen backup in an account: who would recover it, or delete it one day, goes by the account.
    fn frozen_in(&self, name: &AccountName) -> Option<&Entry> {
        self.current.frozen.iter().find(|entry| entry.account == *name)
    }

    /// Removes one account by name.
    pub(super) fn remove_account_alone(&mut self, name: &AccountName) {
        match self.account_is_used(name) {
            Some(reason) => self.problem(
                "",
                format!("account `{name}` cannot be removed: {reason}"),
                "remove its policies first, let a cleanup delete their backups, and take frozen ones out of the freezer",
            ),
            None => self.remove_account(name),
        }
    }
}
