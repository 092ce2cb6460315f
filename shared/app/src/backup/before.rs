//! Before: the last look before AWS is asked, and what runs before the snapshots.

use cpm_contracts::backup::{Ready, Running};
use cpm_domain::{resume, script::ScriptPhase};
use cpm_ports::Deadline;
use jiff::SignedDuration;

use super::{Steps, scripts::may_freeze};
use crate::Result;

impl Steps<'_> {
    /// Stops an execution that was asleep while another took the backup over; runs the `before` scripts and VSS.
    pub async fn before(&self, running: &Running, deadline: Deadline) -> Result<Ready> {
        self.check_lease(running).await?;
        let backup = self.backup(running).await?;
        if backup.runs == 0 {
            return Ok(Ready { done: true, frozen: false });
        }
        let mut runs = self.store.runs(&running.owner, running.backup).await?;
        let policy = self.store.policy(&running.owner, &running.policy).await?;
        let seconds = policy.map_or(0, |policy| policy.scripts.timeout.seconds());
        // From here on something may be frozen: should this execution die unheard, the dispatcher looks soon.
        self.hold(running, resume::FROZEN_LEASE + SignedDuration::from_secs(i64::from(seconds))).await?;
        let done = self.run_all(running, &backup, &mut runs, ScriptPhase::Before, None, deadline).await?;
        Ok(Ready { done, frozen: may_freeze(&runs) })
    }
}
