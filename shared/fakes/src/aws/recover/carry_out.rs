//! What AWS makes of an order.

use cpm_domain::{
    aws::{Attached, AwsError, Refusal, Tags},
    id::{InstanceId, SnapshotId, UnitId, VolumeId},
    origin::{Origin, VolumeOrigin},
    provenance::DEPLOYMENT,
    recovery::{
        RECOVERY, REPLACED,
        work::{Action, Device, ImageSpec, Made, MadeKind, Order, Ref},
    },
    unit::UnitKind,
};
use jiff::Timestamp;

use super::{
    super::cloud::{Cloud, Home, Placed, parsed, refused},
    state::{End, Thing},
};

pub(super) fn actions(what: &Action) -> &'static [&'static str] {
    match what {
        Action::Share { kind, .. } | Action::Unshare { kind, .. } => match kind {
            UnitKind::EbsSnapshot => &["ec2:ModifySnapshotAttribute"],
            UnitKind::Ami => &["ec2:ModifyImageAttribute"],
            UnitKind::RdsSnapshot => &["rds:ModifyDBSnapshotAttribute"],
            UnitKind::AuroraSnapshot => &["rds:ModifyDBClusterSnapshotAttribute"],
            UnitKind::RedshiftSnapshot => &["redshift:AuthorizeSnapshotAccess"],
            UnitKind::DynamodbBackup => &["dynamodb:PutResourcePolicy"],
        },
        Action::RegisterImage(_) => &["ec2:RegisterImage", "ec2:CreateTags"],
        Action::Launch(_) => &["ec2:RunInstances", "ec2:CreateTags"],
        Action::CreateVolume { .. } => &["ec2:CreateVolume", "ec2:CreateTags"],
        Action::Detach { .. } => &["ec2:DetachVolume"],
        Action::Attach { .. } => &["ec2:AttachVolume"],
        Action::MarkReplaced { .. } | Action::TagVolumes { .. } => &["ec2:CreateTags"],
        Action::AssociateAddress { .. } => &["ec2:AssociateAddress"],
        Action::ProtectInstances { .. } => &["ec2:ModifyInstanceAttribute"],
        Action::RestoreDatabase(_) => &["rds:RestoreDBInstanceFromDBSnapshot", "rds:AddTagsToResource"],
        Action::RestoreCluster(_) => &["rds:RestoreDBClusterFromSnapshot", "rds:AddTagsToResource"],
        Action::CreateMember { .. } => &["rds:CreateDBInstance", "rds:AddTagsToResource"],
        Action::RestoreWarehouse { .. } => &["redshift:RestoreFromClusterSnapshot"],
        Action::RestoreTable { .. } => &["dynamodb:RestoreTableFromBackup"],
        Action::TagTable { .. } => &["dynamodb:TagResource"],
        Action::ProtectManaged { kind: MadeKind::Cluster, .. } => &["rds:ModifyDBCluster"],
        Action::ProtectManaged { kind: MadeKind::Table, .. } => &["dynamodb:UpdateTable"],
        Action::ProtectManaged { .. } => &["rds:ModifyDBInstance"],
    }
}

pub(super) fn id_of(what: &Ref) -> String {
    match what {
        Ref::Id(id) => id.clone(),
        Ref::Work(number) => panic!("work {number} was not put in"),
    }
}

pub(super) fn invalid(action: &str, code: &str, message: impl Into<String>) -> AwsError {
    refused(Refusal::Invalid, action, code, message)
}

