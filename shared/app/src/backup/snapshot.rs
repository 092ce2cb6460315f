//! Snapshot: asks AWS for every set of units, all at once, as fast as it allows.

use std::collections::BTreeMap;

use cpm_contracts::backup::{Asked, Running};
use cpm_domain::{
    account::Account,
    aws::{AwsError, Found, FoundUnit, Refusal, Tags, UnitRequest},
    backup::{Backup, Log, Phase},
    id::Region,
    kind::{Kind, Resource},
    pace, progress,
    provenance::{self, Provenance, Sought},
    unit::{Fault, UnitKind, UnitReport, UnitSet},
    unit_name::unit_name,
};
use cpm_ports::{Deadline, Place};
use futures::{StreamExt, stream};
use jiff::SignedDuration;

use super::{FUNCTION, Steps, append, place, progress::places_of, scripts::may_freeze};
use crate::{Result, unit::keep_set};

/// Calls to AWS at a time. EC2's bucket takes a hundred at once; more would only wait inside the function.
const AT_ONCE: usize = 48;

/// A call is not begun when less than this is left: its answer must be written down as well.
const CALL: SignedDuration = SignedDuration::from_secs(35);

/// How long AWS may take to list what it made, in seconds: `DescribeSnapshots` is eventually consistent.
pub(super) const UNSURE_WAIT: u32 = 60;

/// How far AWS's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Units of a kind by number and target of their set.
pub(super) type Made = BTreeMap<(u32, Resource), Vec<UnitReport>>;

/// How long before the state machine should come back to sets that a quota holds up, in seconds.
const LIMIT_WAIT: u32 = 30;

/// For so long AWS is asked while applications are frozen, the time of a call included.
const FROZEN_PASS: SignedDuration = SignedDuration::from_secs(60);

/// How long after the snapshots of an instance's volumes its initial image is asked for, in seconds: AWS wants 15 s
/// between two snapshots of one volume.
const IMAGE_WAIT: u32 = 16;

/// What became of one set.
pub(super) enum Settled {
    /// AWS was asked, and the answer is written down.
    Done,
    /// AWS would not yet; seconds to wait.
    Later(u32),
}

/// A round of asking.
pub(super) struct Asking<'a> {
    pub(super) running: &'a Running,
    pub(super) backup: &'a Backup,
    pub(super) account: &'a Account,
    deadline: Deadline,
    /// AWS was asked first for what it made already.
    pub(super) again: bool,
}

/// Places that cannot be read, and why.
type Unread = BTreeMap<(Region, UnitKind), AwsError>;

