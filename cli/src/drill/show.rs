//! Drills, for people.

use std::fmt::Write as _;

use comfy_table::{Cell, Color};
use cpm_contracts::api::{DrillView, ErrorView, ExerciseView};
use cpm_domain::drill::{CheckState, ExerciseState, State};

use crate::{
    table::{Layout, cell, fields, firm, level, maybe, table, text},
    times::{Times, took},
};

/// How it stands, in a line.
pub(super) fn standing(drill: &DrillView) -> String {
    let DrillView { id, policy, targets, .. } = drill;
    let count = |state: ExerciseState| targets.iter().filter(|target| target.state == state).count();
    let done = targets.iter().filter(|target| target.state.is_settled()).count();
    match drill.state {
        State::Running if targets.is_empty() => format!("drill {id} of `{policy}` begins"),
        State::Running if done == targets.len() => format!("drill {id} of `{policy}` removes what it restored"),
        State::Running => format!(
            "drill {id} of `{policy}`: {done} of {} targets done, {} being restored, {} being checked",
            targets.len(),
            count(ExerciseState::Planned) + count(ExerciseState::Recovering),
            count(ExerciseState::Checking)
        ),
        state => format!("drill {id} of `{policy}` {state}"),
    }
}

/// Drills, a line each.
pub(super) fn list(layout: Layout, times: &Times, drills: &[DrillView]) -> String {
    let started = times.heading("STARTED");
    let columns = [
        firm("DRILL"),
        text("POLICY"),
        firm("STATE"),
        firm("BACKUP"),
        text(&started),
        firm("TOOK"),
        firm("RTO"),
        firm("RPO"),
    ];
    let row = |drill: &DrillView| {
        vec![
            cell(drill.id),
            cell(&drill.policy),
            state(drill.state),
            maybe(drill.backup),
            cell(times.minute(drill.started)),
            maybe(took(drill.started, drill.ended)),
            maybe(drill.figures.rto.map(span)),
            maybe(drill.figures.rpo.map(span)),
        ]
    };
    table(layout, &columns, drills.iter().map(row).collect())
}

/// A drill with its targets, what went wrong and its log.
pub(super) fn shown(layout: Layout, times: &Times, drill: &DrillView) -> String {
    let parts =
        [fields(layout, about(times, drill)), targets(layout, drill), checks(drill), log(layout, times, drill)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn about<'a>(times: &Times, drill: &DrillView) -> Vec<(&'a str, Option<Cell>)> {
    let asked = match (&drill.slot, &drill.asked_by) {
        (Some(slot), _) => Some(format!("schedule {}, {}", slot.schedule, times.full(slot.at))),
        (None, Some(who)) => Some(who.clone()),
        (None, None) => None,
    };
    let errors: Vec<String> = drill.errors.iter().map(error).collect();
    vec![
        ("drill", Some(cell(drill.id))),
        ("policy", Some(cell(&drill.policy))),
        ("state", Some(state(drill.state))),
        ("asked for by", asked.map(cell)),
        ("started", Some(cell(times.full(drill.started)))),
        ("ended", drill.ended.map(|ended| cell(times.full(ended)))),
        ("backup", drill.backup.map(cell)),
        ("recovery point", drill.figures.rpo.map(|rpo| cell(format!("{} before the drill", span(rpo))))),
        ("recovery time", drill.figures.rto.map(|rto| cell(format!("{} until all was usable", span(rto))))),
        ("errors", (!errors.is_empty()).then(|| cell(errors.join("\n")).fg(Color::Red))),
    ]
}

fn targets(layout: Layout, drill: &DrillView) -> String {
    if drill.targets.is_empty() {
        return String::new();
    }
    let columns = [
        text("TARGET"),
        text("REGION"),
        firm("STATE"),
        firm("TOOK"),
        firm("RECOVERY"),
        text("RESTORED AS"),
        firm("REMOVED"),
    ];
    let row = |target: &ExerciseView| {
        let made: Vec<&str> = target.made.iter().map(|made| made.id.as_str()).collect();
        vec![
            cell(format!("{} {}", target.kind, target.id)),
            cell(&target.region),
            exercise(target.state),
            maybe(target.took.map(span)),
            maybe(target.recovery),
            maybe((!made.is_empty()).then(|| made.join(", "))),
            match (target.removed, &target.left) {
                (true, _) => cell("yes"),
                (false, Some(_)) => cell("no").fg(Color::Red),
                (false, None) => cell("-"),
            },
        ]
    };
    table(layout, &columns, drill.targets.iter().map(row).collect())
}

/// What was looked at, and what went wrong, target by target.
fn checks(drill: &DrillView) -> String {
    let mut shown = String::new();
    for target in &drill.targets {
        let _ = writeln!(shown, "{} {}", target.kind, target.id);
        for check in &target.checks {
            let why = check.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            let _ = writeln!(shown, "  {} of {} {}{why}", check.what, check.on, word(check.state));
            for line in check.output.iter().flat_map(|output| output.lines()) {
                let _ = writeln!(shown, "    | {line}");
            }
        }
        for fault in target.error.iter().chain(&target.left) {
            let _ = writeln!(shown, "  {}", error(fault));
        }
    }
    shown
}

fn log(layout: Layout, times: &Times, drill: &DrillView) -> String {
    if drill.log.is_empty() {
        return String::new();
    }
    let time = times.heading("TIME");
    let columns = [text(&time), firm("LEVEL"), text("LOG")];
    let row = |line: &cpm_domain::backup::LogLine| {
        vec![cell(times.second(line.time)), level(line.level), cell(&line.message)]
    };
    table(layout, &columns, drill.log.iter().map(row).collect())
}

fn error(error: &ErrorView) -> String {
    let advice = error.advice.as_ref().map(|advice| format!(" ({advice})")).unwrap_or_default();
    format!("{}: {}{advice}", error.code, error.message)
}

fn word(state: CheckState) -> &'static str {
    match state {
        CheckState::Open => "is not known yet",
        CheckState::Passed => "passed",
        CheckState::Failed => "failed",
    }
}

fn state(state: State) -> Cell {
    match state {
        State::Running => cell(state),
        State::Succeeded => cell(state).fg(Color::Green),
        State::Failed => cell(state).fg(Color::Red),
    }
}

fn exercise(state: ExerciseState) -> Cell {
    match state {
        ExerciseState::Passed => cell(state).fg(Color::Green),
        ExerciseState::Failed => cell(state).fg(Color::Red),
        _ => cell(state),
    }
}

/// Seconds for people.
pub(crate) fn span(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let start = jiff::Timestamp::UNIX_EPOCH;
    let end = start.checked_add(jiff::SignedDuration::from_secs(seconds)).ok();
    took(start, end).unwrap_or_default()
}
