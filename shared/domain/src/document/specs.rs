//! Between what a file writes and what is held.

use jiff::Timestamp;

use super::{PolicySpec, TargetSpec};
use crate::{
    policy::{Origin, Policy},
    target::{PutBy, Resource, Target, TargetError},
};

/// The field, what is wrong with it, and what to do.
type Wrong = (&'static str, String, &'static str);

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
            targets: targets.into_iter().map(TargetSpec::of).collect(),
        }
    }
}

impl TargetSpec {
    /// The target, put in by a person.
    pub(crate) fn to_target(&self) -> Result<Target, Wrong> {
        let resource = match (&self.instance, &self.volume) {
            (Some(instance), None) => Resource::Instance(instance.clone()),
            (None, Some(volume)) => Resource::Volume(volume.clone()),
            (None, None) => {
                let help = "write `instance: i-…` or `volume: vol-…`";
                return Err(("", "the target names neither an instance nor a volume".to_owned(), help));
            }
            (Some(_), Some(_)) => {
                let help = "make two targets of it; to choose volumes of the instance, write `volumes`";
                return Err(("volume", "the target names an instance and a volume".to_owned(), help));
            }
        };
        let target = Target {
            volumes: self.volumes.clone(),
            option: self.option,
            app_aware: self.app_aware,
            ..Target::new(resource, self.region.clone(), PutBy::Person)
        };
        match target.check() {
            Ok(()) => Ok(target),
            Err(error) => Err(wrong(&error)),
        }
    }

    /// As a file writes a target.
    pub fn of(target: &Target) -> Self {
        let (instance, volume) = match &target.resource {
            Resource::Instance(id) => (Some(id.clone()), None),
            Resource::Volume(id) => (None, Some(id.clone())),
        };
        Self {
            instance,
            volume,
            region: target.region.clone(),
            volumes: target.volumes.clone(),
            option: target.option,
            app_aware: target.app_aware,
        }
    }
}

fn wrong(error: &TargetError) -> Wrong {
    match error {
        TargetError::InstanceOnly { field } => {
            (field, error.to_string(), "take it out, or name the instance instead of the volume")
        }
        TargetError::NoVolumes => {
            ("volumes", error.to_string(), "name one at least, or leave `volumes` out for all of them")
        }
        TargetError::AppAwareIsAField => (
            "option",
            "`app-aware` is no option of a file".to_owned(),
            "write `app_aware: true`; `option` is one of only-snaps, initial-ami, only-amis, only-amis-reboot",
        ),
    }
}
