//! The steps of a recovery, each safe to repeat: a step that died is run again and finds what was done.
//!
//! Nothing is asked of AWS before it is on record as a [`Work`], and what a work makes carries the recovery's tags. The
//! state machine goes round Create and Progress until every work is settled; Finish says how it came out and what the
//! cleaner is to remove, and in the end puts back what was taken off for something that is not there.

pub mod approval;
mod check;
mod create;
mod diagnosis;
mod finish;
pub(crate) mod held;
mod images;
mod plan;
mod planner;
mod prepare;
mod progress;
pub mod resume;
mod tell;

use cpm_contracts::recovery::{Progress, Running};
use cpm_domain::{
    account::Account,
    backup::{Log, MAX_LOG_LINES},
    id::AccountId,
    name::OwnerName,
    recovery::{
        AdHocRole, Mark, Recovery, RecoveryId,
        course::{self, WATCH},
        work::Work,
    },
};
use cpm_ports::{Access, Clock, Executions, Identity, ImageSearch, Place, Restorers, Store, StoreError};
use jiff::Timestamp;

use self::approval::Approvals;
use crate::{Error, Result, schedule::fnv};

/// How often a lost race is run again.
const RACES: u32 = 5;
/// The name by which faults and advice speak of the role.
const FUNCTION: &str = "recoverer";

/// The steps, with the world they work on.
pub struct Steps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What makes things.
    pub restorers: &'a Restorers,
    /// What looks for images.
    pub images: &'a dyn ImageSearch,
    /// Who a role is.
    pub identity: &'a dyn Identity,
    /// What is woken.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The deployment's name, for tags.
    pub deployment: &'a str,
    /// The number of the deployment's own account.
    pub own: &'a AccountId,
}

/// The accounts of a recovery: the one that was backed up, and the one that it goes to.
struct Accounts {
    source: Account,
    target: Account,
}

impl Accounts {
    /// Where a work is asked for.
    fn place(&self, recovery: &Recovery, work: &Work) -> Place {
        let access = if work.at_source {
            Access::for_recovery(&self.source)
        } else {
            access(recovery.role.as_ref(), &self.target)
        };
        Place { access, region: work.region.clone() }
    }
}

/// By which role a recovery works in the account that it goes to.
fn access(role: Option<&AdHocRole>, account: &Account) -> Access {
    match role.and_then(|role| Some((role.parts()?, role))) {
        Some(((number, name), role)) => Access::Assumed {
            account: number.to_owned(),
            role: name.to_owned(),
            external_id: role.external_id.clone(),
        },
        None => Access::for_recovery(account),
    }
}

impl Steps<'_> {
    async fn find(&self, owner: &OwnerName, id: RecoveryId) -> Result<Recovery> {
        self.store.recovery(owner, id).await?.ok_or_else(|| Error::not_found("recovery", id))
    }

    /// The recovery, if it is this execution's still: another may have taken it over, and this one stops.
    async fn own(&self, running: &Running) -> Result<Recovery> {
        let recovery = self.find(&running.owner, running.recovery).await?;
        check_own(&recovery, running)?;
        Ok(recovery)
    }

    async fn accounts(&self, owner: &OwnerName, recovery: &Recovery) -> Result<Accounts> {
        let backup = self.store.backup(owner, recovery.backup).await?;
        let source = backup.map_or_else(|| recovery.account.clone(), |backup| backup.account);
        let (target, source) =
            futures::try_join!(self.store.account(owner, &recovery.account), self.store.account(owner, &source))?;
        let target = target.ok_or_else(|| Error::not_found("account", &recovery.account))?;
        Ok(Accounts { source: source.unwrap_or_else(|| target.clone()), target })
    }

    fn mark<'a>(&'a self, owner: &'a OwnerName, recovery: &Recovery) -> Mark<'a> {
        Mark { deployment: self.deployment, owner, recovery: recovery.id, backup: recovery.backup }
    }

    /// Leaves the token by which an answer to the approval goes on. Who answered already wakes it at once.
    pub async fn ask(&self, running: &Running, token: &str) -> Result<()> {
        self.own(running).await?;
        self.approvals().ask(&running.owner, running.recovery, token).await
    }

    fn approvals(&self) -> Approvals<'_> {
        Approvals { store: self.store, executions: self.executions, clock: self.clock }
    }

    /// Writes lines down, and that the recovery lives: at most once an hour when there is nothing to say.
    async fn note(&self, running: &Running, recovery: &mut Recovery, log: Log) -> Result<()> {
        let now = self.clock.now();
        let lines = log.into_lines();
        let is_fresh = recovery.course.watch.is_some_and(|watch| watch.duration_since(now) * 2 > WATCH);
        if lines.is_empty() && is_fresh {
            return Ok(());
        }
        keep(self.store, &running.owner, recovery, |recovery| {
            check_own(recovery, running)?;
            recovery.course.watch = Some(now + WATCH);
            append(recovery, lines.clone());
            Ok(())
        })
        .await
    }
}

