//! `cpm backup run`.

use clap::Args;
use cpm_contracts::api::{BackupRun, BackupView, PolicyView, RunState, Started};
use cpm_domain::{id::BackupId, name::PolicyName, status::Status};

use super::show;
use crate::{
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    fault::{Fault, Faults},
    policy::Nothing,
    wait::{Waiting, interruptible},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes with --wait:
  0  the backup is successful
  1  it is not, or it was not made

It waits for the backup that was asked for, and not for the retries that may follow it.")]
pub(crate) struct Run {
    /// The policy
    policy: PolicyName,
    /// Wait for the end of the backup, and show it
    #[arg(long)]
    wait: bool,
}

/// `cpm backup run POLICY`.
pub(super) async fn run(session: &Session, run: &Run) -> Answer {
    let deployment = session.deployment().await?;
    let path = ["policies", run.policy.as_str(), "backups"];
    let started: Started = deployment.client.post(&path, &Nothing {}).await?;
    if !run.wait {
        session.screen.answer(&started, |_| {
            let policy = &run.policy;
            format!("A backup of `{policy}` was started. `cpm backup list --policy {policy}` shows it.\n")
        })?;
        return Ok(Outcome::Good);
    }
    let goes_on = format!("the backup goes on; `cpm backup list --policy {}` shows it", run.policy);
    let backup = interruptible(followed(session, &deployment, &run.policy, &started.execution), &goes_on).await?;
    session.screen.answer(&backup, |layout| show::shown(layout, &deployment.times, &backup))?;
    Ok(if backup.summary.status == Status::Successful { Outcome::Good } else { Outcome::Bad })
}

/// The backup once it has ended.
async fn followed(
    session: &Session,
    deployment: &Deployment,
    policy: &PolicyName,
    execution: &str,
) -> Result<BackupView, Faults> {
    let mut waiting = Waiting::begin(&session.screen, &format!("a backup of `{policy}` begins"));
    let id = begun(deployment, &mut waiting, policy, execution).await?.to_string();
    let standing = |backup: &BackupView| {
        let settled = backup.units.iter().filter(|unit| unit.state.is_settled()).count();
        match backup.units.len() {
            0 if backup.summary.status == Status::InProgress => format!("backup {id} of `{policy}` is being planned"),
            all => format!("backup {id} of `{policy}`: {settled} of {all} units settled"),
        }
    };
    let is_over = |backup: &BackupView| backup.summary.status != Status::InProgress;
    let ask = async || deployment.client.get(&["backups", &id], &[]).await;
    Ok(waiting.until(standing, is_over, ask).await?)
}

/// The number of the backup, once it has one.
async fn begun(
    deployment: &Deployment,
    waiting: &mut Waiting,
    policy: &PolicyName,
    execution: &str,
) -> Result<BackupId, Faults> {
    let path = ["policies", policy.as_str(), "runs", execution];
    let standing = |_: &_| format!("a backup of `{policy}` begins");
    let is_over = |run: &BackupRun| !run.backups.is_empty() || run.state != RunState::Running;
    let run = waiting.until(standing, is_over, async || deployment.client.get(&path, &[]).await).await?;
    match (run.backups.first(), run.state) {
        (Some(id), _) => Ok(*id),
        (None, RunState::Running | RunState::Ended) => Err(refused(deployment, policy).await.into()),
        (None, RunState::Dead | RunState::Unknown) => Err(dead(execution).into()),
    }
}

/// Why an execution ended without a backup: most likely because another one runs.
async fn refused(deployment: &Deployment, policy: &PolicyName) -> Fault {
    let what = format!("no backup of `{policy}` was made");
    let view: Result<PolicyView, Fault> = deployment.client.get(&["policies", policy.as_str()], &[]).await;
    match view.ok().and_then(|view| view.summary.running) {
        Some(running) => Fault::new(what, format!("wait for backup {running} to end: `cpm backup show {running}`"))
            .note("a policy has one backup at a time"),
        None => Fault::new(what, format!("try again; see `cpm backup list --policy {policy}`"))
            .note("another backup of the policy was running, or the policy is gone"),
    }
}

fn dead(execution: &str) -> Fault {
    Fault::new("the backup died before it began", "look at the execution of the backup state machine, then try again")
        .at(format!("execution {execution}"))
}
