//! Texts of scripts as commands of Systems Manager's own documents.

use super::{
    PowerShellText, ScriptPhase, ShellText,
    text::{POWERSHELL_END, SHELL_END},
};
use crate::{id::BackupId, name::PolicyName};

/// For what a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// The backup: `CPM_BACKUP` of its environment.
    pub backup: BackupId,
    /// The policy: `CPM_POLICY`.
    pub policy: &'a PolicyName,
    /// The phase: `CPM_PHASE`.
    pub phase: ScriptPhase,
    /// Its argument, `1` or `0`: of `after` whether `before` succeeded, of `complete` whether all did so far. `before`
    /// has none.
    pub argument: Option<bool>,
    /// What it writes to standard error becomes the command's output; else it is thrown away.
    pub collect: bool,
}

impl Invocation<'_> {
    fn argument(&self) -> Option<&'static str> {
        self.argument.map(|well| if well { "1" } else { "0" })
    }
}

/// The `commands` of `AWS-RunShellScript` that run a text.
///
/// The text goes to a file. What its line `#!` names runs it as the kernel would: a file system for temporary files that
/// forbids to execute files is no hindrance. Its standard output is thrown away (§4.2.5 of the guide collects standard
/// error), the file is removed, and the command ends with its exit code.
pub fn shell_commands(text: &ShellText, invocation: &Invocation<'_>) -> Vec<String> {
    let Invocation { backup, policy, phase, .. } = invocation;
    let argument = invocation.argument().map(|argument| format!(" {argument}")).unwrap_or_default();
    let output = if invocation.collect { "2>&1 >/dev/null" } else { ">/dev/null 2>&1" };
    let mut commands = vec![
        // Names of policies hold nothing that means something to a shell.
        format!("CPM_BACKUP={backup} CPM_POLICY={policy} CPM_PHASE={phase}"),
        "export CPM_BACKUP CPM_POLICY CPM_PHASE".to_owned(),
    ];
    commands.extend(shell_file(text, &format!("{argument} </dev/null {output}")));
    commands
}

/// The `commands` of `AWS-RunShellScript` that run a text as a check: what it writes is the command's output.
///
/// As with [`shell_commands`], with these variables in its environment. Their names are letters, digits and `_`.
pub fn shell_checks(text: &ShellText, environment: &[(String, String)]) -> Vec<String> {
    let export = |(name, value): &(String, String)| format!("export {name}={}", quoted(value));
    environment.iter().map(export).chain(shell_file(text, " </dev/null 2>&1")).collect()
}

/// Runs a text out of a file; `rest` follows its name.
fn shell_file(text: &ShellText, rest: &str) -> Vec<String> {
    let text = text.as_str();
    let end_of_line = if text.ends_with('\n') { "" } else { "\n" };
    vec![
        "umask 077".to_owned(),
        "cpm_file=$(mktemp) || exit 1".to_owned(),
        "trap 'rm -f \"$cpm_file\"' EXIT".to_owned(),
        "trap 'exit 143' HUP INT TERM".to_owned(),
        format!("cat >\"$cpm_file\" <<'{SHELL_END}' || exit 1\n{text}{end_of_line}{SHELL_END}"),
        format!("{} \"$cpm_file\"{rest}", interpreter(text)),
        "exit $?".to_owned(),
    ]
}

