//! Commands of Systems Manager, functions that are called, and the agents that run commands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{aws::Platform, kind::InstanceId};

/// The most characters of a command's comment (`SendCommand`).
pub const MAX_COMMENT: usize = 100;

/// A command for one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRequest {
    /// The document, by name or ARN.
    pub document: String,
    /// The document's parameters.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// Where it runs.
    pub instance: InstanceId,
    /// By what it is found again: at most [`MAX_COMMENT`] characters.
    pub comment: String,
    /// For how many seconds it may wait for its agent: AWS takes 30 at least.
    pub delivery: u32,
}

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// It has not begun, or runs.
    Open,
    /// It ended with the exit code 0.
    Succeeded,
    /// It ended with another one, or was cancelled, or could not begin.
    Failed,
    /// It took too long, or its agent never took it up.
    TimedOut,
}

/// What Systems Manager says of a command on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandReport {
    /// How far it is.
    pub state: CommandState,
    /// AWS's word for that, such as `DeliveryTimedOut`.
    pub words: String,
    /// What it ended with.
    pub exit_code: Option<i64>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it wrote to standard output: AWS hands out 24,000 characters.
    pub output: String,
    /// What it wrote to standard error: AWS hands out 8,000 characters.
    pub error_output: String,
    /// AWS cut one of them.
    pub truncated: bool,
}

/// What came of calling a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionReport {
    /// Why it failed, in its own words; none when it did not.
    pub failure: Option<String>,
    /// The end of its log: AWS hands out 4 KB.
    pub log: String,
}

/// How an agent is, as Systems Manager sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ping {
    /// It answers.
    Online,
    /// It has not been heard of for a while.
    ConnectionLost,
    /// It is inactive.
    Inactive,
}

impl Ping {
    /// As JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::ConnectionLost => "connection-lost",
            Self::Inactive => "inactive",
        }
    }
}

/// The agent of a managed instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The instance.
    pub instance: InstanceId,
    /// How it is.
    pub ping: Ping,
    /// Its version.
    pub version: Option<String>,
    /// When it was last heard of.
    pub last_seen: Option<Timestamp>,
    /// What the instance runs.
    pub platform: Platform,
}
