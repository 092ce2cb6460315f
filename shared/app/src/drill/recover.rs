//! Recover: plans each target into the quarantine, and asks for its recovery.

use std::collections::BTreeMap;

use cpm_contracts::drill::{Progress, Running};
use cpm_domain::{
    backup::{Backup, Level},
    drill::{Drill, DrillRule, Exercise, ExerciseState, quarantined, without_policy_tag},
    id::Region,
    kind::Resource,
    name::OwnerName,
    origin::Origin,
    recovery::{Purpose, plan::Plan},
    unit::Fault,
};
use cpm_ports::Deadline;
use futures::{StreamExt, stream};
use jiff::SignedDuration;

use super::{Steps, note};
use crate::{Error, Result};

/// Plans held against AWS at a time.
const AT_ONCE: usize = 8;
/// A plan is not begun when less than this is left.
const PLAN: SignedDuration = SignedDuration::from_secs(40);
/// For so long AWS is asked again for what it would not say.
const ASK_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Seconds until the step goes on with what AWS would not say.
const LATER: u32 = 10;

type Origins = BTreeMap<(Region, Resource), Origin>;

/// What became of a plan.
enum Outcome {
    Planned(Box<Plan>),
    Refused(Fault),
    /// It was written down before, by a step that died.
    OnRecord,
    Later,
}

impl Steps<'_> {
    /// Asks for the recoveries that are not asked for yet.
    pub async fn recover(&self, running: &Running, deadline: Deadline) -> Result<Progress> {
        let mut drill = self.own(running).await?;
        let owner = &running.owner;
        let planned = |exercise: &Exercise| exercise.state == ExerciseState::Planned;
        if drill.is_ended() || drill.interrupted || !drill.targets.iter().any(planned) {
            return Ok(Progress { open: 0, wait: 0, polls: 0 });
        }
        let Some(id) = drill.backup else { return Err(Error::not_found("backup", "of the drill")) };
        let backup = self.store.backup(owner, id).await?.ok_or_else(|| Error::not_found("backup", id))?;
        let rule = self.rule(owner, &drill.policy).await?;
        let origins: Origins = self
            .store
            .origins(owner, id)
            .await?
            .into_iter()
            .map(|record| ((record.region, record.resource), record.origin))
            .collect();
        self.number(owner, &mut drill).await?;
        let open: Vec<Exercise> = drill.targets.iter().filter(|target| planned(target)).cloned().collect();
        let (known, rule, origins) = (&drill, &rule, &origins);
        let outcomes: Vec<(u32, Result<Outcome>)> = stream::iter(open)
            .map(|exercise| async move {
                let plan = self.plan_one(owner, known, &exercise, rule.as_ref(), origins, deadline);
                (exercise.number, plan.await)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut left = 0;
        for (number, outcome) in outcomes {
            if !self.begin(owner, &mut drill, number, &backup, outcome?).await? {
                left += 1;
            }
        }
        self.keep(owner, &mut drill).await?;
        Ok(Progress { open: left, wait: if left > 0 { LATER } else { 0 }, polls: 0 })
    }

    /// Gives each target the number of its recovery, and writes that down before there is one.
    async fn number(&self, owner: &OwnerName, drill: &mut Drill) -> Result<()> {
        let (mut changed, now) = (false, self.clock.now());
        for target in drill.targets.iter_mut().filter(|target| target.recovery.is_none()) {
            target.recovery = Some(self.store.next_recovery(owner).await?);
            target.asked = Some(now);
            changed = true;
        }
        if changed { self.keep(owner, drill).await } else { Ok(()) }
    }

    async fn plan_one(
        &self,
        owner: &OwnerName,
        drill: &Drill,
        exercise: &Exercise,
        rule: Option<&DrillRule>,
        origins: &Origins,
        deadline: Deadline,
    ) -> Result<Outcome> {
        if let Some(id) = exercise.recovery
            && self.store.recovery(owner, id).await?.is_some()
        {
            return Ok(Outcome::OnRecord);
        }
        let (Some(rule), Some(account), Some(backup)) = (rule, &drill.account, drill.backup) else {
            return Ok(Outcome::Refused(Fault::new("NoRule", "the policy has no `drill` any more, or is gone")));
        };
        if !deadline.allows(self.clock.now(), PLAN) {
            return Ok(Outcome::Later);
        }
        let origin = origins.get(&(exercise.region.clone(), exercise.resource.clone()));
        let name = exercise.name(self.deployment, drill.id);
        let plan = match quarantined(rule, exercise, backup, account, origin, &name) {
            Ok(plan) => plan,
            Err(fault) => return Ok(Outcome::Refused(fault)),
        };
        match self.commission(owner, drill).plan(&plan).await {
            Ok(Ok(mut plan)) => {
                without_policy_tag(&mut plan);
                Ok(Outcome::Planned(Box::new(plan)))
            }
            Ok(Err(fault)) => Ok(Outcome::Refused(fault)),
            Err(error) if self.clock.now().duration_since(drill.started) > ASK_FOR => {
                Ok(Outcome::Refused(Fault::new(error.code().name, error.to_string())))
            }
            Err(Error::Aws(_)) => Ok(Outcome::Later),
            Err(error) => Err(error),
        }
    }

    /// Says whether the target is done with this step.
    async fn begin(
        &self,
        owner: &OwnerName,
        drill: &mut Drill,
        number: u32,
        backup: &Backup,
        outcome: Outcome,
    ) -> Result<bool> {
        let now = self.clock.now();
        let purpose = Purpose::Drill(drill.id.0);
        let Some(at) = drill.targets.iter().position(|target| target.number == number) else { return Ok(true) };
        let Some(id) = drill.targets.get(at).and_then(|target| target.recovery) else { return Ok(false) };
        let commission = self.commission(owner, drill);
        let begun = match outcome {
            Outcome::Later => return Ok(false),
            Outcome::Refused(fault) => Err(fault),
            Outcome::Planned(plan) => commission.begin(id, backup, &plan, purpose, None).await?,
            Outcome::OnRecord => commission.start(id).await?,
        };
        let Some(target) = drill.targets.get_mut(at) else { return Ok(true) };
        let source = target.resource.id().to_owned();
        let (level, message) = match begun {
            Ok(()) => {
                target.state = ExerciseState::Recovering;
                (Level::Info, format!("{source}: recovery {id} is asked for"))
            }
            Err(fault) => {
                let message = format!("{source}: {fault}");
                target.fail(fault);
                (Level::Error, message)
            }
        };
        note(drill, now, level, message);
        Ok(true)
    }
}
