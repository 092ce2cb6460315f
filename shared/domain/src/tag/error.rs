//! What can be wrong with a tag, and how it is shown.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

/// The kinds of errors; the words are stable, scripts match on them.
///
/// ```
/// use cpm_domain::tag::ErrorCode;
///
/// assert_eq!(ErrorCode::SemicolonForColon.to_string(), "semicolon-for-colon");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// Nothing in the value but blanks.
    Empty,
    /// A policy or template whose name cannot be one, is missing, or is the other's.
    BadName,
    /// A `#` that is not followed by an option.
    UnknownOption,
    /// A second option that chooses between snapshots and AMIs.
    ConflictingOptions,
    /// An option that stands on the entry already.
    RepeatedOption,
    /// An option on a resource that takes none.
    OptionNeedsInstance,
    /// `no-backup` beside entries or with options.
    NoBackupNotAlone,
    /// `;` where `:` makes a policy after a template.
    SemicolonForColon,
    /// A policy that an entry before names already.
    DuplicatePolicy,
}

impl ErrorCode {
    /// All codes.
    ///
    /// ```
    /// assert_eq!(cpm_domain::tag::ErrorCode::ALL.len(), 9);
    /// ```
    pub const ALL: [Self; 9] = [
        Self::Empty,
        Self::BadName,
        Self::UnknownOption,
        Self::ConflictingOptions,
        Self::RepeatedOption,
        Self::OptionNeedsInstance,
        Self::NoBackupNotAlone,
        Self::SemicolonForColon,
        Self::DuplicatePolicy,
    ];

    /// The word for it.
    ///
    /// ```
    /// assert_eq!(cpm_domain::tag::ErrorCode::BadName.as_str(), "bad-name");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BadName => "bad-name",
            Self::UnknownOption => "unknown-option",
            Self::ConflictingOptions => "conflicting-options",
            Self::RepeatedOption => "repeated-option",
            Self::OptionNeedsInstance => "option-needs-instance",
            Self::NoBackupNotAlone => "no-backup-not-alone",
            Self::SemicolonForColon => "semicolon-for-colon",
            Self::DuplicatePolicy => "duplicate-policy",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with a tag. Message and help are lower-case clauses without a full stop, to be joined or
/// set on lines of their own; text of the tag is in backquotes, with what cannot be seen escaped.
///
/// ```
/// use cpm_domain::{kind::Kind, tag::parse};
///
/// let error = parse("new;web", Kind::Instance).errors.remove(0);
/// assert_eq!((error.start, error.end), (3, 4));
/// assert_eq!(error.to_string(), "`;` does not separate a new policy from its template");
/// assert_eq!(error.help, "write `new:web` to make `new` after `web`, or `new web` for two policies");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct TagError {
    /// The first byte of the place in the value.
    pub start: usize,
    /// The byte after the place. More than `start`, but for an empty value.
    pub end: usize,
    /// What kind of error.
    pub code: ErrorCode,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

impl TagError {
    /// The place in the value, in bytes, always between characters.
    ///
    /// ```
    /// use cpm_domain::{kind::Kind, tag::parse};
    ///
    /// let value = "web#only-snap";
    /// let error = parse(value, Kind::Instance).errors.remove(0);
    /// assert_eq!(&value[error.span()], "#only-snap");
    /// ```
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Shows an error beneath the value that it was found in, in plain text for logs and terminals. What cannot be seen is
/// escaped, so that the value stays on its line. The last line has no line break.
///
/// ```
/// use cpm_domain::{kind::Kind, tag::{parse, render}};
///
/// let value = "web db#only-snap";
/// let error = parse(value, Kind::Instance).errors.remove(0);
/// assert_eq!(
///     render(value, &error),
///     "\
/// error[unknown-option]: `#only-snap` is not a backup option
///   | web db#only-snap
///   |       ^^^^^^^^^^
///   = help: write `#only-snaps`"
/// );
/// ```
pub fn render(value: &str, error: &TagError) -> String {
    let width = |span: Range<usize>| value.get(span).map_or(0, |text| shown(text).chars().count());
    let indent = " ".repeat(width(0..error.start));
    let carets = "^".repeat(width(error.span()).max(1));
    let TagError { code, message, help, .. } = error;
    let lines = [
        format!("error[{code}]: {message}"),
        format!("  | {}", shown(value)),
        format!("  | {indent}{carets}"),
        format!("  = help: {help}"),
    ];
    lines.map(|line| line.trim_end().to_owned()).join("\n")
}

/// `text` with control characters and others that cannot be seen escaped, quotes as they are.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}
