//! Leases on policies.

use async_trait::async_trait;
use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure};
use cpm_domain::{
    id::BackupId,
    name::{OwnerName, PolicyName},
};
use cpm_ports::{Lease, LeaseOutcome, Leases, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::refusal,
    index::Index,
    item::{self, Item, Kind, text, value},
    keys::{self, Key},
    table::{Condition, Table},
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

fn what(lease: &Lease) -> String {
    format!("the lease on policy {}", lease.policy)
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
        let before = instead_of.unwrap_or(lease);
        let answer = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(write(owner, lease)?))
            .condition_expression("attribute_not_exists(#pk) OR #holder IN (:holder, :before)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":holder", text(&lease.holder))
            .expression_attribute_values(":before", text(&before.holder))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(LeaseOutcome::Taken) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => match refused.item.clone() {
                Some(held) => Ok(LeaseOutcome::Held(read(held)?)),
                None => Err(StoreError::LostRace(what(lease))),
            },
            _ => Err(refusal(&error, &what(lease))),
        }
    }

    async fn renew(&self, owner: &OwnerName, lease: &Lease, expires: Timestamp) -> Result<(), StoreError> {
        let key = Key::lease(owner, &lease.policy);
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression("SET #expires = :expires, #due_sk = :due_sk")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_names("#due_sk", Index::Due.sk())
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":expires", value(&expires)?)
            .expression_attribute_values(":due_sk", text(keys::due_lease(expires, owner, &lease.policy)))
            .expression_attribute_values(":holder", text(&lease.holder));
        call.send().await.map(|_| ()).map_err(|error| refusal(&error, &what(lease)))
    }

    async fn release(&self, owner: &OwnerName, lease: &Lease) -> Result<(), StoreError> {
        let mine = Condition::new("#holder = :holder", &["holder"]).with("holder", text(&lease.holder));
        match self.delete_item(&Key::lease(owner, &lease.policy), Some(mine), &what(lease)).await {
            Err(StoreError::LostRace(_)) => Ok(()),
            other => other,
        }
    }
}
