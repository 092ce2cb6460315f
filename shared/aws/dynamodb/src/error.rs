//! What DynamoDB's refusals mean to the store.

use aws_sdk_dynamodb::{
    error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::CancellationReason,
};
use cpm_ports::StoreError;

/// Codes that go away by themselves; those of AWS's own fault have a status from 500.
const TRANSIENT: [&str; 9] = [
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The refusal of a call that was to change or read `what`.
pub(crate) fn refusal<E>(error: &SdkError<E>, what: &str) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or("no code");
            let words = format!("{code}: {}", context.err().message().unwrap_or("no message"));
            if code == "ConditionalCheckFailedException" {
                StoreError::LostRace(what.to_owned())
            } else if TRANSIENT.contains(&code) || context.raw().status().is_server_error() {
                StoreError::Unavailable(words)
            } else {
                StoreError::Refused(format!("{words} ({what})"))
            }
        }
        SdkError::ConstructionFailure(_) => StoreError::Refused(DisplayErrorContext(error).to_string()),
        // No answer, or none that can be read: whether the call did its work is not known.
        _ => StoreError::Unavailable(DisplayErrorContext(error).to_string()),
    }
}

/// The refusal of a transaction; `whats` names what each of its items was to change.
pub(crate) fn canceled(error: &SdkError<TransactWriteItemsError>, whats: &[String]) -> StoreError {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            because(canceled.cancellation_reasons(), whats)
        }
        _ => refusal(error, whats.first().map_or("nothing", String::as_str)),
    }
}

/// What a canceled transaction means: a failed condition before a refusal for good before one that goes away.
fn because(reasons: &[CancellationReason], whats: &[String]) -> StoreError {
    let with = |codes: &[&str]| {
        let mut reasons = reasons.iter().enumerate();
        reasons.find(|(_, reason)| reason.code().is_some_and(|code| codes.contains(&code)))
    };
    let what = |n: usize| whats.get(n).map_or("the configuration", String::as_str);
    if let Some((n, _)) = with(&["ConditionalCheckFailed"]) {
        return StoreError::LostRace(what(n).to_owned());
    }
    if let Some((n, reason)) = with(&["ValidationError", "ItemCollectionSizeLimitExceeded"]) {
        let words = reason.message().unwrap_or("no message");
        return StoreError::Refused(format!("{}: {words} ({})", reason.code().unwrap_or("no code"), what(n)));
    }
    let mut codes: Vec<&str> =
        reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None").collect();
    codes.dedup();
    StoreError::Unavailable(format!("the transaction was canceled: {}", codes.join(", ")))
}

/// A request that the SDK would not even build.
pub(crate) fn unbuilt(error: BuildError) -> StoreError {
    StoreError::Refused(DisplayErrorContext(error).to_string())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{
        config::http::HttpResponse, error::ErrorMetadata, operation::put_item::PutItemError,
        types::error::TransactionCanceledException,
    };
    use rstest::rstest;

    use super::*;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), "".into())
    }

    fn refused(status: u16, code: &str) -> StoreError {
        let metadata = ErrorMetadata::builder().code(code).message("AWS's words").build();
        refusal(&SdkError::service_error(PutItemError::generic(metadata), answer(status)), "backup 17")
    }

    #[rstest]
    #[case(400, "ThrottlingException")]
    #[case(400, "ProvisionedThroughputExceededException")]
    #[case(400, "TransactionConflictException")]
    #[case(500, "InternalServerError")]
    #[case(503, "something new")]
    fn goes_away(#[case] status: u16, #[case] code: &str) {
        assert_eq!(refused(status, code), StoreError::Unavailable(format!("{code}: AWS's words")));
    }

    #[rstest]
    #[case("AccessDeniedException")]
    #[case("ResourceNotFoundException")]
    #[case("ValidationException")]
    fn stays(#[case] code: &str) {
        assert_eq!(refused(400, code), StoreError::Refused(format!("{code}: AWS's words (backup 17)")));
    }

    #[test]
    fn a_failed_condition_is_a_lost_race() {
        assert_eq!(refused(400, "ConditionalCheckFailedException"), StoreError::LostRace("backup 17".into()));
    }

    #[test]
    fn no_answer_goes_away() {
        let timeout: SdkError<PutItemError> = SdkError::timeout_error("too slow");
        assert!(
            matches!(refusal(&timeout, "backup 17"), StoreError::Unavailable(words) if words.contains("too slow"))
        );
    }

    fn transaction(codes: &[&str]) -> StoreError {
        let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).message("words").build());
        let error = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons.collect())).build();
        let error = TransactWriteItemsError::TransactionCanceledException(error);
        let whats = ["policy web".to_owned(), "its audit event".to_owned()];
        canceled(&SdkError::service_error(error, answer(400)), &whats)
    }

    #[test]
    fn a_canceled_transaction_says_why() {
        assert_eq!(transaction(&["ConditionalCheckFailed", "None"]), StoreError::LostRace("policy web".into()));
        assert_eq!(
            transaction(&["TransactionConflict", "ConditionalCheckFailed"]),
            StoreError::LostRace("its audit event".into())
        );
        assert_eq!(
            transaction(&["None", "TransactionConflict"]),
            StoreError::Unavailable("the transaction was canceled: TransactionConflict".into())
        );
        assert!(matches!(transaction(&["ThrottlingError", "None"]), StoreError::Unavailable(_)));
        assert_eq!(
            transaction(&["None", "ValidationError"]),
            StoreError::Refused("ValidationError: words (its audit event)".into())
        );
    }
}
