//! The API's description of itself.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use cpm_contracts::api::Problem;
use cpm_domain::kind::Kind;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
    },
};

use crate::refusal::Refusal;

/// What stands around the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cloud Protection Manager",
        description = "Backups of instances, volumes, databases, clusters and tables by policy and schedule, and recoveries from them. Every refusal is a Problem (RFC 9457).",
        license(name = "Apache-2.0")
    ),
    components(schemas(Kind, Problem)),
    modifiers(&SigV4)
)]
pub(crate) struct Described;

/// API Gateway's IAM authorizer.
struct SigV4;

impl Modify for SigV4 {
    fn modify(&self, document: &mut Document) {
        let scheme = "sigv4";
        let description = "AWS Signature Version 4 for the service execute-api";
        let key = ApiKey::Header(ApiKeyValue::with_description("Authorization", description));
        if let Some(components) = document.components.as_mut() {
            components.add_security_scheme(scheme, SecurityScheme::ApiKey(key));
        }
        document.security = Some(vec![SecurityRequirement::new(scheme, Vec::<String>::new())]);
    }
}

/// The OpenAPI document, as JSON for people and programs.
pub fn document() -> Result<String, serde_json::Error> {
    let (_, document) = crate::routes().split_for_parts();
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

pub(crate) async fn show() -> Result<Response, Refusal> {
    match document() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response()),
        Err(error) => Err(Refusal::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "Cpm.Bug",
            error.to_string(),
            "please report it",
        )),
    }
}
