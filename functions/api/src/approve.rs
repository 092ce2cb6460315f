//! `/approve`: the page behind a signed link, by which somebody says yes or no to a recovery.
//!
//! It has no signature of AWS's: the link itself is the key. So it is no part of the API's description, and it tells
//! strangers nothing. Opening it changes nothing, for mail scanners open links; the form on it is what answers.

use axum::{
    Router,
    body::Bytes,
    extract::{FromRequestParts, Query, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use cpm_app::{
    Error,
    recovery::approval::{Approvals, answered, not_possible, question},
};
use cpm_contracts::api::AnswerRequest;
use cpm_domain::recovery::approval::Link;
use lambda_http::{http::request::Parts, request::RequestContext};
use serde::Deserialize;

use crate::{World, refusal::status_of};

/// The path of the page; whatever comes before it, API Gateway adds.
const PATH: &str = "/approve";
/// The largest form: a reason, and what browsers write around it.
const MAX_FORM: usize = 8 * 1024;

pub(crate) fn routes() -> Router<World> {
    Router::new().route(PATH, get(ask).post(take))
}

/// What stands in the link: read as it comes, checked by its signature.
struct Opened(Link);

impl<S: Sync> FromRequestParts<S> for Opened {
    type Rejection = Page;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Page> {
        match Query::<Link>::try_from_uri(&parts.uri) {
            Ok(Query(link)) => Ok(Self(link)),
            Err(_) => Err(Page::refused(&Error::bad_input(
                "this is no whole link",
                "open it from the message itself; or answer with `cpm recover approve` or `cpm recover refuse`",
            ))),
        }
    }
}

/// From where it was opened, as API Gateway tells it.
struct Address(String);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
            _ => None,
        };
        Ok(Self(address.unwrap_or_else(|| "an unknown address".to_owned())))
    }
}

/// What the form on the page sends.
#[derive(Debug, Deserialize)]
struct Form {
    answer: Word,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Yes,
    No,
}

/// Shows what somebody is asked to say yes to. Nothing is written.
async fn ask(State(world): State<World>, Opened(link): Opened) -> Page {
    match world.approvals().look(&link).await {
        Ok(recovery) => Page::of(question(&recovery)),
        Err(error) => Page::refused(&error),
    }
}

/// Takes the answer.
async fn take(State(world): State<World>, Opened(link): Opened, Address(from): Address, body: Bytes) -> Page {
    let Some(Form { answer, reason }) = read(&body) else {
        let advice = "open the link again, and choose one of its two buttons";
        return Page::refused(&Error::bad_input("this is neither a yes nor a no", advice));
    };
    let request = AnswerRequest { approved: answer == Word::Yes, reason };
    match world.approvals().answer_by_link(&link, &from, &request).await {
        Ok(recovery) => Page::of(answered(&recovery)),
        Err(error) => Page::refused(&error),
    }
}

/// A form is written as a query is.
fn read(body: &Bytes) -> Option<Form> {
    let text = std::str::from_utf8(body.get(..).filter(|body| body.len() <= MAX_FORM)?).ok()?;
    let uri: Uri = format!("/?{text}").parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(form)| form)
}

impl World {
    fn approvals(&self) -> Approvals<'_> {
        Approvals { store: &*self.store, executions: &*self.executions, clock: &*self.clock }
    }
}

/// A page for a browser.
#[derive(Debug)]
struct Page {
    status: StatusCode,
    html: String,
}

impl Page {
    fn of(html: String) -> Self {
        Self { status: StatusCode::OK, html }
    }

    fn refused(error: &Error) -> Self {
        Self { status: status_of(error), html: not_possible(error) }
    }
}

const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    // The address is the key: it goes nowhere.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
];

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, Html(self.html)).into_response();
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("answer=yes&reason=", Some((Word::Yes, Some(""))))]
    #[case("reason=change+4711%0D%0A%C3%BC&answer=no", Some((Word::No, Some("change 4711\r\nü"))))]
    #[case("answer=yes", Some((Word::Yes, None)))]
    #[case("answer=maybe", None)]
    #[case("reason=x", None)]
    #[case("", None)]
    #[case("answer=yes&answer=no", None)]
    fn forms(#[case] body: &'static str, #[case] read_as: Option<(Word, Option<&str>)>) {
        let form = read(&Bytes::from_static(body.as_bytes()));
        let form = form.as_ref().map(|form| (form.answer, form.reason.as_deref()));
        assert_eq!(form, read_as);
    }

    #[test]
    fn what_is_too_large_is_no_form() {
        let body = format!("answer=yes&reason={}", "x".repeat(MAX_FORM));
        assert!(read(&Bytes::from(body)).is_none());
    }
}
