//! Images of instances.

use aws_sdk_ec2::{
    Client,
    config::Builder,
    types::{BlockDeviceMapping, ResourceType},
};
use cpm_aws_call::{ANSWER, once, timeouts};
use cpm_domain::{
    aws::{AwsError, FoundUnit, Refusal, UnitRequest},
    id::{InstanceId, UnitId},
    kind::Resource,
    provenance::Sought,
    unit::{UnitKind, UnitReport},
};
use cpm_ports::Access;

use crate::{PAGE, answer, creation, place::failure, specification, tag_filters};

const CREATE: &str = "ec2:CreateImage";
const FIND: &str = "ec2:DescribeImages";
pub(crate) const DEREGISTER: &str = "ec2:DeregisterImage";

/// Asks for an image. Its snapshots are named by AWS only when it is described.
pub(crate) async fn create(
    client: &Client,
    access: &Access,
    instance: &InstanceId,
    request: &UnitRequest,
) -> Result<Vec<UnitReport>, AwsError> {
    let image = request.image.clone().unwrap_or_default();
    let left_out = image.left_out.iter().map(|device| {
        // An empty text is how the EC2 API leaves a device out.
        BlockDeviceMapping::builder().device_name(device).no_device("").build()
    });
    let call = client
        .create_image()
        .instance_id(instance.as_str())
        .name(&request.name)
        .description(&request.description)
        // A mapping replaces nothing but what it names.
        .set_block_device_mappings((!image.left_out.is_empty()).then(|| left_out.collect()))
        .no_reboot(!image.reboot)
        .tag_specifications(specification(ResourceType::Image, request))
        .tag_specifications(specification(ResourceType::Snapshot, request))
        .customize()
        .config_override(creation());
    let made = call.send().await.map_err(|error| failure(access, CREATE, &error))?;
    let id = answer::image_id(CREATE, made.image_id())?;
    Ok(vec![UnitReport::pending(UnitKind::Ami, id, Resource::Instance(instance.clone()))])
}

pub(crate) async fn find(client: &Client, access: &Access, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
    let asked = client.describe_images().owners("self").include_disabled(true).set_filters(Some(tag_filters(sought)));
    let mut pages = asked.max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, FIND, &error))?;
        for image in page.images() {
            found.push(answer::image(FIND, image)?);
        }
    }
    Ok(found)
}

/// Deregisters an image; its snapshots stay.
pub(crate) async fn deregister(client: &Client, access: &Access, id: &UnitId) -> Result<(), AwsError> {
    let call = client.deregister_image().image_id(id.as_str()).customize();
    let call = call.config_override(Builder::new().retry_config(once()).timeout_config(timeouts(ANSWER)));
    match call.send().await.map_err(|error| failure(access, DEREGISTER, &error)) {
        Err(error) if error.refusal != Refusal::NotFound => Err(error),
        _ => Ok(()),
    }
}
