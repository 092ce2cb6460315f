//! Building in an account and Region.

use cpm_domain::{
    aws::{Attached, Platform, Tags},
    id::{InstanceId, UnitId, VolumeId},
    kind::{Kind, Resource},
};
use cpm_ports::Clock;

use super::{
    FakeAws,
    cloud::{Home, device, parsed},
};
use crate::{OWN_ACCOUNT, held};

/// An account and Region to build in.
#[derive(Debug, Clone)]
pub struct Site {
    aws: FakeAws,
    home: Home,
}

impl Site {
    /// An instance with so many volumes, the first of them root.
    pub fn instance(&self, volumes: usize) -> InstanceId {
        held(&self.aws.cloud).put_instance(&self.home, volumes, Platform::Linux, self.aws.clock.now())
    }

    /// One that runs Windows.
    pub fn windows(&self, volumes: usize) -> InstanceId {
        held(&self.aws.cloud).put_instance(&self.home, volumes, Platform::Windows, self.aws.clock.now())
    }

    /// How many instances there are that are not gone.
    pub fn living(&self) -> usize {
        let cloud = held(&self.aws.cloud);
        cloud.instances.values().filter(|placed| placed.home == self.home && !placed.thing.is_gone).count()
    }

    /// A volume that is attached to nothing.
    pub fn volume(&self) -> VolumeId {
        held(&self.aws.cloud).put_volume(&self.home, false)
    }

    /// A database, a cluster or a table, by its name.
    ///
    /// # Panics
    ///
    /// When that is no name of the kind.
    pub fn managed(&self, kind: Kind, name: &str) -> Resource {
        let resource = Resource::new(kind, name).unwrap_or_else(|error| panic!("{error}"));
        held(&self.aws.cloud).put_managed(&self.home, resource.clone(), None);
        resource
    }

    /// A database that is a member of a cluster.
    ///
    /// # Panics
    ///
    /// When that is no name of a database.
    pub fn member(&self, name: &str, cluster: &str) -> Resource {
        let resource = Resource::new(Kind::Rds, name).unwrap_or_else(|error| panic!("{error}"));
        held(&self.aws.cloud).put_managed(&self.home, resource.clone(), Some(cluster.to_owned()));
        resource
    }

    /// A pending snapshot that somebody else made.
    pub fn snapshot(&self, volume: &VolumeId, tags: &Tags) -> UnitId {
        let mut cloud = held(&self.aws.cloud);
        let call = cloud.number();
        let id: UnitId = cloud.put_snapshot(&self.home, volume.clone(), call, self.aws.clock.now()).into();
        if let Some(snapshot) = cloud.units.get_mut(&id) {
            snapshot.tags.clone_from(tags);
        }
        id
    }
}

impl FakeAws {
    /// An account, by number, and a Region to build in; made and enabled if they are new. A new member account has the
    /// roles of `cpm-backup` for backups, cleanup, recoveries and looking, without an external id.
    pub fn site(&self, account: &str, region: &str) -> Site {
        let home = Home { account: account.to_owned(), region: parsed(region) };
        held(&self.cloud).account(account).regions.insert(home.region.clone());
        Site { aws: self.clone(), home }
    }

    /// The deployment's own account.
    pub fn here(&self, region: &str) -> Site {
        self.site(OWN_ACCOUNT, region)
    }

    /// The volumes of an instance, root first.
    pub fn volumes_of(&self, instance: &InstanceId) -> Vec<VolumeId> {
        let cloud = held(&self.cloud);
        let attached = cloud.instances.get(instance).map(|placed| placed.thing.volumes.iter());
        attached.into_iter().flatten().map(|attached| attached.volume.clone()).collect()
    }

    /// Attaches a new volume.
    pub fn attach(&self, instance: &InstanceId) -> Option<VolumeId> {
        let mut cloud = held(&self.cloud);
        let home = cloud.instances.get(instance)?.home.clone();
        let volume = cloud.put_volume(&home, false);
        let volumes = &mut cloud.instances.get_mut(instance)?.thing.volumes;
        volumes.push(Attached { volume: volume.clone(), device: device(volumes.len()), is_root: false });
        Some(volume)
    }

    /// Detaches a volume from whatever has it.
    pub fn detach(&self, volume: &VolumeId) {
        for placed in held(&self.cloud).instances.values_mut() {
            placed.thing.volumes.retain(|attached| attached.volume != *volume);
        }
    }

    /// Stops an instance: nothing runs on it.
    pub fn stop(&self, instance: &InstanceId) {
        if let Some(placed) = held(&self.cloud).instances.get_mut(instance) {
            placed.thing.is_stopped = true;
        }
    }

    /// Terminates an instance: it is shown as gone, and its volumes are.
    pub fn terminate(&self, instance: &InstanceId) {
        let mut cloud = held(&self.cloud);
        let Some(placed) = cloud.instances.get_mut(instance) else { return };
        placed.thing.is_gone = true;
        let attached = std::mem::take(&mut placed.thing.volumes);
        cloud.volumes.retain(|id, _| attached.iter().all(|attached| attached.volume != *id));
    }

    /// A terminated instance is no longer shown, as after an hour.
    pub fn forget(&self, instance: &InstanceId) {
        self.terminate(instance);
        held(&self.cloud).instances.remove(instance);
    }

    /// Deletes a volume.
    pub fn delete_volume(&self, volume: &VolumeId) {
        self.detach(volume);
        held(&self.cloud).volumes.remove(volume);
    }
}
