//! Error codes of Systems Manager.

use cpm_domain::aws::Refusal;

/// What an error code of Systems Manager means.
///
/// - `InvalidInstanceId` is also what an instance gets that no agent has registered, or that is stopped.
/// - `InvalidDocument` is a document that is not there, or not shared.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html>
pub(crate) fn meaning(code: &str) -> Option<Refusal> {
    match code {
        "InvalidInstanceId" | "InvalidDocument" | "InvalidCommandId" | INVOCATION => Some(Refusal::NotFound),
        "UnsupportedPlatformType" | "InvalidParameters" => Some(Refusal::Invalid),
        _ => None,
    }
}

/// A command that was sent a moment ago is not known on its instance yet.
pub(crate) const INVOCATION: &str = "InvocationDoesNotExist";
