//! What is deployed.

use std::collections::{BTreeMap, BTreeSet};

use cpm_domain::{
    backup::Phase,
    change::{DrillSlots, Held, Slots, State},
    document::Document,
    freezer::Entry,
    name::{AccountName, PolicyName},
    policy::{Origin, Policy},
};
use cpm_ports::{BackupQuery, StoreError};
use futures::{StreamExt, TryStreamExt, stream, try_join};

use super::Setup;
use crate::Result;

/// Policies read at a time.
pub(super) const AT_ONCE: usize = 16;
/// Backups read at a time.
pub(super) const PAGE: usize = 100;

/// What may be removed, so that its backups have to be known.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doomed<'a> {
    /// Nothing.
    Nothing,
    /// An account, or its number.
    Account,
    /// A policy.
    Policy(&'a PolicyName),
    /// What people made and is not in a document.
    AllBut(&'a Document),
}

impl Doomed<'_> {
    fn takes(self, policy: &Policy) -> bool {
        match self {
            Self::Nothing | Self::Account => false,
            Self::Policy(name) => policy.name == *name,
            Self::AllBut(document) => {
                policy.origin == Origin::Person && document.policies.iter().all(|kept| kept.name != policy.name)
            }
        }
    }
}

impl Setup<'_> {
    /// Reads all of it, and of backups what `doomed` needs.
    pub(super) async fn state(&self, doomed: Doomed<'_>) -> Result<State> {
        let (store, owner) = (self.store, self.owner);
        let (accounts, schedules, policies, settings, deleting, frozen) = try_join!(
            store.accounts(owner),
            store.schedules(owner),
            store.policies(owner),
            store.settings(owner),
            self.deleting(doomed),
            self.frozen(doomed),
        )?;
        let (mut backups, mut running) = (BTreeMap::new(), BTreeMap::new());
        for policy in policies.iter().filter(|policy| doomed.takes(policy)) {
            backups.insert(policy.name.clone(), self.count(&policy.name).await?);
            if let Some(lease) = store.lease(owner, &policy.name).await? {
                running.insert(policy.name.clone(), lease.backup);
            }
        }
        let reading = stream::iter(policies).map(|policy| async move {
            let targets = store.targets(owner, &policy.name).await?;
            Ok::<_, StoreError>(Held { policy, targets })
        });
        let policies = reading.buffered(AT_ONCE).try_collect().await?;
        Ok(State { accounts, schedules, policies, settings, backups, running, deleting, frozen })
    }

    /// The slots of policies.
    pub(super) async fn slots(&self, policies: &[Held]) -> Result<Slots> {
        let names: Vec<PolicyName> = policies.iter().map(|held| held.policy.name.clone()).collect();
        let reading = stream::iter(names).map(|name| async move {
            let slots = self.store.slots(self.owner, &name).await?;
            Ok::<_, StoreError>((name, slots.into_iter().collect()))
        });
        Ok(reading.buffered(AT_ONCE).try_collect().await?)
    }

    /// The slots of the drills of policies.
    pub(super) async fn drill_slots(&self, policies: &[Held]) -> Result<DrillSlots> {
        let names: Vec<PolicyName> = policies.iter().map(|held| held.policy.name.clone()).collect();
        let reading = stream::iter(names).map(|name| async move {
            let slot = self.store.drill_slot(self.owner, &name).await?;
            Ok::<_, StoreError>(slot.map(|slot| (name, slot)))
        });
        let slots: Vec<Option<_>> = reading.buffered(AT_ONCE).try_collect().await?;
        Ok(slots.into_iter().flatten().collect())
    }

    async fn count(&self, policy: &PolicyName) -> std::result::Result<usize, StoreError> {
        let mut query = BackupQuery { policy: Some(policy.clone()), limit: PAGE, before: None };
        let mut count = 0;
        loop {
            let page = self.store.list(self.owner, &query).await?;
            count += page.backups.iter().filter(|backup| backup.is_kept() && backup.frozen.is_none()).count();
            query.before = page.next;
            if query.before.is_none() {
                return Ok(count);
            }
        }
    }

    async fn frozen(&self, doomed: Doomed<'_>) -> std::result::Result<Vec<Entry>, StoreError> {
        match doomed {
            Doomed::Nothing => Ok(Vec::new()),
            _ => self.store.frozen(self.owner).await,
        }
    }

    /// The accounts in which the cleaner has yet to delete something.
    async fn deleting(&self, doomed: Doomed<'_>) -> std::result::Result<BTreeSet<AccountName>, StoreError> {
        let mut accounts = BTreeSet::new();
        if matches!(doomed, Doomed::Nothing | Doomed::Policy(_)) {
            return Ok(accounts);
        }
        let mut after = None;
        loop {
            let page = self.store.in_phase(self.owner, Phase::Deleting, after, PAGE).await?;
            after = page.last().map(|backup| backup.id);
            let full = page.len() == PAGE;
            accounts.extend(page.into_iter().map(|backup| backup.account));
            if !full {
                return Ok(accounts);
            }
        }
    }
}
