//! The AWS accounts of an owner, and how the suite gets into them.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

use crate::{
    id::{AccountId, Region},
    name::AccountName,
};

/// What an account is for (§3.2.1 of the guide).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AccountType {
    /// Holds what is backed up.
    #[default]
    Backup,
    /// Holds copies for disaster recovery.
    Dr,
}

impl AccountType {
    /// As written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Dr => "dr",
        }
    }
}

/// By which role the suite works in an account (§3.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Role {
    /// The deployment's own roles, in the deployment's own account. Written `own`.
    Own(Own),
    /// A role in another account that the suite assumes.
    Assumed(AssumedRole),
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RoleForms)
    }
}

/// Reads a role by hand: the derived reader of two forms cannot say what is wrong with either, nor where.
struct RoleForms;

impl<'de> Visitor<'de> for RoleForms {
    type Value = Role;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("`own`, or `account` and `name` of a role to assume")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Role, E> {
        match word {
            "own" => Ok(Role::Own(Own::Own)),
            _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Role, A::Error> {
        AssumedRole::deserialize(de::value::MapAccessDeserializer::new(map)).map(Role::Assumed)
    }
}

/// The word `own` in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Own {
    /// The only word.
    Own,
}

/// A role in another account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AssumedRole {
    /// The account's number.
    pub account: AccountId,
    /// The role's name, not its ARN. The cleaner, recoveries and what only looks assume
    /// roles of their own: `<name>-cleanup`, `<name>-recovery`, `<name>-reader`.
    pub name: String,
    /// What the role's trust policy asks for, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// Whether and where tag scans look (§13.3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScanRule {
    /// Off unless said otherwise.
    #[serde(default)]
    pub enabled: bool,
    /// The Regions to look in; all that the account has enabled when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<Region>>,
}

/// An AWS account as its owner knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Unique within the owner.
    pub name: AccountName,
    /// Backup or DR.
    #[serde(rename = "type", default)]
    pub kind: AccountType,
    /// The way in.
    pub role: Role,
    /// Tag scans.
    #[serde(default)]
    pub scan: ScanRule,
}

/// Why an account is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// An IAM role name has 1 to 64 characters of `A-Z a-z 0-9 _ + = , . @ -`; an ARN is no name.
    #[error("`{0}` is not the name of an IAM role: give the name alone, not its ARN")]
    BadRoleName(String),
    /// An external id has 2 to 1,224 characters of `A-Z a-z 0-9 _ + = , . @ : / -`.
    #[error("`{0}` cannot be an external id")]
    BadExternalId(String),
    /// A list of Regions that names none.
    #[error("`regions` is empty: leave it out to scan all Regions, or set `enabled: false`")]
    NoRegions,
}

impl Account {
    /// Refuses what AWS would refuse later.
    pub fn check(&self) -> Result<(), AccountError> {
        if let Role::Assumed(role) = &self.role {
            let legal =
                |c: char, extra: &str| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) || extra.contains(c);
            // The longest suffix, `-recovery`, must fit as well.
            if role.name.is_empty() || role.name.len() > 55 || !role.name.chars().all(|c| legal(c, "")) {
                return Err(AccountError::BadRoleName(role.name.clone()));
            }
            if let Some(id) = &role.external_id
                && (!(2..=1224).contains(&id.len()) || !id.chars().all(|c| legal(c, ":/")))
            {
                return Err(AccountError::BadExternalId(id.clone()));
            }
        }
        if self.scan.regions.as_ref().is_some_and(Vec::is_empty) {
            return Err(AccountError::NoRegions);
        }
        Ok(())
    }

    /// The number of the account, when it is not the deployment's own.
    pub fn number(&self) -> Option<&AccountId> {
        match &self.role {
            Role::Own(_) => None,
            Role::Assumed(role) => Some(&role.account),
        }
    }
}

impl AssumedRole {
    /// The role that the cleaner assumes, apart from the one for backups.
    pub fn cleanup_name(&self) -> String {
        format!("{}-cleanup", self.name)
    }

    /// The role that recoveries work by, apart from the one for backups.
    pub fn recovery_name(&self) -> String {
        format!("{}-recovery", self.name)
    }

    /// The role that only looks: what runs where, and with which agent.
    pub fn reader_name(&self) -> String {
        format!("{}-reader", self.name)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn prod(name: &str, external_id: Option<&str>) -> Account {
        Account {
            name: "prod".to_owned().try_into().unwrap(),
            kind: AccountType::Backup,
            role: Role::Assumed(AssumedRole {
                account: "111122223333".parse().unwrap(),
                name: name.into(),
                external_id: external_id.map(Into::into),
            }),
            scan: ScanRule::default(),
        }
    }

    #[test]
    fn own_is_a_word() {
        let account: Account = serde_json::from_str(r#"{"name":"main","type":"backup","role":"own"}"#).unwrap();
        assert_eq!(account.role, Role::Own(Own::Own));
        assert_eq!(account.check(), Ok(()));
    }

    #[rstest]
    #[case(
        r#""mine""#,
        "invalid value: string \"mine\", expected `own`, or `account` and `name` of a role to assume"
    )]
    #[case(
        r#"{"account": "111122223333", "nam": "x"}"#,
        "unknown field `nam`, expected one of `account`, `name`, `external_id`"
    )]
    #[case(
        r#"{"account": "1111", "name": "x"}"#,
        "`1111` is not an AWS account number of 12 digits, such as `111122223333`"
    )]
    fn says_what_is_wrong_with_a_role(#[case] text: &str, #[case] message: &str) {
        let error = serde_json::from_str::<Role>(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }

    #[rstest]
    #[case("cpm-backup", Some("x7"), true)]
    #[case("arn:aws:iam::111122223333:role/cpm", None, false)]
    #[case("", None, false)]
    #[case("cpm-backup", Some("x"), false)]
    #[case("cpm-backup", Some("a b"), false)]
    fn roles(#[case] name: &str, #[case] external_id: Option<&str>, #[case] good: bool) {
        assert_eq!(prod(name, external_id).check().is_ok(), good);
    }
}
