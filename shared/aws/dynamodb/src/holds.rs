//! Holds on drills and scenarios.

use async_trait::async_trait;
use cpm_domain::name::OwnerName;
use cpm_ports::{Held, Hold, Holds, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    index::Index,
    item::{self, Item, Kind},
    keys::{self, Key},
    lock::Lock,
    table::Table,
};

/// What a hold's item holds beside its key.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    number: u64,
    execution: String,
    expires: Timestamp,
    resumed: u32,
}

/// Reads a hold, from the table or from an index.
pub(crate) fn read(found: Item) -> Result<(OwnerName, Hold), StoreError> {
    let key = item::key(&found);
    let (owner, on) = key.owner_and_held().ok_or_else(|| item::unreadable(&key, "it is on nothing"))?;
    let Body { number, execution, expires, resumed } = item::read(found, Kind::Hold)?;
    Ok((owner, Hold { on, number, execution, expires, resumed }))
}

fn write(owner: &OwnerName, hold: &Hold) -> Result<Item, StoreError> {
    let Hold { on, number, execution, expires, resumed } = hold.clone();
    let body = Body { number, execution, expires, resumed };
    let mut item = item::write(&Key::hold(owner, &on), Kind::Hold, &body)?;
    item::enter(&mut item, Index::Due, keys::DUE.to_owned(), keys::due_hold(expires, owner, &on));
    Ok(item)
}

fn lock<'a>(owner: &OwnerName, hold: &'a Hold) -> Lock<'a> {
    let what = format!("the hold on {}", hold.on);
    Lock { key: Key::hold(owner, &hold.on), attribute: "execution", holder: &hold.execution, what }
}

#[async_trait]
impl Holds for Table {
    async fn hold(&self, owner: &OwnerName, on: &Held) -> Result<Option<Hold>, StoreError> {
        let found = self.get_item(&Key::hold(owner, on)).await?.map(read).transpose()?;
        Ok(found.map(|(_, hold)| hold))
    }

    async fn take_hold(
        &self,
        owner: &OwnerName,
        hold: &Hold,
        instead_of: Option<&Hold>,
    ) -> Result<Option<Hold>, StoreError> {
        let before = &instead_of.unwrap_or(hold).execution;
        let standing = self.take_lock(&lock(owner, hold), write(owner, hold)?, before).await?;
        standing.map(|standing| Ok(read(standing)?.1)).transpose()
    }

    async fn renew_hold(&self, owner: &OwnerName, hold: &Hold, expires: Timestamp) -> Result<(), StoreError> {
        self.renew_lock(&lock(owner, hold), expires, keys::due_hold(expires, owner, &hold.on)).await
    }

    async fn release_hold(&self, owner: &OwnerName, hold: &Hold) -> Result<(), StoreError> {
        self.release_lock(&lock(owner, hold)).await
    }
}
