//! What is in the accounts.

use std::collections::{BTreeMap, BTreeSet};

use cpm_domain::{
    aws::{Attached, AwsError, FoundUnit, Instance, Managed, Platform, Refusal, Tags, Volume},
    id::{InstanceId, Region, SnapshotId, UnitId, VolumeId},
    kind::Resource,
    origin::Origin,
    unit::{UnitKind, UnitReport, UnitState},
};
use cpm_ports::{Access, Place};
use jiff::{SignedDuration, Timestamp};

use super::{Made, SnapshotEvent, origins, recover::Recovered};
use crate::{
    OWN_ACCOUNT,
    chance::scatter,
    rates::Rate,
    script::{Broken, Reason},
};

/// In which account and Region a resource is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Home {
    pub(crate) account: String,
    pub(crate) region: Region,
}

#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) home: Home,
    pub(super) thing: T,
}

#[derive(Debug, Clone)]
pub(super) struct InAws {
    pub(super) home: Home,
    pub(super) report: UnitReport,
    /// Of an image or a database's snapshot.
    pub(super) name: String,
    pub(super) began: Timestamp,
    pub(super) tags: Tags,
    pub(super) description: String,
    /// The call that made it.
    pub(super) call: u64,
    /// What keeps it from being deleted: AWS's code and words.
    pub(super) hold: Option<(String, String)>,
}

/// An account's roles with their external ids, and its Regions.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) roles: BTreeMap<String, Option<String>>,
    pub(super) regions: BTreeSet<Region>,
}

#[derive(Debug, Default)]
pub(super) struct Cloud {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) instances: BTreeMap<InstanceId, Placed<Instance>>,
    pub(super) volumes: BTreeMap<VolumeId, Placed<Volume>>,
    pub(super) managed: BTreeMap<(Home, Resource), Placed<Managed>>,
    pub(super) units: BTreeMap<UnitId, InAws>,
    pub(super) deleted: Vec<UnitId>,
    /// Volumes that AWS cannot read, and its words.
    pub(super) spoilt: BTreeMap<VolumeId, String>,
    /// Images of instances that AWS no longer knows.
    pub(super) gone_images: BTreeSet<String>,
    /// Events that nobody has fetched yet.
    pub(super) events: Vec<SnapshotEvent>,
    /// How long a snapshot takes; none: until it is told to be complete.
    pub(super) takes: Option<SignedDuration>,
    /// How late the lists of snapshots are.
    pub(super) lag: SignedDuration,
    pub(super) pending_limit: Option<usize>,
    /// How many units there may be of each kind that has a quota.
    pub(super) quota: Option<usize>,
    pub(super) recovered: Recovered,
    pub(super) rates: Option<BTreeMap<(Home, &'static str), Rate>>,
    pub(super) next: u64,
}

pub(super) fn refused(refusal: Refusal, action: &str, code: &str, message: impl Into<String>) -> AwsError {
    AwsError { refusal, action: action.to_owned(), code: code.to_owned(), message: message.into() }
}

/// The actions of the roles: one backs up, `-recovery` makes things, `-cleanup` removes them, and they look at what they
/// work on; `-reader` only looks.
fn may(role: &str, action: &str) -> bool {
    let (cleans, recovers) = (role.ends_with("-cleanup"), !role.ends_with("-cleanup") && is_for_recovery(role));
    match action {
        _ if role.ends_with("-reader") => {
            matches!(action, "ec2:DescribeInstances" | "ssm:DescribeInstanceInformation")
        }
        "ec2:DescribeSnapshots" | "sts:GetCallerIdentity" => true,
        _ if removes(action) => cleans,
        _ if action.contains(":Describe") && !cleans => true,
        // The cleaner looks at what it removes.
        _ if action.contains(":Describe") => !action.ends_with("Regions"),
        _ if makes(action) => recovers,
        _ => !cleans && !recovers,
    }
}

