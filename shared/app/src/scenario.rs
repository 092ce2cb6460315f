//! The steps of a scenario's run, each safe to repeat.
//!
//! Advance looks at what runs and begins what is due; Finish decides. What one step made is filled into the plans of those
//! that need it. A step that fails stops those that need it, and nothing is undone: what was recovered stays.

mod check;
mod desk;

use cpm_contracts::{
    backup::Trouble,
    scenario::{Finished, Progress, Running},
};
use cpm_domain::{
    backup::{Level, Log, MAX_LOG_LINES},
    name::OwnerName,
    recovery::{
        Approval, Purpose, State as Recovered,
        approval::{Secret, is_needed},
        plan::Plan,
    },
    scenario::{Run, RunId, StepState, plan_of, values},
    unit::Fault,
};
use cpm_ports::{Clock, Commands, Executions, Held, Planner, Store};
use jiff::Timestamp;

pub use self::desk::ScenarioDesk;
use crate::{
    Error, Result,
    commission::{Commission, fault_of, makings},
    hold::{self, own},
};

/// The steps, with the world they work on.
pub struct Steps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What holds plans against AWS.
    pub planner: &'a dyn Planner,
    /// The state machines.
    pub executions: &'a dyn Executions,
    /// What runs checks.
    pub commands: &'a dyn Commands,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The deployment's name.
    pub deployment: &'a str,
}

/// Seconds from one look to the next: growing, so that the history of an execution stays short.
fn wait(polls: u32) -> u32 {
    match polls {
        0..=3 => 5,
        4..=30 => 30,
        31..=60 => 60,
        _ => 300,
    }
}

