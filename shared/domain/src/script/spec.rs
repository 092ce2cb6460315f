//! Scripts as a file writes them, and what is wrong with them.

use serde::{Deserialize, Serialize};

use super::{
    DocumentName, FunctionArn, Script, ScriptPhase, Scripts, SsmCommand, SsmPlace, SsmScript, text::TextError,
};
use crate::{
    id::{InstanceId, Region},
    policy::Wait,
};

/// The backup scripts of a policy, as a file writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScriptsSpec {
    /// Whether they run; then all three must be there.
    #[serde(default)]
    pub enabled: bool,
    /// How long each may take, from `1s` to `1h`; then it is stopped and has failed.
    #[serde(default = "timeout", skip_serializing_if = "is_default_timeout")]
    pub timeout: Wait,
    /// Whether what they write to standard error is kept with the backup.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collect_output: bool,
    /// Runs before the snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ScriptSpec>,
    /// Runs when all snapshots have begun, with the argument 1 if `before` succeeded and 0 if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ScriptSpec>,
    /// Runs when all snapshots are there, with the argument 1 if all succeeded so far and 0 if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<ScriptSpec>,
}

/// A script, as a file writes it: one of `ssm` and `lambda`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScriptSpec {
    /// Systems Manager runs it on instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssm: Option<SsmSpec>,
    /// It is a Lambda function, by its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "arn:aws:lambda:us-east-1:111122223333:function:truncate-logs")
    )]
    pub lambda: Option<FunctionArn>,
}

/// A script of Systems Manager, as a file writes it: where it runs, and one of `shell`, `powershell` and `document`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SsmSpec {
    /// On this instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// Where the instance is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// On each instance that the policy backs up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each_target: bool,
    /// A text for a shell, or for what its first line `#!` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// A text for PowerShell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub powershell: Option<String>,
    /// A document of Systems Manager, by its name or ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentName>,
}

fn timeout() -> Wait {
    Scripts::DEFAULT_TIMEOUT
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default_timeout(wait: &Wait) -> bool {
    *wait == Scripts::DEFAULT_TIMEOUT
}

/// Something wrong with scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedScript {
    /// Where, from the scripts on: `before.ssm.shell`; empty: the whole of them.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl RefusedScript {
    fn new(field: impl Into<String>, message: impl Into<String>, help: &'static str) -> Self {
        Self { field: field.into(), message: message.into(), help }
    }
}

/// Why scripts are refused: all that is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|wrong| format!("{}: {}; {}", wrong.field, wrong.message, wrong.help)).collect::<Vec<_>>().join(". "))]
pub struct RefusedScripts(pub Vec<RefusedScript>);

type Wrongs = Vec<RefusedScript>;

impl ScriptsSpec {
    /// Whether it says nothing that is not the default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The scripts, or all that is wrong with them.
    pub fn to_scripts(&self) -> Result<Scripts, RefusedScripts> {
        let mut wrongs = Wrongs::new();
        if self.timeout.seconds() == 0 || self.timeout > Scripts::MAX_TIMEOUT {
            let message = format!("it is {}, and a script may take 1s to {}", self.timeout, Scripts::MAX_TIMEOUT);
            wrongs.push(RefusedScript::new("timeout", message, "30s is the default"));
        }
        let mut read = |phase: ScriptPhase, spec: Option<&ScriptSpec>| {
            let Some(spec) = spec else {
                if self.enabled {
                    wrongs.push(missing(phase));
                }
                return None;
            };
            spec.to_script().map_err(|found| wrongs.extend(found.into_iter().map(|wrong| within(phase, wrong)))).ok()
        };
        let scripts = Scripts {
            before: read(ScriptPhase::Before, self.before.as_ref()),
            after: read(ScriptPhase::After, self.after.as_ref()),
            complete: read(ScriptPhase::Complete, self.complete.as_ref()),
            enabled: self.enabled,
            timeout: self.timeout,
            collect_output: self.collect_output,
        };
        if wrongs.is_empty() { Ok(scripts) } else { Err(RefusedScripts(wrongs)) }
    }
}

fn missing(phase: ScriptPhase) -> RefusedScript {
    let help = "add one, which may do nothing but `exit 0`, or set `enabled: false`";
    RefusedScript::new("", format!("there is no `{phase}` script, and the scripts are enabled"), help)
}

fn within(phase: ScriptPhase, wrong: RefusedScript) -> RefusedScript {
    let field = if wrong.field.is_empty() { phase.to_string() } else { format!("{phase}.{}", wrong.field) };
    RefusedScript { field, ..wrong }
}

