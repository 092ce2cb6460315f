//! AWS accounts in memory.

mod calls;
mod cloud;
mod create;
mod origins;
mod recover;
mod site;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Arc, Mutex},
};

use cpm_domain::{
    account::{Account, Role},
    aws::Tags,
    id::{InstanceId, Region, UnitId, VolumeId},
    kind::Resource,
    unit::UnitReport,
};
use cpm_ports::Clock;
use jiff::SignedDuration;

use crate::{FakeClock, Faults, held};
use cloud::Cloud;
pub(crate) use cloud::{Home, parsed};
pub use recover::Recovery as RecoveredThing;
pub use site::Site;

/// A unit in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// In which account, by number.
    pub account: String,
    /// In which Region.
    pub region: Region,
    /// How it is.
    pub report: UnitReport,
    /// Its tags.
    pub tags: Tags,
    /// Its description.
    pub description: String,
}

/// What EventBridge tells when all that one call made has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotEvent {
    /// In which account, by number.
    pub account: String,
    /// In which Region.
    pub region: Region,
    /// The snapshots of the call.
    pub reports: Vec<UnitReport>,
}

/// Accounts with instances, volumes and snapshots, by AWS's rules. Clones are the same accounts.
///
/// - `create` takes all volumes attached at that moment, whatever was planned, less the excluded; 1 to 128, all or none.
/// - At most 40 volumes are excluded by name, and the root volume only by its flag.
/// - A snapshot carries the tags asked for and, if they are to be copied, its volume's; past 50 the call is invalid.
/// - Five snapshots of a volume may be pending, begun 15 seconds apart.
/// - When one snapshot of a call fails, all of that call do.
/// - An assumed role backs up or cleans up (`-cleanup`), never both; its external id must fit.
/// - Only snapshots with the tag of the deployment ([`DEPLOYMENT`](crate::DEPLOYMENT)) can be deleted.
/// - An image holds a snapshot of each mapped volume and ends when they do; they cannot be deleted while it is there.
/// - A database makes a snapshot only when it is available; names of images and of databases' snapshots are unique.
/// - A Region that the account has not enabled refuses its credentials.
///
/// Calls go by the names of AWS's actions, such as `ec2:CreateSnapshots`.
#[derive(Debug, Clone)]
pub struct FakeAws {
    cloud: Arc<Mutex<Cloud>>,
    faults: Faults,
    clock: FakeClock,
}

impl FakeAws {
    /// Empty accounts.
    pub fn new() -> Self {
        Self::with(Faults::new(), FakeClock::new())
    }

    /// Empty accounts whose calls fail as `faults` say.
    pub fn with(faults: Faults, clock: FakeClock) -> Self {
        Self { cloud: Arc::default(), faults, clock }
    }

