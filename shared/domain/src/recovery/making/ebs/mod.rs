//! Volumes of EBS, of an instance or alone: where their data is, what they were like, what AWS allows.

mod check;
mod device;
#[cfg(test)]
pub(super) mod fixtures;
mod limits;

use std::collections::BTreeSet;

pub(super) use self::{
    check::{At, Held, check, check_devices, check_twice},
    device::{disk, is_device, is_root},
    limits::volume_type,
};
use super::{Findings, Subject, tags};
use crate::{
    aws::Tags,
    id::{Region, SnapshotId, UnitId, VolumeId},
    kind::Resource,
    origin::{Origin, VolumeOrigin},
    recovery::{
        facts::{Facts, Question},
        plan::VolumePlan,
        work::Device,
    },
    unit::{Unit, UnitKind, UnitState},
};

/// What a volume is made of when nothing is known of how it was.
const DEFAULT_TYPE: &str = "gp3";

/// A text that says something: an empty one means "none".
pub(super) fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// Whether what a source referred to is there where the recovery goes: the same account, and the same Region.
pub(super) fn is_home(subject: &Subject, zone: &str) -> bool {
    subject.shared_with.is_none() && is_in(&subject.region, zone)
}

/// Whether a zone is one of the Region: `us-east-1a`, `us-east-1-bos-1a`.
pub(super) fn is_in(region: &Region, zone: &str) -> bool {
    zone.strip_prefix(region.as_str()).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Where the data of a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// In its snapshot.
    Snapshot(&'a UnitId),
    /// In the backup's own image, as this device.
    Part(&'a UnitId, &'a str),
}

impl<'a> Content<'a> {
    /// Its snapshot, and the least size in GiB, as far as AWS told.
    pub fn snapshot(&self, facts: &Facts) -> Option<(SnapshotId, i32)> {
        match self {
            Self::Snapshot(_) => {
                let id = self.id(facts)?;
                let size = facts.snapshots.get(&id)?.size;
                Some((id, size))
            }
            Self::Part(image, device) => facts.images.get(image.as_str())?.devices.get(*device).cloned(),
        }
    }

    /// Its snapshot, though it may be gone since: then AWS says so when it is asked for the volume.
    pub fn id(&self, facts: &Facts) -> Option<SnapshotId> {
        match self {
            Self::Snapshot(unit) => unit.as_str().parse().ok(),
            Self::Part(..) => self.snapshot(facts).map(|(id, _)| id),
        }
    }

    /// The unit that holds it.
    pub fn unit(&self) -> &'a UnitId {
        match self {
            Self::Snapshot(unit) | Self::Part(unit, _) => unit,
        }
    }
}

/// A volume that was backed up, or belonged to what was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source<'a> {
    /// Which.
    pub volume: VolumeId,
    /// How it was.
    pub origin: Option<&'a VolumeOrigin>,
    /// Where its data is; none: nowhere in the backup.
    pub content: Option<Content<'a>>,
    /// The snapshot that AWS did not make.
    pub failed: Option<&'a Unit>,
}

impl Source<'_> {
    /// What it was called in messages: with its device when that is known.
    pub fn name(&self) -> String {
        match self.origin.and_then(|origin| origin.device.as_deref()) {
            Some(device) => format!("{} ({device})", self.volume),
            None => self.volume.to_string(),
        }
    }
}

/// The image that holds the whole instance, when the backup made one instead of snapshots.
///
/// An instance is backed up by snapshots or by an image, never both: an image beside snapshots is the initial one.
pub(super) fn own_image(subject: &Subject) -> Option<&UnitId> {
    let snapshots = subject.units.iter().any(|unit| unit.kind == UnitKind::EbsSnapshot);
    let image = subject.units.iter().find(|unit| unit.kind == UnitKind::Ami && unit.state == UnitState::Completed)?;
    image.id.as_ref().filter(|_| !snapshots)
}

/// The image that is kept beside an instance's snapshots.
pub(super) fn initial_image(subject: &Subject) -> Option<&UnitId> {
    let image = subject.initial_image.as_ref().filter(|unit| unit.state == UnitState::Completed)?;
    image.id.as_ref()
}

