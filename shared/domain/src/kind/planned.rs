//! What becomes of a target in a backup.

use crate::{
    aws::{Managed, Tags},
    id::Region,
    target::{Resource, Target},
    unit::{Unit, UnitKind, UnitSet},
};

/// What becomes of one target in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// Sets of units, still without a number, and lines for the log.
    Sets {
        /// The sets.
        sets: Vec<UnitSet>,
        /// What is worth a look.
        warnings: Vec<String>,
        /// What is worth knowing.
        notes: Vec<String>,
    },
    /// It exists and has nothing to back up.
    Nothing(String),
    /// It exists and cannot be backed up; why, and what to do.
    Refused(String),
    /// It does not exist any more.
    Gone,
}

impl Planned {
    /// Sets about which nothing needs to be said.
    pub(super) fn sets(sets: Vec<UnitSet>) -> Self {
        Self::Sets { sets, warnings: Vec::new(), notes: Vec::new() }
    }
}

/// A set, still without a number.
pub(super) fn set(region: &Region, target: Resource, units: Vec<Unit>) -> UnitSet {
    UnitSet {
        number: 0,
        region: region.clone(),
        target,
        excluded: vec![],
        exclude_boot: false,
        image: None,
        by_document: None,
        tags: Tags::new(),
        units,
        version: 0,
    }
}

/// The one unit of a database, cluster or table.
pub(super) fn alone(target: &Target, kind: UnitKind, found: &Managed) -> Planned {
    let unit = Unit::planned(kind, target.resource.clone());
    let set = set(&target.region, target.resource.clone(), vec![unit]);
    Planned::sets(vec![UnitSet { tags: found.tags.clone(), ..set }])
}
