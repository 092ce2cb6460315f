use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use cpm_domain::aws::{AwsError, Refusal};

/// What the failure of a call to `action` means. `by_code` knows the codes of the action's service; codes that all
/// services share are known already ([`common`]).
///
/// When nothing came back, the refusal is [`Refusal::Unknown`]: AWS may have done its work. A call that was never made
/// for want of credentials is [`Refusal::Denied`].
pub fn refused<E>(
    action: &str,
    error: &SdkError<E, HttpResponse>,
    by_code: impl Fn(&str) -> Option<Refusal>,
) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let tell = |refusal, code: &str, message: String| AwsError {
        refusal,
        action: action.to_owned(),
        code: code.to_owned(),
        message,
    };
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let meta = context.err().meta();
            let message = meta.message().map_or_else(|| words(context.err()), str::to_owned);
            match meta.code() {
                Some(code) => {
                    let bare = bare(code);
                    let refusal = by_code(bare).or_else(|| common(bare)).unwrap_or_else(|| by_status(status));
                    tell(refusal, bare, message)
                }
                None => tell(by_status(status), &format!("Http{status}"), message),
            }
        }
        SdkError::TimeoutError(_) => tell(Refusal::Unknown, "Timeout", "AWS did not answer in time".to_owned()),
        SdkError::ResponseError(_) => tell(Refusal::Unknown, "UnreadableAnswer", words(error)),
        _ => match credentials_error(error) {
            Some(CredentialsError::ProviderTimedOut(_)) => {
                tell(Refusal::Unknown, "Timeout", "the credentials did not come in time".to_owned())
            }
            Some(reason) => tell(Refusal::Denied, "Credentials", words(reason)),
            None if matches!(error, SdkError::ConstructionFailure(_)) => {
                tell(Refusal::Invalid, "BadRequest", words(error))
            }
            None => tell(Refusal::Unknown, "NoConnection", words(error)),
        },
    }
}

/// What a code means that any service may answer (Common Errors of each API reference).
pub fn common(code: &str) -> Option<Refusal> {
    COMMON.iter().find(|(_, codes)| codes.contains(&code)).map(|(refusal, _)| *refusal)
}

const COMMON: [(Refusal, &[&str]); 4] = [
    (
        Refusal::Throttled,
        &[
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttled",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ],
    ),
    (
        Refusal::Denied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "Blocked",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "NotAuthorized",
            "OptInRequired",
            "PendingVerification",
            "SignatureDoesNotMatch",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        ],
    ),
    // Nothing was done, and the next call comes with new credentials and a new date.
    (Refusal::Unknown, &["ExpiredToken", "ExpiredTokenException", "RequestExpired"]),
    (
        Refusal::Unknown,
        &[
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "RequestTimeout",
            "RequestTimeoutException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "Unavailable",
        ],
    ),
];

/// The words of an error and of all that caused it, each said once.
pub fn words(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        // Many errors repeat the words of their cause.
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}

/// An error and all that caused it.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// Old answers of EC2 write `Client.RequestLimitExceeded`.
fn bare(code: &str) -> &str {
    code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code)
}

fn by_status(status: u16) -> Refusal {
    match status {
        401 | 403 => Refusal::Denied,
        404 => Refusal::NotFound,
        408 | 500.. => Refusal::Unknown,
        429 => Refusal::Throttled,
        _ => Refusal::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
    use rstest::rstest;

    use super::*;

    fn answer(status: u16, code: Option<&str>) -> SdkError<ErrorMetadata, HttpResponse> {
        let mut meta = ErrorMetadata::builder().message("AWS's words");
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        SdkError::service_error(meta.build(), raw)
    }

    fn of_this_service(code: &str) -> Option<Refusal> {
        (code == "PendingSnapshotLimitExceeded").then_some(Refusal::Limit)
    }

    #[rstest]
    #[case(400, Some("PendingSnapshotLimitExceeded"), Refusal::Limit, "PendingSnapshotLimitExceeded")]
    #[case(503, Some("RequestLimitExceeded"), Refusal::Throttled, "RequestLimitExceeded")]
    #[case(503, Some("Client.RequestLimitExceeded"), Refusal::Throttled, "RequestLimitExceeded")]
    #[case(400, Some("ThrottlingException"), Refusal::Throttled, "ThrottlingException")]
    #[case(403, Some("UnauthorizedOperation"), Refusal::Denied, "UnauthorizedOperation")]
    #[case(400, Some("AccessDeniedException"), Refusal::Denied, "AccessDeniedException")]
    #[case(401, Some("OptInRequired"), Refusal::Denied, "OptInRequired")]
    #[case(400, Some("ExpiredTokenException"), Refusal::Unknown, "ExpiredTokenException")]
    #[case(500, Some("InternalError"), Refusal::Unknown, "InternalError")]
    #[case(503, Some("Unavailable"), Refusal::Unknown, "Unavailable")]
    #[case(500, Some("NeverHeardOf"), Refusal::Unknown, "NeverHeardOf")]
    #[case(400, Some("NeverHeardOf"), Refusal::Invalid, "NeverHeardOf")]
    #[case(502, None, Refusal::Unknown, "Http502")]
    #[case(429, None, Refusal::Throttled, "Http429")]
    #[case(403, None, Refusal::Denied, "Http403")]
    #[case(400, None, Refusal::Invalid, "Http400")]
    fn answers(#[case] status: u16, #[case] code: Option<&str>, #[case] refusal: Refusal, #[case] told: &str) {
        let error = refused("ec2:CreateSnapshots", &answer(status, code), of_this_service);
        assert_eq!((error.refusal, error.code.as_str()), (refusal, told));
        assert_eq!((error.action.as_str(), error.message.as_str()), ("ec2:CreateSnapshots", "AWS's words"));
    }

    #[test]
    fn silence_means_that_nobody_knows() {
        let timeout: SdkError<ErrorMetadata, HttpResponse> = SdkError::timeout_error("30 s are over");
        assert_eq!(refused("ec2:CreateSnapshots", &timeout, of_this_service).refusal, Refusal::Unknown);
        let cut: SdkError<ErrorMetadata, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::io("connection reset by peer".into()));
        let error = refused("ec2:CreateSnapshots", &cut, of_this_service);
        assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "NoConnection"));
        assert!(error.message.contains("connection reset by peer"), "{}", error.message);
    }

    #[test]
    fn without_credentials_no_call_is_made() {
        let none = CredentialsError::not_loaded("no variable AWS_ACCESS_KEY_ID");
        let error: SdkError<ErrorMetadata, HttpResponse> = SdkError::construction_failure(none);
        let error = refused("sns:Publish", &error, of_this_service);
        assert_eq!((error.refusal, error.code.as_str()), (Refusal::Denied, "Credentials"));
        assert!(error.message.contains("AWS_ACCESS_KEY_ID"), "{}", error.message);
    }
}
