//! What Redshift says of the place that a recovery goes to. It filters by nothing: each thing is asked for by its name.

use aws_sdk_redshift::{
    Client,
    types::{ClusterSubnetGroup, Snapshot},
};
use cpm_domain::{
    aws::{AwsError, Refusal},
    recovery::facts::{Facts, ManagedFact, Question, SubnetGroupFact},
};
use cpm_ports::Access;

use super::look;
use crate::failure;

const SNAPSHOTS: &str = "redshift:DescribeClusterSnapshots";
const SUBNET_GROUPS: &str = "redshift:DescribeClusterSubnetGroups";
const PARAMETER_GROUPS: &str = "redshift:DescribeClusterParameterGroups";

pub(super) async fn ask(client: &Client, access: &Access, questions: &[Question]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for question in questions {
        let is_there = match question {
            Question::Warehouse(name) => !look::of(client, access, std::slice::from_ref(name)).await?.is_empty(),
            Question::WarehouseSnapshot(id) => {
                if let Some(snapshot) = snapshot(client, access, id.as_str()).await? {
                    facts.managed.insert(id.clone(), fact(&snapshot));
                }
                false
            }
            Question::WarehouseSubnetGroup(name) => {
                let answer = client.describe_cluster_subnet_groups().cluster_subnet_group_name(name).send().await;
                let answer = if_there(answer.map_err(|error| failure(access, SUBNET_GROUPS, &error)))?;
                let group = answer.and_then(|answer| answer.cluster_subnet_groups?.pop());
                facts.subnet_groups.extend(group.iter().map(|group| (question.clone(), subnet_group(group))));
                group.is_some()
            }
            Question::WarehouseParameterGroup(name) => {
                let answer = client.describe_cluster_parameter_groups().parameter_group_name(name).send().await;
                if_there(answer.map_err(|error| failure(access, PARAMETER_GROUPS, &error)))?
                    .is_some_and(|answer| !answer.parameter_groups().is_empty())
            }
            _ => false,
        };
        if is_there {
            facts.names.insert(question.clone());
        }
    }
    Ok(facts)
}

/// The account that shares a snapshot: one that is written as its ARN.
pub(super) fn shared_by(snapshot: &str) -> Option<&str> {
    if snapshot.starts_with("arn:") { snapshot.split(':').nth(4) } else { None }
}

pub(super) async fn snapshot(client: &Client, access: &Access, id: &str) -> Result<Option<Snapshot>, AwsError> {
    let call = client.describe_cluster_snapshots();
    let call = match shared_by(id) {
        Some(owner) => call.snapshot_arn(id).owner_account(owner),
        None => call.snapshot_identifier(id),
    };
    let answer = call.send().await.map_err(|error| failure(access, SNAPSHOTS, &error));
    Ok(if_there(answer)?.and_then(|answer| answer.snapshots?.pop()))
}

fn fact(snapshot: &Snapshot) -> ManagedFact {
    ManagedFact {
        status: snapshot.status().unwrap_or_default().to_owned(),
        engine: None,
        engine_version: snapshot.cluster_version().map(str::to_owned),
        size: None,
        encrypted: snapshot.encrypted().unwrap_or_default(),
        kms_key: snapshot.kms_key_id().map(str::to_owned),
    }
}

fn subnet_group(group: &ClusterSubnetGroup) -> SubnetGroupFact {
    let zones = group.subnets().iter().filter_map(|subnet| subnet.subnet_availability_zone()?.name());
    SubnetGroupFact { vpc: group.vpc_id().unwrap_or_default().to_owned(), zones: zones.map(str::to_owned).collect() }
}

/// What is not there is no failure of a question.
fn if_there<T>(answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match answer {
        Err(error) if error.refusal == Refusal::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}
