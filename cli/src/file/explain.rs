//! What the reader of YAML found wrong, in the words of policy files.

use std::ops::Range;

use serde_saphyr::{Error, Location, granit_parser::ScanError};

use super::tree::Tree;

/// What is wrong, what to do, and where.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) what: String,
    pub(super) help: String,
    pub(super) span: Range<usize>,
}

/// Explains why a text is no YAML.
pub(super) fn syntax(error: &ScanError, text: &str) -> Explained {
    let (what, mark) = (error.info(), error.marker());
    let start = mark.byte_offset().unwrap_or_else(|| offset(text, mark.line(), mark.col()));
    let help = advice(&what);
    let start = start.min(text.trim_end().len());
    Explained { what, help: help.to_owned(), span: start..start }
}

/// Explains why the values of a text are refused.
pub(super) fn value(error: &Error, text: &str, tree: &Tree) -> Explained {
    let error = innermost(error);
    let mut span = error.location().map_or(text.len()..text.len(), |location| place(text, &location));
    let found = text.get(span.clone()).unwrap_or_default();
    // What looks at any kind of value fails after it was read, and then the place is that of its key.
    let is_the_key = match error {
        Error::SerdeUnknownVariant { variant, .. } => found != variant,
        Error::SerdeInvalidType { .. } | Error::SerdeInvalidValue { .. } | Error::Message { .. } => true,
        _ => false,
    };
    if let (true, Some(value)) = (is_the_key, tree.value_of(text, &span)) {
        span = value;
    }
    let (what, help) = words(error, text.get(span.clone()).unwrap_or_default());
    Explained { what, help, span }
}

fn innermost(error: &Error) -> &Error {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => innermost(error),
        error => error,
    }
}

/// In bytes.
fn place(text: &str, location: &Location) -> Range<usize> {
    let (span, whole) = (location.span(), |number: u64| usize::try_from(number).unwrap_or(usize::MAX));
    if let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) {
        return whole(start)..whole(start).saturating_add(whole(length));
    }
    let start = offset(text, whole(location.line()), whole(location.column()).saturating_sub(1));
    start..start
}

/// The byte at a line, counted from 1, and a column in characters, counted from 0.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before.saturating_add(rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
}

fn words(error: &Error, found: &str) -> (String, String) {
    let found = found.lines().next().unwrap_or_default().trim();
    match error {
        Error::Message { msg, .. } => match msg.split_once("; ") {
            Some((what, help)) => (what.to_owned(), help.to_owned()),
            None => (msg.clone(), String::new()),
        },
        Error::Unexpected { expected, .. } => unexpected(expected, found),
        Error::InvalidScalar { ty, .. } => scalar(ty, found),
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown field `{field}`"), one_of(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("`{variant}` does not belong here"), one_of(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("the field `{field}` is missing"), format!("add `{field}: …` to what begins here"))
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            let what = if found.is_empty() { unexpected.clone() } else { format!("`{found}`") };
            (format!("{what} does not belong here"), format!("write {expected}"))
        }
        Error::DuplicateMappingKey { .. } => {
            (format!("`{found}` is written twice"), "keep one of the two".to_owned())
        }
        Error::MultipleDocuments { .. } => (
            "the file holds several documents".to_owned(),
            "put each into a file of its own, and give each by -f".to_owned(),
        ),
        Error::NullIntoString { .. } => {
            ("there is no value".to_owned(), "write one, or take the field out".to_owned())
        }
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            (format!("`{found}` cannot stand beside what comes before it"), "keep one of the two".to_owned())
        }
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            ("a list does not belong here".to_owned(), "write `all`, `{include: […]}` or `{exclude: […]}`".to_owned())
        }
        error => (without_place(&error.to_string()), String::new()),
    }
}

fn unexpected(expected: &str, found: &str) -> (String, String) {
    let (what, help) = match expected {
        "sequence start" => ("a list", "write `[one, two]`, or each on a line of its own that begins with `- `"),
        "mapping start" => ("fields", "write `field: value` lines, or `{field: value}`"),
        "string scalar" => ("a single value", "write one value, in quotes if it holds `: `, ` #`, `[` or `{`"),
        other => return (format!("expected {other}"), String::new()),
    };
    let found = match found {
        "[" => "a list".to_owned(),
        "{" => "fields".to_owned(),
        found => format!("`{found}`"),
    };
    (format!("{what} must stand here, not {found}"), help.to_owned())
}

fn scalar(ty: &str, found: &str) -> (String, String) {
    let help = match ty {
        "boolean" | "bool" => "write `true` or `false`",
        ty if ty.starts_with('u') => "write a whole number from 0 on",
        ty if ty.starts_with('i') => "write a whole number",
        _ => "write a number",
    };
    (format!("`{found}` does not belong here"), help.to_owned())
}

/// The scanner's messages are short of advice.
fn advice(message: &str) -> &'static str {
    if message.contains("tab") {
        "indent with spaces"
    } else if message.contains("mapping values are not allowed") {
        "put quotes round a value that holds `: `, and begin each field on a line of its own"
    } else if message.contains("quoted scalar") {
        "close the quotes that were opened before"
    } else if message.contains("unclosed bracket") {
        "close it"
    } else if message.contains("anchor") {
        "write the anchor, `&name`, before the alias, or put quotes round a text that begins with `*`"
    } else {
        "check the indentation, the brackets and the quotes of this line and of the one before"
    }
}

fn one_of(written: &str, known: &[&'static str]) -> String {
    if let Some(nearest) = nearest(written, known) {
        return format!("write `{nearest}`");
    }
    format!(
        "write one of {}, or take it out",
        known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    )
}

/// The word that is most likely meant, if one is close.
pub(crate) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known.iter().map(|word| (distance(written, word), *word));
    let (edits, word) = distances.min_by_key(|(edits, _)| *edits)?;
    (edits <= (word.chars().count() / 3).max(1)).then_some(word)
}

/// How many characters to put in, take out or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (n, from) in a.chars().enumerate() {
        let mut next = vec![n + 1];
        for (to, above) in b.iter().zip(row.windows(2)) {
            let (&[diagonal, up], Some(&left)) = (above, next.last()) else { break };
            next.push((diagonal + usize::from(from != *to)).min(up + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// The reader appends the place, which is shown anyway.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message).to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("generation", Some("generations"))]
    #[case("acount", Some("account"))]
    #[case("owner", None)]
    #[case("nmae", None)]
    fn nearest_words(#[case] written: &str, #[case] meant: Option<&str>) {
        assert_eq!(nearest(written, &["name", "account", "generations"]), meant);
    }

    #[rstest]
    #[case("", "", 0)]
    #[case("abc", "abc", 0)]
    #[case("abc", "", 3)]
    #[case("", "abc", 3)]
    #[case("kitten", "sitting", 3)]
    fn distances(#[case] a: &str, #[case] b: &str, #[case] edits: usize) {
        assert_eq!(distance(a, b), edits);
    }
}