    /// The same accounts for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { cloud: Arc::clone(&self.cloud), faults: Faults::new(), clock: self.clock.beside() }
    }

    /// From now on a snapshot takes so long. Until this is said it stays pending until it is told to be complete.
    pub fn snapshots_take(&self, time: SignedDuration) {
        held(&self.cloud).takes = Some(time);
    }

    /// From now on `find` does not show a snapshot before it is so old.
    pub fn lag(&self, lag: SignedDuration) {
        held(&self.cloud).lag = lag;
    }

    /// From now on at most so many snapshots are pending in an account and Region (AWS: 100 or more).
    pub fn limit_pending(&self, limit: usize) {
        held(&self.cloud).pending_limit = Some(limit);
    }

    /// From now on calls are throttled at EC2's rates: each action 100 at once, then 5 a second, descriptions 20.
    pub fn keep_rates(&self) {
        held(&self.cloud).rates = Some(BTreeMap::new());
    }

    /// Completes all pending snapshots.
    pub fn complete_all(&self) {
        let mut cloud = held(&self.cloud);
        let all: Vec<UnitId> = cloud.units.keys().cloned().collect();
        for id in &all {
            cloud.complete(id);
        }
    }

    /// Completes one.
    pub fn complete(&self, id: &UnitId) {
        held(&self.cloud).complete(id);
    }

    /// Puts a snapshot into the state `error`, and with it all that its call made.
    pub fn fail(&self, id: &UnitId, cause: &str) {
        held(&self.cloud).fail(id, cause);
    }

    /// From now on no snapshot of this volume ends well.
    pub fn spoil(&self, volume: &VolumeId, cause: &str) {
        held(&self.cloud).spoilt.insert(volume.clone(), cause.to_owned());
    }

    /// Registers an image with a snapshot: it cannot be deleted.
    pub fn use_in_image(&self, id: &UnitId) {
        let message = format!("The snapshot {id} is currently in use by ami-0123456789abcdef0");
        self.hold(id, Some(("InvalidSnapshot.InUse".to_owned(), message)));
    }

    /// Locks a snapshot: it cannot be deleted.
    pub fn lock(&self, id: &UnitId) {
        let message = format!("The snapshot {id} is locked");
        self.hold(id, Some(("OperationNotPermitted".to_owned(), message)));
    }

    /// Nothing uses or locks the snapshot any more.
    pub fn release(&self, id: &UnitId) {
        self.hold(id, None);
    }

    fn hold(&self, id: &UnitId, hold: Option<(String, String)>) {
        if let Some(snapshot) = held(&self.cloud).units.get_mut(id) {
            snapshot.hold = hold;
        }
    }

    /// Somebody deletes a snapshot, past the suite and its rules.
    pub fn lose(&self, id: &UnitId) {
        held(&self.cloud).units.remove(id);
    }

    /// What EventBridge tells since the last call of this, in the order in which it came to be.
    pub fn events(&self) -> Vec<SnapshotEvent> {
        let mut cloud = held(&self.cloud);
        cloud.pass(self.clock.now());
        std::mem::take(&mut cloud.events)
    }

    /// All snapshots that are there, in the order of their ids.
    pub fn made(&self) -> Vec<Made> {
        let mut cloud = held(&self.cloud);
        cloud.pass(self.clock.now());
        cloud.units.values().map(cloud::InAws::made).collect()
    }

    /// The snapshots that the suite deleted, in that order.
    pub fn deleted(&self) -> Vec<UnitId> {
        held(&self.cloud).deleted.clone()
    }

    /// Makes the roles in the account that it is entered by. The deployment's own needs none.
    pub fn trust(&self, account: &Account) {
        if let Role::Assumed(role) = &account.role {
            let mut cloud = held(&self.cloud);
            let roles = &mut cloud.account(role.account.as_str()).roles;
            roles.insert(role.name.clone(), role.external_id.clone());
            for name in [role.cleanup_name(), role.recovery_name(), role.reader_name()] {
                roles.insert(name, role.external_id.clone());
            }
        }
    }

    /// Removes all roles from an account: nobody gets in.
    pub fn distrust(&self, number: &str) {
        held(&self.cloud).account(number).roles.clear();
    }

    /// Enables exactly these Regions in an account.
    pub fn enable(&self, number: &str, regions: &[&str]) {
        held(&self.cloud).account(number).regions = regions.iter().map(|region| parsed(region)).collect();
    }

    /// Sets a tag of an instance, a volume or a snapshot.
    pub fn tag(&self, id: impl Display, key: &str, value: &str) {
        if let Some(tags) = held(&self.cloud).tags_mut(&id.to_string()) {
            tags.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Takes a tag off.
    pub fn untag(&self, id: impl Display, key: &str) {
        if let Some(tags) = held(&self.cloud).tags_mut(&id.to_string()) {
            tags.remove(key);
        }
    }

    /// Sets the state of a database, a cluster or a table, in AWS's word.
    pub fn set_status(&self, resource: &Resource, status: &str) {
        for managed in held(&self.cloud).managed.values_mut().filter(|placed| placed.thing.resource == *resource) {
            status.clone_into(&mut managed.thing.status);
        }
    }

    /// Deletes a database, a cluster or a table at once; what is being made of it fails.
    pub fn vanish(&self, resource: &Resource) {
        let mut cloud = held(&self.cloud);
        cloud.managed.retain(|_, placed| placed.thing.resource != *resource);
        let made =
            cloud.units.values().filter(|made| made.is_pending() && made.report.source.as_ref() == Some(resource));
        let ids: Vec<UnitId> = made.map(|made| made.report.id.clone()).collect();
        for id in &ids {
            cloud.fail(id, "its source was deleted");
        }
    }

    /// From now on there may be so many units of a kind that is counted, in an account and Region.
    pub fn quota(&self, most: usize) {
        held(&self.cloud).quota = Some(most);
    }

    /// The Region of an instance, a volume or another resource.
    pub fn region_of(&self, id: impl Display) -> Option<Region> {
        let cloud = held(&self.cloud);
        let id = id.to_string();
        let instance = id.parse().ok().and_then(|id: InstanceId| cloud.instances.get(&id)).map(|placed| &placed.home);
        let volume = id.parse().ok().and_then(|id: VolumeId| cloud.volumes.get(&id)).map(|placed| &placed.home);
        let managed =
            cloud.managed.values().find(|placed| placed.thing.resource.id() == id).map(|placed| &placed.home);
        instance.or(volume).or(managed).map(|home| home.region.clone())
    }
}

impl Default for FakeAws {
    fn default() -> Self {
        Self::new()
    }
}
