//! Names that people give: of owners, accounts, schedules and policies.
//!
//! One rule for all of them, because a policy's name is also written in `cpm backup` tags: letters, digits and
//! `_ - .`, 1 to 64 characters, case kept. `.` and `..` mean something else in the path of a URL, and `no-backup` in a tag.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The most characters a name may have.
pub const MAX_LEN: usize = 64;

const RESERVED: [&str; 3] = [".", "..", "no-backup"];

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing between the quotes.
    #[error("a name cannot be empty")]
    Empty,
    /// A name that means something else.
    #[error("`{0}` is no name: it means something else where names stand")]
    Reserved(String),
    /// More than [`MAX_LEN`] characters.
    #[error("`{0}` is longer than {MAX_LEN} characters")]
    TooLong(String),
    /// A character outside of the alphabet.
    #[error("`{name}` holds `{character}`; a name is made of letters, digits, `_`, `-` and `.`")]
    BadCharacter {
        /// The whole text.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
}

/// Whether `character` may stand in a name.
pub fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(character) = text.chars().find(|c| !is_name_character(*c)) {
        return Err(NameError::BadCharacter { name: text.to_owned(), character });
    }
    if RESERVED.contains(&text) {
        return Err(NameError::Reserved(text.to_owned()));
    }
    if text.len() > MAX_LEN {
        return Err(NameError::TooLong(text.to_owned()));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A user of the suite: `root`, an independent or a managed user.
    OwnerName
}
name! {
    /// An AWS account as the owner calls it.
    AccountName
}
name! {
    /// A schedule.
    ScheduleName
}
name! {
    /// A policy; what a `cpm backup` tag speaks of.
    PolicyName
}

impl OwnerName {
    /// The first user of a deployment.
    pub fn root() -> Self {
        Self("root".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("web")]
    #[case("Web_1.prod-eu")]
    #[case("...")]
    #[case("No-Backup")]
    #[case(&"a".repeat(64))]
    fn accepts(#[case] text: &str) {
        assert_eq!(text.parse::<PolicyName>().unwrap().as_str(), text);
    }

    #[rstest]
    #[case("", NameError::Empty)]
    #[case(".", NameError::Reserved(".".into()))]
    #[case("..", NameError::Reserved("..".into()))]
    #[case("no-backup", NameError::Reserved("no-backup".into()))]
    #[case("a b", NameError::BadCharacter { name: "a b".into(), character: ' ' })]
    #[case("naïve", NameError::BadCharacter { name: "naïve".into(), character: 'ï' })]
    #[case(&"a".repeat(65), NameError::TooLong("a".repeat(65)))]
    fn refuses(#[case] text: &str, #[case] error: NameError) {
        assert_eq!(text.parse::<PolicyName>(), Err(error));
    }

    #[test]
    fn reads_back_from_json_only_when_valid() {
        assert!(serde_json::from_str::<PolicyName>("\"a b\"").is_err());
        assert_eq!(serde_json::to_string(&OwnerName::root()).unwrap(), "\"root\"");
    }
}
