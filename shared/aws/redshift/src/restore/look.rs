//! How clusters that were made are.

use aws_sdk_redshift::{
    Client, operation::describe_clusters::builders::DescribeClustersFluentBuilder, types::Cluster,
};
use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    recovery::{
        Mark,
        work::{Made, MadeKind, MadeState},
    },
};
use cpm_ports::Access;

use crate::{PAGE, answer::tags, failure};

const DESCRIBE: &str = "redshift:DescribeClusters";

/// A cluster with what tells whose it is.
pub(super) struct Seen {
    pub(super) made: Made,
    pub(super) tags: Tags,
    /// It was made of a snapshot.
    pub(super) is_restored: bool,
    pub(super) database: Option<String>,
    pub(super) user: Option<String>,
}

/// Those of these ids, in their order.
pub(super) async fn named(client: &Client, access: &Access, ids: &[String]) -> Result<Vec<Made>, AwsError> {
    let found = of(client, access, ids).await?;
    let known = |id: &String| found.iter().find(|seen| seen.made.id == id.to_ascii_lowercase());
    let made = |id: &String| match known(id) {
        Some(seen) => Made { id: id.clone(), ..seen.made.clone() },
        None => Made { state: MadeState::Gone, ..Made::pending(MadeKind::Warehouse, id) },
    };
    Ok(ids.iter().map(made).collect())
}

/// AWS takes one id or none: one cluster is asked for by its id, several by all pages.
pub(super) async fn of(client: &Client, access: &Access, ids: &[String]) -> Result<Vec<Seen>, AwsError> {
    let call = client.describe_clusters();
    match ids {
        [] => Ok(Vec::new()),
        [one] => match clusters(call.cluster_identifier(one), access).await {
            Err(error) if error.refusal == Refusal::NotFound => Ok(Vec::new()),
            found => found,
        },
        _ => clusters(call.max_records(PAGE), access).await,
    }
}

/// AWS gives what has any of the keys and any of the values: it is asked for one tag, the one that fewest have, and the
/// others are held against the answer.
pub(super) async fn marked(client: &Client, access: &Access, mark: &Mark<'_>) -> Result<Vec<Seen>, AwsError> {
    let mut call = client.describe_clusters().max_records(PAGE);
    if let Some((key, value)) = mark.sought().pop() {
        call = call.tag_keys(key).tag_values(value);
    }
    let mut found = clusters(call, access).await?;
    found.retain(|seen| mark.fits(&seen.tags));
    Ok(found)
}

async fn clusters(call: DescribeClustersFluentBuilder, access: &Access) -> Result<Vec<Seen>, AwsError> {
    let mut pages = call.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, DESCRIBE, &error))?;
        found.extend(page.clusters().iter().map(seen));
    }
    Ok(found)
}

fn seen(cluster: &Cluster) -> Seen {
    let status = cluster.cluster_status().unwrap_or_default();
    let state = state(status);
    let endpoint = cluster.endpoint().and_then(|at| {
        let port = at.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}{port}", at.address()?))
    });
    let made = Made {
        state,
        cause: (state == MadeState::Failed).then(|| cause(status)),
        addresses: endpoint.into_iter().collect(),
        ..Made::pending(MadeKind::Warehouse, cluster.cluster_identifier().unwrap_or_default())
    };
    Seen {
        made,
        tags: tags(cluster.tags()),
        is_restored: cluster.restore_status().is_some(),
        database: cluster.db_name().map(str::to_owned),
        user: cluster.master_username().map(str::to_owned),
    }
}

/// What is being deleted is there until AWS knows it no more.
///
/// <https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-cluster-status.html>
fn state(status: &str) -> MadeState {
    match status {
        "paused" => MadeState::Ready,
        status if status.starts_with("available") => MadeState::Ready,
        "failed" | "hardware-failure" | "storage-full" => MadeState::Failed,
        status if status.starts_with("incompatible-") => MadeState::Failed,
        _ => MadeState::Pending,
    }
}

fn cause(status: &str) -> String {
    let means = match status {
        "incompatible-network" => ": its subnet group or security groups do not fit",
        "incompatible-hsm" => ": its hardware security module cannot be reached",
        "incompatible-restore" => ": what its snapshot holds cannot be restored so",
        "incompatible-parameters" => ": its parameter group does not fit",
        _ => "",
    };
    format!("it is `{status}`{means}")
}
