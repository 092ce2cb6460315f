//! What a recovery goes by, recoveries, drills and scenarios.

use async_trait::async_trait;
use cpm_domain::{
    drill::{Drill, DrillId},
    id::BackupId,
    name::{OwnerName, PolicyName},
    origin::SourceRecord,
    recovery::work::Work,
    recovery::{Recovery, RecoveryId},
    scenario::{Run, RunId},
};

use super::StoreError;

/// How the sources of a backup were. They go with their backup ([`Backups::remove`]).
#[async_trait]
pub trait Origins: Send + Sync {
    /// Writes down how sources were. One that is there already is replaced. Before the backup itself is written.
    async fn put_origins(&self, owner: &OwnerName, id: BackupId, origins: &[SourceRecord]) -> Result<(), StoreError>;
    /// Those of a backup, consistently read, in order of Region and resource.
    async fn origins(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<SourceRecord>, StoreError>;
}

/// What recoveries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryQuery {
    /// Of this policy only.
    pub policy: Option<PolicyName>,
    /// At most so many, newest first.
    pub limit: usize,
    /// Older than this one.
    pub before: Option<RecoveryId>,
}

/// Recoveries, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecoveryPage {
    /// They.
    pub recoveries: Vec<Recovery>,
    /// Pass it as `before` for more; none: these are all.
    pub next: Option<RecoveryId>,
}

/// Recoveries and their works.
#[async_trait]
pub trait Recoveries: Send + Sync {
    /// A number that was never given before.
    async fn next_recovery(&self, owner: &OwnerName) -> Result<RecoveryId, StoreError>;
    /// A recovery, consistently read.
    async fn recovery(&self, owner: &OwnerName, id: RecoveryId) -> Result<Option<Recovery>, StoreError>;
    /// Writes a recovery if its version in the table is still `recovery.version`, 0 when there is none yet; the stored one
    /// has the next version.
    async fn put_recovery(&self, owner: &OwnerName, recovery: &Recovery) -> Result<(), StoreError>;
    /// Recoveries, newest first. Logs and all.
    async fn recoveries(&self, owner: &OwnerName, query: &RecoveryQuery) -> Result<RecoveryPage, StoreError>;
    /// Writes works that are not there yet; one of its number stays as it is.
    async fn add_works(&self, owner: &OwnerName, id: RecoveryId, works: &[Work]) -> Result<(), StoreError>;
    /// The works of a recovery in order of number, consistently read.
    async fn works(&self, owner: &OwnerName, id: RecoveryId) -> Result<Vec<Work>, StoreError>;
    /// Replaces a work if its version in the table is still `work.version`; the stored one has the next version.
    async fn put_work(&self, owner: &OwnerName, id: RecoveryId, work: &Work) -> Result<(), StoreError>;
}

/// What drills to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrillQuery {
    /// Of this policy only.
    pub policy: Option<PolicyName>,
    /// At most so many, newest first.
    pub limit: usize,
    /// Older than this one.
    pub before: Option<DrillId>,
}

/// Drills, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrillPage {
    /// They.
    pub drills: Vec<Drill>,
    /// Pass it as `before` for more; none: these are all.
    pub next: Option<DrillId>,
}

/// Drills.
#[async_trait]
pub trait Drills: Send + Sync {
    /// A number that was never given before.
    async fn next_drill(&self, owner: &OwnerName) -> Result<DrillId, StoreError>;
    /// A drill, consistently read.
    async fn drill(&self, owner: &OwnerName, id: DrillId) -> Result<Option<Drill>, StoreError>;
    /// Writes a drill if its version in the table is still `drill.version`, 0 when there is none yet; the stored one has
    /// the next version.
    async fn put_drill(&self, owner: &OwnerName, drill: &Drill) -> Result<(), StoreError>;
    /// Drills, newest first. Logs and all; of a policy by index, so a moment late.
    async fn drills(&self, owner: &OwnerName, query: &DrillQuery) -> Result<DrillPage, StoreError>;
}

/// Runs of scenarios, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScenarioPage {
    /// They.
    pub runs: Vec<Run>,
    /// Pass it as `before` for more; none: these are all.
    pub next: Option<RunId>,
}

/// Runs of scenarios.
#[async_trait]
pub trait Scenarios: Send + Sync {
    /// A number that was never given before.
    async fn next_scenario(&self, owner: &OwnerName) -> Result<RunId, StoreError>;
    /// A run, consistently read.
    async fn scenario(&self, owner: &OwnerName, id: RunId) -> Result<Option<Run>, StoreError>;
    /// Writes a run if its version in the table is still `run.version`, 0 when there is none yet; the stored one has the
    /// next version.
    async fn put_scenario(&self, owner: &OwnerName, run: &Run) -> Result<(), StoreError>;
    /// Runs, at most so many, newest first, older than `before`.
    async fn scenarios(
        &self,
        owner: &OwnerName,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<ScenarioPage, StoreError>;
}
