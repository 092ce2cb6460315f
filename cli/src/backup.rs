//! `cpm backup`.

mod run;
mod show;

use clap::{Args, Subcommand, ValueEnum};
use cpm_contracts::api::{BackupPage, BackupSummary, BackupView};
use cpm_domain::{id::BackupId, name::PolicyName, status::Status};

pub(crate) use self::show::{scripts, state as unit_state};
use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    pages::{count, newest},
    table::{Layout, cell, firm, maybe, status, table, text},
    times::{Times, took},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Back a policy up now, whether it is enabled or not
    Run(run::Run),
    /// List backups, the newest first
    List(List),
    /// Show a backup with its units and its log
    Show {
        /// Its number
        id: BackupId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of this policy only
    #[arg(long)]
    policy: Option<PolicyName>,
    /// Of this status only
    #[arg(long, value_enum)]
    status: Option<StatusWord>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = count)]
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatusWord {
    InProgress,
    Successful,
    PartiallySuccessful,
    Failed,
}

impl From<StatusWord> for Status {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::InProgress => Self::InProgress,
            StatusWord::Successful => Self::Successful,
            StatusWord::PartiallySuccessful => Self::PartiallySuccessful,
            StatusWord::Failed => Self::Failed,
        }
    }
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    match command {
        Command::Run(run) => run::run(session, &run).await,
        Command::List(list) => self::list(session, &list).await,
        Command::Show { id } => {
            let deployment = session.deployment().await?;
            let backup: BackupView = deployment.client.get(&["backups", &id.to_string()], &[]).await?;
            session.screen.answer(&backup, |layout| show::shown(layout, &deployment.times, &backup))?;
            Ok(Outcome::Good)
        }
    }
}

async fn list(session: &Session, list: &List) -> Answer {
    let deployment = session.deployment().await?;
    let wanted = [
        ("policy", list.policy.as_ref().map(ToString::to_string)),
        ("status", list.status.map(|status| Status::from(status).to_string())),
    ];
    let backups = newest::<BackupPage>(&deployment.client, "backups", &wanted, list.limit).await?;
    backups.show(session, |layout, backups| listed(layout, &deployment.times, list, backups))
}

fn listed(layout: Layout, times: &Times, list: &List, backups: &[BackupSummary]) -> String {
    if backups.is_empty() {
        return match (&list.policy, list.status) {
            (None, None) => "There is no backup yet. `cpm backup run POLICY` makes one.\n".to_owned(),
            _ => "No backup is like that. `cpm backup list` shows all.\n".to_owned(),
        };
    }
    let started = times.heading("STARTED");
    let columns =
        [firm("ID"), text("POLICY"), firm("STATUS"), text(&started), firm("TOOK"), firm("TRIGGER"), firm("COUNTS")];
    let row = |backup: &BackupSummary| {
        vec![
            cell(backup.id),
            cell(&backup.policy),
            status(backup.status),
            cell(times.minute(backup.started)),
            maybe(took(backup.started, backup.ended)),
            cell(backup.trigger.as_str()),
            cell(match (&backup.frozen, backup.counts) {
                (Some(_), _) => "frozen",
                (None, true) => "yes",
                (None, false) => "no",
            }),
        ]
    };
    table(layout, &columns, backups.iter().map(row).collect())
}
