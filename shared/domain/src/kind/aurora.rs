//! Aurora clusters, and other clusters of RDS.

use super::{Planned, Spec, planned, rds};
use crate::{aws::Found, id::id, target::Target, unit::UnitKind};

id!(
    /// An Aurora cluster, by its identifier.
    ClusterId, "the identifier of a cluster", "ledger", rds::is_identifier
);

pub(super) const SPEC: Spec =
    Spec { noun: "an Aurora cluster", arn: ("rds", "cluster:"), units: &[UnitKind::AuroraSnapshot] };

/// Plans the snapshot of a cluster, with all its instances' data.
pub(super) fn plan(target: &Target, found: &Found) -> Planned {
    let Found::Managed(cluster) = found else { return Planned::Gone };
    if cluster.status == "deleting" {
        return Planned::Gone;
    }
    rds::stuck(cluster).map_or_else(|| planned::alone(target, UnitKind::AuroraSnapshot, cluster), Planned::Refused)
}
