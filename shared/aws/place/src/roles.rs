use std::{collections::HashMap, sync::Arc};

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use cpm_aws_call::{ANSWER, repeated, timeouts};
use cpm_ports::Access;
use tokio::sync::Mutex;

use crate::session::Session;

/// The roles that were needed so far. All Regions of an account, and all services, share one session of its role. A
/// clone shares them too.
#[derive(Debug, Clone)]
pub struct Roles {
    config: SdkConfig,
    known: Arc<Mutex<HashMap<Access, SdkConfig>>>,
}

impl Roles {
    /// With the function's own configuration. Nothing is asked yet.
    pub fn new(config: &SdkConfig) -> Self {
        let config = config.clone().into_builder().retry_config(repeated()).timeout_config(timeouts(ANSWER)).build();
        Self { config, known: Arc::default() }
    }

    /// The Region that answers what is the same in all Regions.
    pub fn home(&self) -> &str {
        self.config.region().map_or("us-east-1", AsRef::as_ref)
    }

    /// The configuration of a role. The role is assumed at the first call.
    pub(crate) async fn config(&self, access: &Access) -> SdkConfig {
        let mut known = self.known.lock().await;
        if let Some(role) = known.get(access) {
            return role.clone();
        }
        let role = self.make(access);
        known.insert(access.clone(), role.clone());
        role
    }

    fn make(&self, access: &Access) -> SdkConfig {
        let Access::Assumed { account, role, external_id } = access else {
            return self.config.clone();
        };
        let arn = role_arn(self.home(), account, role);
        let session = Session::new(&self.config, account, arn, external_id.clone());
        self.config.clone().into_builder().credentials_provider(SharedCredentialsProvider::new(session)).build()
    }
}

fn role_arn(region: &str, account: &str, role: &str) -> String {
    format!("arn:{}:iam::{account}:role/{role}", partition(region))
}

/// The partition of a Region. No role is assumed across partitions.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
pub fn partition(region: &str) -> &'static str {
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
