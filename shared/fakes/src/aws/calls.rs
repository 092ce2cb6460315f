//! The ports.

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, Found, FoundUnit, Instance, Quota, Refusal, Tagged, UnitRequest},
    id::{InstanceId, Region, UnitId},
    kind::{Kind, Resource},
    origin::{Completed, Reading},
    provenance::{self, Sought},
    tag::TAG_KEY,
    unit::{UnitKind, UnitReport},
};
use cpm_ports::{Access, Clock, Deletions, Driver, Place, Regions};
use jiff::Timestamp;

use super::{
    FakeAws,
    cloud::{Cloud, Home, parsed, refused},
    create::action,
};
use crate::{DEPLOYMENT, faults::Calling, held};

impl FakeAws {
    /// A call to a place: faults, then access and rate, then what it does.
    pub(super) async fn call<T>(
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

impl FakeAws {
    /// Where a call of another service goes, if it may.
    pub(crate) fn enter(&self, place: &Place, action: &'static str, now: Timestamp) -> Result<Home, AwsError> {
        held(&self.cloud).enter(place, action, now)
    }

    /// An instance that is there.
    pub(crate) fn instance_at(&self, home: &Home, id: &InstanceId) -> Option<Instance> {
        let cloud = held(&self.cloud);
        cloud.instances.get(id).filter(|placed| placed.home == *home).map(|placed| placed.thing.clone())
    }
}

#[async_trait]
impl Regions for FakeAws {
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
}

fn describe(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Instance => &["ec2:DescribeInstances"],
        Kind::Volume => &["ec2:DescribeVolumes"],
        Kind::Rds => &["rds:DescribeDBInstances"],
        Kind::Aurora => &["rds:DescribeDBClusters"],
        Kind::Redshift => &["redshift:DescribeClusters"],
        Kind::Dynamodb => &["dynamodb:DescribeTable"],
    }
}

fn find(kind: UnitKind) -> &'static [&'static str] {
    match kind {
        UnitKind::EbsSnapshot => &["ec2:DescribeSnapshots"],
        UnitKind::Ami => &["ec2:DescribeImages"],
        UnitKind::RdsSnapshot => &["rds:DescribeDBSnapshots"],
        UnitKind::AuroraSnapshot => &["rds:DescribeDBClusterSnapshots"],
        UnitKind::RedshiftSnapshot => &["redshift:DescribeClusterSnapshots"],
        UnitKind::DynamodbBackup => &["dynamodb:ListBackups"],
    }
}

fn delete(kind: UnitKind) -> &'static [&'static str] {
    match kind {
        UnitKind::EbsSnapshot => &["ec2:DeleteSnapshot"],
        UnitKind::Ami => &["ec2:DeregisterImage"],
        UnitKind::RdsSnapshot => &["rds:DeleteDBSnapshot"],
        UnitKind::AuroraSnapshot => &["rds:DeleteDBClusterSnapshot"],
        UnitKind::RedshiftSnapshot => &["redshift:DeleteClusterSnapshot"],
        UnitKind::DynamodbBackup => &["dynamodb:DeleteBackup"],
    }
}

impl Cloud {
    fn look_up(&self, home: &Home, resource: &Resource) -> Option<Found> {
        match resource {
            Resource::Instance(id) => {
                let found = self.instances.get(id).filter(|placed| placed.home == *home);
                found.map(|placed| Found::Instance(placed.thing.clone()))
            }
            Resource::Volume(id) => {
                let found = self.volumes.get(id).filter(|placed| placed.home == *home);
                found.map(|placed| Found::Volume(placed.thing.clone()))
            }
            other => {
                let found = self.managed.get(&(home.clone(), other.clone()));
                found.map(|placed| Found::Managed(placed.thing.clone()))
            }
        }
    }

    fn tagged(&self, home: &Home) -> Vec<Tagged> {
        let instances = self.instances.values().filter(|placed| placed.home == *home && !placed.thing.is_gone);
        let instances = instances.map(|placed| (Resource::Instance(placed.thing.id.clone()), &placed.thing.tags));
        let volumes = self.volumes.values().filter(|placed| placed.home == *home && !placed.thing.is_gone);
        let volumes = volumes.map(|placed| (Resource::Volume(placed.thing.id.clone()), &placed.thing.tags));
        let managed = self.managed.values().filter(|placed| placed.home == *home);
        let managed = managed.map(|placed| (placed.thing.resource.clone(), &placed.thing.tags));
        let all = instances.chain(volumes).chain(managed);
        all.filter_map(|(resource, tags)| Some(Tagged { resource, value: tags.get(TAG_KEY)?.clone() })).collect()
    }
}

