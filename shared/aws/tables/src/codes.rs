//! Error codes of DynamoDB and of the Resource Groups Tagging API.

use cpm_domain::aws::Refusal;

use crate::{
    backups::CREATE,
    restore::{DELETE, PROTECT, RESTORE, TAG},
};

/// What an error code means when `action` gives it.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteBackup.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html>
pub(crate) fn meaning(action: &str, code: &str) -> Option<Refusal> {
    match code.strip_suffix("Exception").unwrap_or(code) {
        // Another backup of the table is being made, or the table is made, changed or deleted; or it is so new that its
        // backups are not set up yet. All of it ends.
        "BackupInUse" if action == CREATE => Some(Refusal::Busy),
        "TableInUse" | "ContinuousBackupsUnavailable" => Some(Refusal::Busy),
        // The same of a table that is restored, tagged, changed or deleted.
        "BackupInUse" | "ResourceInUse" if [RESTORE, TAG, PROTECT, DELETE].contains(&action) => Some(Refusal::Busy),
        "TableAlreadyExists" => Some(Refusal::Exists),
        "BackupInUse" => Some(Refusal::InUse),
        // At most 50 backup calls a second; 500 changes of tables at once.
        "LimitExceeded" => Some(Refusal::Limit),
        "TableNotFound" | "ResourceNotFound" | "BackupNotFound" => Some(Refusal::NotFound),
        "InternalService" => Some(Refusal::Unknown),
        _ => None,
    }
}
