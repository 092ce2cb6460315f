//! Instances, volumes, snapshots and images by the EC2 API.
//!
//! Calls that read are repeated by the SDK, and by nobody else. Calls that change something are made once: the use
//! cases repeat them, because they ask first what AWS did already.

mod answer;
mod codes;
mod complete;
mod driver;
mod health;
mod images;
mod origins;
mod place;
mod resources;
mod restore;
mod snapshots;

use aws_config::SdkConfig;
use aws_sdk_ec2::{
    Client,
    config::Builder,
    types::{Filter, ResourceType, Tag, TagSpecification, builders::FilterBuilder},
};
use cpm_aws_call::{CREATION, once, timeouts};
use cpm_aws_place::Roles;
use cpm_domain::{aws::UnitRequest, provenance::Sought};
use place::Places;

/// The EC2 API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Ec2 {
    places: Places,
}

impl Ec2 {
    /// With the function's own configuration. Nothing is asked yet.
    pub fn new(config: &SdkConfig) -> Self {
        Self::of(&Roles::new(config))
    }

    /// With roles that other services share.
    pub fn of(roles: &Roles) -> Self {
        Self { places: Places::new(roles, Client::new) }
    }
}

/// The most values that AWS takes in one filter (`DescribeInstances`, `DescribeVolumes`).
const MAX_FILTER_VALUES: usize = 200;

/// The most items that AWS gives in one page.
const PAGE: i32 = 1000;

fn filter(name: impl Into<String>) -> FilterBuilder {
    Filter::builder().name(name)
}

/// The units that are sought, as filters by tag.
fn tag_filters(sought: &Sought<'_>) -> Vec<Filter> {
    sought.tags().iter().map(|(key, value)| filter(format!("tag:{key}")).values(literal(value)).build()).collect()
}

/// A creation that AWS took in though no answer came would be made a second time by a blind repetition.
fn creation() -> Builder {
    Builder::new().retry_config(once()).timeout_config(timeouts(CREATION))
}

fn specification(of: ResourceType, request: &UnitRequest) -> TagSpecification {
    let tags = request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    TagSpecification::builder().resource_type(of).set_tags(Some(tags)).build()
}

/// A filter's value has wildcards; a tag's value has none.
fn literal(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
