//! Commands on instances, and the agents that run them, by the Systems Manager API.
//!
//! Calls that read are repeated by the SDK, and by nobody else. A command is sent once: the use cases repeat, because
//! they look first whether AWS has it already.

mod agents;
mod answer;
mod codes;
mod commands;

use std::error::Error;

use aws_sdk_ssm::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
};
use cpm_aws_call::{ANSWER, once, timeouts};
use cpm_aws_place::{Places, Roles};
use cpm_domain::aws::AwsError;
use cpm_ports::Access;

/// The Systems Manager API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Ssm {
    places: Places<Client>,
}

impl Ssm {
    /// With roles that other services share. Nothing is asked yet.
    pub fn new(roles: &Roles) -> Self {
        Self { places: Places::new(roles, Client::new) }
    }
}

/// The most items that AWS gives in one page.
const PAGE: i32 = 50;

/// A command that AWS took in though no answer came would run a second time by a blind repetition.
fn change() -> Builder {
    Builder::new().retry_config(once()).timeout_config(timeouts(ANSWER))
}

fn failure<E>(access: &Access, action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    cpm_aws_place::failure(access, action, error, codes::meaning)
}
