//! The recovery state machine, played on the use cases: it repeats, catches and goes on as `recovery.asl.json` does.

use std::sync::Mutex;

use cpm_app::{Error, cleanup, recovery::Steps};
use cpm_contracts::{
    backup::Trouble,
    cleanup::Removed,
    recovery::{Next, Progress, Running},
};
use cpm_domain::{
    id::AccountId,
    recovery::{
        Recovery, RecoveryId, State,
        plan::Plan,
        work::{Work, WorkState},
    },
};
use cpm_fakes::{DEPLOYMENT, Estate, Faults, OWN_ACCOUNT, sample};
use cpm_ports::{Clock, Deadline, Recoveries};
use jiff::SignedDuration;

use crate::machine;

/// Where the execution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    Check,
    Ask,
    Prepare,
    Create,
    Wait(u32, u32),
    Progress(u32),
    Finish(Option<Trouble>),
    Tidy,
    Undo,
    Ended(End),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Finished(State),
    Refused,
    TakenOver,
}

/// An execution. Where it is outlives the functions it runs.
pub struct Execution {
    pub estate: Estate,
    pub running: Running,
    at: Mutex<At>,
}

impl AsRef<Faults> for Execution {
    fn as_ref(&self) -> &Faults {
        &self.estate.faults
    }
}

pub fn own() -> AccountId {
    OWN_ACCOUNT.parse().unwrap()
}

pub fn steps<'a>(estate: &'a Estate, own: &'a AccountId) -> Steps<'a> {
    Steps {
        store: &estate.store,
        restorers: &estate.restorers,
        images: &estate.aws,
        identity: &estate.aws,
        executions: &estate.executions,
        clock: &estate.clock,
        deployment: DEPLOYMENT,
        own,
    }
}

/// Puts a recovery on record, as the API does, with its plan checked.
pub async fn record(estate: &Estate, plan: Plan, change: impl FnOnce(&mut Recovery)) -> RecoveryId {
    let beside = estate.beside();
    let own = own();
    let checked = steps(&beside, &own).plan(&sample::root(), &plan).await.unwrap();
    assert_eq!(checked.problems, [], "the plan is good");
    put(estate, checked.plan, change).await
}

/// Puts a recovery on record that nobody checked.
pub async fn put(estate: &Estate, plan: Plan, change: impl FnOnce(&mut Recovery)) -> RecoveryId {
    let store = estate.beside().store;
    let now = estate.clock.now();
    let id = store.next_recovery(&sample::root()).await.unwrap();
    let account = plan.account.clone().unwrap_or_else(|| "main".parse().unwrap());
    let place = (account, plan.region.clone().unwrap_or_else(|| "us-east-1".parse().unwrap()));
    let recovery = Recovery::new(id, "web".parse().unwrap(), place, plan, now);
    let mut recovery = Recovery { asked_by: "jo".to_owned(), ..recovery };
    change(&mut recovery);
    store.put_recovery(&sample::root(), &recovery).await.unwrap();
    id
}

impl Execution {
    pub fn new(estate: &Estate, recovery: RecoveryId, name: &str) -> Self {
        let running = Running { owner: sample::root(), recovery, execution: name.to_owned() };
        Self { estate: estate.clone(), running, at: Mutex::new(At::Check) }
    }

    pub fn at(&self) -> At {
        self.at.lock().unwrap().clone()
    }

    pub fn go(&self, at: At) {
        *self.at.lock().unwrap() = at;
    }

    fn deadline(&self) -> Deadline {
        Deadline(self.estate.clock.now() + SignedDuration::from_mins(5))
    }

    /// Runs until it ends or waits for an answer.
    pub async fn run(&self) -> End {
        let mut repetitions = 0;
        for _ in 0..5_000 {
            let at = self.at();
            if let At::Ended(end) = at {
                return end;
            }
            match self.step(&at).await {
                Ok(()) => repetitions = 0,
                Err(error) if error.code().retryable && repetitions < 6 => repetitions += 1,
                Err(error) => self.catch(&at, &error),
            }
        }
        panic!("no end: at {:?}", self.at());
    }

