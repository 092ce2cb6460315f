//! One client for each role and Region.

use std::error::Error;

use aws_sdk_ec2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use cpm_domain::aws::AwsError;
use cpm_ports::Access;

use crate::codes;

/// EC2's clients.
pub(crate) type Places = cpm_aws_place::Places<Client>;

/// What the failure of a call to EC2 means: of the call itself, or of the role that was to make it.
pub(crate) fn failure<E>(access: &Access, action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    cpm_aws_place::failure(access, action, error, |code| codes::meaning(action, code))
}
