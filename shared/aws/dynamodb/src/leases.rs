//! Leases on policies.

use async_trait::async_trait;
use cpm_domain::{
    id::BackupId,
    name::{OwnerName, PolicyName},
};
use cpm_ports::{Lease, LeaseOutcome, Leases, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    index::Index,
    item::{self, Item, Kind},
    keys::{self, Key},
    lock::Lock,
    table::Table,
};

/// What a lease's item holds beside its key.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    holder: String,
    execution: String,
    backup: BackupId,
    expires: Timestamp,
    resumed: u32,
}

/// Reads a lease, from the table or from an index.
pub(crate) fn read(found: Item) -> Result<Lease, StoreError> {
    let key = item::key(&found);
    let (_, policy) = key.owner_and_policy().ok_or_else(|| item::unreadable(&key, "it has no policy"))?;
    let Held { holder, execution, backup, expires, resumed } = item::read(found, Kind::Lease)?;
    Ok(Lease { policy, holder, execution, backup, expires, resumed })
}

fn write(owner: &OwnerName, lease: &Lease) -> Result<Item, StoreError> {
    let Lease { policy, holder, execution, backup, expires, resumed } = lease.clone();
    let key = Key::lease(owner, &policy);
    let mut item = item::write(&key, Kind::Lease, &Held { holder, execution, backup, expires, resumed })?;
    item::enter(&mut item, Index::Due, keys::DUE.to_owned(), keys::due_lease(expires, owner, &policy));
    Ok(item)
}

fn lock<'a>(owner: &OwnerName, lease: &'a Lease) -> Lock<'a> {
    let what = format!("the lease on policy {}", lease.policy);
    Lock { key: Key::lease(owner, &lease.policy), attribute: "holder", holder: &lease.holder, what }
}

#[async_trait]
impl Leases for Table {
    async fn lease(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Option<Lease>, StoreError> {
        self.get_item(&Key::lease(owner, policy)).await?.map(read).transpose()
    }

    async fn take(
        &self,
        owner: &OwnerName,
        lease: &Lease,
        instead_of: Option<&Lease>,
    ) -> Result<LeaseOutcome, StoreError> {
        let before = &instead_of.unwrap_or(lease).holder;
        Ok(match self.take_lock(&lock(owner, lease), write(owner, lease)?, before).await? {
            None => LeaseOutcome::Taken,
            Some(held) => LeaseOutcome::Held(read(held)?),
        })
    }

    async fn renew(&self, owner: &OwnerName, lease: &Lease, expires: Timestamp) -> Result<(), StoreError> {
        self.renew_lock(&lock(owner, lease), expires, keys::due_lease(expires, owner, &lease.policy)).await
    }

    async fn release(&self, owner: &OwnerName, lease: &Lease) -> Result<(), StoreError> {
        self.release_lock(&lock(owner, lease)).await
    }
}
