//! The steps of a drill, each safe to repeat: a step that died is run again and finds what was done.
//!
//! One drill of a policy at a time: whoever has the hold. Plan chooses the newest generation, Recover asks for its recoveries
//! into the quarantine, Watch looks at them and checks what they made, Clear removes all of it (the cleaner's step), Finish
//! tells. An execution that dies leaves the hold: the next tick starts another, which goes straight on to the removal.

mod checks;
mod clear;
mod desk;
mod recover;
mod watch;

use cpm_contracts::{
    backup::Trouble,
    drill::{Finished, Planned, Running, StartDrill},
};
use cpm_domain::{
    alert::{Category, Failure, Severity},
    backup::{Backup, Level, Log, MAX_LOG_LINES},
    drill::{Drill, DrillId, DrillRule, State, choose, close, fault_of, newest},
    name::{OwnerName, PolicyName},
    unit::Fault,
};
use cpm_ports::{BackupQuery, Clock, Commands, Executions, Health, Held, Hold, Planner, Store};
use jiff::Timestamp;

pub use self::{
    clear::{Clearing, Undoing},
    desk::DrillDesk,
};
use crate::{
    Error, Result, alert,
    commission::Commission,
    hold::{self, own},
};

/// Backups read at a time.
const PAGE: usize = 50;

/// The steps, with the world they work on.
pub struct Steps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What holds plans against AWS.
    pub planner: &'a dyn Planner,
    /// The state machines.
    pub executions: &'a dyn Executions,
    /// What runs scripts.
    pub commands: &'a dyn Commands,
    /// What AWS finds of instances.
    pub health: &'a dyn Health,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The deployment's name.
    pub deployment: &'a str,
}

/// The drill that a hold is of.
pub(crate) fn number(hold: &Hold) -> DrillId {
    DrillId(hold.number)
}

fn on(policy: &PolicyName) -> Held {
    Held::Drills(policy.clone())
}

/// A drill that was just asked for.
fn fresh(id: DrillId, start: &StartDrill, execution: &str, now: Timestamp) -> Drill {
    Drill {
        id,
        policy: start.policy.clone(),
        account: None,
        state: State::Running,
        backup: None,
        point: None,
        slot: start.slot.clone(),
        asked_by: start.asked_by.clone(),
        started: now,
        ended: None,
        targets: Vec::new(),
        interrupted: false,
        clearing: None,
        errors: Vec::new(),
        report: None,
        execution: execution.to_owned(),
        log: Vec::new(),
        version: 0,
    }
}

