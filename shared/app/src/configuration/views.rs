//! Accounts, schedules and policies as people see them.

use cpm_contracts::api::{
    AccountView, Accounts, Attention, LastBackup, Policies, PolicySummary, PolicyView, ResourceView, ScheduleView,
    Schedules, SlotView, TargetView, WarningView,
};
use cpm_domain::{
    account::Account,
    document::TargetSpec,
    name::{AccountName, PolicyName, ScheduleName},
    policy::{Origin, Policy},
    schedule::Schedule,
    target::{Target, TargetKey},
};
use cpm_ports::BackupQuery;
use futures::{StreamExt, TryStreamExt, stream, try_join};
use jiff::Timestamp;

use super::{Setup, state::AT_ONCE};
use crate::{Error, Result};

impl Setup<'_> {
    /// All accounts.
    pub async fn accounts(&self) -> Result<Accounts> {
        let (accounts, policies) = try_join!(self.store.accounts(self.owner), self.store.policies(self.owner))?;
        Ok(Accounts { accounts: accounts.into_iter().map(|account| of_account(account, &policies)).collect() })
    }

    /// One account.
    pub async fn account(&self, name: &AccountName) -> Result<AccountView> {
        let account = self.store.account(self.owner, name).await?.ok_or_else(|| Error::not_found("account", name))?;
        Ok(of_account(account, &self.store.policies(self.owner).await?))
    }

    /// All schedules.
    pub async fn schedules(&self) -> Result<Schedules> {
        let (schedules, policies) = try_join!(self.store.schedules(self.owner), self.store.policies(self.owner))?;
        let now = self.clock.now();
        Ok(Schedules { schedules: schedules.into_iter().map(|s| of_schedule(s, &policies, now)).collect() })
    }

    /// One schedule.
    pub async fn schedule(&self, name: &ScheduleName) -> Result<ScheduleView> {
        let schedule =
            self.store.schedule(self.owner, name).await?.ok_or_else(|| Error::not_found("schedule", name))?;
        Ok(of_schedule(schedule, &self.store.policies(self.owner).await?, self.clock.now()))
    }

    /// All policies, with what needs attention.
    pub async fn policies(&self) -> Result<Policies> {
        let policies = self.store.policies(self.owner).await?;
        let reading = stream::iter(policies).map(|policy| async move { Ok(self.view(policy).await?.summary) });
        Ok(Policies { policies: reading.buffered(AT_ONCE).try_collect::<Vec<_>>().await.map_err(|e: Error| e)? })
    }

    /// One policy with its targets.
    pub async fn policy(&self, name: &PolicyName) -> Result<PolicyView> {
        let policy = self.store.policy(self.owner, name).await?.ok_or_else(|| Error::not_found("policy", name))?;
        self.view(policy).await
    }

    /// Which policies hold a resource.
    pub async fn policies_with(&self, target: &TargetKey) -> Result<ResourceView> {
        let mut policies = self.store.policies_with(self.owner, target).await?;
        policies.sort();
        Ok(ResourceView { resource: target.resource.id().to_owned(), region: target.region.clone(), policies })
    }

    async fn view(&self, policy: Policy) -> Result<PolicyView> {
        let newest = BackupQuery { policy: Some(policy.name.clone()), limit: 1, before: None };
        let (targets, slots, lease, page) = try_join!(
            self.store.targets(self.owner, &policy.name),
            self.store.slots(self.owner, &policy.name),
            self.store.lease(self.owner, &policy.name),
            self.store.list(self.owner, &newest),
        )?;
        let last = page.backups.first().map(|backup| LastBackup {
            id: backup.id,
            status: backup.status,
            started: backup.started,
            ended: backup.ended,
        });
        let next = slots.iter().filter_map(|(_, next)| *next).min();
        let attention = attention(&policy, &targets, next);
        let template = match policy.origin {
            Origin::Person => None,
            Origin::TagScan { template } => Some(template),
        };
        let (scripts, vss, max_frozen) = (policy.scripts.into(), policy.vss, policy.max_frozen);
        let summary = PolicySummary {
            name: policy.name,
            description: policy.description,
            account: policy.account,
            enabled: policy.enabled,
            generations: policy.generations,
            schedules: policy.schedules,
            auto_target_removal: policy.auto_target_removal,
            success: policy.success,
            retry: policy.retry,
            template,
            created: policy.created,
            target_count: targets.len(),
            next,
            running: lease.map(|lease| lease.backup),
            last_backup: last,
            attention,
        };
        let slots = slots.into_iter().map(|(schedule, next)| SlotView { schedule, next }).collect();
        let targets = targets.iter().map(of_target).collect();
        Ok(PolicyView { summary, scripts, vss, max_frozen, slots, targets })
    }
}

/// What needs attention (§15.6 of the guide): it may not be meant so.
fn attention(policy: &Policy, targets: &[Target], next: Option<Timestamp>) -> Vec<Attention> {
    let has_schedule = !policy.schedules.is_empty();
    [
        (Attention::Disabled, !policy.enabled),
        (Attention::NoTarget, targets.is_empty()),
        (Attention::NoSchedule, !has_schedule),
        (Attention::NeverRuns, policy.enabled && has_schedule && next.is_none()),
    ]
    .into_iter()
    .filter_map(|(attention, holds)| holds.then_some(attention))
    .collect()
}

fn of_account(account: Account, policies: &[Policy]) -> AccountView {
    let policies = policies.iter().filter(|policy| policy.account == account.name);
    AccountView { policies: policies.map(|policy| policy.name.clone()).collect(), account }
}

fn of_schedule(schedule: Schedule, policies: &[Policy], now: Timestamp) -> ScheduleView {
    let policies = policies.iter().filter(|policy| policy.schedules.contains(schedule.name()));
    ScheduleView {
        policies: policies.map(|policy| policy.name.clone()).collect(),
        next: schedule.next_at_or_after(now),
        warnings: schedule.warnings(now).into_iter().map(WarningView::from).collect(),
        schedule: schedule.into(),
    }
}

fn of_target(target: &Target) -> TargetView {
    TargetView { put_by: target.put_by, target: TargetSpec::of(target) }
}
