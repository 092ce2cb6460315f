//! Complete: decides the status.

use std::collections::BTreeMap;

use cpm_contracts::backup::{Completed, Running};
use cpm_domain::{
    backup::{Backup, Level, Log, Phase},
    retry::{Retry, retry},
    script::{self, ScriptPhase, ScriptRun},
    status::{Outcome, Status, Tally, outcome},
    unit::UnitSet,
};
use cpm_ports::Deadline;
use jiff::Timestamp;

use super::{Steps, append, scripts, scripts::went_well};

use crate::{Error, Result, initial_image};

impl Steps<'_> {
    /// Writes down how the backup ended.
    pub async fn complete(&self, running: &Running, deadline: Deadline) -> Result<Completed> {
        let mut backup = self.backup(running).await?;
        if backup.phase >= Phase::Finished {
            return Ok(Completed { done: true, status: backup.status });
        }
        let sets = self.store.sets(&running.owner, running.backup).await?;
        let open = Tally::of(&sets).open;
        if open > 0 {
            return Err(Error::StillOpen(u32::try_from(open).unwrap_or(u32::MAX)));
        }
        let mut runs = Vec::new();
        if backup.runs > 0 {
            runs = self.store.runs(&running.owner, running.backup).await?;
            note_made_late(&mut backup, &sets, &runs, self.clock.now());
            if !self.run_complete(running, &backup, &sets, &mut runs, deadline).await? {
                return Ok(Completed { done: false, status: Status::InProgress });
            }
        }
        let phase = backup.phase;
        let outcome = close(&mut backup, &sets, &runs, self.clock.now());
        initial_image::adopt(self.store, &running.owner, &backup, &sets).await?;
        self.store.put(&running.owner, &backup, phase).await?;
        Ok(Completed { done: true, status: outcome.status })
    }

    /// Runs the `complete` scripts, which are told whether all went well so far, and ends VSS.
    async fn run_complete(
        &self,
        running: &Running,
        backup: &Backup,
        sets: &[UnitSet],
        runs: &mut [ScriptRun],
        deadline: Deadline,
    ) -> Result<bool> {
        let Some((policy, account)) = self.policy_and_account(running, backup, runs).await? else {
            return Ok(true);
        };
        let tally = Tally { missing: backup.tally.missing, ..Tally::of(sets) };
        let so_far = [ScriptPhase::Before, ScriptPhase::After].iter().all(|phase| went_well(runs, *phase, None));
        let all_well = so_far && backup.late == 0 && tally.failed == 0 && tally.missing == 0;
        let phase = scripts::Phase {
            running,
            policy: &policy,
            account: &account,
            of: ScriptPhase::Complete,
            argument: Some(all_well),
            app_aware: &BTreeMap::new(),
            deadline,
        };
        self.run_phase(&phase, runs).await
    }
}

/// Counts what AWS began only when the scripts had let go, and says so.
fn note_made_late(backup: &mut Backup, sets: &[UnitSet], runs: &[ScriptRun], now: Timestamp) {
    let late = script::made_late(sets, runs);
    let count = u32::try_from(late.len()).unwrap_or(u32::MAX);
    if count <= backup.late {
        return;
    }
    backup.late = count;
    let mut log = Log::default();
    for set in late {
        let message = "AWS began it when applications were thawed: it is not of the scripts' point in time";
        log.warning(now, format!("{} in {}: {message}", set.target.id(), set.region));
    }
    append(backup, log.into_lines());
}

/// Decides the end of `backup` and writes it into its record and log.
pub(crate) fn close(backup: &mut Backup, sets: &[UnitSet], runs: &[ScriptRun], now: Timestamp) -> Outcome {
    let tally = Tally { missing: backup.tally.missing, skipped: backup.tally.skipped, ..Tally::of(sets) };
    let scripts_failed = backup.late > 0 || runs.iter().any(|run| !run.succeeded());
    let outcome = outcome(tally, scripts_failed, backup.success);
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
                log.error(now, format!("{} in {}: {fault}", unit.source.id(), set.region));
            }
        }
    }
    for run in runs.iter().filter(|run| !run.succeeded()) {
        let fault = run.error.as_ref().map_or_else(|| "it did not run".to_owned(), ToString::to_string);
        log.error(now, format!("{} ({}) on {}: {fault}", run.phase, run.kind.as_str(), run.target));
    }
    if outcome.empty {
        log.warning(now, "nothing was backed up: the policy has no target that holds anything");
    }
    let level = if outcome.status == Status::Successful { Level::Info } else { Level::Error };
    let missing = if tally.missing > 0 { format!(", {} targets not found", tally.missing) } else { String::new() };
    log.line(now, level, format!("{}: {} made, {} failed{missing}", outcome.status, tally.completed, tally.failed));
    match retry(backup, outcome) {
        Retry::After { reason, .. } | Retry::No { reason: Some(reason) } => log.info(now, reason),
        Retry::No { reason: None } => {}
    }
    append(backup, log.into_lines());
    outcome
}
