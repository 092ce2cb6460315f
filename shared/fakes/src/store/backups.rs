//! Backups with their sets of units and their runs of scripts.

use async_trait::async_trait;
use cpm_domain::{
    backup::{Backup, Phase},
    id::{BackupId, Region, UnitId},
    name::OwnerName,
    script::ScriptRun,
    unit::UnitSet,
};
use cpm_ports::{BackupPage, BackupQuery, Backups, ScriptRuns, StoreError};

use super::{FakeStore, data::Owned, fits, of};
use crate::script::Extent;

pub(super) fn lost(id: BackupId) -> StoreError {
    StoreError::LostRace(format!("backup {id}"))
}

/// Writes the sets of a backup that has no record yet. Those of a plan that was never finished are replaced, and
/// removed, but for one that somebody worked on, which stays as it is.
fn plan_sets(owned: &mut Owned, id: BackupId, sets: &[UnitSet]) -> Result<(), StoreError> {
    sets.iter().try_for_each(|set| fits(set, format!("set {}", set.id(id))))?;
    let is_worked_on =
        |set: &UnitSet| owned.sets.get(&(id, set.number)).is_some_and(|old| old.version != set.version);
    let mut planned: Vec<UnitSet> = Vec::with_capacity(sets.len());
    for set in sets {
        let stored = owned.sets.get(&(id, set.number)).filter(|_| is_worked_on(set));
        planned.push(stored.unwrap_or(set).clone());
    }
    owned.drop_sets(id);
    owned.sets.extend(planned.into_iter().map(|set| ((id, set.number), set)));
    Ok(())
}

/// As [`plan_sets`], with runs.
fn plan_script_runs(owned: &mut Owned, id: BackupId, runs: &[ScriptRun]) -> Result<(), StoreError> {
    let key = |run: &ScriptRun| (id, run.phase, run.number);
    runs.iter().try_for_each(|run| fits(run, run_name(id, run)))?;
    let is_worked_on = |run: &ScriptRun| owned.runs.get(&key(run)).is_some_and(|old| old.version != run.version);
    let mut planned: Vec<ScriptRun> = Vec::with_capacity(runs.len());
    for run in runs {
        let stored = owned.runs.get(&key(run)).filter(|_| is_worked_on(run));
        planned.push(stored.unwrap_or(run).clone());
    }
    owned.drop_runs(id);
    owned.runs.extend(planned.into_iter().map(|run| (key(&run), run)));
    Ok(())
}

fn run_name(id: BackupId, run: &ScriptRun) -> String {
    format!("run {id}-{}-{}", run.phase, run.number)
}

#[async_trait]
impl ScriptRuns for FakeStore {
    async fn runs(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<ScriptRun>, StoreError> {
        self.read(&["store:runs"], id, |data| {
            let runs = of(data, owner).runs.iter().filter(|((backup, _, _), _)| *backup == id);
            runs.map(|(_, run)| run.clone()).collect()
        })
        .await
    }

    async fn put_run(&self, owner: &OwnerName, id: BackupId, run: &ScriptRun) -> Result<(), StoreError> {
        let name = run_name(id, run);
        self.write(&["store:put_run"], owner, name.clone(), |owned| {
            fits(run, &name)?;
            match owned.runs.get_mut(&(id, run.phase, run.number)) {
                Some(stored) if stored.version == run.version => {
                    *stored = ScriptRun { version: run.version + 1, ..run.clone() };
                    Ok(())
                }
                _ => Err(StoreError::LostRace(name)),
            }
        })
        .await
    }
}

#[async_trait]
impl Backups for FakeStore {
    async fn next_id(&self, owner: &OwnerName) -> Result<BackupId, StoreError> {
        self.write(&["store:next_id"], owner, owner, |owned| {
            owned.last_id += 1;
            Ok(BackupId(owned.last_id))
        })
        .await
    }

    async fn reserve_ids(&self, owner: &OwnerName, id: BackupId) -> Result<(), StoreError> {
        self.write(&["store:reserve_ids"], owner, id, |owned| {
            owned.last_id = owned.last_id.max(id.0);
            Ok(())
        })
        .await
    }

    async fn create(
        &self,
        owner: &OwnerName,
        backup: &Backup,
        sets: &[UnitSet],
        runs: &[ScriptRun],
    ) -> Result<(), StoreError> {
        self.write_parts(&["store:create"], owner, backup.id, |owned, extent| {
            if owned.backups.contains_key(&backup.id) {
                return Ok(());
            }
            fits(backup, backup.id)?;
            plan_sets(owned, backup.id, sets)?;
            plan_script_runs(owned, backup.id, runs)?;
            if extent == Extent::Whole {
                owned.backups.insert(backup.id, backup.clone());
            }
            Ok(())
        })
        .await
    }

