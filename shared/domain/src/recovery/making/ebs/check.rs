//! What AWS would refuse of a volume.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{
    Content, Source, device, is_wanted, keys,
    limits::{VolumeType, most_throughput, names, volume_type},
    said, tags,
};
use crate::{
    id::SnapshotId,
    recovery::{
        facts::Facts,
        making::{Findings, Subject},
        plan::VolumePlan,
    },
    unit::UnitState,
};

/// A volume of a plan, where it stands in the file.
pub(in super::super) struct At<'a> {
    /// `instance.volumes[2]`.
    pub path: String,
    /// What is wanted.
    pub plan: &'a VolumePlan,
    /// What was backed up; none: no such volume.
    pub source: Option<&'a Source<'a>>,
    /// Where its data comes from.
    pub held: Held,
    /// An instance starts from it.
    pub boots: bool,
    /// Of what it is made.
    pub subject: &'a Subject,
}

/// Where the data of a volume comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Held {
    /// From the backup.
    Backup,
    /// From the image that is launched, where it has this least size in GiB, as far as AWS told.
    Image(Option<i32>),
}

impl At<'_> {
    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}

/// Names all that is wrong with a volume but its device.
pub(in super::super) fn check(at: &At<'_>, facts: &Facts, findings: &mut Findings) {
    if !is_wanted(at.plan) {
        return;
    }
    let Some(source) = at.source else {
        return findings.problem(
            at.field("volume"),
            format!("{} is not in the backup", at.plan.volume),
            "name a volume that was backed up; `cpm recover show` lists them",
        );
    };
    let least = match at.held {
        Held::Image(least) => least,
        Held::Backup => check_data(at, source, facts, findings),
    };
    check_size(at, least, findings);
    check_keys(at, source, facts, findings);
    if let Some(own) = &at.plan.tags {
        tags::check(&at.field("tags"), own, findings);
    }
}

/// Whether its data is there. Says the least size that its snapshot allows.
fn check_data(at: &At<'_>, source: &Source<'_>, facts: &Facts, findings: &mut Findings) -> Option<i32> {
    let field = at.field("volume");
    let without = "write `recover: false` for it, or take another backup";
    let Some(content) = source.content else {
        findings.problem(field, format!("the backup has no snapshot of {}", source.name()), without);
        return None;
    };
    let found = content.snapshot(facts);
    match content {
        Content::Part(image, _) if !facts.images.contains_key(image.as_str()) => {
            findings.problem(field, format!("the image {image} that holds it is gone"), without);
        }
        Content::Part(image, name) if found.is_none() => {
            findings.problem(field, format!("the image {image} holds no device {name}"), without);
        }
        Content::Part(..) => {}
        Content::Snapshot(_) => match &found {
            Some((id, _)) => check_snapshot(&field, id, facts, findings),
            None => findings.problem(field, format!("its snapshot {} is gone", content.unit()), without),
        },
    }
    found.map(|(_, size)| size)
}

fn check_snapshot(field: &str, id: &SnapshotId, facts: &Facts, findings: &mut Findings) {
    let Some(fact) = facts.snapshots.get(id) else { return };
    match fact.state {
        UnitState::Completed if fact.tier == "archive" => findings.problem(
            field,
            format!("its snapshot {id} is archived"),
            "restore it from the archive first (`aws ec2 restore-snapshot-tier`); that takes up to 72 hours",
        ),
        UnitState::Completed => {}
        UnitState::Planned | UnitState::Pending => findings.problem(
            field,
            format!("its snapshot {id} is not completed yet"),
            "wait for it, or write `recover: false` for this volume",
        ),
        UnitState::Failed => findings.problem(
            field,
            format!("AWS failed to make its snapshot {id}"),
            "write `recover: false` for it, or take another backup",
        ),
        UnitState::Deleted => findings.problem(
            field,
            format!("its snapshot {id} is in the recycle bin"),
            "restore it from there first (`aws ec2 restore-snapshot-from-recycle-bin`)",
        ),
    }
}

fn check_size(at: &At<'_>, least: Option<i32>, findings: &mut Findings) {
    let Some(name) = at.plan.volume_type.as_deref() else { return };
    let Some(known) = volume_type(name) else {
        return findings.problem(
            at.field("type"),
            format!("AWS has no type of volumes `{name}`"),
            format!("write one of {}", names()),
        );
    };
    if at.boots && !known.boots {
        findings.problem(at.field("type"), format!("no instance starts from {name}"), "write gp3");
    }
    if let Some(size) = at.plan.size {
        check_range(at, known, size, least, findings);
        check_iops(at, known, size, findings);
    } else if least.is_some() || matches!(at.held, Held::Image(_)) {
        findings.problem(at.field("size"), "its size is not on record", "write one, in GiB");
    }
    check_throughput(at, known, findings);
}

fn check_range(at: &At<'_>, known: &VolumeType, size: i32, least: Option<i32>, findings: &mut Findings) {
    let field = at.field("size");
    match least {
        Some(least) if size < least => findings.problem(
            field,
            format!("{size} GiB is smaller than its snapshot, which is {least} GiB"),
            format!("write {least} or more, or leave it out"),
        ),
        _ if !known.size.contains(&size) => findings.problem(
            field,
            format!("{size} GiB is no size of {}: it has {} GiB", known.name, span(&known.size)),
            "write another size, or another type",
        ),
        _ => {}
    }
}

