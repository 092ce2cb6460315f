//! What is remembered. Every change of state is conditional; every question has a key or an index.
//!
//! Each trait speaks of one owner, given in every call: an owner never sees another's items.

use async_trait::async_trait;
use cpm_domain::{
    account::Account,
    alert::{Alert, Category},
    audit::Event,
    backup::{Backup, LogLine, Phase},
    drill::{Drill, DrillId},
    freezer::{Afterwards, Entry, FreezerName},
    id::{BackupId, Region, UnitId},
    initial_image::InitialImage,
    name::{AccountName, OwnerName, PolicyName, ScheduleName},
    origin::SourceRecord,
    policy::Policy,
    recovery::{Recovery, RecoveryId, work::Work},
    scan::{Scan, ScanLine},
    scenario::{Run, RunId},
    schedule::Schedule,
    script::ScriptRun,
    settings::Settings,
    target::{Target, TargetKey},
    unit::UnitSet,
};
use jiff::Timestamp;

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What was to be changed is no longer as it was read: somebody was faster. Read it again.
    #[error("{0} was changed by somebody else meanwhile")]
    LostRace(String),
    /// DynamoDB is slow, throttled or not to be reached: later.
    #[error("the table did not answer: {0}")]
    Unavailable(String),
    /// DynamoDB refused for good: a missing permission, a missing table, an item over 400 KB.
    #[error("the table refused: {0}")]
    Refused(String),
    /// An item that this version cannot read.
    #[error("item {key} cannot be read: {reason}")]
    Unreadable {
        /// Partition and sort key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LostRace(_) => "Store.LostRace",
            Self::Unavailable(_) => "Store.Unavailable",
            Self::Refused(_) => "Store.Refused",
            Self::Unreadable { .. } => "Store.Unreadable",
        }
    }
}

/// One change of what an owner configured, written with its audit event in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyChange {
    /// Makes or replaces an account.
    PutAccount(Account),
    /// Removes an account.
    RemoveAccount(AccountName),
    /// Makes or replaces a schedule.
    PutSchedule(Schedule),
    /// Removes a schedule.
    RemoveSchedule(ScheduleName),
    /// Makes a policy that must not exist yet.
    CreatePolicy(Policy),
    /// Replaces a policy that must exist.
    PutPolicy(Policy),
    /// Removes a policy. Its targets and slots are removed by changes of their own.
    RemovePolicy(PolicyName),
    /// Makes or replaces a target.
    PutTarget(PolicyName, Target),
    /// Removes a target.
    RemoveTarget(PolicyName, TargetKey),
    /// Sets when a policy's schedule is next due, whatever was there.
    PutSlot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
        /// The next due instant; none: it never runs again.
        next: Option<Timestamp>,
    },
    /// Removes a slot: the policy is disabled, gone, or has lost the schedule.
    RemoveSlot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// Sets when a policy's drill is next due, and by which schedule, whatever was there.
    PutDrillSlot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
        /// The next due instant; none: it never runs again.
        next: Option<Timestamp>,
    },
    /// Removes the slot of a policy's drill.
    RemoveDrillSlot {
        /// The policy.
        policy: PolicyName,
    },
    /// Replaces the settings.
    PutSettings(Settings),
}

/// Accounts, schedules, policies, targets and settings.
#[async_trait]
pub trait Configuration: Send + Sync {
    /// All owners. (Only `root` so far; the first user.)
    async fn owners(&self) -> Result<Vec<OwnerName>, StoreError>;
    /// All accounts, by name.
    async fn accounts(&self, owner: &OwnerName) -> Result<Vec<Account>, StoreError>;
    /// One account.
    async fn account(&self, owner: &OwnerName, name: &AccountName) -> Result<Option<Account>, StoreError>;
    /// All schedules, by name.
    async fn schedules(&self, owner: &OwnerName) -> Result<Vec<Schedule>, StoreError>;
    /// One schedule.
    async fn schedule(&self, owner: &OwnerName, name: &ScheduleName) -> Result<Option<Schedule>, StoreError>;
    /// All policies, by name.
    async fn policies(&self, owner: &OwnerName) -> Result<Vec<Policy>, StoreError>;
    /// One policy, consistently read.
    async fn policy(&self, owner: &OwnerName, name: &PolicyName) -> Result<Option<Policy>, StoreError>;
    /// The targets of a policy, consistently read, in order of Region and id.
    async fn targets(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Vec<Target>, StoreError>;
    /// Which policies hold a resource (by index, so a moment late).
    async fn policies_with(&self, owner: &OwnerName, target: &TargetKey) -> Result<Vec<PolicyName>, StoreError>;
    /// The settings; defaults when none were made.
    async fn settings(&self, owner: &OwnerName) -> Result<Settings, StoreError>;
    /// Makes changes with their audit events. Up to 50 changes are one transaction; more go in transactions of 50 in
    /// the order given, so that a cut leaves a state that the same call finishes. A thing that is changed twice is
    /// changed in two transactions.
    async fn change(&self, owner: &OwnerName, changes: &[(PolicyChange, Event)]) -> Result<(), StoreError>;
}

/// One thing whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueItem {
    /// Whose.
    pub owner: OwnerName,
    /// When it was due.
    pub at: Timestamp,
    /// What.
    pub what: Due,
}

