//! Create: asks AWS for every work that is due, all at once, as fast as it allows.

use cpm_contracts::recovery::{Progress, Running};
use cpm_domain::{
    aws::{AwsError, Refusal},
    backup::Log,
    pace,
    recovery::{
        Recovery,
        course::{self, ASK_FOR, LISTED_AFTER},
        work::{Action, Made, MadeKind, Order, Ref, Work, WorkState},
    },
    unit::Fault,
};
use cpm_ports::{Deadline, Place, Restorer};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::{Accounts, FUNCTION, Steps, held, is_past, keep_work, left};
use crate::Result;

/// Calls to AWS at a time. EC2's buckets take a hundred at once; more would only wait inside the function.
const AT_ONCE: usize = 48;
/// A call is not begun when less than this is left: its answer must be written down as well.
pub(super) const CALL: SignedDuration = SignedDuration::from_secs(35);
/// How long before the state machine should come back to what a quota holds up, in seconds.
const LIMIT_WAIT: u32 = 30;
/// And to what waits for something busy, such as a volume that is being detached or a cluster that is being made.
const BUSY_WAIT: u32 = 10;
/// And to a call whose answer was lost: AWS knows it again by its token or its name, so that nothing is made twice.
const UNSURE_WAIT: u32 = 5;
/// And to what is un-shared when others are done with it.
const HELD_WAIT: u32 = 30;
/// Rounds of one step: each asks for what the one before made possible.
const MOST_ROUNDS: usize = 20;

/// What became of asking for one work.
enum Asked {
    /// AWS was asked, and the answer is written down.
    Done(Work),
    /// AWS would not yet; seconds to wait.
    Later(Work, u32),
}

/// A call as it is made, once or again.
struct Call<'a> {
    order: &'a Order,
    place: &'a Place,
    restorer: &'a dyn Restorer,
    /// AWS may have been asked before.
    again: bool,
    /// When the last of the works ended that it needs.
    ready: Option<Timestamp>,
}

/// A round of asking.
pub(super) struct Asking<'a> {
    pub(super) running: &'a Running,
    pub(super) recovery: &'a Recovery,
    pub(super) accounts: &'a Accounts,
    pub(super) deadline: Deadline,
}

