//! EC2 instances, with their volumes and images.

use super::{Planned, Spec, VolumeId, planned};
use crate::{
    aws::{Attached, Found, Instance, Platform},
    id::{Region, id, is_ec2_id},
    tag::BackupOption,
    target::{Resource, Target, VolumeChoice},
    unit::{Image, MAX_SET, Unit, UnitKind, UnitSet},
};

id!(
    /// An EC2 instance.
    InstanceId, "the id of an instance", "i-0123456789abcdef0", |t| is_ec2_id(t, "i-")
);

/// The most data volumes that one `CreateSnapshots` call leaves out (EC2 API, `ExcludeDataVolumeIds`).
pub const MAX_EXCLUDED: usize = 40;

pub(super) const SPEC: Spec =
    Spec { noun: "an instance", arn: ("ec2", "instance/"), units: &[UnitKind::EbsSnapshot, UnitKind::Ami] };

/// Plans the sets of an instance: snapshots, an image, or snapshots with an initial image (§4.2.3, §4.2.4 of the guide).
pub(super) fn plan(target: &Target, found: &Found) -> Planned {
    let Found::Instance(instance) = found else { return Planned::Gone };
    if instance.is_gone {
        return Planned::Gone;
    }
    let option = target.option.unwrap_or(match instance.platform {
        Platform::Windows => BackupOption::InitialAmi,
        Platform::Linux | Platform::Unknown => BackupOption::OnlySnaps,
    });
    let mut planned = match option {
        BackupOption::OnlyAmis => plan_image(target, instance, false),
        BackupOption::OnlyAmisReboot => plan_image(target, instance, true),
        BackupOption::InitialAmi | BackupOption::OnlySnaps | BackupOption::AppAware => {
            plan_snapshots(target, instance)
        }
    };
    if let Planned::Sets { sets, notes, warnings } = &mut planned {
        if option == BackupOption::InitialAmi {
            sets.extend(initial_image(target, instance));
        }
        if instance.platform == Platform::Unknown {
            notes.push(format!("{}: AWS does not tell its platform: it is treated as Linux", instance.id));
        }
        if target.app_aware.is_some() && instance.platform != Platform::Windows {
            warnings.push(format!("{}: app-aware is for Windows, and it runs {}", instance.id, instance.platform));
        }
    }
    planned
}

/// An image of the chosen volumes; AWS makes it of all that are mapped, less those that are left out by device.
fn plan_image(target: &Target, instance: &Instance, reboot: bool) -> Planned {
    let (wanted, unwanted) = chosen(target, instance);
    if wanted.is_empty() {
        return nothing_chosen(instance);
    }
    if unwanted.iter().any(|attached| attached.is_root) {
        return Planned::Refused(format!(
            "{}: an image holds the root volume, and the target leaves it out: choose it, or take only-snaps",
            instance.id
        ));
    }
    let image = Image { initial: false, reboot, left_out: devices(&unwanted) };
    let set = image_set(&target.region, instance, image);
    Planned::Sets { sets: vec![set], warnings: missing(target, instance), notes: Vec::new() }
}

/// The one image of an instance that is kept beside its snapshots: the root device only (§4.2.4.1).
fn initial_image(target: &Target, instance: &Instance) -> Option<UnitSet> {
    instance.volumes.iter().find(|attached| attached.is_root)?;
    let others: Vec<&Attached> = instance.volumes.iter().filter(|attached| !attached.is_root).collect();
    let image = Image { initial: true, reboot: false, left_out: devices(&others) };
    Some(image_set(&target.region, instance, image))
}

fn image_set(region: &Region, instance: &Instance, image: Image) -> UnitSet {
    let source = Resource::Instance(instance.id.clone());
    let unit = Unit::planned(UnitKind::Ami, source.clone());
    UnitSet { image: Some(image), tags: instance.tags.clone(), ..planned::set(region, source, vec![unit]) }
}

fn devices(volumes: &[&Attached]) -> Vec<String> {
    volumes.iter().map(|attached| attached.device.clone()).collect()
}

fn chosen<'a>(target: &Target, instance: &'a Instance) -> (Vec<&'a Attached>, Vec<&'a Attached>) {
    instance.volumes.iter().partition(|attached| target.volumes.wants(&attached.volume))
}

