//! Removes records of which nothing is left, and names what AWS will not delete.

use std::collections::BTreeMap;

use cpm_contracts::cleanup::Settled;
use cpm_domain::{
    alert::{Category, Failure, Severity},
    audit::{Actor, Event},
    backup::{Backup, Phase},
    cleanup::{Rest, is_left, rest},
    id::UnitId,
    name::{OwnerName, PolicyName},
    unit::UnitSet,
};

use super::{PAGE, Steps};
use crate::{Result, alert, recovery::held::held};

impl Steps<'_> {
    /// Removes the records of which nothing is left, and raises or clears the alert on what AWS will not delete.
    pub async fn settle(&self) -> Result<Settled> {
        let mut settled = Settled { removed: 0, blocked: 0 };
        for owner in self.owners(None).await? {
            let record_days = self.store.settings(&owner).await?.record_days;
            let held = held(self.store, &owner, self.clock.now()).await?;
            let mut blocked: BTreeMap<PolicyName, Vec<String>> = BTreeMap::new();
            let mut unblocked: Vec<PolicyName> = Vec::new();
            let mut after = None;
            loop {
                let page = self.store.in_phase(&owner, Phase::Deleting, after, PAGE).await?;
                for backup in page.iter().filter(|backup| !held.backups.contains(&backup.id)) {
                    let sets = self.store.sets(&owner, backup.id).await?;
                    match rest(backup, &sets, record_days, self.clock.now()) {
                        Rest::Units(left) => {
                            settled.blocked += u32::try_from(left).unwrap_or(u32::MAX);
                            blocked.entry(backup.policy.clone()).or_default().extend(named(backup, &sets));
                        }
                        rest => {
                            self.close(&owner, backup, rest == Rest::Nothing).await?;
                            unblocked.push(backup.policy.clone());
                            settled.removed += 1;
                        }
                    }
                }
                after = page.last().map(|backup| backup.id);
                if page.len() < PAGE {
                    break;
                }
            }
            for image in self.store.images(&owner).await? {
                if image.is_empty() {
                    self.store.remove_image(&owner, &image).await?;
                    settled.removed += 1;
                }
                let refused: Vec<_> = image.outdated.iter().filter(|old| !held.images.contains(&old.id)).collect();
                settled.blocked += u32::try_from(refused.len()).unwrap_or(u32::MAX);
                for policy in image.policies.iter().filter(|_| !refused.is_empty()) {
                    blocked.entry(policy.clone()).or_default().extend(refused.iter().map(|old| {
                        let why = old.error.as_ref().map(ToString::to_string).unwrap_or_default();
                        format!("{} in {} (initial image of {}): {why}", old.id, image.region, image.instance)
                    }));
                }
            }
            self.tell(&owner, &blocked, &unblocked).await?;
            settled.removed += self.forget(&owner, record_days).await?;
        }
        Ok(settled)
    }

    /// Removes records of deleted backups whose keep-days are over. They are read oldest first, up to the first that
    /// stays.
    async fn forget(&self, owner: &OwnerName, record_days: u32) -> Result<u32> {
        let mut forgotten = 0;
        let mut after = None;
        loop {
            let page = self.store.in_phase(owner, Phase::Deleted, after, PAGE).await?;
            for backup in &page {
                if rest(backup, &[], record_days, self.clock.now()) == Rest::Record {
                    return Ok(forgotten);
                }
                self.store.remove(owner, backup.id).await?;
                forgotten += 1;
            }
            after = page.last().map(|backup| backup.id);
            if page.len() < PAGE {
                return Ok(forgotten);
            }
        }
    }

    /// The snapshots are gone: the record goes, or stays for its keep-days.
    async fn close(&self, owner: &OwnerName, backup: &Backup, remove: bool) -> Result<()> {
        if remove {
            self.store.remove(owner, backup.id).await?;
        } else {
            let mut backup = backup.clone();
            backup.phase = Phase::Deleted;
            self.store.put(owner, &backup, Phase::Deleting).await?;
        }
        let event = Event {
            time: self.clock.now(),
            actor: Actor::Suite("cleanup".to_owned()),
            action: "backup.delete".to_owned(),
            subject: backup.id.to_string(),
            details: format!("backup {} of policy {}, of {}", backup.id, backup.policy, backup.started),
        };
        Ok(self.store.record(owner, &event).await?)
    }

    async fn tell(
        &self,
        owner: &OwnerName,
        blocked: &BTreeMap<PolicyName, Vec<String>>,
        unblocked: &[PolicyName],
    ) -> Result<()> {
        for (policy, names) in blocked {
            let shown = names.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
            let failure = Failure {
                category: Category::Cleanup,
                subject: policy.to_string(),
                policy: Some(policy.clone()),
                severity: Severity::Warning,
                title: format!("Policy {policy} Cleanup Blocked"),
                message: format!(
                    "{} outdated units of policy {policy} cannot be deleted; each cleanup tries again.\n{shown}",
                    names.len()
                ),
                quiet: true,
            };
            alert::report(self.store, owner, failure, self.clock.now()).await?;
        }
        for policy in unblocked.iter().filter(|policy| !blocked.contains_key(*policy)) {
            self.store.clear_alert(owner, Category::Cleanup, policy.as_str()).await?;
        }
        Ok(())
    }
}

fn named(backup: &Backup, sets: &[UnitSet]) -> Vec<String> {
    let mut names = Vec::new();
    for set in sets {
        for unit in set.units.iter().filter(|unit| is_left(set, unit)) {
            let id = unit.id.as_ref().map(UnitId::as_str).unwrap_or_default();
            let why = unit.error.as_ref().map(ToString::to_string).unwrap_or_default();
            names.push(format!("{id} in {} (backup {}): {why}", set.region, backup.id));
        }
    }
    names
}
