//! Functions that are called, by the Lambda API.

mod answer;
mod codes;
mod planner;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::{
    Client,
    config::Builder,
    primitives::Blob,
    types::{InvocationType, LogType},
};
use cpm_aws_call::{once, timeouts};
use cpm_aws_place::{Places, Roles};
use cpm_domain::{aws::AwsError, command::FunctionReport};
use cpm_ports::{Functions, Place};
use jiff::SignedDuration;
pub use planner::Recoverer;

/// The Lambda API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Lambda {
    places: Places<Client>,
}

impl Lambda {
    /// With roles that other services share. Nothing is asked yet.
    pub fn new(roles: &Roles) -> Self {
        Self { places: Places::new(roles, Client::new) }
    }
}

const CALL: &str = "lambda:InvokeFunction";

#[async_trait]
impl Functions for Lambda {
    async fn call(
        &self,
        place: &Place,
        function: &str,
        payload: &str,
        timeout: SignedDuration,
    ) -> Result<FunctionReport, AwsError> {
        let client = self.places.client(place).await;
        let call = client
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::RequestResponse)
            .log_type(LogType::Tail)
            .payload(Blob::new(payload))
            .customize()
            .config_override(patient(timeout));
        let answer = call.send().await;
        let answer = answer.map_err(|error| cpm_aws_place::failure(&place.access, CALL, &error, codes::meaning))?;
        Ok(answer::report(&answer))
    }
}

/// The answer comes when the function ends, and a blind repetition would run it a second time.
fn patient(timeout: SignedDuration) -> Builder {
    let timeout = Duration::try_from(timeout).unwrap_or_default();
    let timeouts = timeouts(timeout).into_builder().operation_timeout(timeout).build();
    Builder::new().retry_config(once()).timeout_config(timeouts)
}
