//! How often a schedule runs.

use std::fmt;

use serde::Serialize;

use super::{ScheduleError, ScheduleProblem};

/// What an interval is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Elapsed time.
    Minutes,
    /// Elapsed time.
    Hours,
    /// The same local time, days later.
    Days,
    /// The same local time and weekday, weeks later.
    Weeks,
    /// The same local time and day of the month, or the month's last day.
    Months,
}

impl Unit {
    /// Every unit, shortest first.
    pub const ALL: [Self; 5] = [Self::Minutes, Self::Hours, Self::Days, Self::Weeks, Self::Months];

    /// As policy files write it: `minutes`, `hours`, `days`, `weeks`, `months`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
            Self::Weeks => "weeks",
            Self::Months => "months",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// "Repeats every" of the guide (§4.1.1): a number of units, 1 to [`Repeat::MAX_EVERY`].
///
/// ```
/// use cpm_domain::schedule::{Repeat, Unit};
///
/// assert_eq!(Repeat::new(1, Unit::Days)?.to_string(), "every day");
/// assert_eq!(Repeat::new(6, Unit::Hours)?.to_string(), "every 6 hours");
/// # Ok::<(), cpm_domain::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repeat {
    every: u32,
    unit: Unit,
}

/// From one slot to the next, in what the arithmetic needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stride {
    /// Elapsed seconds.
    Elapsed(i64),
    /// The same local time, later on the calendar.
    WallClock(WallStride),
}

/// How much later on the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WallStride {
    /// So many days.
    Days(i64),
    /// So many months.
    Months(i64),
}

impl Repeat {
    /// The largest interval: nearly two years of minutes.
    pub const MAX_EVERY: u32 = 1_000_000;

    /// Every so many units.
    pub fn new(every: u32, unit: Unit) -> Result<Self, ScheduleError> {
        let refuse = |problem| Err(ScheduleError::new("repeat.every", problem));
        match every {
            0 => refuse(ScheduleProblem::ZeroInterval(0)),
            1..=Self::MAX_EVERY => Ok(Self { every, unit }),
            _ => refuse(ScheduleProblem::IntervalTooLarge(every.into())),
        }
    }

    /// How many units lie between two slots.
    pub fn every(self) -> u32 {
        self.every
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        self.unit
    }

    pub(super) fn stride(self) -> Stride {
        let every = i64::from(self.every);
        match self.unit {
            Unit::Minutes => Stride::Elapsed(every * 60),
            Unit::Hours => Stride::Elapsed(every * 3600),
            Unit::Days => Stride::WallClock(WallStride::Days(every)),
            Unit::Weeks => Stride::WallClock(WallStride::Days(every * 7)),
            Unit::Months => Stride::WallClock(WallStride::Months(every)),
        }
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.every, self.unit.as_str()) {
            (1, unit) => write!(f, "every {}", unit.trim_end_matches('s')),
            (every, unit) => write!(f, "every {every} {unit}"),
        }
    }
}
