//! What is left of a backup while it is deleted.

use jiff::{SignedDuration, Timestamp};

use crate::{
    backup::Backup,
    unit::{Unit, UnitSet, UnitState},
};

/// Whether AWS still has something of a unit of `set` that goes with its backup, as far as is known. An initial image
/// that is there is no longer the backup's.
pub fn is_left(set: &UnitSet, unit: &Unit) -> bool {
    let is_kept = set.is_initial_image() && unit.state == UnitState::Completed;
    unit.id.is_some() && unit.state != UnitState::Deleted && !is_kept
}

/// What becomes of the record of a backup in deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Units are left: AWS would not delete them. The record stays and says so.
    Units(usize),
    /// No unit is left, and the record's keep-days are not over.
    Record,
    /// Nothing is left to keep.
    Nothing,
}

/// Decides what becomes of the record of `backup`, whose keep-days count from its start (§15.7.3 of the guide).
pub fn rest(backup: &Backup, sets: &[UnitSet], record_days: u32, now: Timestamp) -> Rest {
    let left: usize = sets.iter().map(|set| set.units.iter().filter(|unit| is_left(set, unit)).count()).sum();
    if left > 0 {
        return Rest::Units(left);
    }
    let kept = SignedDuration::from_hours(24 * i64::from(record_days));
    if now.duration_since(backup.started) < kept { Rest::Record } else { Rest::Nothing }
}
