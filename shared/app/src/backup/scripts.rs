//! Scripts and VSS: runs what a phase of a backup is to run, on instances and as functions.
//!
//! A run is written down before anything is sent, and again with the command's id. So a step that died finds its command
//! by the comment that it was sent with, and no script runs twice unless nobody can tell that it ran.

use std::collections::BTreeMap;

use cpm_contracts::backup::Running;
use cpm_domain::{
    account::Account,
    app_aware::AppAware,
    aws::{AwsError, Refusal},
    backup::Backup,
    command::{CommandReport, CommandRequest, CommandState, MAX_COMMENT},
    kind::InstanceId,
    pace,
    policy::Policy,
    script::{
        Invocation, Script, ScriptKind, ScriptPhase, ScriptRun, ScriptState, SsmCommand, powershell_commands,
        shell_commands,
    },
    unit::Fault,
};
use cpm_ports::{Deadline, Place};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use jiff::{SignedDuration, Timestamp};

use super::{FUNCTION, Steps, place};
use crate::Result;

/// Scripts that are sent and followed at a time.
const AT_ONCE: usize = 40;
/// A command waits so long for its agent, in seconds: the least that AWS takes.
const DELIVERY: u32 = 30;
/// So long after its time a command is given up that AWS has not ended.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// VSS freezes and thaws writers by itself, and may take that long for it, in seconds.
const VSS_TIMEOUT: u32 = 180;
/// The agent of Systems Manager takes a shorter time for an hour, in seconds.
const LEAST_EXECUTION: u32 = 5;
/// AWS lists a command within this time: what it answers of new ones is eventually consistent.
const LISTED: SignedDuration = SignedDuration::from_secs(5);
/// Nothing is begun when less than this is left of the step.
const LEFT: SignedDuration = SignedDuration::from_secs(5);

/// What runs in a phase, and for what.
pub(super) struct Phase<'a> {
    pub(super) running: &'a Running,
    pub(super) policy: &'a Policy,
    pub(super) account: &'a Account,
    pub(super) of: ScriptPhase,
    /// 1 or 0 for those that are told how it went.
    pub(super) argument: Option<bool>,
    /// Of the instances whose backup goes through VSS.
    pub(super) app_aware: &'a BTreeMap<InstanceId, AppAware>,
    pub(super) deadline: Deadline,
}

impl Phase<'_> {
    fn place(&self, run: &ScriptRun) -> Option<Place> {
        run.region.as_ref().map(|region| place(self.account, region))
    }

    fn timeout(&self, run: &ScriptRun) -> u32 {
        match run.kind {
            ScriptKind::Script => self.policy.scripts.timeout.seconds(),
            ScriptKind::Vss => VSS_TIMEOUT,
        }
    }

    /// When a command that has not ended is given up.
    fn given_up(&self, run: &ScriptRun) -> Timestamp {
        let patience = i64::from(self.timeout(run)) + i64::from(DELIVERY);
        run.started.unwrap_or(Timestamp::MIN) + SignedDuration::from_secs(patience) + GRACE
    }
}

/// Whether every run of `phase` ended well, of the scripts alone or of all.
pub(super) fn went_well(runs: &[ScriptRun], phase: ScriptPhase, kind: Option<ScriptKind>) -> bool {
    let of_phase = runs.iter().filter(|run| run.phase == phase && kind.is_none_or(|kind| run.kind == kind));
    of_phase.into_iter().all(ScriptRun::succeeded)
}

/// Whether scripts may hold something still: one of `before` began, and not all of `after` have ended.
pub(crate) fn is_frozen(runs: &[ScriptRun]) -> bool {
    let mut after = runs.iter().filter(|run| run.kind == ScriptKind::Script && run.phase == ScriptPhase::After);
    has_frozen(runs) && after.any(|run| !run.is_ended())
}

/// Whether scripts may hold something still, or have held it: one of `before` began. That all of `after` have ended does
/// not tell that this was written down: what AWS is asked for from then on is late.
pub(crate) fn has_frozen(runs: &[ScriptRun]) -> bool {
    let mut before = runs.iter().filter(|run| run.kind == ScriptKind::Script && run.phase == ScriptPhase::Before);
    before.any(|run| run.state > ScriptState::Planned)
}

/// Whether there are scripts that may hold something still, as opposed to VSS, which thaws by itself.
pub(super) fn may_freeze(runs: &[ScriptRun]) -> bool {
    runs.iter().any(|run| run.kind == ScriptKind::Script && run.phase != ScriptPhase::Complete)
}

