//! Accounts, schedules, policies, targets and settings.

use std::collections::HashSet;

use async_trait::async_trait;
use cpm_domain::{
    account::Account,
    audit::Event,
    name::{AccountName, OwnerName, PolicyName, ScheduleName},
    policy::Policy,
    schedule::Schedule,
    settings::Settings,
    target::{Target, TargetKey},
};
use cpm_ports::{Configuration, PolicyChange, StoreError};

use super::{FakeStore, data::Owned, data::event_key, of};
use crate::script::Extent;

/// Changes in one transaction.
const TRANSACTION: usize = 50;

type Change = (PolicyChange, Event);

#[async_trait]
impl Configuration for FakeStore {
    async fn owners(&self) -> Result<Vec<OwnerName>, StoreError> {
        self.read(&["store:owners"], "", |data| {
            let enlisted: Vec<_> =
                data.iter().filter(|(_, owned)| owned.is_enlisted).map(|(owner, _)| owner.clone()).collect();
            if enlisted.is_empty() { vec![OwnerName::root()] } else { enlisted }
        })
        .await
    }

    async fn accounts(&self, owner: &OwnerName) -> Result<Vec<Account>, StoreError> {
        self.read(&["store:accounts"], owner, |data| of(data, owner).accounts.values().cloned().collect()).await
    }

    async fn account(&self, owner: &OwnerName, name: &AccountName) -> Result<Option<Account>, StoreError> {
        self.read(&["store:account"], name, |data| of(data, owner).accounts.get(name).cloned()).await
    }

    async fn schedules(&self, owner: &OwnerName) -> Result<Vec<Schedule>, StoreError> {
        self.read(&["store:schedules"], owner, |data| of(data, owner).schedules.values().cloned().collect()).await
    }

    async fn schedule(&self, owner: &OwnerName, name: &ScheduleName) -> Result<Option<Schedule>, StoreError> {
        self.read(&["store:schedule"], name, |data| of(data, owner).schedules.get(name).cloned()).await
    }

    async fn policies(&self, owner: &OwnerName) -> Result<Vec<Policy>, StoreError> {
        self.read(&["store:policies"], owner, |data| of(data, owner).policies.values().cloned().collect()).await
    }

    async fn policy(&self, owner: &OwnerName, name: &PolicyName) -> Result<Option<Policy>, StoreError> {
        self.read(&["store:policy"], name, |data| of(data, owner).policies.get(name).cloned()).await
    }

