//! State machines in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::{Clock, Execution, Executions, Machine, Started};

use crate::{
    FakeClock, Faults,
    faults::Calling,
    held,
    rates::Rate,
    script::{Broken, Reason},
};

/// An execution that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedExecution {
    /// Of which machine.
    pub machine: Machine,
    /// Its name.
    pub name: String,
    /// What it was started with, as JSON.
    pub input: String,
    /// How it stands.
    pub state: Execution,
}

/// Step Functions, by its rules. Clones are the same.
///
/// - A name is used once. A second start is [`Started::Already`], except that one with the same input, while the first
///   runs, looks like the first: Step Functions answers both alike.
/// - A token that nobody waits with is `false`, and so is one that was used.
///
/// Calls go by the names `states:StartExecution`, `states:DescribeExecution` and `states:SendTaskSuccess`.
#[derive(Debug, Clone)]
pub struct FakeExecutions {
    state: Arc<Mutex<State>>,
    faults: Faults,
    clock: FakeClock,
}

#[derive(Debug, Default)]
struct State {
    started: Vec<StartedExecution>,
    waiting: Vec<String>,
    woken: Vec<(String, String)>,
    rate: Option<Rate>,
}

impl FakeExecutions {
    /// Nothing runs.
    pub fn new() -> Self {
        Self::with(Faults::new(), FakeClock::new())
    }

    /// Nothing runs, and calls fail as `faults` say.
    pub fn with(faults: Faults, clock: FakeClock) -> Self {
        Self { state: Arc::default(), faults, clock }
    }

    /// The same for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { state: Arc::clone(&self.state), faults: Faults::new(), clock: self.clock.beside() }
    }

    /// What was started, in that order.
    pub fn started(&self) -> Vec<StartedExecution> {
        held(&self.state).started.clone()
    }

    /// Lets the executions of that name come to this state; [`Execution::Unknown`] forgets them.
    pub fn set(&self, name: &str, state: Execution) {
        let mut all = held(&self.state);
        if state == Execution::Unknown {
            all.started.retain(|execution| execution.name != name);
        }
        all.started
            .iter_mut()
            .filter(|execution| execution.name == name)
            .for_each(|execution| execution.state = state);
    }

    /// An execution runs that somebody else started.
    pub fn runs(&self, machine: Machine, name: &str) {
        let (name, input) = (name.to_owned(), String::new());
        held(&self.state).started.push(StartedExecution { machine, name, input, state: Execution::Running });
    }

    /// An execution waits with this token.
    pub fn wait_with(&self, token: &str) {
        held(&self.state).waiting.push(token.to_owned());
    }

    /// The execution with this token waits no longer: its time ran out.
    pub fn time_out(&self, token: &str) {
        held(&self.state).waiting.retain(|waiting| waiting != token);
    }

    /// The tokens that woke somebody, in that order.
    pub fn woken(&self) -> Vec<String> {
        held(&self.state).woken.iter().map(|(token, _)| token.clone()).collect()
    }

    /// What those that were woken were handed, as JSON, in that order.
    pub fn outputs(&self) -> Vec<String> {
        held(&self.state).woken.iter().map(|(_, output)| output.clone()).collect()
    }

    /// From now on starts are throttled: so many at once, then so many a second.
    pub fn keep_rate(&self, most: u32, a_second: f64) {
        held(&self.state).rate = Some(Rate::new(most, a_second, self.clock.now()));
    }
}

impl Default for FakeExecutions {
    fn default() -> Self {
        Self::new()
    }
}

const START: &str = "states:StartExecution";

fn invalid(code: &str, message: String) -> AwsError {
    AwsError { refusal: Refusal::Invalid, action: START.to_owned(), code: code.to_owned(), message }
}

fn check(name: &str, input: &str) -> Result<(), AwsError> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 80 || !name.chars().all(is_legal) {
        return Err(invalid("InvalidName", format!("Invalid Name: '{name}'")));
    }
    if input.len() > 262_144 || serde_json::from_str::<serde_json::Value>(input).is_err() {
        return Err(invalid("InvalidExecutionInput", format!("Invalid State Machine Execution Input: '{input}'")));
    }
    Ok(())
}

