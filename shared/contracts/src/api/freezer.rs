//! The freezer.

use cpm_domain::{
    freezer::{Afterwards, Description, Entry, FreezerName, Frozen},
    id::BackupId,
    name::{AccountName, PolicyName},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Started;

/// Freeze a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    /// Which; it must have ended.
    pub backup: BackupId,
    /// Under which name, which no other frozen backup has in any case.
    pub name: FreezerName,
    /// Why.
    #[serde(default)]
    pub description: Option<Description>,
}

/// A frozen backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FrozenView {
    /// Its name, and since when it is frozen.
    #[serde(flatten)]
    pub frozen: Frozen,
    /// The backup.
    pub backup: BackupId,
    /// Its policy, which may be gone.
    pub policy: PolicyName,
    /// Its account.
    pub account: AccountName,
    /// When the backup began.
    pub started: Timestamp,
    /// What becomes of it when it is taken out now.
    pub afterwards: Afterwards,
}

/// What is in the freezer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FreezerList {
    /// By name.
    pub frozen: Vec<FrozenView>,
}

/// A backup was taken out of the freezer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unfrozen {
    /// What name it had.
    pub name: FreezerName,
    /// The backup.
    pub backup: BackupId,
    /// Its policy.
    pub policy: PolicyName,
    /// What becomes of it.
    pub afterwards: Afterwards,
    /// The cleanup that deletes it; null when it is not deleted, or when the cleanup by schedule does it.
    pub cleanup: Option<Started>,
}

impl FrozenView {
    /// An entry, with what becomes of it.
    pub fn new(entry: Entry, afterwards: Afterwards) -> Self {
        let Entry { backup, policy, account, started, frozen } = entry;
        Self { frozen, backup, policy, account, started, afterwards }
    }
}
