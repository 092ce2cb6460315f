//! The steps of a backup, each safe to repeat: a step that died is run again and finds what was done.

mod after;
mod before;
mod complete;
mod document;
mod finish;
mod origins;
mod plan;
mod progress;
mod quotas;
mod scripts;
mod snapshot;
mod wait;

pub(crate) use complete::close;
pub(crate) use finish::of_policy;
pub use plan::Request;
pub(crate) use scripts::is_frozen;

use cpm_contracts::backup::Running;
use cpm_domain::{
    account::Account,
    backup::{Backup, LogLine, MAX_LOG_LINES},
    id::Region,
};
use cpm_ports::{Access, Clock, Commands, Drivers, Executions, Functions, Place, Store};

use crate::{Error, Result};

/// The steps, with the world they work on.
pub struct Steps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What there is to back up, and what makes units of it.
    pub drivers: &'a Drivers,
    /// What runs scripts on instances.
    pub commands: &'a dyn Commands,
    /// What runs scripts that are functions.
    pub functions: &'a dyn Functions,
    /// The document of Systems Manager that makes shadow copies.
    pub vss_document: &'a str,
    /// What is woken.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The deployment's name, for tags.
    pub deployment: &'a str,
}

impl Steps<'_> {
    async fn backup(&self, running: &Running) -> Result<Backup> {
        let found = self.store.backup(&running.owner, running.backup).await?;
        found.ok_or_else(|| Error::not_found("backup", running.backup))
    }

    async fn account(&self, running: &Running, backup: &Backup) -> Result<Account> {
        let found = self.store.account(&running.owner, &backup.account).await?;
        found.ok_or_else(|| Error::not_found("account", &backup.account))
    }

    /// Stops an execution that no longer has the policy, before it does harm.
    async fn check_lease(&self, running: &Running) -> Result<()> {
        let lease = self.store.lease(&running.owner, &running.policy).await?;
        if lease.is_some_and(|lease| lease.holder == running.holder && lease.backup == running.backup) {
            return Ok(());
        }
        Err(Error::LeaseLost { policy: running.policy.to_string(), holder: running.holder.clone() })
    }
}

fn place(account: &Account, region: &Region) -> Place {
    Place { access: Access::for_backup(account), region: region.clone() }
}

/// The name by which faults and advice speak of the role.
const FUNCTION: &str = "backup";

/// Adds lines to a backup's log, up to its bound.
pub(crate) fn append(backup: &mut Backup, lines: Vec<LogLine>) {
    let room = MAX_LOG_LINES.saturating_sub(backup.log.len());
    backup.log.extend(lines.into_iter().take(room));
}
