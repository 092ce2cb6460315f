//! `/plan`, `/apply`, `/export`: the configuration as code.

use axum::{Json, extract::State};
use cpm_contracts::api::{Applied, ApplyRequest, PlanRequest, PlanView};
use cpm_domain::document::Document;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::Body,
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(plan)).routes(routes!(apply)).routes(routes!(export))
}

/// What a policy file would change
///
/// It changes nothing. What stands in the way is in `problems`.
#[utoipa::path(post, path = "/plan", tag = "configuration", operation_id = "plan", request_body = PlanRequest,
    responses((status = 200, description = "The plan", body = PlanView), Refusals))]
async fn plan(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<PlanRequest>,
) -> Result<Json<PlanView>, Refusal> {
    Ok(Json(world.setup(&caller).plan(&request).await?))
}

/// Bring what is deployed in line with a policy file
///
/// With the `revision` of a plan it does what that plan says, or is refused.
#[utoipa::path(post, path = "/apply", tag = "configuration", operation_id = "apply", request_body = ApplyRequest,
    responses((status = 200, description = "What changed", body = Applied), Refusals))]
async fn apply(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<ApplyRequest>,
) -> Result<Json<Applied>, Refusal> {
    Ok(Json(world.setup(&caller).apply(&request).await?))
}

/// What is deployed, as a policy file
///
/// What tags put in is left out: tags put it in again.
#[utoipa::path(get, path = "/export", tag = "configuration", operation_id = "export",
    responses((status = 200, description = "The file", body = Document), Refusals))]
async fn export(State(world): State<World>, caller: Caller) -> Result<Json<Document>, Refusal> {
    Ok(Json(world.setup(&caller).export().await?))
}
