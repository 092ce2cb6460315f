//! What a plan leaves out, from the instance as it was.

use super::{
    Subject, ebs, image_fact, is_from_image, is_home, is_only_image, is_same_region, origin, parts, root, tags,
};
use crate::{
    kind::Resource,
    origin::{InstanceOrigin, MetadataOptions},
    recovery::{
        facts::{Facts, ImageFact},
        plan::{ImageHandling, InstancePlan, LaunchFrom, ShutdownBehavior, VolumePlan},
    },
    unit::UnitState,
};

/// Writes it down.
pub(in super::super) fn fill(wanted: &mut InstancePlan, subject: &Subject) {
    fill_image(wanted, subject);
    fill_volumes(wanted, subject);
    if is_only_image(wanted) {
        return;
    }
    let count = *wanted.count.get_or_insert(1);
    wanted.ephemeral.get_or_insert_default();
    let origin = origin(subject);
    wanted.monitoring.get_or_insert(origin.is_some_and(|origin| origin.monitoring));
    wanted.ebs_optimized.get_or_insert(origin.is_some_and(|origin| origin.ebs_optimized));
    wanted.termination_protection.get_or_insert(origin.is_some_and(|origin| origin.termination_protection));
    wanted.tags.get_or_insert_with(|| origin.map(|origin| tags::own(&origin.tags)).unwrap_or_default());
    if let Some(origin) = origin {
        fill_instance(wanted, origin);
        if is_home(subject) {
            fill_place(wanted, origin, count);
        }
    }
}

/// From what it is launched: the snapshot of the root device when there is one, else the backup's own image, the initial
/// one, or the one that the instance was launched from.
fn fill_image(wanted: &mut InstancePlan, subject: &Subject) {
    let origin = origin(subject);
    let images = [ebs::own_image(subject), ebs::initial_image(subject)];
    let kept = images.into_iter().flatten().next();
    let launch_from = wanted.launch_from.unwrap_or_else(|| {
        let snapshots = ebs::sources(subject).iter().any(|source| source.content.is_some());
        match (ebs::said(wanted.image.as_ref()), kept) {
            (Some(_), _) => LaunchFrom::Image,
            _ if has_root_snapshot(wanted, subject) => LaunchFrom::Snapshot,
            // What was the root volume is not on record: people have to say it.
            (None, None) if origin.is_none() && snapshots => LaunchFrom::Snapshot,
            _ => LaunchFrom::Image,
        }
    });
    wanted.launch_from = Some(launch_from);
    if launch_from == LaunchFrom::Snapshot {
        wanted.image_handling.get_or_insert(ImageHandling::Deregister);
    } else if wanted.image.is_none() {
        let original = origin.filter(|_| is_same_region(subject)).map(|origin| origin.image.id.clone());
        wanted.image = kept.map(ToString::to_string).or_else(|| original.filter(|id| !id.is_empty()));
    }
    if let Some(origin) = origin {
        fill_kernel(wanted, origin, is_same_region(subject));
    }
}

/// Kernels have ids of their Region.
fn fill_kernel(wanted: &mut InstancePlan, origin: &InstanceOrigin, same_region: bool) {
    wanted.architecture.get_or_insert_with(|| origin.architecture.clone());
    if same_region {
        wanted.kernel = wanted.kernel.take().or_else(|| origin.kernel.clone());
        wanted.ramdisk = wanted.ramdisk.take().or_else(|| origin.ramdisk.clone());
    }
}

fn has_root_snapshot(wanted: &InstancePlan, subject: &Subject) -> bool {
    let Some(root) = root(wanted, subject) else { return false };
    let of_root = subject.units.iter().filter(|unit| matches!(&unit.source, Resource::Volume(id) if *id == root));
    origin(subject).is_some()
        && of_root.into_iter().any(|unit| unit.state == UnitState::Completed && unit.id.is_some())
}

/// Names every volume whose data is there, and the root one, which has a size even where an image brings it.
fn fill_volumes(wanted: &mut InstancePlan, subject: &Subject) {
    let (root, home) = (root(wanted, subject), is_home(subject));
    let sources = ebs::sources(subject);
    for source in &sources {
        let is_root = root.as_ref() == Some(&source.volume);
        let there = source.content.is_some() || (is_root && is_from_image(wanted));
        if there && wanted.volumes.iter().all(|plan| plan.volume != source.volume) {
            wanted.volumes.push(VolumePlan::new(source.volume.clone()));
        }
    }
    for plan in &mut wanted.volumes {
        let Some(source) = sources.iter().find(|source| source.volume == plan.volume) else { continue };
        ebs::fill(plan, source, home, true);
        if root.as_ref() == Some(&plan.volume) {
            plan.recover.get_or_insert(true);
            plan.delete_on_termination.get_or_insert(true);
        }
    }
}

fn fill_instance(wanted: &mut InstancePlan, origin: &InstanceOrigin) {
    wanted.instance_type.get_or_insert_with(|| origin.instance_type.clone());
    let shutdown = match origin.shutdown_behavior.as_deref() {
        Some("stop") => Some(ShutdownBehavior::Stop),
        Some("terminate") => Some(ShutdownBehavior::Terminate),
        _ => None,
    };
    wanted.shutdown_behavior = wanted.shutdown_behavior.or(shutdown);
    wanted.user_data = wanted.user_data.take().or_else(|| origin.user_data.clone());
    fill_metadata(&mut wanted.metadata, origin.metadata.as_ref());
    // A dedicated host is of an account: elsewhere there is none to be sure of.
    let tenancy = origin.tenancy.as_ref().filter(|tenancy| *tenancy != "host");
    wanted.tenancy = wanted.tenancy.take().or_else(|| tenancy.cloned());
}

