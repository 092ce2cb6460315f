//! What recoveries need of AWS: to look, to make, and, for the cleaner alone, to remove what was made.

use std::sync::Arc;

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, Refusal},
    drill::Condition,
    id::InstanceId,
    name::OwnerName,
    origin::ImageOrigin,
    recovery::{
        Mark,
        facts::{Facts, Question},
        image::{ImageFilter, ImagesFound, ImagesLike},
        plan::{Checked, Plan},
        work::{Action, Made, MadeKind, Order},
    },
};

use crate::{Place, aws::without_driver};

/// What a service can do for recoveries.
///
/// Calls that read may be repeated inside; calls that make or change something are made once, never repeated inside.
#[async_trait]
pub trait Restorer: Send + Sync {
    /// The kinds of things that it makes.
    fn makes(&self) -> &'static [MadeKind];

    /// Whether a call of this action is one of its own.
    fn does(&self, action: &Action) -> bool;

    /// Answers those of `questions` that it knows, in as few calls as can be.
    async fn ask(&self, place: &Place, questions: &[Question]) -> Result<Facts, AwsError>;

    /// Makes one call. What it makes carries `order.tags` from the moment it exists, wherever AWS has tags, and
    /// `order.token` makes AWS know the call again, wherever it has tokens. A change that stands already is a success.
    async fn carry_out(&self, place: &Place, order: &Order) -> Result<Vec<Made>, AwsError>;

    /// What an order made, when nobody knows whether it was carried out: by the tags of what is there or, where AWS has
    /// none, by what it was made of. None: it was not.
    async fn find(&self, place: &Place, order: &Order, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError>;

    /// How things that were made are, with their parts and addresses. One that AWS does not know is
    /// [`MadeState::Gone`](cpm_domain::recovery::work::MadeState::Gone), and so is one that ended, with AWS's words in
    /// `cause`. A volume has the device that it is attached as; one that is being attached or detached is pending.
    async fn look(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError>;
}

/// Removes what recoveries made. Only the cleaner has it.
#[async_trait]
pub trait Removals: Send + Sync {
    /// The kinds of things that it removes.
    fn removes(&self) -> &'static [MadeKind];

    /// Removes a thing: one call, never repeated inside. One that is gone already is a success. A volume that is attached
    /// is detached by the call; the next one removes it.
    async fn remove(&self, place: &Place, kind: MadeKind, id: &str) -> Result<(), AwsError>;

    /// All that is there of a kind with the marks of a recovery.
    async fn marked(&self, place: &Place, kind: MadeKind, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError>;

    /// How they are: as [`Restorer::look`].
    async fn remaining(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError>;
}

/// What the function that recovers says of a plan, at once: nothing is made. It alone may look into accounts by the roles
/// for recoveries.
#[async_trait]
pub trait Planner: Send + Sync {
    /// Fills a plan in and holds it against AWS.
    async fn plan(&self, owner: &OwnerName, plan: &Plan) -> Result<Checked, AwsError>;

    /// Looks for images like the one that an instance was launched from.
    async fn images(&self, owner: &OwnerName, like: &ImagesLike) -> Result<ImagesFound, AwsError>;
}

/// Looks for images that something could be launched from.
#[async_trait]
pub trait ImageSearch: Send + Sync {
    /// The images of a place that the filter lets through, whoever may launch from them.
    async fn images(&self, place: &Place, filter: &ImageFilter) -> Result<Vec<ImageOrigin>, AwsError>;
}

/// Who a role is, when it is asked: to see that a role of a recovery's own is of the right account.
#[async_trait]
pub trait Identity: Send + Sync {
    /// The number of the account that a place is in.
    async fn account(&self, place: &Place) -> Result<String, AwsError>;
}

/// What AWS finds of instances by itself.
#[async_trait]
pub trait Health: Send + Sync {
    /// The status checks of instances: of the instance, of its host and of its volumes. Of one that AWS has not looked at
    /// yet, or that does not run, nothing is said.
    async fn health(&self, place: &Place, instances: &[InstanceId])
    -> Result<Vec<(InstanceId, Condition)>, AwsError>;
}

/// The restorers that a function has.
#[derive(Clone)]
pub struct Restorers(Vec<Arc<dyn Restorer>>);

impl Restorers {
    /// All of them.
    pub fn new(restorers: Vec<Arc<dyn Restorer>>) -> Self {
        Self(restorers)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Restorer> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The one that makes a kind of thing.
    pub fn of(&self, kind: MadeKind) -> Result<&dyn Restorer, AwsError> {
        self.iter().find(|restorer| restorer.makes().contains(&kind)).ok_or_else(|| without_driver(kind.as_str()))
    }

    /// The one that carries out an action.
    pub fn that_does(&self, action: &Action) -> Result<&dyn Restorer, AwsError> {
        let found = self.iter().find(|restorer| restorer.does(action));
        found.ok_or_else(|| AwsError { refusal: Refusal::Invalid, ..without_driver("this action") })
    }
}

/// What removes, by what it removes. Only the cleaner has it.
#[derive(Clone)]
pub struct Removers(Vec<Arc<dyn Removals>>);

impl Removers {
    /// All of them.
    pub fn new(removers: Vec<Arc<dyn Removals>>) -> Self {
        Self(removers)
    }

    /// The one that removes a kind of thing.
    pub fn of(&self, kind: MadeKind) -> Result<&dyn Removals, AwsError> {
        let found = self.0.iter().map(AsRef::as_ref).find(|removals| removals.removes().contains(&kind));
        found.ok_or_else(|| without_driver(kind.as_str()))
    }
}
