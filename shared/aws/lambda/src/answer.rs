//! How answers are read.

use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_smithy_types::base64;
use cpm_domain::command::FunctionReport;
use serde_json::Value;

pub(crate) fn report(answer: &InvokeOutput) -> FunctionReport {
    let payload = answer.payload().map_or(&[][..], AsRef::as_ref);
    FunctionReport {
        failure: answer.function_error().map(|kind| failure(kind, payload)),
        log: answer.log_result().map(log).unwrap_or_default(),
    }
}

/// What the function says of its failure, type and message; or else what Lambda says of it, `Handled` or `Unhandled`.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-sync.html>
fn failure(kind: &str, payload: &[u8]) -> String {
    match fields(payload) {
        (Some(of), Some(message)) => format!("{of}: {message}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => kind.to_owned(),
    }
}

/// The same, type and message apart.
pub(crate) fn told(kind: &str, payload: &[u8]) -> (String, String) {
    match fields(payload) {
        (Some(of), message) => (of, message.unwrap_or_else(|| "the function failed without a word".to_owned())),
        (None, message) => (kind.to_owned(), message.unwrap_or_else(|| "the function ended unheard".to_owned())),
    }
}

fn fields(payload: &[u8]) -> (Option<String>, Option<String>) {
    let told: Value = serde_json::from_slice(payload).unwrap_or_default();
    let field = |name| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    (field("errorType"), field("errorMessage"))
}

/// The end of the log. It may begin within a character: what cannot be read is shown as such.
fn log(encoded: &str) -> String {
    base64::decode(encoded).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
