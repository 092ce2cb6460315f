//! After: runs whatever happened, and writes down that AWS was asked.

use cpm_contracts::backup::{Progress, Running, Trouble};
use cpm_domain::{
    backup::{Log, Phase},
    progress,
    status::Tally,
};

use super::{Steps, append};
use crate::Result;

impl Steps<'_> {
    /// Closes the snapshot phase.
    pub async fn after(&self, running: &Running, trouble: Option<&Trouble>) -> Result<Progress> {
        let mut backup = self.backup(running).await?;
        let sets = self.store.sets(&running.owner, running.backup).await?;
        let tally = Tally { missing: backup.tally.missing, skipped: backup.tally.skipped, ..Tally::of(&sets) };
        if backup.phase == Phase::Planned {
            let now = self.clock.now();
            let mut log = Log::default();
            if let Some(trouble) = trouble {
                log.error(now, format!("the snapshot step gave up: {}: {}", trouble.error, trouble.cause));
            }
            log.info(
                now,
                format!("AWS makes {} snapshots; {} are refused", tally.open + tally.completed, tally.failed),
            );
            append(&mut backup, log.into_lines());
            backup.phase = Phase::Asked;
            backup.tally = tally;
            self.store.put(&running.owner, &backup, Phase::Planned).await?;
        }
        Ok(Progress { open: u32::try_from(tally.open).unwrap_or(u32::MAX), wait: progress::poll_wait(0), polls: 0 })
    }
}
