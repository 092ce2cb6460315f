//! How the sources of backups were. They live in the partition of their backup, and so they go with it.

use async_trait::async_trait;
use cpm_domain::{id::BackupId, name::OwnerName, origin::SourceRecord};
use cpm_ports::{Origins, StoreError};

use crate::{
    item::{self, Kind},
    keys::{self, Key},
    query::Query,
    table::{Table, all_at_once},
};

#[async_trait]
impl Origins for Table {
    async fn put_origins(&self, owner: &OwnerName, id: BackupId, origins: &[SourceRecord]) -> Result<(), StoreError> {
        let mut writes = Vec::with_capacity(origins.len());
        for origin in origins {
            let item = item::write(&Key::origin(owner, id, origin), Kind::Origin, origin)?;
            writes.push((item, format!("how {} was in backup {id}", origin.resource.id())));
        }
        all_at_once(writes.into_iter().map(|(item, what)| async move { self.put_item(item, None, &what).await }))
            .await
    }

    async fn origins(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<SourceRecord>, StoreError> {
        let query = Query::of(keys::of_backup(owner, id)).beginning(keys::ORIGINS).consistent();
        let mut origins: Vec<SourceRecord> = item::read_all(self.query(&query).await?, Kind::Origin)?;
        // The table sorts kinds by their words.
        origins.sort_by(|a, b| (&a.region, &a.resource).cmp(&(&b.region, &b.resource)));
        Ok(origins)
    }
}
