//! `cpm drill`.

mod show;

pub(crate) use self::show::span;

use clap::{Args, Subcommand};
use cpm_contracts::api::{DrillList, DrillView};
use cpm_domain::{
    drill::{DrillId, State},
    name::PolicyName,
};

use crate::{
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    pages::{count, newest},
    policy::Nothing,
    wait::{Waiting, interruptible},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Restore the newest generation of a policy into its quarantine, check it, and remove it again
    Run(Run),
    /// List drills, the newest first
    List(List),
    /// Show a drill: what it restored, what it found, and what it measured
    Show(Show),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes with --wait:
  0  all was restored, passed its checks, and is gone again
  1  something was not

The policy's file says where a drill restores to (`drill.quarantine`), and what it looks at.")]
pub(crate) struct Run {
    /// The policy
    policy: PolicyName,
    /// Wait for the end of the drill, and show it
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of this policy only
    #[arg(long)]
    policy: Option<PolicyName>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = count)]
    limit: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes with --wait:
  0  the drill succeeded
  1  it did not")]
pub(crate) struct Show {
    /// Its number, such as `d5`
    drill: DrillId,
    /// Wait for its end
    #[arg(long)]
    wait: bool,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    match command {
        Command::Run(run) => begin(session, &run).await,
        Command::List(list) => self::list(session, &list).await,
        Command::Show(show) => self::show(session, &show).await,
    }
}

async fn begin(session: &Session, run: &Run) -> Answer {
    let deployment = session.deployment().await?;
    let path = ["policies", run.policy.as_str(), "drills"];
    let drill: DrillView = deployment.client.post(&path, &Nothing {}).await?;
    if !run.wait {
        let id = drill.id;
        session.screen.answer(&drill, |_| {
            format!("Drill {id} of `{}` is started. `cpm drill show {id}` shows it.\n", run.policy)
        })?;
        return Ok(Outcome::Good);
    }
    ended(session, &deployment, drill).await
}

async fn show(session: &Session, show: &Show) -> Answer {
    let deployment = session.deployment().await?;
    let drill: DrillView = deployment.client.get(&["drills", &show.drill.to_string()], &[]).await?;
    if show.wait {
        return ended(session, &deployment, drill).await;
    }
    session.screen.answer(&drill, |layout| show::shown(layout, &deployment.times, &drill))?;
    Ok(Outcome::Good)
}

/// Waits for the end of a drill, and shows it.
async fn ended(session: &Session, deployment: &Deployment, drill: DrillView) -> Answer {
    let goes_on = format!("the drill goes on; `cpm drill show {}` shows it", drill.id);
    let id = drill.id.to_string();
    let is_over = |drill: &DrillView| drill.state != State::Running;
    let ask = async || deployment.client.get(&["drills", &id], &[]).await;
    let drill = interruptible(Waiting::from(&session.screen, drill, show::standing, is_over, ask), &goes_on).await?;
    session.screen.answer(&drill, |layout| show::shown(layout, &deployment.times, &drill))?;
    Ok(if drill.state == State::Succeeded { Outcome::Good } else { Outcome::Bad })
}

async fn list(session: &Session, list: &List) -> Answer {
    let deployment = session.deployment().await?;
    let wanted = [("policy", list.policy.as_ref().map(ToString::to_string))];
    let drills = newest::<DrillList>(&deployment.client, "drills", &wanted, list.limit).await?;
    drills.show(session, |layout, drills| match (drills.is_empty(), &list.policy) {
        (false, _) => show::list(layout, &deployment.times, drills),
        (true, None) => "There is no drill yet. `cpm drill run POLICY` runs one.\n".to_owned(),
        (true, Some(policy)) => format!("There is no drill of `{policy}` yet. `cpm drill run {policy}` runs one.\n"),
    })
}
