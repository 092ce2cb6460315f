//! Scripts and VSS on instances: commands of Systems Manager, sent once and followed to their end.

use std::collections::BTreeMap;

use cpm_domain::{
    aws::{AwsError, Refusal},
    command::{CommandReport, CommandRequest, CommandState, MAX_COMMENT},
    kind::InstanceId,
    pace,
    script::{
        Invocation, Script, ScriptKind, ScriptPhase, ScriptRun, ScriptState, SsmCommand, powershell_commands,
        shell_commands,
    },
    unit::Fault,
};
use cpm_ports::{Deadline, Place};
use jiff::{SignedDuration, Timestamp};

use super::{DELIVERY, GRACE, LEFT, Phase};
use crate::{Result, backup::Steps};

/// The agent of Systems Manager takes a shorter time for an hour, in seconds.
const LEAST_EXECUTION: u32 = 5;
/// AWS lists a command within this time: what it answers of new ones is eventually consistent.
const LISTED: SignedDuration = SignedDuration::from_secs(5);

impl Steps<'_> {
    /// Sends the command of a run, unless it was sent, and follows it.
    pub(super) async fn command(
        &self,
        phase: &Phase<'_>,
        run: &mut ScriptRun,
        instance: &InstanceId,
        began: bool,
    ) -> Result<bool> {
        let Some(place) = phase.place(run) else { return Ok(true) };
        if run.command.is_none() && began {
            // The step before this one died, or had no answer: the command may be on its way.
            match self.sent_before(phase, run, &place, instance).await {
                Ok(found) => run.command = found,
                Err(error) if error.is_retryable() && self.clock.now() < phase.given_up(run) => return Ok(false),
                Err(error) => return self.refused(phase, run, &error).await,
            }
        }
        if run.command.is_none() {
            match self.send(phase, run, &place, instance).await {
                Ok(Some(id)) => run.command = Some(id),
                Ok(None) if self.clock.now() < phase.given_up(run) => return Ok(false),
                Ok(None) => return self.overdue(phase, run).await,
                Err(error) => return self.refused(phase, run, &error).await,
            }
            self.keep_run(phase, run).await?;
        }
        self.follow(phase, run, &place, instance).await
    }

    /// The command of a run that was sent, and not written down. Whoever asks just after that may not be shown it yet.
    pub(super) async fn sent_before(
        &self,
        phase: &Phase<'_>,
        run: &ScriptRun,
        place: &Place,
        instance: &InstanceId,
    ) -> std::result::Result<Option<String>, AwsError> {
        let since = run.started.unwrap_or(Timestamp::MIN) - GRACE;
        let comment = self.comment(phase, run);
        if let Some(found) = self.commands.find(place, instance, &comment, since).await? {
            return Ok(Some(found));
        }
        self.clock.sleep(LISTED).await;
        self.commands.find(place, instance, &comment, since).await
    }

    /// Sends a command, with patience. None: nobody knows whether AWS took it, or AWS throttles for too long.
    async fn send(
        &self,
        phase: &Phase<'_>,
        run: &ScriptRun,
        place: &Place,
        instance: &InstanceId,
    ) -> std::result::Result<Option<String>, AwsError> {
        let mut request = self.request_of(phase, run, instance);
        let patience = match phase.of {
            // Other instances may be frozen already: they do not wait for one that AWS takes no command for.
            ScriptPhase::Before => Deadline(phase.deadline.0.min(phase.given_up(run))),
            ScriptPhase::After | ScriptPhase::Complete => phase.deadline,
        };
        let mut tries = 0;
        loop {
            let error = match self.commands.send(place, &request).await {
                Ok(id) => return Ok(Some(id)),
                Err(error) => error,
            };
            tries += 1;
            let pause = pace::backoff(tries, self.clock.chance());
            match error.refusal {
                Refusal::Throttled if patience.allows(self.clock.now(), pause + LEFT) => {
                    self.clock.sleep(pause).await;
                }
                Refusal::Throttled | Refusal::Unknown => return Ok(None),
                // A document of the customer's that does not want to be told.
                Refusal::Invalid if is_document(phase, run) && !request.parameters.is_empty() => {
                    request.parameters.clear();
                }
                _ => return Err(error),
            }
        }
    }

    fn comment(&self, phase: &Phase<'_>, run: &ScriptRun) -> String {
        let text = format!(
            "cpm {} backup {} {} {} {}",
            self.deployment,
            phase.running.backup,
            run.phase,
            run.kind.as_str(),
            run.number
        );
        text.chars().take(MAX_COMMENT).collect()
    }

    fn request_of(&self, phase: &Phase<'_>, run: &ScriptRun, instance: &InstanceId) -> CommandRequest {
        let (document, parameters) = match run.kind {
            ScriptKind::Vss => self.vss(phase, run, instance),
            ScriptKind::Script => script(phase),
        };
        let comment = self.comment(phase, run);
        CommandRequest { document, parameters, instance: instance.clone(), comment, delivery: DELIVERY }
    }

    /// The suite's own document: the shadow copies begin before the snapshots, and end when all is settled.
    fn vss(
        &self,
        phase: &Phase<'_>,
        run: &ScriptRun,
        instance: &InstanceId,
    ) -> (String, BTreeMap<String, Vec<String>>) {
        let backup = format!("{}-{}", self.deployment, phase.running.backup);
        let mut parameters = BTreeMap::from([("Backup".to_owned(), vec![backup])]);
        if run.phase == ScriptPhase::Before {
            let settings = phase.app_aware.get(instance).cloned().unwrap_or_default();
            parameters.insert("Phase".to_owned(), vec!["begin".to_owned()]);
            parameters.insert("Volumes".to_owned(), vec![settings.volumes_list()]);
            parameters.insert("ExcludeWriters".to_owned(), vec![settings.excluded_list()]);
            parameters.insert("VerifyWriters".to_owned(), vec![settings.verified_list()]);
        } else {
            let success = if phase.argument == Some(true) { "1" } else { "0" };
            parameters.insert("Phase".to_owned(), vec!["end".to_owned()]);
            parameters.insert("Success".to_owned(), vec![success.to_owned()]);
        }
        (self.vss_document.to_owned(), parameters)
    }

    /// Looks after a command until it ends.
    pub(super) async fn follow(
        &self,
        phase: &Phase<'_>,
        run: &mut ScriptRun,
        place: &Place,
        instance: &InstanceId,
    ) -> Result<bool> {
        let command = run.command.clone().unwrap_or_default();
        let mut looks: i64 = 0;
        loop {
            match self.commands.look(place, &command, instance).await {
                Ok(Some(report)) if report.state != CommandState::Open => {
                    return self.take_in_report(phase, run, &report).await;
                }
                Ok(report) if self.is_over(phase, run, report.as_ref()) => {
                    // Whether it can be cancelled or not, it has failed.
                    self.commands.cancel(place, &command).await.ok();
                    return self.overdue(phase, run).await;
                }
                Ok(_) => {}
                Err(error) if error.is_retryable() && self.clock.now() < phase.given_up(run) => {}
                Err(error) => return self.refused(phase, run, &error).await,
            }
            looks += 1;
            // The end of a script is seen soon: what it froze is not kept waiting.
            let longest = if phase.of == ScriptPhase::Before { 300 } else { 1_000 };
            let pause = SignedDuration::from_millis((100 * looks).min(longest));
            if !phase.deadline.allows(self.clock.now(), pause + LEFT) {
                return Ok(false);
            }
            self.clock.sleep(pause).await;
        }
    }

    /// Whether a command that AWS calls open has had its time.
    fn is_over(&self, phase: &Phase<'_>, run: &ScriptRun, report: Option<&CommandReport>) -> bool {
        let now = self.clock.now();
        let timeout = SignedDuration::from_secs(i64::from(phase.timeout(run)));
        // AWS stops it by itself, unless its agent does not know so short a time.
        let stopped = report.and_then(|report| report.started).is_some_and(|began| now > began + timeout + GRACE / 5);
        stopped || now > phase.given_up(run)
    }

    pub(super) async fn overdue(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
        let fault = Fault::new(
            "ScriptTimedOut",
            format!("the {} script on {} did not end within {} s and was stopped", run.phase, run.target, phase.timeout(run)),
        )
        .advise("see why it takes so long, or raise `scripts.timeout`; an agent that is not online shows in `cpm agent list`");
        self.end(phase, run, ScriptState::TimedOut, Some(fault)).await
    }

    async fn take_in_report(&self, phase: &Phase<'_>, run: &mut ScriptRun, report: &CommandReport) -> Result<bool> {
        let now = self.clock.now();
        run.exit_code = report.exit_code;
        // The clock of Systems Manager, as far as it makes sense beside ours.
        run.ended = Some(
            report
                .ended
                .filter(|ended| run.started.is_some_and(|began| *ended >= began) && *ended <= now)
                .unwrap_or(now),
        );
        let (output, cut) = wanted_output(phase, run, report);
        if let Some(output) = output {
            run.keep_output(&output);
            run.truncated |= cut;
        }
        let (target, phase_word) = (&run.target, run.phase);
        match report.state {
            CommandState::Succeeded => self.end(phase, run, ScriptState::Succeeded, None).await,
            CommandState::TimedOut => {
                let fault = Fault::new(
                    "ScriptTimedOut",
                    format!("the {phase_word} script on {target} was stopped after {} s ({})", phase.timeout(run), report.words),
                )
                .advise("see why it takes so long, or raise `scripts.timeout`; an agent that is not online shows in `cpm agent list`");
                self.end(phase, run, ScriptState::TimedOut, Some(fault)).await
            }
            CommandState::Failed | CommandState::Open => {
                let how = report.exit_code.map_or_else(|| report.words.clone(), |code| format!("exit code {code}"));
                let fault = Fault::new("ScriptFailed", format!("the {phase_word} script on {target} failed: {how}"))
                    .advise("`collect_output: true` keeps what it writes to standard error");
                self.end(phase, run, ScriptState::Failed, Some(fault)).await
            }
        }
    }
}

