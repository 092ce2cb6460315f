//! `/freezer`

use axum::{Json, extract::State};
use cpm_contracts::api::{FreezeRequest, FreezerList, FrozenView, Unfrozen};
use cpm_domain::freezer::{Afterwards, FreezerName};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::{Asked, Body, Named},
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, remove))
}

/// Which frozen backups.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Query {
    /// All of these words, which spaces part, are in the name or the description, in any case.
    words: Option<String>,
}

/// What the caller was told.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// What becomes of the backup; refused when it is something else by now.
    afterwards: Option<Afterwards>,
}

/// What is in the freezer
#[utoipa::path(get, path = "/freezer", tag = "freezer", operation_id = "listFreezer", params(Query),
    responses((status = 200, description = "By name", body = FreezerList), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<FreezerList>, Refusal> {
    Ok(Json(world.freezer(&caller).list(query.words.as_deref().unwrap_or_default()).await?))
}

/// Move a backup into the freezer
///
/// It stays until it is taken out, even if its policy goes, and is no generation meanwhile. Refused while it runs, when it
/// is being deleted, when it is frozen already, and when the name is taken.
#[utoipa::path(post, path = "/freezer", tag = "freezer", operation_id = "freezeBackup", request_body = FreezeRequest,
    responses((status = 200, description = "It is frozen", body = FrozenView), Refusals))]
async fn add(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<FreezeRequest>,
) -> Result<Json<FrozenView>, Refusal> {
    Ok(Json(world.freezer(&caller).add(&request).await?))
}

/// One frozen backup
#[utoipa::path(get, path = "/freezer/{name}", tag = "freezer", operation_id = "showFrozen",
    params(("name" = String, Path, description = "Its name in the freezer, in any case")),
    responses((status = 200, description = "It", body = FrozenView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<FreezerName>,
) -> Result<Json<FrozenView>, Refusal> {
    Ok(Json(world.freezer(&caller).show(&name).await?))
}

/// Take a backup out of the freezer
///
/// It is under the retention of its policy again, or deleted if that is gone: `afterwards` of the frozen backup says which.
#[utoipa::path(delete, path = "/freezer/{name}", tag = "freezer", operation_id = "unfreezeBackup",
    params(("name" = String, Path, description = "Its name in the freezer, in any case"), Expected),
    responses((status = 200, description = "It is out", body = Unfrozen), Refusals))]
async fn remove(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<FreezerName>,
    Asked(expected): Asked<Expected>,
) -> Result<Json<Unfrozen>, Refusal> {
    Ok(Json(world.freezer(&caller).remove(&name, expected.afterwards).await?))
}
