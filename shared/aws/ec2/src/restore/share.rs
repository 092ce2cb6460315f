//! Snapshots and images that another account may use for a while.

use aws_sdk_ec2::{
    Client,
    types::{
        CreateVolumePermission, CreateVolumePermissionModifications, LaunchPermission, LaunchPermissionModifications,
        SnapshotAttributeName,
    },
};
use cpm_aws_place::deleted;
use cpm_domain::{aws::AwsError, id::UnitId, unit::UnitKind};
use cpm_ports::Access;

use super::change;
use crate::place::failure;

const SNAPSHOT: &str = "ec2:ModifySnapshotAttribute";
const IMAGE: &str = "ec2:ModifyImageAttribute";

pub(super) async fn share(
    client: &Client,
    access: &Access,
    kind: UnitKind,
    unit: &UnitId,
    account: &str,
) -> Result<(), AwsError> {
    if kind == UnitKind::Ami {
        let to = LaunchPermission::builder().user_id(account).build();
        image(client, access, unit, LaunchPermissionModifications::builder().add(to).build()).await
    } else {
        let to = CreateVolumePermission::builder().user_id(account).build();
        snapshot(client, access, unit, CreateVolumePermissionModifications::builder().add(to).build()).await
    }
}

/// What is gone is shared no more.
pub(super) async fn unshare(
    client: &Client,
    access: &Access,
    kind: UnitKind,
    unit: &UnitId,
    account: &str,
) -> Result<(), AwsError> {
    deleted(if kind == UnitKind::Ami {
        let from = LaunchPermission::builder().user_id(account).build();
        image(client, access, unit, LaunchPermissionModifications::builder().remove(from).build()).await
    } else {
        let from = CreateVolumePermission::builder().user_id(account).build();
        snapshot(client, access, unit, CreateVolumePermissionModifications::builder().remove(from).build()).await
    })
}

async fn snapshot(
    client: &Client,
    access: &Access,
    unit: &UnitId,
    permission: CreateVolumePermissionModifications,
) -> Result<(), AwsError> {
    let call = client
        .modify_snapshot_attribute()
        .snapshot_id(unit.as_str())
        .attribute(SnapshotAttributeName::CreateVolumePermission)
        .create_volume_permission(permission);
    let changed = call.customize().config_override(change()).send().await;
    changed.map(|_| ()).map_err(|error| failure(access, SNAPSHOT, &error))
}

async fn image(
    client: &Client,
    access: &Access,
    unit: &UnitId,
    permission: LaunchPermissionModifications,
) -> Result<(), AwsError> {
    let call = client.modify_image_attribute().image_id(unit.as_str()).launch_permission(permission);
    let changed = call.customize().config_override(change()).send().await;
    changed.map(|_| ()).map_err(|error| failure(access, IMAGE, &error))
}
