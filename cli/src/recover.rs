//! `cpm recover`.

pub(crate) mod flags;
mod panel;
mod run;
mod show;
mod summary;
mod yaml;

use std::str::FromStr;

use clap::{Args, Subcommand};
use cpm_contracts::api::{AnswerRequest, PanelView, RecoveryList, RecoveryView};
use cpm_domain::{id::BackupId, name::PolicyName, recovery::RecoveryId};

use self::flags::{Aurora, Dynamodb, Instance, Rds, Recover, Redshift, Volumes};
use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    pages::{count, newest},
};

#[derive(Debug, Subcommand)]
#[command(subcommand_help_heading = "Commands")]
pub(crate) enum Command {
    /// Show what is in a backup and how to recover it, or how a recovery stands
    Show(Show),
    /// List recoveries, the newest first
    List(List),
    /// Recover an instance with its volumes
    #[command(after_help = run::CODES)]
    Instance(Box<Recover<Instance>>),
    /// Recover volumes, and attach them
    #[command(after_help = run::CODES)]
    Volumes(Box<Recover<Volumes>>),
    /// Recover an RDS database
    #[command(after_help = run::CODES)]
    Rds(Box<Recover<Rds>>),
    /// Recover an Aurora cluster with its members
    #[command(after_help = run::CODES)]
    Aurora(Box<Recover<Aurora>>),
    /// Recover a Redshift cluster
    #[command(after_help = run::CODES)]
    Redshift(Box<Recover<Redshift>>),
    /// Recover a DynamoDB table
    #[command(after_help = run::CODES)]
    Dynamodb(Box<Recover<Dynamodb>>),
    /// Say yes to a recovery that waits for somebody else than who asked for it
    Approve(Say),
    /// Say no to one
    Refuse(Say),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes with --wait:
  0  the recovery succeeded
  1  it did not")]
pub(crate) struct Show {
    /// The number of a backup, `17`, or of a recovery, `r17`
    #[arg(value_name = "BACKUP|RECOVERY")]
    what: What,
    /// Of a recovery: wait for its end
    #[arg(long)]
    wait: bool,
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Backup(BackupId),
    Recovery(RecoveryId),
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = if text.starts_with('r') {
            text.parse().ok().map(Self::Recovery)
        } else {
            text.parse().ok().map(Self::Backup)
        };
        found.ok_or_else(|| "write the number of a backup, such as `17`, or of a recovery, such as `r17`".to_owned())
    }
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of backups of this policy only
    #[arg(long)]
    policy: Option<PolicyName>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = count)]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Say {
    /// The number of the recovery, such as `r17`
    recovery: RecoveryId,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    match command {
        Command::Show(Show { what, wait }) => self::show(session, what, wait).await,
        Command::List(list) => self::list(session, &list).await,
        Command::Instance(recover) => run::run(session, &recover).await,
        Command::Volumes(recover) => run::run(session, &recover).await,
        Command::Rds(recover) => run::run(session, &recover).await,
        Command::Aurora(recover) => run::run(session, &recover).await,
        Command::Redshift(recover) => run::run(session, &recover).await,
        Command::Dynamodb(recover) => run::run(session, &recover).await,
        Command::Approve(say) => answer(session, say, true).await,
        Command::Refuse(say) => answer(session, say, false).await,
    }
}

async fn show(session: &Session, what: What, wait: bool) -> Answer {
    let deployment = session.deployment().await?;
    let id = match what {
        What::Backup(id) => {
            let panel: PanelView = deployment.client.get(&["backups", &id.to_string(), "recovery"], &[]).await?;
            session.screen.answer(&panel, |layout| panel::shown(layout, &deployment.times, &panel))?;
            return Ok(Outcome::Good);
        }
        What::Recovery(id) => id,
    };
    let mut recovery: RecoveryView = deployment.client.get(&["recoveries", &id.to_string()], &[]).await?;
    if wait {
        recovery = run::followed(session, &deployment, recovery).await?;
    }
    session.screen.answer(&recovery, |layout| show::shown(layout, &deployment.times, &recovery))?;
    Ok(if wait { run::outcome(&recovery) } else { Outcome::Good })
}

async fn list(session: &Session, list: &List) -> Answer {
    let deployment = session.deployment().await?;
    let wanted = [("policy", list.policy.as_ref().map(ToString::to_string))];
    let recoveries = newest::<RecoveryList>(&deployment.client, "recoveries", &wanted, list.limit).await?;
    recoveries.show(session, |layout, recoveries| match (recoveries.is_empty(), &list.policy) {
        (false, _) => show::list(layout, &deployment.times, recoveries),
        (true, None) => {
            "There is no recovery yet. `cpm recover show BACKUP` says what can be recovered from a backup.\n"
                .to_owned()
        }
        (true, Some(policy)) => format!("There is no recovery of policy `{policy}`. `cpm recover list` shows all.\n"),
    })
}

async fn answer(session: &Session, say: Say, approved: bool) -> Answer {
    let deployment = session.deployment().await?;
    let request = AnswerRequest { approved, reason: say.reason };
    let path = ["recoveries", &say.recovery.to_string(), "answer"];
    let recovery: RecoveryView = deployment.client.post(&path, &request).await?;
    let id = recovery.id;
    session.screen.answer(&recovery, |_| {
        if approved {
            format!("{id} is approved, and goes on. `cpm recover show {id}` shows it.\n")
        } else {
            format!("{id} is refused: nothing is made.\n")
        }
    })?;
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("17", Some(What::Backup(BackupId(17))))]
    #[case("r17", Some(What::Recovery(RecoveryId(17))))]
    #[case("R17", None)]
    #[case("r", None)]
    #[case("-1", None)]
    #[case("web", None)]
    #[case("", None)]
    fn numbers(#[case] text: &str, #[case] what: Option<What>) {
        assert_eq!(text.parse().ok(), what);
    }
}
