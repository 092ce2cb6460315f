//! What makes something: databases, clusters and their members.

use aws_sdk_rds::{
    Client,
    types::{ServerlessV2ScalingConfiguration, Tag},
};
use cpm_aws_call::CREATION;
use cpm_domain::{
    aws::{AwsError, Tags},
    recovery::{
        plan::MemberPlan,
        work::{ClusterSpec, DatabaseSpec, Made, MadeKind, Order},
    },
};
use cpm_ports::Access;

use super::both;
use crate::{change, failure};

pub(crate) const RESTORE: &str = "rds:RestoreDBInstanceFromDBSnapshot";
pub(crate) const RESTORE_CLUSTER: &str = "rds:RestoreDBClusterFromSnapshot";
pub(crate) const CREATE_MEMBER: &str = "rds:CreateDBInstance";

/// A text that says something: an empty one means "none" in a plan.
fn told(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn listed(texts: Option<&Vec<String>>) -> Option<Vec<String>> {
    texts.filter(|texts| !texts.is_empty()).cloned()
}

fn of_plan(tags: Option<&Tags>) -> Tags {
    tags.cloned().unwrap_or_default()
}

/// Protection against deletion comes last, by itself: what failed can be undone until then.
pub(super) async fn database(
    client: &Client,
    access: &Access,
    order: &Order,
    spec: &DatabaseSpec,
) -> Result<Vec<Made>, AwsError> {
    let plan = &spec.plan;
    let multi_az = plan.multi_az.unwrap_or_default();
    let call = client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier(&spec.id)
        .db_snapshot_identifier(&spec.snapshot)
        .set_db_instance_class(told(plan.class.as_ref()))
        .set_port(plan.port)
        // AWS chooses the zones of one with a standby.
        .set_availability_zone(told(plan.zone.as_ref()).filter(|_| !multi_az))
        .set_multi_az(plan.multi_az)
        .set_db_subnet_group_name(told(plan.subnet_group.as_ref()))
        .set_vpc_security_group_ids(listed(plan.security_groups.as_ref()))
        .set_db_parameter_group_name(told(plan.parameter_group.as_ref()))
        .set_option_group_name(told(plan.option_group.as_ref()))
        .set_storage_type(told(plan.storage_type.as_ref()))
        .set_iops(plan.iops)
        .set_storage_throughput(plan.throughput)
        .set_publicly_accessible(plan.public)
        .set_enable_iam_database_authentication(plan.iam_authentication)
        .set_auto_minor_version_upgrade(plan.auto_minor_upgrade)
        .set_enable_cloudwatch_logs_exports(listed(plan.log_exports.as_ref()))
        .set_tags(Some(both(order, &of_plan(plan.tags.as_ref()))))
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, RESTORE, &error))?;
    let id = made.db_instance().and_then(|database| database.db_instance_identifier()).unwrap_or(&spec.id);
    Ok(vec![Made::pending(MadeKind::Database, id)])
}

pub(super) async fn cluster(
    client: &Client,
    access: &Access,
    order: &Order,
    spec: &ClusterSpec,
) -> Result<Vec<Made>, AwsError> {
    let plan = &spec.plan;
    let call = client
        .restore_db_cluster_from_snapshot()
        .db_cluster_identifier(&spec.id)
        .snapshot_identifier(&spec.snapshot)
        .engine(&spec.engine)
        .set_engine_version(spec.engine_version.clone())
        .set_serverless_v2_scaling_configuration(spec.capacity.map(scaling))
        .set_port(plan.port)
        .set_availability_zones(listed(plan.zones.as_ref()))
        .set_db_subnet_group_name(told(plan.subnet_group.as_ref()))
        .set_vpc_security_group_ids(listed(plan.security_groups.as_ref()))
        .set_db_cluster_parameter_group_name(told(plan.parameter_group.as_ref()))
        .set_kms_key_id(told(plan.kms_key.as_ref()))
        .set_enable_iam_database_authentication(plan.iam_authentication)
        .set_tags(Some(both(order, &of_plan(plan.tags.as_ref()))))
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, RESTORE_CLUSTER, &error))?;
    let id = made.db_cluster().and_then(|cluster| cluster.db_cluster_identifier()).unwrap_or(&spec.id);
    Ok(vec![Made::pending(MadeKind::Cluster, id)])
}

/// Capacity is written in halves of a unit.
fn scaling((least, most): (u32, u32)) -> ServerlessV2ScalingConfiguration {
    ServerlessV2ScalingConfiguration::builder()
        .min_capacity(f64::from(least) / 2.0)
        .max_capacity(f64::from(most) / 2.0)
        .build()
}

pub(super) async fn member(
    client: &Client,
    access: &Access,
    cluster: &str,
    engine: &str,
    member: &MemberPlan,
    tags: Vec<Tag>,
) -> Result<Vec<Made>, AwsError> {
    let call = client
        .create_db_instance()
        .db_instance_identifier(&member.id)
        .db_cluster_identifier(cluster)
        .engine(engine)
        .db_instance_class(&member.class)
        .set_availability_zone(told(member.zone.as_ref()))
        .set_publicly_accessible(member.public)
        .set_db_parameter_group_name(told(member.parameter_group.as_ref()))
        .set_promotion_tier(member.promotion_tier)
        .set_tags(Some(tags))
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, CREATE_MEMBER, &error))?;
    let id = made.db_instance().and_then(|database| database.db_instance_identifier()).unwrap_or(&member.id);
    Ok(vec![Made::pending(MadeKind::Database, id)])
}
