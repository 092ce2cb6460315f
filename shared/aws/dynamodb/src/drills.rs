//! Drills.

use async_trait::async_trait;
use cpm_domain::{
    drill::{Drill, DrillId},
    name::OwnerName,
};
use cpm_ports::{DrillPage, DrillQuery, Drills, StoreError};

use crate::{
    index::Index,
    item::{self, Item, Kind},
    keys::{self, Key},
    query::Query,
    table::{Condition, Table},
};

fn write(owner: &OwnerName, drill: &Drill) -> Result<Item, StoreError> {
    let key = Key::drill(owner, drill.id);
    let mut item = item::write(&key, Kind::Drill, drill)?;
    item::enter(&mut item, Index::ByPolicy, keys::drills_of_policy(owner, &drill.policy), key.sk);
    Ok(item)
}

/// A record is written for the first time, or at the version that was read.
pub(crate) fn first_or_at(version: u64) -> Condition {
    if version == 0 { Condition::absent() } else { Condition::at_version(version) }
}

#[async_trait]
impl Drills for Table {
    async fn next_drill(&self, owner: &OwnerName) -> Result<DrillId, StoreError> {
        self.count_up(&Key::drill_counter(owner)).await.map(DrillId)
    }

    async fn drill(&self, owner: &OwnerName, id: DrillId) -> Result<Option<Drill>, StoreError> {
        self.get_item(&Key::drill(owner, id)).await?.map(|item| item::read(item, Kind::Drill)).transpose()
    }

    async fn put_drill(&self, owner: &OwnerName, drill: &Drill) -> Result<(), StoreError> {
        let next = Drill { version: drill.version.saturating_add(1), ..drill.clone() };
        let what = format!("drill {}", drill.id);
        self.put_item(write(owner, &next)?, Some(first_or_at(drill.version)), &what).await
    }

    async fn drills(&self, owner: &OwnerName, query: &DrillQuery) -> Result<DrillPage, StoreError> {
        let asked = match &query.policy {
            Some(policy) => Query::of(keys::drills_of_policy(owner, policy)).by(Index::ByPolicy),
            None => Query::of(keys::drills(owner)).consistent(),
        };
        // One more than wanted tells whether there are more.
        let asked =
            asked.below(query.before.map(keys::drill_number)).backwards().limit(query.limit.saturating_add(1));
        let mut drills: Vec<Drill> = item::read_all(self.query(&asked).await?, Kind::Drill)?;
        let is_all = drills.len() <= query.limit;
        drills.truncate(query.limit);
        let next = drills.last().map(|drill| drill.id).filter(|_| !is_all);
        Ok(DrillPage { drills, next })
    }
}
