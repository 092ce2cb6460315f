//! Aurora clusters (§9.5).
//!
//! A cluster is restored without members; they are made one by one, the writer first: AWS takes the first one as that.

use super::{
    Findings, Subject,
    managed::{self, Check, Works, fitting, own_group, own_tags, snapshot_name, some},
    rds,
};
use crate::{
    id::Region,
    kind::Kind,
    origin::{ClusterOrigin, MemberOrigin, Origin},
    recovery::{
        facts::{Facts, ManagedFact, Question},
        plan::{ClusterPlan, MemberPlan},
        work::{Action, ClusterSpec, MadeKind, Ref, Work},
    },
    unit::UnitKind,
};

const UNIT: UnitKind = UnitKind::AuroraSnapshot;

/// A writer and 15 readers.
const MOST_MEMBERS: usize = 16;

/// The class of members that grow and shrink by themselves.
const SERVERLESS: &str = "db.serverless";

fn origin(subject: &Subject) -> Option<&ClusterOrigin> {
    match &subject.origin {
        Some(Origin::Aurora(origin)) => Some(origin),
        _ => None,
    }
}

pub(super) fn fill(wanted: &mut ClusterPlan, subject: &Subject) {
    let id = wanted.id.get_or_insert_with(|| subject.source.id().to_owned());
    // AWS writes identifiers in lower case, and that is how they are found again.
    id.make_ascii_lowercase();
    let id = id.clone();
    for member in wanted.members.iter_mut().flatten() {
        member.id.make_ascii_lowercase();
    }
    let Some(origin) = origin(subject) else { return };
    // Another subnet group may reach other zones: AWS chooses among them.
    let moved = wanted.subnet_group.as_ref().is_some_and(|group| Some(group) != origin.subnet_group.as_ref());
    let list = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    wanted.port = wanted.port.or(origin.port);
    if !moved {
        wanted.zones = wanted.zones.take().or_else(|| list(&origin.zones));
    }
    wanted.subnet_group = wanted.subnet_group.take().or_else(|| origin.subnet_group.clone());
    wanted.security_groups = wanted.security_groups.take().or_else(|| list(&origin.security_groups));
    wanted.parameter_group = wanted.parameter_group.take().or_else(|| origin.parameter_group.clone());
    wanted.kms_key = wanted.kms_key.take().or_else(|| origin.kms_key.clone());
    wanted.deletion_protection = wanted.deletion_protection.or(Some(origin.deletion_protection));
    wanted.iam_authentication = wanted.iam_authentication.or(Some(origin.iam_authentication));
    wanted.tags = wanted.tags.take().or_else(|| Some(own_tags(&origin.tags)));
    match &mut wanted.members {
        Some(members) => members.iter_mut().for_each(|member| fill_member(member, origin, moved)),
        None => wanted.members = Some(members(&id, origin, moved)),
    }
}

/// The members as they were. Those of a cluster with another name get names after it: the old ones are likely taken.
fn members(id: &str, origin: &ClusterOrigin, moved: bool) -> Vec<MemberPlan> {
    let mut before: Vec<&MemberOrigin> = origin.members.iter().collect();
    before.sort_by_key(|member| !member.is_writer);
    let name = |n: usize, member: &MemberOrigin| match member.id.strip_prefix(&origin.id) {
        _ if id == origin.id => member.id.clone(),
        Some(rest) => format!("{id}{rest}"),
        None => format!("{id}-{n}"),
    };
    let plan = |(n, member): (usize, &&MemberOrigin)| MemberPlan {
        id: name(n + 1, member),
        class: member.class.clone(),
        zone: member.zone.clone().filter(|_| !moved),
        public: Some(member.public),
        parameter_group: member.parameter_group.clone(),
        promotion_tier: member.promotion_tier,
    };
    before.iter().enumerate().map(plan).collect()
}

