//! Instances, volumes and snapshots by the EC2 API.
//!
//! Calls that read are repeated by the SDK, and by nobody else. Calls that change something are made once: the use
//! cases repeat them, because they ask first what AWS did already.

mod answer;
mod codes;
mod place;
mod resources;
mod snapshots;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, builders::FilterBuilder};
use place::Places;

/// The EC2 API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Ec2 {
    places: Places,
}

impl Ec2 {
    /// With the function's own configuration. Nothing is asked yet.
    pub fn new(config: &SdkConfig) -> Self {
        Self { places: Places::new(config) }
    }
}

/// The most values that AWS takes in one filter (`DescribeInstances`, `DescribeVolumes`).
const MAX_FILTER_VALUES: usize = 200;

/// The most items that AWS gives in one page.
const PAGE: i32 = 1000;

fn filter(name: impl Into<String>) -> FilterBuilder {
    Filter::builder().name(name)
}
