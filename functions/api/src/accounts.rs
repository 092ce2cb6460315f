//! `/accounts`

use axum::{Json, extract::State};
use cpm_contracts::api::{AccountView, Accounts, Applied};
use cpm_domain::name::AccountName;
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

/// All accounts
#[utoipa::path(get, path = "/accounts", tag = "accounts", operation_id = "listAccounts",
    responses((status = 200, description = "By name", body = Accounts), Refusals))]
async fn list(State(world): State<World>, caller: Caller) -> Result<Json<Accounts>, Refusal> {
    Ok(Json(world.setup(&caller).accounts().await?))
}

/// One account
#[utoipa::path(get, path = "/accounts/{name}", tag = "accounts", operation_id = "showAccount",
    params(("name" = String, Path, description = "The account")),
    responses((status = 200, description = "It", body = AccountView), Refusals))]
async fn show(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<AccountName>,
) -> Result<Json<AccountView>, Refusal> {
    Ok(Json(world.setup(&caller).account(&name).await?))
}

/// Remove an account
///
/// Refused while a policy is in it, or a backup is still to be deleted there.
#[utoipa::path(delete, path = "/accounts/{name}", tag = "accounts", operation_id = "removeAccount",
    params(("name" = String, Path, description = "The account")),
    responses((status = 200, description = "It is removed", body = Applied), Refusals))]
async fn remove(
    State(world): State<World>,
    caller: Caller,
    Named(name): Named<AccountName>,
) -> Result<Json<Applied>, Refusal> {
    Ok(Json(world.setup(&caller).remove_account(&name).await?))
}
