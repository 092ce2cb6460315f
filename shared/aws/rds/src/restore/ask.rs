//! What RDS says of the place that a recovery goes to.

use aws_sdk_rds::{
    Client,
    types::{DbClusterSnapshot, DbSnapshot, DbSubnetGroup, Filter},
};
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::UnitId,
    recovery::{
        facts::{Facts, ManagedFact, Question, SubnetGroupFact},
        work::MadeKind,
    },
};
use cpm_ports::Access;

use super::look;
use crate::{MAX_IDS, PAGE, failure};

const SNAPSHOTS: &str = "rds:DescribeDBSnapshots";
const CLUSTER_SNAPSHOTS: &str = "rds:DescribeDBClusterSnapshots";
const SUBNET_GROUPS: &str = "rds:DescribeDBSubnetGroups";
const PARAMETER_GROUPS: &str = "rds:DescribeDBParameterGroups";
const CLUSTER_PARAMETER_GROUPS: &str = "rds:DescribeDBClusterParameterGroups";

pub(super) async fn ask(client: &Client, access: &Access, questions: &[Question]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    let (databases, clusters, snapshots, cluster_snapshots, groups) = tokio::try_join!(
        names(client, access, MadeKind::Database, questions),
        names(client, access, MadeKind::Cluster, questions),
        snapshots(client, access, questions),
        cluster_snapshots(client, access, questions),
        groups(client, access, questions),
    )?;
    for some in [databases, clusters, snapshots, cluster_snapshots, groups] {
        facts.merge(some);
    }
    Ok(facts)
}

/// Which names are given already. AWS keeps them in small letters.
async fn names(client: &Client, access: &Access, kind: MadeKind, questions: &[Question]) -> Result<Facts, AwsError> {
    let name = |question: &Question| match (question, kind) {
        (Question::Database(name), MadeKind::Database) | (Question::Cluster(name), MadeKind::Cluster) => {
            Some(name.clone())
        }
        _ => None,
    };
    let asked: Vec<String> = questions.iter().filter_map(name).collect();
    let found = look::of(client, access, kind, Some(&asked)).await?;
    let is_given = |name: String| found.iter().any(|seen| seen.made.id.eq_ignore_ascii_case(&name));
    let given = questions.iter().filter(|question| name(question).is_some_and(is_given));
    Ok(Facts { names: given.cloned().collect(), ..Facts::default() })
}

/// What is shared with the account is asked for by its ARN, and alone.
fn by_name<'a>(ids: &[&'a UnitId]) -> (Vec<&'a UnitId>, Vec<&'a UnitId>) {
    ids.iter().copied().partition(|id| !id.as_str().starts_with("arn:"))
}

fn filter(name: &str, ids: &[&UnitId]) -> Filter {
    let ids = ids.iter().map(|id| id.as_str().to_ascii_lowercase()).collect();
    Filter::builder().name(name).set_values(Some(ids)).build()
}

async fn snapshots(client: &Client, access: &Access, questions: &[Question]) -> Result<Facts, AwsError> {
    let asked: Vec<&UnitId> = questions
        .iter()
        .filter_map(|question| if let Question::DatabaseSnapshot(id) = question { Some(id) } else { None })
        .collect();
    let (named, shared) = by_name(&asked);
    let mut found: Vec<DbSnapshot> = Vec::new();
    for some in named.chunks(MAX_IDS) {
        let call = client.describe_db_snapshots().filters(filter("db-snapshot-id", some)).max_records(PAGE);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            found.extend(page.map_err(|error| failure(access, SNAPSHOTS, &error))?.db_snapshots.unwrap_or_default());
        }
    }
    for id in shared {
        let call = client.describe_db_snapshots().db_snapshot_identifier(id.as_str()).include_shared(true);
        let answer = call.send().await.map_err(|error| failure(access, SNAPSHOTS, &error));
        found.extend(if_there(answer)?.and_then(|answer| answer.db_snapshots).unwrap_or_default());
    }
    let fact = |snapshot: &DbSnapshot| ManagedFact {
        status: snapshot.status().unwrap_or_default().to_owned(),
        engine: snapshot.engine().map(str::to_owned),
        engine_version: snapshot.engine_version().map(str::to_owned),
        size: snapshot.allocated_storage(),
        encrypted: snapshot.encrypted().unwrap_or_default(),
        kms_key: snapshot.kms_key_id().map(str::to_owned),
    };
    let is = |snapshot: &DbSnapshot, id: &UnitId| {
        is_named(id, snapshot.db_snapshot_identifier(), snapshot.db_snapshot_arn())
    };
    let facts = asked.iter().filter_map(|id| {
        let snapshot = found.iter().find(|snapshot| is(snapshot, id))?;
        Some(((*id).clone(), fact(snapshot)))
    });
    Ok(Facts { managed: facts.collect(), ..Facts::default() })
}

