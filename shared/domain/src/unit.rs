//! Units: the things that AWS makes for a backup, and the calls that make them.
//!
//! All volumes of an instance are snapshotted at one point in time by one `CreateSnapshots` call. The units of one
//! call are a set: they are planned, asked for and recorded together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aws::Tags,
    id::{InstanceId, Region, SnapshotId, UnitSetId, VolumeId},
    target::Resource,
};

/// The most volumes that one `CreateSnapshots` call takes, root included.
pub const MAX_SET: usize = 128;

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnitKind {
    /// A snapshot of one EBS volume.
    EbsSnapshot,
}

/// How far a unit is. It only ever moves downwards in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnitState {
    /// Written down; AWS may or may not have been asked.
    Planned,
    /// AWS makes it.
    Pending,
    /// AWS made it.
    Completed,
    /// AWS did not make it, or made it badly.
    Failed,
    /// It is gone from AWS.
    Deleted,
}

impl UnitState {
    /// Nothing more will come.
    pub fn is_settled(self) -> bool {
        self >= Self::Completed
    }
}

/// AWS's words on a failure, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// AWS's error code, or ours.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// What the operator can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Fault {
    /// A fault without advice.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), advice: None }
    }

    /// With what the operator can do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        self.advice.iter().try_for_each(|advice| write!(f, " ({advice})"))
    }
}

/// One thing that AWS makes for us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// What it is.
    pub kind: UnitKind,
    /// The volume.
    pub source: VolumeId,
    /// The snapshot, once AWS named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SnapshotId>,
    /// How far it is.
    pub state: UnitState,
    /// When AWS began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed, or why AWS will not delete it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl Unit {
    /// A snapshot that is to be made of `source`.
    pub fn planned(source: VolumeId) -> Self {
        Self {
            kind: UnitKind::EbsSnapshot,
            source,
            id: None,
            state: UnitState::Planned,
            started: None,
            ended: None,
            error: None,
        }
    }

    /// Marks it failed, unless it is settled already.
    pub fn fail(&mut self, now: Timestamp, fault: Fault) {
        if !self.state.is_settled() {
            self.state = UnitState::Failed;
            self.ended = Some(now);
            self.error = Some(fault);
        }
    }
}

/// The units of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSet {
    /// Counted from 1 within the backup.
    pub number: u32,
    /// Where.
    pub region: Region,
    /// The target it was planned for: what the tag `cpm:source` names.
    pub target: Resource,
    /// Volumes of the instance that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<VolumeId>,
    /// The root volume of the instance is left out as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclude_boot: bool,
    /// The source's own tags, of a volume: AWS copies those of an instance's volumes by itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// What is made.
    pub units: Vec<Unit>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

/// What AWS says of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotReport {
    /// The snapshot.
    pub id: SnapshotId,
    /// Its volume.
    pub volume: VolumeId,
    /// Pending, completed or failed.
    pub state: UnitState,
    /// When AWS began.
    pub started: Option<Timestamp>,
    /// AWS's words when it went to `error`.
    pub cause: Option<String>,
}

impl UnitSet {
    /// Its id in the tag `cpm:unit`.
    pub fn id(&self, backup: crate::id::BackupId) -> UnitSetId {
        UnitSetId { backup, number: self.number }
    }

    /// The instance, if it is one's.
    pub fn instance(&self) -> Option<&InstanceId> {
        match &self.target {
            Resource::Instance(id) => Some(id),
            Resource::Volume(_) => None,
        }
    }

    /// Whether nothing more will come.
    pub fn is_settled(&self) -> bool {
        self.units.iter().all(|unit| unit.state.is_settled())
    }

    /// Whether AWS has yet to be asked, as far as is known. One snapshot that AWS named is proof of the whole call: to
    /// ask again for the volume that got none would make the others twice.
    pub fn is_planned(&self) -> bool {
        self.units.iter().all(|unit| unit.id.is_none())
            && self.units.iter().any(|unit| unit.state == UnitState::Planned)
    }

