//! What people ask of drills: one now, and how they went.

use cpm_contracts::{
    api::{DrillList, DrillView},
    drill::StartDrill,
};
use cpm_domain::{
    audit::{Actor, Event},
    drill::{DrillId, close},
    name::{OwnerName, PolicyName},
    unit::Fault,
};
use cpm_ports::{Clock, DrillQuery, Executions, Machine, Store};

use super::{fresh, on};
use crate::{
    Error, Result,
    hold::{self, drill_name},
    run,
};

/// An owner's drills, as somebody asks for them.
pub struct DrillDesk<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The state machines.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whose.
    pub owner: &'a OwnerName,
    /// Who asks.
    pub actor: &'a Actor,
}

impl DrillDesk<'_> {
    /// Runs a drill of a policy now, enabled or not. One at a time.
    pub async fn run(&self, policy: &PolicyName) -> Result<DrillView> {
        let found = self.store.policy(self.owner, policy).await?;
        if found.ok_or_else(|| Error::not_found("policy", policy))?.drill.is_none() {
            return Err(Error::conflict(
                format!("policy `{policy}` says nothing of drills: there is no place to restore to"),
                "write `drill: {quarantine: {…}}` into its policy file, and apply that",
            ));
        }
        if let Some(hold) = self.store.hold(self.owner, &on(policy)).await? {
            return Err(runs(policy, super::number(&hold)));
        }
        let now = self.clock.now();
        let id = self.store.next_drill(self.owner).await?;
        let execution = drill_name(self.owner, policy, &id.to_string());
        let start = StartDrill {
            owner: self.owner.clone(),
            policy: policy.clone(),
            slot: None,
            asked_by: Some(self.actor.to_string()),
            resume: None,
        };
        self.record(policy, id).await?;
        // From here on the dispatcher looks after it, whatever becomes of this call.
        let hold = hold::first(on(policy), id.0, &execution, now);
        if let Some(other) = self.store.take_hold(self.owner, &hold, None).await? {
            return Err(runs(policy, super::number(&other)));
        }
        let drill = fresh(id, &start, &execution, now);
        self.store.put_drill(self.owner, &drill).await?;
        let Err(error) = run::start(self.executions, self.clock, Machine::Drill, &execution, &start).await else {
            return Ok(DrillView::from(drill));
        };
        if error.code().retryable {
            // It may run: the next tick sees.
            return Err(error);
        }
        let mut drill = cpm_domain::drill::Drill { version: 1, ..drill };
        drill.errors.push(Fault::new(error.code().name, format!("its execution could not be started: {error}")));
        close(&mut drill, self.clock.now());
        self.store.put_drill(self.owner, &drill).await?;
        self.store.release_hold(self.owner, &hold).await?;
        Err(error)
    }

    /// Drills, newest first, without their logs and reports.
    pub async fn list(&self, query: &DrillQuery) -> Result<DrillList> {
        let page = self.store.drills(self.owner, query).await?;
        let drills = page.drills.into_iter().map(|drill| DrillView::listed(DrillView::from(drill)));
        Ok(DrillList { drills: drills.collect(), next: page.next })
    }

    /// One drill.
    pub async fn show(&self, id: DrillId) -> Result<DrillView> {
        let drill = self.store.drill(self.owner, id).await?;
        drill.map(DrillView::from).ok_or_else(|| Error::not_found("drill", id))
    }

    /// Written before the start: nothing is ever done that the trail lacks.
    async fn record(&self, policy: &PolicyName, id: DrillId) -> Result<()> {
        let event = Event {
            time: self.clock.now(),
            actor: self.actor.clone(),
            action: "drill.run".to_owned(),
            subject: policy.to_string(),
            details: format!("drill {id}, asked for by hand"),
        };
        Ok(self.store.record(self.owner, &event).await?)
    }
}

fn runs(policy: &PolicyName, id: DrillId) -> Error {
    Error::conflict(
        format!("drill {id} of policy `{policy}` is running: one at a time"),
        format!("wait for it with `cpm drill show {id}`, then try again"),
    )
}
