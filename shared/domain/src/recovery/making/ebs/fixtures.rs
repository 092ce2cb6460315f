//! A backed up instance, and an AWS that has all it needs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    aws::{Platform, Tags},
    id::{BackupId, SnapshotId, UnitId, VolumeId},
    kind::Resource,
    origin::{ImageOrigin, InstanceOrigin, MetadataOptions, Origin, VolumeOrigin},
    recovery::{
        facts::{Facts, ImageFact, InstanceFact, Question, SnapshotFact, SubnetFact, TypeFact},
        making::{Findings, Subject, check, fill, questions, settle},
        plan::{InstancePlan, Plan, VolumesPlan, Wanted},
    },
    unit::{Unit, UnitKind, UnitState},
};

pub const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234";
pub const OTHER_KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/5678";
pub const INSTANCE: &str = "i-0123456789abcdef0";
pub const OWN_IMAGE: &str = "ami-0000000b";
pub const INITIAL_IMAGE: &str = "ami-0000000a";
pub const ORIGINAL_IMAGE: &str = "ami-00000001";

pub fn volume_id(n: usize) -> VolumeId {
    format!("vol-{n:08x}").parse().unwrap()
}

pub fn snapshot_id(n: usize) -> SnapshotId {
    format!("snap-{n:08x}").parse().unwrap()
}

pub fn named(name: &str) -> Tags {
    [("Name".to_owned(), name.to_owned()), ("aws:autoscaling:groupName".to_owned(), "web".to_owned())].into()
}

/// The first is the root one; of the data volumes one is gp2, one is io2 and encrypted, the rest are gp3.
pub fn volume_origin(n: usize) -> VolumeOrigin {
    let root = n == 0;
    let device =
        if root { "/dev/xvda".to_owned() } else { format!("/dev/sd{}", char::from(b'e' + u8::try_from(n).unwrap())) };
    let (volume_type, iops, throughput) = match n {
        1 => ("gp2", Some(300), None),
        2 => ("io2", Some(2000), None),
        _ => ("gp3", Some(3000), Some(125)),
    };
    VolumeOrigin {
        id: volume_id(n),
        zone: "us-east-1a".into(),
        size: 100,
        volume_type: volume_type.into(),
        iops,
        throughput,
        encrypted: n == 2,
        kms_key: (n == 2).then(|| KEY.into()),
        multi_attach: false,
        attached_to: Some(INSTANCE.parse().unwrap()),
        device: Some(device),
        is_root: root,
        delete_on_termination: root,
        tags: if n == 1 { named("data-1") } else { Tags::new() },
    }
}

pub fn origin(volumes: usize) -> InstanceOrigin {
    InstanceOrigin {
        id: INSTANCE.parse().unwrap(),
        instance_type: "m5.large".into(),
        architecture: "x86_64".into(),
        platform: Platform::Linux,
        platform_details: Some("Linux/UNIX".into()),
        image: ImageOrigin { id: ORIGINAL_IMAGE.into(), known: true, ena: true, ..ImageOrigin::default() },
        root_device: Some("/dev/xvda".into()),
        virtualization: Some("hvm".into()),
        boot_mode: Some("uefi-preferred".into()),
        ena: true,
        kernel: None,
        ramdisk: None,
        key_pair: Some("ops".into()),
        zone: "us-east-1a".into(),
        vpc: Some("vpc-1".into()),
        subnet: Some("subnet-1".into()),
        placement_group: None,
        tenancy: Some("default".into()),
        security_groups: vec!["sg-1".into(), "sg-2".into()],
        private_ip: Some("10.0.1.23".into()),
        secondary_ips: vec!["10.0.1.24".into()],
        public_ip: Some("198.51.100.7".into()),
        elastic_ip: Some("eipalloc-1".into()),
        interfaces: 1,
        profile: Some("arn:aws:iam::111122223333:instance-profile/web".into()),
        user_data: Some("IyEvYmluL3NoCg==".into()),
        shutdown_behavior: Some("stop".into()),
        termination_protection: true,
        monitoring: true,
        ebs_optimized: true,
        metadata: Some(MetadataOptions {
            http_tokens: Some("required".into()),
            http_endpoint: Some("enabled".into()),
            hop_limit: Some(2),
            instance_tags: None,
        }),
        volumes: (0..volumes).map(volume_origin).collect(),
        tags: named("web-1"),
        read: crate::origin::Reads::default(),
        unread: Vec::new(),
    }
}

