//! What describing instances and volumes does not tell of them: as few calls as EC2 allows.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::{
    Client,
    config::Builder,
    types::{AttributeBooleanValue, InstanceAttributeName},
};
use cpm_aws_call::repeated;
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::{InstanceId, VolumeId},
    kind::{Kind, Resource},
    origin::{Attribute, AttributeValue, Completed, ImageOrigin, InstanceOrigin, Origin, Reading, VolumeOrigin},
};
use cpm_ports::Access;
use futures::{StreamExt, stream};

use crate::{MAX_FILTER_VALUES, filter, origins, place::failure, resources};

const IMAGES: &str = "ec2:DescribeImages";
const ADDRESSES: &str = "ec2:DescribeAddresses";
const ATTRIBUTE: &str = "ec2:DescribeInstanceAttribute";

/// How many attributes are asked for at the same time. Those that are throttled wait, and with them the rest: so many
/// settle at the rate that EC2 allows.
const AT_ONCE: usize = 8;

/// What is throttled is not read by the next attempt but by one of these.
const ATTEMPTS: u32 = 6;

pub(crate) async fn complete(client: &Client, access: &Access, reading: Reading) -> Completed {
    let limit = std::time::Duration::try_from(reading.patience).unwrap_or_default();
    let limit = tokio::time::sleep(limit);
    let (kind, at) = (reading.kind, reading.at);
    let mut done = Completed::as_they_are(reading.origins);
    if kind == Kind::Volume {
        root_devices(client, access, &mut done).await;
        return done;
    }
    volumes(client, access, &mut done).await;
    images(client, access, &mut done).await;
    addresses(client, access, &mut done).await;
    let mut read = stream::iter(wanted(&done))
        .map(|(id, attribute)| async move {
            let value = attribute_of(client, access, &id, attribute).await;
            (id, attribute, value)
        })
        .buffer_unordered(AT_ONCE);
    tokio::pin!(limit);
    loop {
        tokio::select! {
            biased;
            next = read.next() => match next {
                Some((id, attribute, Ok(value))) => {
                    let found = instances_mut(&mut done).find(|instance| instance.id == id);
                    if let Some(instance) = found {
                        instance.learn(attribute, value, at);
                    }
                }
                Some((id, attribute, Err(error))) => {
                    done.leave_unread(attribute.noun(), vec![Resource::Instance(id)], error);
                }
                None => return done,
            },
            () = &mut limit => break,
        }
    }
    drop(read);
    out_of_time(&mut done);
    done
}

fn instances(done: &Completed) -> impl Iterator<Item = &InstanceOrigin> {
    done.origins
        .iter()
        .filter_map(|origin| if let Origin::Instance(instance) = origin { Some(&**instance) } else { None })
}

fn instances_mut(done: &mut Completed) -> impl Iterator<Item = &mut InstanceOrigin> {
    done.origins
        .iter_mut()
        .filter_map(|origin| if let Origin::Instance(instance) = origin { Some(&mut **instance) } else { None })
}

fn resources_of<'a>(instances: impl Iterator<Item = &'a InstanceOrigin>) -> Vec<Resource> {
    instances.map(|instance| Resource::Instance(instance.id.clone())).collect()
}

/// All volumes of all instances, by the instances: few pages, however many volumes they have.
async fn volumes(client: &Client, access: &Access, done: &mut Completed) {
    let ids: Vec<String> = instances(done).map(|instance| instance.id.to_string()).collect();
    let mut read: BTreeMap<VolumeId, VolumeOrigin> = BTreeMap::new();
    for some in ids.chunks(MAX_FILTER_VALUES) {
        let theirs = filter("attachment.instance-id").set_values(Some(some.to_vec())).build();
        match resources::volumes(client, access, theirs).await {
            Ok(found) => {
                for volume in found {
                    if let Some(Origin::Volume(origin)) = volume.origin.map(|origin| *origin) {
                        read.insert(volume.id, origin);
                    }
                }
            }
            Err(error) => {
                let of = resources_of(instances(done).filter(|instance| some.contains(&instance.id.to_string())));
                done.leave_unread("its volumes", of, error);
            }
        }
    }
    for instance in instances_mut(done) {
        let known: Vec<_> = instance.volumes.iter().filter_map(|volume| read.get(&volume.id)).collect();
        for volume in known {
            instance.take_in(volume);
        }
    }
}

