//! What AWS says of the place that a recovery goes to. All questions of a kind are one call, and all calls go out at once.
//! By filter, because an id that does not exist would fail the whole call.

use std::{collections::BTreeSet, net::IpAddr};

use aws_sdk_ec2::{
    Client,
    types::{Address, EnaSupport, Filter, LocationType, ProcessorInfo, StorageTier},
};
use cpm_domain::{
    aws::{AwsError, snapshot_state},
    recovery::facts::{Facts, ImageFact, InstanceFact, Question, SnapshotFact, SubnetFact, TypeFact},
    unit::UnitState,
};
use cpm_ports::Access;

use super::look;
use crate::{MAX_FILTER_VALUES, PAGE, answer, filter, place::failure};

const SNAPSHOTS: &str = "ec2:DescribeSnapshots";
const IMAGES: &str = "ec2:DescribeImages";
const SUBNETS: &str = "ec2:DescribeSubnets";
const GROUPS: &str = "ec2:DescribeSecurityGroups";
const KEY_PAIRS: &str = "ec2:DescribeKeyPairs";
const TYPES: &str = "ec2:DescribeInstanceTypes";
const OFFERINGS: &str = "ec2:DescribeInstanceTypeOfferings";
const INTERFACES: &str = "ec2:DescribeNetworkInterfaces";
const ADDRESSES: &str = "ec2:DescribeAddresses";
const INSTANCES: &str = "ec2:DescribeInstances";
const PLACEMENT_GROUPS: &str = "ec2:DescribePlacementGroups";
const ZONES: &str = "ec2:DescribeAvailabilityZones";

/// The most items that AWS gives in one page of instance types.
const PAGE_OF_TYPES: i32 = 100;

/// The questions, by what is asked.
#[derive(Default)]
struct Asked {
    snapshots: Vec<String>,
    images: Vec<String>,
    subnets: Vec<String>,
    groups: Vec<String>,
    key_pairs: Vec<String>,
    types: Vec<String>,
    addresses: Vec<(String, IpAddr)>,
    elastic: Vec<String>,
    instances: Vec<String>,
    placement_groups: Vec<String>,
    zones: bool,
}

impl Asked {
    fn of(questions: &[Question]) -> Self {
        let mut asked = Self::default();
        for question in questions {
            match question {
                Question::Snapshot(id) => asked.snapshots.push(id.as_str().to_owned()),
                Question::Image(id) => asked.images.push(id.clone()),
                Question::Subnet(id) => asked.subnets.push(id.clone()),
                Question::Group(id) => asked.groups.push(id.clone()),
                Question::KeyPair(name) => asked.key_pairs.push(name.clone()),
                Question::InstanceType(name) => asked.types.push(name.clone()),
                Question::Address { subnet, ip } => asked.addresses.push((subnet.clone(), *ip)),
                Question::ElasticIp(id) => asked.elastic.push(id.clone()),
                Question::Instance(id) => asked.instances.push(id.as_str().to_owned()),
                Question::PlacementGroup(name) => asked.placement_groups.push(name.clone()),
                Question::Zones => asked.zones = true,
                // Those of other services.
                _ => {}
            }
        }
        asked
    }
}

pub(super) async fn ask(client: &Client, access: &Access, questions: &[Question]) -> Result<Facts, AwsError> {
    let asked = Asked::of(questions);
    let mut facts = Facts::default();
    let (
        snapshots,
        images,
        subnets,
        groups,
        key_pairs,
        types,
        offerings,
        taken,
        elastic,
        instances,
        placement,
        zones,
    ) = tokio::try_join!(
        snapshots(client, access, &asked.snapshots),
        images(client, access, &asked.images),
        subnets(client, access, &asked.subnets),
        groups(client, access, &asked.groups),
        key_pairs(client, access, &asked.key_pairs),
        types(client, access, &asked.types),
        offerings(client, access, &asked.types),
        taken(client, access, &asked.addresses),
        elastic(client, access, &asked.elastic),
        instances(client, access, &asked.instances),
        placement_groups(client, access, &asked.placement_groups),
        zones(client, access, asked.zones),
    )?;
    for some in [snapshots, images, subnets, groups, key_pairs, types, taken, elastic, instances, placement, zones] {
        facts.merge(some);
    }
    for (name, zone) in offerings {
        if let Some(known) = facts.types.get_mut(&name) {
            known.zones.insert(zone);
        }
    }
    Ok(facts)
}

/// A filter for each call that these need: none for nothing.
fn filters<'a>(name: &'static str, ids: &'a [String]) -> impl Iterator<Item = Filter> + 'a {
    ids.chunks(MAX_FILTER_VALUES).map(move |some| filter(name).set_values(Some(some.to_vec())).build())
}

