//! Tables: what runs when.

use jiff::{Timestamp, civil};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

/// `1 days` from a start in a zone, with the other fields as in a policy file.
fn schedule(repeat: &str, start: &str, zone: &str, more: &Value) -> Schedule {
    let (every, unit) = repeat.split_once(' ').unwrap();
    let mut spec = json!({
        "name": "s", "start": start, "timezone": zone,
        "repeat": {"every": every.parse::<i64>().unwrap(), "unit": unit},
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn preview(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let preview = serde_json::to_value(schedule.preview(at(from), count)).unwrap();
    serde_json::from_value(preview["runs"].clone()).unwrap()
}

fn codes(schedule: &Schedule, from: &str) -> Vec<WarningCode> {
    schedule.warnings(at(from)).into_iter().map(|warning| warning.code).collect()
}

const LONG_AGO: &str = "1900-01-01T00:00:00Z";

#[rstest]
// Berlin, spring: 02:00 +01:00 becomes 03:00 +02:00.
#[case("30 minutes", "2026-03-29T01:00", "Europe/Berlin",
    &["2026-03-29T01:00:00+01:00", "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"])]
#[case("1 hours", "2026-03-29T00:30", "Europe/Berlin",
    &["2026-03-29T00:30:00+01:00", "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00"])]
#[case("24 hours", "2026-03-28T02:30", "Europe/Berlin",
    &["2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T03:30:00+02:00"])]
#[case("1 days", "2026-03-28T02:30", "Europe/Berlin",
    &["2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"])]
#[case("1 weeks", "2026-03-22T02:30", "Europe/Berlin",
    &["2026-03-22T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-04-05T02:30:00+02:00"])]
#[case("1 months", "2026-01-29T02:30", "Europe/Berlin",
    &["2026-01-29T02:30:00+01:00", "2026-02-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-04-29T02:30:00+02:00"])]
// Berlin, autumn: 03:00 +02:00 becomes 02:00 +01:00.
#[case("30 minutes", "2026-10-25T02:00", "Europe/Berlin",
    &["2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00",
      "2026-10-25T03:00:00+01:00"])]
#[case("1 hours", "2026-10-25T01:30", "Europe/Berlin",
    &["2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"])]
#[case("1 days", "2026-10-24T02:30", "Europe/Berlin",
    &["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"])]
#[case("1 weeks", "2026-10-18T02:30", "Europe/Berlin",
    &["2026-10-18T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-11-01T02:30:00+01:00"])]
#[case("1 months", "2026-09-25T02:30", "Europe/Berlin",
    &["2026-09-25T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-11-25T02:30:00+01:00"])]
// The start itself is skipped, or comes twice.
#[case("1 hours", "2026-03-29T02:30", "Europe/Berlin", &["2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00"])]
#[case("1 days", "2026-03-29T02:30", "Europe/Berlin", &["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"])]
#[case("1 hours", "2026-10-25T02:30", "Europe/Berlin", &["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"])]
#[case("1 days", "2026-10-25T02:30", "Europe/Berlin", &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"])]
// New York.
#[case("1 hours", "2026-03-08T01:30", "America/New_York", &["2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00"])]
#[case("1 days", "2026-03-07T02:30", "America/New_York",
    &["2026-03-07T02:30:00-05:00", "2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00"])]
#[case("1 days", "2026-10-31T01:30", "America/New_York",
    &["2026-10-31T01:30:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"])]
// Lord Howe moves by half an hour.
#[case("1 hours", "2026-10-04T01:30", "Australia/Lord_Howe", &["2026-10-04T01:30:00+10:30", "2026-10-04T03:00:00+11:00"])]
#[case("1 days", "2026-10-03T02:15", "Australia/Lord_Howe",
    &["2026-10-03T02:15:00+10:30", "2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"])]
#[case("1 days", "2026-04-04T01:45", "Australia/Lord_Howe",
    &["2026-04-04T01:45:00+11:00", "2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"])]
// A midnight that does not exist, and one hour before midnight that comes twice.
#[case("1 days", "2018-11-03T00:00", "America/Sao_Paulo",
    &["2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"])]
#[case("1 days", "2018-02-16T23:30", "America/Sao_Paulo",
    &["2018-02-16T23:30:00-02:00", "2018-02-17T23:30:00-02:00", "2018-02-18T23:30:00-03:00"])]
