//! An instance as calls: an image is registered, instances are launched from it with all their volumes, and what can only
//! be given to something that is there follows.

use std::collections::BTreeMap;

use super::{
    Content, Part, Subject, Works, ebs, image, image_fact, is_from_image, is_only_image, is_own_image, is_windows,
    origin, parts,
};
use crate::{
    aws::Tags,
    id::{Region, UnitId},
    recovery::{
        RecoveryId,
        facts::Facts,
        plan::InstancePlan,
        work::{Action, Device, ImageSpec, LaunchSpec, Ref, Work},
    },
    unit::UnitKind,
};

/// Takes it apart.
pub(in super::super) fn works(
    id: RecoveryId,
    wanted: &InstancePlan,
    region: &Region,
    subject: &Subject,
    facts: &Facts,
) -> Vec<Work> {
    let parts = parts(wanted, subject);
    let Some(mut devices) = devices(&parts, facts) else { return Vec::new() };
    let units = units(wanted, &parts, subject, facts);
    let mut list = Works::new(region);
    let shares = list.share_all(subject, &units);
    let root = parts.iter().find(|part| part.is_root);
    let from = match image(wanted) {
        Some(image) => Some(UnitId::new(image)),
        None => root.and_then(Part::content).map(|content| content.unit().clone()),
    };
    let (image, needs) = if let Some(image) = image(wanted) {
        (Ref::Id(image.to_owned()), shares)
    } else {
        let spec = image_spec(id, wanted, subject, root, &devices);
        let image = list.add(&shares, from.as_ref(), Action::RegisterImage(Box::new(spec)));
        (Ref::Work(image), vec![image])
    };
    if !is_only_image(wanted) {
        // The root volume's snapshot is the image's: AWS takes no other at launch, and not even the same.
        for device in devices.iter_mut().filter(|device| root.is_some_and(|root| root.plan.volume == device.source)) {
            device.snapshot = None;
        }
        let left_out = left_out(wanted, &devices, &parts, subject, facts);
        let spec = launch_spec(wanted, image, devices, left_out);
        let launch = list.add(&needs, from.as_ref(), Action::Launch(Box::new(spec)));
        finish(&mut list, wanted, launch);
    }
    list.unshare_all(subject, &units);
    list.into_all()
}

/// What is given to an instance that is there. Protection comes last, so that what failed can be undone.
fn finish(list: &mut Works<'_>, wanted: &InstancePlan, launch: u32) {
    let mut done = vec![launch];
    let tagged = wanted.volumes.iter().filter(|plan| ebs::is_wanted(plan));
    let tags: BTreeMap<String, Tags> = tagged
        .filter_map(|plan| Some((plan.device.clone()?, plan.tags.clone().filter(|tags| !tags.is_empty())?)))
        .collect();
    if !tags.is_empty() {
        done.push(list.add(&[launch], None, Action::TagVolumes { of: launch, tags }));
    }
    if let Some(allocation) = ebs::said(wanted.elastic_ip.as_ref()) {
        let allocation = allocation.to_owned();
        let what = Action::AssociateAddress { instance: Ref::Work(launch), allocation };
        done.push(list.add(&[launch], None, what));
    }
    if wanted.termination_protection == Some(true) {
        list.add(&done, None, Action::ProtectInstances { of: launch });
    }
}

/// Every wanted volume; the root one first. None: the data of one is not there, and it would be made empty.
fn devices(parts: &[Part<'_>], facts: &Facts) -> Option<Vec<Device>> {
    let mut wanted: Vec<&Part<'_>> = parts.iter().filter(|part| ebs::is_wanted(part.plan)).collect();
    wanted.sort_by_key(|part| (!part.is_root, part.plan.device.clone()));
    let device = |part: &&Part<'_>| {
        let snapshot = if part.in_image { None } else { Some(part.content()?.id(facts)?) };
        Some(ebs::device(part.plan, snapshot.as_ref(), facts))
    };
    wanted.iter().map(device).collect()
}

