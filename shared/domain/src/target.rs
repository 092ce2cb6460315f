//! What a policy backs up.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use crate::kind::Resource;
use crate::{
    app_aware::{self, AppAware, WriterId},
    id::{Region, VolumeId},
    tag::BackupOption,
};

/// Which volumes of an instance are backed up (§4.2.3). New volumes are picked up unless the choice names the ones to
/// include.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum VolumeChoice {
    /// All that are attached when the backup runs.
    #[default]
    All,
    /// Only these.
    Include(BTreeSet<VolumeId>),
    /// All but these.
    Exclude(BTreeSet<VolumeId>),
}

impl VolumeChoice {
    /// Whether it is the default.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// Whether `volume` is wanted.
    pub fn wants(&self, volume: &VolumeId) -> bool {
        match self {
            Self::All => true,
            Self::Include(only) => only.contains(volume),
            Self::Exclude(but) => !but.contains(volume),
        }
    }
}

/// Who put a target into its policy. What a tag put in, a tag takes out; what a person put in stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PutBy {
    /// A person, by file, API or console.
    #[default]
    Person,
    /// A `cpm backup` tag.
    Tag,
}

/// One thing that a policy backs up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What.
    pub resource: Resource,
    /// Where.
    pub region: Region,
    /// Of an instance: which of its volumes.
    #[serde(default, skip_serializing_if = "VolumeChoice::is_all")]
    pub volumes: VolumeChoice,
    /// Of an instance: snapshots, images, or both; the kind of system decides when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<BackupOption>,
    /// Of a Windows instance: through VSS, and how.
    #[serde(default, with = "app_aware::form", skip_serializing_if = "Option::is_none")]
    pub app_aware: Option<AppAware>,
    /// Person or tag.
    #[serde(default)]
    pub put_by: PutBy,
}

/// Why a target is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Volumes have no volumes, images or agents.
    #[error("`{field}` is for instances only")]
    InstanceOnly {
        /// The field that does not belong.
        field: &'static str,
    },
    /// A list that names nothing, or leaves nothing.
    #[error("`volumes` names no volume")]
    NoVolumes,
    /// `app-aware` stands in its own field.
    #[error(
        "`option` is one of only-snaps, initial-ami, only-amis, only-amis-reboot; use `app_aware: true` beside it"
    )]
    AppAwareIsAField,
    /// A VSS writer is left out and must take part.
    #[error("writer {0} is both left out and verified")]
    VerifiesExcluded(WriterId),
}

impl Target {
    /// A target with nothing but defaults.
    pub fn new(resource: Resource, region: Region, put_by: PutBy) -> Self {
        Self { resource, region, volumes: VolumeChoice::All, option: None, app_aware: None, put_by }
    }

    /// Refuses what makes no sense.
    pub fn check(&self) -> Result<(), TargetError> {
        if !matches!(self.resource, Resource::Instance(_)) {
            let field = if !self.volumes.is_all() {
                "volumes"
            } else if self.option.is_some() {
                "option"
            } else if self.app_aware.is_some() {
                "app_aware"
            } else {
                return Ok(());
            };
            return Err(TargetError::InstanceOnly { field });
        }
        if self.option == Some(BackupOption::AppAware) {
            return Err(TargetError::AppAwareIsAField);
        }
        if let Some(writer) = self.app_aware.as_ref().and_then(AppAware::contradiction) {
            return Err(TargetError::VerifiesExcluded(writer.clone()));
        }
        match &self.volumes {
            VolumeChoice::Include(set) | VolumeChoice::Exclude(set) if set.is_empty() => Err(TargetError::NoVolumes),
            _ => Ok(()),
        }
    }

    /// What makes a target unique within its policy.
    pub fn key(&self) -> TargetKey {
        TargetKey { region: self.region.clone(), resource: self.resource.clone() }
    }
}

/// A resource and its Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetKey {
    /// Where.
    pub region: Region,
    /// What.
    pub resource: Resource,
}

impl std::fmt::Display for TargetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} in {}", self.resource.kind(), self.resource.id(), self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume() -> Target {
        Target::new(
            Resource::Volume("vol-0123456789abcdef0".parse().unwrap()),
            "eu-west-1".parse().unwrap(),
            PutBy::Person,
        )
    }

    #[test]
    fn volumes_take_no_instance_options() {
        assert_eq!(volume().check(), Ok(()));
        let odd = Target { option: Some(BackupOption::OnlyAmis), ..volume() };
        assert_eq!(odd.check(), Err(TargetError::InstanceOnly { field: "option" }));
    }
}
