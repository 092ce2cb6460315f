//! `cpm cleanup`.

use clap::{Args, Subcommand};
use cpm_contracts::api::{CleanupRequest, CleanupRun, RunState, Started};
use cpm_domain::name::PolicyName;

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    wait::{Waiting, interruptible},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Delete backups that are no longer kept, now
    Run(Run),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Of this policy only
    #[arg(long)]
    policy: Option<PolicyName>,
    /// Wait for the end of the cleanup
    #[arg(long)]
    wait: bool,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    let Command::Run(run) = command;
    let deployment = session.deployment().await?;
    let request = CleanupRequest { policy: run.policy };
    let started: Started = deployment.client.post(&["cleanups"], &request).await?;
    if !run.wait {
        let text = "A cleanup was started. What AWS will not delete is told by `cpm alert list`.\n";
        session.screen.answer(&started, |_| text.to_owned())?;
        return Ok(Outcome::Good);
    }
    let goes_on = "the cleanup goes on; what AWS will not delete is told by `cpm alert list`";
    let mut waiting = Waiting::begin(&session.screen, "a cleanup runs");
    let standing = |_: &_| "a cleanup runs".to_owned();
    let is_over = |run: &CleanupRun| run.state != RunState::Running;
    let ask = async || deployment.client.get(&["cleanups", &started.execution], &[]).await;
    let ended = interruptible(waiting.until(standing, is_over, ask), goes_on).await?;
    session.screen.answer(&ended, |_| {
        match ended.state {
            RunState::Ended => "The cleanup has ended. What AWS would not delete is told by `cpm alert list`.\n",
            _ => "The cleanup died. Look at the execution of the cleanup state machine; the next one takes up its work.\n",
        }
        .to_owned()
    })?;
    Ok(if ended.state == RunState::Ended { Outcome::Good } else { Outcome::Bad })
}
