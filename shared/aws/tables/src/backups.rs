//! On-demand backups of tables. They carry no tags: their names say what the tags of other units say.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::Builder,
    types::{BackupStatus, BackupSummary, BackupTypeFilter},
};
use cpm_aws_call::{ANSWER, CREATION, once, timeouts};
use cpm_aws_place::{deleted, time, unreadable};
use cpm_domain::{
    aws::{AwsError, FoundUnit, UnitRequest},
    id::UnitId,
    kind::{Kind, Resource},
    provenance::Sought,
    unit::{UnitKind, UnitReport, UnitState},
    unit_name::read_table_backup,
};
use cpm_ports::Access;

use crate::failure;

pub(crate) const CREATE: &str = "dynamodb:CreateBackup";
const FIND: &str = "dynamodb:ListBackups";
const DELETE: &str = "dynamodb:DeleteBackup";

/// The most backups that AWS gives in one page.
const PAGE: i32 = 100;

pub(crate) async fn create(
    client: &Client,
    access: &Access,
    request: &UnitRequest,
) -> Result<Vec<UnitReport>, AwsError> {
    let call = client.create_backup().table_name(request.target.id()).backup_name(&request.name).customize();
    let made = call.config_override(change(CREATION)).send().await;
    let made = made.map_err(|error| failure(access, CREATE, &error))?;
    let made = made.backup_details().ok_or_else(|| unreadable(CREATE, ""))?;
    let report =
        UnitReport::pending(UnitKind::DynamodbBackup, UnitId::new(made.backup_arn()), request.target.clone());
    let started = time(Some(made.backup_creation_date_time()));
    Ok(vec![UnitReport { state: state(Some(made.backup_status())), started, ..report }])
}

/// All backups of all tables are read, gone tables among them: AWS filters by no part of a name.
pub(crate) async fn find(client: &Client, access: &Access, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let asked = client.list_backups().backup_type(BackupTypeFilter::User).limit(PAGE);
        let page = asked.set_exclusive_start_backup_arn(after).send().await;
        let page = page.map_err(|error| failure(access, FIND, &error))?;
        found.extend(page.backup_summaries().iter().filter_map(|backup| ours(backup, sought)));
        after = page.last_evaluated_backup_arn().map(str::to_owned);
        if after.is_none() {
            return Ok(found);
        }
    }
}

fn ours(backup: &BackupSummary, sought: &Sought<'_>) -> Option<FoundUnit> {
    let table = Resource::new(Kind::Dynamodb, backup.table_name()?).ok()?;
    let tags = read_table_backup(backup.backup_name()?, sought.deployment, &table)?.tags();
    let report = UnitReport::pending(UnitKind::DynamodbBackup, UnitId::new(backup.backup_arn()?), table);
    let started = time(backup.backup_creation_date_time());
    let report = UnitReport { state: state(backup.backup_status()), started, ..report };
    sought.fits(&tags).then_some(FoundUnit { report, tags })
}

pub(crate) async fn delete(client: &Client, access: &Access, id: &UnitId) -> Result<(), AwsError> {
    let call = client.delete_backup().backup_arn(id.as_str()).customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    deleted(outcome.map_err(|error| failure(access, DELETE, &error)))
}

fn state(status: Option<&BackupStatus>) -> UnitState {
    match status {
        Some(BackupStatus::Available) => UnitState::Completed,
        Some(BackupStatus::Deleted) => UnitState::Deleted,
        _ => UnitState::Pending,
    }
}

/// A change that AWS took in though no answer came would be made a second time by a blind repetition.
pub(crate) fn change(patience: Duration) -> Builder {
    Builder::new().retry_config(once()).timeout_config(timeouts(patience))
}
