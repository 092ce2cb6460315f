//! What a source was like when it was backed up: what a recovery offers as its default, and all that is known of a source
//! that is gone.
//!
//! Words are AWS's, as its API writes them: they go back to it as they came.

mod reading;

use serde::{Deserialize, Serialize};

pub use reading::{Attribute, AttributeValue, Completed, FRESH, Reading, Reads, Unread};

use crate::{
    aws::{Platform, Tags},
    id::{InstanceId, Region, VolumeId},
    kind::Resource,
};

/// A source as it was, with where it was. Kept with the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Where.
    pub region: Region,
    /// What.
    pub resource: Resource,
    /// How it was.
    pub origin: Origin,
}

/// How a source was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// An EC2 instance, with its volumes.
    Instance(Box<InstanceOrigin>),
    /// An EBS volume.
    Volume(VolumeOrigin),
    /// An RDS database.
    Rds(Box<DatabaseOrigin>),
    /// An Aurora cluster, with its members.
    Aurora(Box<ClusterOrigin>),
    /// A Redshift cluster.
    Redshift(Box<WarehouseOrigin>),
    /// A DynamoDB table.
    Dynamodb(Box<TableOrigin>),
}

/// An instance as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of AWS")]
pub struct InstanceOrigin {
    /// Its id.
    pub id: InstanceId,
    /// Its type: `m5.large`.
    pub instance_type: String,
    /// `x86_64`, `arm64`, `i386`.
    pub architecture: String,
    /// What it ran.
    pub platform: Platform,
    /// What its licence was for: `Linux/UNIX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_details: Option<String>,
    /// The image that it was launched from, as far as it was known.
    pub image: ImageOrigin,
    /// The device of its root volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_device: Option<String>,
    /// `hvm` or `paravirtual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtualization: Option<String>,
    /// `legacy-bios`, `uefi`, `uefi-preferred`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<String>,
    /// Enhanced networking.
    #[serde(default)]
    pub ena: bool,
    /// The kernel, of a paravirtual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The RAM disk, of a paravirtual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramdisk: Option<String>,
    /// The key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<String>,
    /// The zone: `us-east-1a`.
    pub zone: String,
    /// The VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// The subnet of its first interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The placement group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement_group: Option<String>,
    /// `default`, `dedicated` or `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<String>,
    /// The security groups of its first interface, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// Its private address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// More private addresses of its first interface.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secondary_ips: Vec<String>,
    /// Its public address, which is AWS's unless it is elastic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<String>,
    /// The allocation of its elastic address: `eipalloc-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elastic_ip: Option<String>,
    /// How many interfaces it had: only the first is recovered.
    #[serde(default)]
    pub interfaces: u32,
    /// The ARN of its instance profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Its user data in base64, as AWS gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// `stop` or `terminate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown_behavior: Option<String>,
    /// It could not be terminated by API.
    #[serde(default)]
    pub termination_protection: bool,
    /// Detailed monitoring.
    #[serde(default)]
    pub monitoring: bool,
    /// EBS-optimised.
    #[serde(default)]
    pub ebs_optimized: bool,
    /// Its metadata service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataOptions>,
    /// Its volumes as they were attached.
    #[serde(default)]
    pub volumes: Vec<VolumeOrigin>,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
    /// When what AWS tells of one instance at a time was read.
    #[serde(default, skip_serializing_if = "Reads::is_empty")]
    pub read: Reads,
    /// What could not be read, in words: the recovery's defaults lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// An instance's metadata service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MetadataOptions {
    /// `required` (`IMDSv2` only) or `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_tokens: Option<String>,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_endpoint: Option<String>,
    /// 1 to 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop_limit: Option<i32>,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_tags: Option<String>,
}

/// The image that an instance was launched from. It may be gone when it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageOrigin {
    /// Its id.
    pub id: String,
    /// Whether AWS still knew it.
    pub known: bool,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The account that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The owner's alias: `amazon`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_alias: Option<String>,
    /// When it was made, as AWS writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// `x86_64`, `arm64`, `i386`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// `hvm` or `paravirtual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtualization: Option<String>,
    /// `ebs` or `instance-store`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_device_type: Option<String>,
    /// The device of the root volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_device: Option<String>,
    /// What its licence is for: `Linux/UNIX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_details: Option<String>,
    /// `legacy-bios`, `uefi`, `uefi-preferred`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<String>,
    /// Enhanced networking.
    #[serde(default)]
    pub ena: bool,
    /// Product codes of the marketplace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_codes: Vec<String>,
}

