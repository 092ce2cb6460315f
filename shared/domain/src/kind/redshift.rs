//! Redshift clusters.

use super::{Planned, Spec, planned};
use crate::{aws::Found, id::id, target::Target, unit::UnitKind};

id!(
    /// A Redshift cluster, by its identifier.
    WarehouseId, "the identifier of a Redshift cluster", "dwh", is_identifier
);

pub(super) const SPEC: Spec =
    Spec { noun: "a Redshift cluster", arn: ("redshift", "cluster:"), units: &[UnitKind::RedshiftSnapshot] };

/// 1 to 63 lower-case letters, digits and hyphens; a letter first, no hyphen last, no two in a row (`CreateCluster`).
fn is_identifier(text: &str) -> bool {
    super::rds::is_identifier(text) && !text.bytes().any(|b| b.is_ascii_uppercase())
}

/// States that a cluster does not leave by itself and in which AWS makes no snapshot, and what to do.
///
/// <https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-cluster-status.html>
const STUCK: [(&str, &str); 6] = [
    ("paused", "resume it"),
    ("hardware-failure", "restore it from a snapshot"),
    ("incompatible-hsm", "mend its connection to the HSM"),
    ("incompatible-network", "mend its subnets"),
    ("incompatible-parameters", "mend its parameter group"),
    ("storage-full", "resize it"),
];

/// Plans the snapshot of a cluster.
pub(super) fn plan(target: &Target, found: &Found) -> Planned {
    let Found::Managed(cluster) = found else { return Planned::Gone };
    if matches!(cluster.status.as_str(), "deleting" | "final-snapshot") {
        return Planned::Gone;
    }
    match STUCK.iter().find(|(state, _)| *state == cluster.status) {
        Some((state, advice)) => Planned::Refused(format!(
            "{} is {state}, and AWS makes no snapshot of it in that state: {advice}",
            cluster.resource.id()
        )),
        None => planned::alone(target, UnitKind::RedshiftSnapshot, cluster),
    }
}
