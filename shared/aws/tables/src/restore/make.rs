//! What makes a table.

use aws_sdk_dynamodb::{
    Client,
    types::{BillingMode, ProvisionedThroughput, SseSpecification, SseType},
};
use cpm_aws_call::CREATION;
use cpm_domain::{
    aws::AwsError,
    recovery::{
        plan::TablePlan,
        work::{Made, MadeKind},
    },
};
use cpm_ports::Access;

use crate::{backups::change, failure};

pub(crate) const RESTORE: &str = "dynamodb:RestoreTableFromBackup";

pub(super) async fn restore(
    client: &Client,
    access: &Access,
    backup: &str,
    plan: &TablePlan,
) -> Result<Vec<Made>, AwsError> {
    let name = plan.name.clone().unwrap_or_default();
    let call = client
        .restore_table_from_backup()
        .target_table_name(&name)
        .backup_arn(backup)
        .set_billing_mode_override(plan.billing.as_deref().map(BillingMode::from))
        .set_provisioned_throughput_override(throughput(plan))
        .set_sse_specification_override(plan.kms_key.as_deref().map(encryption))
        .customize()
        .config_override(change(CREATION));
    let made = call.send().await.map_err(|error| failure(access, RESTORE, &error))?;
    let name = made.table_description().and_then(|table| table.table_name()).unwrap_or(&name);
    Ok(vec![Made::pending(MadeKind::Table, name)])
}

/// Of a provisioned table alone: AWS refuses it for one that is paid by request.
fn throughput(plan: &TablePlan) -> Option<ProvisionedThroughput> {
    if plan.billing.as_deref() == Some(BillingMode::PayPerRequest.as_str()) {
        return None;
    }
    let (reads, writes) = (plan.read_units?, plan.write_units?);
    ProvisionedThroughput::builder().read_capacity_units(reads).write_capacity_units(writes).build().ok()
}

/// An empty key is AWS's own.
fn encryption(key: &str) -> SseSpecification {
    if key.is_empty() {
        return SseSpecification::builder().enabled(false).build();
    }
    SseSpecification::builder().enabled(true).sse_type(SseType::Kms).kms_master_key_id(key).build()
}
