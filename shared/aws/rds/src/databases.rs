//! RDS databases and their snapshots.

use aws_sdk_rds::{Client, types::Filter};
use cpm_aws_call::{ANSWER, CREATION};
use cpm_aws_place::{deleted, unreadable};
use cpm_domain::{
    aws::{AwsError, Found, FoundUnit, Managed, Tagged, UnitRequest},
    id::UnitId,
    kind::Resource,
    provenance::Sought,
    unit::UnitReport,
};
use cpm_ports::Access;

use crate::{MAX_IDS, PAGE, answer, change, failure, filter, tags};

const DESCRIBE: &str = "rds:DescribeDBInstances";
const FIND: &str = "rds:DescribeDBSnapshots";
const DELETE: &str = "rds:DeleteDBSnapshot";
pub(crate) const CREATE: &str = "rds:CreateDBSnapshot";

pub(crate) async fn described(client: &Client, access: &Access, asked: &[Resource]) -> Result<Vec<Found>, AwsError> {
    let mut found = Vec::with_capacity(asked.len());
    for some in asked.chunks(MAX_IDS) {
        let databases = databases(client, access, Some(filter("db-instance-id", some))).await?;
        found.extend(
            databases.into_iter().filter_map(|database| answer::as_asked(database, some)).map(Found::Managed),
        );
    }
    Ok(found)
}

/// The members of some clusters.
pub(crate) async fn of_clusters(
    client: &Client,
    access: &Access,
    clusters: &[Resource],
) -> Result<Vec<Managed>, AwsError> {
    databases(client, access, Some(filter("db-cluster-id", clusters))).await
}

pub(crate) async fn tagged(client: &Client, access: &Access) -> Result<Vec<Tagged>, AwsError> {
    Ok(databases(client, access, None).await?.into_iter().filter_map(answer::tagged).collect())
}

async fn databases(client: &Client, access: &Access, these: Option<Filter>) -> Result<Vec<Managed>, AwsError> {
    let asked = client.describe_db_instances().set_filters(these.map(|filter| vec![filter])).max_records(PAGE);
    let mut pages = asked.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, DESCRIBE, &error))?;
        for database in page.db_instances() {
            found.push(answer::database(DESCRIBE, database)?);
        }
    }
    Ok(found)
}

pub(crate) async fn snapshot(
    client: &Client,
    access: &Access,
    request: &UnitRequest,
) -> Result<Vec<UnitReport>, AwsError> {
    let call = client
        .create_db_snapshot()
        .db_instance_identifier(request.target.id())
        .db_snapshot_identifier(&request.name)
        .set_tags(Some(tags(request)))
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, CREATE, &error))?;
    let made = made.db_snapshot().ok_or_else(|| unreadable(CREATE, ""))?;
    let report = answer::snapshot(CREATE, made)?.report;
    Ok(vec![UnitReport { source: Some(request.target.clone()), ..report }])
}

/// AWS filters snapshots by no tag: all manual ones are read.
pub(crate) async fn find(client: &Client, access: &Access, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
    let asked = client.describe_db_snapshots().snapshot_type("manual").max_records(PAGE);
    let mut pages = asked.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, FIND, &error))?;
        for snapshot in page.db_snapshots() {
            found.push(answer::snapshot(FIND, snapshot)?);
        }
    }
    found.retain(|unit| sought.fits(&unit.tags));
    Ok(found)
}

pub(crate) async fn delete(client: &Client, access: &Access, id: &UnitId) -> Result<(), AwsError> {
    let call = client.delete_db_snapshot().db_snapshot_identifier(id.as_str()).customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    deleted(outcome.map_err(|error| failure(access, DELETE, &error)))
}
