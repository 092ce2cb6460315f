//! Runs of scenarios.

use async_trait::async_trait;
use cpm_domain::{
    name::OwnerName,
    scenario::{Run, RunId},
};
use cpm_ports::{ScenarioPage, Scenarios, StoreError};

use crate::{
    drills::first_or_at,
    item::{self, Kind},
    keys::{self, Key},
    query::Query,
    table::Table,
};

#[async_trait]
impl Scenarios for Table {
    async fn next_scenario(&self, owner: &OwnerName) -> Result<RunId, StoreError> {
        self.count_up(&Key::scenario_counter(owner)).await.map(RunId)
    }

    async fn scenario(&self, owner: &OwnerName, id: RunId) -> Result<Option<Run>, StoreError> {
        self.get_item(&Key::scenario(owner, id)).await?.map(|item| item::read(item, Kind::Scenario)).transpose()
    }

    async fn put_scenario(&self, owner: &OwnerName, run: &Run) -> Result<(), StoreError> {
        let next = Run { version: run.version.saturating_add(1), ..run.clone() };
        let item = item::write(&Key::scenario(owner, run.id), Kind::Scenario, &next)?;
        self.put_item(item, Some(first_or_at(run.version)), &format!("run {}", run.id)).await
    }

    async fn scenarios(
        &self,
        owner: &OwnerName,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<ScenarioPage, StoreError> {
        let asked = Query::of(keys::scenarios(owner)).consistent().below(before.map(keys::scenario_number));
        // One more than wanted tells whether there are more.
        let asked = asked.backwards().limit(limit.saturating_add(1));
        let mut runs: Vec<Run> = item::read_all(self.query(&asked).await?, Kind::Scenario)?;
        let is_all = runs.len() <= limit;
        runs.truncate(limit);
        let next = runs.last().map(|run| run.id).filter(|_| !is_all);
        Ok(ScenarioPage { runs, next })
    }
}
