//! Takes up recoveries whose execution died.

use cpm_contracts::recovery::StartRecovery;
use cpm_domain::{
    backup::Log,
    name::OwnerName,
    recovery::{
        Recovery, RecoveryId, State,
        course::{TAKE_OVER, WATCH},
        work::{Work, WorkState},
    },
    resume::MOST_RESUMES,
    unit::Fault,
};
use cpm_ports::{Deadline, Execution, Machine, Store};
use jiff::{SignedDuration, Timestamp};

use super::{append, execution_name, keep, keep_work, tell::tell};
use crate::{Result, schedule::Dispatcher};

/// What starting an execution may take, with the waits for Step Functions.
const START: SignedDuration = SignedDuration::from_mins(1);

/// Deals with a recovery that is no longer trusted to live.
pub(crate) async fn resume(dispatcher: &Dispatcher<'_>, owner: &OwnerName, id: RecoveryId) -> Result<()> {
    let now = dispatcher.clock.now();
    let Some(mut recovery) = dispatcher.store.recovery(owner, id).await? else { return Ok(()) };
    // The index may be a moment late.
    if recovery.state.is_ended() || recovery.course.watch.is_none_or(|watch| watch > now) {
        return Ok(());
    }
    let name = recovery.execution.clone().unwrap_or_else(|| execution_name(owner, id, recovery.course.resumed));
    match dispatcher.executions.look(Machine::Recovery, &name).await? {
        Execution::Running => {
            keep(dispatcher.store, owner, &mut recovery, |recovery| {
                recovery.course.watch = Some(now + WATCH);
                Ok(())
            })
            .await
        }
        // Whoever wrote it down died before the start.
        Execution::Unknown => start(dispatcher, owner, &recovery, &name).await,
        Execution::Succeeded | Execution::Dead if recovery.course.resumed < MOST_RESUMES => {
            restart(dispatcher, owner, recovery, &name).await
        }
        Execution::Succeeded | Execution::Dead => give_up(dispatcher.store, owner, recovery, now).await,
    }
}

/// Writes down who is to run it, and then starts that: should the start be lost, the execution is unknown, and is started.
async fn restart(dispatcher: &Dispatcher<'_>, owner: &OwnerName, mut recovery: Recovery, dead: &str) -> Result<()> {
    let now = dispatcher.clock.now();
    let number = recovery.course.resumed + 1;
    let name = execution_name(owner, recovery.id, number);
    keep(dispatcher.store, owner, &mut recovery, |recovery| {
        // Somebody else was faster.
        if recovery.state.is_ended() || recovery.course.resumed >= number {
            return Ok(());
        }
        let mut log = Log::default();
        log.warning(now, format!("the execution {dead} died; the recovery is taken up again (time {number})"));
        append(recovery, log.into_lines());
        recovery.course.resumed = number;
        recovery.course.watch = Some(now + TAKE_OVER);
        recovery.execution = Some(name.clone());
        Ok(())
    })
    .await?;
    if recovery.state.is_ended() || recovery.course.resumed != number {
        return Ok(());
    }
    start(dispatcher, owner, &recovery, &name).await
}

async fn start(dispatcher: &Dispatcher<'_>, owner: &OwnerName, recovery: &Recovery, name: &str) -> Result<()> {
    let start = StartRecovery { owner: owner.clone(), recovery: recovery.id };
    let deadline = Deadline(dispatcher.clock.now() + START);
    dispatcher.start_machine(Machine::Recovery, name, &start, deadline).await.map(|_| ())
}

/// Fails what is open, tells people what is there, and lets the backup go.
async fn give_up(store: &dyn Store, owner: &OwnerName, mut recovery: Recovery, now: Timestamp) -> Result<()> {
    let fault = Fault::new("ExecutionDied", format!("its execution died {} times", MOST_RESUMES + 1))
        .advise("look at the log of the function recoverer and at the execution in Step Functions");
    let mut works = store.works(owner, recovery.id).await?;
    for work in works.iter_mut().filter(|work| !work.is_aftermath()) {
        keep_work(store, owner, recovery.id, work, |work| work.fail(now, fault.clone())).await?;
    }
    let is_left = |work: &&Work| match work.if_failed {
        Some(_) => work.is_called_for(&works) || work.state == WorkState::Pending,
        None => work.is_unshare() && !work.state.is_settled(),
    };
    let left: Vec<u32> = works.iter().filter(is_left).map(|work| work.number).collect();
    let mut by_hand = Vec::new();
    for work in works.iter_mut().filter(|work| left.contains(&work.number)) {
        by_hand.push(work.what.told());
        keep_work(store, owner, recovery.id, work, |work| work.fail(now, fault.clone())).await?;
    }
    keep(store, owner, &mut recovery, |recovery| {
        if recovery.state.is_ended() {
            return Ok(());
        }
        let mut log = Log::default();
        log.error(now, fault.to_string());
        if !by_hand.is_empty() {
            log.error(now, format!("this has to be done by hand: {}", by_hand.join(", ")));
        }
        append(recovery, log.into_lines());
        recovery.errors.push(fault.clone());
        // What was made is there, whatever was to become of it.
        recovery.state = State::Failed;
        recovery.ended = Some(now);
        recovery.course.watch = None;
        Ok(())
    })
    .await?;
    tell(store, owner, &recovery, &works).await
}

/// An execution of the recovery machine ended badly: its recovery is looked at by the next tick.
pub async fn execution_died(
    store: &dyn Store,
    owner: &OwnerName,
    id: RecoveryId,
    execution: &str,
    now: Timestamp,
) -> Result<bool> {
    let Some(mut recovery) = store.recovery(owner, id).await? else { return Ok(false) };
    let is_own = |recovery: &Recovery| recovery.execution.as_deref().is_none_or(|own| own == execution);
    if recovery.state.is_ended() || !is_own(&recovery) {
        return Ok(false);
    }
    keep(store, owner, &mut recovery, |recovery| {
        if is_own(recovery) && !recovery.state.is_ended() {
            recovery.execution = Some(execution.to_owned());
            recovery.course.watch = Some(now);
        }
        Ok(())
    })
    .await?;
    Ok(true)
}
