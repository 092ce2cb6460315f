//! What recoveries made, and what is to become of it.

use std::collections::{BTreeMap, BTreeSet};

use cpm_domain::{
    aws::{Refusal, Tags},
    id::{InstanceId, Region, SnapshotId, UnitId, VolumeId},
    kind::{Kind, Resource},
    origin::{ImageOrigin, Origin},
    recovery::work::{Action, ImageSpec, Made, MadeKind, MadeState},
    unit::UnitKind,
};
use jiff::{SignedDuration, Timestamp};

use super::super::{
    FakeAws,
    cloud::{Cloud, Home, InAws, refused},
};
use crate::held;

/// A thing that a recovery made, as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// In which account, by number.
    pub account: String,
    /// In which Region.
    pub region: Region,
    /// What it is.
    pub kind: MadeKind,
    /// What AWS calls it.
    pub id: String,
    /// Its tags.
    pub tags: Tags,
}

/// What a making comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It can be used when its time is over.
    Good,
    /// It ends in an error. AWS says nothing of volumes.
    Bad(Option<String>),
    /// It is terminated, and AWS says why.
    Ended(Option<String>),
}

/// A thing that a recovery made, or changed.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) home: Home,
    pub(super) began: Timestamp,
    pub(super) end: End,
    pub(super) protected: bool,
    /// Of an image.
    pub(super) image: Option<ImageSpec>,
    /// Of an image: its tags. Those of other things are with the things.
    pub(super) tags: Tags,
    /// Of a table: the backup that it is made of.
    pub(super) of: Option<UnitId>,
}

/// What is there because of recoveries, and what tests have in store for them.
#[derive(Debug, Default)]
pub(in super::super) struct Recovered {
    pub(super) things: BTreeMap<(MadeKind, String), Thing>,
    /// What each token gave.
    pub(super) tokens: BTreeMap<(Home, String), Vec<(MadeKind, String)>>,
    /// What was given is forgotten at once.
    pub(super) forgets: bool,
    pub(super) shares: BTreeSet<(UnitId, String)>,
    /// KMS keys by ARN, with their state.
    pub(super) keys: BTreeMap<String, String>,
    /// Elastic addresses, and which instance has each.
    pub(super) elastic: BTreeMap<String, Option<String>>,
    /// The size and the key of each snapshot, as its volume had them.
    pub(in super::super) snapshots: BTreeMap<SnapshotId, (i32, Option<String>)>,
    /// Instance types or zones that AWS has no room in.
    pub(super) full: BTreeSet<String>,
    /// Why instances end as soon as they are launched.
    pub(super) ending: Option<String>,
    /// How long a making takes.
    pub(super) takes: SignedDuration,
    pub(super) removed: Vec<(MadeKind, String)>,
    pub(super) public_images: Vec<ImageOrigin>,
}

impl FakeAws {
    /// From now on what recoveries make takes so long; it is there at once unless this is said.
    pub fn recoveries_take(&self, time: SignedDuration) {
        held(&self.cloud).recovered.takes = time;
    }

    /// Makes a KMS key, or sets its state: `Enabled`, `Disabled`.
    pub fn set_key(&self, arn: &str, state: &str) {
        held(&self.cloud).recovered.keys.insert(arn.to_owned(), state.to_owned());
    }

    /// From now on AWS has no room for an instance type, or in a zone.
    pub fn fill_up(&self, what: &str) {
        held(&self.cloud).recovered.full.insert(what.to_owned());
    }

    /// From now on instances are terminated as soon as they are launched, for this reason.
    pub fn end_instances(&self, why: &str) {
        held(&self.cloud).recovered.ending = Some(why.to_owned());
    }

    /// From now on tokens are not known again, as by a service that has none.
    pub fn forget_tokens(&self) {
        held(&self.cloud).recovered.forgets = true;
    }

    /// Allocates an elastic address.
    pub fn allocate(&self, allocation: &str) {
        held(&self.cloud).recovered.elastic.insert(allocation.to_owned(), None);
    }

    /// What has an elastic address.
    pub fn holder_of(&self, allocation: &str) -> Option<String> {
        held(&self.cloud).recovered.elastic.get(allocation).cloned().flatten()
    }

    /// An image that anybody can launch from.
    pub fn publish(&self, image: ImageOrigin) {
        held(&self.cloud).recovered.public_images.push(image);
    }