impl ScriptSpec {
    /// The script, or all that is wrong with it.
    pub fn to_script(&self) -> Result<Script, Vec<RefusedScript>> {
        let help = "write one of `ssm: {…}` and `lambda: arn:…`";
        match (&self.ssm, &self.lambda) {
            (Some(ssm), None) => ssm.to_script().map(Script::Ssm),
            (None, Some(function)) => Ok(Script::Lambda(function.clone())),
            (None, None) => Err(vec![RefusedScript::new("", "the script says nothing", help)]),
            (Some(_), Some(_)) => {
                Err(vec![RefusedScript::new("lambda", "the script is one of `ssm` and `lambda`", help)])
            }
        }
    }
}

impl SsmSpec {
    fn to_script(&self) -> Result<SsmScript, Wrongs> {
        match (self.place(), self.to_command()) {
            (Ok(on), Ok(command)) => Ok(SsmScript { on, command }),
            (on, command) => Err(on.err().into_iter().chain(command.err()).collect()),
        }
    }

    fn place(&self) -> Result<SsmPlace, RefusedScript> {
        let help = "write `instance` and `region`, or `each_target: true`";
        let wrong = |field: &str, message: &str| Err(RefusedScript::new(field, message, help));
        match (&self.instance, &self.region, self.each_target) {
            (Some(instance), Some(region), false) => {
                Ok(SsmPlace::Instance { instance: instance.clone(), region: region.clone() })
            }
            (None, None, true) => Ok(SsmPlace::EachTarget),
            (None, None, false) => wrong("ssm", "the script does not say where it runs"),
            (Some(_), None, false) => wrong("ssm.instance", "the Region of the instance is missing"),
            (None, Some(_), false) => wrong("ssm.region", "the script names a Region and no instance"),
            (_, _, true) => {
                wrong("ssm.each_target", "the script runs on one instance or on each target, not on both")
            }
        }
    }

    /// What runs, or what is wrong with that.
    pub fn to_command(&self) -> Result<SsmCommand, RefusedScript> {
        let help = "write one of `shell`, `powershell` and `document`";
        let refused =
            |field: &'static str| move |error: TextError| RefusedScript::new(field, error.to_string(), error.help());
        match (&self.shell, &self.powershell, &self.document) {
            (Some(text), None, None) => text.parse().map(SsmCommand::Shell).map_err(refused("ssm.shell")),
            (None, Some(text), None) => text.parse().map(SsmCommand::PowerShell).map_err(refused("ssm.powershell")),
            (None, None, Some(name)) => Ok(SsmCommand::Document(name.clone())),
            (None, None, None) => Err(RefusedScript::new("ssm", "the script does not say what runs", help)),
            (Some(_), Some(_), _) => {
                Err(RefusedScript::new("ssm.powershell", "the script is one of `shell` and `powershell`", help))
            }
            (_, _, Some(_)) => {
                Err(RefusedScript::new("ssm.document", "the script is a text or a document, not both", help))
            }
        }
    }
}

impl Default for ScriptsSpec {
    fn default() -> Self {
        Scripts::default().into()
    }
}

impl TryFrom<ScriptsSpec> for Scripts {
    type Error = RefusedScripts;

    fn try_from(spec: ScriptsSpec) -> Result<Self, RefusedScripts> {
        spec.to_scripts()
    }
}

impl From<Scripts> for ScriptsSpec {
    fn from(scripts: Scripts) -> Self {
        let spec = |script: Option<Script>| script.map(ScriptSpec::from);
        Self {
            enabled: scripts.enabled,
            timeout: scripts.timeout,
            collect_output: scripts.collect_output,
            before: spec(scripts.before),
            after: spec(scripts.after),
            complete: spec(scripts.complete),
        }
    }
}

impl From<Script> for ScriptSpec {
    fn from(script: Script) -> Self {
        match script {
            Script::Lambda(function) => Self { ssm: None, lambda: Some(function) },
            Script::Ssm(script) => Self { ssm: Some(script.into()), lambda: None },
        }
    }
}