#[async_trait]
impl Driver for FakeAws {
    fn kinds(&self) -> &'static [Kind] {
        &Kind::ALL
    }

    fn units(&self) -> &'static [UnitKind] {
        &UnitKind::ALL
    }

    async fn describe(&self, place: &Place, kind: Kind, resources: &[Resource]) -> Result<Vec<Found>, AwsError> {
        self.call(describe(kind), &place.region, place, |cloud, home| {
            let found = resources.iter().filter_map(|resource| cloud.look_up(home, resource));
            Ok(found.map(|found| cloud.with_origin(home, found)).collect())
        })
        .await
    }

    async fn complete(&self, place: &Place, reading: Reading) -> Completed {
        self.completed(place, reading).await
    }

    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError> {
        let key = format!("{} {TAG_KEY}", place.region);
        self.call(&["ec2:DescribeInstances", "ec2:DescribeVolumes"], key, place, |cloud, home| Ok(cloud.tagged(home)))
            .await
    }

    async fn create(&self, place: &Place, request: &UnitRequest) -> Result<Vec<UnitReport>, AwsError> {
        let now = self.clock.now();
        let key = request.target.id().to_owned();
        self.call(action(request), key, place, |cloud, home| cloud.create(home, request, now)).await
    }

    async fn find(&self, place: &Place, kind: UnitKind, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
        let now = self.clock.now();
        let words: Vec<String> = sought.tags().iter().map(|(key, value)| format!("{key}={value}")).collect();
        self.call(find(kind), words.join(" "), place, |cloud, home| {
            let seen = cloud.units.values().filter(|made| {
                made.home == *home
                    && made.report.kind == kind
                    && made.began + cloud.lag <= now
                    && sought.fits(&made.tags)
            });
            Ok(seen.map(super::cloud::InAws::found).collect())
        })
        .await
    }

    async fn quotas(&self, place: &Place, kinds: &[UnitKind]) -> Result<Vec<Quota>, AwsError> {
        let counted: Vec<UnitKind> = kinds
            .iter()
            .copied()
            .filter(|kind| matches!(kind, UnitKind::RdsSnapshot | UnitKind::AuroraSnapshot))
            .collect();
        if counted.is_empty() {
            return Ok(Vec::new());
        }
        self.call(&["rds:DescribeAccountAttributes"], &place.region, place, |cloud, home| {
            let most = cloud.quota.unwrap_or(100);
            let count =
                |kind| cloud.units.values().filter(|made| made.home == *home && made.report.kind == kind).count();
            let quota = |kind: UnitKind| Quota {
                what: format!("units of the kind {kind}"),
                used: u64::try_from(count(kind)).unwrap_or(u64::MAX),
                most: u64::try_from(most).unwrap_or(u64::MAX),
            };
            Ok(counted.iter().copied().map(quota).collect())
        })
        .await
    }
}

#[async_trait]
impl Deletions for FakeAws {
    fn units(&self) -> &'static [UnitKind] {
        &UnitKind::ALL
    }

    async fn delete(&self, place: &Place, kind: UnitKind, id: &UnitId) -> Result<(), AwsError> {
        let actions = delete(kind);
        let action = actions.first().copied().unwrap_or_default();
        self.call(actions, id, place, |cloud, home| {
            let Some(found) = cloud.units.get(id).filter(|found| found.home == *home) else {
                return Ok(());
            };
            if found.tags.get(provenance::DEPLOYMENT).is_none_or(|deployment| deployment != DEPLOYMENT) {
                let message = format!("not authorized: {id} does not carry the deployment's tag");
                return Err(refused(Refusal::Denied, action, "UnauthorizedOperation", message));
            }
            if let Some((code, message)) = &found.hold {
                return Err(refused(Refusal::InUse, action, code, message));
            }
            let parts = found.report.parts.clone();
            cloud.units.remove(id);
            cloud.deleted.push(id.clone());
            for part in parts {
                if let Some(part) = cloud.units.get_mut(&part.into()) {
                    part.hold = None;
                }
            }
            Ok(())
        })
        .await
    }
}
