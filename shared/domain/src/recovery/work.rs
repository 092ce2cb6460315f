//! The calls of a recovery, each written down before AWS is asked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aws::Tags,
    id::{InstanceId, Region, UnitId, VolumeId},
    origin::MetadataOptions,
    recovery::plan::{MemberPlan, ShutdownBehavior},
    unit::{Fault, UnitKind},
};

/// What a recovery makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MadeKind {
    /// An image.
    Image,
    /// An instance.
    Instance,
    /// A volume.
    Volume,
    /// An RDS database, or a member of an Aurora cluster.
    Database,
    /// An Aurora cluster.
    Cluster,
    /// A Redshift cluster.
    #[serde(rename = "redshift-cluster")]
    Warehouse,
    /// A table.
    Table,
}

impl MadeKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Image, Self::Instance, Self::Volume, Self::Database, Self::Cluster, Self::Warehouse, Self::Table];

    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Instance => "instance",
            Self::Volume => "volume",
            Self::Database => "database",
            Self::Cluster => "cluster",
            Self::Warehouse => "redshift-cluster",
            Self::Table => "table",
        }
    }
}

impl std::fmt::Display for MadeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A thing by its id, or what an earlier work makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ref {
    /// By its id.
    Id(String),
    /// What a work makes, by its number.
    Work(u32),
}

/// A device of an image or an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub device: String,
    /// The snapshot that it is made of; none: as the image says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// In GiB.
    pub size: i32,
    /// `gp3` and so on.
    pub volume_type: String,
    /// Of the types that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// In MiB/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    /// The key that it is encrypted with; none: as the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// It goes with its instance.
    pub delete_on_termination: bool,
    /// Its own tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The volume that was backed up.
    pub source: VolumeId,
}

/// An image to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// Its name: no other of the account has it.
    pub name: String,
    /// `x86_64` and so on.
    pub architecture: String,
    /// `hvm` or `paravirtual`.
    pub virtualization: String,
    /// The device of its root volume.
    pub root_device: String,
    /// `legacy-bios` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<String>,
    /// Enhanced networking.
    pub ena: bool,
    /// The kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The RAM disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramdisk: Option<String>,
    /// `v2.0`: what is launched from it lets in by `IMDSv2` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imds: Option<String>,
    /// What it holds.
    pub devices: Vec<Device>,
    /// It runs Windows: AWS must have recognised that, or it is not to be used.
    #[serde(default)]
    pub windows: bool,
}

/// Instances to launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchSpec {
    /// From which image.
    pub image: Ref,
    /// How many; fewer are taken.
    pub count: u32,
    /// The type.
    pub instance_type: String,
    /// The zone, without a subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The placement group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement_group: Option<String>,
    /// `default`, `dedicated`, `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<String>,
    /// Its private address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// More private addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secondary_ips: Vec<String>,
    /// Whether it gets a public address; none: as the subnet says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<bool>,
    /// Security groups, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// The key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<String>,
    /// The ARN of the instance profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// In base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// When it is shut down from within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown_behavior: Option<ShutdownBehavior>,
    /// The kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The RAM disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramdisk: Option<String>,
    /// Detailed monitoring.
    pub monitoring: bool,
    /// EBS-optimised.
    pub ebs_optimized: bool,
    /// Its metadata service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataOptions>,
    /// Instance store volumes by device.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ephemeral: BTreeMap<String, String>,
    /// Its EBS devices, beside or instead of those of the image.
    pub devices: Vec<Device>,
    /// Devices of the image that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Its own tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// A database to restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSpec {
    /// Of which snapshot.
    pub snapshot: String,
    /// Its identifier.
    pub id: String,
    /// What it gets; all filled in.
    pub plan: crate::recovery::plan::DatabasePlan,
}

/// A cluster to restore, without its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Of which snapshot.
    pub snapshot: String,
    /// Its identifier.
    pub id: String,
    /// `aurora-postgresql` and so on.
    pub engine: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// Serverless: the least and the most capacity, in halves of a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<(u32, u32)>,
    /// What it gets; all filled in.
    pub plan: crate::recovery::plan::ClusterPlan,
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
    /// Sees to it that an instance cannot be terminated by API. Last, so that what failed can be undone.
    ProtectInstance {
        /// The instance.
        instance: Ref,
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
        plan: Box<crate::recovery::plan::WarehousePlan>,
    },
    /// Restores a table.
    RestoreTable {
        /// The ARN of its backup.
        backup: String,
        /// What it gets; all filled in.
        plan: crate::recovery::plan::TablePlan,
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
            | Self::ProtectInstance { .. }
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

/// How a thing that was made is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MadeState {
    /// AWS makes it.
    Pending,
    /// It can be used.
    Ready,
    /// AWS did not make it, or made it badly.
    Failed,
    /// It is gone.
    Gone,
}

/// A thing that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Made {
    /// What it is.
    pub kind: MadeKind,
    /// What AWS calls it.
    pub id: String,
    /// How it is.
    pub state: MadeState,
    /// AWS's words when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The device, of a volume of an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Where it can be reached: addresses of an instance, the endpoint of a database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// What came with it: the volumes of an instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Made>,
}

impl Made {
    /// One that AWS has begun to make.
    pub fn pending(kind: MadeKind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            state: MadeState::Pending,
            cause: None,
            device: None,
            addresses: Vec::new(),
            parts: Vec::new(),
        }
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
