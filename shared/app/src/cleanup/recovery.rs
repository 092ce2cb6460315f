//! Removes what a recovery made: all of it when it failed and is to leave nothing, or what it made for the while only.
//!
//! What is removed is on the recovery's works, or carries its tags. It goes in the reverse order of its making, and is
//! waited for: each call of a step does what can be done now, and says what is left.

use std::collections::{BTreeMap, BTreeSet};

use cpm_contracts::{cleanup::Removed, recovery::Running};
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::Region,
    recovery::{
        Mark, Purpose, Recovery, State,
        course::is_slow,
        work::{Action, Made, MadeKind, MadeState, Work, WorkState},
    },
};
use cpm_ports::{Access, Deadline, Place};
use futures::{StreamExt, stream};
use jiff::SignedDuration;

use super::{FUNCTION, Steps};
use crate::{
    Error, Result,
    recovery::{check_own, keep, keep_work},
};

/// Calls to AWS at a time.
const AT_ONCE: usize = 16;
/// A removal is not begun when less than this is left.
const CALL: SignedDuration = SignedDuration::from_secs(12);
/// Seconds from one look to the next.
const WAIT: u32 = 10;
/// And for databases, clusters and tables.
const SLOW_WAIT: u32 = 30;

/// What goes together, the last made first: volumes and images when no instance has them any more, clusters when they
/// have no members.
const STAGES: [&[MadeKind]; 3] = [
    &[MadeKind::Instance, MadeKind::Database, MadeKind::Warehouse, MadeKind::Table],
    &[MadeKind::Cluster, MadeKind::Volume],
    &[MadeKind::Image],
];

/// A thing to remove.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    region: Region,
    kind: MadeKind,
    id: String,
    /// Which work it is on.
    work: u32,
}

/// What became of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Gone,
    /// It is there still, and may go by itself or at the next call.
    There(Option<String>),
    /// AWS will not remove it.
    Refused(String),
}

/// A removal under way.
struct Removing<'a> {
    running: &'a Running,
    recovery: &'a Recovery,
    access: Access,
    deadline: Deadline,
}

