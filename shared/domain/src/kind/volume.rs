//! EBS volumes.

use super::{Planned, Spec, planned};
use crate::{
    aws::Found,
    id::{id, is_ec2_id},
    target::{Resource, Target},
    unit::{Unit, UnitKind, UnitSet},
};

id!(
    /// An EBS volume.
    VolumeId, "the id of a volume", "vol-0123456789abcdef0", |t| is_ec2_id(t, "vol-")
);

pub(super) const SPEC: Spec = Spec { noun: "a volume", arn: ("ec2", "volume/"), units: &[UnitKind::EbsSnapshot] };

/// Plans the set of a volume, attached or not (§8.3 of the guide).
pub(super) fn plan(target: &Target, found: &Found) -> Planned {
    let Found::Volume(volume) = found else { return Planned::Gone };
    if volume.is_gone {
        return Planned::Gone;
    }
    let unit = Unit::planned(UnitKind::EbsSnapshot, Resource::Volume(volume.id.clone()));
    let set = planned::set(&target.region, target.resource.clone(), vec![unit]);
    Planned::sets(vec![UnitSet { tags: volume.tags.clone(), ..set }])
}
