//! A policy goes, and its backups with it; those in the freezer stay (§8.4 of the guide).

use cpm_contracts::api::Started;
use cpm_domain::{
    backup::{Backup, Log, Phase},
    name::PolicyName,
};
use cpm_ports::{BackupQuery, StoreError};
use futures::{StreamExt, stream};

use super::{Setup, state::PAGE};
use crate::{Error, Result, backup::append, run};

/// Backups marked at a time.
const AT_ONCE: usize = 16;

impl Setup<'_> {
    /// Marks all ended backups of a policy for the cleaner, and says how many. One that runs stands in the way; frozen
    /// ones are passed over.
    pub(super) async fn mark(&self, policy: &PolicyName) -> Result<usize> {
        if let Some(lease) = self.store.lease(self.owner, policy).await? {
            return Err(Error::conflict(
                format!("policy `{policy}` cannot be removed while its backup {} runs", lease.backup),
                format!("wait for it with `cpm backup show {}`, then try again", lease.backup),
            ));
        }
        let mut query = BackupQuery { policy: Some(policy.clone()), limit: PAGE, before: None };
        let mut marked = 0;
        loop {
            let page = self.store.list(self.owner, &query).await?;
            let ended = page.backups.into_iter().filter(|backup| backup.phase == Phase::Finished);
            let mut marking = stream::iter(ended).map(|backup| self.mark_one(backup)).buffer_unordered(AT_ONCE);
            while let Some(done) = marking.next().await {
                marked += usize::from(done?);
            }
            query.before = page.next;
            if query.before.is_none() {
                return Ok(marked);
            }
        }
    }

    async fn mark_one(&self, mut backup: Backup) -> Result<bool> {
        if backup.frozen.is_some() {
            // The index may be a moment late: it may have been taken out since, to go by its policy.
            match self.store.backup(self.owner, backup.id).await? {
                Some(now) if now.phase == Phase::Finished && now.frozen.is_none() => backup = now,
                _ => return Ok(false),
            }
        }
        let mut log = Log::default();
        log.info(self.clock.now(), format!("its policy was removed by {}: it is deleted", self.actor));
        append(&mut backup, log.into_lines());
        backup.phase = Phase::Deleting;
        match self.store.put(self.owner, &backup, Phase::Finished).await {
            Ok(()) => Ok(true),
            // Retention was faster, or somebody froze it.
            Err(StoreError::LostRace(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts the cleanup. What is marked is cleaned up sooner or later anyway: a start that fails is no failure.
    pub(super) async fn clean_up(&self) -> Option<Started> {
        let started = run::cleanup(self.executions, self.clock, self.owner, None, &self.actor.to_string()).await;
        started.inspect_err(|error| tracing::warn!(%error, "the scheduled cleanup will do it")).ok()
    }
}
