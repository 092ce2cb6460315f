//! Await: leaves a token, by which whoever settles the last unit wakes the execution.

use cpm_contracts::backup::Running;
use cpm_domain::{backup::Phase, unit::UnitSet};

use super::Steps;
use crate::Result;

impl Steps<'_> {
    /// Writes the token down, and then looks whether all is settled already: whoever settles the last unit writes the
    /// unit and then looks for the token. One of the two sees the other.
    pub async fn wait(&self, running: &Running, token: &str) -> Result<()> {
        let mut backup = self.backup(running).await?;
        if backup.phase >= Phase::Finished {
            self.executions.wake(token).await?;
            return Ok(());
        }
        backup.wake = Some(token.to_owned());
        let phase = backup.phase;
        self.store.put(&running.owner, &backup, phase).await?;
        let sets = self.store.sets(&running.owner, running.backup).await?;
        if sets.iter().all(UnitSet::is_settled) {
            self.executions.wake(token).await?;
        }
        Ok(())
    }
}
