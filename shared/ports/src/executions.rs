//! State machines and their executions.

use async_trait::async_trait;
use cpm_domain::aws::AwsError;

/// The suite's state machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Machine {
    /// `backup.asl.json`
    Backup,
    /// `tag-scan.asl.json`
    TagScan,
    /// `cleanup.asl.json`
    Cleanup,
    /// `recovery.asl.json`
    Recovery,
    /// `drill.asl.json`
    Drill,
    /// `scenario.asl.json`
    Scenario,
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs.
    Now,
    /// An execution of that name runs or ran: somebody was faster.
    Already,
}

/// What Step Functions knows of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// It runs.
    Running,
    /// It reached its end.
    Succeeded,
    /// It failed, timed out or was stopped.
    Dead,
    /// No such execution, or forgotten.
    Unknown,
}

/// Starts executions and looks after them.
#[async_trait]
pub trait Executions: Send + Sync {
    /// Starts `machine` under `name` (at most 80 characters of `A-Z a-z 0-9 _ -`) with `input` as JSON text.
    async fn start(&self, machine: Machine, name: &str, input: &str) -> Result<Started, AwsError>;

    /// How the execution `name` of `machine` stands.
    async fn look(&self, machine: Machine, name: &str) -> Result<Execution, AwsError>;

    /// Wakes an execution that waits with `token`, and hands it `output` as JSON text. One that waits no longer is no error:
    /// `false`.
    async fn wake_with(&self, token: &str, output: &str) -> Result<bool, AwsError>;

    /// Wakes an execution that waits with `token` for nothing but that.
    async fn wake(&self, token: &str) -> Result<bool, AwsError> {
        self.wake_with(token, "{}").await
    }
}