impl Steps<'_> {
    /// Looks at the steps that run, and begins those that are due.
    pub async fn advance(&self, running: &Running, polls: u32) -> Result<Progress> {
        let mut run = self.own(running).await?;
        if run.is_ended() {
            return Ok(Progress { open: 0, wait: 0, polls });
        }
        running.execution.clone_into(&mut run.execution);
        let owner = &running.owner;
        for at in 0..run.steps.len() {
            match run.steps.get(at).map(|step| (step.state, step.spec.recover.is_some())) {
                Some((StepState::Running, true)) => self.look(owner, &mut run, at).await?,
                Some((StepState::Running, false)) => self.check(owner, &mut run, at).await?,
                _ => {}
            }
        }
        let now = self.clock.now();
        run.give_up_unreachable(now);
        // Steps that begin make no other due: those of this look.
        for at in run.due() {
            if run.steps.get(at).is_some_and(|step| step.spec.recover.is_some()) {
                self.begin(owner, &mut run, at).await?;
            } else {
                self.begin_check(&mut run, at);
            }
        }
        run.give_up_unreachable(now);
        self.keep(owner, &mut run).await?;
        let open = run.steps.iter().filter(|step| !step.state.is_settled()).count();
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        Ok(Progress { open, wait: if open > 0 { wait(polls) } else { 0 }, polls: polls.saturating_add(1) })
    }

    /// Begins a recovery: its number is on record before it is.
    async fn begin(&self, owner: &OwnerName, run: &mut Run, at: usize) -> Result<()> {
        let Some(step) = run.steps.get(at) else { return Ok(()) };
        let (name, id) = (step.spec.name.clone(), step.recovery);
        let id = if let Some(id) = id {
            id
        } else {
            let id = self.store.next_recovery(owner).await?;
            if let Some(step) = run.steps.get_mut(at) {
                step.recovery = Some(id);
                step.started = Some(self.clock.now());
            }
            self.keep(owner, run).await?;
            id
        };
        let commission = self.commission(owner, run);
        let (begun, place) = if let Some(recovery) = self.store.recovery(owner, id).await? {
            // A step that died wrote it down.
            let begun = match recovery.state {
                Recovered::WaitingForApproval | Recovered::Running => commission.start(id).await?,
                _ => Ok(()),
            };
            (begun, Some((recovery.account, recovery.region)))
        } else {
            match self.planned(owner, run, at, &commission).await? {
                Err(fault) => (Err(fault), None),
                Ok(plan) => {
                    let backup = self.store.backup(owner, plan.backup).await?;
                    let backup = backup.ok_or_else(|| Error::not_found("backup", plan.backup))?;
                    let policy = self.store.policy(owner, &backup.policy).await?;
                    let purpose = Purpose::Scenario { run: run.id.to_string(), step: name.clone() };
                    let place =
                        plan.account.clone().or_else(|| Some(backup.account.clone())).zip(plan.region.clone());
                    let is_needed = policy.is_some_and(|policy| is_needed(policy.recovery, &purpose));
                    let secret = || Secret::new(self.clock.secret());
                    let approval = is_needed.then(|| Approval::asked(self.clock.now(), secret()));
                    (commission.begin(id, &backup, &plan, purpose, approval).await?, place)
                }
            }
        };
        let now = self.clock.now();
        let Some(step) = run.steps.get_mut(at) else { return Ok(()) };
        step.place = place;
        match begun {
            Ok(()) => {
                step.state = StepState::Running;
                note(run, now, Level::Info, format!("{name}: recovery {id} is asked for"));
            }
            Err(fault) => fail(run, at, fault, now),
        }
        Ok(())
    }

    async fn planned(
        &self,
        owner: &OwnerName,
        run: &Run,
        at: usize,
        commission: &Commission<'_>,
    ) -> Result<std::result::Result<Plan, Fault>> {
        let Some(recover) = run.steps.get(at).and_then(|step| step.spec.recover.as_ref()) else {
            return Ok(Err(Fault::new("BadPlan", "the step recovers nothing")));
        };
        let plan = match plan_of(run, recover) {
            Ok(plan) => plan,
            Err(fault) => return Ok(Err(fault)),
        };
        if self.store.backup(owner, plan.backup).await?.is_none_or(|backup| !backup.is_kept()) {
            let message = format!("there is no backup {}, or it is being deleted", plan.backup);
            return Ok(Err(Fault::new("NoBackup", message)));
        }
        commission.plan(&plan).await
    }

    /// Looks at a recovery.
    async fn look(&self, owner: &OwnerName, run: &mut Run, at: usize) -> Result<()> {
        let Some(id) = run.steps.get(at).and_then(|step| step.recovery) else { return Ok(()) };
        let Some(recovery) = self.store.recovery(owner, id).await? else {
            return Err(Error::not_found("recovery", id));
        };
        if !recovery.state.is_ended() {
            return Ok(());
        }
        let (works, now) = (self.store.works(owner, id).await?, self.clock.now());
        if recovery.state != Recovered::Succeeded {
            fail(run, at, fault_of(&recovery, &works), now);
            return Ok(());
        }
        if let Some(step) = run.steps.get_mut(at) {
            step.made = values(&makings(&works));
            step.succeed(now);
            let name = step.spec.name.clone();
            note(run, now, Level::Info, format!("{name}: recovery {id} succeeded"));
        }
        Ok(())
    }

    /// Decides how it ended, and gives the hold back.
    pub async fn finish(&self, running: &Running, trouble: Option<&Trouble>) -> Result<Finished> {
        let mut run = self.find(running).await?;
        if !run.is_ended() {
            own(self.store, &running.owner, &Held::Scenario(run.id), &running.execution).await?;
            if let Some(trouble) = trouble {
                run.errors.push(
                    Fault::new(&trouble.error, format!("its execution gave up: {}", trouble.cause))
                        .advise("look at the log of the function recoverer"),
                );
            }
            let now = self.clock.now();
            run.close(now);
            let state = run.state;
            note(&mut run, now, Level::Info, format!("the scenario {state}"));
            self.keep(&running.owner, &mut run).await?;
        }
        let mine = hold::first(Held::Scenario(run.id), run.id.0, &running.execution, self.clock.now());
        self.store.release_hold(&running.owner, &mine).await?;
        Ok(Finished { state: run.state })
    }

    async fn find(&self, running: &Running) -> Result<Run> {
        let found = self.store.scenario(&running.owner, running.run).await?;
        found.ok_or_else(|| Error::not_found("scenario", running.run))
    }

    /// The run, if it is this execution's still.
    async fn own(&self, running: &Running) -> Result<Run> {
        let run = self.find(running).await?;
        if !run.is_ended() {
            own(self.store, &running.owner, &Held::Scenario(run.id), &running.execution).await?;
        }
        Ok(run)
    }

    async fn keep(&self, owner: &OwnerName, run: &mut Run) -> Result<()> {
        self.store.put_scenario(owner, run).await?;
        run.version += 1;
        Ok(())
    }

    fn commission<'a>(&'a self, owner: &'a OwnerName, run: &Run) -> Commission<'a> {
        Commission {
            store: self.store,
            planner: self.planner,
            executions: self.executions,
            clock: self.clock,
            owner,
            // Who asked for the scenario is who cannot approve its recoveries.
            asked_by: run.asked_by.clone(),
        }
    }
}

fn fail(run: &mut Run, at: usize, fault: Fault, now: Timestamp) {
    let Some(step) = run.steps.get_mut(at) else { return };
    let message = format!("{}: {fault}", step.spec.name);
    step.fail(fault, now);
    note(run, now, Level::Error, message);
}

/// Adds a line to the log, up to its bound.
fn note(run: &mut Run, now: Timestamp, level: Level, message: impl Into<String>) {
    let mut log = Log::default();
    log.line(now, level, message);
    let room = MAX_LOG_LINES.saturating_sub(run.log.len());
    run.log.extend(log.into_lines().into_iter().take(room));
}

/// Ends a run whose executions died too often. Its recoveries go on by themselves.
pub(crate) async fn give_up(store: &dyn Store, clock: &dyn Clock, owner: &OwnerName, id: RunId) -> Result<()> {
    let Some(mut run) = store.scenario(owner, id).await? else { return Ok(()) };
    if !run.is_ended() {
        run.errors.push(
            Fault::new("ExecutionDied", "its executions died again and again")
                .advise("look at the executions in Step Functions and at the log of the function recoverer"),
        );
        run.close(clock.now());
        store.put_scenario(owner, &run).await?;
    }
    Ok(())
}
