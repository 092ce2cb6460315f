//! Progress: asks AWS how things are that it makes.

use std::collections::BTreeMap;

use cpm_contracts::recovery::{Progress, Running};
use cpm_domain::{
    backup::Log,
    recovery::{
        course::{self, GIVE_UP_AFTER, LISTED_AFTER, UNREADABLE_FOR},
        work::{Made, MadeKind, MadeState, Work, WorkState},
    },
    unit::Fault,
};
use cpm_ports::{Deadline, Place};
use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    FUNCTION, Steps,
    create::{Asking, tell_work},
    is_past, keep_work, left,
};
use crate::Result;

/// Things that are asked for in one go.
const BATCH: usize = 100;
/// Works written at a time.
const WRITES: usize = 32;

/// What AWS says of the things of one work.
enum Said {
    /// As far as AWS tells.
    Made(Vec<Made>),
    /// They cannot be read, and why.
    Unread(Fault, bool),
}

impl Steps<'_> {
    /// Polls what is pending, once a place and kind.
    pub async fn progress(&self, running: &Running, polls: u32) -> Result<Progress> {
        let mut recovery = self.own(running).await?;
        if recovery.state.is_ended() || recovery.course.decided.is_some() {
            return Ok(left(&[], 0, polls));
        }
        let mut works = self.store.works(&running.owner, recovery.id).await?;
        let accounts = self.accounts(&running.owner, &recovery).await?;
        let mut log = Log::default();
        {
            let deadline = Deadline(Timestamp::MAX);
            let asking = Asking { running, recovery: &recovery, accounts: &accounts, deadline };
            self.look_after(&asking, &mut works, |_| true, &mut log).await?;
        }
        self.fail_doomed(running, &mut works, &mut log).await?;
        self.note(running, &mut recovery, log).await?;
        let rest = course::left(&works);
        let wait = if rest.due > 0 || rest.open == 0 { 0 } else { course::poll_wait(polls + 1, rest.slow) };
        Ok(left(&works, wait, polls + 1))
    }

    /// Looks at the pending works that are chosen, and takes in what AWS says.
    pub(super) async fn look_after(
        &self,
        asking: &Asking<'_>,
        works: &mut [Work],
        is_chosen: impl Fn(&Work) -> bool,
        log: &mut Log,
    ) -> Result<()> {
        let is_open = |work: &&Work| work.state == WorkState::Pending && is_chosen(work);
        let mut wanted: BTreeMap<MadeKind, Vec<(Place, Vec<String>)>> = BTreeMap::new();
        for work in works.iter().filter(is_open) {
            let place = asking.accounts.place(asking.recovery, work);
            for made in &work.made {
                let of_kind = wanted.entry(made.kind).or_default();
                match of_kind.iter_mut().find(|(other, _)| *other == place) {
                    Some((_, ids)) => ids.push(made.id.clone()),
                    None => of_kind.push((place.clone(), vec![made.id.clone()])),
                }
            }
        }
        let said = self.look(wanted).await;
        let all: &[Work] = works;
        let open: Vec<Work> = all.iter().filter(is_open).cloned().collect();
        let settled: Vec<Result<Work>> = stream::iter(open)
            .map(|work| self.take_in(asking, work, all, &said))
            .buffer_unordered(WRITES)
            .collect()
            .await;
        for work in settled {
            let work = work?;
            let Some(known) = works.iter_mut().find(|known| known.number == work.number) else { continue };
            if known.state != work.state {
                tell_work(&work, self.clock.now(), log);
            }
            *known = work;
        }
        Ok(())
    }

    async fn look(
        &self,
        wanted: BTreeMap<MadeKind, Vec<(Place, Vec<String>)>>,
    ) -> BTreeMap<(MadeKind, String), Said> {
        let mut said = BTreeMap::new();
        for (kind, places) in wanted {
            for (place, ids) in places {
                for ids in ids.chunks(BATCH) {
                    let looked = match self.restorers.of(kind) {
                        Ok(restorer) => restorer.look(&place, kind, ids).await,
                        Err(error) => Err(error),
                    };
                    for id in ids {
                        let answer = match &looked {
                            Ok(made) => Said::Made(made.iter().filter(|made| made.id == *id).cloned().collect()),
                            Err(error) => {
                                let fault = error.to_fault(&place.access.whom(FUNCTION));
                                Said::Unread(fault, error.is_retryable())
                            }
                        };
                        said.insert((kind, id.clone()), answer);
                    }
                }
            }
        }
        said
    }

    async fn take_in(
        &self,
        asking: &Asking<'_>,
        mut work: Work,
        works: &[Work],
        said: &BTreeMap<(MadeKind, String), Said>,
    ) -> Result<Work> {
        let now = self.clock.now();
        let asked = work.asked.unwrap_or(asking.recovery.started);
        let (mut made, mut fault) = (Vec::new(), None);
        for known in &work.made {
            match said.get(&(known.kind, known.id.clone())) {
                Some(Said::Made(found)) => {
                    let gone = || Made { state: MadeState::Gone, ..Made::pending(known.kind, &known.id) };
                    let found = found.first().cloned().unwrap_or_else(gone);
                    // AWS lists late what it made.
                    let unlisted = found.state == MadeState::Gone && found.cause.is_none();
                    if unlisted && !is_past(asked, LISTED_AFTER, now) {
                        continue;
                    }
                    made.push(found);
                }
                Some(Said::Unread(why, may_pass)) if !may_pass && is_past(asked, UNREADABLE_FOR, now) => {
                    fault = Some(why.clone());
                }
                Some(Said::Unread(..)) | None => {}
            }
        }
        if let Some(bad) = made.iter().find(|made| made.state >= MadeState::Failed) {
            let place = asking.accounts.place(asking.recovery, &work);
            fault = Some(self.diagnosed(&place, &work, works, bad).await);
        }
        if fault.is_none() && is_past(asked, GIVE_UP_AFTER, now) {
            let what = format!("{}: it is not there after a day, and is no longer waited for", work.what.told());
            fault = Some(Fault::new("TimedOut", what).advise("see what AWS says of it in its console"));
        }
        // A thing that AWS does not list yet is no reason to call the others done.
        let heard_of_all = made.len() == work.made.len();
        keep_work(self.store, &asking.running.owner, asking.recovery.id, &mut work, |work| {
            if heard_of_all || fault.is_some() {
                work.take_in(&made, now);
            }
            if let Some(fault) = &fault {
                work.fail(now, fault.clone());
            }
        })
        .await?;
        Ok(work)
    }
}
