//! What AWS makes of a request for snapshots.

use cpm_domain::{
    aws::{AwsError, MAX_TAGS, Refusal, SnapshotRequest, Tags},
    id::{InstanceId, VolumeId},
    target::Resource,
    unit::{MAX_SET, SnapshotReport},
};
use jiff::{SignedDuration, Timestamp};

use super::cloud::{Cloud, Home, refused};

/// The most volumes that `ExcludeDataVolumeId` takes (EC2 API, `InstanceSpecification`).
pub(super) const MAX_EXCLUDED: usize = 40;
/// Snapshots of one volume that may be pending at once (EBS quotas).
const MAX_PER_VOLUME: usize = 5;
/// From one snapshot of a volume to the next while the first is pending.
const INTERVAL: SignedDuration = SignedDuration::from_secs(15);

pub(super) fn action(request: &SnapshotRequest) -> &'static [&'static str] {
    match request.target {
        Resource::Instance(_) => &["ec2:CreateSnapshots", "ec2:CreateTags"],
        Resource::Volume(_) => &["ec2:CreateSnapshot", "ec2:CreateTags"],
    }
}

impl Cloud {
    /// All of the snapshots or none.
    pub(super) fn create(
        &mut self,
        home: &Home,
        request: &SnapshotRequest,
        now: Timestamp,
    ) -> Result<Vec<SnapshotReport>, AwsError> {
        let name = action(request).first().copied().unwrap_or_default();
        let volumes = match &request.target {
            Resource::Instance(id) => self.volumes_to_snapshot(home, id, request)?,
            Resource::Volume(id) => vec![id.clone()],
        };
        let mut tagged: Vec<(VolumeId, Tags)> = Vec::new();
        for volume in volumes {
            let found = self.volumes.get(&volume).filter(|placed| placed.home == *home && !placed.thing.is_gone);
            let Some(found) = found else {
                let message = format!("The volume '{volume}' does not exist.");
                return Err(refused(Refusal::NotFound, name, "InvalidVolume.NotFound", message));
            };
            tagged.push((volume, tags(name, request, &found.thing.tags)?));
        }
        self.check_quotas(name, home, &tagged, now)?;
        let call = self.number();
        let mut reports = Vec::new();
        for (volume, tags) in tagged {
            let id = self.put_snapshot(home, volume, call, now);
            if let Some(snapshot) = self.snapshots.get_mut(&id) {
                snapshot.tags = tags;
                snapshot.description.clone_from(&request.description);
                reports.push(snapshot.report.clone());
            }
        }
        Ok(reports)
    }

    /// What is attached now, less what is excluded.
    fn volumes_to_snapshot(
        &self,
        home: &Home,
        id: &InstanceId,
        request: &SnapshotRequest,
    ) -> Result<Vec<VolumeId>, AwsError> {
        let refuse =
            |refusal, code: &str, message: String| Err(refused(refusal, "ec2:CreateSnapshots", code, message));
        let found = self.instances.get(id).filter(|placed| placed.home == *home);
        let Some(instance) = found.map(|placed| &placed.thing) else {
            let message = format!("The instance ID '{id}' does not exist");
            return refuse(Refusal::NotFound, "InvalidInstanceID.NotFound", message);
        };
        if instance.is_gone {
            let message = format!("The instance '{id}' is not in a state from which it can be snapshotted");
            return refuse(Refusal::Invalid, "IncorrectState", message);
        }
        if request.excluded.len() > MAX_EXCLUDED {
            let message = format!("ExcludeDataVolumeIds takes up to {MAX_EXCLUDED} volumes");
            return refuse(Refusal::Invalid, "InvalidParameterValue", message);
        }
        let excluded = |volume: &VolumeId| request.excluded.contains(volume);
        if let Some(root) = instance.volumes.iter().find(|attached| attached.is_root && excluded(&attached.volume)) {
            let message = format!("The root volume '{}' is excluded by ExcludeBootVolume only", root.volume);
            return refuse(Refusal::Invalid, "InvalidParameterValue", message);
        }
        let wanted = instance
            .volumes
            .iter()
            .filter(|attached| !(excluded(&attached.volume) || attached.is_root && request.exclude_boot));
        let wanted: Vec<VolumeId> = wanted.map(|attached| attached.volume.clone()).collect();
        if wanted.is_empty() || wanted.len() > MAX_SET {
            let message = format!("1 to {MAX_SET} volumes can be snapshotted at once, not {}", wanted.len());
            return refuse(Refusal::Invalid, "InvalidParameterValue", message);
        }
        Ok(wanted)
    }

    fn check_quotas(
        &self,
        name: &str,
        home: &Home,
        wanted: &[(VolumeId, Tags)],
        now: Timestamp,
    ) -> Result<(), AwsError> {
        let refuse = |refusal, code: &str, message: &str| Err(refused(refusal, name, code, message));
        let pending = || self.snapshots.values().filter(|snapshot| snapshot.is_pending() && snapshot.home == *home);
        if self.pending_limit.is_some_and(|limit| pending().count() + wanted.len() > limit) {
            let message = "The limit of pending snapshots has been exceeded.";
            return refuse(Refusal::Limit, "PendingSnapshotLimitExceeded", message);
        }
        for (volume, _) in wanted {
            let of_volume: Vec<_> = pending().filter(|snapshot| snapshot.report.volume == *volume).collect();
            if of_volume.len() >= MAX_PER_VOLUME {
                let message = "Maximum allowed in-progress snapshots for a single volume exceeded.";
                return refuse(Refusal::Limit, "ConcurrentSnapshotLimitExceeded", message);
            }
            if of_volume.iter().any(|snapshot| now.duration_since(snapshot.began) < INTERVAL) {
                let message = "The maximum per volume CreateSnapshot request rate has been exceeded. \
                               Use an increasing or variable sleep interval between requests.";
                return refuse(Refusal::Throttled, "SnapshotCreationPerVolumeRateExceeded", message);
            }
        }
        Ok(())
    }
}

/// The tags of a snapshot: those asked for, and its volume's if they are to be copied.
fn tags(name: &str, request: &SnapshotRequest, volume: &Tags) -> Result<Tags, AwsError> {
    let refuse = |code: &str, message: String| Err(refused(Refusal::Invalid, name, code, message));
    for (key, value) in &request.tags {
        let count = |text: &str| text.chars().count();
        if key.is_empty() || key.starts_with("aws:") || count(key) > 128 || count(value) > 256 {
            return refuse("InvalidParameterValue", format!("Tag `{key}` = `{value}` is not valid"));
        }
    }
    let mut all = request.tags.clone();
    if request.copy_tags {
        for (key, value) in volume.iter().filter(|(key, _)| !key.starts_with("aws:")) {
            all.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    if all.len() > MAX_TAGS {
        return refuse("TagLimitExceeded", format!("The maximum number of tags on a resource is {MAX_TAGS}"));
    }
    Ok(all)
}