fn is_document(phase: &Phase<'_>, run: &ScriptRun) -> bool {
    let Some(Script::Ssm(script)) = phase.policy.scripts.of(phase.of) else { return false };
    run.kind == ScriptKind::Script && matches!(script.command, SsmCommand::Document(_))
}

/// The document of a phase's script, and what it is told.
fn script(phase: &Phase<'_>) -> (String, BTreeMap<String, Vec<String>>) {
    let running = phase.running;
    let invocation = Invocation {
        backup: running.backup,
        policy: &running.policy,
        phase: phase.of,
        argument: phase.argument,
        collect: phase.policy.scripts.collect_output,
    };
    let seconds = phase.policy.scripts.timeout.seconds().max(LEAST_EXECUTION).to_string();
    let inline = |document: &str, commands: Vec<String>| {
        let parameters = BTreeMap::from([
            ("commands".to_owned(), commands),
            ("executionTimeout".to_owned(), vec![seconds.clone()]),
        ]);
        (document.to_owned(), parameters)
    };
    let Some(Script::Ssm(script)) = phase.policy.scripts.of(phase.of) else {
        return (String::new(), BTreeMap::new());
    };
    match &script.command {
        SsmCommand::Shell(text) => inline("AWS-RunShellScript", shell_commands(text, &invocation)),
        SsmCommand::PowerShell(text) => inline("AWS-RunPowerShellScript", powershell_commands(text, &invocation)),
        SsmCommand::Document(name) => {
            let argument = match phase.argument {
                Some(true) => "1",
                Some(false) => "0",
                None => "",
            };
            let told = [
                ("Backup", running.backup.to_string()),
                ("Policy", running.policy.to_string()),
                ("Phase", phase.of.to_string()),
                ("Argument", argument.to_owned()),
            ];
            let parameters = told.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect();
            (name.as_str().to_owned(), parameters)
        }
    }
}

/// What is kept of what a command wrote. Of VSS all is kept: recovery needs the ids of its shadow copies (§6.3.6).
fn wanted_output(phase: &Phase<'_>, run: &ScriptRun, report: &CommandReport) -> (Option<String>, bool) {
    match run.kind {
        ScriptKind::Vss => (Some(report.output.clone() + &report.error_output), report.truncated),
        ScriptKind::Script if !phase.policy.scripts.collect_output => (None, false),
        ScriptKind::Script if is_document(phase, run) => (Some(report.error_output.clone()), report.truncated),
        // The suite's own wrapping hands standard error on as the command's output.
        ScriptKind::Script => (Some(report.output.clone()), report.truncated),
    }
}
