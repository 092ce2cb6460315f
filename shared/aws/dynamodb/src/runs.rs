//! Runs of scripts.

use async_trait::async_trait;
use cpm_domain::{id::BackupId, name::OwnerName, script::ScriptRun};
use cpm_ports::{ScriptRuns, StoreError};

use crate::{
    item::{self, Item, Kind},
    keys::{self, Key},
    query::Query,
    table::{Condition, Table},
};

fn key(owner: &OwnerName, id: BackupId, run: &ScriptRun) -> Key {
    Key::run(owner, id, run.phase, run.number)
}

/// A run as it is stored.
pub(crate) fn write(owner: &OwnerName, id: BackupId, run: &ScriptRun) -> Result<Item, StoreError> {
    item::write(&key(owner, id, run), Kind::Run, run)
}

pub(crate) fn what(run: &ScriptRun, id: BackupId) -> String {
    format!("run {id}-{}-{}", run.phase, run.number)
}

#[async_trait]
impl ScriptRuns for Table {
    async fn runs(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<ScriptRun>, StoreError> {
        let query = Query::of(keys::of_backup(owner, id)).beginning(keys::RUNS).consistent();
        item::read_all(self.query(&query).await?, Kind::Run)
    }

    async fn put_run(&self, owner: &OwnerName, id: BackupId, run: &ScriptRun) -> Result<(), StoreError> {
        let next = ScriptRun { version: run.version.saturating_add(1), ..run.clone() };
        self.put_item(write(owner, id, &next)?, Some(Condition::at_version(run.version)), &what(run, id)).await
    }
}
