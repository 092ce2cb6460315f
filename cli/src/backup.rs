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
    screen::tell,
    table::{Layout, cell, firm, maybe, status, table, text},
    times::{Times, took},
};

/// The most that the API gives at once.
const PAGE: usize = 100;

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

/// The most that is listed at once.
const MAX_LIMIT: usize = 100_000;

/// Reads how many to list.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MAX_LIMIT).contains(&count) => Ok(count),
        _ => Err(format!("write a whole number from 1 to {MAX_LIMIT}")),
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
    let mut backups: Vec<BackupSummary> = Vec::new();
    let mut before: Option<BackupId> = None;
    loop {
        let wanted = list.limit.saturating_sub(backups.len()).min(PAGE);
        let query = [
            ("policy", list.policy.as_ref().map(ToString::to_string)),
            ("status", list.status.map(|status| Status::from(status).to_string())),
            ("limit", Some(wanted.to_string())),
            ("before", before.map(|id| id.to_string())),
        ];
        let page: BackupPage = deployment.client.get(&["backups"], &query).await?;
        backups.extend(page.backups);
        before = page.next;
        if before.is_none() || backups.len() >= list.limit {
            break;
        }
    }
    backups.truncate(list.limit);
    session.screen.answer(&backups, |layout| listed(layout, &deployment.times, list, &backups))?;
    if before.is_some() && !session.screen.is_json() {
        tell("There are more: see them by a higher --limit.");
    }
    Ok(Outcome::Good)
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
