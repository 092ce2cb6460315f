//! What AWS would refuse of volumes.

use std::collections::BTreeMap;

use super::{
    Findings, Subject,
    ebs::{self, At, Held},
    find,
};
use crate::{
    id::InstanceId,
    recovery::{
        facts::{Facts, InstanceFact},
        plan::{AttachBehavior, VolumesPlan},
    },
};

const VOLUMES: &str = "volumes.volumes";

/// Names all that is wrong with it, at once.
pub(in super::super) fn check(wanted: &VolumesPlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let sources = ebs::sources(subject);
    if !wanted.volumes.iter().any(ebs::is_wanted) {
        findings.problem(
            "volumes.volumes",
            "there is no volume to recover",
            "name one that was backed up; `cpm recover show` lists them",
        );
    }
    for (n, plan) in wanted.volumes.iter().enumerate() {
        let source = find(&sources, plan);
        let origin = source.and_then(|source| source.origin);
        let at = At {
            path: format!("{VOLUMES}[{n}]"),
            plan,
            source,
            held: Held::Backup,
            boots: wanted.attach_to.is_some() && origin.is_some_and(|origin| origin.is_root),
            subject,
        };
        ebs::check(&at, facts, findings);
        if ebs::is_wanted(plan) && origin.is_some_and(|origin| origin.multi_attach) {
            findings.warning(format!("{} could be attached to many instances: the new one cannot", plan.volume));
        }
    }
    ebs::check_twice(VOLUMES, &wanted.volumes, findings);
    ebs::warn_of_missing(&sources, facts, findings);
    ebs::warn_of_sharing(&sources, subject, facts, findings);
    match &wanted.attach_to {
        Some(instance) => check_attachment(wanted, instance, facts, findings),
        None => check_alone(wanted, facts, findings),
    }
}

fn check_alone(wanted: &VolumesPlan, facts: &Facts, findings: &mut Findings) {
    if wanted.attach_behavior.is_some() {
        findings.problem(
            "volumes.attach_behavior",
            "there is no instance to attach the volumes to",
            "write `attach_to`, or leave this out",
        );
    }
    for (n, plan) in wanted.volumes.iter().enumerate().filter(|(_, plan)| ebs::is_wanted(plan)) {
        let field = format!("{VOLUMES}[{n}].zone");
        let zones = || facts.zones.iter().cloned().collect::<Vec<_>>().join(", ");
        match ebs::said(plan.zone.as_ref()) {
            None => findings.problem(
                field,
                "in which zone is not said, and the volume's own is of another place or not on record",
                format!("write one of {}", zones()),
            ),
            Some(zone) if !facts.zones.contains(zone) => findings.problem(
                field,
                format!("the Region has no zone {zone} that can be used"),
                format!("write one of {}", zones()),
            ),
            Some(_) => {}
        }
    }
}

fn check_attachment(wanted: &VolumesPlan, id: &InstanceId, facts: &Facts, findings: &mut Findings) {
    let Some(instance) = facts.instances.get(id) else {
        ebs::check_devices(VOLUMES, &wanted.volumes, &BTreeMap::new(), findings);
        return findings.problem(
            "volumes.attach_to",
            format!("there is no instance {id}"),
            "name one of the Region, or leave it out to only make the volumes",
        );
    };
    check_zones(wanted, id, instance, findings);
    let switches = wanted.attach_behavior.is_some_and(|how| how != AttachBehavior::IfFree);
    match instance.state.as_str() {
        "stopped" => {}
        "running" if !switches => {}
        // To take a disk from a running system can crash it.
        state if switches => findings.problem(
            "volumes.attach_behavior",
            format!("volumes are switched on a stopped instance only, and {id} is {state}"),
            format!("stop {id}, or write `attach_behavior: if-free` with devices that are free"),
        ),
        state => findings.problem(
            "volumes.attach_to",
            format!("{id} is {state}"),
            "name an instance that is running or stopped, or leave it out",
        ),
    }
    let taken = instance.devices.iter().filter(|_| !switches);
    let taken = taken.map(|(device, volume)| (device.clone(), volume.to_string())).collect();
    ebs::check_devices(VOLUMES, &wanted.volumes, &taken, findings);
}

fn check_zones(wanted: &VolumesPlan, id: &InstanceId, instance: &InstanceFact, findings: &mut Findings) {
    for (n, plan) in wanted.volumes.iter().enumerate().filter(|(_, plan)| ebs::is_wanted(plan)) {
        if let Some(zone) = plan.zone.as_ref().filter(|zone| **zone != instance.zone) {
            findings.problem(
                format!("{VOLUMES}[{n}].zone"),
                format!("the volume would be in {zone}, and {id} is in {}", instance.zone),
                "leave it out: the instance's zone is taken",
            );
        }
    }
}