/// The images of all instances, as far as AWS still knows them. By filter, because one that does not exist would fail
/// the whole call; those that are deprecated or disabled are told too.
async fn images(client: &Client, access: &Access, done: &mut Completed) {
    let ids: BTreeSet<String> = instances(done).map(|instance| instance.image.id.clone()).collect();
    let ids: Vec<String> = ids.into_iter().filter(|id| !id.is_empty()).collect();
    for some in ids.chunks(MAX_FILTER_VALUES) {
        match images_of(client, access, some.to_vec()).await {
            Ok(found) => {
                for image in found {
                    let theirs = instances_mut(done).filter(|instance| instance.image.id == image.id);
                    theirs.for_each(|instance| instance.image.clone_from(&image));
                }
            }
            Err(error) => {
                let of = resources_of(instances(done).filter(|instance| some.contains(&instance.image.id)));
                done.leave_unread("its image", of, error);
            }
        }
    }
}

async fn images_of(client: &Client, access: &Access, ids: Vec<String>) -> Result<Vec<ImageOrigin>, AwsError> {
    let these = filter("image-id").set_values(Some(ids)).build();
    let asked = client.describe_images().filters(these).include_deprecated(true).include_disabled(true);
    let answer = asked.send().await.map_err(|error| failure(access, IMAGES, &error))?;
    Ok(answer.images().iter().map(origins::image).collect())
}

/// Which public addresses are elastic. The others are AWS's, and nobody gets one of them back.
async fn addresses(client: &Client, access: &Access, done: &mut Completed) {
    let ips: Vec<String> = instances(done).filter_map(|instance| instance.public_ip.clone()).collect();
    for some in ips.chunks(MAX_FILTER_VALUES) {
        match addresses_of(client, access, some.to_vec()).await {
            Ok(found) => {
                for instance in instances_mut(done) {
                    let elastic = instance.public_ip.as_ref().and_then(|ip| found.get(ip));
                    if let Some(allocation) = elastic {
                        instance.elastic_ip = Some(allocation.clone());
                    }
                }
            }
            Err(error) => {
                let has_one =
                    |instance: &&InstanceOrigin| instance.public_ip.as_ref().is_some_and(|ip| some.contains(ip));
                let of = resources_of(instances(done).filter(has_one));
                done.leave_unread("its elastic address", of, error);
            }
        }
    }
}

async fn addresses_of(
    client: &Client,
    access: &Access,
    ips: Vec<String>,
) -> Result<BTreeMap<String, String>, AwsError> {
    let these = filter("public-ip").set_values(Some(ips)).build();
    let answer = client.describe_addresses().filters(these).send().await;
    let answer = answer.map_err(|error| failure(access, ADDRESSES, &error))?;
    let elastic = answer.addresses().iter();
    Ok(elastic.filter_map(|one| Some((one.public_ip()?.to_owned(), one.allocation_id()?.to_owned()))).collect())
}

fn wanted(done: &Completed) -> Vec<(InstanceId, Attribute)> {
    instances(done).flat_map(|instance| instance.wanted().map(|attribute| (instance.id.clone(), attribute))).collect()
}

/// EC2 tells one attribute of one instance at a time.
async fn attribute_of(
    client: &Client,
    access: &Access,
    id: &InstanceId,
    attribute: Attribute,
) -> Result<AttributeValue, AwsError> {
    let name = match attribute {
        Attribute::UserData => InstanceAttributeName::UserData,
        Attribute::ShutdownBehavior => InstanceAttributeName::InstanceInitiatedShutdownBehavior,
        Attribute::TerminationProtection => InstanceAttributeName::DisableApiTermination,
    };
    let call = client.describe_instance_attribute().instance_id(id.as_str()).attribute(name).customize();
    let patient = Builder::new().retry_config(repeated().with_max_attempts(ATTEMPTS));
    let answer = call.config_override(patient).send().await;
    let answer = answer.map_err(|error| failure(access, ATTRIBUTE, &error))?;
    let text = |value: Option<&aws_sdk_ec2::types::AttributeValue>| {
        AttributeValue::Text(value.and_then(|value| value.value()).filter(|text| !text.is_empty()).map(str::to_owned))
    };
    Ok(match attribute {
        Attribute::UserData => text(answer.user_data()),
        Attribute::ShutdownBehavior => text(answer.instance_initiated_shutdown_behavior()),
        Attribute::TerminationProtection => {
            let protected = answer.disable_api_termination().and_then(AttributeBooleanValue::value);
            AttributeValue::Switch(protected.unwrap_or_default())
        }
    })
}

