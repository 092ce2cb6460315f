//! The kinds of resources that can be backed up, each in a file of its own.
//!
//! A kind says how its ids look, how people and AWS name it, which units AWS makes of it, and how a backup of one is
//! planned. It is registered by a line in the list below; what talks to AWS about it is a driver (`cpm-ports`). How to
//! add one is told in `docs/ARCHITECTURE.md`.

mod aurora;
mod dynamodb;
mod instance;
mod planned;
mod rds;
mod redshift;
mod volume;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use self::{
    aurora::ClusterId,
    dynamodb::TableName,
    instance::{InstanceId, MAX_EXCLUDED},
    planned::Planned,
    rds::DatabaseId,
    redshift::WarehouseId,
    volume::VolumeId,
};
use crate::{aws::Found, id::IdError, target::Target, unit::UnitKind};

/// What is particular about a kind, in words.
struct Spec {
    /// One of it, in a sentence.
    noun: &'static str,
    /// AWS's name of the service in ARNs, and what comes before the id in the last part of one.
    arn: (&'static str, &'static str),
    /// What AWS makes of one.
    units: &'static [UnitKind],
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $Kind:ident($Id:ty) = $module:ident, $word:literal;)*) => {
        /// A kind of resource.
        ///
        /// ```
        /// use cpm_domain::kind::Kind;
        ///
        /// assert_eq!("aurora".parse(), Ok(Kind::Aurora));
        /// assert_eq!(Kind::Instance.to_string(), "instance");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $word)] $Kind,)*
        }

        /// A resource that can be a target, without its account and Region.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Resource {
            $($(#[$doc])* #[serde(rename = $word)] $Kind($Id),)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$Kind),*];

            /// The word for it, as in files, tags and answers.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Kind => $word,)*
                }
            }

            const fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$Kind => &$module::SPEC,)*
                }
            }
        }

        impl Resource {
            /// A resource of a kind, by its id.
            pub fn new(kind: Kind, id: &str) -> Result<Self, IdError> {
                match kind {
                    $(Kind::$Kind => id.parse().map(Self::$Kind),)*
                }
            }

            /// What it is.
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Self::$Kind(_) => Kind::$Kind,)*
                }
            }

            /// The id alone.
            pub fn id(&self) -> &str {
                match self {
                    $(Self::$Kind(id) => id.as_str(),)*
                }
            }
        }

        /// Which calls back a target up, by what was found of it; `None`: AWS does not know it.
        pub fn plan(target: &Target, found: Option<&Found>) -> Planned {
            let Some(found) = found else { return Planned::Gone };
            match target.resource.kind() {
                $(Kind::$Kind => $module::plan(target, found),)*
            }
        }
    };
}

kinds! {
    /// An EC2 instance with its volumes.
    Instance(InstanceId) = instance, "instance";
    /// An EBS volume, attached or not.
    Volume(VolumeId) = volume, "volume";
    /// An RDS database instance.
    Rds(DatabaseId) = rds, "rds";
    /// An Aurora cluster.
    Aurora(ClusterId) = aurora, "aurora";
    /// A Redshift cluster.
    Redshift(WarehouseId) = redshift, "redshift";
    /// A DynamoDB table.
    Dynamodb(TableName) = dynamodb, "dynamodb";
}

impl Kind {
    /// One of it, in a sentence.
    pub const fn noun(self) -> &'static str {
        self.spec().noun
    }

    /// What AWS makes of one in a backup.
    pub const fn units(self) -> &'static [UnitKind] {
        self.spec().units
    }

    /// The words for all kinds, as in a sentence: `instance, volume or rds`.
    pub fn words() -> String {
        let words = Self::ALL.map(Self::as_str);
        match words.split_last() {
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => String::new(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no [`Kind`].
///
/// ```
/// use cpm_domain::kind::Kind;
///
/// let error = "disk".parse::<Kind>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`disk` is not a kind of resource: write instance, volume, rds, aurora, redshift or dynamodb"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of resource: write {words}", words = Kind::words())]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

impl Resource {
    /// The resource that an ARN names, if it can be a target.
    ///
    /// ```
    /// use cpm_domain::kind::{Kind, Resource};
    ///
    /// let arn = "arn:aws:rds:eu-west-1:111122223333:cluster:ledger";
    /// assert_eq!(Resource::from_arn(arn), Resource::new(Kind::Aurora, "ledger").ok());
    /// assert_eq!(Resource::from_arn("arn:aws:s3:::a-bucket"), None);
    /// ```
    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (service, rest) = (parts.nth(2)?, parts.nth(2)?);
        Kind::ALL.into_iter().find_map(|kind| {
            let (of_service, before_id) = kind.spec().arn;
            let id = rest.strip_prefix(before_id).filter(|_| service == of_service)?;
            Self::new(kind, id).ok()
        })
    }

    /// The resource of one of `kinds` whose id this is; the first that fits.
    pub fn of_kinds(kinds: impl IntoIterator<Item = Kind>, id: &str) -> Option<Self> {
        kinds.into_iter().find_map(|kind| Self::new(kind, id).ok())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0", Kind::Instance, "i-0123456789abcdef0")]
    #[case("arn:aws:ec2:us-east-1:111122223333:volume/vol-0123456789abcdef0", Kind::Volume, "vol-0123456789abcdef0")]
    #[case("arn:aws:rds:us-east-1:111122223333:db:orders", Kind::Rds, "orders")]
    #[case("arn:aws-cn:rds:cn-north-1:111122223333:cluster:ledger", Kind::Aurora, "ledger")]
    #[case("arn:aws:redshift:us-east-1:111122223333:cluster:dwh", Kind::Redshift, "dwh")]
    #[case("arn:aws:dynamodb:us-east-1:111122223333:table/sessions", Kind::Dynamodb, "sessions")]
    fn arns_name_resources(#[case] arn: &str, #[case] kind: Kind, #[case] id: &str) {
        assert_eq!(Resource::from_arn(arn), Some(Resource::new(kind, id).unwrap()));
    }

    #[rstest]
    #[case("arn:aws:ec2:us-east-1:111122223333:snapshot/snap-0123456789abcdef0")]
    #[case("arn:aws:rds:us-east-1:111122223333:snapshot:orders")]
    #[case("arn:aws:dynamodb:us-east-1:111122223333:table/sessions/backup/01489173575360-b308cd7d")]
    #[case("i-0123456789abcdef0")]
    #[case("")]
    fn other_arns_do_not(#[case] arn: &str) {
        assert_eq!(Resource::from_arn(arn), None);
    }

    #[test]
    fn a_resource_is_written_by_its_word() {
        for (kind, id) in [(Kind::Volume, "vol-0123456789abcdef0"), (Kind::Dynamodb, "sessions")] {
            let json = serde_json::to_value(Resource::new(kind, id).unwrap()).unwrap();
            assert_eq!(json, serde_json::json!({ kind.as_str(): id }));
        }
    }

    #[test]
    fn words_are_the_same_in_text_and_json() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn every_kind_has_a_unit() {
        assert!(Kind::ALL.iter().all(|kind| !kind.units().is_empty()));
    }
}
