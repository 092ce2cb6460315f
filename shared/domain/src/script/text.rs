//! The texts of scripts. They travel within a text of the suite's, so none may hold what would end it there.

use std::fmt;

/// The most bytes of a script's text.
pub const MAX_TEXT: usize = 16 * 1024;

/// The line that ends a shell text within the suite's own.
pub(super) const SHELL_END: &str = "CPM_SCRIPT";
/// How a line begins that ends a PowerShell text within the suite's own.
pub(super) const POWERSHELL_END: &str = "'@";

/// The longest text that is shown as it is, in characters.
const SHOWN: usize = 60;

/// Why a text cannot be a script's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or only blanks.
    #[error("the script is empty")]
    Empty,
    /// More than [`MAX_TEXT`].
    #[error("the script has {0} bytes, and {MAX_TEXT} is the most")]
    TooLong(usize),
    /// A character that no text file has.
    #[error("the script holds a NUL character")]
    Nul,
    /// A line that would end it too early.
    #[error("line {line} of the script {what}")]
    Ends {
        /// Counted from 1.
        line: usize,
        /// What it is like.
        what: &'static str,
    },
}

impl TextError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Empty => "write what runs; a script that does nothing is `exit 0`",
            Self::TooLong(_) => "put it into a file on the instance, or into a document of Systems Manager",
            Self::Nul => "take it out",
            Self::Ends { .. } => "write that line in another way: the suite sends the script between such lines",
        }
    }
}

fn check(text: &str, ends: impl Fn(&str) -> bool, what: &'static str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > MAX_TEXT {
        return Err(TextError::TooLong(text.len()));
    }
    if text.contains('\0') {
        return Err(TextError::Nul);
    }
    match text.split('\n').position(|line| ends(line.strip_suffix('\r').unwrap_or(line))) {
        Some(at) => Err(TextError::Ends { line: at + 1, what }),
        None => Ok(()),
    }
}

/// A short text as it is; of a long one how long it is and a checksum, so that a change shows.
fn show(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let line = text.strip_suffix('\n').unwrap_or(text);
    if !line.contains('\n') && line.chars().count() <= SHOWN {
        return write!(f, "`{line}`");
    }
    let (lines, sum) = (line.split('\n').count(), checksum(text));
    let s = if lines == 1 { "" } else { "s" };
    write!(f, "text of {lines} line{s} (checksum {sum:016x})")
}

/// FNV-1a: the same on every machine and in every version. It tells texts apart; it guards against nobody.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

macro_rules! text {
    ($(#[$doc:meta])* $type:ident, $ends:expr, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                check(text, $ends, $what)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show(&self.0, f)
            }
        }
    };
}

text! {
    /// A text that a shell runs, or what its first line `#!` names.
    ShellText, |line| line == SHELL_END, "is `CPM_SCRIPT`"
}
text! {
    /// A text that PowerShell runs.
    PowerShellText, |line| line.starts_with(POWERSHELL_END), "begins with `'@`"
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("exit 0", None)]
    #[case("echo CPM_SCRIPT\n CPM_SCRIPT\nCPM_SCRIPTS", None)]
    #[case(&"x".repeat(MAX_TEXT), None)]
    #[case("", Some(TextError::Empty))]
    #[case(" \n\t", Some(TextError::Empty))]
    #[case(&"x".repeat(MAX_TEXT + 1), Some(TextError::TooLong(MAX_TEXT + 1)))]
    #[case("a\0b", Some(TextError::Nul))]
    #[case("a\nCPM_SCRIPT\nb", Some(TextError::Ends { line: 2, what: "is `CPM_SCRIPT`" }))]
    #[case("CPM_SCRIPT", Some(TextError::Ends { line: 1, what: "is `CPM_SCRIPT`" }))]
    #[case("a\r\nCPM_SCRIPT\r\n", Some(TextError::Ends { line: 2, what: "is `CPM_SCRIPT`" }))]
    fn of_a_shell(#[case] text: &str, #[case] refused: Option<TextError>) {
        assert_eq!(text.parse::<ShellText>().err(), refused);
    }

    #[rstest]
    #[case("exit 0", None)]
    #[case("@'\nx\n '@", None)]
    #[case("CPM_SCRIPT", None)]
    #[case("@'\nx\n'@ | Out-File y", Some(TextError::Ends { line: 3, what: "begins with `'@`" }))]
    fn of_powershell(#[case] text: &str, #[case] refused: Option<TextError>) {
        assert_eq!(text.parse::<PowerShellText>().err(), refused);
    }

    #[test]
    fn a_change_of_a_long_text_shows() {
        let shown = |text: &str| text.parse::<ShellText>().unwrap().to_string();
        assert_eq!(shown("flush.sh\n"), "`flush.sh`");
        assert_eq!(shown("a\nb\n"), "text of 2 lines (checksum 78ed6781f136a14e)");
        assert_ne!(shown("a\nb\n"), shown("a\nc\n"));
        assert!(shown(&"x".repeat(61)).starts_with("text of 1 line ("));
    }
}
