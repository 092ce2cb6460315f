//! What follows a backup: a retry, or none (§4.2.5 of the guide).

use crate::{
    backup::Backup,
    policy::Wait,
    status::{Outcome, Status},
};

/// Whether a backup is tried again, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// After the wait.
    After {
        /// How long.
        wait: Wait,
        /// For the log.
        reason: String,
    },
    /// Not at all.
    No {
        /// For the log; none when all is well.
        reason: Option<String>,
    },
}

/// Decides what follows `backup`, which ended in `outcome`.
pub fn retry(backup: &Backup, outcome: Outcome) -> Retry {
    let no = |reason: &str| Retry::No { reason: Some(reason.to_owned()) };
    if outcome.counts {
        return Retry::No { reason: None };
    }
    if outcome.empty && outcome.status == Status::Successful {
        return no("nothing to retry: the policy has nothing to back up");
    }
    if backup.retry.count == 0 {
        return no("no retry: the policy asks for none");
    }
    if backup.attempt >= backup.retry.count {
        return Retry::No {
            reason: Some(format!(
                "no retry: all {} are used up; the next scheduled backup tries again",
                backup.retry.count
            )),
        };
    }
    Retry::After {
        wait: backup.retry.wait,
        reason: format!("retry {} of {} follows in {}", backup.attempt + 1, backup.retry.count, backup.retry.wait),
    }
}

/// Whether a retry that waited is still wanted: a newer backup of the policy ends the retries of the old one.
pub fn is_superseded(retried: &Backup, newest_of_policy: &Backup) -> bool {
    newest_of_policy.id > retried.id
}
