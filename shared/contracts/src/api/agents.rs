//! Agents of Systems Manager.

use cpm_domain::{
    agents::{Need, Obstacle},
    aws::Platform,
    command::Ping,
    id::{InstanceId, Region},
    name::{AccountName, PolicyName},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The instances that need an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentList {
    /// By account, Region and id.
    pub agents: Vec<AgentView>,
}

/// An instance that needs an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentView {
    /// Its account.
    pub account: AccountName,
    /// Where it is.
    pub region: Region,
    /// The instance.
    pub instance: InstanceId,
    /// The policies that need it.
    pub policies: Vec<PolicyName>,
    /// What for.
    pub needed_for: Vec<Need>,
    /// What it runs.
    pub platform: Platform,
    /// How its agent is; null when Systems Manager does not manage it, or could not be asked.
    pub ping: Option<Ping>,
    /// The version of its agent.
    pub version: Option<String>,
    /// When its agent was last heard of.
    pub last_seen: Option<Timestamp>,
    /// What stands in the way; nothing: scripts and VSS can run.
    pub missing: Vec<MissingView>,
}

/// Something that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MissingView {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl From<&Obstacle> for MissingView {
    fn from(obstacle: &Obstacle) -> Self {
        Self { what: obstacle.what(), advice: obstacle.advice() }
    }
}
