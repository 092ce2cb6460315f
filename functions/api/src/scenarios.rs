//! `/scenarios`: recoveries and checks in an order, as one.

use axum::{Json, extract::State, http::StatusCode};
use cpm_contracts::api::{ScenarioList, ScenarioPlan, ScenarioRequest, ScenarioView};
use cpm_domain::scenario::RunId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::{Asked, Body, Named, limit},
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(plan)).routes(routes!(list, run)).routes(routes!(show))
}

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Query {
    /// At most so many: 1 to 500, 50 when not said.
    limit: Option<usize>,
    /// Older than this one.
    #[param(value_type = Option<String>)]
    before: Option<RunId>,
}

/// What a scenario comes to
///
/// Nothing is made. The plans that refer to nothing that is not made yet are filled in and held against AWS.
#[utoipa::path(post, path = "/scenarios/plan", tag = "scenarios", operation_id = "planScenario",
    request_body = ScenarioRequest,
    responses((status = 200, description = "Its steps, in an order in which they may run", body = ScenarioPlan), Refusals))]
async fn plan(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<ScenarioRequest>,
) -> Result<Json<ScenarioPlan>, Refusal> {
    Ok(Json(world.scenarios(&caller).plan(&request.scenario).await?))
}

/// Run a scenario
///
/// All that is wrong with it, as far as that can be known before its first step, is told at once, and nothing is made.
#[utoipa::path(post, path = "/scenarios", tag = "scenarios", operation_id = "runScenario",
    request_body = ScenarioRequest,
    responses((status = 202, description = "It is started", body = ScenarioView), Refusals))]
async fn run(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<ScenarioRequest>,
) -> Result<(StatusCode, Json<ScenarioView>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(world.scenarios(&caller).run(request.scenario).await?)))
}

/// Runs of scenarios, newest first
#[utoipa::path(get, path = "/scenarios", tag = "scenarios", operation_id = "listScenarios", params(Query),
    responses((status = 200, description = "They, without their logs", body = ScenarioList), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<ScenarioList>, Refusal> {
    Ok(Json(world.scenarios(&caller).list(query.before, limit(query.limit)?).await?))
}

/// One run of a scenario
#[utoipa::path(get, path = "/scenarios/{id}", tag = "scenarios", operation_id = "showScenario",
    params(("id" = String, Path, description = "Its number: `s3`")),
    responses((status = 200, description = "It", body = ScenarioView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(id): Named<RunId>,
) -> Result<Json<ScenarioView>, Refusal> {
    Ok(Json(world.scenarios(&caller).show(id).await?))
}
