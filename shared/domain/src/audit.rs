//! The audit trail: every change, by whom (§16.6 of the guide).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A person or program that called the API, by the ARN that signed the call.
    Caller(String),
    /// Whoever opened a signed link: what is known of them, such as an address.
    Link(String),
    /// A tag on a resource, read by a scan or told by an event.
    Tag(String),
    /// The suite itself.
    Suite(String),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Caller(arn) => f.write_str(arn),
            Self::Link(what) => write!(f, "link from {what}"),
            Self::Tag(what) => write!(f, "tag on {what}"),
            Self::Suite(what) => write!(f, "cpm {what}"),
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What kind of change: `policy.create`, `target.remove`, `backup.run`.
    pub action: String,
    /// The thing changed.
    pub subject: String,
    /// What exactly, for people.
    pub details: String,
}
