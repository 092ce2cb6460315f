//! What was made, in the words of the domain.

use aws_sdk_rds::types::{DbCluster, DbInstance};
use cpm_domain::{
    aws::Tags,
    recovery::work::{Made, MadeKind, MadeState},
};

use crate::answer::tags;

/// A thing with its tags.
pub(super) struct Seen {
    pub(super) made: Made,
    pub(super) tags: Tags,
}

pub(super) fn database(database: &DbInstance) -> Seen {
    let status = database.db_instance_status().unwrap_or_default();
    let words: Vec<&str> = database.status_infos().iter().filter_map(|info| info.message()).collect();
    let endpoint = database.endpoint().and_then(|at| Some(address(at.address()?, at.port())));
    let made = Made {
        state: state(status),
        cause: cause(status, &words.join("; "), database.kms_key_id()),
        addresses: endpoint.into_iter().collect(),
        ..Made::pending(MadeKind::Database, database.db_instance_identifier().unwrap_or_default())
    };
    Seen { made, tags: tags(database.tag_list()) }
}

pub(super) fn cluster(cluster: &DbCluster) -> Seen {
    let status = cluster.status().unwrap_or_default();
    let endpoints = [cluster.endpoint(), cluster.reader_endpoint()];
    let endpoints = endpoints.into_iter().flatten().filter(|host| !host.is_empty());
    let made = Made {
        state: state(status),
        cause: cause(status, "", cluster.kms_key_id()),
        addresses: endpoints.map(|host| address(host, cluster.port())).collect(),
        ..Made::pending(MadeKind::Cluster, cluster.db_cluster_identifier().unwrap_or_default())
    };
    Seen { made, tags: tags(cluster.tag_list()) }
}

fn address(host: &str, port: Option<i32>) -> String {
    port.filter(|port| *port > 0).map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What is being deleted is there until AWS knows it no more.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
fn state(status: &str) -> MadeState {
    match status {
        "available" | "stopped" | "storage-optimization" | "storage-config-upgrade" => MadeState::Ready,
        status if is_failed(status) => MadeState::Failed,
        _ => MadeState::Pending,
    }
}

fn is_failed(status: &str) -> bool {
    ["failed", "insufficient-capacity", "restore-error", "storage-full"].contains(&status)
        || status.ends_with("-failed")
        || status.starts_with("incompatible-")
        || status.starts_with("inaccessible-")
}

/// RDS's word for it, what it says besides, and what it means.
fn cause(status: &str, words: &str, key: Option<&str>) -> Option<String> {
    if !is_failed(status) {
        return None;
    }
    let advice = match status {
        "incompatible-network" => "its subnets or security groups do not fit: AWS could not reach it",
        "incompatible-parameters" => "its parameter group asks for more than its class has",
        "incompatible-option-group" => "its option group does not fit its engine",
        "incompatible-restore" => "what its snapshot holds cannot be restored so",
        "insufficient-capacity" => "AWS has no room for its class there: choose another class or zone",
        status if status.starts_with("inaccessible-") => match key {
            Some(key) => return Some(joined(status, words, &format!("its KMS key {key} cannot be used"))),
            None => "its KMS key cannot be used",
        },
        _ => "",
    };
    Some(joined(status, words, advice))
}

fn joined(status: &str, words: &str, advice: &str) -> String {
    let said = [words, advice].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    if said.is_empty() { format!("it is `{status}`") } else { format!("it is `{status}`: {said}") }
}
