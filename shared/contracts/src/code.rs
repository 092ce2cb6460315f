//! The names of errors that functions report: what `Retry` and `Catch` of the state machines match on.

/// A stable name of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code {
    /// As the state machines know it.
    pub name: &'static str,
    /// Whether the same step may succeed when it is repeated.
    pub retryable: bool,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $const:ident = $name:literal, $retryable:literal;)*) => {
        $($(#[$doc])* pub const $const: Code = Code { name: $name, retryable: $retryable };)*
        /// All of them.
        pub const ALL: &[Code] = &[$($const),*];
    };
}

codes! {
    /// A conditional write lost its race: read again.
    LOST_RACE = "Store.LostRace", true;
    /// The table did not answer.
    STORE_UNAVAILABLE = "Store.Unavailable", true;
    /// The table refused for good.
    STORE_REFUSED = "Store.Refused", false;
    /// An item that this version cannot read.
    STORE_UNREADABLE = "Store.Unreadable", false;
    /// AWS is throttling, or did not answer.
    AWS_UNAVAILABLE = "Aws.Unavailable", true;
    /// AWS refused for good.
    AWS_REFUSED = "Aws.Refused", false;
    /// Another execution has the policy now: this one stops.
    LEASE_LOST = "Backup.LeaseLost", false;
    /// Woken though units are still open: wait on.
    STILL_OPEN = "Backup.StillOpen", false;
    /// What was asked for does not exist.
    NOT_FOUND = "Input.NotFound", false;
    /// The request makes no sense.
    BAD_INPUT = "Input.Bad", false;
    /// The request makes sense, and what is there stands in its way.
    CONFLICT = "Input.Conflict", false;
    /// A panic or another mistake of ours.
    BUG = "Cpm.Bug", true;
}
