//! An AWS that answers from a script and remembers what it was asked, for the tests of the adapters.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, identity::IdentityCache};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{
    rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep},
    time::SystemTimeSource,
};
use aws_smithy_http_client::test_util::{NeverClient, infallible_client_fn};
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_smithy_types::body::SdkBody;

/// What AWS was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Host and path.
    pub uri: String,
    /// The header that names the action in JSON protocols; empty in others.
    pub target: String,
    /// The access key that signed it.
    pub key: String,
    /// The headers, names in small letters, in order of their names.
    pub headers: Vec<(String, String)>,
    /// The body, as sent.
    pub body: String,
}

impl Asked {
    /// One header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The fields of a form, decoded, in order of their names.
    pub fn form(&self) -> Vec<(String, String)> {
        let mut fields: Vec<(String, String)> = self
            .body
            .split('&')
            .filter_map(|field| field.split_once('='))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        fields.sort();
        fields
    }

    /// One field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).unwrap_or(b'?')
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The script. A clone is the same script.
#[derive(Debug, Clone, Default)]
pub struct Script(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    answers: VecDeque<(u16, String)>,
    headers: Vec<(&'static str, String)>,
    asked: Vec<Asked>,
    waited: Vec<Duration>,
}

impl Script {
    /// Gives these answers, status and body, one after the other; when they are used up, status 500 without a body.
    pub fn of<T: Into<String>>(answers: impl IntoIterator<Item = (u16, T)>) -> Self {
        let script = Self::default();
        script.inner(|inner| inner.answers.extend(answers.into_iter().map(|(status, body)| (status, body.into()))));
        script
    }

    /// From now on every answer has these headers.
    #[must_use]
    pub fn with_headers<T: Into<String>>(self, headers: impl IntoIterator<Item = (&'static str, T)>) -> Self {
        self.inner(|inner| inner.headers.extend(headers.into_iter().map(|(name, value)| (name, value.into()))));
        self
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.inner(|inner| inner.asked.clone())
    }

    /// All that the SDK set a timer for so far: its timeouts and its pauses. None of them takes any time.
    pub fn waited(&self) -> Vec<Duration> {
        self.inner(|inner| inner.waited.clone())
    }

    /// Configuration by which an SDK asks this script.
    pub fn config(&self) -> SdkConfig {
        let script = self.clone();
        let client = infallible_client_fn(move |request| {
            let (status, body) = script.answer(&request);
            let mut response = http::Response::new(SdkBody::from(body));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
            for (name, value) in script.inner(|inner| inner.headers.clone()) {
                if let Ok(value) = http::HeaderValue::try_from(value) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        });
        self.config_with(client)
    }

    /// Configuration by which an SDK never gets an answer.
    pub fn silent(&self) -> SdkConfig {
        self.config_with(NeverClient::new())
    }

    fn config_with(&self, client: impl HttpClient + 'static) -> SdkConfig {
        let credentials = Credentials::new("FUNCTION", "secret", None, None, "script");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .identity_cache(IdentityCache::lazy().build())
            .time_source(SystemTimeSource::new())
            .sleep_impl(SharedAsyncSleep::new(self.clone()))
            .http_client(client)
            .build()
    }

    fn answer(&self, request: &http::Request<SdkBody>) -> (u16, String) {
        let header =
            |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let key = header("authorization").split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
        let mut headers: Vec<_> = request.headers().iter().map(|(name, _)| name.as_str()).collect();
        headers.sort_unstable();
        headers.dedup();
        let asked = Asked {
            headers: headers.into_iter().map(|name| (name.to_owned(), header(name).to_owned())).collect(),
            uri: request.uri().to_string(),
            target: header("x-amz-target").to_owned(),
            key: key.unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned(),
        };
        self.inner(|inner| {
            inner.asked.push(asked);
            inner.answers.pop_front().unwrap_or_else(|| (500, String::new()))
        })
    }

    fn inner<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncSleep for Script {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.inner(|inner| inner.waited.push(duration));
        Sleep::new(std::future::ready(()))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.form().iter().try_for_each(|(name, value)| writeln!(f, "{name}={value}"))
    }
}
