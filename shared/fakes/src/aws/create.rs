//! What AWS makes of a request for snapshots.

use cpm_domain::{
    aws::{AwsError, Instance, MAX_TAGS, Refusal, Tags, UnitRequest},
    id::{InstanceId, SnapshotId, UnitId, VolumeId},
    kind::Resource,
    unit::{MAX_SET, UnitKind, UnitReport},
};
use jiff::{SignedDuration, Timestamp};

use super::cloud::{Cloud, Home, refused};

/// The most volumes that `ExcludeDataVolumeId` takes (EC2 API, `InstanceSpecification`).
pub(super) const MAX_EXCLUDED: usize = 40;
/// Snapshots of one volume that may be pending at once (EBS quotas).
const MAX_PER_VOLUME: usize = 5;
/// From one snapshot of a volume to the next while the first is pending.
const INTERVAL: SignedDuration = SignedDuration::from_secs(15);

pub(super) fn action(request: &UnitRequest) -> &'static [&'static str] {
    match (request.kind, &request.target) {
        (UnitKind::EbsSnapshot, Resource::Instance(_)) => &["ec2:CreateSnapshots", "ec2:CreateTags"],
        (UnitKind::EbsSnapshot, _) => &["ec2:CreateSnapshot", "ec2:CreateTags"],
        (UnitKind::Ami, _) => &["ec2:CreateImage", "ec2:CreateTags"],
        (UnitKind::RdsSnapshot, _) => &["rds:CreateDBSnapshot", "rds:AddTagsToResource"],
        (UnitKind::AuroraSnapshot, _) => &["rds:CreateDBClusterSnapshot", "rds:AddTagsToResource"],
        (UnitKind::RedshiftSnapshot, _) => &["redshift:CreateClusterSnapshot", "redshift:CreateTags"],
        (UnitKind::DynamodbBackup, _) => &["dynamodb:CreateBackup"],
    }
}

impl Cloud {
    /// All of the units or none.
    pub(super) fn create(
        &mut self,
        home: &Home,
        request: &UnitRequest,
        now: Timestamp,
    ) -> Result<Vec<UnitReport>, AwsError> {
        match request.kind {
            UnitKind::EbsSnapshot => self.create_snapshots(home, request, now),
            UnitKind::Ami => self.create_image(home, request, now),
            _ => self.create_managed(home, request, now),
        }
    }

    fn check_name(&self, home: &Home, request: &UnitRequest) -> Result<(), AwsError> {
        let name = action(request).first().copied().unwrap_or_default();
        let taken = |made: &&super::cloud::InAws| {
            made.home == *home && made.report.kind == request.kind && made.name == request.name
        };
        // Backups of tables may have the same name.
        if request.kind != UnitKind::DynamodbBackup && self.units.values().any(|made| taken(&made)) {
            let message = format!("{} is there already", request.name);
            return Err(refused(Refusal::Exists, name, "AlreadyExists", message));
        }
        Ok(())
    }

    /// An image, with a snapshot of each mapped volume.
    fn create_image(
        &mut self,
        home: &Home,
        request: &UnitRequest,
        now: Timestamp,
    ) -> Result<Vec<UnitReport>, AwsError> {
        const ACTION: &str = "ec2:CreateImage";
        self.check_name(home, request)?;
        let Resource::Instance(id) = &request.target else {
            return Err(refused(Refusal::Invalid, ACTION, "InvalidParameterValue", "not an instance"));
        };
        let instance = self.living_instance(home, id, ACTION)?;
        let left_out = request.image.as_ref().map(|image| image.left_out.clone()).unwrap_or_default();
        let mapped: Vec<VolumeId> = instance
            .volumes
            .iter()
            .filter(|attached| !left_out.contains(&attached.device))
            .map(|attached| attached.volume.clone())
            .collect();
        let wanted: Vec<(VolumeId, Tags)> =
            mapped.iter().map(|volume| (volume.clone(), request.tags.clone())).collect();
        self.check_quotas(ACTION, home, &wanted, now)?;
        let call = self.number();
        let image = UnitId::new(format!("ami-{:017x}", self.number()));
        let mut parts: Vec<SnapshotId> = Vec::new();
        for (volume, tags) in wanted {
            let part = self.put_snapshot(home, volume, call, now);
            if let Some(made) = self.units.get_mut(&part.clone().into()) {
                made.tags = tags;
                let message = format!("The snapshot {part} is currently in use by {image}");
                made.hold = Some(("InvalidSnapshot.InUse".to_owned(), message));
            }
            parts.push(part);
        }
        let report = UnitReport { parts, ..UnitReport::pending(UnitKind::Ami, image, request.target.clone()) };
        Ok(vec![self.put_tagged(home, report, request, call, now)])
    }

