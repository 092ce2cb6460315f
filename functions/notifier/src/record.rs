//! A record of the table's stream, read as a change of an alert, of a backup or of a recovery.

use aws_lambda_events::dynamodb::EventRecord;
use cpm_app::stream::{Change, Item, Record};
use cpm_domain::name::OwnerName;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_dynamo::Item as Image;

/// Whose it is, and what became of it.
pub(crate) fn read(record: EventRecord) -> Result<Record, String> {
    let change = record.change;
    let time = Timestamp::from_millisecond(change.approximate_creation_date_time.timestamp_millis());
    let time = time.map_err(|error| error.to_string())?;
    let (owner, partition) = partition(&change.keys)?;
    let item = match partition.as_str() {
        "ALERTS" => Item::Alert(between(change.old_image, change.new_image, time)?),
        // Nothing in a log changes a state, and a log is most of a record: it is not read.
        "BACKUPS" => Item::Backup(between(without_log(change.old_image), without_log(change.new_image), time)?),
        "RECOVERIES" => Item::Recovery(between(without_log(change.old_image), without_log(change.new_image), time)?),
        other => return Err(format!("nobody is told of `{other}`")),
    };
    Ok(Record { owner, item })
}

fn between<T: DeserializeOwned>(before: Image, after: Image, time: Timestamp) -> Result<Change<T>, String> {
    Ok(Change { before: body(before)?, after: body(after)?, time })
}

/// An image that is not there comes as an empty one.
fn body<T: DeserializeOwned>(image: Image) -> Result<Option<Box<T>>, String> {
    (!image.is_empty()).then(|| serde_dynamo::from_item(image).map_err(|error| error.to_string())).transpose()
}

fn without_log(mut image: Image) -> Image {
    image.remove("log");
    image
}

/// The partition key of what is told is `OWNER#<owner>#ALERTS`, `OWNER#<owner>#BACKUPS` or `OWNER#<owner>#RECOVERIES`.
fn partition(keys: &Image) -> Result<(OwnerName, String), String> {
    let pk = keys.get("pk").and_then(|pk| serde_dynamo::from_attribute_value::<_, String>(pk.clone()).ok());
    let pk = pk.ok_or("a record without a partition key")?;
    let parts = pk.strip_prefix("OWNER#").and_then(|rest| rest.split_once('#'));
    let read = parts.and_then(|(owner, partition)| Some((owner.parse().ok()?, partition.to_owned())));
    read.ok_or_else(|| format!("`{pk}` is not the key of an alert, a backup or a recovery"))
}

#[cfg(test)]
mod tests {
    use cpm_domain::{
        backup::{Backup, Phase},
        id::BackupId,
        recovery::State,
    };
    use serde_json::json;

    use super::*;

