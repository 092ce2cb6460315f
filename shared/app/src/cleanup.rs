//! Cleanup: deletes what retention no longer keeps. Only the cleaner does this.
//!
//! Plan marks backups, Delete deletes their snapshots, Settle removes the records of which nothing is left. A backup
//! that is marked stays marked until all is gone: a cleanup that died is taken up by the next one.

use std::collections::BTreeMap;

use cpm_contracts::cleanup::{Deleted, Planned, Settled, StartCleanup};
use cpm_domain::{
    account::Account,
    alert::{Category, Failure, Severity},
    audit::{Actor, Event},
    aws::{AwsError, Refusal},
    backup::{Backup, Log, Phase},
    cleanup::{Rest, is_left, rest},
    id::{BackupId, Region, SnapshotId, UnitId},
    name::{AccountName, OwnerName, PolicyName},
    pace::{self, Bucket},
    policy::Policy,
    retention::{self, Candidate},
    unit::{Fault, UnitKind, UnitSet, UnitState},
};
use cpm_ports::{Access, BackupQuery, Clock, Deadline, Deleters, Place, Store, StoreError};
use jiff::SignedDuration;

use crate::{Error, Result, alert, backup::append, initial_image, unit::keep_set};

/// The name by which faults and advice speak of the role.
const FUNCTION: &str = "cleaner";
/// Backups in deletion read at a time.
const PAGE: usize = 50;
/// A deletion is not begun when less than this is left.
const CALL: SignedDuration = SignedDuration::from_secs(12);

