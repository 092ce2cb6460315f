//! Initial images: the one image of an instance that is kept beside its snapshots (§4.2.4.1 of the guide).
//!
//! An instance has one, whatever the number of policies that want it. A backup makes it, and once it is there it is no
//! longer the backup's: it outlives retention, and goes when a newer one is there or when nobody needs it any more.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    id::{BackupId, Region, SnapshotId, UnitId},
    kind::{InstanceId, Resource},
    name::{AccountName, PolicyName},
    target::TargetKey,
    unit::{Fault, Unit, UnitSet, UnitState},
};

/// How often an initial image is made anew when nothing is said, in days.
pub const DEFAULT_ROTATION_DAYS: u32 = 90;

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptImage {
    /// The image.
    pub id: UnitId,
    /// Its own snapshots: they go when it goes.
    pub parts: Vec<SnapshotId>,
    /// When it was made.
    pub made: Timestamp,
    /// The backup that made it.
    pub backup: BackupId,
    /// Why AWS will not delete it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

/// The initial image of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialImage {
    /// The account of the instance.
    pub account: AccountName,
    /// Where.
    pub region: Region,
    /// The instance.
    pub instance: InstanceId,
    /// The policies whose backups rely on it.
    pub policies: BTreeSet<PolicyName>,
    /// The one that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<KeptImage>,
    /// Those that are to be deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<KeptImage>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

impl InitialImage {
    /// Of an instance that has none yet.
    pub fn none(account: AccountName, region: Region, instance: InstanceId) -> Self {
        let (policies, outdated) = (BTreeSet::new(), Vec::new());
        Self { account, region, instance, policies, current: None, outdated, version: 0 }
    }

    /// The instance as a target.
    pub fn target(&self) -> TargetKey {
        TargetKey { region: self.region.clone(), resource: Resource::Instance(self.instance.clone()) }
    }

    /// Whether it is that of the instance of `set`.
    pub fn is_of(&self, account: &AccountName, set: &UnitSet) -> bool {
        self.account == *account && self.region == set.region && Some(&self.instance) == set.instance()
    }

    /// Whether a new one is to be made: there is none, or it is `rotation_days` old (0: however old).
    pub fn is_due(&self, rotation_days: u32, now: Timestamp) -> bool {
        let Some(current) = &self.current else { return true };
        let age = now.duration_since(current.made);
        rotation_days > 0 && age >= SignedDuration::from_hours(24 * i64::from(rotation_days))
    }

    /// Takes in a new one, which is there; the one before goes. Says whether anything changed.
    pub fn adopt(&mut self, unit: &Unit, policy: &PolicyName, backup: BackupId) -> bool {
        let (Some(id), UnitState::Completed) = (&unit.id, unit.state) else { return false };
        let known = self.current.iter().chain(&self.outdated).any(|image| image.id == *id);
        if known {
            return false;
        }
        let made = unit.started.or(unit.ended).unwrap_or(Timestamp::UNIX_EPOCH);
        let new = KeptImage { id: id.clone(), parts: unit.parts.clone(), made, backup, error: None };
        self.policies.insert(policy.clone());
        // A rebuilt one may be older than the one that is kept.
        match &mut self.current {
            Some(current) if current.made > new.made => self.outdated.push(new),
            current => self.outdated.extend(current.replace(new)),
        }
        true
    }

    /// Nobody needs it any more.
    pub fn retire(&mut self) {
        self.outdated.extend(self.current.take());
    }

    /// Whether nothing of it is left.
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.outdated.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::UnitKind;

    fn unit(id: &str, started: i64) -> Unit {
        let source = Resource::Instance("i-0123456789abcdef0".parse().unwrap());
        Unit {
            id: Some(UnitId::new(id)),
            state: UnitState::Completed,
            started: Some(Timestamp::from_second(started).unwrap()),
            ..Unit::planned(UnitKind::Ami, source)
        }
    }

    fn none() -> InitialImage {
        let instance = "i-0123456789abcdef0".parse().unwrap();
        InitialImage::none("main".parse().unwrap(), "us-east-1".parse().unwrap(), instance)
    }

    fn adopt(image: &mut InitialImage, unit: &Unit) -> bool {
        image.adopt(unit, &"web".parse().unwrap(), BackupId(1))
    }

    #[test]
    fn is_made_once_and_rotated() {
        let mut image = none();
        let day = |n: i64| Timestamp::from_second(n * 86_400).unwrap();
        assert!(image.is_due(90, day(0)));
        assert!(adopt(&mut image, &unit("ami-1", 0)));
        assert!(!image.is_due(90, day(89)));
        assert!(image.is_due(90, day(90)));
        assert!(!image.is_due(0, day(10_000)));
    }

    #[test]
    fn the_old_one_goes_once_the_new_one_is_there() {
        let mut image = none();
        adopt(&mut image, &unit("ami-1", 0));
        let pending = Unit { state: UnitState::Pending, ..unit("ami-2", 100) };
        assert!(!adopt(&mut image, &pending));
        assert!(image.outdated.is_empty());
        assert!(adopt(&mut image, &unit("ami-2", 100)));
        assert!(!adopt(&mut image, &unit("ami-2", 100)), "a repeated step changes nothing");
        assert_eq!(image.outdated[0].id.as_str(), "ami-1");
        assert_eq!(image.current.as_ref().unwrap().id.as_str(), "ami-2");
    }

    #[test]
    fn an_older_one_that_comes_to_light_goes() {
        let mut image = none();
        adopt(&mut image, &unit("ami-2", 100));
        adopt(&mut image, &unit("ami-1", 0));
        assert_eq!(image.outdated[0].id.as_str(), "ami-1");
        image.retire();
        assert_eq!((image.outdated.len(), image.is_empty()), (2, false));
    }
}
