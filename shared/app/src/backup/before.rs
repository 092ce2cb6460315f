//! Before: the last look before AWS is asked, and what runs before the snapshots.

use cpm_contracts::backup::{Ready, Running};
use cpm_domain::{resume, script::ScriptPhase};
use cpm_ports::Deadline;
use jiff::SignedDuration;

use super::{
    Steps,
    scripts::{Phase, may_freeze},
};
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
        let Some((policy, account)) = self.policy_and_account(running, &backup, &mut runs).await? else {
            return Ok(Ready { done: true, frozen: may_freeze(&runs) });
        };
        let app_aware = self.app_aware(running, &runs).await?;
        let phase = Phase {
            running,
            policy: &policy,
            account: &account,
            of: ScriptPhase::Before,
            argument: None,
            app_aware: &app_aware,
            deadline,
        };
        let patience = SignedDuration::from_secs(i64::from(policy.scripts.timeout.seconds()));
        // From here on something may be frozen: should this execution die unheard, the dispatcher looks soon.
        self.hold(running, resume::FROZEN_LEASE + patience).await?;
        let done = self.run_phase(&phase, &mut runs).await?;
        Ok(Ready { done, frozen: may_freeze(&runs) })
    }
}
