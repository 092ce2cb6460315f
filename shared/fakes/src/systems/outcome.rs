//! What becomes of commands and functions.

use cpm_domain::command::{CommandReport, CommandState};
use jiff::{SignedDuration, Timestamp};

use super::SentCommand;

/// What becomes of a command that an agent took up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    exit_code: i64,
    /// None: it never ends.
    takes: Option<SignedDuration>,
    output: String,
    error_output: String,
}

impl Outcome {
    /// It ends at once with the exit code 0, and says nothing.
    pub fn success() -> Self {
        Self::exit(0)
    }

    /// It ends at once with this exit code.
    pub fn exit(code: i64) -> Self {
        Self {
            exit_code: code,
            takes: Some(SignedDuration::ZERO),
            output: String::new(),
            error_output: String::new(),
        }
    }

    /// It never ends, until somebody cancels it: not even its own time ends it.
    pub fn never() -> Self {
        Self { takes: None, ..Self::success() }
    }

    /// It takes so long.
    #[must_use]
    pub fn after(self, takes: SignedDuration) -> Self {
        Self { takes: Some(takes), ..self }
    }

    /// It writes this to standard output.
    #[must_use]
    pub fn saying(self, output: &str) -> Self {
        Self { output: output.to_owned(), ..self }
    }

    /// It writes this to standard error.
    #[must_use]
    pub fn complaining(self, error_output: &str) -> Self {
        Self { error_output: error_output.to_owned(), ..self }
    }
}

/// What becomes of the call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionOutcome {
    pub(super) failure: Option<String>,
    pub(super) takes: SignedDuration,
    pub(super) log: String,
}

impl FunctionOutcome {
    /// It succeeds at once.
    pub fn success() -> Self {
        Self { failure: None, takes: SignedDuration::ZERO, log: String::new() }
    }

    /// It fails at once, with these words.
    pub fn failure(words: &str) -> Self {
        Self { failure: Some(words.to_owned()), ..Self::success() }
    }

    /// It takes so long.
    #[must_use]
    pub fn after(self, takes: SignedDuration) -> Self {
        Self { takes, ..self }
    }

    /// Its log ends so.
    #[must_use]
    pub fn logging(self, log: &str) -> Self {
        Self { log: log.to_owned(), ..self }
    }
}

/// AWS takes no shorter time for delivery.
const MIN_DELIVERY: u32 = 30;
/// How much of the outputs AWS hands out (`GetCommandInvocation`).
const MAX_OUTPUT: usize = 24_000;
const MAX_ERROR_OUTPUT: usize = 8_000;
/// What the agent gives a script that it ends.
const ENDED_BY_AGENT: i64 = 137;

impl SentCommand {
    /// Whether it waits for its agent.
    pub(super) fn is_waiting(&self, now: Timestamp) -> bool {
        self.began.is_none() && self.cancelled.is_none() && now < self.delivered_by()
    }

    fn delivered_by(&self) -> Timestamp {
        self.at + SignedDuration::from_secs(i64::from(self.request.delivery.max(MIN_DELIVERY)))
    }

    /// How it is now.
    pub(super) fn report(&self, now: Timestamp) -> CommandReport {
        let report = |state, words: &str| CommandReport {
            state,
            words: words.to_owned(),
            exit_code: None,
            started: self.began,
            ended: None,
            output: String::new(),
            error_output: String::new(),
            truncated: false,
        };
        if let Some(cancelled) = self.cancelled {
            let ended = self.began.is_some().then_some(cancelled);
            return CommandReport { ended, ..report(CommandState::Failed, "Cancelled") };
        }
        let Some(began) = self.began else {
            return if now < self.delivered_by() {
                report(CommandState::Open, "Pending")
            } else {
                report(CommandState::TimedOut, "DeliveryTimedOut")
            };
        };
        let open = report(CommandState::Open, "InProgress");
        let Some(takes) = self.outcome.takes else { return open };
        match self.execution_timeout().filter(|limit| takes > *limit) {
            Some(limit) if began + limit <= now => CommandReport {
                exit_code: Some(ENDED_BY_AGENT),
                ..self.ended(report(CommandState::TimedOut, "ExecutionTimedOut"), began + limit)
            },
            None if began + takes <= now => {
                let (state, words) = match self.outcome.exit_code {
                    0 => (CommandState::Succeeded, "Success"),
                    _ => (CommandState::Failed, "Failed"),
                };
                let exit_code = Some(self.outcome.exit_code);
                CommandReport { exit_code, ..self.ended(report(state, words), began + takes) }
            }
            _ => open,
        }
    }

    /// For how long a script may run, as the documents of AWS take it.
    fn execution_timeout(&self) -> Option<SignedDuration> {
        let seconds = self.request.parameters.get("executionTimeout")?.first()?.parse().ok()?;
        Some(SignedDuration::from_secs(seconds))
    }

    fn ended(&self, report: CommandReport, at: Timestamp) -> CommandReport {
        let (output, output_cut) = first(&self.outcome.output, MAX_OUTPUT);
        let (error_output, error_cut) = first(&self.outcome.error_output, MAX_ERROR_OUTPUT);
        CommandReport { ended: Some(at), output, error_output, truncated: output_cut || error_cut, ..report }
    }
}

fn first(text: &str, most: usize) -> (String, bool) {
    (text.chars().take(most).collect(), text.chars().nth(most).is_some())
}
