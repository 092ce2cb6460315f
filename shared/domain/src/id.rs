//! Identifiers that AWS gives, as types: a snapshot is never mistaken for a Region. Those of resources are with their
//! kinds.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}, such as `{example}`")]
pub struct IdError {
    /// What was read.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
    /// How one looks.
    pub example: &'static str,
}

pub(crate) fn is_ec2_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| {
        (8..=17).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && text.len() <= 32
        && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        && parts.last().is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Makes a type of identifiers that a check lets through.
macro_rules! id {
    ($(#[$doc:meta])* $type:ident, $what:literal, $example:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        pub struct $type(String);

        impl $type {
            /// The identifier as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::id::IdError;

            fn from_str(text: &str) -> Result<Self, crate::id::IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(crate::id::IdError { text: text.to_owned(), what: $what, example: $example })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = crate::id::IdError;

            fn try_from(text: String) -> Result<Self, crate::id::IdError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use id;

/// A number that is counted up from 1 for each owner, and written with a letter before it: `r17`. The letter may be left out.
macro_rules! number {
    ($(#[$attribute:meta])* $type:ident, $letter:literal, $what:literal, $example:literal) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(pub u64);

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::id::IdError;

            fn from_str(text: &str) -> Result<Self, crate::id::IdError> {
                let digits = text.strip_prefix($letter).unwrap_or(text);
                digits.parse().map(Self).map_err(|_| crate::id::IdError {
                    text: text.to_owned(),
                    what: $what,
                    example: $example,
                })
            }
        }

        impl TryFrom<String> for $type {
            type Error = crate::id::IdError;

            fn try_from(text: String) -> Result<Self, crate::id::IdError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(number: $type) -> Self {
                number.to_string()
            }
        }
    };
}

pub(crate) use number;

id!(
    /// An EBS snapshot.
    SnapshotId, "the id of a snapshot", "snap-0123456789abcdef0", |t| is_ec2_id(t, "snap-")
);
/// What AWS calls a unit: the id of a snapshot or an image, the identifier of a database snapshot, the ARN of a table's
/// backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct UnitId(String);

impl UnitId {
    /// As AWS wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UnitId {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

impl From<SnapshotId> for UnitId {
    fn from(id: SnapshotId) -> Self {
        Self(id.into())
    }
}

impl PartialEq<SnapshotId> for UnitId {
    fn eq(&self, other: &SnapshotId) -> bool {
        self.0 == other.as_str()
    }
}

id!(
    /// An AWS Region, by its code.
    Region, "the code of an AWS Region", "eu-west-1", is_region
);
id!(
    /// An AWS account, by its number.
    AccountId, "an AWS account number of 12 digits", "111122223333", is_account
);

pub use crate::kind::{ClusterId, DatabaseId, InstanceId, TableName, VolumeId, WarehouseId};

/// The number of a backup: counted up from 1 for each owner, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct BackupId(pub u64);

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BackupId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self).map_err(|_| IdError {
            text: text.to_owned(),
            what: "the number of a backup",
            example: "17",
        })
    }
}

/// One call that makes units: set `number` of a backup. Written `17-3` in the tag `cpm:unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitSetId {
    /// The backup.
    pub backup: BackupId,
    /// Counted from 1 within the backup.
    pub number: u32,
}

impl fmt::Display for UnitSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.backup, self.number)
    }
}

impl FromStr for UnitSetId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError { text: text.to_owned(), what: "the id of a set of units", example: "17-3" };
        let (backup, number) = text.split_once('-').ok_or_else(error)?;
        Ok(Self { backup: backup.parse().map_err(|_| error())?, number: number.parse().map_err(|_| error())? })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("i-0123456789abcdef0", true)]
    #[case("i-1a2b3c4d", true)]
    #[case("i-1a2b3c4", false)]
    #[case("i-0123456789ABCDEF0", false)]
    #[case("vol-0123456789abcdef0", false)]
    #[case("", false)]
    fn instances(#[case] text: &str, #[case] good: bool) {
        assert_eq!(text.parse::<InstanceId>().is_ok(), good);
    }

    #[rstest]
    #[case("us-east-1", true)]
    #[case("us-gov-west-1", true)]
    #[case("ap-southeast-5", true)]
    #[case("us-east-1a", false)]
    #[case("useast1", false)]
    #[case("us--1", false)]
    fn regions(#[case] text: &str, #[case] good: bool) {
        assert_eq!(text.parse::<Region>().is_ok(), good);
    }

    #[test]
    fn set_ids_read_back() {
        let id = UnitSetId { backup: BackupId(17), number: 3 };
        assert_eq!(id.to_string(), "17-3");
        assert_eq!("17-3".parse::<UnitSetId>().unwrap(), id);
        assert!("17".parse::<UnitSetId>().is_err());
    }
}
