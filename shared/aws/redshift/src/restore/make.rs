//! What makes a cluster.

use aws_sdk_redshift::{Client, types::Tag};
use cpm_aws_call::{ANSWER, CREATION};
use cpm_domain::{
    aws::{AwsError, Refusal},
    provenance::merge,
    recovery::{
        plan::WarehousePlan,
        work::{Made, MadeKind, Order},
    },
};
use cpm_ports::Access;

use super::ask::shared_by;
use crate::{failure, snapshots::change};

const RESTORE: &str = "redshift:RestoreFromClusterSnapshot";
const TAG: &str = "redshift:CreateTags";

/// A text that says something: an empty one means "none" in a plan.
fn told(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn listed(texts: Option<&Vec<String>>) -> Option<Vec<String>> {
    texts.filter(|texts| !texts.is_empty()).cloned()
}

pub(super) async fn restore(
    client: &Client,
    access: &Access,
    snapshot: &str,
    plan: &WarehousePlan,
) -> Result<Made, AwsError> {
    let id = plan.id.clone().unwrap_or_default();
    let call = client.restore_from_cluster_snapshot().cluster_identifier(&id);
    let call = match shared_by(snapshot) {
        Some(owner) => call.snapshot_arn(snapshot).owner_account(owner),
        None => call.snapshot_identifier(snapshot),
    };
    let call = call
        .set_node_type(told(plan.node_type.as_ref()))
        .set_number_of_nodes(plan.nodes)
        .set_port(plan.port)
        .set_availability_zone(told(plan.zone.as_ref()))
        .set_cluster_subnet_group_name(told(plan.subnet_group.as_ref()))
        .set_vpc_security_group_ids(listed(plan.security_groups.as_ref()))
        .set_cluster_parameter_group_name(told(plan.parameter_group.as_ref()))
        .set_publicly_accessible(plan.public)
        .set_iam_roles(listed(plan.roles.as_ref()))
        .set_enhanced_vpc_routing(plan.enhanced_vpc_routing)
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, RESTORE, &error))?;
    let id = made.cluster().and_then(|cluster| cluster.cluster_identifier()).unwrap_or(&id);
    Ok(Made::pending(MadeKind::Warehouse, id))
}

/// Puts the suite's tags on, with those that the cluster has of its own.
pub(super) async fn tag(
    client: &Client,
    access: &Access,
    arn: &str,
    order: &Order,
    plan: &WarehousePlan,
) -> Result<(), AwsError> {
    let own = plan.tags.clone().unwrap_or_default();
    let tags = merge(order.tags.clone(), &own).0;
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let call = client.create_tags().resource_name(arn).set_tags(Some(tags)).customize();
    let tagged = call.config_override(change(ANSWER)).send().await;
    tagged.map(|_| ()).map_err(|error| failure(access, TAG, &error))
}

/// The cluster is being made and has no tags yet: whoever asks again finds it, and tags it.
pub(super) fn unsure(error: AwsError) -> AwsError {
    let message = format!("the cluster is being made, and its tags were refused: {}", error.message);
    AwsError { refusal: Refusal::Unknown, message, ..error }
}
