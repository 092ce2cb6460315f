//! The ports.

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, FoundSnapshot, Instance, Refusal, SnapshotRequest, Tagged, Volume},
    id::{InstanceId, Region, SnapshotId, VolumeId},
    provenance,
    tag::TAG_KEY,
    target::Resource,
    unit::SnapshotReport,
};
use cpm_ports::{Access, Clock, Deletions, Place, Resources, Snapshots};

use super::{
    FakeAws,
    cloud::{Cloud, Home, parsed, refused},
    create::action,
};
use crate::{DEPLOYMENT, faults::Calling, held};

impl FakeAws {
    /// A call to a place: faults, then access and rate, then what it does.
    async fn call<T>(
        &self,
        actions: &'static [&'static str],
        key: impl std::fmt::Display + Send,
        place: &Place,
        effect: impl FnOnce(&mut Cloud, &Home) -> Result<T, AwsError> + Send,
    ) -> Result<T, AwsError> {
        let now = self.clock.now();
        let action = actions.first().copied().unwrap_or_default();
        self.faults
            .call(Calling::new(actions, key, Some(place)), |_| {
                let mut cloud = held(&self.cloud);
                let home = cloud.enter(place, action, now)?;
                effect(&mut cloud, &home)
            })
            .await
    }
}

#[async_trait]
impl Resources for FakeAws {
    async fn regions(&self, access: &Access) -> Result<Vec<Region>, AwsError> {
        let place = Place { access: access.clone(), region: parsed("us-east-1") };
        self.faults
            .call(Calling::new(&["ec2:DescribeRegions"], "", Some(&place)), |_| {
                let mut cloud = held(&self.cloud);
                let account = cloud.assume(access, "ec2:DescribeRegions")?;
                Ok(cloud.account(&account).regions.iter().cloned().collect())
            })
            .await
    }

    async fn instances(&self, place: &Place, ids: &[InstanceId]) -> Result<Vec<Instance>, AwsError> {
        self.call(&["ec2:DescribeInstances"], &place.region, place, |cloud, home| {
            let found = ids.iter().filter_map(|id| cloud.instances.get(id));
            Ok(found.filter(|placed| placed.home == *home).map(|placed| placed.thing.clone()).collect())
        })
        .await
    }

    async fn volumes(&self, place: &Place, ids: &[VolumeId]) -> Result<Vec<Volume>, AwsError> {
        self.call(&["ec2:DescribeVolumes"], &place.region, place, |cloud, home| {
            let found = ids.iter().filter_map(|id| cloud.volumes.get(id));
            Ok(found.filter(|placed| placed.home == *home).map(|placed| placed.thing.clone()).collect())
        })
        .await
    }

    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError> {
        let key = format!("{} {TAG_KEY}", place.region);
        self.call(&["ec2:DescribeInstances", "ec2:DescribeVolumes"], key, place, |cloud, home| {
            let instances = cloud.instances.values().filter(|placed| placed.home == *home && !placed.thing.is_gone);
            let instances = instances.map(|placed| &placed.thing).filter_map(|instance| {
                let value = instance.tags.get(TAG_KEY)?.clone();
                Some(Tagged { resource: Resource::Instance(instance.id.clone()), value })
            });
            let volumes = cloud.volumes.values().filter(|placed| placed.home == *home && !placed.thing.is_gone);
            let volumes = volumes.map(|placed| &placed.thing).filter_map(|volume| {
                let value = volume.tags.get(TAG_KEY)?.clone();
                Some(Tagged { resource: Resource::Volume(volume.id.clone()), value })
            });
            Ok(instances.chain(volumes).collect())
        })
        .await
    }
}

#[async_trait]
impl Snapshots for FakeAws {
    async fn create(&self, place: &Place, request: &SnapshotRequest) -> Result<Vec<SnapshotReport>, AwsError> {
        let now = self.clock.now();
        let key = request.target.id().to_owned();
        self.call(action(request), key, place, |cloud, home| cloud.create(home, request, now)).await
    }

    async fn find(&self, place: &Place, tags: &[(&str, &str)]) -> Result<Vec<FoundSnapshot>, AwsError> {
        let now = self.clock.now();
        let words: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        self.call(&["ec2:DescribeSnapshots"], words.join(" "), place, |cloud, home| {
            let seen = cloud.snapshots.values().filter(|snapshot| {
                snapshot.home == *home
                    && snapshot.began + cloud.lag <= now
                    && tags.iter().all(|(key, value)| snapshot.tags.get(*key).is_some_and(|tag| tag == value))
            });
            Ok(seen.map(super::cloud::Snapshot::found).collect())
        })
        .await
    }
}

#[async_trait]
impl Deletions for FakeAws {
    async fn delete(&self, place: &Place, snapshot: &SnapshotId) -> Result<(), AwsError> {
        const ACTION: &str = "ec2:DeleteSnapshot";
        self.call(&[ACTION], snapshot, place, |cloud, home| {
            let Some(found) = cloud.snapshots.get(snapshot).filter(|found| found.home == *home) else {
                return Ok(());
            };
            if found.tags.get(provenance::DEPLOYMENT).is_none_or(|deployment| deployment != DEPLOYMENT) {
                let message = format!("not authorized: {snapshot} does not carry the deployment's tag");
                return Err(refused(Refusal::Denied, ACTION, "UnauthorizedOperation", message));
            }
            if let Some((code, message)) = &found.hold {
                return Err(refused(Refusal::InUse, ACTION, code, message));
            }
            cloud.snapshots.remove(snapshot);
            cloud.deleted.push(snapshot.clone());
            Ok(())
        })
        .await
    }
}