/// What can be due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A policy's schedule.
    Slot {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// A lease ran out: its execution may be dead.
    Lease(Lease),
    /// A policy's drill.
    Drill {
        /// The policy.
        policy: PolicyName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// A hold is to be looked at: its execution may be dead.
    Hold(Hold),
    /// A recovery is no longer trusted to live ([`Course::watch`](cpm_domain::recovery::course::Course::watch)).
    Recovery(RecoveryId),
}

/// Due instants.
#[async_trait]
pub trait Slots: Send + Sync {
    /// Up to `limit` things due at or before `now`, of all owners, longest due first (by index, so a moment late).
    /// `after` leaves out what was read before: pass the last item read.
    async fn due(&self, now: Timestamp, after: Option<&DueItem>, limit: usize) -> Result<Vec<DueItem>, StoreError>;

    /// Moves a slot from `at` to `next`, or says that somebody was faster.
    async fn advance(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// All slots of a policy: the schedule and its next due instant.
    async fn slots(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Vec<(ScheduleName, Option<Timestamp>)>, StoreError>;

    /// Moves the slot of a policy's drill from `at` to `next`, or says that somebody was faster.
    async fn advance_drill(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
        schedule: &ScheduleName,
        at: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// The slot of a policy's drill: the schedule and its next due instant.
    async fn drill_slot(
        &self,
        owner: &OwnerName,
        policy: &PolicyName,
    ) -> Result<Option<(ScheduleName, Option<Timestamp>)>, StoreError>;
}

/// What one execution at a time may work on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// The drills of a policy.
    Drills(PolicyName),
    /// The run of a scenario.
    Scenario(RunId),
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Drills(policy) => write!(f, "the drills of policy {policy}"),
            Self::Scenario(run) => write!(f, "the run {run} of a scenario"),
        }
    }
}

/// That an execution works on something. It is due as soon as it expires, so that each tick looks whether the execution
/// lives: what a dead one left is taken up at the next tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// On what.
    pub on: Held,
    /// The drill's number, or that of the run.
    pub number: u64,
    /// The execution.
    pub execution: String,
    /// When it is looked at.
    pub expires: Timestamp,
    /// How often what it works on was taken up again.
    pub resumed: u32,
}

/// Holds.
#[async_trait]
pub trait Holds: Send + Sync {
    /// The hold on something, consistently read.
    async fn hold(&self, owner: &OwnerName, on: &Held) -> Result<Option<Hold>, StoreError>;
    /// Takes the hold if nobody has it, or if `instead_of`'s execution has it still, or if it is the same execution's
    /// already. Else it gives the one that stands.
    async fn take_hold(
        &self,
        owner: &OwnerName,
        hold: &Hold,
        instead_of: Option<&Hold>,
    ) -> Result<Option<Hold>, StoreError>;
    /// Puts off when it is looked at. Another execution's is [`StoreError::LostRace`].
    async fn renew_hold(&self, owner: &OwnerName, hold: &Hold, expires: Timestamp) -> Result<(), StoreError>;
    /// Gives it back. Another execution's stays, without an error.
    async fn release_hold(&self, owner: &OwnerName, hold: &Hold) -> Result<(), StoreError>;
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

/// One backup of a policy at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The policy.
    pub policy: PolicyName,
    /// The execution and the attempt that hold it.
    pub holder: String,
    /// The execution alone, to look it up.
    pub execution: String,
    /// The backup that runs.
    pub backup: BackupId,
    /// When others may doubt that the holder lives.
    pub expires: Timestamp,
    /// How often the backup was resumed.
    pub resumed: u32,
}