    pub async fn step(&self, at: &At) -> Result<(), Error> {
        let own = own();
        let steps = steps(&self.estate, &own);
        let running = &self.running;
        let next = match at.clone() {
            At::Check => {
                let ready = steps.check(running).await?;
                match (ready.go, ready.ask) {
                    (false, _) => At::Ended(End::Refused),
                    (true, true) => At::Ask,
                    (true, false) => At::Prepare,
                }
            }
            At::Ask => {
                self.estate.executions.wait_with("a-token");
                steps.ask(running, "a-token").await?;
                // Whoever answers writes the answer down; the test does.
                At::Check
            }
            At::Prepare => match steps.prepare(running).await? {
                Progress { due: 0, open: 0, .. } => At::Finish(None),
                _ => At::Create,
            },
            At::Create => match steps.create(running, self.deadline()).await? {
                Progress { due: 0, open: 0, .. } => At::Finish(None),
                progress => At::Wait(progress.wait, progress.polls),
            },
            At::Wait(seconds, polls) => {
                self.estate.clock.advance(SignedDuration::from_secs(seconds.into()));
                At::Progress(polls)
            }
            At::Progress(polls) => match steps.progress(running, polls).await? {
                Progress { due: 0, open: 0, .. } => At::Finish(None),
                Progress { due: 0, wait, polls, .. } => At::Wait(wait, polls),
                _ => At::Create,
            },
            At::Finish(trouble) => {
                let finished = steps.finish(running, trouble.as_ref(), self.deadline()).await?;
                match finished.next {
                    Next::End => At::Ended(End::Finished(finished.state)),
                    Next::Tidy => At::Tidy,
                    Next::Undo => At::Undo,
                }
            }
            At::Tidy => self.again(&self.cleaner().tidy(running, self.deadline()).await?, At::Tidy),
            At::Undo => self.again(&self.cleaner().undo(running, self.deadline()).await?, At::Undo),
            ended @ At::Ended(_) => ended,
        };
        self.go(next);
        Ok(())
    }

    fn again(&self, removed: &Removed, at: At) -> At {
        if removed.left == 0 {
            return At::Finish(None);
        }
        self.estate.clock.advance(SignedDuration::from_secs(removed.wait.into()));
        // An hour of looking is enough.
        let begun = self.estate.clock.now().duration_since(sample::start());
        if begun > SignedDuration::from_hours(20) {
            At::Finish(Some(trouble("States.Timeout", "an hour")))
        } else {
            at
        }
    }

    fn cleaner(&self) -> cleanup::Steps<'_> {
        crate::cleanup::steps(&self.estate)
    }

    fn catch(&self, at: &At, error: &Error) {
        let code = error.code().name;
        let trouble = trouble(code, &error.to_string());
        self.go(match at {
            _ if code == "Backup.LeaseLost" => At::Ended(End::TakenOver),
            At::Finish(_) if code == "Backup.StillOpen" => At::Progress(0),
            At::Progress(polls) => At::Wait(60, polls + 1),
            At::Check | At::Prepare | At::Create | At::Tidy | At::Undo => At::Finish(Some(trouble)),
            at => panic!("the execution fails at {at:?}: {error}"),
        });
    }

    pub async fn recovery(&self) -> Recovery {
        recovery(&self.estate, self.running.recovery).await
    }

    pub async fn works(&self) -> Vec<Work> {
        self.estate.beside().store.works(&sample::root(), self.running.recovery).await.unwrap()
    }

    /// The faults of works that were asked for themselves, as they read.
    pub async fn faults(&self) -> Vec<String> {
        let works = self.works().await;
        let failed = works.iter().filter(|work| work.state >= WorkState::Failed);
        failed.filter_map(|work| work.error.as_ref()).map(ToString::to_string).collect()
    }
}

pub fn trouble(error: &str, cause: &str) -> Trouble {
    Trouble { error: error.to_owned(), cause: cause.to_owned() }
}

pub async fn recovery(estate: &Estate, id: RecoveryId) -> Recovery {
    estate.beside().store.recovery(&sample::root(), id).await.unwrap().unwrap()
}

/// Runs the backup of the policy `web`, and lets its snapshots be completed.
pub async fn back_up(estate: &Estate) {
    let end = machine::Execution::new(estate, &format!("x{}", estate.clock.now().as_second()), machine::start("web"));
    end.run().await;
    estate.aws.complete_all();
    estate.faults.forget_calls();
}
