//! What a policy backs up.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    id::{InstanceId, Region, VolumeId},
    tag::BackupOption,
};

/// A resource that can be a target, without its Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// An EC2 instance with its volumes.
    Instance(InstanceId),
    /// An EBS volume, attached or not.
    Volume(VolumeId),
}

impl Resource {
    /// The word for its kind, as in tags and files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Instance(_) => "instance",
            Self::Volume(_) => "volume",
        }
    }

    /// The id alone.
    pub fn id(&self) -> &str {
        match self {
            Self::Instance(id) => id.as_str(),
            Self::Volume(id) => id.as_str(),
        }
    }

    /// Reads an id by its prefix.
    pub fn from_id(id: &str) -> Option<Self> {
        id.parse().map(Self::Instance).ok().or_else(|| id.parse().map(Self::Volume).ok())
    }
}

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
    /// Of a Windows instance: through VSS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub app_aware: bool,
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
}

impl Target {
    /// A target with nothing but defaults.
    pub fn new(resource: Resource, region: Region, put_by: PutBy) -> Self {
        Self { resource, region, volumes: VolumeChoice::All, option: None, app_aware: false, put_by }
    }

    /// Refuses what makes no sense.
    pub fn check(&self) -> Result<(), TargetError> {
        if matches!(self.resource, Resource::Volume(_)) {
            let field = if !self.volumes.is_all() {
                "volumes"
            } else if self.option.is_some() {
                "option"
            } else if self.app_aware {
                "app_aware"
            } else {
                return Ok(());
            };
            return Err(TargetError::InstanceOnly { field });
        }
        if self.option == Some(BackupOption::AppAware) {
            return Err(TargetError::AppAwareIsAField);
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

    /// The options that this version does not carry out yet: such a target is backed up by snapshots only.
    pub fn not_carried_out(&self) -> Option<String> {
        let image = self.option.filter(|option| *option != BackupOption::OnlySnaps);
        let words: Vec<String> = image
            .into_iter()
            .chain(self.app_aware.then_some(BackupOption::AppAware))
            .map(|o| o.to_string())
            .collect();
        (!words.is_empty()).then(|| words.join(" and "))
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

    #[test]
    fn says_what_is_not_carried_out() {
        let instance = Target::new(
            Resource::Instance("i-0123456789abcdef0".parse().unwrap()),
            "eu-west-1".parse().unwrap(),
            PutBy::Tag,
        );
        assert_eq!(instance.not_carried_out(), None);
        let snaps = Target { option: Some(BackupOption::OnlySnaps), ..instance.clone() };
        assert_eq!(snaps.not_carried_out(), None);
        let both = Target { option: Some(BackupOption::InitialAmi), app_aware: true, ..instance };
        assert_eq!(both.not_carried_out().as_deref(), Some("initial-ami and app-aware"));
    }
}
