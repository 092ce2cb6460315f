//! What people ask for: a backup, a scan, a cleanup, now.

use cpm_contracts::{
    api::{BackupRun, CleanupRun, RunState, ScanRun, Started},
    backup::StartBackup,
    cleanup::StartCleanup,
    scan::StartScan,
};
use cpm_domain::{
    audit::{Actor, Event},
    backup::{Backup, Phase, Trigger},
    name::{OwnerName, PolicyName},
    pace,
    scan::{Scan, ScanKind},
};
use cpm_ports::{BackupQuery, Clock, Execution, Executions, Machine, Store};
use serde::Serialize;

use crate::{
    Error, Result,
    schedule::{execution_name, manual_name},
};

/// Newest backups among which those of a run are looked for: its retries follow each other.
const RECENT: usize = 50;
/// Newest scans among which one that was asked for is looked for.
const RECENT_SCANS: usize = 50;
/// How often a start that AWS throttles is tried.
const TRIES: u32 = 4;

/// What people ask for, and how it goes on.
pub struct Runs<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The state machines.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whose.
    pub owner: &'a OwnerName,
    /// Who asks.
    pub actor: &'a Actor,
}

impl Runs<'_> {
    /// Backs a policy up now, enabled or not. One that is being backed up is a conflict.
    pub async fn back_up(&self, policy: &PolicyName) -> Result<Started> {
        if self.store.policy(self.owner, policy).await?.is_none() {
            return Err(Error::not_found("policy", policy));
        }
        if let Some(lease) = self.store.lease(self.owner, policy).await? {
            return Err(Error::conflict(
                format!("backup {} of policy `{policy}` is running: one at a time", lease.backup),
                format!("wait for it with `cpm backup show {}`, then try again", lease.backup),
            ));
        }
        self.record("backup.run", policy.as_str(), "asked for by hand").await?;
        let start = StartBackup {
            owner: self.owner.clone(),
            policy: policy.clone(),
            trigger: Trigger::Manual,
            slot: None,
            asked_by: Some(self.actor.to_string()),
            resume: None,
        };
        let name = manual_name(self.owner, policy, self.clock.now());
        begin(self.executions, self.clock, Machine::Backup, name, &start).await
    }

    /// How a run of a policy stands.
    pub async fn backup_run(&self, policy: &PolicyName, execution: &str) -> Result<BackupRun> {
        let mut state = self.look(Machine::Backup, execution).await?;
        let query = BackupQuery { policy: Some(policy.clone()), limit: RECENT, before: None };
        let page = self.store.list(self.owner, &query).await?;
        let mut own: Vec<&Backup> = page.backups.iter().filter(|backup| backup.execution == execution).collect();
        own.sort_by_key(|backup| backup.id);
        if state == RunState::Unknown && own.is_empty() {
            return Err(Error::not_found("run", execution));
        }
        // An execution that died is taken up by another: its backup goes on.
        if state == RunState::Dead && own.iter().any(|backup| backup.phase < Phase::Finished) {
            state = RunState::Running;
        }
        let backups = own.into_iter().map(|backup| backup.id).collect();
        Ok(BackupRun { execution: execution.to_owned(), state, backups })
    }

    /// Scans the tags of all accounts that allow it, now.
    pub async fn scan(&self, dry_run: bool) -> Result<Started> {
        self.look_for(ScanKind::Tags, "scan", dry_run).await
    }

    /// Rebuilds records from the tags of snapshots.
    pub async fn rebuild(&self, dry_run: bool) -> Result<Started> {
        self.look_for(ScanKind::Snapshots, "rebuild", dry_run).await
    }

    async fn look_for(&self, kind: ScanKind, what: &str, dry_run: bool) -> Result<Started> {
        let details = if dry_run { "a dry run, asked for by hand" } else { "asked for by hand" };
        self.record(&format!("{what}.run"), "all accounts", details).await?;
        let start =
            StartScan { owner: Some(self.owner.clone()), kind, dry_run, asked_by: Some(self.actor.to_string()) };
        let name = format!("{what}-m{}-{}", self.clock.now().as_millisecond(), suffix(self.clock));
        begin(self.executions, self.clock, Machine::TagScan, name, &start).await
    }

    /// How a scan stands, by its id or by the name of its execution.
    pub async fn scan_run(&self, id: &str) -> Result<ScanRun> {
        // A scan's id is the start of its execution, a dot, and the execution's name.
        let execution = id.rsplit('.').next().unwrap_or(id);
        let scan = self.find_scan(id, execution).await?;
        let state = match &scan {
            Some(scan) if scan.ended.is_some() => RunState::Ended,
            _ => self.look(Machine::TagScan, execution).await?,
        };
        let lines = match &scan {
            Some(scan) => self.store.scan_lines(self.owner, &scan.id).await?,
            None if state == RunState::Unknown => return Err(Error::not_found("scan", id)),
            None => Vec::new(),
        };
        let id = scan.as_ref().map_or(execution, |scan| &scan.id).to_owned();
        Ok(ScanRun { id, state, scan, lines })
    }

    async fn find_scan(&self, id: &str, execution: &str) -> Result<Option<Scan>> {
        if id != execution {
            return Ok(self.store.scan(self.owner, id).await?);
        }
        let recent = self.store.scans(self.owner, RECENT_SCANS).await?;
        Ok(recent.into_iter().find(|scan| scan.id.rsplit('.').next() == Some(execution)))
    }

    /// Deletes what retention no longer keeps, now: of one policy or of all.
    pub async fn clean_up(&self, policy: Option<&PolicyName>) -> Result<Started> {
        if let Some(name) = policy
            && self.store.policy(self.owner, name).await?.is_none()
        {
            return Err(Error::not_found("policy", name));
        }
        let subject = policy.map_or("all policies", PolicyName::as_str);
        self.record("cleanup.run", subject, "asked for by hand").await?;
        cleanup(self.executions, self.clock, self.owner, policy, &self.actor.to_string()).await
    }

    /// How a cleanup stands.
    pub async fn cleanup_run(&self, execution: &str) -> Result<CleanupRun> {
        match self.look(Machine::Cleanup, execution).await? {
            RunState::Unknown => Err(Error::not_found("cleanup", execution)),
            state => Ok(CleanupRun { execution: execution.to_owned(), state }),
        }
    }

    /// Written before the start: nothing is ever done that the trail lacks.
    async fn record(&self, action: &str, subject: &str, details: &str) -> Result<()> {
        let event = Event {
            time: self.clock.now(),
            actor: self.actor.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            details: details.to_owned(),
        };
        Ok(self.store.record(self.owner, &event).await?)
    }

    async fn look(&self, machine: Machine, execution: &str) -> Result<RunState> {
        if !is_execution_name(execution) {
            return Err(Error::bad_input(
                format!("`{execution}` is not the name of an execution"),
                "give the name that the start answered with",
            ));
        }
        Ok(match self.executions.look(machine, execution).await? {
            Execution::Running => RunState::Running,
            Execution::Succeeded => RunState::Ended,
            Execution::Dead => RunState::Dead,
            Execution::Unknown => RunState::Unknown,
        })
    }
}

