//! Snapshot: asks AWS for every set of units, all at once, as fast as it allows.

use std::collections::BTreeMap;

use cpm_contracts::backup::{Asked, Running};
use cpm_domain::{
    account::Account,
    aws::{AwsError, FoundSnapshot, Refusal, SnapshotRequest, Tags},
    backup::Backup,
    id::Region,
    pace, progress,
    provenance::{self, Provenance},
    target::Resource,
    unit::{Fault, SnapshotReport, UnitSet},
};
use cpm_ports::Deadline;
use futures::{StreamExt, stream};
use jiff::SignedDuration;

use super::{FUNCTION, Steps, place};
use crate::{Result, unit::keep_set};

/// Calls to AWS at a time. EC2's bucket takes a hundred at once; more would only wait inside the function.
const AT_ONCE: usize = 48;

/// A call is not begun when less than this is left: its answer must be written down as well.
const CALL: SignedDuration = SignedDuration::from_secs(35);

/// How long AWS may take to list what it made, in seconds: `DescribeSnapshots` is eventually consistent.
const UNSURE_WAIT: u32 = 60;

/// How far AWS's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Snapshots by number and target of their set.
pub(super) type Made = BTreeMap<(u32, Resource), Vec<SnapshotReport>>;

/// How long before the state machine should come back to sets that a quota holds up, in seconds.
const LIMIT_WAIT: u32 = 30;

/// What became of one set.
enum Settled {
    /// AWS was asked, and the answer is written down.
    Done,
    /// AWS would not yet; seconds to wait.
    Later(u32),
}

struct Asking<'a> {
    running: &'a Running,
    backup: &'a Backup,
    account: &'a Account,
    deadline: Deadline,
}

