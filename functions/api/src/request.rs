//! What requests bring: checked, and refused in our words.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::StatusCode,
};
use lambda_http::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// What stands in the path.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(rejection) => {
                let text = rejection.body_text();
                let detail = text.strip_prefix("Invalid URL: ").unwrap_or(&text).to_owned();
                Err(Refusal::bad_request(detail, "correct the path"))
            }
        }
    }
}

/// What stands after the question mark.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let text = rejection.body_text();
                let detail = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Err(Refusal::bad_request(format!("in the query: {detail}"), "see /v1/openapi.json"))
            }
        }
    }
}

/// The body, as JSON whatever its content type says; nothing is an empty object. Unknown fields are refused.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| {
            let advice = "write the body as /v1/openapi.json has it; unknown fields are refused";
            Refusal::bad_request(format!("in the body: {error}"), advice)
        })
    }
}

fn unread(rejection: &BytesRejection) -> Refusal {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("the body is larger than {} bytes", crate::MAX_BODY);
        return Refusal::new(status, "Input.TooLarge", detail, "apply the files one by one, without pruning");
    }
    Refusal::new(status, "Input.Bad", rejection.body_text(), "send it again")
}

/// How many to answer with: 1 to 500, 50 when not said.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Refusal> {
    match asked.unwrap_or(50) {
        limit @ 1..=500 => Ok(limit),
        limit => Err(Refusal::bad_request(format!("`limit` is {limit}"), "ask for 1 to 500 at a time")),
    }
}
