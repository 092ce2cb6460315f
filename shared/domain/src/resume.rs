//! What becomes of a backup whose execution died.

use jiff::SignedDuration;

/// How long a lease holds before others may doubt that its holder lives.
pub const LEASE: SignedDuration = SignedDuration::from_hours(2);

/// How long a lease holds while something may be frozen, besides the time that its scripts may take: an execution that
/// dies unheard must not keep applications waiting.
pub const FROZEN_LEASE: SignedDuration = SignedDuration::from_mins(4);

/// Renewed by polls when less than this is left.
pub const RENEW_BELOW: SignedDuration = SignedDuration::from_hours(1);

/// How often a backup is resumed before it is given up.
pub const MOST_RESUMES: u32 = 3;

/// How the execution of an expired lease stands, as far as Step Functions knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// It runs.
    Lives,
    /// It ended without giving the lease back.
    Dead,
}

/// What to do about an expired lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Its holder is only slow: give it more time.
    Extend,
    /// Start the backup anew where it stopped; this is the resumption of that number.
    Restart(u32),
    /// Enough: fail what is open, and say so.
    GiveUp,
}

/// Decides what to do about an expired lease whose backup was resumed `resumed` times.
pub fn resume(holder: Holder, resumed: u32) -> Resume {
    match holder {
        Holder::Lives => Resume::Extend,
        Holder::Dead if resumed < MOST_RESUMES => Resume::Restart(resumed + 1),
        Holder::Dead => Resume::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_up_after_three() {
        assert_eq!(resume(Holder::Lives, 9), Resume::Extend);
        assert_eq!(resume(Holder::Dead, 0), Resume::Restart(1));
        assert_eq!(resume(Holder::Dead, 2), Resume::Restart(3));
        assert_eq!(resume(Holder::Dead, 3), Resume::GiveUp);
    }
}
