//! The HTTP API under `/v1`, told in ports: routes by concept, each a few lines over a use case.
//!
//! API Gateway has checked the signature (SigV4) before a request comes here; who signed it is who acts. What is refused
//! is refused as problem details (RFC 9457).

mod accounts;
mod agents;
mod alerts;
mod approve;
mod audit;
mod backups;
mod caller;
mod cleanups;
mod configuration;
mod drills;
mod freezer;
mod openapi;
mod policies;
mod recoveries;
mod refusal;
mod request;
mod scans;
mod scenarios;
mod schedules;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use cpm_app::{
    agents::AgentDesk, configuration::Setup, drill::DrillDesk, freezer::Freezer, recover::RecoveryDesk, run::Runs,
    scenario::ScenarioDesk,
};
use cpm_domain::{name::OwnerName, schedule::Zone};
use cpm_ports::{Agents, Clock, Drivers, Executions, Planner, Store};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use openapi::document;

use self::caller::Caller;

/// What the API works on.
#[derive(Clone)]
pub struct World {
    /// The table.
    pub store: Arc<dyn Store>,
    /// The state machines.
    pub executions: Arc<dyn Executions>,
    /// What describes instances.
    pub drivers: Drivers,
    /// What looks after agents.
    pub agents: Arc<dyn Agents>,
    /// What holds plans of recoveries against AWS.
    pub planner: Arc<dyn Planner>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The zone of new schedules that name none.
    pub timezone: Zone,
}

impl World {
    fn setup<'a>(&'a self, caller: &'a Caller) -> Setup<'a> {
        Setup {
            store: &*self.store,
            executions: &*self.executions,
            clock: &*self.clock,
            owner: &caller.owner,
            actor: &caller.actor,
            default_zone: &self.timezone,
        }
    }

    fn agents<'a>(&'a self, caller: &'a Caller) -> AgentDesk<'a> {
        AgentDesk { store: &*self.store, drivers: &self.drivers, agents: &*self.agents, owner: &caller.owner }
    }

    fn freezer<'a>(&'a self, caller: &'a Caller) -> Freezer<'a> {
        Freezer {
            store: &*self.store,
            executions: &*self.executions,
            clock: &*self.clock,
            owner: &caller.owner,
            actor: &caller.actor,
        }
    }

    fn recoveries<'a>(&'a self, caller: &'a Caller) -> RecoveryDesk<'a> {
        RecoveryDesk {
            store: &*self.store,
            executions: &*self.executions,
            planner: &*self.planner,
            clock: &*self.clock,
            owner: &caller.owner,
            actor: &caller.actor,
        }
    }

    fn drills<'a>(&'a self, caller: &'a Caller) -> DrillDesk<'a> {
        DrillDesk {
            store: &*self.store,
            executions: &*self.executions,
            clock: &*self.clock,
            owner: &caller.owner,
            actor: &caller.actor,
        }
    }

    fn scenarios<'a>(&'a self, caller: &'a Caller) -> ScenarioDesk<'a> {
        ScenarioDesk {
            store: &*self.store,
            executions: &*self.executions,
            planner: &*self.planner,
            clock: &*self.clock,
            owner: &caller.owner,
            actor: &caller.actor,
        }
    }

    fn runs<'a>(&'a self, caller: &'a Caller) -> Runs<'a> {
        Runs {
            store: &*self.store,
            executions: &*self.executions,
            clock: &*self.clock,
            owner: &caller.owner,
            actor: &caller.actor,
        }
    }
}

/// The largest request: a policy file of some ten thousand targets. Lambda takes 6 MB.
pub const MAX_BODY: usize = 5 * 1024 * 1024;

/// All routes.
pub fn router(world: World) -> Router {
    let (routes, _) = routes().split_for_parts();
    routes
        .route("/v1/openapi.json", get(openapi::show))
        .merge(approve::routes())
        .fallback(refusal::no_such_path)
        .method_not_allowed_fallback(refusal::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(refusal::answer))
        .with_state(world)
}

fn routes() -> OpenApiRouter<World> {
    let v1 = OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(agents::routes())
        .merge(alerts::routes())
        .merge(audit::routes())
        .merge(backups::routes())
        .merge(cleanups::routes())
        .merge(configuration::routes())
        .merge(drills::routes())
        .merge(freezer::routes())
        .merge(policies::routes())
        .merge(recoveries::routes())
        .merge(scans::routes())
        .merge(scenarios::routes())
        .merge(schedules::routes());
    OpenApiRouter::with_openapi(openapi::Described::openapi()).nest("/v1", v1)
}

/// The first user of a deployment: whoever IAM lets through acts for it.
fn owner() -> OwnerName {
    OwnerName::root()
}
