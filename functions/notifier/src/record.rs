//! A record of the table's stream, read as a change of an alert.

use aws_lambda_events::dynamodb::EventRecord;
use cpm_app::alert::Change;
use cpm_domain::{alert::Alert, name::OwnerName};
use cpm_ports::Clock;
use serde_dynamo::Item;

/// Whose alert it is, and what became of it.
pub(crate) fn read(record: &EventRecord, clock: &dyn Clock) -> Result<(OwnerName, Change), String> {
    let image = |item: &Item| {
        // An image that is not there comes as an empty one.
        (!item.is_empty())
            .then(|| serde_dynamo::from_item(item.clone()).map_err(|error| error.to_string()))
            .transpose()
    };
    let before: Option<Alert> = image(&record.change.old_image)?;
    let after: Option<Alert> = image(&record.change.new_image)?;
    Ok((owner(&record.change.keys)?, Change { before, after, time: clock.now() }))
}

/// The partition key of an alert is `OWNER#<owner>#ALERTS`.
fn owner(keys: &Item) -> Result<OwnerName, String> {
    let pk = keys.get("pk").and_then(|pk| serde_dynamo::from_attribute_value::<_, String>(pk.clone()).ok());
    let pk = pk.ok_or("a record without a partition key")?;
    let owner = pk.strip_prefix("OWNER#").and_then(|rest| rest.strip_suffix("#ALERTS"));
    owner.and_then(|owner| owner.parse().ok()).ok_or_else(|| format!("`{pk}` is not the key of an alert"))
}

#[cfg(test)]
mod tests {
    use cpm_runtime::SystemClock;
    use serde_json::json;

    use super::*;

    fn record(event: &str, images: &serde_json::Value) -> EventRecord {
        let mut change = json!({
            "ApproximateCreationDateTime": 1_767_225_600.0,
            "Keys": {"pk": {"S": "OWNER#root#ALERTS"}, "sk": {"S": "ALERT#backup#web"}},
            "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
        });
        for (key, value) in images.as_object().unwrap() {
            change[key] = value.clone();
        }
        serde_json::from_value(json!({
            "awsRegion": "us-east-1", "dynamodb": change, "eventID": "1", "eventName": event,
            "eventSource": "aws:dynamodb", "eventVersion": "1.1", "eventSourceARN": "arn",
        }))
        .unwrap()
    }

    fn alert() -> serde_json::Value {
        json!({
            "pk": {"S": "OWNER#root#ALERTS"}, "sk": {"S": "ALERT#backup#web"}, "schema": {"N": "1"}, "item": {"S": "alert"},
            "category": {"S": "backup"}, "subject": {"S": "web"}, "policy": {"S": "web"}, "severity": {"S": "error"},
            "title": {"S": "t"}, "message": {"S": "m"}, "since": {"S": "2026-01-01T00:00:00Z"},
            "time": {"S": "2026-01-01T00:00:00Z"}, "count": {"N": "1"}, "announced": {"N": "1"},
        })
    }

    #[test]
    fn a_new_alert_and_one_taken_down() {
        let (owner, change) = read(&record("INSERT", &json!({"NewImage": alert()})), &SystemClock).unwrap();
        assert_eq!((owner, change.before.is_some(), change.after.is_some()), (OwnerName::root(), false, true));
        let (_, change) = read(&record("REMOVE", &json!({"OldImage": alert()})), &SystemClock).unwrap();
        assert_eq!((change.before.is_some(), change.after.is_some()), (true, false));
    }

    #[test]
    fn what_is_no_alert_is_an_error() {
        assert!(read(&record("INSERT", &json!({"NewImage": {"pk": {"S": "x"}}})), &SystemClock).is_err());
    }
}