fn nothing_chosen(instance: &Instance) -> Planned {
    Planned::Nothing(format!("{}: none of its {} volumes is chosen", instance.id, instance.volumes.len()))
}

fn missing(target: &Target, instance: &Instance) -> Vec<String> {
    let VolumeChoice::Include(only) = &target.volumes else { return Vec::new() };
    let attached = |volume: &VolumeId| instance.volumes.iter().any(|attached| attached.volume == *volume);
    let missing = only.iter().filter(|volume| !attached(volume));
    missing.map(|volume| format!("{}: {volume} is chosen and not attached to it", instance.id)).collect()
}

/// All wanted volumes go in one call, up to [`MAX_SET`]; volumes past that are each snapshotted alone, and the log says
/// that they are not of the same instant.
fn plan_snapshots(target: &Target, instance: &Instance) -> Planned {
    let (mut wanted, unwanted) = chosen(target, instance);
    if wanted.is_empty() {
        return nothing_chosen(instance);
    }
    let mut warnings = missing(target, instance);
    // Root first: it is never the one that is moved out of the call.
    wanted.sort_by_key(|attached| !attached.is_root);
    let alone = wanted.split_off(wanted.len().min(MAX_SET));
    if !alone.is_empty() {
        warnings.push(format!(
            "{}: {} volumes are chosen, and one call takes {MAX_SET}; {} are snapshotted one by one, not at the same instant",
            instance.id,
            MAX_SET + alone.len(),
            alone.len()
        ));
    }
    let left_out: Vec<VolumeId> =
        unwanted.iter().chain(&alone).filter(|a| !a.is_root).map(|a| a.volume.clone()).collect();
    if left_out.len() > MAX_EXCLUDED {
        warnings.push(format!(
            "{}: {} volumes are left out, and one call leaves out {MAX_EXCLUDED}; the others are snapshotted one by one, not at the same instant",
            instance.id,
            left_out.len()
        ));
        let each = wanted.iter().chain(&alone).map(|attached| single(&target.region, &attached.volume));
        return Planned::Sets { sets: each.collect(), warnings, notes: Vec::new() };
    }
    let units = wanted.iter().map(|attached| snapshot_of(&attached.volume)).collect();
    let mut together = planned::set(&target.region, target.resource.clone(), units);
    together.exclude_boot = unwanted.iter().any(|attached| attached.is_root);
    together.excluded = left_out;
    let mut sets = vec![together];
    sets.extend(alone.iter().map(|attached| single(&target.region, &attached.volume)));
    Planned::Sets { sets, warnings, notes: Vec::new() }
}

fn snapshot_of(volume: &VolumeId) -> Unit {
    Unit::planned(UnitKind::EbsSnapshot, Resource::Volume(volume.clone()))
}

