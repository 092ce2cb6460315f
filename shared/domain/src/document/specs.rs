//! Between what a file writes and what is held.

use jiff::Timestamp;

use super::{PolicySpec, TargetSpec};
use crate::{
    policy::{Origin, Policy},
    target::{PutBy, Resource, Target, TargetError},
};

/// The field, what is wrong with it, and what to do.
pub type Wrong = (&'static str, String, &'static str);

impl PolicySpec {
    /// The policy, without its targets.
    pub fn to_policy(&self, origin: Origin, created: Timestamp) -> Policy {
        Policy {
            name: self.name.clone(),
            description: self.description.clone(),
            account: self.account.clone(),
            enabled: self.enabled,
            generations: self.generations,
            schedules: self.schedules.clone(),
            auto_target_removal: self.auto_target_removal,
            success: self.success,
            retry: self.retry,
            // What is wrong with them was found by the document's check.
            scripts: self.scripts.to_scripts().unwrap_or_default(),
            vss: self.vss,
            max_frozen: self.max_frozen,
            recovery: self.recovery,
            drill: self.drill.clone(),
            origin,
            created,
        }
    }

    /// A policy with those of its targets that a person put in, in the order of Region and id.
    pub fn of(policy: &Policy, targets: &[Target]) -> Self {
        let mut targets: Vec<&Target> = targets.iter().filter(|target| target.put_by == PutBy::Person).collect();
        targets.sort_by_key(|target| target.key());
        Self {
            name: policy.name.clone(),
            description: policy.description.clone(),
            account: policy.account.clone(),
            enabled: policy.enabled,
            generations: policy.generations,
            schedules: policy.schedules.clone(),
            auto_target_removal: policy.auto_target_removal,
            success: policy.success,
            retry: policy.retry,
            scripts: policy.scripts.clone().into(),
            vss: policy.vss,
            max_frozen: policy.max_frozen,
            recovery: policy.recovery,
            drill: policy.drill.clone(),
            targets: targets.into_iter().map(TargetSpec::of).collect(),
        }
    }
}

impl TargetSpec {
    /// The one resource that it names.
    pub fn resource(&self) -> Result<Resource, Wrong> {
        let named: Vec<Resource> = [
            self.instance.clone().map(Resource::Instance),
            self.volume.clone().map(Resource::Volume),
            self.rds.clone().map(Resource::Rds),
            self.aurora.clone().map(Resource::Aurora),
            self.redshift.clone().map(Resource::Redshift),
            self.dynamodb.clone().map(Resource::Dynamodb),
        ]
        .into_iter()
        .flatten()
        .collect();
        match named.as_slice() {
            [resource] => Ok(resource.clone()),
            [] => {
                let help = "write one of `instance: i-…`, `volume: vol-…`, `rds: …`, `aurora: …`, `redshift: …`, \
                            `dynamodb: …`";
                Err(("", "the target names no resource".to_owned(), help))
            }
            [first, second, ..] => {
                let message = format!("the target names {} and {}", first.kind().noun(), second.kind().noun());
                let help = "make a target of each; to choose volumes of an instance, write `volumes`";
                Err((second.kind().as_str(), message, help))
            }
        }
    }

    /// The target, put in by a person.
    pub(crate) fn to_target(&self) -> Result<Target, Wrong> {
        let resource = self.resource()?;
        let target = Target {
            volumes: self.volumes.clone(),
            option: self.option,
            app_aware: self.app_aware.clone(),
            ..Target::new(resource, self.region.clone(), PutBy::Person)
        };
        match target.check() {
            Ok(()) => Ok(target),
            Err(error) => Err(wrong(&error)),
        }
    }

    /// As a file writes a target.
    pub fn of(target: &Target) -> Self {
        let mut spec = Self {
            instance: None,
            volume: None,
            rds: None,
            aurora: None,
            redshift: None,
            dynamodb: None,
            region: target.region.clone(),
            volumes: target.volumes.clone(),
            option: target.option,
            app_aware: target.app_aware.clone(),
        };
        match target.resource.clone() {
            Resource::Instance(id) => spec.instance = Some(id),
            Resource::Volume(id) => spec.volume = Some(id),
            Resource::Rds(id) => spec.rds = Some(id),
            Resource::Aurora(id) => spec.aurora = Some(id),
            Resource::Redshift(id) => spec.redshift = Some(id),
            Resource::Dynamodb(name) => spec.dynamodb = Some(name),
        }
        spec
    }
}

fn wrong(error: &TargetError) -> Wrong {
    match error {
        TargetError::InstanceOnly { field } => (field, error.to_string(), "take it out: it is for instances"),
        TargetError::NoVolumes => {
            ("volumes", error.to_string(), "name one at least, or leave `volumes` out for all of them")
        }
        TargetError::VerifiesExcluded(_) => {
            ("app_aware", error.to_string(), "take it out of `exclude_writers` or of `verify_writers`")
        }
        TargetError::AppAwareIsAField => (
            "option",
            "`app-aware` is no option of a file".to_owned(),
            "write `app_aware: true`; `option` is one of only-snaps, initial-ami, only-amis, only-amis-reboot",
        ),
    }
}
