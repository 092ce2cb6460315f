//! What DynamoDB says of the place that a recovery goes to.

use aws_sdk_dynamodb::{Client, types::BackupDescription};
use cpm_domain::{
    aws::{AwsError, Refusal},
    recovery::facts::{Facts, ManagedFact, Question},
};
use cpm_ports::Access;

use super::look;
use crate::failure;

const BACKUP: &str = "dynamodb:DescribeBackup";

pub(super) async fn ask(client: &Client, access: &Access, questions: &[Question]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for question in questions {
        match question {
            Question::Table(name) if look::one(client, access, name).await?.is_some() => {
                facts.names.insert(question.clone());
            }
            Question::TableBackup(arn) => {
                let answer = client.describe_backup().backup_arn(arn.as_str()).send().await;
                let found = match answer.map_err(|error| failure(access, BACKUP, &error)) {
                    Err(error) if error.refusal == Refusal::NotFound => None,
                    answer => answer?.backup_description,
                };
                facts.managed.extend(found.as_ref().and_then(fact).map(|fact| (arn.clone(), fact)));
            }
            _ => {}
        }
    }
    Ok(facts)
}

/// States as other services write them: in small letters.
fn fact(backup: &BackupDescription) -> Option<ManagedFact> {
    let key = backup.source_table_feature_details().and_then(|table| table.sse_description()?.kms_master_key_arn());
    Some(ManagedFact {
        status: backup.backup_details()?.backup_status().as_str().to_ascii_lowercase(),
        engine: None,
        engine_version: None,
        size: None,
        encrypted: true,
        kms_key: key.map(str::to_owned),
    })
}
