//! What AWS would refuse of an instance.

use super::{
    Content, Findings, Part, Subject,
    ebs::{self, At, Held},
    image, image_fact, is_from_image, is_only_image, is_own_image, is_windows, origin, parts,
    place::{self, Needs},
    tags, text,
};
use crate::recovery::{
    facts::{Facts, ImageFact},
    plan::{InstancePlan, LaunchFrom},
};

const VOLUMES: &str = "instance.volumes";

/// Names all that is wrong with it, at once.
pub(in super::super) fn check(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let parts = parts(wanted, subject);
    check_source(wanted, subject, facts, findings);
    check_root(wanted, &parts, findings);
    check_volumes(wanted, &parts, subject, facts, findings);
    text::check_image(wanted, findings);
    warn(wanted, subject, findings);
    if is_only_image(wanted) {
        return;
    }
    text::check(wanted, subject.shared_with.as_deref(), findings);
    place::check(wanted, subject, facts, findings);
    place::check_type(wanted, &needs(wanted, subject), subject, facts, findings);
    if let Some(own) = &wanted.tags {
        tags::check("instance.tags", own, findings);
    }
}

/// From what it is launched.
fn check_source(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let from_image = is_from_image(wanted);
    if from_image && wanted.image_handling.is_some() {
        findings.problem(
            "instance.image_handling",
            "no image is registered when the instance is launched from one",
            "leave it out, or write `launch_from: snapshot`",
        );
    }
    if !from_image && ebs::said(wanted.image.as_ref()).is_some() {
        findings.problem(
            "instance.image",
            "it is not used when the instance is launched from the snapshot of its root volume",
            "leave it out, or write `launch_from: image`",
        );
    }
    if wanted.architecture.is_none() {
        let message = "it is not said: what the source was like is not on record";
        findings.problem("instance.architecture", message, "write `x86_64` or `arm64`");
    }
    if from_image {
        check_image(wanted, subject, facts, findings);
    } else if let Some(origin) =
        origin(subject).filter(|origin| wanted.architecture.as_ref() != Some(&origin.architecture))
    {
        findings.problem(
            "instance.architecture",
            format!("the root volume holds a system for {}", origin.architecture),
            format!("write `{}`, or launch from an image", origin.architecture),
        );
    }
}

fn check_image(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let field = "instance.image";
    let Some(id) = image(wanted) else {
        return findings.problem(
            field,
            "the backup has no image, and which one the instance was launched from is not known here",
            "name one of the Region: `cpm image like` looks for images like the original one",
        );
    };
    let Some(fact) = facts.images.get(id) else {
        return findings.problem(
            field,
            format!("there is no image {id}, or it may not be used"),
            "name another one: `cpm image like` looks for images like the original one",
        );
    };
    if fact.state != "available" {
        findings.problem(field, format!("the image {id} is {}", fact.state), "name one that is available");
    }
    if wanted.architecture.as_ref().is_some_and(|of| *of != fact.architecture) {
        findings.problem(
            "instance.architecture",
            format!("the image {id} is for {}", fact.architecture),
            format!("write `{}`, or name another image", fact.architecture),
        );
    }
    let says = |details: Option<&str>| details.map(|details| details.contains("Windows"));
    if says(fact.platform_details.as_deref())
        .is_some_and(|windows| origin(subject).is_some() && windows != is_windows(subject))
    {
        findings.warning(format!(
            "the image {id} is for {}, and the source ran another platform",
            fact.platform_details.as_deref().unwrap_or_default()
        ));
    }
}

