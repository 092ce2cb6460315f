//! A world in memory: a table, AWS accounts and state machines that keep AWS's rules, and faults by script.
//!
//! [`Estate`] has all of it, wired together: one clock, one script of faults. Every fake is a handle: clones share what
//! they hold, and `beside()` gives the same thing as somebody else sees it, whose calls neither fail nor count.
//!
//! ```
//! use cpm_domain::unit::{UnitKind, UnitState};
//! use cpm_fakes::{Estate, When, at_once, sample};
//! use cpm_ports::{Backups, Driver};
//!
//! let estate = Estate::new();
//! let web = estate.instance("us-east-1", 3);
//! estate.policy(sample::policy("nightly"), [estate.target(&web)]);
//!
//! // What a function does, with its process killed at the second call, after AWS had done it.
//! let place = sample::place("us-east-1");
//! let request = sample::request(&web);
//! estate.faults.crash_at(2, When::After);
//! let died = at_once(estate.faults.run(async {
//!     estate.store.next_id(&sample::root()).await?;
//!     estate.aws.create(&place, &request).await.map_err(|error| error.to_string())?;
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! }));
//! assert!(died.is_none());
//! assert_eq!(estate.faults.calls().last().unwrap().to_string(), format!("ec2:CreateSnapshots {web}"));
//!
//! // The next process finds what the dead one left.
//! estate.faults.revive();
//! estate.aws.complete_all();
//! let found = at_once(estate.aws.find(&place, UnitKind::EbsSnapshot, &sample::sought())).unwrap();
//! assert_eq!(found.len(), 3);
//! assert!(found.iter().all(|found| found.report.state == UnitState::Completed));
//! ```
//!
//! | to | use |
//! | --- | --- |
//! | set the stage | [`Estate`], [`FakeAws::site`], [`sample`] |
//! | let time pass | [`FakeClock::advance`], [`FakeAws::snapshots_take`], [`FakeAws::complete_all`] |
//! | fail or kill at a call | [`Faults::fail_call`], [`Faults::crash_at`], [`Faults::run`] |
//! | fail or kill at every call in turn | [`at_each_call`] |
//! | be slow, refuse, deny | [`Faults::throttle_next`], [`Faults::refuse_next`], [`Faults::deny`], [`FakeAws::keep_rates`] |
//! | let somebody else come in between | [`Faults::meanwhile`], [`Faults::interleave`] |
//! | let commands and functions take time, fail or never end | [`FakeSystems::when`], [`FakeSystems::function`], [`FakeSystems::offline`] |
//! | read an index or a list that is a moment late | [`FakeStore::lag`], [`FakeAws::lag`], [`FakeSystems::lag`] |
//! | see what was done | [`Faults::calls`], [`FakeAws::made`], [`FakeAws::events`], [`FakeExecutions::started`], [`FakePlanner::asked`], [`FakePublisher::published`], [`FakeEventBus::taken`], [`FakeSystems::sent`], [`FakeSystems::called`] |
//! | see that nothing was lost, orphaned or made twice | [`Estate::breaches`] |

#![allow(clippy::panic, reason = "a test that uses a fake wrongly is to end there and then")]

mod aws;
mod chance;
mod clock;
mod crash;
mod estate;
mod event_bus;
mod executions;
mod faults;
mod health;
mod planner;
mod publisher;
mod rates;
pub mod sample;
mod script;
mod store;
pub mod store_suite;
mod systems;

use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

pub use aws::{FakeAws, Made, RecoveredThing, Site, SnapshotEvent};
pub use clock::{FakeClock, START};
pub use crash::{Crash, Fate, at_each_call};
pub use estate::Estate;
pub use event_bus::FakeEventBus;
pub use executions::{FakeExecutions, StartedExecution};
pub use faults::{Call, Faults, When};
pub use health::FakeHealth;
pub use planner::FakePlanner;
pub use publisher::FakePublisher;
pub use script::Whom;
pub use store::FakeStore;
pub use systems::{CalledFunction, FakeSystems, FunctionOutcome, Outcome, SentCommand};

/// The number of the deployment's own account.
pub const OWN_ACCOUNT: &str = "111111111111";
/// The deployment whose snapshots the cleaner may delete.
pub const DEPLOYMENT: &str = "cpm";

/// What a future comes to that has nothing to wait for: every call to a fake, and use cases that do not sleep.
///
/// # Panics
///
/// When it waits after all.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits: run it on a runtime"),
    }
}

/// A test that panicked elsewhere leaves what it held as it was.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
