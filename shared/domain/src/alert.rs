//! Alerts: what is wrong now (§15.2 of the guide). An alert goes when the thing next succeeds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::PolicyName;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// A policy failed to back up.
    Backup,
    /// Something could not be deleted.
    Cleanup,
    /// A tag scan could not read an account or a Region.
    Scan,
    /// Scripts held applications still for longer than the policy wants.
    Frozen,
    /// A drill of a policy failed: what was backed up may not come back.
    Drill,
    /// A recovery from a backup of a policy failed.
    Recovery,
    /// A recovery waits for somebody's yes or no. It is told of, and stands in no list of alerts.
    Approval,
    /// The suite itself.
    System,
}

impl Category {
    /// As written in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Cleanup => "cleanup",
            Self::Scan => "scan",
            Self::Frozen => "frozen",
            Self::Drill => "drill",
            Self::Recovery => "recovery",
            Self::Approval => "approval",
            Self::System => "system",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is worse than it should be.
    Warning,
    /// Something is not protected as it should be.
    Error,
}

impl Severity {
    /// As written in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What is wrong now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    pub category: Category,
    /// Which one: a policy's name, or `account region` of a scan. With the category it names the alert.
    pub subject: String,
    /// The policy, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// How bad it is.
    pub severity: Severity,
    /// One line, fit for the subject of an e-mail.
    pub title: String,
    /// The whole story.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// The time of the last failure.
    pub time: Timestamp,
    /// How many failures.
    pub count: u32,
    /// Goes up when people are to be told again; what tells them looks at nothing else.
    pub announced: u32,
}

/// A failure that an alert speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it is about.
    pub category: Category,
    /// Which one.
    pub subject: String,
    /// The policy, if it is about one.
    pub policy: Option<PolicyName>,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The whole story.
    pub message: String,
    /// It is only a retry that failed again: nobody is told twice of one failure.
    pub quiet: bool,
}

/// The alert after `failure`, given the one that stands.
///
/// People are told when an alert is new, when it gets worse, and at each failure that is not merely a retry.
pub fn raise(standing: Option<&Alert>, failure: Failure, now: Timestamp) -> Alert {
    let worse = standing.is_some_and(|alert| failure.severity > alert.severity);
    let tell = standing.is_none() || worse || !failure.quiet;
    Alert {
        category: failure.category,
        subject: failure.subject,
        policy: failure.policy,
        severity: failure.severity,
        title: failure.title,
        message: failure.message,
        since: standing.map_or(now, |alert| alert.since),
        time: now,
        count: standing.map_or(0, |alert| alert.count).saturating_add(1),
        announced: standing.map_or(0, |alert| alert.announced).saturating_add(u32::from(tell)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(severity: Severity, quiet: bool) -> Failure {
        Failure {
            category: Category::Backup,
            subject: "web".into(),
            policy: None,
            severity,
            title: "t".into(),
            message: "m".into(),
            quiet,
        }
    }

    #[test]
    fn tells_when_new_and_when_worse_and_not_of_retries() {
        let first = raise(None, failure(Severity::Warning, true), Timestamp::UNIX_EPOCH);
        assert_eq!((first.count, first.announced), (1, 1));
        let retried = raise(Some(&first), failure(Severity::Warning, true), Timestamp::UNIX_EPOCH);
        assert_eq!((retried.count, retried.announced), (2, 1));
        let worse = raise(Some(&retried), failure(Severity::Error, true), Timestamp::UNIX_EPOCH);
        assert_eq!((worse.count, worse.announced), (3, 2));
        let next_slot = raise(Some(&worse), failure(Severity::Error, false), Timestamp::UNIX_EPOCH);
        assert_eq!((next_slot.count, next_slot.announced), (4, 3));
    }
}
