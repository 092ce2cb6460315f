//! Keys of items. Nothing else in the crate puts a key together or takes one apart.

use cpm_domain::{
    alert::Category,
    backup::Phase,
    drill::DrillId,
    freezer::FreezerName,
    id::{BackupId, Region, UnitId},
    initial_image::InitialImage,
    name::{AccountName, OwnerName, PolicyName, ScheduleName},
    origin::SourceRecord,
    recovery::RecoveryId,
    scenario::RunId,
    script::ScriptPhase,
    target::TargetKey,
};
use cpm_ports::Held;
use jiff::Timestamp;

/// The partition of all that is due, of all owners.
pub(crate) const DUE: &str = "DUE";
/// The partition of the owners.
pub(crate) const OWNERS: &str = "OWNERS";
/// How sort keys of targets begin.
pub(crate) const TARGETS: &str = "TARGET#";
/// How sort keys of slots begin.
pub(crate) const SLOTS: &str = "SLOT#";
/// How sort keys of sets begin.
pub(crate) const SETS: &str = "SET#";
/// How sort keys of runs of scripts begin.
pub(crate) const RUNS: &str = "SCRIPT#";
/// How sort keys of origins begin.
pub(crate) const ORIGINS: &str = "ORIGIN#";
/// How sort keys of works begin.
pub(crate) const WORKS: &str = "WORK#";
/// How sort keys of alerts begin.
pub(crate) const ALERTS: &str = "ALERT#";

/// Where an item is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

/// An instant of fixed width, so that it sorts as text.
pub(crate) fn instant(time: Timestamp) -> String {
    format!("{time:.9}")
}

/// A backup's number of fixed width.
pub(crate) fn number(backup: BackupId) -> String {
    format!("{:012}", backup.0)
}

/// A recovery's number of fixed width.
pub(crate) fn recovery_number(recovery: RecoveryId) -> String {
    format!("{:012}", recovery.0)
}

/// What sorts after everything that begins with `prefix` and `#`, and before all else: `$` follows `#`.
pub(crate) fn past(prefix: &str) -> String {
    format!("{prefix}$")
}

/// What sorts right after `key` and before everything that is longer: no name holds a `!`, or anything below it.
pub(crate) fn just_after(key: &str) -> String {
    format!("{key}!")
}

/// The partition of an owner's accounts.
pub(crate) fn accounts(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#ACCOUNTS")
}

pub(crate) fn schedules(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#SCHEDULES")
}

pub(crate) fn policies(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#POLICIES")
}

/// The partition of a policy's targets, slots and lease; in the index `by_policy`, of its backups.
pub(crate) fn of_policy(owner: &OwnerName, policy: &PolicyName) -> String {
    format!("OWNER#{owner}#POLICY#{policy}")
}

pub(crate) fn backups(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#BACKUPS")
}

/// The partition of a backup's sets, runs and origins.
pub(crate) fn of_backup(owner: &OwnerName, backup: BackupId) -> String {
    format!("OWNER#{owner}#BACKUP#{}", number(backup))
}

pub(crate) fn recoveries(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#RECOVERIES")
}

/// In the index `by_policy`: the recoveries from backups of a policy. Apart from the backups themselves.
pub(crate) fn recoveries_of_policy(owner: &OwnerName, policy: &PolicyName) -> String {
    format!("OWNER#{owner}#RECOVERIES#{policy}")
}

/// The partition of a recovery's works.
pub(crate) fn of_recovery(owner: &OwnerName, recovery: RecoveryId) -> String {
    format!("OWNER#{owner}#RECOVERY#{}", recovery_number(recovery))
}

/// In the index `due`: the backups whose time is over. None for a phase before that.
pub(crate) fn in_phase(owner: &OwnerName, phase: Phase) -> Option<String> {
    match phase {
        Phase::Deleting => Some(format!("OWNER#{owner}#DELETING")),
        Phase::Deleted => Some(format!("OWNER#{owner}#DELETED")),
        Phase::Planned | Phase::Asked | Phase::Finished => None,
    }
}

pub(crate) fn drills(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#DRILLS")
}

/// In the index `by_policy`: the drills of a policy.
pub(crate) fn drills_of_policy(owner: &OwnerName, policy: &PolicyName) -> String {
    format!("OWNER#{owner}#DRILLS#{policy}")
}

