//! Accounts, schedules and policies as people see them.

use cpm_contracts::api::{
    AccountView, Accounts, Attention, LastBackup, LastDrill, LastRecovery, Policies, PolicySummary, PolicyView,
    Readiness, ResourceView, ScheduleView, Schedules, SlotView, TargetView, WarningView,
};
use cpm_domain::{
    account::Account,
    document::TargetSpec,
    drill::{Figures, State as DrillState},
    name::{AccountName, PolicyName, ScheduleName},
    policy::{Origin, Policy},
    recovery::Purpose,
    schedule::Schedule,
    target::{Target, TargetKey},
};
use cpm_ports::{BackupQuery, DrillQuery, RecoveryQuery};
use futures::{StreamExt, TryStreamExt, stream, try_join};
use jiff::Timestamp;

use super::{Setup, state::AT_ONCE};
use crate::{Error, Result};

/// Newest drills and recoveries of a policy that are looked through.
const RECENT: usize = 20;

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
        let (view, (last_recovery, readiness)) = try_join!(self.view(policy), self.readiness(name))?;
        Ok(PolicyView { last_recovery, readiness, ..view })
    }

    /// Its newest recovery, drills left out, and what its drills came to.
    async fn readiness(&self, name: &PolicyName) -> Result<(Option<LastRecovery>, Readiness)> {
        let newest_drills = DrillQuery { policy: Some(name.clone()), limit: RECENT, before: None };
        let newest = RecoveryQuery { policy: Some(name.clone()), limit: RECENT, before: None };
        let (drills, recoveries, slot) = try_join!(
            self.store.drills(self.owner, &newest_drills),
            self.store.recoveries(self.owner, &newest),
            self.store.drill_slot(self.owner, name),
        )?;
        let by_people = recoveries.recoveries.iter().find(|recovery| !matches!(recovery.purpose, Purpose::Drill(_)));
        let last_recovery = by_people.map(|recovery| LastRecovery {
            id: recovery.id,
            kind: recovery.plan.wanted.kind(),
            backup: recovery.backup,
            state: recovery.state,
            started: recovery.started,
            ended: recovery.ended,
        });
        let last_drill = drills.drills.first().map(|drill| LastDrill {
            id: drill.id,
            state: drill.state,
            backup: drill.backup,
            started: drill.started,
            ended: drill.ended,
        });
        let measured = drills.drills.iter().find(|drill| drill.state == DrillState::Succeeded).map(Figures::of);
        let Figures { rto, rpo } = measured.unwrap_or_default();
        let readiness = Readiness { last_drill, next_drill: slot.and_then(|(_, next)| next), rto, rpo };
        Ok((last_recovery, readiness))
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
        let (scripts, vss) = (policy.scripts.into(), policy.vss);
        let (max_frozen, recovery, drill) = (policy.max_frozen, policy.recovery, policy.drill);
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
        let (last_recovery, readiness) = (None, Readiness::default());
        Ok(PolicyView {
            summary,
            scripts,
            vss,
            max_frozen,
            recovery,
            drill,
            slots,
            targets,
            last_recovery,
            readiness,
        })
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
    let policies = policies.iter().filter(|policy| policy.uses(schedule.name()));
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
