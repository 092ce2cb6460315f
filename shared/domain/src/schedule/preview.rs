//! What a schedule will do, and what may not be meant so (warning 4-1 of the guide).

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime},
};
use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::{Schedule, Unit, Weekdays, notation};

/// The next runs of a schedule, with its warnings.
///
/// ```
/// use cpm_domain::schedule::Schedule;
///
/// let schedule: Schedule = serde_json::from_str(
///     r#"{"name": "nightly", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:30",
///         "timezone": "Europe/Berlin"}"#,
/// )?;
/// let preview = schedule.preview("2026-03-28T12:00:00Z".parse()?, 2);
/// assert_eq!(
///     serde_json::to_value(&preview)?,
///     serde_json::json!({"runs": ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"], "warnings": []}),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preview {
    /// In order and in the schedule's zone; serialized with its offset, as RFC 3339 has it. Fewer than asked for only
    /// when there are no more.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub runs: Vec<Zoned>,
    /// What may not be meant so.
    pub warnings: Vec<Warning>,
}

/// Something that is allowed, but may not be meant so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Warning {
    /// For programs.
    pub code: WarningCode,
    /// For people: what happens, and why.
    pub message: String,
}

/// The stable code of a [`Warning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// There is no run at all, ever.
    NeverRuns,
    /// There were runs, but there are no more.
    Ended,
    /// Some months do not have the start's day; their last day is used.
    LastDayOfMonth,
}

impl WarningCode {
    /// The code as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverRuns => "never-runs",
            Self::Ended => "ended",
            Self::LastDayOfMonth => "last-day-of-month",
        }
    }
}

impl Schedule {
    /// The first `count` runs at or after an instant, and the warnings as of then.
    pub fn preview(&self, from: Timestamp, count: usize) -> Preview {
        Preview { runs: self.runs(from).take(count).collect(), warnings: self.warnings(from) }
    }

    /// What to point out when the schedule is made or looked at, as of an instant.
    ///
    /// A schedule is said never to run only if no run follows its start until the calendar ends: one whose day comes
    /// once in 28 years runs.
    pub fn warnings(&self, from: Timestamp) -> Vec<Warning> {
        let runs = match self.next_at_or_after(from) {
            Some(_) => None,
            None if self.next_at_or_after(self.first_slot()).is_none() => {
                Some(Warning { code: WarningCode::NeverRuns, message: self.why_never() })
            }
            None => Some(Warning { code: WarningCode::Ended, message: self.why_no_more(from) }),
        };
        runs.into_iter().chain(self.last_day_of_month()).collect()
    }

    fn why_never(&self) -> String {
        let name = self.name();
        if self.open.is_empty() {
            return format!("`{name}` never runs: its disabled times cover every moment of its weekdays");
        }
        let repeat = self.repeat();
        let before = self.end().map(|end| format!(" before it ends at {}", notation::date_time(end)));
        let before = before.unwrap_or_default();
        let day = self.local(self.first_slot()).weekday();
        if repeat.unit() == Unit::Weeks && !self.weekdays().contains(day) {
            return format!(
                "`{name}` never runs: {repeat} means the weekday of its start, `{}`, which is not among its weekdays, `{}`",
                notation::weekday(day),
                self.weekdays(),
            );
        }
        format!(
            "`{name}` never runs: {repeat} from {}, every run{before} falls on a weekday that is left out or in a disabled time",
            notation::date_time(self.start()),
        )
    }

    fn why_no_more(&self, from: Timestamp) -> String {
        let (name, from) = (self.name(), notation::date_time(self.local(from)));
        match self.end() {
            Some(end) => format!("`{name}` has no run from {from} on: it ends at {}", notation::date_time(end)),
            None if self.disabled().is_empty() && self.weekdays() == Weekdays::ALL => {
                format!("`{name}` has no run from {from} on: the calendar ends with the year 9999")
            }
            None => format!(
                "`{name}` has no run from {from} on: each falls on a weekday that is left out or in a disabled time"
            ),
        }
    }

    fn last_day_of_month(&self) -> Option<Warning> {
        let (start, every) = (self.start().date(), i64::from(self.repeat().every()));
        if self.repeat().unit() != Unit::Months {
            return None;
        }
        let month = |n: i64| i8::try_from((i64::from(start.month()) - 1 + n * every) % 12 + 1).ok();
        // A common year: the 29th of February is missing in most.
        let shortest = (0..12).filter_map(|n| Some(Date::new(2001, month(n)?, 1).ok()?.days_in_month())).min()?;
        (start.day() > shortest).then(|| Warning {
            code: WarningCode::LastDayOfMonth,
            message: format!("`{}` runs on the last day of months that have no day {}", self.name(), start.day()),
        })
    }

    fn local(&self, instant: Timestamp) -> DateTime {
        self.zone().time_zone().to_datetime(instant)
    }
}

fn rfc3339<S: Serializer>(runs: &[Zoned], serializer: S) -> Result<S::Ok, S::Error> {
    let mut sequence = serializer.serialize_seq(Some(runs.len()))?;
    for run in runs {
        sequence.serialize_element(&run.timestamp().display_with_offset(run.offset()).to_string())?;
    }
    sequence.end()
}
