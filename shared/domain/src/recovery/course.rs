//! How a recovery goes on: which of its works are due, which have no hope, and when nothing more comes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Recovery, State,
    plan::{ImageHandling, Wanted},
    work::{Action, Made, MadeKind, MadeState, Order, Ref, Work, WorkState},
};
use crate::unit::Fault;

/// Where a recovery is in its life, beside what people are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    /// When others may doubt that its execution lives; of no concern once it ended. None: nothing has begun it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<Timestamp>,
    /// How often it was taken up again after its execution died.
    pub resumed: u32,
    /// How it comes out, while the cleaner removes what was made for the while, or all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<State>,
    /// The cleaner did what it could.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cleaned: bool,
}

/// A check of a plan holds for so long; after that it is done again before anything is made.
pub const CHECKED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// For so long after a thing was asked for, AWS may not list it yet: its lists are eventually consistent.
pub const LISTED_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// For so long AWS is asked again and again for what it refuses because of its rate, its quotas or something busy.
pub const ASK_FOR: SignedDuration = SignedDuration::from_hours(6);

/// A thing that is not there so long after it was asked for will not come.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// For so long what is made may not be readable: a role that is being mended. After that its works have failed.
pub const UNREADABLE_FOR: SignedDuration = SignedDuration::from_mins(15);

/// No recovery takes longer than this, approval and resumptions included: what holds a backup for it lets go.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a running recovery is trusted to live before it is looked at.
pub const WATCH: SignedDuration = SignedDuration::from_hours(2);

/// How long after a restart the new execution has taken over.
pub const TAKE_OVER: SignedDuration = SignedDuration::from_mins(10);

/// Seconds before poll `n`, counted from 0: 5 s growing to a minute for what EC2 makes; databases, clusters and tables take
/// many minutes, and are asked for at 20 s growing to 5 min.
pub fn poll_wait(n: u32, slow: bool) -> u32 {
    let (first, most) = if slow { (20, 300) } else { (5, 60) };
    // Half as much again each time.
    let grown = (0..n.min(12)).fold(first * 2, |wait: u32, _| wait + wait / 2) / 2;
    grown.min(most)
}

/// Whether a thing of this kind takes many minutes to make.
pub fn is_slow(kind: MadeKind) -> bool {
    match kind {
        MadeKind::Image | MadeKind::Instance | MadeKind::Volume => false,
        MadeKind::Database | MadeKind::Cluster | MadeKind::Warehouse | MadeKind::Table => true,
    }
}

fn find(works: &[Work], number: u32) -> Option<&Work> {
    works.iter().find(|work| work.number == number)
}

impl Work {
    /// Whether it takes a share back: that happens whatever happened.
    pub fn is_unshare(&self) -> bool {
        matches!(self.what, Action::Unshare { .. })
    }

    /// Whether it comes after what was wanted: it takes a share back, or makes up for what failed.
    pub fn is_aftermath(&self) -> bool {
        self.is_unshare() || self.if_failed.is_some()
    }

    /// Whether AWS can be asked for it now.
    pub fn is_due(&self, works: &[Work]) -> bool {
        if self.state != WorkState::Planned || self.if_failed.is_some() {
            return false;
        }
        let settled = |number: &u32| find(works, *number).is_none_or(|need| need.state.is_settled());
        let done = |number: &u32| find(works, *number).is_some_and(|need| need.state == WorkState::Done);
        match (self.is_unshare(), self.needs.is_empty()) {
            (true, true) => works.iter().all(|work| work.is_aftermath() || work.state.is_settled()),
            (true, false) => self.needs.iter().all(settled),
            (false, _) => self.needs.iter().all(done),
        }
    }

