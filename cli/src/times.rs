//! Times as people read them.

use cpm_domain::schedule::Zone;
use jiff::{Timestamp, Unit};

/// Writes times in one zone; its name stands in the headings.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    zone: Zone,
}

impl Times {
    /// In a zone.
    pub(crate) fn new(zone: Zone) -> Self {
        Self { zone }
    }

    /// A heading with the zone: `STARTED (UTC)`.
    pub(crate) fn heading(&self, word: &str) -> String {
        format!("{word} ({})", self.zone)
    }

    /// `2026-01-31 02:00`.
    pub(crate) fn minute(&self, time: Timestamp) -> String {
        self.zoned(time, "%Y-%m-%d %H:%M")
    }

    /// `2026-01-31 02:00:07`.
    pub(crate) fn second(&self, time: Timestamp) -> String {
        self.zoned(time, "%Y-%m-%d %H:%M:%S")
    }

    /// `2026-01-31 02:00:07 Europe/Berlin`.
    pub(crate) fn full(&self, time: Timestamp) -> String {
        format!("{} {}", self.second(time), self.zone)
    }

    fn zoned(&self, time: Timestamp, format: &str) -> String {
        time.to_zoned(self.zone.time_zone().clone()).strftime(format).to_string()
    }
}

/// Now, by this machine's clock.
#[allow(clippy::disallowed_methods, reason = "the command line is where the clock comes in; no decision rests on it")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// How long something took: `1h 02m`, `3m 20s`, `7s`. Nothing while it goes on.
pub(crate) fn took(from: Timestamp, to: Option<Timestamp>) -> Option<String> {
    let seconds = from.until((Unit::Second, to?)).ok()?.get_seconds().max(0);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m {rest:02}s"),
        _ => format!("{hours}h {minutes:02}m"),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn names_its_zone() {
        let times = Times::new("Europe/Berlin".parse().unwrap());
        let time = "2026-03-29T01:30:07Z".parse().unwrap();
        assert_eq!(times.minute(time), "2026-03-29 03:30");
        assert_eq!(times.full(time), "2026-03-29 03:30:07 Europe/Berlin");
        assert_eq!(times.heading("NEXT RUN"), "NEXT RUN (Europe/Berlin)");
    }

    #[rstest]
    #[case("2026-01-01T00:00:07Z", "7s")]
    #[case("2026-01-01T00:03:20Z", "3m 20s")]
    #[case("2026-01-01T01:02:03Z", "1h 02m")]
    #[case("2026-01-03T00:00:00Z", "48h 00m")]
    #[case("2025-12-31T00:00:00Z", "0s")]
    fn durations(#[case] to: &str, #[case] shown: &str) {
        let from = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(took(from, Some(to.parse().unwrap())).as_deref(), Some(shown));
        assert_eq!(took(from, None), None);
    }
}
