//! What changes something, and what the cleaner removes.

use aws_sdk_redshift::Client;
use cpm_aws_call::ANSWER;
use cpm_aws_place::deleted;
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::UnitId,
};
use cpm_ports::Access;

use crate::{failure, snapshots::change};

const SHARE: &str = "redshift:AuthorizeSnapshotAccess";
const UNSHARE: &str = "redshift:RevokeSnapshotAccess";
const DELETE: &str = "redshift:DeleteCluster";

pub(super) async fn share(client: &Client, access: &Access, unit: &UnitId, account: &str) -> Result<(), AwsError> {
    let call = client
        .authorize_snapshot_access()
        .snapshot_identifier(unit.as_str())
        .account_with_restore_access(account)
        .customize();
    match call.config_override(change(ANSWER)).send().await.map_err(|error| failure(access, SHARE, &error)) {
        // It is shared already.
        Err(error) if error.refusal != Refusal::Exists => Err(error),
        _ => Ok(()),
    }
}

/// What is gone is shared no more.
pub(super) async fn unshare(client: &Client, access: &Access, unit: &UnitId, account: &str) -> Result<(), AwsError> {
    let call = client
        .revoke_snapshot_access()
        .snapshot_identifier(unit.as_str())
        .account_with_restore_access(account)
        .customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    deleted(outcome.map_err(|error| failure(access, UNSHARE, &error)))
}

/// Without a last snapshot: it was made of one.
pub(super) async fn delete(client: &Client, access: &Access, id: &str) -> Result<(), AwsError> {
    let call = client.delete_cluster().cluster_identifier(id).skip_final_cluster_snapshot(true).customize();
    let outcome = call.config_override(change(ANSWER)).send().await;
    deleted(outcome.map_err(|error| failure(access, DELETE, &error)))
}
