//! Serves a function's events, and fails in words that the state machines match on.

use std::panic::AssertUnwindSafe;

use cpm_contracts::code;
use cpm_ports::Deadline;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// How long before Lambda ends the function a step hands back what it could not do.
const MARGIN: SignedDuration = SignedDuration::from_secs(3);

/// A failure, as Lambda reports it: its type is the stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}

impl From<cpm_app::Error> for Failure {
    fn from(error: cpm_app::Error) -> Self {
        Self { code: error.code().name, message: format!("{error}; {}", error.advice()) }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.code.to_owned(), error_message: failure.message }
    }
}

/// Serves events with `handle` until Lambda ends the function.
///
/// An event that cannot be read is [`code::BAD_INPUT`]; a panic is [`code::BUG`], and the function lives on.
/// Where a panic aborts, as in a release, the function dies with its words in the log, and the state machine asks again.
pub async fn serve<Event, Answer, Handle, Handling>(handle: Handle) -> Result<(), lambda_runtime::Error>
where
    Event: DeserializeOwned + Send,
    Answer: Serialize + Send,
    Handle: Fn(Event, Deadline) -> Handling + Sync,
    Handling: Future<Output = Result<Answer, Failure>> + Send,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = deadline(event.context.deadline);
        answer(handle, event.payload, deadline).await.inspect_err(|failure| {
            tracing::error!(code = failure.code, "{}", failure.message);
        })
    }))
    .await
}

async fn answer<Event, Answer, Handle, Handling>(
    handle: &Handle,
    payload: Value,
    deadline: Deadline,
) -> Result<Answer, Failure>
where
    Event: DeserializeOwned,
    Handle: Fn(Event, Deadline) -> Handling,
    Handling: Future<Output = Result<Answer, Failure>>,
{
    let event = serde_json::from_value(payload).map_err(|error| Failure {
        code: code::BAD_INPUT.name,
        message: format!("the event cannot be read: {error}; deploy state machines and functions of one version"),
    })?;
    match AssertUnwindSafe(async { handle(event, deadline).await }).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(ToString::to_string);
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(Failure { code: code::BUG.name, message: format!("a bug: {said}; please report it with this log") })
        }
    }
}

fn deadline(milliseconds: u64) -> Deadline {
    let end = i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Deadline(end.and_then(|end| end.checked_sub(MARGIN).ok()).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn outcome(handle: impl Fn(u8) -> Result<u8, Failure>) -> Result<u8, Failure> {
        answer(&|event: u8, _| std::future::ready(handle(event)), Value::from(7), Deadline(Timestamp::MAX)).await
    }

    #[tokio::test]
    async fn a_panic_is_a_bug_and_not_the_end() {
        let failure = outcome(|_| panic!("out of bounds")).await.unwrap_err();
        assert_eq!(failure.code, "Cpm.Bug");
        assert!(failure.message.contains("out of bounds"));
        assert_eq!(outcome(|event| Ok(event + 1)).await, Ok(8));
    }

    #[tokio::test]
    async fn an_event_of_another_version_is_bad_input() {
        let handle = |_: u8, _| std::future::ready(Ok(0u8));
        let failure = answer(&handle, Value::from("x"), Deadline(Timestamp::MAX)).await.unwrap_err();
        assert_eq!(failure.code, "Input.Bad");
    }

    #[test]
    fn hands_back_before_lambda_ends() {
        assert_eq!(deadline(10_000), Deadline(Timestamp::from_millisecond(7_000).unwrap()));
    }
}
