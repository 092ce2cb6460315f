//! What is to be made, all filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Ref;
use crate::{
    aws::Tags,
    id::VolumeId,
    origin::MetadataOptions,
    recovery::plan::{ClusterPlan, DatabasePlan, ShutdownBehavior},
};

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
    pub plan: DatabasePlan,
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
    pub plan: ClusterPlan,
}