impl Steps<'_> {
    /// Asks for what is due, and for what becomes due by that, until nothing more can be asked for now.
    pub async fn create(&self, running: &Running, deadline: Deadline) -> Result<Progress> {
        let mut recovery = self.own(running).await?;
        let mut works = self.store.works(&running.owner, recovery.id).await?;
        if recovery.state.is_ended() || recovery.course.decided.is_some() {
            return Ok(left(&[], 0, 0));
        }
        let accounts = self.accounts(&running.owner, &recovery).await?;
        let mut log = Log::default();
        let wait = {
            let asking = Asking { running, recovery: &recovery, accounts: &accounts, deadline };
            self.rounds(&asking, &mut works, &mut log).await?
        };
        self.note(running, &mut recovery, log).await?;
        let rest = course::left(&works);
        let wait = match (rest.due, rest.open) {
            (0, 0) => 0,
            (0, _) => course::poll_wait(0, rest.slow),
            _ => wait.max(1),
        };
        Ok(left(&works, wait, 0))
    }

    /// Seconds to wait for what would not go yet.
    async fn rounds(&self, asking: &Asking<'_>, works: &mut [Work], log: &mut Log) -> Result<u32> {
        let mut longest = 0;
        for _ in 0..MOST_ROUNDS {
            self.fail_doomed(asking.running, works, log).await?;
            let (due, wait) = self.due(asking, works).await?;
            longest = wait;
            if due.is_empty() {
                break;
            }
            let (went_on, later) = self.ask_round(asking, due, works, log).await?;
            longest = longest.max(later);
            // An image is often there at once, and the instance waits for it.
            let images = |work: &Work| work.made.iter().all(|made| made.kind == MadeKind::Image);
            self.look_after(asking, works, images, log).await?;
            if !went_on {
                break;
            }
        }
        Ok(longest)
    }

    /// Asks for what is chosen, once: for the end of a recovery.
    pub(super) async fn ask_once(
        &self,
        asking: &Asking<'_>,
        works: &mut [Work],
        is_chosen: impl Fn(&Work, &[Work]) -> bool,
        log: &mut Log,
    ) -> Result<()> {
        let due = works.iter().filter(|work| is_chosen(work, works)).cloned().collect();
        self.ask_round(asking, due, works, log).await.map(|_| ())
    }

    /// Asks for works beside each other. Says whether any was answered, and how long to wait for the others.
    async fn ask_round(
        &self,
        asking: &Asking<'_>,
        due: Vec<Work>,
        works: &mut [Work],
        log: &mut Log,
    ) -> Result<(bool, u32)> {
        let (mut went_on, mut longest, mut failure) = (false, 0, None);
        let all: &[Work] = works;
        let asked: Vec<Result<Asked>> =
            stream::iter(due).map(|work| self.ask_for(asking, work, all)).buffer_unordered(AT_ONCE).collect().await;
        for outcome in asked {
            match outcome {
                Ok(Asked::Done(work)) => {
                    went_on = true;
                    tell_work(&work, self.clock.now(), log);
                    put(works, work);
                }
                Ok(Asked::Later(work, wait)) => {
                    longest = longest.max(wait);
                    put(works, work);
                }
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok((went_on, longest)),
        }
    }

    /// The works that AWS can be asked for now. What others still need is not un-shared yet.
    async fn due(&self, asking: &Asking<'_>, works: &[Work]) -> Result<(Vec<Work>, u32)> {
        let mut due: Vec<Work> = works.iter().filter(|work| work.is_due(works)).cloned().collect();
        let mut wait = 0;
        if due.iter().any(Work::is_unshare)
            && held::is_shared_elsewhere(self.store, &asking.running.owner, asking.recovery, self.clock.now()).await?
        {
            due.retain(|work| !work.is_unshare());
            wait = HELD_WAIT;
        }
        Ok((due, wait))
    }

    pub(super) async fn fail_doomed(&self, running: &Running, works: &mut [Work], log: &mut Log) -> Result<()> {
        let now = self.clock.now();
        for (number, fault) in course::doomed(works) {
            let Some(work) = works.iter_mut().find(|work| work.number == number) else { continue };
            keep_work(self.store, &running.owner, running.recovery, work, |work| work.fail(now, fault.clone()))
                .await?;
            tell_work(work, now, log);
        }
        Ok(())
    }

    /// Asks for one work until AWS made it, refused it for good, or the time is over.
    async fn ask_for(&self, asking: &Asking<'_>, mut work: Work, works: &[Work]) -> Result<Asked> {
        let mark = self.mark(&asking.running.owner, asking.recovery);
        let Some(order) = course::order(&work, works, &mark) else {
            let fault = Fault::new("NotMade", format!("{}: what it refers to is not there", work.what.told()));
            return self.give_up(asking, work, fault).await;
        };
        if was_never_shared(&work, works) {
            self.keep_made(asking, &mut work, |work| work.state = WorkState::Undone).await?;
            return Ok(Asked::Done(work));
        }
        let restorer = match self.restorers.that_does(&work.what) {
            Ok(restorer) => restorer,
            Err(error) => {
                let fault = error.to_fault(FUNCTION);
                return self.give_up(asking, work, fault).await;
            }
        };
        let place = asking.accounts.place(asking.recovery, &work);
        // AWS may have been asked: what it made then is taken in.
        if work.asked.is_some() && work.what.makes().is_some() {
            match restorer.find(&place, &order, &mark).await {
                Ok(made) if made.is_empty() => {}
                Ok(made) => return self.made(asking, work, &order, &made).await,
                Err(error) if error.is_retryable() => return Ok(Asked::Later(work, UNSURE_WAIT)),
                Err(error) => {
                    let fault = error.to_fault(&place.access.whom(FUNCTION));
                    return self.give_up(asking, work, fault).await;
                }
            }
        }
        let (again, now) = (work.asked.is_some(), self.clock.now());
        self.keep_made(asking, &mut work, |work| work.asked = work.asked.or(Some(now))).await?;
        let needs = works.iter().filter(|need| work.needs.contains(&need.number));
        let ready = needs.filter_map(|need| need.ended).max();
        let call = Call { order: &order, place: &place, restorer, again, ready };
        self.carry_out(asking, work, &call).await
    }

    async fn carry_out(&self, asking: &Asking<'_>, mut work: Work, call: &Call<'_>) -> Result<Asked> {
        let Call { order, place, restorer, again, ready } = *call;
        let mut tries = 0;
        loop {
            if !asking.deadline.allows(self.clock.now(), CALL) {
                return self.later(asking, work, again, 1).await;
            }
            let error = match restorer.carry_out(place, order).await {
                Ok(made) => return self.made(asking, work, order, &made).await,
                Err(error) => error,
            };
            tries += 1;
            let pause = pace::backoff(tries, self.clock.chance());
            let since = match work.if_failed {
                Some(_) => work.asked.unwrap_or(asking.recovery.started),
                None => asking.recovery.checked.max(asking.recovery.started),
            };
            let enough = is_past(since, ASK_FOR, self.clock.now());
            match error.refusal {
                Refusal::Capacity => {
                    let fault = self.no_capacity(place, &work, &error).await;
                    return self.give_up(asking, work, fault).await;
                }
                Refusal::Throttled | Refusal::Limit | Refusal::Busy | Refusal::Unknown if enough => {
                    return self.refused(asking, work, place, &error).await;
                }
                Refusal::Throttled if asking.deadline.allows(self.clock.now(), pause + CALL) => {
                    self.clock.sleep(pause).await;
                }
                Refusal::Throttled => return self.later(asking, work, again, seconds(pause)).await,
                Refusal::Limit => return self.later(asking, work, again, LIMIT_WAIT).await,
                Refusal::Busy => return self.later(asking, work, again, BUSY_WAIT).await,
                Refusal::Unknown => return Ok(Asked::Later(work, UNSURE_WAIT)),
                // What was made or shared a moment ago is not known everywhere yet.
                Refusal::NotFound if ready.is_some_and(|ready| !is_past(ready, LISTED_AFTER, self.clock.now())) => {
                    return self.later(asking, work, again, UNSURE_WAIT).await;
                }
                Refusal::Exists => return self.take_existing(asking, work, call, &error).await,
                // Something else is there: perhaps what was to come, though nobody heard of it.
                Refusal::InUse if work.if_failed.is_some() => {
                    self.keep_made(asking, &mut work, |work| work.state = WorkState::Undone).await?;
                    return Ok(Asked::Done(work));
                }
                // A share that was refused has nothing to be taken back.
                _ if work.is_unshare() && self.share_failed(asking, &work).await? => {
                    self.keep_made(asking, &mut work, |work| work.state = WorkState::Undone).await?;
                    return Ok(Asked::Done(work));
                }
                _ => return self.refused(asking, work, place, &error).await,
            }
        }
    }

    /// Something of that name is there: a call whose answer was lost may have made it, or it is somebody else's.
    async fn take_existing(
        &self,
        asking: &Asking<'_>,
        work: Work,
        call: &Call<'_>,
        error: &AwsError,
    ) -> Result<Asked> {
        let mark = self.mark(&asking.running.owner, asking.recovery);
        let is_listed = work.asked.is_none_or(|asked| is_past(asked, LISTED_AFTER, self.clock.now()));
        match call.restorer.find(call.place, call.order, &mark).await {
            Ok(made) if !made.is_empty() => self.made(asking, work, call.order, &made).await,
            Ok(_) if !call.again || is_listed => self.refused(asking, work, call.place, error).await,
            Err(other) if !other.is_retryable() => self.refused(asking, work, call.place, &other).await,
            Ok(_) | Err(_) => Ok(Asked::Later(work, LIMIT_WAIT)),
        }
    }

    async fn share_failed(&self, asking: &Asking<'_>, unshare: &Work) -> Result<bool> {
        let works = self.store.works(&asking.running.owner, asking.recovery.id).await?;
        Ok(works.iter().any(|work| is_share_of(work, unshare) && work.state == WorkState::Failed))
    }

    /// Hands a work back. What AWS refused for now it was not asked for, unless an earlier answer was lost.
    async fn later(&self, asking: &Asking<'_>, mut work: Work, again: bool, wait: u32) -> Result<Asked> {
        if !again {
            self.keep_made(asking, &mut work, |work| work.asked = None).await?;
        }
        Ok(Asked::Later(work, wait))
    }

    async fn made(&self, asking: &Asking<'_>, mut work: Work, order: &Order, made: &[Made]) -> Result<Asked> {
        let now = self.clock.now();
        // What AWS takes for an attachment takes a moment: nothing that was replaced is deleted before that.
        let changed: Vec<Made> = moved(&order.what).into_iter().filter(|_| made.is_empty()).collect();
        let made = if made.is_empty() { &changed } else { made };
        self.keep_made(asking, &mut work, |work| {
            work.take_in(made, now);
        })
        .await?;
        Ok(Asked::Done(work))
    }

    async fn refused(&self, asking: &Asking<'_>, work: Work, place: &Place, error: &AwsError) -> Result<Asked> {
        let fault = error.to_fault(&place.access.whom(FUNCTION));
        let fault = Fault { message: format!("{}: {}", work.what.told(), fault.message), ..fault };
        self.give_up(asking, work, fault).await
    }

    async fn give_up(&self, asking: &Asking<'_>, mut work: Work, fault: Fault) -> Result<Asked> {
        let now = self.clock.now();
        self.keep_made(asking, &mut work, |work| work.fail(now, fault.clone())).await?;
        Ok(Asked::Done(work))
    }

    async fn keep_made(
        &self,
        asking: &Asking<'_>,
        work: &mut Work,
        change: impl FnMut(&mut Work) + Send,
    ) -> Result<()> {
        keep_work(self.store, &asking.running.owner, asking.recovery.id, work, change).await
    }
}

