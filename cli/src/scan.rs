//! `cpm scan`.

use clap::{Args, Subcommand, value_parser};
use cpm_contracts::api::{RunState, ScanList, ScanRequest, ScanRun, Started};
use cpm_domain::scan::{Scan, ScanKind, ScanLine};

use crate::{
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    fault::{Fault, Faults},
    table::{Layout, cell, fields, firm, level, maybe, table, text},
    times::{Times, took},
    wait::{Waiting, interruptible},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look for `cpm backup` tags now
    Run(Run),
    /// List scans, the newest first; or show the log of one
    Log(Log),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes with --wait:
  0  everything was read; tags with errors are in the log
  1  an account or a Region could not be read, or the scan died")]
pub(crate) struct Run {
    /// Wait for the end of the scan, and show its log
    #[arg(long)]
    wait: bool,
    /// Say what would change and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The scan; the list says the ids
    id: Option<String>,
    /// How many scans at most
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = value_parser!(u16).range(1..=500), conflicts_with = "id")]
    limit: u16,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    match command {
        Command::Run(run) => run_now(session, &run).await,
        Command::Log(Log { id: Some(id), .. }) => {
            let deployment = session.deployment().await?;
            let scan: ScanRun = deployment.client.get(&["scans", &id], &[]).await?;
            session.screen.answer(&scan, |layout| shown(layout, &deployment.times, &scan))?;
            Ok(Outcome::Good)
        }
        Command::Log(Log { id: None, limit }) => {
            let deployment = session.deployment().await?;
            let query = [("limit", Some(limit.to_string()))];
            let all: ScanList = deployment.client.get(&["scans"], &query).await?;
            session.screen.answer(&all.scans, |layout| listed(layout, &deployment.times, &all.scans))?;
            Ok(Outcome::Good)
        }
    }
}

async fn run_now(session: &Session, run: &Run) -> Answer {
    let deployment = session.deployment().await?;
    let started: Started = deployment.client.post(&["scans"], &ScanRequest { dry_run: run.dry_run }).await?;
    if run.wait {
        return follow(session, &deployment, &started, "a scan for tags").await;
    }
    session.screen.answer(&started, |_| {
        format!("A scan was started. `cpm scan log {}` shows what it found.\n", started.execution)
    })?;
    Ok(Outcome::Good)
}

/// Waits for a scan and shows it.
pub(crate) async fn follow(session: &Session, deployment: &Deployment, started: &Started, what: &str) -> Answer {
    let goes_on = format!("the scan goes on; `cpm scan log {}` shows what it found", started.execution);
    let scan = interruptible(ended(session, deployment, &started.execution, what), &goes_on).await?;
    session.screen.answer(&scan, |layout| shown(layout, &deployment.times, &scan))?;
    let all_read = scan.scan.as_ref().is_some_and(|scan| scan.failed_places == 0);
    Ok(if scan.state == RunState::Ended && all_read { Outcome::Good } else { Outcome::Bad })
}

async fn ended(session: &Session, deployment: &Deployment, id: &str, what: &str) -> Result<ScanRun, Faults> {
    let mut waiting = Waiting::begin(&session.screen, &format!("{what} runs"));
    let standing = |run: &ScanRun| match &run.scan {
        None => format!("{what} runs"),
        Some(scan) => format!("{what} runs: {} resources found, {} changes", scan.found, scan.changes),
    };
    let is_over = |run: &ScanRun| run.state != RunState::Running;
    let ask = async || deployment.client.get(&["scans", id], &[]).await;
    let scan = waiting.until(standing, is_over, ask).await?;
    match (scan.state, &scan.scan) {
        (RunState::Dead | RunState::Unknown, None) => Err(dead(id).into()),
        _ => Ok(scan),
    }
}

fn dead(id: &str) -> Fault {
    Fault::new("the scan died before it began", "look at the execution of the tag-scan state machine, then try again")
        .at(format!("execution {id}"))
}

fn listed(layout: Layout, times: &Times, scans: &[Scan]) -> String {
    if scans.is_empty() {
        return "There was no scan yet. `cpm scan run` starts one.\n".to_owned();
    }
    let started = times.heading("STARTED");
    let columns = [firm("ID"), text(&started), text("LOOKED FOR"), firm("FOUND"), firm("CHANGES"), firm("ERRORS")];
    let row = |scan: &Scan| {
        vec![
            cell(&scan.id),
            cell(times.minute(scan.started)),
            cell(looked_for(scan)),
            cell(scan.found),
            cell(scan.changes),
            cell(scan.errors + scan.failed_places),
        ]
    };
    table(layout, &columns, scans.iter().map(row).collect())
}

fn looked_for(scan: &Scan) -> String {
    let what = match scan.kind {
        ScanKind::Tags => "tags",
        ScanKind::Snapshots => "snapshots",
    };
    if scan.dry_run { format!("{what}, dry run") } else { what.to_owned() }
}

/// A scan with its log.
fn shown(layout: Layout, times: &Times, run: &ScanRun) -> String {
    let state = match run.state {
        RunState::Running => "it runs",
        RunState::Ended => "ended",
        RunState::Dead => "it failed, timed out or was stopped",
        RunState::Unknown => "not known any more",
    };
    let mut shown = vec![("scan", Some(cell(&run.id))), ("state", Some(cell(state)))];
    if let Some(scan) = &run.scan {
        let places = match scan.failed_places {
            0 => scan.places.to_string(),
            failed => format!("{}, of which {failed} could not be read", scan.places),
        };
        let changes = if scan.dry_run { "would change" } else { "changes" };
        shown.extend([
            ("looked for", Some(cell(looked_for(scan)))),
            ("asked by", Some(cell(&scan.asked_by))),
            ("started", Some(cell(times.full(scan.started)))),
            ("took", took(scan.started, scan.ended).map(cell)),
            ("places", Some(cell(places))),
            ("found", Some(cell(scan.found))),
            (changes, Some(cell(scan.changes))),
            ("errors", Some(cell(scan.errors))),
        ]);
    }
    let lines = if run.lines.is_empty() { "Its log is empty.\n".to_owned() } else { lines(layout, &run.lines) };
    format!("{}\n{lines}", fields(layout, shown))
}

fn lines(layout: Layout, lines: &[ScanLine]) -> String {
    let columns = [firm("LEVEL"), text("WHERE"), firm("RESOURCE"), text("LOG")];
    let row = |line: &ScanLine| {
        let tag = line.value.as_ref().map(|value| format!("`{value}`: ")).unwrap_or_default();
        vec![
            level(line.level),
            cell(format!("{} {}", line.account, line.region)),
            maybe(line.resource.as_ref()),
            cell(format!("{tag}{}", line.message)),
        ]
    };
    table(layout, &columns, lines.iter().map(row).collect())
}