impl Steps<'_> {
    /// Removes what a recovery made for the while only: the image that it registered, the volumes that it replaced.
    pub async fn tidy(&self, running: &Running, deadline: Deadline) -> Result<Removed> {
        let recovery = self.recovery(running).await?;
        if recovery.course.decided != Some(State::Succeeded) {
            return Err(not_now(&recovery));
        }
        let mut works = self.store.works(&running.owner, recovery.id).await?;
        let removing = self.removing(running, &recovery, deadline).await?;
        let is_wanted = |work: &Work| work.is_for_the_while(&recovery.plan.wanted) && work.state == WorkState::Done;
        let removed = self.remove_all(&removing, &mut works, is_wanted).await?;
        self.settle_recovery(running, &recovery, removed).await
    }

    /// Removes all that a recovery made, and nothing else: of one that failed, or of a drill.
    pub async fn undo(&self, running: &Running, deadline: Deadline) -> Result<Removed> {
        let recovery = self.recovery(running).await?;
        let is_drill = matches!(recovery.purpose, Purpose::Drill(_));
        if recovery.course.decided != Some(State::Failed) && !(is_drill && recovery.state.is_ended()) {
            return Err(not_now(&recovery));
        }
        let mut works = self.store.works(&running.owner, recovery.id).await?;
        let removing = self.removing(running, &recovery, deadline).await?;
        if !self.adopt_marked(&removing, &mut works).await? {
            return Ok(Removed { left: 1, wait: WAIT });
        }
        let removed = self.remove_all(&removing, &mut works, |work| work.what.makes().is_some()).await?;
        self.settle_recovery(running, &recovery, removed).await
    }

    /// Writes down that all is done that can be: what is left then, the recovery's end tells.
    async fn settle_recovery(&self, running: &Running, recovery: &Recovery, removed: Removed) -> Result<Removed> {
        if removed.left == 0 && !recovery.state.is_ended() {
            let mut recovery = recovery.clone();
            keep(self.store, &running.owner, &mut recovery, |recovery| {
                check_own(recovery, running)?;
                recovery.course.cleaned = true;
                Ok(())
            })
            .await?;
        }
        Ok(removed)
    }

    async fn recovery(&self, running: &Running) -> Result<Recovery> {
        let found = self.store.recovery(&running.owner, running.recovery).await?;
        let recovery = found.ok_or_else(|| Error::not_found("recovery", running.recovery))?;
        check_own(&recovery, running)?;
        Ok(recovery)
    }

    async fn removing<'a>(
        &self,
        running: &'a Running,
        recovery: &'a Recovery,
        deadline: Deadline,
    ) -> Result<Removing<'a>> {
        let account = self.store.account(&running.owner, &recovery.account).await?;
        let account = account.ok_or_else(|| Error::not_found("account", &recovery.account))?;
        Ok(Removing { running, recovery, access: Access::for_cleanup(&account), deadline })
    }

    /// Puts on record what carries the recovery's tags and is on none of its works: its maker died before it could write
    /// it down. Says whether all could be seen; what is denied is as good as seen, since it will not change.
    async fn adopt_marked(&self, removing: &Removing<'_>, works: &mut [Work]) -> Result<bool> {
        let asked = works.iter().filter(|work| work.asked.is_some());
        let mut kinds: BTreeSet<(Region, MadeKind)> =
            asked.filter_map(|work| Some((work.region.clone(), work.what.makes()?))).collect();
        let launched = kinds.iter().filter(|(_, kind)| *kind == MadeKind::Instance);
        let volumes: Vec<_> = launched.map(|(region, _)| (region.clone(), MadeKind::Volume)).collect();
        kinds.extend(volumes);
        let Removing { running, recovery, .. } = removing;
        let mark = Mark {
            deployment: self.deployment,
            owner: &running.owner,
            recovery: recovery.id,
            backup: recovery.backup,
        };
        for (region, kind) in kinds {
            let place = removing.place(&region);
            let found = match self.removers.of(kind) {
                Ok(removals) => removals.marked(&place, kind, &mark).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(found) => self.adopt(removing, works, &region, found).await?,
                Err(error) if error.is_retryable() => return Ok(false),
                Err(error) => tracing::error!(%error, recovery = %recovery.id, "cannot see what carries its tags"),
            }
        }
        Ok(true)
    }

    async fn adopt(
        &self,
        removing: &Removing<'_>,
        works: &mut [Work],
        region: &Region,
        found: Vec<Made>,
    ) -> Result<()> {
        for made in found.into_iter().filter(|made| made.state != MadeState::Gone) {
            let is_known = |known: &Made| known.kind == made.kind && known.id == made.id;
            let knows = |work: &Work| {
                work.what.makes().is_some()
                    && work.made.iter().any(|top| is_known(top) || top.parts.iter().any(is_known))
            };
            if works.iter().any(knows) {
                continue;
            }
            let fits = |work: &Work| work.region == *region && work.asked.is_some() && could_make(work, made.kind);
            let empty = works.iter().position(|work| fits(work) && work.made.is_empty());
            let Some(at) = empty.or_else(|| works.iter().position(fits)) else { continue };
            let Some(work) = works.get_mut(at) else { continue };
            let (owner, id) = (&removing.running.owner, removing.recovery.id);
            keep_work(self.store, owner, id, work, |work| {
                if !work.made.iter().any(is_known) {
                    work.made.push(made.clone());
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Removes all that is there of the works that are wanted, stage by stage.
    async fn remove_all(
        &self,
        removing: &Removing<'_>,
        works: &mut [Work],
        is_wanted: impl Fn(&Work) -> bool,
    ) -> Result<Removed> {
        for stage in STAGES {
            let wanted = works.iter().filter(|work| is_wanted(work)).flat_map(targets);
            let targets: Vec<Target> = wanted.filter(|target| stage.contains(&target.kind)).collect();
            let fates = self.remove_stage(removing, targets).await?;
            self.write_down(removing, works, &fates).await?;
            let there: Vec<&Target> =
                fates.iter().filter(|(_, fate)| matches!(fate, Fate::There(_))).map(|(target, _)| target).collect();
            if !there.is_empty() {
                let is_fast = there.iter().any(|target| !is_slow(target.kind));
                let left = u32::try_from(there.len()).unwrap_or(u32::MAX);
                return Ok(Removed { left, wait: if is_fast { WAIT } else { SLOW_WAIT } });
            }
        }
        Ok(Removed { left: 0, wait: 0 })
    }

    async fn remove_stage(&self, removing: &Removing<'_>, targets: Vec<Target>) -> Result<Vec<(Target, Fate)>> {
        let (mut fates, there) = self.look(removing, targets).await?;
        let removed: Vec<(Target, Fate)> = stream::iter(there)
            .map(|(target, _)| async move {
                let fate = self.remove(removing, &target).await;
                (target, fate)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        // Much is gone as soon as it is removed.
        let (asked, refused): (Vec<_>, Vec<_>) =
            removed.into_iter().partition(|(_, fate)| *fate == Fate::There(None));
        let (gone, there) = self.look(removing, asked.into_iter().map(|(target, _)| target).collect()).await?;
        fates.extend(gone.into_iter().chain(there).chain(refused));
        Ok(fates)
    }

    /// What is gone of `targets`, and what is not.
    #[allow(clippy::type_complexity, reason = "two lists of the same")]
    async fn look(
        &self,
        removing: &Removing<'_>,
        targets: Vec<Target>,
    ) -> Result<(Vec<(Target, Fate)>, Vec<(Target, Fate)>)> {
        let mut groups: BTreeMap<(Region, MadeKind), Vec<Target>> = BTreeMap::new();
        for target in targets {
            groups.entry((target.region.clone(), target.kind)).or_default().push(target);
        }
        let (mut gone, mut there) = (Vec::new(), Vec::new());
        for ((region, kind), targets) in groups {
            let ids: Vec<String> = targets.iter().map(|target| target.id.clone()).collect();
            let looked = match self.removers.of(kind) {
                Ok(removals) => removals.remaining(&removing.place(&region), kind, &ids).await,
                Err(error) => Err(error),
            };
            // What cannot be seen is removed all the same: one that is gone already is a success.
            let known = looked.inspect_err(|error| tracing::warn!(%error, "cannot see what is left")).ok();
            for target in targets {
                let is_gone = known.as_ref().is_some_and(|known| {
                    known.iter().find(|made| made.id == target.id).is_none_or(|made| made.state == MadeState::Gone)
                });
                if is_gone {
                    gone.push((target, Fate::Gone));
                } else {
                    there.push((target, Fate::There(None)));
                }
            }
        }
        Ok((gone, there))
    }

    async fn remove(&self, removing: &Removing<'_>, target: &Target) -> Fate {
        if !removing.deadline.allows(self.clock.now(), CALL) {
            return Fate::There(Some("there was no time left".to_owned()));
        }
        let place = removing.place(&target.region);
        let answer = match self.removers.of(target.kind) {
            Ok(removals) => removals.remove(&place, target.kind, &target.id).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(()) => Fate::There(None),
            Err(error) => {
                let words = error.to_fault(&place.access.whom(FUNCTION)).to_string();
                // What uses it may let go in a moment, unless it is protected.
                let may_pass = error.is_retryable() || error.refusal == Refusal::InUse && !is_protected(&error);
                if may_pass { Fate::There(Some(words)) } else { Fate::Refused(words) }
            }
        }
    }

    async fn write_down(&self, removing: &Removing<'_>, works: &mut [Work], fates: &[(Target, Fate)]) -> Result<()> {
        let now = self.clock.now();
        let (owner, id) = (&removing.running.owner, removing.recovery.id);
        for work in works {
            let of_work: Vec<&(Target, Fate)> =
                fates.iter().filter(|(target, _)| target.work == work.number).collect();
            if of_work.is_empty() {
                continue;
            }
            keep_work(self.store, owner, id, work, |work| {
                for (target, fate) in &of_work {
                    take_in(work, target, fate);
                }
                let all_gone = work.made.iter().flat_map(|made| std::iter::once(made).chain(&made.parts));
                if !work.made.is_empty() && all_gone.into_iter().all(|made| made.state == MadeState::Gone) {
                    work.state = WorkState::Undone;
                    work.ended = work.ended.or(Some(now));
                }
            })
            .await?;
        }
        Ok(())
    }
}

impl Removing<'_> {
    fn place(&self, region: &Region) -> Place {
        Place { access: self.access.clone(), region: region.clone() }
    }
}

/// All that may be there of a work.
fn targets(work: &Work) -> Vec<Target> {
    let target = |kind, id: &str| Target { region: work.region.clone(), kind, id: id.to_owned(), work: work.number };
    match &work.what {
        Action::MarkReplaced { volume } => vec![target(MadeKind::Volume, volume.as_str())],
        // What came with a thing goes after it: the volumes of an instance that will not go are its own.
        _ => work
            .made
            .iter()
            .flat_map(|made| {
                if made.state == MadeState::Gone { made.parts.iter() } else { std::slice::from_ref(made).iter() }
            })
            .filter(|made| made.state != MadeState::Gone)
            .map(|made| target(made.kind, &made.id))
            .collect(),
    }
}

/// Whether a thing of this kind may be of a work: the volumes of an instance are of its launch.
fn could_make(work: &Work, kind: MadeKind) -> bool {
    match work.what.makes() {
        Some(MadeKind::Instance) => matches!(kind, MadeKind::Instance | MadeKind::Volume),
        makes => makes == Some(kind),
    }
}

fn take_in(work: &mut Work, target: &Target, fate: &Fate) {
    if matches!(work.what, Action::MarkReplaced { .. }) && work.made.is_empty() {
        work.made.push(Made { state: MadeState::Ready, ..Made::pending(target.kind, &target.id) });
    }
    let all = work.made.iter_mut().flat_map(|made| {
        let Made { kind, id, state, cause, parts, .. } = made;
        let parts = parts.iter_mut().map(|part| (part.kind, &part.id, &mut part.state, &mut part.cause));
        std::iter::once((*kind, &*id, state, cause)).chain(parts)
    });
    for (kind, id, state, cause) in all {
        if kind == target.kind && *id == target.id {
            match fate {
                Fate::Gone => {
                    *state = MadeState::Gone;
                    *cause = None;
                }
                Fate::There(None) => {}
                Fate::There(Some(words)) | Fate::Refused(words) => *cause = Some(words.clone()),
            }
        }
    }
}

/// Somebody protected it: it goes when they say so.
fn is_protected(error: &AwsError) -> bool {
    error.code == "OperationNotPermitted"
}

fn not_now(recovery: &Recovery) -> Error {
    Error::conflict(
        format!("recovery {} is {}: what it made is not removed", recovery.id, recovery.state),
        "remove by hand what is not wanted: it carries the recovery's tags",
    )
}
