//! How fast AWS is asked, and how long is waited when it says that it was too fast.

use jiff::{SignedDuration, Timestamp};

/// A token bucket: as AWS counts, so that it is not asked in vain.
///
/// EC2 allows `DeleteSnapshot` a hundred calls at once and five a second after that (EC2 API throttling).
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    capacity: f64,
    refill: f64,
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket of `capacity` tokens, refilled by `refill` a second.
    pub fn full(capacity: u32, refill: f64, now: Timestamp) -> Self {
        Self { capacity: f64::from(capacity), refill, tokens: f64::from(capacity), at: now }
    }

    /// Of `DeleteSnapshot`, with a little left for others.
    pub fn of_deletes(now: Timestamp) -> Self {
        Self::full(90, 4.5, now)
    }

    /// Takes a token, or says how long to wait for one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), SignedDuration> {
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        self.tokens = (self.tokens + passed * self.refill).min(self.capacity);
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // Rounding must not make it a wait of nothing.
        Err(seconds((1.0 - self.tokens) / self.refill).max(SignedDuration::from_millis(1)))
    }

    /// AWS says that the bucket is empty, whatever was believed.
    pub fn drain(&mut self, now: Timestamp) {
        self.tokens = 0.0;
        self.at = now;
    }
}

fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX)
}

/// The longest pause between two tries inside a step; what would take longer is handed back to the state machine.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(20);

/// How long to wait before try `n` (counted from 1 for the first repetition): doubled each time from half a second,
/// up to [`LONGEST_PAUSE`], with full jitter over its upper half. `chance` is in `0.0..1.0`.
pub fn backoff(n: u32, chance: f64) -> SignedDuration {
    let doubled = 0.5 * f64::from(2_u32.saturating_pow(n.saturating_sub(1).min(10)));
    let longest = doubled.min(LONGEST_PAUSE.as_secs_f64());
    seconds(longest * (0.5 + 0.5 * chance.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket::full(3, 2.0, start);
        assert!((0..3).all(|_| bucket.take(start).is_ok()));
        let wait = bucket.take(start).unwrap_err();
        assert_eq!(wait, SignedDuration::from_millis(500));
        assert!(bucket.take(start + wait).is_ok());
        assert!(bucket.take(start + wait).is_err());
    }

    proptest! {
        #[test]
        fn never_faster_than_aws_allows(gaps in prop::collection::vec(0i64..400, 1..400)) {
            let start = Timestamp::UNIX_EPOCH;
            let mut bucket = Bucket::of_deletes(start);
            let (mut now, mut taken) = (start, 0u32);
            for gap in gaps {
                now += SignedDuration::from_millis(gap);
                taken += u32::from(bucket.take(now).is_ok());
                let passed = now.duration_since(start).as_secs_f64();
                prop_assert!(f64::from(taken) <= 100.0 + 5.0 * passed);
            }
        }

        #[test]
        fn backoff_grows_and_stays_in_bounds(n in 1u32..100, chance in 0.0f64..1.0) {
            let wait = backoff(n, chance);
            prop_assert!(wait >= SignedDuration::from_millis(250) && wait <= LONGEST_PAUSE);
        }
    }
}
