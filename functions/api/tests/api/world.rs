//! The API over a world in memory.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, body::Body, http::Request, response::Response};
use cpm_api::{World, router};
use cpm_domain::schedule::Zone;
use cpm_fakes::Estate;
use http_body_util::BodyExt;
use jiff::SignedDuration;
use lambda_http::request::RequestContext;
use serde_json::{Value, json};
use tower::ServiceExt;

/// Who calls.
pub const ADA: &str = "arn:aws:iam::111111111111:user/ada";

/// A world and its API.
pub struct Api {
    pub estate: Estate,
    router: Router,
}

/// What a browser gets.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub kind: String,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        &self.headers[name]
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub body: Value,
}

impl Api {
    /// The account `main`, the schedule `nightly`, and the policy `web` with a volume.
    pub async fn new() -> Self {
        let estate = Estate::new();
        let world = World {
            store: Arc::new(estate.store.clone()),
            executions: Arc::new(estate.executions.clone()),
            drivers: estate.drivers.clone(),
            agents: Arc::new(estate.systems.clone()),
            planner: Arc::new(estate.planner.clone()),
            clock: Arc::new(estate.clock.clone()),
            timezone: Zone::utc(),
        };
        let api = Self { estate, router: router(world) };
        let applied = api.send("POST", "/v1/apply", &json!({"document": document()})).await;
        assert_eq!(applied.status, 200, "{applied:?}");
        api
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(request("GET", path, Body::empty(), Some(ADA))).await
    }

    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call(request(method, path, Body::from(body.to_string()), Some(ADA))).await
    }

    /// A second later.
    pub async fn call(&self, request: Request<Body>) -> Answer {
        self.estate.clock.advance(SignedDuration::from_secs(1));
        read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A page, for a browser: nobody signs. A second later.
    pub async fn page(&self, method: &str, path: &str, form: &str) -> Page {
        self.estate.clock.advance(SignedDuration::from_secs(1));
        let request = request(method, path, Body::from(form.to_owned()), None);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        let headers: BTreeMap<String, String> = headers.collect();
        let bytes = body.collect().await.unwrap().to_bytes();
        let kind = headers.get("content-type").cloned().unwrap_or_default();
        Page { status: parts.status.as_u16(), kind, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// The newest event of the trail.
    pub async fn newest_event(&self) -> Value {
        self.get("/v1/audit?limit=1").await.body["events"][0].clone()
    }
}

pub fn document() -> Value {
    json!({
        "accounts": [{"name": "main", "role": "own", "scan": {"enabled": true}}],
        "schedules": [{"name": "nightly", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00"}],
        "policies": [{"name": "web", "account": "main", "schedules": ["nightly"],
                      "targets": [{"volume": "vol-0123456789abcdef1", "region": "eu-west-1"}]}]
    })
}

/// A request as API Gateway hands it on.
pub fn request(method: &str, path: &str, body: Body, caller: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).body(body).unwrap();
    let mut context = json!({
        "accountId": "111111111111", "apiId": "a", "stage": "$default", "requestId": "r", "timeEpoch": 0,
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t"}
    });
    if let Some(caller) = caller {
        context["authorizer"] = json!({"iam": {"userArn": caller}});
    }
    request.extensions_mut().insert(serde_json::from_value::<RequestContext>(context).unwrap());
    request
}

async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let kind =
        response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"));
    Answer { status, kind, body }
}

impl Answer {
    /// Refused, with all that a refusal says.
    pub fn refused(&self, status: u16, code: &str) -> String {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.kind, "application/problem+json");
        assert_eq!(self.body["type"], format!("urn:cpm:problem:{code}"));
        assert_eq!(self.body["status"], status);
        for field in ["title", "advice", "instance"] {
            assert!(self.body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {self:?}");
        }
        self.body["detail"].as_str().unwrap().to_owned()
    }
}
