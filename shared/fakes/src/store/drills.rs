//! Drills, runs of scenarios, and the holds on them.

use async_trait::async_trait;
use cpm_domain::{
    drill::{Drill, DrillId},
    name::OwnerName,
    scenario::{Run, RunId},
};
use cpm_ports::{DrillPage, DrillQuery, Drills, Held, Hold, Holds, ScenarioPage, Scenarios, StoreError};
use jiff::Timestamp;

use super::{FakeStore, data::Owned, fits, of};

#[async_trait]
impl Holds for FakeStore {
    async fn hold(&self, owner: &OwnerName, on: &Held) -> Result<Option<Hold>, StoreError> {
        self.read(&["store:hold"], on, |data| of(data, owner).holds.get(on).cloned()).await
    }

    async fn take_hold(
        &self,
        owner: &OwnerName,
        hold: &Hold,
        instead_of: Option<&Hold>,
    ) -> Result<Option<Hold>, StoreError> {
        self.write(&["store:take_hold"], owner, &hold.on, |owned| {
            let may_take = |standing: &Hold| {
                standing.execution == hold.execution
                    || instead_of.is_some_and(|other| standing.execution == other.execution)
            };
            if let Some(standing) = owned.holds.get(&hold.on).filter(|standing| !may_take(standing)) {
                return Ok(Some(standing.clone()));
            }
            owned.holds.insert(hold.on.clone(), hold.clone());
            Ok(None)
        })
        .await
    }

    async fn renew_hold(&self, owner: &OwnerName, hold: &Hold, expires: Timestamp) -> Result<(), StoreError> {
        self.write(&["store:renew_hold"], owner, &hold.on, |owned| match owned.holds.get_mut(&hold.on) {
            Some(standing) if standing.execution == hold.execution => {
                standing.expires = expires;
                Ok(())
            }
            _ => Err(StoreError::LostRace(format!("the hold on {}", hold.on))),
        })
        .await
    }

    async fn release_hold(&self, owner: &OwnerName, hold: &Hold) -> Result<(), StoreError> {
        self.write(&["store:release_hold"], owner, &hold.on, |owned| {
            if owned.holds.get(&hold.on).is_some_and(|standing| standing.execution == hold.execution) {
                owned.holds.remove(&hold.on);
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Drills for FakeStore {
    async fn next_drill(&self, owner: &OwnerName) -> Result<DrillId, StoreError> {
        self.write(&["store:next_drill"], owner, owner, |owned| {
            owned.last_drill += 1;
            Ok(DrillId(owned.last_drill))
        })
        .await
    }

    async fn drill(&self, owner: &OwnerName, id: DrillId) -> Result<Option<Drill>, StoreError> {
        self.read(&["store:drill"], id, |data| of(data, owner).drills.get(&id).cloned()).await
    }

    async fn put_drill(&self, owner: &OwnerName, drill: &Drill) -> Result<(), StoreError> {
        self.write(&["store:put_drill"], owner, drill.id, |owned| {
            fits(drill, drill.id)?;
            if owned.drills.get(&drill.id).map_or(0, |stored| stored.version) != drill.version {
                return Err(StoreError::LostRace(format!("drill {}", drill.id)));
            }
            owned.drills.insert(drill.id, Drill { version: drill.version + 1, ..drill.clone() });
            Ok(())
        })
        .await
    }

    async fn drills(&self, owner: &OwnerName, query: &DrillQuery) -> Result<DrillPage, StoreError> {
        let Some(policy) = &query.policy else {
            return self.read(&["store:drills"], owner, |data| page(of(data, owner), query)).await;
        };
        self.read_index(&["store:drills"], policy, |data| page(of(data, owner), query)).await
    }
}

fn page(owned: &Owned, query: &DrillQuery) -> DrillPage {
    let wanted = |drill: &&Drill| {
        query.policy.as_ref().is_none_or(|policy| drill.policy == *policy)
            && query.before.is_none_or(|before| drill.id < before)
    };
    let mut drills: Vec<Drill> = owned.drills.values().rev().filter(wanted).cloned().collect();
    let is_all = drills.len() <= query.limit;
    drills.truncate(query.limit);
    let next = drills.last().map(|drill| drill.id).filter(|_| !is_all);
    DrillPage { drills, next }
}

#[async_trait]
impl Scenarios for FakeStore {
    async fn next_scenario(&self, owner: &OwnerName) -> Result<RunId, StoreError> {
        self.write(&["store:next_scenario"], owner, owner, |owned| {
            owned.last_scenario += 1;
            Ok(RunId(owned.last_scenario))
        })
        .await
    }

    async fn scenario(&self, owner: &OwnerName, id: RunId) -> Result<Option<Run>, StoreError> {
        self.read(&["store:scenario"], id, |data| of(data, owner).scenarios.get(&id).cloned()).await
    }

    async fn put_scenario(&self, owner: &OwnerName, run: &Run) -> Result<(), StoreError> {
        self.write(&["store:put_scenario"], owner, run.id, |owned| {
            fits(run, run.id)?;
            if owned.scenarios.get(&run.id).map_or(0, |stored| stored.version) != run.version {
                return Err(StoreError::LostRace(format!("run {}", run.id)));
            }
            owned.scenarios.insert(run.id, Run { version: run.version + 1, ..run.clone() });
            Ok(())
        })
        .await
    }

    async fn scenarios(
        &self,
        owner: &OwnerName,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<ScenarioPage, StoreError> {
        self.read(&["store:scenarios"], owner, |data| {
            let all = of(data, owner).scenarios.values().rev();
            let older = all.filter(|run| before.is_none_or(|before| run.id < before));
            let mut runs: Vec<Run> = older.take(limit.saturating_add(1)).cloned().collect();
            let is_all = runs.len() <= limit;
            runs.truncate(limit);
            let next = runs.last().map(|run| run.id).filter(|_| !is_all);
            ScenarioPage { runs, next }
        })
        .await
    }
}