#[async_trait]
impl Executions for FakeExecutions {
    async fn start(&self, machine: Machine, name: &str, input: &str) -> Result<Started, AwsError> {
        let now = self.clock.now();
        self.faults
            .call(Calling::new(&[START], name, None), |_| {
                let mut state = held(&self.state);
                if state.rate.as_mut().is_some_and(|rate| !rate.allows(now)) {
                    return Err(AwsError::broken(START, Reason::Throttled));
                }
                check(name, input)?;
                let before = state.started.iter().find(|other| other.machine == machine && other.name == name);
                match before {
                    Some(other) if other.state == Execution::Running && other.input == input => Ok(Started::Now),
                    Some(_) => Ok(Started::Already),
                    None => {
                        let (name, input) = (name.to_owned(), input.to_owned());
                        state.started.push(StartedExecution { machine, name, input, state: Execution::Running });
                        Ok(Started::Now)
                    }
                }
            })
            .await
    }

    async fn look(&self, machine: Machine, name: &str) -> Result<Execution, AwsError> {
        self.faults
            .call(Calling::new(&["states:DescribeExecution"], name, None), |_| {
                let state = held(&self.state);
                let found = state.started.iter().find(|other| other.machine == machine && other.name == name);
                Ok(found.map_or(Execution::Unknown, |execution| execution.state))
            })
            .await
    }

    async fn wake_with(&self, token: &str, output: &str) -> Result<bool, AwsError> {
        self.faults
            .call(Calling::new(&["states:SendTaskSuccess"], token, None), |_| {
                let mut state = held(&self.state);
                let Some(at) = state.waiting.iter().position(|waiting| waiting == token) else { return Ok(false) };
                let token = state.waiting.remove(at);
                state.woken.push((token, output.to_owned()));
                Ok(true)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at_once;

    #[test]
    fn a_name_is_used_once() {
        let executions = FakeExecutions::new();
        let start = |input| at_once(executions.start(Machine::Backup, "web-1", input)).unwrap();
        assert_eq!(start("{}"), Started::Now);
        assert_eq!(start("{}"), Started::Now, "the same start, answered alike");
        assert_eq!(start(r#"{"other": 1}"#), Started::Already);
        executions.set("web-1", Execution::Dead);
        assert_eq!(start("{}"), Started::Already);
        assert_eq!(executions.started().len(), 1);
        assert_eq!(at_once(executions.look(Machine::Backup, "web-1")), Ok(Execution::Dead));
        assert_eq!(at_once(executions.look(Machine::Cleanup, "web-1")), Ok(Execution::Unknown));
    }

    #[test]
    fn bad_names_and_inputs_are_refused() {
        let executions = FakeExecutions::new();
        let code = |name: &str, input| at_once(executions.start(Machine::Backup, name, input)).unwrap_err().code;
        assert_eq!(code("a.b", "{}"), "InvalidName");
        assert_eq!(code(&"a".repeat(81), "{}"), "InvalidName");
        assert_eq!(code("a", "no json"), "InvalidExecutionInput");
    }

    #[test]
    fn a_token_wakes_once() {
        let executions = FakeExecutions::new();
        let wake = |token| at_once(executions.wake(token)).unwrap();
        executions.wait_with("one");
        executions.wait_with("two");
        executions.time_out("two");
        assert_eq!([wake("one"), wake("one"), wake("two"), wake("three")], [true, false, false, false]);
        assert_eq!(executions.woken(), ["one"]);
        executions.wait_with("three");
        assert_eq!(at_once(executions.wake_with("three", r#"{"yes":true}"#)), Ok(true));
        assert_eq!(executions.outputs(), ["{}", r#"{"yes":true}"#]);
    }

    #[test]
    fn starts_are_throttled_by_their_rate() {
        let clock = FakeClock::new();
        let executions = FakeExecutions::with(Faults::new(), clock.clone());
        executions.keep_rate(2, 1.0);
        let refusal = |name| at_once(executions.start(Machine::Backup, name, "{}")).map_err(|error| error.refusal);
        assert_eq!([refusal("a"), refusal("b")], [Ok(Started::Now), Ok(Started::Now)]);
        assert_eq!(refusal("c"), Err(Refusal::Throttled));
        clock.advance(jiff::SignedDuration::from_secs(1));
        assert_eq!(refusal("c"), Ok(Started::Now));
    }
}
