//! Recoveries, for people.

use std::fmt::Write as _;

use comfy_table::{Cell, Color};
use cpm_contracts::api::{ErrorView, MadeView, RecoveryView};
use cpm_domain::{
    backup::LogLine,
    recovery::{OnFailure, Purpose, State, work::MadeState},
};

use crate::{
    table::{Layout, cell, fields, firm, level, maybe, table, text},
    times::{Times, took},
};

/// That it is on its way.
pub(super) fn started(recovery: &RecoveryView, times: &Times) -> String {
    format!("{}.\n`cpm recover show {}` shows it.\n", standing(recovery, times), recovery.id)
}

/// How it stands, in a line.
pub(super) fn standing(recovery: &RecoveryView, times: &Times) -> String {
    let RecoveryView { id, kind, backup, works, .. } = recovery;
    let failed = if works.failed > 0 { format!(", {} failed", works.failed) } else { String::new() };
    match (recovery.state, recovery.approve_by) {
        (State::WaitingForApproval, Some(until)) => {
            format!(
                "{id} waits for somebody else to say yes, until {}: `cpm recover approve {id}`",
                times.full(until)
            )
        }
        (State::WaitingForApproval, None) => format!("{id} waits for somebody else to say yes"),
        (State::Running, _) if works.all == 0 => format!("{id} begins: {kind} from backup {backup}"),
        (State::Running, _) => format!("{id}: {} of {} calls done{failed}", works.done, works.all),
        (state, _) => format!("{id} {state}"),
    }
}

/// A recovery with what it made, what went wrong and its log.
pub(super) fn shown(layout: Layout, times: &Times, recovery: &RecoveryView) -> String {
    let parts = [
        fields(layout, about(times, recovery)),
        made(layout, &recovery.made),
        errors(recovery),
        log(layout, times, &recovery.log),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn about<'a>(times: &Times, recovery: &RecoveryView) -> Vec<(&'a str, Option<Cell>)> {
    let works = recovery.works;
    let calls = match works.failed {
        0 => format!("{} of {} done", works.done, works.all),
        failed => format!("{} of {} done, {failed} failed", works.done, works.all),
    };
    let kept = match (recovery.state, recovery.on_failure) {
        (State::Succeeded, _) => None,
        (State::Undone, _) => Some("was removed again"),
        (State::Failed, OnFailure::Keep) => Some("stays"),
        (State::Failed, OnFailure::Remove) => Some("was to be removed, and some of it is there still"),
        (_, OnFailure::Keep) => Some("stays if it fails"),
        (_, OnFailure::Remove) => Some("is removed if it fails"),
    };
    vec![
        ("recovery", Some(cell(recovery.id))),
        ("state", Some(state(recovery.state))),
        ("kind", Some(cell(recovery.kind))),
        ("from", Some(cell(from(recovery)))),
        ("into", Some(cell(format!("account {}, {}", recovery.account, recovery.region)))),
        ("why", why(&recovery.purpose).map(cell)),
        ("asked by", Some(cell(&recovery.asked_by))),
        ("approval", approval(times, recovery).map(cell)),
        ("started", Some(cell(times.full(recovery.started)))),
        ("ended", recovery.ended.map(|ended| cell(times.full(ended)))),
        ("took", took(recovery.started, recovery.ended).map(cell)),
        ("calls", (works.all > 0).then(|| cell(calls))),
        ("what it made", kept.map(cell)),
    ]
}

fn from(recovery: &RecoveryView) -> String {
    let source = recovery.plan.source.as_ref().map(|source| format!("{source} in ")).unwrap_or_default();
    format!("{source}backup {} of policy {}", recovery.backup, recovery.policy)
}

fn why(purpose: &Purpose) -> Option<String> {
    match purpose {
        Purpose::Manual => None,
        Purpose::Drill(number) => Some(format!("drill {number}")),
        Purpose::Scenario { run, step } => Some(format!("step `{step}` of scenario {run}")),
    }
}

fn approval(times: &Times, recovery: &RecoveryView) -> Option<String> {
    let Some(answer) = &recovery.answer else {
        let until = times.full(recovery.approve_by?);
        return Some(match recovery.state {
            State::WaitingForApproval => format!("somebody else has to say yes, until {until}"),
            _ => format!("nobody said yes until {until}"),
        });
    };
    let word = if answer.approved { "yes" } else { "no" };
    let reason = answer.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(format!("{word}, by {} at {}{reason}", answer.by, times.full(answer.at)))
}

/// A state, by its colour.
pub(super) fn state(state: State) -> Cell {
    let color = match state {
        State::WaitingForApproval => Color::Yellow,
        State::Running => Color::Cyan,
        State::Succeeded => Color::Green,
        State::Failed | State::Undone => Color::Red,
    };
    Cell::new(state.as_str()).fg(color)
}

fn made(layout: Layout, made: &[MadeView]) -> String {
    if made.is_empty() {
        return String::new();
    }
    let columns = [firm("MADE"), firm("ID"), firm("STATE"), text("DEVICE"), text("ADDRESSES"), text("FROM")];
    let row = |made: &MadeView| {
        vec![
            cell(made.kind),
            cell(&made.id),
            made_state(made.state),
            maybe(made.device.as_ref()),
            cell(made.addresses.join(", ")),
            maybe(made.from.as_ref()),
        ]
    };
    table(layout, &columns, made.iter().map(row).collect())
}

fn made_state(state: MadeState) -> Cell {
    match state {
        MadeState::Pending => Cell::new("pending").fg(Color::Cyan),
        MadeState::Ready => Cell::new("ready").fg(Color::Green),
        MadeState::Failed => Cell::new("failed").fg(Color::Red),
        MadeState::Gone => Cell::new("gone"),
    }
}

fn errors(recovery: &RecoveryView) -> String {
    let mut shown = String::new();
    for ErrorView { code, message, advice } in &recovery.errors {
        // Writing to a text cannot fail.
        let _ = writeln!(shown, "{code}: {message}");
        if let Some(advice) = advice {
            let _ = writeln!(shown, "    {advice}");
        }
    }
    shown
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

/// Recoveries in a table.
pub(super) fn list(layout: Layout, times: &Times, recoveries: &[RecoveryView]) -> String {
    let started = times.heading("STARTED");
    let columns = [
        firm("ID"),
        firm("KIND"),
        firm("STATE"),
        firm("BACKUP"),
        text("POLICY"),
        text(&started),
        firm("TOOK"),
        text("MADE"),
    ];
    let row = |recovery: &RecoveryView| {
        vec![
            cell(recovery.id),
            cell(recovery.kind),
            state(recovery.state),
            cell(recovery.backup),
            cell(&recovery.policy),
            cell(times.minute(recovery.started)),
            maybe(took(recovery.started, recovery.ended)),
            maybe(first(&recovery.made)),
        ]
    };
    table(layout, &columns, recoveries.iter().map(row).collect())
}

/// What it made, in few words: the first of it that is no image, and how many more.
fn first(made: &[MadeView]) -> Option<String> {
    use cpm_domain::recovery::work::MadeKind;
    let first = made.iter().find(|made| made.kind != MadeKind::Image).or(made.first())?;
    Some(match made.len() {
        1 => first.id.clone(),
        all => format!("{} +{}", first.id, all - 1),
    })
}