impl Steps<'_> {
    /// Runs what a phase has left to run, until all has ended or the step's time is over. Says whether all has ended.
    ///
    /// VSS comes first: it may take minutes, and thaws by itself. What scripts freeze is not kept waiting for it.
    pub(super) async fn run_phase(&self, phase: &Phase<'_>, runs: &mut [ScriptRun]) -> Result<bool> {
        Ok(self.run_kind(phase, ScriptKind::Vss, runs).await?
            && self.run_kind(phase, ScriptKind::Script, runs).await?)
    }

    async fn run_kind(&self, phase: &Phase<'_>, kind: ScriptKind, runs: &mut [ScriptRun]) -> Result<bool> {
        let mut open: Vec<BoxFuture<'_, Result<bool>>> = Vec::new();
        for run in runs.iter_mut().filter(|run| run.phase == phase.of && run.kind == kind && !run.is_ended()) {
            open.push(self.run(phase, run).boxed());
        }
        let outcomes: Vec<Result<bool>> = stream::iter(open).buffer_unordered(AT_ONCE).collect().await;
        outcomes.into_iter().try_fold(true, |all, ended| Ok(all && ended?))
    }

    async fn run(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
        let began = run.started.is_some();
        if !began {
            if !phase.deadline.allows(self.clock.now(), LEFT) {
                return Ok(false);
            }
            run.state = ScriptState::Running;
            run.started = Some(self.clock.now());
            self.keep_run(phase, run).await?;
        }
        match (run.kind, phase.policy.scripts.of(phase.of), run.instance.clone()) {
            (ScriptKind::Script, Some(Script::Lambda(_)), _) => self.call(phase, run).await,
            (_, _, Some(instance)) => self.command(phase, run, &instance, began).await,
            _ => {
                let fault = Fault::new("NoScript", "the policy has no such script any more")
                    .advise("a policy with scripts enabled has all three: before, after, complete");
                self.end(phase, run, ScriptState::Failed, Some(fault)).await
            }
        }
    }

    /// Sees runs of a kind to their end that began in a step that died, and begins none. Says whether all have ended.
    pub(super) async fn settle_phase(
        &self,
        phase: &Phase<'_>,
        kind: ScriptKind,
        runs: &mut [ScriptRun],
    ) -> Result<bool> {
        let mut open: Vec<BoxFuture<'_, Result<bool>>> = Vec::new();
        let begun =
            |run: &&mut ScriptRun| run.phase == phase.of && run.kind == kind && run.state == ScriptState::Running;
        for run in runs.iter_mut().filter(begun) {
            open.push(self.settle(phase, run).boxed());
        }
        let outcomes: Vec<Result<bool>> = stream::iter(open).buffer_unordered(AT_ONCE).collect().await;
        outcomes.into_iter().try_fold(true, |all, ended| Ok(all && ended?))
    }

    async fn settle(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
        if let (Some(place), Some(instance)) = (phase.place(run), run.instance.clone()) {
            if run.command.is_none() {
                match self.sent_before(phase, run, &place, &instance).await {
                    Ok(found) => run.command = found,
                    Err(error) if error.is_retryable() && self.clock.now() < phase.given_up(run) => return Ok(false),
                    Err(error) => return self.refused(phase, run, &error).await,
                }
            }
            if run.command.is_some() {
                return self.follow(phase, run, &place, &instance).await;
            }
        }
        let message =
            format!("the step that ran the {} script on {} died; nobody knows its end", run.phase, run.target);
        let fault = Fault::new("ScriptInterrupted", message).advise("look at the log of the function backup");
        self.end(phase, run, ScriptState::Failed, Some(fault)).await
    }

    async fn keep_run(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<()> {
        self.store.put_run(&phase.running.owner, phase.running.backup, run).await?;
        run.version += 1;
        Ok(())
    }

    async fn end(
        &self,
        phase: &Phase<'_>,
        run: &mut ScriptRun,
        state: ScriptState,
        fault: Option<Fault>,
    ) -> Result<bool> {
        run.state = state;
        run.error = fault;
        run.ended.get_or_insert(self.clock.now());
        self.keep_run(phase, run).await?;
        Ok(true)
    }

    async fn refused(&self, phase: &Phase<'_>, run: &mut ScriptRun, error: &AwsError) -> Result<bool> {
        let whom = phase.place(run).map(|place| place.access.whom(FUNCTION)).unwrap_or_default();
        let fault = match (error.refusal, &run.instance) {
            (Refusal::NotFound, Some(instance)) if error.action == "ssm:SendCommand" => {
                Fault::new(&error.code, format!("Systems Manager cannot run it on {instance}: {}", error.message))
                    .advise("the instance is stopped, or its agent is not online, or the document is not there: see `cpm agent list`")
            }
            _ => error.to_fault(&whom),
        };
        self.end(phase, run, ScriptState::Failed, Some(fault)).await
    }

    /// Sends the command of a run, unless it was sent, and follows it.
    async fn command(
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
    async fn sent_before(
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
    async fn follow(
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
            let pause = SignedDuration::from_millis((100 * looks).min(1_000));
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

    async fn overdue(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
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

    /// Calls a customer's function. One whose answer was lost is called again: functions are to bear that.
    ///
    /// Nobody can come back to a call: it has no longer than the step, whatever a script may take.
    async fn call(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
        let Some(place) = phase.place(run) else { return Ok(true) };
        let left = phase.deadline.0.duration_since(self.clock.now()) - LEFT;
        if left <= SignedDuration::ZERO {
            return Ok(false);
        }
        let timeout = SignedDuration::from_secs(i64::from(phase.timeout(run))).min(left);
        let payload = serde_json::json!({
            "deployment": self.deployment,
            "backup": phase.running.backup,
            "policy": phase.running.policy,
            "phase": run.phase,
            "argument": phase.argument.map(|argument| if argument { "1" } else { "0" }),
        });
        let answer = self.functions.call(&place, &run.target, &payload.to_string(), timeout).await;
        match answer {
            Ok(report) => {
                if phase.policy.scripts.collect_output {
                    run.keep_output(&report.log);
                }
                match report.failure {
                    None => self.end(phase, run, ScriptState::Succeeded, None).await,
                    Some(words) => {
                        let fault =
                            Fault::new("ScriptFailed", format!("the function {} failed: {words}", run.target))
                                .advise("see the function's log");
                        self.end(phase, run, ScriptState::Failed, Some(fault)).await
                    }
                }
            }
            Err(error) if error.code == "Timeout" => self.unanswered(phase, run, timeout).await,
            Err(error) if error.is_retryable() && self.clock.now() < phase.given_up(run) => Ok(false),
            Err(error) => self.refused(phase, run, &error).await,
        }
    }

    async fn unanswered(&self, phase: &Phase<'_>, run: &mut ScriptRun, waited: SignedDuration) -> Result<bool> {
        let waited = waited.as_secs();
        let message = format!("the function {} did not answer within {waited} s; it may run yet", run.target);
        let fault = Fault::new("ScriptTimedOut", message)
            .advise("see why it takes so long, or raise `scripts.timeout`, up to the five minutes that a step has");
        self.end(phase, run, ScriptState::TimedOut, Some(fault)).await
    }

    /// The VSS settings of the policy's instances; nothing is asked when no run is of VSS.
    pub(super) async fn app_aware(
        &self,
        running: &Running,
        runs: &[ScriptRun],
    ) -> Result<BTreeMap<InstanceId, AppAware>> {
        if runs.iter().all(|run| run.kind != ScriptKind::Vss) {
            return Ok(BTreeMap::new());
        }
        let targets = self.store.targets(&running.owner, &running.policy).await?;
        let of = targets.into_iter().filter_map(|target| match (target.resource, target.app_aware) {
            (cpm_domain::kind::Resource::Instance(id), Some(settings)) => Some((id, settings)),
            _ => None,
        });
        Ok(of.collect())
    }

    /// The policy and the account of a backup's scripts. None: the policy was deleted, and its scripts with it, so what
    /// has not ended has failed.
    pub(super) async fn policy_and_account(
        &self,
        running: &Running,
        backup: &Backup,
        runs: &mut [ScriptRun],
    ) -> Result<Option<(Policy, Account)>> {
        if let Some(policy) = self.store.policy(&running.owner, &running.policy).await? {
            return Ok(Some((policy, self.account(running, backup).await?)));
        }
        let thaw = is_frozen(runs);
        for run in runs.iter_mut().filter(|run| !run.is_ended()) {
            let message =
                format!("policy `{}` was deleted while the backup ran, and its scripts with it", running.policy);
            let fault = Fault::new("NoPolicy", message);
            let advice = "let go by hand of what its script `before` holds on the instances that it ran on";
            run.error = Some(if thaw { fault.advise(advice) } else { fault });
            run.state = ScriptState::Failed;
            self.store.put_run(&running.owner, running.backup, run).await?;
            run.version += 1;
        }
        Ok(None)
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
