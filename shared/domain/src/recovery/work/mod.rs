//! The calls of a recovery, each written down before AWS is asked.

mod made;
mod spec;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    made::{Made, MadeKind, MadeState},
    spec::{ClusterSpec, DatabaseSpec, Device, ImageSpec, LaunchSpec},
};
use crate::{
    aws::Tags,
    id::{InstanceId, Region, UnitId, VolumeId},
    recovery::plan::{MemberPlan, TablePlan, WarehousePlan},
    unit::{Fault, UnitKind},
};

/// A thing by its id, or what an earlier work makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ref {
    /// By its id.
    Id(String),
    /// What a work makes, by its number.
    Work(u32),
}

/// A call to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Lets another account read a unit.
    Share {
        /// What it is.
        kind: UnitKind,
        /// Which.
        unit: UnitId,
        /// The other account's number.
        account: String,
    },
    /// Takes that back.
    Unshare {
        /// What it is.
        kind: UnitKind,
        /// Which.
        unit: UnitId,
        /// The other account's number.
        account: String,
    },
    /// Registers an image of snapshots.
    RegisterImage(Box<ImageSpec>),
    /// Launches instances.
    Launch(Box<LaunchSpec>),
    /// Makes a volume of a snapshot.
    CreateVolume {
        /// What it is; its device is that of its attachment.
        device: Device,
        /// In which zone.
        zone: String,
    },
    /// Takes a volume off an instance.
    Detach {
        /// The volume.
        volume: VolumeId,
        /// The instance.
        instance: InstanceId,
        /// The device.
        device: String,
    },
    /// Attaches a volume.
    Attach {
        /// The volume.
        volume: Ref,
        /// The instance.
        instance: InstanceId,
        /// The device.
        device: String,
        /// It goes with its instance.
        delete_on_termination: bool,
    },
    /// Marks a volume that was taken off for deletion.
    MarkReplaced {
        /// The volume.
        volume: VolumeId,
    },
    /// Gives each volume of a launched instance its own tags, by device.
    TagVolumes {
        /// The work that launches.
        of: u32,
        /// The tags by device.
        tags: BTreeMap<String, Tags>,
    },
    /// Gives an instance an elastic address.
    AssociateAddress {
        /// The instance.
        instance: Ref,
        /// The allocation.
        allocation: String,
    },
    /// Sees to it that launched instances cannot be terminated by API. Last, so that what failed can be undone.
    ProtectInstances {
        /// The work that launches.
        of: u32,
    },
    /// Restores a database.
    RestoreDatabase(Box<DatabaseSpec>),
    /// Restores a cluster.
    RestoreCluster(Box<ClusterSpec>),
    /// Makes a member of a cluster.
    CreateMember {
        /// The cluster.
        cluster: Ref,
        /// The engine.
        engine: String,
        /// What it is.
        member: MemberPlan,
        /// Its tags.
        tags: Tags,
    },
    /// Restores a Redshift cluster.
    RestoreWarehouse {
        /// Of which snapshot.
        snapshot: String,
        /// What it gets; all filled in.
        plan: Box<WarehousePlan>,
    },
    /// Restores a table.
    RestoreTable {
        /// The ARN of its backup.
        backup: String,
        /// What it gets; all filled in.
        plan: TablePlan,
    },
    /// Gives a table what its backup does not keep: its tags.
    TagTable {
        /// The table.
        table: Ref,
        /// Its tags.
        tags: Tags,
    },
    /// Sees to it that a database, a cluster or a table cannot be deleted. Last, so that what failed can be undone.
    ProtectManaged {
        /// What it is.
        kind: MadeKind,
        /// Which.
        of: Ref,
    },
}

impl Action {
    /// What it makes; none: it changes something.
    pub fn makes(&self) -> Option<MadeKind> {
        Some(match self {
            Self::RegisterImage(_) => MadeKind::Image,
            Self::Launch(_) => MadeKind::Instance,
            Self::CreateVolume { .. } => MadeKind::Volume,
            Self::RestoreDatabase(_) | Self::CreateMember { .. } => MadeKind::Database,
            Self::RestoreCluster(_) => MadeKind::Cluster,
            Self::RestoreWarehouse { .. } => MadeKind::Warehouse,
            Self::RestoreTable { .. } => MadeKind::Table,
            Self::Share { .. }
            | Self::Unshare { .. }
            | Self::Detach { .. }
            | Self::Attach { .. }
            | Self::MarkReplaced { .. }
            | Self::TagVolumes { .. }
            | Self::AssociateAddress { .. }
            | Self::ProtectInstances { .. }
            | Self::TagTable { .. }
            | Self::ProtectManaged { .. } => return None,
        })
    }
}

/// How far a work is. It only ever moves downwards in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkState {
    /// Written down; AWS may or may not have been asked.
    Planned,
    /// AWS makes it.
    Pending,
    /// It is done.
    Done,
    /// It failed, or what it needs did.
    Failed,
    /// It was done, or not, and what it made is gone again.
    Undone,
}

impl WorkState {
    /// Nothing more will come, unless it is undone.
    pub fn is_settled(self) -> bool {
        self >= Self::Done
    }
}

/// One call of a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Counted from 1 within the recovery.
    pub number: u32,
    /// The works that must be done first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<u32>,
    /// It makes up for that work: it is asked only if that comes to nothing, when all else is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_failed: Option<u32>,
    /// What is asked of AWS.
    pub what: Action,
    /// In which Region.
    pub region: Region,
    /// It is asked in the account of the backup, by the role for recoveries there: what is shared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_source: bool,
    /// The unit that it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<UnitId>,
    /// How far it is.
    pub state: WorkState,
    /// What it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<Made>,
    /// When AWS was first asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

/// A work as it is asked of AWS: what it refers to is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The work's number.
    pub work: u32,
    /// What is asked, with every [`Ref`] an id.
    pub what: Action,
    /// What earlier works made that it is about, such as the volumes to tag.
    pub made: Vec<Made>,
    /// By which AWS knows the call again.
    pub token: String,
    /// The suite's tags of what is made.
    pub tags: Tags,
}

impl Work {
    /// One that is to be done.
    pub fn planned(number: u32, region: Region, what: Action) -> Self {
        Self {
            number,
            needs: Vec::new(),
            if_failed: None,
            what,
            region,
            at_source: false,
            from: None,
            state: WorkState::Planned,
            made: Vec::new(),
            asked: None,
            ended: None,
            error: None,
            version: 0,
        }
    }
}
