//! Databases, clusters and tables (§9.4–9.6).

use serde::{Deserialize, Serialize};

use crate::aws::Tags;

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