impl From<SsmScript> for SsmSpec {
    fn from(script: SsmScript) -> Self {
        let mut spec = Self::default();
        match script.on {
            SsmPlace::EachTarget => spec.each_target = true,
            SsmPlace::Instance { instance, region } => {
                spec.instance = Some(instance);
                spec.region = Some(region);
            }
        }
        match script.command {
            SsmCommand::Shell(text) => spec.shell = Some(text.as_str().to_owned()),
            SsmCommand::PowerShell(text) => spec.powershell = Some(text.as_str().to_owned()),
            SsmCommand::Document(name) => spec.document = Some(name),
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn three(before: &Value) -> Value {
        json!({"enabled": true, "before": before,
               "after": {"ssm": {"each_target": true, "document": "thaw-db"}},
               "complete": {"lambda": "arn:aws:lambda:us-east-1:111122223333:function:truncate-logs"}})
    }

    fn read(value: Value) -> ScriptsSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn scripts_read_back_as_they_were_written() {
        let written = three(&json!({"ssm": {"instance": "i-1a2b3c4d", "region": "us-east-1", "shell": "flush.sh"}}));
        let scripts: Scripts = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&scripts).unwrap(), written, "the shortest form");
        let shown: Vec<String> =
            ScriptPhase::ALL.iter().map(|phase| scripts.of(*phase).unwrap().to_string()).collect();
        assert_eq!(
            shown,
            [
                "shell `flush.sh` on i-1a2b3c4d in us-east-1",
                "document thaw-db on each target",
                "function arn:aws:lambda:us-east-1:111122223333:function:truncate-logs"
            ]
        );
        assert!(scripts.run_on_each_target());
        assert!(!Scripts { enabled: false, ..scripts }.run_on_each_target());
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(read(json!({})).to_scripts().unwrap(), Scripts::default());
        let scripts = Scripts::default();
        assert!(!scripts.enabled && !scripts.collect_output && scripts.before.is_none());
        assert_eq!(scripts.timeout.seconds(), 30);
    }

    #[test]
    fn a_script_may_be_missing_while_they_are_off() {
        let mut off = three(&json!({"ssm": {"each_target": true, "shell": "x"}}));
        off["enabled"] = json!(false);
        off.as_object_mut().unwrap().remove("complete");
        assert!(read(off.clone()).to_scripts().is_ok());
        off["enabled"] = json!(true);
        let wrongs = read(off).to_scripts().unwrap_err().0;
        assert_eq!(wrongs.len(), 1);
        assert_eq!(wrongs[0].field, "");
        assert_eq!(wrongs[0].message, "there is no `complete` script, and the scripts are enabled");
    }

    #[rstest]
    #[case(json!({}), &["before"])]
    #[case(json!({"ssm": {"each_target": true, "shell": "x"}, "lambda": "arn:aws:lambda:us-east-1:111122223333:function:x"}), &["before.lambda"])]
    #[case(json!({"ssm": {}}), &["before.ssm", "before.ssm"])]
    #[case(json!({"ssm": {"shell": "x"}}), &["before.ssm"])]
    #[case(json!({"ssm": {"shell": "x", "each_target": false}}), &["before.ssm"])]
    #[case(json!({"ssm": {"shell": "x", "instance": "i-1a2b3c4d"}}), &["before.ssm.instance"])]
    #[case(json!({"ssm": {"shell": "x", "region": "us-east-1"}}), &["before.ssm.region"])]
    #[case(json!({"ssm": {"shell": "x", "region": "us-east-1", "each_target": true}}), &["before.ssm.each_target"])]
    #[case(json!({"ssm": {"each_target": true}}), &["before.ssm"])]
    #[case(json!({"ssm": {"each_target": true, "shell": "x", "powershell": "x"}}), &["before.ssm.powershell"])]
    #[case(json!({"ssm": {"each_target": true, "shell": "x", "document": "abc"}}), &["before.ssm.document"])]
    #[case(json!({"ssm": {"each_target": true, "powershell": "x", "document": "abc"}}), &["before.ssm.document"])]
    #[case(json!({"ssm": {"each_target": true, "shell": "a\nCPM_SCRIPT"}}), &["before.ssm.shell"])]
    #[case(json!({"ssm": {"each_target": true, "powershell": "'@"}}), &["before.ssm.powershell"])]
    fn what_makes_no_sense_is_told_at_its_place(#[case] before: Value, #[case] places: &[&str]) {
        let wrongs = read(three(&before)).to_scripts().unwrap_err().0;
        assert_eq!(wrongs.iter().map(|wrong| wrong.field.as_str()).collect::<Vec<_>>(), places, "{wrongs:?}");
    }

    #[rstest]
    #[case("1s", true)]
    #[case("1h", true)]
    #[case("0s", false)]
    #[case("3601s", false)]
    fn timeouts(#[case] timeout: &str, #[case] good: bool) {
        let spec = read(json!({"timeout": timeout}));
        assert_eq!(spec.to_scripts().is_ok(), good);
        assert_eq!(serde_json::from_value::<Scripts>(json!({"timeout": timeout})).is_ok(), good, "as it is stored");
    }

    #[rstest]
    #[case(json!({"befor": {}}), "unknown field `befor`")]
    #[case(json!({"before": {"shell": "x"}}), "unknown field `shell`")]
    #[case(json!({"before": {"ssm": {"instances": []}}}), "unknown field `instances`")]
    #[case(json!({"before": {"lambda": "truncate"}}), "is not the ARN of a Lambda function")]
    #[case(json!({"before": {"ssm": {"document": "a b"}}}), "is not the name of a document")]
    fn refuses_what_is_malformed(#[case] value: Value, #[case] message: &str) {
        let error = serde_json::from_value::<ScriptsSpec>(value).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
