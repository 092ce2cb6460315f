//! Which instants are runs.
//!
//! The search is arithmetic, never a walk over all slots: elapsed time jumps into the next open stretch of the week,
//! one step for each stretch of constant offset; the wall clock starts at the slot next to the asked instant, and gives
//! up after one round of the calendar. The Gregorian calendar repeats every 400 years, which are whole weeks, and so do
//! the zones' rules once their tables of past changes are over.

use std::iter;

use jiff::{
    Span, Timestamp, Zoned,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use super::{
    Schedule,
    open_hours::divide_up,
    repeat::{Stride, WallStride},
};

/// One round of the Gregorian calendar.
const CYCLE_DAYS: i64 = 146_097;
const CYCLE_MONTHS: i64 = 4_800;
/// From here on no zone has changes outside of its yearly rule (the tables' last is in 2087).
const SETTLED: Date = Date::constant(2100, 1, 1);
/// [`WallStride::slot_before`] is early by at most so many slots.
const MARGIN: i64 = 3;

/// What the dispatcher does about a schedule whose next slot may have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchUp {
    /// The run to do now: the newest that is due. `None` when nothing is.
    pub run: Option<Timestamp>,
    /// How many older runs it makes up for, counted up to [`CatchUp::MOST_MISSED`].
    pub missed: u32,
    /// The first run after now: the next slot. `None` when there are no more.
    pub next: Option<Timestamp>,
}

impl CatchUp {
    /// Where counting missed runs stops.
    pub const MOST_MISSED: u32 = 1_000;
}

impl Schedule {
    /// The first run at or after an instant; `None` when there are no more before the end or the calendar's end
    /// (year 9999).
    ///
    /// ```
    /// use cpm_domain::schedule::Schedule;
    ///
    /// let schedule: Schedule = serde_json::from_str(
    ///     r#"{"name": "hourly", "repeat": {"every": 1, "unit": "hours"}, "start": "1970-01-01T00:17", "timezone": "UTC",
    ///         "disabled": [{"day": "every", "from": "18:00", "to": "06:00"}]}"#,
    /// )?;
    /// let run = schedule.next_at_or_after("2026-01-01T18:17:00Z".parse()?);
    /// assert_eq!(run, Some("2026-01-02T06:17:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_at_or_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.next_within(second_at_or_after(instant), Timestamp::MAX.as_second())
    }

    /// The first run after an instant.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.next_within(second_after(instant), Timestamp::MAX.as_second())
    }

    /// All runs at or after an instant, in order, in the schedule's zone.
    pub fn runs(&self, from: Timestamp) -> impl Iterator<Item = Zoned> {
        let mut next = Some(second_at_or_after(from));
        iter::from_fn(move || {
            let run = next.take().and_then(|from| self.next_within(from, Timestamp::MAX.as_second()))?;
            next = Some(second_after(run));
            Some(run.to_zoned(self.zone.time_zone().clone()))
        })
    }

    /// What to do now about the slot that was next when this schedule was looked at last: `due` is that slot or, for a
    /// schedule that is new, the instant from which on it counts.
    ///
    /// After an outage one run, the newest, makes up for all that were missed. Doing it and then remembering
    /// [`CatchUp::next`] as the slot due loses no run and does none twice, however late or often this is asked.
    ///
    /// ```
    /// use cpm_domain::schedule::{CatchUp, Schedule};
    ///
    /// let schedule: Schedule = serde_json::from_str(
    ///     r#"{"name": "hourly", "repeat": {"every": 1, "unit": "hours"}, "start": "2026-01-01T00:00", "timezone": "UTC"}"#,
    /// )?;
    /// let done = schedule.catch_up("2026-01-01T02:00:00Z".parse()?, "2026-01-01T05:30:00Z".parse()?);
    /// assert_eq!(done.run, Some("2026-01-01T05:00:00Z".parse()?));
    /// assert_eq!(done.missed, 3);
    /// assert_eq!(done.next, Some("2026-01-01T06:00:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn catch_up(&self, due: Timestamp, now: Timestamp) -> CatchUp {
        let run = self.latest_within(second_at_or_after(due), second_after(now) - 1);
        let older = |run: Timestamp| {
            let most = usize::try_from(CatchUp::MOST_MISSED).unwrap_or(usize::MAX);
            self.runs(due).take(most).take_while(|missed| missed.timestamp() < run).count()
        };
        let missed = run.map_or(0, |run| u32::try_from(older(run)).unwrap_or(CatchUp::MOST_MISSED));
        CatchUp { run, missed, next: self.next_after(now) }
    }

    /// The newest run from `from` to `last`, both included: halving, as the next run from a moment is known.
    fn latest_within(&self, from: i64, last: i64) -> Option<Timestamp> {
        let mut newest = self.next_within(from, last)?;
        let mut last = last;
        while newest.as_second() < last {
            let middle = last - (last - newest.as_second()) / 2;
            match self.next_within(middle, last) {
                Some(run) => newest = run,
                None => last = middle - 1,
            }
        }
        Some(newest)
    }

    /// The first run from `from` to `last`, both included, in seconds since 1970.
    pub(super) fn next_within(&self, from: i64, last: i64) -> Option<Timestamp> {
        let from = from.max(self.first.as_second());
        let last = last.min(self.last.as_second());
        if self.open.is_empty() || from > last {
            return None;
        }
        match self.repeat.stride() {
            Stride::Elapsed(seconds) => self.next_elapsed(seconds, from, last),
            Stride::WallClock(stride) => self.next_on_wall_clock(stride, from, last),
        }
    }

    fn next_elapsed(&self, stride: i64, from: i64, last: i64) -> Option<Timestamp> {
        let first = self.first.as_second();
        let slot_from = |second: i64| first + divide_up(second - first, stride) * stride;
        let zone = self.zone.time_zone();
        let mut slot = slot_from(from);
        while slot <= last {
            let at = Timestamp::from_second(slot).ok()?;
            let strides = self.open.strides_until_open(zone.to_datetime(at), stride);
            if strides == Some(0) {
                return Some(at);
            }
            let change = zone.following(at).next();
            let until = change.as_ref().map(|change| change.timestamp().as_second());
            if let Some(run) = strides.map(|n| slot + n * stride)
                && until.is_none_or(|until| run < until)
            {
                return if run <= last { Timestamp::from_second(run).ok() } else { None };
            }
            let other = change?.offset().to_datetime(at);
            if strides.or_else(|| self.open.strides_until_open(other, stride)).is_none() && other.date() >= SETTLED {
                // Never at either of the two offsets that alternate from now on.
                return None;
            }
            slot = slot_from(until?);
        }
        None
    }

    fn next_on_wall_clock(&self, stride: WallStride, from: i64, last: i64) -> Option<Timestamp> {
        let (zone, start) = (self.zone.time_zone(), self.start.date());
        let asked = zone.to_datetime(Timestamp::from_second(from).ok()?).date();
        let mut n = stride.slot_before(start, asked);
        let last_slot = n.max(stride.slot_before(start, SETTLED)) + stride.slots_per_cycle() + MARGIN;
        let mut struck_out_unshifted = 0;
        while n <= last_slot {
            let local = stride.nth_slot(self.start, n)?;
            let at = zone.to_timestamp(local).ok()?;
            if at.as_second() > last {
                return None;
            }
            n += 1;
            if at.as_second() < from {
                continue;
            }
            let actual = zone.to_datetime(at);
            if self.open.contains(actual) {
                return Some(at);
            }
            struck_out_unshifted = if actual == local { struck_out_unshifted + 1 } else { 0 };
            if struck_out_unshifted == 7 && matches!(stride, WallStride::Days(_)) {
                // All its weekdays are struck out at this time of day: only a gap can let one run.
                let change = zone.following(at).next()?.timestamp();
                if local.date() >= SETTLED && !skips_yearly(zone, at, local.time()) {
                    return None;
                }
                n = n.max(stride.slot_before(start, zone.to_datetime(change).date()));
                struck_out_unshifted = 0;
            }
        }
        None
    }
}

