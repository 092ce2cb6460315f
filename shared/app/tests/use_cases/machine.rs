//! The backup state machine, played on the use cases: it repeats, catches and goes on as `backup.asl.json` does.

use std::sync::Mutex;

use cpm_app::{
    Error,
    backup::{Request, Steps},
    unit,
};
use cpm_contracts::backup::{Finished, Next, Running, StartBackup, Trouble};
use cpm_domain::{
    backup::{Backup, Trigger},
    id::BackupId,
    unit::UnitSet,
};
use cpm_fakes::{DEPLOYMENT, Estate, Faults, sample};
use cpm_ports::{Backups, Clock, Deadline};
use jiff::SignedDuration;

/// Where the execution is.
#[derive(Debug, Clone)]
pub enum At {
    Plan { retried: Option<BackupId> },
    Before(Running),
    SnapshotFrozen(Running, bool),
    Snapshot(Running, bool),
    After(Running, Option<Trouble>, Left),
    SnapshotRest(Running, Left),
    Await(Running, u32),
    Progress(Running, u32),
    Complete(Running),
    Finish(Running),
    Ended(End),
}

/// Seconds to wait for what is left to ask for; none: nothing is left.
type Left = Option<u32>;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Finished(Next, BackupId),
    NothingToRun(String),
    TakenOver,
}

/// An execution. Where it is outlives the functions it runs.
pub struct Execution {
    pub estate: Estate,
    pub start: StartBackup,
    pub name: String,
    /// What AWS does while the execution waits; all snapshots are completed and every event arrives unless said otherwise.
    pub events: Events,
    at: Mutex<At>,
}

/// Which events arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    Once,
    Twice,
    Never,
}

impl AsRef<Faults> for Execution {
    fn as_ref(&self) -> &Faults {
        &self.estate.faults
    }
}

pub fn start(policy: &str) -> StartBackup {
    StartBackup {
        owner: sample::root(),
        policy: policy.parse().unwrap(),
        trigger: Trigger::Manual,
        slot: None,
        asked_by: None,
        resume: None,
    }
}

impl Execution {
    pub fn new(estate: &Estate, name: &str, start: StartBackup) -> Self {
        Self {
            estate: estate.clone(),
            start,
            name: name.to_owned(),
            events: Events::Once,
            at: Mutex::new(At::Plan { retried: None }),
        }
    }

    pub fn at(&self) -> At {
        self.at.lock().unwrap().clone()
    }

    fn go(&self, at: At) {
        *self.at.lock().unwrap() = at;
    }

