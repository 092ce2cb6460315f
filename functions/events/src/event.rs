//! The events of EventBridge that the suite listens to, as AWS writes them.

use cpm_contracts::{backup::StartBackup, recovery::StartRecovery};
use cpm_domain::{
    aws::snapshot_state,
    id::{AccountId, Region, SnapshotId, UnitId},
    kind::{Kind, Resource},
    name::{OwnerName, PolicyName},
    recovery::RecoveryId,
    scan::TagNews,
    tag::TAG_KEY,
    unit::{UnitKind, UnitReport, UnitState},
};
use serde::Deserialize;
use serde_json::Value;

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// AWS is done with the units of one call (sources `aws.ec2` and `aws.rds`).
    Units {
        /// Where.
        region: Region,
        /// How they ended.
        reports: Vec<UnitReport>,
    },
    /// The `cpm backup` tag of a resource was set, changed or taken off (source `aws.tag`).
    Tag {
        /// Whose.
        account: AccountId,
        /// Where.
        region: Region,
        /// Which resource.
        resource: Resource,
        /// What is told of it.
        news: TagNews,
    },
    /// An execution of the backup machine ended badly (source `aws.states`).
    Died {
        /// Whose.
        owner: OwnerName,
        /// Which policy.
        policy: PolicyName,
        /// The execution's name.
        execution: String,
    },
    /// An execution of the recovery machine ended badly (source `aws.states`).
    RecoveryDied {
        /// Whose.
        owner: OwnerName,
        /// Which recovery.
        recovery: RecoveryId,
        /// The execution's name.
        execution: String,
    },
    /// Of no concern.
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope {
    source: String,
    detail_type: String,
    account: AccountId,
    region: Region,
    #[serde(default)]
    resources: Vec<String>,
    detail: Value,
}

/// `createSnapshot`: the documentation's "EBS Snapshot Notification".
#[derive(Deserialize)]
struct OneSnapshot {
    snapshot_id: String,
    source: String,
    result: String,
    #[serde(default)]
    cause: String,
}

/// `createSnapshots`: "EBS Multi-Volume Snapshots Completion Status".
#[derive(Deserialize)]
struct ManySnapshots {
    #[serde(default)]
    cause: String,
    snapshots: Vec<SnapshotOfMany>,
}

#[derive(Deserialize)]
struct SnapshotOfMany {
    snapshot_id: String,
    source: String,
    status: String,
}

/// "EC2 AMI State Change".
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageChange {
    image_id: String,
    state: String,
    #[serde(default)]
    error_message: String,
}

/// "RDS DB Snapshot Event" and "RDS DB Cluster Snapshot Event".
#[derive(Deserialize)]
struct DatabaseEvent {
    #[serde(rename = "EventID")]
    event: String,
    #[serde(rename = "SourceIdentifier")]
    snapshot: String,
}

/// A manual snapshot of a database was created. RDS has no event of one that failed: a poll finds it.
const DATABASE_SNAPSHOT: &str = "RDS-EVENT-0042";
/// A manual snapshot of a cluster was created.
const CLUSTER_SNAPSHOT: &str = "RDS-EVENT-0075";

#[derive(Deserialize)]
struct StatusChange {
    name: String,
    input: String,
}

/// Reads an event. One that looks like ours and cannot be read is an error, which says why.
pub(crate) fn read(event: Value) -> Result<Event, String> {
    let envelope: Envelope = serde_json::from_value(event).map_err(|error| error.to_string())?;
    let text = |error: serde_json::Error| format!("{} from {}: {error}", envelope.detail_type, envelope.source);
    let reports = match envelope.detail_type.as_str() {
        "EBS Snapshot Notification"
            if envelope.detail.get("event").is_some_and(|event| event == "createSnapshot") =>
        {
            let one: OneSnapshot = serde_json::from_value(envelope.detail).map_err(text)?;
            let state = if one.result == "succeeded" { UnitState::Completed } else { UnitState::Failed };
            vec![report(&one.snapshot_id, &one.source, state, &one.cause)?]
        }
        "EBS Multi-Volume Snapshots Completion Status" => {
            let many: ManySnapshots = serde_json::from_value(envelope.detail).map_err(text)?;
            let read = |one: &SnapshotOfMany| {
                report(&one.snapshot_id, &one.source, snapshot_state(&one.status), &many.cause)
            };
            many.snapshots.iter().map(read).collect::<Result<_, _>>()?
        }
        "EC2 AMI State Change" => {
            let change: ImageChange = serde_json::from_value(envelope.detail).map_err(text)?;
            image(&change).into_iter().collect()
        }
        "RDS DB Snapshot Event" | "RDS DB Cluster Snapshot Event" => {
            let event: DatabaseEvent = serde_json::from_value(envelope.detail).map_err(text)?;
            database(&event).into_iter().collect()
        }
        "Tag Change on Resource" => return tag(&envelope),
        "Step Functions Execution Status Change" => {
            let change: StatusChange = serde_json::from_value(envelope.detail).map_err(text)?;
            return died(change);
        }
        _ => return Ok(Event::Other),
    };
    if reports.is_empty() {
        return Ok(Event::Other);
    }
    Ok(Event::Units { region: envelope.region, reports })
}

