//! Volumes as calls.

use std::collections::BTreeMap;

use super::{Subject, Works, ebs, find};
use crate::{
    id::{InstanceId, Region, SnapshotId, UnitId, VolumeId},
    recovery::{
        facts::Facts,
        plan::{AttachBehavior, VolumePlan, VolumesPlan},
        work::{Action, Ref, Work},
    },
    unit::UnitKind,
};

/// Takes it apart: every volume is made, and only when all are there is the first of the old ones taken off, so that a
/// volume that cannot be made leaves the instance as it was.
pub(in super::super) fn works(wanted: &VolumesPlan, region: &Region, subject: &Subject, facts: &Facts) -> Vec<Work> {
    let sources = ebs::sources(subject);
    let made = wanted.volumes.iter().filter(|plan| ebs::is_wanted(plan)).map(|plan| {
        let content = find(&sources, plan)?.content?;
        Some((plan, content.id(facts)?, content.unit()))
    });
    // Nothing is made when one of them could not be: half of what is wanted is not what is wanted.
    let Some(made) = made.collect::<Option<Vec<(&VolumePlan, SnapshotId, &UnitId)>>>() else { return Vec::new() };
    // Of an image that holds them, the snapshots are what volumes are made of.
    let units: Vec<(UnitKind, UnitId)> =
        made.iter().map(|(_, snapshot, _)| (UnitKind::EbsSnapshot, snapshot.clone().into())).collect();
    let mut list = Works::new(region);
    let shares = list.share_all(subject, &units);
    let mut created = Vec::new();
    for (n, (plan, snapshot, unit)) in made.iter().enumerate() {
        let device = crate::recovery::work::Device {
            tags: plan.tags.clone().unwrap_or_default(),
            ..ebs::device(plan, Some(snapshot), facts)
        };
        let zone = plan.zone.clone().unwrap_or_default();
        let needs: Vec<u32> = shares.get(n).copied().into_iter().collect();
        created.push((*plan, list.add(&needs, Some(unit), Action::CreateVolume { device, zone })));
    }
    if let Some(instance) = &wanted.attach_to {
        attach(&mut list, wanted, instance, &created, facts);
    }
    list.unshare_all(subject, &units);
    list.into_all()
}

fn attach(
    list: &mut Works<'_>,
    wanted: &VolumesPlan,
    instance: &InstanceId,
    created: &[(&VolumePlan, u32)],
    facts: &Facts,
) {
    let how = wanted.attach_behavior.unwrap_or(AttachBehavior::IfFree);
    let all: Vec<u32> = created.iter().map(|(_, work)| *work).collect();
    let old = if how == AttachBehavior::IfFree { BTreeMap::new() } else { attached(instance, facts) };
    let mut detached = Vec::new();
    for (plan, work) in created {
        let device = plan.device.clone().unwrap_or_default();
        let taken = old.get(&ebs::disk(&device)).map(|(name, volume)| {
            let (volume, device) = ((*volume).clone(), (*name).clone());
            let what = Action::Detach { volume: volume.clone(), instance: instance.clone(), device: device.clone() };
            Taken { volume, device, detach: list.add(&all, None, what) }
        });
        detached.push((plan, *work, device, taken));
    }
    let (mut attached, mut replaced) = (Vec::new(), Vec::new());
    for (plan, work, device, taken) in detached {
        // Where something is switched, the detachment waits for all volumes; what goes to a free device does so too.
        let needs = match (&taken, how) {
            (Some(taken), _) => vec![work, taken.detach],
            (None, AttachBehavior::IfFree) => vec![work],
            (None, _) => all.clone(),
        };
        let delete_on_termination = plan.delete_on_termination.unwrap_or(false);
        let volume = Ref::Work(work);
        let what = Action::Attach { volume, instance: instance.clone(), device, delete_on_termination };
        let attach = list.add(&needs, None, what);
        attached.push(attach);
        replaced.extend(taken.map(|taken| (attach, taken)));
    }
    for (attach, Taken { volume, device, detach }) in replaced {
        // What is marked is deleted: nothing is while one of the new volumes is not attached.
        if how == AttachBehavior::SwitchAndDelete {
            list.add(&attached, None, Action::MarkReplaced { volume: volume.clone() });
        }
        // An instance that does not get the new one gets the old one back.
        let volume = Ref::Id(volume.to_string());
        let back = Action::Attach { volume, instance: instance.clone(), device, delete_on_termination: false };
        list.make_up(attach, &[detach], back);
    }
}

/// A volume that is taken off.
struct Taken {
    volume: VolumeId,
    device: String,
    detach: u32,
}

/// What an instance has attached, by disk, with the name of the device there.
fn attached<'a>(instance: &InstanceId, facts: &'a Facts) -> BTreeMap<String, (&'a String, &'a VolumeId)> {
    let fact = facts.instances.get(instance);
    let devices = fact.into_iter().flat_map(|fact| &fact.devices);
    devices.map(|(name, volume)| (ebs::disk(name), (name, volume))).collect()
}
