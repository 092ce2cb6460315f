//! Requests to the API of a deployment, signed as AWS asks (Signature Version 4 for the service `execute-api`).

mod refusal;
mod signer;

use std::time::Duration;

use reqwest::{Method, Response, StatusCode, Url, header};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::signer::{Signer, no_credentials};
use crate::fault::Fault;

/// To connect, and for a whole answer: API Gateway gives up after 30 s itself.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(35);

/// How often a request that only reads is made when the deployment is busy or stumbles.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Speaks to one deployment.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    signer: Signer,
}

/// A request, and how it is named in messages.
struct Request {
    method: Method,
    url: Url,
    body: Vec<u8>,
}

impl Request {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

impl Client {
    /// For the API at an address. Where the address tells its Region, that is signed for.
    pub(crate) fn new(address: &str, signer: Signer) -> Result<Self, Fault> {
        let base = parse(address)?;
        let signer = signer.for_host(base.host_str().unwrap_or_default())?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("cpm/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                Fault::new(format!("no connection can be made: {error}"), "check the system's certificates")
            })?;
        Ok(Self { http, base, signer })
    }

    /// Asks for something.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
    ) -> Result<T, Fault> {
        let request = Request { method: Method::GET, url: self.asking(path, query)?, body: Vec::new() };
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.send(&request).await? {
                response if is_passing(response.status()) => {
                    tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                    pause *= 2;
                }
                response => return self.read(&request, response).await,
            }
        }
        let response = self.send(&request).await?;
        self.read(&request, response).await
    }

    /// Asks for something to be done. Never repeated: it may have been done though no answer came.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, Fault> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Fault::new(format!("the request cannot be written: {error}"), "report this as a bug of cpm")
        })?;
        let request = Request { method: Method::POST, url: self.url(path)?, body };
        let response = self.send(&request).await?;
        self.read(&request, response).await
    }

    /// Asks for something to be removed. Never repeated.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Fault> {
        self.delete_if(path, &[]).await
    }

    /// The same under conditions, which stand in the query.
    pub(crate) async fn delete_if<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
    ) -> Result<T, Fault> {
        let request = Request { method: Method::DELETE, url: self.asking(path, query)?, body: Vec::new() };
        let response = self.send(&request).await?;
        self.read(&request, response).await
    }

    fn asking(&self, path: &[&str], query: &[(&str, Option<String>)]) -> Result<Url, Fault> {
        let mut url = self.url(path)?;
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        Ok(url)
    }

    fn url(&self, path: &[&str]) -> Result<Url, Fault> {
        let mut url = self.base.clone();
        let Ok(mut segments) = url.path_segments_mut() else { return Err(no_url(self.base.as_str())) };
        segments.pop_if_empty().push("v1").extend(path);
        drop(segments);
        Ok(url)
    }

    async fn send(&self, request: &Request) -> Result<Response, Fault> {
        let mut sending = self.http.request(request.method.clone(), request.url.clone()).body(request.body.clone());
        if !request.body.is_empty() {
            sending = sending.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in self.signer.sign(&request.method, &request.url, &request.body).await? {
            sending = sending.header(name, value);
        }
        sending.send().await.map_err(|error| refusal::unreached(&request.name(), error))
    }

    async fn read<T: DeserializeOwned>(&self, request: &Request, response: Response) -> Result<T, Fault> {
        let (status, name) = (response.status(), request.name());
        let body = response.bytes().await.map_err(|error| refusal::unreached(&name, error))?;
        if !status.is_success() {
            return Err(refusal::refused(&name, status, &body, &self.signer.identity().await));
        }
        serde_json::from_slice(&body).map_err(|error| {
            let help =
                "check that cpm and the deployment are of the same version, and that the address is that of its API";
            Fault::new("the deployment's answer is not understood", help).at(name).note(error.to_string())
        })
    }
}

/// Statuses that say: later.
fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// The address as people copy it: with or without `/v1` and a slash at its end.
fn parse(address: &str) -> Result<Url, Fault> {
    let address = address.trim().trim_end_matches('/');
    let address = address.strip_suffix("/v1").unwrap_or(address);
    match Url::parse(address) {
        Ok(url) if url.has_host() && matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(no_url(address)),
    }
}

fn no_url(address: &str) -> Fault {
    let help =
        "give one such as `https://a1b2c3.execute-api.eu-west-1.amazonaws.com`: the output `ApiUrl` of the stack";
    Fault::new(format!("`{address}` is not the address of an API"), help)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://x.execute-api.eu-west-1.amazonaws.com", "https://x.execute-api.eu-west-1.amazonaws.com/")]
    #[case("https://x.execute-api.eu-west-1.amazonaws.com/v1/", "https://x.execute-api.eu-west-1.amazonaws.com/")]
    #[case(" http://127.0.0.1:4566/api/x/ ", "http://127.0.0.1:4566/api/x")]
    fn addresses(#[case] given: &str, #[case] url: &str) {
        assert_eq!(parse(given).unwrap().as_str(), url);
    }

    #[rstest]
    #[case("")]
    #[case("x.execute-api.eu-west-1.amazonaws.com")]
    #[case("localhost:4566")]
    #[case("ftp://localhost")]
    #[case("https://")]
    fn no_addresses(#[case] given: &str) {
        assert!(parse(given).is_err(), "{given}");
    }
}
