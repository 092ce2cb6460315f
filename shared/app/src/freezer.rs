//! The freezer: a backup goes in under a name, and stays until a person takes it out.
//!
//! The record, the name and the audit event change in one transaction. Who loses a race reads again and decides again,
//! and is told what stands in the way now.

use std::collections::BTreeSet;

use cpm_contracts::api::{FreezeRequest, FreezerList, FrozenView, Started, Unfrozen};
use cpm_domain::{
    audit::{Actor, Event},
    backup::{Backup, Log, LogLine, MAX_LOG_LINES},
    freezer::{self, Afterwards, Entry, FreezerName, Frozen, Unfit},
    name::{OwnerName, PolicyName},
};
use cpm_ports::{Clock, Executions, Store, StoreError};

use crate::{Error, Result, run};

/// How often a lost race is run again.
const RACES: u32 = 5;

/// An owner's freezer, as somebody works on it.
pub struct Freezer<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The state machines: what leaves the freezer for good is cleaned up.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whose.
    pub owner: &'a OwnerName,
    /// Who works on it.
    pub actor: &'a Actor,
}

impl Freezer<'_> {
    /// Freezes a backup. Asked for again in the same words, it is as it was.
    pub async fn add(&self, request: &FreezeRequest) -> Result<FrozenView> {
        for _ in 0..RACES {
            let found = self.store.backup(self.owner, request.backup).await?;
            let backup = found.ok_or_else(|| Error::not_found("backup", request.backup))?;
            match freezer::fit(&backup) {
                Ok(()) => {}
                Err(Unfit::Frozen(..)) if asked_before(&backup, request) => return self.show(&request.name).await,
                Err(unfit) => return Err(Error::conflict(unfit.to_string(), unfit.advice())),
            }
            self.check_free(&request.name).await?;
            let (name, description) = (request.name.clone(), request.description.clone());
            let entry = Entry::new(&backup, Frozen { name, description, time: self.clock.now() });
            let line = format!("moved into the freezer as `{}` by {}", entry.frozen.name, self.actor);
            let event = self.event("freezer.add", &entry, "retention passes it over");
            match self.store.freeze(self.owner, &entry, &self.lines(&backup, line), &event).await {
                Ok(()) => return self.view(entry).await,
                Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::LostRace(format!("backup {}", request.backup)).into())
    }

    /// What is in the freezer and has all `words`, in any case, in its name or description.
    pub async fn list(&self, words: &str) -> Result<FreezerList> {
        let mut entries = self.store.frozen(self.owner).await?;
        entries.retain(|entry| entry.frozen.has_words(words));
        if entries.is_empty() {
            return Ok(FreezerList { frozen: Vec::new() });
        }
        let policies: BTreeSet<PolicyName> =
            self.store.policies(self.owner).await?.into_iter().map(|policy| policy.name).collect();
        let view = |entry: Entry| {
            let afterwards = Afterwards::of(policies.contains(&entry.policy));
            FrozenView::new(entry, afterwards)
        };
        Ok(FreezerList { frozen: entries.into_iter().map(view).collect() })
    }

    /// One frozen backup.
    pub async fn show(&self, name: &FreezerName) -> Result<FrozenView> {
        self.view(self.entry(name).await?).await
    }

    /// Takes a backup out. It is under retention again, or deleted if its policy is gone; when `expected` says something
    /// else than what would become of it, nothing is done.
    pub async fn remove(&self, name: &FreezerName, expected: Option<Afterwards>) -> Result<Unfrozen> {
        for _ in 0..RACES {
            let entry = self.entry(name).await?;
            let afterwards = self.afterwards(&entry).await?;
            if expected.is_some_and(|expected| expected != afterwards) {
                return Err(Error::conflict(
                    format!("it would come to something else now: {}", afterwards.tell(entry.backup, &entry.policy)),
                    format!("look at it with `cpm freezer show '{}'`, then decide again", entry.frozen.name),
                ));
            }
            let found = self.store.backup(self.owner, entry.backup).await?;
            let backup = found.ok_or_else(|| Error::not_found("backup", entry.backup))?;
            let told = afterwards.tell(entry.backup, &entry.policy);
            let line = format!("taken out of the freezer (`{}`) by {}: {told}", entry.frozen.name, self.actor);
            let event = self.event("freezer.remove", &entry, &told);
            let lines = self.lines(&backup, line);
            match self.store.unfreeze(self.owner, &entry, afterwards, &lines, &event).await {
                Ok(()) => return Ok(self.taken_out(entry, afterwards).await),
                Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::LostRace(format!("the name `{name}`")).into())
    }

    async fn taken_out(&self, entry: Entry, afterwards: Afterwards) -> Unfrozen {
        let cleanup = match afterwards {
            Afterwards::Retention => None,
            Afterwards::Deletion => self.clean_up().await,
        };
        Unfrozen { name: entry.frozen.name, backup: entry.backup, policy: entry.policy, afterwards, cleanup }
    }

    /// Starts the cleanup. What is marked is cleaned up sooner or later anyway: a start that fails is no failure.
    async fn clean_up(&self) -> Option<Started> {
        let started = run::cleanup(self.executions, self.clock, self.owner, None, &self.actor.to_string()).await;
        started.inspect_err(|error| tracing::warn!(%error, "the scheduled cleanup will do it")).ok()
    }

    async fn entry(&self, name: &FreezerName) -> Result<Entry> {
        let found = self.store.frozen_as(self.owner, name).await?;
        found.ok_or_else(|| Error::not_found("frozen backup", name))
    }

    async fn view(&self, entry: Entry) -> Result<FrozenView> {
        let afterwards = self.afterwards(&entry).await?;
        Ok(FrozenView::new(entry, afterwards))
    }

    async fn afterwards(&self, entry: &Entry) -> Result<Afterwards> {
        Ok(Afterwards::of(self.store.policy(self.owner, &entry.policy).await?.is_some()))
    }

    async fn check_free(&self, name: &FreezerName) -> Result<()> {
        let Some(taken) = self.store.frozen_as(self.owner, name).await? else { return Ok(()) };
        Err(Error::conflict(
            format!("the name `{}` is taken: backup {} is in the freezer under it", taken.frozen.name, taken.backup),
            "give another name; `cpm freezer list` shows those that are taken",
        ))
    }

    /// A line for the log of a backup, if it has room.
    fn lines(&self, backup: &Backup, message: String) -> Vec<LogLine> {
        let mut log = Log::default();
        log.info(self.clock.now(), message);
        if backup.log.len() < MAX_LOG_LINES { log.into_lines() } else { Vec::new() }
    }

    fn event(&self, action: &str, entry: &Entry, what: &str) -> Event {
        let Entry { backup, policy, started, .. } = entry;
        Event {
            time: self.clock.now(),
            actor: self.actor.clone(),
            action: action.to_owned(),
            subject: entry.frozen.name.to_string(),
            details: format!("backup {backup} of policy {policy}, of {started}: {what}"),
        }
    }
}

/// Whether a backup is frozen just as the request wants it: its answer was lost.
fn asked_before(backup: &Backup, request: &FreezeRequest) -> bool {
    let same = |frozen: &Frozen| frozen.name == request.name && frozen.description == request.description;
    backup.frozen.as_ref().is_some_and(same)
}