    fn steps(&self) -> Steps<'_> {
        Steps {
            store: &self.estate.store,
            drivers: &self.estate.drivers,
            commands: &self.estate.systems,
            functions: &self.estate.systems,
            vss_document: "cpm-vss",
            executions: &self.estate.executions,
            clock: &self.estate.clock,
            deployment: DEPLOYMENT,
        }
    }

    fn deadline(&self) -> Deadline {
        Deadline(self.estate.clock.now() + SignedDuration::from_mins(5))
    }

    /// Runs to the end of the current attempt.
    pub async fn run(&self) -> End {
        let mut repetitions = 0;
        for _ in 0..500 {
            let at = self.at();
            if let At::Ended(end) = at {
                return end;
            }
            match self.step(&at).await {
                Ok(()) => repetitions = 0,
                Err(error) if error.code().retryable && repetitions < 6 => {
                    repetitions += 1;
                    if let At::Snapshot(running, _) = at {
                        self.go(At::Snapshot(running, true));
                    } else if let At::SnapshotFrozen(..) = at {
                        self.catch(at, &error);
                    }
                }
                Err(error) => self.catch(at, &error),
            }
        }
        panic!("no end: at {:?}", self.at());
    }

    /// Goes on after a function died: the step is repeated.
    pub async fn run_again(&self) -> End {
        match self.at() {
            At::Snapshot(running, _) => self.go(At::Snapshot(running, true)),
            // It is thawed first, and asked for again when AWS lists what it made.
            At::SnapshotFrozen(running, _) => {
                let trouble = Trouble { error: "Runtime.ExitError".to_owned(), cause: "it died".to_owned() };
                self.go(At::After(running, Some(trouble), Some(60)));
            }
            _ => {}
        }
        self.run().await
    }

    /// After the wait of a retry.
    pub fn retry(&self, failed: BackupId) {
        self.go(At::Plan { retried: Some(failed) });
    }

    pub async fn step(&self, at: &At) -> Result<(), Error> {
        let steps = self.steps();
        let next = match at.clone() {
            At::Plan { retried } => {
                let request = Request { execution: self.name.clone(), start: self.start.clone(), retried };
                let planned = steps.plan(&request, self.deadline()).await?;
                match planned.backup {
                    Some(backup) => {
                        let running = Running {
                            owner: self.start.owner.clone(),
                            policy: self.start.policy.clone(),
                            backup,
                            holder: planned.holder,
                        };
                        if planned.frozen {
                            self.go(At::After(running, None, Some(0)));
                            return Ok(());
                        }
                        self.go(At::Before(running.clone()));
                        if planned.again {
                            let ready = steps.before(&running, self.deadline()).await?;
                            assert!(ready.done, "no script takes that long here");
                            self.go(At::Snapshot(running, true));
                        }
                        return Ok(());
                    }
                    None => At::Ended(End::NothingToRun(planned.reason.unwrap_or_default())),
                }
            }
            At::Before(running) => {
                let ready = steps.before(&running, self.deadline()).await?;
                match (ready.done, ready.frozen) {
                    (false, _) => At::Before(running),
                    (true, true) => At::SnapshotFrozen(running, false),
                    (true, false) => At::Snapshot(running, false),
                }
            }
            At::Snapshot(running, again) => {
                let asked = steps.snapshot(&running, again, self.deadline()).await?;
                if asked.left > 0 {
                    self.estate.clock.advance(SignedDuration::from_secs(asked.wait.into()));
                    At::Snapshot(running, true)
                } else {
                    At::After(running, None, None)
                }
            }
            At::SnapshotFrozen(running, again) => {
                let asked = steps.snapshot(&running, again, self.deadline()).await?;
                At::After(running, None, (asked.left > 0).then_some(asked.wait))
            }
            At::After(running, trouble, left) => {
                let thawed = steps.after(&running, trouble.as_ref(), self.deadline()).await?;
                match left {
                    _ if !thawed.done => At::After(running, trouble, left),
                    Some(_) => At::SnapshotRest(running, left),
                    None if thawed.open > 0 => At::Await(running, 0),
                    None => At::Complete(running),
                }
            }
            At::SnapshotRest(running, left) => {
                self.estate.clock.advance(SignedDuration::from_secs(left.unwrap_or(0).into()));
                let asked = steps.snapshot(&running, true, self.deadline()).await?;
                match asked.left {
                    0 => At::Await(running, 0),
                    _ => At::SnapshotRest(running, Some(asked.wait)),
                }
            }
            At::Await(running, polls) => self.sleep(&steps, running, polls).await?,
            At::Progress(running, polls) => {
                let progress = steps.progress(&running, polls).await?;
                if progress.open > 0 { At::Await(running, progress.polls) } else { At::Complete(running) }
            }
            At::Complete(running) => {
                let completed = steps.complete(&running, self.deadline()).await?;
                if completed.done { At::Finish(running) } else { At::Complete(running) }
            }
            At::Finish(running) => {
                let finished = steps.finish(&running).await?;
                At::Ended(End::Finished(finished.next, running.backup))
            }
            ended @ At::Ended(_) => ended,
        };
        self.go(next);
        Ok(())
    }

    /// Waits with a token while AWS goes on; whoever is not woken polls.
    async fn sleep(&self, steps: &Steps<'_>, running: Running, polls: u32) -> Result<At, Error> {
        let token = format!("{}/{polls}", running.holder);
        self.estate.executions.wait_with(&token);
        steps.wait(&running, &token).await?;
        self.estate.clock.advance(SignedDuration::from_secs(30));
        self.estate.aws.complete_all();
        let times = match self.events {
            Events::Once => 1,
            Events::Twice => 2,
            Events::Never => 0,
        };
        let beside = self.estate.beside();
        for event in self.estate.aws.events() {
            for _ in 0..times {
                let (region, reports) = (&event.region, &event.reports);
                unit::hear(&beside.store, &beside.executions, &beside.clock, region, reports).await?;
            }
        }
        if self.estate.executions.woken().contains(&token) {
            Ok(At::Complete(running))
        } else {
            self.estate.executions.time_out(&token);
            Ok(At::Progress(running, polls))
        }
    }

    fn catch(&self, at: At, error: &Error) {
        let code = error.code().name;
        let trouble = Some(Trouble { error: code.to_owned(), cause: error.to_string() });
        self.go(match at {
            _ if code == "Backup.LeaseLost" => At::Ended(End::TakenOver),
            At::Before(running) => At::After(running, trouble, Some(1)),
            At::Snapshot(running, _) => At::After(running, trouble, None),
            At::SnapshotFrozen(running, _) => At::After(running, trouble, Some(60)),
            At::SnapshotRest(running, _) => At::Await(running, 0),
            At::Await(running, polls) | At::Progress(running, polls) => At::Progress(running, polls + 1),
            At::Complete(running) | At::Finish(running) if code == "Backup.StillOpen" => At::Progress(running, 0),
            at => panic!("the execution fails at {at:?}: {error}"),
        });
    }

    /// The step Finish alone.
    pub async fn finish(&self, running: &Running) -> Result<Finished, Error> {
        self.steps().finish(running).await
    }

    pub async fn backup(&self, id: BackupId) -> Backup {
        self.estate.beside().store.backup(&self.start.owner, id).await.unwrap().unwrap()
    }

    pub async fn sets(&self, id: BackupId) -> Vec<UnitSet> {
        self.estate.beside().store.sets(&self.start.owner, id).await.unwrap()
    }
}