pub fn snapshot_unit(n: usize) -> Unit {
    Unit {
        id: Some(snapshot_id(n).into()),
        state: UnitState::Completed,
        ..Unit::planned(UnitKind::EbsSnapshot, Resource::Volume(volume_id(n)))
    }
}

pub fn image_unit(id: &str) -> Unit {
    Unit {
        id: Some(UnitId::new(id)),
        state: UnitState::Completed,
        ..Unit::planned(UnitKind::Ami, Resource::Instance(INSTANCE.parse().unwrap()))
    }
}

/// An instance with so many volumes, all of which have a snapshot.
pub fn subject(volumes: usize) -> Subject {
    Subject {
        backup: BackupId(17),
        source: Resource::Instance(INSTANCE.parse().unwrap()),
        region: "us-east-1".parse().unwrap(),
        origin: Some(Origin::Instance(Box::new(origin(volumes)))),
        units: (0..volumes).map(snapshot_unit).collect(),
        initial_image: None,
        shared_with: None,
        shared_by: None,
    }
}

/// One that was backed up by an image.
pub fn imaged(volumes: usize) -> Subject {
    Subject { units: vec![image_unit(OWN_IMAGE)], ..subject(volumes) }
}

/// One of which nothing is on record.
pub fn unknown(volumes: usize) -> Subject {
    Subject { origin: None, ..subject(volumes) }
}

/// One whose backup is recovered into another account.
pub fn abroad(subject: Subject) -> Subject {
    Subject { shared_with: Some("444455556666".into()), shared_by: Some("111122223333".into()), ..subject }
}

pub fn change(mut subject: Subject, change: impl FnOnce(&mut InstanceOrigin)) -> Subject {
    if let Some(Origin::Instance(origin)) = &mut subject.origin {
        change(origin);
    }
    subject
}

fn image_fact(volumes: usize) -> ImageFact {
    let device = |n: usize| (volume_origin(n).device.unwrap(), (snapshot_id(n), 100));
    ImageFact {
        state: "available".into(),
        name: "web".into(),
        architecture: "x86_64".into(),
        platform_details: Some("Linux/UNIX".into()),
        root_device: Some("/dev/xvda".into()),
        devices: (0..volumes).map(device).collect(),
    }
}