    /// Whether it has something to make up for: what was to come is not there, and what was there was taken off, or AWS was
    /// asked to. It is asked for when all else is settled, and what was made is removed again, if it is to be.
    pub fn is_called_for(&self, works: &[Work]) -> bool {
        let taken_off =
            |number: &u32| find(works, *number).is_some_and(|need| need.state.is_settled() && need.asked.is_some());
        self.state == WorkState::Planned
            && self.if_failed.is_some_and(|of| came_to_nothing(works, of))
            && self.needs.iter().all(taken_off)
    }

    /// Fails it, unless it is settled already.
    pub fn fail(&mut self, now: Timestamp, fault: Fault) {
        if !self.state.is_settled() {
            self.state = WorkState::Failed;
            self.ended = Some(now);
            self.error = Some(fault);
        }
    }

    /// Takes in what AWS says of what it makes or changes. Says whether anything changed.
    pub fn take_in(&mut self, made: &[Made], now: Timestamp) -> bool {
        let before = (self.made.clone(), self.state);
        for made in made {
            match self.made.iter_mut().find(|known| known.kind == made.kind && known.id == made.id) {
                Some(known) => {
                    // What is gone tells nothing of itself any more: what was known stays for the report.
                    let (addresses, parts) = (known.addresses.clone(), known.parts.clone());
                    known.clone_from(made);
                    if made.state == MadeState::Gone {
                        (known.addresses, known.parts) = (addresses, parts);
                    }
                }
                None => self.made.push(made.clone()),
            }
        }
        if !self.state.is_settled() {
            self.state = if self.made.iter().all(|made| self.is_as_wanted(made)) {
                self.ended = Some(now);
                WorkState::Done
            } else {
                WorkState::Pending
            };
        }
        (&self.made, self.state) != (&before.0, before.1)
    }

    /// Whether a thing is as this work is to leave it: ready and, of a volume, attached or not as wanted.
    fn is_as_wanted(&self, made: &Made) -> bool {
        made.state == MadeState::Ready
            && match &self.what {
                Action::Detach { .. } => made.device.is_none(),
                Action::Attach { device, .. } => made.device.as_ref() == Some(device),
                _ => true,
            }
    }

    /// Whether what it made is there for the while of the recovery only.
    pub fn is_for_the_while(&self, wanted: &Wanted) -> bool {
        match (&self.what, wanted) {
            (Action::RegisterImage(_), Wanted::Instance(plan)) => {
                plan.image_handling == Some(ImageHandling::Deregister)
            }
            (Action::MarkReplaced { .. }, _) => true,
            _ => false,
        }
    }

    /// All that it made, and did not merely change, that is not known to be gone, with what came with it.
    pub fn there(&self) -> impl Iterator<Item = &Made> {
        self.made
            .iter()
            .filter(|_| self.what.makes().is_some())
            .flat_map(|made| std::iter::once(made).chain(&made.parts))
            .filter(|made| made.state != MadeState::Gone)
    }
}

/// Works that have no hope, because one that they need failed, and why.
pub fn doomed(works: &[Work]) -> Vec<(u32, Fault)> {
    let mut doomed: Vec<(u32, Fault)> = Vec::new();
    loop {
        let fails = |number: u32| {
            doomed.iter().any(|(other, _)| *other == number)
                || find(works, number).is_some_and(|work| work.state >= WorkState::Failed)
        };
        let next = works.iter().find_map(|work| {
            let open = work.state == WorkState::Planned && !work.is_aftermath();
            let known = doomed.iter().any(|(other, _)| *other == work.number);
            let cause = work.needs.iter().find(|need| fails(**need)).filter(|_| open && !known)?;
            Some((work.number, needed(work, find(works, *cause))))
        });
        match next {
            Some(next) => doomed.push(next),
            None => return doomed,
        }
    }
}

/// Whether a work failed, or what it attached was removed again.
fn came_to_nothing(works: &[Work], number: u32) -> bool {
    let is = |number: u32, state: WorkState| find(works, number).is_some_and(|work| work.state == state);
    let attached = find(works, number).and_then(|work| match &work.what {
        Action::Attach { volume: Ref::Work(volume), .. } => Some(*volume),
        _ => None,
    });
    is(number, WorkState::Failed) || attached.is_some_and(|volume| is(volume, WorkState::Undone))
}

