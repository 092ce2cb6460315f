//! One client for each role and Region.

use std::{collections::HashMap, error::Error};

use aws_config::{Region, SdkConfig, sts::AssumeRoleProvider};
use aws_sdk_ec2::{
    Client,
    config::{Builder, SharedCredentialsProvider},
    error::{ProvideErrorMetadata, SdkError},
};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use cpm_aws_call::{ANSWER, causes, common, refused, repeated, timeouts};
use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::{Access, Place};
use tokio::sync::Mutex;

use crate::codes;

const ASSUME_ROLE: &str = "sts:AssumeRole";

/// What AWS writes into the other account's CloudTrail.
const SESSION: &str = "cpm";

/// The clients that were needed so far. All Regions of an account share one session of its role.
#[derive(Debug)]
pub(crate) struct Places {
    config: SdkConfig,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    roles: HashMap<Access, SdkConfig>,
    clients: HashMap<Place, Client>,
}

impl Places {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        let config = config.clone().into_builder().retry_config(repeated()).timeout_config(timeouts(ANSWER)).build();
        Self { config, known: Mutex::default() }
    }

    /// A client for `place`. Nothing is asked of AWS before the first call.
    pub(crate) async fn client(&self, place: &Place) -> Client {
        let mut known = self.known.lock().await;
        if let Some(client) = known.clients.get(place) {
            return client.clone();
        }
        let role = if let Some(role) = known.roles.get(&place.access) {
            role.clone()
        } else {
            let role = self.role(&place.access).await;
            known.roles.insert(place.access.clone(), role.clone());
            role
        };
        let region = Region::new(place.region.as_str().to_owned());
        let client = Client::from_conf(Builder::from(&role).region(region).build());
        known.clients.insert(place.clone(), client.clone());
        client
    }

    /// The Region that answers what is the same in all Regions.
    pub(crate) fn home(&self) -> &str {
        self.config.region().map_or("us-east-1", AsRef::as_ref)
    }

    async fn role(&self, access: &Access) -> SdkConfig {
        let Access::Assumed { account, role, external_id } = access else {
            return self.config.clone();
        };
        let mut provider = AssumeRoleProvider::builder(role_arn(self.home(), account, role))
            .session_name(SESSION)
            .region(Region::new(self.home().to_owned()))
            .configure(&self.config);
        if let Some(id) = external_id {
            provider = provider.external_id(id);
        }
        let provider = SharedCredentialsProvider::new(provider.build().await);
        self.config.clone().into_builder().credentials_provider(provider).build()
    }
}

fn role_arn(region: &str, account: &str, role: &str) -> String {
    format!("arn:{}:iam::{account}:role/{role}", partition(region))
}

/// The partition of a Region. No role is assumed across partitions.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
fn partition(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// What the failure of a call to EC2 means: of the call itself, or of the role that was to make it.
pub(crate) fn failure<E>(access: &Access, action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let not_assumed = causes(error).find_map(|cause| cause.downcast_ref::<SdkError<AssumeRoleError>>());
    match (not_assumed, access) {
        (Some(reason), Access::Assumed { account, role, .. }) => {
            // Whatever else STS says, it says no to this role.
            let told = refused(ASSUME_ROLE, reason, |code| common(code).or(Some(Refusal::Denied)));
            let message = format!("the role {role} of account {account} cannot be assumed: {}", told.message);
            AwsError { message, ..told }
        }
        _ => refused(action, error, |code| codes::meaning(action, code)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("eu-west-1", "arn:aws:iam::111122223333:role/cpm-backup")]
    #[case("us-gov-west-1", "arn:aws-us-gov:iam::111122223333:role/cpm-backup")]
    #[case("cn-north-1", "arn:aws-cn:iam::111122223333:role/cpm-backup")]
    fn roles_are_of_the_partition_of_the_region(#[case] region: &str, #[case] arn: &str) {
        assert_eq!(role_arn(region, "111122223333", "cpm-backup"), arn);
    }
}
