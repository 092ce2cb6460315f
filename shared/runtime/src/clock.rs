//! The clock of the machine: the only place that reads it.

use async_trait::async_trait;
use cpm_ports::Clock;
use jiff::{SignedDuration, Timestamp};

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: SignedDuration) {
        // Less than nothing is nothing.
        tokio::time::sleep(time.try_into().unwrap_or_default()).await;
    }

    fn chance(&self) -> f64 {
        fastrand::f64()
    }

    #[expect(clippy::expect_used, reason = "without it nothing can be signed, and the runtime reports a panic")]
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system has random bytes");
        bytes
    }
}
