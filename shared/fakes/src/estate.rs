//! Everything together.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
};

use cpm_domain::{
    account::Account,
    id::{BackupId, InstanceId, UnitId, UnitSetId, VolumeId},
    name::OwnerName,
    policy::Policy,
    provenance::Provenance,
    schedule::Schedule,
    target::Target,
    unit::{Unit, UnitSet, UnitState},
};
use cpm_ports::{Configuration, Deleters, Drivers, PolicyChange, Removers, Restorers};
use jiff::Timestamp;

use crate::{
    FakeAws, FakeClock, FakeEventBus, FakeExecutions, FakeHealth, FakePlanner, FakePublisher, FakeStore, FakeSystems,
    Faults, Made, OWN_ACCOUNT, at_once, aws::parsed, sample,
};

/// A table, AWS accounts and state machines with one clock and one script of faults.
///
/// The owner is `root`, whose account `main` is the deployment's own. What is set up here does not count as a call.
#[derive(Clone)]
pub struct Estate {
    /// Time and chance.
    pub clock: FakeClock,
    /// What goes wrong.
    pub faults: Faults,
    /// The table.
    pub store: FakeStore,
    /// The accounts.
    pub aws: FakeAws,
    /// The accounts, as the use cases know them.
    pub drivers: Drivers,
    /// The accounts, as the cleaner knows them.
    pub deleters: Deleters,
    /// The accounts, as recoveries know them.
    pub restorers: Restorers,
    /// The accounts, as the cleaner knows them when it removes what recoveries made.
    pub removers: Removers,
    /// The state machines.
    pub executions: FakeExecutions,
    /// What holds plans of recoveries against AWS.
    pub planner: FakePlanner,
    /// The topic of alerts.
    pub publisher: FakePublisher,
    /// The bus of events.
    pub bus: FakeEventBus,
    /// What runs commands and functions.
    pub systems: FakeSystems,
    /// The status checks of instances.
    pub health: FakeHealth,
}

impl AsRef<Faults> for Estate {
    fn as_ref(&self) -> &Faults {
        &self.faults
    }
}

impl Estate {
    /// The account `main`, and nothing else.
    pub fn new() -> Self {
        let faults = Faults::new();
        let clock = FakeClock::with(faults.clone());
        let aws = FakeAws::with(faults.clone(), clock.clone());
        let estate = Self {
            store: FakeStore::with(faults.clone(), clock.clone()),
            drivers: Drivers::new(vec![Arc::new(aws.clone())]),
            deleters: Deleters::new(vec![Arc::new(aws.clone())]),
            restorers: Restorers::new(vec![Arc::new(aws.clone())]),
            removers: Removers::new(vec![Arc::new(aws.clone())]),
            health: FakeHealth::with(faults.clone()),
            systems: FakeSystems::with(aws.clone(), faults.clone(), clock.clone()),
            aws,
            executions: FakeExecutions::with(faults.clone(), clock.clone()),
            planner: FakePlanner::with(faults.clone()),
            publisher: FakePublisher::with(faults.clone()),
            bus: FakeEventBus::with(faults.clone()),
            faults,
            clock,
        };
        estate.account(sample::account("main"));
        estate
    }

