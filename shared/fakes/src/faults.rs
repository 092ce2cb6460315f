//! Scripted faults: what is to go wrong, and at which call.

use std::{
    collections::BTreeMap,
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use cpm_domain::aws::AwsError;
use cpm_ports::Place;

use crate::{
    held,
    script::{Broken, Extent, Meanwhile, Script, Verdict, Whom},
};

/// Where in a call it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// Nothing was done.
    Before,
    /// Of a call that the port makes in several parts, such as a backup with its sets, the first half was done. Of any
    /// other, nothing.
    Halfway,
    /// All was done, and the answer was lost.
    After,
}

impl When {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Before, Self::Halfway, Self::After];
}

/// A call to a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// `store:put_set`, `ec2:CreateSnapshots`, `states:StartExecution`.
    pub name: &'static str,
    /// What it was about.
    pub key: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.key)
    }
}

/// A call on its way through the faults.
pub(crate) struct Calling<'a> {
    /// What AWS asks permission for; the first gives the call its name.
    pub(crate) actions: &'static [&'static str],
    pub(crate) key: String,
    pub(crate) place: Option<&'a Place>,
    /// The port makes it in several parts: it can be cut halfway.
    pub(crate) in_parts: bool,
}

impl<'a> Calling<'a> {
    pub(crate) fn new(actions: &'static [&'static str], key: impl fmt::Display, place: Option<&'a Place>) -> Self {
        Self { actions, key: key.to_string(), place, in_parts: false }
    }

    pub(crate) fn in_parts(mut self) -> Self {
        self.in_parts = true;
        self
    }
}

/// What goes wrong, for all fakes of one world together. Clones are the same faults.
///
/// Calls are counted in the order they are made, across store, AWS, executions and publisher. Patterns of names end in
/// `*` for all that begin so: `store:put_set`, `ec2:*`, `*`.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

impl Faults {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `n`-th call from now, counted from 1, is not answered; those after it are.
    pub fn fail_call(&self, n: usize, when: When) {
        held(&self.0).plan(n, when, false);
    }

    /// The process dies at the `n`-th call from now, counted from 1.
    ///
    /// Inside of [`Faults::run`] no later call returns, as when Lambda ends a function. Elsewhere each fails, and does
    /// nothing, until [`Faults::revive`].
    pub fn crash_at(&self, n: usize, when: When) {
        held(&self.0).plan(n, when, true);
    }

    /// A new process takes over: calls go through again.
    pub fn revive(&self) {
        held(&self.0).died = None;
    }

    /// At which call the process died, until it is revived.
    pub fn died_at(&self) -> Option<Call> {
        held(&self.0).died.clone()
    }

    /// Forgets everything that is still to go wrong, and who was denied.
    pub fn clear(&self) {
        held(&self.0).clear();
    }

    /// The next `times` calls of this name are throttled.
    pub fn throttle_next(&self, name: &str, times: usize) {
        held(&self.0).throttle(name, times);
    }

    /// The next `times` calls of this name are refused with this error; the store takes it for being unavailable.
    pub fn refuse_next(&self, name: &str, times: usize, error: &AwsError) {
        held(&self.0).refuse(name, times, error);
    }

    /// Actions of this name are denied there, until allowed again: `deny("ec2:*", "us-east-1")`,
    /// `deny("sts:AssumeRole", Whom::account("222222222222"))`, `deny("states:*", Whom::anybody())`.
    pub fn deny(&self, name: &str, whom: impl Into<Whom>) {
        held(&self.0).deny(name, whom.into());
    }

    /// Takes back every denial of this name, as it was written.
    pub fn allow(&self, name: &str) {
        held(&self.0).allow(name);
    }

    /// Runs something just before the next call of this name has its effect: somebody else comes in between.
    ///
    /// What it does must not count as a call of the process: use the fakes' `beside()`.
    pub fn meanwhile(&self, name: &str, what: impl FnOnce() + Send + 'static) {
        held(&self.0).meanwhile(name, Meanwhile::new(what));
    }

    /// From now on calls that are made beside each other answer in another order for each seed.
    pub fn interleave(&self, seed: u64) {
        held(&self.0).interleave(seed);
    }

    /// The calls so far, in order; those of a dead process are not among them.
    pub fn calls(&self) -> Vec<Call> {
        held(&self.0).calls.clone()
    }

    /// How often each call was made.
    pub fn tally(&self) -> BTreeMap<&'static str, usize> {
        let mut tally = BTreeMap::new();
        for call in &held(&self.0).calls {
            *tally.entry(call.name).or_insert(0) += 1;
        }
        tally
    }

    /// How many calls of this name were made.
    pub fn count(&self, name: &str) -> usize {
        held(&self.0).calls.iter().filter(|call| crate::script::matches(name, call.name)).count()
    }

    /// Begins the log of calls anew.
    pub fn forget_calls(&self) {
        held(&self.0).calls.clear();
    }

    /// The last call that was failed or killed by number, and whether it can be cut halfway.
    pub(crate) fn struck(&self) -> Option<(Call, bool)> {
        held(&self.0).struck.clone()
    }

    /// Runs a process until it ends or dies: `None`. What it left behind is in the fakes.
    pub async fn run<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        let _running = Running::begin(self);
        let mut process = pin!(process);
        poll_fn(|context| {
            let polled = process.as_mut().poll(context);
            if self.died_at().is_some() { Poll::Ready(None) } else { polled.map(Some) }
        })
        .await
    }

    /// Takes a call through the faults to its effect and back.
    pub(crate) async fn call<T, E: Broken>(
        &self,
        calling: Calling<'_>,
        effect: impl FnOnce(Extent) -> Result<T, E> + Send,
    ) -> Result<T, E> {
        self.take_turns().await;
        let name = calling.actions.first().copied().unwrap_or_default();
        let verdict = self.judge(name, &calling);
        match verdict {
            Verdict::Act => effect(Extent::Whole),
            Verdict::Fail(reason) => Err(E::broken(name, reason)),
            Verdict::Break { extent, reason } => {
                if let Some(extent) = extent {
                    // The answer is lost, whatever it was.
                    effect(extent).map_or_else(|_| (), |_| ());
                }
                self.hang_if_dead().await;
                Err(E::broken(name, reason))
            }
            Verdict::Dead(reason) => {
                self.hang_if_dead().await;
                Err(E::broken(name, reason))
            }
        }
    }

    fn judge(&self, name: &'static str, calling: &Calling<'_>) -> Verdict {
        let between = held(&self.0).come_between(name);
        between.into_iter().for_each(Meanwhile::happen);
        held(&self.0).judge(name, calling)
    }

    /// Never returns to a process that died in [`Faults::run`].
    pub(crate) async fn hang_if_dead(&self) {
        let hangs = {
            let script = held(&self.0);
            script.died.is_some() && script.running > 0
        };
        if hangs {
            std::future::pending::<()>().await;
        }
    }

    async fn take_turns(&self) {
        let mut turns = held(&self.0).turns();
        poll_fn(move |context| {
            if turns == 0 {
                return Poll::Ready(());
            }
            turns -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// Counts down even when the process is dropped.
struct Running<'a>(&'a Faults);

impl<'a> Running<'a> {
    fn begin(faults: &'a Faults) -> Self {
        held(&faults.0).running += 1;
        Self(faults)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        held(&self.0.0).running -= 1;
    }
}

#[cfg(test)]
mod tests;
