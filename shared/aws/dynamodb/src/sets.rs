//! Sets of units.

use std::collections::HashSet;

use cpm_domain::{
    id::{BackupId, Region, SnapshotId},
    name::OwnerName,
    unit::UnitSet,
};
use cpm_ports::StoreError;

use crate::{
    index::Index,
    item::{self, Item, Kind, number},
    keys::{self, Key},
    query::Query,
    table::{self, Condition, Table, all_at_once},
};

/// A set as it is stored. The index knows it by its key snapshot while AWS makes it: that is when events come, and so
/// the index stays small.
pub(crate) fn write(owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<Item, StoreError> {
    let key = Key::set(owner, id, set.number);
    let mut item = item::write(&key, Kind::Set, set)?;
    if let Some(snapshot) = set.key_snapshot().filter(|_| !set.is_settled()) {
        let place = format!("{}#{}", key.pk, set.number);
        item::enter(&mut item, Index::ByResource, keys::of_snapshot(&set.region, snapshot), place);
    }
    Ok(item)
}

fn what(set: &UnitSet, id: BackupId) -> String {
    format!("set {}", set.id(id))
}

fn at_version(version: u64) -> Condition {
    Condition::new("#version = :version", &["version"]).with("version", number(version))
}

impl Table {
    pub(crate) async fn read_sets(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<UnitSet>, StoreError> {
        let query = Query::of(keys::of_backup(owner, id)).beginning(keys::SETS).consistent();
        item::read_all(self.query(&query).await?, Kind::Set)
    }

    pub(crate) async fn replace_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        let next = UnitSet { version: set.version.saturating_add(1), ..set.clone() };
        self.put_item(write(owner, id, &next)?, Some(at_version(set.version)), &what(set, id)).await
    }

    pub(crate) async fn insert_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        match self.put_item(write(owner, id, set)?, Some(Condition::absent()), &what(set, id)).await {
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The keys of a backup's sets.
    pub(crate) async fn set_keys(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<Key>, StoreError> {
        let query = Query::of(keys::of_backup(owner, id)).beginning(keys::SETS).consistent().keys_only();
        Ok(table::keys(&self.query(&query).await?))
    }

    /// Writes the sets of a backup that has no record yet. `old` are those of a plan that was never finished: they are
    /// replaced, and removed, but for one that somebody worked on, which stays as it is.
    pub(crate) async fn plan_sets(
        &self,
        owner: &OwnerName,
        id: BackupId,
        sets: &[UnitSet],
        old: Vec<Key>,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::with_capacity(sets.len());
        for set in sets {
            let untouched = Condition::new("attribute_not_exists(#pk) OR #version = :version", &["pk", "version"])
                .with("version", number(set.version));
            writes.push((write(owner, id, set)?, untouched, what(set, id)));
        }
        let planned: HashSet<Key> = sets.iter().map(|set| Key::set(owner, id, set.number)).collect();
        let left_over = old.into_iter().filter(|key| !planned.contains(key)).collect();
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
        snapshot: &SnapshotId,
    ) -> Result<Option<(OwnerName, BackupId, UnitSet)>, StoreError> {
        let query = Query::of(keys::of_snapshot(region, snapshot)).by(Index::ByResource).limit(1);
        let Some(found) = self.query(&query).await?.pop() else { return Ok(None) };
        let key = item::key(&found);
        let (owner, id) = key.owner_and_backup().ok_or_else(|| item::unreadable(&key, "it has no backup"))?;
        Ok(Some((owner, id, item::read(found, Kind::Set)?)))
    }
}