/// A volume as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of AWS")]
pub struct VolumeOrigin {
    /// Its id.
    pub id: VolumeId,
    /// Its zone.
    pub zone: String,
    /// In GiB; 0: that could not be read.
    pub size: i32,
    /// `gp3`, `io2` and so on.
    pub volume_type: String,
    /// Of the types that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// In MiB/s, of the types that have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    /// It was encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// The ARN of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// It could be attached to many.
    #[serde(default)]
    pub multi_attach: bool,
    /// The instance that it was attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_to: Option<InstanceId>,
    /// As which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// It held the root device.
    #[serde(default)]
    pub is_root: bool,
    /// It went with its instance.
    #[serde(default)]
    pub delete_on_termination: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

/// A database as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of AWS")]
pub struct DatabaseOrigin {
    /// Its identifier.
    pub id: String,
    /// `postgres`, `mysql` and so on.
    pub engine: String,
    /// `16.3`.
    pub engine_version: Option<String>,
    /// `db.m5.large`.
    pub class: String,
    /// Its port.
    pub port: Option<i32>,
    /// Its zone.
    pub zone: Option<String>,
    /// A standby in another zone.
    pub multi_az: bool,
    /// Its subnet group.
    pub subnet_group: Option<String>,
    /// Its security groups, by id.
    pub security_groups: Vec<String>,
    /// Its parameter group.
    pub parameter_group: Option<String>,
    /// Its option group.
    pub option_group: Option<String>,
    /// In GiB.
    pub storage: Option<i32>,
    /// `gp3` and so on.
    pub storage_type: Option<String>,
    /// Of the storage types that have them.
    pub iops: Option<i32>,
    /// In MiB/s.
    pub throughput: Option<i32>,
    /// Its address was public.
    pub public: bool,
    /// It could not be deleted.
    pub deletion_protection: bool,
    /// People were let in by IAM.
    pub iam_authentication: bool,
    /// Small upgrades came by themselves.
    pub auto_minor_upgrade: bool,
    /// It was encrypted.
    pub encrypted: bool,
    /// The ARN of its key.
    pub kms_key: Option<String>,
    /// Its licence model.
    pub license: Option<String>,
    /// Logs that went to `CloudWatch`.
    pub log_exports: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A cluster as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of AWS")]
pub struct ClusterOrigin {
    /// Its identifier.
    pub id: String,
    /// `aurora-postgresql`, `aurora-mysql`.
    pub engine: String,
    /// `16.3`.
    pub engine_version: Option<String>,
    /// `provisioned`, `serverless`.
    pub engine_mode: Option<String>,
    /// Its port.
    pub port: Option<i32>,
    /// Its zones.
    pub zones: Vec<String>,
    /// Its subnet group.
    pub subnet_group: Option<String>,
    /// Its security groups, by id.
    pub security_groups: Vec<String>,
    /// Its parameter group.
    pub parameter_group: Option<String>,
    /// The name of its database.
    pub database: Option<String>,
    /// It could not be deleted.
    pub deletion_protection: bool,
    /// People were let in by IAM.
    pub iam_authentication: bool,
    /// It was encrypted.
    pub encrypted: bool,
    /// The ARN of its key.
    pub kms_key: Option<String>,
    /// Serverless: the least and the most capacity, in halves of a unit: `0.5` is 1.
    pub capacity: Option<(u32, u32)>,
    /// Its members, the writer first.
    pub members: Vec<MemberOrigin>,
    /// Its tags.
    pub tags: Tags,
    /// What could not be read, in words: the recovery's defaults lack it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// A member of a cluster as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberOrigin {
    /// Its identifier.
    pub id: String,
    /// It wrote.
    pub is_writer: bool,
    /// `db.r6g.large`.
    pub class: String,
    /// Its zone.
    pub zone: Option<String>,
    /// Its address was public.
    pub public: bool,
    /// Its parameter group.
    pub parameter_group: Option<String>,
    /// Who becomes the writer first: 0 to 15.
    pub promotion_tier: Option<i32>,
}

/// A Redshift cluster as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of AWS")]
pub struct WarehouseOrigin {
    /// Its identifier.
    pub id: String,
    /// `ra3.xlplus`.
    pub node_type: String,
    /// How many nodes.
    pub nodes: i32,
    /// Its port.
    pub port: Option<i32>,
    /// Its zone.
    pub zone: Option<String>,
    /// Its subnet group.
    pub subnet_group: Option<String>,
    /// Its security groups, by id.
    pub security_groups: Vec<String>,
    /// Its parameter group.
    pub parameter_group: Option<String>,
    /// Its address was public.
    pub public: bool,
    /// It was encrypted.
    pub encrypted: bool,
    /// The ARN of its key.
    pub kms_key: Option<String>,
    /// The ARNs of its IAM roles.
    pub roles: Vec<String>,
    /// Traffic went through the VPC.
    pub enhanced_vpc_routing: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A table as it was. What AWS keeps in the backup itself, such as keys and indexes, is not repeated here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableOrigin {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// `PROVISIONED` or `PAY_PER_REQUEST`.
    pub billing: Option<String>,
    /// Units of reading a second, when provisioned.
    pub read_units: Option<i64>,
    /// Units of writing a second, when provisioned.
    pub write_units: Option<i64>,
    /// It could not be deleted.
    pub deletion_protection: bool,
    /// The ARN of its key; none: AWS's own.
    pub kms_key: Option<String>,
    /// Its tags: a backup does not keep them.
    pub tags: Tags,
    /// What could not be read, in words: the recovery's defaults lack it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}