/// What became of a try to take a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is the caller's.
    Taken,
    /// Somebody else's.
    Held(Lease),
}

/// Leases on policies.
#[async_trait]
pub trait Leases: Send + Sync {
    /// The lease on a policy, consistently read.
    async fn lease(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Option<Lease>, StoreError>;
    /// Takes the lease if nobody has it, or if `instead_of` has it still, or if it is the same holder's already.
    async fn take(
        &self,
        owner: &OwnerName,
        lease: &Lease,
        instead_of: Option<&Lease>,
    ) -> Result<LeaseOutcome, StoreError>;
    /// Puts off the end of `lease`, or makes it due at once. Somebody else's is [`StoreError::LostRace`].
    async fn renew(&self, owner: &OwnerName, lease: &Lease, expires: Timestamp) -> Result<(), StoreError>;
    /// Gives the lease back. Somebody else's stays, without an error.
    async fn release(&self, owner: &OwnerName, lease: &Lease) -> Result<(), StoreError>;
}

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

/// Runs of scripts. They are made and removed with their backup ([`Backups::create`], [`Backups::remove`]).
#[async_trait]
pub trait ScriptRuns: Send + Sync {
    /// The runs of a backup in order of phase and number, consistently read.
    async fn runs(&self, owner: &OwnerName, id: BackupId) -> Result<Vec<ScriptRun>, StoreError>;
    /// Replaces a run if its version in the table is still `run.version`; the stored one has the next version.
    async fn put_run(&self, owner: &OwnerName, id: BackupId, run: &ScriptRun) -> Result<(), StoreError>;
}

/// Alerts.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// All that stand.
    async fn alerts(&self, owner: &OwnerName) -> Result<Vec<Alert>, StoreError>;
    /// One, if it stands, consistently read.
    async fn alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<Option<Alert>, StoreError>;
    /// Puts an alert. Its publication follows from the write: nothing else needs to be done. One that counts as many
    /// failures or more and stands already is [`StoreError::LostRace`]: two failed at once.
    async fn put_alert(&self, owner: &OwnerName, alert: &Alert) -> Result<(), StoreError>;
    /// Takes an alert down; none there is fine.
    async fn clear_alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<(), StoreError>;
}

/// The audit trail.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Adds an event that goes with no configuration change.
    async fn record(&self, owner: &OwnerName, event: &Event) -> Result<(), StoreError>;
    /// The newest events first, older than `before`; `limit` of them, and those of the last one's instant on top: a
    /// reader who goes on before that instant misses none.
    async fn events(
        &self,
        owner: &OwnerName,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError>;
}

/// Tag scans and their logs.
#[async_trait]
pub trait Scans: Send + Sync {
    /// Puts a scan's record, new or changed.
    async fn put_scan(&self, owner: &OwnerName, scan: &Scan) -> Result<(), StoreError>;
    /// The newest scans first.
    async fn scans(&self, owner: &OwnerName, limit: usize) -> Result<Vec<Scan>, StoreError>;
    /// One scan.
    async fn scan(&self, owner: &OwnerName, id: &str) -> Result<Option<Scan>, StoreError>;
    /// Puts the lines of one account and Region of a scan; those that were there are replaced. Any number.
    async fn put_scan_lines(
        &self,
        owner: &OwnerName,
        id: &str,
        account: &AccountName,
        region: &Region,
        lines: &[ScanLine],
    ) -> Result<(), StoreError>;
    /// All lines of a scan, in order of account, Region and place.
    async fn scan_lines(&self, owner: &OwnerName, id: &str) -> Result<Vec<ScanLine>, StoreError>;
}

/// All of it.
pub trait Store:
    Configuration
    + Slots
    + Leases
    + Backups
    + ScriptRuns
    + Freezer
    + Images
    + Origins
    + Recoveries
    + Holds
    + Drills
    + Scenarios
    + Alerts
    + AuditTrail
    + Scans
{
}

impl<T> Store for T where
    T: Configuration
        + Slots
        + Leases
        + Backups
        + ScriptRuns
        + Freezer
        + Images
        + Origins
        + Recoveries
        + Holds
        + Drills
        + Scenarios
        + Alerts
        + AuditTrail
        + Scans
{
}