    /// The smallest snapshot id: what an event on the whole set is found by.
    pub fn key_snapshot(&self) -> Option<&SnapshotId> {
        self.units.iter().filter_map(|unit| unit.id.as_ref()).min()
    }

    /// Takes in what AWS says of its snapshots. Says whether anything changed.
    ///
    /// A volume that was attached after the plan comes in as a new unit: what AWS made is on record, always.
    pub fn take_in(&mut self, reports: &[SnapshotReport], now: Timestamp) -> bool {
        let before = self.units.clone();
        for report in reports {
            let at = self.units.iter().position(|unit| match &unit.id {
                Some(id) => *id == report.id,
                None => unit.source == report.volume,
            });
            if let Some(unit) = at.and_then(|at| self.units.get_mut(at)) {
                unit.take_in(report, now);
            } else {
                let mut unit = Unit::planned(report.volume.clone());
                unit.take_in(report, now);
                self.units.push(unit);
            }
        }
        self.units != before
    }

    /// Fails every unit that AWS was not heard of.
    pub fn fail_planned(&mut self, now: Timestamp, fault: &Fault) {
        for unit in self.units.iter_mut().filter(|unit| unit.state == UnitState::Planned) {
            unit.fail(now, fault.clone());
        }
    }
}

impl Unit {
    fn take_in(&mut self, report: &SnapshotReport, now: Timestamp) {
        self.id.get_or_insert_with(|| report.id.clone());
        self.started = self.started.or(report.started);
        // A unit that was given up stays failed, but its id is known now: the cleaner will find it.
        if report.state <= self.state {
            return;
        }
        self.state = report.state;
        if report.state.is_settled() {
            self.ended = Some(now);
        }
        if report.state == UnitState::Failed {
            let words = report.cause.clone().unwrap_or_else(|| "AWS gave no reason".to_owned());
            self.error = Some(
                Fault::new("SnapshotError", format!("the snapshot ended in the state error: {words}"))
                    .advise("AWS could not read the volume or use its KMS key; the next backup tries again"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> UnitSet {
        UnitSet {
            number: 1,
            region: "us-east-1".parse().unwrap(),
            target: Resource::Instance("i-0123456789abcdef0".parse().unwrap()),
            excluded: vec![],
            exclude_boot: false,
            tags: Tags::new(),
            units: vec![
                Unit::planned("vol-0000000a".parse().unwrap()),
                Unit::planned("vol-0000000b".parse().unwrap()),
            ],
            version: 0,
        }
    }

    fn report(volume: &str, snapshot: &str, state: UnitState) -> SnapshotReport {
        SnapshotReport {
            id: snapshot.parse().unwrap(),
            volume: volume.parse().unwrap(),
            state,
            started: Some(Timestamp::UNIX_EPOCH),
            cause: None,
        }
    }

    #[test]
    fn a_set_settles_when_each_unit_has() {
        let mut set = set();
        let now = Timestamp::UNIX_EPOCH;
        assert!(set.take_in(&[report("vol-0000000a", "snap-0000000b", UnitState::Completed)], now));
        assert!(!set.is_settled());
        assert!(set.take_in(&[report("vol-0000000b", "snap-0000000a", UnitState::Failed)], now));
        assert!(set.is_settled());
        assert_eq!(set.key_snapshot().unwrap().as_str(), "snap-0000000a");
        assert_eq!(set.units[1].error.as_ref().unwrap().code, "SnapshotError");
    }

    #[test]
    fn an_old_report_changes_nothing() {
        let mut set = set();
        let now = Timestamp::UNIX_EPOCH;
        set.take_in(&[report("vol-0000000a", "snap-0000000b", UnitState::Completed)], now);
        assert!(!set.take_in(&[report("vol-0000000a", "snap-0000000b", UnitState::Pending)], now));
        assert_eq!(set.units[0].state, UnitState::Completed);
    }

    #[test]
    fn a_volume_that_came_late_is_on_record() {
        let mut set = set();
        set.take_in(&[report("vol-0000000c", "snap-0000000c", UnitState::Pending)], Timestamp::UNIX_EPOCH);
        assert_eq!(set.units.len(), 3);
    }
}