/// A role for recoveries, or one of a recovery's own.
fn is_for_recovery(role: &str) -> bool {
    role.ends_with("-recovery") || role.starts_with("recover")
}

fn removes(action: &str) -> bool {
    action.contains(":Delete") || matches!(action, "ec2:DeregisterImage" | "ec2:TerminateInstances")
}

/// What only recoveries do.
fn makes(action: &str) -> bool {
    let (service, name) = action.split_once(':').unwrap_or_default();
    name.starts_with("Restore")
        || name.starts_with("Modify")
        || matches!(
            (service, name),
            (
                "ec2",
                "RegisterImage"
                    | "RunInstances"
                    | "CreateVolume"
                    | "AttachVolume"
                    | "DetachVolume"
                    | "AssociateAddress"
                    | "CreateTags"
            ) | ("rds", "CreateDBInstance")
                | ("redshift", "AuthorizeSnapshotAccess")
                | ("dynamodb", "PutResourcePolicy" | "TagResource" | "UpdateTable")
        )
}

/// How many calls at once, and how many a second after that (EC2 API throttling).
fn rate(action: &str) -> (u32, f64) {
    match action {
        "ec2:RunInstances" => (5, 2.0),
        "ec2:CreateTags" => (100, 10.0),
        _ if action.contains(":Describe") => (100, 20.0),
        _ => (100, 5.0),
    }
}

impl Cloud {
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The account, made if it is new.
    pub(super) fn account(&mut self, number: &str) -> &mut Account {
        self.accounts.entry(number.to_owned()).or_insert_with(|| Account {
            roles: ["cpm-backup", "cpm-backup-cleanup", "cpm-backup-recovery", "cpm-backup-reader"]
                .map(|role| (role.to_owned(), None))
                .into(),
            regions: ["us-east-1", "eu-west-1"].iter().filter_map(|region| region.parse().ok()).collect(),
        })
    }

    /// The number of the account that `access` leads to.
    pub(super) fn assume(&mut self, access: &Access, action: &'static str) -> Result<String, AwsError> {
        let Access::Assumed { account: number, role, external_id } = access else {
            self.account(OWN_ACCOUNT);
            return Ok(OWN_ACCOUNT.to_owned());
        };
        let asked = self.accounts.get(number).and_then(|account| account.roles.get(role));
        if !asked.is_some_and(|wanted| wanted.is_none() || wanted == external_id) {
            let message =
                format!("not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{number}:role/{role}");
            return Err(refused(Refusal::Denied, "sts:AssumeRole", "AccessDenied", message));
        }
        if !may(role, action) {
            return Err(AwsError::broken(action, Reason::Denied(action)));
        }
        Ok(number.clone())
    }

    /// Where a call goes, if it may, and if its rate allows it.
    pub(super) fn enter(&mut self, place: &Place, action: &'static str, now: Timestamp) -> Result<Home, AwsError> {
        let account = self.assume(&place.access, action)?;
        if !self.account(&account).regions.contains(&place.region) {
            let message = "AWS was not able to validate the provided access credentials";
            return Err(refused(Refusal::Denied, action, "AuthFailure", message));
        }
        let home = Home { account, region: place.region.clone() };
        if let Some(rates) = &mut self.rates {
            let (most, a_second) = rate(action);
            let rate = rates.entry((home.clone(), action)).or_insert_with(|| Rate::new(most, a_second, now));
            if !rate.allows(now) {
                return Err(AwsError::broken(action, Reason::Throttled));
            }
        }
        self.pass(now);
        Ok(home)
    }

    /// What is done by now is done.
    pub(super) fn pass(&mut self, now: Timestamp) {
        let Some(takes) = self.takes else { return };
        let done = |snapshot: &&InAws| snapshot.is_pending() && snapshot.began + takes <= now;
        let done = self.units.values().filter(done);
        let mut done: Vec<_> =
            done.map(|snapshot| (snapshot.began, snapshot.call, snapshot.report.id.clone())).collect();
        done.sort();
        for (_, _, id) in &done {
            self.complete(id);
        }
    }

