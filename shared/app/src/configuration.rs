//! Accounts, schedules and policies: looked at, planned, changed.
//!
//! Every change is a plan first, whether it comes from a file or is a single one; and a plan is carried out in one way:
//! the backups of removed policies are marked, slots are set, then the table is changed, each change with its audit
//! event. What is cut in between is finished by doing the same again.

mod audit;
mod carry_out;
mod removal;
mod state;
mod views;

#[cfg(test)]
mod tests;

use cpm_contracts::api::{Applied, ApplyRequest, PlanRequest, PlanView, PolicyView};
use cpm_domain::{
    audit::Actor,
    change::{self, Context, Plan, State},
    document::Document,
    name::{AccountName, OwnerName, PolicyName, ScheduleName},
    schedule::Zone,
};
use cpm_ports::{Clock, Executions, Store};

use self::state::Doomed;
use crate::{Error, Result, schedule::fnv};

/// What an owner has set up, as somebody works on it.
pub struct Setup<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The state machines: a removed policy's backups are cleaned up.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whose.
    pub owner: &'a OwnerName,
    /// Who works on it.
    pub actor: &'a Actor,
    /// The zone of new schedules that name none.
    pub default_zone: &'a Zone,
}

impl Setup<'_> {
    /// What a file would change.
    pub async fn plan(&self, request: &PlanRequest) -> Result<PlanView> {
        let (_, plan) = self.compare(&request.document, request.prune).await?;
        Ok(PlanView::new(&plan, revision(&plan)))
    }

    /// Changes it, if it is still what was planned.
    pub async fn apply(&self, request: &ApplyRequest) -> Result<Applied> {
        let (state, plan) = self.compare(&request.document, request.prune).await?;
        if request.revision.as_ref().is_some_and(|planned| *planned != revision(&plan)) {
            return Err(Error::conflict(
                "what is deployed has changed since the plan was made: it would do something else now",
                "plan again, look at it, and apply that",
            ));
        }
        self.carry_out(&state, plan).await
    }

    /// What people configured, as a file.
    pub async fn export(&self) -> Result<Document> {
        Ok(Document::from_state(&self.state(Doomed::Nothing).await?))
    }

    /// Enables or disables a policy.
    pub async fn enable(&self, name: &PolicyName, enabled: bool) -> Result<PolicyView> {
        let state = self.state(Doomed::Nothing).await?;
        if state.policy(name).is_none() {
            return Err(Error::not_found("policy", name));
        }
        let plan = change::enable_policy(&state, name, enabled, &self.context(false));
        self.carry_out(&state, plan).await?;
        self.policy(name).await
    }

    /// Removes a policy with its backups.
    pub async fn remove_policy(&self, name: &PolicyName) -> Result<Applied> {
        let state = self.state(Doomed::Policy(name)).await?;
        let plan = change::remove_policy(&state, name, &self.context(false));
        self.remove(&state, plan, Error::not_found("policy", name)).await
    }

    /// Removes a schedule that no policy uses.
    pub async fn remove_schedule(&self, name: &ScheduleName) -> Result<Applied> {
        let state = self.state(Doomed::Nothing).await?;
        let plan = change::remove_schedule(&state, name, &self.context(false));
        self.remove(&state, plan, Error::not_found("schedule", name)).await
    }

    /// Removes an account that no policy and no backup needs.
    pub async fn remove_account(&self, name: &AccountName) -> Result<Applied> {
        let state = self.state(Doomed::Account).await?;
        let plan = change::remove_account(&state, name, &self.context(false));
        self.remove(&state, plan, Error::not_found("account", name)).await
    }

    /// Carries out a single removal: what stands in its way is a conflict with what is deployed, not with a file.
    async fn remove(&self, state: &State, plan: Plan, missing: Error) -> Result<Applied> {
        if let Some(problem) = plan.problems.first() {
            return Err(Error::conflict(&problem.message, &problem.help));
        }
        if plan.is_empty() {
            return Err(missing);
        }
        self.carry_out(state, plan).await
    }

    async fn compare(&self, document: &Document, prune: bool) -> Result<(State, Plan)> {
        let doomed = if prune { Doomed::AllBut(document) } else { Doomed::Account };
        let state = self.state(doomed).await?;
        let plan = change::plan(&state, document, &self.context(prune));
        Ok((state, plan))
    }

    fn context(&self, prune: bool) -> Context {
        Context { prune, now: self.clock.now(), default_zone: self.default_zone.clone() }
    }
}

/// Names what a plan does: the same changes have the same name.
fn revision(plan: &Plan) -> String {
    let changes: Vec<_> = plan.steps.iter().map(|step| &step.change).collect();
    // Changes are made of text: they can always be written.
    let text = serde_json::to_string(&changes).unwrap_or_default();
    format!("{:016x}", fnv(&text))
}
