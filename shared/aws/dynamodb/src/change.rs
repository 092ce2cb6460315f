//! Changes of the configuration, with their audit events: both are written or neither.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};
use cpm_domain::{audit::Event, name::OwnerName};
use cpm_ports::{PolicyChange, StoreError};
use serde::Serialize;

use crate::{
    error::{canceled, unbuilt},
    index::Index,
    item::{self, Item, Kind, text},
    keys::{self, Key},
    slots::{DrillNext, Next},
    table::{Condition, Table},
};

/// Changes in one transaction: DynamoDB takes a hundred items, and each change brings its event.
const CHANGES: usize = 50;

/// An owner's item holds nothing beside its key.
#[derive(Serialize)]
struct Enlisted {}

/// One write of a transaction.
pub(crate) struct Write {
    key: Key,
    what: String,
    action: Action,
    when: Option<Condition>,
}

/// What a write does to its item.
enum Action {
    Put(Item),
    Remove,
    /// Changes attributes: an update expression, whose names and values are the condition's.
    Update(String),
    /// Nothing: its condition must hold.
    Check,
}

impl Write {
    pub(crate) fn put(key: Key, what: String, item: Item) -> Self {
        Self { key, what, action: Action::Put(item), when: None }
    }

    pub(crate) fn remove(key: Key, what: String) -> Self {
        Self { key, what, action: Action::Remove, when: None }
    }

    pub(crate) fn update(key: Key, what: String, expression: String, when: Condition) -> Self {
        Self { key, what, action: Action::Update(expression), when: Some(when) }
    }

    pub(crate) fn check(key: Key, what: String, when: Condition) -> Self {
        Self { key, what, action: Action::Check, when: Some(when) }
    }

    pub(crate) fn when(mut self, condition: Condition) -> Self {
        self.when = Some(condition);
        self
    }

    fn build(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let when = self.when;
        let (condition, names, values) =
            when.map_or((None, None, None), |when| (Some(when.text.to_owned()), Some(when.names), when.values));
        let at = HashMap::from([("pk".to_owned(), text(self.key.pk)), ("sk".to_owned(), text(self.key.sk))]);
        let write = TransactWriteItem::builder();
        let write = match self.action {
            Action::Put(item) => write.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(unbuilt)?,
            ),
            Action::Remove => write.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(at))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(unbuilt)?,
            ),
            Action::Update(expression) => write.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(at))
                    .update_expression(expression)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(unbuilt)?,
            ),
            Action::Check => write.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(at))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(unbuilt)?,
            ),
        };
        Ok(write.build())
    }
}

impl Table {
    /// Puts the owner on the list of owners. A read tells whether it is there: hardly ever a write.
    pub(crate) async fn enlist(&self, owner: &OwnerName) -> Result<(), StoreError> {
        let key = Key::owner(owner);
        if self.get_item(&key).await?.is_some() {
            return Ok(());
        }
        self.put_item(item::write(&key, Kind::Owner, &Enlisted {})?, None, &key.to_string()).await
    }

    /// Makes the changes, in as few transactions as they fit in.
    pub(crate) async fn transact(
        &self,
        owner: &OwnerName,
        changes: &[(PolicyChange, Event)],
    ) -> Result<(), StoreError> {
        let mut batch: Vec<Write> = Vec::new();
        let mut taken: HashSet<Key> = HashSet::new();
        for (place, (change, event)) in changes.iter().enumerate() {
            let pair = [write(owner, change)?, event_write(owner, event, place)?];
            // DynamoDB takes an item once in a transaction.
            let again = pair.iter().any(|write| taken.contains(&write.key));
            if again || batch.len() >= 2 * CHANGES {
                self.commit(std::mem::take(&mut batch)).await?;
                taken.clear();
            }
            taken.extend(pair.iter().map(|write| write.key.clone()));
            batch.extend(pair);
        }
        self.commit(batch).await
    }