#[case("1 days", "2026-03-28T00:00", "Asia/Beirut",
    &["2026-03-28T00:00:00+02:00", "2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"])]
// In Greenland the hour before midnight is skipped: the run falls on the next day.
#[case("1 days", "2026-03-27T23:30", "America/Nuuk", &["2026-03-27T23:30:00-02:00", "2026-03-29T00:30:00-01:00"])]
// Samoa had no 30 December 2011: its slot and the next are one run.
#[case("1 days", "2011-12-29T02:00", "Pacific/Apia",
    &["2011-12-29T02:00:00-10:00", "2011-12-31T02:00:00+14:00", "2012-01-01T02:00:00+14:00"])]
#[case("1 weeks", "2011-12-23T02:00", "Pacific/Apia",
    &["2011-12-23T02:00:00-10:00", "2011-12-31T02:00:00+14:00", "2012-01-06T02:00:00+14:00"])]
#[case("12 hours", "2011-12-29T13:00", "Pacific/Apia", &["2011-12-29T13:00:00-10:00", "2011-12-31T01:00:00+14:00"])]
// Ends of months, counted from the start each time.
#[case("1 months", "2026-01-31T02:00", "UTC",
    &["2026-01-31T02:00:00+00:00", "2026-02-28T02:00:00+00:00", "2026-03-31T02:00:00+00:00", "2026-04-30T02:00:00+00:00",
      "2026-05-31T02:00:00+00:00"])]
#[case("1 months", "2028-01-30T02:00", "UTC",
    &["2028-01-30T02:00:00+00:00", "2028-02-29T02:00:00+00:00", "2028-03-30T02:00:00+00:00"])]
#[case("3 months", "2025-11-30T02:00", "UTC",
    &["2025-11-30T02:00:00+00:00", "2026-02-28T02:00:00+00:00", "2026-05-30T02:00:00+00:00"])]
#[case("12 months", "2024-02-29T02:00", "UTC",
    &["2024-02-29T02:00:00+00:00", "2025-02-28T02:00:00+00:00", "2026-02-28T02:00:00+00:00", "2027-02-28T02:00:00+00:00",
      "2028-02-29T02:00:00+00:00"])]
// The plain ones.
#[case("45 minutes", "2026-01-01T23:30", "UTC",
    &["2026-01-01T23:30:00+00:00", "2026-01-02T00:15:00+00:00", "2026-01-02T01:00:00+00:00"])]
#[case("2 weeks", "2026-01-05T02:00:30", "Asia/Kolkata", &["2026-01-05T02:00:30+05:30", "2026-01-19T02:00:30+05:30"])]
#[case("10 days", "2026-02-20T02:00", "UTC", &["2026-02-20T02:00:00+00:00", "2026-03-02T02:00:00+00:00"])]
fn runs(#[case] repeat: &str, #[case] start: &str, #[case] zone: &str, #[case] expected: &[&str]) {
    let schedule = schedule(repeat, start, zone, &json!({}));
    assert_eq!(preview(&schedule, LONG_AGO, expected.len()), expected);
    assert_eq!(preview(&schedule, expected.last().unwrap(), 1), expected[expected.len() - 1..]);
}

#[rstest]
// Half open, on its day only. 2026-01-06 is a Tuesday.
#[case("1 hours", "2026-01-06T12:00", json!({"disabled": [{"day": "tue", "from": "13:00", "to": "15:00"}]}),
    &["2026-01-06T12:00:00+00:00", "2026-01-06T15:00:00+00:00"])]
#[case("1 hours", "2026-01-07T12:00", json!({"disabled": [{"day": "tue", "from": "13:00", "to": "15:00"}]}),
    &["2026-01-07T12:00:00+00:00", "2026-01-07T13:00:00+00:00"])]
// The guide's: Mondays between 17:00 and 08:00. 2026-01-05 is a Monday.
#[case("3 hours", "2026-01-05T02:00", json!({"disabled": [{"day": "mon", "from": "17:00", "to": "08:00"}]}),
    &["2026-01-05T02:00:00+00:00", "2026-01-05T05:00:00+00:00", "2026-01-05T08:00:00+00:00", "2026-01-05T11:00:00+00:00",
      "2026-01-05T14:00:00+00:00", "2026-01-06T08:00:00+00:00", "2026-01-06T11:00:00+00:00"])]
