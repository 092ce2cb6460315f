//! Backup scripts (§4.2.5, §6.4 and §7.2 of the guide): what runs before, after and at the completion of a backup.
//!
//! A [`ScriptsSpec`] is what a file writes; [`Scripts`] is what passed its checks. What ran is a [`ScriptRun`].

mod name;
mod run;
mod spec;
mod text;
mod wrap;

use serde::{Deserialize, Serialize};

pub use self::{
    name::{DocumentName, FunctionArn},
    run::{MAX_OUTPUT, ScriptKind, ScriptRun, ScriptState, cut_output, frozen, made_late, plan_runs},
    spec::{RefusedScript, RefusedScripts, ScriptSpec, ScriptsSpec, SsmSpec},
    text::{MAX_TEXT, PowerShellText, ShellText, TextError},
    wrap::{Invocation, powershell_checks, powershell_commands, shell_checks, shell_commands},
};
use crate::{
    id::{InstanceId, Region},
    policy::Wait,
};

/// When a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ScriptPhase {
    /// Before the first snapshot: it puts applications into backup mode (§6.4.1, §7.2.2).
    Before,
    /// When all snapshots have begun: it lets go of what `before` holds (§6.4.2, §7.2.3).
    After,
    /// When all snapshots are there, or have failed: it cleans up (§6.4.3, §7.2.4).
    Complete,
}

impl ScriptPhase {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Complete];

    /// As written in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Complete => "complete",
        }
    }

    /// Its place in their order, from 1.
    pub const fn order(self) -> u8 {
        match self {
            Self::Before => 1,
            Self::After => 2,
            Self::Complete => 3,
        }
    }
}

impl std::fmt::Display for ScriptPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The backup scripts of a policy. When they are enabled all three are there (warning 6-2 of the guide). Stored as a
/// file writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ScriptsSpec", into = "ScriptsSpec")]
pub struct Scripts {
    /// Whether they run.
    pub enabled: bool,
    /// How long each may take; then it is stopped and has failed.
    pub timeout: Wait,
    /// Whether what they write to standard error is kept.
    pub collect_output: bool,
    /// Runs before the snapshots.
    pub before: Option<Script>,
    /// Runs when all snapshots have begun.
    pub after: Option<Script>,
    /// Runs when all snapshots are there.
    pub complete: Option<Script>,
}

impl Scripts {
    /// How long a script may take when nothing is said.
    pub const DEFAULT_TIMEOUT: Wait = Wait::from_seconds(30);
    /// The longest that a script may take.
    pub const MAX_TIMEOUT: Wait = Wait::from_seconds(3600);

    /// The script of a phase, whether the scripts are enabled or not.
    pub fn of(&self, phase: ScriptPhase) -> Option<&Script> {
        match phase {
            ScriptPhase::Before => self.before.as_ref(),
            ScriptPhase::After => self.after.as_ref(),
            ScriptPhase::Complete => self.complete.as_ref(),
        }
    }

    /// Whether a script of them runs on each instance of the policy.
    pub fn run_on_each_target(&self) -> bool {
        let scripts = ScriptPhase::ALL.into_iter().filter_map(|phase| self.of(phase));
        let mut places = scripts.filter_map(|script| match script {
            Script::Ssm(ssm) => Some(&ssm.on),
            Script::Lambda(_) => None,
        });
        self.enabled && places.any(|on| *on == SsmPlace::EachTarget)
    }
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            enabled: false,
            timeout: Self::DEFAULT_TIMEOUT,
            collect_output: false,
            before: None,
            after: None,
            complete: None,
        }
    }
}

/// One script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// A command of Systems Manager on instances.
    Ssm(SsmScript),
    /// A Lambda function.
    Lambda(FunctionArn),
}

impl std::fmt::Display for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ssm(script) => write!(f, "{} on {}", script.command, script.on),
            Self::Lambda(function) => write!(f, "function {function}"),
        }
    }
}

/// A script that Systems Manager runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsmScript {
    /// Where it runs.
    pub on: SsmPlace,
    /// What runs.
    pub command: SsmCommand,
}

/// Where a script of Systems Manager runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SsmPlace {
    /// On one instance, of the policy or not.
    Instance {
        /// The instance.
        instance: InstanceId,
        /// Where it is.
        region: Region,
    },
    /// On each instance that the policy backs up.
    EachTarget,
}

impl std::fmt::Display for SsmPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Instance { instance, region } => write!(f, "{instance} in {region}"),
            Self::EachTarget => f.write_str("each target"),
        }
    }
}

/// What a script of Systems Manager runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SsmCommand {
    /// A text for `AWS-RunShellScript`.
    Shell(ShellText),
    /// A text for `AWS-RunPowerShellScript`.
    PowerShell(PowerShellText),
    /// A document of the account's.
    Document(DocumentName),
}

impl std::fmt::Display for SsmCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shell(text) => write!(f, "shell {text}"),
            Self::PowerShell(text) => write!(f, "powershell {text}"),
            Self::Document(name) => write!(f, "document {name}"),
        }
    }
}
