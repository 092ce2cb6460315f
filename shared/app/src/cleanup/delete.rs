//! Deletes the units of marked backups.

use std::collections::BTreeMap;

use cpm_contracts::cleanup::Deleted;
use cpm_domain::{
    account::Account,
    aws::{AwsError, Refusal},
    backup::{Backup, Phase},
    cleanup::is_left,
    id::{BackupId, Region, SnapshotId, UnitId},
    name::{AccountName, OwnerName},
    pace::{self, Bucket},
    unit::{Fault, UnitKind, UnitSet, UnitState},
};
use cpm_ports::{Access, Deadline, Place, StoreError};
use jiff::SignedDuration;

use super::{FUNCTION, PAGE, Steps};
use crate::{
    Error, Result,
    recovery::held::{Held, held},
    unit::keep_set,
};

/// A deletion is not begun when less than this is left.
const CALL: SignedDuration = SignedDuration::from_secs(12);

/// The pace of one account and Region, and what was found out in this step.
struct Lane {
    bucket: Bucket,
    refused: u32,
}

type Lanes = BTreeMap<(AccountName, Region), Lane>;

enum Outcome {
    /// Gone, or refused for good: either way it is written down.
    Done { deleted: u32 },
    /// No time left; seconds to wait.
    Later { deleted: u32, wait: u32 },
}

