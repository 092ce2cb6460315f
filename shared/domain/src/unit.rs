//! Units: the things that AWS makes for a backup, and the calls that make them.
//!
//! All volumes of an instance are snapshotted at one point in time by one `CreateSnapshots` call. The units of one
//! call are a set: they are planned, asked for and recorded together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aws::Tags,
    id::{InstanceId, Region, SnapshotId, UnitId, UnitSetId, VolumeId},
    kind::{Kind, Resource},
};

/// The most volumes that one `CreateSnapshots` call takes, root included.
pub const MAX_SET: usize = 128;

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnitKind {
    /// A snapshot of one EBS volume.
    EbsSnapshot,
    /// An image of an instance, with its own snapshots.
    Ami,
    /// A manual snapshot of an RDS database.
    RdsSnapshot,
    /// A manual snapshot of an Aurora cluster.
    AuroraSnapshot,
    /// A manual snapshot of a Redshift cluster.
    RedshiftSnapshot,
    /// An on-demand backup of a DynamoDB table.
    DynamodbBackup,
}

impl UnitKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EbsSnapshot,
        Self::Ami,
        Self::RdsSnapshot,
        Self::AuroraSnapshot,
        Self::RedshiftSnapshot,
        Self::DynamodbBackup,
    ];

    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EbsSnapshot => "ebs-snapshot",
            Self::Ami => "ami",
            Self::RdsSnapshot => "rds-snapshot",
            Self::AuroraSnapshot => "aurora-snapshot",
            Self::RedshiftSnapshot => "redshift-snapshot",
            Self::DynamodbBackup => "dynamodb-backup",
        }
    }

    /// One of it, in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Ami => "image",
            Self::DynamodbBackup => "table backup",
            Self::EbsSnapshot | Self::RdsSnapshot | Self::AuroraSnapshot | Self::RedshiftSnapshot => "snapshot",
        }
    }

    /// The kinds of resources that it is made of.
    pub fn sources(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| kind.units().contains(&self))
    }
}

impl std::fmt::Display for UnitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
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