    /// Makes all writes or none.
    pub(crate) async fn commit(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        let whats: Vec<String> = batch.iter().map(|write| write.what.clone()).collect();
        let writes: Vec<_> = batch.into_iter().map(|write| write.build(&self.name)).collect::<Result<_, _>>()?;
        let call = self.client.transact_write_items().set_transact_items(Some(writes));
        call.send().await.map(|_| ()).map_err(|error| canceled(&error, &whats))
    }
}

pub(crate) fn event_write(owner: &OwnerName, event: &Event, place: usize) -> Result<Write, StoreError> {
    let key = Key::event(owner, event, place);
    let item = item::write(&key, Kind::Event, event)?;
    Ok(Write::put(key, "the audit trail".to_owned(), item))
}

fn write(owner: &OwnerName, change: &PolicyChange) -> Result<Write, StoreError> {
    Ok(match change {
        PolicyChange::PutAccount(account) => {
            let key = Key::account(owner, &account.name);
            let item = item::write(&key, Kind::Account, account)?;
            Write::put(key, format!("account {}", account.name), item)
        }
        PolicyChange::RemoveAccount(name) => Write::remove(Key::account(owner, name), format!("account {name}")),
        PolicyChange::PutSchedule(schedule) => {
            let key = Key::schedule(owner, schedule.name());
            let item = item::write(&key, Kind::Schedule, schedule)?;
            Write::put(key, format!("schedule {}", schedule.name()), item)
        }
        PolicyChange::RemoveSchedule(name) => Write::remove(Key::schedule(owner, name), format!("schedule {name}")),
        PolicyChange::CreatePolicy(policy) | PolicyChange::PutPolicy(policy) => {
            let key = Key::policy(owner, &policy.name);
            let item = item::write(&key, Kind::Policy, policy)?;
            let is_new = matches!(change, PolicyChange::CreatePolicy(_));
            Write::put(key, format!("policy {}", policy.name), item).when(if is_new {
                Condition::absent()
            } else {
                Condition::present()
            })
        }
        PolicyChange::RemovePolicy(name) => Write::remove(Key::policy(owner, name), format!("policy {name}")),
        PolicyChange::PutTarget(policy, target) => {
            let key = Key::target(owner, policy, &target.key());
            let mut item = item::write(&key, Kind::Target, target)?;
            let of_resource = keys::of_resource(owner, &target.key());
            item::enter(&mut item, Index::ByResource, of_resource, policy.to_string());
            Write::put(key, format!("{} of policy {policy}", target.key()), item)
        }
        PolicyChange::RemoveTarget(policy, target) => {
            Write::remove(Key::target(owner, policy, target), format!("{target} of policy {policy}"))
        }
        PolicyChange::PutSlot { policy, schedule, next } => {
            let key = Key::slot(owner, policy, schedule);
            let mut item = item::write(&key, Kind::Slot, &Next { next: *next })?;
            if let Some(next) = next {
                let due = keys::due_slot(*next, owner, policy, schedule);
                item::enter(&mut item, Index::Due, keys::DUE.to_owned(), due);
            }
            Write::put(key, format!("slot {schedule} of policy {policy}"), item)
        }
        PolicyChange::RemoveSlot { policy, schedule } => {
            Write::remove(Key::slot(owner, policy, schedule), format!("slot {schedule} of policy {policy}"))
        }
        PolicyChange::PutDrillSlot { policy, schedule, next } => {
            let key = Key::drill_slot(owner, policy);
            let body = DrillNext { schedule: schedule.clone(), next: *next };
            let mut item = item::write(&key, Kind::DrillSlot, &body)?;
            if let Some(next) = next {
                item::enter(&mut item, Index::Due, keys::DUE.to_owned(), keys::due_drill(*next, owner, policy));
            }
            Write::put(key, format!("the drill slot of policy {policy}"), item)
        }
        PolicyChange::RemoveDrillSlot { policy } => {
            Write::remove(Key::drill_slot(owner, policy), format!("the drill slot of policy {policy}"))
        }
        PolicyChange::PutSettings(settings) => {
            let key = Key::settings(owner);
            let item = item::write(&key, Kind::Settings, settings)?;
            Write::put(key, "the settings".to_owned(), item)
        }
    })
}
