//! What `cpm recover` takes: what all kinds have in common, and what each kind has of its own. What is given on the command
//! line comes before what a plan file says.

mod aurora;
mod dynamodb;
mod instance;
mod rds;
mod redshift;
mod value;
mod volumes;

use std::path::PathBuf;

use clap::Args;
use cpm_domain::{
    id::{BackupId, Region},
    name::AccountName,
    recovery::{
        AdHocRole, OnFailure,
        plan::{Plan, RecoveryKind, Wanted},
    },
};

pub(super) use self::{
    aurora::Aurora, dynamodb::Dynamodb, instance::Instance, rds::Rds, redshift::Redshift, volumes::Volumes,
};
use crate::fault::Fault;

/// What a kind has of its own.
pub(crate) trait Flags: Args {
    /// The kind.
    const KIND: RecoveryKind;

    /// Changes what is wanted; it is of the kind.
    fn change(&self, wanted: &mut Wanted) -> Result<(), Fault>;
}

/// A recovery of one kind.
#[derive(Debug, Args)]
pub(crate) struct Recover<F: Flags> {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) own: F,
}

/// What all kinds take.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Common {
    /// The number of the backup; may be left out when a plan names it
    #[arg(required_unless_present = "file")]
    backup: Option<BackupId>,
    /// A plan, as `--plan` prints it, or `-` for standard input. What is given beside it comes before what it says
    #[arg(long = "file", short = 'f', value_name = "PLAN")]
    pub(super) file: Option<PathBuf>,
    /// Print the whole plan with every default, as a file that can be edited and run, and what is wrong with it.
    /// Nothing is made
    #[arg(long, conflicts_with_all = ["yes", "no_wait"])]
    pub(super) plan: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Do not wait for the end of the recovery
    #[arg(long)]
    pub(super) no_wait: bool,
    /// Which target of the backup, by its id, when more than one fits
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Into which account [default: the one that was backed up]
    #[arg(long, value_name = "NAME")]
    account: Option<AccountName>,
    /// Into which AWS Region [default: that of the backup]
    #[arg(id = "into", long = "region", value_name = "REGION")]
    region: Option<Region>,
    /// By which role, instead of the account's own for recoveries; it must be of that account
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// What the trust policy of that role asks for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
    /// What becomes of what was made when something fails [default: keep]
    #[arg(long, value_name = "WHAT", value_parser = value::word::<OnFailure>(&["keep", "remove"]))]
    on_failure: Option<OnFailure>,
    #[command(flatten)]
    _deployment: DeploymentRegion,
}

/// Where `--region` says something else, the Region of the deployment has another name. It is told to the whole command
/// line by its id, that of the global option.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct DeploymentRegion {
    /// The AWS Region of the deployment, which is `--region` before the command
    #[arg(id = "region", long = "deployment-region", value_name = "REGION")]
    _region: Option<String>,
}

impl Common {
    /// Changes a plan, or begins one.
    pub(super) fn changed(&self, plan: Option<Plan>, kind: RecoveryKind) -> Result<Plan, Fault> {
        let mut plan = match (plan, self.backup) {
            (Some(plan), None) => plan,
            (Some(plan), Some(backup)) => Plan { backup, ..plan },
            (None, Some(backup)) => Plan::new(backup, kind),
            (None, None) => return Err(Fault::new("no backup is given", "write its number, or give a plan by -f")),
        };
        value::set(&mut plan.source, self.source.as_ref());
        value::set(&mut plan.account, self.account.as_ref());
        value::set(&mut plan.region, self.region.as_ref());
        if let Some(arn) = &self.role_arn {
            plan.role = Some(AdHocRole { arn: arn.clone(), external_id: self.external_id.clone() });
        }
        if let Some(on_failure) = self.on_failure {
            plan.on_failure = on_failure;
        }
        Ok(plan)
    }
}

/// A mistake in the program: a plan of another kind is refused before.
fn of_another_kind() -> Fault {
    Fault::new("the plan is of another kind than the command", "report this as a bug of cpm")
}