/// What runs a text, in quotes: the words of its line `#!` as the kernel takes them, or `sh`.
fn interpreter(text: &str) -> String {
    let first = text.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or_default().trim();
    match first.split_once([' ', '\t']) {
        Some((program, argument)) => format!("{} {}", quoted(program), quoted(argument.trim())),
        None if first.is_empty() => "sh".to_owned(),
        None => quoted(first),
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The `commands` of `AWS-RunPowerShellScript` that run a text.
///
/// As with [`shell_commands`]: a file, another PowerShell that runs it, standard output thrown away. Standard error goes
/// through a file: PowerShell would dress it up as error records.
pub fn powershell_commands(text: &PowerShellText, invocation: &Invocation<'_>) -> Vec<String> {
    let Invocation { backup, policy, phase, .. } = invocation;
    let argument = invocation.argument().map(|argument| format!(", '{argument}'")).unwrap_or_default();
    let told = format!("$env:CPM_BACKUP = '{backup}'; $env:CPM_POLICY = '{policy}'; $env:CPM_PHASE = '{phase}'");
    let shown: &[&str] = if invocation.collect { &["$cpmErr"] } else { &[] };
    std::iter::once(told).chain(powershell_file(text, &argument, shown)).collect()
}

/// The `commands` of `AWS-RunPowerShellScript` that run a text as a check: as [`shell_checks`].
pub fn powershell_checks(text: &PowerShellText, environment: &[(String, String)]) -> Vec<String> {
    let set = |(name, value): &(String, String)| format!("$env:{name} = '{}'", value.replace('\'', "''"));
    environment.iter().map(set).chain(powershell_file(text, "", &["$cpmOut", "$cpmErr"])).collect()
}

/// Runs a text out of a file, and shows of what it wrote what is wanted.
fn powershell_file(text: &PowerShellText, argument: &str, shown: &[&str]) -> Vec<String> {
    let mut commands = vec![
        "$cpmBase = Join-Path ([IO.Path]::GetTempPath()) ('cpm-' + [guid]::NewGuid())".to_owned(),
        "$cpmFile = $cpmBase + '.ps1'; $cpmOut = $cpmBase + '.out'; $cpmErr = $cpmBase + '.err'; $cpmExit = 1".to_owned(),
        format!("$cpmText = @'\n{}\n{POWERSHELL_END}", text.as_str().trim_end_matches(['\r', '\n'])),
        "try {".to_owned(),
        // With a byte order mark: without it Windows PowerShell reads scripts by the system's code page.
        "  [IO.File]::WriteAllText($cpmFile, $cpmText, (New-Object Text.UTF8Encoding $true))".to_owned(),
        format!(
            "  $cpmWords = '-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', ('\"' + \
             $cpmFile + '\"'){argument}"
        ),
        "  $cpmRun = Start-Process -FilePath (Get-Process -Id $PID).Path -ArgumentList $cpmWords -NoNewWindow -PassThru \
         -RedirectStandardOutput $cpmOut -RedirectStandardError $cpmErr"
            .to_owned(),
        // Without the handle in hand the exit code is lost.
        "  $null = $cpmRun.Handle; $cpmRun.WaitForExit(); $cpmExit = $cpmRun.ExitCode".to_owned(),
    ];
    commands.extend(shown.iter().map(|file| format!("  Get-Content -LiteralPath {file} | Write-Output")));
    commands.extend([
        "} finally {".to_owned(),
        "  Remove-Item -LiteralPath $cpmFile, $cpmOut, $cpmErr -Force -ErrorAction SilentlyContinue".to_owned(),
        "}".to_owned(),
        "exit $cpmExit".to_owned(),
    ]);
    commands
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::PathBuf,
        process::{Command, Output},
    };

    use rstest::rstest;

    use super::*;

    const BACKUP: BackupId = BackupId(17);

    /// A directory for temporary files that nothing else uses.
    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("cpm-wrap-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Runs a text as Systems Manager's agent does: the commands, line by line, are a script for `sh`.
    fn run(name: &str, text: &str, phase: ScriptPhase, argument: Option<bool>, collect: bool) -> Output {
        let policy: PolicyName = "web.prod_1-a".parse().unwrap();
        let invocation = Invocation { backup: BACKUP, policy: &policy, phase, argument, collect };
        let script = shell_commands(&text.parse().unwrap(), &invocation).join("\n");
        let temporary = directory(name);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(script).env_clear().env("PATH", path).env("TMPDIR", &temporary);
        let output = shell.output().unwrap();
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "the file is removed");
        fs::remove_dir(&temporary).unwrap();
        output
    }

    fn collected(name: &str, text: &str) -> (i32, String) {
        let output = run(name, text, ScriptPhase::Before, None, true);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    #[rstest]
    #[case("zero", "exit 0", 0)]
    #[case("three", "exit 3\n", 3)]
    #[case("last", "true\nfalse", 1)]
    #[case("unknown", "no-such-command-of-anybody", 127)]
    #[case("killed", "kill -9 $$", 137)]
    #[case("interpreter", "#!/no/such/interpreter\nexit 0", 127)]
    fn the_exit_code_is_the_scripts(#[case] name: &str, #[case] text: &str, #[case] code: i32) {
        assert_eq!(run(name, text, ScriptPhase::Before, None, false).status.code(), Some(code));
    }

    #[test]
    fn the_text_arrives_as_it_is() {
        let text = "cat >&2 <<'END'\n$HOME `id` \\ \" ' $(id)\tö\nEND\n";
        assert_eq!(collected("verbatim", text), (0, "$HOME `id` \\ \" ' $(id)\tö\n".to_owned()));
    }

    #[rstest]
    #[case("awk", "#!/usr/bin/awk -f\nBEGIN { print \"of awk\" > \"/dev/stderr\"; exit 4 }", 4, "of awk\n")]
    #[case("option", "#!/bin/sh -e\nfalse\necho not reached >&2\n", 1, "")]
    #[case("one_argument", "#! /usr/bin/env -S sh -e\necho here >&2; false; exit 0", 1, "here\n")]
    #[case("none", "# !/usr/bin/awk\necho of sh >&2", 0, "of sh\n")]
    fn the_first_line_names_what_runs_it(
        #[case] name: &str,
        #[case] text: &str,
        #[case] code: i32,
        #[case] output: &str,
    ) {
        assert_eq!(collected(name, text), (code, output.to_owned()));
    }

    #[rstest]
    #[case("before", ScriptPhase::Before, None, "0: before\n")]
    #[case("well", ScriptPhase::After, Some(true), "1:1 after\n")]
    #[case("badly", ScriptPhase::Complete, Some(false), "1:0 complete\n")]
    fn arguments_are_one_and_zero(
        #[case] name: &str,
        #[case] phase: ScriptPhase,
        #[case] argument: Option<bool>,
        #[case] expected: &str,
    ) {
        let output = run(name, "echo \"$#:$1 $CPM_PHASE\" >&2", phase, argument, true);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }

    #[test]
    fn the_environment_says_what_for() {
        let told = "env | sed -n 's/^CPM_//p' | sort >&2";
        assert_eq!(collected("environment", told).1, "BACKUP=17\nPHASE=before\nPOLICY=web.prod_1-a\n");
    }

    #[test]
    fn standard_error_alone_is_collected_and_only_when_asked_for() {
        let text = "echo out; echo err >&2";
        assert_eq!(collected("collected", text).1, "err\n");
        let ignored = run("ignored", text, ScriptPhase::Before, None, false);
        assert_eq!((ignored.stdout, ignored.stderr), (vec![], vec![]));
    }

    #[test]
    fn nobody_waits_for_standard_input() {
        assert_eq!(collected("input", "read -r line || exit 5").0, 5);
    }

    #[test]
    fn a_check_shows_all_that_it_writes_and_knows_what_it_is_about() {
        let environment = [("CPM_ADDRESS".to_owned(), "o'brien $(id) \"x\"".to_owned())];
        let text = "echo \"$CPM_ADDRESS\"; echo err >&2; exit 4".parse().unwrap();
        let output =
            Command::new("/bin/sh").arg("-c").arg(shell_checks(&text, &environment).join("\n")).output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "o'brien $(id) \"x\"\nerr\n");
        let powershell = powershell_checks(&"exit 0".parse().unwrap(), &environment).join("\n");
        assert!(powershell.starts_with("$env:CPM_ADDRESS = 'o''brien $(id) \"x\"'\n"), "{powershell}");
        assert!(powershell.contains("$cpmOut | Write-Output") && powershell.contains("$cpmErr | Write-Output"));
    }

    #[test]
    fn of_powershell() {
        let policy: PolicyName = "web".parse().unwrap();
        let invocation = Invocation {
            backup: BACKUP,
            policy: &policy,
            phase: ScriptPhase::After,
            argument: Some(false),
            collect: true,
        };
        let text = "Write-Error 'x'\n@\"\n'quoted'\n\"@\nexit 3\n".parse().unwrap();
        insta::assert_snapshot!(powershell_commands(&text, &invocation).join("\n"));
        let before = Invocation { phase: ScriptPhase::Before, argument: None, collect: false, ..invocation };
        let quiet = powershell_commands(&text, &before).join("\n");
        assert!(quiet.contains("('\"' + $cpmFile + '\"')\n") && !quiet.contains("Get-Content"), "{quiet}");
    }
}
