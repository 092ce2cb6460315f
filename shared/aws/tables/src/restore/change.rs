//! What changes something, and what the cleaner removes. A change that stands already is a success.

use aws_sdk_dynamodb::{Client, types::Tag};
use cpm_aws_call::ANSWER;
use cpm_aws_place::{deleted, unreadable};
use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    provenance::merge,
    recovery::work::Order,
};
use cpm_ports::Access;

use super::look;
use crate::{backups::change, failure};

pub(crate) const TAG: &str = "dynamodb:TagResource";
pub(crate) const PROTECT: &str = "dynamodb:UpdateTable";
pub(crate) const DELETE: &str = "dynamodb:DeleteTable";

/// Tags are put on by ARN, which AWS tells.
pub(super) async fn tag(
    client: &Client,
    access: &Access,
    table: &str,
    order: &Order,
    own: &Tags,
) -> Result<(), AwsError> {
    let found = look::one(client, access, table).await?.ok_or_else(|| no_table(table))?;
    let arn = found.table_arn().ok_or_else(|| unreadable(TAG, ""))?;
    let tags = merge(order.tags.clone(), own).0;
    let tags = tags.iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect();
    let call = client.tag_resource().resource_arn(arn).set_tags(Some(tags)).customize();
    let tagged = call.config_override(change(ANSWER)).send().await;
    tagged.map(|_| ()).map_err(|error| failure(access, TAG, &error))
}

fn no_table(table: &str) -> AwsError {
    AwsError {
        refusal: Refusal::NotFound,
        action: TAG.to_owned(),
        code: "ResourceNotFoundException".to_owned(),
        message: format!("there is no table {table}"),
    }
}

pub(super) async fn protect(client: &Client, access: &Access, table: &str) -> Result<(), AwsError> {
    let call = client.update_table().table_name(table).deletion_protection_enabled(true).customize();
    let changed = call.config_override(change(ANSWER)).send().await;
    changed.map(|_| ()).map_err(|error| failure(access, PROTECT, &error))
}

pub(super) async fn delete(client: &Client, access: &Access, table: &str) -> Result<(), AwsError> {
    let call = client.delete_table().table_name(table).customize();
    deleted(call.config_override(change(ANSWER)).send().await.map_err(|error| failure(access, DELETE, &error)))
}
