//! The freezer: backups that stay until a person takes them out, even when their policy goes (§8.4 of the guide).
//!
//! A backup is frozen or being deleted, never both. While it is frozen it is no generation: see
//! [`retention`](crate::retention).

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    backup::{Backup, Phase},
    id::BackupId,
    name::{AccountName, PolicyName},
};

/// The most characters of a name.
pub const MAX_NAME: usize = 64;

/// The most characters of a description.
pub const MAX_DESCRIPTION: usize = 1_000;

/// What stands in a name beside letters, digits and spaces. What a URL takes for its own (`/`, `?`, `#`, `%`) is not
/// among them: API Gateway hands paths on decoded.
const PUNCTUATION: &str = "_-.,:+()";

/// Why a text does not name or describe a frozen backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or nothing but spaces.
    #[error("it cannot be empty")]
    Empty,
    /// More than its most characters.
    #[error("it has {length} characters, and {most} are the most")]
    TooLong {
        /// How many it has.
        length: usize,
        /// How many it may have.
        most: usize,
    },
    /// A name with a character outside of the alphabet.
    #[error(
        "`{name}` holds `{character}`; the name of a frozen backup is made of letters, digits, spaces and `_ - . , : + ( )`"
    )]
    BadCharacter {
        /// The whole text.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// A name that does not begin with a letter or a digit.
    #[error("`{0}` does not begin with a letter or a digit")]
    BadStart(String),
    /// A name with spaces at its end, or with two in a row.
    #[error("`{0}` has a space too many: one stands between words, and none at the end")]
    BadSpace(String),
    /// A description with a character that is no text.
    #[error("it holds a control character; a description is text, with line breaks at most")]
    Control,
}

macro_rules! text {
    ($(#[$doc:meta])* $type:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                $check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text! {
    /// The name of a frozen backup, for people: letters and digits of any script, single spaces between words, and
    /// `_ - . , : + ( )`; 1 to 64 characters, beginning with a letter or a digit. Case is kept and makes no difference:
    /// an owner has one `Before 12.4` or one `before 12.4`.
    FreezerName, check_name
}
text! {
    /// Why a backup was frozen, for people: text of 1 to 1,000 characters, line breaks among them.
    Description, check_description
}

fn check_name(text: &str) -> Result<(), TextError> {
    check_length(text, MAX_NAME)?;
    let is_allowed = |c: char| c.is_alphanumeric() || c == ' ' || PUNCTUATION.contains(c);
    if let Some(character) = text.chars().find(|c| !is_allowed(*c)) {
        return Err(TextError::BadCharacter { name: text.to_owned(), character });
    }
    if text.ends_with(' ') || text.contains("  ") {
        return Err(TextError::BadSpace(text.to_owned()));
    }
    if !text.starts_with(char::is_alphanumeric) {
        return Err(TextError::BadStart(text.to_owned()));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), TextError> {
    check_length(text, MAX_DESCRIPTION)?;
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(TextError::Control);
    }
    Ok(())
}

fn check_length(text: &str, most: usize) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    match text.chars().count() {
        length if length > most => Err(TextError::TooLong { length, most }),
        _ => Ok(()),
    }
}

/// A text without case. By way of capitals, because some letters have the same ones: `ß` and `ss`, `σ` and `ς`.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

impl FreezerName {
    /// The name without case: two names with the same key are one name.
    ///
    /// ```
    /// use cpm_domain::freezer::FreezerName;
    ///
    /// let name: FreezerName = "Before Upgrade (12.4)".parse()?;
    /// assert_eq!(name.key(), "before upgrade (12.4)");
    /// # Ok::<_, cpm_domain::freezer::TextError>(())
    /// ```
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// That a backup is in the freezer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Frozen {
    /// Under which name.
    pub name: FreezerName,
    /// Why; null when nobody said.
    #[serde(default)]
    pub description: Option<Description>,
    /// Since when.
    pub time: Timestamp,
}

impl Frozen {
    /// Whether each of `words`, which spaces part, is in the name or the description, in any case. No word is in all.
    ///
    /// ```
    /// use cpm_domain::freezer::Frozen;
    ///
    /// let frozen = Frozen {
    ///     name: "Before 12.4".parse()?,
    ///     description: Some("the last good state of the shop".parse()?),
    ///     time: jiff::Timestamp::UNIX_EPOCH,
    /// };
    /// assert!(frozen.has_words("SHOP before"));
    /// assert!(!frozen.has_words("shop after"));
    /// # Ok::<_, cpm_domain::freezer::TextError>(())
    /// ```
    pub fn has_words(&self, words: &str) -> bool {
        let description = self.description.as_ref().map_or("", Description::as_str);
        let text = fold(&format!("{}\n{description}", self.name));
        fold(words).split_whitespace().all(|word| text.contains(word))
    }
}

/// A frozen backup, as the freezer lists it. All of it stays as it is while the backup is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The backup.
    pub backup: BackupId,
    /// Its policy, which may be gone.
    pub policy: PolicyName,
    /// Its account.
    pub account: AccountName,
    /// When the backup began.
    pub started: Timestamp,
    /// Its name and since when it is frozen.
    pub frozen: Frozen,
}