// Sunday's window reaches into Monday. 2026-01-04 is a Sunday.
#[case("6 hours", "2026-01-04T18:00", json!({"disabled": [{"day": "sun", "from": "23:00", "to": "06:30"}]}),
    &["2026-01-04T18:00:00+00:00", "2026-01-05T12:00:00+00:00"])]
// The guide's: every day between 18:00 and 06:00.
#[case("6 hours", "2026-01-05T00:00", json!({"disabled": [{"day": "every", "from": "18:00", "to": "06:00"}]}),
    &["2026-01-05T06:00:00+00:00", "2026-01-05T12:00:00+00:00", "2026-01-06T06:00:00+00:00"])]
// Up to midnight.
#[case("1 hours", "2026-01-05T22:00", json!({"disabled": [{"day": "mon", "from": "23:00", "to": "00:00"}]}),
    &["2026-01-05T22:00:00+00:00", "2026-01-06T00:00:00+00:00"])]
// Weekdays do not shift what they strike out.
#[case("1 days", "2026-01-01T02:00", json!({"weekdays": ["fri", "mon"]}),
    &["2026-01-02T02:00:00+00:00", "2026-01-05T02:00:00+00:00", "2026-01-09T02:00:00+00:00"])]
#[case("3 days", "2026-01-01T02:00", json!({"weekdays": ["thu"]}),
    &["2026-01-01T02:00:00+00:00", "2026-01-22T02:00:00+00:00"])]
// A window that runs on from a weekday that is left out still holds.
#[case("4 hours", "2026-01-05T20:00",
    json!({"weekdays": ["tue"], "disabled": [{"day": "mon", "from": "17:00", "to": "08:00"}]}),
    &["2026-01-06T08:00:00+00:00", "2026-01-06T12:00:00+00:00"])]
// Rare, but not never: 29 February on a Monday; the one minute of the week that is left.
#[case("48 months", "2024-02-29T02:00", json!({"weekdays": ["mon"]}),
    &["2044-02-29T02:00:00+00:00", "2072-02-29T02:00:00+00:00", "2112-02-29T02:00:00+00:00"])]
#[case("1 minutes", "1970-01-01T00:00", json!({"weekdays": ["sun"], "disabled": [
        {"day": "every", "from": "00:00", "to": "11:59"}, {"day": "every", "from": "12:00", "to": "00:00"}]}),
    &["1970-01-04T11:59:00+00:00", "1970-01-11T11:59:00+00:00"])]
#[case("167 hours", "2026-01-05T10:00", json!({"weekdays": ["mon"], "disabled": [
        {"day": "mon", "from": "00:00", "to": "03:00"}, {"day": "mon", "from": "04:00", "to": "00:00"}]}),
    &["2026-02-23T03:00:00+00:00", "2029-05-07T03:00:00+00:00"])]
fn strikes_out(#[case] repeat: &str, #[case] start: &str, #[case] more: Value, #[case] expected: &[&str]) {
    let schedule = schedule(repeat, start, "UTC", &more);
    assert_eq!(preview(&schedule, LONG_AGO, expected.len()), expected);
    assert_eq!(codes(&schedule, LONG_AGO).iter().filter(|code| **code == WarningCode::NeverRuns).count(), 0);
}

#[rstest]
// 02:30 is disabled, but on the day it becomes 03:30 it is not; and the other way round.
#[case("1 days", json!({"disabled": [{"day": "every", "from": "02:00", "to": "03:00"}]}),
    &["2026-03-29T03:30:00+02:00", "2027-03-28T03:30:00+02:00"])]
#[case("1 days", json!({"weekdays": ["sun"], "disabled": [{"day": "every", "from": "03:00", "to": "04:00"}]}),
    &["2026-04-05T02:30:00+02:00", "2026-04-12T02:30:00+02:00"])]
// Elapsed time drifts out of the window in summer.
#[case("24 hours", json!({"disabled": [{"day": "every", "from": "02:00", "to": "03:00"}]}),
    &["2026-03-29T03:30:00+02:00", "2026-03-30T03:30:00+02:00"])]
// A window over the change, in local time as ever.
#[case("30 minutes", json!({"weekdays": ["sun"], "disabled": [{"day": "sun", "from": "00:00", "to": "03:30"},
        {"day": "every", "from": "04:00", "to": "00:00"}]}),
    &["2026-03-29T03:30:00+02:00", "2026-04-05T03:30:00+02:00"])]
