//! EC2's answers in the words of the domain.

use std::str::FromStr;

use aws_sdk_ec2::{
    operation::create_snapshot::CreateSnapshotOutput,
    primitives::DateTime,
    types::{
        Image, ImageState, Instance, InstanceStateName, Snapshot, SnapshotInfo, SnapshotState, Tag, Volume,
        VolumeState,
    },
};
use cpm_domain::{
    aws::{self, Attached, AwsError, FoundUnit, Platform, Refusal, Tags, snapshot_state},
    id::{SnapshotId, UnitId},
    kind::{Kind, Resource},
    origin::Origin,
    provenance::SOURCE,
    unit::{UnitKind, UnitReport, UnitState},
};
use jiff::Timestamp;

use crate::origins;

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
    let mut read = aws::Instance {
        id: id(action, instance.instance_id())?,
        is_gone: matches!(state, Some(InstanceStateName::ShuttingDown | InstanceStateName::Terminated)),
        is_stopped: matches!(state, Some(InstanceStateName::Stopping | InstanceStateName::Stopped)),
        platform: platform(instance),
        volumes: volumes.collect::<Result<_, _>>()?,
        tags: tags(instance.tags()),
        origin: None,
    };
    if !read.is_gone {
        read.origin = Some(Box::new(Origin::Instance(Box::new(origins::instance(instance, &read)))));
    }
    Ok(read)
}

pub(crate) fn volume(action: &str, volume: &Volume) -> Result<aws::Volume, AwsError> {
    let mut read = aws::Volume {
        id: id(action, volume.volume_id())?,
        is_gone: matches!(volume.state(), Some(VolumeState::Deleting | VolumeState::Deleted)),
        tags: tags(volume.tags()),
        origin: None,
    };
    read.origin = Some(Box::new(Origin::Volume(origins::volume(action, volume, &read)?)));
    Ok(read)
}

/// What an instance runs. AWS writes `windows` or nothing, and in full what its licence is for.
fn platform(instance: &Instance) -> Platform {
    let is_windows = |word: &str| word.to_ascii_lowercase().starts_with("windows");
    match (instance.platform(), instance.platform_details()) {
        (Some(platform), _) if is_windows(platform.as_str()) => Platform::Windows,
        (_, Some(details)) if is_windows(details) => Platform::Windows,
        (_, Some(_)) => Platform::Linux,
        _ => Platform::Unknown,
    }
}

pub(crate) fn found(action: &str, snapshot: &Snapshot) -> Result<FoundUnit, AwsError> {
    let report = report(action, snapshot.snapshot_id(), snapshot.volume_id())?;
    let report = UnitReport {
        state: state(snapshot.state()),
        started: time(snapshot.start_time()),
        cause: cause(snapshot.state_message()),
        ..report
    };
    Ok(FoundUnit { report, tags: tags(snapshot.tags()) })
}

pub(crate) fn started(action: &str, snapshot: &SnapshotInfo) -> Result<UnitReport, AwsError> {
    let report = report(action, snapshot.snapshot_id(), snapshot.volume_id())?;
    Ok(UnitReport { state: state(snapshot.state()), started: time(snapshot.start_time()), ..report })
}

pub(crate) fn started_alone(action: &str, snapshot: &CreateSnapshotOutput) -> Result<UnitReport, AwsError> {
    let report = report(action, snapshot.snapshot_id(), snapshot.volume_id())?;
    Ok(UnitReport {
        state: state(snapshot.state()),
        started: time(snapshot.start_time()),
        cause: cause(snapshot.state_message()),
        ..report
    })
}

fn report(action: &str, snapshot: Option<&str>, volume: Option<&str>) -> Result<UnitReport, AwsError> {
    let snapshot: SnapshotId = id(action, snapshot)?;
    Ok(UnitReport::pending(UnitKind::EbsSnapshot, snapshot, Resource::Volume(id(action, volume)?)))
}

/// An image with its own snapshots. AWS does not say of which instance it is: its tag does.
pub(crate) fn image(action: &str, image: &Image) -> Result<FoundUnit, AwsError> {
    let tags = tags(image.tags());
    let parts = image.block_device_mappings().iter().filter_map(|mapping| mapping.ebs()?.snapshot_id());
    let parts = parts.map(|part| id(action, Some(part))).collect::<Result<_, _>>()?;
    let report = UnitReport {
        kind: UnitKind::Ami,
        id: image_id(action, image.image_id())?,
        source: tags.get(SOURCE).and_then(|source| Resource::new(Kind::Instance, source).ok()),
        state: image.state().map_or(UnitState::Pending, image_state),
        started: image.creation_date().and_then(|date| date.parse().ok()),
        cause: image.state_reason().and_then(|reason| cause(reason.message())),
        parts,
    };
    Ok(FoundUnit { report, tags })
}

pub(crate) fn image_id(action: &str, text: Option<&str>) -> Result<UnitId, AwsError> {
    match text.filter(|text| text.starts_with("ami-")) {
        Some(text) => Ok(UnitId::new(text)),
        None => id::<SnapshotId>(action, text).map(UnitId::from),
    }
}

fn image_state(state: &ImageState) -> UnitState {
    match state {
        ImageState::Available | ImageState::Disabled => UnitState::Completed,
        ImageState::Failed | ImageState::Error | ImageState::Invalid => UnitState::Failed,
        ImageState::Deregistered => UnitState::Deleted,
        _ => UnitState::Pending,
    }
}

pub(crate) fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

fn state(state: Option<&SnapshotState>) -> UnitState {
    state.map_or(UnitState::Pending, |state| snapshot_state(state.as_str()))
}

fn cause(message: Option<&str>) -> Option<String> {
    message.filter(|words| !words.is_empty()).map(str::to_owned)
}

pub(crate) fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