fn needed(work: &Work, cause: Option<&Work>) -> Fault {
    let what = cause.map(|cause| cause.what.told()).unwrap_or_default();
    Fault::new("NotAsked", format!("{}: it needs what failed ({what})", work.what.told()))
        .advise("nothing was asked of AWS for it; mend what failed and recover again")
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// Works that AWS can be asked for now.
    pub due: u32,
    /// Works that AWS has begun.
    pub open: u32,
    /// Whether all of those are slow to make.
    pub slow: bool,
}

/// Counts what is left to do.
pub fn left(works: &[Work]) -> Left {
    let count = |is: &dyn Fn(&&Work) -> bool| u32::try_from(works.iter().filter(is).count()).unwrap_or(u32::MAX);
    let pending = |work: &&Work| work.state == WorkState::Pending;
    let slow = |work: &Work| work.made.iter().all(|made| is_slow(made.kind));
    Left {
        due: count(&|work| work.is_due(works)),
        open: count(&pending),
        slow: works.iter().filter(pending).all(slow),
    }
}

/// How a recovery whose works are settled came out.
pub fn outcome(recovery: &Recovery, works: &[Work]) -> State {
    if let Some(decided) = recovery.course.decided {
        return decided;
    }
    let went_well = |work: &Work| match work.state {
        WorkState::Done => true,
        // A share that was never made is not taken back.
        WorkState::Undone => work.error.is_none(),
        // Nothing to make up for, so far.
        WorkState::Planned => work.if_failed.is_some(),
        WorkState::Pending | WorkState::Failed => false,
    };
    let is_well = recovery.errors.is_empty() && !works.is_empty() && works.iter().all(went_well);
    if is_well { State::Succeeded } else { State::Failed }
}

/// The first thing that a work made: what others refer to.
fn id_of(works: &[Work], what: &Ref) -> Option<String> {
    match what {
        Ref::Id(id) => Some(id.clone()),
        Ref::Work(number) => find(works, *number)?.made.first().map(|made| made.id.clone()),
    }
}

fn put(works: &[Work], what: &mut Ref) -> Option<Vec<Made>> {
    let made = match &*what {
        Ref::Work(number) => find(works, *number)?.made.clone(),
        Ref::Id(_) => Vec::new(),
    };
    *what = Ref::Id(id_of(works, what)?);
    Some(made)
}

/// What is asked of AWS for a work, with all that it refers to; none: what it refers to is not made.
pub fn order(work: &Work, works: &[Work], mark: &super::Mark<'_>) -> Option<Order> {
    let mut what = work.what.clone();
    let made = match &mut what {
        Action::Launch(spec) => put(works, &mut spec.image)?,
        Action::Attach { volume, .. } => put(works, volume)?,
        Action::AssociateAddress { instance, .. } => put(works, instance)?,
        Action::CreateMember { cluster, .. } => put(works, cluster)?,
        Action::TagTable { table, .. } => put(works, table)?,
        Action::ProtectManaged { of, .. } => put(works, of)?,
        Action::TagVolumes { of, .. } | Action::ProtectInstances { of } => find(works, *of)?.made.clone(),
        Action::Share { .. }
        | Action::Unshare { .. }
        | Action::RegisterImage(_)
        | Action::CreateVolume { .. }
        | Action::Detach { .. }
        | Action::MarkReplaced { .. }
        | Action::RestoreDatabase(_)
        | Action::RestoreCluster(_)
        | Action::RestoreWarehouse { .. }
        | Action::RestoreTable { .. } => Vec::new(),
    };
    let (tags, token) = (mark.tags(work.number), mark.token(work.number));
    Some(Order { work: work.number, what, made, token, tags })
}

#[cfg(test)]
mod tests;
