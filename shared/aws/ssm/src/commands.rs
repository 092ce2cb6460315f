//! Commands.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_ssm::types::{CommandFilter, CommandFilterKey, CommandInvocation};
use cpm_aws_place::{deleted, unreadable};
use cpm_domain::{
    aws::AwsError,
    command::{CommandReport, CommandRequest},
    kind::InstanceId,
};
use cpm_ports::{Commands, Place};
use jiff::Timestamp;

use crate::{PAGE, Ssm, answer, change, codes, failure};

const SEND: &str = "ssm:SendCommand";
const LOOK: &str = "ssm:GetCommandInvocation";
const FIND: &str = "ssm:ListCommandInvocations";
const CANCEL: &str = "ssm:CancelCommand";

/// The shortest time for delivery that AWS takes, in seconds (`SendCommand`, `TimeoutSeconds`).
const MIN_DELIVERY: u32 = 30;
/// And the longest: 30 days.
const MAX_DELIVERY: u32 = 2_592_000;

#[async_trait]
impl Commands for Ssm {
    async fn send(&self, place: &Place, request: &CommandRequest) -> Result<String, AwsError> {
        let client = self.places.client(place).await;
        let delivery = request.delivery.clamp(MIN_DELIVERY, MAX_DELIVERY);
        let parameters: HashMap<_, _> = request.parameters.clone().into_iter().collect();
        let call = client
            .send_command()
            .document_name(&request.document)
            .set_parameters(Some(parameters))
            .instance_ids(request.instance.as_str())
            .comment(&request.comment)
            .timeout_seconds(i32::try_from(delivery).unwrap_or(i32::MAX))
            .customize()
            .config_override(change());
        let sent = call.send().await.map_err(|error| failure(&place.access, SEND, &error))?;
        let id = sent.command().and_then(|command| command.command_id()).filter(|id| !id.is_empty());
        id.map(str::to_owned).ok_or_else(|| unreadable(SEND, ""))
    }

    async fn look(
        &self,
        place: &Place,
        command: &str,
        instance: &InstanceId,
    ) -> Result<Option<CommandReport>, AwsError> {
        let client = self.places.client(place).await;
        let answer = client.get_command_invocation().command_id(command).instance_id(instance.as_str()).send().await;
        match answer {
            Ok(invocation) => Ok(Some(answer::report(&invocation))),
            Err(error) => match failure(&place.access, LOOK, &error) {
                error if error.code == codes::INVOCATION => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn find(
        &self,
        place: &Place,
        instance: &InstanceId,
        comment: &str,
        since: Timestamp,
    ) -> Result<Option<String>, AwsError> {
        let client = self.places.client(place).await;
        let asked = client.list_command_invocations().instance_id(instance.as_str()).max_results(PAGE);
        let mut pages = asked.filters(invoked_after(since)?).into_paginator().send();
        let mut newest: Option<CommandInvocation> = None;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(&place.access, FIND, &error))?;
            let ours = page.command_invocations.unwrap_or_default().into_iter();
            for command in ours.filter(|command| command.comment() == Some(comment)) {
                if newest.as_ref().is_none_or(|other| other.requested_date_time < command.requested_date_time) {
                    newest = Some(command);
                }
            }
        }
        Ok(newest.and_then(|command| command.command_id))
    }

    async fn cancel(&self, place: &Place, command: &str) -> Result<(), AwsError> {
        let client = self.places.client(place).await;
        let call = client.cancel_command().command_id(command).customize().config_override(change());
        // AWS takes it for one that is over, and knows none after 30 days.
        deleted(call.send().await.map_err(|error| failure(&place.access, CANCEL, &error)))
    }
}

/// The filter by time, to the second as AWS writes it: `2024-07-07T00:00:00Z`. A part of a second is left off, so that
/// a command of that same second is found.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CommandFilter.html>
fn invoked_after(since: Timestamp) -> Result<CommandFilter, AwsError> {
    let value = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let filter = CommandFilter::builder().key(CommandFilterKey::InvokedAfter).value(value).build();
    filter.map_err(|error| unreadable(FIND, &error.to_string()))
}
