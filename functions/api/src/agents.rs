//! `/agents`

use axum::{Json, extract::State};
use cpm_contracts::api::AgentList;
use cpm_domain::name::PolicyName;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::Asked,
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which agents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Those that this policy needs.
    policy: Option<PolicyName>,
}

/// The instances that need an agent of Systems Manager
///
/// Those on which scripts run, and those that are backed up through VSS, as AWS sees them now, and what is missing there.
#[utoipa::path(get, path = "/agents", tag = "agents", operation_id = "listAgents", params(Query),
    responses((status = 200, description = "By account, Region and id", body = AgentList), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<AgentList>, Refusal> {
    Ok(Json(world.agents(&caller).list(query.policy.as_ref()).await?))
}
