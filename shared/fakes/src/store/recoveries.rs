//! Recoveries with their works, and how the sources of backups were.

use async_trait::async_trait;
use cpm_domain::{
    id::BackupId,
    name::OwnerName,
    origin::SourceRecord,
    recovery::{Recovery, RecoveryId, work::Work},
    target::TargetKey,
};
use cpm_ports::{Origins, Recoveries, RecoveryPage, RecoveryQuery, StoreError};

use super::{FakeStore, data::Owned, fits, of};
use crate::script::Extent;

#[async_trait]
impl Origins for FakeStore {
    async fn put_origins(&self, owner: &OwnerName, id: BackupId, origins: &[SourceRecord]) -> Result<(), StoreError> {
        self.write_parts(&["store:put_origins"], owner, id, |owned, extent| {
            let some = if extent == Extent::Whole { origins.len() } else { origins.len() / 2 };
            for origin in origins.iter().take(some) {
                fits(origin, format!("how {} was in backup {id}", origin.resource.id()))?;
                let key = TargetKey { region: origin.region.clone(), resource: origin.resource.clone() };
                owned.origins.insert((id, key), origin.clone());
            }
            Ok(())
        })
        .await
    }

    async fn origins(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<SourceRecord>, StoreError> {
        self.read(&["store:origins"], id, |data| {
            let all = of(data, owner).origins.iter().filter(|((backup, _), _)| *backup == id);
            all.map(|(_, origin)| origin.clone()).collect()
        })
        .await
    }
}

#[async_trait]
impl Recoveries for FakeStore {
    async fn next_recovery(&self, owner: &OwnerName) -> Result<RecoveryId, StoreError> {
        self.write(&["store:next_recovery"], owner, owner, |owned| {
            owned.last_recovery += 1;
            Ok(RecoveryId(owned.last_recovery))
        })
        .await
    }

    async fn recovery(&self, owner: &OwnerName, id: RecoveryId) -> Result<Option<Recovery>, StoreError> {
        self.read(&["store:recovery"], id, |data| of(data, owner).recoveries.get(&id).cloned()).await
    }

    async fn put_recovery(&self, owner: &OwnerName, recovery: &Recovery) -> Result<(), StoreError> {
        self.write(&["store:put_recovery"], owner, recovery.id, |owned| {
            fits(recovery, recovery.id)?;
            if owned.recoveries.get(&recovery.id).map_or(0, |stored| stored.version) != recovery.version {
                return Err(StoreError::LostRace(format!("recovery {}", recovery.id)));
            }
            let next = Recovery { version: recovery.version + 1, ..recovery.clone() };
            owned.recoveries.insert(recovery.id, next);
            Ok(())
        })
        .await
    }

    async fn recoveries(&self, owner: &OwnerName, query: &RecoveryQuery) -> Result<RecoveryPage, StoreError> {
        let Some(policy) = &query.policy else {
            return self.read(&["store:recoveries"], owner, |data| page(of(data, owner), query)).await;
        };
        self.read_index(&["store:recoveries"], policy, |data| page(of(data, owner), query)).await
    }

    async fn add_works(&self, owner: &OwnerName, id: RecoveryId, works: &[Work]) -> Result<(), StoreError> {
        self.write_parts(&["store:add_works"], owner, id, |owned, extent| {
            let some = if extent == Extent::Whole { works.len() } else { works.len() / 2 };
            for work in works.iter().take(some) {
                fits(work, format!("work {} of recovery {id}", work.number))?;
                let stored = Work { version: work.version + 1, ..work.clone() };
                owned.works.entry((id, work.number)).or_insert(stored);
            }
            Ok(())
        })
        .await
    }

    async fn works(&self, owner: &OwnerName, id: RecoveryId) -> Result<Vec<Work>, StoreError> {
        self.read(&["store:works"], id, |data| {
            of(data, owner).works.range((id, 0)..=(id, u32::MAX)).map(|(_, work)| work.clone()).collect()
        })
        .await
    }

    async fn put_work(&self, owner: &OwnerName, id: RecoveryId, work: &Work) -> Result<(), StoreError> {
        let name = format!("work {} of recovery {id}", work.number);
        self.write(&["store:put_work"], owner, name.clone(), |owned| {
            fits(work, &name)?;
            match owned.works.get_mut(&(id, work.number)) {
                Some(stored) if stored.version == work.version => {
                    *stored = Work { version: work.version + 1, ..work.clone() };
                    Ok(())
                }
                _ => Err(StoreError::LostRace(name)),
            }
        })
        .await
    }
}

fn page(owned: &Owned, query: &RecoveryQuery) -> RecoveryPage {
    let wanted = |recovery: &&Recovery| {
        query.policy.as_ref().is_none_or(|policy| recovery.policy == *policy)
            && query.before.is_none_or(|before| recovery.id < before)
    };
    let mut recoveries: Vec<Recovery> = owned.recoveries.values().rev().filter(wanted).cloned().collect();
    let is_all = recoveries.len() <= query.limit;
    recoveries.truncate(query.limit);
    let next = recoveries.last().map(|recovery| recovery.id).filter(|_| !is_all);
    RecoveryPage { recoveries, next }
}
