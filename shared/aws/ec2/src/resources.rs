use async_trait::async_trait;
use aws_sdk_ec2::{
    Client,
    types::{Filter, Reservation},
};
use cpm_domain::{
    aws::{AwsError, Found, Instance, Tagged, Tags, Volume},
    id::Region,
    kind::{Kind, Resource},
    tag::TAG_KEY,
};
use cpm_ports::{Access, Place, Regions};

use crate::{Ec2, MAX_FILTER_VALUES, PAGE, answer, filter, place::failure};

const REGIONS: &str = "ec2:DescribeRegions";
const INSTANCES: &str = "ec2:DescribeInstances";
const VOLUMES: &str = "ec2:DescribeVolumes";

#[async_trait]
impl Regions for Ec2 {
    async fn regions(&self, access: &Access) -> Result<Vec<Region>, AwsError> {
        let home = answer::id(REGIONS, Some(self.places.home()))?;
        let client = self.places.client(&Place { access: access.clone(), region: home }).await;
        let answer = client.describe_regions().send().await.map_err(|error| failure(access, REGIONS, &error))?;
        answer.regions().iter().map(|region| answer::id(REGIONS, region.region_name())).collect()
    }
}

/// Those of `resources` that exist. By filter, because an id that does not exist would fail the whole call.
pub(crate) async fn describe(
    client: &Client,
    access: &Access,
    kind: Kind,
    resources: &[Resource],
) -> Result<Vec<Found>, AwsError> {
    let mut found = Vec::with_capacity(resources.len());
    for some in resources.chunks(MAX_FILTER_VALUES) {
        let ids = some.iter().map(|resource| resource.id().to_owned()).collect();
        if kind == Kind::Volume {
            let these = filter("volume-id").set_values(Some(ids)).build();
            found.extend(volumes(client, access, these).await?.into_iter().map(Found::Volume));
        } else {
            let these = filter("instance-id").set_values(Some(ids)).build();
            found.extend(instances(client, access, these).await?.into_iter().map(Found::Instance));
        }
    }
    Ok(found)
}

pub(crate) async fn tagged(client: &Client, access: &Access) -> Result<Vec<Tagged>, AwsError> {
    let tagged = || filter("tag-key").values(TAG_KEY).build();
    let (instances, volumes) =
        tokio::try_join!(instances(client, access, tagged()), volumes(client, access, tagged()))?;
    let instances = instances.into_iter().filter(|instance| !instance.is_gone);
    let volumes = volumes.into_iter().filter(|volume| !volume.is_gone);
    let instances = instances.map(|instance| (Resource::Instance(instance.id), instance.tags));
    let volumes = volumes.map(|volume| (Resource::Volume(volume.id), volume.tags));
    Ok(instances.chain(volumes).filter_map(|(resource, tags)| with_value(resource, tags)).collect())
}

fn with_value(resource: Resource, mut tags: Tags) -> Option<Tagged> {
    Some(Tagged { resource, value: tags.remove(TAG_KEY)? })
}

pub(crate) async fn instances(client: &Client, access: &Access, filter: Filter) -> Result<Vec<Instance>, AwsError> {
    let mut pages = client.describe_instances().filters(filter).max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, INSTANCES, &error))?;
        for instance in page.reservations().iter().flat_map(Reservation::instances) {
            found.push(answer::instance(INSTANCES, instance)?);
        }
    }
    Ok(found)
}

pub(crate) async fn volumes(client: &Client, access: &Access, filter: Filter) -> Result<Vec<Volume>, AwsError> {
    let mut pages = client.describe_volumes().filters(filter).max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, VOLUMES, &error))?;
        for volume in page.volumes() {
            found.push(answer::volume(VOLUMES, volume)?);
        }
    }
    Ok(found)
}
