//! Manual snapshots of Redshift clusters.

use std::time::Duration;

use aws_sdk_redshift::{Client, config::Builder, types::Tag};
use cpm_aws_call::{ANSWER, CREATION, once, timeouts};
use cpm_aws_place::{deleted, unreadable};
use cpm_domain::{
    aws::{AwsError, FoundUnit, UnitRequest},
    id::UnitId,
    provenance::Sought,
    unit::UnitReport,
};
use cpm_ports::Access;

use crate::{PAGE, answer, failure};

const CREATE: &str = "redshift:CreateClusterSnapshot";
const FIND: &str = "redshift:DescribeClusterSnapshots";
const DELETE: &str = "redshift:DeleteClusterSnapshot";

pub(crate) async fn create(
    client: &Client,
    access: &Access,
    request: &UnitRequest,
) -> Result<Vec<UnitReport>, AwsError> {
    let tags = request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let call = client
        .create_cluster_snapshot()
        .cluster_identifier(request.target.id())
        .snapshot_identifier(&request.name)
        .set_tags(Some(tags))
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, CREATE, &error))?;
    let made = made.snapshot().ok_or_else(|| unreadable(CREATE, ""))?;
    let report = answer::snapshot(CREATE, made)?.report;
    Ok(vec![UnitReport { source: Some(request.target.clone()), ..report }])
}

/// AWS gives what has any of the keys and any of the values: it is asked for one tag, the one that fewest have, and the
/// others are held against the answer.
pub(crate) async fn find(client: &Client, access: &Access, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
    let mut call = client.describe_cluster_snapshots().snapshot_type("manual").max_records(PAGE);
    if let Some((key, value)) = sought.tags().pop() {
        call = call.tag_keys(key).tag_values(value);
    }
    let mut pages = call.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, FIND, &error))?;
        for snapshot in page.snapshots() {
            found.push(answer::snapshot(FIND, snapshot)?);
        }
    }
    found.retain(|unit| sought.fits(&unit.tags));
    Ok(found)
}

pub(crate) async fn delete(client: &Client, access: &Access, id: &UnitId) -> Result<(), AwsError> {
    let call = client.delete_cluster_snapshot().snapshot_identifier(id.as_str()).customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    deleted(outcome.map_err(|error| failure(access, DELETE, &error)))
}

/// A change that AWS took in though no answer came would be made a second time by a blind repetition.
pub(crate) fn change(patience: Duration) -> Builder {
    Builder::new().retry_config(once()).timeout_config(timeouts(patience))
}
