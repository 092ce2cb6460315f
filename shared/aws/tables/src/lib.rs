//! DynamoDB tables as targets, and their on-demand backups, by the DynamoDB API; tagged tables by the Resource Groups
//! Tagging API. The suite's own table is another crate's.
//!
//! Calls that read are repeated by the SDK, and by nobody else. Calls that change something are made once: the use
//! cases repeat them, because they ask first what AWS did already.

mod backups;
mod codes;
mod origins;
mod restore;
mod tables;

use std::error::Error;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use cpm_aws_place::{Places, Roles};
use cpm_domain::{
    aws::{AwsError, Found, FoundUnit, Quota, Tagged, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    origin::{Completed, Reading},
    provenance::Sought,
    unit::{UnitKind, UnitReport},
};
use cpm_ports::{Access, Deletions, Driver, Place};

/// The DynamoDB API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Tables {
    places: Places<aws_sdk_dynamodb::Client>,
    tagging: Places<aws_sdk_resourcegroupstagging::Client>,
}

impl Tables {
    /// With roles that other services share. Nothing is asked yet.
    pub fn new(roles: &Roles) -> Self {
        Self {
            places: Places::new(roles, aws_sdk_dynamodb::Client::new),
            tagging: Places::new(roles, aws_sdk_resourcegroupstagging::Client::new),
        }
    }
}

fn failure<E>(access: &Access, action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    cpm_aws_place::failure(access, action, error, |code| codes::meaning(action, code))
}

#[async_trait]
impl Driver for Tables {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Dynamodb]
    }

    fn units(&self) -> &'static [UnitKind] {
        &[UnitKind::DynamodbBackup]
    }

    /// Without their tags: a backup of a table carries none.
    async fn describe(&self, place: &Place, _: Kind, resources: &[Resource]) -> Result<Vec<Found>, AwsError> {
        tables::described(&self.places.client(place).await, &place.access, resources).await
    }

    async fn complete(&self, place: &Place, reading: Reading) -> Completed {
        origins::complete(&self.tagging.client(place).await, &place.access, reading.origins).await
    }

    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError> {
        tables::tagged(&self.tagging.client(place).await, &place.access).await
    }

    async fn create(&self, place: &Place, request: &UnitRequest) -> Result<Vec<UnitReport>, AwsError> {
        backups::create(&self.places.client(place).await, &place.access, request).await
    }

    async fn find(&self, place: &Place, _: UnitKind, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
        backups::find(&self.places.client(place).await, &place.access, sought).await
    }

    /// AWS sets no bound to the number of backups.
    async fn quotas(&self, _: &Place, _: &[UnitKind]) -> Result<Vec<Quota>, AwsError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Deletions for Tables {
    fn units(&self) -> &'static [UnitKind] {
        Driver::units(self)
    }

    async fn delete(&self, place: &Place, _: UnitKind, id: &UnitId) -> Result<(), AwsError> {
        backups::delete(&self.places.client(place).await, &place.access, id).await
    }
}
