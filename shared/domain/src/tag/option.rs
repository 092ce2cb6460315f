//! The words of the language: backup options.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How an instance is backed up (guide §13.2.3). Without an exclusive option it is snapshots only for Linux, and
/// snapshots with an initial AMI for Windows.
///
/// ```
/// use cpm_domain::tag::BackupOption;
///
/// assert_eq!("only-amis-reboot".parse(), Ok(BackupOption::OnlyAmisReboot));
/// assert_eq!(BackupOption::AppAware.to_string(), "app-aware");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BackupOption {
    /// Snapshots of its volumes.
    OnlySnaps,
    /// One AMI at first, then snapshots.
    InitialAmi,
    /// AMIs, made without a reboot.
    OnlyAmis,
    /// AMIs, made with a reboot.
    OnlyAmisReboot,
    /// Through the backup agent of a Windows instance: VSS on, scripts off. May join any of the others.
    AppAware,
}

impl BackupOption {
    /// All options.
    ///
    /// ```
    /// use cpm_domain::tag::BackupOption;
    ///
    /// assert_eq!(BackupOption::ALL.iter().filter(|option| option.is_exclusive()).count(), 4);
    /// ```
    pub const ALL: [Self; 5] =
        [Self::OnlySnaps, Self::InitialAmi, Self::OnlyAmis, Self::OnlyAmisReboot, Self::AppAware];

    /// The word for it, without the `#`.
    ///
    /// ```
    /// assert_eq!(cpm_domain::tag::BackupOption::OnlySnaps.as_str(), "only-snaps");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnlySnaps => "only-snaps",
            Self::InitialAmi => "initial-ami",
            Self::OnlyAmis => "only-amis",
            Self::OnlyAmisReboot => "only-amis-reboot",
            Self::AppAware => "app-aware",
        }
    }

    /// Whether it chooses between snapshots and AMIs, so that only one such option may stand on an entry.
    ///
    /// ```
    /// use cpm_domain::tag::BackupOption;
    ///
    /// assert!(BackupOption::InitialAmi.is_exclusive());
    /// assert!(!BackupOption::AppAware.is_exclusive());
    /// ```
    pub fn is_exclusive(self) -> bool {
        self != Self::AppAware
    }

    /// The option that `text` was most likely meant to be: at most two letters away, whatever the case.
    pub(super) fn nearest(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        Self::ALL
            .into_iter()
            .map(|option| (distance(&text, option.as_str()), option))
            .min()
            .filter(|(distance, _)| *distance <= 2)
            .map(|(_, option)| option)
    }
}

impl fmt::Display for BackupOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no [`BackupOption`].
///
/// ```
/// use cpm_domain::tag::BackupOption;
///
/// let error = "snaps".parse::<BackupOption>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`snaps` is not a backup option: write only-snaps, initial-ami, only-amis, only-amis-reboot or app-aware"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a backup option: write only-snaps, initial-ami, only-amis, only-amis-reboot or app-aware")]
pub struct UnknownOption(pub String);

impl FromStr for BackupOption {
    type Err = UnknownOption;

    fn from_str(text: &str) -> Result<Self, UnknownOption> {
        Self::ALL.into_iter().find(|option| option.as_str() == text).ok_or_else(|| UnknownOption(text.to_owned()))
    }
}

/// Letters to insert, delete or replace to get from `a` to `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    // From what was read of `a` to each beginning of `b`.
    let mut row: Vec<usize> = (1..=b.chars().count()).collect();
    for (read, from) in a.chars().enumerate() {
        let (mut diagonal, mut left) = (read, read + 1);
        for (cell, to) in row.iter_mut().zip(b.chars()) {
            left = (diagonal + usize::from(from != to)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, left);
        }
    }
    row.last().copied().unwrap_or_else(|| a.chars().count())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", "", 0)]
    #[case("", "abc", 3)]
    #[case("abc", "", 3)]
    #[case("kitten", "sitting", 3)]
    #[case("only-snap", "only-snaps", 1)]
    #[case("naïve", "naive", 1)]
    fn counts_edits(#[case] a: &str, #[case] b: &str, #[case] edits: usize) {
        assert_eq!(distance(a, b), edits);
    }

    #[rstest]
    #[case("only-snap", Some(BackupOption::OnlySnaps))]
    #[case("Only-Snaps", Some(BackupOption::OnlySnaps))]
    #[case("onyl-amis", Some(BackupOption::OnlyAmis))]
    #[case("only_amis_reboot", Some(BackupOption::OnlyAmisReboot))]
    #[case("initial-amis", Some(BackupOption::InitialAmi))]
    #[case("AppAware", Some(BackupOption::AppAware))]
    #[case("no-snaps", None)] // Three away, and the opposite.
    #[case("ami", None)]
    #[case("", None)]
    fn guesses_what_was_meant(#[case] text: &str, #[case] option: Option<BackupOption>) {
        assert_eq!(BackupOption::nearest(text), option);
    }

    #[test]
    fn words_are_the_same_in_text_and_json() {
        for option in BackupOption::ALL {
            assert_eq!(option.as_str().parse(), Ok(option));
            assert_eq!(serde_json::to_value(option).unwrap(), option.as_str());
        }
    }
}