/// Those that the account owns or that are shared with it: all that are public are many.
async fn snapshots(client: &Client, access: &Access, ids: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("snapshot-id", ids) {
        let asked = client.describe_snapshots().restorable_by_user_ids("self").filters(these).max_results(PAGE);
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, SNAPSHOTS, &error))?;
            for snapshot in page.snapshots() {
                let tier = snapshot.storage_tier().map_or("standard", StorageTier::as_str);
                let fact = SnapshotFact {
                    state: snapshot.state().map_or(UnitState::Pending, |state| snapshot_state(state.as_str())),
                    size: snapshot.volume_size().unwrap_or_default(),
                    encrypted: snapshot.encrypted().unwrap_or_default(),
                    kms_key: snapshot.kms_key_id().map(str::to_owned),
                    tier: tier.to_owned(),
                    tags: answer::tags(snapshot.tags()),
                };
                facts.snapshots.insert(answer::id(SNAPSHOTS, snapshot.snapshot_id())?, fact);
            }
        }
    }
    Ok(facts)
}

/// Whoever owns them, also those that are out of date.
async fn images(client: &Client, access: &Access, ids: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("image-id", ids) {
        let asked = client.describe_images().include_deprecated(true).include_disabled(true).filters(these);
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, IMAGES, &error))?;
            for image in page.images() {
                let mut fact = ImageFact {
                    state: image.state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
                    name: image.name().unwrap_or_default().to_owned(),
                    architecture: image.architecture().map(|it| it.as_str().to_owned()).unwrap_or_default(),
                    platform_details: image.platform_details().map(str::to_owned),
                    root_device: image.root_device_name().map(str::to_owned),
                    ..ImageFact::default()
                };
                for mapping in image.block_device_mappings() {
                    let Some(ebs) = mapping.ebs().filter(|ebs| ebs.snapshot_id().is_some()) else { continue };
                    let snapshot = answer::id(IMAGES, ebs.snapshot_id())?;
                    let device = mapping.device_name().unwrap_or_default().to_owned();
                    fact.devices.insert(device, (snapshot, ebs.volume_size().unwrap_or_default()));
                }
                facts.images.insert(image.image_id().unwrap_or_default().to_owned(), fact);
            }
        }
    }
    Ok(facts)
}

async fn subnets(client: &Client, access: &Access, ids: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("subnet-id", ids) {
        let answer = client.describe_subnets().filters(these).send().await;
        for subnet in answer.map_err(|error| failure(access, SUBNETS, &error))?.subnets() {
            let fact = SubnetFact {
                zone: subnet.availability_zone().unwrap_or_default().to_owned(),
                vpc: subnet.vpc_id().unwrap_or_default().to_owned(),
                cidr: subnet.cidr_block().unwrap_or_default().to_owned(),
                free: subnet.available_ip_address_count().unwrap_or_default(),
                public: subnet.map_public_ip_on_launch().unwrap_or_default(),
            };
            facts.subnets.insert(subnet.subnet_id().unwrap_or_default().to_owned(), fact);
        }
    }
    Ok(facts)
}

async fn groups(client: &Client, access: &Access, ids: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("group-id", ids) {
        let answer = client.describe_security_groups().filters(these).send().await;
        for group in answer.map_err(|error| failure(access, GROUPS, &error))?.security_groups() {
            let vpc = group.vpc_id().unwrap_or_default().to_owned();
            facts.groups.insert(group.group_id().unwrap_or_default().to_owned(), vpc);
        }
    }
    Ok(facts)
}

async fn key_pairs(client: &Client, access: &Access, names: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("key-name", names) {
        let answer = client.describe_key_pairs().filters(these).send().await;
        let answer = answer.map_err(|error| failure(access, KEY_PAIRS, &error))?;
        facts.key_pairs.extend(answer.key_pairs().iter().filter_map(|pair| pair.key_name()).map(str::to_owned));
    }
    Ok(facts)
}

async fn types(client: &Client, access: &Access, names: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("instance-type", names) {
        let asked = client.describe_instance_types().filters(these).max_results(PAGE_OF_TYPES);
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, TYPES, &error))?;
            for known in page.instance_types() {
                let processor = known.processor_info();
                let architectures = processor.map(ProcessorInfo::supported_architectures).unwrap_or_default();
                let ena = known.network_info().and_then(|network| network.ena_support());
                let fact = TypeFact {
                    architectures: architectures.iter().map(|it| it.as_str().to_owned()).collect(),
                    virtualizations: known
                        .supported_virtualization_types()
                        .iter()
                        .map(|it| it.as_str().to_owned())
                        .collect(),
                    needs_ena: ena == Some(&EnaSupport::Required),
                    zones: BTreeSet::new(),
                };
                let name = known.instance_type().map(|name| name.as_str().to_owned());
                facts.types.insert(name.unwrap_or_default(), fact);
            }
        }
    }
    Ok(facts)
}

