//! How long is waited for AWS, and when a unit is given up.

use jiff::{SignedDuration, Timestamp};

/// How long the execution sleeps before poll `n`, counted from 0, unless an event wakes it: 30 s, doubled each time,
/// up to 15 min. In seconds.
pub fn poll_wait(n: u32) -> u32 {
    30_u32.saturating_mul(2_u32.saturating_pow(n.min(10))).min(900)
}

/// A snapshot that is pending for so long will not come: the first snapshot of a 64 TiB volume takes days, not weeks.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(14 * 24);

/// For so long after a backup began, a snapshot that AWS does not list may be one that it does not list yet:
/// `DescribeSnapshots` is eventually consistent.
pub const LISTED_AFTER: SignedDuration = SignedDuration::from_secs(100);

/// For so long AWS is asked again and again for a snapshot that it refuses because of its rate or its quotas.
pub const ASK_FOR: SignedDuration = SignedDuration::from_hours(6);

/// Whether a backup that began at `started` is no longer waited for.
pub fn given_up(started: Timestamp, now: Timestamp) -> bool {
    now.duration_since(started) > GIVE_UP_AFTER
}

/// Whether AWS is no longer asked for what it refused since `started`.
pub fn asked_enough(started: Timestamp, now: Timestamp) -> bool {
    now.duration_since(started) > ASK_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_grow_to_a_quarter_of_an_hour() {
        let waits: Vec<u32> = (0..8).map(poll_wait).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    }
}
