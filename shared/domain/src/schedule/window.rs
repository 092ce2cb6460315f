//! What strikes runs out: weekdays and disabled windows.

use std::fmt;

use jiff::civil::{Time, Weekday};

use super::{
    ScheduleError, ScheduleProblem,
    notation::{self, WEEKDAYS},
};

/// The weekdays a schedule is active on: at least one (§4.1.1).
///
/// ```
/// use cpm_domain::schedule::Weekdays;
/// use jiff::civil::Weekday;
///
/// let days = Weekdays::new([Weekday::Monday, Weekday::Friday])?;
/// assert!(days.contains(Weekday::Friday) && !days.contains(Weekday::Sunday));
/// assert_eq!(days.to_string(), "mon fri");
/// assert_eq!(Weekdays::new([]).unwrap_err().code(), "no-weekday");
/// # Ok::<(), cpm_domain::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Every day.
    pub const ALL: Self = Self(0b0111_1111);

    /// These days, in any order; naming one twice does no harm.
    pub fn new(days: impl IntoIterator<Item = Weekday>) -> Result<Self, ScheduleError> {
        match days.into_iter().fold(0, |set, day| set | bit(day)) {
            0 => Err(ScheduleError::new("weekdays", ScheduleProblem::NoWeekday)),
            set => Ok(Self(set)),
        }
    }

    /// Whether `day` is among them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }

    /// In the order of the week, Monday first.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        WEEKDAYS.into_iter().map(|(day, _)| day).filter(move |day| self.contains(*day))
    }
}

impl Default for Weekdays {
    /// Every day.
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(notation::weekday).collect();
        f.write_str(&names.join(" "))
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

/// The day on which a [`DisabledWindow`] starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowDay {
    /// Each day anew.
    Every,
    /// This weekday only.
    On(Weekday),
}

impl WindowDay {
    /// Whether a window starts on `day`.
    pub fn includes(self, day: Weekday) -> bool {
        match self {
            Self::Every => true,
            Self::On(only) => only == day,
        }
    }
}

impl fmt::Display for WindowDay {
    /// As policy files write it: `every` or `tue`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Every => "every",
            Self::On(day) => notation::weekday(*day),
        })
    }
}

/// A disabled time (§4.1.3): no run from its start up to, not including, its finish, by the local time.
///
/// A finish before the start means the next day; for every day, the window then wraps round midnight.
///
/// ```
/// use cpm_domain::schedule::{DisabledWindow, WindowDay};
/// use jiff::civil::time;
///
/// let night = DisabledWindow::new(WindowDay::Every, time(18, 0, 0, 0), time(6, 0, 0, 0))?;
/// assert_eq!(night.to_string(), "every 18:00-06:00");
///
/// let noon = time(12, 0, 0, 0);
/// assert_eq!(DisabledWindow::new(WindowDay::Every, noon, noon).unwrap_err().code(), "equal-window");
/// # Ok::<(), cpm_domain::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DisabledWindow {
    day: WindowDay,
    from: Time,
    to: Time,
}

impl DisabledWindow {
    /// From `from` to `to` of `day` or, with `to` before `from`, of the day after. Equal ends are refused, and so are
    /// fractions of a second.
    pub fn new(day: WindowDay, from: Time, to: Time) -> Result<Self, ScheduleError> {
        for (field, time) in [("from", from), ("to", to)] {
            if time.subsec_nanosecond() != 0 {
                return Err(ScheduleError::new(field, ScheduleProblem::BadTimeOfDay(time.to_string())));
            }
        }
        if from == to {
            return Err(ScheduleError::new("to", ScheduleProblem::EqualWindow(from)));
        }
        Ok(Self { day, from, to })
    }

    /// The day it starts on.
    pub fn day(self) -> WindowDay {
        self.day
    }

    /// The first moment in it.
    pub fn from(self) -> Time {
        self.from
    }

    /// The first moment after it.
    pub fn to(self) -> Time {
        self.to
    }
}

impl fmt::Display for DisabledWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (notation::time_of_day(self.from), notation::time_of_day(self.to));
        write!(f, "{} {from}-{to}", self.day)
    }
}