    /// The snapshot or backup of what AWS manages as a whole.
    fn create_managed(
        &mut self,
        home: &Home,
        request: &UnitRequest,
        now: Timestamp,
    ) -> Result<Vec<UnitReport>, AwsError> {
        let action = action(request).first().copied().unwrap_or_default();
        let Some(placed) = self.managed.get(&(home.clone(), request.target.clone())) else {
            let message = format!("{} is not there", request.target.id());
            return Err(refused(Refusal::NotFound, action, "NotFound", message));
        };
        if !matches!(placed.thing.status.as_str(), "available" | "storage-optimization" | "ACTIVE") {
            let message = format!("{} is {}", request.target.id(), placed.thing.status);
            return Err(refused(Refusal::Busy, action, "InvalidState", message));
        }
        self.check_name(home, request)?;
        let there = self.units.values().filter(|made| made.home == *home && made.report.kind == request.kind);
        if self.quota.is_some_and(|quota| there.count() >= quota) {
            let message = "Cannot create more snapshots of this kind";
            return Err(refused(Refusal::Quota, action, "SnapshotQuotaExceeded", message));
        }
        let call = self.number();
        let report = UnitReport::pending(request.kind, UnitId::new(&request.name), request.target.clone());
        Ok(vec![self.put_tagged(home, report, request, call, now)])
    }

    fn put_tagged(
        &mut self,
        home: &Home,
        report: UnitReport,
        request: &UnitRequest,
        call: u64,
        now: Timestamp,
    ) -> UnitReport {
        let id = report.id.clone();
        self.put_unit(home, report.clone(), &request.name, call, now);
        match self.units.get_mut(&id) {
            Some(made) => {
                made.tags.clone_from(&request.tags);
                made.description.clone_from(&request.description);
                made.report.clone()
            }
            None => report,
        }
    }

    fn living_instance(&self, home: &Home, id: &InstanceId, action: &str) -> Result<&Instance, AwsError> {
        let found = self.instances.get(id).filter(|placed| placed.home == *home);
        let Some(instance) = found.map(|placed| &placed.thing) else {
            let message = format!("The instance ID '{id}' does not exist");
            return Err(refused(Refusal::NotFound, action, "InvalidInstanceID.NotFound", message));
        };
        if instance.is_gone {
            let message = format!("The instance '{id}' is not in a state from which it can be snapshotted");
            return Err(refused(Refusal::Invalid, action, "IncorrectState", message));
        }
        Ok(instance)
    }

    fn create_snapshots(
        &mut self,
        home: &Home,
        request: &UnitRequest,
        now: Timestamp,
    ) -> Result<Vec<UnitReport>, AwsError> {
        let name = action(request).first().copied().unwrap_or_default();
        let volumes = match &request.target {
            Resource::Instance(id) => self.volumes_to_snapshot(home, id, request)?,
            Resource::Volume(id) => vec![id.clone()],
            _ => Vec::new(),
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
            let id: UnitId = self.put_snapshot(home, volume, call, now).into();
            if let Some(snapshot) = self.units.get_mut(&id) {
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
        request: &UnitRequest,
    ) -> Result<Vec<VolumeId>, AwsError> {
        let refuse =
            |refusal, code: &str, message: String| Err(refused(refusal, "ec2:CreateSnapshots", code, message));
        let instance = self.living_instance(home, id, "ec2:CreateSnapshots")?;
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
        let pending = || self.units.values().filter(|snapshot| snapshot.is_pending() && snapshot.home == *home);
        if self.pending_limit.is_some_and(|limit| pending().count() + wanted.len() > limit) {
            let message = "The limit of pending snapshots has been exceeded.";
            return refuse(Refusal::Limit, "PendingSnapshotLimitExceeded", message);
        }
        for (volume, _) in wanted {
            let of_volume: Vec<_> = pending()
                .filter(|snapshot| snapshot.report.source == Some(Resource::Volume(volume.clone())))
                .collect();
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
fn tags(name: &str, request: &UnitRequest, volume: &Tags) -> Result<Tags, AwsError> {
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
