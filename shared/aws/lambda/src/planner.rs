//! The function that recovers, asked at once.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_lambda::{
    Client,
    config::{Builder, Config},
    primitives::Blob,
    types::InvocationType,
};
use cpm_aws_call::{once, refused, timeouts};
use cpm_contracts::{code, recovery::Step};
use cpm_domain::{
    aws::{AwsError, Refusal},
    name::OwnerName,
    recovery::{
        image::{ImagesFound, ImagesLike},
        plan::{Checked, Plan},
    },
};
use cpm_ports::Planner;
use serde::de::DeserializeOwned;

use crate::{CALL, answer, codes};

/// How long an answer may take: API Gateway gives up after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(27);

/// The function that recovers: it alone has the roles for it. It is in the account and Region of whoever asks.
#[derive(Clone)]
pub struct Recoverer {
    client: Client,
    function: String,
}

impl fmt::Debug for Recoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recoverer").field("function", &self.function).finish_non_exhaustive()
    }
}

impl Recoverer {
    /// By the name or the ARN of the function. Nothing is asked yet.
    pub fn new(config: &SdkConfig, function: impl Into<String>) -> Self {
        let timeouts = timeouts(PATIENCE).into_builder().operation_timeout(PATIENCE).build();
        // It changes nothing, and whoever waits has no time for a second call.
        let config: Config = Builder::from(config).retry_config(once()).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), function: function.into() }
    }

    async fn ask<T: DeserializeOwned>(&self, step: &Step) -> Result<T, AwsError> {
        let payload = serde_json::to_vec(step).map_err(|error| unreadable(&error.to_string()))?;
        let call = self
            .client
            .invoke()
            .function_name(&self.function)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload));
        let answer = call.send().await.map_err(|error| refused(CALL, &error, codes::meaning))?;
        let payload = answer.payload().map_or(&[][..], AsRef::as_ref);
        if let Some(kind) = answer.function_error() {
            let (code, message) = answer::told(kind, payload);
            return Err(AwsError { refusal: refusal(&code), action: CALL.to_owned(), code, message });
        }
        serde_json::from_slice(payload).map_err(|error| unreadable(&error.to_string()))
    }
}

/// What a function's own code means; one that is not of the suite's is a crash or a function out of time.
fn refusal(code: &str) -> Refusal {
    if code == code::NOT_FOUND.name {
        return Refusal::NotFound;
    }
    match code::ALL.iter().find(|known| known.name == code) {
        Some(known) if !known.retryable => Refusal::Invalid,
        _ => Refusal::Unknown,
    }
}

fn unreadable(why: &str) -> AwsError {
    AwsError {
        refusal: Refusal::Invalid,
        action: CALL.to_owned(),
        code: "UnreadableAnswer".to_owned(),
        message: format!("the functions do not understand each other: {why}; deploy all of one version"),
    }
}

#[async_trait]
impl Planner for Recoverer {
    async fn plan(&self, owner: &OwnerName, plan: &Plan) -> Result<Checked, AwsError> {
        self.ask(&Step::Plan { owner: owner.clone(), plan: plan.clone() }).await
    }

    async fn images(&self, owner: &OwnerName, like: &ImagesLike) -> Result<ImagesFound, AwsError> {
        self.ask(&Step::Images { owner: owner.clone(), like: like.clone() }).await
    }
}
