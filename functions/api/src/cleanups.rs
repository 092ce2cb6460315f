//! `/cleanups`

use axum::{Json, extract::State, http::StatusCode};
use cpm_contracts::api::{CleanupRequest, CleanupRun, Started};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::{Body, Named},
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(run)).routes(routes!(show))
}

/// Delete what retention no longer keeps, now
#[utoipa::path(post, path = "/cleanups", tag = "cleanups", operation_id = "runCleanup", request_body = CleanupRequest,
    responses((status = 202, description = "It is started", body = Started), Refusals))]
async fn run(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<CleanupRequest>,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(world.runs(&caller).clean_up(request.policy.as_ref()).await?)))
}

/// How a cleanup stands
#[utoipa::path(get, path = "/cleanups/{execution}", tag = "cleanups", operation_id = "showCleanup",
    params(("execution" = String, Path, description = "What the start answered with")),
    responses((status = 200, description = "It", body = CleanupRun), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(execution): Named<String>,
) -> Result<Json<CleanupRun>, Refusal> {
    Ok(Json(world.runs(&caller).cleanup_run(&execution).await?))
}