/// The steps, with the world they work on.
pub struct Steps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What deletes.
    pub deleters: &'a Deleters,
    /// Time.
    pub clock: &'a dyn Clock,
}

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
    async fn owners(&self, wanted: Option<&OwnerName>) -> Result<Vec<OwnerName>> {
        Ok(match wanted {
            Some(owner) => vec![owner.clone()],
            None => self.store.owners().await?,
        })
    }

    /// Marks the backups whose time is over.
    pub async fn plan(&self, start: &StartCleanup) -> Result<Planned> {
        let mut planned = Planned { marked: 0, due: false };
        for owner in self.owners(start.owner.as_ref()).await? {
            let policies = match &start.policy {
                Some(name) => self.store.policy(&owner, name).await?.into_iter().collect(),
                None => self.store.policies(&owner).await?,
            };
            for policy in &policies {
                planned.marked += self.mark(&owner, policy).await?;
            }
            planned.due |= self.retire_images(&owner).await?
                || planned.marked > 0
                || !self.store.in_phase(&owner, Phase::Deleting, None, 1).await?.is_empty();
        }
        Ok(planned)
    }

    /// Marks initial images that nobody needs any more. Says whether any is to be deleted.
    async fn retire_images(&self, owner: &OwnerName) -> Result<bool> {
        let mut due = false;
        for mut image in self.store.images(owner).await? {
            if image.current.is_some() && !initial_image::is_needed(self.store, owner, &image).await? {
                image.retire();
                match self.store.put_image(owner, &image).await {
                    Ok(()) | Err(StoreError::LostRace(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            due |= !image.outdated.is_empty();
        }
        Ok(due)
    }

    async fn mark(&self, owner: &OwnerName, policy: &Policy) -> Result<u32> {
        let backups = kept(self.store, owner, &policy.name).await?;
        let candidates: Vec<Candidate> = backups.iter().map(Candidate::from).collect();
        let outdated = retention::outdated(&candidates, policy.generations);
        let mut marked = 0;
        for id in outdated {
            // The index may be a moment late: what is deleted is decided on the record itself.
            let Some(mut backup) = self.store.backup(owner, id).await? else { continue };
            if backup.phase != Phase::Finished || backup.frozen.is_some() {
                continue;
            }
            let mut log = Log::default();
            let reason = format!("outdated: policy `{}` keeps {} generations", policy.name, policy.generations);
            log.info(self.clock.now(), reason);
            append(&mut backup, log.into_lines());
            backup.phase = Phase::Deleting;
            match self.store.put(owner, &backup, Phase::Finished).await {
                Ok(()) => marked += 1,
                Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(marked)
    }

    /// Deletes units of marked backups, oldest first, at the pace that AWS allows.
    pub async fn delete(&self, deadline: Deadline) -> Result<Deleted> {
        let mut lanes = Lanes::new();
        let mut total = Deleted { deleted: 0, left: false, wait: 0 };
        for owner in self.owners(None).await? {
            if let Outcome::Later { deleted, wait } =
                self.delete_images(&owner, &mut lanes, &mut total, deadline).await?
            {
                return Ok(Deleted { deleted: total.deleted + deleted, left: true, wait });
            }
            let mut after = None;
            loop {
                let page = self.store.in_phase(&owner, Phase::Deleting, after, PAGE).await?;
                for backup in &page {
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
                if later.is_none() {
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

    /// Removes the records of which nothing is left, and raises or clears the alert on what AWS will not delete.
    pub async fn settle(&self) -> Result<Settled> {
        let mut settled = Settled { removed: 0, blocked: 0 };
        for owner in self.owners(None).await? {
            let record_days = self.store.settings(&owner).await?.record_days;
            let mut blocked: BTreeMap<PolicyName, Vec<String>> = BTreeMap::new();
            let mut unblocked: Vec<PolicyName> = Vec::new();
            let mut after = None;
            loop {
                let page = self.store.in_phase(&owner, Phase::Deleting, after, PAGE).await?;
                for backup in &page {
                    let sets = self.store.sets(&owner, backup.id).await?;
                    match rest(backup, &sets, record_days, self.clock.now()) {
                        Rest::Units(left) => {
                            settled.blocked += u32::try_from(left).unwrap_or(u32::MAX);
                            blocked.entry(backup.policy.clone()).or_default().extend(named(backup, &sets));
                        }
                        rest => {
                            self.close(&owner, backup, rest == Rest::Nothing).await?;
                            unblocked.push(backup.policy.clone());
                            settled.removed += 1;
                        }
                    }
                }
                after = page.last().map(|backup| backup.id);
                if page.len() < PAGE {
                    break;
                }
            }
            for image in self.store.images(&owner).await? {
                if image.is_empty() {
                    self.store.remove_image(&owner, &image).await?;
                    settled.removed += 1;
                }
                settled.blocked += u32::try_from(image.outdated.len()).unwrap_or(u32::MAX);
                for policy in image.policies.iter().filter(|_| !image.outdated.is_empty()) {
                    blocked.entry(policy.clone()).or_default().extend(image.outdated.iter().map(|old| {
                        let why = old.error.as_ref().map(ToString::to_string).unwrap_or_default();
                        format!("{} in {} (initial image of {}): {why}", old.id, image.region, image.instance)
                    }));
                }
            }
            self.tell(&owner, &blocked, &unblocked).await?;
            settled.removed += self.forget(&owner, record_days).await?;
        }
        Ok(settled)
    }

    /// Removes records of deleted backups whose keep-days are over. They are read oldest first, up to the first that
    /// stays.
    async fn forget(&self, owner: &OwnerName, record_days: u32) -> Result<u32> {
        let mut forgotten = 0;
        let mut after = None;
        loop {
            let page = self.store.in_phase(owner, Phase::Deleted, after, PAGE).await?;
            for backup in &page {
                if rest(backup, &[], record_days, self.clock.now()) == Rest::Record {
                    return Ok(forgotten);
                }
                self.store.remove(owner, backup.id).await?;
                forgotten += 1;
            }
            after = page.last().map(|backup| backup.id);
            if page.len() < PAGE {
                return Ok(forgotten);
            }
        }
    }

    /// The snapshots are gone: the record goes, or stays for its keep-days.
    async fn close(&self, owner: &OwnerName, backup: &Backup, remove: bool) -> Result<()> {
        if remove {
            self.store.remove(owner, backup.id).await?;
        } else {
            let mut backup = backup.clone();
            backup.phase = Phase::Deleted;
            self.store.put(owner, &backup, Phase::Deleting).await?;
        }
        let event = Event {
            time: self.clock.now(),
            actor: Actor::Suite("cleanup".to_owned()),
            action: "backup.delete".to_owned(),
            subject: backup.id.to_string(),
            details: format!("backup {} of policy {}, of {}", backup.id, backup.policy, backup.started),
        };
        Ok(self.store.record(owner, &event).await?)
    }

    async fn tell(
        &self,
        owner: &OwnerName,
        blocked: &BTreeMap<PolicyName, Vec<String>>,
        unblocked: &[PolicyName],
    ) -> Result<()> {
        for (policy, names) in blocked {
            let shown = names.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
            let failure = Failure {
                category: Category::Cleanup,
                subject: policy.to_string(),
                policy: Some(policy.clone()),
                severity: Severity::Warning,
                title: format!("Policy {policy} Cleanup Blocked"),
                message: format!(
                    "{} outdated units of policy {policy} cannot be deleted; each cleanup tries again.\n{shown}",
                    names.len()
                ),
                quiet: true,
            };
            alert::report(self.store, owner, failure, self.clock.now()).await?;
        }
        for policy in unblocked.iter().filter(|policy| !blocked.contains_key(*policy)) {
            self.store.clear_alert(owner, Category::Cleanup, policy.as_str()).await?;
        }
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

fn named(backup: &Backup, sets: &[UnitSet]) -> Vec<String> {
    let mut names = Vec::new();
    for set in sets {
        for unit in set.units.iter().filter(|unit| is_left(set, unit)) {
            let id = unit.id.as_ref().map(UnitId::as_str).unwrap_or_default();
            let why = unit.error.as_ref().map(ToString::to_string).unwrap_or_default();
            names.push(format!("{id} in {} (backup {}): {why}", set.region, backup.id));
        }
    }
    names
}

/// All backups of a policy that are kept.
pub(crate) async fn kept(store: &dyn Store, owner: &OwnerName, policy: &PolicyName) -> Result<Vec<Backup>> {
    let mut query = BackupQuery { policy: Some(policy.clone()), limit: 200, before: None };
    let mut all = Vec::new();
    loop {
        let page = store.list(owner, &query).await?;
        all.extend(page.backups.into_iter().filter(Backup::is_kept));
        query.before = page.next;
        if query.before.is_none() {
            return Ok(all);
        }
    }
}
