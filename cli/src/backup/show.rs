//! A backup, for people.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::{Cell, Color};
use cpm_contracts::api::{BackupSummary, BackupView, UnitView};
use cpm_domain::{backup::LogLine, status::Status, unit::UnitState};

use crate::{
    table::{Layout, cell, fields, firm, level, maybe, status, table, text},
    times::{Times, took},
};

/// A backup with its units and its log.
pub(super) fn shown(layout: Layout, times: &Times, backup: &BackupView) -> String {
    let summary = &backup.summary;
    let trigger = match (summary.retry, summary.slot) {
        (true, _) => "retry of one that failed".to_owned(),
        (false, Some(slot)) => format!("{}, due {}", summary.trigger.as_str(), times.full(slot)),
        (false, None) => summary.trigger.as_str().to_owned(),
    };
    let shown = vec![
        ("backup", Some(cell(summary.id))),
        ("policy", Some(cell(&summary.policy))),
        ("account", Some(cell(&summary.account))),
        ("status", Some(status(summary.status))),
        ("generation", Some(cell(generation(summary)))),
        ("trigger", Some(cell(trigger))),
        ("started", Some(cell(times.full(summary.started)))),
        ("ended", summary.ended.map(|ended| cell(times.full(ended)))),
        ("took", took(summary.started, summary.ended).map(cell)),
        ("frozen", summary.frozen_ms.map(|milliseconds| cell(format!("{milliseconds} ms")))),
    ];
    let parts = [fields(layout, shown), units(layout, &backup.units), log(layout, times, &backup.log)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn generation(summary: &BackupSummary) -> &'static str {
    match (summary.status, summary.counts) {
        (Status::InProgress, _) => "not decided yet",
        (_, true) => "yes: it counts",
        (_, false) => "no: it does not count",
    }
}

/// The units, those of one call together.
fn units(layout: Layout, units: &[UnitView]) -> String {
    if units.is_empty() {
        return "It has no unit.\n".to_owned();
    }
    let mut sets: BTreeMap<(&str, &str), Vec<&UnitView>> = BTreeMap::new();
    for unit in units {
        let instance = unit.instance.as_ref().map_or("", |instance| instance.as_str());
        sets.entry((unit.region.as_str(), instance)).or_default().push(unit);
    }
    let shown = sets.into_iter().map(|((region, instance), units)| {
        let heading = if instance.is_empty() {
            format!("Volumes in {region}\n")
        } else {
            format!("Instance {instance} in {region}\n")
        };
        heading + &set(layout, &units)
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn set(layout: Layout, units: &[&UnitView]) -> String {
    let columns = [firm("VOLUME"), firm("SNAPSHOT"), firm("STATE"), firm("TOOK")];
    let row = |unit: &&UnitView| {
        let took = unit.started.and_then(|started| took(started, unit.ended));
        vec![cell(&unit.source), maybe(unit.id.as_ref()), state(unit.state), maybe(took)]
    };
    let mut shown = table(layout, &columns, units.iter().map(row).collect());
    for unit in units {
        if let Some(error) = &unit.error {
            let _ = writeln!(shown, "{}: {error}", unit.source);
        }
    }
    shown
}

fn state(state: UnitState) -> Cell {
    match state {
        UnitState::Planned => Cell::new("planned"),
        UnitState::Pending => Cell::new("pending").fg(Color::Cyan),
        UnitState::Completed => Cell::new("completed").fg(Color::Green),
        UnitState::Failed => Cell::new("failed").fg(Color::Red),
        UnitState::Deleted => Cell::new("deleted"),
    }
}

fn log(layout: Layout, times: &Times, lines: &[LogLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let time = times.heading("TIME");
    let columns = [firm(&time), firm("LEVEL"), text("LOG")];
    let row = |line: &LogLine| vec![cell(times.second(line.time)), level(line.level), cell(&line.message)];
    table(layout, &columns, lines.iter().map(row).collect())
}
