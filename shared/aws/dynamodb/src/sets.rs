//! Sets of units, and what is planned of a backup.

use std::collections::HashSet;

use cpm_domain::{
    id::{BackupId, Region, UnitId},
    name::OwnerName,
    script::ScriptRun,
    unit::UnitSet,
};
use cpm_ports::StoreError;

use crate::{
    index::Index,
    item::{self, Item, Kind, number},
    keys::{self, Key},
    query::Query,
    runs,
    table::{self, Condition, Table, all_at_once},
};

/// A set as it is stored. The index knows it by its key snapshot while AWS makes it: that is when events come, and so
/// the index stays small.
pub(crate) fn write(owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<Item, StoreError> {
    let key = Key::set(owner, id, set.number);
    let mut item = item::write(&key, Kind::Set, set)?;
    if let Some(snapshot) = set.key_unit().filter(|_| !set.is_settled()) {
        let place = format!("{}#{}", key.pk, set.number);
        item::enter(&mut item, Index::ByResource, keys::of_snapshot(&set.region, snapshot), place);
    }
    Ok(item)
}

fn what(set: &UnitSet, id: BackupId) -> String {
    format!("set {}", set.id(id))
}

impl Table {
    pub(crate) async fn read_sets(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<UnitSet>, StoreError> {
        let query = Query::of(keys::of_backup(owner, id)).beginning(keys::SETS).consistent();
        item::read_all(self.query(&query).await?, Kind::Set)
    }

    pub(crate) async fn replace_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        let next = UnitSet { version: set.version.saturating_add(1), ..set.clone() };
        self.put_item(write(owner, id, &next)?, Some(Condition::at_version(set.version)), &what(set, id)).await
    }

    pub(crate) async fn insert_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        match self.put_item(write(owner, id, set)?, Some(Condition::absent()), &what(set, id)).await {
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The keys of a backup's sets, runs and origins: all of its partition.
    pub(crate) async fn part_keys(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<Key>, StoreError> {
        let query = Query::of(keys::of_backup(owner, id)).consistent().keys_only();
        Ok(table::keys(&self.query(&query).await?))
    }

    /// Writes the sets and runs of a backup that has no record yet. `old` are those of a plan that was never finished: they are
    /// replaced, and removed, but for one that somebody worked on, which stays as it is. Origins stay: they are written before.
    pub(crate) async fn plan_parts(
        &self,
        owner: &OwnerName,
        id: BackupId,
        sets: &[UnitSet],
        runs: &[ScriptRun],
        old: Vec<Key>,
    ) -> Result<(), StoreError> {
        let untouched = |version: u64| {
            Condition::new("attribute_not_exists(#pk) OR #version = :version", &["pk", "version"])
                .with("version", number(version))
        };
        let mut writes = Vec::with_capacity(sets.len().saturating_add(runs.len()));
        for set in sets {
            writes.push((write(owner, id, set)?, untouched(set.version), what(set, id)));
        }
        for run in runs {
            writes.push((runs::write(owner, id, run)?, untouched(run.version), runs::what(run, id)));
        }
        let planned: HashSet<Key> = writes.iter().map(|(item, _, _)| item::key(item)).collect();
        let left_over = old.into_iter().filter(|key| !planned.contains(key) && !key.is_origin()).collect();
        all_at_once(writes.into_iter().map(|(item, when, what)| async move {
            match self.put_item(item, Some(when), &what).await {
                Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
                Err(error) => Err(error),
            }
        }))
        .await?;
        self.delete_items(left_over).await
    }

    pub(crate) async fn find_set(
        &self,
        region: &Region,
        snapshot: &UnitId,
    ) -> Result<Option<(OwnerName, BackupId, UnitSet)>, StoreError> {
        let query = Query::of(keys::of_snapshot(region, snapshot)).by(Index::ByResource).limit(1);
        let Some(found) = self.query(&query).await?.pop() else { return Ok(None) };
        let key = item::key(&found);
        let (owner, id) = key.owner_and_backup().ok_or_else(|| item::unreadable(&key, "it has no backup"))?;
        Ok(Some((owner, id, item::read(found, Kind::Set)?)))
    }
}