/// What a member that is named leaves out is as the member of that name was, or the writer.
fn fill_member(member: &mut MemberPlan, origin: &ClusterOrigin, moved: bool) {
    let same = origin.members.iter().find(|other| other.id == member.id);
    let Some(like) = same.or_else(|| origin.members.iter().find(|other| other.is_writer)) else { return };
    member.public = member.public.or(Some(like.public));
    member.parameter_group = member.parameter_group.take().or_else(|| like.parameter_group.clone());
    if let Some(same) = same {
        member.zone = member.zone.take().or_else(|| same.zone.clone().filter(|_| !moved));
        member.promotion_tier = member.promotion_tier.or(same.promotion_tier);
    }
}

pub(super) fn questions(wanted: &ClusterPlan, subject: &Subject) -> Vec<Question> {
    let mut questions = Vec::new();
    managed::ask_name(&mut questions, Kind::Aurora, wanted.id.as_deref(), subject, Question::Cluster);
    questions.extend(managed::unit(subject, UNIT).map(|(_, id)| Question::ClusterSnapshot(id.clone())));
    questions.extend(some(wanted.subnet_group.as_ref()).map(Question::DatabaseSubnetGroup));
    questions.extend(wanted.security_groups.iter().flatten().cloned().map(Question::Group));
    questions.extend(own_group(wanted.parameter_group.as_ref()).map(Question::ClusterParameterGroup));
    questions.extend(some(wanted.kms_key.as_ref()).map(Question::Key));
    questions.extend(origin(subject).and_then(|origin| origin.kms_key.clone()).map(Question::Key));
    let mut zones =
        wanted.zones.iter().flatten().chain(wanted.members.iter().flatten().filter_map(|m| m.zone.as_ref()));
    questions.extend(zones.next().map(|_| Question::Zones));
    for member in wanted.members.iter().flatten() {
        managed::ask_name(&mut questions, Kind::Rds, Some(&member.id), subject, Question::Database);
        questions.extend(own_group(member.parameter_group.as_ref()).map(Question::DatabaseParameterGroup));
    }
    questions
}

pub(super) fn check(wanted: &ClusterPlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let mut check = Check { at: "aurora", subject, facts, findings };
    let origin = origin(subject);
    let key = origin.and_then(|origin| origin.kms_key.as_ref());
    let fact = check.snapshot(UNIT);
    check.snapshot_key(fact, key);
    check.shared_encrypted(fact, key);
    check.kms_key("kms_key", wanted.kms_key.as_ref(), key);
    check.name("id", Kind::Aurora, wanted.id.as_deref(), Question::Cluster);
    let engine = engine(origin, fact).unwrap_or("an Aurora cluster");
    check.port(wanted.port, &rds::PORTS, engine);
    let group = wanted.subnet_group.as_ref();
    let network = check.network(group, Question::DatabaseSubnetGroup);
    check.there("subnet_group", group, "subnet group of databases", Question::DatabaseSubnetGroup);
    check.stays_in_vpc("subnet_group", group, origin.and_then(|origin| origin.subnet_group.as_ref()));
    check.groups(wanted.security_groups.as_deref().unwrap_or_default(), network);
    for (n, zone) in wanted.zones.iter().flatten().enumerate() {
        check.zone(&format!("zones[{n}]"), Some(zone), network);
    }
    let group = own_group(wanted.parameter_group.as_ref());
    check.there("parameter_group", group.as_ref(), "parameter group of clusters", Question::ClusterParameterGroup);
    check.tags(wanted.tags.as_ref());
    check_members(&mut check, wanted, origin);
}

fn engine<'a>(origin: Option<&'a ClusterOrigin>, fact: Option<&'a ManagedFact>) -> Option<&'a str> {
    let told = fact.and_then(|fact| fact.engine.as_deref());
    told.or(origin.map(|origin| origin.engine.as_str())).filter(|engine| !engine.is_empty())
}