impl Steps<'_> {
    /// Asks for what is still planned. With `again`, AWS is first asked for what it made already.
    pub async fn snapshot(&self, running: &Running, again: bool, deadline: Deadline) -> Result<Asked> {
        let backup = self.backup(running).await?;
        let account = self.account(running, &backup).await?;
        let mut sets = self.store.sets(&running.owner, running.backup).await?;
        let asking = Asking { running, backup: &backup, account: &account, deadline };
        let mut unread = BTreeMap::new();
        if again {
            self.check_lease(running).await?;
            unread = self.find_made(&asking, &mut sets).await?;
        }
        let (planned, unsure): (Vec<_>, Vec<_>) =
            sets.into_iter().filter(UnitSet::is_planned).partition(|set| !unread.contains_key(&set.region));
        let outcomes: Vec<Result<Settled>> =
            stream::iter(planned).map(|set| self.ask(&asking, set)).buffer_unordered(AT_ONCE).collect().await;
        let mut asked = Asked { left: 0, wait: 0 };
        for mut set in unsure {
            // Without knowing what AWS made there it is not asked again.
            match unread.get(&set.region) {
                Some(error) if !error.is_retryable() => {
                    self.give_up(&asking, &mut set, error).await?;
                }
                _ => {
                    asked.left += 1;
                    asked.wait = UNSURE_WAIT;
                }
            }
        }
        for outcome in outcomes {
            if let Settled::Later(wait) = outcome? {
                asked.left += 1;
                asked.wait = asked.wait.max(wait);
            }
        }
        Ok(asked)
    }

    /// Takes in what AWS made already for any of `sets`, and writes it down. Gives the Regions that cannot be read: they
    /// cost the others nothing.
    async fn find_made(&self, asking: &Asking<'_>, sets: &mut [UnitSet]) -> Result<BTreeMap<Region, AwsError>> {
        let mut unread = BTreeMap::new();
        let mut regions: Vec<Region> = sets.iter().map(|set| set.region.clone()).collect();
        regions.sort();
        regions.dedup();
        for region in regions {
            let made = match self.made(asking.running, asking.backup, asking.account, &region).await {
                Ok(made) => made,
                Err(error) => {
                    tracing::warn!(%region, %error, backup = %asking.running.backup, "cannot see what was made");
                    unread.insert(region, error);
                    continue;
                }
            };
            for set in sets.iter_mut().filter(|set| set.region == region) {
                if let Some(reports) = made.get(&(set.number, set.target.clone())) {
                    self.keep(asking.running, set, reports).await?;
                }
            }
        }
        Ok(unread)
    }

    /// What AWS made for the backup in a Region, by number and target of set.
    ///
    /// A table that began anew, or another deployment of the same name, counts its backups from 1 as well: a snapshot of
    /// another policy or target, or one from before the backup began, is none of its own.
    pub(super) async fn made(
        &self,
        running: &Running,
        backup: &Backup,
        account: &Account,
        region: &Region,
    ) -> std::result::Result<Made, AwsError> {
        let earliest = backup.started.checked_sub(SKEW).unwrap_or(backup.started);
        let number = running.backup.to_string();
        let tags = [
            (provenance::DEPLOYMENT, self.deployment),
            (provenance::OWNER, running.owner.as_str()),
            (provenance::BACKUP, number.as_str()),
        ];
        let found = self.snapshots.find(&place(account, region), &tags).await?;
        let mut made = Made::new();
        for FoundSnapshot { report, tags } in found {
            let ours = Provenance::read(&tags).filter(|provenance| {
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

    async fn keep(&self, running: &Running, set: &mut UnitSet, reports: &[SnapshotReport]) -> Result<()> {
        let now = self.clock.now();
        keep_set(self.store, &running.owner, running.backup, set, |set| set.take_in(reports, now)).await
    }

    async fn ask(&self, asking: &Asking<'_>, mut set: UnitSet) -> Result<Settled> {
        let mut request = self.request(asking.running, &set);
        let place = place(asking.account, &set.region);
        let mut tries = 0;
        loop {
            if !asking.deadline.allows(self.clock.now(), CALL) {
                return Ok(Settled::Later(1));
            }
            let error = match self.snapshots.create(&place, &request).await {
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
                Refusal::Limit => return Ok(Settled::Later(LIMIT_WAIT)),
                Refusal::Invalid if request.copy_tags && error.code.contains("TagLimitExceeded") => {
                    request = self.request_with_common_tags(asking, &set).await?;
                }
                _ => return self.give_up(asking, &mut set, &error).await,
            }
        }
    }

    /// Takes in the answer to a call. A volume that is not in it was detached or deleted since the plan.
    async fn keep_answer(&self, running: &Running, set: &mut UnitSet, reports: &[SnapshotReport]) -> Result<()> {
        let now = self.clock.now();
        let fault = Fault::new("NotMade", "AWS made no snapshot of this volume in the call for its instance")
            .advise("it was detached or deleted since the backup began; the retry looks again");
        keep_set(self.store, &running.owner, running.backup, set, |set| {
            let changed = set.take_in(reports, now);
            set.fail_planned(now, &fault);
            changed
        })
        .await
    }

    async fn give_up(&self, asking: &Asking<'_>, set: &mut UnitSet, error: &AwsError) -> Result<Settled> {
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

    fn request(&self, running: &Running, set: &UnitSet) -> SnapshotRequest {
        let (tags, left_out) = provenance::merge(self.provenance(running, set).tags(), &set.tags);
        if !left_out.is_empty() {
            tracing::warn!(set = %set.id(running.backup), ?left_out, "tags of the source found no room");
        }
        SnapshotRequest {
            target: set.target.clone(),
            excluded: set.excluded.clone(),
            exclude_boot: set.exclude_boot,
            description: format!("cpm backup {} of {}, policy {}", running.backup, set.target.id(), running.policy),
            tags,
            copy_tags: matches!(set.target, Resource::Instance(_)),
        }
    }

    /// A volume of the set has so many tags that ours find no room beside them: those that all its volumes share come
    /// along, as far as there is room.
    async fn request_with_common_tags(&self, asking: &Asking<'_>, set: &UnitSet) -> Result<SnapshotRequest> {
        let ids: Vec<_> = set.units.iter().map(|unit| unit.source.clone()).collect();
        let volumes = self.resources.volumes(&place(asking.account, &set.region), &ids).await?;
        let mut common: Tags = volumes.first().map(|volume| volume.tags.clone()).unwrap_or_default();
        common.retain(|key, value| volumes.iter().all(|volume| volume.tags.get(key) == Some(value)));
        let (tags, _) = provenance::merge(self.provenance(asking.running, set).tags(), &common);
        Ok(SnapshotRequest { tags, copy_tags: false, ..self.request(asking.running, set) })
    }
}

fn seconds(pause: SignedDuration) -> u32 {
    u32::try_from(pause.as_secs()).unwrap_or(u32::MAX).max(1)
}
