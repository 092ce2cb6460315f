//! The freezer: an item for each name, and the mark in the backup's record. Both change in one transaction.
//!
//! The record is updated, not replaced: what somebody else wrote to it meanwhile stays.

use async_trait::async_trait;
use cpm_domain::{
    audit::Event,
    backup::{LogLine, Phase},
    freezer::{Afterwards, Entry, FreezerName},
    name::OwnerName,
};
use cpm_ports::{Freezer, StoreError};

use crate::{
    backups,
    change::{Write, event_write},
    index::Index,
    item::{self, Kind, text, value},
    keys::{self, Key},
    query::Query,
    table::{Condition, Table},
};

fn named(entry: &Entry) -> String {
    format!("the name `{}`", entry.frozen.name)
}

#[async_trait]
impl Freezer for Table {
    async fn frozen(&self, owner: &OwnerName) -> Result<Vec<Entry>, StoreError> {
        item::read_all(self.query(&Query::of(keys::freezer(owner)).consistent()).await?, Kind::Frozen)
    }

    async fn frozen_as(&self, owner: &OwnerName, name: &FreezerName) -> Result<Option<Entry>, StoreError> {
        self.get_item(&Key::frozen(owner, name)).await?.map(|item| item::read(item, Kind::Frozen)).transpose()
    }

    async fn freeze(
        &self,
        owner: &OwnerName,
        entry: &Entry,
        lines: &[LogLine],
        event: &Event,
    ) -> Result<(), StoreError> {
        let free = Condition::new("#phase = :phase AND attribute_not_exists(#frozen)", &["phase", "frozen", "log"])
            .with("phase", value(&Phase::Finished)?)
            .with("frozen", value(&entry.frozen)?)
            .with("lines", value(&lines)?);
        let mark = "SET #frozen = :frozen, #log = list_append(#log, :lines)".to_owned();
        let key = Key::frozen(owner, &entry.frozen.name);
        let name = item::write(&key, Kind::Frozen, entry)?;
        self.commit(vec![
            Write::update(Key::backup(owner, entry.backup), backups::what(entry.backup), mark, free),
            Write::put(key, named(entry), name).when(Condition::absent()),
            event_write(owner, event, 0)?,
        ])
        .await
    }

    async fn unfreeze(
        &self,
        owner: &OwnerName,
        entry: &Entry,
        afterwards: Afterwards,
        lines: &[LogLine],
        event: &Event,
    ) -> Result<(), StoreError> {
        let record = Key::backup(owner, entry.backup);
        let mut names = vec!["phase", "frozen", "log"];
        let mut set = "SET #phase = :phase, #log = list_append(#log, :lines)".to_owned();
        let over = keys::in_phase(owner, afterwards.phase());
        if over.is_some() {
            names.extend([Index::Due.pk(), Index::Due.sk()]);
            set.push_str(", #due_pk = :due_pk, #due_sk = :due_sk");
        }
        let mut held = Condition::new("#frozen = :frozen", &names)
            .with("frozen", value(&entry.frozen)?)
            .with("phase", value(&afterwards.phase())?)
            .with("lines", value(&lines)?);
        if let Some(over) = over {
            held = held.with(Index::Due.pk(), text(over)).with(Index::Due.sk(), text(&record.sk));
        }
        let mut writes = vec![
            Write::update(record, backups::what(entry.backup), format!("{set} REMOVE #frozen"), held),
            Write::remove(Key::frozen(owner, &entry.frozen.name), named(entry)),
            event_write(owner, event, 0)?,
        ];
        if afterwards == Afterwards::Retention {
            let policy = Key::policy(owner, &entry.policy);
            writes.push(Write::check(policy, format!("policy {}", entry.policy), Condition::present()));
        }
        self.commit(writes).await
    }
}