impl Cloud {
    pub(super) fn carry_out(&mut self, home: &Home, order: &Order, now: Timestamp) -> Result<Vec<Made>, AwsError> {
        let action = actions(&order.what).first().copied().unwrap_or_default();
        match &order.what {
            Action::Share { unit, account, .. } => self.share(home, unit, account, true),
            Action::Unshare { unit, account, .. } => self.share(home, unit, account, false),
            Action::RegisterImage(spec) => self.register_image(home, order, spec, now),
            Action::Launch(spec) => self.launch(home, order, spec, now),
            Action::CreateVolume { device, zone } => self.create_volume(home, order, device, zone, now),
            Action::Detach { volume, instance, .. } => self.detach(home, volume, instance),
            Action::Attach { volume, instance, device, delete_on_termination } => {
                let volume = parsed(&id_of(volume));
                self.attach_volume(home, &volume, instance, device, *delete_on_termination, now)
            }
            Action::MarkReplaced { volume } => {
                let recovery = order.tags.get(RECOVERY).cloned().unwrap_or_default();
                let deployment = order.tags.get(DEPLOYMENT).cloned().unwrap_or_default();
                let tags = Tags::from([(DEPLOYMENT.to_owned(), deployment), (REPLACED.to_owned(), recovery)]);
                self.tag_volume(home, volume, &tags)
            }
            Action::TagVolumes { tags, .. } => {
                self.tag_volumes(&order.made, tags);
                Ok(Vec::new())
            }
            Action::AssociateAddress { instance, allocation } => self.associate(&id_of(instance), allocation),
            Action::ProtectInstances { .. } => {
                order.made.iter().try_for_each(|made| self.protect(home, MadeKind::Instance, &made.id, action))?;
                Ok(Vec::new())
            }
            Action::ProtectManaged { kind, of } => {
                self.protect(home, *kind, &id_of(of), action)?;
                Ok(Vec::new())
            }
            _ => self.restore(home, order, action, now),
        }
    }

    fn share(&mut self, home: &Home, unit: &UnitId, account: &str, share: bool) -> Result<Vec<Made>, AwsError> {
        let action = "ec2:ModifySnapshotAttribute";
        if self.units.get(unit).is_none_or(|made| made.home != *home) {
            return Err(refused(Refusal::NotFound, action, "NotFound", format!("{unit} does not exist")));
        }
        let entry = (unit.clone(), account.to_owned());
        if share {
            self.recovered.shares.insert(entry);
        } else {
            self.recovered.shares.remove(&entry);
        }
        Ok(Vec::new())
    }

    /// What the token of an order gave before.
    pub(super) fn given(&self, home: &Home, order: &Order, now: Timestamp) -> Option<Vec<Made>> {
        let given = self.recovered.tokens.get(&(home.clone(), order.token.clone()));
        let given = given.filter(|_| !self.recovered.forgets)?;
        Some(given.iter().flat_map(|(kind, id)| self.look(home, *kind, std::slice::from_ref(id), now)).collect())
    }

    fn register_image(
        &mut self,
        home: &Home,
        order: &Order,
        spec: &ImageSpec,
        now: Timestamp,
    ) -> Result<Vec<Made>, AwsError> {
        const ACTION: &str = "ec2:RegisterImage";
        let registered = self.recovered.things.values().filter(|thing| thing.home == *home);
        let mut names = registered.filter_map(|thing| thing.image.as_ref()).map(|image| &image.name);
        if names.any(|name| *name == spec.name) {
            let message = format!("AMI name {} is already in use", spec.name);
            return Err(refused(Refusal::Exists, ACTION, "InvalidAMIName.Duplicate", message));
        }
        for device in &spec.devices {
            let Some(snapshot) = &device.snapshot else { continue };
            self.usable(home, UnitKind::EbsSnapshot, snapshot, ACTION)?;
        }
        let id = format!("ami-{:017x}", self.number());
        for snapshot in spec.devices.iter().filter_map(|device| device.snapshot.as_ref()) {
            if let Some(made) = self.units.get_mut(&UnitId::new(snapshot)) {
                let message = format!("The snapshot {snapshot} is currently in use by {id}");
                made.hold.get_or_insert_with(|| ("InvalidSnapshot.InUse".to_owned(), message));
            }
        }
        let thing = Thing { image: Some(spec.clone()), tags: order.tags.clone(), ..Thing::new(home, now, End::Good) };
        self.recovered.things.insert((MadeKind::Image, id.clone()), thing);
        Ok(vec![Made::pending(MadeKind::Image, id)])
    }

    /// The key that a volume of this device is encrypted with.
    pub(super) fn key_of(&self, device: &Device) -> Option<String> {
        let snapshot: Option<SnapshotId> = device.snapshot.as_ref().and_then(|id| id.parse().ok());
        let of_snapshot = || self.recovered.snapshots.get(&snapshot?).and_then(|(_, key)| key.clone());
        device.kms_key.clone().or_else(of_snapshot)
    }

