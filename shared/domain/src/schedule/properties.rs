//! Properties, against a model that walks over every slot.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{DateTime, Time},
};
use proptest::{prelude::*, sample::select};

use super::{notation::WEEKDAYS, occurrence::second_at_or_after, *};

/// Zones and moments at which their offset changes.
const CHANGES: [(&str, &str); 16] = [
    ("UTC", "2024-02-29T00:00"),
    ("Europe/Berlin", "2026-03-29T02:00"),
    ("Europe/Berlin", "2026-10-25T02:00"),
    ("America/New_York", "2026-03-08T02:00"),
    ("America/New_York", "2026-11-01T01:00"),
    ("Australia/Lord_Howe", "2026-10-04T02:00"),
    ("Australia/Lord_Howe", "2026-04-05T01:30"),
    ("America/Sao_Paulo", "2018-11-04T00:00"),
    ("America/Sao_Paulo", "2018-02-17T23:00"),
    ("Pacific/Apia", "2011-12-30T00:00"),
    ("America/Nuuk", "2026-03-28T23:00"),
    ("Africa/Casablanca", "2026-02-15T02:00"),
    ("Asia/Kathmandu", "1986-01-01T00:00"),
    ("Europe/Berlin", "2126-03-31T02:00"),
    ("America/New_York", "2130-03-12T02:00"),
    ("Australia/Lord_Howe", "2130-10-01T02:00"),
];

/// How many slots the model walks over.
const SLOTS: i64 = 600;

fn interval() -> impl Strategy<Value = Repeat> {
    prop_oneof![
        (1_u32..400, Just(Unit::Minutes)),
        (1_u32..200, Just(Unit::Hours)),
        (1_u32..40, Just(Unit::Days)),
        (1_u32..9, Just(Unit::Weeks)),
        (1_u32..15, Just(Unit::Months)),
    ]
    .prop_map(|(every, unit)| Repeat::new(every, unit).unwrap())
}

/// A zone, and a start up to so many slots before a change of its offset; often at the same time of day.
fn zone_and_start() -> impl Strategy<Value = (Zone, DateTime)> {
    (select(&CHANGES[..]), -40_i64..5, prop_oneof![0_i64..120, 0_i64..1440]).prop_map(
        |((zone, change), days, minutes)| {
            let change: DateTime = change.parse().unwrap();
            (zone.parse().unwrap(), change + Span::new().days(days).minutes(minutes))
        },
    )
}

fn weekdays() -> impl Strategy<Value = Weekdays> {
    let some = prop::collection::vec(select(&WEEKDAYS[..]), 1..5)
        .prop_map(|days| Weekdays::new(days.into_iter().map(|(day, _)| day)).unwrap());
    prop_oneof![Just(Weekdays::ALL), some]
}

fn window() -> impl Strategy<Value = DisabledWindow> {
    let day = prop_oneof![Just(WindowDay::Every), select(&WEEKDAYS[..]).prop_map(|(day, _)| WindowDay::On(day))];
    let time =
        || (0_i8..24, select(&[0_i8, 1, 30][..])).prop_map(|(hour, minute)| Time::constant(hour, minute, 0, 0));
    (day, time(), time()).prop_filter_map("equal ends", |(day, from, to)| DisabledWindow::new(day, from, to).ok())
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let end = prop::option::weighted(0.2, 1_i64..100);
    let windows = prop::collection::vec(window(), 0..4);
    (interval(), zone_and_start(), weekdays(), windows, end).prop_map(
        |(repeat, (zone, start), days, windows, end)| {
            let schedule = Schedule::new("s".parse().unwrap(), repeat, start, zone).unwrap().on(days).except(windows);
            match end {
                Some(days) => schedule.ending(start + Span::new().days(days)).unwrap(),
                None => schedule,
            }
        },
    )
}

/// The rule of the module's documentation, slot by slot.
fn slot(schedule: &Schedule, n: i64) -> Timestamp {
    let every = i64::from(schedule.repeat().every()) * n;
    let local = |span: Span| schedule.zone().time_zone().to_timestamp(schedule.start() + span).unwrap();
    match schedule.repeat().unit() {
        Unit::Minutes => schedule.first_slot() + SignedDuration::from_mins(every),
        Unit::Hours => schedule.first_slot() + SignedDuration::from_hours(every),
        Unit::Days => local(Span::new().days(every)),
        Unit::Weeks => local(Span::new().weeks(every)),
        Unit::Months => local(Span::new().months(every)),
    }
}