/// A drill's number of fixed width.
pub(crate) fn drill_number(drill: DrillId) -> String {
    format!("{:012}", drill.0)
}

pub(crate) fn scenarios(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#SCENARIOS")
}

/// The number of a run of fixed width.
pub(crate) fn scenario_number(run: RunId) -> String {
    format!("{:012}", run.0)
}

fn held(on: &Held) -> String {
    match on {
        Held::Drills(policy) => format!("DRILLS#{policy}"),
        Held::Scenario(run) => format!("SCENARIO#{}", scenario_number(*run)),
    }
}

pub(crate) fn images(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#IMAGES")
}

/// The partition of an owner's freezer.
pub(crate) fn freezer(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#FREEZER")
}

pub(crate) fn alerts(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#ALERTS")
}

pub(crate) fn audit(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#AUDIT")
}

pub(crate) fn scans(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#SCANS")
}

/// The partition of what events told of tags.
pub(crate) fn tags(owner: &OwnerName) -> String {
    format!("OWNER#{owner}#TAGS")
}

/// The partition of a scan's lines.
pub(crate) fn of_scan(owner: &OwnerName, id: &str) -> String {
    format!("OWNER#{owner}#SCAN#{id}")
}

/// How sort keys of the lines of one place begin.
pub(crate) fn of_place(account: &AccountName, region: &Region) -> String {
    format!("LINES#{account}#{region}#")
}

/// In the index `by_resource`: the policies that hold a resource.
pub(crate) fn of_resource(owner: &OwnerName, target: &TargetKey) -> String {
    format!("OWNER#{owner}#RESOURCE#{}#{}#{}", target.region, target.resource.kind(), target.resource.id())
}

/// In the index `by_resource`: the set of a snapshot.
pub(crate) fn of_snapshot(region: &Region, snapshot: &UnitId) -> String {
    format!("SNAPSHOT#{region}#{snapshot}")
}

/// Sort key in the index `due`. Not even a schedule named `LEASE` is taken for a lease.
pub(crate) fn due_slot(at: Timestamp, owner: &OwnerName, policy: &PolicyName, schedule: &ScheduleName) -> String {
    format!("{}#{owner}#{policy}#SLOT#{schedule}", instant(at))
}

/// Sort key in the index `due`.
pub(crate) fn due_lease(expires: Timestamp, owner: &OwnerName, policy: &PolicyName) -> String {
    format!("{}#{owner}#{policy}#LEASE", instant(expires))
}

/// Sort key in the index `due`. No policy has an empty name.
pub(crate) fn due_recovery(watch: Timestamp, owner: &OwnerName, recovery: RecoveryId) -> String {
    format!("{}#{owner}##{}", instant(watch), recovery_number(recovery))
}

/// Sort key in the index `due`.
pub(crate) fn due_drill(at: Timestamp, owner: &OwnerName, policy: &PolicyName) -> String {
    format!("{}#{owner}#{policy}#DRILL", instant(at))
}

/// Sort key in the index `due`. No name is empty: it is taken for nothing of a policy.
pub(crate) fn due_hold(expires: Timestamp, owner: &OwnerName, on: &Held) -> String {
    format!("{}#{owner}##HOLD#{}", instant(expires), held(on))
}

impl Key {
    /// Of the initial image of an instance.
    pub(crate) fn image(owner: &OwnerName, image: &InitialImage) -> Self {
        Self::new(images(owner), format!("IMAGE#{}#{}#{}", image.account, image.region, image.instance))
    }

    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(crate) fn owner(owner: &OwnerName) -> Self {
        Self::new(OWNERS, owner.as_str())
    }

    pub(crate) fn counter(owner: &OwnerName) -> Self {
        Self::new(format!("OWNER#{owner}"), "COUNTER#backup")
    }

    pub(crate) fn drill_counter(owner: &OwnerName) -> Self {
        Self::new(format!("OWNER#{owner}"), "COUNTER#drill")
    }

    pub(crate) fn scenario_counter(owner: &OwnerName) -> Self {
        Self::new(format!("OWNER#{owner}"), "COUNTER#scenario")
    }

    pub(crate) fn drill_slot(owner: &OwnerName, policy: &PolicyName) -> Self {
        Self::new(of_policy(owner, policy), "DRILL")
    }

    pub(crate) fn drill(owner: &OwnerName, drill: DrillId) -> Self {
        Self::new(drills(owner), drill_number(drill))
    }

