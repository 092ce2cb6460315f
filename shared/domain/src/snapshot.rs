//! Which calls make the snapshots of a policy's targets.

use crate::{
    aws::{Instance, Tags, Volume},
    id::{Region, VolumeId},
    target::{Resource, Target},
    unit::{MAX_SET, Unit, UnitSet},
};

/// The most data volumes that one `CreateSnapshots` call leaves out (EC2 API, `ExcludeDataVolumeIds`).
pub const MAX_EXCLUDED: usize = 40;

/// What becomes of one target in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// Sets of units, still without a number, and warnings for the log.
    Sets(Vec<UnitSet>, Vec<String>),
    /// It exists and has nothing to back up.
    Nothing(String),
    /// It does not exist any more.
    Gone,
}

fn set(region: &Region, target: Resource, units: Vec<Unit>) -> UnitSet {
    UnitSet {
        number: 0,
        region: region.clone(),
        target,
        excluded: vec![],
        exclude_boot: false,
        tags: Tags::new(),
        units,
        version: 0,
    }
}

/// Plans the sets of an instance. All wanted volumes go in one call, up to [`MAX_SET`]; volumes past that are each
/// snapshotted alone, and the log says that they are not of the same instant.
pub fn plan_instance(target: &Target, found: Option<&Instance>) -> Planned {
    let Some(instance) = found.filter(|instance| !instance.is_gone) else { return Planned::Gone };
    let mut warnings = Vec::new();
    if let Some(options) = target.not_carried_out() {
        warnings.push(format!("{}: {options} is not carried out yet; backed up by snapshots only", instance.id));
    }
    let (wanted, unwanted): (Vec<_>, Vec<_>) =
        instance.volumes.iter().partition(|attached| target.volumes.wants(&attached.volume));
    if wanted.is_empty() {
        return Planned::Nothing(format!(
            "{}: none of its {} volumes is chosen",
            instance.id,
            instance.volumes.len()
        ));
    }
    for missing in chosen_but_not_attached(target, instance) {
        warnings.push(format!("{}: {missing} is chosen and not attached to it", instance.id));
    }
    // Root first: it is never the one that is moved out of the call.
    let mut wanted: Vec<_> = wanted;
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
        return Planned::Sets(each.collect(), warnings);
    }
    let mut together = set(
        &target.region,
        target.resource.clone(),
        wanted.iter().map(|attached| Unit::planned(attached.volume.clone())).collect(),
    );
    together.exclude_boot = unwanted.iter().any(|attached| attached.is_root);
    together.excluded = left_out;
    let mut sets = vec![together];
    sets.extend(alone.iter().map(|attached| single(&target.region, &attached.volume)));
    Planned::Sets(sets, warnings)
}

fn single(region: &Region, volume: &VolumeId) -> UnitSet {
    set(region, Resource::Volume(volume.clone()), vec![Unit::planned(volume.clone())])
}

fn chosen_but_not_attached<'a>(target: &'a Target, instance: &Instance) -> Vec<&'a VolumeId> {
    match &target.volumes {
        crate::target::VolumeChoice::Include(only) => {
            only.iter().filter(|volume| instance.volumes.iter().all(|attached| attached.volume != **volume)).collect()
        }
        _ => vec![],
    }
}

/// Plans the set of a volume, attached or not (§8.3 of the guide).
pub fn plan_volume(target: &Target, found: Option<&Volume>) -> Planned {
    match found.filter(|volume| !volume.is_gone) {
        None => Planned::Gone,
        Some(volume) => {
            let units = vec![Unit::planned(volume.id.clone())];
            let set = UnitSet { tags: volume.tags.clone(), ..set(&target.region, target.resource.clone(), units) };
            Planned::Sets(vec![set], vec![])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        aws::Attached,
        tag::BackupOption,
        target::{PutBy, VolumeChoice},
    };

    fn vol(n: usize) -> VolumeId {
        format!("vol-{n:017x}").parse().unwrap()
    }

    fn instance(volumes: usize) -> Instance {
        Instance {
            id: "i-0123456789abcdef0".parse().unwrap(),
            is_gone: false,
            is_windows: false,
            // The root is last on purpose.
            volumes: (0..volumes)
                .map(|n| Attached { volume: vol(n), device: format!("/dev/sd{n}"), is_root: n + 1 == volumes })
                .collect(),
            tags: Tags::new(),
        }
    }

    fn target(volumes: VolumeChoice) -> Target {
        let resource = Resource::Instance("i-0123456789abcdef0".parse().unwrap());
        Target { volumes, ..Target::new(resource, "us-east-1".parse().unwrap(), PutBy::Person) }
    }

    #[test]
    fn all_volumes_go_in_one_call() {
        let Planned::Sets(sets, warnings) = plan_instance(&target(VolumeChoice::All), Some(&instance(10))) else {
            panic!()
        };
        assert_eq!((sets.len(), sets[0].units.len(), warnings.len()), (1, 10, 0));
        assert!(sets[0].excluded.is_empty() && !sets[0].exclude_boot);
    }

    #[test]
    fn exclusions_leave_out_root_and_data() {
        let without = VolumeChoice::Include(BTreeSet::from([vol(0)]));
        let Planned::Sets(sets, _) = plan_instance(&target(without), Some(&instance(3))) else { panic!() };
        assert_eq!(sets[0].units.len(), 1);
        assert!(sets[0].exclude_boot);
        assert_eq!(sets[0].excluded, [vol(1)]);
    }

    #[test]
    fn volumes_past_the_limit_are_snapshotted_alone() {
        let Planned::Sets(sets, warnings) = plan_instance(&target(VolumeChoice::All), Some(&instance(130))) else {
            panic!()
        };
        assert_eq!((sets.len(), sets[0].units.len(), warnings.len()), (3, MAX_SET, 1));
        assert_eq!(sets[0].excluded.len(), 2);
        assert!(sets[0].units.iter().any(|unit| unit.source == vol(129)), "the root is in the call");
    }

    #[test]
    fn too_many_left_out_are_snapshotted_one_by_one() {
        let only = VolumeChoice::Include(BTreeSet::from([vol(0), vol(1)]));
        let Planned::Sets(sets, warnings) = plan_instance(&target(only), Some(&instance(50))) else { panic!() };
        assert_eq!((sets.len(), warnings.len()), (2, 1));
        assert!(sets.iter().all(|set| set.excluded.is_empty() && set.instance().is_none()));
    }

    #[test]
    fn what_is_gone_is_gone() {
        let gone = Instance { is_gone: true, ..instance(1) };
        assert_eq!(plan_instance(&target(VolumeChoice::All), Some(&gone)), Planned::Gone);
        assert_eq!(plan_instance(&target(VolumeChoice::All), None), Planned::Gone);
    }

    #[test]
    fn nothing_chosen_is_no_failure() {
        let odd = VolumeChoice::Include(BTreeSet::from([vol(9)]));
        assert!(matches!(plan_instance(&target(odd), Some(&instance(2))), Planned::Nothing(_)));
    }

    #[test]
    fn an_image_option_says_that_it_is_not_carried_out() {
        let ami = Target { option: Some(BackupOption::OnlyAmis), ..target(VolumeChoice::All) };
        let Planned::Sets(_, warnings) = plan_instance(&ami, Some(&instance(1))) else { panic!() };
        assert_eq!(warnings, ["i-0123456789abcdef0: only-amis is not carried out yet; backed up by snapshots only"]);
    }
}
