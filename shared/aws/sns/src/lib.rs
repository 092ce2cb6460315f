//! Messages by the SNS API.

use std::{collections::HashMap, fmt::Display};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sns::{Client, config::Builder, types::MessageAttributeValue};
use cpm_aws_call::{ANSWER, once, refused, timeouts};
use cpm_domain::{
    aws::{AwsError, Refusal},
    message::Message,
};
use cpm_ports::Publisher;
use serde_json::json;

const PUBLISH: &str = "sns:Publish";

/// A topic of SNS.
#[derive(Debug)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic with that ARN. Nothing is asked yet.
    ///
    /// Calls are made once: the stream that feeds the notifier repeats what failed.
    pub fn new(config: &SdkConfig, arn: impl Into<String>) -> Self {
        let config = Builder::from(config).retry_config(once()).timeout_config(timeouts(ANSWER)).build();
        Self { client: Client::from_conf(config), arn: arn.into() }
    }
}

#[async_trait]
impl Publisher for Topic {
    async fn publish(&self, message: &Message) -> Result<(), AwsError> {
        let call = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(&message.subject)
            .message_structure("json")
            .message(forms(message)?)
            .set_message_attributes(Some(attributes(message)?));
        call.send().await.map_err(|error| refused(PUBLISH, &error, meaning))?;
        Ok(())
    }
}

/// The forms of a message by protocol. Machines (SQS, Lambda, HTTPS, Firehose, `email-json`) get the default.
fn forms(message: &Message) -> Result<String, AwsError> {
    let body = serde_json::to_string(&message.body).map_err(unwritable)?;
    Ok(json!({"default": body, "email": message.email, "sms": message.sms}).to_string())
}

fn attributes(message: &Message) -> Result<HashMap<String, MessageAttributeValue>, AwsError> {
    let string = |value| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    let attributes = message.attributes.iter();
    attributes.map(|(name, value)| Ok(((*name).to_owned(), string(value).map_err(unwritable)?))).collect()
}

fn unwritable(error: impl Display) -> AwsError {
    AwsError {
        refusal: Refusal::Invalid,
        action: PUBLISH.to_owned(),
        code: "UnwritableMessage".to_owned(),
        message: error.to_string(),
    }
}

/// What an error code of SNS means.
///
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
fn meaning(code: &str) -> Option<Refusal> {
    Some(match code {
        "KMSThrottling" => Refusal::Throttled,
        "AuthorizationError" | "InvalidSecurity" | "KMSAccessDenied" | "KMSDisabled" | "KMSInvalidState"
        | "KMSNotFound" | "KMSOptInRequired" => Refusal::Denied,
        "NotFound" => Refusal::NotFound,
        _ => return None,
    })
}
