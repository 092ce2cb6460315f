//! How things that were made are.

use aws_sdk_ec2::{
    Client,
    types::{Filter, Image, Instance, Reservation, Volume},
};
use cpm_domain::{
    aws::AwsError,
    recovery::work::{Made, MadeKind, MadeState},
};
use cpm_ports::Access;

use super::answer;
use crate::{MAX_FILTER_VALUES, PAGE, driver::not_ours, filter, place::failure};

const INSTANCES: &str = "ec2:DescribeInstances";
const VOLUMES: &str = "ec2:DescribeVolumes";
const IMAGES: &str = "ec2:DescribeImages";

/// Who looks. To the maker an instance that ends is gone at once; to the cleaner it is there until its volumes are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Eye {
    Maker,
    Cleaner,
}

/// Those of these ids, in their order. By filter, because an id that does not exist would fail the whole call.
pub(super) async fn named(
    client: &Client,
    access: &Access,
    kind: MadeKind,
    ids: &[String],
    eye: Eye,
) -> Result<Vec<Made>, AwsError> {
    let name = match kind {
        MadeKind::Image => "image-id",
        MadeKind::Instance => "instance-id",
        MadeKind::Volume => "volume-id",
        other => return Err(not_ours(other.as_str())),
    };
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(MAX_FILTER_VALUES) {
        let these = filter(name).set_values(Some(some.to_vec())).build();
        found.extend(tagged(client, access, kind, vec![these], eye).await?);
    }
    let gone = |id: &String| Made { state: MadeState::Gone, ..Made::pending(kind, id) };
    let known = |id: &String| found.iter().find(|made| made.id == *id).cloned();
    Ok(ids.iter().map(|id| known(id).unwrap_or_else(|| gone(id))).collect())
}

/// Those that have all of these tags.
pub(super) async fn tagged(
    client: &Client,
    access: &Access,
    kind: MadeKind,
    these: Vec<Filter>,
    eye: Eye,
) -> Result<Vec<Made>, AwsError> {
    match kind {
        MadeKind::Image => Ok(images(client, access, these).await?.iter().map(answer::image).collect()),
        MadeKind::Instance => {
            let instances = instances(client, access, these).await?;
            Ok(instances.iter().map(|instance| answer::instance(instance, eye)).collect())
        }
        MadeKind::Volume => Ok(volumes(client, access, these).await?.iter().map(answer::volume).collect()),
        other => Err(not_ours(other.as_str())),
    }
}

pub(super) async fn instances(
    client: &Client,
    access: &Access,
    these: Vec<Filter>,
) -> Result<Vec<Instance>, AwsError> {
    let asked = client.describe_instances().set_filters(Some(these)).max_results(PAGE);
    let mut pages = asked.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, INSTANCES, &error))?;
        found.extend(page.reservations().iter().flat_map(Reservation::instances).cloned());
    }
    Ok(found)
}

pub(super) async fn volumes(client: &Client, access: &Access, these: Vec<Filter>) -> Result<Vec<Volume>, AwsError> {
    let asked = client.describe_volumes().set_filters(Some(these)).max_results(PAGE);
    let mut pages = asked.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, VOLUMES, &error))?;
        found.extend(page.volumes.unwrap_or_default());
    }
    Ok(found)
}

/// Of the account's own images alone: those of all others are many.
async fn images(client: &Client, access: &Access, these: Vec<Filter>) -> Result<Vec<Image>, AwsError> {
    let asked = client.describe_images().owners("self").include_disabled(true).set_filters(Some(these));
    let mut pages = asked.max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, IMAGES, &error))?;
        found.extend(page.images.unwrap_or_default());
    }
    Ok(found)
}
