//! Error codes of RDS.

use cpm_domain::aws::Refusal;

use crate::{clusters, databases};

/// What an error code of RDS means when `action` gives it. The API writes some codes with `Fault` at their end and some
/// without.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterSnapshot.html>
pub(crate) fn meaning(action: &str, code: &str) -> Option<Refusal> {
    match code.strip_suffix("Fault").unwrap_or(code) {
        "DBSnapshotAlreadyExists" | "DBClusterSnapshotAlreadyExists" => Some(Refusal::Exists),
        "SnapshotQuotaExceeded" | "DBClusterSnapshotQuotaExceeded" => Some(Refusal::Quota),
        "KMSKeyNotAccessible" => Some(Refusal::Denied),
        "InvalidDBInstanceState"
        | "InvalidDBClusterState"
        | "InvalidDBSnapshotState"
        | "InvalidDBClusterSnapshotState" => Some(wrong_state(action)),
        code if code.ends_with("NotFound") => Some(Refusal::NotFound),
        _ => None,
    }
}

/// A source is backed up, modified or restarted, or a snapshot of it is being made: that ends.
fn wrong_state(action: &str) -> Refusal {
    if [databases::CREATE, clusters::CREATE].contains(&action) { Refusal::Busy } else { Refusal::InUse }
}
