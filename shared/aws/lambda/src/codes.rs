//! Error codes of Lambda.

use cpm_domain::aws::Refusal;

/// What an error code of a call means. Many come with the status 502 though the function never ran.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
pub(crate) fn meaning(code: &str) -> Option<Refusal> {
    match code {
        "ResourceNotFoundException" => Some(Refusal::NotFound),
        "TooManyRequestsException" | "EC2ThrottledException" => Some(Refusal::Throttled),
        "EC2AccessDeniedException" | "KMSAccessDeniedException" => Some(Refusal::Denied),
        "ResourceConflictException" | "ResourceNotReadyException" | "SnapStartNotReadyException" => {
            Some(Refusal::Busy)
        }
        "InvalidRuntimeException"
        | "InvalidSecurityGroupIDException"
        | "InvalidSubnetIDException"
        | "InvalidZipFileException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSNotFoundException" => Some(Refusal::Invalid),
        _ => None,
    }
}
