//! `/audit`

use axum::{Json, extract::State};
use cpm_contracts::api::{AuditPage, AuditView};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::{Asked, limit},
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Query {
    /// At most so many: 1 to 500, 50 when not said; those of one instant come together, and may be more.
    limit: Option<usize>,
    /// Older than this instant.
    before: Option<Timestamp>,
}

/// Every change, by whom, newest first
#[utoipa::path(get, path = "/audit", tag = "audit", operation_id = "listAudit", params(Query),
    responses((status = 200, description = "The trail", body = AuditPage), Refusals))]
async fn list(
    State(world): State<World>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<AuditPage>, Refusal> {
    let limit = limit(query.limit)?;
    let events = world.store.events(&caller.owner, query.before, limit).await?;
    let next = events.last().filter(|_| events.len() >= limit).map(|last| last.time);
    Ok(Json(AuditPage { events: events.into_iter().map(AuditView::from).collect(), next }))
}
