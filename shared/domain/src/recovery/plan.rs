//! What is wanted of a recovery: a file that people write, edit and run.
//!
//! Every field may be left out: the source as it was says what it is then. `fill` of each kind writes all of them down,
//! and that is what `--plan` prints. An empty text or list means "none", where the source had one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    aws::Tags,
    id::{BackupId, InstanceId, Region, VolumeId},
    kind::Kind,
    name::AccountName,
    origin::MetadataOptions,
    recovery::{AdHocRole, OnFailure},
};

/// A recovery that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Plan {
    /// Of which backup.
    pub backup: BackupId,
    /// Which of its targets, by id; may be left out when only one fits. Of volumes: the instance that they were attached
    /// to, or the volume alone.
    pub source: Option<String>,
    /// Into which account; the one that was backed up when left out.
    pub account: Option<AccountName>,
    /// Into which Region; the one of the backup when left out.
    pub region: Option<Region>,
    /// By which role, instead of the account's own for recoveries.
    pub role: Option<AdHocRole>,
    /// What becomes of what was made when something fails.
    pub on_failure: OnFailure,
    /// What is made.
    pub wanted: Wanted,
}

impl Plan {
    /// Nothing but defaults.
    pub fn new(backup: BackupId, kind: RecoveryKind) -> Self {
        Self {
            backup,
            source: None,
            account: None,
            region: None,
            role: None,
            on_failure: OnFailure::Keep,
            wanted: Wanted::new(kind),
        }
    }
}

/// A plan as it is written: one of the fields for what is made is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Form {
    backup: BackupId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<AdHocRole>,
    #[serde(default)]
    on_failure: OnFailure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<Box<InstancePlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volumes: Option<VolumesPlan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rds: Option<Box<DatabasePlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aurora: Option<Box<ClusterPlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redshift: Option<Box<WarehousePlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dynamodb: Option<TablePlan>,
}

/// Why a file is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} of `instance`, `volumes`, `rds`, `aurora`, `redshift`, `dynamodb` are there: write one, `{{}}` for nothing but defaults"
)]
pub struct NotOne(usize);

impl TryFrom<Form> for Plan {
    type Error = NotOne;

    fn try_from(form: Form) -> Result<Self, NotOne> {
        let mut wanted: Vec<Wanted> = [
            form.instance.map(Wanted::Instance),
            form.volumes.map(Wanted::Volumes),
            form.rds.map(Wanted::Rds),
            form.aurora.map(Wanted::Aurora),
            form.redshift.map(Wanted::Redshift),
            form.dynamodb.map(Wanted::Dynamodb),
        ]
        .into_iter()
        .flatten()
        .collect();
        let count = wanted.len();
        match (wanted.pop(), count) {
            (Some(wanted), 1) => Ok(Self {
                backup: form.backup,
                source: form.source,
                account: form.account,
                region: form.region,
                role: form.role,
                on_failure: form.on_failure,
                wanted,
            }),
            _ => Err(NotOne(count)),
        }
    }
}

/// Described as it is written.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Plan {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Form::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Plan {
    fn name() -> std::borrow::Cow<'static, str> {
        "RecoveryPlan".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        Form::schemas(schemas);
    }
}

impl From<Plan> for Form {
    fn from(plan: Plan) -> Self {
        let mut form = Self {
            backup: plan.backup,
            source: plan.source,
            account: plan.account,
            region: plan.region,
            role: plan.role,
            on_failure: plan.on_failure,
            instance: None,
            volumes: None,
            rds: None,
            aurora: None,
            redshift: None,
            dynamodb: None,
        };
        match plan.wanted {
            Wanted::Instance(wanted) => form.instance = Some(wanted),
            Wanted::Volumes(wanted) => form.volumes = Some(wanted),
            Wanted::Rds(wanted) => form.rds = Some(wanted),
            Wanted::Aurora(wanted) => form.aurora = Some(wanted),
            Wanted::Redshift(wanted) => form.redshift = Some(wanted),
            Wanted::Dynamodb(wanted) => form.dynamodb = Some(wanted),
        }
        form
    }
}

/// What a recovery makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An instance with its volumes.
    Instance(Box<InstancePlan>),
    /// Volumes, attached or not.
    Volumes(VolumesPlan),
    /// A database.
    Rds(Box<DatabasePlan>),
    /// A cluster with its members.
    Aurora(Box<ClusterPlan>),
    /// A Redshift cluster.
    Redshift(Box<WarehousePlan>),
    /// A table.
    Dynamodb(TablePlan),
}

/// What is made, in one word: what `cpm recover` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryKind {
    /// An instance.
    Instance,
    /// Volumes.
    Volumes,
    /// A database.
    Rds,
    /// An Aurora cluster.
    Aurora,
    /// A Redshift cluster.
    Redshift,
    /// A table.
    Dynamodb,
}

impl RecoveryKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Instance, Self::Volumes, Self::Rds, Self::Aurora, Self::Redshift, Self::Dynamodb];

    /// As written in answers and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Volumes => "volumes",
            Self::Rds => "rds",
            Self::Aurora => "aurora",
            Self::Redshift => "redshift",
            Self::Dynamodb => "dynamodb",
        }
    }

    /// The kinds of targets that it is recovered from.
    pub const fn sources(self) -> &'static [Kind] {
        match self {
            Self::Instance => &[Kind::Instance],
            Self::Volumes => &[Kind::Instance, Kind::Volume],
            Self::Rds => &[Kind::Rds],
            Self::Aurora => &[Kind::Aurora],
            Self::Redshift => &[Kind::Redshift],
            Self::Dynamodb => &[Kind::Dynamodb],
        }
    }
}

