//! Prepare: takes the plan apart, and writes every work down before AWS is asked for anything.

use cpm_contracts::recovery::{Progress, Running};
use cpm_domain::{
    backup::Log,
    recovery::{
        State,
        course::WATCH,
        making::{self, Findings},
    },
    unit::Fault,
};

use super::{Steps, append, check_own, keep, left, plan::makes_works};
use crate::Result;

impl Steps<'_> {
    /// Writes the works down, and then how many they are. A repeated step finds those that are there.
    pub async fn prepare(&self, running: &Running) -> Result<Progress> {
        let mut recovery = self.own(running).await?;
        if recovery.state.is_ended() || recovery.works > 0 || recovery.course.decided.is_some() {
            return Ok(left(&self.store.works(&running.owner, recovery.id).await?, 0, 0));
        }
        let (mut plan, mut findings) = (recovery.plan.clone(), Findings::default());
        let mut works = Vec::new();
        if let Some(gathered) = self.gather(&running.owner, &mut plan, &mut findings).await? {
            let questions = making::questions(&plan, &gathered.subject).into_iter().filter(makes_works).collect();
            let (facts, refusals) = self.facts(&gathered, &plan, questions).await;
            if let Some((_, error)) = refusals.into_iter().next() {
                return Err(error.into());
            }
            works = making::works(recovery.id, &plan, &gathered.subject, &facts);
            if works.is_empty() {
                findings.problem("plan", "there is nothing to make", "see the plan with `--plan`");
            }
        }
        if !works.is_empty() {
            self.store.add_works(&running.owner, recovery.id, &works).await?;
        }
        let now = self.clock.now();
        let wanted = works.iter().filter(|work| work.if_failed.is_none()).count();
        let count = u32::try_from(wanted).unwrap_or(u32::MAX);
        let faults: Vec<Fault> = findings
            .problems
            .iter()
            .filter(|_| count == 0)
            .map(|problem| Fault::new("BadPlan", problem.message.clone()).advise(&problem.advice))
            .collect();
        keep(self.store, &running.owner, &mut recovery, |recovery| {
            check_own(recovery, running)?;
            let mut log = Log::default();
            log.info(
                now,
                match count {
                    1 => "1 call to AWS is planned".to_owned(),
                    count => format!("{count} calls to AWS are planned"),
                },
            );
            append(recovery, log.into_lines());
            recovery.errors.clone_from(&faults);
            recovery.works = count;
            recovery.state = State::Running;
            recovery.course.watch = Some(now + WATCH);
            Ok(())
        })
        .await?;
        Ok(left(&self.store.works(&running.owner, recovery.id).await?, 0, 0))
    }
}
