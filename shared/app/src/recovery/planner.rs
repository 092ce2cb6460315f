//! The steps of a recovery as what plans are held against AWS by: for drills and scenarios, which are the same function.

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, Refusal},
    name::OwnerName,
    recovery::{
        image::{ImagesFound, ImagesLike},
        plan::{Checked, Plan},
    },
};
use cpm_ports::Planner;

use super::Steps;
use crate::Error;

#[async_trait]
impl Planner for Steps<'_> {
    async fn plan(&self, owner: &OwnerName, plan: &Plan) -> Result<Checked, AwsError> {
        Steps::plan(self, owner, plan).await.map_err(refused)
    }

    async fn images(&self, owner: &OwnerName, like: &ImagesLike) -> Result<ImagesFound, AwsError> {
        Steps::images(self, owner, like).await.map_err(refused)
    }
}

/// What is not AWS's to say, as if it had: whether it may be said differently in a moment is kept.
fn refused(error: Error) -> AwsError {
    match error {
        Error::Aws(error) => error,
        error => AwsError {
            refusal: if error.code().retryable { Refusal::Unknown } else { Refusal::Invalid },
            action: "cpm:Plan".to_owned(),
            code: error.code().name.to_owned(),
            message: error.to_string(),
        },
    }
}
