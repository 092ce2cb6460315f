//! Whether a key can be used, by the KMS API. It makes nothing.

use std::error::Error;

use async_trait::async_trait;
use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{KeyManagerType, KeyMetadata},
};
use cpm_aws_place::{Places, Roles, not_ours};
use cpm_domain::{
    aws::{AwsError, Refusal},
    recovery::{
        Mark,
        facts::{Facts, Question},
        work::{Action, Made, MadeKind, Order},
    },
};
use cpm_ports::{Access, Place, Restorer};
use futures::future::try_join_all;

const DESCRIBE: &str = "kms:DescribeKey";

/// The KMS API of any account and Region that the function can get into.
#[derive(Debug)]
pub struct Kms {
    places: Places<Client>,
}

impl Kms {
    /// With roles that other services share. Nothing is asked yet.
    pub fn new(roles: &Roles) -> Self {
        Self { places: Places::new(roles, Client::new) }
    }
}

/// What an error code of KMS means. A key of another Region is none of this one.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>
fn meaning(code: &str) -> Option<Refusal> {
    match code {
        "NotFoundException" | "InvalidArnException" => Some(Refusal::NotFound),
        "DependencyTimeoutException" | "KMSInternalException" => Some(Refusal::Unknown),
        _ => None,
    }
}

fn failure<E>(access: &Access, action: &str, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    cpm_aws_place::failure(access, action, error, meaning)
}

/// A key, if there is one that the role may see. Whether it may not, or there is none, AWS keeps to itself at times.
async fn described(client: &Client, access: &Access, key: &str) -> Result<Option<KeyMetadata>, AwsError> {
    let answer = client.describe_key().key_id(key).send().await;
    match answer.map_err(|error| failure(access, DESCRIBE, &error)) {
        Err(error) if error.refusal == Refusal::NotFound => Ok(None),
        Err(error) if error.refusal == Refusal::Denied && error.action == DESCRIBE => Ok(None),
        answer => Ok(answer?.key_metadata),
    }
}

#[async_trait]
impl Restorer for Kms {
    fn makes(&self) -> &'static [MadeKind] {
        &[]
    }

    fn does(&self, _: &Action) -> bool {
        false
    }

    async fn ask(&self, place: &Place, questions: &[Question]) -> Result<Facts, AwsError> {
        let keys =
            questions.iter().filter_map(|question| if let Question::Key(key) = question { Some(key) } else { None });
        let client = self.places.client(place).await;
        let found = try_join_all(keys.map(|key| {
            let client = &client;
            async move { Ok::<_, AwsError>((key, described(client, &place.access, key).await?)) }
        }))
        .await?;
        let mut facts = Facts::default();
        for (key, found) in found {
            let Some(found) = found else { continue };
            if found.key_manager() == Some(&KeyManagerType::Aws) {
                facts.aws_keys.insert(key.clone());
            }
            let state = found.key_state().map(|state| state.as_str().to_owned());
            facts.keys.extend(state.map(|state| (key.clone(), state)));
        }
        Ok(facts)
    }

    async fn carry_out(&self, _: &Place, _: &Order) -> Result<Vec<Made>, AwsError> {
        Err(not_ours("kms", "this action"))
    }

    async fn find(&self, _: &Place, _: &Order, _: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        Ok(Vec::new())
    }

    async fn look(&self, _: &Place, kind: MadeKind, _: &[String]) -> Result<Vec<Made>, AwsError> {
        Err(not_ours("kms", kind.as_str()))
    }
}