    pub(super) fn is_locked(&self, device: &Device) -> bool {
        let state = self.key_of(device).and_then(|key| self.recovered.keys.get(&key));
        state.is_some_and(|state| state != "Enabled")
    }

    /// A volume as a device says.
    pub(super) fn put_device(&mut self, home: &Home, device: &Device, zone: &str, tags: &Tags) -> VolumeId {
        let id = self.put_volume(home, false);
        let kms_key = self.key_of(device);
        if let Some(Placed { thing, .. }) = self.volumes.get_mut(&id) {
            thing.tags = device.tags.iter().chain(tags).map(|(key, value)| (key.clone(), value.clone())).collect();
            if let Some(Origin::Volume(volume)) = thing.origin.as_deref_mut() {
                *volume = VolumeOrigin {
                    zone: zone.to_owned(),
                    size: device.size,
                    volume_type: device.volume_type.clone(),
                    iops: device.iops,
                    throughput: device.throughput,
                    encrypted: kms_key.is_some(),
                    kms_key,
                    delete_on_termination: device.delete_on_termination,
                    ..volume.clone()
                };
            }
        }
        id
    }

    fn create_volume(
        &mut self,
        home: &Home,
        order: &Order,
        device: &Device,
        zone: &str,
        now: Timestamp,
    ) -> Result<Vec<Made>, AwsError> {
        const ACTION: &str = "ec2:CreateVolume";
        if let Some(given) = self.given(home, order, now) {
            return Ok(given);
        }
        if let Some(snapshot) = &device.snapshot {
            self.usable(home, UnitKind::EbsSnapshot, snapshot, ACTION)?;
            let size = snapshot.parse().ok().and_then(|id: SnapshotId| self.recovered.snapshots.get(&id));
            if size.is_some_and(|(size, _)| device.size < *size) {
                return Err(invalid(ACTION, "InvalidParameterValue", "The size is smaller than the snapshot's"));
            }
        }
        let end = if self.is_locked(device) { End::Bad(None) } else { End::Good };
        let id = self.put_device(home, device, zone, &order.tags);
        self.recovered.things.insert((MadeKind::Volume, id.to_string()), Thing::new(home, now, end));
        self.recovered.tokens.insert((home.clone(), order.token.clone()), vec![(MadeKind::Volume, id.to_string())]);
        Ok(vec![Made::pending(MadeKind::Volume, id.as_str())])
    }

    fn detach(&mut self, home: &Home, volume: &VolumeId, instance: &InstanceId) -> Result<Vec<Made>, AwsError> {
        const ACTION: &str = "ec2:DetachVolume";
        if self.volumes.get(volume).is_none_or(|placed| placed.home != *home) {
            let message = format!("The volume '{volume}' does not exist.");
            return Err(refused(Refusal::NotFound, ACTION, "InvalidVolume.NotFound", message));
        }
        match self.attached(volume) {
            Some((holder, _)) if holder == *instance => {
                if let Some(placed) = self.instances.get_mut(instance) {
                    placed.thing.volumes.retain(|attached| attached.volume != *volume);
                }
            }
            Some((holder, _)) => {
                let message = format!("Volume {volume} is attached to {holder}");
                return Err(invalid(ACTION, "InvalidAttachment.NotFound", message));
            }
            // That stands already.
            None => {}
        }
        Ok(vec![Made::pending(MadeKind::Volume, volume.as_str())])
    }

