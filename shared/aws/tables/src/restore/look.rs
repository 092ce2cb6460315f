//! How tables that were made are.

use aws_sdk_dynamodb::{
    Client,
    types::{TableDescription, TableStatus},
};
use aws_sdk_resourcegroupstagging::{Client as Tagging, types::TagFilter};
use cpm_aws_place::unreadable;
use cpm_domain::{
    aws::{AwsError, Refusal},
    kind::Resource,
    recovery::{
        Mark,
        work::{Made, MadeKind, MadeState},
    },
};
use cpm_ports::Access;
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    failure,
    tables::{AT_ONCE, DESCRIBE, PAGE, TAGGED},
};

/// Those of these names, in their order.
pub(super) async fn named(client: &Client, access: &Access, names: &[String]) -> Result<Vec<Made>, AwsError> {
    let looks: Vec<_> = names.iter().map(|name| looked(client, access, name)).collect();
    stream::iter(looks).buffered(AT_ONCE).try_collect().await
}

async fn looked(client: &Client, access: &Access, name: &str) -> Result<Made, AwsError> {
    let found = one(client, access, name).await?;
    let gone = || Made { state: MadeState::Gone, ..Made::pending(MadeKind::Table, name) };
    Ok(found.map_or_else(gone, |table| made(name, &table)))
}

/// A table, if there is one.
pub(super) async fn one(client: &Client, access: &Access, name: &str) -> Result<Option<TableDescription>, AwsError> {
    let answer = client.describe_table().table_name(name).send().await;
    match answer.map_err(|error| failure(access, DESCRIBE, &error)) {
        Err(error) if error.refusal == Refusal::NotFound => Ok(None),
        answer => Ok(answer?.table),
    }
}

/// Whether a table was made of a backup.
pub(super) fn is_of(table: &TableDescription, backup: &str) -> bool {
    table.restore_summary().and_then(|summary| summary.source_backup_arn()) == Some(backup)
}

/// What is being deleted is there until AWS knows it no more.
pub(super) fn made(name: &str, table: &TableDescription) -> Made {
    let state = match table.table_status() {
        Some(TableStatus::Active) => MadeState::Ready,
        Some(TableStatus::InaccessibleEncryptionCredentials | TableStatus::Archiving | TableStatus::Archived) => {
            MadeState::Failed
        }
        _ => MadeState::Pending,
    };
    let cause = (state == MadeState::Failed).then(|| {
        "its KMS key cannot be used: it is disabled, pending deletion, or the role may not use it".to_owned()
    });
    Made { state, cause, ..Made::pending(MadeKind::Table, name) }
}

/// The names of tables that carry the mark. The index of tags follows a little later.
pub(super) async fn marked(client: &Tagging, access: &Access, mark: &Mark<'_>) -> Result<Vec<String>, AwsError> {
    let by_tag = |(key, value): &(&str, String)| TagFilter::builder().key(*key).values(value).build();
    let filters = mark.sought().iter().map(by_tag).collect();
    let asked = client.get_resources().resource_type_filters("dynamodb:table").set_tag_filters(Some(filters));
    let mut pages = asked.resources_per_page(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, TAGGED, &error))?;
        for table in page.resource_tag_mapping_list() {
            let arn = table.resource_arn().unwrap_or_default();
            found.push(Resource::from_arn(arn).ok_or_else(|| unreadable(TAGGED, arn))?.id().to_owned());
        }
    }
    Ok(found)
}
