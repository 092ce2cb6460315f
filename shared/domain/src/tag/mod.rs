//! The language of the `cpm backup` tag (guide §13.2): which policies a resource belongs to, and how it is backed up.
//!
//! ```text
//! value   = "no-backup" | entry { blanks entry }
//! entry   = policy [ ":" template ] { "#" option }
//! option  = "only-snaps" | "initial-ami" | "only-amis" | "only-amis-reboot" | "app-aware"
//! ```
//!
//! An entry that is wrong is left out and reported with its place in the text and what to write; the other entries
//! still count. Reading is in two steps: the `parse` module cuts any text whatever into words and their parts, the
//! `check` module says what they mean. The page for operators is `docs/reference/tag.md`; a test holds it to this code.

mod check;
mod error;
mod message;
mod option;
mod parse;

#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

use serde::Serialize;

pub use self::{
    error::{ErrorCode, TagError, render},
    option::{BackupOption, UnknownOption},
};
use crate::{kind::Kind, name::PolicyName};

/// The key of the tag, in lower case (guide §13.2).
///
/// ```
/// assert_eq!(cpm_domain::tag::TAG_KEY, "cpm backup");
/// ```
pub const TAG_KEY: &str = "cpm backup";

/// The value that takes a resource out of every policy that a tag put it in, in lower case (guide §13.2.4).
///
/// ```
/// use cpm_domain::{kind::Kind, tag::{NO_BACKUP, parse}};
///
/// assert!(parse(NO_BACKUP, Kind::Volume).no_backup);
/// ```
pub const NO_BACKUP: &str = "no-backup";

/// One policy that a tag names.
///
/// Printed, it is the shortest text that reads back as the same entry.
///
/// ```
/// use cpm_domain::{kind::Kind, tag::{BackupOption, parse}};
///
/// let parsed = parse("  new:web#app-aware#only-amis ", Kind::Instance);
/// let entry = &parsed.entries[0];
/// assert_eq!(entry.policy.as_str(), "new");
/// assert_eq!(entry.template.as_ref().map(|name| name.as_str()), Some("web"));
/// assert_eq!(entry.options, [BackupOption::AppAware, BackupOption::OnlyAmis]);
/// assert_eq!(entry.to_string(), "new:web#app-aware#only-amis");
/// assert_eq!(entry.span, 2..29);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The policy that the resource is to be in.
    pub policy: PolicyName,
    /// The policy to make it after, when it does not exist yet (guide §13.2.2).
    pub template: Option<PolicyName>,
    /// In the order written; at most one that is [exclusive](BackupOption::is_exclusive), none twice.
    pub options: Vec<BackupOption>,
    /// Where it stands in the value, in bytes.
    #[serde(skip)]
    pub span: Range<usize>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.policy)?;
        if let Some(template) = &self.template {
            write!(f, ":{template}")?;
        }
        self.options.iter().try_for_each(|option| write!(f, "#{option}"))
    }
}

/// What a tag says, and what is wrong with it.
///
/// Serialized, it is what `cpm tag check --json` prints.
///
/// ```
/// use cpm_domain::{kind::Kind, tag::parse};
///
/// let json = serde_json::to_value(parse("web", Kind::Volume)).unwrap();
/// assert_eq!(
///     json,
///     serde_json::json!({
///         "no_backup": false,
///         "entries": [{"policy": "web", "template": null, "options": []}],
///         "errors": [],
///     })
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Parsed {
    /// The resource is to be in no policy. Only ever true when there are no entries and no errors.
    pub no_backup: bool,
    /// The entries that count, in the order written; no policy stands twice.
    pub entries: Vec<Entry>,
    /// What is wrong, in the order of the text. Empty only when everything written counts.
    pub errors: Vec<TagError>,
}

/// Reads the value of a `cpm backup` tag of a resource of this kind.
///
/// Takes any text and never fails as a whole: what can be understood counts, the rest is in
/// [`errors`](Parsed::errors).
///
/// ```
/// use cpm_domain::{kind::Kind, tag::{ErrorCode, parse}};
///
/// let parsed = parse("web db#only-snap", Kind::Instance);
/// assert_eq!(parsed.entries.len(), 1);
/// assert_eq!(parsed.errors[0].code, ErrorCode::UnknownOption);
/// assert_eq!(parsed.errors[0].span(), 6..16);
/// assert_eq!(parsed.errors[0].help, "write `#only-snaps`");
/// ```
pub fn parse(value: &str, kind: Kind) -> Parsed {
    check::check(value, &parse::words(value), kind)
}
