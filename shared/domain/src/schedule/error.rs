//! Why a schedule is refused.

use jiff::civil::{DateTime, Time};

use super::{Repeat, notation};
use crate::name::NameError;

/// A value of a schedule that is refused: the place and what is wrong with it. No retry helps.
///
/// ```
/// use cpm_domain::schedule::{Repeat, Unit};
///
/// let error = Repeat::new(0, Unit::Days).unwrap_err();
/// assert_eq!((error.field(), error.code()), ("repeat.every", "zero-interval"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ScheduleError {
    field: String,
    problem: ScheduleProblem,
}

impl ScheduleError {
    pub(super) fn new(field: impl Into<String>, problem: ScheduleProblem) -> Self {
        Self { field: field.into(), problem }
    }

    /// The same, with its place seen from further out: `from` within `disabled[1]` is `disabled[1].from`.
    pub(super) fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }

    /// Where, as a path into the schedule of a policy file: `start`, `repeat.every`, `weekdays[2]`, `disabled[0].to`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong; its `Display` says it without the place.
    pub fn problem(&self) -> &ScheduleProblem {
        &self.problem
    }

    /// The stable code of [`ScheduleError::problem`].
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }
}

/// What is wrong with a value of a schedule, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleProblem {
    /// `bad-name`: not a name.
    #[error(transparent)]
    BadName(#[from] NameError),
    /// `zero-interval`: repeats every nothing, or less.
    #[error("`{0}` is no interval; a schedule repeats every 1 or more")]
    ZeroInterval(i64),
    /// `interval-too-large`: more than [`Repeat::MAX_EVERY`].
    #[error("`{0}` is too large an interval; the most is {max}", max = Repeat::MAX_EVERY)]
    IntervalTooLarge(i64),
    /// `bad-unit`: an unknown unit.
    #[error("`{0}` is not a unit; write `minutes`, `hours`, `days`, `weeks` or `months`")]
    BadUnit(String),
    /// `bad-time`: not a date with a time of day.
    #[error("`{0}` is not a local date and time of whole seconds; write it as `2026-01-31T02:00`, without a zone")]
    BadTime(String),
    /// `bad-time-of-day`: not a time of day.
    #[error("`{0}` is not a time of day; write it as `13:00`, from `00:00` to `23:59`")]
    BadTimeOfDay(String),
    /// `bad-timezone`: not a name of the IANA time zone database.
    #[error("`{0}` is not a time zone of the IANA database; write one such as `Europe/Berlin` or `UTC`")]
    BadTimezone(String),
    /// `no-timezone`: a schedule that stands alone must name its zone.
    #[error("the time zone is missing; write one such as `Europe/Berlin` or `UTC`")]
    NoTimezone,
    /// `end-before-start`: it would be over before it begins.
    #[error("the end {end} is not after the start {start}", end = notation::date_time(*.end), start = notation::date_time(*.start))]
    EndBeforeStart {
        /// When it starts.
        start: DateTime,
        /// When it ends.
        end: DateTime,
    },
    /// `bad-weekday`: an unknown weekday.
    #[error("`{0}` is not a weekday; write `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`")]
    BadWeekday(String),
    /// `no-weekday`: a schedule active on no day.
    #[error("a schedule needs a weekday; leave `weekdays` out for all of them")]
    NoWeekday,
    /// `bad-window-day`: neither a weekday nor `every`.
    #[error("`{0}` is not a day; write `every`, `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`")]
    BadWindowDay(String),
    /// `equal-window`: a window that could be empty or the whole day.
    #[error(
        "the window ends when it starts, at {time}; give two times, or leave a whole day out of `weekdays`",
        time = notation::time_of_day(*.0)
    )]
    EqualWindow(Time),
}

impl ScheduleProblem {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadName(_) => "bad-name",
            Self::ZeroInterval(_) => "zero-interval",
            Self::IntervalTooLarge(_) => "interval-too-large",
            Self::BadUnit(_) => "bad-unit",
            Self::BadTime(_) => "bad-time",
            Self::BadTimeOfDay(_) => "bad-time-of-day",
            Self::BadTimezone(_) => "bad-timezone",
            Self::NoTimezone => "no-timezone",
            Self::EndBeforeStart { .. } => "end-before-start",
            Self::BadWeekday(_) => "bad-weekday",
            Self::NoWeekday => "no-weekday",
            Self::BadWindowDay(_) => "bad-window-day",
            Self::EqualWindow(_) => "equal-window",
        }
    }
}
