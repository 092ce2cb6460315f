//! What the cleaner removes of what recoveries made.

use aws_sdk_ec2::Client;
use cpm_aws_place::deleted;
use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::Access;

use super::{DETACH, change};
use crate::place::failure;

pub(crate) const TERMINATE: &str = "ec2:TerminateInstances";
pub(crate) const DELETE_VOLUME: &str = "ec2:DeleteVolume";

pub(super) async fn terminate(client: &Client, access: &Access, id: &str) -> Result<(), AwsError> {
    let call = client.terminate_instances().instance_ids(id).customize();
    deleted(call.config_override(change()).send().await.map_err(|error| failure(access, TERMINATE, &error)))
}

/// One that is attached is taken off: the next call deletes it.
pub(super) async fn delete_volume(client: &Client, access: &Access, id: &str) -> Result<(), AwsError> {
    let call = client.delete_volume().volume_id(id).customize();
    let outcome = call.config_override(change()).send().await;
    match deleted(outcome.map_err(|error| failure(access, DELETE_VOLUME, &error))) {
        Err(error) if error.code == "VolumeInUse" => detach(client, access, id, error).await,
        outcome => outcome,
    }
}

async fn detach(client: &Client, access: &Access, id: &str, in_use: AwsError) -> Result<(), AwsError> {
    let call = client.detach_volume().volume_id(id).customize();
    match deleted(call.config_override(change()).send().await.map_err(|error| failure(access, DETACH, &error))) {
        // It is on its way off already.
        Err(error) if error.code == "IncorrectState" => Err(AwsError { refusal: Refusal::Busy, ..in_use }),
        outcome => outcome,
    }
}