#[case("30 minutes", json!({"weekdays": ["sun"], "disabled": [{"day": "sun", "from": "00:00", "to": "01:30"},
        {"day": "every", "from": "03:00", "to": "00:00"}]}),
    &["2026-03-29T01:30:00+01:00", "2026-04-05T01:30:00+02:00"])]
fn strikes_out_by_the_local_time_of_the_run(#[case] repeat: &str, #[case] more: Value, #[case] expected: &[&str]) {
    let schedule = schedule(repeat, "2026-03-24T02:30", "Europe/Berlin", &more);
    assert_eq!(preview(&schedule, LONG_AGO, 2), expected);
    assert_eq!(codes(&schedule, LONG_AGO), []);
}

#[test]
fn finds_the_next_gap_in_another_century() {
    let more = json!({"disabled": [{"day": "every", "from": "02:00", "to": "03:00"}]});
    let schedule = schedule("1 days", "2026-03-24T02:30", "Europe/Berlin", &more);
    assert_eq!(preview(&schedule, "2150-01-01T00:00:00Z", 1), ["2150-03-29T03:30:00+02:00"]);
}

#[test]
fn finds_runs_under_a_later_rule_of_the_zone() {
    // Lisbon was at +00:00 and +01:00, and at +01:00 and +02:00 for some years.
    let more = json!({"disabled": [{"day": "every", "from": "02:00", "to": "04:00"}]});
    let schedule = schedule("24 hours", "1990-01-01T02:30", "Europe/Lisbon", &more);
    assert_eq!(preview(&schedule, LONG_AGO, 1), ["1993-03-28T04:30:00+02:00"]);
}

#[test]
fn a_skipped_day_strikes_out_by_where_the_run_falls() {
    let fridays = schedule("1 weeks", "2011-12-23T02:00", "Pacific/Apia", &json!({"weekdays": ["fri"]}));
    assert_eq!(preview(&fridays, LONG_AGO, 2), ["2011-12-23T02:00:00-10:00", "2012-01-06T02:00:00+14:00"]);
}

#[rstest]
#[case("2026-01-03T02:00", &["2026-01-01T02:00:00+01:00", "2026-01-02T02:00:00+01:00"])]
#[case("2026-01-03T02:01", &["2026-01-01T02:00:00+01:00", "2026-01-02T02:00:00+01:00", "2026-01-03T02:00:00+01:00"])]
fn ends(#[case] end: &str, #[case] expected: &[&str]) {
    let schedule = schedule("1 days", "2026-01-01T02:00", "Europe/Berlin", &json!({"end": end}));
    assert_eq!(preview(&schedule, LONG_AGO, 10), expected);
    assert_eq!(codes(&schedule, LONG_AGO), []);
    assert_eq!(codes(&schedule, "2026-01-03T02:00:00Z"), [WarningCode::Ended]);
    assert_eq!(preview(&schedule, "2026-01-03T02:00:00Z", 10), [""; 0]);
}

#[test]
fn an_end_past_the_calendar_is_none() {
    let schedule = schedule("1 days", "2026-01-01T02:00", "Europe/Berlin", &json!({"end": "9999-12-31T23:59"}));
    assert_eq!(preview(&schedule, "9000-01-01T00:00:00Z", 1), ["9000-01-01T02:00:00+01:00"]);
}

#[test]
fn an_end_that_comes_twice_is_the_first() {
    let schedule = schedule("30 minutes", "2026-10-25T01:30", "Europe/Berlin", &json!({"end": "2026-10-25T02:30"}));
    assert_eq!(preview(&schedule, LONG_AGO, 9), ["2026-10-25T01:30:00+02:00", "2026-10-25T02:00:00+02:00"]);
}

#[rstest]
#[case("1 weeks", "UTC", json!({"weekdays": ["tue", "wed"]}),
    "`s` never runs: every week means the weekday of its start, `mon`, which is not among its weekdays, `tue wed`")]
#[case("1 minutes", "Europe/Berlin", json!({"disabled": [
        {"day": "every", "from": "00:00", "to": "12:00"}, {"day": "every", "from": "12:00", "to": "00:00"}]}),
    "`s` never runs: its disabled times cover every moment of its weekdays")]
