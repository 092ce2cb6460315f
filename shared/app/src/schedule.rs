//! Starts what is due. A slot is started first and moved on after: a crash in between starts it again under the same
//! name, which Step Functions refuses.

use std::collections::{HashMap, hash_map::Entry};

use cpm_contracts::{backup::StartBackup, drill::StartDrill};
use cpm_domain::{
    backup::{Slot, Trigger},
    id::BackupId,
    name::{OwnerName, PolicyName, ScheduleName},
    pace,
    schedule::Schedule,
};
use cpm_ports::{Clock, Deadline, Due, DueItem, Executions, Machine, Started, Store, StoreError};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    Result,
    hold::{self, Looked, drill_name},
    recovery, resume,
};

/// Slots started at a time.
const AT_ONCE: usize = 64;
/// Due things read at a time.
const PAGE: usize = 1000;
/// What starting a slot may take, at worst.
const START: SignedDuration = SignedDuration::from_secs(3);

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tick {
    /// Backups and drills started.
    pub started: u32,
    /// Slots whose backup somebody else had started.
    pub already: u32,
    /// Older slots that one run makes up for.
    pub made_up: u32,
    /// Backups, recoveries, drills and scenarios taken up again or given up after their execution died.
    pub resumed: u32,
    /// Drills and scenarios whose execution lives.
    pub watched: u32,
    /// Things that could not be done; they stay due.
    pub failed: u32,
    /// Whether the time ran out; the rest stays due.
    pub cut_short: bool,
}

/// What a tick needs.
pub struct Dispatcher<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The state machines.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
}

type Schedules = HashMap<(OwnerName, ScheduleName), Option<Schedule>>;

