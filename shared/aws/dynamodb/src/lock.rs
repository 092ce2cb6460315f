//! Items of which one has at most one holder until it expires: leases on policies, holds on drills and scenarios.

use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure};
use cpm_ports::StoreError;
use jiff::Timestamp;

use crate::{
    error::refusal,
    index::Index,
    item::{Item, text, value},
    keys::Key,
    table::{Condition, Table},
};

/// Who holds an item, and how to speak of it.
pub(crate) struct Lock<'a> {
    pub(crate) key: Key,
    /// The attribute that names the holder.
    pub(crate) attribute: &'static str,
    pub(crate) holder: &'a str,
    pub(crate) what: String,
}

impl Table {
    /// Puts the item of a lock if nobody holds it, or its holder or `before` does. The item of another holder is answered.
    pub(crate) async fn take_lock(
        &self,
        lock: &Lock<'_>,
        item: Item,
        before: &str,
    ) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk) OR #holder IN (:holder, :before)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#holder", lock.attribute)
            .expression_attribute_values(":holder", text(lock.holder))
            .expression_attribute_values(":before", text(before))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => match refused.item.clone() {
                Some(held) => Ok(Some(held)),
                None => Err(StoreError::LostRace(lock.what.clone())),
            },
            _ => Err(refusal(&error, &lock.what)),
        }
    }

    /// Moves the end of what its holder holds, and its place among what is due.
    pub(crate) async fn renew_lock(
        &self,
        lock: &Lock<'_>,
        expires: Timestamp,
        due: String,
    ) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(&lock.key.pk))
            .key("sk", text(&lock.key.sk))
            .update_expression("SET #expires = :expires, #due_sk = :due_sk")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_names("#due_sk", Index::Due.sk())
            .expression_attribute_names("#holder", lock.attribute)
            .expression_attribute_values(":expires", value(&expires)?)
            .expression_attribute_values(":due_sk", text(due))
            .expression_attribute_values(":holder", text(lock.holder));
        call.send().await.map(|_| ()).map_err(|error| refusal(&error, &lock.what))
    }

    /// Lets go of what its holder holds. What another holds stays.
    pub(crate) async fn release_lock(&self, lock: &Lock<'_>) -> Result<(), StoreError> {
        let mine = Condition::held_by(lock.attribute, lock.holder);
        match self.delete_item(&lock.key, Some(mine), &lock.what).await {
            Err(StoreError::LostRace(_)) => Ok(()),
            other => other,
        }
    }
}
