//! What changes something. A change that stands already is a success: AWS takes it again.

use aws_sdk_rds::Client;
use cpm_aws_call::ANSWER;
use cpm_aws_place::deleted;
use cpm_domain::{aws::AwsError, id::UnitId, recovery::work::MadeKind, unit::UnitKind};
use cpm_ports::Access;

use crate::{change, failure};

pub(crate) const MODIFY: &str = "rds:ModifyDBInstance";
pub(crate) const MODIFY_CLUSTER: &str = "rds:ModifyDBCluster";
const SHARE: &str = "rds:ModifyDBSnapshotAttribute";
const SHARE_CLUSTER: &str = "rds:ModifyDBClusterSnapshotAttribute";

/// Who may restore a snapshot.
const RESTORE: &str = "restore";

pub(super) async fn protect(client: &Client, access: &Access, kind: MadeKind, id: &str) -> Result<(), AwsError> {
    if kind == MadeKind::Cluster {
        let call = client.modify_db_cluster().db_cluster_identifier(id).deletion_protection(true);
        let changed = call.apply_immediately(true).customize().config_override(change(ANSWER)).send().await;
        changed.map(|_| ()).map_err(|error| failure(access, MODIFY_CLUSTER, &error))
    } else {
        let call = client.modify_db_instance().db_instance_identifier(id).deletion_protection(true);
        let changed = call.apply_immediately(true).customize().config_override(change(ANSWER)).send().await;
        changed.map(|_| ()).map_err(|error| failure(access, MODIFY, &error))
    }
}

/// Accounts to add to those that may restore a snapshot, and to take from them.
struct Permission {
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
}

pub(super) async fn share(
    client: &Client,
    access: &Access,
    kind: UnitKind,
    unit: &UnitId,
    account: &str,
) -> Result<(), AwsError> {
    let permission = Permission { add: Some(vec![account.to_owned()]), remove: None };
    permit(client, access, kind, unit, permission).await
}

/// What is gone is shared no more.
pub(super) async fn unshare(
    client: &Client,
    access: &Access,
    kind: UnitKind,
    unit: &UnitId,
    account: &str,
) -> Result<(), AwsError> {
    let permission = Permission { add: None, remove: Some(vec![account.to_owned()]) };
    deleted(permit(client, access, kind, unit, permission).await)
}

async fn permit(
    client: &Client,
    access: &Access,
    kind: UnitKind,
    unit: &UnitId,
    permission: Permission,
) -> Result<(), AwsError> {
    if kind == UnitKind::AuroraSnapshot {
        let call = client
            .modify_db_cluster_snapshot_attribute()
            .db_cluster_snapshot_identifier(unit.as_str())
            .attribute_name(RESTORE)
            .set_values_to_add(permission.add)
            .set_values_to_remove(permission.remove);
        let changed = call.customize().config_override(change(ANSWER)).send().await;
        changed.map(|_| ()).map_err(|error| failure(access, SHARE_CLUSTER, &error))
    } else {
        let call = client
            .modify_db_snapshot_attribute()
            .db_snapshot_identifier(unit.as_str())
            .attribute_name(RESTORE)
            .set_values_to_add(permission.add)
            .set_values_to_remove(permission.remove);
        let changed = call.customize().config_override(change(ANSWER)).send().await;
        changed.map(|_| ()).map_err(|error| failure(access, SHARE, &error))
    }
}
