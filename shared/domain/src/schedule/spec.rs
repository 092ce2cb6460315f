//! A schedule as policy files write it.

use jiff::civil::{DateTime, Time, Weekday};
use serde::{Deserialize, Serialize};

use super::{
    DisabledWindow, Repeat, Schedule, ScheduleError, ScheduleProblem, Unit, Weekdays, WindowDay, Zone, notation,
};
use crate::name::{NameError, ScheduleName};

/// A schedule in a policy file, not yet checked: [`ScheduleSpec::resolve`] does that, so that every error names its
/// field. Unknown keys are refused on reading. Writing leaves out what is the default.
///
/// ```
/// use cpm_domain::schedule::{Schedule, ScheduleSpec, Zone};
///
/// let spec: ScheduleSpec = serde_json::from_str(
///     r#"{"name": "nightly", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00",
///         "weekdays": ["mon", "tue"], "disabled": [{"day": "every", "from": "18:00", "to": "06:00"}]}"#,
/// )?;
/// let schedule = spec.resolve(&Zone::utc())?;
/// assert_eq!(schedule.zone().name(), "UTC");
///
/// let spec = ScheduleSpec { end: Some("2025-01-01T00:00".to_owned()), ..spec };
/// let error = spec.resolve(&Zone::utc()).unwrap_err();
/// assert_eq!((error.field(), error.code()), ("end", "end-before-start"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(description = "A schedule as a policy file writes it. Writing leaves out what is the default.")
)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Unique within the owner.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How often.
    pub repeat: RepeatSpec,
    /// What all runs derive from: `2026-01-01T02:00`, in the time zone.
    pub start: String,
    /// A name of the IANA database; the deployment's zone when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// No run at or after it: `2027-01-01T00:00`, in the time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// `mon` to `sun`; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekdays: Option<Vec<String>>,
    /// When not to run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disabled: Vec<WindowSpec>,
}

/// [`Repeat`] in a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(description = "How often a schedule runs."))]
#[serde(deny_unknown_fields)]
pub struct RepeatSpec {
    /// How many units, from 1.
    pub every: i64,
    /// `minutes`, `hours`, `days`, `weeks` or `months`.
    pub unit: String,
}

/// [`DisabledWindow`] in a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(description = "When a schedule does not run."))]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    /// `every`, or `mon` to `sun`.
    pub day: String,
    /// `13:00`: the first moment in it.
    pub from: String,
    /// `15:00`: the first moment after it; before `from`, it is the next day's.
    pub to: String,
}

impl ScheduleSpec {
    /// The schedule, in `default_zone` if it names no zone itself.
    pub fn resolve(&self, default_zone: &Zone) -> Result<Schedule, ScheduleError> {
        let name: ScheduleName =
            self.name.parse().map_err(|error: NameError| ScheduleError::new("name", error.into()))?;
        let zone = self.timezone.as_ref().map_or_else(|| Ok(default_zone.clone()), |name| name.parse())?;
        let mut schedule = Schedule::new(name, self.repeat.resolve()?, date_time("start", &self.start)?, zone)?
            .on(self.weekdays()?)
            .except(self.windows()?);
        if let Some(end) = &self.end {
            schedule = schedule.ending(date_time("end", end)?)?;
        }
        Ok(match &self.description {
            Some(description) => schedule.described(description),
            None => schedule,
        })
    }

    fn weekdays(&self) -> Result<Weekdays, ScheduleError> {
        let Some(names) = &self.weekdays else { return Ok(Weekdays::ALL) };
        let days: Vec<_> = names.iter().enumerate().map(|(n, name)| weekday(n, name)).collect::<Result<_, _>>()?;
        Weekdays::new(days)
    }

    fn windows(&self) -> Result<Vec<DisabledWindow>, ScheduleError> {
        let placed = |(n, window): (usize, &WindowSpec)| {
            window.resolve().map_err(|error| error.within(&format!("disabled[{n}]")))
        };
        self.disabled.iter().enumerate().map(placed).collect()
    }
}

impl RepeatSpec {
    fn resolve(&self) -> Result<Repeat, ScheduleError> {
        let unit = Unit::ALL
            .into_iter()
            .find(|unit| unit.as_str() == self.unit)
            .ok_or_else(|| ScheduleError::new("repeat.unit", ScheduleProblem::BadUnit(self.unit.clone())))?;
        match u32::try_from(self.every) {
            Ok(every) => Repeat::new(every, unit),
            Err(_) if self.every < 0 => {
                Err(ScheduleError::new("repeat.every", ScheduleProblem::ZeroInterval(self.every)))
            }
            Err(_) => Err(ScheduleError::new("repeat.every", ScheduleProblem::IntervalTooLarge(self.every))),
        }
    }
}

impl WindowSpec {
    fn resolve(&self) -> Result<DisabledWindow, ScheduleError> {
        let day = match self.day.as_str() {
            "every" => WindowDay::Every,
            name => notation::parse_weekday(name)
                .map(WindowDay::On)
                .ok_or_else(|| ScheduleError::new("day", ScheduleProblem::BadWindowDay(name.to_owned())))?,
        };
        DisabledWindow::new(day, time_of_day("from", &self.from)?, time_of_day("to", &self.to)?)
    }
}

impl TryFrom<ScheduleSpec> for Schedule {
    type Error = ScheduleError;

    /// A schedule that stands alone: the zone must be there.
    fn try_from(spec: ScheduleSpec) -> Result<Self, ScheduleError> {
        if spec.timezone.is_none() {
            return Err(ScheduleError::new("timezone", ScheduleProblem::NoTimezone));
        }
        spec.resolve(&Zone::utc())
    }
}

impl From<Schedule> for ScheduleSpec {
    fn from(schedule: Schedule) -> Self {
        let weekdays = schedule.weekdays();
        let names = || weekdays.iter().map(|day| notation::weekday(day).to_owned()).collect();
        Self {
            name: schedule.name().as_str().to_owned(),
            repeat: RepeatSpec {
                every: schedule.repeat().every().into(),
                unit: schedule.repeat().unit().as_str().to_owned(),
            },
            start: notation::date_time(schedule.start()),
            timezone: Some(schedule.zone().name().to_owned()),
            end: schedule.end().map(notation::date_time),
            weekdays: (weekdays != Weekdays::ALL).then(names),
            disabled: schedule.disabled().iter().map(WindowSpec::from).collect(),
            description: schedule.description,
        }
    }
}

impl From<&DisabledWindow> for WindowSpec {
    fn from(window: &DisabledWindow) -> Self {
        Self {
            day: window.day().to_string(),
            from: notation::time_of_day(window.from()),
            to: notation::time_of_day(window.to()),
        }
    }
}

fn date_time(field: &str, text: &str) -> Result<DateTime, ScheduleError> {
    notation::parse_date_time(text)
        .ok_or_else(|| ScheduleError::new(field, ScheduleProblem::BadTime(text.to_owned())))
}

fn time_of_day(field: &str, text: &str) -> Result<Time, ScheduleError> {
    notation::parse_time_of_day(text)
        .ok_or_else(|| ScheduleError::new(field, ScheduleProblem::BadTimeOfDay(text.to_owned())))
}

fn weekday(n: usize, name: &str) -> Result<Weekday, ScheduleError> {
    notation::parse_weekday(name)
        .ok_or_else(|| ScheduleError::new(format!("weekdays[{n}]"), ScheduleProblem::BadWeekday(name.to_owned())))
}
