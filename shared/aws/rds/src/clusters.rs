//! Aurora clusters and their snapshots.

use aws_sdk_rds::{Client, types::Filter};
use cpm_aws_call::{ANSWER, CREATION};
use cpm_aws_place::{deleted, unreadable};
use cpm_domain::{
    aws::{AwsError, Found, FoundUnit, Managed, Tagged, UnitRequest},
    id::UnitId,
    kind::Resource,
    origin::{Completed, Origin},
    provenance::Sought,
    unit::UnitReport,
};
use cpm_ports::Access;

use crate::{MAX_IDS, PAGE, answer, change, databases, failure, filter, origins, tags};

const DESCRIBE: &str = "rds:DescribeDBClusters";
const FIND: &str = "rds:DescribeDBClusterSnapshots";
const DELETE: &str = "rds:DeleteDBClusterSnapshot";
pub(crate) const CREATE: &str = "rds:CreateDBClusterSnapshot";

pub(crate) async fn described(client: &Client, access: &Access, asked: &[Resource]) -> Result<Vec<Found>, AwsError> {
    let mut found = Vec::with_capacity(asked.len());
    for some in asked.chunks(MAX_IDS) {
        let clusters = clusters(client, access, Some(filter("db-cluster-id", some))).await?;
        found.extend(clusters.into_iter().filter_map(|cluster| answer::as_asked(cluster, some)).map(Found::Managed));
    }
    Ok(found)
}

/// Fills in what members tell of themselves: a cluster knows only which they are.
pub(crate) async fn complete(client: &Client, access: &Access, origins: Vec<Origin>) -> Completed {
    let mut done = Completed::as_they_are(origins);
    let has_members = |origin: &&Origin| matches!(origin, Origin::Aurora(cluster) if !cluster.members.is_empty());
    let clusters: Vec<Resource> = done.origins.iter().filter(has_members).filter_map(Origin::resource).collect();
    for some in clusters.chunks(MAX_IDS) {
        match databases::of_clusters(client, access, some).await {
            Ok(members) => members.iter().for_each(|member| take_in(&mut done, member)),
            Err(error) => done.leave_unread("its members", some.to_vec(), error),
        }
    }
    done
}

fn take_in(done: &mut Completed, database: &Managed) {
    let Some(Origin::Rds(told)) = database.origin.as_deref() else { return };
    for origin in &mut done.origins {
        let Origin::Aurora(cluster) = origin else { continue };
        if database.cluster.as_deref() == Some(cluster.id.as_str()) {
            let same = cluster.members.iter_mut().filter(|member| member.id == told.id);
            same.for_each(|member| origins::take_in(member, told));
        }
    }
}

pub(crate) async fn tagged(client: &Client, access: &Access) -> Result<Vec<Tagged>, AwsError> {
    Ok(clusters(client, access, None).await?.into_iter().filter_map(answer::tagged).collect())
}

async fn clusters(client: &Client, access: &Access, these: Option<Filter>) -> Result<Vec<Managed>, AwsError> {
    let asked = client.describe_db_clusters().set_filters(these.map(|filter| vec![filter])).max_records(PAGE);
    let mut pages = asked.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, DESCRIBE, &error))?;
        for cluster in page.db_clusters() {
            found.push(answer::cluster(DESCRIBE, cluster)?);
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
        .create_db_cluster_snapshot()
        .db_cluster_identifier(request.target.id())
        .db_cluster_snapshot_identifier(&request.name)
        .set_tags(Some(tags(request)))
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, CREATE, &error))?;
    let made = made.db_cluster_snapshot().ok_or_else(|| unreadable(CREATE, ""))?;
    let report = answer::cluster_snapshot(CREATE, made)?.report;
    Ok(vec![UnitReport { source: Some(request.target.clone()), ..report }])
}

/// AWS filters snapshots by no tag: all manual ones are read.
pub(crate) async fn find(client: &Client, access: &Access, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
    let asked = client.describe_db_cluster_snapshots().snapshot_type("manual").max_records(PAGE);
    let mut pages = asked.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, FIND, &error))?;
        for snapshot in page.db_cluster_snapshots() {
            found.push(answer::cluster_snapshot(FIND, snapshot)?);
        }
    }
    found.retain(|unit| sought.fits(&unit.tags));
    Ok(found)
}

pub(crate) async fn delete(client: &Client, access: &Access, id: &UnitId) -> Result<(), AwsError> {
    let call = client.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(id.as_str()).customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    deleted(outcome.map_err(|error| failure(access, DELETE, &error)))
}
