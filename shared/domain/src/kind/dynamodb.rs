//! DynamoDB tables.

use super::{Planned, Spec, planned};
use crate::{aws::Found, id::id, target::Target, unit::UnitKind};

id!(
    /// A DynamoDB table, by its name.
    TableName, "the name of a table", "sessions", is_name
);

pub(super) const SPEC: Spec =
    Spec { noun: "a DynamoDB table", arn: ("dynamodb", "table/"), units: &[UnitKind::DynamodbBackup] };

/// 3 to 255 of `a-z A-Z 0-9 _ . -` (`CreateTable`).
fn is_name(text: &str) -> bool {
    (3..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Plans the on-demand backup of a table.
pub(super) fn plan(target: &Target, found: &Found) -> Planned {
    let Found::Managed(table) = found else { return Planned::Gone };
    match table.status.as_str() {
        "DELETING" => Planned::Gone,
        "ARCHIVED" | "ARCHIVING" | "INACCESSIBLE_ENCRYPTION_CREDENTIALS" => Planned::Refused(format!(
            "{} is {}, and AWS makes no backup of it in that state: give it its KMS key back, or restore it",
            table.resource.id(),
            table.status
        )),
        _ => planned::alone(target, UnitKind::DynamodbBackup, table),
    }
}
