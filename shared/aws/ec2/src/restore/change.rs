//! What changes something. A change that stands already is a success.

use std::collections::BTreeMap;

use aws_sdk_ec2::{
    Client,
    types::{
        AttachmentStatus, AttributeBooleanValue, EbsInstanceBlockDeviceSpecification,
        InstanceBlockDeviceMappingSpecification, VolumeAttachment, VolumeAttachmentState,
    },
};
use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    id::{InstanceId, VolumeId},
    provenance::{DEPLOYMENT, OWNER},
    recovery::{
        RECOVERY, REPLACED,
        work::{Made, MadeKind, Order},
    },
};
use cpm_ports::Access;

use super::{ask, change, look, look::Eye, sdk_tags};
use crate::{filter, place::failure};

pub(crate) const ATTACH: &str = "ec2:AttachVolume";
pub(crate) const DETACH: &str = "ec2:DetachVolume";
pub(crate) const ASSOCIATE: &str = "ec2:AssociateAddress";
pub(crate) const MODIFY: &str = "ec2:ModifyInstanceAttribute";
const TAG: &str = "ec2:CreateTags";

/// A volume that is to be attached.
pub(super) struct Attachment<'a> {
    pub(super) volume: &'a str,
    pub(super) instance: &'a str,
    pub(super) device: &'a str,
}

pub(super) async fn attach(
    client: &Client,
    access: &Access,
    attachment: &Attachment<'_>,
    delete_on_termination: bool,
) -> Result<(), AwsError> {
    let Attachment { volume, instance, device } = *attachment;
    let call = client.attach_volume().volume_id(volume).instance_id(instance).device(device).customize();
    let outcome = call.config_override(change()).send().await.map(|_| ());
    match outcome.map_err(|error| failure(access, ATTACH, &error)) {
        Err(error) if is_taken(&error) => is_attached(client, access, attachment, error).await?,
        outcome => outcome?,
    }
    if delete_on_termination { delete_with_instance(client, access, attachment).await } else { Ok(()) }
}

/// That a device or a volume is taken, AWS says in several ways.
fn is_taken(error: &AwsError) -> bool {
    ["VolumeInUse", "IncorrectState", "InvalidParameterValue"].contains(&error.code.as_str())
}

/// What has the device: the volume itself, one that is on its way off, or another.
async fn is_attached(
    client: &Client,
    access: &Access,
    attachment: &Attachment<'_>,
    error: AwsError,
) -> Result<(), AwsError> {
    let by_id = filter("instance-id").values(attachment.instance).build();
    let holders = look::instances(client, access, vec![by_id]).await?;
    let devices = holders.iter().flat_map(aws_sdk_ec2::types::Instance::block_device_mappings);
    let mut at_device = devices.filter(|mapping| mapping.device_name() == Some(attachment.device));
    let Some(there) = at_device.find_map(|mapping| mapping.ebs()) else { return Err(error) };
    let is_leaving = matches!(there.status(), Some(AttachmentStatus::Detaching | AttachmentStatus::Detached));
    match there.volume_id() {
        _ if is_leaving => Err(AwsError { refusal: Refusal::Busy, ..error }),
        Some(volume) if volume == attachment.volume => Ok(()),
        _ => Err(AwsError { refusal: Refusal::InUse, ..error }),
    }
}

/// An attachment stays when its instance goes, unless it is told otherwise.
async fn delete_with_instance(client: &Client, access: &Access, attachment: &Attachment<'_>) -> Result<(), AwsError> {
    let ebs = EbsInstanceBlockDeviceSpecification::builder()
        .volume_id(attachment.volume)
        .delete_on_termination(true)
        .build();
    let mapping = InstanceBlockDeviceMappingSpecification::builder().device_name(attachment.device).ebs(ebs).build();
    let call = client.modify_instance_attribute().instance_id(attachment.instance).block_device_mappings(mapping);
    let changed = call.customize().config_override(change()).send().await;
    changed.map(|_| ()).map_err(|error| failure(access, MODIFY, &error))
}

pub(super) async fn detach(
    client: &Client,
    access: &Access,
    volume: &VolumeId,
    instance: &InstanceId,
    device: &str,
) -> Result<(), AwsError> {
    let call = client.detach_volume().volume_id(volume.as_str()).instance_id(instance.as_str()).device(device);
    let detached = call.customize().config_override(change()).send().await.map(|_| ());
    match detached.map_err(|error| failure(access, DETACH, &error)) {
        // It is off already.
        Err(error) if error.code == "InvalidAttachment.NotFound" => Ok(()),
        Err(error) if error.code == "IncorrectState" => is_detached(client, access, volume, instance, error).await,
        detached => detached,
    }
}