    pub(crate) fn scenario(owner: &OwnerName, run: RunId) -> Self {
        Self::new(scenarios(owner), scenario_number(run))
    }

    pub(crate) fn hold(owner: &OwnerName, on: &Held) -> Self {
        Self::new(format!("OWNER#{owner}#HOLDS"), held(on))
    }

    /// The owner of a hold, and what it is on.
    pub(crate) fn owner_and_held(&self) -> Option<(OwnerName, Held)> {
        let owner = self.pk.strip_prefix("OWNER#")?.strip_suffix("#HOLDS")?.parse().ok()?;
        let on = match self.sk.split_once('#')? {
            ("DRILLS", policy) => Held::Drills(policy.parse().ok()?),
            ("SCENARIO", number) => Held::Scenario(number.parse().ok()?),
            _ => return None,
        };
        Some((owner, on))
    }

    /// Counts recoveries.
    pub(crate) fn recovery_counter(owner: &OwnerName) -> Self {
        Self::new(format!("OWNER#{owner}"), "COUNTER#recovery")
    }

    pub(crate) fn settings(owner: &OwnerName) -> Self {
        Self::new(format!("OWNER#{owner}"), "SETTINGS")
    }

    pub(crate) fn account(owner: &OwnerName, name: &AccountName) -> Self {
        Self::new(accounts(owner), name.as_str())
    }

    pub(crate) fn schedule(owner: &OwnerName, name: &ScheduleName) -> Self {
        Self::new(schedules(owner), name.as_str())
    }

    pub(crate) fn policy(owner: &OwnerName, name: &PolicyName) -> Self {
        Self::new(policies(owner), name.as_str())
    }

    pub(crate) fn target(owner: &OwnerName, policy: &PolicyName, target: &TargetKey) -> Self {
        let sk = format!("{TARGETS}{}#{}#{}", target.region, target.resource.kind(), target.resource.id());
        Self::new(of_policy(owner, policy), sk)
    }

    pub(crate) fn slot(owner: &OwnerName, policy: &PolicyName, schedule: &ScheduleName) -> Self {
        Self::new(of_policy(owner, policy), format!("{SLOTS}{schedule}"))
    }

    pub(crate) fn lease(owner: &OwnerName, policy: &PolicyName) -> Self {
        Self::new(of_policy(owner, policy), "LEASE")
    }

    pub(crate) fn backup(owner: &OwnerName, backup: BackupId) -> Self {
        Self::new(backups(owner), number(backup))
    }

    pub(crate) fn set(owner: &OwnerName, backup: BackupId, number: u32) -> Self {
        Self::new(of_backup(owner, backup), format!("{SETS}{number:06}"))
    }

    pub(crate) fn frozen(owner: &OwnerName, name: &FreezerName) -> Self {
        Self::new(freezer(owner), name.key())
    }

    pub(crate) fn run(owner: &OwnerName, backup: BackupId, phase: ScriptPhase, number: u32) -> Self {
        Self::new(of_backup(owner, backup), format!("{RUNS}{}#{number:06}", phase.order()))
    }

    pub(crate) fn origin(owner: &OwnerName, backup: BackupId, origin: &SourceRecord) -> Self {
        let sk = format!("{ORIGINS}{}#{}#{}", origin.region, origin.resource.kind(), origin.resource.id());
        Self::new(of_backup(owner, backup), sk)
    }

    pub(crate) fn recovery(owner: &OwnerName, recovery: RecoveryId) -> Self {
        Self::new(recoveries(owner), recovery_number(recovery))
    }

    pub(crate) fn work(owner: &OwnerName, recovery: RecoveryId, number: u32) -> Self {
        Self::new(of_recovery(owner, recovery), format!("{WORKS}{number:06}"))
    }

    pub(crate) fn alert(owner: &OwnerName, category: Category, subject: &str) -> Self {
        Self::new(alerts(owner), format!("{ALERTS}{}#{subject}", category.as_str()))
    }

    pub(crate) fn scan(owner: &OwnerName, id: &str) -> Self {
        Self::new(scans(owner), id)
    }

    pub(crate) fn tag(owner: &OwnerName, account: &AccountName, region: &Region, resource: &str) -> Self {
        Self::new(tags(owner), format!("TAG#{account}#{region}#{resource}"))
    }

