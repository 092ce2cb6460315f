//! `/drills`: recoveries that nobody needs, to know that those that somebody needs succeed.

use axum::{Json, extract::State, http::StatusCode};
use cpm_contracts::api::{DrillList, DrillView};
use cpm_domain::{drill::DrillId, name::PolicyName};
use cpm_ports::DrillQuery;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::{Asked, Named, limit},
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(run)).routes(routes!(list)).routes(routes!(show))
}

/// Which drills.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Of this policy.
    policy: Option<PolicyName>,
    /// At most so many: 1 to 500, 50 when not said.
    limit: Option<usize>,
    /// Older than this one.
    #[param(value_type = Option<String>)]
    before: Option<DrillId>,
}

/// Run a drill of a policy now
///
/// Its newest generation is restored into the quarantine that the policy names, checked, and removed again. Refused while
/// a drill of it runs: one at a time.
#[utoipa::path(post, path = "/policies/{name}/drills", tag = "drills", operation_id = "runDrill",
    params(("name" = String, Path, description = "The policy")),
    responses((status = 202, description = "It is started", body = DrillView), Refusals))]
async fn run(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<PolicyName>,
) -> Result<(StatusCode, Json<DrillView>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(world.drills(&caller).run(&name).await?)))
}

/// Drills, newest first
#[utoipa::path(get, path = "/drills", tag = "drills", operation_id = "listDrills", params(Query),
    responses((status = 200, description = "They, without their logs and reports", body = DrillList), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<DrillList>, Refusal> {
    let query = DrillQuery { limit: limit(query.limit)?, policy: query.policy, before: query.before };
    Ok(Json(world.drills(&caller).list(&query).await?))
}

/// One drill with its report
#[utoipa::path(get, path = "/drills/{id}", tag = "drills", operation_id = "showDrill",
    params(("id" = String, Path, description = "Its number: `d5`")),
    responses((status = 200, description = "It", body = DrillView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(id): Named<DrillId>,
) -> Result<Json<DrillView>, Refusal> {
    Ok(Json(world.drills(&caller).show(id).await?))
}
