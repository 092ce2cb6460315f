//! Outputs of a stack by the CloudFormation API.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::{Client, config::Builder, types::Stack};
use cpm_aws_call::{ANSWER, refused, repeated, timeouts};
use cpm_domain::aws::{AwsError, Refusal};

const DESCRIBE: &str = "cloudformation:DescribeStacks";

/// Why the outputs of a stack cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputsError {
    /// The account has no such stack in that Region.
    #[error("there is no stack `{stack}` in the Region {region} of this account")]
    NoStack {
        /// Its name.
        stack: String,
        /// Where it was looked for.
        region: String,
    },
    /// The caller may not look, or has no credentials.
    #[error("the outputs of the stack `{stack}` may not be read: {reason}")]
    Denied {
        /// Its name.
        stack: String,
        /// AWS's words.
        reason: AwsError,
    },
    /// Anything else.
    #[error("the outputs of the stack `{stack}` cannot be read: {reason}")]
    Failed {
        /// Its name.
        stack: String,
        /// AWS's words.
        reason: AwsError,
    },
}

impl OutputsError {
    /// What the caller can do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoStack { .. } => "check the name, the Region and the account of your AWS profile",
            Self::Denied { .. } => {
                "check your AWS credentials; they need to be allowed cloudformation:DescribeStacks"
            }
            Self::Failed { .. } => "try again; see AWS's message",
        }
    }
}

/// The outputs of `stack`, by their keys.
pub async fn outputs(stack: &str, config: &SdkConfig) -> Result<BTreeMap<String, String>, OutputsError> {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let config = Builder::from(config).retry_config(repeated()).timeout_config(timeouts(ANSWER)).build();
    let call = Client::from_conf(config).describe_stacks().stack_name(stack);
    let answer = call.send().await.map_err(|error| not_read(stack, &region, refused(DESCRIBE, &error, |_| None)))?;
    let outputs = answer.stacks().iter().flat_map(Stack::outputs);
    Ok(outputs
        .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())))
        .collect())
}

fn not_read(stack: &str, region: &str, reason: AwsError) -> OutputsError {
    let (stack, region) = (stack.to_owned(), region.to_owned());
    // The code for a stack that is not there is that for any parameter that makes no sense.
    if reason.code == "ValidationError" && reason.message.contains("does not exist") {
        return OutputsError::NoStack { stack, region };
    }
    match reason.refusal {
        Refusal::Denied => OutputsError::Denied { stack, reason },
        _ => OutputsError::Failed { stack, reason },
    }
}
