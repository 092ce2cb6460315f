//! What runs scripts: commands of Systems Manager, and functions.

use async_trait::async_trait;
use cpm_domain::{
    aws::AwsError,
    command::{Agent, CommandReport, CommandRequest, FunctionReport},
    kind::InstanceId,
};
use jiff::{SignedDuration, Timestamp};

use crate::Place;

/// Runs commands on instances.
#[async_trait]
pub trait Commands: Send + Sync {
    /// Sends a command: one call, never repeated inside. Gives its id. An instance that Systems Manager does not manage is
    /// [`Refusal::NotFound`](cpm_domain::aws::Refusal::NotFound).
    async fn send(&self, place: &Place, request: &CommandRequest) -> Result<String, AwsError>;

    /// How a command is; none: Systems Manager does not know it yet.
    async fn look(
        &self,
        place: &Place,
        command: &str,
        instance: &InstanceId,
    ) -> Result<Option<CommandReport>, AwsError>;

    /// The id of the newest command with this comment that was sent to an instance since then.
    async fn find(
        &self,
        place: &Place,
        instance: &InstanceId,
        comment: &str,
        since: Timestamp,
    ) -> Result<Option<String>, AwsError>;

    /// Ends a command, if it has not ended.
    async fn cancel(&self, place: &Place, command: &str) -> Result<(), AwsError>;
}

/// Calls functions.
#[async_trait]
pub trait Functions: Send + Sync {
    /// Calls a function with a payload of JSON and waits for its answer for so long: one call, never repeated inside. No
    /// answer in time is [`Refusal::Unknown`](cpm_domain::aws::Refusal::Unknown).
    async fn call(
        &self,
        place: &Place,
        function: &str,
        payload: &str,
        timeout: SignedDuration,
    ) -> Result<FunctionReport, AwsError>;
}

/// Looks after agents.
#[async_trait]
pub trait Agents: Send + Sync {
    /// Those of `instances` that Systems Manager manages.
    async fn agents(&self, place: &Place, instances: &[InstanceId]) -> Result<Vec<Agent>, AwsError>;
}
