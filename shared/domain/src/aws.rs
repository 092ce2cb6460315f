//! What AWS tells us of resources, and how it refuses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{InstanceId, VolumeId},
    kind::Resource,
    origin::Origin,
    unit::{Fault, Image, UnitKind, UnitReport, UnitState},
};

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// The most tags that AWS allows on a resource.
pub const MAX_TAGS: usize = 50;

/// A volume as an instance has it attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The volume.
    pub volume: VolumeId,
    /// Its device name.
    pub device: String,
    /// It holds the root device.
    pub is_root: bool,
}

/// What an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Linux, or another Unix.
    Linux,
    /// Windows.
    Windows,
    /// AWS does not tell.
    Unknown,
}

impl Platform {
    /// As JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Linux => "Linux",
            Self::Windows => "Windows",
            Self::Unknown => "an unknown platform",
        })
    }
}

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// `terminated` or `shutting-down`: its volumes are going or gone.
    pub is_gone: bool,
    /// `stopping` or `stopped`: it can be backed up, and nothing runs on it.
    pub is_stopped: bool,
    /// What it runs.
    pub platform: Platform,
    /// What is attached.
    pub volumes: Vec<Attached>,
    /// Its tags.
    pub tags: Tags,
    /// How it is, as far as this call told.
    pub origin: Option<Box<Origin>>,
}

/// An EBS volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// `deleting` or `deleted`.
    pub is_gone: bool,
    /// Its tags.
    pub tags: Tags,
    /// How it is, as far as this call told.
    pub origin: Option<Box<Origin>>,
}

/// A database, a cluster or a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Which.
    pub resource: Resource,
    /// Its state, as AWS writes it.
    pub status: String,
    /// Of a database: the cluster that it is a member of.
    pub cluster: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// How it is, as far as this call told.
    pub origin: Option<Box<Origin>>,
}

/// A resource as AWS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An EC2 instance.
    Instance(Instance),
    /// An EBS volume.
    Volume(Volume),
    /// What AWS manages as a whole.
    Managed(Managed),
}

impl Found {
    /// Which resource it is.
    pub fn resource(&self) -> Resource {
        match self {
            Self::Instance(instance) => Resource::Instance(instance.id.clone()),
            Self::Volume(volume) => Resource::Volume(volume.id.clone()),
            Self::Managed(managed) => managed.resource.clone(),
        }
    }

    /// How it is, as far as describing it told.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Instance(instance) => instance.origin.as_deref(),
            Self::Volume(volume) => volume.origin.as_deref(),
            Self::Managed(managed) => managed.origin.as_deref(),
        }
    }

    /// An instance that is stopped or about to be.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Instance(instance) if instance.is_stopped)
    }
}

/// How much of a quota of an account and Region is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// What is counted, in words: `manual snapshots of RDS databases`.
    pub what: String,
    /// So many are there.
    pub used: u64,
    /// So many may be.
    pub most: u64,
}

impl Quota {
    /// Whether so much is used that it must be said before it bites: 80 %.
    pub fn is_near(&self) -> bool {
        self.used.saturating_mul(10) >= self.most.saturating_mul(8)
    }
}

/// A resource that carries the `cpm backup` tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The resource.
    pub resource: Resource,
    /// The tag's value.
    pub value: String,
}

/// A unit that carries the suite's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundUnit {
    /// What AWS says of it.
    pub report: UnitReport,
    /// Its tags.
    pub tags: Tags,
}

/// How AWS refuses, as far as the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Too many calls: the same call goes through later.
    Throttled,
    /// Too much of something at once, such as pending snapshots: goes through when some are done.
    Limit,
    /// Too much is there already: goes through when some of it is deleted or the quota is raised.
    Quota,
    /// AWS has no room for it there now: another zone or another type may have.
    Capacity,
    /// The resource is busy with something that ends by itself.
    Busy,
    /// A thing of that name is there already: a call whose answer was lost may have made it.
    Exists,
    /// Not allowed.
    Denied,
    /// The thing is not there.
    NotFound,
    /// The thing is used, locked or held.
    InUse,
    /// The call makes no sense to AWS.
    Invalid,
    /// No answer, or AWS's own fault: nobody knows whether the call did its work.
    Unknown,
}