/// Starts a cleanup of an owner's policy or of all of them.
pub(crate) async fn cleanup(
    executions: &dyn Executions,
    clock: &dyn Clock,
    owner: &OwnerName,
    policy: Option<&PolicyName>,
    asked_by: &str,
) -> Result<Started> {
    let start =
        StartCleanup { owner: Some(owner.clone()), policy: policy.cloned(), asked_by: Some(asked_by.to_owned()) };
    let instant = format!("c{}-{}", clock.now().as_millisecond(), suffix(clock));
    let name = match policy {
        Some(policy) => execution_name(owner, policy, &instant),
        None => format!("cleanup-{instant}"),
    };
    begin(executions, clock, Machine::Cleanup, name, &start).await
}

/// Two that ask in the same millisecond both get what they asked for.
fn suffix(clock: &dyn Clock) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "chance is in 0.0..1.0")]
    let number = (clock.chance() * 65_536.0) as u32;
    format!("{number:04x}")
}

fn is_execution_name(name: &str) -> bool {
    (1..=80).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

async fn begin(
    executions: &dyn Executions,
    clock: &dyn Clock,
    machine: Machine,
    name: String,
    input: &impl Serialize,
) -> Result<Started> {
    start(executions, clock, machine, &name, input).await?;
    Ok(Started { execution: name })
}

/// Starts an execution; a start that AWS throttles or does not answer is repeated under the same name.
pub(crate) async fn start(
    executions: &dyn Executions,
    clock: &dyn Clock,
    machine: Machine,
    name: &str,
    input: &impl Serialize,
) -> Result<cpm_ports::Started> {
    let input = serde_json::to_string(input)
        .map_err(|error| Error::bad_input(format!("the input cannot be written: {error}"), "report it as a bug"))?;
    let mut tries = 0;
    loop {
        let error = match executions.start(machine, name, &input).await {
            Ok(started) => return Ok(started),
            Err(error) => error,
        };
        tries += 1;
        if !error.is_retryable() || tries >= TRIES {
            return Err(error.into());
        }
        clock.sleep(pace::backoff(tries, clock.chance())).await;
    }
}
