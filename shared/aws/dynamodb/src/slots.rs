//! Due instants.

use async_trait::async_trait;
use cpm_domain::{
    name::{OwnerName, PolicyName, ScheduleName},
    recovery::Recovery,
};
use cpm_ports::{Due, DueItem, Slots, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::refusal,
    holds,
    index::Index,
    item::{self, Item, Kind, attribute, text, value},
    keys::{self, Key},
    leases,
    query::Query,
    table::Table,
};

/// What a slot's item holds beside its key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Next {
    /// The next due instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Timestamp>,
}

/// What a drill slot's item holds beside its key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DrillNext {
    /// The schedule.
    pub(crate) schedule: ScheduleName,
    /// The next due instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Timestamp>,
}

/// Where `item` stands in the index.
fn due_key(item: &DueItem) -> String {
    match &item.what {
        Due::Slot { policy, schedule } => keys::due_slot(item.at, &item.owner, policy, schedule),
        Due::Lease(lease) => keys::due_lease(item.at, &item.owner, &lease.policy),
        Due::Recovery(id) => keys::due_recovery(item.at, &item.owner, *id),
        Due::Drill { policy, .. } => keys::due_drill(item.at, &item.owner, policy),
        Due::Hold(hold) => keys::due_hold(item.at, &item.owner, &hold.on),
    }
}

fn read_due(found: Item) -> Result<DueItem, StoreError> {
    if attribute(&found, "item") == Kind::Hold.word() {
        let (owner, hold) = holds::read(found)?;
        return Ok(DueItem { owner, at: hold.expires, what: Due::Hold(hold) });
    }
    let key = item::key(&found);
    let spoilt = |part: &str| item::unreadable(&key, format!("it has no {part}"));
    if attribute(&found, "item") == Kind::Recovery.word() {
        let (owner, id) = key.owner_and_recovery().ok_or_else(|| spoilt("owner and number"))?;
        let recovery: Recovery = item::read(found, Kind::Recovery)?;
        let at = recovery.course.watch.ok_or_else(|| spoilt("instant at which it is looked at"))?;
        return Ok(DueItem { owner, at, what: Due::Recovery(id) });
    }
    let (owner, policy) = key.owner_and_policy().ok_or_else(|| spoilt("owner and policy"))?;
    if attribute(&found, "item") == Kind::Lease.word() {
        let lease = leases::read(found)?;
        return Ok(DueItem { owner, at: lease.expires, what: Due::Lease(lease) });
    }
    if attribute(&found, "item") == Kind::DrillSlot.word() {
        let slot: DrillNext = item::read(found, Kind::DrillSlot)?;
        let at = slot.next.ok_or_else(|| spoilt("due instant"))?;
        return Ok(DueItem { owner, at, what: Due::Drill { policy, schedule: slot.schedule } });
    }
    let schedule = key.schedule_of_slot().ok_or_else(|| spoilt("schedule"))?;
    let slot: Next = item::read(found, Kind::Slot)?;
    let at = slot.next.ok_or_else(|| spoilt("due instant"))?;
    Ok(DueItem { owner, at, what: Due::Slot { policy, schedule } })
}

/// What cannot be read is left out, and logged: one spoilt item must not stop everybody's backups.
fn readable(found: Item) -> Option<DueItem> {
    let told = |error: &StoreError| tracing::error!(%error, code = error.code(), "left out of what is due");
    read_due(found).inspect_err(told).ok()
}

#[async_trait]
impl Slots for Table {
    async fn due(&self, now: Timestamp, after: Option<&DueItem>, limit: usize) -> Result<Vec<DueItem>, StoreError> {
        let to = keys::past(&keys::instant(now));
        // `-` sorts before every digit: no instant is below it.
        let mut from = after.map_or_else(|| "-".to_owned(), |item| keys::just_after(&due_key(item)));
        let mut due = Vec::new();
        while from < to && due.len() < limit {
            let wanted = limit - due.len();
            let query = Query::of(keys::DUE).by(Index::Due).between(from, to.clone()).limit(wanted);
            let found = self.query(&query).await?;
            let Some(last) = found.last().filter(|_| found.len() == wanted) else {
                due.extend(found.into_iter().filter_map(readable));
                break;
            };
            from = keys::just_after(attribute(last, Index::Due.sk()));
            due.extend(found.into_iter().filter_map(readable));
        }
        Ok(due)
    }

    async fn advance(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let key = Key::slot(owner, policy, schedule);
        let mut call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .condition_expression("#next = :at")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#due_pk", Index::Due.pk())
            .expression_attribute_names("#due_sk", Index::Due.sk())
            .expression_attribute_values(":at", value(&at)?);
        call = match next {
            Some(next) => call
                .update_expression("SET #next = :next, #due_pk = :due_pk, #due_sk = :due_sk")
                .expression_attribute_values(":next", value(&next)?)
                .expression_attribute_values(":due_pk", text(keys::DUE))
                .expression_attribute_values(":due_sk", text(keys::due_slot(next, owner, policy, schedule))),
            None => call.update_expression("REMOVE #next, #due_pk, #due_sk"),
        };
        let what = || format!("slot {schedule} of policy {policy}");
        call.send().await.map(|_| ()).map_err(|error| refusal(&error, &what()))
    }

    async fn slots(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Vec<(ScheduleName, Option<Timestamp>)>, StoreError> {
        let query = Query::of(keys::of_policy(owner, policy)).beginning(keys::SLOTS).consistent();
        let read = |found: Item| {
            let key = item::key(&found);
            let schedule = key.schedule_of_slot().ok_or_else(|| item::unreadable(&key, "it has no schedule"))?;
            let slot: Next = item::read(found, Kind::Slot)?;
            Ok((schedule, slot.next))
        };
        self.query(&query).await?.into_iter().map(read).collect()
    }

    async fn advance_drill(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let key = Key::drill_slot(owner, policy);
        let mut call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .condition_expression("#next = :at AND #schedule = :schedule")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#schedule", "schedule")
            .expression_attribute_names("#due_pk", Index::Due.pk())
            .expression_attribute_names("#due_sk", Index::Due.sk())
            .expression_attribute_values(":at", value(&at)?)
            .expression_attribute_values(":schedule", value(schedule)?);
        call = match next {
            Some(next) => call
                .update_expression("SET #next = :next, #due_pk = :due_pk, #due_sk = :due_sk")
                .expression_attribute_values(":next", value(&next)?)
                .expression_attribute_values(":due_pk", text(keys::DUE))
                .expression_attribute_values(":due_sk", text(keys::due_drill(next, owner, policy))),
            None => call.update_expression("REMOVE #next, #due_pk, #due_sk"),
        };
        let what = format!("the drill slot of policy {policy}");
        call.send().await.map(|_| ()).map_err(|error| refusal(&error, &what))
    }

    async fn drill_slot(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Option<(ScheduleName, Option<Timestamp>)>, StoreError> {
        let found = self.get_item(&Key::drill_slot(owner, policy)).await?;
        let slot: Option<DrillNext> = found.map(|item| item::read(item, Kind::DrillSlot)).transpose()?;
        Ok(slot.map(|slot| (slot.schedule, slot.next)))
    }
}
