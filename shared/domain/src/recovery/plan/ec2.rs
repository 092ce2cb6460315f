//! Instances and volumes (§9.2, §9.3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    aws::Tags,
    id::{InstanceId, VolumeId},
    origin::MetadataOptions,
};

/// From what the root device of an instance is made (§9.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum LaunchFrom {
    /// From the snapshot of the root device: an image is registered for it.
    Snapshot,
    /// From an image.
    Image,
}

/// What becomes of the image that is registered for a recovery (§9.2.1, "AMI Handling").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageHandling {
    /// It goes when the instance runs.
    Deregister,
    /// It stays.
    Keep,
    /// It is all that is made.
    Only,
}

/// What AWS does when an instance is shut down from within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ShutdownBehavior {
    /// It stops.
    Stop,
    /// It is gone.
    Terminate,
}

/// An instance (§9.2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct InstancePlan {
    /// From its root device's snapshot, when there is one, or from an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_from: Option<LaunchFrom>,
    /// What becomes of the image that is registered for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_handling: Option<ImageHandling>,
    /// The image to launch from: the one of the backup, the initial one, or the original one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How many to launch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The instance type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// `x86_64`, `arm64` or `i386`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The zone. A subnet has one already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The placement group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_group: Option<String>,
    /// `default`, `dedicated` or `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<String>,
    /// Its private address; empty: AWS chooses one of the subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// More private addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary_ips: Option<Vec<String>>,
    /// Whether it gets a public address; as the subnet says when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<bool>,
    /// The allocation of an elastic address to give it: `eipalloc-…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elastic_ip: Option<String>,
    /// The security groups, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// The key pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<String>,
    /// The ARN of the instance profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The user data in base64, as AWS takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// When it is shut down from within.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_behavior: Option<ShutdownBehavior>,
    /// It cannot be terminated by API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_protection: Option<bool>,
    /// The kernel, of a paravirtual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The RAM disk, of a paravirtual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramdisk: Option<String>,
    /// Detailed monitoring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<bool>,
    /// EBS-optimised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_optimized: Option<bool>,
    /// Its metadata service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataOptions>,
    /// Instance store volumes by device: `/dev/sdb: ephemeral0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<BTreeMap<String, String>>,
    /// Its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub tags: Option<Tags>,
    /// Its volumes, the root one among them. Those that are not named are as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumePlan>,
}

/// A volume, of an instance or alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VolumePlan {
    /// Which: the volume that was backed up.
    pub volume: VolumeId,
    /// Whether it is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<bool>,
    /// As which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// In GiB: never smaller than its snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i32>,
    /// `gp3`, `io2` and so on.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Of gp3, io1 and io2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// In MiB/s, of gp3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    /// The key that it is encrypted with; empty: as the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// It goes with its instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
    /// Of a volume alone: its zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub tags: Option<Tags>,
}

impl VolumePlan {
    /// One with nothing but defaults.
    pub fn new(volume: VolumeId) -> Self {
        Self {
            volume,
            recover: None,
            device: None,
            size: None,
            volume_type: None,
            iops: None,
            throughput: None,
            kms_key: None,
            delete_on_termination: None,
            zone: None,
            tags: None,
        }
    }
}

/// How volumes are attached (§9.3, "Attach Behavior").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AttachBehavior {
    /// Only where the device is free.
    IfFree,
    /// In place of what is attached there, on a stopped instance.
    Switch,
    /// The same, and the old volumes are deleted when the new ones are attached.
    SwitchAndDelete,
}

/// Volumes (§9.3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct VolumesPlan {
    /// The instance to attach them to; none: they are only made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach_to: Option<InstanceId>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach_behavior: Option<AttachBehavior>,
    /// They. Those that are not named are as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumePlan>,
}
