//! `cpm schedule`.

mod preview;

use clap::Subcommand;
use cpm_contracts::api::{Applied, ScheduleView, Schedules};
use cpm_domain::{name::ScheduleName, schedule::ScheduleSpec};

use self::preview::Preview;
use crate::{
    account::names,
    command::{Answer, Outcome},
    deployment::Session,
    plan,
    table::{Layout, cell, fields, firm, maybe, table, text},
    times::Times,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all schedules
    List,
    /// Show a schedule
    Show {
        /// Its name
        name: ScheduleName,
    },
    /// Remove a schedule that no policy runs by
    Delete {
        /// Its name
        name: ScheduleName,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Show when a schedule of a policy file would run. Needs no deployment
    Preview(Preview),
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    if let Command::Preview(preview) = &command {
        return preview::preview(session, preview);
    }
    let deployment = session.deployment().await?;
    match command {
        Command::List => {
            let all: Schedules = deployment.client.get(&["schedules"], &[]).await?;
            session.screen.answer(&all.schedules, |layout| list(layout, &deployment.times, &all.schedules))?;
        }
        Command::Show { name } => {
            let schedule: ScheduleView = deployment.client.get(&["schedules", name.as_str()], &[]).await?;
            session.screen.answer(&schedule, |layout| show(layout, &deployment.times, &schedule))?;
        }
        Command::Delete { name, yes } => {
            if !yes && !session.screen.confirm(&format!("Delete the schedule `{name}`?"))? {
                return Ok(Outcome::Bad);
            }
            let applied: Applied = deployment.client.delete(&["schedules", name.as_str()]).await?;
            session.screen.answer(&applied, |layout| plan::applied(layout, &applied))?;
        }
        Command::Preview(_) => {}
    }
    Ok(Outcome::Good)
}

fn list(layout: Layout, times: &Times, schedules: &[ScheduleView]) -> String {
    if schedules.is_empty() {
        return "There is no schedule yet. Write one into a policy file and `cpm apply -f FILE` it.\n".to_owned();
    }
    let next = times.heading("NEXT RUN");
    let columns = [firm("NAME"), text("REPEAT"), text("TIME ZONE"), text(&next), text("POLICIES")];
    let row = |view: &ScheduleView| {
        vec![
            cell(&view.schedule.name),
            cell(repeat(&view.schedule)),
            maybe(view.schedule.timezone.as_ref()),
            cell(view.next.map_or("never".to_owned(), |next| times.minute(next))),
            names(&view.policies),
        ]
    };
    table(layout, &columns, schedules.iter().map(row).collect()) + &warnings(schedules)
}

fn show(layout: Layout, times: &Times, view: &ScheduleView) -> String {
    let spec = &view.schedule;
    let windows: Vec<String> =
        spec.disabled.iter().map(|window| format!("{} {} to {}", window.day, window.from, window.to)).collect();
    let shown = vec![
        ("schedule", Some(cell(&spec.name))),
        ("description", spec.description.as_ref().map(cell)),
        ("repeat", Some(cell(repeat(spec)))),
        ("start", Some(cell(&spec.start))),
        ("end", spec.end.as_ref().map(cell)),
        ("time zone", Some(maybe(spec.timezone.as_ref()))),
        ("weekdays", spec.weekdays.as_ref().map(|days| names(days))),
        ("disabled", (!windows.is_empty()).then(|| names(&windows))),
        ("next run", Some(cell(view.next.map_or("never".to_owned(), |next| times.full(next))))),
        ("policies", Some(names(&view.policies))),
    ];
    fields(layout, shown) + &warnings(std::slice::from_ref(view))
}

fn warnings(schedules: &[ScheduleView]) -> String {
    let all = schedules.iter().flat_map(|view| &view.warnings);
    let lines = all.map(|warning| format!("warning: {}\n", warning.message)).collect::<Vec<_>>().concat();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn repeat(spec: &ScheduleSpec) -> String {
    match (spec.repeat.every, spec.repeat.unit.as_str()) {
        (1, unit) => format!("every {}", unit.trim_end_matches('s')),
        (every, unit) => format!("every {every} {unit}"),
    }
}
