use aws_config::{
    BehaviorVersion, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use cpm_aws_call::{ANSWER, timeouts};

/// The AWS configuration of the function: its role, its Region, and its name for CloudTrail, which the SDK reads from
/// `AWS_SDK_UA_APP_ID`.
///
/// Lambda gives the role's credentials and the Region in the environment; no other source is looked at. All services
/// share one pool of connections and one set of trusted certificates. Nothing is asked yet.
pub async fn aws_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .region(EnvironmentVariableRegionProvider::new())
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https())
        .timeout_config(timeouts(ANSWER))
        .load()
        .await
}