/// Whether a work takes a share back that AWS was never asked for.
fn was_never_shared(work: &Work, works: &[Work]) -> bool {
    let mut shares = works.iter().filter(|share| is_share_of(share, work)).peekable();
    work.is_unshare() && shares.peek().is_some() && shares.all(|share| share.asked.is_none())
}

/// The volume that an order attaches or detaches.
fn moved(what: &Action) -> Option<Made> {
    match what {
        Action::Detach { volume, .. } => Some(Made::pending(MadeKind::Volume, volume.as_str())),
        Action::Attach { volume: Ref::Id(volume), .. } => Some(Made::pending(MadeKind::Volume, volume)),
        _ => None,
    }
}

fn is_share_of(share: &Work, work: &Work) -> bool {
    match (&share.what, &work.what) {
        (Action::Share { unit, account, .. }, Action::Unshare { unit: other, account: with, .. }) => {
            unit == other && account == with
        }
        _ => false,
    }
}

fn put(works: &mut [Work], work: Work) {
    if let Some(known) = works.iter_mut().find(|known| known.number == work.number) {
        *known = work;
    }
}

/// Says in the log what became of a work.
pub(super) fn tell_work(work: &Work, now: Timestamp, log: &mut Log) {
    let ids: Vec<&str> = work.made.iter().map(|made| made.id.as_str()).collect();
    let ids = if ids.is_empty() { String::new() } else { format!(": {}", ids.join(", ")) };
    let ids = if work.if_failed.is_some() { format!("{ids}, which was there before") } else { ids };
    match (work.state, &work.error) {
        (WorkState::Failed, Some(fault)) => log.error(now, fault.to_string()),
        (WorkState::Pending, _) => log.info(now, format!("AWS was asked: {}{ids}", work.what.told())),
        (WorkState::Done, _) => log.info(now, format!("done: {}{ids}", work.what.told())),
        (WorkState::Undone, _) if work.if_failed.is_some() && work.asked.is_some() => {
            log.warning(now, format!("something else is attached there: {} was not done", work.what.told()));
        }
        _ => {}
    }
    if let Action::Launch(spec) = &work.what
        && work.state == WorkState::Pending
        && usize::try_from(spec.count).is_ok_and(|wanted| work.made.len() < wanted)
    {
        log.warning(now, format!("AWS launched {} of {} instances", work.made.len(), spec.count));
    }
}

fn seconds(pause: SignedDuration) -> u32 {
    u32::try_from(pause.as_secs()).unwrap_or(u32::MAX).max(1)
}
