//! The freezer.

use async_trait::async_trait;
use cpm_domain::{
    audit::Event,
    backup::{LogLine, Phase},
    freezer::{Afterwards, Entry, FreezerName},
    name::OwnerName,
};
use cpm_ports::{Freezer, StoreError};

use super::{FakeStore, backups::lost, data::event_key, of};

#[async_trait]
impl Freezer for FakeStore {
    async fn frozen(&self, owner: &OwnerName) -> Result<Vec<Entry>, StoreError> {
        self.read(&["store:frozen"], owner, |data| of(data, owner).freezer.values().cloned().collect()).await
    }

    async fn frozen_as(&self, owner: &OwnerName, name: &FreezerName) -> Result<Option<Entry>, StoreError> {
        self.read(&["store:frozen_as"], name, |data| of(data, owner).freezer.get(&name.key()).cloned()).await
    }

    async fn freeze(
        &self,
        owner: &OwnerName,
        entry: &Entry,
        lines: &[LogLine],
        event: &Event,
    ) -> Result<(), StoreError> {
        self.write(&["store:freeze"], owner, entry.backup, |owned| {
            let backup = owned.backups.get_mut(&entry.backup);
            let backup = backup.filter(|backup| backup.phase == Phase::Finished && backup.frozen.is_none());
            let backup = backup.ok_or_else(|| lost(entry.backup))?;
            let key = entry.frozen.name.key();
            if owned.freezer.contains_key(&key) {
                return Err(StoreError::LostRace(format!("the name `{}`", entry.frozen.name)));
            }
            backup.frozen = Some(entry.frozen.clone());
            backup.log.extend_from_slice(lines);
            owned.freezer.insert(key, entry.clone());
            owned.audit.insert(event_key(event, 0), event.clone());
            Ok(())
        })
        .await
    }

    async fn unfreeze(
        &self,
        owner: &OwnerName,
        entry: &Entry,
        afterwards: Afterwards,
        lines: &[LogLine],
        event: &Event,
    ) -> Result<(), StoreError> {
        self.write(&["store:unfreeze"], owner, entry.backup, |owned| {
            let backup = owned.backups.get_mut(&entry.backup);
            let backup = backup.filter(|backup| backup.frozen.as_ref() == Some(&entry.frozen));
            let backup = backup.ok_or_else(|| lost(entry.backup))?;
            if afterwards == Afterwards::Retention && !owned.policies.contains_key(&entry.policy) {
                return Err(StoreError::LostRace(format!("policy {}", entry.policy)));
            }
            backup.frozen = None;
            backup.phase = afterwards.phase();
            backup.log.extend_from_slice(lines);
            owned.freezer.remove(&entry.frozen.name.key());
            owned.audit.insert(event_key(event, 0), event.clone());
            Ok(())
        })
        .await
    }
}