    /// The same estate for somebody else, such as the test itself: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            clock: self.clock.beside(),
            faults: Faults::new(),
            store: self.store.beside(),
            drivers: Drivers::new(vec![Arc::new(self.aws.beside())]),
            deleters: Deleters::new(vec![Arc::new(self.aws.beside())]),
            restorers: Restorers::new(vec![Arc::new(self.aws.beside())]),
            removers: Removers::new(vec![Arc::new(self.aws.beside())]),
            aws: self.aws.beside(),
            executions: self.executions.beside(),
            planner: self.planner.beside(),
            publisher: self.publisher.beside(),
            bus: self.bus.beside(),
            systems: self.systems.beside(),
            health: self.health.beside(),
        }
    }

    /// An instance of the deployment's own account with so many volumes, the first of them root.
    pub fn instance(&self, region: &str, volumes: usize) -> InstanceId {
        self.aws.site(OWN_ACCOUNT, region).instance(volumes)
    }

    /// A volume of the deployment's own account.
    pub fn volume(&self, region: &str) -> VolumeId {
        self.aws.site(OWN_ACCOUNT, region).volume()
    }

    /// An instance or a volume as a target, where it is.
    ///
    /// # Panics
    ///
    /// When there is none of that id.
    pub fn target(&self, id: impl Display) -> Target {
        match self.aws.region_of(&id) {
            Some(region) => sample::target(region.as_str(), id),
            None => panic!("{id} is in no account"),
        }
    }

    /// An account; AWS has its roles.
    pub fn account(&self, account: Account) {
        self.aws.trust(&account);
        self.change([PolicyChange::PutAccount(account)]);
    }

    /// A policy with targets.
    pub fn policy(&self, policy: Policy, targets: impl IntoIterator<Item = Target>) {
        let name = policy.name.clone();
        let targets = targets.into_iter().map(|target| PolicyChange::PutTarget(name.clone(), target));
        self.change([PolicyChange::CreatePolicy(policy)].into_iter().chain(targets));
    }

    /// A schedule.
    pub fn schedule(&self, schedule: Schedule) {
        self.change([PolicyChange::PutSchedule(schedule)]);
    }

    /// When a policy's schedule is next due.
    pub fn slot(&self, policy: &str, schedule: &str, next: Timestamp) {
        let next = Some(next);
        self.change([PolicyChange::PutSlot { policy: parsed(policy), schedule: parsed(schedule), next }]);
    }

    /// Changes the configuration of `root`.
    ///
    /// # Panics
    ///
    /// When the table refuses.
    pub fn change(&self, changes: impl IntoIterator<Item = PolicyChange>) {
        let changes: Vec<_> = changes.into_iter().map(|change| (change, sample::event("test.setup"))).collect();
        if let Err(error) = at_once(self.store.beside().change(&sample::root(), &changes)) {
            panic!("{error}");
        }
    }

    /// What must never be, once nothing runs any more: snapshots of the suite that are on no record, snapshots made twice,
    /// snapshots on record that are lost, sets without their record and records without their sets, slots run twice.
    pub fn breaches(&self) -> Vec<String> {
        let made = self.aws.made();
        let sets = self.store.every_set();
        let images = self.store.every_image();
        let is_kept = |made: &&Made| {
            images
                .iter()
                .flat_map(|image| image.current.iter().chain(&image.outdated))
                .any(|image| made.report.id == image.id || image.parts.iter().any(|part| made.report.id == *part))
        };
        let of_backups: Vec<Made> = made.iter().filter(|made| !is_kept(made)).cloned().collect();
        let mut breaches = orphans(&of_backups, &sets);
        breaches.extend(doubles(&made));
        breaches.extend(lost(&made, &sets));
        breaches.extend(self.unfit_records(&sets));
        breaches.extend(self.slots_run_twice());
        breaches
    }

    fn unfit_records(&self, sets: &[Held]) -> Vec<String> {
        let mut counts: BTreeMap<(OwnerName, BackupId), usize> = BTreeMap::new();
        for (owner, backup, _) in sets {
            *counts.entry((owner.clone(), *backup)).or_insert(0) += 1;
        }
        let mut breaches = Vec::new();
        for (owner, backup) in self.store.every_backup() {
            let found = counts.remove(&(owner, backup.id)).unwrap_or(0);
            if usize::try_from(backup.sets) != Ok(found) {
                breaches.push(format!("backup {} has {found} sets, and its record says {}", backup.id, backup.sets));
            }
        }
        breaches.extend(counts.into_keys().map(|(_, backup)| format!("backup {backup} has sets and no record")));
        breaches
    }

    fn slots_run_twice(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let all = self.store.every_backup().into_iter();
        let runs = all.filter(|(_, backup)| backup.attempt == 0).filter_map(|(owner, backup)| {
            let slot = backup.slot?;
            Some((owner, backup.policy, slot.schedule, slot.at))
        });
        runs.filter(|run| !seen.insert(run.clone()))
            .map(|(_, policy, schedule, at)| format!("{policy} ran twice for {schedule} at {at}"))
            .collect()
    }
}

impl Default for Estate {
    fn default() -> Self {
        Self::new()
    }
}

type Held = (OwnerName, BackupId, UnitSet);

fn orphans(made: &[Made], sets: &[Held]) -> Vec<String> {
    let mut breaches = Vec::new();
    for made in made {
        let Some(provenance) = Provenance::read(&made.tags, made.report.kind) else { continue };
        let UnitSetId { backup, number } = provenance.unit;
        let of_unit = |(owner, id, set): &&Held| *owner == provenance.owner && *id == backup && set.number == number;
        let has_it = |unit: &Unit| {
            unit.id.as_ref() == Some(&made.report.id) || unit.parts.iter().any(|part| made.report.id == *part)
        };
        if !sets.iter().find(of_unit).is_some_and(|(_, _, set)| set.units.iter().any(has_it)) {
            breaches.push(format!("{} of set {} is on no record", made.report.id, provenance.unit));
        }
    }
    breaches
}

fn doubles(made: &[Made]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ours = made.iter().filter_map(|made| Some((made, Provenance::read(&made.tags, made.report.kind)?)));
    ours.filter(|(made, provenance)| {
        !seen.insert((provenance.owner.clone(), provenance.unit, made.report.source.clone()))
    })
    .map(|(made, provenance)| format!("{:?} was made twice for set {}", made.report.source, provenance.unit))
    .collect()
}

fn lost(made: &[Made], sets: &[Held]) -> Vec<String> {
    let there: BTreeSet<&UnitId> = made.iter().map(|made| &made.report.id).collect();
    let mut breaches = Vec::new();
    for (_, backup, set) in sets {
        for unit in &set.units {
            let Some(id) = &unit.id else { continue };
            match unit.state {
                UnitState::Pending | UnitState::Completed if !there.contains(id) => {
                    breaches.push(format!("{id} of set {} is on record and lost", set.id(*backup)));
                }
                UnitState::Deleted if there.contains(id) => {
                    breaches.push(format!("{id} of set {} is on record as deleted and still there", set.id(*backup)));
                }
                _ => {}
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests;
