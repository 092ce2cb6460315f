//! Checks by Systems Manager: a command that is sent once, and looked after until it ends or its time is over.

use std::collections::BTreeMap;

use cpm_domain::{
    aws::{AwsError, Refusal},
    command::{CommandReport, CommandRequest, CommandState, MAX_COMMENT},
    drill::MAX_OUTPUT,
    kind::InstanceId,
    script::{SsmCommand, powershell_checks, shell_checks},
};
use cpm_ports::{Clock, Commands, Place};
use jiff::{SignedDuration, Timestamp};

/// What a clock of AWS's may be behind.
const GRACE: SignedDuration = SignedDuration::from_secs(60);
/// AWS lists a command within this time: what it answers of new ones is eventually consistent.
const LISTED: SignedDuration = SignedDuration::from_secs(5);
/// The agent of Systems Manager takes a shorter time for an hour, in seconds; AWS takes no shorter one for the delivery.
const LEAST: u32 = 30;

/// A command, and how far it is.
pub(crate) struct Probe<'a> {
    /// What runs.
    pub(crate) command: &'a SsmCommand,
    /// Where.
    pub(crate) place: &'a Place,
    /// On which instance.
    pub(crate) instance: &'a InstanceId,
    /// What its environment, or its document, is told.
    pub(crate) told: &'a [(String, String)],
    /// By what it is found again.
    pub(crate) comment: String,
    /// When it was about to be sent: on record before it is.
    pub(crate) begun: Timestamp,
    /// Whether an earlier step may have sent it.
    pub(crate) again: bool,
    /// It has failed when it did not end by then.
    pub(crate) until: Timestamp,
}

/// How a probe stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has not ended.
    Open,
    /// It ended with the exit code 0, and wrote this.
    Passed(Option<String>),
    /// It did not: why, and what it wrote.
    Failed(String, Option<String>),
}

impl Probe<'_> {
    /// Sends the command unless it was sent, and looks at it. `sent` is its id, once it is known.
    pub(crate) async fn look(&self, commands: &dyn Commands, clock: &dyn Clock, sent: &mut Option<String>) -> Seen {
        let now = clock.now();
        if sent.is_none() {
            match self.send(commands, clock).await {
                Ok(id) => *sent = Some(id),
                Err(error) => return self.refused(&error, now),
            }
        }
        let Some(id) = sent.as_deref() else { return Seen::Open };
        match commands.look(self.place, id, self.instance).await {
            Ok(Some(report)) if report.state != CommandState::Open => ended(&report),
            Ok(_) if now >= self.until => {
                // Whether it can be cancelled or not, it has failed.
                commands.cancel(self.place, id).await.ok();
                Seen::Failed(format!("the command did not end before {}", self.until), None)
            }
            Ok(_) => Seen::Open,
            Err(error) => self.refused(&error, now),
        }
    }

    async fn send(&self, commands: &dyn Commands, clock: &dyn Clock) -> Result<String, AwsError> {
        if self.again
            && let Some(found) = self.sent_before(commands, clock).await?
        {
            return Ok(found);
        }
        let now = clock.now();
        let request = self.request(now);
        match commands.send(self.place, &request).await {
            // A document of the customer's that does not want to be told.
            Err(error) if error.refusal == Refusal::Invalid && matches!(self.command, SsmCommand::Document(_)) => {
                let untold = CommandRequest { parameters: BTreeMap::new(), ..request };
                commands.send(self.place, &untold).await
            }
            other => other,
        }
    }

    /// The command that a step sent which died, or had no answer. AWS may not show it at once.
    async fn sent_before(&self, commands: &dyn Commands, clock: &dyn Clock) -> Result<Option<String>, AwsError> {
        let since = self.begun - GRACE;
        let found = commands.find(self.place, self.instance, &self.comment, since).await?;
        if found.is_some() || clock.now().duration_since(self.begun) > LISTED {
            return Ok(found);
        }
        clock.sleep(LISTED).await;
        commands.find(self.place, self.instance, &self.comment, since).await
    }

    /// An instance that began just now is not managed before its agent says so: it has its time.
    fn refused(&self, error: &AwsError, now: Timestamp) -> Seen {
        let may_come = error.is_retryable() || error.refusal == Refusal::NotFound;
        if may_come && now < self.until {
            return Seen::Open;
        }
        let hint = if error.refusal == Refusal::NotFound {
            ": Systems Manager knows no agent on it; its profile must allow that, and its subnet needs a way there"
        } else {
            ""
        };
        Seen::Failed(format!("{} {}{hint}", error.code, error.message).trim().to_owned(), None)
    }

    fn request(&self, now: Timestamp) -> CommandRequest {
        let left = u32::try_from(self.until.duration_since(now).as_secs()).unwrap_or(0).max(LEAST);
        let inline = |document: &str, commands: Vec<String>| {
            let parameters = BTreeMap::from([
                ("commands".to_owned(), commands),
                ("executionTimeout".to_owned(), vec![left.to_string()]),
            ]);
            (document.to_owned(), parameters)
        };
        let (document, parameters) = match self.command {
            SsmCommand::Shell(text) => inline("AWS-RunShellScript", shell_checks(text, self.told)),
            SsmCommand::PowerShell(text) => inline("AWS-RunPowerShellScript", powershell_checks(text, self.told)),
            SsmCommand::Document(name) => {
                let told = self.told.iter();
                let parameters = told.map(|(name, value)| (parameter(name), vec![value.clone()])).collect();
                (name.as_str().to_owned(), parameters)
            }
        };
        let comment = self.comment.chars().take(MAX_COMMENT).collect();
        CommandRequest { document, parameters, instance: self.instance.clone(), comment, delivery: left }
    }
}

/// How a document's parameter is called that tells what a variable does: `CPM_BACKUP` is `Backup`.
fn parameter(variable: &str) -> String {
    let Some(words) = variable.strip_prefix("CPM_") else { return variable.to_owned() };
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_string() + &letters.as_str().to_ascii_lowercase()).unwrap_or_default()
    };
    words.split('_').map(capital).collect()
}

fn ended(report: &CommandReport) -> Seen {
    let output = kept(report);
    match report.state {
        CommandState::Succeeded => Seen::Passed(output),
        CommandState::TimedOut => Seen::Failed(format!("it was stopped: {}", report.words), output),
        CommandState::Failed | CommandState::Open => {
            let how = report.exit_code.map_or_else(|| report.words.clone(), |code| format!("exit code {code}"));
            Seen::Failed(how, output)
        }
    }
}

/// The end of what a command wrote.
fn kept(report: &CommandReport) -> Option<String> {
    let all = format!("{}{}", report.output, report.error_output);
    let skipped = all.chars().count().saturating_sub(MAX_OUTPUT);
    let end: String = all.chars().skip(skipped).collect();
    (!end.trim().is_empty()).then_some(end)
}
