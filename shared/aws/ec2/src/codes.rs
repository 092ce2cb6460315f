//! Error codes of EC2.

use cpm_domain::aws::Refusal;

use crate::{
    images::DEREGISTER,
    restore::{ASSOCIATE, ATTACH, DELETE_VOLUME, DETACH, LAUNCH, MODIFY, TERMINATE},
    snapshots::DELETE,
};

/// Codes of EC2 alone; those that all services share are known elsewhere.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const CODES: [(Refusal, &[&str]); 8] = [
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
    (Refusal::InUse, &["DependencyViolation", "Resource.AlreadyAssociated", "VolumeInUse"]),
    // None of that type is free in that zone, or the zone has none of that type.
    (
        Refusal::Capacity,
        &[
            "InsufficientCapacity",
            "InsufficientHostCapacity",
            "InsufficientInstanceCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientVolumeCapacity",
            "Unsupported",
            "UnsupportedHostConfiguration",
        ],
    ),
    // Nothing of it goes away by itself.
    (
        Refusal::Quota,
        &[
            "AddressLimitExceeded",
            "InstanceLimitExceeded",
            "InsufficientFreeAddressesInSubnet",
            "MaxIOPSLimitExceeded",
            "VcpuLimitExceeded",
            "VolumeLimitExceeded",
        ],
    ),
    (Refusal::Unknown, &["RetryableError", "ServerInternal"]),
];

/// A deletion is refused so while the snapshot is locked, or on its way to or from the archive, or while the volume is
/// attached or the instance protected: that ends. A creation is refused so when its volume or instance is not what it
/// should be: that does not.
const NOT_NOW: [&str; 3] = ["IncorrectState", "IncorrectStateException", "OperationNotPermitted"];
const DELETIONS: [&str; 4] = [DELETE, DEREGISTER, DELETE_VOLUME, TERMINATE];

/// What a recovery has just made may not be known everywhere yet, or is on its way from one state to another: that ends.
const NOT_YET: [&str; 5] = [
    "IncorrectInstanceState",
    "IncorrectState",
    "InvalidAMIID.Unavailable",
    "InvalidInstanceAttributeValue",
    "InvalidInstanceID",
];
const OF_RECOVERIES: [&str; 5] = [ASSOCIATE, ATTACH, DETACH, LAUNCH, MODIFY];

/// What an error code of EC2 means when `action` gives it.
pub(crate) fn meaning(action: &str, code: &str) -> Option<Refusal> {
    // An image that is deregistered already.
    if code.ends_with(".NotFound") || (action == DEREGISTER && code == "InvalidAMIID.Unavailable") {
        Some(Refusal::NotFound)
    } else if code.ends_with(".InUse")
        || code.ends_with("Locked")
        || (DELETIONS.contains(&action) && NOT_NOW.contains(&code))
    {
        Some(Refusal::InUse)
    } else if OF_RECOVERIES.contains(&action) && NOT_YET.contains(&code) {
        Some(Refusal::Busy)
    } else {
        CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(refusal, _)| *refusal)
    }
}
