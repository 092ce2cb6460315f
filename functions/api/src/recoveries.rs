//! `/recoveries`, what a backup has to recover from, and images like the one that an instance was launched from.

use axum::{Json, extract::State, http::StatusCode};
use cpm_contracts::{
    api::{AnswerRequest, PanelView, RecoverRequest, RecoveryList, RecoveryView},
    recovery::{Checked, ImagesFound, ImagesLike},
};
use cpm_domain::{
    id::BackupId,
    name::PolicyName,
    recovery::{Purpose, RecoveryId},
};
use cpm_ports::RecoveryQuery;
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
    OpenApiRouter::new()
        .routes(routes!(panel))
        .routes(routes!(plan))
        .routes(routes!(list, start))
        .routes(routes!(show))
        .routes(routes!(answer))
        .routes(routes!(images))
}

/// Which recoveries.
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
    before: Option<RecoveryId>,
}

/// What is in a backup, and what can be recovered of it
///
/// Its sources as they were, what is there of each, the output of scripts and VSS, and its recoveries.
#[utoipa::path(get, path = "/backups/{id}/recovery", tag = "recoveries", operation_id = "showPanel",
    params(("id" = u64, Path, description = "The number of the backup")),
    responses((status = 200, description = "It", body = PanelView), Refusals))]
async fn panel(
    State(world): State<World>,
    caller: Caller,
    Named(id): Named<BackupId>,
) -> Result<Json<PanelView>, Refusal> {
    Ok(Json(world.recoveries(&caller).panel(id).await?))
}

/// Fill a plan in, and hold it against AWS
///
/// Nothing is made. What the plan leaves out is as the source was; all that is wrong with it is in `problems`.
#[utoipa::path(post, path = "/recoveries/plan", tag = "recoveries", operation_id = "planRecovery",
    request_body = RecoverRequest,
    responses((status = 200, description = "The plan with every default", body = Checked), Refusals))]
async fn plan(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<RecoverRequest>,
) -> Result<Json<Checked>, Refusal> {
    Ok(Json(world.recoveries(&caller).plan(&request.plan).await?))
}

/// Recover
///
/// The plan is held against AWS first. All that is wrong with it is told at once, with status 422, and nothing is made.
#[utoipa::path(post, path = "/recoveries", tag = "recoveries", operation_id = "recover", request_body = RecoverRequest,
    responses((status = 202, description = "It is started, or waits for approval", body = RecoveryView), Refusals))]
async fn start(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<RecoverRequest>,
) -> Result<(StatusCode, Json<RecoveryView>), Refusal> {
    let started = world.recoveries(&caller).start(&request.plan, Purpose::Manual).await?;
    Ok((StatusCode::ACCEPTED, Json(started)))
}

/// Recoveries, newest first
#[utoipa::path(get, path = "/recoveries", tag = "recoveries", operation_id = "listRecoveries", params(Query),
    responses((status = 200, description = "They, without their logs", body = RecoveryList), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<RecoveryList>, Refusal> {
    let query = RecoveryQuery { limit: limit(query.limit)?, policy: query.policy, before: query.before };
    Ok(Json(world.recoveries(&caller).list(&query).await?))
}

/// One recovery with what it made and its log
#[utoipa::path(get, path = "/recoveries/{id}", tag = "recoveries", operation_id = "showRecovery",
    params(("id" = String, Path, description = "Its number: `r17`")),
    responses((status = 200, description = "It", body = RecoveryView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(id): Named<RecoveryId>,
) -> Result<Json<RecoveryView>, Refusal> {
    Ok(Json(world.recoveries(&caller).show(id).await?))
}

/// Say yes or no to a recovery that waits for approval
///
/// Not by who asked for it. Refused when somebody has answered already, and when its time is over.
#[utoipa::path(post, path = "/recoveries/{id}/answer", tag = "recoveries", operation_id = "answerRecovery",
    params(("id" = String, Path, description = "Its number: `r17`")), request_body = AnswerRequest,
    responses((status = 200, description = "It, with the answer", body = RecoveryView), Refusals))]
async fn answer(
    State(world): State<World>,
    caller: Caller,
    Named(id): Named<RecoveryId>,
    Body(request): Body<AnswerRequest>,
) -> Result<Json<RecoveryView>, Refusal> {
    Ok(Json(world.recoveries(&caller).answer(id, &request).await?))
}

/// Images like the one that an instance of a backup was launched from
#[utoipa::path(post, path = "/images/like", tag = "recoveries", operation_id = "findImages", request_body = ImagesLike,
    responses((status = 200, description = "The original one, and what is like it", body = ImagesFound), Refusals))]
async fn images(
    State(world): State<World>,
    caller: Caller,
    Body(like): Body<ImagesLike>,
) -> Result<Json<ImagesFound>, Refusal> {
    Ok(Json(world.recoveries(&caller).images(&like).await?))
}
