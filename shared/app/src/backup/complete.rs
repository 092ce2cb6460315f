//! Complete: decides the status.

use cpm_contracts::backup::{Completed, Running};
use cpm_domain::{
    backup::{Backup, Level, Log, Phase},
    retry::{Retry, retry},
    status::{Outcome, Status, Tally, outcome},
    unit::UnitSet,
};
use jiff::Timestamp;

use super::{Steps, append};
use crate::{Error, Result};

impl Steps<'_> {
    /// Writes down how the backup ended.
    pub async fn complete(&self, running: &Running) -> Result<Completed> {
        let mut backup = self.backup(running).await?;
        if backup.phase >= Phase::Finished {
            return Ok(Completed { status: backup.status });
        }
        let sets = self.store.sets(&running.owner, running.backup).await?;
        let phase = backup.phase;
        let outcome = close(&mut backup, &sets, self.clock.now());
        if outcome.status == Status::InProgress {
            return Err(Error::StillOpen(u32::try_from(backup.tally.open).unwrap_or(u32::MAX)));
        }
        self.store.put(&running.owner, &backup, phase).await?;
        Ok(Completed { status: outcome.status })
    }
}

/// Decides the end of `backup` and writes it into its record and log.
pub(crate) fn close(backup: &mut Backup, sets: &[UnitSet], now: Timestamp) -> Outcome {
    let tally = Tally { missing: backup.tally.missing, skipped: backup.tally.skipped, ..Tally::of(sets) };
    let outcome = outcome(tally, false, backup.success);
    backup.tally = tally;
    if outcome.status == Status::InProgress {
        return outcome;
    }
    backup.status = outcome.status;
    backup.counts = outcome.counts;
    backup.ended = Some(now);
    backup.phase = Phase::Finished;
    backup.wake = None;
    let mut log = Log::default();
    for set in sets {
        for unit in &set.units {
            if let Some(fault) = &unit.error {
                log.error(now, format!("{} in {}: {fault}", unit.source, set.region));
            }
        }
    }
    if outcome.empty {
        log.warning(now, "nothing was backed up: the policy has no target that holds anything");
    }
    let level = if outcome.status == Status::Successful { Level::Info } else { Level::Error };
    let missing = if tally.missing > 0 { format!(", {} targets not found", tally.missing) } else { String::new() };
    log.line(
        now,
        level,
        format!("{}: {} snapshots made, {} failed{missing}", outcome.status, tally.completed, tally.failed),
    );
    match retry(backup, outcome) {
        Retry::After { reason, .. } | Retry::No { reason: Some(reason) } => log.info(now, reason),
        Retry::No { reason: None } => {}
    }
    append(backup, log.into_lines());
    outcome
}
