//! Answers to what a plan has to know.

use std::collections::BTreeMap;

use cpm_domain::{
    id::{InstanceId, SnapshotId, UnitId},
    kind::{Kind, Resource},
    origin::Origin,
    recovery::{
        facts::{Facts, ImageFact, InstanceFact, ManagedFact, Question, SnapshotFact},
        work::MadeKind,
    },
    unit::{UnitKind, UnitState},
};
use jiff::Timestamp;

use super::{
    super::cloud::{Cloud, Home, device, parsed},
    network,
    state::unit_name,
};

/// The call that answers a question.
fn action(question: &Question) -> &'static [&'static str] {
    match question {
        Question::Snapshot(_) => &["ec2:DescribeSnapshots"],
        Question::Image(_) => &["ec2:DescribeImages"],
        Question::Subnet(_) => &["ec2:DescribeSubnets"],
        Question::Group(_) => &["ec2:DescribeSecurityGroups"],
        Question::KeyPair(_) => &["ec2:DescribeKeyPairs"],
        Question::InstanceType(_) => &["ec2:DescribeInstanceTypes", "ec2:DescribeInstanceTypeOfferings"],
        Question::Address { .. } => &["ec2:DescribeNetworkInterfaces"],
        Question::ElasticIp(_) => &["ec2:DescribeAddresses"],
        Question::Instance(_) => &["ec2:DescribeInstances"],
        Question::PlacementGroup(_) => &["ec2:DescribePlacementGroups"],
        Question::Zones => &["ec2:DescribeAvailabilityZones"],
        Question::Key(_) => &["kms:DescribeKey"],
        Question::Database(_) => &["rds:DescribeDBInstances"],
        Question::Cluster(_) => &["rds:DescribeDBClusters"],
        Question::Warehouse(_) => &["redshift:DescribeClusters"],
        Question::Table(_) => &["dynamodb:DescribeTable"],
        Question::DatabaseSnapshot(_) => &["rds:DescribeDBSnapshots"],
        Question::ClusterSnapshot(_) => &["rds:DescribeDBClusterSnapshots"],
        Question::WarehouseSnapshot(_) => &["redshift:DescribeClusterSnapshots"],
        Question::TableBackup(_) => &["dynamodb:DescribeBackup"],
        Question::DatabaseSubnetGroup(_) => &["rds:DescribeDBSubnetGroups"],
        Question::WarehouseSubnetGroup(_) => &["redshift:DescribeClusterSubnetGroups"],
        Question::DatabaseParameterGroup(_) => &["rds:DescribeDBParameterGroups"],
        Question::ClusterParameterGroup(_) => &["rds:DescribeDBClusterParameterGroups"],
        Question::WarehouseParameterGroup(_) => &["redshift:DescribeClusterParameterGroups"],
    }
}

/// Questions by the call that answers them.
pub(super) fn by_action(questions: &[Question]) -> Vec<(&'static [&'static str], Vec<Question>)> {
    let mut calls: BTreeMap<&'static [&'static str], Vec<Question>> = BTreeMap::new();
    for question in questions {
        calls.entry(action(question)).or_default().push(question.clone());
    }
    calls.into_iter().collect()
}

impl Cloud {
    pub(super) fn answers(&self, home: &Home, questions: &[Question], now: Timestamp) -> Facts {
        let mut facts = Facts::default();
        for question in questions {
            self.answer(home, question, now, &mut facts);
        }
        facts
    }

    fn answer(&self, home: &Home, question: &Question, now: Timestamp, facts: &mut Facts) {
        match question {
            Question::Snapshot(id) => {
                facts.snapshots.extend(self.snapshot_fact(home, id).map(|fact| (id.clone(), fact)));
            }
            Question::Image(id) => facts.images.extend(self.image_fact(home, id, now).map(|fact| (id.clone(), fact))),
            Question::Subnet(id) => facts.subnets.extend(network::subnet(home, id).map(|fact| (id.clone(), fact))),
            Question::Group(id) if id == network::GROUP => {
                facts.groups.insert(id.clone(), network::VPC.to_owned());
            }
            Question::KeyPair(name) if name == network::KEY_PAIR => {
                facts.key_pairs.insert(name.clone());
            }
            Question::InstanceType(name) => {
                facts.types.extend(network::instance_type(home, name).map(|fact| (name.clone(), fact)));
            }
            Question::Address { subnet, ip } if self.has_address(home, &ip.to_string()) => {
                facts.taken.insert((subnet.clone(), *ip));
            }
            Question::ElasticIp(id) => {
                facts.elastic.extend(self.recovered.elastic.get(id).map(|holder| (id.clone(), holder.clone())));
            }
            Question::Instance(id) => {
                facts.instances.extend(self.instance_fact(home, id).map(|fact| (id.clone(), fact)));
            }
            Question::Zones => facts.zones = network::zones(home),
            Question::Key(arn) => {
                facts.keys.extend(self.recovered.keys.get(arn).map(|state| (arn.clone(), state.clone())));
            }
            Question::DatabaseSnapshot(id)
            | Question::ClusterSnapshot(id)
            | Question::WarehouseSnapshot(id)
            | Question::TableBackup(id) => {
                facts.managed.extend(self.managed_fact(home, id).map(|fact| (id.clone(), fact)));
            }
            Question::DatabaseSubnetGroup(name) | Question::WarehouseSubnetGroup(name) => {
                if let Some(fact) = network::subnet_group(home, name) {
                    facts.names.insert(question.clone());
                    facts.subnet_groups.insert(question.clone(), fact);
                }
            }
            other if self.is_named(home, other) => {
                facts.names.insert(other.clone());
            }
            _ => {}
        }
    }

