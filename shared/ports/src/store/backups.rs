//! Backups, what they hold, what ran for them, and what outlives them.

use async_trait::async_trait;
use cpm_domain::{
    audit::Event,
    backup::{Backup, LogLine, Phase},
    freezer::{Afterwards, Entry, FreezerName},
    id::{BackupId, Region, UnitId},
    initial_image::InitialImage,
    name::{OwnerName, PolicyName},
    script::ScriptRun,
    unit::UnitSet,
};

use super::StoreError;

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupQuery {
    /// Of this policy only.
    pub policy: Option<PolicyName>,
    /// At most so many, newest first.
    pub limit: usize,
    /// Older than this one.
    pub before: Option<BackupId>,
}

/// Backups, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BackupPage {
    /// They.
    pub backups: Vec<Backup>,
    /// Pass it as `before` for more; none: these are all.
    pub next: Option<BackupId>,
}

/// Backups and their units.
#[async_trait]
pub trait Backups: Send + Sync {
    /// A number that was never given before.
    async fn next_id(&self, owner: &OwnerName) -> Result<BackupId, StoreError>;
    /// Sees to it that [`Self::next_id`] gives only numbers above `id`.
    async fn reserve_ids(&self, owner: &OwnerName, id: BackupId) -> Result<(), StoreError>;
    /// Writes a new backup with its sets and its runs of scripts. Written again with the same number, it stays as it is.
    /// The record comes last, so that a record never lacks its units.
    async fn create(
        &self,
        owner: &OwnerName,
        backup: &Backup,
        sets: &[UnitSet],
        runs: &[ScriptRun],
    ) -> Result<(), StoreError>;
    /// A backup, consistently read.
    async fn backup(&self, owner: &OwnerName, id: BackupId) -> Result<Option<Backup>, StoreError>;
    /// The sets of a backup in order of number, consistently read.
    async fn sets(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<UnitSet>, StoreError>;
    /// Replaces a backup if its phase in the table is still `expected`. Its `wake` and log are replaced as well.
    ///
    /// It neither freezes nor thaws: one that was frozen or taken out since it was read is [`StoreError::LostRace`], so
    /// that nobody marks a backup for deletion that was frozen meanwhile. One that is frozen is
    /// [`StoreError::Refused`] in a phase of deletion.
    async fn put(&self, owner: &OwnerName, backup: &Backup, expected: Phase) -> Result<(), StoreError>;
    /// Replaces a set if its version in the table is still `set.version`; the stored one has the next version.
    async fn put_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError>;
    /// Adds a set that the backup lacks; one of its number stays as it is.
    async fn add_set(&self, owner: &OwnerName, id: BackupId, set: &UnitSet) -> Result<(), StoreError>;
    /// The set whose [`UnitSet::key_unit`] is `unit`, of any owner, until it is settled: nothing more is heard
    /// of it then (by index, so a moment late).
    async fn set_with(
        &self,
        region: &Region,
        unit: &UnitId,
    ) -> Result<Option<(OwnerName, BackupId, UnitSet)>, StoreError>;
    /// Backups, newest first. Logs and all.
    async fn list(&self, owner: &OwnerName, query: &BackupQuery) -> Result<BackupPage, StoreError>;
    /// Up to `limit` backups in `phase`, which is [`Phase::Deleting`] or [`Phase::Deleted`], oldest first (by index, so
    /// a moment late).
    async fn in_phase(
        &self,
        owner: &OwnerName,
        phase: Phase,
        after: Option<BackupId>,
        limit: usize,
    ) -> Result<Vec<Backup>, StoreError>;
    /// Removes a backup with its sets and its runs of scripts: nothing of it is left in AWS, and its keep-days are over. None there is fine;
    /// one that is neither [`Phase::Deleting`] nor [`Phase::Deleted`] is [`StoreError::LostRace`].
    async fn remove(&self, owner: &OwnerName, id: BackupId) -> Result<(), StoreError>;
}

/// Initial images of instances.
#[async_trait]
pub trait Images: Send + Sync {
    /// All of an owner, consistently read, in order of account, Region and instance.
    async fn images(&self, owner: &OwnerName) -> Result<Vec<InitialImage>, StoreError>;
    /// Replaces the one of an instance that has the version of `image`, 0 when there is none yet; the stored one has the
    /// next version.
    async fn put_image(&self, owner: &OwnerName, image: &InitialImage) -> Result<(), StoreError>;
    /// Removes the one of an instance, if it has the version of `image` still.
    async fn remove_image(&self, owner: &OwnerName, image: &InitialImage) -> Result<(), StoreError>;
}

/// The freezer. A backup is frozen or being deleted, never both: all that freezes, thaws or marks is a conditional write
/// of the backup's record.
#[async_trait]
pub trait Freezer: Send + Sync {
    /// What is in the freezer, in order of [`FreezerName::key`], consistently read.
    async fn frozen(&self, owner: &OwnerName) -> Result<Vec<Entry>, StoreError>;
    /// What has this name, in any case, consistently read.
    async fn frozen_as(&self, owner: &OwnerName, name: &FreezerName) -> Result<Option<Entry>, StoreError>;
    /// Freezes a backup that is finished and not frozen, under a name that no other has; `lines` are added to its log.
    /// The record, the name and the audit event are one transaction: all of it or, as [`StoreError::LostRace`], nothing.
    async fn freeze(
        &self,
        owner: &OwnerName,
        entry: &Entry,
        lines: &[LogLine],
        event: &Event,
    ) -> Result<(), StoreError>;
    /// Takes a backup out that is frozen as `entry` says, in one transaction as well. With [`Afterwards::Retention`] its
    /// policy must exist still, or it is [`StoreError::LostRace`]; with [`Afterwards::Deletion`] it leaves in
    /// [`Phase::Deleting`].
    async fn unfreeze(
        &self,
        owner: &OwnerName,
        entry: &Entry,
        afterwards: Afterwards,
        lines: &[LogLine],
        event: &Event,
    ) -> Result<(), StoreError>;
}

/// Runs of scripts. They are made and removed with their backup ([`Backups::create`], [`Backups::remove`]).
#[async_trait]
pub trait ScriptRuns: Send + Sync {
    /// The runs of a backup in order of phase and number, consistently read.
    async fn runs(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<ScriptRun>, StoreError>;
    /// Replaces a run if its version in the table is still `run.version`; the stored one has the next version.
    async fn put_run(&self, owner: &OwnerName, id: BackupId, run: &ScriptRun) -> Result<(), StoreError>;
}
