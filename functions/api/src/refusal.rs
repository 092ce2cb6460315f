//! How requests are refused: problem details (RFC 9457) with what is wrong, where, and what to do.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use cpm_app::Error;
use cpm_contracts::api::Problem;
use cpm_domain::document;
use cpm_ports::StoreError;
use utoipa::{
    IntoResponses,
    openapi::{Ref, RefOr, ResponseBuilder, content::ContentBuilder, response::Response as Described},
};

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: String,
    detail: String,
    advice: String,
    problems: Vec<document::Problem>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), advice: advice.into(), problems: Vec::new() }
    }

    /// A request that cannot be read.
    pub(crate) fn bad_request(detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Input.Bad", detail, advice)
    }

    fn into_problem(self, path: &str) -> Problem {
        Problem {
            kind: format!("urn:cpm:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            advice: self.advice,
            instance: path.to_owned(),
            problems: self.problems,
        }
    }
}

/// The status that says what kind of failure it is.
pub(crate) fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::BadInput { .. } => StatusCode::BAD_REQUEST,
        Error::Problems(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict { .. }
        | Error::LeaseLost { .. }
        | Error::TakenOver { .. }
        | Error::HoldLost { .. }
        | Error::StillOpen(_)
        | Error::Store(StoreError::LostRace(_)) => StatusCode::CONFLICT,
        Error::Store(StoreError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Aws(error) if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        Error::Aws(_) => StatusCode::BAD_GATEWAY,
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = status_of(&error);
        let (code, advice) = (error.code().name.to_owned(), error.advice());
        match error {
            Error::Problems(problems) => {
                let detail = match problems.len() {
                    1 => "one thing stands in the way".to_owned(),
                    number => format!("{number} things stand in the way"),
                };
                Self { status, code, detail, advice, problems }
            }
            error => Self { status, code, detail: error.to_string(), advice, problems: Vec::new() },
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for Refusal {
    /// [`answer`] writes the body: it knows the path.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes refusals out, and a line a request into the log.
pub(crate) async fn answer(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let status = response.status();
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else {
        tracing::info!(%method, path, status = status.as_u16(), "answered");
        return response;
    };
    if status.is_server_error() {
        tracing::error!(%method, path, code = refusal.code, detail = refusal.detail, "failed");
    } else {
        tracing::info!(%method, path, code = refusal.code, detail = refusal.detail, "refused");
    }
    let mut response = (status, axum::Json(refusal.into_problem(&path))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

pub(crate) async fn no_such_path(request: Request) -> Refusal {
    let detail = format!("there is no {}", request.uri().path());
    Refusal::new(StatusCode::NOT_FOUND, "Input.NoSuchPath", detail, "see /v1/openapi.json")
}

pub(crate) async fn no_such_method(request: Request) -> Refusal {
    let detail = format!("{} takes no {}", request.uri().path(), request.method());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Input.NoSuchMethod", detail, "see /v1/openapi.json")
}

/// What every operation may answer beside what it is for.
pub(crate) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> std::collections::BTreeMap<String, RefOr<Described>> {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let refused = ResponseBuilder::new()
            .description("Refused: what is wrong, where, and what to do (RFC 9457)")
            .content("application/problem+json", problem)
            .build();
        [("default".to_owned(), RefOr::T(refused))].into()
    }
}
