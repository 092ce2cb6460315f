//! Backups and their units.

use async_trait::async_trait;
use cpm_domain::{
    backup::{Backup, Phase},
    id::{BackupId, Region, UnitId},
    name::OwnerName,
    script::ScriptRun,
    unit::UnitSet,
};
use cpm_ports::{BackupPage, BackupQuery, Backups, StoreError};

use crate::{
    error::refusal,
    index::Index,
    item::{self, Item, Kind, SCHEMA, number, text, value},
    keys::{self, Key},
    query::Query,
    table::{Condition, Table},
};

pub(crate) fn what(id: BackupId) -> String {
    format!("backup {id}")
}

fn write(owner: &OwnerName, backup: &Backup) -> Result<Item, StoreError> {
    let key = Key::backup(owner, backup.id);
    let mut item = item::write(&key, Kind::Backup, backup)?;
    item::enter(&mut item, Index::ByPolicy, keys::of_policy(owner, &backup.policy), key.sk.clone());
    if let Some(over) = keys::in_phase(owner, backup.phase) {
        item::enter(&mut item, Index::Due, over, key.sk);
    }
    Ok(item)
}

#[async_trait]
impl Backups for Table {
    async fn next_id(&self, owner: &OwnerName) -> Result<BackupId, StoreError> {
        self.count_up(&Key::counter(owner)).await.map(BackupId)
    }

    async fn reserve_ids(&self, owner: &OwnerName, id: BackupId) -> Result<(), StoreError> {
        let key = Key::counter(owner);
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET #item = :item, #schema = :schema, #count = :count")
            .condition_expression("attribute_not_exists(#count) OR #count < :count")
            .expression_attribute_names("#item", "item")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":item", text(Kind::Counter.word()))
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":count", number(id));
        match call.send().await.map_err(|error| refusal(&error, &key.to_string())) {
            // The count is there already, or past it.
            Ok(_) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn create(
        &self,
        owner: &OwnerName,
        backup: &Backup,
        sets: &[UnitSet],
        runs: &[ScriptRun],
    ) -> Result<(), StoreError> {
        if self.backup(owner, backup.id).await?.is_some() {
            return Ok(());
        }
        let old = self.part_keys(owner, backup.id).await?;
        self.plan_parts(owner, backup.id, sets, runs, old).await?;
        match self.put_item(write(owner, backup)?, Some(Condition::absent()), &what(backup.id)).await {
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn backup(&self, owner: &OwnerName, id: BackupId) -> Result<Option<Backup>, StoreError> {
        self.get_item(&Key::backup(owner, id)).await?.map(|item| item::read(item, Kind::Backup)).transpose()
    }

    async fn sets(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<UnitSet>, StoreError> {
        self.read_sets(owner, id).await
    }

    async fn put(&self, owner: &OwnerName, backup: &Backup, expected: Phase) -> Result<(), StoreError> {
        let same = match &backup.frozen {
            Some(_) if backup.phase >= Phase::Deleting => {
                return Err(StoreError::Refused(format!("{} is frozen: it is not deleted", what(backup.id))));
            }
            Some(frozen) => Condition::new("#phase = :phase AND #frozen = :frozen", &["phase", "frozen"])
                .with("frozen", value(frozen)?),
            None => Condition::new("#phase = :phase AND attribute_not_exists(#frozen)", &["phase", "frozen"]),
        };
        let same = same.with("phase", value(&expected)?);
        self.put_item(write(owner, backup)?, Some(same), &what(backup.id)).await
    }

    async fn put_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        self.replace_set(owner, id, set).await
    }

    async fn add_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError> {
        self.insert_set(owner, id, set).await
    }

    async fn set_with(
        &self,
        region: &Region,
        snapshot: &UnitId,
    ) -> Result<Option<(OwnerName, BackupId, UnitSet)>, StoreError> {
        self.find_set(region, snapshot).await
    }

    async fn list(&self, owner: &OwnerName, query: &BackupQuery) -> Result<BackupPage, StoreError> {
        let asked = match &query.policy {
            Some(policy) => Query::of(keys::of_policy(owner, policy)).by(Index::ByPolicy),
            None => Query::of(keys::backups(owner)).consistent(),
        };
        // One more than wanted tells whether there are more.
        let asked = asked.below(query.before.map(keys::number)).backwards().limit(query.limit.saturating_add(1));
        let mut backups: Vec<Backup> = item::read_all(self.query(&asked).await?, Kind::Backup)?;
        let is_all = backups.len() <= query.limit;
        backups.truncate(query.limit);
        let next = backups.last().map(|backup| backup.id).filter(|_| !is_all);
        Ok(BackupPage { backups, next })
    }

    async fn in_phase(
        &self,
        owner: &OwnerName,
        phase: Phase,
        after: Option<BackupId>,
        limit: usize,
    ) -> Result<Vec<Backup>, StoreError> {
        let Some(over) = keys::in_phase(owner, phase) else {
            return Err(StoreError::Refused(format!("no index finds backups in the phase {phase:?}")));
        };
        let query = Query::of(over).by(Index::Due).above(after.map(keys::number)).limit(limit);
        item::read_all(self.query(&query).await?, Kind::Backup)
    }

    async fn remove(&self, owner: &OwnerName, id: BackupId) -> Result<(), StoreError> {
        let Some(backup) = self.backup(owner, id).await? else { return Ok(()) };
        if backup.phase < Phase::Deleting {
            return Err(StoreError::LostRace(what(id)));
        }
        self.delete_items(self.part_keys(owner, id).await?).await?;
        // The record comes last: while it is there, a removal that was cut off is done again.
        self.delete_item(&Key::backup(owner, id), None, &what(id)).await
    }
}