/// A call to AWS that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} was refused: {code}: {message}")]
pub struct AwsError {
    /// How the answer depends on it.
    pub refusal: Refusal,
    /// The action, such as `ec2:CreateSnapshots`.
    pub action: String,
    /// AWS's error code.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

impl AwsError {
    /// Whether the same call may go through later.
    pub fn is_retryable(&self) -> bool {
        matches!(self.refusal, Refusal::Throttled | Refusal::Limit | Refusal::Busy | Refusal::Unknown)
    }

    /// Whether the call was to make a snapshot, of which there are fewer when fewer generations are kept.
    fn makes_a_backup(&self) -> bool {
        self.action.contains(":Create")
            && ["Snapshot", "Backup", "Image"].iter().any(|what| self.action.contains(what))
    }

    /// For the record, with advice. `as_whom` names the role that called.
    pub fn to_fault(&self, as_whom: &str) -> Fault {
        if self.action == "sts:AssumeRole" {
            return Fault::new(&self.code, format!("{}: {}", self.action, self.message))
                .advise("the role's trust policy must name the suite's role, with the same external id");
        }
        let fault = Fault::new(&self.code, format!("{} as {as_whom}: {}", self.action, self.message));
        match self.refusal {
            Refusal::Denied => {
                let action = &self.action;
                fault.advise(format!("allow {action} to {as_whom}; service control policies and KMS keys count too"))
            }
            Refusal::NotFound => fault.advise("it was deleted, or its Region or account is another"),
            Refusal::Throttled => fault.advise("the account's request rate is used up; the retry comes later"),
            Refusal::Limit => fault.advise("an AWS quota is used up; wait for others to finish or have it raised"),
            Refusal::Quota if !self.makes_a_backup() => {
                fault.advise("delete what nobody needs, or have the quota raised in Service Quotas")
            }
            Refusal::Quota => fault.advise(
                "keep fewer generations, delete snapshots that nobody needs, or have the quota raised in Service Quotas",
            ),
            Refusal::Capacity => fault.advise("choose another zone or another type, or try again later"),
            Refusal::Busy => fault.advise("it was busy for too long; the retry comes later"),
            Refusal::Exists => fault.advise("the next step looks whether it is the suite's own"),
            Refusal::InUse => fault.advise("release what uses it; the next cleanup tries again"),
            Refusal::Invalid => fault,
            Refusal::Unknown => fault.advise("AWS did not answer in time; the next step looks what became of it"),
        }
    }
}

/// The units of one set to ask AWS for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRequest {
    /// What is made.
    pub kind: UnitKind,
    /// An instance's volumes at one point in time or its image, a volume, a database.
    pub target: Resource,
    /// A name that tells policy and time and is legal for the kind, for those that have one: images, snapshots of
    /// databases and clusters, backups of tables. No other unit has it.
    pub name: String,
    /// Volumes of the instance to leave out.
    pub excluded: Vec<VolumeId>,
    /// The root volume of the instance is left out as well.
    pub exclude_boot: bool,
    /// Of an image: how it is made.
    pub image: Option<Image>,
    /// What people read in AWS's console.
    pub description: String,
    /// The tags of each unit.
    pub tags: Tags,
    /// Of an instance's volumes: AWS adds each volume's own tags to its snapshot.
    pub copy_tags: bool,
}

/// A state word of `DescribeSnapshots`.
pub fn snapshot_state(word: &str) -> UnitState {
    match word {
        "completed" => UnitState::Completed,
        "error" => UnitState::Failed,
        // `recoverable` and `recovering`: in the recycle bin, so gone for us.
        "recoverable" | "recovering" => UnitState::Deleted,
        _ => UnitState::Pending,
    }
}
