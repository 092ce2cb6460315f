//! How tables are: as DynamoDB tells it, and their tags.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{BillingMode, ProvisionedThroughputDescription as Units, TableDescription};
use aws_sdk_resourcegroupstagging::Client as Tagging;
use cpm_domain::{
    aws::{AwsError, Tags},
    kind::Resource,
    origin::{Completed, Origin, TableOrigin},
};
use cpm_ports::Access;

use crate::{failure, tables::TAGGED};

/// The most resources that are named in one call (`GetResources`).
const MAX_ARNS: usize = 100;

/// A table as `DescribeTable` tells of it: without its tags.
pub(crate) fn table(name: &Resource, table: &TableDescription) -> TableOrigin {
    let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    // AWS says nothing of a table that was always provisioned.
    let billing = billing.unwrap_or(&BillingMode::Provisioned);
    let units = table.provisioned_throughput().filter(|_| *billing == BillingMode::Provisioned);
    TableOrigin {
        name: name.id().to_owned(),
        arn: table.table_arn().map(str::to_owned),
        billing: Some(billing.as_str().to_owned()),
        read_units: units.and_then(Units::read_capacity_units),
        write_units: units.and_then(Units::write_capacity_units),
        deletion_protection: table.deletion_protection_enabled().unwrap_or_default(),
        kms_key: table.sse_description().and_then(|sse| sse.kms_master_key_arn()).map(str::to_owned),
        tags: Tags::new(),
        unread: Vec::new(),
    }
}

/// Fills in the tags: of a hundred tables in one call, where DynamoDB would tell those of one.
pub(crate) async fn complete(client: &Tagging, access: &Access, origins: Vec<Origin>) -> Completed {
    let mut done = Completed::as_they_are(origins);
    let arns: Vec<String> = tables(&mut done).filter_map(|table| table.arn.clone()).collect();
    for some in arns.chunks(MAX_ARNS) {
        match tags(client, access, some).await {
            Ok(mut read) => {
                for table in tables(&mut done) {
                    if let Some(tags) = table.arn.as_ref().and_then(|arn| read.remove(arn)) {
                        table.tags = tags;
                    }
                }
            }
            Err(error) => {
                let of = some.iter().filter_map(|arn| Resource::from_arn(arn)).collect();
                done.leave_unread("its tags", of, error);
            }
        }
    }
    done
}

fn tables(done: &mut Completed) -> impl Iterator<Item = &mut TableOrigin> {
    done.origins
        .iter_mut()
        .filter_map(|origin| if let Origin::Dynamodb(table) = origin { Some(&mut **table) } else { None })
}

async fn tags(client: &Tagging, access: &Access, arns: &[String]) -> Result<BTreeMap<String, Tags>, AwsError> {
    let answer = client.get_resources().set_resource_arn_list(Some(arns.to_vec())).send().await;
    let answer = answer.map_err(|error| failure(access, TAGGED, &error))?;
    let read = answer.resource_tag_mapping_list().iter().filter_map(|mapping| {
        let tags = mapping.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
        Some((mapping.resource_arn()?.to_owned(), tags.collect()))
    });
    Ok(read.collect())
}