/// All volumes: as they were attached, and then those that nothing is known of.
pub(super) fn sources(subject: &Subject) -> Vec<Source<'_>> {
    let origins: &[VolumeOrigin] = match &subject.origin {
        Some(Origin::Instance(origin)) => &origin.volumes,
        Some(Origin::Volume(origin)) => std::slice::from_ref(origin),
        _ => &[],
    };
    let mut all: Vec<Source<'_>> = origins.iter().map(|origin| source(&origin.id, Some(origin), subject)).collect();
    for unit in subject.units.iter().filter(|unit| unit.kind == UnitKind::EbsSnapshot) {
        let Resource::Volume(volume) = &unit.source else { continue };
        if all.iter().all(|source| source.volume != *volume) {
            all.push(source(volume, None, subject));
        }
    }
    all
}

fn source<'a>(volume: &VolumeId, origin: Option<&'a VolumeOrigin>, subject: &'a Subject) -> Source<'a> {
    let of_it = |unit: &&Unit| matches!(&unit.source, Resource::Volume(id) if id == volume);
    let units: Vec<&Unit> =
        subject.units.iter().filter(|unit| unit.kind == UnitKind::EbsSnapshot).filter(of_it).collect();
    let good = [UnitState::Completed, UnitState::Pending]
        .into_iter()
        .find_map(|state| units.iter().find(|unit| unit.state == state && unit.id.is_some()));
    let snapshot = good.and_then(|unit| unit.id.as_ref()).map(Content::Snapshot);
    let part = || {
        let device = origin.and_then(|origin| origin.device.as_deref())?;
        own_image(subject).map(|image| Content::Part(image, device))
    };
    let failed = units.iter().copied().find(|unit| unit.state == UnitState::Failed).filter(|_| good.is_none());
    Source { volume: volume.clone(), origin, content: snapshot.or_else(part), failed }
}

/// Whether the plan wants it.
pub(super) fn is_wanted(plan: &VolumePlan) -> bool {
    plan.recover != Some(false)
}

/// Writes down what a plan leaves out of a volume. What belongs to an instance is filled in when it is `attached`.
pub(super) fn fill(plan: &mut VolumePlan, source: &Source<'_>, home: bool, attached: bool) {
    // Whether an image holds it, only AWS knows.
    if !matches!(source.content, Some(Content::Part(..))) {
        plan.recover.get_or_insert(true);
    }
    let Some(origin) = source.origin else { return };
    if attached {
        plan.device = plan.device.take().or_else(|| origin.device.clone());
        plan.delete_on_termination.get_or_insert(origin.delete_on_termination);
    }
    // One whose size could not be read has that of its snapshot.
    plan.size = plan.size.or(Some(origin.size).filter(|size| *size > 0));
    fill_performance(plan, origin);
    let key = origin.kms_key.as_ref().filter(|_| home && origin.encrypted);
    plan.kms_key.get_or_insert_with(|| key.cloned().unwrap_or_default());
    plan.tags.get_or_insert_with(|| tags::own(&origin.tags));
}

/// The IOPS of another type are kept where it takes them; those of gp2 are not set but follow from its size.
fn fill_performance(plan: &mut VolumePlan, origin: &VolumeOrigin) {
    let name = plan.volume_type.get_or_insert_with(|| origin.volume_type.clone());
    let takes = |name: &str| volume_type(name).is_some_and(|known| known.iops.is_some());
    if takes(name) && takes(&origin.volume_type) {
        plan.iops = plan.iops.or(origin.iops);
    }
    if volume_type(name).is_some_and(|known| known.throughput.is_some()) {
        plan.throughput = plan.throughput.or(origin.throughput);
    }
}

/// Fills in what only AWS knows.
pub(super) fn settle(plan: &mut VolumePlan, source: &Source<'_>, facts: &Facts) {
    let Some(content) = source.content else { return };
    let found = content.snapshot(facts);
    if matches!(content, Content::Part(image, _) if facts.images.contains_key(image.as_str())) {
        plan.recover.get_or_insert(found.is_some());
    }
    let Some((snapshot, size)) = found else { return };
    settle_size(plan, size);
    let fact = facts.snapshots.get(&snapshot);
    plan.tags.get_or_insert_with(|| fact.map(|fact| tags::own(&fact.tags)).unwrap_or_default());
}

