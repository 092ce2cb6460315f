//! `/schedules`

use axum::{Json, extract::State};
use cpm_contracts::api::{Applied, ScheduleView, Schedules};
use cpm_domain::name::ScheduleName;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::Named,
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, remove))
}

/// All schedules
#[utoipa::path(get, path = "/schedules", tag = "schedules", operation_id = "listSchedules",
    responses((status = 200, description = "By name", body = Schedules), Refusals))]
async fn list(State(world): State<World>, caller: Caller) -> Result<Json<Schedules>, Refusal> {
    Ok(Json(world.setup(&caller).schedules().await?))
}

/// One schedule
#[utoipa::path(get, path = "/schedules/{name}", tag = "schedules", operation_id = "showSchedule",
    params(("name" = String, Path, description = "The schedule")),
    responses((status = 200, description = "It", body = ScheduleView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<ScheduleName>,
) -> Result<Json<ScheduleView>, Refusal> {
    Ok(Json(world.setup(&caller).schedule(&name).await?))
}

/// Remove a schedule
///
/// Refused while a policy uses it.
#[utoipa::path(delete, path = "/schedules/{name}", tag = "schedules", operation_id = "removeSchedule",
    params(("name" = String, Path, description = "The schedule")),
    responses((status = 200, description = "It is removed", body = Applied), Refusals))]
async fn remove(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<ScheduleName>,
) -> Result<Json<Applied>, Refusal> {
    Ok(Json(world.setup(&caller).remove_schedule(&name).await?))
}
