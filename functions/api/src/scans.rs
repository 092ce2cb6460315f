//! `/scans` and `/rebuild`: what looks through accounts and Regions.

use axum::{Json, extract::State, http::StatusCode};
use cpm_contracts::api::{RebuildRequest, ScanList, ScanRequest, ScanRun, Started};
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
    OpenApiRouter::new().routes(routes!(list, scan)).routes(routes!(show)).routes(routes!(rebuild))
}

/// Which scans.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Query {
    /// At most so many: 1 to 500, 50 when not said.
    limit: Option<usize>,
}

/// Scans, newest first
#[utoipa::path(get, path = "/scans", tag = "scans", operation_id = "listScans", params(Query),
    responses((status = 200, description = "They", body = ScanList), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<ScanList>, Refusal> {
    let scans = world.store.scans(&caller.owner, limit(query.limit)?).await?;
    Ok(Json(ScanList { scans }))
}

/// Look for `cpm backup` tags now
///
/// In all accounts that allow it, in all their Regions; also when scans by schedule are off.
#[utoipa::path(post, path = "/scans", tag = "scans", operation_id = "runScan", request_body = ScanRequest,
    responses((status = 202, description = "It is started", body = Started), Refusals))]
async fn scan(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<ScanRequest>,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(world.runs(&caller).scan(request.dry_run).await?)))
}

/// One scan with its log
#[utoipa::path(get, path = "/scans/{id}", tag = "scans", operation_id = "showScan",
    params(("id" = String, Path, description = "Its id, or what the start answered with")),
    responses((status = 200, description = "It", body = ScanRun), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<ScanRun>, Refusal> {
    Ok(Json(world.runs(&caller).scan_run(&id).await?))
}

/// Rebuild records from the tags of snapshots
///
/// It is a scan for snapshots of the suite that are on no record: follow it under `/scans`.
#[utoipa::path(post, path = "/rebuild", tag = "scans", operation_id = "rebuild", request_body = RebuildRequest,
    responses((status = 202, description = "It is started", body = Started), Refusals))]
async fn rebuild(
    State(world): State<World>,
    caller: Caller,
    Body(request): Body<RebuildRequest>,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(world.runs(&caller).rebuild(request.dry_run).await?)))
}
