//! Scenarios, for people.

use std::fmt::Write as _;

use comfy_table::{Cell, Color};
use cpm_contracts::api::{PlannedStep, ScenarioPlan, ScenarioStepView, ScenarioView};
use cpm_domain::scenario::{State, StepState};

use crate::{
    table::{Layout, cell, fields, firm, level, maybe, table, text},
    times::{Times, took},
};

/// How it stands, in a line.
pub(super) fn standing(run: &ScenarioView) -> String {
    let ScenarioView { id, name, steps, .. } = run;
    let done = steps.iter().filter(|step| step.state.is_settled()).count();
    let under_way: Vec<&str> =
        steps.iter().filter(|step| step.state == StepState::Running).map(|step| step.name.as_str()).collect();
    match run.state {
        State::Running if under_way.is_empty() => format!("{id} of `{name}`: {done} of {} steps done", steps.len()),
        State::Running => {
            format!("{id} of `{name}`: {done} of {} steps done, {} under way", steps.len(), under_way.join(", "))
        }
        state => format!("{id} of `{name}` {state}"),
    }
}

/// Runs, a line each.
pub(super) fn list(layout: Layout, times: &Times, runs: &[ScenarioView]) -> String {
    let started = times.heading("STARTED");
    let columns =
        [firm("RUN"), text("SCENARIO"), firm("STATE"), firm("STEPS"), text(&started), firm("TOOK"), text("BY")];
    let row = |run: &ScenarioView| {
        let done = run.steps.iter().filter(|step| step.state == StepState::Succeeded).count();
        vec![
            cell(run.id),
            cell(&run.name),
            state(run.state),
            cell(format!("{done} of {}", run.steps.len())),
            cell(times.minute(run.started)),
            maybe(took(run.started, run.ended)),
            cell(&run.asked_by),
        ]
    };
    table(layout, &columns, runs.iter().map(row).collect())
}

/// A run with its steps, what went wrong and its log.
pub(super) fn shown(layout: Layout, times: &Times, run: &ScenarioView) -> String {
    let errors: Vec<String> = run.errors.iter().map(|error| format!("{}: {}", error.code, error.message)).collect();
    let about = vec![
        ("run", Some(cell(run.id))),
        ("scenario", Some(cell(&run.name))),
        ("state", Some(state(run.state))),
        ("asked for by", Some(cell(&run.asked_by))),
        ("started", Some(cell(times.full(run.started)))),
        ("ended", run.ended.map(|ended| cell(times.full(ended)))),
        ("errors", (!errors.is_empty()).then(|| cell(errors.join("\n")).fg(Color::Red))),
    ];
    let parts = [fields(layout, about), steps(layout, &run.steps), notes(&run.steps), log(layout, times, run)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn steps(layout: Layout, steps: &[ScenarioStepView]) -> String {
    let columns = [text("STEP"), text("NEEDS"), firm("STATE"), firm("RECOVERY"), firm("TOOK"), text("MADE")];
    let row = |step: &ScenarioStepView| {
        let made: Vec<String> = step.made.iter().map(|(name, value)| format!("{name}={value}")).collect();
        vec![
            cell(&step.name),
            maybe((!step.needs.is_empty()).then(|| step.needs.join(", "))),
            step_state(step.state),
            maybe(step.recovery),
            maybe(step.started.and_then(|started| took(started, step.ended))),
            maybe((!made.is_empty()).then(|| made.join(" "))),
        ]
    };
    table(layout, &columns, steps.iter().map(row).collect())
}

/// Why steps failed, and what checks wrote.
fn notes(steps: &[ScenarioStepView]) -> String {
    let mut shown = String::new();
    for step in steps.iter().filter(|step| step.error.is_some() || step.output.is_some()) {
        let _ = writeln!(shown, "{}", step.name);
        if let Some(error) = &step.error {
            let advice = error.advice.as_ref().map(|advice| format!(" ({advice})")).unwrap_or_default();
            let _ = writeln!(shown, "  {}: {}{advice}", error.code, error.message);
        }
        for line in step.output.iter().flat_map(|output| output.lines()) {
            let _ = writeln!(shown, "  | {line}");
        }
    }
    shown
}

fn log(layout: Layout, times: &Times, run: &ScenarioView) -> String {
    if run.log.is_empty() {
        return String::new();
    }
    let time = times.heading("TIME");
    let columns = [text(&time), firm("LEVEL"), text("LOG")];
    let row = |line: &cpm_domain::backup::LogLine| {
        vec![cell(times.second(line.time)), level(line.level), cell(&line.message)]
    };
    table(layout, &columns, run.log.iter().map(row).collect())
}

/// What a scenario comes to.
pub(super) fn planned(layout: Layout, plan: &ScenarioPlan) -> String {
    let columns = [text("STEP"), text("NEEDS"), text("DOES"), text("CHECKED")];
    let row = |step: &PlannedStep| {
        let does = step.plan.as_ref().map(|plan| {
            let source = plan.source.as_ref().map(|source| format!(" of {source}")).unwrap_or_default();
            format!("recovers {}{source} from backup {}", plan.wanted.kind(), plan.backup)
        });
        let checked = match (&step.unchecked, step.problems.len()) {
            (Some(why), _) => cell(format!("not yet: {why}")),
            (None, 0) => cell("well").fg(Color::Green),
            (None, 1) => cell("1 problem").fg(Color::Red),
            (None, count) => cell(format!("{count} problems")).fg(Color::Red),
        };
        vec![cell(&step.name), maybe((!step.needs.is_empty()).then(|| step.needs.join(", "))), maybe(does), checked]
    };
    let mut shown = table(layout, &columns, plan.steps.iter().map(row).collect());
    for step in &plan.steps {
        for problem in &step.problems {
            let _ = writeln!(shown, "{}: {problem}", step.name);
        }
        for warning in &step.warnings {
            let _ = writeln!(shown, "{}: warning: {warning}", step.name);
        }
    }
    shown.push_str(if plan.ok { "Nothing was made.\n" } else { "Nothing was made: correct the plans first.\n" });
    shown
}

fn state(state: State) -> Cell {
    match state {
        State::Running => cell(state),
        State::Succeeded => cell(state).fg(Color::Green),
        State::Failed => cell(state).fg(Color::Red),
    }
}

fn step_state(state: StepState) -> Cell {
    match state {
        StepState::Waiting | StepState::Running => cell(state),
        StepState::Succeeded => cell(state).fg(Color::Green),
        StepState::Failed => cell(state).fg(Color::Red),
        StepState::NotRun => cell(state).fg(Color::Yellow),
    }
}
