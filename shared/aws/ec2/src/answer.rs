//! EC2's answers in the words of the domain.

use std::str::FromStr;

use aws_sdk_ec2::{
    operation::create_snapshot::CreateSnapshotOutput,
    primitives::DateTime,
    types::{Instance, InstanceStateName, Snapshot, SnapshotInfo, SnapshotState, Tag, Volume, VolumeState},
};
use cpm_domain::{
    aws::{self, Attached, AwsError, FoundSnapshot, Refusal, Tags, snapshot_state},
    unit::{SnapshotReport, UnitState},
};
use jiff::Timestamp;

/// Reads an identifier. One that cannot be read must not pass in silence: its volume would not be backed up.
pub(crate) fn id<T: FromStr>(action: &str, text: Option<&str>) -> Result<T, AwsError> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| AwsError {
        refusal: Refusal::Invalid,
        action: action.to_owned(),
        code: "UnreadableAnswer".to_owned(),
        message: format!("AWS gave `{text}` for an id"),
    })
}

pub(crate) fn instance(action: &str, instance: &Instance) -> Result<aws::Instance, AwsError> {
    let state = instance.state().and_then(|state| state.name());
    let root = instance.root_device_name();
    let volumes = instance.block_device_mappings().iter().filter_map(|mapping| {
        let volume = mapping.ebs()?.volume_id();
        let device = mapping.device_name().unwrap_or_default();
        let is_root = root == Some(device);
        Some(id(action, volume).map(|volume| Attached { volume, device: device.to_owned(), is_root }))
    });
    Ok(aws::Instance {
        id: id(action, instance.instance_id())?,
        is_gone: matches!(state, Some(InstanceStateName::ShuttingDown | InstanceStateName::Terminated)),
        // AWS writes `windows`, its SDKs know `Windows`.
        is_windows: instance.platform().is_some_and(|platform| platform.as_str().eq_ignore_ascii_case("windows")),
        volumes: volumes.collect::<Result<_, _>>()?,
        tags: tags(instance.tags()),
    })
}

pub(crate) fn volume(action: &str, volume: &Volume) -> Result<aws::Volume, AwsError> {
    Ok(aws::Volume {
        id: id(action, volume.volume_id())?,
        is_gone: matches!(volume.state(), Some(VolumeState::Deleting | VolumeState::Deleted)),
        tags: tags(volume.tags()),
    })
}

pub(crate) fn found(action: &str, snapshot: &Snapshot) -> Result<FoundSnapshot, AwsError> {
    Ok(FoundSnapshot {
        report: SnapshotReport {
            id: id(action, snapshot.snapshot_id())?,
            volume: id(action, snapshot.volume_id())?,
            state: state(snapshot.state()),
            started: time(snapshot.start_time()),
            cause: cause(snapshot.state_message()),
        },
        tags: tags(snapshot.tags()),
    })
}

pub(crate) fn started(action: &str, snapshot: &SnapshotInfo) -> Result<SnapshotReport, AwsError> {
    Ok(SnapshotReport {
        id: id(action, snapshot.snapshot_id())?,
        volume: id(action, snapshot.volume_id())?,
        state: state(snapshot.state()),
        started: time(snapshot.start_time()),
        cause: None,
    })
}

pub(crate) fn started_alone(action: &str, snapshot: &CreateSnapshotOutput) -> Result<SnapshotReport, AwsError> {
    Ok(SnapshotReport {
        id: id(action, snapshot.snapshot_id())?,
        volume: id(action, snapshot.volume_id())?,
        state: state(snapshot.state()),
        started: time(snapshot.start_time()),
        cause: cause(snapshot.state_message()),
    })
}

fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

fn state(state: Option<&SnapshotState>) -> UnitState {
    state.map_or(UnitState::Pending, |state| snapshot_state(state.as_str()))
}

fn cause(message: Option<&str>) -> Option<String> {
    message.filter(|words| !words.is_empty()).map(str::to_owned)
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