/// There must be one root volume, and its data.
fn check_root(wanted: &InstancePlan, parts: &[Part<'_>], findings: &mut Findings) {
    let root = parts.iter().find(|part| part.is_root);
    if let Some(root) = root.filter(|root| !ebs::is_wanted(root.plan)) {
        let field = format!("{VOLUMES}[{}].recover", root.at);
        findings.problem(field, "it is the root volume: there is no instance without it", "leave this out");
    }
    if is_from_image(wanted) || root.is_some_and(|root| root.content().is_some()) {
        return;
    }
    let advice = "write `launch_from: image`, and `image` if the backup has none";
    match root {
        Some(root) => {
            let message = format!("the backup has no snapshot of the root volume {}", root.plan.volume);
            findings.problem("instance.launch_from", message, advice);
        }
        None => findings.problem(
            "instance.launch_from",
            "which volume was the root one is not on record",
            format!("write `device: /dev/xvda` or `device: /dev/sda1` for that volume; or {advice}"),
        ),
    }
}

fn check_volumes(
    wanted: &InstancePlan,
    parts: &[Part<'_>],
    subject: &Subject,
    facts: &Facts,
    findings: &mut Findings,
) {
    let fact = image_fact(wanted, facts);
    for part in parts {
        let held = if part.in_image { Held::Image(least(part, fact)) } else { Held::Backup };
        let path = format!("{VOLUMES}[{}]", part.at);
        let (plan, boots) = (part.plan, part.is_root);
        ebs::check(&At { path, plan, source: part.source.as_ref(), held, boots, subject }, facts, findings);
        if ebs::is_wanted(plan) {
            check_part(wanted, part, fact, findings);
        }
    }
    ebs::check_twice(VOLUMES, &wanted.volumes, findings);
    ebs::check_devices(VOLUMES, &wanted.volumes, &text::ephemeral_devices(wanted), findings);
    let sources = ebs::sources(subject);
    // The root volume of an image needs no snapshot.
    let missing: Vec<_> = sources
        .iter()
        .filter(|source| !parts.iter().any(|part| part.is_root && part.in_image && part.plan.volume == source.volume))
        .cloned()
        .collect();
    ebs::warn_of_missing(&missing, facts, findings);
    ebs::warn_of_sharing(&sources, subject, facts, findings);
}

/// The least size of a volume that an image brings.
fn least(part: &Part<'_>, fact: Option<&ImageFact>) -> Option<i32> {
    let device = part.plan.device.as_ref()?;
    fact?.devices.get(device).map(|(_, size)| *size)
}

fn check_part(wanted: &InstancePlan, part: &Part<'_>, fact: Option<&ImageFact>, findings: &mut Findings) {
    let field = |name: &str| format!("{VOLUMES}[{}].{name}", part.at);
    let plan = part.plan;
    if let Some(zone) = plan.zone.as_ref().filter(|zone| wanted.zone.as_ref().is_some_and(|of| of != *zone)) {
        findings.problem(
            field("zone"),
            format!("the volume would be in {zone}, and the instance is not"),
            "leave it out",
        );
    }
    // An image's volumes have their devices: to give one another would make it a second time.
    let held = part.source.as_ref().and_then(|source| source.content).filter(|_| part.in_image && !part.is_root);
    if let Some(Content::Part(image, device)) = held {
        if plan.device.as_deref() != Some(device) {
            findings.problem(
                field("device"),
                format!("the image {image} has it as {device}"),
                format!("write {device}"),
            );
        } else if fact.is_some_and(|fact| !fact.devices.contains_key(device)) {
            findings.problem(
                field("volume"),
                format!("the image {image} holds no device {device}"),
                "write `recover: false`",
            );
        }
    }
}

/// What the machine must be able to do: what the source had. Of an image that people choose, nothing is known.
fn needs<'a>(wanted: &InstancePlan, subject: &'a Subject) -> Needs<'a> {
    let initial = ebs::initial_image(subject).is_some_and(|id| image(wanted) == Some(id.as_str()));
    let of_source = !is_from_image(wanted) || initial || is_own_image(wanted, subject);
    match origin(subject) {
        Some(origin) if of_source => {
            Needs { virtualization: origin.virtualization.as_deref(), ena: Some(origin.ena) }
        }
        Some(origin) if origin.image.known && image(wanted) == Some(origin.image.id.as_str()) => {
            Needs { virtualization: origin.image.virtualization.as_deref(), ena: Some(origin.image.ena) }
        }
        _ => Needs { virtualization: None, ena: None },
    }
}

fn warn(wanted: &InstancePlan, subject: &Subject, findings: &mut Findings) {
    let Some(origin) = origin(subject) else {
        return findings
            .warning("what the source was like is not on record: its tags and settings are not recovered");
    };
    for lack in &origin.unread {
        findings.warning(format!("not on record, as it could not be read at the backup: {lack}"));
    }
    if origin.interfaces > 1 {
        findings
            .warning(format!("the source had {} network interfaces: only the first is recovered", origin.interfaces));
    }
    match wanted.launch_from {
        Some(LaunchFrom::Snapshot) => warn_of_licence(subject, findings),
        _ if !is_own_image(wanted, subject) => findings.warning(
            "the root volume is that of the image: what was on the source's at the time of the backup is not on it",
        ),
        _ => {}
    }
}

/// What AWS charges for beside the machine is known by the snapshot, if it knows.
fn warn_of_licence(subject: &Subject, findings: &mut Findings) {
    let Some(origin) = origin(subject) else { return };
    let Some(details) = origin.platform_details.as_deref().filter(|details| *details != "Linux/UNIX") else { return };
    let fallback = match ebs::initial_image(subject) {
        Some(image) => format!("; if it does not, write `launch_from: image` and `image: {image}`"),
        None => String::new(),
    };
    findings.warning(format!(
        "the source ran {details}: AWS has to see that by the snapshot when the image is registered{fallback}"
    ));
}
