//! Schedules: when policies are backed up (§4.1 of the guide).
//!
//! A [`Schedule`] repeats from its start, and every run derives from that start:
//!
//! - Minutes and hours count elapsed time from the start instant.
//! - Days, weeks and months count on the wall clock: the same local time each time. A month without that day uses its
//!   last day, counted from the start each time (31 January, 28 February, 31 March).
//! - A local time that a daylight-saving change skips runs the length of the gap later (02:30 becomes 03:30); one that
//!   comes twice runs the first time. Two slots that fall on one instant are one run.
//! - Weekdays and disabled windows strike runs out, by the local time at the run.
//! - There is no run at or after the end.
//!
//! | concept | where |
//! | --- | --- |
//! | how often | [`Repeat`], [`Unit`] |
//! | what is struck out | [`Weekdays`], [`DisabledWindow`] |
//! | where | [`Zone`] |
//! | the next run, all runs, the run that makes up for an outage | [`Schedule::next_at_or_after`], [`Schedule::runs`], [`Schedule::catch_up`] |
//! | what to expect, and what is wrong with it | [`Schedule::preview`], [`Schedule::warnings`] |
//! | as written in policy files | [`ScheduleSpec`] |

mod error;
mod notation;
mod occurrence;
mod open_hours;
mod preview;
mod repeat;
mod spec;
mod window;
mod zone;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tables;

use jiff::{SignedDuration, Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};

use self::open_hours::OpenHours;
pub use self::{
    error::{ScheduleError, ScheduleProblem},
    occurrence::CatchUp,
    preview::{Preview, Warning, WarningCode},
    repeat::{Repeat, Unit},
    spec::{RepeatSpec, ScheduleSpec, WindowSpec},
    window::{DisabledWindow, Weekdays, WindowDay},
    zone::Zone,
};
use crate::name::ScheduleName;

/// When backups run: see the [module](self) for the rules.
///
/// It is read and written in the shape of policy files ([`ScheduleSpec`]), with the time zone always there; reading
/// refuses what the constructors refuse.
///
/// ```
/// use cpm_domain::schedule::{Repeat, Schedule, Unit, Zone};
/// use jiff::civil::date;
///
/// let schedule = Schedule::new(
///     "nightly".parse()?,
///     Repeat::new(1, Unit::Days)?,
///     date(2026, 1, 1).at(2, 30, 0, 0),
///     "Europe/Berlin".parse::<Zone>()?,
/// )?;
/// // On 29 March 2026 there is no 02:30 in Berlin.
/// let run = schedule.next_at_or_after("2026-03-29T00:00:00+01:00".parse()?);
/// assert_eq!(run, Some("2026-03-29T03:30:00+02:00".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ScheduleSpec", into = "ScheduleSpec")]
pub struct Schedule {
    name: ScheduleName,
    description: Option<String>,
    repeat: Repeat,
    start: DateTime,
    zone: Zone,
    end: Option<DateTime>,
    weekdays: Weekdays,
    disabled: Vec<DisabledWindow>,
    /// The start as an instant: the first slot.
    first: Timestamp,
    /// The last instant that may be a run; the calendar's last without an end.
    last: Timestamp,
    /// What `weekdays` and `disabled` leave.
    open: OpenHours,
}

impl Schedule {
    /// A schedule on all weekdays, without end and disabled windows.
    ///
    /// `start` is a wall-clock time in `zone`, to the second; a fraction of a second is refused, and so is a time
    /// outside of the calendar (years -9999 to 9999).
    pub fn new(name: ScheduleName, repeat: Repeat, start: DateTime, zone: Zone) -> Result<Self, ScheduleError> {
        let first = match zone.time_zone().to_timestamp(start) {
            Ok(first) if start.subsec_nanosecond() == 0 => first,
            _ => return Err(bad_time("start", start)),
        };
        let weekdays = Weekdays::ALL;
        let open = OpenHours::new(weekdays, &[]);
        Ok(Self {
            name,
            description: None,
            repeat,
            start,
            zone,
            end: None,
            weekdays,
            disabled: Vec::new(),
            first,
            last: Timestamp::MAX,
            open,
        })
    }

    /// With a description for people.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// With an end, a wall-clock time in the schedule's zone: no run at or after it. It must come after the start.
    pub fn ending(mut self, end: DateTime) -> Result<Self, ScheduleError> {
        if end <= self.start {
            return Err(ScheduleError::new("end", ScheduleProblem::EndBeforeStart { start: self.start, end }));
        }
        if end.subsec_nanosecond() != 0 {
            return Err(bad_time("end", end));
        }
        // After a good start, what has no instant is past the calendar's end.
        let at = self.zone.time_zone().to_timestamp(end).ok();
        self.last = at.and_then(|at| at.checked_sub(SignedDuration::from_secs(1)).ok()).unwrap_or(Timestamp::MAX);
        self.end = Some(end);
        Ok(self)
    }

    /// Only on these weekdays, by the local time of the run.
    #[must_use]
    pub fn on(mut self, weekdays: Weekdays) -> Self {
        self.weekdays = weekdays;
        self.open = OpenHours::new(self.weekdays, &self.disabled);
        self
    }

    /// Not within these windows, by the local time of the run.
    #[must_use]
    pub fn except(mut self, disabled: Vec<DisabledWindow>) -> Self {
        self.disabled = disabled;
        self.open = OpenHours::new(self.weekdays, &self.disabled);
        self
    }

    /// Unique within the owner.
    pub fn name(&self) -> &ScheduleName {
        &self.name
    }

    /// For people.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// How often it runs.
    pub fn repeat(&self) -> Repeat {
        self.repeat
    }

    /// What all runs derive from: a wall-clock time in [`Schedule::zone`].
    pub fn start(&self) -> DateTime {
        self.start
    }

    /// The start as an instant: the first slot, whether struck out or not.
    pub fn first_slot(&self) -> Timestamp {
        self.first
    }

    /// The zone of all its wall-clock times.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// No run at or after this wall-clock time.
    pub fn end(&self) -> Option<DateTime> {
        self.end
    }

    /// The weekdays it may run on.
    pub fn weekdays(&self) -> Weekdays {
        self.weekdays
    }

    /// The windows it does not run in.
    pub fn disabled(&self) -> &[DisabledWindow] {
        &self.disabled
    }
}

fn bad_time(field: &str, time: DateTime) -> ScheduleError {
    ScheduleError::new(field, ScheduleProblem::BadTime(time.to_string()))
}
