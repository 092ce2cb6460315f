//! RDS databases, Aurora clusters and their manual snapshots by the RDS API.
//!
//! Calls that read are repeated by the SDK, and by nobody else. Calls that change something are made once: the use
//! cases repeat them, because they ask first what AWS did already.

mod answer;
mod clusters;
mod codes;
mod databases;
mod driver;
mod origins;
mod restore;

use std::{error::Error, time::Duration};

use aws_sdk_rds::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    types::{Filter, Tag},
};
use cpm_aws_call::{once, timeouts};
use cpm_aws_place::{Places, Roles};
use cpm_domain::{
    aws::{AwsError, UnitRequest},
    kind::Resource,
};
use cpm_ports::Access;

/// The RDS API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Rds {
    places: Places<Client>,
}

impl Rds {
    /// With roles that other services share. Nothing is asked yet.
    pub fn new(roles: &Roles) -> Self {
        Self { places: Places::new(roles, Client::new) }
    }
}

/// The most items that AWS gives in one page.
const PAGE: i32 = 100;

/// The most ids that are asked for at once: their answer is one page. AWS documents no limit of its own.
const MAX_IDS: usize = 100;

/// These and no others. An id that does not exist fails no call that filters. Filters tell capital letters apart, and
/// AWS keeps identifiers in small ones.
fn filter(name: &str, resources: &[Resource]) -> Filter {
    let ids = resources.iter().map(|resource| resource.id().to_ascii_lowercase()).collect();
    Filter::builder().name(name).set_values(Some(ids)).build()
}

/// A change that AWS took in though no answer came would be made a second time by a blind repetition.
fn change(patience: Duration) -> Builder {
    Builder::new().retry_config(once()).timeout_config(timeouts(patience))
}

fn tags(request: &UnitRequest) -> Vec<Tag> {
    request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

fn failure<E>(access: &Access, action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    cpm_aws_place::failure(access, action, error, |code| codes::meaning(action, code))
}
