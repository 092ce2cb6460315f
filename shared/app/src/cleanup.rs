//! Cleanup: deletes what retention no longer keeps, and removes what recoveries made. Only the cleaner does this.
//!
//! Plan marks backups, Delete deletes their snapshots, Settle removes the records of which nothing is left. A backup
//! that is marked stays marked until all is gone: a cleanup that died is taken up by the next one. A backup that is being
//! recovered from is left alone meanwhile, marked or not.

mod delete;
mod recovery;
mod settle;

use cpm_contracts::cleanup::{Planned, StartCleanup};
use cpm_domain::{
    backup::{Backup, Log, Phase},
    name::{OwnerName, PolicyName},
    policy::Policy,
    retention::{self, Candidate, Hold},
};
use cpm_ports::{BackupQuery, Clock, Deleters, Removers, Store, StoreError};

use crate::{
    Result,
    backup::append,
    initial_image,
    recovery::held::{Held, held},
};

/// The name by which faults and advice speak of the role.
const FUNCTION: &str = "cleaner";
/// Backups in deletion read at a time.
const PAGE: usize = 50;

/// The steps, with the world they work on.
pub struct Steps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What deletes.
    pub deleters: &'a Deleters,
    /// What removes what recoveries made.
    pub removers: &'a Removers,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The deployment's name, for tags.
    pub deployment: &'a str,
}

impl Steps<'_> {
    async fn owners(&self, wanted: Option<&OwnerName>) -> Result<Vec<OwnerName>> {
        Ok(match wanted {
            Some(owner) => vec![owner.clone()],
            None => self.store.owners().await?,
        })
    }

    /// Marks the backups whose time is over.
    pub async fn plan(&self, start: &StartCleanup) -> Result<Planned> {
        let mut planned = Planned { marked: 0, due: false };
        for owner in self.owners(start.owner.as_ref()).await? {
            let policies = match &start.policy {
                Some(name) => self.store.policy(&owner, name).await?.into_iter().collect(),
                None => self.store.policies(&owner).await?,
            };
            let held = held(self.store, &owner, self.clock.now()).await?;
            for policy in &policies {
                planned.marked += self.mark(&owner, policy, &held).await?;
            }
            planned.due |= self.retire_images(&owner).await?
                || planned.marked > 0
                || !self.store.in_phase(&owner, Phase::Deleting, None, 1).await?.is_empty();
        }
        Ok(planned)
    }

    /// Marks initial images that nobody needs any more. Says whether any is to be deleted.
    async fn retire_images(&self, owner: &OwnerName) -> Result<bool> {
        let mut due = false;
        for mut image in self.store.images(owner).await? {
            if image.current.is_some() && !initial_image::is_needed(self.store, owner, &image).await? {
                image.retire();
                match self.store.put_image(owner, &image).await {
                    Ok(()) | Err(StoreError::LostRace(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            due |= !image.outdated.is_empty();
        }
        Ok(due)
    }

    async fn mark(&self, owner: &OwnerName, policy: &Policy, held: &Held) -> Result<u32> {
        let backups = kept(self.store, owner, &policy.name).await?;
        let mut candidates: Vec<Candidate> = backups.iter().map(Candidate::from).collect();
        for candidate in candidates.iter_mut().filter(|candidate| held.backups.contains(&candidate.id)) {
            candidate.hold = candidate.hold.or(Some(Hold::InUse));
        }
        let outdated = retention::outdated(&candidates, policy.generations);
        let mut marked = 0;
        for id in outdated {
            // The index may be a moment late: what is deleted is decided on the record itself.
            let Some(mut backup) = self.store.backup(owner, id).await? else { continue };
            if backup.phase != Phase::Finished || backup.frozen.is_some() {
                continue;
            }
            let mut log = Log::default();
            let reason = format!("outdated: policy `{}` keeps {} generations", policy.name, policy.generations);
            log.info(self.clock.now(), reason);
            append(&mut backup, log.into_lines());
            backup.phase = Phase::Deleting;
            match self.store.put(owner, &backup, Phase::Finished).await {
                Ok(()) => marked += 1,
                Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(marked)
    }
}

/// All backups of a policy that are kept.
pub(crate) async fn kept(store: &dyn Store, owner: &OwnerName, policy: &PolicyName) -> Result<Vec<Backup>> {
    let mut query = BackupQuery { policy: Some(policy.clone()), limit: 200, before: None };
    let mut all = Vec::new();
    loop {
        let page = store.list(owner, &query).await?;
        all.extend(page.backups.into_iter().filter(Backup::is_kept));
        query.before = page.next;
        if query.before.is_none() {
            return Ok(all);
        }
    }
}
