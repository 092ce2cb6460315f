//! Records rebuilt from tags: units of the suite that are on no record come back on one.

use std::collections::{BTreeMap, BTreeSet};

use cpm_contracts::scan::{Looked, Place};
use cpm_domain::{
    aws::{AwsError, FoundUnit, Tags},
    backup::{Backup, Level, Log, Phase, Trigger},
    id::{BackupId, UnitId, UnitSetId},
    kind::Resource,
    name::PolicyName,
    policy::{RetryRule, SuccessRule},
    provenance::{IMAGE, INITIAL, Provenance, Sought},
    scan::ScanLine,
    status::{Status, Tally},
    unit::{Image, Unit, UnitKind, UnitSet},
};
use cpm_ports::{Deadline, Place as AwsPlace};
use jiff::Timestamp;

use crate::{
    Result,
    backup::append,
    initial_image,
    scan::{Steps, looked},
    unit::keep_set,
};

/// The units of one backup at one place, by set.
struct FoundBackup {
    policy: PolicyName,
    sets: BTreeMap<u32, (Resource, Vec<FoundUnit>)>,
}

impl Steps<'_> {
    /// Looks for units of the suite that are on no record, and, unless it is a dry run, puts them on one.
    pub(crate) async fn look_at_snapshots(
        &self,
        place: &Place,
        there: &AwsPlace,
        dry_run: bool,
        deadline: Deadline,
    ) -> Result<std::result::Result<(Vec<ScanLine>, Looked), AwsError>> {
        let sought = Sought { deployment: self.deployment, backup: None };
        let mut found = Vec::new();
        for driver in self.drivers.iter() {
            for kind in driver.units() {
                match self.patiently(deadline, || driver.find(there, *kind, &sought)).await {
                    Ok(units) => found.extend(units),
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let (backups, unreadable) = group(place, found);
        let mut lines: Vec<ScanLine> = unreadable
            .into_iter()
            .map(|id| {
                line(place, Some(id), Level::Error, "its cpm: tags are incomplete: look at it by hand".to_owned())
            })
            .collect();
        let errors = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let mut changes = 0;
        for (id, found) in backups {
            if let Some(message) = self.adopt(place, id, &found, dry_run).await? {
                changes += 1;
                lines.push(line(place, None, Level::Info, message));
            }
        }
        Ok(Ok((lines, looked(place, false, count, changes, errors))))
    }

    /// Puts what was found of a backup on record. Says what was done, or nothing when all of it was there.
    async fn adopt(&self, place: &Place, id: BackupId, found: &FoundBackup, dry_run: bool) -> Result<Option<String>> {
        let owner = &place.owner;
        let standing = self.store.backup(owner, id).await?;
        // A running backup finds its own.
        if standing.as_ref().is_some_and(|backup| backup.phase < Phase::Finished) {
            return Ok(None);
        }
        let known = self.store.sets(owner, id).await?;
        let now = self.clock.now();
        let mut fresh = Vec::new();
        let mut adopted = 0;
        for (number, (target, snapshots)) in &found.sets {
            let reports: Vec<_> = snapshots.iter().map(|found| found.report.clone()).collect();
            let Some(set) = known.iter().find(|set| set.number == *number) else {
                adopted += reports.len();
                fresh.push(rebuilt_set(place, *number, target, snapshots, now));
                continue;
            };
            let on_record = |id| set.units.iter().any(|unit| unit.id.as_ref() == Some(id));
            let missing = reports.iter().filter(|report| !on_record(&report.id)).count();
            adopted += missing;
            if missing > 0 && !dry_run {
                let mut set = set.clone();
                keep_set(self.store, owner, id, &mut set, |set| set.take_in(&reports, now)).await?;
            }
        }
        if adopted == 0 {
            return Ok(None);
        }
        let what = if standing.is_some() { "was missing" } else { "was not there" };
        if dry_run {
            return Ok(Some(format!(
                "backup {id} of policy `{}`: {adopted} units would come on record",
                found.policy
            )));
        }
        self.store.reserve_ids(owner, id).await?;
        let record = rebuilt(standing.as_ref(), place, id, found, &known, &fresh, now);
        if standing.is_some() {
            for set in &fresh {
                self.store.add_set(owner, id, set).await?;
            }
            self.store.put(owner, &record, standing.as_ref().map_or(record.phase, |standing| standing.phase)).await?;
        } else {
            self.store.create(owner, &record, &fresh, &[]).await?;
        }
        initial_image::adopt(self.store, owner, &record, &fresh).await?;
        Ok(Some(format!("backup {id} of policy `{}`: {adopted} units are on record again ({what})", found.policy)))
    }
}

fn group(place: &Place, found: Vec<FoundUnit>) -> (BTreeMap<BackupId, FoundBackup>, Vec<String>) {
    let mut backups: BTreeMap<BackupId, FoundBackup> = BTreeMap::new();
    let mut unreadable = Vec::new();
    // The snapshots of an image carry its tags.
    let parts: BTreeSet<UnitId> =
        found.iter().flat_map(|found| found.report.parts.iter().cloned().map(UnitId::from)).collect();
    for snapshot in found.into_iter().filter(|found| !parts.contains(&found.report.id)) {
        match Provenance::read(&snapshot.tags, snapshot.report.kind) {
            Some(provenance) if provenance.owner == place.owner => {
                let UnitSetId { backup, number } = provenance.unit;
                let entry = backups
                    .entry(backup)
                    .or_insert_with(|| FoundBackup { policy: provenance.policy.clone(), sets: BTreeMap::new() });
                let (_, snapshots) =
                    entry.sets.entry(number).or_insert_with(|| (provenance.source.clone(), Vec::new()));
                snapshots.push(snapshot);
            }
            Some(_) => {}
            None => unreadable.push(snapshot.report.id.to_string()),
        }
    }
    (backups, unreadable)
}

fn rebuilt_set(place: &Place, number: u32, target: &Resource, found: &[FoundUnit], now: Timestamp) -> UnitSet {
    let initial = found.iter().any(|found| found.tags.get(IMAGE).is_some_and(|image| image == INITIAL));
    let is_image = found.iter().any(|found| found.report.kind == UnitKind::Ami);
    let units = found.iter().map(|found| {
        let source = found.report.source.clone().unwrap_or_else(|| target.clone());
        Unit::planned(found.report.kind, source)
    });
    let mut set = UnitSet {
        number,
        region: place.region.clone(),
        target: target.clone(),
        excluded: vec![],
        exclude_boot: false,
        image: is_image.then(|| Image { initial, reboot: false, left_out: vec![] }),
        by_document: None,
        tags: Tags::new(),
        units: units.collect(),
        version: 0,
    };
    let reports: Vec<_> = found.iter().map(|found| found.report.clone()).collect();
    set.take_in(&reports, now);
    set
}

fn rebuilt(
    standing: Option<&Backup>,
    place: &Place,
    id: BackupId,
    found: &FoundBackup,
    known: &[UnitSet],
    fresh: &[UnitSet],
    now: Timestamp,
) -> Backup {
    let sets: Vec<UnitSet> = known.iter().chain(fresh).cloned().collect();
    let mut log = Log::default();
    log.warning(
        now,
        format!(
            "rebuilt from the tags of what is in {}: what failed then is not known, so it is no generation",
            place.region
        ),
    );
    if let Some(standing) = standing {
        let mut backup = standing.clone();
        backup.sets = u32::try_from(sets.len()).unwrap_or(u32::MAX);
        backup.tally = Tally { missing: backup.tally.missing, skipped: backup.tally.skipped, ..Tally::of(&sets) };
        // What comes back on the record of a deleted backup is to be deleted too.
        if backup.phase == Phase::Deleted {
            backup.phase = Phase::Deleting;
        }
        append(&mut backup, log.into_lines());
        return backup;
    }
    let tally = Tally::of(&sets);
    let started = sets.iter().flat_map(|set| &set.units).filter_map(|unit| unit.started).min().unwrap_or(now);
    let mut backup = Backup {
        id,
        policy: found.policy.clone(),
        account: place.account.clone(),
        phase: Phase::Finished,
        // Whether it was whole nobody knows: it must not push a generation out that is.
        status: Status::PartiallySuccessful,
        counts: false,
        trigger: Trigger::Manual,
        attempt: 0,
        slot: None,
        started,
        ended: Some(now),
        frozen_ms: None,
        runs: 0,
        late: 0,
        frozen: None,
        max_frozen: None,
        success: SuccessRule::NoIssues,
        retry: RetryRule { count: 0, ..RetryRule::default() },
        sets: u32::try_from(sets.len()).unwrap_or(u32::MAX),
        tally,
        execution: String::new(),
        wake: None,
        log: Vec::new(),
    };
    append(&mut backup, log.into_lines());
    backup
}

fn line(place: &Place, resource: Option<String>, level: Level, message: String) -> ScanLine {
    ScanLine { account: place.account.clone(), region: place.region.clone(), resource, value: None, level, message }
}
