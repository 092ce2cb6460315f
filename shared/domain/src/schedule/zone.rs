//! Time zones by name.

use std::{fmt, str::FromStr};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{ScheduleError, ScheduleProblem};

/// A time zone of the IANA database, such as `Europe/Berlin` or `UTC`; two are equal when their names are.
///
/// ```
/// use cpm_domain::schedule::Zone;
///
/// assert_eq!("europe/berlin".parse::<Zone>()?.name(), "Europe/Berlin");
/// assert_eq!("Berlin".parse::<Zone>().unwrap_err().code(), "bad-timezone");
/// # Ok::<(), cpm_domain::schedule::ScheduleError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The name, spelled as in the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules.
    pub fn time_zone(&self) -> &TimeZone {
        &self.rules
    }
}

impl FromStr for Zone {
    type Err = ScheduleError;

    /// Letter case does not matter.
    fn from_str(name: &str) -> Result<Self, ScheduleError> {
        let refuse = || ScheduleError::new("timezone", ScheduleProblem::BadTimezone(name.to_owned()));
        let rules = TimeZone::get(name).map_err(|_| refuse())?;
        match rules.iana_name() {
            Some(known) if !rules.is_unknown() => Ok(Self { name: known.to_owned(), rules }),
            _ => Err(refuse()),
        }
    }
}

impl TryFrom<String> for Zone {
    type Error = ScheduleError;

    fn try_from(name: String) -> Result<Self, ScheduleError> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