#[case("1 days", "Europe/Berlin", json!({"weekdays": ["mon"], "disabled": [{"day": "mon", "from": "02:00", "to": "04:00"}]}),
    "`s` never runs: every day from 2026-01-05T02:30, every run falls on a weekday that is left out or in a disabled time")]
#[case("24 hours", "UTC", json!({"disabled": [{"day": "every", "from": "02:30", "to": "02:31"}]}),
    "`s` never runs: every 24 hours from 2026-01-05T02:30, every run falls on a weekday that is left out or in a disabled time")]
#[case("24 hours", "Europe/Berlin", json!({"disabled": [{"day": "every", "from": "02:00", "to": "04:00"}]}),
    "`s` never runs: every 24 hours from 2026-01-05T02:30, every run falls on a weekday that is left out or in a disabled time")]
#[case("84 months", "UTC", json!({"disabled": [{"day": "every", "from": "02:00", "to": "04:00"}]}),
    "`s` never runs: every 84 months from 2026-01-05T02:30, every run falls on a weekday that is left out or in a disabled time")]
#[case("1 days", "UTC", json!({"weekdays": ["thu"], "end": "2026-01-08T02:30"}),
    "`s` never runs: every day from 2026-01-05T02:30, every run before it ends at 2026-01-08T02:30 falls on a weekday that is left out or in a disabled time")]
fn never_runs(#[case] repeat: &str, #[case] zone: &str, #[case] more: Value, #[case] message: &str) {
    let schedule = schedule(repeat, "2026-01-05T02:30", zone, &more);
    let preview = schedule.preview(at(LONG_AGO), 3);
    assert_eq!(preview.runs, []);
    assert_eq!(preview.warnings, [Warning { code: WarningCode::NeverRuns, message: message.to_owned() }]);
    assert_eq!(
        serde_json::to_value(&preview).unwrap(),
        json!({"runs": [], "warnings": [{"code": "never-runs", "message": message}]})
    );
}

#[rstest]
#[case("1 months", "2026-01-31T02:30", true)]
#[case("2 months", "2026-01-31T02:30", true)]
#[case("3 months", "2026-01-31T02:30", true)]
#[case("12 months", "2026-01-31T02:30", false)]
#[case("1 months", "2026-01-28T02:30", false)]
#[case("12 months", "2028-02-29T02:30", true)]
#[case("1 days", "2026-01-31T02:30", false)]
fn warns_of_short_months(#[case] repeat: &str, #[case] start: &str, #[case] warned: bool) {
    let schedule = schedule(repeat, start, "UTC", &json!({}));
    let expected: &[_] = if warned { &[WarningCode::LastDayOfMonth] } else { &[] };
    assert_eq!(codes(&schedule, LONG_AGO), expected);
}

#[test]
fn a_zone_that_gave_up_daylight_saving_has_no_more_gaps() {
    let more = json!({"disabled": [{"day": "every", "from": "00:00", "to": "01:00"}]});
    let schedule = schedule("1 days", "2018-01-01T00:00", "America/Sao_Paulo", &more);
    assert_eq!(preview(&schedule, LONG_AGO, 5), ["2018-11-04T01:00:00-02:00"]);
    let message =
        "`s` has no run from 2025-12-31T21:00 on: each falls on a weekday that is left out or in a disabled time";
    assert_eq!(
        schedule.warnings(at("2026-01-01T00:00:00Z")),
        [Warning { code: WarningCode::Ended, message: message.to_owned() }]
    );
}

#[test]
fn the_calendar_may_end_before_the_next_run() {
    let schedule = schedule("100000 months", "2026-01-01T00:00", "UTC", &json!({}));
    let message = "`s` has no run from 2026-06-01T00:00 on: the calendar ends with the year 9999";
    assert_eq!(
        schedule.warnings(at("2026-06-01T00:00:00Z")),
        [Warning { code: WarningCode::Ended, message: message.to_owned() }]
    );
}