impl Steps<'_> {
    /// Asks for what is still planned. With `again`, AWS is first asked for what it made already. Initial images are no
    /// part of the backup's point in time: the first time round they wait.
    pub async fn snapshot(&self, running: &Running, again: bool, deadline: Deadline) -> Result<Asked> {
        let backup = self.backup(running).await?;
        let account = self.account(running, &backup).await?;
        let mut sets = self.store.sets(&running.owner, running.backup).await?;
        let asking = Asking { running, backup: &backup, account: &account, deadline, again };
        let mut unread = Unread::new();
        // Applications do not stay frozen for what AWS would not make at once: it is asked for again when they are thawed.
        let is_thawed = backup.phase > Phase::Planned;
        let holds_scripts = backup.runs > 0;
        let deadline = if holds_scripts && !is_thawed {
            Deadline(deadline.0.min(self.clock.now() + FROZEN_PASS))
        } else {
            deadline
        };
        let asking = Asking { deadline, ..asking };
        if again {
            self.check_lease(running).await?;
            unread = self.find_made(&asking, &mut sets).await?;
        }
        let mut asked = Asked { left: 0, wait: 0 };
        let (mut planned, mut unsure) = (Vec::new(), Vec::new());
        for set in sets.into_iter().filter(UnitSet::is_planned) {
            if !again && set.is_initial_image() {
                later(&mut asked, IMAGE_WAIT);
            } else if set.kind().is_some_and(|kind| unread.contains_key(&(set.region.clone(), kind))) {
                unsure.push(set);
            } else {
                planned.push(set);
            }
        }
        if holds_scripts && is_thawed {
            self.note_late(running, &backup, &planned).await?;
        }
        let outcomes: Vec<Result<Settled>> =
            stream::iter(planned).map(|set| self.ask(&asking, set)).buffer_unordered(AT_ONCE).collect().await;
        for mut set in unsure {
            // Without knowing what AWS made there it is not asked again.
            let error = set.kind().and_then(|kind| unread.get(&(set.region.clone(), kind)));
            match error {
                Some(error) if !error.is_retryable() => {
                    self.give_up(&asking, &mut set, error).await?;
                }
                _ => later(&mut asked, UNSURE_WAIT),
            }
        }
        for outcome in outcomes {
            if let Settled::Later(wait) = outcome? {
                later(&mut asked, wait);
            }
        }
        Ok(asked)
    }

    /// Writes down that sets are asked for only now, when applications are thawed.
    async fn note_late(&self, running: &Running, backup: &Backup, planned: &[UnitSet]) -> Result<()> {
        let late: Vec<&UnitSet> = planned.iter().filter(|set| !set.is_initial_image()).collect();
        let runs = if late.is_empty() { Vec::new() } else { self.store.runs(&running.owner, running.backup).await? };
        let count = u32::try_from(late.len()).unwrap_or(u32::MAX);
        if !may_freeze(&runs) || backup.late >= count {
            return Ok(());
        }
        let mut backup = backup.clone();
        backup.late = count;
        let mut log = Log::default();
        for set in late {
            let message =
                "AWS would not make it while applications were frozen: it is not of the scripts' point in time";
            log.warning(self.clock.now(), format!("{} in {}: {message}", set.target.id(), set.region));
        }
        append(&mut backup, log.into_lines());
        let phase = backup.phase;
        Ok(self.store.put(&running.owner, &backup, phase).await?)
    }

    /// Takes in what AWS made already for any of `sets`, and writes it down. Gives what cannot be read: it costs the
    /// others nothing.
    async fn find_made(&self, asking: &Asking<'_>, sets: &mut [UnitSet]) -> Result<Unread> {
        let mut unread = Unread::new();
        for (region, kind) in places_of(sets.iter()) {
            let made = match self.made(asking.running, asking.backup, asking.account, &region, kind).await {
                Ok(made) => made,
                Err(error) => {
                    tracing::warn!(%region, %kind, %error, backup = %asking.running.backup, "cannot see what was made");
                    unread.insert((region, kind), error);
                    continue;
                }
            };
            for set in sets.iter_mut().filter(|set| set.region == region && set.kind() == Some(kind)) {
                if let Some(reports) = made.get(&(set.number, set.target.clone())) {
                    self.keep(asking.running, set, reports).await?;
                }
            }
        }
        Ok(unread)
    }

    /// What AWS made of a kind for the backup in a Region, by number and target of set.
    ///
    /// A table that began anew, or another deployment of the same name, counts its backups from 1 as well: a unit of
    /// another policy or target, or one from before the backup began, is none of its own.
    pub(super) async fn made(
        &self,
        running: &Running,
        backup: &Backup,
        account: &Account,
        region: &Region,
        kind: UnitKind,
    ) -> std::result::Result<Made, AwsError> {
        let earliest = backup.started.checked_sub(SKEW).unwrap_or(backup.started);
        let sought = Sought { deployment: self.deployment, backup: Some((&running.owner, running.backup)) };
        let found = self.drivers.of_unit(kind)?.find(&place(account, region), kind, &sought).await?;
        let mut made = Made::new();
        for FoundUnit { report, tags } in found {
            let ours = Provenance::read(&tags, kind).filter(|provenance| {
                provenance.backup() == running.backup
                    && provenance.policy == running.policy
                    && report.started.is_none_or(|started| started >= earliest)
            });
            if let Some(Provenance { unit, source, .. }) = ours {
                made.entry((unit.number, source)).or_default().push(report);
            }
        }
        Ok(made)
    }

    async fn keep(&self, running: &Running, set: &mut UnitSet, reports: &[UnitReport]) -> Result<()> {
        let now = self.clock.now();
        keep_set(self.store, &running.owner, running.backup, set, |set| set.take_in(reports, now)).await
    }

    async fn ask(&self, asking: &Asking<'_>, mut set: UnitSet) -> Result<Settled> {
        if set.by_document.is_some() {
            return self.ask_document(asking, set).await;
        }
        let mut request = self.request(asking, &set);
        let place = place(asking.account, &set.region);
        let mut tries = 0;
        loop {
            if !asking.deadline.allows(self.clock.now(), CALL) {
                return Ok(Settled::Later(1));
            }
            let error = match self.create(&place, &request).await {
                Ok(reports) => {
                    self.keep_answer(asking.running, &mut set, &reports).await?;
                    return Ok(Settled::Done);
                }
                Err(error) => error,
            };
            tries += 1;
            let pause = pace::backoff(tries, self.clock.chance());
            match error.refusal {
                // Nobody knows what AWS did: the repeated step asks first, when AWS is sure to list it. After the last
                // time the polls find it, or fail it.
                Refusal::Unknown if progress::asked_enough(asking.backup.started, self.clock.now()) => {
                    return Ok(Settled::Done);
                }
                Refusal::Unknown => return Ok(Settled::Later(UNSURE_WAIT)),
                _ if progress::asked_enough(asking.backup.started, self.clock.now()) => {
                    return self.give_up(asking, &mut set, &error).await;
                }
                Refusal::Throttled if asking.deadline.allows(self.clock.now(), pause + CALL) => {
                    self.clock.sleep(pause).await;
                }
                Refusal::Throttled => return Ok(Settled::Later(seconds(pause))),
                Refusal::Limit | Refusal::Busy => return Ok(Settled::Later(LIMIT_WAIT)),
                // A call whose answer was lost may have made it: the repeated step finds it.
                Refusal::Exists if !asking.again => return Ok(Settled::Later(UNSURE_WAIT)),
                Refusal::Invalid if request.copy_tags && error.code.contains("TagLimitExceeded") => {
                    request = self.request_with_common_tags(asking, &set).await?;
                }
                _ => return self.give_up(asking, &mut set, &error).await,
            }
        }
    }

    async fn create(&self, place: &Place, request: &UnitRequest) -> std::result::Result<Vec<UnitReport>, AwsError> {
        self.drivers.of_unit(request.kind)?.create(place, request).await
    }

    /// Takes in the answer to a call. A volume that is not in it was detached or deleted since the plan.
    async fn keep_answer(&self, running: &Running, set: &mut UnitSet, reports: &[UnitReport]) -> Result<()> {
        let now = self.clock.now();
        let fault = Fault::new("NotMade", "AWS made nothing of it in the call that was to")
            .advise("it was detached or deleted since the backup began; the retry looks again");
        keep_set(self.store, &running.owner, running.backup, set, |set| {
            let changed = set.take_in(reports, now);
            set.fail_planned(now, &fault);
            changed
        })
        .await
    }

    pub(super) async fn give_up(&self, asking: &Asking<'_>, set: &mut UnitSet, error: &AwsError) -> Result<Settled> {
        let now = self.clock.now();
        let whom = place(asking.account, &set.region).access.whom(FUNCTION);
        let fault = error.to_fault(&whom);
        let (owner, backup) = (&asking.running.owner, asking.running.backup);
        keep_set(self.store, owner, backup, set, |set| {
            set.fail_planned(now, &fault);
            true
        })
        .await?;
        Ok(Settled::Done)
    }

    fn provenance(&self, running: &Running, set: &UnitSet) -> Provenance {
        Provenance {
            deployment: self.deployment.to_owned(),
            owner: running.owner.clone(),
            policy: running.policy.clone(),
            unit: set.id(running.backup),
            source: set.target.clone(),
        }
    }

    pub(super) fn request(&self, asking: &Asking<'_>, set: &UnitSet) -> UnitRequest {
        let running = asking.running;
        let kind = set.kind().unwrap_or(UnitKind::EbsSnapshot);
        let provenance = self.provenance(running, set);
        let mut ours = provenance.tags();
        if set.is_initial_image() {
            ours.insert(provenance::IMAGE.to_owned(), provenance::INITIAL.to_owned());
        }
        let (tags, left_out) = provenance::merge(ours, &set.tags);
        if !left_out.is_empty() {
            tracing::warn!(set = %set.id(running.backup), ?left_out, "tags of the source found no room");
        }
        UnitRequest {
            kind,
            target: set.target.clone(),
            name: unit_name(kind, &provenance, asking.backup.started),
            excluded: set.excluded.clone(),
            exclude_boot: set.exclude_boot,
            image: set.image.clone(),
            description: format!("cpm backup {} of {}, policy {}", running.backup, set.target.id(), running.policy),
            tags,
            copy_tags: kind == UnitKind::EbsSnapshot && set.instance().is_some(),
        }
    }

    /// A volume of the set has so many tags that ours find no room beside them: those that all its volumes share come
    /// along, as far as there is room.
    async fn request_with_common_tags(&self, asking: &Asking<'_>, set: &UnitSet) -> Result<UnitRequest> {
        let volumes: Vec<Resource> = set.volumes().cloned().map(Resource::Volume).collect();
        let place = place(asking.account, &set.region);
        let found = self.drivers.of_kind(Kind::Volume)?.describe(&place, Kind::Volume, &volumes).await?;
        let tags: Vec<Tags> = found
            .into_iter()
            .filter_map(|found| match found {
                Found::Volume(volume) => Some(volume.tags),
                _ => None,
            })
            .collect();
        let mut common = tags.first().cloned().unwrap_or_default();
        common.retain(|key, value| tags.iter().all(|tags| tags.get(key) == Some(value)));
        let (tags, _) = provenance::merge(self.provenance(asking.running, set).tags(), &common);
        Ok(UnitRequest { tags, copy_tags: false, ..self.request(asking, set) })
    }
}

fn later(asked: &mut Asked, wait: u32) {
    asked.left += 1;
    asked.wait = asked.wait.max(wait);
}

fn seconds(pause: SignedDuration) -> u32 {
    u32::try_from(pause.as_secs()).unwrap_or(u32::MAX).max(1)
}