impl Steps<'_> {
    /// Takes the hold, chooses the generation and its targets, and writes them down.
    pub async fn plan(&self, execution: &str, start: &StartDrill) -> Result<Planned> {
        let (owner, policy) = (&start.owner, &start.policy);
        let hold = match self.store.hold(owner, &on(policy)).await? {
            Some(hold) => hold,
            None if start.resume.is_some() => return Ok(nothing("the drill is over")),
            None => {
                let id = self.store.next_drill(owner).await?;
                let hold = hold::first(on(policy), id.0, execution, self.clock.now());
                self.store.take_hold(owner, &hold, None).await?.unwrap_or(hold)
            }
        };
        if hold.execution != execution {
            tracing::warn!(%policy, drill = %number(&hold), "another drill of the policy runs: one at a time");
            return Ok(nothing(format!("drill {} of the policy runs: one at a time", number(&hold))));
        }
        let id = number(&hold);
        let mut drill = match self.store.drill(owner, id).await? {
            Some(drill) => drill,
            None => fresh(id, start, execution, self.clock.now()),
        };
        if drill.is_ended() {
            self.tell(owner, &drill).await?;
            self.store.release_hold(owner, &hold).await?;
            return Ok(nothing("the drill is over"));
        }
        if hold.resumed > 0 && !drill.interrupted {
            let fault = Fault::new("Interrupted", "its execution died: what it made is removed")
                .advise("look at the execution in Step Functions and at the log of the function recoverer");
            drill.interrupt(fault);
        } else if drill.targets.is_empty() && drill.errors.is_empty() {
            self.choose(owner, &mut drill).await?;
        }
        execution.clone_into(&mut drill.execution);
        self.keep(owner, &mut drill).await?;
        Ok(Planned { go: true, drill: Some(id), reason: None })
    }

    async fn choose(&self, owner: &OwnerName, drill: &mut Drill) -> Result<()> {
        let fault = match self.rule(owner, &drill.policy).await? {
            None => Fault::new("NoRule", "the policy has no `drill`, or is gone"),
            Some(rule) => match self.generation(owner, &drill.policy).await? {
                None => Fault::new("NoGeneration", "the policy has no generation: nothing can be restored")
                    .advise(format!("look at its backups with `cpm backup list --policy {}`", drill.policy)),
                Some(backup) => {
                    drill.account = Some(backup.account.clone());
                    drill.backup = Some(backup.id);
                    drill.point = Some(backup.started);
                    let sets = self.store.sets(owner, backup.id).await?;
                    match choose(&rule, backup.id, &sets) {
                        Ok(targets) => {
                            let count = targets.len();
                            drill.targets = targets;
                            let s = if count == 1 { "" } else { "s" };
                            let message = format!("restores {count} target{s} of backup {}", backup.id);
                            note(drill, self.clock.now(), Level::Info, message);
                            return Ok(());
                        }
                        Err(fault) => fault,
                    }
                }
            },
        };
        note(drill, self.clock.now(), Level::Error, fault.to_string());
        drill.errors.push(fault);
        Ok(())
    }

    /// The newest generation, decided on the record itself.
    async fn generation(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Option<Backup>> {
        let mut query = BackupQuery { policy: Some(policy.clone()), limit: PAGE, before: None };
        loop {
            let page = self.store.list(owner, &query).await?;
            for listed in &page.backups {
                if newest(std::slice::from_ref(listed)).is_some()
                    && let Some(backup) = self.store.backup(owner, listed.id).await?
                    && newest(std::slice::from_ref(&backup)).is_some()
                {
                    return Ok(Some(backup));
                }
            }
            query.before = page.next;
            if query.before.is_none() {
                return Ok(None);
            }
        }
    }

    /// Decides how it ended, writes the report, tells people, and gives the hold back.
    pub async fn finish(&self, running: &Running, trouble: Option<&Trouble>) -> Result<Finished> {
        let mut drill = self.find(running).await?;
        if !drill.is_ended() {
            own(self.store, &running.owner, &on(&drill.policy), &running.execution).await?;
            let now = self.clock.now();
            if let Some(trouble) = trouble {
                drill.errors.push(fault(trouble));
            }
            close(&mut drill, now);
            let state = drill.state;
            note(&mut drill, now, Level::Info, format!("the drill {state}"));
            self.keep(&running.owner, &mut drill).await?;
        }
        self.tell(&running.owner, &drill).await?;
        let mine = hold::first(on(&drill.policy), drill.id.0, &running.execution, self.clock.now());
        self.store.release_hold(&running.owner, &mine).await?;
        Ok(Finished { state: drill.state })
    }

    async fn find(&self, running: &Running) -> Result<Drill> {
        let found = self.store.drill(&running.owner, running.drill).await?;
        found.ok_or_else(|| Error::not_found("drill", running.drill))
    }

    /// The drill, if it is this execution's still.
    async fn own(&self, running: &Running) -> Result<Drill> {
        let drill = self.find(running).await?;
        if !drill.is_ended() {
            own(self.store, &running.owner, &on(&drill.policy), &running.execution).await?;
        }
        Ok(drill)
    }

    async fn rule(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Option<DrillRule>> {
        Ok(self.store.policy(owner, policy).await?.and_then(|policy| policy.drill))
    }

    async fn keep(&self, owner: &OwnerName, drill: &mut Drill) -> Result<()> {
        self.store.put_drill(owner, drill).await?;
        drill.version += 1;
        Ok(())
    }

    fn commission<'a>(&'a self, owner: &'a OwnerName, drill: &Drill) -> Commission<'a> {
        Commission {
            store: self.store,
            planner: self.planner,
            executions: self.executions,
            clock: self.clock,
            owner,
            asked_by: format!("drill {}", drill.id),
        }
    }

    async fn tell(&self, owner: &OwnerName, drill: &Drill) -> Result<()> {
        tell(self.store, owner, drill).await
    }
}

fn nothing(reason: impl Into<String>) -> Planned {
    Planned { go: false, drill: None, reason: Some(reason.into()) }
}

/// Adds a line to a drill's log, up to its bound.
fn note(drill: &mut Drill, now: Timestamp, level: Level, message: impl Into<String>) {
    let mut log = Log::default();
    log.line(now, level, message);
    let room = MAX_LOG_LINES.saturating_sub(drill.log.len());
    drill.log.extend(log.into_lines().into_iter().take(room));
}

fn fault(trouble: &Trouble) -> Fault {
    Fault::new(&trouble.error, format!("its execution gave up: {}", trouble.cause))
        .advise("look at the log of the function recoverer, and of the cleaner")
}

/// Raises or clears the alert of a drill that ended. Told twice, it is told once.
async fn tell(store: &dyn Store, owner: &OwnerName, drill: &Drill) -> Result<()> {
    let policy = &drill.policy;
    if drill.state == State::Succeeded {
        return Ok(store.clear_alert(owner, Category::Drill, policy.as_str()).await?);
    }
    let Some(ended) = drill.ended else { return Ok(()) };
    let why = fault_of(drill).map(ToString::to_string).unwrap_or_default();
    let failure = Failure {
        category: Category::Drill,
        subject: policy.to_string(),
        policy: Some(policy.clone()),
        severity: Severity::Error,
        title: format!("Policy {policy} Drill Failure"),
        message: format!(
            "Policy {policy} (user: {owner}): drill {} failed. {why}\n\n{}\nSee: cpm drill show {}",
            drill.id,
            drill.report.as_deref().unwrap_or_default(),
            drill.id
        ),
        quiet: false,
    };
    alert::report(store, owner, failure, ended).await
}

/// Ends a drill whose executions died too often: what it made may be there still.
pub(crate) async fn give_up(store: &dyn Store, clock: &dyn Clock, owner: &OwnerName, id: DrillId) -> Result<()> {
    let Some(mut drill) = store.drill(owner, id).await? else { return Ok(()) };
    if !drill.is_ended() {
        drill.interrupt(
            Fault::new("ExecutionDied", "its executions died again and again: what it made may be there still")
                .advise(format!(
                    "remove by hand what has the tag `cpm:recovery` of its recoveries: `cpm drill show {id}`"
                )),
        );
        close(&mut drill, clock.now());
        store.put_drill(owner, &drill).await?;
    }
    tell(store, owner, &drill).await
}
