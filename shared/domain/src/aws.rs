//! What AWS tells us of resources, and how it refuses.

use std::collections::BTreeMap;

use crate::{
    id::{InstanceId, SnapshotId, VolumeId},
    target::Resource,
    unit::{Fault, SnapshotReport, UnitState},
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

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// `terminated` or `shutting-down`: its volumes are going or gone.
    pub is_gone: bool,
    /// `windows`, or nothing known.
    pub is_windows: bool,
    /// What is attached.
    pub volumes: Vec<Attached>,
    /// Its tags.
    pub tags: Tags,
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
}

/// A resource that carries the `cpm backup` tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The resource.
    pub resource: Resource,
    /// The tag's value.
    pub value: String,
}

/// A snapshot that carries the suite's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSnapshot {
    /// What AWS says of it.
    pub report: SnapshotReport,
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
        matches!(self.refusal, Refusal::Throttled | Refusal::Limit | Refusal::Unknown)
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
            Refusal::InUse => fault.advise("release what uses it; the next cleanup tries again"),
            Refusal::Invalid => fault,
            Refusal::Unknown => fault.advise("AWS did not answer in time; the next step looks what became of it"),
        }
    }
}

/// Snapshots of one set to ask AWS for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// An instance's volumes at one point in time, or a volume.
    pub target: Resource,
    /// Volumes of the instance to leave out.
    pub excluded: Vec<VolumeId>,
    /// The root volume of the instance is left out as well.
    pub exclude_boot: bool,
    /// What people read in AWS's console.
    pub description: String,
    /// The tags of each snapshot.
    pub tags: Tags,
    /// Of an instance: AWS adds each volume's own tags to its snapshot.
    pub copy_tags: bool,
}

/// What became of a snapshot that was to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone, or was already.
    Gone(SnapshotId),
    /// AWS will not.
    Refused(SnapshotId, AwsError),
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
