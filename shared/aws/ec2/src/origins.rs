//! How instances, volumes and images are, as EC2 tells it.

use aws_sdk_ec2::types::{
    Image, Instance, InstanceMetadataOptionsResponse, InstanceNetworkInterface, MonitoringState, Volume,
    VolumeAttachment,
};
use cpm_domain::{
    aws::{self, Attached, AwsError},
    origin::{ImageOrigin, InstanceOrigin, MetadataOptions, Reads, VolumeOrigin},
};

use crate::answer;

/// An instance as `DescribeInstances` tells of it: without its image's details, its volumes' sizes, its elastic address
/// and its attributes.
pub(crate) fn instance(instance: &Instance, read: &aws::Instance) -> InstanceOrigin {
    let placement = instance.placement();
    let zone = text(placement.and_then(|placement| placement.availability_zone())).unwrap_or_default();
    let first = first_interface(instance);
    InstanceOrigin {
        id: read.id.clone(),
        instance_type: word(instance.instance_type().map(AsRef::as_ref)),
        architecture: word(instance.architecture().map(AsRef::as_ref)),
        platform: read.platform,
        platform_details: text(instance.platform_details()),
        image: ImageOrigin { id: word(instance.image_id()), ..ImageOrigin::default() },
        root_device: text(instance.root_device_name()),
        virtualization: text(instance.virtualization_type().map(AsRef::as_ref)),
        boot_mode: boot_mode(instance),
        ena: instance.ena_support().unwrap_or_default(),
        kernel: text(instance.kernel_id()),
        ramdisk: text(instance.ramdisk_id()),
        key_pair: text(instance.key_name()),
        vpc: text(instance.vpc_id()),
        subnet: text(first.and_then(|first| first.subnet_id()).or(instance.subnet_id())),
        placement_group: text(placement.and_then(|placement| placement.group_name())),
        tenancy: text(placement.and_then(|placement| placement.tenancy()).map(AsRef::as_ref)),
        security_groups: security_groups(instance, first),
        private_ip: text(instance.private_ip_address()),
        secondary_ips: first.map(secondary_ips).unwrap_or_default(),
        public_ip: text(instance.public_ip_address()),
        elastic_ip: None,
        interfaces: u32::try_from(instance.network_interfaces().len()).unwrap_or(u32::MAX),
        profile: text(instance.iam_instance_profile().and_then(|profile| profile.arn())),
        user_data: None,
        shutdown_behavior: None,
        termination_protection: false,
        monitoring: is_monitored(instance),
        ebs_optimized: instance.ebs_optimized().unwrap_or_default(),
        metadata: instance.metadata_options().map(metadata),
        volumes: read.volumes.iter().map(|attached| seen(instance, read, attached, &zone)).collect(),
        zone,
        tags: read.tags.clone(),
        read: Reads { launched: answer::time(instance.launch_time()), ..Reads::default() },
        unread: Vec::new(),
    }
}

/// The interface that it was launched with.
fn first_interface(instance: &Instance) -> Option<&InstanceNetworkInterface> {
    let is_first = |interface: &&InstanceNetworkInterface| {
        let attachment = interface.attachment();
        attachment.is_some_and(|attachment| {
            attachment.device_index() == Some(0) && attachment.network_card_index().unwrap_or_default() == 0
        })
    };
    instance.network_interfaces().iter().find(is_first).or(instance.network_interfaces().first())
}

/// How it boots: as its image says, or, when that says nothing, as it did.
fn boot_mode(instance: &Instance) -> Option<String> {
    let told = instance.boot_mode().map(AsRef::as_ref);
    text(told.or(instance.current_instance_boot_mode().map(AsRef::as_ref)))
}

fn security_groups(instance: &Instance, first: Option<&InstanceNetworkInterface>) -> Vec<String> {
    let of_first = first.map(InstanceNetworkInterface::groups).unwrap_or_default();
    let groups = if of_first.is_empty() { instance.security_groups() } else { of_first };
    groups.iter().filter_map(|group| text(group.group_id())).collect()
}

fn secondary_ips(interface: &InstanceNetworkInterface) -> Vec<String> {
    let secondary = interface.private_ip_addresses().iter().filter(|address| address.primary() != Some(true));
    secondary.filter_map(|address| text(address.private_ip_address())).collect()
}

fn is_monitored(instance: &Instance) -> bool {
    let state = instance.monitoring().and_then(|monitoring| monitoring.state());
    matches!(state, Some(MonitoringState::Enabled | MonitoringState::Pending))
}

fn metadata(options: &InstanceMetadataOptionsResponse) -> MetadataOptions {
    MetadataOptions {
        http_tokens: text(options.http_tokens().map(AsRef::as_ref)),
        http_endpoint: text(options.http_endpoint().map(AsRef::as_ref)),
        hop_limit: options.http_put_response_hop_limit(),
        instance_tags: text(options.instance_metadata_tags().map(AsRef::as_ref)),
    }
}

fn seen(instance: &Instance, read: &aws::Instance, attached: &Attached, zone: &str) -> VolumeOrigin {
    let mappings = instance.block_device_mappings().iter();
    let goes_with_it = mappings.filter_map(|mapping| mapping.ebs()).any(|ebs| {
        ebs.volume_id() == Some(attached.volume.as_str()) && ebs.delete_on_termination().unwrap_or_default()
    });
    VolumeOrigin::seen_on(&read.id, zone, attached, goes_with_it)
}

/// A volume as `DescribeVolumes` tells of it: whether it holds the root device, its instance knows.
pub(crate) fn volume(action: &str, volume: &Volume, read: &aws::Volume) -> Result<VolumeOrigin, AwsError> {
    let attachment = volume.attachments().first();
    let holder = attachment.and_then(|attachment| attachment.instance_id());
    Ok(VolumeOrigin {
        id: read.id.clone(),
        zone: word(volume.availability_zone()),
        size: volume.size().unwrap_or_default(),
        volume_type: word(volume.volume_type().map(AsRef::as_ref)),
        iops: volume.iops(),
        throughput: volume.throughput(),
        encrypted: volume.encrypted().unwrap_or_default(),
        kms_key: text(volume.kms_key_id()),
        multi_attach: volume.multi_attach_enabled().unwrap_or_default(),
        attached_to: holder.map(|holder| answer::id(action, Some(holder))).transpose()?,
        device: text(attachment.and_then(|attachment| attachment.device())),
        is_root: false,
        delete_on_termination: attachment.and_then(VolumeAttachment::delete_on_termination).unwrap_or_default(),
        tags: read.tags.clone(),
    })
}

pub(crate) fn image(image: &Image) -> ImageOrigin {
    ImageOrigin {
        id: word(image.image_id()),
        known: true,
        name: text(image.name()),
        description: text(image.description()),
        owner: text(image.owner_id()),
        owner_alias: text(image.image_owner_alias()),
        created: text(image.creation_date()),
        architecture: text(image.architecture().map(AsRef::as_ref)),
        virtualization: text(image.virtualization_type().map(AsRef::as_ref)),
        root_device_type: text(image.root_device_type().map(AsRef::as_ref)),
        root_device: text(image.root_device_name()),
        platform_details: text(image.platform_details()),
        boot_mode: text(image.boot_mode().map(AsRef::as_ref)),
        ena: image.ena_support().unwrap_or_default(),
        product_codes: image.product_codes().iter().filter_map(|code| text(code.product_code_id())).collect(),
    }
}

/// What AWS wrote; nothing where it wrote nothing.
fn text(told: Option<&str>) -> Option<String> {
    told.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn word(told: Option<&str>) -> String {
    told.unwrap_or_default().to_owned()
}