/// Fills in what follows from the size of what a volume is made of.
pub(super) fn settle_size(plan: &mut VolumePlan, size: i32) {
    plan.size.get_or_insert(size);
    plan.volume_type.get_or_insert_with(|| DEFAULT_TYPE.to_owned());
    plan.kms_key.get_or_insert_default();
}

/// The keys that a volume needs: its own, and that of its snapshot, as far as it is on record.
pub(super) fn keys<'a>(plan: &'a VolumePlan, source: Option<&Source<'a>>, subject: &Subject) -> Vec<&'a str> {
    let origin = source.filter(|source| source.content.is_some()).and_then(|source| source.origin);
    let mut keys: Vec<&str> = said(plan.kms_key.as_ref()).into_iter().collect();
    keys.extend(origin.and_then(|origin| recorded_key(origin, subject)));
    keys.dedup();
    keys
}

/// The key of a volume's snapshot: that of the volume, where it is still in its Region.
fn recorded_key<'a>(origin: &'a VolumeOrigin, subject: &Subject) -> Option<&'a str> {
    origin.kms_key.as_deref().filter(|_| origin.encrypted && is_in(&subject.region, &origin.zone))
}

/// What has to be asked of a volume's data.
pub(super) fn question(content: Content<'_>) -> Option<Question> {
    Some(match content {
        Content::Snapshot(unit) => Question::Snapshot(unit.as_str().parse().ok()?),
        Content::Part(image, _) => Question::Image(image.to_string()),
    })
}

/// A volume as AWS is asked for it.
pub(super) fn device(plan: &VolumePlan, snapshot: Option<&SnapshotId>, facts: &Facts) -> Device {
    let known = volume_type(plan.volume_type.as_deref().unwrap_or(DEFAULT_TYPE));
    let fact = snapshot.and_then(|id| facts.snapshots.get(id));
    let has = fact.and_then(|fact| fact.kms_key.as_deref());
    Device {
        device: plan.device.clone().unwrap_or_default(),
        snapshot: snapshot.map(ToString::to_string),
        size: plan.size.unwrap_or_default(),
        volume_type: plan.volume_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
        iops: plan.iops.filter(|_| known.is_some_and(|known| known.iops.is_some())),
        throughput: plan.throughput.filter(|_| known.is_some_and(|known| known.throughput.is_some())),
        // What it is encrypted with already needs no word.
        kms_key: said(plan.kms_key.as_ref()).filter(|key| Some(*key) != has).map(str::to_owned),
        delete_on_termination: plan.delete_on_termination.unwrap_or(false),
        tags: Tags::new(),
        source: plan.volume.clone(),
    }
}

/// Says which volumes the recovery will lack, because the backup does.
pub(super) fn warn_of_missing(sources: &[Source<'_>], facts: &Facts, findings: &mut Findings) {
    for source in sources {
        let lacks = match source.content {
            None => true,
            Some(content @ Content::Part(image, _)) => {
                facts.images.contains_key(image.as_str()) && content.snapshot(facts).is_none()
            }
            Some(Content::Snapshot(_)) => false,
        };
        if !lacks {
            continue;
        }
        let why = match source.failed.and_then(|unit| unit.error.as_ref()) {
            Some(error) => format!("its snapshot failed: {}", error.message),
            None if source.failed.is_some() => "its snapshot failed".to_owned(),
            None => "the backup has no snapshot of it".to_owned(),
        };
        findings.warning(format!("volume {} is not recovered: {why}", source.name()));
    }
}

/// Says what has to be allowed where encrypted snapshots are read from another account, of keys that are not on record.
pub(super) fn warn_of_sharing(sources: &[Source<'_>], subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let Some(account) = &subject.shared_with else { return };
    let recorded =
        |key: &str| sources.iter().any(|source| source.origin.and_then(|of| recorded_key(of, subject)) == Some(key));
    let encrypted = facts.snapshots.values().filter(|fact| fact.encrypted);
    let keys: BTreeSet<&str> =
        encrypted.filter_map(|fact| fact.kms_key.as_deref()).filter(|key| !recorded(key)).collect();
    for key in keys {
        findings.warning(format!(
            "the policy of the key {key} must let account {account} use it; what AWS's own key encrypts cannot be shared"
        ));
    }
}
