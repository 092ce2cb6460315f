//! A backup, for people.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::{Cell, Color};
use cpm_contracts::api::{BackupSummary, BackupView, ScriptView, UnitView};
use cpm_domain::{backup::LogLine, script::ScriptState, status::Status, unit::UnitState};

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
        (
            "freezer",
            summary.frozen.as_ref().map(|mark| cell(format!("`{}`, since {}", mark.name, times.full(mark.time)))),
        ),
        ("why kept", summary.frozen.as_ref().and_then(|mark| mark.description.as_ref()).map(cell)),
        ("trigger", Some(cell(trigger))),
        ("started", Some(cell(times.full(summary.started)))),
        ("ended", summary.ended.map(|ended| cell(times.full(ended)))),
        ("took", took(summary.started, summary.ended).map(cell)),
        ("frozen", frozen(summary)),
    ];
    let parts = [
        fields(layout, shown),
        units(layout, &backup.units),
        scripts(layout, times, &backup.scripts),
        log(layout, times, &backup.log),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn generation(summary: &BackupSummary) -> &'static str {
    match (summary.status, summary.counts) {
        _ if summary.frozen.is_some() => "no: it is in the freezer",
        (Status::InProgress, _) => "not decided yet",
        (_, true) => "yes: it counts",
        (_, false) => "no: it does not count",
    }
}

/// For how long scripts kept applications frozen, and what the policy allows.
fn frozen(summary: &BackupSummary) -> Option<Cell> {
    let milliseconds = summary.frozen_ms?;
    let Some(most) = summary.max_frozen else { return Some(cell(format!("{milliseconds} ms"))) };
    if milliseconds <= u64::from(most.seconds()).saturating_mul(1000) {
        return Some(cell(format!("{milliseconds} ms, of {most} at most")));
    }
    Some(cell(format!("{milliseconds} ms, more than the {most} that the policy allows")).fg(Color::Yellow))
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
            format!("Units in {region}\n")
        } else {
            format!("Instance {instance} in {region}\n")
        };
        heading + &set(layout, &units)
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn set(layout: Layout, units: &[&UnitView]) -> String {
    let columns = [firm("SOURCE"), firm("UNIT"), firm("STATE"), firm("TOOK")];
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

/// How far a unit is, by its colour.
pub(crate) fn state(state: UnitState) -> Cell {
    match state {
        UnitState::Planned => Cell::new("planned"),
        UnitState::Pending => Cell::new("pending").fg(Color::Cyan),
        UnitState::Completed => Cell::new("completed").fg(Color::Green),
        UnitState::Failed => Cell::new("failed").fg(Color::Red),
        UnitState::Deleted => Cell::new("deleted"),
    }
}

/// The runs of scripts, with what went wrong and what they wrote below.
pub(crate) fn scripts(layout: Layout, times: &Times, runs: &[ScriptView]) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let started = times.heading("STARTED");
    let columns =
        [firm("PHASE"), firm("KIND"), firm("TARGET"), firm("STATE"), firm("EXIT CODE"), firm(&started), firm("TOOK")];
    let row = |run: &ScriptView| {
        let took = run.started.and_then(|started| took(started, run.ended));
        vec![
            cell(run.phase),
            cell(run.kind.as_str()),
            cell(&run.target),
            script_state(run.state),
            maybe(run.exit_code),
            maybe(run.started.map(|started| times.second(started))),
            maybe(took),
        ]
    };
    let mut shown = table(layout, &columns, runs.iter().map(row).collect());
    for run in runs {
        let name = format!("{} {} on {}", run.phase, run.kind.as_str(), run.target);
        if let Some(error) = &run.error {
            let _ = writeln!(shown, "{name}: {error}");
        }
        if let Some(output) = run.output.as_ref().filter(|output| !output.trim().is_empty()) {
            let _ = writeln!(shown, "Output of {name}:");
            for line in output.trim_end().lines() {
                let _ = writeln!(shown, "    {}", printable(line));
            }
            if run.truncated {
                shown.push_str("    (the rest was not kept)\n");
            }
        }
    }
    shown
}

/// A line that plays no tricks on a terminal.
fn printable(line: &str) -> String {
    line.trim_end().chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

fn script_state(state: ScriptState) -> Cell {
    let shown = Cell::new(state.as_str());
    match state {
        ScriptState::Planned => shown,
        ScriptState::Running => shown.fg(Color::Cyan),
        ScriptState::Succeeded => shown.fg(Color::Green),
        ScriptState::Failed | ScriptState::TimedOut => shown.fg(Color::Red),
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
