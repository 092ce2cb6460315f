//! Trying a process at each of its calls.

use crate::{Call, Faults, When};

/// What becomes of the call that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The process dies in it.
    Killed,
    /// It is not answered, and the process goes on.
    Unanswered,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// What became of the call.
    pub fate: Fate,
    /// Which call, counted from 1.
    pub n: usize,
    /// Where in the call.
    pub when: When,
    /// The call.
    pub call: Call,
}

impl std::fmt::Display for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} call {} ({})", self.fate, self.when, self.n, self.call)
    }
}

/// More calls than this are no step, but a loop without end.
const MOST: usize = 10_000;

/// Makes a world, lets `act` run in it until something goes wrong at its first call, and then lets `check` see what
/// there is: in a world of its own for each call, and for each point in that call, until `act` ends untouched. Gives the
/// number of calls that were tried.
///
/// `check` runs with all faults gone. It does what follows in reality, such as the same step again, and asserts.
///
/// ```
/// use cpm_fakes::{Estate, Fate, at_each_call, at_once, sample};
/// use cpm_ports::Backups;
///
/// let calls = at_once(at_each_call(
///     Fate::Killed,
///     async || Estate::new(),
///     async |estate: &Estate| {
///         let id = estate.store.next_id(&sample::root()).await.unwrap();
///         estate.store.create(&sample::root(), &sample::backup(id.0, "web"), &[], &[]).await.unwrap();
///     },
///     async |estate: &Estate, crash| {
///         let id = estate.store.next_id(&sample::root()).await.unwrap();
///         assert!(estate.store.backup(&sample::root(), id).await.unwrap().is_none(), "{crash}: given twice");
///     },
/// ));
/// assert_eq!(calls, 2);
/// ```
///
/// # Panics
///
/// When `act` never ends.
pub async fn at_each_call<W: AsRef<Faults>>(
    fate: Fate,
    make: impl AsyncFn() -> W,
    act: impl AsyncFn(&W),
    check: impl AsyncFn(&W, &Crash),
) -> usize {
    for n in 1..=MOST {
        let mut in_parts = true;
        for when in When::ALL {
            if when == When::Halfway && !in_parts {
                continue;
            }
            let world = make().await;
            let faults = world.as_ref();
            faults.forget_calls();
            match fate {
                Fate::Killed => faults.crash_at(n, when),
                Fate::Unanswered => faults.fail_call(n, when),
            }
            faults.run(act(&world)).await;
            let Some((call, parts)) = faults.struck() else { return n - 1 };
            in_parts = parts;
            faults.revive();
            faults.clear();
            check(&world, &Crash { fate, n, when, call }).await;
        }
    }
    panic!("no end after {MOST} calls")
}
