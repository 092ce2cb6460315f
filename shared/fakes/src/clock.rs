//! Time that passes only when somebody waits or a test says so.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use async_trait::async_trait;
use cpm_ports::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::{Faults, chance::Chance, held};

/// When every fake world begins: 1 January 2026, midnight in UTC.
pub const START: &str = "2026-01-01T00:00:00Z";

/// A clock that tests set. Clones show the same time.
///
/// A wait takes no real time: the clock goes to its end. Waits that run beside each other pass together, as they do in
/// a real function: two of a second each take one second, not two.
#[derive(Debug, Clone)]
pub struct FakeClock {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    chance: Chance,
    sleeps: Vec<SignedDuration>,
    /// Who waits, and until when.
    waiting: BTreeMap<u64, Timestamp>,
    next: u64,
}

impl FakeClock {
    /// A clock at [`START`].
    pub fn new() -> Self {
        Self::with(Faults::new())
    }

    /// A clock whose waits end with the process that dies of `faults`.
    pub fn with(faults: Faults) -> Self {
        let now = START.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let state = State { now, chance: Chance::new(1), sleeps: Vec::new(), waiting: BTreeMap::new(), next: 0 };
        Self { state: Arc::new(Mutex::new(state)), faults }
    }

    /// The same clock for somebody who does not die of its faults.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { state: Arc::clone(&self.state), faults: Faults::new() }
    }

    /// Sets the time, also back.
    pub fn set(&self, now: Timestamp) {
        held(&self.state).now = now;
    }

    /// Lets time pass.
    pub fn advance(&self, time: SignedDuration) {
        held(&self.state).now += time;
    }

    /// Begins another sequence of chances.
    pub fn seed(&self, seed: u64) {
        held(&self.state).chance = Chance::new(seed);
    }

    /// The waits so far, as asked for, in the order they began.
    pub fn sleeps(&self) -> Vec<SignedDuration> {
        held(&self.state).sleeps.clone()
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        held(&self.state).now
    }

    async fn sleep(&self, time: SignedDuration) {
        self.faults.hang_if_dead().await;
        let until = {
            let mut state = held(&self.state);
            state.sleeps.push(time);
            state.now + time
        };
        Sleep { clock: self, until, id: None, turns: 0 }.await;
        self.faults.hang_if_dead().await;
    }

    fn chance(&self) -> f64 {
        held(&self.state).chance.next()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is below 256 is a byte")]
    fn secret(&self) -> [u8; 32] {
        let mut state = held(&self.state);
        let (mut bytes, chance) = ([0; 32], &mut state.chance);
        for byte in &mut bytes {
            *byte = (chance.next() * 256.0) as u8;
        }
        bytes
    }
}

/// For so many turns a wait lets an earlier one go first. Nobody may be there to poll that one.
const PATIENCE: u32 = 1_000;

/// A wait. Polled for the second time, everything beside it has had its turn: then the earliest moves the clock.
struct Sleep<'a> {
    clock: &'a FakeClock,
    until: Timestamp,
    id: Option<u64>,
    turns: u32,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock;
        let mut state = held(&clock.state);
        if state.now >= self.until {
            return Poll::Ready(());
        }
        if let Some(id) = self.id {
            let earliest = state.waiting.iter().min_by_key(|(other, until)| (**until, **other));
            self.turns += 1;
            if earliest.is_some_and(|(other, _)| *other == id) || self.turns > PATIENCE {
                state.now = self.until;
                return Poll::Ready(());
            }
        } else {
            let id = state.next;
            state.next += 1;
            state.waiting.insert(id, self.until);
            self.id = Some(id);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            held(&self.clock.state).waiting.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_wait_moves_the_clock_and_is_on_record() {
        let clock = FakeClock::new();
        clock.sleep(SignedDuration::from_secs(7)).await;
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:07Z");
        assert_eq!(clock.sleeps(), [SignedDuration::from_secs(7)]);
    }

    #[tokio::test]
    async fn waits_beside_each_other_pass_together() {
        let clock = FakeClock::new();
        let seconds = |n| clock.sleep(SignedDuration::from_secs(n));
        let short_twice = async {
            seconds(1).await;
            assert_eq!(clock.now().to_string(), "2026-01-01T00:00:01Z");
            seconds(2).await;
            assert_eq!(clock.now().to_string(), "2026-01-01T00:00:03Z");
        };
        tokio::join!(seconds(5), short_twice, seconds(5));
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:05Z");
        join_all((0..100).map(|_| seconds(1))).await;
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:06Z");
    }

    #[test]
    fn chances_repeat_with_their_seed() {
        let (one, other) = (FakeClock::new(), FakeClock::new());
        one.seed(9);
        other.seed(9);
        let chances = |clock: &FakeClock| (0..20).map(|_| clock.chance()).collect::<Vec<_>>();
        let drawn = chances(&one);
        assert!(drawn.iter().all(|chance| (0.0..1.0).contains(chance)));
        assert_eq!(drawn, chances(&other));
        assert_ne!(drawn, chances(&one));
    }
}
