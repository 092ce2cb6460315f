//! Check: takes the recovery over, and holds its plan against AWS again if that was some time ago.

use cpm_contracts::recovery::{Ready, Running};
use cpm_domain::{
    backup::Log,
    recovery::{
        Recovery, State,
        course::{CHECKED_FOR, WATCH},
        plan::PlanProblem,
    },
    unit::Fault,
};

use super::{Steps, append, check_own, is_past, keep};
use crate::Result;

impl Steps<'_> {
    /// Says whether the recovery goes on, and whether somebody has to say yes first.
    pub async fn check(&self, running: &Running) -> Result<Ready> {
        let mut recovery = self.own(running).await?;
        if waits(&recovery) {
            // Nobody may have said anything in time.
            recovery = self.approvals().expire(&running.owner, running.recovery).await?;
        }
        if recovery.state.is_ended() {
            self.tell(&running.owner, &recovery).await?;
            return Ok(Ready { go: false, ask: false });
        }
        self.take_over(running, &mut recovery).await?;
        let now = self.clock.now();
        // What is made already is gone on with, whatever a check would say now.
        if recovery.works > 0 {
            return Ok(Ready { go: true, ask: false });
        }
        if waits(&recovery) {
            return Ok(Ready { go: true, ask: true });
        }
        if is_past(recovery.checked, CHECKED_FOR, now) {
            let looked = self.look_over(&running.owner, &recovery.plan).await?;
            // What AWS may tell in a moment is asked for again by the state machine.
            if let Some(error) = looked.refusals.into_iter().find(cpm_domain::aws::AwsError::is_retryable) {
                return Err(error.into());
            }
            if !looked.checked.problems.is_empty() {
                let faults = looked.checked.problems.iter().map(fault).collect();
                return self.refuse(running, recovery, faults).await;
            }
            keep(self.store, &running.owner, &mut recovery, |recovery| {
                check_own(recovery, running)?;
                recovery.plan.clone_from(&looked.checked.plan);
                recovery.checked = now;
                Ok(())
            })
            .await?;
        }
        Ok(Ready { go: true, ask: false })
    }

    async fn take_over(&self, running: &Running, recovery: &mut Recovery) -> Result<()> {
        let now = self.clock.now();
        let is_own = recovery.execution.is_some() && recovery.course.watch.is_some_and(|watch| watch > now);
        let runs = recovery.state == State::Running || waits(recovery);
        if is_own && runs {
            return Ok(());
        }
        keep(self.store, &running.owner, recovery, |recovery| {
            check_own(recovery, running)?;
            recovery.execution = Some(running.execution.clone());
            recovery.course.watch = Some(now + WATCH);
            if !waits(recovery) {
                recovery.state = State::Running;
            }
            Ok(())
        })
        .await
    }

    async fn refuse(&self, running: &Running, mut recovery: Recovery, faults: Vec<Fault>) -> Result<Ready> {
        let now = self.clock.now();
        keep(self.store, &running.owner, &mut recovery, |recovery| {
            check_own(recovery, running)?;
            let mut log = Log::default();
            for fault in &faults {
                log.error(now, fault.to_string());
            }
            log.error(now, "nothing was made");
            append(recovery, log.into_lines());
            recovery.errors.clone_from(&faults);
            recovery.state = State::Failed;
            recovery.ended = Some(now);
            recovery.course.watch = None;
            Ok(())
        })
        .await?;
        self.tell(&running.owner, &recovery).await?;
        Ok(Ready { go: false, ask: false })
    }
}

/// Whether somebody has to say yes still.
fn waits(recovery: &Recovery) -> bool {
    recovery.approval.as_ref().is_some_and(|approval| approval.answer.is_none())
}

fn fault(problem: &PlanProblem) -> Fault {
    Fault::new("BadPlan", format!("{}: {}", problem.field, problem.message)).advise(&problem.advice)
}
