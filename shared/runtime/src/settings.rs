//! What the template tells a function, by environment variables.

use std::{env, fmt::Display, str::FromStr};

use cpm_domain::{id::AccountId, schedule::Zone};

/// Why a function cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not set.
    #[error("the environment variable {0} is not set: deploy the template again")]
    Missing(&'static str),
    /// Set to what makes no sense.
    #[error("the environment variable {name} is `{value}`: {reason}")]
    Bad {
        /// Its name.
        name: &'static str,
        /// What it is.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What every function is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The table.
    pub table: String,
    /// The deployment's name, the value of the tag `cpm:deployment`.
    pub deployment: String,
    /// The zone of schedules that name none.
    pub timezone: Zone,
    /// The deployment's own account.
    pub account: AccountId,
}

impl Settings {
    /// Reads the environment.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(&environment)
    }

    /// A variable that only some functions have, such as the ARN of a state machine.
    pub fn required(name: &'static str) -> Result<String, SettingsError> {
        text(&environment, name)
    }

    fn read(variables: Variables<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            table: text(variables, "CPM_TABLE")?,
            deployment: text(variables, "CPM_DEPLOYMENT")?,
            timezone: parsed(variables, "CPM_TIMEZONE")?,
            account: parsed(variables, "CPM_ACCOUNT")?,
        })
    }
}

type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

fn environment(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn text(variables: Variables<'_>, name: &'static str) -> Result<String, SettingsError> {
    variables(name).filter(|value| !value.is_empty()).ok_or(SettingsError::Missing(name))
}

fn parsed<T: FromStr<Err: Display>>(variables: Variables<'_>, name: &'static str) -> Result<T, SettingsError> {
    let value = text(variables, name)?;
    value.parse().map_err(|error: T::Err| SettingsError::Bad { name, reason: error.to_string(), value })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn good(name: &str) -> Option<String> {
        let value = match name {
            "CPM_TABLE" => "cpm-Table-1",
            "CPM_DEPLOYMENT" => "cpm",
            "CPM_TIMEZONE" => "Europe/Berlin",
            "CPM_ACCOUNT" => "123456789012",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn reads_what_the_template_sets() {
        let settings = Settings::read(&good).unwrap();
        assert_eq!((settings.table.as_str(), settings.timezone.name()), ("cpm-Table-1", "Europe/Berlin"));
    }

    #[rstest]
    #[case("CPM_TABLE", None, "CPM_TABLE is not set")]
    #[case("CPM_DEPLOYMENT", Some(""), "CPM_DEPLOYMENT is not set")]
    #[case("CPM_TIMEZONE", Some("Berlin"), "CPM_TIMEZONE is `Berlin`")]
    #[case("CPM_ACCOUNT", Some("12345"), "CPM_ACCOUNT is `12345`")]
    fn names_the_variable_that_is_wrong(#[case] bad: &str, #[case] value: Option<&str>, #[case] says: &str) {
        let variables = |name: &str| if name == bad { value.map(str::to_owned) } else { good(name) };
        let error = Settings::read(&variables).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
