//! The resources of AWS accounts.

use async_trait::async_trait;
use cpm_domain::{
    account::{Account, AssumedRole, Role},
    aws::{AwsError, FoundSnapshot, Instance, SnapshotRequest, Tagged, Volume},
    id::{InstanceId, Region, SnapshotId, VolumeId},
    unit::SnapshotReport,
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

/// Reads resources and their tags.
#[async_trait]
pub trait Resources: Send + Sync {
    /// The Regions that are enabled in the account.
    async fn regions(&self, access: &Access) -> Result<Vec<Region>, AwsError>;

    /// Those of `ids` that exist, in any number of calls.
    async fn instances(&self, place: &Place, ids: &[InstanceId]) -> Result<Vec<Instance>, AwsError>;

    /// Those of `ids` that exist, in any number of calls.
    async fn volumes(&self, place: &Place, ids: &[VolumeId]) -> Result<Vec<Volume>, AwsError>;

    /// All instances and volumes with a `cpm backup` tag; no terminated ones.
    async fn tagged(&self, place: &Place) -> Result<Vec<Tagged>, AwsError>;
}

/// Makes snapshots and follows them.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Asks AWS for the snapshots of one set: one call, never repeated inside.
    async fn create(&self, place: &Place, request: &SnapshotRequest) -> Result<Vec<SnapshotReport>, AwsError>;

    /// All snapshots of the account whose tags have every one of `tags`.
    async fn find(&self, place: &Place, tags: &[(&str, &str)]) -> Result<Vec<FoundSnapshot>, AwsError>;
}

/// Deletes snapshots. Only the cleaner has it.
#[async_trait]
pub trait Deletions: Send + Sync {
    /// Deletes a snapshot: one call, never repeated inside. One that is gone already is a success.
    async fn delete(&self, place: &Place, snapshot: &SnapshotId) -> Result<(), AwsError>;
}