impl Fault {
    /// The same, unless it says already what the operator can do.
    #[must_use]
    pub fn advise_if_silent(mut self, advice: impl Into<String>) -> Self {
        self.advice.get_or_insert_with(|| advice.into());
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
    /// What it is made of: a volume, an instance, a database.
    pub source: Resource,
    /// What AWS calls it, once AWS named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<UnitId>,
    /// Of an image: its own snapshots. They go when it goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SnapshotId>,
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
    /// One that is to be made of `source`.
    pub fn planned(kind: UnitKind, source: Resource) -> Self {
        Self {
            kind,
            source,
            id: None,
            parts: Vec::new(),
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

/// How an image is made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Image {
    /// It is the instance's one image that is kept beside its snapshots (§4.2.4.1 of the guide), and no part of the
    /// backup's point in time.
    pub initial: bool,
    /// AWS stops the instance to make it.
    pub reboot: bool,
    /// Devices that it leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// That AWS's own document for VSS makes the snapshots of a set, and no call of the suite's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ByDocument {
    /// The command of Systems Manager, once it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
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
    /// Of an image: how it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Of a Windows instance, if its policy says so: AWS's document makes the snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_document: Option<ByDocument>,
    /// The source's own tags. AWS copies those of an instance's volumes by itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// What is made.
    pub units: Vec<Unit>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

/// What AWS says of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitReport {
    /// What it is.
    pub kind: UnitKind,
    /// What AWS calls it.
    pub id: UnitId,
    /// What it is made of; none: AWS did not say.
    pub source: Option<Resource>,
    /// Pending, completed, failed or deleted.
    pub state: UnitState,
    /// When AWS began.
    pub started: Option<Timestamp>,
    /// AWS's words when it failed.
    pub cause: Option<String>,
    /// Of an image: its own snapshots, as far as AWS names them.
    pub parts: Vec<SnapshotId>,
}

impl UnitReport {
    /// Of one that AWS has begun to make.
    pub fn pending(kind: UnitKind, id: impl Into<UnitId>, source: Resource) -> Self {
        Self {
            kind,
            id: id.into(),
            source: Some(source),
            state: UnitState::Pending,
            started: None,
            cause: None,
            parts: Vec::new(),
        }
    }
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
            _ => None,
        }
    }

    /// The kind of its units.
    pub fn kind(&self) -> Option<UnitKind> {
        self.units.first().map(|unit| unit.kind)
    }

    /// Whether it is the image that is kept beside an instance's snapshots: no part of the backup's point in time.
    pub fn is_initial_image(&self) -> bool {
        self.image.as_ref().is_some_and(|image| image.initial)
    }

    /// The volumes that its units are made of.
    pub fn volumes(&self) -> impl Iterator<Item = &VolumeId> {
        self.units.iter().filter_map(|unit| match &unit.source {
            Resource::Volume(volume) => Some(volume),
            _ => None,
        })
    }

    /// Whether nothing more will come.
    pub fn is_settled(&self) -> bool {
        self.units.iter().all(|unit| unit.state.is_settled())
    }

    /// Whether AWS has yet to be asked, as far as is known. One snapshot that AWS named is proof of the whole call: to
    /// ask again for the volume that got none would make the others twice.
    pub fn is_planned(&self) -> bool {
        self.by_document.as_ref().is_none_or(|by| by.command.is_none())
            && self.units.iter().all(|unit| unit.id.is_none())
            && self.units.iter().any(|unit| unit.state == UnitState::Planned)
    }

    /// The smallest id of its units: what an event on the whole set is found by.
    pub fn key_unit(&self) -> Option<&UnitId> {
        self.units.iter().filter_map(|unit| unit.id.as_ref()).min()
    }

    /// Takes in what AWS says of its units. Says whether anything changed.
    ///
    /// A volume that was attached after the plan comes in as a new unit: what AWS made is on record, always.
    pub fn take_in(&mut self, reports: &[UnitReport], now: Timestamp) -> bool {
        let before = self.units.clone();
        // The snapshots of an image are its parts, not units.
        let kind = self.kind();
        for report in reports.iter().filter(|report| kind.is_none_or(|kind| report.kind == kind)) {
            let at = self.units.iter().position(|unit| match &unit.id {
                Some(id) => *id == report.id,
                None => report.source.as_ref() == Some(&unit.source) && report.kind == unit.kind,
            });
            if let Some(unit) = at.and_then(|at| self.units.get_mut(at)) {
                unit.take_in(report, now);
            } else if let Some(source) = &report.source {
                let mut unit = Unit::planned(report.kind, source.clone());
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
    fn take_in(&mut self, report: &UnitReport, now: Timestamp) {
        self.id.get_or_insert_with(|| report.id.clone());
        self.started = self.started.or(report.started);
        for part in &report.parts {
            if !self.parts.contains(part) {
                self.parts.push(part.clone());
            }
        }
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
            let (noun, advice) = (self.kind.noun(), failure_advice(self.kind));
            self.error =
                Some(Fault::new("SnapshotError", format!("the {noun} failed in AWS: {words}")).advise(advice));
        }
    }
}

fn failure_advice(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::EbsSnapshot | UnitKind::Ami => {
            "AWS could not read the volume or use its KMS key; the next backup tries again"
        }
        UnitKind::RdsSnapshot | UnitKind::AuroraSnapshot | UnitKind::RedshiftSnapshot | UnitKind::DynamodbBackup => {
            "see the events of its source in AWS's console; the next backup tries again"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(id: &str) -> Unit {
        Unit::planned(UnitKind::EbsSnapshot, Resource::Volume(id.parse().unwrap()))
    }

    fn set() -> UnitSet {
        UnitSet {
            number: 1,
            region: "us-east-1".parse().unwrap(),
            target: Resource::Instance("i-0123456789abcdef0".parse().unwrap()),
            excluded: vec![],
            exclude_boot: false,
            image: None,
            by_document: None,
            tags: Tags::new(),
            units: vec![volume("vol-0000000a"), volume("vol-0000000b")],
            version: 0,
        }
    }

    fn report(volume: &str, snapshot: &str, state: UnitState) -> UnitReport {
        let source = Resource::Volume(volume.parse().unwrap());
        let started = Some(Timestamp::UNIX_EPOCH);
        UnitReport { state, started, ..UnitReport::pending(UnitKind::EbsSnapshot, UnitId::new(snapshot), source) }
    }

    #[test]
    fn a_set_settles_when_each_unit_has() {
        let mut set = set();
        let now = Timestamp::UNIX_EPOCH;
        assert!(set.take_in(&[report("vol-0000000a", "snap-0000000b", UnitState::Completed)], now));
        assert!(!set.is_settled());
        assert!(set.take_in(&[report("vol-0000000b", "snap-0000000a", UnitState::Failed)], now));
        assert!(set.is_settled());
        assert_eq!(set.key_unit().unwrap().as_str(), "snap-0000000a");
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

    #[test]
    fn an_event_without_a_source_is_for_what_is_known() {
        let mut set = set();
        let told = UnitReport { source: None, ..report("vol-0000000a", "snap-0000000a", UnitState::Completed) };
        assert!(!set.take_in(std::slice::from_ref(&told), Timestamp::UNIX_EPOCH), "nobody knows its volume");
        set.take_in(&[report("vol-0000000a", "snap-0000000a", UnitState::Pending)], Timestamp::UNIX_EPOCH);
        assert!(set.take_in(&[told], Timestamp::UNIX_EPOCH));
        assert_eq!((set.units.len(), set.units[0].state), (2, UnitState::Completed));
    }
}
