//! Policies: what to keep of which targets, and how (§4.2 of the guide).

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    app_aware::Vss,
    drill::DrillRule,
    name::{AccountName, PolicyName, ScheduleName},
    script::Scripts,
};

/// Generations kept when nothing is said.
pub const DEFAULT_GENERATIONS: u32 = 30;
/// The most generations a policy may keep: AWS's quota of snapshots in a Region is spent long before.
pub const MAX_GENERATIONS: u32 = 10_000;

/// What happens to a target that no longer exists (§4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AutoTargetRemoval {
    /// It stays, and every backup fails to find it.
    #[default]
    No,
    /// It goes.
    Yes,
    /// It goes, and the backup's log warns.
    YesAndAlert,
}

impl AutoTargetRemoval {
    /// As written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::YesAndAlert => "yes-and-alert",
        }
    }
}

/// When a backup counts as a generation (§4.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SuccessRule {
    /// "…it finishes with no issues".
    #[default]
    NoIssues,
    /// "…snapshots succeed, even if scripts or VSS fail".
    Snapshots,
}

impl SuccessRule {
    /// As written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoIssues => "no-issues",
            Self::Snapshots => "snapshots",
        }
    }
}

/// A wait, written `10m`, `90s`, `2h` or `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = "10m"))]
pub struct Wait(u32);

/// Why a text is no [`Wait`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a wait of whole seconds up to a day, such as `90s`, `10m` or `2h`")]
pub struct WaitError(String);

impl Wait {
    /// The longest.
    pub const MAX_SECONDS: u32 = 86_400;

    /// From seconds, up to a day.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(if seconds > Self::MAX_SECONDS { Self::MAX_SECONDS } else { seconds })
    }

    /// In seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl FromStr for Wait {
    type Err = WaitError;

    fn from_str(text: &str) -> Result<Self, WaitError> {
        let error = || WaitError(text.to_owned());
        let span: SignedDuration = text.parse().map_err(|_| error())?;
        let seconds = u32::try_from(span.as_secs()).map_err(|_| error())?;
        if span.subsec_nanos() != 0 || seconds > Self::MAX_SECONDS {
            return Err(error());
        }
        Ok(Self(seconds))
    }
}

impl TryFrom<String> for Wait {
    type Error = WaitError;

    fn try_from(text: String) -> Result<Self, WaitError> {
        text.parse()
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        if seconds > 0 || self.0 == 0 {
            write!(f, "{seconds}s")?;
        }
        Ok(())
    }
}

impl From<Wait> for String {
    fn from(wait: Wait) -> Self {
        wait.to_string()
    }
}

/// How often a failed backup is tried again (§4.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RetryRule {
    /// At most so many retries of one slot.
    #[serde(default = "RetryRule::default_count")]
    pub count: u32,
    /// Between the end of a failure and the retry.
    #[serde(default = "RetryRule::default_wait")]
    pub wait: Wait,
}

impl RetryRule {
    /// The most retries of one slot.
    pub const MAX_COUNT: u32 = 20;

    fn default_count() -> u32 {
        3
    }

    fn default_wait() -> Wait {
        Wait::from_seconds(600)
    }
}

impl Default for RetryRule {
    fn default() -> Self {
        Self { count: Self::default_count(), wait: Self::default_wait() }
    }
}

/// What a policy asks of recoveries of its backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RecoveryRule {
    /// Somebody else than who asks for one has to say yes first.
    pub approval: bool,
}

impl RecoveryRule {
    /// Whether it asks for nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a policy came to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A person made it.
    #[default]
    Person,
    /// A tag scan made it from a template (§13.2.2).
    TagScan {
        /// The policy it was made from.
        template: PolicyName,
    },
}

