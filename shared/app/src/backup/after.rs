//! After: runs whatever happened. Thaws, and writes down that AWS was asked.

use std::collections::BTreeMap;

use cpm_contracts::backup::{Running, Thawed, Trouble};
use cpm_domain::{
    backup::{Backup, Log, Phase},
    progress, resume,
    script::{self, ScriptKind, ScriptPhase, ScriptRun},
    status::Tally,
    unit::UnitSet,
};
use cpm_ports::Deadline;

use super::{Steps, append, scripts, scripts::went_well};
use crate::Result;

impl Steps<'_> {
    /// Runs the `after` scripts and closes the snapshot phase.
    pub async fn after(&self, running: &Running, trouble: Option<&Trouble>, deadline: Deadline) -> Result<Thawed> {
        let mut backup = self.backup(running).await?;
        let mut runs = Vec::new();
        if backup.runs > 0 {
            runs = self.store.runs(&running.owner, running.backup).await?;
            if !self.thaw(running, &backup, &mut runs, deadline).await? {
                return Ok(Thawed { done: false, open: 0, wait: 0, polls: 0 });
            }
        }
        let sets = self.store.sets(&running.owner, running.backup).await?;
        if backup.phase == Phase::Planned {
            self.close_asking(running, &mut backup, &sets, &runs, trouble).await?;
        }
        let open = u32::try_from(Tally::of(&sets).open).unwrap_or(u32::MAX);
        Ok(Thawed { done: true, open, wait: progress::poll_wait(0), polls: 0 })
    }

    async fn thaw(
        &self,
        running: &Running,
        backup: &Backup,
        runs: &mut [ScriptRun],
        deadline: Deadline,
    ) -> Result<bool> {
        let Some((policy, account)) = self.policy_and_account(running, backup, runs).await? else {
            return Ok(true);
        };
        let mut phase = scripts::Phase {
            running,
            policy: &policy,
            account: &account,
            of: ScriptPhase::Before,
            argument: None,
            app_aware: &BTreeMap::new(),
            deadline,
        };
        // What is still to freeze something must not come after what thaws it.
        if !self.settle_phase(&phase, ScriptKind::Script, runs).await? {
            return Ok(false);
        }
        phase.of = ScriptPhase::After;
        phase.argument = Some(went_well(runs, ScriptPhase::Before, Some(ScriptKind::Script)));
        if !self.run_phase(&phase, runs).await? {
            return Ok(false);
        }
        phase.of = ScriptPhase::Before;
        self.settle_phase(&phase, ScriptKind::Vss, runs).await
    }

    async fn close_asking(
        &self,
        running: &Running,
        backup: &mut Backup,
        sets: &[UnitSet],
        runs: &[ScriptRun],
        trouble: Option<&Trouble>,
    ) -> Result<()> {
        let now = self.clock.now();
        let tally = Tally { missing: backup.tally.missing, skipped: backup.tally.skipped, ..Tally::of(sets) };
        let mut log = Log::default();
        if let Some(trouble) = trouble {
            log.error(now, format!("the snapshot step gave up: {}: {}", trouble.error, trouble.cause));
        }
        log.info(
            now,
            format!("AWS was asked: {} in the making, {} refused", tally.open + tally.completed, tally.failed),
        );
        if let Some(frozen) = script::frozen(runs) {
            backup.frozen_ms = u64::try_from(frozen.as_millis()).ok();
            log.info(now, format!("applications were frozen for {} ms", frozen.as_millis()));
        }
        append(backup, log.into_lines());
        backup.phase = Phase::Asked;
        backup.tally = tally;
        self.store.put(&running.owner, backup, Phase::Planned).await?;
        if backup.runs > 0 {
            self.hold(running, resume::LEASE).await?;
        }
        Ok(())
    }
}
