use std::time::SystemTime;

use aws_config::{SdkConfig, identity::IdentityCache};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_sts::Client;

/// What AWS writes into the other account's CloudTrail.
const NAME: &str = "cpm";

/// Who holds a session of a role: asks STS when there is none yet, or when it ends soon. The SDK says when.
#[derive(Debug)]
pub(crate) struct Session {
    sts: Client,
    account: String,
    role: String,
    external_id: Option<String>,
}

impl Session {
    /// Of a role of an account, by its ARN, assumed by whom `config` speaks for, at the STS of its Region.
    pub(crate) fn new(config: &SdkConfig, account: &str, role: String, external_id: Option<String>) -> Self {
        let config = config.clone().into_builder().identity_cache(IdentityCache::no_cache()).build();
        Self { sts: Client::new(&config), account: account.to_owned(), role, external_id }
    }

    async fn begin(&self) -> provider::Result {
        let asked = self.sts.assume_role().role_arn(&self.role).role_session_name(NAME);
        let answer = asked.set_external_id(self.external_id.clone()).send().await;
        let answer = answer.map_err(CredentialsError::provider_error)?;
        let given =
            answer.credentials.ok_or_else(|| CredentialsError::unhandled("STS answered without credentials"))?;
        let end = SystemTime::try_from(given.expiration).map_err(CredentialsError::unhandled)?;
        Ok(Credentials::builder()
            .access_key_id(given.access_key_id)
            .secret_access_key(given.secret_access_key)
            .session_token(given.session_token)
            .expiry(end)
            .account_id(self.account.as_str())
            .provider_name("sts:AssumeRole")
            .build())
    }
}

impl ProvideCredentials for Session {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.begin())
    }
}
