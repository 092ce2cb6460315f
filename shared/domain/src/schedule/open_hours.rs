//! The part of the week that weekdays and disabled windows leave open.

use std::ops::Range;

use jiff::civil::{DateTime, Time};

use super::{DisabledWindow, Weekdays};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// The open stretches of the local week, in seconds since Monday 00:00: sorted, disjoint, none empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenHours(Vec<Range<i64>>);

impl OpenHours {
    /// The weekdays less the windows.
    pub(super) fn new(weekdays: Weekdays, disabled: &[DisabledWindow]) -> Self {
        let mut open: Vec<_> =
            weekdays.iter().map(|day| midnight(day.to_monday_zero_offset())).map(|day| day..day + DAY).collect();
        for window in disabled {
            for day in Weekdays::ALL.iter().filter(|day| window.day().includes(*day)) {
                let start = midnight(day.to_monday_zero_offset());
                let from = start + second_of_day(window.from());
                let to = start + second_of_day(window.to()) + if window.to() < window.from() { DAY } else { 0 };
                // What reaches past Sunday belongs to the Monday before it.
                open = without(&without(&open, &(from..to)), &(from - WEEK..to - WEEK));
            }
        }
        Self(open)
    }

    /// Whether nothing is left open.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a run may be at this local time.
    pub(super) fn contains(&self, local: DateTime) -> bool {
        let second = second_of_week(local);
        self.0.iter().any(|open| open.contains(&second))
    }

    /// How many strides of so many seconds lead from a local time into an open stretch, if any number does, as long as
    /// the zone's offset does not change. `Some(0)` when it is open already.
    pub(super) fn strides_until_open(&self, local: DateTime, stride: i64) -> Option<i64> {
        let here = second_of_week(local);
        self.0.iter().filter_map(|open| strides_into(here, stride, open)).min()
    }
}

fn midnight(days_since_monday: i8) -> i64 {
    i64::from(days_since_monday) * DAY
}

fn second_of_day(time: Time) -> i64 {
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

fn second_of_week(local: DateTime) -> i64 {
    midnight(local.weekday().to_monday_zero_offset()) + second_of_day(local.time())
}

/// `open` less `closed`.
fn without(open: &[Range<i64>], closed: &Range<i64>) -> Vec<Range<i64>> {
    open.iter()
        .flat_map(|part| [part.start..part.end.min(closed.start), part.start.max(closed.end)..part.end])
        .filter(|part| !part.is_empty())
        .collect()
}

/// The least number of strides from `here` into `open`, all in seconds round the week.
fn strides_into(here: i64, stride: i64, open: &Range<i64>) -> Option<i64> {
    if open.contains(&here) {
        return Some(0);
    }
    let (low, high) = ((open.start - here).rem_euclid(WEEK), (open.end - 1 - here).rem_euclid(WEEK));
    first_multiple_within(stride.rem_euclid(WEEK), WEEK, low, high)
}

/// The least `n >= 0` with `low <= step * n mod modulus <= high`, for `0 <= low <= high < modulus` and
/// `0 <= step < modulus`.
///
/// Either a multiple of `step` falls into the range before the first wrap, or the least number of wraps that lets one
/// fall into it is the same question about the remainders: Euclid's algorithm, so at most a few dozen rounds.
fn first_multiple_within(step: i64, modulus: i64, low: i64, high: i64) -> Option<i64> {
    if low == 0 {
        return Some(0);
    }
    if step == 0 {
        return None;
    }
    let direct = divide_up(low, step);
    if direct * step <= high {
        return Some(direct);
    }
    let wraps = first_multiple_within(modulus % step, step, (-high).rem_euclid(step), (-low).rem_euclid(step))?;
    Some(divide_up(low + modulus * wraps, step))
}

/// `a / b` rounded up, for `a >= 0` and `b > 0`.
pub(super) fn divide_up(a: i64, b: i64) -> i64 {
    (a + b - 1) / b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_the_first_multiple(modulus in 1_i64..200, step in 0_i64..200, a in 0_i64..200, b in 0_i64..200) {
            let (step, a, b) = (step % modulus, a % modulus, b % modulus);
            let (low, high) = (a.min(b), a.max(b));
            let stepped = (0..=modulus).find(|n| (low..=high).contains(&(step * n % modulus)));
            prop_assert_eq!(first_multiple_within(step, modulus, low, high), stepped);
        }
    }
}