impl Entry {
    /// The entry of a backup that is to be frozen.
    pub fn new(backup: &Backup, frozen: Frozen) -> Self {
        Self {
            backup: backup.id,
            policy: backup.policy.clone(),
            account: backup.account.clone(),
            started: backup.started,
            frozen,
        }
    }
}

/// Why a backup cannot be frozen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has not ended: what it will hold is not known.
    #[error("backup {0} is still running, and only a backup that has ended can be frozen")]
    Running(BackupId),
    /// The cleaner has it.
    #[error("backup {0} is being deleted: it is too late to freeze it")]
    Deleting(BackupId),
    /// Nothing of it is left in AWS.
    #[error("backup {0} is deleted: there is nothing left to freeze")]
    Deleted(BackupId),
    /// It is in the freezer.
    #[error("backup {0} is in the freezer already, as `{1}`")]
    Frozen(BackupId, FreezerName),
}

impl Unfit {
    /// What to do.
    pub fn advice(&self) -> String {
        match self {
            Self::Running(id) => format!("wait for it with `cpm backup show {id}`, then try again"),
            Self::Deleting(_) | Self::Deleted(_) => "choose one that `cpm backup list` shows".to_owned(),
            Self::Frozen(_, name) => format!("see it with `cpm freezer show '{name}'`: a backup has one name"),
        }
    }
}

/// Whether a backup can be frozen now.
///
/// # Errors
///
/// Why not.
pub fn fit(backup: &Backup) -> Result<(), Unfit> {
    let id = backup.id;
    match (backup.phase, &backup.frozen) {
        (Phase::Planned | Phase::Asked, _) => Err(Unfit::Running(id)),
        (Phase::Deleting, _) => Err(Unfit::Deleting(id)),
        (Phase::Deleted, _) => Err(Unfit::Deleted(id)),
        (Phase::Finished, Some(frozen)) => Err(Unfit::Frozen(id, frozen.name.clone())),
        (Phase::Finished, None) => Ok(()),
    }
}

/// What becomes of a backup that is taken out of the freezer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Afterwards {
    /// Its policy's retention decides again.
    Retention,
    /// It is deleted: its policy is gone, and what belongs to a policy goes with it (§13.4.1 of the guide).
    Deletion,
}

impl Afterwards {
    /// By whether its policy is still there.
    pub fn of(policy_is_there: bool) -> Self {
        if policy_is_there { Self::Retention } else { Self::Deletion }
    }

    /// The phase in which the backup leaves the freezer.
    pub fn phase(self) -> Phase {
        match self {
            Self::Retention => Phase::Finished,
            Self::Deletion => Phase::Deleting,
        }
    }

    /// What is told of a backup before it is done, and what its log keeps.
    pub fn tell(self, backup: BackupId, policy: &PolicyName) -> String {
        match self {
            Self::Retention => format!("backup {backup} is under the retention of policy `{policy}` again"),
            Self::Deletion => {
                format!("backup {backup} is deleted with all its snapshots: its policy `{policy}` is gone")
            }
        }
    }
}

#[cfg(test)]
mod tests;