async fn cluster_snapshots(client: &Client, access: &Access, questions: &[Question]) -> Result<Facts, AwsError> {
    let asked: Vec<&UnitId> = questions
        .iter()
        .filter_map(|question| if let Question::ClusterSnapshot(id) = question { Some(id) } else { None })
        .collect();
    let (named, shared) = by_name(&asked);
    let mut found: Vec<DbClusterSnapshot> = Vec::new();
    for some in named.chunks(MAX_IDS) {
        let these = filter("db-cluster-snapshot-id", some);
        let call = client.describe_db_cluster_snapshots().filters(these).max_records(PAGE);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(access, CLUSTER_SNAPSHOTS, &error))?;
            found.extend(page.db_cluster_snapshots.unwrap_or_default());
        }
    }
    for id in shared {
        let call =
            client.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(id.as_str()).include_shared(true);
        let answer = call.send().await.map_err(|error| failure(access, CLUSTER_SNAPSHOTS, &error));
        found.extend(if_there(answer)?.and_then(|answer| answer.db_cluster_snapshots).unwrap_or_default());
    }
    let fact = |snapshot: &DbClusterSnapshot| ManagedFact {
        status: snapshot.status().unwrap_or_default().to_owned(),
        engine: snapshot.engine().map(str::to_owned),
        engine_version: snapshot.engine_version().map(str::to_owned),
        size: snapshot.allocated_storage(),
        encrypted: snapshot.storage_encrypted().unwrap_or_default(),
        kms_key: snapshot.kms_key_id().map(str::to_owned),
    };
    let is = |snapshot: &DbClusterSnapshot, id: &UnitId| {
        is_named(id, snapshot.db_cluster_snapshot_identifier(), snapshot.db_cluster_snapshot_arn())
    };
    let facts = asked.iter().filter_map(|id| {
        let snapshot = found.iter().find(|snapshot| is(snapshot, id))?;
        Some(((*id).clone(), fact(snapshot)))
    });
    Ok(Facts { managed: facts.collect(), ..Facts::default() })
}

/// AWS keeps identifiers in small letters; that of a shared snapshot is its ARN.
fn is_named(id: &UnitId, name: Option<&str>, arn: Option<&str>) -> bool {
    [name, arn].into_iter().flatten().any(|known| known.eq_ignore_ascii_case(id.as_str()))
}

/// Groups of subnets and parameters are asked for one by one: AWS filters them by nothing.
async fn groups(client: &Client, access: &Access, questions: &[Question]) -> Result<Facts, AwsError> {
    let mut facts = Facts::default();
    for question in questions {
        let is_there = match question {
            Question::DatabaseSubnetGroup(name) => {
                let answer = client.describe_db_subnet_groups().db_subnet_group_name(name).send().await;
                let answer = if_there(answer.map_err(|error| failure(access, SUBNET_GROUPS, &error)))?;
                let group = answer.and_then(|answer| answer.db_subnet_groups?.pop());
                facts.subnet_groups.extend(group.iter().map(|group| (question.clone(), subnet_group(group))));
                group.is_some()
            }
            Question::DatabaseParameterGroup(name) => {
                let answer = client.describe_db_parameter_groups().db_parameter_group_name(name).send().await;
                if_there(answer.map_err(|error| failure(access, PARAMETER_GROUPS, &error)))?
                    .is_some_and(|answer| !answer.db_parameter_groups().is_empty())
            }
            Question::ClusterParameterGroup(name) => {
                let call = client.describe_db_cluster_parameter_groups().db_cluster_parameter_group_name(name);
                let answer = call.send().await;
                if_there(answer.map_err(|error| failure(access, CLUSTER_PARAMETER_GROUPS, &error)))?
                    .is_some_and(|answer| !answer.db_cluster_parameter_groups().is_empty())
            }
            _ => false,
        };
        if is_there {
            facts.names.insert(question.clone());
        }
    }
    Ok(facts)
}

fn subnet_group(group: &DbSubnetGroup) -> SubnetGroupFact {
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
