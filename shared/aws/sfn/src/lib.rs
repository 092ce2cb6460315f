//! Executions by the Step Functions API.

use std::{collections::HashMap, error::Error};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sfn::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    types::ExecutionStatus,
};
use cpm_aws_call::{ANSWER, once, refused, repeated, timeouts};
use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::{Execution, Executions, Machine, Started};

const START: &str = "states:StartExecution";
const LOOK: &str = "states:DescribeExecution";
const WAKE: &str = "states:SendTaskSuccess";

/// The Step Functions API.
#[derive(Debug)]
pub struct Sfn {
    client: Client,
    machines: HashMap<Machine, String>,
}

impl Sfn {
    /// With the ARNs of the state machines that the function may start. Nothing is asked yet.
    pub fn new(config: &SdkConfig, machines: HashMap<Machine, String>) -> Self {
        let config = Builder::from(config).retry_config(repeated()).timeout_config(timeouts(ANSWER)).build();
        Self { client: Client::from_conf(config), machines }
    }

    fn machine(&self, action: &str, machine: Machine) -> Result<&str, AwsError> {
        self.machines.get(&machine).map(String::as_str).ok_or_else(|| AwsError {
            refusal: Refusal::Invalid,
            action: action.to_owned(),
            code: "UnknownStateMachine".to_owned(),
            message: format!("this function was deployed without the ARN of the {machine:?} state machine"),
        })
    }
}

#[async_trait]
impl Executions for Sfn {
    async fn start(&self, machine: Machine, name: &str, input: &str) -> Result<Started, AwsError> {
        let arn = self.machine(START, machine)?;
        let call = self.client.start_execution().state_machine_arn(arn).name(name).input(input).customize();
        // The callers back off: the next tick starts what this one could not.
        match call.config_override(Builder::new().retry_config(once())).send().await {
            Ok(_) => Ok(Started::Now),
            Err(SdkError::ServiceError(answer)) if answer.err().is_execution_already_exists() => Ok(Started::Already),
            Err(error) => Err(failure(START, &error)),
        }
    }

    async fn look(&self, machine: Machine, name: &str) -> Result<Execution, AwsError> {
        let arn = execution_arn(self.machine(LOOK, machine)?, name);
        match self.client.describe_execution().execution_arn(arn).send().await {
            Ok(execution) => Ok(standing(execution.status())),
            Err(SdkError::ServiceError(answer)) if answer.err().is_execution_does_not_exist() => {
                Ok(Execution::Unknown)
            }
            Err(error) => Err(failure(LOOK, &error)),
        }
    }

    async fn wake_with(&self, token: &str, output: &str) -> Result<bool, AwsError> {
        match self.client.send_task_success().task_token(token).output(output).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(answer)) if waits_no_longer(answer.err().code()) => Ok(false),
            Err(error) => Err(failure(WAKE, &error)),
        }
    }
}

/// The ARN of an execution, which is made of its state machine's and its name.
fn execution_arn(machine: &str, name: &str) -> String {
    format!("{}:{name}", machine.replacen(":stateMachine:", ":execution:", 1))
}

fn standing(status: &ExecutionStatus) -> Execution {
    match status {
        ExecutionStatus::Succeeded => Execution::Succeeded,
        ExecutionStatus::Aborted | ExecutionStatus::Failed | ExecutionStatus::TimedOut => Execution::Dead,
        // Running, or about to run again after a redrive.
        _ => Execution::Running,
    }
}

/// AWS does not say one thing for a task that ended, an execution that ended and a token that it forgot.
fn waits_no_longer(code: Option<&str>) -> bool {
    matches!(code, Some("InvalidToken" | "TaskDoesNotExist" | "TaskTimedOut"))
}

fn failure<E>(action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    refused(action, error, meaning)
}

/// What an error code of Step Functions means.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
fn meaning(code: &str) -> Option<Refusal> {
    Some(match code {
        "ExecutionLimitExceeded" | "KmsThrottlingException" => Refusal::Throttled,
        "KmsAccessDeniedException" | "KmsInvalidStateException" => Refusal::Denied,
        "StateMachineDeleting" | "StateMachineDoesNotExist" => Refusal::NotFound,
        _ => return None,
    })
}