    fn attach_volume(
        &mut self,
        home: &Home,
        volume: &VolumeId,
        instance: &InstanceId,
        device: &str,
        delete_on_termination: bool,
        now: Timestamp,
    ) -> Result<Vec<Made>, AwsError> {
        const ACTION: &str = "ec2:AttachVolume";
        let made = vec![Made::pending(MadeKind::Volume, volume.as_str())];
        if self.attached(volume) == Some((instance.clone(), device.to_owned())) {
            return Ok(made);
        }
        let state = self.look(home, MadeKind::Volume, &[volume.to_string()], now);
        let is_free = self.attached(volume).is_none()
            && state.first().is_some_and(|made| made.state == cpm_domain::recovery::work::MadeState::Ready);
        if !is_free {
            return Err(invalid(ACTION, "IncorrectState", format!("vol '{volume}' is not 'available'.")));
        }
        let zone = |origin: Option<&Origin>| match origin {
            Some(Origin::Volume(volume)) => Some(volume.zone.clone()),
            Some(Origin::Instance(instance)) => Some(instance.zone.clone()),
            _ => None,
        };
        let volume_zone = zone(self.volumes.get(volume).and_then(|placed| placed.thing.origin.as_deref()));
        let Some(placed) =
            self.instances.get_mut(instance).filter(|placed| placed.home == *home && !placed.thing.is_gone)
        else {
            let message = format!("The instance ID '{instance}' does not exist");
            return Err(refused(Refusal::NotFound, ACTION, "InvalidInstanceID.NotFound", message));
        };
        if zone(placed.thing.origin.as_deref()) != volume_zone {
            let message = format!("The volume '{volume}' is not in the same availability zone as '{instance}'");
            return Err(invalid(ACTION, "InvalidVolume.ZoneMismatch", message));
        }
        if placed.thing.volumes.iter().any(|attached| attached.device == device) {
            let message =
                format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
            return Err(refused(Refusal::InUse, ACTION, "InvalidParameterValue", message));
        }
        let is_root = matches!(placed.thing.origin.as_deref(), Some(Origin::Instance(origin))
            if origin.root_device.as_deref() == Some(device));
        placed.thing.volumes.push(Attached { volume: volume.clone(), device: device.to_owned(), is_root });
        if let Some(Origin::Volume(origin)) =
            self.volumes.get_mut(volume).and_then(|placed| placed.thing.origin.as_deref_mut())
        {
            origin.delete_on_termination = delete_on_termination;
        }
        Ok(made)
    }

    fn tag_volume(&mut self, home: &Home, volume: &VolumeId, tags: &Tags) -> Result<Vec<Made>, AwsError> {
        let Some(placed) = self.volumes.get_mut(volume).filter(|placed| placed.home == *home) else {
            let message = format!("The volume '{volume}' does not exist.");
            return Err(refused(Refusal::NotFound, "ec2:CreateTags", "InvalidVolume.NotFound", message));
        };
        placed.thing.tags.extend(tags.clone());
        Ok(Vec::new())
    }

    fn tag_volumes(&mut self, instances: &[Made], tags: &std::collections::BTreeMap<String, Tags>) {
        for made in instances {
            let attached = made.id.parse().ok().and_then(|id: InstanceId| self.instances.get(&id));
            let attached = attached.map(|placed| placed.thing.volumes.clone()).unwrap_or_default();
            for Attached { volume, device, .. } in attached {
                let Some(tags) = tags.get(&device) else { continue };
                if let Some(placed) = self.volumes.get_mut(&volume) {
                    placed.thing.tags.extend(tags.clone());
                }
            }
        }
    }

    fn associate(&mut self, instance: &str, allocation: &str) -> Result<Vec<Made>, AwsError> {
        const ACTION: &str = "ec2:AssociateAddress";
        match self.recovered.elastic.get_mut(allocation) {
            None => {
                let message = format!("The allocation ID '{allocation}' does not exist");
                Err(refused(Refusal::NotFound, ACTION, "InvalidAllocationID.NotFound", message))
            }
            Some(Some(holder)) if holder != instance => {
                let message = format!("resource {allocation} is already associated with {holder}");
                Err(refused(Refusal::InUse, ACTION, "Resource.AlreadyAssociated", message))
            }
            Some(holder) => {
                *holder = Some(instance.to_owned());
                Ok(Vec::new())
            }
        }
    }

    fn protect(&mut self, home: &Home, kind: MadeKind, id: &str, action: &str) -> Result<(), AwsError> {
        if self.tags_of(kind, home, id).is_none() {
            return Err(refused(Refusal::NotFound, action, "NotFound", format!("{id} does not exist")));
        }
        if let Some(thing) = self.recovered.things.get_mut(&(kind, id.to_owned())) {
            thing.protected = true;
        }
        Ok(())
    }
}
