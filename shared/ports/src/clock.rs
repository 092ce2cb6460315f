//! Time, and how much of it is left.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// The only source of time and chance.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits. Only for pauses shorter than a start of the state machine's `Wait` would be worth.
    async fn sleep(&self, time: SignedDuration);

    /// A number in `0.0..1.0`, for jitter.
    fn chance(&self) -> f64;

    /// Bytes that nobody can guess, for what is signed.
    fn secret(&self) -> [u8; 32];
}

/// When a step has to hand back what it could not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Timestamp);

impl Deadline {
    /// Whether `time` more would still be in time.
    pub fn allows(self, now: Timestamp, time: SignedDuration) -> bool {
        now.checked_add(time).is_ok_and(|then| then <= self.0)
    }
}
