//! Who calls.

use axum::{extract::FromRequestParts, http::StatusCode};
use cpm_domain::{audit::Actor, name::OwnerName};
use lambda_http::{http::request::Parts, request::RequestContext};

use crate::refusal::Refusal;

/// The principal that signed the request, as API Gateway's IAM authorizer tells it.
pub(crate) struct Caller {
    pub(crate) owner: OwnerName,
    pub(crate) actor: Actor,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let context = parts.extensions.get::<RequestContext>();
        let iam = context.and_then(RequestContext::authorizer).and_then(|authorizer| authorizer.iam.as_ref());
        match iam.and_then(|iam| iam.user_arn.clone()) {
            Some(arn) => Ok(Self { owner: crate::owner(), actor: Actor::Caller(arn) }),
            None => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "Caller.Unknown",
                "API Gateway did not say who signed the request",
                "sign it for the service execute-api; the route needs the AWS_IAM authorizer",
            )),
        }
    }
}