    /// What recoveries made and is there still.
    pub fn recovered(&self) -> Vec<Recovery> {
        let cloud = held(&self.cloud);
        let there = cloud
            .recovered
            .things
            .iter()
            .filter(|((kind, id), thing)| cloud.tags_of(*kind, &thing.home, id).is_some());
        there
            .map(|((kind, id), thing)| Recovery {
                account: thing.home.account.clone(),
                region: thing.home.region.clone(),
                kind: *kind,
                id: id.clone(),
                tags: cloud.tags_of(*kind, &thing.home, id).cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// What was removed of what recoveries made or replaced, in that order.
    pub fn removed(&self) -> Vec<(MadeKind, String)> {
        held(&self.cloud).recovered.removed.clone()
    }

    /// Which units are shared with which accounts.
    pub fn shared(&self) -> Vec<(UnitId, String)> {
        held(&self.cloud).recovered.shares.iter().cloned().collect()
    }

    /// Whether something cannot be deleted or terminated.
    pub fn is_protected(&self, kind: MadeKind, id: &str) -> bool {
        held(&self.cloud).recovered.things.get(&(kind, id.to_owned())).is_some_and(|thing| thing.protected)
    }

    /// Takes the protection off.
    pub fn unprotect(&self, kind: MadeKind, id: &str) {
        if let Some(thing) = held(&self.cloud).recovered.things.get_mut(&(kind, id.to_owned())) {
            thing.protected = false;
        }
    }

    /// Somebody removes something, past the suite and its rules.
    pub fn lose_made(&self, kind: MadeKind, id: &str) {
        held(&self.cloud).drop_thing(kind, id);
    }
}

impl Thing {
    pub(super) fn new(home: &Home, now: Timestamp, end: End) -> Self {
        let (protected, image, tags, of) = (false, None, Tags::new(), None);
        Self { home: home.clone(), began: now, end, protected, image, tags, of }
    }
}

pub(super) fn kind_of(kind: MadeKind) -> Option<Kind> {
    match kind {
        MadeKind::Image => None,
        MadeKind::Instance => Some(Kind::Instance),
        MadeKind::Volume => Some(Kind::Volume),
        MadeKind::Database => Some(Kind::Rds),
        MadeKind::Cluster => Some(Kind::Aurora),
        MadeKind::Warehouse => Some(Kind::Redshift),
        MadeKind::Table => Some(Kind::Dynamodb),
    }
}

pub(super) fn resource(kind: MadeKind, id: &str) -> Option<Resource> {
    Resource::new(kind_of(kind)?, id).ok()
}

impl Cloud {
    /// The tags of a thing that is there and not gone.
    pub(super) fn tags_of(&self, kind: MadeKind, home: &Home, id: &str) -> Option<&Tags> {
        match kind {
            MadeKind::Image => {
                let thing = self.recovered.things.get(&(kind, id.to_owned()))?;
                (thing.home == *home).then_some(&thing.tags)
            }
            MadeKind::Instance => {
                let placed = self.instances.get(&id.parse::<InstanceId>().ok()?)?;
                (placed.home == *home && !placed.thing.is_gone).then_some(&placed.thing.tags)
            }
            MadeKind::Volume => {
                let placed = self.volumes.get(&id.parse::<VolumeId>().ok()?)?;
                (placed.home == *home).then_some(&placed.thing.tags)
            }
            other => {
                let placed = self.managed.get(&(home.clone(), resource(other, id)?))?;
                Some(&placed.thing.tags)
            }
        }
    }

    /// What a recovery made of a kind that AWS lists by now.
    pub(super) fn seen(&self, home: &Home, kind: MadeKind, now: Timestamp) -> Vec<Made> {
        let of_kind = self.recovered.things.iter().filter(|((of, _), thing)| *of == kind && thing.home == *home);
        let ids: Vec<String> = of_kind.map(|((_, id), _)| id.clone()).collect();
        self.look(home, kind, &ids, now)
            .into_iter()
            .filter(|made| made.state != MadeState::Gone || made.cause.is_some())
            .collect()
    }

    /// How things are.
    pub(super) fn look(&self, home: &Home, kind: MadeKind, ids: &[String], now: Timestamp) -> Vec<Made> {
        ids.iter().map(|id| self.look_at(home, kind, id, now)).collect()
    }

    fn look_at(&self, home: &Home, kind: MadeKind, id: &str, now: Timestamp) -> Made {
        let made = Made::pending(kind, id);
        let thing = self.recovered.things.get(&(kind, id.to_owned())).filter(|thing| thing.home == *home);
        if thing.is_some_and(|thing| thing.began + self.lag > now) {
            return Made { state: MadeState::Gone, ..made };
        }
        if let Some(End::Ended(cause)) = thing.map(|thing| &thing.end) {
            return Made { state: MadeState::Gone, cause: cause.clone(), ..made };
        }
        if self.tags_of(kind, home, id).is_none() {
            return Made { state: MadeState::Gone, ..made };
        }
        let is_ready = thing.is_none_or(|thing| thing.began + self.recovered.takes <= now);
        let state = match thing.map(|thing| &thing.end) {
            _ if !is_ready => MadeState::Pending,
            Some(End::Bad(cause)) => return Made { state: MadeState::Failed, cause: cause.clone(), ..made },
            _ => MadeState::Ready,
        };
        Made {
            state,
            device: self.device_of(kind, id),
            addresses: self.addresses_of(kind, id),
            parts: self.parts_of(kind, id),
            ..made
        }
    }

    pub(super) fn attached(&self, volume: &VolumeId) -> Option<(InstanceId, String)> {
        self.instances.values().find_map(|placed| {
            let attached = placed.thing.volumes.iter().find(|attached| attached.volume == *volume)?;
            Some((placed.thing.id.clone(), attached.device.clone()))
        })
    }

    fn device_of(&self, kind: MadeKind, id: &str) -> Option<String> {
        let volume: VolumeId = (kind == MadeKind::Volume).then(|| id.parse().ok())??;
        self.attached(&volume).map(|(_, device)| device)
    }

    fn addresses_of(&self, kind: MadeKind, id: &str) -> Vec<String> {
        match kind {
            MadeKind::Instance => {}
            MadeKind::Database | MadeKind::Cluster | MadeKind::Warehouse => {
                return vec![format!("{id}.example:5432")];
            }
            MadeKind::Image | MadeKind::Volume | MadeKind::Table => return Vec::new(),
        }
        let instance = id.parse().ok().and_then(|id: InstanceId| self.instances.get(&id));
        match instance.and_then(|placed| placed.thing.origin.as_deref()) {
            Some(Origin::Instance(origin)) => origin.private_ip.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    fn parts_of(&self, kind: MadeKind, id: &str) -> Vec<Made> {
        let instance: Option<InstanceId> = (kind == MadeKind::Instance).then(|| id.parse().ok()).flatten();
        let Some(placed) = instance.and_then(|id| self.instances.get(&id)) else { return Vec::new() };
        let part = |attached: &cpm_domain::aws::Attached| Made {
            state: MadeState::Ready,
            device: Some(attached.device.clone()),
            ..Made::pending(MadeKind::Volume, attached.volume.as_str())
        };
        placed.thing.volumes.iter().map(part).collect()
    }

    /// Whether a table is the one that an order restores: its backup keeps no tags.
    pub(super) fn is_table_of(&self, home: &Home, id: &str, what: &Action) -> bool {
        let Action::RestoreTable { backup, plan } = what else { return false };
        let thing = self.recovered.things.get(&(MadeKind::Table, id.to_owned())).filter(|thing| thing.home == *home);
        plan.name.as_deref() == Some(id)
            && thing.is_some_and(|thing| thing.of.as_ref().is_some_and(|of| of.as_str() == unit_name(backup)))
    }

    /// A unit that a thing can be made of.
    pub(super) fn usable(
        &self,
        home: &Home,
        kind: UnitKind,
        id: &str,
        action: &str,
    ) -> Result<&InAws, cpm_domain::aws::AwsError> {
        let missing = || {
            let message = format!("The {} '{id}' does not exist", kind.noun());
            refused(Refusal::NotFound, action, "NotFound", message)
        };
        let unit = UnitId::new(unit_name(id));
        let found = self.units.get(&unit).filter(|made| made.report.kind == kind).ok_or_else(missing)?;
        let is_shared = self.recovered.shares.contains(&(unit, home.account.clone()));
        if found.home.region != home.region || found.home.account != home.account && !is_shared {
            return Err(missing());
        }
        if !matches!(found.report.state, cpm_domain::unit::UnitState::Completed) {
            let message = format!("The {} '{id}' is not completed", kind.noun());
            return Err(refused(Refusal::Invalid, action, "IncorrectState", message));
        }
        Ok(found)
    }

    pub(super) fn drop_thing(&mut self, kind: MadeKind, id: &str) {
        match kind {
            MadeKind::Image => {
                self.recovered.things.remove(&(kind, id.to_owned()));
                let name = id.to_owned();
                for made in self.units.values_mut() {
                    made.hold = made.hold.take().filter(|(_, words)| !words.ends_with(&name));
                }
            }
            MadeKind::Instance => {
                let Ok(id) = id.parse::<InstanceId>() else { return };
                self.end_instance(&id);
            }
            MadeKind::Volume => {
                let Ok(id) = id.parse::<VolumeId>() else { return };
                for placed in self.instances.values_mut() {
                    placed.thing.volumes.retain(|attached| attached.volume != id);
                }
                self.volumes.remove(&id);
            }
            other => {
                let Some(resource) = resource(other, id) else { return };
                self.managed.retain(|(_, of), _| *of != resource);
                self.recovered.things.remove(&(kind, id.to_owned()));
            }
        }
    }

    /// Ends an instance; the volumes that go with it go.
    pub(super) fn end_instance(&mut self, id: &InstanceId) {
        let Some(placed) = self.instances.get_mut(id) else { return };
        placed.thing.is_gone = true;
        for attached in std::mem::take(&mut placed.thing.volumes) {
            let goes = self.volumes.get(&attached.volume).and_then(|placed| placed.thing.origin.as_deref());
            if matches!(goes, Some(Origin::Volume(volume)) if volume.delete_on_termination) {
                self.volumes.remove(&attached.volume);
            }
        }
    }
}

/// What a unit is called, without what its ARN says more.
pub(super) fn unit_name(id: &str) -> &str {
    if id.starts_with("arn:") { id.rsplit([':', '/']).next().unwrap_or(id) } else { id }
}