/// A policy, without its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Unique within the owner.
    pub name: PolicyName,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The account of its targets; never changes (§4.2.1).
    pub account: AccountName,
    /// A disabled policy starts no backup by itself.
    pub enabled: bool,
    /// How many counting backups are kept.
    pub generations: u32,
    /// When it runs.
    #[serde(default)]
    pub schedules: Vec<ScheduleName>,
    /// What happens to vanished targets.
    pub auto_target_removal: AutoTargetRemoval,
    /// What counts.
    pub success: SuccessRule,
    /// What happens after a failure.
    pub retry: RetryRule,
    /// What runs around a backup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scripts: Scripts,
    /// Who makes shadow copies of Windows instances.
    #[serde(default, skip_serializing_if = "Vss::is_default")]
    pub vss: Vss,
    /// For how long the scripts may keep applications frozen; no bound when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_frozen: Option<Wait>,
    /// What recoveries of its backups need.
    #[serde(default, skip_serializing_if = "RecoveryRule::is_default")]
    pub recovery: RecoveryRule,
    /// How its backups are tried out; never when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillRule>,
    /// Who made it.
    #[serde(default)]
    pub origin: Origin,
    /// When it was made.
    pub created: Timestamp,
}

fn is_default(scripts: &Scripts) -> bool {
    *scripts == Scripts::default()
}

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// None kept, or too many.
    #[error("`generations` is {0}; keep 1 to {MAX_GENERATIONS}")]
    Generations(u32),
    /// Too many retries.
    #[error("`retry.count` is {0}; at most {max}", max = RetryRule::MAX_COUNT)]
    Retries(u32),
    /// The same schedule twice.
    #[error("schedule `{0}` is named twice")]
    RepeatedSchedule(ScheduleName),
    /// No time at all.
    #[error("`max_frozen` is {0}; no script is as fast as that")]
    MaxFrozen(Wait),
}

impl Policy {
    /// Whether its backups or its drills run by a schedule.
    pub fn uses(&self, schedule: &ScheduleName) -> bool {
        self.schedules.contains(schedule) || self.drill_schedule() == Some(schedule)
    }

    /// When its drills run by themselves.
    pub fn drill_schedule(&self) -> Option<&ScheduleName> {
        self.drill.as_ref().and_then(|drill| drill.schedule.as_ref())
    }

    /// Refuses what makes no sense.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.generations == 0 || self.generations > MAX_GENERATIONS {
            return Err(PolicyError::Generations(self.generations));
        }
        if self.retry.count > RetryRule::MAX_COUNT {
            return Err(PolicyError::Retries(self.retry.count));
        }
        if let Some(wait) = self.max_frozen.filter(|wait| wait.seconds() == 0) {
            return Err(PolicyError::MaxFrozen(wait));
        }
        for (n, schedule) in self.schedules.iter().enumerate() {
            if self.schedules.iter().take(n).any(|s| s == schedule) {
                return Err(PolicyError::RepeatedSchedule(schedule.clone()));
            }
        }
        Ok(())
    }

    /// A new policy after this one as its template (§13.2.2): all but the targets; vanished targets go with an alert.
    #[must_use]
    pub fn from_template(&self, name: PolicyName, account: AccountName, now: Timestamp) -> Self {
        Self {
            description: Some(format!("Made by a tag scan after `{}`", self.name)),
            account,
            enabled: true,
            auto_target_removal: AutoTargetRemoval::YesAndAlert,
            origin: Origin::TagScan { template: self.name.clone() },
            created: now,
            name,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10m", 600)]
    #[case("90s", 90)]
    #[case("2h", 7200)]
    #[case("1h30m", 5400)]
    #[case("0s", 0)]
    fn waits(#[case] text: &str, #[case] seconds: u32) {
        assert_eq!(text.parse::<Wait>().unwrap().seconds(), seconds);
    }

    #[rstest]
    #[case("10")]
    #[case("")]
    #[case("-5m")]
    #[case("25h")]
    #[case("1.5s")]
    #[case("ten minutes")]
    fn no_waits(#[case] text: &str) {
        assert!(text.parse::<Wait>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn waits_read_back(seconds in 0..=Wait::MAX_SECONDS) {
            let wait = Wait::from_seconds(seconds);
            proptest::prop_assert_eq!(wait.to_string().parse::<Wait>().unwrap(), wait);
        }
    }
}