/// Says what was not asked for any more.
fn out_of_time(done: &mut Completed) {
    let open: Vec<_> = wanted(done);
    let is_said = |done: &Completed, id: &InstanceId, attribute: Attribute| {
        let of = Resource::Instance(id.clone());
        done.unread.iter().any(|unread| unread.what == attribute.noun() && unread.of.contains(&of))
    };
    for (id, attribute) in open {
        if !is_said(done, &id, attribute) {
            let error = AwsError {
                refusal: Refusal::Unknown,
                action: ATTRIBUTE.to_owned(),
                code: "OutOfTime".to_owned(),
                message: "there are more instances than EC2 tells of in the time that a backup waits for it: the \
                          next backup reads the rest"
                    .to_owned(),
            };
            done.leave_unread(attribute.noun(), vec![Resource::Instance(id)], error);
        }
    }
}

/// Which of the volumes hold the root device of their instance, which alone knows it.
async fn root_devices(client: &Client, access: &Access, done: &mut Completed) {
    let holders: BTreeSet<String> = attached(done).map(|(_, holder)| holder.to_string()).collect();
    let holders: Vec<String> = holders.into_iter().collect();
    for some in holders.chunks(MAX_FILTER_VALUES) {
        let these = filter("instance-id").set_values(Some(some.to_vec())).build();
        match resources::instances(client, access, these).await {
            Ok(found) => {
                let roots: BTreeSet<VolumeId> = found
                    .into_iter()
                    .flat_map(|instance| instance.volumes)
                    .filter(|attached| attached.is_root)
                    .map(|attached| attached.volume)
                    .collect();
                for origin in &mut done.origins {
                    if let Origin::Volume(volume) = origin {
                        volume.is_root |= roots.contains(&volume.id);
                    }
                }
            }
            Err(error) => {
                let of = attached(done).filter(|(_, holder)| some.contains(&holder.to_string()));
                let of = of.map(|(volume, _)| Resource::Volume(volume.clone())).collect();
                done.leave_unread("whether it is a root volume", of, error);
            }
        }
    }
}

fn attached(done: &Completed) -> impl Iterator<Item = (&VolumeId, &InstanceId)> {
    done.origins.iter().filter_map(|origin| match origin {
        Origin::Volume(volume) => Some((&volume.id, volume.attached_to.as_ref()?)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use cpm_domain::aws::{Attached, Tags};
    use cpm_domain::origin::Reads;

    use super::*;

    fn instance(n: u8) -> Origin {
        let id: InstanceId = format!("i-{n:017x}").parse().unwrap();
        let root = Attached { volume: "vol-0000000a".parse().unwrap(), device: "/dev/xvda".into(), is_root: true };
        Origin::Instance(Box::new(InstanceOrigin {
            volumes: vec![VolumeOrigin::seen_on(&id, "eu-west-1a", &root, true)],
            id,
            instance_type: "m5.large".into(),
            architecture: "x86_64".into(),
            platform: cpm_domain::aws::Platform::Linux,
            platform_details: None,
            image: ImageOrigin::default(),
            root_device: None,
            virtualization: None,
            boot_mode: None,
            ena: true,
            kernel: None,
            ramdisk: None,
            key_pair: None,
            zone: "eu-west-1a".into(),
            vpc: None,
            subnet: None,
            placement_group: None,
            tenancy: None,
            security_groups: vec![],
            private_ip: None,
            secondary_ips: vec![],
            public_ip: None,
            elastic_ip: None,
            interfaces: 1,
            profile: None,
            user_data: None,
            shutdown_behavior: None,
            termination_protection: false,
            monitoring: false,
            ebs_optimized: false,
            metadata: None,
            tags: Tags::new(),
            read: Reads::default(),
            unread: vec![],
        }))
    }

    #[test]
    fn what_time_did_not_allow_is_said_once() {
        let mut done = Completed::as_they_are(vec![instance(1), instance(2)]);
        let denied = AwsError {
            refusal: Refusal::Denied,
            action: ATTRIBUTE.into(),
            code: "UnauthorizedOperation".into(),
            message: "no".into(),
        };
        let first = Resource::Instance("i-00000000000000001".parse().unwrap());
        done.leave_unread(Attribute::UserData.noun(), vec![first], denied);
        out_of_time(&mut done);
        let told: Vec<_> = done
            .unread
            .iter()
            .map(|unread| (unread.what.as_str(), unread.error.code.as_str(), unread.of.len()))
            .collect();
        let expected = [
            ("the user data", "UnauthorizedOperation", 1),
            ("the shutdown behaviour", "OutOfTime", 2),
            ("the termination protection", "OutOfTime", 2),
            ("the user data", "OutOfTime", 1),
        ];
        assert_eq!(told, expected);
    }
}