/// What the execution was started with tells of which machine it is.
fn died(change: StatusChange) -> Result<Event, String> {
    let StatusChange { name: execution, input } = change;
    if let Ok(StartRecovery { owner, recovery }) = serde_json::from_str(&input) {
        return Ok(Event::RecoveryDied { owner, recovery, execution });
    }
    let StartBackup { owner, policy, .. } = serde_json::from_str(&input).map_err(|error| error.to_string())?;
    Ok(Event::Died { owner, policy, execution })
}

/// What AWS tells of a unit without saying what it was made of.
fn told(kind: UnitKind, id: &str, state: UnitState, cause: &str) -> UnitReport {
    let cause = (!cause.is_empty()).then(|| cause.to_owned());
    UnitReport { kind, id: UnitId::new(id), source: None, state, started: None, cause, parts: Vec::new() }
}

fn image(change: &ImageChange) -> Option<UnitReport> {
    let state = match change.state.as_str() {
        "failed" => UnitState::Failed,
        // Its snapshots are named only when it is described: a poll settles it.
        _ => return None,
    };
    Some(told(UnitKind::Ami, &change.image_id, state, &change.error_message))
}

fn database(event: &DatabaseEvent) -> Option<UnitReport> {
    let kind = match event.event.as_str() {
        DATABASE_SNAPSHOT => UnitKind::RdsSnapshot,
        CLUSTER_SNAPSHOT => UnitKind::AuroraSnapshot,
        _ => return None,
    };
    Some(told(kind, &event.snapshot, UnitState::Completed, ""))
}

/// Events name resources by ARNs such as `arn:aws:ec2::us-east-1:snapshot/snap-1`: the id is what follows the slash.
fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn report(snapshot: &str, volume: &str, state: UnitState, cause: &str) -> Result<UnitReport, String> {
    let id_of = |error: cpm_domain::id::IdError| error.to_string();
    let snapshot: SnapshotId = id(snapshot).parse().map_err(id_of)?;
    let volume = Resource::new(Kind::Volume, id(volume)).map_err(id_of)?;
    let cause = (!cause.is_empty()).then(|| cause.to_owned());
    Ok(UnitReport { state, cause, ..UnitReport::pending(UnitKind::EbsSnapshot, snapshot, volume) })
}