fn check_members(check: &mut Check<'_>, wanted: &ClusterPlan, origin: Option<&ClusterOrigin>) {
    let Some(members) = &wanted.members else {
        check.problem(
            "members",
            "which members the cluster had is not on record",
            "name them: `members: [{id: …, class: db.r6g.large}]`, the writer first; `members: []` makes the cluster alone",
        );
        return;
    };
    if members.is_empty() {
        check.findings.warning("the cluster is made without members: nothing can connect to it before it has one");
    }
    if members.len() > MOST_MEMBERS {
        let message = format!("{} members are too many", members.len());
        check.problem("members", message, format!("a cluster has {MOST_MEMBERS} at most: a writer and 15 readers"));
    }
    let network = check.network(wanted.subnet_group.as_ref(), Question::DatabaseSubnetGroup);
    let capacity = origin.and_then(|origin| origin.capacity);
    for (n, member) in members.iter().enumerate() {
        let field = |name: &str| format!("members[{n}].{name}");
        if members.iter().take(n).any(|other| other.id == member.id) {
            let message = format!("the name `{}` is given to two members", member.id);
            check.problem(&field("id"), message, "write another for one of them");
        } else {
            check.name(&field("id"), Kind::Rds, Some(&member.id), Question::Database);
        }
        rds::class(check, &field("class"), Some(&member.class));
        if member.class == SERVERLESS && capacity.is_none() {
            let message = "the cluster had no serverless capacity that a member could take";
            check.problem(&field("class"), message, "write a class such as `db.r6g.large`");
        }
        check.zone(&field("zone"), member.zone.as_ref(), network);
        let group = own_group(member.parameter_group.as_ref());
        let (name, noun) = (field("parameter_group"), "parameter group of databases");
        check.there(&name, group.as_ref(), noun, Question::DatabaseParameterGroup);
        if let Some(tier) = member.promotion_tier.filter(|tier| !(0..=15).contains(tier)) {
            check.problem(&field("promotion_tier"), format!("{tier} is no promotion tier"), "write 0 to 15");
        }
    }
}

pub(super) fn works(wanted: &ClusterPlan, region: &Region, subject: &Subject, facts: &Facts) -> Vec<Work> {
    let Some((_, unit)) = managed::unit(subject, UNIT) else { return Vec::new() };
    let (origin, fact) = (origin(subject), facts.managed.get(unit));
    let engine = engine(origin, fact).unwrap_or("aurora-mysql").to_owned();
    // The version of the snapshot: AWS takes its newest default else, and that is an upgrade.
    let version = fact.and_then(|fact| fact.engine_version.clone());
    let plan = to_send(wanted);
    let tags = fitting(wanted.tags.as_ref());
    let mut works = Works::new(region);
    let shared = works.share(subject, UNIT, unit);
    let spec = ClusterSpec {
        snapshot: snapshot_name(subject, unit, "rds", "cluster-snapshot:"),
        id: wanted.id.clone().unwrap_or_default(),
        engine: engine.clone(),
        engine_version: version.or_else(|| origin.and_then(|origin| origin.engine_version.clone())),
        capacity: origin.and_then(|origin| origin.capacity),
        plan,
    };
    let cluster = works.add(&shared, Some(unit), Action::RestoreCluster(Box::new(spec)));
    let mut all = vec![cluster];
    for member in wanted.members.iter().flatten() {
        // The second work made is the writer: readers come after it.
        let needs: Vec<u32> = all.iter().take(2).copied().collect();
        let what = Action::CreateMember {
            cluster: Ref::Work(cluster),
            engine: engine.clone(),
            member: MemberPlan {
                zone: some(member.zone.as_ref()),
                parameter_group: own_group(member.parameter_group.as_ref()),
                ..member.clone()
            },
            tags: tags.clone(),
        };
        all.push(works.add(&needs, Some(unit), what));
    }
    works.protect(wanted.deletion_protection, &all, MadeKind::Cluster, cluster);
    works.unshare(&[cluster], subject, UNIT, unit);
    works.into_all()
}

/// The plan as it is sent: nothing is empty, nothing is protected yet. Its members are works of their own.
fn to_send(wanted: &ClusterPlan) -> ClusterPlan {
    ClusterPlan {
        zones: wanted.zones.clone().filter(|zones| !zones.is_empty()),
        subnet_group: some(wanted.subnet_group.as_ref()),
        security_groups: wanted.security_groups.clone().filter(|groups| !groups.is_empty()),
        parameter_group: own_group(wanted.parameter_group.as_ref()),
        kms_key: some(wanted.kms_key.as_ref()),
        deletion_protection: Some(false),
        members: None,
        tags: Some(fitting(wanted.tags.as_ref())),
        ..wanted.clone()
    }
}

#[cfg(test)]
mod tests;
