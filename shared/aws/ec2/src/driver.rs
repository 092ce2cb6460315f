//! What EC2 can do, as the use cases know it.

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, Found, FoundUnit, Quota, Tagged, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    origin::{Completed, Reading},
    provenance::Sought,
    unit::{UnitKind, UnitReport},
};
use cpm_ports::{Deletions, Driver, Place};

use crate::{Ec2, complete, images, resources, snapshots};

#[async_trait]
impl Driver for Ec2 {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Instance, Kind::Volume]
    }

    fn units(&self) -> &'static [UnitKind] {
        &[UnitKind::EbsSnapshot, UnitKind::Ami]
    }

    async fn describe(&self, place: &Place, kind: Kind, resources: &[Resource]) -> Result<Vec<Found>, AwsError> {
        resources::describe(&self.places.client(place).await, &place.access, kind, resources).await
    }

    async fn complete(&self, place: &Place, reading: Reading) -> Completed {
        complete::complete(&self.places.client(place).await, &place.access, reading).await
    }

    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError> {
        resources::tagged(&self.places.client(place).await, &place.access).await
    }

    async fn create(&self, place: &Place, request: &UnitRequest) -> Result<Vec<UnitReport>, AwsError> {
        let client = self.places.client(place).await;
        match (request.kind, &request.target) {
            (UnitKind::Ami, Resource::Instance(id)) => images::create(&client, &place.access, id, request).await,
            (_, Resource::Instance(id)) => snapshots::create_set(&client, &place.access, id, request).await,
            (_, Resource::Volume(id)) => snapshots::create_one(&client, &place.access, id, request).await,
            (_, other) => Err(not_ours(other.kind().as_str())),
        }
    }

    async fn find(&self, place: &Place, kind: UnitKind, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
        let client = self.places.client(place).await;
        match kind {
            UnitKind::Ami => images::find(&client, &place.access, sought).await,
            _ => snapshots::find(&client, &place.access, sought).await,
        }
    }

    /// EC2's quotas of snapshots and images are in the tens of thousands: none is counted.
    async fn quotas(&self, _: &Place, _: &[UnitKind]) -> Result<Vec<Quota>, AwsError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Deletions for Ec2 {
    fn units(&self) -> &'static [UnitKind] {
        Driver::units(self)
    }

    async fn delete(&self, place: &Place, kind: UnitKind, id: &UnitId) -> Result<(), AwsError> {
        let client = self.places.client(place).await;
        match kind {
            UnitKind::Ami => images::deregister(&client, &place.access, id).await,
            _ => snapshots::delete(&client, &place.access, id).await,
        }
    }
}

pub(crate) fn not_ours(what: &str) -> AwsError {
    cpm_aws_place::not_ours("ec2", what)
}
