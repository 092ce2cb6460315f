//! Snapshots of volumes.

use aws_sdk_ec2::{
    Client,
    config::Builder,
    types::{CopyTagsFromSource, InstanceSpecification, ResourceType},
};
use cpm_aws_call::{ANSWER, once, timeouts};
use cpm_domain::{
    aws::{AwsError, FoundUnit, Refusal, UnitRequest},
    id::{InstanceId, UnitId, VolumeId},
    provenance::Sought,
    unit::UnitReport,
};
use cpm_ports::Access;

use crate::{PAGE, answer, creation, place::failure, specification, tag_filters};

const CREATE_SET: &str = "ec2:CreateSnapshots";
const CREATE_ONE: &str = "ec2:CreateSnapshot";
const FIND: &str = "ec2:DescribeSnapshots";
pub(crate) const DELETE: &str = "ec2:DeleteSnapshot";

pub(crate) async fn find(client: &Client, access: &Access, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
    let asked = client.describe_snapshots().owner_ids("self").set_filters(Some(tag_filters(sought)));
    let mut pages = asked.max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, FIND, &error))?;
        for snapshot in page.snapshots() {
            found.push(answer::found(FIND, snapshot)?);
        }
    }
    Ok(found)
}

pub(crate) async fn delete(client: &Client, access: &Access, id: &UnitId) -> Result<(), AwsError> {
    let call = client.delete_snapshot().snapshot_id(id.as_str()).customize();
    let call = call.config_override(Builder::new().retry_config(once()).timeout_config(timeouts(ANSWER)));
    match call.send().await.map_err(|error| failure(access, DELETE, &error)) {
        Err(error) if error.refusal != Refusal::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(crate) async fn create_set(
    client: &Client,
    access: &Access,
    instance: &InstanceId,
    request: &UnitRequest,
) -> Result<Vec<UnitReport>, AwsError> {
    let excluded: Vec<String> = request.excluded.iter().map(ToString::to_string).collect();
    let which = InstanceSpecification::builder()
        .instance_id(instance.as_str())
        .set_exclude_boot_volume(request.exclude_boot.then_some(true))
        .set_exclude_data_volume_ids((!excluded.is_empty()).then_some(excluded))
        .build();
    let call = client
        .create_snapshots()
        .instance_specification(which)
        .description(&request.description)
        .set_copy_tags_from_source(request.copy_tags.then_some(CopyTagsFromSource::Volume))
        .tag_specifications(specification(ResourceType::Snapshot, request))
        .customize()
        .config_override(creation());
    let made = call.send().await.map_err(|error| failure(access, CREATE_SET, &error))?;
    made.snapshots().iter().map(|snapshot| answer::started(CREATE_SET, snapshot)).collect()
}

pub(crate) async fn create_one(
    client: &Client,
    access: &Access,
    volume: &VolumeId,
    request: &UnitRequest,
) -> Result<Vec<UnitReport>, AwsError> {
    let call = client
        .create_snapshot()
        .volume_id(volume.as_str())
        .description(&request.description)
        .tag_specifications(specification(ResourceType::Snapshot, request))
        .customize()
        .config_override(creation());
    let made = call.send().await.map_err(|error| failure(access, CREATE_ONE, &error))?;
    Ok(vec![answer::started_alone(CREATE_ONE, &made)?])
}
