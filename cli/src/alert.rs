//! `cpm alert`.

use std::fmt::Write as _;

use clap::Subcommand;
use comfy_table::Color;
use cpm_contracts::api::{AlertList, AlertView};
use cpm_domain::alert::Severity;

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    table::{Layout, cell, firm, table, text},
    times::Times,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the alerts that stand. One goes when the thing next succeeds
    List,
}

/// `cpm alert list`.
pub(crate) async fn list(session: &Session) -> Answer {
    let deployment = session.deployment().await?;
    let all: AlertList = deployment.client.get(&["alerts"], &[]).await?;
    session.screen.answer(&all.alerts, |layout| shown(layout, &deployment.times, &all.alerts))?;
    Ok(Outcome::Good)
}

fn shown(layout: Layout, times: &Times, alerts: &[AlertView]) -> String {
    if alerts.is_empty() {
        return "No alert stands. `cpm backup list` shows what was backed up.\n".to_owned();
    }
    let (since, last) = (times.heading("SINCE"), times.heading("LAST"));
    let columns =
        [firm("SEVERITY"), firm("ABOUT"), text("SUBJECT"), text(&since), text(&last), firm("TIMES"), text("ALERT")];
    let row = |alert: &AlertView| {
        let color = match alert.severity {
            Severity::Warning => Color::Yellow,
            Severity::Error => Color::Red,
        };
        vec![
            cell(alert.severity.as_str()).fg(color),
            cell(alert.category.as_str()),
            cell(&alert.subject),
            cell(times.minute(alert.since)),
            cell(times.minute(alert.time)),
            cell(alert.count),
            cell(&alert.title),
        ]
    };
    let mut shown = table(layout, &columns, alerts.iter().map(row).collect());
    for alert in alerts {
        let _ = writeln!(shown, "\n{}: {}", alert.title, alert.message);
    }
    shown
}