async fn is_detached(
    client: &Client,
    access: &Access,
    volume: &VolumeId,
    instance: &InstanceId,
    error: AwsError,
) -> Result<(), AwsError> {
    let these = filter("volume-id").values(volume.as_str()).build();
    let volumes = look::volumes(client, access, vec![these]).await?;
    let holds = |attachment: &VolumeAttachment| {
        let is_leaving =
            matches!(attachment.state(), Some(VolumeAttachmentState::Detaching | VolumeAttachmentState::Detached));
        attachment.instance_id() == Some(instance.as_str()) && !is_leaving
    };
    if volumes.iter().any(|volume| volume.attachments().iter().any(holds)) { Err(error) } else { Ok(()) }
}

/// The cleaner may delete a volume that carries the deployment's tag, and this one says for which recovery it went. It
/// has none of the tags of what the recovery made.
pub(super) async fn mark_replaced(
    client: &Client,
    access: &Access,
    order: &Order,
    volume: &VolumeId,
) -> Result<(), AwsError> {
    let kept = [(DEPLOYMENT, DEPLOYMENT), (OWNER, OWNER), (REPLACED, RECOVERY)];
    let tags = kept.iter().filter_map(|(key, from)| Some(((*key).to_owned(), order.tags.get(*from)?.clone())));
    tag(client, access, vec![volume.as_str().to_owned()], &tags.collect()).await
}

pub(super) async fn tag_volumes(
    client: &Client,
    access: &Access,
    order: &Order,
    wanted: &BTreeMap<String, Tags>,
) -> Result<(), AwsError> {
    let instances = with_parts(client, access, &order.made).await?;
    let mut by_tags: BTreeMap<Tags, Vec<String>> = BTreeMap::new();
    for (device, own) in wanted {
        // The suite's are on it already, and none of them is overwritten.
        let own = own.iter().filter(|(key, _)| !key.starts_with("aws:") && !order.tags.contains_key(*key));
        let own: Tags = own.map(|(key, value)| (key.clone(), value.clone())).collect();
        let volumes = by_tags.entry(own).or_default();
        for instance in &instances {
            let part = instance.parts.iter().find(|part| part.device.as_deref() == Some(device));
            volumes.push(part.ok_or_else(|| no_volume(&instance.id, device))?.id.clone());
        }
    }
    for (tags, volumes) in by_tags.into_iter().filter(|(tags, volumes)| !tags.is_empty() && !volumes.is_empty()) {
        tag(client, access, volumes, &tags).await?;
    }
    Ok(())
}

/// The instances with their volumes, which AWS tells when they are launched.
async fn with_parts(client: &Client, access: &Access, made: &[Made]) -> Result<Vec<Made>, AwsError> {
    let instances: Vec<Made> = made.iter().filter(|made| made.kind == MadeKind::Instance).cloned().collect();
    if instances.iter().all(|instance| !instance.parts.is_empty()) {
        return Ok(instances);
    }
    let ids: Vec<String> = instances.into_iter().map(|instance| instance.id).collect();
    look::named(client, access, MadeKind::Instance, &ids, Eye::Maker).await
}

fn no_volume(instance: &str, device: &str) -> AwsError {
    AwsError {
        refusal: Refusal::NotFound,
        action: TAG.to_owned(),
        code: "NoSuchDevice".to_owned(),
        message: format!("{instance} has no volume at {device}"),
    }
}

async fn tag(client: &Client, access: &Access, ids: Vec<String>, tags: &Tags) -> Result<(), AwsError> {
    let call = client.create_tags().set_resources(Some(ids)).set_tags(Some(sdk_tags(tags))).customize();
    let tagged = call.config_override(change()).send().await;
    tagged.map(|_| ()).map_err(|error| failure(access, TAG, &error))
}

/// An address that something else has stays there.
pub(super) async fn associate(
    client: &Client,
    access: &Access,
    instance: &str,
    allocation: &str,
) -> Result<(), AwsError> {
    let call = client.associate_address().allocation_id(allocation).instance_id(instance).allow_reassociation(false);
    let associated = call.customize().config_override(change()).send().await.map(|_| ());
    match associated.map_err(|error| failure(access, ASSOCIATE, &error)) {
        Err(error) if error.code == "Resource.AlreadyAssociated" => {
            let addresses = ask::addresses(client, access, &[allocation.to_owned()]).await?;
            let is_ours = addresses.iter().any(|address| address.instance_id() == Some(instance));
            if is_ours { Ok(()) } else { Err(error) }
        }
        associated => associated,
    }
}

pub(super) async fn protect(client: &Client, access: &Access, order: &Order) -> Result<(), AwsError> {
    for instance in order.made.iter().filter(|made| made.kind == MadeKind::Instance) {
        let protected = AttributeBooleanValue::builder().value(true).build();
        let call = client.modify_instance_attribute().instance_id(&instance.id).disable_api_termination(protected);
        let changed = call.customize().config_override(change()).send().await;
        changed.map_err(|error| failure(access, MODIFY, &error))?;
    }
    Ok(())
}