/// What the instance demanded of those who ask its metadata service, it goes on to demand.
fn fill_metadata(wanted: &mut Option<MetadataOptions>, origin: Option<&MetadataOptions>) {
    let Some(origin) = origin.cloned() else { return };
    let wanted = wanted.get_or_insert_default();
    wanted.http_tokens = wanted.http_tokens.take().or(origin.http_tokens);
    wanted.http_endpoint = wanted.http_endpoint.take().or(origin.http_endpoint);
    wanted.hop_limit = wanted.hop_limit.or(origin.hop_limit);
    wanted.instance_tags = wanted.instance_tags.take().or(origin.instance_tags);
}

/// What belongs to an account and a Region. Elsewhere people have to choose it.
fn fill_place(wanted: &mut InstancePlan, origin: &InstanceOrigin, count: u32) {
    let elsewhere = ebs::said(wanted.zone.as_ref()).is_some_and(|zone| zone != origin.zone);
    if wanted.subnet.is_none() {
        // A zone that is not that of the source's subnet: the default subnet of that zone, which AWS knows.
        wanted.subnet = if elsewhere { Some(String::new()) } else { origin.subnet.clone() };
    }
    let subnet = ebs::said(wanted.subnet.as_ref());
    let same_subnet = subnet == origin.subnet.as_deref();
    if subnet.is_none() && wanted.zone.is_none() {
        wanted.zone = Some(origin.zone.clone());
    }
    if same_subnet || subnet.is_some() {
        wanted.security_groups.get_or_insert_with(|| origin.security_groups.clone());
    }
    let keeps = same_subnet && count == 1;
    let address = origin.private_ip.clone().filter(|_| keeps).unwrap_or_default();
    // More addresses belong to the first one: who chooses that chooses them.
    let more = wanted.private_ip.as_ref().is_none_or(|ip| *ip == address);
    wanted.private_ip.get_or_insert(address);
    let secondary = origin.secondary_ips.clone();
    wanted.secondary_ips.get_or_insert_with(|| if keeps && more { secondary } else { Vec::new() });
    let elastic = origin.elastic_ip.clone().filter(|_| count == 1);
    wanted.elastic_ip = wanted.elastic_ip.take().or(elastic);
    wanted.key_pair = wanted.key_pair.take().or_else(|| origin.key_pair.clone());
    wanted.profile = wanted.profile.take().or_else(|| origin.profile.clone());
    wanted.placement_group = wanted.placement_group.take().or_else(|| origin.placement_group.clone());
    wanted.tenancy = wanted.tenancy.take().or_else(|| origin.tenancy.clone());
}

/// Fills in what only AWS knows: the zone of the subnet, what the image is, and what a volume is of which nothing is on
/// record.
pub(in super::super) fn settle(wanted: &mut InstancePlan, subject: &Subject, facts: &Facts) {
    let subnet = ebs::said(wanted.subnet.as_ref()).and_then(|subnet| facts.subnets.get(subnet));
    wanted.zone = wanted.zone.take().or_else(|| subnet.map(|subnet| subnet.zone.clone()));
    settle_elastic(wanted, subject, facts);
    let image = image_fact(wanted, facts).cloned();
    let architecture = image.as_ref().map(|image| image.architecture.clone()).filter(|known| !known.is_empty());
    wanted.architecture = wanted.architecture.take().or(architecture);
    settle_volumes(wanted, subject, facts, image.as_ref());
}

/// The elastic address of the source comes along if nothing has it. What the plan says is what is done.
fn settle_elastic(wanted: &mut InstancePlan, subject: &Subject, facts: &Facts) {
    let sources = origin(subject).and_then(|origin| origin.elastic_ip.as_deref());
    let is_free = |allocation: &str| facts.elastic.get(allocation) == Some(&None);
    if ebs::said(wanted.elastic_ip.as_ref()).is_some_and(|it| Some(it) == sources && !is_free(it)) {
        wanted.elastic_ip = Some(String::new());
    }
}

fn settle_volumes(wanted: &mut InstancePlan, subject: &Subject, facts: &Facts, image: Option<&ImageFact>) {
    let root = root(wanted, subject);
    let in_image: Vec<bool> = parts(wanted, subject).iter().map(|part| part.in_image).collect();
    let sources = ebs::sources(subject);
    for (plan, in_image) in wanted.volumes.iter_mut().zip(in_image) {
        let is_root = root.as_ref() == Some(&plan.volume);
        // The root volume is the device that the image says, and at least of its size.
        if let Some(device) = image.filter(|_| is_root && in_image).and_then(|image| image.root_device.as_ref()) {
            plan.device = Some(device.clone());
            if let Some((_, size)) = image.and_then(|image| image.devices.get(device)) {
                ebs::settle_size(plan, *size);
            }
        }
        if let Some(source) = sources.iter().find(|source| source.volume == plan.volume) {
            ebs::settle(plan, source, facts);
            plan.delete_on_termination.get_or_insert(is_root);
        }
    }
}
