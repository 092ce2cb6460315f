//! `/alerts`

use std::cmp::Reverse;

use axum::{Json, extract::State};
use cpm_contracts::api::{AlertList, AlertView};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What is wrong now
#[utoipa::path(get, path = "/alerts", tag = "alerts", operation_id = "listAlerts",
    responses((status = 200, description = "The newest failure first", body = AlertList), Refusals))]
async fn list(State(world): State<World>, caller: Caller) -> Result<Json<AlertList>, Refusal> {
    let mut alerts: Vec<AlertView> =
        world.store.alerts(&caller.owner).await?.into_iter().map(AlertView::from).collect();
    alerts.sort_by_key(|alert| Reverse(alert.time));
    Ok(Json(AlertList { alerts }))
}