impl Steps<'_> {
    /// Deletes units of marked backups, oldest first, at the pace that AWS allows.
    pub async fn delete(&self, deadline: Deadline) -> Result<Deleted> {
        let mut lanes = Lanes::new();
        let mut total = Deleted { deleted: 0, left: false, wait: 0 };
        for owner in self.owners(None).await? {
            let held = held(self.store, &owner, self.clock.now()).await?;
            if let Outcome::Later { deleted, wait } =
                self.delete_images(&owner, &held, &mut lanes, &mut total, deadline).await?
            {
                return Ok(Deleted { deleted: total.deleted + deleted, left: true, wait });
            }
            let mut after = None;
            loop {
                let page = self.store.in_phase(&owner, Phase::Deleting, after, PAGE).await?;
                for backup in page.iter().filter(|backup| !held.backups.contains(&backup.id)) {
                    match self.delete_backup(&owner, backup, &mut lanes, deadline).await? {
                        Outcome::Done { deleted } => total.deleted += deleted,
                        Outcome::Later { deleted, wait } => {
                            total.deleted += deleted;
                            total.left = true;
                            total.wait = wait;
                            return Ok(total);
                        }
                    }
                }
                after = page.last().map(|backup| backup.id);
                if page.len() < PAGE {
                    break;
                }
            }
        }
        Ok(total)
    }

    /// Deletes initial images that are outdated.
    async fn delete_images(
        &self,
        owner: &OwnerName,
        held: &Held,
        lanes: &mut Lanes,
        total: &mut Deleted,
        deadline: Deadline,
    ) -> Result<Outcome> {
        for mut image in self.store.images(owner).await? {
            if image.outdated.is_empty() {
                continue;
            }
            let Some(account) = self.store.account(owner, &image.account).await? else { continue };
            let place = Place { access: Access::for_cleanup(&account), region: image.region.clone() };
            let lane = lane(lanes, &account.name, &image.region, self.clock.now());
            let mut left = Vec::new();
            let mut later = None;
            for mut old in std::mem::take(&mut image.outdated) {
                if later.is_none() && !held.images.contains(&old.id) {
                    match self.delete_with_parts(&place, UnitKind::Ami, &old.id, &old.parts, lane, deadline).await {
                        Ok(()) => {
                            total.deleted += 1;
                            continue;
                        }
                        Err(Stop::Refused(error)) => old.error = Some(refusal(&error, &place.access)),
                        Err(Stop::NoTime(wait)) => later = Some(wait),
                    }
                }
                left.push(old);
            }
            image.outdated = left;
            match self.store.put_image(owner, &image).await {
                // Somebody else changed it: deleting twice does no harm, and the next cleanup reads it again.
                Ok(()) | Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(wait) = later {
                return Ok(Outcome::Later { deleted: 0, wait });
            }
        }
        Ok(Outcome::Done { deleted: 0 })
    }

    async fn delete_backup(
        &self,
        owner: &OwnerName,
        backup: &Backup,
        lanes: &mut Lanes,
        deadline: Deadline,
    ) -> Result<Outcome> {
        let account = self.store.account(owner, &backup.account).await?;
        let account = account.ok_or_else(|| Error::not_found("account", &backup.account))?;
        let mut deleted = 0;
        for mut set in self.store.sets(owner, backup.id).await? {
            let lane = lane(lanes, &account.name, &set.region, self.clock.now());
            match self.delete_set(owner, backup.id, &account, &mut set, lane, deadline).await? {
                Outcome::Done { deleted: more } => deleted += more,
                Outcome::Later { deleted: more, wait } => {
                    return Ok(Outcome::Later { deleted: deleted + more, wait });
                }
            }
        }
        Ok(Outcome::Done { deleted })
    }

    async fn delete_set(
        &self,
        owner: &OwnerName,
        backup: BackupId,
        account: &Account,
        set: &mut UnitSet,
        lane: &mut Lane,
        deadline: Deadline,
    ) -> Result<Outcome> {
        let place = Place { access: Access::for_cleanup(account), region: set.region.clone() };
        let mut answers: BTreeMap<UnitId, Option<Fault>> = BTreeMap::new();
        let mut later = None;
        for unit in set.units.iter().filter(|unit| is_left(set, unit)) {
            let Some(id) = unit.id.clone() else { continue };
            match self.delete_with_parts(&place, unit.kind, &id, &unit.parts, lane, deadline).await {
                Ok(()) => answers.insert(id, None),
                Err(Stop::Refused(error)) => answers.insert(id, Some(refusal(&error, &place.access))),
                Err(Stop::NoTime(wait)) => {
                    later = Some(wait);
                    break;
                }
            };
        }
        let now = self.clock.now();
        match keep_set(self.store, owner, backup, set, |set| take_in(set, &answers, now)).await {
            // Another cleanup was faster, and the record is gone already.
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let deleted = u32::try_from(answers.values().filter(|fault| fault.is_none()).count()).unwrap_or(u32::MAX);
        Ok(match later {
            Some(wait) => Outcome::Later { deleted, wait },
            None => Outcome::Done { deleted },
        })
    }

    /// Deletes a unit, and, once an image is gone, its own snapshots: before that they are in use.
    async fn delete_with_parts(
        &self,
        place: &Place,
        kind: UnitKind,
        id: &UnitId,
        parts: &[SnapshotId],
        lane: &mut Lane,
        deadline: Deadline,
    ) -> std::result::Result<(), Stop> {
        self.delete_one(place, kind, id, lane, deadline).await?;
        for part in parts {
            self.delete_one(place, UnitKind::EbsSnapshot, &part.clone().into(), lane, deadline).await?;
        }
        Ok(())
    }

    async fn delete_one(
        &self,
        place: &Place,
        kind: UnitKind,
        id: &UnitId,
        lane: &mut Lane,
        deadline: Deadline,
    ) -> std::result::Result<(), Stop> {
        let deletions = self.deleters.of_unit(kind).map_err(Stop::Refused)?;
        loop {
            while let Err(pause) = lane.bucket.take(self.clock.now()) {
                self.pause(pause, deadline).await?;
            }
            if !deadline.allows(self.clock.now(), CALL) {
                return Err(Stop::NoTime(1));
            }
            match deletions.delete(place, kind, id).await {
                Ok(()) => {
                    lane.refused = 0;
                    return Ok(());
                }
                // Deleting twice does no harm, so a call whose outcome is unknown is simply made again.
                Err(error) if error.is_retryable() => {
                    lane.bucket.drain(self.clock.now());
                    lane.refused += 1;
                    if lane.refused > 10 && error.refusal == Refusal::Unknown {
                        return Err(Stop::Refused(error));
                    }
                    self.pause(pace::backoff(lane.refused, self.clock.chance()), deadline).await?;
                }
                Err(error) => return Err(Stop::Refused(error)),
            }
        }
    }

    async fn pause(&self, pause: SignedDuration, deadline: Deadline) -> std::result::Result<(), Stop> {
        if !deadline.allows(self.clock.now(), pause + CALL) {
            return Err(Stop::NoTime(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX).max(1)));
        }
        self.clock.sleep(pause).await;
        Ok(())
    }
}

fn lane<'a>(lanes: &'a mut Lanes, account: &AccountName, region: &Region, now: jiff::Timestamp) -> &'a mut Lane {
    lanes
        .entry((account.clone(), region.clone()))
        .or_insert_with(|| Lane { bucket: Bucket::of_deletes(now), refused: 0 })
}

enum Stop {
    Refused(AwsError),
    NoTime(u32),
}

fn refusal(error: &AwsError, access: &Access) -> Fault {
    error.to_fault(&access.whom(FUNCTION))
}

fn take_in(set: &mut UnitSet, answers: &BTreeMap<UnitId, Option<Fault>>, now: jiff::Timestamp) -> bool {
    let before = set.units.clone();
    for unit in &mut set.units {
        match unit.id.as_ref().and_then(|id| answers.get(id)) {
            Some(None) => {
                unit.state = UnitState::Deleted;
                unit.ended = Some(now);
                unit.error = None;
            }
            Some(Some(fault)) => unit.error = Some(fault.clone()),
            None => {}
        }
    }
    set.units != before
}
