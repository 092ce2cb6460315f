use aws_smithy_types::DateTime;
use cpm_domain::{
    aws::{AwsError, Refusal},
    kind::{Kind, Resource},
    recovery::work::Ref,
};
use jiff::Timestamp;

/// An answer to `action` that gives `text` where an id belongs. It must not pass in silence: a resource would not be
/// backed up.
pub fn unreadable(action: &str, text: &str) -> AwsError {
    AwsError {
        refusal: Refusal::Invalid,
        action: action.to_owned(),
        code: "UnreadableAnswer".to_owned(),
        message: format!("AWS gave `{text}` for an id"),
    }
}

/// The resource of a kind that an answer to `action` names.
pub fn resource(action: &str, kind: Kind, id: Option<&str>) -> Result<Resource, AwsError> {
    let id = id.unwrap_or_default();
    Resource::new(kind, id).map_err(|_| unreadable(action, id))
}

/// A time that AWS tells.
pub fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// The id of what an order is about.
pub fn id_of(what: &Ref) -> Result<&str, AwsError> {
    match what {
        Ref::Id(id) => Ok(id),
        Ref::Work(number) => Err(AwsError {
            refusal: Refusal::Invalid,
            action: "cpm".to_owned(),
            code: "NotMadeYet".to_owned(),
            message: format!("it needs what work {number} makes"),
        }),
    }
}

/// What `service` was asked for, and another service does.
pub fn not_ours(service: &str, what: &str) -> AwsError {
    AwsError {
        refusal: Refusal::Invalid,
        action: service.to_owned(),
        code: "AnotherService".to_owned(),
        message: format!("{what} is no business of {service}"),
    }
}