    async fn backup(&self, owner: &OwnerName, id: BackupId) -> Result<Option<Backup>, StoreError> {
        self.read(&["store:backup"], id, |data| of(data, owner).backups.get(&id).cloned()).await
    }

    async fn sets(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<UnitSet>, StoreError> {
        self.read(&["store:sets"], id, |data| of(data, owner).sets_of(id).cloned().collect()).await
    }

    async fn put(&self, owner: &OwnerName, backup: &Backup, expected: Phase) -> Result<(), StoreError> {
        self.write(&["store:put"], owner, backup.id, |owned| {
            fits(backup, backup.id)?;
            if backup.frozen.is_some() && backup.phase >= Phase::Deleting {
                return Err(StoreError::Refused(format!("backup {} is frozen: it is not deleted", backup.id)));
            }
            match owned.backups.get_mut(&backup.id) {
                Some(stored) if stored.phase == expected && stored.frozen == backup.frozen => {
                    *stored = backup.clone();
                    Ok(())
                }
                _ => Err(lost(backup.id)),
            }
        })
        .await
    }

    async fn put_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        let key = set.id(id);
        self.write(&["store:put_set"], owner, key, |owned| {
            fits(set, key)?;
            match owned.sets.get_mut(&(id, set.number)) {
                Some(stored) if stored.version == set.version => {
                    *stored = UnitSet { version: set.version + 1, ..set.clone() };
                    Ok(())
                }
                _ => Err(StoreError::LostRace(format!("set {key}"))),
            }
        })
        .await
    }

    async fn add_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        let key = set.id(id);
        self.write(&["store:add_set"], owner, key, |owned| {
            fits(set, key)?;
            owned.sets.entry((id, set.number)).or_insert_with(|| set.clone());
            Ok(())
        })
        .await
    }

    async fn set_with(
        &self,
        region: &Region,
        unit: &UnitId,
    ) -> Result<Option<(OwnerName, BackupId, UnitSet)>, StoreError> {
        self.read_index(&["store:set_with"], unit, |data| {
            let all =
                data.iter().flat_map(|(owner, owned)| owned.sets.iter().map(move |(key, set)| (owner, key.0, set)));
            let mut open = all.filter(|(_, _, set)| !set.is_settled() && set.region == *region);
            let found = open.find(|(_, _, set)| set.key_unit() == Some(unit));
            found.map(|(owner, id, set)| (owner.clone(), id, set.clone()))
        })
        .await
    }

    async fn list(&self, owner: &OwnerName, query: &BackupQuery) -> Result<BackupPage, StoreError> {
        let Some(policy) = &query.policy else {
            return self.read(&["store:list"], owner, |data| page(of(data, owner), query)).await;
        };
        self.read_index(&["store:list"], policy, |data| page(of(data, owner), query)).await
    }

    async fn in_phase(
        &self,
        owner: &OwnerName,
        phase: Phase,
        after: Option<BackupId>,
        limit: usize,
    ) -> Result<Vec<Backup>, StoreError> {
        assert!(phase >= Phase::Deleting, "no index knows the backups in the phase {phase:?}");
        self.read_index(&["store:in_phase"], format!("{phase:?}"), |data| {
            let all = of(data, owner).backups.values().filter(|backup| backup.phase == phase);
            all.filter(|backup| after.is_none_or(|after| backup.id > after)).take(limit).cloned().collect()
        })
        .await
    }

    async fn remove(&self, owner: &OwnerName, id: BackupId) -> Result<(), StoreError> {
        self.write_parts(&["store:remove"], owner, id, |owned, extent| {
            let Some(backup) = owned.backups.get(&id) else { return Ok(()) };
            if backup.phase < Phase::Deleting {
                return Err(lost(id));
            }
            owned.drop_sets(id);
            owned.drop_runs(id);
            owned.drop_origins(id);
            if extent == Extent::Whole {
                owned.backups.remove(&id);
            }
            Ok(())
        })
        .await
    }
}

fn page(owned: &Owned, query: &BackupQuery) -> BackupPage {
    let wanted = |backup: &&Backup| {
        query.policy.as_ref().is_none_or(|policy| backup.policy == *policy)
            && query.before.is_none_or(|before| backup.id < before)
    };
    let mut backups: Vec<Backup> = owned.backups.values().rev().filter(wanted).cloned().collect();
    let is_all = backups.len() <= query.limit;
    backups.truncate(query.limit);
    let next = backups.last().map(|backup| backup.id).filter(|_| !is_all);
    BackupPage { backups, next }
}
