//! What RDS can do, as the use cases know it.

use async_trait::async_trait;
use aws_sdk_rds::types::AccountQuota;
use cpm_domain::{
    aws::{AwsError, Found, FoundUnit, Quota, Tagged, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    origin::{Completed, Reading},
    provenance::Sought,
    unit::{UnitKind, UnitReport},
};
use cpm_ports::{Deletions, Driver, Place};

use crate::{Rds, clusters, databases, failure};

const QUOTAS: &str = "rds:DescribeAccountAttributes";

#[async_trait]
impl Driver for Rds {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Rds, Kind::Aurora]
    }

    fn units(&self) -> &'static [UnitKind] {
        &[UnitKind::RdsSnapshot, UnitKind::AuroraSnapshot]
    }

    async fn describe(&self, place: &Place, kind: Kind, resources: &[Resource]) -> Result<Vec<Found>, AwsError> {
        let client = self.places.client(place).await;
        match kind {
            Kind::Aurora => clusters::described(&client, &place.access, resources).await,
            _ => databases::described(&client, &place.access, resources).await,
        }
    }

    /// Describing a database tells all of it; the members of clusters tell of themselves.
    async fn complete(&self, place: &Place, reading: Reading) -> Completed {
        match reading.kind {
            Kind::Aurora => {
                clusters::complete(&self.places.client(place).await, &place.access, reading.origins).await
            }
            _ => Completed::as_they_are(reading.origins),
        }
    }

    /// Members of clusters too: that they are tagged for nothing is told when they are planned.
    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError> {
        let client = self.places.client(place).await;
        let (databases, clusters) =
            tokio::try_join!(databases::tagged(&client, &place.access), clusters::tagged(&client, &place.access))?;
        Ok(databases.into_iter().chain(clusters).collect())
    }

    async fn create(&self, place: &Place, request: &UnitRequest) -> Result<Vec<UnitReport>, AwsError> {
        let client = self.places.client(place).await;
        match request.kind {
            UnitKind::AuroraSnapshot => clusters::snapshot(&client, &place.access, request).await,
            _ => databases::snapshot(&client, &place.access, request).await,
        }
    }

    async fn find(&self, place: &Place, kind: UnitKind, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
        let client = self.places.client(place).await;
        match kind {
            UnitKind::AuroraSnapshot => clusters::find(&client, &place.access, sought).await,
            _ => databases::find(&client, &place.access, sought).await,
        }
    }

    async fn quotas(&self, place: &Place, kinds: &[UnitKind]) -> Result<Vec<Quota>, AwsError> {
        let client = self.places.client(place).await;
        let answer = client.describe_account_attributes().send().await;
        let answer = answer.map_err(|error| failure(&place.access, QUOTAS, &error))?;
        Ok(answer.account_quotas().iter().filter_map(|quota| read(quota, kinds)).collect())
    }
}

/// The quotas of manual snapshots, by RDS's names of them.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_AccountQuota.html>
const COUNTED: [(&str, UnitKind, &str); 2] = [
    ("ManualSnapshots", UnitKind::RdsSnapshot, "manual snapshots of RDS databases"),
    ("ManualClusterSnapshots", UnitKind::AuroraSnapshot, "manual snapshots of Aurora clusters"),
];

fn read(quota: &AccountQuota, kinds: &[UnitKind]) -> Option<Quota> {
    let name = quota.account_quota_name()?;
    let (_, _, what) = COUNTED.iter().find(|(known, kind, _)| *known == name && kinds.contains(kind))?;
    let (used, most) = (u64::try_from(quota.used()?).ok()?, u64::try_from(quota.max()?).ok()?);
    Some(Quota { what: (*what).to_owned(), used, most })
}

#[async_trait]
impl Deletions for Rds {
    fn units(&self) -> &'static [UnitKind] {
        Driver::units(self)
    }

    async fn delete(&self, place: &Place, kind: UnitKind, id: &UnitId) -> Result<(), AwsError> {
        let client = self.places.client(place).await;
        match kind {
            UnitKind::AuroraSnapshot => clusters::delete(&client, &place.access, id).await,
            _ => databases::delete(&client, &place.access, id).await,
        }
    }
}
