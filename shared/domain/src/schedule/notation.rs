//! Times and weekdays as policy files write them.

use jiff::civil::{DateTime, Time, Weekday};

/// Weekdays in the order of the week, with their names in policy files.
pub(super) const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "mon"),
    (Weekday::Tuesday, "tue"),
    (Weekday::Wednesday, "wed"),
    (Weekday::Thursday, "thu"),
    (Weekday::Friday, "fri"),
    (Weekday::Saturday, "sat"),
    (Weekday::Sunday, "sun"),
];

/// `mon` for Monday.
pub(super) fn weekday(day: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(d, _)| *d == day).map_or("", |(_, name)| name)
}

/// Monday for `mon`.
pub(super) fn parse_weekday(text: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(_, name)| *name == text).map(|(day, _)| *day)
}

/// `2026-01-01T02:00`; with seconds only where there are some.
pub(super) fn date_time(value: DateTime) -> String {
    let text = value.to_string();
    text.strip_suffix(":00").unwrap_or(&text).to_owned()
}

/// `02:00`; with seconds only where there are some.
pub(super) fn time_of_day(value: Time) -> String {
    let text = value.to_string();
    text.strip_suffix(":00").unwrap_or(&text).to_owned()
}

/// Reads `2026-01-01T02:00` or `2026-01-01T02:00:30` and nothing else: no offset or zone that would be ignored.
pub(super) fn parse_date_time(text: &str) -> Option<DateTime> {
    let full = with_seconds(text, "2026-01-01T02:00".len());
    full.parse().ok().filter(|value: &DateTime| value.to_string() == full && value.subsec_nanosecond() == 0)
}

/// Reads `13:00` or `13:00:30` and nothing else.
pub(super) fn parse_time_of_day(text: &str) -> Option<Time> {
    let full = with_seconds(text, "13:00".len());
    full.parse().ok().filter(|value: &Time| value.to_string() == full && value.subsec_nanosecond() == 0)
}

/// Adds the seconds that the short form leaves out.
fn with_seconds(text: &str, short: usize) -> String {
    if text.len() == short { format!("{text}:00") } else { text.to_owned() }
}