    /// Ends a pending snapshot: well, or, when AWS cannot read its volume, badly with all of its call.
    pub(super) fn complete(&mut self, id: &UnitId) {
        let Some(snapshot) = self.units.get_mut(id).filter(|snapshot| snapshot.is_pending()) else { return };
        let spoilt = match &snapshot.report.source {
            Some(Resource::Volume(volume)) => self.spoilt.get(volume).cloned(),
            _ => None,
        };
        if let Some(cause) = spoilt {
            return self.fail(id, &cause);
        }
        snapshot.report.state = UnitState::Completed;
        let call = snapshot.call;
        self.tell(call);
    }

    /// Ends a snapshot badly, and with it all that its call made (EBS guide, multi-volume snapshots).
    pub(super) fn fail(&mut self, id: &UnitId, cause: &str) {
        let found = self.units.get(id).filter(|snapshot| snapshot.report.state != UnitState::Failed);
        let Some(call) = found.map(|snapshot| snapshot.call) else { return };
        for snapshot in self.units.values_mut().filter(|snapshot| snapshot.call == call) {
            snapshot.report.state = UnitState::Failed;
            snapshot.report.cause = Some(cause.to_owned());
        }
        self.tell(call);
    }

    /// Sends the event on a call once all that it made has ended.
    fn tell(&mut self, call: u64) {
        let of_call: Vec<&InAws> = self.units.values().filter(|snapshot| snapshot.call == call).collect();
        let Some(first) = of_call.first() else { return };
        if of_call.iter().any(|snapshot| snapshot.is_pending()) {
            return;
        }
        let home = first.home.clone();
        let event = |reports: Vec<UnitReport>| SnapshotEvent {
            account: home.account.clone(),
            region: home.region.clone(),
            reports,
        };
        let all: Vec<UnitReport> = of_call.iter().map(|made| made.report.clone()).collect();
        let told: Vec<SnapshotEvent> = match all.iter().find(|report| report.kind != UnitKind::EbsSnapshot) {
            None => vec![event(all)],
            // Without its source, and without its snapshots, which have events of their own.
            Some(whole) => {
                let without = UnitReport { source: None, parts: Vec::new(), ..whole.clone() };
                let parts = all.iter().filter(|report| report.kind == UnitKind::EbsSnapshot);
                let parts = parts.map(|report| event(vec![report.clone()]));
                parts.chain(is_told(whole).then(|| event(vec![without]))).collect()
            }
        };
        self.events.extend(told);
    }

    /// A new unit.
    pub(super) fn put_unit(&mut self, home: &Home, report: UnitReport, name: &str, call: u64, now: Timestamp) {
        let id = report.id.clone();
        let made = InAws {
            home: home.clone(),
            report: UnitReport { started: Some(now), ..report },
            name: name.to_owned(),
            began: now,
            tags: Tags::new(),
            description: String::new(),
            call,
            hold: None,
        };
        self.units.insert(id, made);
    }

    /// A new snapshot. Its id comes in no order.
    pub(super) fn put_snapshot(&mut self, home: &Home, volume: VolumeId, call: u64, now: Timestamp) -> SnapshotId {
        let id: SnapshotId = parsed(&format!("snap-0{:016x}", scatter(self.number())));
        let origin = self.volumes.get(&volume).and_then(|placed| placed.thing.origin.as_deref());
        if let Some(Origin::Volume(origin)) = origin {
            let (size, key) = (origin.size, origin.kms_key.clone());
            self.recovered.snapshots.insert(id.clone(), (size, key));
        }
        let report = UnitReport::pending(UnitKind::EbsSnapshot, id.clone(), Resource::Volume(volume));
        self.put_unit(home, report, "", call, now);
        id
    }