#[rstest]
#[case("1 minutes", "0001-01-01T00:00")]
#[case("1000000 minutes", "0001-01-01T00:00")]
#[case("1000000 months", "2026-01-01T00:00")]
#[case("1000000 weeks", "2026-01-01T00:00")]
#[case("1 days", "9999-12-30T00:00")]
fn the_ends_of_the_calendar_do_no_harm(#[case] repeat: &str, #[case] start: &str) {
    let schedule = schedule(repeat, start, "UTC", &json!({"end": "9999-12-30T12:00"}));
    assert!(schedule.next_at_or_after(Timestamp::MIN).is_some());
    assert_eq!(schedule.next_at_or_after(Timestamp::MAX), None);
    assert_eq!(schedule.next_after(Timestamp::MAX), None);
    let done = schedule.catch_up(Timestamp::MIN, Timestamp::MAX);
    assert_eq!((done.run.is_some(), done.next), (true, None));
}

#[rstest]
// Not yet, just now, late, and after an outage.
#[case("2026-01-02T02:00:00Z", "2026-01-02T01:59:59.9Z", None, 0, "2026-01-02T02:00:00Z")]
#[case("2026-01-02T02:00:00Z", "2026-01-02T02:00:00Z", Some("2026-01-02T02:00:00Z"), 0, "2026-01-03T02:00:00Z")]
#[case("2026-01-02T02:00:00Z", "2026-01-02T02:00:59.5Z", Some("2026-01-02T02:00:00Z"), 0, "2026-01-03T02:00:00Z")]
#[case("2026-01-02T02:00:00Z", "2026-01-05T01:00:00Z", Some("2026-01-04T02:00:00Z"), 2, "2026-01-05T02:00:00Z")]
#[case("2020-01-01T02:00:00Z", "2026-01-05T01:00:00Z", Some("2026-01-04T02:00:00Z"), 3, "2026-01-05T02:00:00Z")]
// The schedule changed since: what was due is no run any more.
#[case("2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z", None, 0, "2026-01-02T02:00:00Z")]
fn catches_up(
    #[case] due: &str,
    #[case] now: &str,
    #[case] run: Option<&str>,
    #[case] missed: u32,
    #[case] next: &str,
) {
    let schedule = schedule("1 days", "2026-01-01T02:00", "UTC", &json!({}));
    assert_eq!(schedule.catch_up(at(due), at(now)), CatchUp { run: run.map(at), missed, next: Some(at(next)) });
}

#[test]
fn years_of_minutes_are_made_up_once() {
    let schedule = schedule("1 minutes", "1970-01-01T00:00", "Europe/Berlin", &json!({}));
    let done = schedule.catch_up(at("1970-01-01T00:00:00Z"), at("2026-01-01T00:00:30Z"));
    assert_eq!(done.run, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(done.missed, CatchUp::MOST_MISSED);
    assert_eq!(done.next, Some(at("2026-01-01T00:01:00Z")));
}

#[rstest]
#[case(json!({"name": "a b"}), "name", "bad-name")]
#[case(json!({"repeat": {"every": 0, "unit": "days"}}), "repeat.every", "zero-interval")]
#[case(json!({"repeat": {"every": -1, "unit": "days"}}), "repeat.every", "zero-interval")]
#[case(json!({"repeat": {"every": 1_000_001, "unit": "days"}}), "repeat.every", "interval-too-large")]
#[case(json!({"repeat": {"every": i64::MAX, "unit": "days"}}), "repeat.every", "interval-too-large")]
#[case(json!({"repeat": {"every": 1, "unit": "day"}}), "repeat.unit", "bad-unit")]
#[case(json!({"start": "2026-02-30T02:00"}), "start", "bad-time")]
#[case(json!({"start": "2026-01-01"}), "start", "bad-time")]
#[case(json!({"start": "2026-01-01 02:00"}), "start", "bad-time")]
#[case(json!({"start": "2026-01-01T02:00Z"}), "start", "bad-time")]
#[case(json!({"start": "2026-01-01T02:00+02:00"}), "start", "bad-time")]
#[case(json!({"start": "2026-01-01T24:00"}), "start", "bad-time")]
#[case(json!({"start": "2026-01-01T23:59:60"}), "start", "bad-time")]
#[case(json!({"start": "2026-01-01T02:00:00.5"}), "start", "bad-time")]
#[case(json!({"timezone": "Berlin"}), "timezone", "bad-timezone")]
#[case(json!({"timezone": ""}), "timezone", "bad-timezone")]
#[case(json!({"timezone": "CET-1CEST"}), "timezone", "bad-timezone")]
#[case(json!({"timezone": "Etc/Unknown"}), "timezone", "bad-timezone")]
#[case(json!({"timezone": null}), "timezone", "no-timezone")]
#[case(json!({"end": "never"}), "end", "bad-time")]
#[case(json!({"end": "2026-01-01T02:00"}), "end", "end-before-start")]
#[case(json!({"end": "2025-12-31T02:00"}), "end", "end-before-start")]
#[case(json!({"weekdays": []}), "weekdays", "no-weekday")]
#[case(json!({"weekdays": ["mon", "Tue"]}), "weekdays[1]", "bad-weekday")]
#[case(json!({"disabled": [{"day": "all", "from": "01:00", "to": "02:00"}]}), "disabled[0].day", "bad-window-day")]
#[case(json!({"disabled": [{"day": "mon", "from": "1:00", "to": "02:00"}]}), "disabled[0].from", "bad-time-of-day")]
#[case(json!({"disabled": [{"day": "mon", "from": "01:00", "to": "24:00"}]}), "disabled[0].to", "bad-time-of-day")]
#[case(json!({"disabled": [{"day": "mon", "from": "01:00", "to": "02:00"}, {"day": "every", "from": "01:00", "to": "01:00:00"}]}),
    "disabled[1].to", "equal-window")]
