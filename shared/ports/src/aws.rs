//! The resources of AWS accounts.

use std::sync::Arc;

use async_trait::async_trait;
use cpm_domain::{
    account::{Account, AssumedRole, Role},
    aws::{AwsError, Found, FoundUnit, Quota, Refusal, Tagged, UnitRequest},
    id::{Region, UnitId},
    kind::{Kind, Resource},
    origin::{Completed, Reading},
    provenance::Sought,
    unit::{UnitKind, UnitReport},
};

/// By which role a call is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Access {
    /// The function's own role, in the deployment's account.
    Own,
    /// A role of another account.
    Assumed {
        /// The account's number, the role's name and its external id.
        account: String,
        /// The role's name.
        role: String,
        /// The external id, if the role asks for one.
        external_id: Option<String>,
    },
}

impl Access {
    /// For backups and scans of `account`.
    pub fn for_backup(account: &Account) -> Self {
        Self::of(account, |role| role.name.clone())
    }

    /// For deletions in `account`: a role of its own.
    pub fn for_cleanup(account: &Account) -> Self {
        Self::of(account, AssumedRole::cleanup_name)
    }

    /// For recoveries into `account`: a role of its own.
    pub fn for_recovery(account: &Account) -> Self {
        Self::of(account, AssumedRole::recovery_name)
    }

    /// To look at what runs in `account`: a role that can do nothing else.
    pub fn for_reading(account: &Account) -> Self {
        Self::of(account, AssumedRole::reader_name)
    }

    fn of(account: &Account, name: impl Fn(&AssumedRole) -> String) -> Self {
        match &account.role {
            Role::Own(_) => Self::Own,
            Role::Assumed(role) => Self::Assumed {
                account: role.account.to_string(),
                role: name(role),
                external_id: role.external_id.clone(),
            },
        }
    }

    /// Who calls, in words for an error.
    pub fn whom(&self, function: &str) -> String {
        match self {
            Self::Own => format!("the role of the function {function}"),
            Self::Assumed { account, role, .. } => format!("the role {role} of account {account}"),
        }
    }
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// By which role.
    pub access: Access,
    /// To which Region.
    pub region: Region,
}

/// Regions of an account.
#[async_trait]
pub trait Regions: Send + Sync {
    /// The Regions that are enabled in the account.
    async fn regions(&self, access: &Access) -> Result<Vec<Region>, AwsError>;
}

/// What a service can do for some kinds of resources: find and describe them, make units of them, follow the units.
///
/// Calls that read may be repeated inside; calls that make something are made once, never repeated inside.
#[async_trait]
pub trait Driver: Send + Sync {
    /// The kinds of resources that it knows.
    fn kinds(&self) -> &'static [Kind];

    /// The kinds of units that it makes.
    fn units(&self) -> &'static [UnitKind];

    /// Those of `resources`, all of one of its kinds, that exist, in any number of calls.
    async fn describe(&self, place: &Place, kind: Kind, resources: &[Resource]) -> Result<Vec<Found>, AwsError>;

    /// Fills in what [`Self::describe`] does not tell of how sources are: few calls for all of them, and of an instance
    /// alone only what [`InstanceOrigin::wanted`](cpm_domain::origin::InstanceOrigin::wanted) names. It never fails: what
    /// cannot be read is named in the answer, with the reason.
    async fn complete(&self, place: &Place, reading: Reading) -> Completed;

    /// All resources of its kinds with a `cpm backup` tag; none that are gone.
    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError>;

    /// Asks AWS for the units of one set.
    async fn create(&self, place: &Place, request: &UnitRequest) -> Result<Vec<UnitReport>, AwsError>;

    /// All units of a kind in the account that are sought.
    async fn find(&self, place: &Place, kind: UnitKind, sought: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError>;

    /// The quotas that bound how many units of these kinds there may be; none when they are counted elsewhere.
    async fn quotas(&self, place: &Place, kinds: &[UnitKind]) -> Result<Vec<Quota>, AwsError>;
}

/// Deletes units. Only the cleaner has it.
#[async_trait]
pub trait Deletions: Send + Sync {
    /// The kinds of units that it deletes.
    fn units(&self) -> &'static [UnitKind];

    /// Deletes a unit: one call, never repeated inside. One that is gone already is a success. The snapshots of an image
    /// stay.
    async fn delete(&self, place: &Place, kind: UnitKind, id: &UnitId) -> Result<(), AwsError>;
}

/// The drivers that a function has, by what they can do.
#[derive(Clone)]
pub struct Drivers(Vec<Arc<dyn Driver>>);

impl Drivers {
    /// All of them.
    pub fn new(drivers: Vec<Arc<dyn Driver>>) -> Self {
        Self(drivers)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Driver> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The one that knows a kind of resource.
    pub fn of_kind(&self, kind: Kind) -> Result<&dyn Driver, AwsError> {
        self.iter().find(|driver| driver.kinds().contains(&kind)).ok_or_else(|| without_driver(kind.as_str()))
    }

    /// The one that makes a kind of unit.
    pub fn of_unit(&self, kind: UnitKind) -> Result<&dyn Driver, AwsError> {
        self.iter().find(|driver| driver.units().contains(&kind)).ok_or_else(|| without_driver(kind.as_str()))
    }
}

/// What deletes, by what it deletes. Only the cleaner has it.
#[derive(Clone)]
pub struct Deleters(Vec<Arc<dyn Deletions>>);

impl Deleters {
    /// All of them.
    pub fn new(deleters: Vec<Arc<dyn Deletions>>) -> Self {
        Self(deleters)
    }

    /// The one that deletes a kind of unit.
    pub fn of_unit(&self, kind: UnitKind) -> Result<&dyn Deletions, AwsError> {
        let found = self.0.iter().map(AsRef::as_ref).find(|deletions| deletions.units().contains(&kind));
        found.ok_or_else(|| without_driver(kind.as_str()))
    }
}

pub(crate) fn without_driver(what: &str) -> AwsError {
    AwsError {
        refusal: Refusal::Invalid,
        action: "cpm".to_owned(),
        code: "NoDriver".to_owned(),
        message: format!("this function has no driver for {what}: deploy all functions of one version"),
    }
}
