//! A deployment that answers from a script, remembers what it was asked, and lets in only what is signed right.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};
use jiff::{Timestamp, fmt::strtime};
use serde_json::{Value, json};

use crate::command::{ACCESS_KEY, Ran, SECRET_KEY, cpm_at, run};

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method, path and query.
    pub request: String,
    pub body: Value,
    pub headers: BTreeMap<String, String>,
}

/// An answer: status and body.
type Answer = (u16, String);

#[derive(Default)]
struct Script {
    answers: BTreeMap<String, VecDeque<Answer>>,
    asked: Vec<Asked>,
}

/// The deployment. It ends with the process.
#[derive(Clone)]
pub struct Stub {
    pub address: String,
    script: Arc<Mutex<Script>>,
}

impl Stub {
    /// Starts one that knows nothing yet.
    pub fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let (tell, told) = mpsc::channel();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        let address = told.recv_timeout(Duration::from_secs(10)).unwrap();
        Self { address: format!("http://{address}"), script }
    }

    /// Answers a request, `GET /v1/policies`, with JSON. Said several times, the answers come in this order, and the
    /// last stays.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "views are made on the spot")]
    pub fn on(self, request: &str, body: Value) -> Self {
        self.on_status(request, 200, &body.to_string())
    }

    /// The same with a status and a body as it is.
    #[must_use]
    pub fn on_status(self, request: &str, status: u16, body: &str) -> Self {
        let answer = (status, body.to_owned());
        self.script.lock().unwrap().answers.entry(request.to_owned()).or_default().push_back(answer);
        self
    }

    /// The same with the deployment's own kind of refusal.
    #[must_use]
    pub fn refusing(self, request: &str, status: u16, code: &str, detail: &str, advice: &str) -> Self {
        let (_, path) = request.split_once(' ').unwrap();
        let title = StatusCode::from_u16(status).unwrap().canonical_reason().unwrap();
        let problem = json!({"type": format!("urn:cpm:problem:{code}"), "title": title, "status": status, "code": code,
            "detail": detail, "advice": advice, "instance": path});
        self.on_status(request, status, &problem.to_string())
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.request).collect()
    }

    /// Runs the binary against it.
    pub fn run(&self, args: &[&str]) -> Ran {
        run(&mut cpm_at(&self.address), args)
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let headers: BTreeMap<String, String> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
        .collect();
    let asked = Asked {
        request: format!("{} {target}", parts.method),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        headers: headers.clone(),
    };
    let signed = signature(parts.method.as_str(), target, &headers, &body);
    let (status, text) = {
        let mut script = script.lock().unwrap();
        let (without_query, _) = asked.request.split_once('?').unwrap_or((&asked.request, ""));
        let key = [asked.request.as_str(), without_query].map(str::to_owned);
        script.asked.push(asked);
        let known = key.into_iter().find(|key| script.answers.contains_key(key));
        match known.and_then(|key| script.answers.get_mut(&key)) {
            _ if headers.get("authorization") != Some(&signed) => {
                (403, json!({"message": format!("The request is not signed as it should be: {signed}")}).to_string())
            }
            None => (404, json!({"message": "Not Found"}).to_string()),
            Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some(answers) => answers.front().unwrap().clone(),
        }
    };
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    Response::builder().status(status).header(header::CONTENT_TYPE, kind).body(Body::from(text)).unwrap()
}

/// How a request as it arrived should be signed.
fn signature(method: &str, target: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> String {
    let time = headers.get("x-amz-date").map_or("20260101T000000Z", String::as_str);
    let time: Timestamp = strtime::parse("%Y%m%dT%H%M%SZ", time)
        .unwrap()
        .to_datetime()
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp();
    let token = headers.get("x-amz-security-token").cloned();
    let identity = Credentials::new(ACCESS_KEY, SECRET_KEY, token, None, "stub").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("execute-api")
        .time(SystemTime::from(time))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("http://{}{target}", headers["host"]);
    let request = SignableRequest::new(method, uri, std::iter::empty(), SignableBody::Bytes(body)).unwrap();
    let (signed, _) = sign(request, &params).unwrap().into_parts();
    let found = signed.headers().find(|(name, _)| *name == "authorization").map(|(_, value)| value.to_owned());
    found.unwrap()
}
