//! How a use case fails.

use cpm_contracts::code::{self, Code};
use cpm_domain::{
    aws::{AwsError, Refusal},
    document::Problem,
    recovery::RecoveryId,
};
use cpm_ports::StoreError;

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// AWS.
    #[error("{0}")]
    Aws(#[from] AwsError),
    /// Another execution has the policy now.
    #[error("the lease on policy `{policy}` is no longer {holder}'s: another execution took the backup over")]
    LeaseLost {
        /// The policy.
        policy: String,
        /// Who had it.
        holder: String,
    },
    /// Another execution runs the recovery now.
    #[error("recovery {recovery} is no longer {execution}'s: another execution took it over")]
    TakenOver {
        /// The recovery.
        recovery: RecoveryId,
        /// Who had it.
        execution: String,
    },
    /// Another execution works on it now.
    #[error("{what} is no longer {execution}'s: another execution took it over")]
    HoldLost {
        /// On what the hold is.
        what: String,
        /// Who had it.
        execution: String,
    },
    /// Woken though units are open.
    #[error("{0} units or works are not settled yet")]
    StillOpen(u32),
    /// No such thing.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// Its kind.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The request makes no sense.
    #[error("{message}")]
    BadInput {
        /// What is wrong.
        message: String,
        /// What to do.
        advice: String,
    },
    /// It makes sense, and what is there stands in its way.
    #[error("{message}")]
    Conflict {
        /// What stands in the way.
        message: String,
        /// What to do.
        advice: String,
    },
    /// A policy file that cannot be applied.
    #[error("{}", problems(.0))]
    Problems(Vec<Problem>),
}

fn problems(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

impl Error {
    /// A request that makes no sense.
    pub fn bad_input(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::BadInput { message: message.into(), advice: advice.into() }
    }

    /// It makes sense, and what is there stands in its way.
    pub fn conflict(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Conflict { message: message.into(), advice: advice.into() }
    }

    /// No such thing.
    pub fn not_found(what: &'static str, name: impl std::fmt::Display) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }

    /// Its stable name.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(StoreError::LostRace(_)) => code::LOST_RACE,
            Self::Store(StoreError::Unavailable(_)) => code::STORE_UNAVAILABLE,
            Self::Store(StoreError::Refused(_)) => code::STORE_REFUSED,
            Self::Store(StoreError::Unreadable { .. }) => code::STORE_UNREADABLE,
            Self::Aws(error) if error.is_retryable() => code::AWS_UNAVAILABLE,
            Self::Aws(_) => code::AWS_REFUSED,
            Self::LeaseLost { .. } | Self::TakenOver { .. } | Self::HoldLost { .. } => code::LEASE_LOST,
            Self::StillOpen(_) => code::STILL_OPEN,
            Self::NotFound { .. } => code::NOT_FOUND,
            Self::BadInput { .. } | Self::Problems(_) => code::BAD_INPUT,
            Self::Conflict { .. } => code::CONFLICT,
        }
    }

    /// What the operator can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Store(StoreError::LostRace(_)) => "do it again: what was read is out of date".to_owned(),
            Self::Store(StoreError::Unavailable(_)) => "wait: DynamoDB is slow or throttled".to_owned(),
            Self::Store(StoreError::Refused(_)) => {
                "look at the function's role, the table and its KMS key; nothing was written".to_owned()
            }
            Self::Store(StoreError::Unreadable { .. }) => {
                "a newer version wrote this item: deploy that version again".to_owned()
            }
            Self::Aws(error) => match error.refusal {
                Refusal::Denied => format!("allow {} to the role that called", error.action),
                _ => "see AWS's message".to_owned(),
            },
            Self::LeaseLost { .. } | Self::TakenOver { .. } | Self::HoldLost { .. } | Self::StillOpen(_) => {
                "nothing: the suite goes on by itself".to_owned()
            }
            Self::NotFound { what: "scan", .. } => "list the newest with `cpm scan log`".to_owned(),
            Self::NotFound { what: "run" | "cleanup", .. } => {
                "look into the audit trail with `cpm audit list`".to_owned()
            }
            Self::NotFound { what: "frozen backup", .. } => "list what there is with `cpm freezer list`".to_owned(),
            Self::NotFound { what: "recovery", .. } => "list what there is with `cpm recover list`".to_owned(),
            Self::NotFound { what, .. } => format!("list what there is with `cpm {what} list`"),
            Self::BadInput { advice, .. } | Self::Conflict { advice, .. } => advice.clone(),
            Self::Problems(_) => "correct the file at each place named".to_owned(),
        }
    }
}

/// What a use case gives.
pub type Result<T> = std::result::Result<T, Error>;
