//! The audit trail.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_trait::async_trait;
use cpm_domain::{audit::Event, name::OwnerName};
use cpm_ports::{AuditTrail, StoreError};
use jiff::Timestamp;

use crate::{
    item::{self, Item, Kind},
    keys::{self, Key},
    query::Query,
    table::Table,
};

impl Key {
    /// By time, then by place in its call. The hash keeps two calls of one instant apart, and makes a repeated call
    /// write the same item again.
    pub(crate) fn event(owner: &OwnerName, event: &Event, place: usize) -> Self {
        let mut hasher = DefaultHasher::new();
        (event.actor.to_string(), &event.action, &event.subject, &event.details).hash(&mut hasher);
        Self::new(keys::audit(owner), format!("{}#{place:06}#{:016x}", keys::instant(event.time), hasher.finish()))
    }
}

#[async_trait]
impl AuditTrail for Table {
    async fn record(&self, owner: &OwnerName, event: &Event) -> Result<(), StoreError> {
        let key = Key::event(owner, event, 0);
        self.put_item(item::write(&key, Kind::Event, event)?, None, &key.to_string()).await
    }

    async fn events(
        &self,
        owner: &OwnerName,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let newest = Query::of(keys::audit(owner)).below(before.map(keys::instant)).backwards().limit(limit);
        let mut found = self.query(&newest).await?;
        if found.len() == limit {
            found.extend(self.rest_of_instant(owner, found.last()).await?);
        }
        item::read_all(found, Kind::Event)
    }
}

impl Table {
    /// The events of the same instant that a limit cut off.
    async fn rest_of_instant(&self, owner: &OwnerName, last: Option<&Item>) -> Result<Vec<Item>, StoreError> {
        let Some(last) = last.map(item::key) else { return Ok(vec![]) };
        let instant = last.sk.split('#').next().unwrap_or_default();
        let query = Query::of(keys::audit(owner)).between(format!("{instant}#"), last.sk.clone()).backwards();
        let mut found = self.query(&query).await?;
        found.retain(|item| item::key(item) != last);
        Ok(found)
    }
}
