//! Systems Manager and functions in memory.

mod outcome;
mod ports;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use cpm_domain::{
    command::{CommandRequest, Ping},
    id::{InstanceId, Region},
};
use cpm_ports::Clock;
use jiff::{SignedDuration, Timestamp};

pub use self::outcome::{FunctionOutcome, Outcome};
use crate::{FakeAws, FakeClock, Faults, held};

/// A command that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCommand {
    /// In which account, by number.
    pub account: String,
    /// In which Region.
    pub region: Region,
    /// Its id.
    pub id: String,
    /// What was sent.
    pub request: CommandRequest,
    /// When.
    pub at: Timestamp,
    /// When the agent took it up.
    pub began: Option<Timestamp>,
    /// When it was cancelled, before it had ended.
    pub cancelled: Option<Timestamp>,
    outcome: Outcome,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalledFunction {
    /// In which account, by number.
    pub account: String,
    /// In which Region.
    pub region: Region,
    /// Its name or ARN.
    pub function: String,
    /// What it was called with, as JSON.
    pub payload: String,
    /// When.
    pub at: Timestamp,
}

/// Commands, functions and agents, by AWS's rules. Clones are the same.
///
/// - Every instance of the accounts is managed, its agent is online, and every command and every function succeeds at
///   once, until a test says otherwise.
/// - An instance that is not managed, is stopped or gone, refuses commands with `InvalidInstanceId`.
/// - An agent that is offline takes a command up when it comes back within the time for delivery. After that the
///   command is `DeliveryTimedOut`.
/// - A command whose parameter `executionTimeout` is over is `ExecutionTimedOut`, with the exit code 137.
/// - What a command wrote is shown when it has ended, its first 24,000 and 8,000 characters.
/// - A function that takes longer than the call waits gives no answer.
///
/// Calls go by the names of AWS's actions: `ssm:SendCommand`, `ssm:GetCommandInvocation`, `ssm:ListCommandInvocations`,
/// `ssm:CancelCommand`, `ssm:DescribeInstanceInformation`, `lambda:InvokeFunction`.
#[derive(Debug, Clone)]
pub struct FakeSystems {
    state: Arc<Mutex<State>>,
    aws: FakeAws,
    faults: Faults,
    clock: FakeClock,
}

#[derive(Debug, Default)]
struct State {
    commands: Vec<SentCommand>,
    calls: Vec<CalledFunction>,
    /// What becomes of commands: on which instance, by which words. Later ones come first.
    outcomes: Vec<(Option<InstanceId>, String, Outcome)>,
    functions: BTreeMap<String, FunctionOutcome>,
    /// How agents are that are not online, and since when.
    agents: BTreeMap<InstanceId, (Ping, Timestamp)>,
    unmanaged: BTreeSet<InstanceId>,
    missing: BTreeSet<String>,
    lag: SignedDuration,
}

impl FakeSystems {
    /// Of these accounts; calls fail as `faults` say.
    pub fn with(aws: FakeAws, faults: Faults, clock: FakeClock) -> Self {
        Self { state: Arc::default(), aws, faults, clock }
    }

    /// The same for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        let (aws, clock) = (self.aws.beside(), self.clock.beside());
        Self { state: Arc::clone(&self.state), aws, faults: Faults::new(), clock }
    }

    /// From now on commands on this instance come to this end when their comment or the name of their document has
    /// these words; all of them, when it is empty. What was said last counts.
    pub fn when(&self, instance: &InstanceId, words: &str, outcome: Outcome) {
        held(&self.state).outcomes.push((Some(instance.clone()), words.to_owned(), outcome));
    }

    /// The same for commands on every instance.
    pub fn whenever(&self, words: &str, outcome: Outcome) {
        held(&self.state).outcomes.push((None, words.to_owned(), outcome));
    }

    /// From now on calls of this function, as the caller names it, come to this end.
    pub fn function(&self, function: &str, outcome: FunctionOutcome) {
        held(&self.state).functions.insert(function.to_owned(), outcome);
    }

    /// There is no such document or function: `cpm-vss`.
    pub fn missing(&self, name: &str) {
        held(&self.state).missing.insert(name.to_owned());
    }

    /// The agent of an instance is not heard of any more.
    pub fn offline(&self, instance: &InstanceId) {
        self.set_agent(instance, Ping::ConnectionLost);
    }

    /// How the agent of an instance is. One that comes back takes up what waits for it.
    pub fn set_agent(&self, instance: &InstanceId, ping: Ping) {
        let now = self.clock.now();
        let mut state = held(&self.state);
        if ping != Ping::Online {
            state.agents.insert(instance.clone(), (ping, now));
            return;
        }
        state.agents.remove(instance);
        for command in state.commands.iter_mut().filter(|command| command.request.instance == *instance) {
            if command.is_waiting(now) {
                command.began = Some(now);
            }
        }
    }

    /// The instance has no agent, or no role for it: Systems Manager does not manage it.
    pub fn unmanage(&self, instance: &InstanceId) {
        held(&self.state).unmanaged.insert(instance.clone());
    }

    /// From now on a command is not known on its instance before it is so old.
    pub fn lag(&self, lag: SignedDuration) {
        held(&self.state).lag = lag;
    }

    /// The commands that were sent, in that order.
    pub fn sent(&self) -> Vec<SentCommand> {
        held(&self.state).commands.clone()
    }

    /// The functions that were called, in that order.
    pub fn called(&self) -> Vec<CalledFunction> {
        held(&self.state).calls.clone()
    }
}

impl State {
    /// What is to become of a command.
    fn outcome(&self, request: &CommandRequest) -> Outcome {
        let fits = |(instance, words, _): &&(Option<InstanceId>, String, Outcome)| {
            instance.as_ref().is_none_or(|instance| *instance == request.instance)
                && (request.comment.contains(words.as_str()) || request.document.contains(words.as_str()))
        };
        let found = self.outcomes.iter().rev().find(fits);
        found.map_or_else(Outcome::success, |(_, _, outcome)| outcome.clone())
    }
}
