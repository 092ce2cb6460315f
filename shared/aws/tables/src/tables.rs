//! Tables, one by one and by tag.

use aws_sdk_dynamodb::Client;
use aws_sdk_resourcegroupstagging::{
    Client as Tagging,
    types::{ResourceTagMapping, TagFilter},
};
use cpm_aws_place::unreadable;
use cpm_domain::{
    aws::{AwsError, Found, Managed, Refusal, Tagged, Tags},
    kind::Resource,
    origin::Origin,
    tag::TAG_KEY,
};
use cpm_ports::Access;
use futures::{StreamExt, TryStreamExt, stream};

use crate::{failure, origins};

pub(crate) const DESCRIBE: &str = "dynamodb:DescribeTable";
pub(crate) const TAGGED: &str = "tag:GetResources";

/// The most tables that are asked for at the same time.
pub(crate) const AT_ONCE: usize = 8;

/// The most resources that AWS gives in one page.
pub(crate) const PAGE: i32 = 100;

pub(crate) async fn described(client: &Client, access: &Access, asked: &[Resource]) -> Result<Vec<Found>, AwsError> {
    let calls: Vec<_> = asked.iter().map(|table| described_one(client, access, table)).collect();
    stream::iter(calls).buffer_unordered(AT_ONCE).try_filter_map(|found| async { Ok(found) }).try_collect().await
}

async fn described_one(client: &Client, access: &Access, table: &Resource) -> Result<Option<Found>, AwsError> {
    let answer = client.describe_table().table_name(table.id()).send().await;
    let answer = match answer.map_err(|error| failure(access, DESCRIBE, &error)) {
        Err(error) if error.refusal == Refusal::NotFound => return Ok(None),
        answer => answer?,
    };
    let told = answer.table();
    let status = told.and_then(|told| told.table_status());
    Ok(Some(Found::Managed(Managed {
        resource: table.clone(),
        status: status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        cluster: None,
        tags: Tags::new(),
        origin: told.map(|told| Box::new(Origin::Dynamodb(Box::new(origins::table(table, told))))),
    })))
}

/// A table that was just deleted may still be among them: the index of tags follows a little later.
pub(crate) async fn tagged(client: &Tagging, access: &Access) -> Result<Vec<Tagged>, AwsError> {
    let by_tag = TagFilter::builder().key(TAG_KEY).build();
    let asked = client.get_resources().resource_type_filters("dynamodb:table").tag_filters(by_tag);
    let mut pages = asked.resources_per_page(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure(access, TAGGED, &error))?;
        for table in page.resource_tag_mapping_list() {
            found.extend(read(table)?);
        }
    }
    Ok(found)
}

fn read(table: &ResourceTagMapping) -> Result<Option<Tagged>, AwsError> {
    let arn = table.resource_arn().unwrap_or_default();
    let resource = Resource::from_arn(arn).ok_or_else(|| unreadable(TAGGED, arn))?;
    let tag = table.tags().iter().find(|tag| tag.key() == TAG_KEY);
    Ok(tag.map(|tag| Tagged { resource, value: tag.value().to_owned() }))
}
