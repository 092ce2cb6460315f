//! Finish: decides how the recovery came out, says what the cleaner is to remove, and tells people.

use cpm_contracts::{
    backup::Trouble,
    recovery::{Finished, Next, Running},
};
use cpm_domain::{
    backup::{Level, Log},
    recovery::{
        OnFailure, Recovery, State,
        course::{self, WATCH},
        work::{MadeState, Work, WorkState},
    },
    unit::Fault,
};
use cpm_ports::Deadline;
use futures::{StreamExt, stream};
use jiff::SignedDuration;

use super::{
    Steps, append, check_own,
    create::{Asking, CALL, tell_work},
    held, keep, keep_work,
};
use crate::{Error, Result};

/// Works looked for at a time.
const AT_ONCE: usize = 16;
/// Between two looks at what is put back: attaching a volume takes seconds.
const PAUSE: SignedDuration = SignedDuration::from_secs(3);
/// So often it is looked at.
const MOST_LOOKS: usize = 40;

impl Steps<'_> {
    /// Ends the recovery, or says what has to be removed before: the step is asked again after that. With `trouble`, the
    /// execution gave up: what is open has failed.
    pub async fn finish(&self, running: &Running, trouble: Option<&Trouble>, deadline: Deadline) -> Result<Finished> {
        let recovery = self.own(running).await?;
        if recovery.state.is_ended() {
            self.tell(&running.owner, &recovery).await?;
            return Ok(Finished { next: Next::End, state: recovery.state });
        }
        let mut works = self.store.works(&running.owner, recovery.id).await?;
        if let Some(decided) = recovery.course.decided {
            // An answer that was lost is given again: the cleaner has not been there yet.
            let next = what_follows(&recovery, &works, decided);
            if next != Next::End && !recovery.course.cleaned && trouble.is_none() {
                return Ok(Finished { next, state: recovery.state });
            }
            let mut log = Log::default();
            self.make_up(running, &recovery, &mut works, deadline, &mut log).await?;
            return self.conclude(running, recovery, &works, trouble, Vec::new(), log).await;
        }
        self.decide(running, recovery, works, trouble, deadline).await
    }

    async fn decide(
        &self,
        running: &Running,
        mut recovery: Recovery,
        mut works: Vec<Work>,
        trouble: Option<&Trouble>,
        deadline: Deadline,
    ) -> Result<Finished> {
        let mut log = Log::default();
        if let Some(trouble) = trouble {
            self.break_off(running, &recovery, &mut works, trouble, deadline, &mut log).await?;
        }
        let open = works.iter().filter(|work| !work.state.is_settled() && work.if_failed.is_none()).count();
        if open > 0 {
            return Err(Error::StillOpen(u32::try_from(open).unwrap_or(u32::MAX)));
        }
        let state = course::outcome(&recovery, &works);
        if state == State::Failed {
            self.find_lost(running, &recovery, &mut works, &mut log).await?;
        }
        let next = what_follows(&recovery, &works, state);
        if next == Next::End {
            self.make_up(running, &recovery, &mut works, deadline, &mut log).await?;
            recovery.course.decided = Some(state);
            // Without works, nothing else says what went wrong.
            let faults = trouble.filter(|_| works.is_empty()).map(gave_up).into_iter().collect();
            return self.conclude(running, recovery, &works, None, faults, log).await;
        }
        let now = self.clock.now();
        match next {
            Next::Undo => log.warning(now, "it failed: what it made is removed, as the plan says"),
            Next::Tidy | Next::End => log.info(now, "all is made: what was needed for the while is removed"),
        }
        let lines = log.into_lines();
        keep(self.store, &running.owner, &mut recovery, |recovery| {
            check_own(recovery, running)?;
            recovery.course.decided = Some(state);
            recovery.course.watch = Some(now + WATCH);
            append(recovery, lines.clone());
            Ok(())
        })
        .await?;
        Ok(Finished { next, state: recovery.state })
    }

    /// The execution gave up: what is open has failed, and what is shared is taken back all the same.
    async fn break_off(
        &self,
        running: &Running,
        recovery: &Recovery,
        works: &mut [Work],
        trouble: &Trouble,
        deadline: Deadline,
        log: &mut Log,
    ) -> Result<()> {
        let now = self.clock.now();
        let fault = gave_up(trouble);
        log.error(now, fault.to_string());
        for work in works.iter_mut().filter(|work| !work.state.is_settled() && !work.is_aftermath()) {
            keep_work(self.store, &running.owner, recovery.id, work, |work| work.fail(now, fault.clone())).await?;
        }
        if works.iter().any(|work| work.is_due(works)) {
            let accounts = self.accounts(&running.owner, recovery).await?;
            let asking = Asking { running, recovery, accounts: &accounts, deadline };
            self.take_back(&asking, works, log).await?;
        }
        Ok(())
    }

    /// The last thing: puts back what was taken off for something that is not there, and settles what has nothing to make up
    /// for. Repeated, it goes on where it was.
    async fn make_up(
        &self,
        running: &Running,
        recovery: &Recovery,
        works: &mut [Work],
        deadline: Deadline,
        log: &mut Log,
    ) -> Result<()> {
        if works.iter().any(|work| is_putting_back(work, works)) {
            let accounts = self.accounts(&running.owner, recovery).await?;
            let asking = Asking { running, recovery, accounts: &accounts, deadline };
            self.put_back(&asking, works, log).await?;
        }
        for work in works.iter_mut().filter(|work| work.if_failed.is_some() && !work.state.is_settled()) {
            keep_work(self.store, &running.owner, recovery.id, work, |work| {
                if work.state == WorkState::Planned {
                    work.state = WorkState::Undone;
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Asks for it, and waits: there is no other step that would.
    async fn put_back(&self, asking: &Asking<'_>, works: &mut [Work], log: &mut Log) -> Result<()> {
        for _ in 0..MOST_LOOKS {
            self.ask_once(asking, works, Work::is_called_for, log).await?;
            self.look_after(asking, works, |work| work.if_failed.is_some(), log).await?;
            let is_open = works.iter().any(|work| is_putting_back(work, works));
            if !is_open || !asking.deadline.allows(self.clock.now(), PAUSE + CALL) {
                break;
            }
            self.clock.sleep(PAUSE).await;
        }
        let now = self.clock.now();
        let open: Vec<u32> =
            works.iter().filter(|work| is_putting_back(work, works)).map(|work| work.number).collect();
        for work in works.iter_mut().filter(|work| open.contains(&work.number)) {
            let fault = Fault::new("NotPutBack", format!("{}: nobody saw the end of it", work.what.told()))
                .advise("see whether it is as it was, and else do it by hand");
            keep_work(self.store, &asking.running.owner, asking.recovery.id, work, |work| {
                work.fail(now, fault.clone());
            })
            .await?;
            tell_work(work, now, log);
        }
        Ok(())
    }

    /// Takes back what is shared: what cannot be taken back now has failed, and the log names it.
    async fn take_back(&self, asking: &Asking<'_>, works: &mut [Work], log: &mut Log) -> Result<()> {
        let (owner, id) = (&asking.running.owner, asking.recovery.id);
        if held::is_shared_elsewhere(self.store, owner, asking.recovery, self.clock.now()).await? {
            log.warning(self.clock.now(), "another recovery needs what is shared: it takes the share back");
            for work in works.iter_mut().filter(|work| work.is_unshare() && !work.state.is_settled()) {
                keep_work(self.store, owner, id, work, |work| work.state = WorkState::Undone).await?;
            }
            return Ok(());
        }
        self.ask_once(asking, works, |work, works| work.is_unshare() && work.is_due(works), log).await?;
        let now = self.clock.now();
        for work in works.iter_mut().filter(|work| work.is_unshare() && !work.state.is_settled()) {
            let fault = Fault::new("StillShared", format!("{}: AWS would not in time", work.what.told()))
                .advise("take the share back by hand, in the account of the backup");
            keep_work(self.store, owner, id, work, |work| work.fail(now, fault.clone())).await?;
            tell_work(work, now, log);
        }
        Ok(())
    }

    /// What AWS may have made of a failed work though nobody heard of it: it is listed, and can be removed.
    async fn find_lost(
        &self,
        running: &Running,
        recovery: &Recovery,
        works: &mut [Work],
        log: &mut Log,
    ) -> Result<()> {
        let is_lost = |work: &&Work| {
            work.state == WorkState::Failed
                && work.asked.is_some()
                && work.made.is_empty()
                && work.what.makes().is_some()
        };
        let lost: Vec<Work> = works.iter().filter(is_lost).cloned().collect();
        if lost.is_empty() {
            return Ok(());
        }
        let accounts = self.accounts(&running.owner, recovery).await?;
        let (all, mark): (&[Work], _) = (works, self.mark(&running.owner, recovery));
        let look = async |work: Work| {
            let order = course::order(&work, all, &mark)?;
            let restorer = self.restorers.that_does(&work.what).ok()?;
            match restorer.find(&accounts.place(recovery, &work), &order, &mark).await {
                Ok(found) => Some((work, found)),
                Err(error) => {
                    tracing::warn!(%error, work = work.number, "cannot see what was made");
                    None
                }
            }
        };
        let found: Vec<_> = stream::iter(lost).map(look).buffer_unordered(AT_ONCE).collect().await;
        let now = self.clock.now();
        for (mut work, made) in found.into_iter().flatten().filter(|(_, made)| !made.is_empty()) {
            keep_work(self.store, &running.owner, recovery.id, &mut work, |work| {
                work.take_in(&made, now);
            })
            .await?;
            let ids: Vec<&str> = work.made.iter().map(|made| made.id.as_str()).collect();
            log.warning(now, format!("AWS made it all the same: {}: {}", work.what.told(), ids.join(", ")));
            if let Some(known) = works.iter_mut().find(|known| known.number == work.number) {
                *known = work;
            }
        }
        Ok(())
    }

    /// Nothing more follows: the record says how it came out.
    async fn conclude(
        &self,
        running: &Running,
        mut recovery: Recovery,
        works: &[Work],
        trouble: Option<&Trouble>,
        mut faults: Vec<Fault>,
        mut log: Log,
    ) -> Result<Finished> {
        let now = self.clock.now();
        let decided = recovery.course.decided.unwrap_or(State::Failed);
        let removed = recovery.on_failure == OnFailure::Remove && decided == State::Failed;
        let remain: Vec<String> = works
            .iter()
            .filter(|work| removed || work.is_for_the_while(&recovery.plan.wanted) && decided == State::Succeeded)
            .flat_map(|work| not_removed(work, removed))
            .collect();
        if !remain.is_empty() {
            let why = trouble.map(|trouble| format!(" ({}: {})", trouble.error, trouble.cause)).unwrap_or_default();
            let message = format!("these could not be removed{why}: {}", remain.join("; "));
            faults.push(
                Fault::new("NotRemoved", message).advise("remove them by hand: they carry the recovery's tags"),
            );
        }
        let state = match decided {
            // Of one that AWS was never asked for there was nothing to undo.
            State::Failed if removed && remain.is_empty() && was_asked(works) => State::Undone,
            decided => decided,
        };
        let level = if state == State::Succeeded { Level::Info } else { Level::Error };
        log.line(now, level, told(state, works));
        let lines = log.into_lines();
        keep(self.store, &running.owner, &mut recovery, |recovery| {
            check_own(recovery, running)?;
            recovery.state = state;
            recovery.ended = Some(now);
            recovery.course.decided = Some(decided);
            recovery.course.watch = None;
            recovery.errors.extend(faults.clone());
            append(recovery, lines.clone());
            Ok(())
        })
        .await?;
        self.tell(&running.owner, &recovery).await?;
        Ok(Finished { next: Next::End, state })
    }
}

/// Whether something is to be put back, or AWS is at it.
fn is_putting_back(work: &Work, works: &[Work]) -> bool {
    work.is_called_for(works) || work.if_failed.is_some() && work.state == WorkState::Pending
}

/// What the cleaner removes before the recovery ends.
fn what_follows(recovery: &Recovery, works: &[Work], state: State) -> Next {
    let wanted = &recovery.plan.wanted;
    match state {
        State::Succeeded if works.iter().any(|work| work.is_for_the_while(wanted)) => Next::Tidy,
        // Something that nobody heard of may carry the recovery's tags as well.
        State::Failed
            if recovery.on_failure == OnFailure::Remove && works.iter().any(|work| work.asked.is_some()) =>
        {
            Next::Undo
        }
        _ => Next::End,
    }
}

/// What is there still of a work that was to be removed, and why.
fn not_removed(work: &Work, all: bool) -> Vec<String> {
    let told = |id: &str, cause: Option<&String>| match cause {
        Some(cause) => format!("{id}: {cause}"),
        None => id.to_owned(),
    };
    if work.state == WorkState::Undone || all && work.what.makes().is_none() {
        return Vec::new();
    }
    let there: Vec<String> = work
        .made
        .iter()
        .filter(|made| made.state != MadeState::Gone)
        .map(|made| told(&made.id, made.cause.as_ref()))
        .collect();
    if there.is_empty() && !all { vec![work.what.told()] } else { there }
}

fn gave_up(trouble: &Trouble) -> Fault {
    Fault::new(&trouble.error, format!("the execution gave up: {}", trouble.cause))
        .advise("see the log of the function recoverer; then recover again")
}

fn was_asked(works: &[Work]) -> bool {
    works.iter().any(|work| work.asked.is_some())
}

fn told(state: State, works: &[Work]) -> String {
    let done = works.iter().filter(|work| matches!(work.state, WorkState::Done | WorkState::Undone)).count();
    let failed = works.iter().filter(|work| work.state == WorkState::Failed).count();
    // What was never needed is no call.
    let idle = works.iter().filter(|work| work.state == WorkState::Undone && work.asked.is_none()).count();
    format!("{state}: {} of {} calls done, {failed} failed", done - idle, works.len() - idle)
}
