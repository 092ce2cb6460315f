//! `cpm audit`.

use clap::{Args, Subcommand};
use cpm_contracts::api::{AuditPage, AuditView};

use crate::{
    command::Answer,
    deployment::Session,
    pages::{count, newest},
    table::{Layout, cell, table, text},
    times::Times,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List changes, the newest first
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = count)]
    limit: usize,
}

/// `cpm audit list`.
pub(crate) async fn list(session: &Session, list: &List) -> Answer {
    let deployment = session.deployment().await?;
    let events = newest::<AuditPage>(&deployment.client, "audit", &[], list.limit).await?;
    events.show(session, |layout, events| shown(layout, &deployment.times, events))
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