impl std::fmt::Display for RecoveryKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Wanted {
    /// What it is, in one word.
    pub const fn kind(&self) -> RecoveryKind {
        match self {
            Self::Instance(_) => RecoveryKind::Instance,
            Self::Volumes(_) => RecoveryKind::Volumes,
            Self::Rds(_) => RecoveryKind::Rds,
            Self::Aurora(_) => RecoveryKind::Aurora,
            Self::Redshift(_) => RecoveryKind::Redshift,
            Self::Dynamodb(_) => RecoveryKind::Dynamodb,
        }
    }

    /// Nothing but defaults.
    pub fn new(kind: RecoveryKind) -> Self {
        match kind {
            RecoveryKind::Instance => Self::Instance(Box::default()),
            RecoveryKind::Volumes => Self::Volumes(VolumesPlan::default()),
            RecoveryKind::Rds => Self::Rds(Box::default()),
            RecoveryKind::Aurora => Self::Aurora(Box::default()),
            RecoveryKind::Redshift => Self::Redshift(Box::default()),
            RecoveryKind::Dynamodb => Self::Dynamodb(TablePlan::default()),
        }
    }
}

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

/// A database (§9.4).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DatabasePlan {
    /// Its identifier: one that no database has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `db.m5.large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Its zone; not of one with a standby.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// A standby in another zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_az: Option<bool>,
    /// Its subnet group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_group: Option<String>,
    /// Its security groups, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Its parameter group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<String>,
    /// Its option group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option_group: Option<String>,
    /// `gp3` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<String>,
    /// Of the storage types that have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// In MiB/s, of gp3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    /// Its address is public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// It cannot be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// People are let in by IAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam_authentication: Option<bool>,
    /// Small upgrades come by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_minor_upgrade: Option<bool>,
    /// Logs that go to `CloudWatch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_exports: Option<Vec<String>>,
    /// Its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub tags: Option<Tags>,
}

/// An Aurora cluster (§9.5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ClusterPlan {
    /// Its identifier: one that no cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Its zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<Vec<String>>,
    /// Its subnet group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_group: Option<String>,
    /// Its security groups, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Its parameter group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<String>,
    /// The key that it is encrypted with; empty: as the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// It cannot be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// People are let in by IAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam_authentication: Option<bool>,
    /// Its members, the writer first; none: the cluster alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberPlan>>,
    /// Its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub tags: Option<Tags>,
}

/// A member of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberPlan {
    /// Its identifier: one that no database has.
    pub id: String,
    /// `db.r6g.large`.
    pub class: String,
    /// Its zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its address is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// Its parameter group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<String>,
    /// Who becomes the writer first: 0 to 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion_tier: Option<i32>,
}

/// A Redshift cluster (§9.6).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct WarehousePlan {
    /// Its identifier: one that no cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `ra3.xlplus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_type: Option<String>,
    /// How many nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<i32>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its subnet group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_group: Option<String>,
    /// Its security groups, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Its parameter group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<String>,
    /// Its address is public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// The ARNs of its IAM roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Traffic goes through the VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhanced_vpc_routing: Option<bool>,
    /// Its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub tags: Option<Tags>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TablePlan {
    /// Its name: one that no table has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `PROVISIONED` or `PAY_PER_REQUEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<String>,
    /// Units of reading a second, when provisioned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_units: Option<i64>,
    /// Units of writing a second, when provisioned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_units: Option<i64>,
    /// The key that it is encrypted with; empty: AWS's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// It cannot be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// Its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub tags: Option<Tags>,
}

/// What is wrong with a plan, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanProblem {
    /// The field, as in the file: `instance.volumes[2].size`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to write, or to do.
    pub advice: String,
}

impl std::fmt::Display for PlanProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.field, self.message, self.advice)
    }
}

/// A plan that was held against AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CheckedPlan))]
pub struct Checked {
    /// The plan with every default filled in, as far as that could be done.
    pub plan: Plan,
    /// All that is wrong with it; none: it can be run.
    pub problems: Vec<PlanProblem>,
    /// What is worth knowing before it runs.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"backup": 7, "instance": {}}"#, RecoveryKind::Instance)]
    #[case(r#"{"backup": 7, "dynamodb": {"name": "b"}}"#, RecoveryKind::Dynamodb)]
    fn a_plan_reads_back(#[case] text: &str, #[case] kind: RecoveryKind) {
        let plan: Plan = serde_json::from_str(text).unwrap();
        assert_eq!(plan.wanted.kind(), kind);
        let again: Plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
        assert_eq!(again, plan);
    }

    #[rstest]
    #[case(r#"{"backup": 7}"#, "0 of `instance`")]
    #[case(r#"{"backup": 7, "instance": {}, "volumes": {}}"#, "2 of `instance`")]
    #[case(r#"{"backup": 7, "instance": {"typ": "x"}}"#, "unknown field `typ`")]
    fn what_is_no_plan_is_told(#[case] text: &str, #[case] message: &str) {
        let error = serde_json::from_str::<Plan>(text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
