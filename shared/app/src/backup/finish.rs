//! Finish: raises or clears the alert, gives the lease back, says what follows.

use cpm_contracts::backup::{Finished, Next, Running};
use cpm_domain::{
    alert::Category,
    backup::{Backup, Log, Phase},
    name::OwnerName,
    policy::Policy,
    retention::{self, Candidate},
    retry::{Retry, retry},
};
use cpm_ports::{BackupQuery, Store};

use super::{Steps, append};
use crate::{Error, Result, alert};

impl Steps<'_> {
    /// Ends a completed backup.
    pub async fn finish(&self, running: &Running) -> Result<Finished> {
        let backup = self.backup(running).await?;
        let Some(outcome) = backup.outcome() else {
            return Err(Error::StillOpen(u32::try_from(backup.tally.open).unwrap_or(u32::MAX)));
        };
        if backup.phase > Phase::Finished {
            // A step that ran before saw to it that it goes.
            self.release(running).await?;
            return Ok(Finished { next: Next::Cleanup, wait: 0, status: backup.status });
        }
        let backups = of_policy(self.store, &running.owner, &backup).await?;
        alert::tell(self.store, &running.owner, &backup, &backups).await?;
        alert::tell_frozen(self.store, &running.owner, &backup).await?;
        let (next, wait) = match self.store.policy(&running.owner, &running.policy).await? {
            None => {
                self.follow_policy(running, &backup).await?;
                (Next::Cleanup, 0)
            }
            Some(policy) => match retry(&backup, outcome) {
                Retry::After { wait, .. } => (Next::Retry, wait.seconds()),
                Retry::No { .. } if has_outdated(&policy, &backups) => (Next::Cleanup, 0),
                Retry::No { .. } => (Next::End, 0),
            },
        };
        self.release(running).await?;
        Ok(Finished { next, wait, status: backup.status })
    }

    async fn release(&self, running: &Running) -> Result<()> {
        if let Some(lease) = self.store.lease(&running.owner, &running.policy).await?
            && lease.holder == running.holder
        {
            self.store.release(&running.owner, &lease).await?;
        }
        Ok(())
    }

    /// The policy was deleted while the backup ran: what belongs to a policy goes with it (§13.4.1 of the guide), unless
    /// somebody froze it since it ended (§8.4).
    async fn follow_policy(&self, running: &Running, backup: &Backup) -> Result<()> {
        if backup.frozen.is_some() {
            return Ok(self.store.clear_alert(&running.owner, Category::Backup, backup.policy.as_str()).await?);
        }
        let mut going = backup.clone();
        let mut log = Log::default();
        log.info(
            self.clock.now(),
            format!("policy `{}` was deleted while the backup ran: it goes too", backup.policy),
        );
        append(&mut going, log.into_lines());
        going.phase = Phase::Deleting;
        self.store.put(&running.owner, &going, Phase::Finished).await?;
        Ok(self.store.clear_alert(&running.owner, Category::Backup, backup.policy.as_str()).await?)
    }
}

fn has_outdated(policy: &Policy, backups: &[Backup]) -> bool {
    let candidates: Vec<Candidate> = backups.iter().map(Candidate::from).collect();
    !retention::outdated(&candidates, policy.generations).is_empty()
}

/// All backups of the policy that are kept, newest first. `backup` is taken as given: the index may be a moment late.
pub(crate) async fn of_policy(store: &dyn Store, owner: &OwnerName, backup: &Backup) -> Result<Vec<Backup>> {
    let mut query = BackupQuery { policy: Some(backup.policy.clone()), limit: 200, before: None };
    let mut all = vec![backup.clone()];
    loop {
        let page = store.list(owner, &query).await?;
        all.extend(page.backups.into_iter().filter(|other| other.is_kept() && other.id != backup.id));
        query.before = page.next;
        if query.before.is_none() {
            all.sort_by_key(|backup| std::cmp::Reverse(backup.id));
            return Ok(all);
        }
    }
}