impl WallStride {
    /// The wall-clock time of the slot `n`, counted from the start; `None` past the calendar's end.
    fn nth_slot(self, start: DateTime, n: i64) -> Option<DateTime> {
        let span = match self {
            Self::Days(days) => Span::new().try_days(n.checked_mul(days)?),
            Self::Months(months) => Span::new().try_months(n.checked_mul(months)?),
        };
        start.checked_add(span.ok()?).ok()
    }

    /// A slot shortly before a date, or the first: a gap moves a slot by a day at most.
    fn slot_before(self, start: Date, date: Date) -> i64 {
        let (passed, stride) = match self {
            Self::Days(days) => (start.until(date).map_or(0, |span| i64::from(span.get_days())) - 2, days),
            Self::Months(months) => (month_number(date) - month_number(start) - 1, months),
        };
        passed.max(0) / stride
    }

    /// After how many slots dates, weekdays and the zone's yearly rule come round again.
    fn slots_per_cycle(self) -> i64 {
        match self {
            Self::Days(days) => CYCLE_DAYS / common_divisor(CYCLE_DAYS, days),
            Self::Months(months) => CYCLE_MONTHS / common_divisor(CYCLE_MONTHS, months),
        }
    }
}

/// Whether a zone's yearly rule skips a time of day: whether one of the next two changes does.
fn skips_yearly(zone: &TimeZone, at: Timestamp, time: Time) -> bool {
    zone.following(at).take(2).any(|change| {
        let after = zone.to_datetime(change.timestamp()).date();
        let skipped = |date: Date| {
            let local = date.to_datetime(time);
            zone.to_timestamp(local).is_ok_and(|at| zone.to_datetime(at) != local)
        };
        skipped(after) || after.yesterday().is_ok_and(skipped)
    })
}

fn month_number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month())
}

fn common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// The first whole second at or after an instant: runs are on whole seconds.
pub(super) fn second_at_or_after(instant: Timestamp) -> i64 {
    instant.as_second() + i64::from(instant.subsec_nanosecond() > 0)
}

/// The first whole second after an instant.
fn second_after(instant: Timestamp) -> i64 {
    instant.as_second() + i64::from(instant.subsec_nanosecond() >= 0)
}