    async fn targets(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Vec<Target>, StoreError> {
        self.read(&["store:targets"], policy, |data| {
            let all = of(data, owner).targets.iter();
            all.filter(|((of, _), _)| of == policy).map(|(_, target)| target.clone()).collect()
        })
        .await
    }

    async fn policies_with(&self, owner: &OwnerName, target: &TargetKey) -> Result<Vec<PolicyName>, StoreError> {
        self.read_index(&["store:policies_with"], target, |data| {
            let all = of(data, owner).targets.keys();
            all.filter(|(_, key)| key == target).map(|(policy, _)| policy.clone()).collect()
        })
        .await
    }

    async fn settings(&self, owner: &OwnerName) -> Result<Settings, StoreError> {
        self.read(&["store:settings"], owner, |data| of(data, owner).settings.clone()).await
    }

    async fn change(&self, owner: &OwnerName, changes: &[Change]) -> Result<(), StoreError> {
        let key = changes.first().map(|(change, _)| item(change)).unwrap_or_default();
        self.write_parts(&["store:change"], owner, key, |owned, extent| {
            let transactions = transactions(changes);
            let made = match extent {
                Extent::Whole => transactions.len(),
                Extent::Half => transactions.len() / 2,
            };
            owned.is_enlisted |= !changes.is_empty();
            transactions.into_iter().take(made).try_for_each(|transaction| commit(owned, &transaction))
        })
        .await
    }
}

/// Cuts changes into transactions, each with the place of its changes in the call.
fn transactions(changes: &[Change]) -> Vec<Vec<(usize, &Change)>> {
    let mut transactions: Vec<Vec<(usize, &Change)>> = Vec::new();
    let mut taken = HashSet::new();
    for (place, change) in changes.iter().enumerate() {
        let is_new = taken.insert(item(&change.0));
        match transactions.last_mut() {
            Some(transaction) if is_new && transaction.len() < TRANSACTION => transaction.push((place, change)),
            _ => {
                taken = HashSet::from([item(&change.0)]);
                transactions.push(vec![(place, change)]);
            }
        }
    }
    transactions
}

/// All of it or nothing.
fn commit(owned: &mut Owned, transaction: &[(usize, &Change)]) -> Result<(), StoreError> {
    for (_, (change, _)) in transaction {
        let stands = |name| owned.policies.contains_key(name);
        match change {
            PolicyChange::CreatePolicy(policy) if stands(&policy.name) => {
                return Err(StoreError::LostRace(item(change)));
            }
            PolicyChange::PutPolicy(policy) if !stands(&policy.name) => {
                return Err(StoreError::LostRace(item(change)));
            }
            _ => {}
        }
    }
    for (place, (change, event)) in transaction {
        apply(owned, change);
        owned.audit.insert(event_key(event, *place), event.clone());
    }
    Ok(())
}

/// Names the item that a change is about.
fn item(change: &PolicyChange) -> String {
    match change {
        PolicyChange::PutAccount(Account { name, .. }) | PolicyChange::RemoveAccount(name) => {
            format!("account {name}")
        }
        PolicyChange::PutSchedule(schedule) => format!("schedule {}", schedule.name()),
        PolicyChange::RemoveSchedule(name) => format!("schedule {name}"),
        PolicyChange::CreatePolicy(Policy { name, .. })
        | PolicyChange::PutPolicy(Policy { name, .. })
        | PolicyChange::RemovePolicy(name) => format!("policy {name}"),
        PolicyChange::PutTarget(policy, target) => format!("{} of policy {policy}", target.key()),
        PolicyChange::RemoveTarget(policy, key) => format!("{key} of policy {policy}"),
        PolicyChange::PutSlot { policy, schedule, .. } | PolicyChange::RemoveSlot { policy, schedule } => {
            format!("slot {schedule} of policy {policy}")
        }
        PolicyChange::PutDrillSlot { policy, .. } | PolicyChange::RemoveDrillSlot { policy } => {
            format!("the drill slot of policy {policy}")
        }
        PolicyChange::PutSettings(_) => "the settings".to_owned(),
    }
}

fn apply(owned: &mut Owned, change: &PolicyChange) {
    match change.clone() {
        PolicyChange::PutAccount(account) => drop(owned.accounts.insert(account.name.clone(), account)),
        PolicyChange::RemoveAccount(name) => drop(owned.accounts.remove(&name)),
        PolicyChange::PutSchedule(schedule) => drop(owned.schedules.insert(schedule.name().clone(), schedule)),
        PolicyChange::RemoveSchedule(name) => drop(owned.schedules.remove(&name)),
        PolicyChange::CreatePolicy(policy) | PolicyChange::PutPolicy(policy) => {
            drop(owned.policies.insert(policy.name.clone(), policy));
        }
        PolicyChange::RemovePolicy(name) => drop(owned.policies.remove(&name)),
        PolicyChange::PutTarget(policy, target) => drop(owned.targets.insert((policy, target.key()), target)),
        PolicyChange::RemoveTarget(policy, key) => drop(owned.targets.remove(&(policy, key))),
        PolicyChange::PutSlot { policy, schedule, next } => {
            owned.slots.insert((policy, schedule), next);
        }
        PolicyChange::RemoveSlot { policy, schedule } => {
            owned.slots.remove(&(policy, schedule));
        }
        PolicyChange::PutDrillSlot { policy, schedule, next } => {
            owned.drill_slots.insert(policy, (schedule, next));
        }
        PolicyChange::RemoveDrillSlot { policy } => drop(owned.drill_slots.remove(&policy)),
        PolicyChange::PutSettings(settings) => owned.settings = settings,
    }
}
