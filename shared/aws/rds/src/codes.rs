//! Error codes of RDS.

use cpm_domain::aws::Refusal;

use crate::{
    clusters, databases,
    restore::{CREATE_MEMBER, MODIFY, MODIFY_CLUSTER, RESTORE, RESTORE_CLUSTER},
};

/// What an error code of RDS means when `action` gives it. The API writes some codes with `Fault` at their end and some
/// without.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterSnapshot.html>
pub(crate) fn meaning(action: &str, code: &str) -> Option<Refusal> {
    match code.strip_suffix("Fault").unwrap_or(code) {
        "DBSnapshotAlreadyExists"
        | "DBClusterSnapshotAlreadyExists"
        | "DBInstanceAlreadyExists"
        | "DBClusterAlreadyExists" => Some(Refusal::Exists),
        "InsufficientDBInstanceCapacity"
        | "InsufficientDBClusterCapacity"
        | "InsufficientStorageClusterCapacity"
        | "InsufficientCapacity" => Some(Refusal::Capacity),
        code if code.ends_with("QuotaExceeded") => Some(Refusal::Quota),
        "KMSKeyNotAccessible" => Some(Refusal::Denied),
        "InvalidDBInstanceState"
        | "InvalidDBClusterState"
        | "InvalidDBSnapshotState"
        | "InvalidDBClusterSnapshotState" => Some(wrong_state(action)),
        code if code.ends_with("NotFound") => Some(Refusal::NotFound),
        _ => None,
    }
}

/// What is backed up, restored, modified or restarted, or is not made yet: that ends.
const BUSY: [&str; 7] =
    [databases::CREATE, clusters::CREATE, CREATE_MEMBER, MODIFY, MODIFY_CLUSTER, RESTORE, RESTORE_CLUSTER];

fn wrong_state(action: &str) -> Refusal {
    if BUSY.contains(&action) { Refusal::Busy } else { Refusal::InUse }
}
