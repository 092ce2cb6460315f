//! How things that were made are.

use aws_sdk_rds::{Client, types::Filter};
use cpm_domain::{
    aws::AwsError,
    recovery::work::{Made, MadeKind, MadeState},
};
use cpm_ports::Access;

use super::answer::{self, Seen};
use crate::{MAX_IDS, PAGE, failure};

const DATABASES: &str = "rds:DescribeDBInstances";
const CLUSTERS: &str = "rds:DescribeDBClusters";

/// Those of these ids, in their order.
pub(super) async fn named(
    client: &Client,
    access: &Access,
    kind: MadeKind,
    ids: &[String],
) -> Result<Vec<Made>, AwsError> {
    let found = of(client, access, kind, Some(ids)).await?;
    let known = |id: &String| found.iter().find(|seen| seen.made.id.eq_ignore_ascii_case(id));
    let made = |id: &String| match known(id) {
        Some(seen) => Made { id: id.clone(), ..seen.made.clone() },
        None => Made { state: MadeState::Gone, ..Made::pending(kind, id) },
    };
    Ok(ids.iter().map(made).collect())
}

/// Those of these ids, or all. Filters tell capital letters apart, and AWS keeps identifiers in small ones.
pub(super) async fn of(
    client: &Client,
    access: &Access,
    kind: MadeKind,
    ids: Option<&[String]>,
) -> Result<Vec<Seen>, AwsError> {
    let Some(ids) = ids else { return one_call(client, access, kind, None).await };
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(MAX_IDS) {
        let name = if kind == MadeKind::Cluster { "db-cluster-id" } else { "db-instance-id" };
        let these = some.iter().map(|id| id.to_ascii_lowercase()).collect();
        let these = Filter::builder().name(name).set_values(Some(these)).build();
        found.extend(one_call(client, access, kind, Some(these)).await?);
    }
    Ok(found)
}

async fn one_call(
    client: &Client,
    access: &Access,
    kind: MadeKind,
    these: Option<Filter>,
) -> Result<Vec<Seen>, AwsError> {
    let these = these.map(|filter| vec![filter]);
    let mut found = Vec::new();
    if kind == MadeKind::Cluster {
        let asked = client.describe_db_clusters().set_filters(these).max_records(PAGE);
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, CLUSTERS, &error))?;
            found.extend(page.db_clusters().iter().map(answer::cluster));
        }
    } else {
        let asked = client.describe_db_instances().set_filters(these).max_records(PAGE);
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, DATABASES, &error))?;
            found.extend(page.db_instances().iter().map(answer::database));
        }
    }
    Ok(found)
}
