//! `cpm audit`.

use clap::{Args, Subcommand};
use cpm_contracts::api::{AuditPage, AuditView};

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    screen::tell,
    table::{Layout, cell, table, text},
    times::Times,
};

/// The most that the API gives at once.
const PAGE: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List changes, the newest first
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = crate::backup::count)]
    limit: usize,
}

/// `cpm audit list`.
pub(crate) async fn list(session: &Session, list: &List) -> Answer {
    let deployment = session.deployment().await?;
    let mut events: Vec<AuditView> = Vec::new();
    let mut before = None;
    loop {
        let wanted = list.limit.saturating_sub(events.len()).min(PAGE);
        let query = [("limit", Some(wanted.to_string())), ("before", before)];
        let page: AuditPage = deployment.client.get(&["audit"], &query).await?;
        events.extend(page.events);
        before = page.next.map(|time| time.to_string());
        if before.is_none() || events.len() >= list.limit {
            break;
        }
    }
    events.truncate(list.limit);
    session.screen.answer(&events, |layout| shown(layout, &deployment.times, &events))?;
    if before.is_some() && !session.screen.is_json() {
        tell("There are more: see them by a higher --limit.");
    }
    Ok(Outcome::Good)
}

fn shown(layout: Layout, times: &Times, events: &[AuditView]) -> String {
    if events.is_empty() {
        return "Nothing was changed yet. `cpm apply -f FILE` makes the first changes.\n".to_owned();
    }
    let time = times.heading("TIME");
    let columns = [text(&time), text("WHO"), text("WHAT"), text("SUBJECT"), text("DETAILS")];
    let row = |event: &AuditView| {
        vec![
            cell(times.second(event.time)),
            cell(&event.actor),
            cell(&event.action),
            cell(&event.subject),
            cell(&event.details),
        ]
    };
    table(layout, &columns, events.iter().map(row).collect())
}
