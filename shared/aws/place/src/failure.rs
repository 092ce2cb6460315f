use std::error::Error;

use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use cpm_aws_call::{causes, common, refused};
use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::Access;

const ASSUME_ROLE: &str = "sts:AssumeRole";

/// What the failure of a call to `action` means: of the call itself, or of the role that was to make it. `by_code` knows
/// the codes of the action's service.
pub fn failure<E>(
    access: &Access,
    action: &str,
    error: &SdkError<E, HttpResponse>,
    by_code: impl Fn(&str) -> Option<Refusal>,
) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let not_assumed = causes(error).find_map(|cause| cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>());
    match (not_assumed, access) {
        (Some(reason), Access::Assumed { account, role, .. }) => {
            // Whatever else STS says, it says no to this role.
            let told = refused(ASSUME_ROLE, reason, |code| common(code).or(Some(Refusal::Denied)));
            let message = format!("the role {role} of account {account} cannot be assumed: {}", told.message);
            AwsError { message, ..told }
        }
        _ => refused(action, error, by_code),
    }
}

/// The outcome of a deletion: what is gone already is deleted.
pub fn deleted<T>(outcome: Result<T, AwsError>) -> Result<(), AwsError> {
    match outcome {
        Err(error) if error.refusal != Refusal::NotFound => Err(error),
        _ => Ok(()),
    }
}