fn refuses(#[case] change: Value, #[case] field: &str, #[case] code: &str) {
    let mut value =
        json!({"name": "s", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00", "timezone": "UTC"});
    value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let spec: ScheduleSpec = serde_json::from_value(value.clone()).unwrap();
    let error = Schedule::try_from(spec).unwrap_err();
    assert_eq!((error.field(), error.code()), (field, code), "{error}");
    let stored = serde_json::from_value::<Schedule>(value).unwrap_err();
    assert!(stored.to_string().starts_with(&format!("{field}: ")), "{stored}");
}

#[rstest]
#[case(json!({"name": "s", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00", "zone": "UTC"}))]
#[case(json!({"name": "s", "repeat": {"every": 1, "unit": "days", "times": 3}, "start": "2026-01-01T02:00"}))]
#[case(json!({"name": "s", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00",
    "disabled": [{"day": "mon", "from": "01:00", "to": "02:00", "zone": "UTC"}]}))]
#[case(json!({"name": "s", "repeat": {"every": 1, "unit": "days"}}))]
fn refuses_unknown_and_missing_keys(#[case] value: Value) {
    assert!(serde_json::from_value::<ScheduleSpec>(value).is_err());
}

#[test]
fn is_written_as_in_a_policy_file() {
    let full = json!({
        "name": "nightly", "description": "while all sleep", "repeat": {"every": 1, "unit": "days"},
        "start": "2026-01-01T02:00", "timezone": "Europe/Berlin", "end": "2027-01-01T00:00:30",
        "weekdays": ["mon", "fri"],
        "disabled": [{"day": "tue", "from": "13:00", "to": "15:00"}, {"day": "every", "from": "18:00", "to": "06:00"}],
    });
    let schedule: Schedule = serde_json::from_value(full.clone()).unwrap();
    assert_eq!(serde_json::to_value(&schedule).unwrap(), full);

    let sparse = json!({
        "name": "n", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00", "timezone": "Europe/Berlin",
    });
    let wordy = json!({
        "name": "n", "description": null, "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00:00",
        "timezone": "europe/berlin", "end": null, "disabled": [],
        "weekdays": ["sun", "mon", "mon", "tue", "wed", "thu", "fri", "sat"],
    });
    let [sparse_read, wordy_read]: [Schedule; 2] = serde_json::from_value(json!([sparse, wordy])).unwrap();
    assert_eq!(sparse_read, wordy_read);
    assert_eq!(serde_json::to_value(&wordy_read).unwrap(), sparse);
}

#[test]
fn constructors_refuse_fractions_of_a_second() {
    let (name, repeat) = ("s".parse().unwrap(), Repeat::new(1, Unit::Days).unwrap());
    let start = civil::date(2026, 1, 1).at(2, 0, 0, 5);
    assert_eq!(Schedule::new(name, repeat, start, Zone::utc()).unwrap_err().code(), "bad-time");
    let window = DisabledWindow::new(WindowDay::Every, civil::time(1, 0, 0, 1), civil::time(1, 0, 0, 0));
    assert_eq!(window.unwrap_err().field(), "from");
}
