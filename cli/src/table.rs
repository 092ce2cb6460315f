//! Tables and fields, aligned; within the width of a terminal, one line a row elsewhere.

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, presets};
use cpm_domain::{backup::Level, status::Status};

/// What is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    /// How many characters a line of the terminal has; none: it is no terminal.
    pub(crate) width: Option<u16>,
    /// Whether colours may be used.
    pub(crate) color: bool,
}

/// A column: its heading, and whether its text may be broken into lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    heading: &'a str,
    flows: bool,
}

/// A column whose values stay in one piece, such as ids.
pub(crate) fn firm(heading: &str) -> Column<'_> {
    Column { heading, flows: false }
}

/// A column of text.
pub(crate) fn text(heading: &str) -> Column<'_> {
    Column { heading, flows: true }
}

/// A table with headings, with a line break at its end.
pub(crate) fn table(layout: Layout, columns: &[Column<'_>], rows: Vec<Vec<Cell>>) -> String {
    let headings: Vec<Cell> =
        columns.iter().map(|column| Cell::new(column.heading).add_attribute(Attribute::Bold)).collect();
    let mut table = bare(layout);
    table.set_header(headings).add_rows(rows);
    finish(layout, table, columns.iter().map(|column| column.flows).collect())
}

/// Names and values, one below the other, with a line break at the end. Fields without a value are left out.
pub(crate) fn fields(layout: Layout, fields: Vec<(&str, Option<Cell>)>) -> String {
    let mut table = bare(layout);
    for (name, value) in fields {
        if let Some(value) = value {
            table.add_row([Cell::new(name).add_attribute(Attribute::Bold), value]);
        }
    }
    finish(layout, table, vec![false, true])
}

/// A cell of plain text; `-` for none.
#[allow(
    clippy::needless_pass_by_value,
    reason = "what was made for the cell is passed as well as what is only shown"
)]
pub(crate) fn cell(value: impl ToString) -> Cell {
    let value = value.to_string();
    Cell::new(if value.is_empty() { "-".to_owned() } else { value })
}

/// A cell of what may be missing.
pub(crate) fn maybe(value: Option<impl ToString>) -> Cell {
    cell(value.map(|value| value.to_string()).unwrap_or_default())
}

/// A status, by its colour.
pub(crate) fn status(status: Status) -> Cell {
    let color = match status {
        Status::InProgress => Color::Cyan,
        Status::Successful => Color::Green,
        Status::PartiallySuccessful => Color::Yellow,
        Status::Failed => Color::Red,
    };
    Cell::new(status.as_str()).fg(color)
}

/// How loud a line is, by its colour.
pub(crate) fn level(level: Level) -> Cell {
    match level {
        Level::Info => Cell::new("info"),
        Level::Warning => Cell::new("warning").fg(Color::Yellow),
        Level::Error => Cell::new("error").fg(Color::Red),
    }
}

fn bare(layout: Layout) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if layout.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    match layout.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

/// Between two columns.
const GAP: u16 = 2;
/// What a column of text needs to be readable.
const READABLE: u16 = 10;

fn finish(layout: Layout, mut table: Table, mut flows: Vec<bool>) -> String {
    if let Some(width) = layout.width {
        give_way(width, &table.column_max_content_widths(), &mut flows);
    }
    let last = flows.len().saturating_sub(1);
    for (n, (column, flows)) in table.column_iter_mut().zip(flows).enumerate() {
        column.set_padding((0, if n == last { 0 } else { GAP }));
        if !flows && layout.width.is_some() {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect::<Vec<_>>().concat()
}

/// Lets the widest firm columns flow as well, as long as the rest would have no room.
fn give_way(width: u16, contents: &[u16], flows: &mut [bool]) {
    loop {
        let needed = contents.iter().zip(flows.iter());
        let needed: u16 =
            needed.map(|(content, flows)| GAP + if *flows { READABLE.min(*content) } else { *content }).sum();
        let firm = contents.iter().zip(flows.iter_mut()).filter(|(_, flows)| !**flows);
        match firm.max_by_key(|(content, _)| **content) {
            Some((content, flows)) if needed > width + GAP && *content > READABLE => *flows = true,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec![cell("i-0123456789abcdef0"), status(Status::Successful), cell("all volumes in one call, as always")],
            vec![cell("vol-0123456789abcdef0"), status(Status::Failed), cell("")],
        ]
    }

    const COLUMNS: [Column<'_>; 3] = [
        Column { heading: "ID", flows: false },
        Column { heading: "STATUS", flows: false },
        Column { heading: "WHY", flows: true },
    ];

    #[test]
    fn elsewhere_a_row_is_a_line() {
        assert_snapshot!(table(Layout::default(), &COLUMNS, rows()), @r"
        ID                     STATUS      WHY
        i-0123456789abcdef0    successful  all volumes in one call, as always
        vol-0123456789abcdef0  failed      -
        ");
    }

    #[test]
    fn a_narrow_terminal_breaks_text_and_no_id() {
        let layout = Layout { width: Some(54), color: false };
        assert_snapshot!(table(layout, &COLUMNS, rows()), @r"
        ID                     STATUS      WHY
        i-0123456789abcdef0    successful  all volumes in one
                                           call, as always
        vol-0123456789abcdef0  failed      -
        ");
    }

    #[test]
    fn a_terminal_that_is_too_narrow_breaks_the_widest_id() {
        let layout = Layout { width: Some(36), color: false };
        let shown = table(layout, &COLUMNS, rows());
        assert!(shown.lines().all(|line| line.chars().count() <= 36), "{shown}");
        assert!(shown.contains("successful"), "{shown}");
    }

    #[test]
    fn colours_only_where_allowed() {
        let color = Layout { width: Some(80), color: true };
        assert!(table(color, &COLUMNS, rows()).contains("\x1b["));
        assert!(!table(Layout { color: false, ..color }, &COLUMNS, rows()).contains("\x1b["));
    }

    #[test]
    fn fields_without_a_value_are_left_out() {
        let shown = vec![("policy", Some(cell("web"))), ("description", None), ("generations", Some(cell(30)))];
        assert_snapshot!(fields(Layout::default(), shown), @r"
        policy       web
        generations  30
        ");
    }
}
