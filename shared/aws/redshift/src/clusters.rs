//! Redshift clusters.

use aws_sdk_redshift::{Client, operation::describe_clusters::builders::DescribeClustersFluentBuilder};
use cpm_domain::{
    aws::{AwsError, Found, Managed, Refusal, Tagged},
    kind::Resource,
    tag::TAG_KEY,
};
use cpm_ports::Access;

use crate::{PAGE, answer, failure};

const DESCRIBE: &str = "redshift:DescribeClusters";

/// AWS takes one id or none: one cluster is asked for by its id, several by all pages.
pub(crate) async fn described(client: &Client, access: &Access, asked: &[Resource]) -> Result<Vec<Found>, AwsError> {
    let call = client.describe_clusters();
    let found = match asked {
        [] => return Ok(Vec::new()),
        [one] => match clusters(call.cluster_identifier(one.id()), access).await {
            Err(error) if error.refusal == Refusal::NotFound => Vec::new(),
            found => found?,
        },
        _ => clusters(call.max_records(PAGE), access).await?,
    };
    Ok(found.into_iter().filter(|cluster| asked.contains(&cluster.resource)).map(Found::Managed).collect())
}

pub(crate) async fn tagged(client: &Client, access: &Access) -> Result<Vec<Tagged>, AwsError> {
    let found = clusters(client.describe_clusters().tag_keys(TAG_KEY).max_records(PAGE), access).await?;
    let found = found.into_iter().filter(|cluster| !is_going(cluster));
    let tagged =
        |mut cluster: Managed| Some(Tagged { value: cluster.tags.remove(TAG_KEY)?, resource: cluster.resource });
    Ok(found.filter_map(tagged).collect())
}

fn is_going(cluster: &Managed) -> bool {
    matches!(cluster.status.as_str(), "deleting" | "final-snapshot")
}

async fn clusters(call: DescribeClustersFluentBuilder, access: &Access) -> Result<Vec<Managed>, AwsError> {
    let mut pages = call.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, DESCRIBE, &error))?;
        for cluster in page.clusters() {
            found.push(answer::cluster(DESCRIBE, cluster)?);
        }
    }
    Ok(found)
}