    pub(super) fn put_managed(&mut self, home: &Home, resource: Resource, cluster: Option<String>) {
        let status = if matches!(resource, Resource::Dynamodb(_)) { "ACTIVE" } else { "available" };
        let origin = origins::managed(home, &resource).map(Box::new);
        let (status, tags) = (status.to_owned(), Tags::new());
        let thing = Managed { resource: resource.clone(), status, cluster, tags, origin };
        self.managed.insert((home.clone(), resource), Placed { home: home.clone(), thing });
    }

    pub(super) fn put_volume(&mut self, home: &Home, is_root: bool) -> VolumeId {
        let id: VolumeId = parsed(&format!("vol-{:017x}", self.number()));
        let origin = Some(Box::new(Origin::Volume(origins::volume(home, &id, is_root))));
        let thing = Volume { id: id.clone(), is_gone: false, tags: Tags::new(), origin };
        self.volumes.insert(id.clone(), Placed { home: home.clone(), thing });
        id
    }

    pub(super) fn put_instance(
        &mut self,
        home: &Home,
        volumes: usize,
        platform: Platform,
        now: Timestamp,
    ) -> InstanceId {
        let id: InstanceId = parsed(&format!("i-{:017x}", self.number()));
        let attached = (0..volumes)
            .map(|n| {
                let is_root = n == 0;
                Attached { volume: self.put_volume(home, is_root), device: device(n), is_root }
            })
            .collect();
        let origin = origins::instance(home, &id, platform, self.instances.len(), now);
        let thing = Instance {
            id: id.clone(),
            is_gone: false,
            is_stopped: false,
            platform,
            volumes: attached,
            tags: Tags::new(),
            origin: Some(Box::new(Origin::Instance(Box::new(origin)))),
        };
        self.instances.insert(id.clone(), Placed { home: home.clone(), thing });
        id
    }

    /// The tags of whatever has that id.
    pub(super) fn tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        if let Some(placed) = id.parse().ok().and_then(|id: InstanceId| self.instances.get_mut(&id)) {
            return Some(&mut placed.thing.tags);
        }
        if let Some(placed) = id.parse().ok().and_then(|id: VolumeId| self.volumes.get_mut(&id)) {
            return Some(&mut placed.thing.tags);
        }
        if let Some(placed) = self.managed.values_mut().find(|placed| placed.thing.resource.id() == id) {
            return Some(&mut placed.thing.tags);
        }
        self.units.get_mut(&UnitId::new(id)).map(|made| &mut made.tags)
    }
}

/// Whether the suite hears of it by EventBridge: RDS tells of what it made, EC2 of images that failed, the others of
/// nothing. (That an image is there is told too, and not its snapshots: it is described then.)
fn is_told(report: &UnitReport) -> bool {
    match report.kind {
        UnitKind::RdsSnapshot | UnitKind::AuroraSnapshot => report.state == UnitState::Completed,
        UnitKind::Ami => report.state == UnitState::Failed,
        UnitKind::EbsSnapshot | UnitKind::RedshiftSnapshot | UnitKind::DynamodbBackup => false,
    }
}

impl InAws {
    pub(super) fn is_pending(&self) -> bool {
        self.report.state == UnitState::Pending
    }

    pub(super) fn found(&self) -> FoundUnit {
        FoundUnit { report: self.report.clone(), tags: self.tags.clone() }
    }

    pub(super) fn made(&self) -> Made {
        Made {
            account: self.home.account.clone(),
            region: self.home.region.clone(),
            report: self.report.clone(),
            tags: self.tags.clone(),
            description: self.description.clone(),
        }
    }
}

/// `/dev/xvda`, then `/dev/sdb` to `/dev/sdz`, then `/dev/xvdba`, `/dev/xvdbb` and so on.
pub(super) fn device(n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    match n {
        0 => "/dev/xvda".to_owned(),
        1..=25 => format!("/dev/sd{}", letter(n)),
        _ => format!("/dev/xvd{}{}", letter(n / 26), letter(n)),
    }
}

/// An id, a name or a code that is known to be good.
pub(crate) fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not what it should be"))
}
