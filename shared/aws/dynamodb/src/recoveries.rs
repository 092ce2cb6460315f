//! Recoveries and their works.

use async_trait::async_trait;
use cpm_domain::{
    name::OwnerName,
    recovery::{Recovery, RecoveryId, work::Work},
};
use cpm_ports::{Recoveries, RecoveryPage, RecoveryQuery, StoreError};

use crate::{
    index::Index,
    item::{self, Item, Kind},
    keys::{self, Key},
    query::Query,
    table::{Condition, Table, all_at_once},
};

/// A recovery as it is stored.
fn write(owner: &OwnerName, recovery: &Recovery) -> Result<Item, StoreError> {
    let key = Key::recovery(owner, recovery.id);
    let mut item = item::write(&key, Kind::Recovery, recovery)?;
    item::enter(&mut item, Index::ByPolicy, keys::recoveries_of_policy(owner, &recovery.policy), key.sk);
    if let Some(watch) = recovery.course.watch.filter(|_| !recovery.state.is_ended()) {
        item::enter(&mut item, Index::Due, keys::DUE.to_owned(), keys::due_recovery(watch, owner, recovery.id));
    }
    Ok(item)
}

/// A work as it is stored after this write of it.
fn write_work(owner: &OwnerName, id: RecoveryId, work: &Work) -> Result<Item, StoreError> {
    let next = Work { version: work.version.saturating_add(1), ..work.clone() };
    item::write(&Key::work(owner, id, work.number), Kind::Work, &next)
}

fn what(work: &Work, id: RecoveryId) -> String {
    format!("work {} of recovery {id}", work.number)
}

#[async_trait]
impl Recoveries for Table {
    async fn next_recovery(&self, owner: &OwnerName) -> Result<RecoveryId, StoreError> {
        self.count_up(&Key::recovery_counter(owner)).await.map(RecoveryId)
    }

    async fn recovery(&self, owner: &OwnerName, id: RecoveryId) -> Result<Option<Recovery>, StoreError> {
        self.get_item(&Key::recovery(owner, id)).await?.map(|item| item::read(item, Kind::Recovery)).transpose()
    }

    async fn put_recovery(&self, owner: &OwnerName, recovery: &Recovery) -> Result<(), StoreError> {
        let condition =
            if recovery.version == 0 { Condition::absent() } else { Condition::at_version(recovery.version) };
        let next = Recovery { version: recovery.version.saturating_add(1), ..recovery.clone() };
        self.put_item(write(owner, &next)?, Some(condition), &format!("recovery {}", recovery.id)).await
    }

    async fn recoveries(&self, owner: &OwnerName, query: &RecoveryQuery) -> Result<RecoveryPage, StoreError> {
        let asked = match &query.policy {
            Some(policy) => Query::of(keys::recoveries_of_policy(owner, policy)).by(Index::ByPolicy),
            None => Query::of(keys::recoveries(owner)).consistent(),
        };
        // One more than wanted tells whether there are more.
        let before = query.before.map(keys::recovery_number);
        let asked = asked.below(before).backwards().limit(query.limit.saturating_add(1));
        let mut recoveries: Vec<Recovery> = item::read_all(self.query(&asked).await?, Kind::Recovery)?;
        let is_all = recoveries.len() <= query.limit;
        recoveries.truncate(query.limit);
        let next = recoveries.last().map(|recovery| recovery.id).filter(|_| !is_all);
        Ok(RecoveryPage { recoveries, next })
    }

    async fn add_works(&self, owner: &OwnerName, id: RecoveryId, works: &[Work]) -> Result<(), StoreError> {
        let mut writes = Vec::with_capacity(works.len());
        for work in works {
            writes.push((write_work(owner, id, work)?, what(work, id)));
        }
        all_at_once(writes.into_iter().map(|(item, what)| async move {
            match self.put_item(item, Some(Condition::absent()), &what).await {
                Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
                Err(error) => Err(error),
            }
        }))
        .await
    }

    async fn works(&self, owner: &OwnerName, id: RecoveryId) -> Result<Vec<Work>, StoreError> {
        let query = Query::of(keys::of_recovery(owner, id)).beginning(keys::WORKS).consistent();
        item::read_all(self.query(&query).await?, Kind::Work)
    }

    async fn put_work(&self, owner: &OwnerName, id: RecoveryId, work: &Work) -> Result<(), StoreError> {
        let condition = Condition::at_version(work.version);
        self.put_item(write_work(owner, id, work)?, Some(condition), &what(work, id)).await
    }
}
