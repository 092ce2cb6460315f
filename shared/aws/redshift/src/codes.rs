//! Error codes of Redshift.

use cpm_domain::aws::Refusal;

/// What an error code of Redshift means.
///
/// <https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateClusterSnapshot.html>,
/// <https://docs.aws.amazon.com/redshift/latest/APIReference/API_DeleteClusterSnapshot.html>,
/// <https://docs.aws.amazon.com/redshift/latest/APIReference/API_RestoreFromClusterSnapshot.html>
pub(crate) fn meaning(code: &str) -> Option<Refusal> {
    match code.strip_suffix("Fault").unwrap_or(code) {
        // A cluster is modified, resized or restarted: that ends.
        "InvalidClusterState" => Some(Refusal::Busy),
        "InvalidClusterSnapshotState" => Some(Refusal::InUse),
        "ClusterSnapshotAlreadyExists" | "ClusterAlreadyExists" | "AuthorizationAlreadyExists" => {
            Some(Refusal::Exists)
        }
        "AuthorizationQuotaExceeded"
        | "ClusterQuotaExceeded"
        | "ClusterSnapshotQuotaExceeded"
        | "LimitExceeded"
        | "NumberOfNodesPerClusterLimitExceeded"
        | "NumberOfNodesQuotaExceeded" => Some(Refusal::Quota),
        "InsufficientClusterCapacity" => Some(Refusal::Capacity),
        "AccessToSnapshotDenied" | "DependentServiceAccessDenied" => Some(Refusal::Denied),
        "DependentServiceRequestThrottling" => Some(Refusal::Throttled),
        "DependentServiceUnavailable" => Some(Refusal::Unknown),
        code if code.ends_with("NotFound") => Some(Refusal::NotFound),
        _ => None,
    }
}