    fn is_named(&self, home: &Home, question: &Question) -> bool {
        let (kind, name) = match question {
            Question::Database(name) => (Kind::Rds, name),
            Question::Cluster(name) => (Kind::Aurora, name),
            Question::Warehouse(name) => (Kind::Redshift, name),
            Question::Table(name) => (Kind::Dynamodb, name),
            _ => return false,
        };
        Resource::new(kind, name).is_ok_and(|resource| self.managed.contains_key(&(home.clone(), resource)))
    }

    fn is_visible(&self, home: &Home, id: &UnitId) -> bool {
        self.units.get(id).is_some_and(|made| {
            made.home.region == home.region
                && (made.home.account == home.account
                    || self.recovered.shares.contains(&(id.clone(), home.account.clone())))
        })
    }

    fn snapshot_fact(&self, home: &Home, id: &SnapshotId) -> Option<SnapshotFact> {
        let unit: UnitId = id.clone().into();
        let made = self.units.get(&unit).filter(|_| self.is_visible(home, &unit))?;
        let (size, kms_key) = self.recovered.snapshots.get(id).cloned().unwrap_or((8, None));
        Some(SnapshotFact {
            state: made.report.state,
            size,
            encrypted: kms_key.is_some(),
            kms_key,
            tier: "standard".to_owned(),
            tags: made.tags.clone(),
        })
    }

    fn image_fact(&self, home: &Home, id: &str, now: Timestamp) -> Option<ImageFact> {
        let some = |text: &str| Some(text.to_owned());
        let ordinary = |state: &str, name: &str| ImageFact {
            state: state.to_owned(),
            name: name.to_owned(),
            architecture: "x86_64".to_owned(),
            platform_details: some("Linux/UNIX"),
            root_device: some("/dev/xvda"),
            devices: BTreeMap::new(),
        };
        if let Some(thing) = self.recovered.things.get(&(MadeKind::Image, id.to_owned())) {
            let spec = thing.image.as_ref().filter(|_| thing.home == *home)?;
            let is_there = thing.began + self.recovered.takes <= now;
            return Some(ordinary(if is_there { "available" } else { "pending" }, &spec.name));
        }
        let unit = UnitId::new(id);
        if let Some(made) = self.units.get(&unit).filter(|made| made.report.kind == UnitKind::Ami) {
            let state = if made.report.state == UnitState::Completed { "available" } else { "pending" };
            let size = |part: &SnapshotId| self.recovered.snapshots.get(part).map_or(8, |(size, _)| *size);
            let parts = made.report.parts.iter().enumerate();
            let devices = parts.map(|(n, part)| (device(n), (part.clone(), size(part)))).collect();
            return Some(ImageFact { devices, ..ordinary(state, &made.name) })
                .filter(|_| self.is_visible(home, &unit));
        }
        let is_base = self.instances.values().any(|placed| {
            matches!(placed.thing.origin.as_deref(), Some(Origin::Instance(origin)) if origin.image.id == id)
        });
        let devices = BTreeMap::from([(device(0), (parsed("snap-0000000000000ba5e"), 8))]);
        (is_base && !self.gone_images.contains(id))
            .then(|| ImageFact { devices, ..ordinary("available", "base-2026.10") })
    }

    /// Whether a living instance has a private address.
    pub(super) fn has_address(&self, home: &Home, ip: &str) -> bool {
        self.instances.values().any(|placed| {
            let has = matches!(placed.thing.origin.as_deref(), Some(Origin::Instance(origin))
                if origin.private_ip.as_deref() == Some(ip) || origin.secondary_ips.iter().any(|other| other == ip));
            placed.home == *home && !placed.thing.is_gone && has
        })
    }

    fn instance_fact(&self, home: &Home, id: &InstanceId) -> Option<InstanceFact> {
        let placed = self.instances.get(id).filter(|placed| placed.home == *home)?;
        let Some(Origin::Instance(origin)) = placed.thing.origin.as_deref() else { return None };
        let state = match (placed.thing.is_gone, placed.thing.is_stopped) {
            (true, _) => "terminated",
            (false, true) => "stopped",
            (false, false) => "running",
        };
        let devices = placed.thing.volumes.iter();
        Some(InstanceFact {
            state: state.to_owned(),
            zone: origin.zone.clone(),
            devices: devices.map(|attached| (attached.device.clone(), attached.volume.clone())).collect(),
        })
    }

    fn managed_fact(&self, home: &Home, id: &UnitId) -> Option<ManagedFact> {
        let unit = UnitId::new(unit_name(id.as_str()));
        let made = self.units.get(&unit).filter(|_| self.is_visible(home, &unit))?;
        let status = match (made.report.state, made.report.kind) {
            (UnitState::Completed, UnitKind::DynamodbBackup) => "AVAILABLE",
            (UnitState::Completed, _) => "available",
            _ => "creating",
        };
        let engine = match made.report.kind {
            UnitKind::RdsSnapshot => Some("postgres"),
            UnitKind::AuroraSnapshot => Some("aurora-postgresql"),
            _ => None,
        };
        Some(ManagedFact {
            status: status.to_owned(),
            engine: engine.map(str::to_owned),
            engine_version: engine.map(|_| "16.3".to_owned()),
            size: engine.map(|_| 100),
            encrypted: false,
            kms_key: None,
        })
    }
}