    fn record(pk: &str, event: &str, images: &serde_json::Value) -> EventRecord {
        let mut change = json!({
            "ApproximateCreationDateTime": 1_767_225_600.0,
            "Keys": {"pk": {"S": pk}, "sk": {"S": "x"}},
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

    fn backup(phase: &str) -> serde_json::Value {
        json!({
            "pk": {"S": "OWNER#root#BACKUPS"}, "sk": {"S": "000000000017"}, "schema": {"N": "1"}, "item": {"S": "backup"},
            "policy_pk": {"S": "OWNER#root#POLICY#web"}, "policy_sk": {"S": "000000000017"},
            "id": {"N": "17"}, "policy": {"S": "web"}, "account": {"S": "main"}, "phase": {"S": phase},
            "status": {"S": "in-progress"}, "counts": {"BOOL": false}, "trigger": {"S": "manual"}, "attempt": {"N": "0"},
            "started": {"S": "2026-01-01T00:00:00Z"}, "success": {"S": "no-issues"}, "retry": {"M": {}},
            "sets": {"N": "1"}, "execution": {"S": "e"}, "log": {"S": "of no form that anybody knows"},
            "tally": {"M": {"open": {"N": "3"}, "completed": {"N": "0"}, "failed": {"N": "0"}, "missing": {"N": "0"},
                "skipped": {"N": "0"}}},
        })
    }

    fn recovery(state: &str) -> serde_json::Value {
        json!({
            "pk": {"S": RECOVERIES}, "sk": {"S": "000000000017"}, "schema": {"N": "1"}, "item": {"S": "recovery"},
            "policy_pk": {"S": "OWNER#root#RECOVERIES#db"}, "policy_sk": {"S": "000000000017"},
            "id": {"S": "r17"}, "backup": {"N": "17"}, "policy": {"S": "db"}, "account": {"S": "main"},
            "region": {"S": "us-east-1"}, "state": {"S": state}, "asked_by": {"S": "ada"}, "version": {"N": "1"},
            "plan": {"M": {"backup": {"N": "17"}, "on_failure": {"S": "keep"}, "rds": {"M": {}}}},
            "approval": {"M": {"expires": {"S": "2026-01-02T00:00:00Z"}, "secret": {"S": "07".repeat(32)}}},
            "checked": {"S": "2026-01-01T00:00:00Z"}, "started": {"S": "2026-01-01T00:00:00Z"},
            "log": {"S": "of no form that anybody knows"},
        })
    }

    const ALERTS: &str = "OWNER#root#ALERTS";
    const RECOVERIES: &str = "OWNER#root#RECOVERIES";
    const BACKUPS: &str = "OWNER#root#BACKUPS";

    #[test]
    fn a_new_alert_and_one_taken_down() {
        let read_alert = |event: &str, images: &serde_json::Value| match read(record(ALERTS, event, images)).unwrap()
        {
            Record { owner, item: Item::Alert(change) } => (owner, change),
            other => panic!("{other:?}"),
        };
        let (owner, change) = read_alert("INSERT", &json!({"NewImage": alert()}));
        assert_eq!((owner, change.before.is_some(), change.after.is_some()), (OwnerName::root(), false, true));
        assert_eq!(change.time, "2026-01-01T00:00:00Z".parse().unwrap());
        let (_, change) = read_alert("REMOVE", &json!({"OldImage": alert()}));
        assert_eq!((change.before.is_some(), change.after.is_some()), (true, false));
    }

    #[test]
    fn a_backup_without_its_log() {
        let images = json!({"OldImage": backup("planned"), "NewImage": backup("asked")});
        let Record { owner, item: Item::Backup(change) } = read(record(BACKUPS, "MODIFY", &images)).unwrap() else {
            panic!("it is a backup")
        };
        let phase =
            |backup: &Option<Box<Backup>>| backup.as_ref().map(|backup| (backup.id, backup.phase, backup.log.len()));
        assert_eq!(owner, OwnerName::root());
        assert_eq!(phase(&change.before), Some((BackupId(17), Phase::Planned, 0)));
        assert_eq!(phase(&change.after), Some((BackupId(17), Phase::Asked, 0)));
    }

    #[test]
    fn a_recovery_without_its_log() {
        let images = json!({"OldImage": recovery("waiting-for-approval"), "NewImage": recovery("running")});
        let read = read(record(RECOVERIES, "MODIFY", &images)).unwrap();
        let Record { owner, item: Item::Recovery(change) } = read else { panic!("it is a recovery") };
        let (before, after) = (change.before.unwrap(), change.after.unwrap());
        assert_eq!((owner, before.id.0, after.log.len()), (OwnerName::root(), 17, 0));
        assert_eq!((before.state, after.state), (State::WaitingForApproval, State::Running));
        assert!(after.approval.is_some());
    }

    #[test]
    fn what_is_neither_is_an_error() {
        let images = json!({"NewImage": alert()});
        for pk in ["x", "OWNERS", "OWNER#root", "OWNER#root#AUDIT", BACKUPS] {
            assert!(read(record(pk, "INSERT", &images)).is_err(), "{pk}");
        }
    }
}
