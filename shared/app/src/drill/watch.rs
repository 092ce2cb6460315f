//! Watch: looks at the recoveries, and at what they made.

use cpm_contracts::{
    backup::Trouble,
    drill::{Progress, Running},
};
use cpm_domain::{
    backup::Level,
    drill::{Drill, DrillRule, Exercise, ExerciseState, Restored, checks_of, settle},
    name::OwnerName,
    recovery::State,
    unit::Fault,
};

use super::{Steps, fault, note};
use crate::{
    Result,
    commission::{fault_of, makings},
};

/// Seconds from one look to the next: growing, so that figures are exact and the history of an execution stays short.
fn wait(polls: u32) -> u32 {
    match polls {
        0..=1 => 5,
        2..=5 => 10,
        6..=60 => 30,
        _ => 300,
    }
}

impl Steps<'_> {
    /// Looks at all that is open. With `trouble`, the step before gave up: nothing more is restored or checked.
    pub async fn watch(&self, running: &Running, polls: u32, trouble: Option<&Trouble>) -> Result<Progress> {
        let mut drill = self.own(running).await?;
        if drill.is_ended() {
            return Ok(Progress { open: 0, wait: 0, polls });
        }
        let owner = &running.owner;
        let before = drill.clone();
        if let Some(trouble) = trouble.filter(|_| !drill.interrupted) {
            drill.interrupt(fault(trouble));
        }
        let rule = self.rule(owner, &drill.policy).await?;
        for at in 0..drill.targets.len() {
            self.look(owner, &mut drill, at, rule.as_ref()).await?;
        }
        if !drill.interrupted {
            self.check(owner, &mut drill, rule.as_ref()).await?;
        }
        self.conclude(&mut drill, &before);
        if drill != before {
            self.keep(owner, &mut drill).await?;
        }
        let open = drill.targets.iter().filter(|target| !target.state.is_settled()).count();
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        Ok(Progress { open, wait: if open > 0 { wait(polls) } else { 0 }, polls: polls.saturating_add(1) })
    }

    /// Looks at the recovery of a target.
    async fn look(&self, owner: &OwnerName, drill: &mut Drill, at: usize, rule: Option<&DrillRule>) -> Result<()> {
        let interrupted = drill.interrupted;
        let Some(target) = drill.targets.get_mut(at) else { return Ok(()) };
        let is_open = matches!(target.state, ExerciseState::Planned | ExerciseState::Recovering);
        let Some(id) = target.recovery.filter(|_| is_open) else {
            // What was never asked for is not asked for any more.
            if interrupted && !target.state.is_settled() {
                target.fail(interruption());
            }
            return Ok(());
        };
        let Some(recovery) = self.store.recovery(owner, id).await? else {
            // The step that was to write it down died, or comes to it yet.
            if interrupted || target.state == ExerciseState::Recovering {
                target.fail(interruption());
            }
            return Ok(());
        };
        if !recovery.state.is_ended() {
            return Ok(());
        }
        let works = self.store.works(owner, id).await?;
        let made = makings(&works).into_iter();
        target.made = made.map(|(kind, id, addresses)| Restored { kind, id, addresses }).collect();
        if interrupted {
            target.fail(interruption());
        } else if recovery.state != State::Succeeded {
            target.fail(fault_of(&recovery, &works));
        } else if target.made.is_empty() {
            target.fail(Fault::new("NothingMade", format!("recovery {id} succeeded and made nothing")));
        } else {
            target.state = ExerciseState::Checking;
            target.restored = Some(self.clock.now());
            let script = rule.and_then(DrillRule::place_of_script);
            target.checks = checks_of(&target.made, script.as_ref());
        }
        Ok(())
    }

    /// Ends the targets whose checks are settled, and says in the log what became of them.
    fn conclude(&self, drill: &mut Drill, before: &Drill) {
        let now = self.clock.now();
        drill.targets.iter_mut().for_each(|target| settle(target, now));
        let lines: Vec<(Level, String)> = drill
            .targets
            .iter()
            .zip(&before.targets)
            .filter(|(target, before)| target.state != before.state)
            .map(|(target, _)| line(target))
            .collect();
        for (level, message) in lines {
            note(drill, now, level, message);
        }
    }
}

fn interruption() -> Fault {
    Fault::new("Interrupted", "the drill was given up before it was restored and checked")
}

fn line(target: &Exercise) -> (Level, String) {
    let id = target.resource.id();
    match (&target.error, target.state) {
        (Some(error), _) => (Level::Error, format!("{id}: {error}")),
        (None, ExerciseState::Checking) => (Level::Info, format!("{id}: restored, and looked at")),
        (None, state) => (Level::Info, format!("{id}: {state}")),
    }
}
