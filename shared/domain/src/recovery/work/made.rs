//! What was made.

use serde::{Deserialize, Serialize};

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
