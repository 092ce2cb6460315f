//! What the table holds.

use std::collections::BTreeMap;

use cpm_domain::{
    account::Account,
    alert::{Alert, Category},
    audit::Event,
    backup::Backup,
    drill::{Drill, DrillId},
    freezer::Entry,
    id::{BackupId, InstanceId, Region},
    initial_image::InitialImage,
    name::{AccountName, OwnerName, PolicyName, ScheduleName},
    origin::SourceRecord,
    policy::Policy,
    recovery::{Recovery, RecoveryId, work::Work},
    scan::{Scan, ScanLine, TagNews},
    scenario::{Run, RunId},
    schedule::Schedule,
    script::{ScriptPhase, ScriptRun},
    settings::Settings,
    target::{Target, TargetKey},
    unit::UnitSet,
};
use cpm_ports::{Held, Hold, Lease};
use jiff::Timestamp;

/// By owner.
pub(super) type Data = BTreeMap<OwnerName, Owned>;

/// One owner's items.
#[derive(Debug, Clone, Default)]
pub(super) struct Owned {
    /// Something was configured: it is on the list of owners.
    pub(super) is_enlisted: bool,
    pub(super) accounts: BTreeMap<AccountName, Account>,
    pub(super) schedules: BTreeMap<ScheduleName, Schedule>,
    pub(super) policies: BTreeMap<PolicyName, Policy>,
    pub(super) targets: BTreeMap<(PolicyName, TargetKey), Target>,
    pub(super) settings: Settings,
    pub(super) slots: BTreeMap<(PolicyName, ScheduleName), Option<Timestamp>>,
    pub(super) leases: BTreeMap<PolicyName, Lease>,
    pub(super) last_id: u64,
    pub(super) backups: BTreeMap<BackupId, Backup>,
    pub(super) sets: BTreeMap<(BackupId, u32), UnitSet>,
    pub(super) images: BTreeMap<ImageKey, InitialImage>,
    /// By the key of the name.
    pub(super) freezer: BTreeMap<String, Entry>,
    pub(super) runs: BTreeMap<(BackupId, ScriptPhase, u32), ScriptRun>,
    pub(super) origins: BTreeMap<(BackupId, TargetKey), SourceRecord>,
    pub(super) last_recovery: u64,
    pub(super) recoveries: BTreeMap<RecoveryId, Recovery>,
    pub(super) works: BTreeMap<(RecoveryId, u32), Work>,
    pub(super) drill_slots: BTreeMap<PolicyName, (ScheduleName, Option<Timestamp>)>,
    pub(super) holds: BTreeMap<Held, Hold>,
    pub(super) last_drill: u64,
    pub(super) drills: BTreeMap<DrillId, Drill>,
    pub(super) last_scenario: u64,
    pub(super) scenarios: BTreeMap<RunId, Run>,
    pub(super) alerts: BTreeMap<(Category, String), Alert>,
    pub(super) audit: BTreeMap<EventKey, Event>,
    pub(super) scans: BTreeMap<String, Scan>,
    pub(super) lines: BTreeMap<(String, AccountName, Region), Vec<ScanLine>>,
    pub(super) tags: BTreeMap<(AccountName, Region, String), TagNews>,
}

/// Account, Region and instance.
pub(super) type ImageKey = (AccountName, Region, InstanceId);

/// When, where in its call, and what: an event written twice is one.
pub(super) type EventKey = (Timestamp, usize, String);

pub(super) fn event_key(event: &Event, place: usize) -> EventKey {
    let Event { time, actor, action, subject, details } = event;
    (*time, place, format!("{actor} {action} {subject} {details}"))
}

impl Owned {
    /// The sets of a backup.
    pub(super) fn sets_of(&self, id: BackupId) -> impl Iterator<Item = &UnitSet> {
        self.sets.range((id, 0)..=(id, u32::MAX)).map(|(_, set)| set)
    }

    pub(super) fn drop_sets(&mut self, id: BackupId) {
        self.sets.retain(|(backup, _), _| *backup != id);
    }

    pub(super) fn drop_origins(&mut self, id: BackupId) {
        self.origins.retain(|(backup, _), _| *backup != id);
    }

    pub(super) fn drop_runs(&mut self, id: BackupId) {
        self.runs.retain(|(backup, _, _), _| *backup != id);
    }
}
