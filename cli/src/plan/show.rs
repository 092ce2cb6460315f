//! Plans and what came of them, for people.

use std::fmt::Write as _;

use cpm_contracts::api::{Applied, PlanView};
use cpm_domain::change::{Action, Change, Protected};

use crate::{
    account::names,
    table::{Layout, cell, firm, table, text},
};

/// What would change.
pub(super) fn plan(layout: Layout, plan: &PlanView) -> String {
    if !plan.problems.is_empty() {
        return "The files cannot be applied.\n".to_owned();
    }
    let mut shown = String::new();
    for change in &plan.changes {
        shown.push_str(&describe(layout, change));
    }
    if !plan.changes.is_empty() {
        shown.push('\n');
    }
    shown.push_str(&protection(layout, "Gains protection", &plan.protection.gains));
    shown.push_str(&protection(layout, "Loses protection", &plan.protection.loses));
    if !plan.unmanaged.is_empty() {
        shown.push_str("Left alone, for it is in no file:\n");
        let columns = [firm("  KIND"), text("NAME"), text("WHY")];
        let rows = plan
            .unmanaged
            .iter()
            .map(|thing| vec![cell(format!("  {}", thing.kind.as_str())), cell(&thing.name), cell(&thing.reason)]);
        shown.push_str(&table(layout, &columns, rows.collect()));
        shown.push('\n');
    }
    let count = |action: Action| plan.changes.iter().filter(|change| change.action == action).count();
    let [create, update, delete] = [Action::Create, Action::Update, Action::Delete].map(count);
    let _ = match plan.changes.len() {
        0 => writeln!(shown, "Nothing to change."),
        _ => writeln!(shown, "Plan: {create} to create, {update} to update, {delete} to delete."),
    };
    shown
}

/// What was changed.
pub(crate) fn applied(layout: Layout, applied: &Applied) -> String {
    let changes: String = applied.changes.iter().map(|change| describe(layout, change)).collect();
    if changes.is_empty() { done(applied) } else { format!("{changes}\n{}", done(applied)) }
}

/// That it was changed, for those who saw the plan.
pub(super) fn done(applied: &Applied) -> String {
    let mut shown = match applied.changes.len() {
        0 => "Nothing to change: everything is as the files say.\n".to_owned(),
        1 => "Done: 1 change.\n".to_owned(),
        changes => format!("Done: {changes} changes.\n"),
    };
    let _ = match applied.backups {
        0 => Ok(()),
        1 => writeln!(shown, "1 backup is deleted now; `cpm backup list` shows what is left."),
        backups => writeln!(shown, "{backups} backups are deleted now; `cpm backup list` shows what is left."),
    };
    shown
}

fn describe(layout: Layout, change: &Change) -> String {
    let (sign, color) = match change.action {
        Action::Create => ("+", "\x1b[32m"),
        Action::Update => ("~", "\x1b[33m"),
        Action::Delete => ("-", "\x1b[31m"),
    };
    let (color, reset) = if layout.color { (color, "\x1b[0m") } else { ("", "") };
    let of = change.policy.as_ref().map(|policy| format!(" of policy {policy}")).unwrap_or_default();
    let mut shown =
        format!("{color}{sign} {} {} {}{of}{reset}\n", change.action.as_str(), change.kind.as_str(), change.name);
    for field in &change.fields {
        let _ = match (&field.from, &field.to) {
            (Some(from), Some(to)) => writeln!(shown, "    {}: {from} -> {to}", field.field),
            (None, Some(to)) => writeln!(shown, "    {}: {to}", field.field),
            (Some(from), None) => writeln!(shown, "    {}: {from} -> (none)", field.field),
            (None, None) => writeln!(shown, "    {}", field.field),
        };
    }
    if let Some(note) = &change.note {
        let _ = writeln!(shown, "    ! {note}");
    }
    shown
}

fn protection(layout: Layout, heading: &str, resources: &[Protected]) -> String {
    if resources.is_empty() {
        return String::new();
    }
    let columns = [firm("  RESOURCE"), firm("REGION"), text("ACCOUNT"), text("POLICIES")];
    let row = |resource: &Protected| {
        let id = cell(format!("  {}", resource.resource));
        vec![id, cell(&resource.region), cell(&resource.account), names(&resource.policies)]
    };
    format!("{heading}:\n{}\n", table(layout, &columns, resources.iter().map(row).collect()))
}