/// What another account has to be able to read: the snapshots, and of the images those that are the suite's.
fn units(wanted: &InstancePlan, parts: &[Part<'_>], subject: &Subject, facts: &Facts) -> Vec<(UnitKind, UnitId)> {
    let kept = [ebs::own_image(subject), ebs::initial_image(subject)].into_iter().flatten();
    let image = kept.into_iter().find(|id| image(wanted) == Some(id.as_str()));
    let image = image.map(|id| (UnitKind::Ami, id.clone()));
    let snapshots = parts
        .iter()
        .filter(|part| ebs::is_wanted(part.plan))
        .filter_map(|part| Some((UnitKind::EbsSnapshot, part.content()?.id(facts)?.into())));
    image.into_iter().chain(snapshots).collect()
}

/// The image holds all volumes: it takes no more calls, and an image that is kept is all that was backed up.
fn image_spec(
    id: RecoveryId,
    wanted: &InstancePlan,
    subject: &Subject,
    root: Option<&Part<'_>>,
    devices: &[Device],
) -> ImageSpec {
    let origin = origin(subject);
    let kernel = ebs::said(wanted.kernel.as_ref()).map(str::to_owned);
    // What AWS has launched for years, when nothing is on record.
    let usual = if kernel.is_some() { "paravirtual" } else { "hvm" };
    let virtualization = origin.and_then(|origin| origin.virtualization.clone()).unwrap_or_else(|| usual.to_owned());
    let tokens = wanted.metadata.as_ref().and_then(|metadata| metadata.http_tokens.as_deref());
    // Keys are given at launch: AWS takes none here.
    let devices = devices.iter().map(|device| Device { kms_key: None, ..device.clone() }).collect();
    ImageSpec {
        name: image_name(id, subject, root),
        architecture: wanted.architecture.clone().unwrap_or_default(),
        ena: origin.map_or(virtualization == "hvm", |origin| origin.ena),
        virtualization,
        root_device: root.and_then(|root| root.plan.device.clone()).unwrap_or_default(),
        boot_mode: origin.and_then(|origin| origin.boot_mode.clone()),
        kernel,
        ramdisk: ebs::said(wanted.ramdisk.as_ref()).map(str::to_owned),
        imds: tokens.filter(|tokens| *tokens == "required").map(|_| "v2.0".to_owned()),
        devices,
        windows: is_windows(subject),
    }
}

/// `cpm-r17-i-0123456789abcdef0-snap-0123456789abcdef0`: numbers of recoveries are of an owner, a snapshot is of one backup.
fn image_name(id: RecoveryId, subject: &Subject, root: Option<&Part<'_>>) -> String {
    let unit = root.and_then(Part::content).map(|content| format!("-{}", content.unit())).unwrap_or_default();
    format!("cpm-{id}-{}{unit}", subject.source.id())
}

fn launch_spec(wanted: &InstancePlan, image: Ref, devices: Vec<Device>, left_out: Vec<String>) -> LaunchSpec {
    let text = |text: &Option<String>| ebs::said(text.as_ref()).map(str::to_owned);
    let subnet = text(&wanted.subnet);
    // One that was registered has the kernel already.
    let (kernel, ramdisk) =
        if is_from_image(wanted) { (text(&wanted.kernel), text(&wanted.ramdisk)) } else { (None, None) };
    LaunchSpec {
        image,
        count: wanted.count.unwrap_or(1),
        instance_type: wanted.instance_type.clone().unwrap_or_default(),
        zone: text(&wanted.zone).filter(|_| subnet.is_none()),
        subnet,
        placement_group: text(&wanted.placement_group),
        tenancy: text(&wanted.tenancy),
        private_ip: text(&wanted.private_ip),
        secondary_ips: wanted.secondary_ips.clone().unwrap_or_default(),
        public_ip: wanted.public_ip,
        security_groups: wanted.security_groups.clone().unwrap_or_default(),
        key_pair: text(&wanted.key_pair),
        profile: text(&wanted.profile),
        user_data: text(&wanted.user_data),
        shutdown_behavior: wanted.shutdown_behavior,
        kernel,
        ramdisk,
        monitoring: wanted.monitoring.unwrap_or(false),
        ebs_optimized: wanted.ebs_optimized.unwrap_or(false),
        metadata: wanted.metadata.clone(),
        ephemeral: wanted.ephemeral.clone().unwrap_or_default(),
        devices,
        left_out,
        tags: wanted.tags.clone().unwrap_or_default(),
    }
}

/// Devices of the image that the plan does not want: without a word AWS would make them too.
fn left_out(
    wanted: &InstancePlan,
    devices: &[Device],
    parts: &[Part<'_>],
    subject: &Subject,
    facts: &Facts,
) -> Vec<String> {
    let own = is_own_image(wanted, subject);
    let Some(fact) = image_fact(wanted, facts) else { return Vec::new() };
    let refused: Vec<Option<&str>> =
        parts.iter().filter(|part| !ebs::is_wanted(part.plan)).map(Part::image_device).collect();
    let in_plan = |name: &String| devices.iter().any(|device| device.device == *name);
    let names = fact.devices.keys().filter(|name| fact.root_device.as_ref() != Some(*name) && !in_plan(name));
    // Of the backup's own image, only what was refused: what is not on record of it is still of the backup.
    names.filter(|name| !own || refused.contains(&Some(name.as_str()))).cloned().collect()
}

impl Part<'_> {
    fn image_device(&self) -> Option<&str> {
        match self.source.as_ref()?.content? {
            Content::Part(_, device) => Some(device),
            Content::Snapshot(_) => None,
        }
    }
}