/// Leaves a lost execution no power: what another has taken over is not its own.
pub(crate) fn check_own(recovery: &Recovery, running: &Running) -> Result<()> {
    if recovery.execution.as_ref().is_none_or(|execution| *execution == running.execution) {
        return Ok(());
    }
    Err(Error::TakenOver { recovery: recovery.id, execution: running.execution.clone() })
}

/// Adds lines to a recovery's log, up to its bound.
fn append(recovery: &mut Recovery, lines: Vec<cpm_domain::backup::LogLine>) {
    let room = MAX_LOG_LINES.saturating_sub(recovery.log.len());
    recovery.log.extend(lines.into_iter().take(room));
}

/// Changes a recovery and writes it down. When somebody else wrote it meanwhile, it is read again and the change made
/// again.
pub(crate) async fn keep(
    store: &dyn Store,
    owner: &OwnerName,
    recovery: &mut Recovery,
    mut change: impl FnMut(&mut Recovery) -> Result<()> + Send,
) -> Result<()> {
    for _ in 0..RACES {
        change(recovery)?;
        match store.put_recovery(owner, recovery).await {
            Ok(()) => {
                recovery.version += 1;
                return Ok(());
            }
            Err(StoreError::LostRace(_)) => {
                let found = store.recovery(owner, recovery.id).await?;
                *recovery = found.ok_or_else(|| Error::not_found("recovery", recovery.id))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::LostRace(format!("recovery {}", recovery.id)).into())
}

/// Changes a work and writes it down if it changed. When somebody else wrote it meanwhile, it is read again and the change
/// made again: what AWS made is never lost.
pub(crate) async fn keep_work(
    store: &dyn Store,
    owner: &OwnerName,
    id: RecoveryId,
    work: &mut Work,
    mut change: impl FnMut(&mut Work) + Send,
) -> Result<()> {
    for _ in 0..RACES {
        let before = work.clone();
        change(work);
        if *work == before {
            return Ok(());
        }
        match store.put_work(owner, id, work).await {
            Ok(()) => {
                work.version += 1;
                return Ok(());
            }
            Err(StoreError::LostRace(_)) => {
                let works = store.works(owner, id).await?;
                let found = works.into_iter().find(|other| other.number == work.number);
                *work = found.ok_or_else(|| Error::not_found("recovery", id))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::LostRace(format!("work {} of recovery {id}", work.number)).into())
}

/// What is left to do, for the state machine.
fn left(works: &[Work], wait: u32, polls: u32) -> Progress {
    let left = course::left(works);
    Progress { due: left.due, open: left.open, wait, polls }
}

/// The name of an execution of a recovery: the same for each start of it. Resumptions, counted from 1, have names of their
/// own.
pub fn execution_name(owner: &OwnerName, id: RecoveryId, resumed: u32) -> String {
    let name = format!("recovery-{:016x}-{id}", fnv(owner.as_str()));
    if resumed == 0 { name } else { format!("{name}-{resumed}") }
}

/// Whether so long has passed.
fn is_past(since: Timestamp, time: jiff::SignedDuration, now: Timestamp) -> bool {
    now.duration_since(since) > time
}
