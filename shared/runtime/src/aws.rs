use std::env;

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    identity::IdentityCache,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::SystemTimeSource,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use cpm_aws_call::{ANSWER, timeouts};

/// The AWS configuration of the function: its role, its Region, its name for CloudTrail (`AWS_SDK_UA_APP_ID`), and which
/// endpoints it calls: those of FIPS or of dual stack, or others than AWS's (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_EC2`).
///
/// Lambda gives all of it in the environment, and no other source is looked at: the code that would look is a thirtieth of a
/// function. All services share one pool of connections and one set of trusted certificates. Nothing is asked yet.
pub fn aws_config() -> SdkConfig {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SystemTimeSource::new())
        .timeout_config(timeouts(ANSWER))
        .service_config(Endpoints);
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_app_name(variable("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok()));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.set_use_fips(variable("AWS_USE_FIPS_ENDPOINT").map(|wanted| wanted == "true"));
    config.set_use_dual_stack(variable("AWS_USE_DUALSTACK_ENDPOINT").map(|wanted| wanted == "true"));
    config.build()
}

/// What the environment has for one service.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        env::var(variable_of(key.env(), key.service_id())).ok().filter(|value| !value.is_empty())
    }
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
fn variable_of(setting: &str, service: &str) -> String {
    format!("{setting}_{}", service.replace([' ', '-'], "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("EC2", "AWS_ENDPOINT_URL_EC2")]
    #[case("Resource Groups Tagging API", "AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API")]
    fn a_service_has_a_variable_of_its_own(#[case] service: &str, #[case] variable: &str) {
        assert_eq!(variable_of("AWS_ENDPOINT_URL", service), variable);
    }
}
