//! Redshift clusters and their manual snapshots by the Redshift API.
//!
//! Calls that read are repeated by the SDK, and by nobody else. Calls that change something are made once: the use
//! cases repeat them, because they ask first what AWS did already.

mod answer;
mod clusters;
mod codes;
mod origins;
mod restore;
mod snapshots;

use std::error::Error;

use async_trait::async_trait;
use aws_sdk_redshift::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use cpm_aws_place::{Places, Roles, Sts};
use cpm_domain::{
    aws::{AwsError, Found, FoundUnit, Quota, Tagged, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    origin::{Completed, Reading},
    provenance::Sought,
    unit::{UnitKind, UnitReport},
};
use cpm_ports::{Access, Deletions, Driver, Place};

/// The Redshift API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Redshift {
    places: Places<Client>,
    sts: Sts,
}

impl Redshift {
    /// With roles that other services share. Nothing is asked yet.
    pub fn new(roles: &Roles) -> Self {
        Self { places: Places::new(roles, Client::new), sts: Sts::new(roles) }
    }
}

/// The most items that AWS gives in one page.
const PAGE: i32 = 100;

fn failure<E>(access: &Access, action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    cpm_aws_place::failure(access, action, error, codes::meaning)
}

#[async_trait]
impl Driver for Redshift {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Redshift]
    }

    fn units(&self) -> &'static [UnitKind] {
        &[UnitKind::RedshiftSnapshot]
    }

    async fn describe(&self, place: &Place, _: Kind, resources: &[Resource]) -> Result<Vec<Found>, AwsError> {
        clusters::described(&self.places.client(place).await, &place.access, resources).await
    }

    /// Describing a cluster tells all of it.
    async fn complete(&self, _: &Place, reading: Reading) -> Completed {
        Completed::as_they_are(reading.origins)
    }

    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError> {
        clusters::tagged(&self.places.client(place).await, &place.access).await
    }

    async fn create(&self, place: &Place, request: &UnitRequest) -> Result<Vec<UnitReport>, AwsError> {
        snapshots::create(&self.places.client(place).await, &place.access, request).await
    }

    async fn find(&self, place: &Place, _: UnitKind, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
        snapshots::find(&self.places.client(place).await, &place.access, sought).await
    }

    /// Redshift tells of no quota how much of it is used.
    async fn quotas(&self, _: &Place, _: &[UnitKind]) -> Result<Vec<Quota>, AwsError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Deletions for Redshift {
    fn units(&self) -> &'static [UnitKind] {
        Driver::units(self)
    }

    async fn delete(&self, place: &Place, _: UnitKind, id: &UnitId) -> Result<(), AwsError> {
        snapshots::delete(&self.places.client(place).await, &place.access, id).await
    }
}
