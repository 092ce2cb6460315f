//! The tag-scan state machine and its function.

use cpm_domain::{
    id::Region,
    name::{AccountName, OwnerName},
    scan::ScanKind,
};
use serde::{Deserialize, Serialize};

/// The input of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartScan {
    /// Whose accounts; all owners' when left out.
    #[serde(default)]
    pub owner: Option<OwnerName>,
    /// Tags of resources, or snapshots of the suite.
    #[serde(default)]
    pub kind: ScanKind,
    /// Says what would change and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Who asked; left out by the schedule.
    #[serde(default)]
    pub asked_by: Option<String>,
}

/// What a task of the state machine asks the function to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// Opens the scan and says where to look.
    Plan {
        /// The scan's id: the start and the name of the execution.
        scan: String,
        /// What it was started with.
        start: StartScan,
    },
    /// Looks at one account and Region.
    Look {
        /// The scan.
        scan: String,
        /// Where.
        place: Place,
        /// What it was started with.
        start: StartScan,
    },
    /// Closes the scan.
    Finish {
        /// The scan.
        scan: String,
        /// What each place gave, added up by owner from the map's answers.
        looked: Vec<Looked>,
    },
}

/// One account and Region to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Whose.
    pub owner: OwnerName,
    /// Which account.
    pub account: AccountName,
    /// Which Region.
    pub region: Region,
}

/// The answer to [`Step::Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The places to look at: one an account and Region, bounded by [`MAX_PLACES`].
    pub places: Vec<Place>,
}

/// The most places of one scan, so that the list stays far below the 256 KiB of a state's payload.
pub const MAX_PLACES: usize = 1000;

/// The answer to [`Step::Look`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Whose.
    pub owner: OwnerName,
    /// It could not be read.
    pub failed: bool,
    /// Resources found.
    pub found: u32,
    /// Changes made, or to be made.
    pub changes: u32,
    /// Tags that are wrong.
    pub errors: u32,
}