/// Types with the zones that offer them.
async fn offerings(client: &Client, access: &Access, names: &[String]) -> Result<Vec<(String, String)>, AwsError> {
    let mut found = Vec::new();
    for these in filters("instance-type", names) {
        let asked = client.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
        let mut pages = asked.filters(these).max_results(PAGE).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, OFFERINGS, &error))?;
            for offering in page.instance_type_offerings() {
                let name = offering.instance_type().map(|name| name.as_str().to_owned());
                found.push((name.unwrap_or_default(), offering.location().unwrap_or_default().to_owned()));
            }
        }
    }
    Ok(found)
}

/// Those addresses that an interface has.
async fn taken(client: &Client, access: &Access, asked: &[(String, IpAddr)]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for some in asked.chunks(MAX_FILTER_VALUES) {
        let subnets: BTreeSet<String> = some.iter().map(|(subnet, _)| subnet.clone()).collect();
        let addresses: BTreeSet<String> = some.iter().map(|(_, ip)| ip.to_string()).collect();
        let of_subnets = filter("subnet-id").set_values(Some(subnets.into_iter().collect())).build();
        let with = filter("addresses.private-ip-address").set_values(Some(addresses.into_iter().collect())).build();
        let call = client.describe_network_interfaces().filters(of_subnets).filters(with).max_results(PAGE);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, INTERFACES, &error))?;
            for interface in page.network_interfaces() {
                let subnet = interface.subnet_id().unwrap_or_default();
                let all = interface.private_ip_addresses().iter().filter_map(|it| it.private_ip_address());
                let all = all.chain(interface.private_ip_address()).filter_map(|ip| ip.parse::<IpAddr>().ok());
                let is_asked = |ip: &IpAddr| some.iter().any(|(of, asked)| of == subnet && asked == ip);
                facts.taken.extend(all.filter(is_asked).map(|ip| (subnet.to_owned(), ip)));
            }
        }
    }
    Ok(facts)
}

async fn elastic(client: &Client, access: &Access, ids: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for address in addresses(client, access, ids).await? {
        let has_it = address.instance_id().or(address.network_interface_id()).or(address.association_id());
        let has_it = has_it.filter(|id| !id.is_empty()).map(str::to_owned);
        facts.elastic.insert(address.allocation_id().unwrap_or_default().to_owned(), has_it);
    }
    Ok(facts)
}

/// Elastic addresses by their allocations.
pub(super) async fn addresses(client: &Client, access: &Access, ids: &[String]) -> Result<Vec<Address>, AwsError> {
    let mut found = Vec::new();
    for these in filters("allocation-id", ids) {
        let answer = client.describe_addresses().filters(these).send().await;
        found.extend(answer.map_err(|error| failure(access, ADDRESSES, &error))?.addresses.unwrap_or_default());
    }
    Ok(found)
}

async fn instances(client: &Client, access: &Access, ids: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("instance-id", ids) {
        for instance in look::instances(client, access, vec![these]).await? {
            let state = instance.state().and_then(|state| state.name());
            let mut fact = InstanceFact {
                state: state.map(|name| name.as_str().to_owned()).unwrap_or_default(),
                zone: instance.placement().and_then(|it| it.availability_zone()).unwrap_or_default().to_owned(),
                ..InstanceFact::default()
            };
            for mapping in instance.block_device_mappings() {
                let Some(ebs) = mapping.ebs() else { continue };
                let device = mapping.device_name().unwrap_or_default().to_owned();
                fact.devices.insert(device, answer::id(INSTANCES, ebs.volume_id())?);
            }
            facts.instances.insert(answer::id(INSTANCES, instance.instance_id())?, fact);
        }
    }
    Ok(facts)
}

async fn placement_groups(client: &Client, access: &Access, names: &[String]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for these in filters("group-name", names) {
        let answer = client.describe_placement_groups().filters(these).send().await;
        let answer = answer.map_err(|error| failure(access, PLACEMENT_GROUPS, &error))?;
        let found = answer.placement_groups().iter().filter_map(|group| group.group_name());
        facts.placement_groups.extend(found.map(str::to_owned));
    }
    Ok(facts)
}

/// Those that the account has opted into, and that work.
async fn zones(client: &Client, access: &Access, asked: bool) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    if asked {
        let working = filter("state").values("available").build();
        let answer = client.describe_availability_zones().filters(working).send().await;
        let answer = answer.map_err(|error| failure(access, ZONES, &error))?;
        facts.zones =
            answer.availability_zones().iter().filter_map(|zone| zone.zone_name()).map(str::to_owned).collect();
    }
    Ok(facts)
}
