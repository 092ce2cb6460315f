use async_trait::async_trait;
use aws_sdk_ec2::{
    Client,
    config::Builder,
    types::{CopyTagsFromSource, InstanceSpecification, ResourceType, Tag, TagSpecification},
};
use cpm_aws_call::{ANSWER, CREATION, once, timeouts};
use cpm_domain::{
    aws::{AwsError, FoundSnapshot, Refusal, SnapshotRequest},
    id::{InstanceId, SnapshotId, VolumeId},
    target::Resource,
    unit::SnapshotReport,
};
use cpm_ports::{Access, Deletions, Place, Snapshots};

use crate::{Ec2, PAGE, answer, filter, place::failure};

const CREATE_SET: &str = "ec2:CreateSnapshots";
const CREATE_ONE: &str = "ec2:CreateSnapshot";
const FIND: &str = "ec2:DescribeSnapshots";
pub(crate) const DELETE: &str = "ec2:DeleteSnapshot";

#[async_trait]
impl Snapshots for Ec2 {
    async fn create(&self, place: &Place, request: &SnapshotRequest) -> Result<Vec<SnapshotReport>, AwsError> {
        let client = self.places.client(place).await;
        match &request.target {
            Resource::Instance(instance) => create_set(&client, &place.access, instance, request).await,
            Resource::Volume(volume) => create_one(&client, &place.access, volume, request).await,
        }
    }

    async fn find(&self, place: &Place, tags: &[(&str, &str)]) -> Result<Vec<FoundSnapshot>, AwsError> {
        let client = self.places.client(place).await;
        let filters = tags.iter().map(|(key, value)| filter(format!("tag:{key}")).values(literal(value)).build());
        let asked = client.describe_snapshots().owner_ids("self").set_filters(Some(filters.collect()));
        let mut pages = asked.max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(&place.access, FIND, &error))?;
            for snapshot in page.snapshots() {
                found.push(answer::found(FIND, snapshot)?);
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl Deletions for Ec2 {
    async fn delete(&self, place: &Place, snapshot: &SnapshotId) -> Result<(), AwsError> {
        let client = self.places.client(place).await;
        let call = client.delete_snapshot().snapshot_id(snapshot.as_str()).customize();
        let call = call.config_override(Builder::new().retry_config(once()).timeout_config(timeouts(ANSWER)));
        match call.send().await.map_err(|error| failure(&place.access, DELETE, &error)) {
            Err(error) if error.refusal != Refusal::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

async fn create_set(
    client: &Client,
    access: &Access,
    instance: &InstanceId,
    request: &SnapshotRequest,
) -> Result<Vec<SnapshotReport>, AwsError> {
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
        .tag_specifications(specification(request))
        .customize()
        .config_override(creation());
    let made = call.send().await.map_err(|error| failure(access, CREATE_SET, &error))?;
    made.snapshots().iter().map(|snapshot| answer::started(CREATE_SET, snapshot)).collect()
}

async fn create_one(
    client: &Client,
    access: &Access,
    volume: &VolumeId,
    request: &SnapshotRequest,
) -> Result<Vec<SnapshotReport>, AwsError> {
    let call = client
        .create_snapshot()
        .volume_id(volume.as_str())
        .description(&request.description)
        .tag_specifications(specification(request))
        .customize()
        .config_override(creation());
    let made = call.send().await.map_err(|error| failure(access, CREATE_ONE, &error))?;
    Ok(vec![answer::started_alone(CREATE_ONE, &made)?])
}

/// A creation that AWS took in though no answer came would be made a second time by a blind repetition.
fn creation() -> Builder {
    Builder::new().retry_config(once()).timeout_config(timeouts(CREATION))
}

fn specification(request: &SnapshotRequest) -> TagSpecification {
    let tags = request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    TagSpecification::builder().resource_type(ResourceType::Snapshot).set_tags(Some(tags)).build()
}

/// A filter's value has wildcards; a tag's value has none.
fn literal(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
