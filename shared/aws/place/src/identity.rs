use async_trait::async_trait;
use aws_sdk_sts::Client;
use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::{Identity, Place};

use crate::{Places, Roles, failure, unreadable};

const WHO: &str = "sts:GetCallerIdentity";

/// Who a role is. STS tells everybody: no permission is needed.
#[derive(Debug)]
pub struct Sts {
    places: Places<Client>,
}

impl Sts {
    /// With roles that other services share. Nothing is asked yet.
    pub fn new(roles: &Roles) -> Self {
        Self { places: Places::new(roles, Client::new) }
    }
}

#[async_trait]
impl Identity for Sts {
    async fn account(&self, place: &Place) -> Result<String, AwsError> {
        let answer = self.places.client(place).await.get_caller_identity().send().await;
        let answer = answer.map_err(|error| failure(&place.access, WHO, &error, by_code))?;
        answer.account().filter(|account| !account.is_empty()).map(str::to_owned).ok_or_else(|| unreadable(WHO, ""))
    }
}

/// A role that is not of this Region's kind of accounts is told apart from one that must not.
fn by_code(code: &str) -> Option<Refusal> {
    (code == "RegionDisabledException").then_some(Refusal::Denied)
}