fn check_iops(at: &At<'_>, known: &VolumeType, size: i32, findings: &mut Findings) {
    let field = at.field("iops");
    let name = known.name;
    match (at.plan.iops, &known.iops) {
        (None, Some(iops)) if iops.required => findings.problem(
            field,
            format!("{name} needs a number of IOPS"),
            format!("write {} to {}", iops.range.start(), iops.most(size)),
        ),
        (Some(_), None) => {
            findings.problem(field, format!("{name} has no IOPS to set"), "leave it out, or write gp3, io1 or io2");
        }
        (Some(wanted), Some(iops)) if !iops.range.contains(&wanted) => findings.problem(
            field,
            format!("{wanted} IOPS are out of range: {name} has {}", span(&iops.range)),
            format!("at {size} GiB write {} to {}", iops.range.start(), iops.most(size)),
        ),
        (Some(wanted), Some(iops)) if wanted > iops.most(size) => findings.problem(
            field,
            format!("{wanted} IOPS are too many for {size} GiB of {name}: it has {} a GiB", iops.per_gib),
            format!("write {} or less, or a larger size", iops.most(size)),
        ),
        (None | Some(_), _) => {}
    }
}

fn check_throughput(at: &At<'_>, known: &VolumeType, findings: &mut Findings) {
    let Some(wanted) = at.plan.throughput else { return };
    let field = at.field("throughput");
    let most = most_throughput(at.plan.iops);
    match &known.throughput {
        None => {
            findings.problem(field, format!("{} has no throughput to set", known.name), "leave it out, or write gp3");
        }
        Some(range) if !range.contains(&wanted) => findings.problem(
            field,
            format!("{wanted} MiB/s are out of range: {} has {}", known.name, span(range)),
            "write a number in it, or leave it out",
        ),
        Some(_) if wanted > most => findings.problem(
            field,
            format!("{wanted} MiB/s are too many: {} has 0.25 for each of its IOPS", known.name),
            format!("write {most} or less, or {} IOPS", wanted.saturating_mul(4)),
        ),
        Some(_) => {}
    }
}

/// In words: `3000 to 80000`.
fn span(range: &RangeInclusive<i32>) -> String {
    format!("{} to {}", range.start(), range.end())
}

fn check_keys(at: &At<'_>, source: &Source<'_>, facts: &Facts, findings: &mut Findings) {
    for key in keys(at.plan, Some(source), at.subject) {
        let own = said(at.plan.kms_key.as_ref()) == Some(key);
        let whose = if own { "the key" } else { "its snapshot is encrypted, and the key" };
        let (wrong, advice) = match (facts.keys.get(key).map(String::as_str), &at.subject.shared_with) {
            (Some("Enabled"), Some(account)) if !own && is_of_aws(key, facts) => (
                format!("is one of AWS's own: what it encrypts cannot be shared with {account}"),
                "recover into the account of the backup; give the volume a key of your own for the next backup",
            ),
            (Some("Enabled"), _) => continue,
            (Some("Disabled"), _) => ("is disabled".to_owned(), "enable it"),
            (Some("PendingDeletion"), _) => ("is to be deleted".to_owned(), "cancel its deletion and enable it"),
            (Some(state), _) => (format!("cannot be used: its state is {state}"), "see to it in AWS's console"),
            (None, Some(account)) if !own => (
                format!("may not be used by {account}"),
                "let that account use it by its policy; what AWS's own key encrypts cannot be shared",
            ),
            (None, _) => {
                ("is not there, or may not be seen".to_owned(), "name one of the Region by its ARN or alias")
            }
        };
        findings.problem(at.field("kms_key"), format!("{whose} {key} {wrong}"), advice);
    }
}

fn is_of_aws(key: &str, facts: &Facts) -> bool {
    facts.aws_keys.contains(key) || key.contains("alias/aws/")
}

/// Names what is wrong with the devices of volumes that are attached. `taken` are devices that something
/// else has.
pub(in super::super) fn check_devices(
    path: &str,
    volumes: &[VolumePlan],
    taken: &BTreeMap<String, String>,
    findings: &mut Findings,
) {
    let mut disks: BTreeMap<String, String> =
        taken.iter().map(|(name, what)| (device::disk(name), what.clone())).collect();
    for (n, plan) in volumes.iter().enumerate().filter(|(_, plan)| is_wanted(plan)) {
        let field = format!("{path}[{n}].device");
        match said(plan.device.as_ref()) {
            None => findings.problem(
                field,
                format!("as which device {} was attached is not on record", plan.volume),
                "write one, such as `/dev/sdf`, or `recover: false`",
            ),
            Some(name) if !device::is_device(name) => findings.problem(
                field,
                format!("`{name}` is not the name of a device"),
                "write one such as `/dev/sdf`, `/dev/xvda` or `xvdf`",
            ),
            Some(name) => {
                if let Some(before) = disks.insert(device::disk(name), format!("{path}[{n}]")) {
                    findings.problem(field, format!("{name} is taken by {before}"), "write another device");
                }
            }
        }
    }
}

/// Names volumes that are there twice.
pub(in super::super) fn check_twice(path: &str, volumes: &[VolumePlan], findings: &mut Findings) {
    let mut first = BTreeMap::new();
    for (n, plan) in volumes.iter().enumerate() {
        if let Some(before) = first.get(&plan.volume) {
            findings.problem(
                format!("{path}[{n}].volume"),
                format!("{} is there already, at {path}[{before}]", plan.volume),
                "name each volume once",
            );
        } else {
            first.insert(&plan.volume, n);
        }
    }
}