    pub(crate) fn lines(owner: &OwnerName, id: &str, account: &AccountName, region: &Region, chunk: usize) -> Self {
        Self::new(of_scan(owner, id), format!("{}{chunk:06}", of_place(account, region)))
    }

    /// The owner and policy of a key of [`of_policy`].
    pub(crate) fn owner_and_policy(&self) -> Option<(OwnerName, PolicyName)> {
        let (owner, policy) = self.pk.strip_prefix("OWNER#")?.split_once("#POLICY#")?;
        Some((owner.parse().ok()?, policy.parse().ok()?))
    }

    /// The owner and backup of a key of [`of_backup`].
    pub(crate) fn owner_and_backup(&self) -> Option<(OwnerName, BackupId)> {
        let (owner, backup) = self.pk.strip_prefix("OWNER#")?.split_once("#BACKUP#")?;
        Some((owner.parse().ok()?, backup.parse().ok()?))
    }

    /// The owner and the number of the key of a recovery.
    pub(crate) fn owner_and_recovery(&self) -> Option<(OwnerName, RecoveryId)> {
        let owner = self.pk.strip_prefix("OWNER#")?.strip_suffix("#RECOVERIES")?;
        Some((owner.parse().ok()?, RecoveryId(self.sk.parse().ok()?)))
    }

    /// Whether it is the key of an origin.
    pub(crate) fn is_origin(&self) -> bool {
        self.sk.starts_with(ORIGINS)
    }

    /// The schedule of a slot's key.
    pub(crate) fn schedule_of_slot(&self) -> Option<ScheduleName> {
        self.sk.strip_prefix(SLOTS)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> OwnerName {
        OwnerName::root()
    }

    fn web() -> PolicyName {
        "web".parse().unwrap()
    }

    #[test]
    fn instants_sort_as_text() {
        let times = [
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000000001Z",
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T00:00:01Z",
        ];
        let texts: Vec<String> = times.iter().map(|time| instant(time.parse().unwrap())).collect();
        assert!(texts.is_sorted());
        assert!(texts.iter().all(|text| text.len() == texts[0].len()), "{texts:?}");
        assert_eq!(texts[0], "2026-01-01T00:00:00.000000000Z");
    }

    #[test]
    fn what_is_due_now_sorts_before_the_bound() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let key = due_slot(now, &root(), &web(), &"nightly".parse().unwrap());
        assert!(key < past(&instant(now)));
        assert!(
            due_lease(now.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap(), &root(), &web())
                > past(&instant(now))
        );
        let longer = due_slot(now, &root(), &web(), &"nightly-2".parse().unwrap());
        assert!(key < just_after(&key) && just_after(&key) < longer);
    }

    #[test]
    fn keys_are_read_back() {
        let lease = Key::lease(&root(), &web());
        assert_eq!(lease.owner_and_policy(), Some((root(), web())));
        assert_eq!(lease.owner_and_backup(), None);
        let set = Key::set(&root(), BackupId(17), 3);
        assert_eq!(set.to_string(), "OWNER#root#BACKUP#000000000017 / SET#000003");
        assert_eq!(set.owner_and_backup(), Some((root(), BackupId(17))));
        let run = Key::run(&root(), BackupId(17), ScriptPhase::After, 3);
        assert_eq!(run.to_string(), "OWNER#root#BACKUP#000000000017 / SCRIPT#2#000003");
        for on in [Held::Drills(web()), Held::Scenario(RunId(17))] {
            let hold = Key::hold(&root(), &on);
            assert_eq!(hold.owner_and_held(), Some((root(), on)));
            assert_eq!(hold.owner_and_policy(), None);
        }
        assert_eq!(lease.owner_and_held(), None);
        let work = Key::work(&root(), RecoveryId(17), 3);
        assert_eq!(work.to_string(), "OWNER#root#RECOVERY#000000000017 / WORK#000003");
        assert_eq!(work.owner_and_backup(), None);
        assert_eq!(work.owner_and_recovery(), None);
        let recovery = Key::recovery(&root(), RecoveryId(17));
        assert_eq!(recovery.owner_and_recovery(), Some((root(), RecoveryId(17))));
        let slot = Key::slot(&root(), &web(), &"LEASE".parse().unwrap());
        assert_eq!(slot.schedule_of_slot().unwrap().as_str(), "LEASE");
        assert_eq!(lease.schedule_of_slot(), None);
    }
}