fn single(region: &Region, volume: &VolumeId) -> UnitSet {
    planned::set(region, Resource::Volume(volume.clone()), vec![snapshot_of(volume)])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{aws::Tags, kind, target::PutBy};

    fn vol(n: usize) -> VolumeId {
        format!("vol-{n:017x}").parse().unwrap()
    }

    fn instance(volumes: usize) -> Instance {
        Instance {
            id: "i-0123456789abcdef0".parse().unwrap(),
            is_gone: false,
            is_stopped: false,
            platform: Platform::Linux,
            // The root is last on purpose.
            volumes: (0..volumes)
                .map(|n| Attached { volume: vol(n), device: format!("/dev/sd{n}"), is_root: n + 1 == volumes })
                .collect(),
            tags: Tags::new(),
            origin: None,
        }
    }

    fn target(volumes: VolumeChoice) -> Target {
        let resource = Resource::Instance("i-0123456789abcdef0".parse().unwrap());
        Target { volumes, ..Target::new(resource, "us-east-1".parse().unwrap(), PutBy::Person) }
    }

    fn planned_sets(target: &Target, instance: Instance) -> (Vec<UnitSet>, Vec<String>) {
        match plan(target, &Found::Instance(instance)) {
            Planned::Sets { sets, warnings, .. } => (sets, warnings),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_volumes_go_in_one_call() {
        let (sets, warnings) = planned_sets(&target(VolumeChoice::All), instance(10));
        assert_eq!((sets.len(), sets[0].units.len(), warnings.len()), (1, 10, 0));
        assert!(sets[0].excluded.is_empty() && !sets[0].exclude_boot);
    }

    #[test]
    fn exclusions_leave_out_root_and_data() {
        let without = VolumeChoice::Include(BTreeSet::from([vol(0)]));
        let (sets, _) = planned_sets(&target(without), instance(3));
        assert_eq!(sets[0].units.len(), 1);
        assert!(sets[0].exclude_boot);
        assert_eq!(sets[0].excluded, [vol(1)]);
    }

    #[test]
    fn volumes_past_the_limit_are_snapshotted_alone() {
        let (sets, warnings) = planned_sets(&target(VolumeChoice::All), instance(130));
        assert_eq!((sets.len(), sets[0].units.len(), warnings.len()), (3, MAX_SET, 1));
        assert_eq!(sets[0].excluded.len(), 2);
        assert!(
            sets[0].units.iter().any(|unit| unit.source == Resource::Volume(vol(129))),
            "the root is in the call"
        );
    }

    #[test]
    fn too_many_left_out_are_snapshotted_one_by_one() {
        let only = VolumeChoice::Include(BTreeSet::from([vol(0), vol(1)]));
        let (sets, warnings) = planned_sets(&target(only), instance(50));
        assert_eq!((sets.len(), warnings.len()), (2, 1));
        assert!(sets.iter().all(|set| set.excluded.is_empty() && set.instance().is_none()));
    }

    #[test]
    fn what_is_gone_is_gone() {
        let gone = Found::Instance(Instance { is_gone: true, ..instance(1) });
        assert_eq!(plan(&target(VolumeChoice::All), &gone), Planned::Gone);
        assert_eq!(kind::plan(&target(VolumeChoice::All), None), Planned::Gone);
    }

    #[test]
    fn nothing_chosen_is_no_failure() {
        let odd = VolumeChoice::Include(BTreeSet::from([vol(9)]));
        assert!(matches!(plan(&target(odd), &Found::Instance(instance(2))), Planned::Nothing(_)));
    }

    fn with(option: BackupOption) -> Target {
        Target { option: Some(option), ..target(VolumeChoice::All) }
    }

    #[test]
    fn only_images_leave_out_by_device() {
        let choice = VolumeChoice::Exclude(BTreeSet::from([vol(0)]));
        let target = Target { volumes: choice, ..with(BackupOption::OnlyAmisReboot) };
        let (sets, _) = planned_sets(&target, instance(3));
        assert_eq!((sets.len(), sets[0].units.len(), sets[0].units[0].kind), (1, 1, UnitKind::Ami));
        let image = Image { initial: false, reboot: true, left_out: vec!["/dev/sd0".to_owned()] };
        assert_eq!(sets[0].image, Some(image));
    }

    #[test]
    fn an_image_without_its_root_is_refused() {
        let choice = VolumeChoice::Include(BTreeSet::from([vol(0)]));
        let target = Target { volumes: choice, ..with(BackupOption::OnlyAmis) };
        assert!(matches!(plan(&target, &Found::Instance(instance(2))), Planned::Refused(_)));
    }

    #[test]
    fn windows_gets_an_initial_image_of_its_root() {
        let windows = Instance { platform: Platform::Windows, ..instance(3) };
        let (sets, _) = planned_sets(&target(VolumeChoice::All), windows.clone());
        assert_eq!(sets.len(), 2);
        let image = sets[1].image.as_ref().unwrap();
        assert_eq!((image.initial, image.reboot, image.left_out.len()), (true, false, 2));
        let (sets, _) = planned_sets(&with(BackupOption::OnlySnaps), windows);
        assert_eq!(sets.len(), 1);
    }

    #[test]
    fn a_platform_that_cannot_be_told_is_linux_and_noted() {
        let odd = Instance { platform: Platform::Unknown, ..instance(1) };
        let planned = plan(&target(VolumeChoice::All), &Found::Instance(odd));
        let Planned::Sets { sets, notes, .. } = planned else { panic!() };
        assert_eq!((sets.len(), notes.len()), (1, 1));
    }

    #[test]
    fn app_aware_is_for_windows() {
        let aware = Target { app_aware: Some(crate::app_aware::AppAware::default()), ..target(VolumeChoice::All) };
        let (_, warnings) = planned_sets(&aware, instance(1));
        assert_eq!(warnings.len(), 1);
    }
}
