//! Who signs, and for which Region.

use std::{env, time::SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, SharedCredentialsProvider},
};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use cpm_domain::id::Region;
use reqwest::{Method, Url};

use super::refusal::chain;
use crate::{fault::Fault, times::now};

/// Signs requests with the credentials of the usual chain.
#[derive(Debug)]
pub(crate) struct Signer {
    credentials: SharedCredentialsProvider,
    region: Option<String>,
    profile: Option<String>,
}

impl Signer {
    /// With the credentials and the Region of a configuration; `profile` is the one that was asked for by name.
    pub(crate) fn new(config: &SdkConfig, profile: Option<String>) -> Result<Self, Fault> {
        let credentials =
            config.credentials_provider().ok_or_else(|| no_credentials("there is no provider of them"))?;
        Ok(Self { credentials, region: config.region().map(ToString::to_string), profile })
    }

    /// For a host: one such as `a1b2c3.execute-api.eu-west-1.amazonaws.com` says its Region itself.
    pub(super) fn for_host(self, host: &str) -> Result<Self, Fault> {
        let region = region_of(host).or(self.region).ok_or_else(|| {
            let help = "pass --region, set AWS_REGION, or name a profile that has a Region by --profile";
            Fault::new("the Region to sign for is not known", help).at(host.to_owned())
        })?;
        Ok(Self { region: Some(region), ..self })
    }

    /// The headers that sign a request.
    pub(super) async fn sign(&self, method: &Method, url: &Url, body: &[u8]) -> Result<Vec<(String, String)>, Fault> {
        let identity = self.credentials().await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_deref().unwrap_or_default())
            .name("execute-api")
            .time(SystemTime::from(now()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(&error))?
            .into();
        let request =
            SignableRequest::new(method.as_str(), url.as_str(), std::iter::empty(), SignableBody::Bytes(body))
                .map_err(|error| unsigned(&error))?;
        let (signature, _) = sign(request, &params).map_err(|error| unsigned(&error))?.into_parts();
        Ok(signature.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Who signs, for a message.
    pub(super) async fn identity(&self) -> String {
        let Ok(credentials) = self.credentials().await else { return "nobody".to_owned() };
        let key = credentials.access_key_id();
        let region = self.region.as_deref().unwrap_or_default();
        format!("the access key {key} of {}, for the Region {region}", self.source(key))
    }

    /// Where the key comes from.
    fn source(&self, key: &str) -> String {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        match (&self.profile, variable("AWS_ACCESS_KEY_ID")) {
            (Some(profile), _) => format!("the profile `{profile}`"),
            (None, Some(of_environment)) if of_environment == key => "the environment".to_owned(),
            _ => match variable("AWS_PROFILE") {
                Some(profile) => format!("the profile `{profile}`"),
                None => "the default credentials".to_owned(),
            },
        }
    }

    async fn credentials(&self) -> Result<Credentials, Fault> {
        self.credentials.provide_credentials().await.map_err(|error| match &self.profile {
            Some(profile) => no_credentials(&chain(&error)).at(format!("the profile `{profile}`")),
            None => no_credentials(&chain(&error)),
        })
    }
}

fn region_of(host: &str) -> Option<String> {
    let mut labels = host.split('.').skip_while(|label| *label != "execute-api").skip(1);
    labels.next()?.parse::<Region>().ok().map(|region| region.as_str().to_owned())
}

/// Nobody can sign.
pub(crate) fn no_credentials(why: &str) -> Fault {
    let help = "run `aws sso login` or `aws configure`, or name a profile by --profile or AWS_PROFILE";
    Fault::new("there are no AWS credentials to sign with", help).note(why)
}

fn unsigned(error: &(dyn std::error::Error + 'static)) -> Fault {
    Fault::new("the request cannot be signed", "report this as a bug of cpm").note(chain(error))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a1b2c3.execute-api.eu-west-1.amazonaws.com", Some("eu-west-1"))]
    #[case("vpce-1.execute-api.us-gov-west-1.vpce.amazonaws.com", Some("us-gov-west-1"))]
    #[case("a1b2c3.execute-api.localhost", None)]
    #[case("backups.example.com", None)]
    #[case("127.0.0.1", None)]
    fn regions(#[case] host: &str, #[case] region: Option<&str>) {
        assert_eq!(region_of(host).as_deref(), region);
    }

    #[test]
    fn what_the_host_says_comes_before_the_configuration() {
        let credentials = SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test"));
        let signer =
            || Signer { credentials: credentials.clone(), region: Some("us-east-1".to_owned()), profile: None };
        let region = |host: &str| signer().for_host(host).unwrap().region.unwrap();
        assert_eq!(region("a1b2c3.execute-api.eu-west-1.amazonaws.com"), "eu-west-1");
        assert_eq!(region("127.0.0.1"), "us-east-1");
        assert!(Signer { region: None, ..signer() }.for_host("127.0.0.1").is_err());
    }
}
