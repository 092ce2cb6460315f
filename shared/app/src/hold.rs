//! Looks after what executions of drills and scenarios hold: once a minute, so that what a dead one left is taken up at the
//! next tick.

use cpm_contracts::{drill::StartDrill, scenario::StartScenario};
use cpm_domain::{
    name::{OwnerName, PolicyName},
    resume::MOST_RESUMES,
    scenario::RunId,
};
use cpm_ports::{Deadline, Execution, Held, Hold, Machine, StoreError};
use jiff::SignedDuration;

use crate::{
    Error, Result, drill, scenario,
    schedule::{Dispatcher, execution_name},
};

/// After so long a hold is looked at.
pub(crate) const LOOK: SignedDuration = SignedDuration::from_secs(50);
/// A hold is looked at later when its execution may have been told of a moment ago only.
const BEGUN: SignedDuration = SignedDuration::from_secs(110);
/// What starting an execution may take, with the waits for Step Functions.
const START: SignedDuration = SignedDuration::from_mins(1);

/// Whether an execution that died was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It lives.
    Lives,
    /// Another took it up, or it was given up.
    TakenUp,
}

/// Looks whether the execution of a hold lives.
pub(crate) async fn look_after(dispatcher: &Dispatcher<'_>, owner: &OwnerName, hold: &Hold) -> Result<Looked> {
    let now = dispatcher.clock.now();
    if dispatcher.executions.look(machine(&hold.on), &hold.execution).await? == Execution::Running {
        return match dispatcher.store.renew_hold(owner, hold, now + LOOK).await {
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(Looked::Lives),
            Err(error) => Err(error.into()),
        };
    }
    let number = hold.resumed + 1;
    if number > MOST_RESUMES {
        give_up(dispatcher, owner, hold).await?;
        return Ok(Looked::TakenUp);
    }
    let execution = name(owner, hold, number);
    let taken = Hold { execution: execution.clone(), expires: now + BEGUN, resumed: number, ..hold.clone() };
    if dispatcher.store.take_hold(owner, &taken, Some(hold)).await?.is_some() {
        // Another tick was faster.
        return Ok(Looked::Lives);
    }
    let deadline = Deadline(now + START);
    match &hold.on {
        Held::Drills(policy) => {
            let start = StartDrill {
                owner: owner.clone(),
                policy: policy.clone(),
                slot: None,
                asked_by: None,
                resume: Some(drill::number(hold)),
            };
            dispatcher.start_machine(Machine::Drill, &execution, &start, deadline).await?;
        }
        Held::Scenario(run) => {
            let start = StartScenario { owner: owner.clone(), run: *run };
            dispatcher.start_machine(Machine::Scenario, &execution, &start, deadline).await?;
        }
    }
    Ok(Looked::TakenUp)
}

async fn give_up(dispatcher: &Dispatcher<'_>, owner: &OwnerName, hold: &Hold) -> Result<()> {
    let (store, clock) = (dispatcher.store, dispatcher.clock);
    match &hold.on {
        Held::Drills(_) => drill::give_up(store, clock, owner, drill::number(hold)).await?,
        Held::Scenario(run) => scenario::give_up(store, clock, owner, *run).await?,
    }
    Ok(store.release_hold(owner, hold).await?)
}

fn machine(on: &Held) -> Machine {
    match on {
        Held::Drills(_) => Machine::Drill,
        Held::Scenario(_) => Machine::Scenario,
    }
}

fn name(owner: &OwnerName, hold: &Hold, resumed: u32) -> String {
    match &hold.on {
        Held::Drills(policy) => drill_name(owner, policy, &format!("{}-{resumed}", drill::number(hold))),
        Held::Scenario(run) => scenario_name(owner, *run, resumed),
    }
}

/// The name of an execution of a policy's drill.
pub(crate) fn drill_name(owner: &OwnerName, policy: &PolicyName, run: &str) -> String {
    execution_name(owner, policy, &format!("drill-{run}"))
}

/// The name of an execution of a scenario.
pub(crate) fn scenario_name(owner: &OwnerName, run: RunId, resumed: u32) -> String {
    let name = format!("scenario-{:016x}-{run}", crate::schedule::fnv(owner.as_str()));
    if resumed == 0 { name } else { format!("{name}-{resumed}") }
}

/// A hold that was just taken for an execution that is to be started.
pub(crate) fn first(on: Held, number: u64, execution: &str, now: jiff::Timestamp) -> Hold {
    Hold { on, number, execution: execution.to_owned(), expires: now + BEGUN, resumed: 0 }
}

/// Refuses an execution that another has taken over from.
pub(crate) async fn own(store: &dyn cpm_ports::Store, owner: &OwnerName, on: &Held, execution: &str) -> Result<Hold> {
    match store.hold(owner, on).await? {
        Some(hold) if hold.execution == execution => Ok(hold),
        _ => Err(Error::HoldLost { what: on.to_string(), execution: execution.to_owned() }),
    }
}
