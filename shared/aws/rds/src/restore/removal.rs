//! What the cleaner removes of what recoveries made.

use aws_sdk_rds::Client;
use cpm_aws_call::ANSWER;
use cpm_aws_place::deleted;
use cpm_domain::aws::AwsError;
use cpm_ports::Access;

use crate::{change, failure};

const DELETE: &str = "rds:DeleteDBInstance";
const DELETE_CLUSTER: &str = "rds:DeleteDBCluster";

/// Without a last snapshot: it was made of one.
pub(super) async fn database(client: &Client, access: &Access, id: &str) -> Result<(), AwsError> {
    let call = client.delete_db_instance().db_instance_identifier(id).skip_final_snapshot(true).customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    removed(outcome.map_err(|error| failure(access, DELETE, &error)))
}

pub(super) async fn cluster(client: &Client, access: &Access, id: &str) -> Result<(), AwsError> {
    let call = client.delete_db_cluster().db_cluster_identifier(id).skip_final_snapshot(true).customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    removed(outcome.map_err(|error| failure(access, DELETE_CLUSTER, &error)))
}

/// What is on its way out is as good as gone.
fn removed<T>(outcome: Result<T, AwsError>) -> Result<(), AwsError> {
    match deleted(outcome) {
        Err(error) if error.message.contains("already being deleted") => Ok(()),
        outcome => outcome,
    }
}