fn struck_out(schedule: &Schedule, run: Timestamp) -> bool {
    let local = schedule.zone().time_zone().to_datetime(run);
    let (time, today, yesterday) = (local.time(), local.weekday(), local.weekday().previous());
    let within = |window: &DisabledWindow| {
        let (from, to) = (window.from(), window.to());
        if from < to {
            window.day().includes(today) && from <= time && time < to
        } else {
            window.day().includes(today) && from <= time || window.day().includes(yesterday) && time < to
        }
    };
    !schedule.weekdays().contains(today) || schedule.disabled().iter().any(within)
}

/// All runs up to the model's horizon, and the horizon.
fn model(schedule: &Schedule) -> (BTreeSet<Timestamp>, Timestamp) {
    let end = schedule.end().map(|end| schedule.zone().time_zone().to_timestamp(end).unwrap());
    let slots: Vec<_> = (0..SLOTS).map(|n| slot(schedule, n)).collect();
    let runs = slots.iter().filter(|run| end.is_none_or(|end| **run < end) && !struck_out(schedule, **run));
    (runs.copied().collect(), slots[slots.len() - 1])
}

/// A moment from shortly before the first slot to the horizon; every other one on a slot or next to it.
fn moment(schedule: &Schedule, horizon: Timestamp, seed: i64) -> Timestamp {
    let first = schedule.first_slot();
    if seed % 2 == 0 {
        let length = horizon.as_second() - first.as_second() + 200_000;
        let at = first.as_second() - 100_000 + (seed / 2) % length;
        Timestamp::from_second(at).unwrap().min(horizon)
    } else {
        (slot(schedule, seed % SLOTS) + SignedDuration::from_millis((seed / SLOTS) % 3 * 500 - 500)).min(horizon)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_next_run_is_the_models(schedule in schedule(), seeds in prop::collection::vec(0_i64..i64::MAX, 20)) {
        let (runs, horizon) = model(&schedule);
        for seed in seeds {
            let at = moment(&schedule, horizon, seed);
            if let Some(run) = runs.range(at..).next() {
                prop_assert_eq!(schedule.next_at_or_after(at), Some(*run), "from {}", at);
            } else {
                // Whether one follows the horizon is not the model's to say.
                prop_assert_eq!(schedule.next_within(second_at_or_after(at), horizon.as_second()), None, "from {}", at);
            }
        }
    }

    #[test]
    fn runs_are_the_models_in_order_and_none_comes_twice(schedule in schedule()) {
        let (expected, horizon) = model(&schedule);
        let found: Vec<_> =
            schedule.runs(Timestamp::MIN).map(|run| run.timestamp()).take_while(|run| *run <= horizon).collect();
        prop_assert!(found.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_schedule_said_never_to_run_does_not(schedule in schedule()) {
        let (runs, _) = model(&schedule);
        let never = schedule.warnings(Timestamp::MIN).iter().any(|warning| warning.code == WarningCode::NeverRuns);
        prop_assert!(!never || runs.is_empty());
        prop_assert_eq!(never, schedule.preview(Timestamp::MIN, 1).runs.is_empty());
    }

    /// Ticks come late, not at all, or twice, the second with what the first has read. A claim holds only while the
    /// slot due is still the one read.
    #[test]
    fn no_run_is_lost_and_none_is_done_twice(
        schedule in schedule(),
        ticks in prop::collection::vec((1_i64..400_000, any::<bool>()), 1..40),
    ) {
        let (expected, horizon) = model(&schedule);
        let mut now = schedule.first_slot();
        let mut due = schedule.next_at_or_after(now);
        let mut done: Vec<Timestamp> = Vec::new();
        let mut missed = 0;
        for (seconds, twice) in ticks {
            now = (now + SignedDuration::from_secs(seconds)).min(horizon);
            let Some(read) = due else { break };
            for _ in 0..=usize::from(twice) {
                let decision = schedule.catch_up(read, now);
                let Some(run) = decision.run else {
                    prop_assert_eq!(decision.next, Some(read), "what is not due stays next");
                    continue;
                };
                if due == Some(read) {
                    due = decision.next;
                    done.push(run);
                    missed += decision.missed;
                }
            }
            let passed: Vec<_> = expected.range(..=now).copied().collect();
            prop_assert_eq!(done.last(), passed.last(), "the newest is done");
            prop_assert_eq!(done.len() + usize::try_from(missed).unwrap(), passed.len(), "each is done or made up");
        }
        prop_assert!(done.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn reads_back_what_it_writes(schedule in schedule()) {
        let text = serde_json::to_string(&schedule).unwrap();
        prop_assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
    }

    #[test]
    fn any_text_is_read_or_refused(start in ".{0,24}", time in "[0-9:]{0,8}", zone in ".{0,12}") {
        let _ = (notation::parse_date_time(&start), notation::parse_time_of_day(&time), zone.parse::<Zone>());
    }
}
