//! `cpm freezer`.

use clap::{Args, Subcommand};
use cpm_contracts::api::{FreezeRequest, FreezerList, FrozenView, Unfrozen};
use cpm_domain::{
    freezer::{Afterwards, Description, FreezerName},
    id::BackupId,
};

use crate::{
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    screen::tell,
    table::{Layout, cell, fields, firm, maybe, table, text},
    times::Times,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Move a backup into the freezer: it stays until it is taken out, even if its policy goes
    Add(Add),
    /// List what is in the freezer, by name
    List {
        /// Only what has all these words in its name or its description, in any case
        words: Vec<String>,
    },
    /// Show a frozen backup, and what becomes of it when it is taken out
    Show {
        /// Its name in the freezer, in any case
        name: FreezerName,
    },
    /// Take a backup out of the freezer
    Remove(Remove),
}

#[derive(Debug, Args)]
#[command(after_help = "\
While it is frozen a backup is no generation: the others of its policy stay and go as if it were
not there. A backup that runs cannot be frozen, nor one that is being deleted. A backup has one name
in the freezer.")]
pub(crate) struct Add {
    /// The number of the backup
    backup: BackupId,
    /// Its name in the freezer: letters and digits, spaces between words, and `_ - . , : + ( )`; at most 64 characters.
    /// No two have the same name, in any case
    #[arg(long)]
    name: FreezerName,
    /// Why it is kept; at most 1,000 characters
    #[arg(long, value_name = "TEXT")]
    description: Option<Description>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The backup is then under the retention of its policy again, and goes with the next cleanup if it is
outdated; or, if its policy is gone, it is deleted with all its snapshots. Which of both is said
before it is done.")]
pub(crate) struct Remove {
    /// Its name in the freezer, in any case
    name: FreezerName,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    let deployment = session.deployment().await?;
    match command {
        Command::Add(add) => {
            let request = FreezeRequest { backup: add.backup, name: add.name, description: add.description };
            let frozen: FrozenView = deployment.client.post(&["freezer"], &request).await?;
            session.screen.answer(&frozen, |_| added(&frozen))?;
            Ok(Outcome::Good)
        }
        Command::List { words } => {
            let words = words.join(" ");
            let query = [("words", (!words.is_empty()).then(|| words.clone()))];
            let all: FreezerList = deployment.client.get(&["freezer"], &query).await?;
            session.screen.answer(&all.frozen, |layout| list(layout, &deployment.times, &words, &all.frozen))?;
            Ok(Outcome::Good)
        }
        Command::Show { name } => {
            let frozen: FrozenView = deployment.client.get(&["freezer", name.as_str()], &[]).await?;
            session.screen.answer(&frozen, |layout| show(layout, &deployment.times, &frozen))?;
            Ok(Outcome::Good)
        }
        Command::Remove(remove) => self::remove(session, &deployment, &remove).await,
    }
}

/// `cpm freezer remove NAME`: what is said first is what is done, or nothing is.
async fn remove(session: &Session, deployment: &Deployment, remove: &Remove) -> Answer {
    let path = ["freezer", remove.name.as_str()];
    let frozen: FrozenView = deployment.client.get(&path, &[]).await?;
    let (name, then) = (&frozen.frozen.name, afterwards(&frozen));
    if remove.yes {
        tell(&format!("Taking `{name}` out of the freezer: {then}."));
    } else if !session.screen.confirm(&format!("Take `{name}` out of the freezer? Then {then}."))? {
        return Ok(Outcome::Bad);
    }
    let word = match frozen.afterwards {
        Afterwards::Retention => "retention",
        Afterwards::Deletion => "deletion",
    };
    let query = [("afterwards", Some(word.to_owned()))];
    let removed: Unfrozen = deployment.client.delete_if(&path, &query).await?;
    session.screen.answer(&removed, |_| {
        let Unfrozen { name, backup, policy, afterwards, .. } = &removed;
        format!("`{name}` is out of the freezer: {}.\n", afterwards.tell(*backup, policy))
    })?;
    Ok(Outcome::Good)
}

fn afterwards(frozen: &FrozenView) -> String {
    frozen.afterwards.tell(frozen.backup, &frozen.policy)
}

fn added(frozen: &FrozenView) -> String {
    let FrozenView { frozen: mark, backup, .. } = frozen;
    format!(
        "Backup {backup} is in the freezer as `{}`. It stays until `cpm freezer remove '{}'`.\n",
        mark.name, mark.name
    )
}

fn list(layout: Layout, times: &Times, words: &str, frozen: &[FrozenView]) -> String {
    if frozen.is_empty() && words.is_empty() {
        return "The freezer is empty. `cpm freezer add BACKUP --name NAME` moves a backup into it.\n".to_owned();
    }
    if frozen.is_empty() {
        return "Nothing in the freezer has all these words. `cpm freezer list` shows all.\n".to_owned();
    }
    let since = times.heading("SINCE");
    let columns = [text("NAME"), firm("BACKUP"), text("POLICY"), text(&since), text("DESCRIPTION")];
    let row = |view: &FrozenView| {
        vec![
            cell(&view.frozen.name),
            cell(view.backup),
            cell(&view.policy),
            cell(times.minute(view.frozen.time)),
            maybe(view.frozen.description.as_ref().map(|text| one_line(text.as_str()))),
        ]
    };
    table(layout, &columns, frozen.iter().map(row).collect())
}

/// Elsewhere than on a terminal a row is a line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn show(layout: Layout, times: &Times, view: &FrozenView) -> String {
    let shown = vec![
        ("name", Some(cell(&view.frozen.name))),
        ("description", view.frozen.description.as_ref().map(cell)),
        ("frozen since", Some(cell(times.full(view.frozen.time)))),
        ("backup", Some(cell(view.backup))),
        ("policy", Some(cell(&view.policy))),
        ("account", Some(cell(&view.account))),
        ("started", Some(cell(times.full(view.started)))),
        ("once removed", Some(cell(afterwards(view)))),
    ];
    let backup = view.backup;
    format!("{}\nIts units and its log: `cpm backup show {backup}`\n", fields(layout, shown))
}
