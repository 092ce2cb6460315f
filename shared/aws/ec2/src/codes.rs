//! Error codes of EC2.

use cpm_domain::aws::Refusal;

use crate::{images::DEREGISTER, snapshots::DELETE};

/// Codes of EC2 alone; those that all services share are known elsewhere.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const CODES: [(Refusal, &[&str]); 6] = [
    // One volume's snapshots want 15 seconds between them.
    (Refusal::Throttled, &["ConcurrentTagAccess", "SnapshotCreationPerVolumeRateExceeded"]),
    // The first two end by themselves. The others may need a quota raised, but deletions make room as well.
    (
        Refusal::Limit,
        &[
            "ConcurrentSnapshotLimitExceeded",
            "PendingSnapshotLimitExceeded",
            "ResourceLimitExceeded",
            "SnapshotLimitExceeded",
        ],
    ),
    (
        Refusal::Denied,
        &[
            "AccountDisabled",
            "CustomerKeyHasBeenRevoked",
            "DeclarativePoliciesAccessDeniedException",
            "RegionDisabledException",
            "TagPolicyViolation",
        ],
    ),
    (Refusal::Exists, &["InvalidAMIName.Duplicate"]),
    (Refusal::InUse, &["DependencyViolation"]),
    (Refusal::Unknown, &["RetryableError", "ServerInternal"]),
];

/// A deletion is refused so while the snapshot is locked, or on its way to or from the archive: that ends. A creation
/// is refused so when its volume or instance is not what it should be: that does not.
const NOT_NOW: [&str; 3] = ["IncorrectState", "IncorrectStateException", "OperationNotPermitted"];

/// What an error code of EC2 means when `action` gives it.
pub(crate) fn meaning(action: &str, code: &str) -> Option<Refusal> {
    // An image that is deregistered already.
    if code.ends_with(".NotFound") || (action == DEREGISTER && code == "InvalidAMIID.Unavailable") {
        Some(Refusal::NotFound)
    } else if code.ends_with(".InUse")
        || code.ends_with("Locked")
        || ([DELETE, DEREGISTER].contains(&action) && NOT_NOW.contains(&code))
    {
        Some(Refusal::InUse)
    } else {
        CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(refusal, _)| *refusal)
    }
}
