//! What makes something: images, instances and volumes.

use aws_sdk_ec2::{
    Client,
    types::{
        ArchitectureValues, BlockDeviceMapping, BootModeValues, EbsBlockDevice, HttpTokensState,
        IamInstanceProfileSpecification, ImdsSupportValues, InstanceMetadataEndpointState,
        InstanceMetadataOptionsRequest, InstanceMetadataTagsState, InstanceNetworkInterfaceSpecification,
        InstanceType, Placement, PrivateIpAddressSpecification, ResourceType, RunInstancesMonitoringEnabled,
        ShutdownBehavior, Tenancy, VolumeType,
    },
};
use cpm_aws_place::id_of;
use cpm_domain::{
    aws::AwsError,
    origin::MetadataOptions,
    provenance::BACKUP,
    recovery::{
        RECOVERY, plan,
        work::{Device, ImageSpec, LaunchSpec, Made, MadeKind, Order},
    },
};
use cpm_ports::Access;

use super::{PLATFORM, WINDOWS, both, specification};
use crate::{answer, creation, place::failure};

const REGISTER: &str = "ec2:RegisterImage";
pub(crate) const LAUNCH: &str = "ec2:RunInstances";
const CREATE_VOLUME: &str = "ec2:CreateVolume";

/// The longest token that AWS takes.
const TOKEN: usize = 64;

pub(super) async fn register(
    client: &Client,
    access: &Access,
    order: &Order,
    spec: &ImageSpec,
) -> Result<Vec<Made>, AwsError> {
    let mut tags = order.tags.clone();
    if spec.windows {
        tags.insert(PLATFORM.to_owned(), WINDOWS.to_owned());
    }
    // A key is named when it is launched: an image is registered as its snapshots are.
    let devices = spec.devices.iter().map(|device| mapping(&Device { kms_key: None, ..device.clone() }));
    let call = client
        .register_image()
        .name(&spec.name)
        .description(description(order))
        .architecture(ArchitectureValues::from(spec.architecture.as_str()))
        .virtualization_type(&spec.virtualization)
        .root_device_name(&spec.root_device)
        .set_boot_mode(spec.boot_mode.as_deref().map(BootModeValues::from))
        .set_ena_support(spec.ena.then_some(true))
        .set_kernel_id(spec.kernel.clone())
        .set_ramdisk_id(spec.ramdisk.clone())
        .set_imds_support(spec.imds.as_deref().map(ImdsSupportValues::from))
        .set_block_device_mappings(Some(devices.collect()))
        .tag_specifications(specification(ResourceType::Image, &tags))
        .customize()
        .config_override(creation());
    let made = call.send().await.map_err(|error| failure(access, REGISTER, &error))?;
    let id = answer::image_id(REGISTER, made.image_id())?;
    Ok(vec![Made::pending(MadeKind::Image, id.as_str())])
}

fn description(order: &Order) -> String {
    let tag = |key| order.tags.get(key).map_or("?", String::as_str);
    format!("cpm: recovery {} of backup {}", tag(RECOVERY), tag(BACKUP))
}

pub(super) async fn run(
    client: &Client,
    access: &Access,
    order: &Order,
    spec: &LaunchSpec,
) -> Result<Vec<Made>, AwsError> {
    let mut call = client
        .run_instances()
        .client_token(token(&order.token))
        .min_count(1)
        .max_count(i32::try_from(spec.count).unwrap_or(i32::MAX))
        .image_id(id_of(&spec.image)?)
        .instance_type(InstanceType::from(spec.instance_type.as_str()))
        .set_key_name(spec.key_pair.clone())
        .set_iam_instance_profile(spec.profile.as_deref().map(profile))
        .set_user_data(spec.user_data.clone())
        .set_instance_initiated_shutdown_behavior(spec.shutdown_behavior.map(shutdown))
        .set_kernel_id(spec.kernel.clone())
        .set_ramdisk_id(spec.ramdisk.clone())
        .set_monitoring(spec.monitoring.then(|| RunInstancesMonitoringEnabled::builder().enabled(true).build()))
        .set_ebs_optimized(spec.ebs_optimized.then_some(true))
        .set_placement(placement(spec))
        .set_metadata_options(spec.metadata.as_ref().map(metadata))
        .set_block_device_mappings(mappings(spec))
        .tag_specifications(specification(ResourceType::Instance, &both(order, &spec.tags)))
        .tag_specifications(specification(ResourceType::Volume, &order.tags));
    let groups = (!spec.security_groups.is_empty()).then(|| spec.security_groups.clone());
    // An interface of its own says what the plain fields cannot.
    call = if spec.public_ip.is_some() || !spec.secondary_ips.is_empty() {
        call.network_interfaces(interface(spec, groups))
    } else {
        call.set_subnet_id(spec.subnet.clone())
            .set_security_group_ids(groups)
            .set_private_ip_address(spec.private_ip.clone())
    };
    let made = call.customize().config_override(creation()).send().await;
    let made = made.map_err(|error| failure(access, LAUNCH, &error))?;
    let ids = made.instances().iter().map(|instance| instance.instance_id().unwrap_or_default());
    Ok(ids.map(|id| Made::pending(MadeKind::Instance, id)).collect())
}

