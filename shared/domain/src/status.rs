//! What a backup's units say about the backup.

use serde::{Deserialize, Serialize};

use crate::{
    policy::SuccessRule,
    unit::{UnitSet, UnitState},
};

/// The status of a backup, as shown (§3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not all is settled.
    InProgress,
    /// Every unit and every script succeeded.
    Successful,
    /// Some did.
    PartiallySuccessful,
    /// No unit did.
    Failed,
}

impl Status {
    /// As written in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Successful => "successful",
            Self::PartiallySuccessful => "partially-successful",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How many units stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Neither made nor failed.
    pub open: usize,
    /// Made.
    pub completed: usize,
    /// Failed.
    pub failed: usize,
    /// Targets that could not be planned at all: not found, not described.
    pub missing: usize,
    /// Targets that were removed as the policy says, or that hold nothing to back up: no failure.
    pub skipped: usize,
}

impl Tally {
    /// Counts the units of `sets`.
    pub fn of(sets: &[UnitSet]) -> Self {
        let mut tally = Self::default();
        for unit in sets.iter().flat_map(|set| &set.units) {
            match unit.state {
                UnitState::Planned | UnitState::Pending => tally.open += 1,
                UnitState::Completed | UnitState::Deleted => tally.completed += 1,
                UnitState::Failed => tally.failed += 1,
            }
        }
        tally
    }
}

/// The end of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The status.
    pub status: Status,
    /// Whether it is a generation.
    pub counts: bool,
    /// Whether it had anything to back up.
    pub empty: bool,
}

/// Decides the status of a backup whose units stand as tallied, and whether it counts as a generation.
///
/// `scripts_failed` is true when a script or VSS that was asked for did not succeed.
///
/// - successful: every unit succeeded, and every script; also when there was nothing to back up;
/// - failed: no unit succeeded, though there was something to back up;
/// - partially successful: the rest.
///
/// An empty backup never counts: empty runs must not push real generations out.
pub fn outcome(tally: Tally, scripts_failed: bool, rule: SuccessRule) -> Outcome {
    let units = tally.completed + tally.failed + tally.open;
    let empty = units == 0 && tally.missing == 0;
    let units_good = tally.failed == 0 && tally.open == 0 && tally.missing == 0;
    let status = if tally.open > 0 {
        Status::InProgress
    } else if units_good && !scripts_failed {
        Status::Successful
    } else if tally.completed == 0 && !empty {
        Status::Failed
    } else {
        Status::PartiallySuccessful
    };
    let good_enough = match rule {
        SuccessRule::NoIssues => status == Status::Successful,
        SuccessRule::Snapshots => units_good,
    };
    Outcome { status, counts: good_enough && tally.completed > 0, empty }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn tally(open: usize, completed: usize, failed: usize, missing: usize) -> Tally {
        Tally { open, completed, failed, missing, skipped: 0 }
    }

    #[rstest]
    // open, completed, failed, missing, scripts failed, rule -> status, counts
    #[case(0, 3, 0, 0, false, SuccessRule::NoIssues, (Status::Successful, true))]
    #[case(0, 2, 1, 0, false, SuccessRule::NoIssues, (Status::PartiallySuccessful, false))]
    #[case(0, 0, 3, 0, false, SuccessRule::NoIssues, (Status::Failed, false))]
    #[case(0, 3, 0, 0, true, SuccessRule::NoIssues, (Status::PartiallySuccessful, false))]
    #[case(0, 3, 0, 0, true, SuccessRule::Snapshots, (Status::PartiallySuccessful, true))]
    #[case(0, 2, 1, 0, false, SuccessRule::Snapshots, (Status::PartiallySuccessful, false))]
    #[case(0, 0, 0, 0, false, SuccessRule::NoIssues, (Status::Successful, false))]
    #[case(0, 0, 0, 1, false, SuccessRule::NoIssues, (Status::Failed, false))]
    #[case(0, 1, 0, 1, false, SuccessRule::NoIssues, (Status::PartiallySuccessful, false))]
    #[case(1, 1, 1, 0, false, SuccessRule::NoIssues, (Status::InProgress, false))]
    fn table(
        #[case] open: usize,
        #[case] completed: usize,
        #[case] failed: usize,
        #[case] missing: usize,
        #[case] scripts_failed: bool,
        #[case] rule: SuccessRule,
        #[case] expected: (Status, bool),
    ) {
        let outcome = outcome(tally(open, completed, failed, missing), scripts_failed, rule);
        assert_eq!((outcome.status, outcome.counts), expected);
    }

    proptest! {
        #[test]
        fn never_successful_with_a_failure(
            completed in 0usize..5, failed in 0usize..5, missing in 0usize..5, scripts in any::<bool>(),
        ) {
            let outcome = outcome(tally(0, completed, failed, missing), scripts, SuccessRule::NoIssues);
            if failed + missing > 0 || scripts {
                prop_assert_ne!(outcome.status, Status::Successful);
                prop_assert!(!outcome.counts);
            }
            prop_assert!(!outcome.counts || completed > 0);
        }
    }
}
