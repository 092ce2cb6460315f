//! `/backups`: the backup monitor.

use axum::{Json, extract::State};
use cpm_app::monitor::{self, Filter};
use cpm_contracts::api::{BackupPage, BackupView};
use cpm_domain::{id::BackupId, name::PolicyName, status::Status};
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
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Which backups.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Of this policy.
    policy: Option<PolicyName>,
    /// Of this status.
    status: Option<Status>,
    /// At most so many: 1 to 500, 50 when not said.
    limit: Option<usize>,
    /// Older than this one.
    before: Option<BackupId>,
}

/// Backups, newest first
///
/// Those that are deleted or being deleted are left out. `next` alone says whether there are more.
#[utoipa::path(get, path = "/backups", tag = "backups", operation_id = "listBackups", params(Query),
    responses((status = 200, description = "They", body = BackupPage), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<BackupPage>, Refusal> {
    let Query { policy, status, before, .. } = query;
    let filter = Filter { policy, status, limit: limit(query.limit)?, before };
    Ok(Json(monitor::backups(&*world.store, &caller.owner, &filter).await?))
}

/// One backup with its units and its log
#[utoipa::path(get, path = "/backups/{id}", tag = "backups", operation_id = "showBackup",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, description = "It", body = BackupView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(id): Named<BackupId>,
) -> Result<Json<BackupView>, Refusal> {
    Ok(Json(monitor::backup(&*world.store, &caller.owner, id).await?))
}
