//! `/policies`, and `/resources`: which policies hold one.

use axum::{Json, extract::State, http::StatusCode};
use cpm_contracts::api::{Applied, BackupRun, Policies, PolicyView, ResourceView, Started};
use cpm_domain::{
    id::Region,
    kind::{Kind, Resource},
    name::PolicyName,
    target::TargetKey,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    World,
    caller::Caller,
    refusal::{Refusal, Refusals},
    request::Named,
};

pub(crate) fn routes() -> OpenApiRouter<World> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, remove))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(back_up))
        .routes(routes!(run))
        .routes(routes!(holders))
}

/// All policies, with what needs attention
#[utoipa::path(get, path = "/policies", tag = "policies", operation_id = "listPolicies",
    responses((status = 200, description = "By name", body = Policies), Refusals))]
async fn list(State(world): State<World>, caller: Caller) -> Result<Json<Policies>, Refusal> {
    Ok(Json(world.setup(&caller).policies().await?))
}

/// One policy with its targets
#[utoipa::path(get, path = "/policies/{name}", tag = "policies", operation_id = "showPolicy",
    params(("name" = String, Path, description = "The policy")),
    responses((status = 200, description = "It", body = PolicyView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<PolicyName>,
) -> Result<Json<PolicyView>, Refusal> {
    Ok(Json(world.setup(&caller).policy(&name).await?))
}

/// Remove a policy with its backups
///
/// Its snapshots are deleted by a cleanup, which the answer names. Refused while a backup of it runs.
#[utoipa::path(delete, path = "/policies/{name}", tag = "policies", operation_id = "removePolicy",
    params(("name" = String, Path, description = "The policy")),
    responses((status = 200, description = "It is removed", body = Applied), Refusals))]
async fn remove(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<PolicyName>,
) -> Result<Json<Applied>, Refusal> {
    Ok(Json(world.setup(&caller).remove_policy(&name).await?))
}

/// Enable a policy: it runs by its schedules from now on
#[utoipa::path(post, path = "/policies/{name}/enable", tag = "policies", operation_id = "enablePolicy",
    params(("name" = String, Path, description = "The policy")),
    responses((status = 200, description = "It is enabled", body = PolicyView), Refusals))]
async fn enable(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<PolicyName>,
) -> Result<Json<PolicyView>, Refusal> {
    Ok(Json(world.setup(&caller).enable(&name, true).await?))
}

/// Disable a policy: it starts no backup by itself
#[utoipa::path(post, path = "/policies/{name}/disable", tag = "policies", operation_id = "disablePolicy",
    params(("name" = String, Path, description = "The policy")),
    responses((status = 200, description = "It is disabled", body = PolicyView), Refusals))]
async fn disable(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<PolicyName>,
) -> Result<Json<PolicyView>, Refusal> {
    Ok(Json(world.setup(&caller).enable(&name, false).await?))
}

/// Back a policy up now
///
/// Refused while a backup of it runs: one at a time.
#[utoipa::path(post, path = "/policies/{name}/backups", tag = "policies", operation_id = "runPolicy",
    params(("name" = String, Path, description = "The policy")),
    responses((status = 202, description = "It is started", body = Started), Refusals))]
async fn back_up(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<PolicyName>,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(world.runs(&caller).back_up(&name).await?)))
}

/// How a run of a policy stands, and its backups
#[utoipa::path(get, path = "/policies/{name}/runs/{execution}", tag = "policies", operation_id = "showRun",
    params(("name" = String, Path, description = "The policy"),
        ("execution" = String, Path, description = "What the start answered with")),
    responses((status = 200, description = "It", body = BackupRun), Refusals))]
async fn run(
    State(world): State<World>,
    caller: Caller,
    Named((name, execution)): Named<(PolicyName, String)>,
) -> Result<Json<BackupRun>, Refusal> {
    Ok(Json(world.runs(&caller).backup_run(&name, &execution).await?))
}

/// Which policies hold a resource
#[utoipa::path(get, path = "/resources/{region}/{kind}/{id}/policies", tag = "policies", operation_id = "showHolders",
    params(("region" = String, Path, description = "Where"),
        ("kind" = Kind, Path, description = "What it is"),
        ("id" = String, Path, description = "Its id or name")),
    responses((status = 200, description = "They", body = ResourceView), Refusals))]
async fn holders(
    State(world): State<World>,
    caller: Caller,
    Named((region, kind, id)): Named<(Region, Kind, String)>,
) -> Result<Json<ResourceView>, Refusal> {
    let resource = Resource::new(kind, &id).map_err(|error| {
        Refusal::bad_request(error.to_string(), "write the kind as in a policy file, and the id as AWS does")
    })?;
    Ok(Json(world.setup(&caller).policies_with(&TargetKey { region, resource }).await?))
}