fn tag(envelope: &Envelope) -> Result<Event, String> {
    let Some(resource) = envelope.resources.first().and_then(|arn| Resource::from_arn(arn)) else {
        return Ok(Event::Other);
    };
    let version =
        envelope.detail.get("version").and_then(Value::as_u64).ok_or("a change of tags without `version`")?;
    let value = envelope.detail.pointer(&format!("/tags/{TAG_KEY}")).and_then(Value::as_str).map(ToOwned::to_owned);
    let news = TagNews { version, value };
    Ok(Event::Tag { account: envelope.account.clone(), region: envelope.region.clone(), resource, news })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(source: &str, kind: &str, resources: &Value, detail: &Value) -> Value {
        json!({
            "version": "0", "id": "01234567-0123-0123-0123-012345678901", "detail-type": kind, "source": source,
            "account": "123456789012", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
            "resources": resources, "detail": detail,
        })
    }

    #[test]
    fn a_set_of_snapshots() {
        let detail = json!({
            "event": "createSnapshots", "result": "succeeded", "cause": "", "request-id": "",
            "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:00:01Z",
            "snapshots": [
                {"snapshot_id": "arn:aws:ec2::us-east-1:snapshot/snap-0000000b",
                 "source": "arn:aws:ec2::us-east-1:volume/vol-0000000b", "status": "completed"},
                {"snapshot_id": "arn:aws:ec2::us-east-1:snapshot/snap-0000000a",
                 "source": "arn:aws:ec2::us-east-1:volume/vol-0000000a", "status": "error"},
            ],
        });
        let event = envelope("aws.ec2", "EBS Multi-Volume Snapshots Completion Status", &json!([]), &detail);
        let Ok(Event::Units { region, reports }) = read(event) else { panic!() };
        assert_eq!(region.as_str(), "us-east-1");
        let states: Vec<UnitState> = reports.iter().map(|report| report.state).collect();
        assert_eq!(states, [UnitState::Completed, UnitState::Failed]);
    }

    #[test]
    fn one_snapshot() {
        let detail = json!({
            "event": "createSnapshot", "result": "failed", "cause": "no key", "request-id": "",
            "snapshot_id": "arn:aws:ec2::us-east-1:snapshot/snap-0000000a",
            "source": "arn:aws:ec2::us-east-1:volume/vol-0000000a",
            "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:00:01Z",
        });
        let event = envelope("aws.ec2", "EBS Snapshot Notification", &json!([]), &detail);
        let Ok(Event::Units { reports, .. }) = read(event) else { panic!() };
        assert_eq!((reports[0].state, reports[0].cause.as_deref()), (UnitState::Failed, Some("no key")));
    }

    #[test]
    fn an_image_that_failed() {
        let detail = |state: &str| {
            json!({"RequestId": "1", "ImageId": "ami-0123456789abcdef0", "State": state,
                                          "ErrorMessage": "no key"})
        };
        let event = |state| envelope("aws.ec2", "EC2 AMI State Change", &json!([]), &detail(state));
        let Ok(Event::Units { reports, .. }) = read(event("failed")) else { panic!() };
        assert_eq!((reports[0].id.as_str(), reports[0].state), ("ami-0123456789abcdef0", UnitState::Failed));
        assert_eq!(read(event("available")), Ok(Event::Other));
    }

    #[test]
    fn a_snapshot_of_a_database_or_a_cluster() {
        for (kind, code, unit) in [
            ("RDS DB Snapshot Event", "RDS-EVENT-0042", UnitKind::RdsSnapshot),
            ("RDS DB Cluster Snapshot Event", "RDS-EVENT-0075", UnitKind::AuroraSnapshot),
        ] {
            let detail = |code: &str| {
                json!({"EventCategories": ["creation"], "SourceType": "SNAPSHOT",
                "SourceIdentifier": "cpm-web-orders-1", "EventID": code, "Message": "created"})
            };
            let Ok(Event::Units { reports, .. }) = read(envelope("aws.rds", kind, &json!([]), &detail(code))) else {
                panic!()
            };
            assert_eq!((reports[0].kind, reports[0].state), (unit, UnitState::Completed));
            assert_eq!(read(envelope("aws.rds", kind, &json!([]), &detail("RDS-EVENT-0041"))), Ok(Event::Other));
        }
    }

    #[test]
    fn other_notifications_of_snapshots_are_of_no_concern() {
        let detail = json!({"event": "copySnapshot"});
        assert_eq!(read(envelope("aws.ec2", "EBS Snapshot Notification", &json!([]), &detail)), Ok(Event::Other));
    }

    #[test]
    fn a_tag_set_and_taken_off() {
        let arn = json!(["arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"]);
        for (tags, expected) in
            [(json!({"cpm backup": "web"}), Some("web".to_owned())), (json!({"other": "x"}), None)]
        {
            let detail = json!({"changed-tag-keys": ["cpm backup"], "service": "ec2", "resource-type": "instance",
                                "version": 7, "tags": tags});
            let Ok(Event::Tag { news, resource, .. }) =
                read(envelope("aws.tag", "Tag Change on Resource", &arn, &detail))
            else {
                panic!()
            };
            assert_eq!((resource.id(), news), ("i-0123456789abcdef0", TagNews { version: 7, value: expected }));
        }
    }

    #[test]
    fn a_dead_execution() {
        let input =
            r#"{"owner":"root","policy":"web","trigger":"schedule","slot":null,"asked_by":null,"resume":null}"#;
        let detail = json!({"name": "web-1", "status": "ABORTED", "input": input});
        let event = envelope("aws.states", "Step Functions Execution Status Change", &json!([]), &detail);
        assert!(matches!(read(event), Ok(Event::Died { execution, .. }) if execution == "web-1"));
    }

    #[test]
    fn a_dead_execution_of_a_recovery() {
        let detail =
            json!({"name": "recovery-1-r17", "status": "FAILED", "input": r#"{"owner":"root","recovery":"r17"}"#});
        let event = envelope("aws.states", "Step Functions Execution Status Change", &json!([]), &detail);
        let Ok(Event::RecoveryDied { recovery, execution, .. }) = read(event) else { panic!() };
        assert_eq!((recovery, execution.as_str()), (RecoveryId(17), "recovery-1-r17"));
    }
}