fn profile(profile: &str) -> IamInstanceProfileSpecification {
    let builder = IamInstanceProfileSpecification::builder();
    if profile.starts_with("arn:") { builder.arn(profile).build() } else { builder.name(profile).build() }
}

fn shutdown(behavior: plan::ShutdownBehavior) -> ShutdownBehavior {
    match behavior {
        plan::ShutdownBehavior::Stop => ShutdownBehavior::Stop,
        plan::ShutdownBehavior::Terminate => ShutdownBehavior::Terminate,
    }
}

fn placement(spec: &LaunchSpec) -> Option<Placement> {
    // A subnet has a zone already.
    let zone = spec.zone.clone().filter(|_| spec.subnet.is_none());
    if zone.is_none() && spec.placement_group.is_none() && spec.tenancy.is_none() {
        return None;
    }
    let placement = Placement::builder()
        .set_availability_zone(zone)
        .set_group_name(spec.placement_group.clone())
        .set_tenancy(spec.tenancy.as_deref().map(Tenancy::from));
    Some(placement.build())
}

fn metadata(options: &MetadataOptions) -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .set_http_tokens(options.http_tokens.as_deref().map(HttpTokensState::from))
        .set_http_endpoint(options.http_endpoint.as_deref().map(InstanceMetadataEndpointState::from))
        .set_http_put_response_hop_limit(options.hop_limit)
        .set_instance_metadata_tags(options.instance_tags.as_deref().map(InstanceMetadataTagsState::from))
        .build()
}

fn interface(spec: &LaunchSpec, groups: Option<Vec<String>>) -> InstanceNetworkInterfaceSpecification {
    let builder = InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .delete_on_termination(true)
        .set_subnet_id(spec.subnet.clone())
        .set_groups(groups)
        .set_associate_public_ip_address(spec.public_ip);
    if spec.secondary_ips.is_empty() {
        return builder.set_private_ip_address(spec.private_ip.clone()).build();
    }
    let address = |ip: &String, is_primary| {
        PrivateIpAddressSpecification::builder().private_ip_address(ip).primary(is_primary).build()
    };
    let primary = spec.private_ip.iter().map(|ip| address(ip, true));
    let all = primary.chain(spec.secondary_ips.iter().map(|ip| address(ip, false)));
    builder.set_private_ip_addresses(Some(all.collect())).build()
}

fn mappings(spec: &LaunchSpec) -> Option<Vec<BlockDeviceMapping>> {
    let ephemeral = spec
        .ephemeral
        .iter()
        .map(|(device, name)| BlockDeviceMapping::builder().device_name(device).virtual_name(name).build());
    // An empty text is how the EC2 API leaves a device out.
    let left_out =
        spec.left_out.iter().map(|device| BlockDeviceMapping::builder().device_name(device).no_device("").build());
    let all: Vec<_> = spec.devices.iter().map(mapping).chain(ephemeral).chain(left_out).collect();
    (!all.is_empty()).then_some(all)
}

fn mapping(device: &Device) -> BlockDeviceMapping {
    let ebs = EbsBlockDevice::builder()
        .set_snapshot_id(device.snapshot.clone())
        .volume_size(device.size)
        .volume_type(VolumeType::from(device.volume_type.as_str()))
        .set_iops(device.iops)
        .set_throughput(device.throughput)
        .set_encrypted(device.kms_key.is_some().then_some(true))
        .set_kms_key_id(device.kms_key.clone())
        .delete_on_termination(device.delete_on_termination);
    BlockDeviceMapping::builder().device_name(&device.device).ebs(ebs.build()).build()
}

pub(super) async fn create_volume(
    client: &Client,
    access: &Access,
    order: &Order,
    device: &Device,
    zone: &str,
) -> Result<Vec<Made>, AwsError> {
    let call = client
        .create_volume()
        .client_token(token(&order.token))
        .availability_zone(zone)
        .set_snapshot_id(device.snapshot.clone())
        .size(device.size)
        .volume_type(VolumeType::from(device.volume_type.as_str()))
        .set_iops(device.iops)
        .set_throughput(device.throughput)
        .set_encrypted(device.kms_key.is_some().then_some(true))
        .set_kms_key_id(device.kms_key.clone())
        .tag_specifications(specification(ResourceType::Volume, &both(order, &device.tags)))
        .customize()
        .config_override(creation());
    let made = call.send().await.map_err(|error| failure(access, CREATE_VOLUME, &error))?;
    let id: cpm_domain::id::VolumeId = answer::id(CREATE_VOLUME, made.volume_id())?;
    Ok(vec![Made::pending(MadeKind::Volume, id.as_str())])
}

/// As much of a token as AWS takes. What a longer one would lose is told by its hash (FNV-1a), the same at any time.
fn token(token: &str) -> String {
    if token.len() <= TOKEN && token.is_ascii() {
        return token.to_owned();
    }
    let hash = token
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let start: String = token.chars().filter(char::is_ascii).take(TOKEN - 17).collect();
    format!("{start}-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_fit_and_tell_works_apart() {
        assert_eq!(token("cpm-root-r17-3"), "cpm-root-r17-3");
        let long = |work: u32| token(&format!("{}-root-r17-{work}", "d".repeat(80)));
        assert_eq!(long(1).len(), 64);
        assert_eq!(long(1), long(1));
        assert_ne!(long(1), long(2));
        assert!(token("dépôt-1").is_ascii());
    }
}