fn snapshot_fact(n: usize) -> SnapshotFact {
    let tags = [("Name", "data"), ("cpm:policy", "web")];
    SnapshotFact {
        state: UnitState::Completed,
        size: 100,
        encrypted: n == 2,
        kms_key: (n == 2).then(|| KEY.into()),
        tier: "standard".into(),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}

fn type_fact() -> TypeFact {
    TypeFact {
        architectures: vec!["x86_64".into()],
        virtualizations: vec!["hvm".into()],
        needs_ena: true,
        zones: ["us-east-1a".to_owned(), "us-east-1b".to_owned()].into(),
    }
}

/// All that AWS knows.
pub fn world() -> Facts {
    let subnet = |zone: &str, vpc: &str| SubnetFact {
        zone: zone.into(),
        vpc: vpc.into(),
        cidr: "10.0.1.0/24".into(),
        free: 200,
        public: false,
    };
    let images = [(OWN_IMAGE, 4), (INITIAL_IMAGE, 1), (ORIGINAL_IMAGE, 1)];
    let instance = InstanceFact {
        state: "stopped".into(),
        zone: "us-east-1a".into(),
        devices: (0..3).map(|n| (volume_origin(n).device.unwrap(), volume_id(n + 100))).collect(),
    };
    Facts {
        snapshots: (0..20).map(|n| (snapshot_id(n), snapshot_fact(n))).collect(),
        images: images.into_iter().map(|(id, volumes)| (id.to_owned(), image_fact(volumes))).collect(),
        subnets: [
            ("subnet-1".to_owned(), subnet("us-east-1a", "vpc-1")),
            ("subnet-2".to_owned(), subnet("us-east-1b", "vpc-2")),
        ]
        .into(),
        groups: [("sg-1", "vpc-1"), ("sg-2", "vpc-1"), ("sg-3", "vpc-2")]
            .into_iter()
            .map(|(group, vpc)| (group.to_owned(), vpc.to_owned()))
            .collect(),
        key_pairs: ["ops".to_owned()].into(),
        types: [("m5.large".to_owned(), type_fact())].into(),
        elastic: BTreeMap::from([("eipalloc-1".to_owned(), None)]),
        instances: BTreeMap::from([(INSTANCE.parse().unwrap(), instance)]),
        placement_groups: ["rack".to_owned()].into(),
        zones: ["us-east-1a".to_owned(), "us-east-1b".to_owned()].into(),
        keys: [KEY, OTHER_KEY].into_iter().map(|key| (key.to_owned(), "Enabled".to_owned())).collect(),
        ..Facts::default()
    }
}

/// What AWS answers: nothing that was not asked for.
pub fn answer(world: &Facts, questions: &[Question]) -> Facts {
    let asked = |question: Question| questions.contains(&question);
    let mut facts = world.clone();
    facts.snapshots.retain(|id, _| asked(Question::Snapshot(id.clone())));
    facts.images.retain(|id, _| asked(Question::Image(id.clone())));
    facts.subnets.retain(|id, _| asked(Question::Subnet(id.clone())));
    facts.groups.retain(|id, _| asked(Question::Group(id.clone())));
    facts.key_pairs.retain(|id| asked(Question::KeyPair(id.clone())));
    facts.types.retain(|id, _| asked(Question::InstanceType(id.clone())));
    facts.taken.retain(|(subnet, ip)| asked(Question::Address { subnet: subnet.clone(), ip: *ip }));
    facts.elastic.retain(|id, _| asked(Question::ElasticIp(id.clone())));
    facts.instances.retain(|id, _| asked(Question::Instance(id.clone())));
    facts.placement_groups.retain(|id| asked(Question::PlacementGroup(id.clone())));
    facts.keys.retain(|id, _| asked(Question::Key(id.clone())));
    if !asked(Question::Zones) {
        facts.zones.clear();
    }
    facts
}

/// A plan as people write it: `instance_plan(json!({"type": "m5.large"}))`.
pub fn instance_plan(wanted: &Value) -> Plan {
    serde_json::from_value(json!({"backup": 17, "instance": wanted})).unwrap()
}

/// A plan as people write it.
pub fn volumes_plan(wanted: &Value) -> Plan {
    serde_json::from_value(json!({"backup": 17, "volumes": wanted})).unwrap()
}

/// With a field set, by its JSON pointer.
pub fn with(mut json: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap()[field] = value;
    json
}

/// A plan as the step "check" makes it: filled in, held against AWS.
pub struct Checked {
    pub plan: Plan,
    pub facts: Facts,
    pub findings: Findings,
}

pub fn checked(plan: Plan, subject: &Subject, world: &Facts) -> Checked {
    let mut plan = plan;
    fill(&mut plan, subject);
    let facts = answer(world, &questions(&plan, subject));
    settle(&mut plan, subject, &facts);
    let findings = check(&plan, subject, &facts);
    Checked { plan, facts, findings }
}

impl Checked {
    /// The problems by field, each with its message.
    pub fn problems(&self) -> Vec<(&str, &str)> {
        self.findings.problems.iter().map(|problem| (problem.field.as_str(), problem.message.as_str())).collect()
    }

    pub fn instance(&self) -> &InstancePlan {
        match &self.plan.wanted {
            Wanted::Instance(wanted) => wanted,
            other => panic!("{other:?}"),
        }
    }

    pub fn volumes(&self) -> &VolumesPlan {
        match &self.plan.wanted {
            Wanted::Volumes(wanted) => wanted,
            other => panic!("{other:?}"),
        }
    }
}
