//! Holds on drills and scenarios.

use async_trait::async_trait;
use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure};
use cpm_domain::name::OwnerName;
use cpm_ports::{Held, Hold, Holds, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::refusal,
    index::Index,
    item::{self, Item, Kind, text, value},
    keys::{self, Key},
    table::{Condition, Table},
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

fn what(hold: &Hold) -> String {
    format!("the hold on {}", hold.on)
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
        let before = instead_of.unwrap_or(hold);
        let answer = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(write(owner, hold)?))
            .condition_expression("attribute_not_exists(#pk) OR #execution IN (:execution, :before)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#execution", "execution")
            .expression_attribute_values(":execution", text(&hold.execution))
            .expression_attribute_values(":before", text(&before.execution))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => match refused.item.clone() {
                Some(standing) => Ok(Some(read(standing)?.1)),
                None => Err(StoreError::LostRace(what(hold))),
            },
            _ => Err(refusal(&error, &what(hold))),
        }
    }

    async fn renew_hold(&self, owner: &OwnerName, hold: &Hold, expires: Timestamp) -> Result<(), StoreError> {
        let key = Key::hold(owner, &hold.on);
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression("SET #expires = :expires, #due_sk = :due_sk")
            .condition_expression("#execution = :execution")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_names("#due_sk", Index::Due.sk())
            .expression_attribute_names("#execution", "execution")
            .expression_attribute_values(":expires", value(&expires)?)
            .expression_attribute_values(":due_sk", text(keys::due_hold(expires, owner, &hold.on)))
            .expression_attribute_values(":execution", text(&hold.execution));
        call.send().await.map(|_| ()).map_err(|error| refusal(&error, &what(hold)))
    }

    async fn release_hold(&self, owner: &OwnerName, hold: &Hold) -> Result<(), StoreError> {
        let mine = Condition::new("#execution = :execution", &["execution"]).with("execution", text(&hold.execution));
        match self.delete_item(&Key::hold(owner, &hold.on), Some(mine), &what(hold)).await {
            Err(StoreError::LostRace(_)) => Ok(()),
            other => other,
        }
    }
}