impl Dispatcher<'_> {
    /// Does all that is due now, as far as the time allows.
    pub async fn tick(&self, deadline: Deadline) -> Result<Tick> {
        let now = self.clock.now();
        let mut tick = Tick::default();
        let mut schedules = Schedules::new();
        let mut after: Option<DueItem> = None;
        loop {
            let page = self.store.due(now, after.as_ref(), PAGE).await?;
            let full = page.len() == PAGE;
            after = page.last().cloned();
            self.read_schedules(&page, &mut schedules).await;
            let known = &schedules;
            let mut done =
                stream::iter(page).map(|due| self.act(due, known, now, deadline)).buffer_unordered(AT_ONCE);
            while let Some(outcome) = done.next().await {
                tick.add(outcome);
            }
            if !full || tick.cut_short {
                return Ok(tick);
            }
        }
    }

    async fn read_schedules(&self, page: &[DueItem], schedules: &mut Schedules) {
        for due in page {
            let (Due::Slot { schedule, .. } | Due::Drill { schedule, .. }) = &due.what else { continue };
            let key = (due.owner.clone(), schedule.clone());
            if let Entry::Vacant(unread) = schedules.entry(key) {
                match self.store.schedule(&due.owner, schedule).await {
                    Ok(found) => {
                        unread.insert(found);
                    }
                    // Its slots stay due; it does not hold up those of others.
                    Err(error) => tracing::error!(%schedule, %error, "cannot read the schedule"),
                }
            }
        }
    }

    async fn act(&self, due: DueItem, schedules: &Schedules, now: Timestamp, deadline: Deadline) -> Acted {
        if !deadline.allows(self.clock.now(), START) {
            return Acted::CutShort;
        }
        let outcome = match &due.what {
            Due::Slot { policy, schedule } | Due::Drill { policy, schedule } => {
                let key = (due.owner.clone(), schedule.clone());
                let Some(known) = schedules.get(&key).map(Option::as_ref) else { return Acted::Failed };
                self.start(&due, policy, schedule, known, now, deadline).await
            }
            Due::Lease(lease) => resume::resume(self, &due.owner, lease).await.map(|()| Acted::Resumed),
            Due::Hold(hold) => hold::look_after(self, &due.owner, hold).await.map(|looked| match looked {
                Looked::Lives => Acted::Watched,
                Looked::TakenUp => Acted::Resumed,
            }),
            Due::Recovery(id) => recovery::resume::resume(self, &due.owner, *id).await.map(|()| Acted::Resumed),
        };
        outcome.unwrap_or_else(|error| {
            tracing::error!(owner = %due.owner, what = ?due.what, %error, "stays due");
            Acted::Failed
        })
    }

    async fn start(
        &self,
        due: &DueItem,
        policy: &PolicyName,
        name: &ScheduleName,
        schedule: Option<&Schedule>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Acted> {
        let Some(schedule) = schedule else {
            tracing::warn!(%policy, schedule = %name, "the schedule is gone: its slot is closed");
            self.advance(due, policy, name, None).await?;
            return Ok(Acted::Already);
        };
        let catch_up = schedule.catch_up(due.at, now);
        let Some(run) = catch_up.run else {
            // The schedule was changed after the slot was set: it says itself when it is next due.
            self.advance(due, policy, name, catch_up.next).await?;
            return Ok(Acted::Already);
        };
        let slot = Some(Slot { schedule: name.clone(), at: run });
        let started = match &due.what {
            Due::Drill { .. } => self.start_drill(due, policy, slot, run, deadline).await?,
            _ => self.start_slot(due, policy, slot, run, deadline).await?,
        };
        self.advance(due, policy, name, catch_up.next).await?;
        Ok(match started {
            Started::Now => Acted::Started(catch_up.missed),
            Started::Already => Acted::Already,
        })
    }

    async fn start_slot(
        &self,
        due: &DueItem,
        policy: &PolicyName,
        slot: Option<Slot>,
        run: Timestamp,
        deadline: Deadline,
    ) -> Result<Started> {
        let (owner, policy) = (due.owner.clone(), policy.clone());
        let name = execution_name(&owner, &policy, &instant(run));
        let trigger = Trigger::Schedule;
        let start = StartBackup { owner, policy, trigger, slot, asked_by: None, resume: None };
        self.start_backup(&name, &start, deadline).await
    }

    async fn start_drill(
        &self,
        due: &DueItem,
        policy: &PolicyName,
        slot: Option<Slot>,
        run: Timestamp,
        deadline: Deadline,
    ) -> Result<Started> {
        let name = drill_name(&due.owner, policy, &instant(run));
        let (owner, policy) = (due.owner.clone(), policy.clone());
        let start = StartDrill { owner, policy, slot, asked_by: None, resume: None };
        self.start_machine(Machine::Drill, &name, &start, deadline).await
    }

    async fn advance(
        &self,
        due: &DueItem,
        policy: &PolicyName,
        schedule: &ScheduleName,
        next: Option<Timestamp>,
    ) -> Result<()> {
        let moved = match &due.what {
            Due::Drill { .. } => self.store.advance_drill(&due.owner, policy, schedule, due.at, next).await,
            _ => self.store.advance(&due.owner, policy, schedule, due.at, next).await,
        };
        match moved {
            // Another tick was faster, or the policy was changed: the slot is in good hands.
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts a backup, waiting out Step Functions' throttling as far as the time allows.
    pub(crate) async fn start_backup(&self, name: &str, start: &StartBackup, deadline: Deadline) -> Result<Started> {
        self.start_machine(Machine::Backup, name, start, deadline).await
    }

    /// Starts an execution, in the same way.
    pub(crate) async fn start_machine(
        &self,
        machine: Machine,
        name: &str,
        start: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Started> {
        let input = serde_json::to_string(start).map_err(|error| {
            crate::Error::bad_input(format!("the input cannot be written: {error}"), "report it as a bug")
        })?;
        let mut tries = 0;
        loop {
            let error = match self.executions.start(machine, name, &input).await {
                Ok(started) => return Ok(started),
                Err(error) => error,
            };
            tries += 1;
            let pause = pace::backoff(tries, self.clock.chance());
            if !error.is_retryable() || tries > 8 || !deadline.allows(self.clock.now(), pause + START) {
                return Err(error.into());
            }
            self.clock.sleep(pause).await;
        }
    }
}

#[derive(Clone, Copy)]
enum Acted {
    Started(u32),
    Already,
    Resumed,
    Watched,
    Failed,
    CutShort,
}

impl Tick {
    fn add(&mut self, acted: Acted) {
        match acted {
            Acted::Started(missed) => {
                self.started += 1;
                self.made_up += missed;
            }
            Acted::Already => self.already += 1,
            Acted::Resumed => self.resumed += 1,
            Acted::Watched => self.watched += 1,
            Acted::Failed => self.failed += 1,
            Acted::CutShort => self.cut_short = true,
        }
    }
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The name of the execution of a policy's run: readable, unique by its hash, at most 80 characters.
pub fn execution_name(owner: &OwnerName, policy: &PolicyName, run: &str) -> String {
    let readable: String = policy.as_str().chars().take(30).map(|c| if c == '.' { '_' } else { c }).collect();
    format!("{readable}-{:016x}-{run}", fnv(&format!("{owner}/{policy}")))
}

/// The name of an execution that somebody asked for.
pub fn manual_name(owner: &OwnerName, policy: &PolicyName, now: Timestamp) -> String {
    execution_name(owner, policy, &format!("m{}", now.as_millisecond()))
}

pub(crate) fn resume_name(owner: &OwnerName, policy: &PolicyName, backup: BackupId, number: u32) -> String {
    execution_name(owner, policy, &format!("b{backup}-r{number}"))
}

/// FNV-1a: the same in every version, unlike the standard library's hasher.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod names {
    use super::*;

    #[test]
    fn a_name_fits_step_functions() {
        let policy: PolicyName = "p.".repeat(32).parse().unwrap();
        let name = manual_name(&OwnerName::root(), &policy, Timestamp::MAX);
        assert!(name.len() <= 80, "{} characters", name.len());
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)));
    }

    #[test]
    fn names_that_read_alike_differ() {
        let name = |policy: &str| execution_name(&OwnerName::root(), &policy.parse().unwrap(), "x");
        assert_ne!(name("a.b"), name("a_b"));
        assert_ne!(name(&"a".repeat(40)), name(&"a".repeat(41)));
    }
}
