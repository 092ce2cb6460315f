//! Redshift clusters (§9.6).

use super::{
    Findings, Subject,
    managed::{self, Check, Works, fitting, own_group, own_tags, snapshot_name, some},
};
use crate::{
    id::Region,
    kind::Kind,
    origin::{Origin, WarehouseOrigin},
    recovery::{
        facts::{Facts, Question},
        plan::WarehousePlan,
        work::{Action, Work},
    },
    unit::UnitKind,
};

const UNIT: UnitKind = UnitKind::RedshiftSnapshot;

/// The ports of clusters of dense compute, and of the others (`RestoreFromClusterSnapshot`).
const PORTS_OF_DC: [(i32, i32); 1] = [(1150, 65_535)];
const PORTS: [(i32, i32); 2] = [(5431, 5455), (8191, 8215)];

/// The most nodes of a cluster.
const MOST_NODES: i32 = 128;

fn origin(subject: &Subject) -> Option<&WarehouseOrigin> {
    match &subject.origin {
        Some(Origin::Redshift(origin)) => Some(origin),
        _ => None,
    }
}

pub(super) fn fill(wanted: &mut WarehousePlan, subject: &Subject) {
    wanted.id.get_or_insert_with(|| subject.source.id().to_owned());
    let Some(origin) = origin(subject) else { return };
    // Another subnet group may reach other zones: AWS chooses one of them.
    let moved = wanted.subnet_group.as_ref().is_some_and(|group| Some(group) != origin.subnet_group.as_ref());
    let list = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    wanted.node_type.get_or_insert_with(|| origin.node_type.clone());
    wanted.nodes = wanted.nodes.or(Some(origin.nodes));
    wanted.port = wanted.port.or(origin.port);
    if !moved {
        wanted.zone = wanted.zone.take().or_else(|| origin.zone.clone());
    }
    wanted.subnet_group = wanted.subnet_group.take().or_else(|| origin.subnet_group.clone());
    wanted.security_groups = wanted.security_groups.take().or_else(|| list(&origin.security_groups));
    wanted.parameter_group = wanted.parameter_group.take().or_else(|| origin.parameter_group.clone());
    wanted.public = wanted.public.or(Some(origin.public));
    wanted.roles = wanted.roles.take().or_else(|| list(&origin.roles));
    wanted.enhanced_vpc_routing = wanted.enhanced_vpc_routing.or(Some(origin.enhanced_vpc_routing));
    wanted.tags = wanted.tags.take().or_else(|| Some(own_tags(&origin.tags)));
}

pub(super) fn questions(wanted: &WarehousePlan, subject: &Subject) -> Vec<Question> {
    let mut questions = Vec::new();
    managed::ask_name(&mut questions, Kind::Redshift, wanted.id.as_deref(), subject, Question::Warehouse);
    questions.extend(managed::unit(subject, UNIT).map(|(_, id)| Question::WarehouseSnapshot(id.clone())));
    questions.extend(some(wanted.subnet_group.as_ref()).map(Question::WarehouseSubnetGroup));
    questions.extend(wanted.security_groups.iter().flatten().cloned().map(Question::Group));
    questions.extend(own_group(wanted.parameter_group.as_ref()).map(Question::WarehouseParameterGroup));
    questions.extend(some(wanted.zone.as_ref()).map(|_| Question::Zones));
    questions.extend(origin(subject).and_then(|origin| origin.kms_key.clone()).map(Question::Key));
    questions
}

pub(super) fn check(wanted: &WarehousePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let mut check = Check { at: "redshift", subject, facts, findings };
    let origin = origin(subject);
    let key = origin.and_then(|origin| origin.kms_key.as_ref());
    let fact = check.snapshot(UNIT);
    check.snapshot_key(fact, key);
    check.shared_key(fact, key);
    check.name("id", Kind::Redshift, wanted.id.as_deref(), Question::Warehouse);
    nodes(&mut check, wanted, origin);
    let dense = wanted.node_type.as_ref().is_none_or(|node| node.starts_with('d'));
    let ports: &[(i32, i32)] = if dense { &PORTS_OF_DC } else { &PORTS };
    check.port(wanted.port, ports, wanted.node_type.as_deref().unwrap_or("a Redshift cluster"));
    place(&mut check, wanted, origin);
    let group = own_group(wanted.parameter_group.as_ref());
    let noun = "parameter group of Redshift clusters";
    check.there("parameter_group", group.as_ref(), noun, Question::WarehouseParameterGroup);
    for (n, role) in wanted.roles.iter().flatten().enumerate() {
        if !(role.starts_with("arn:") && role.contains(":iam::") && role.contains(":role/")) {
            let advice = "write it as `arn:aws:iam::111122223333:role/name`";
            check.problem(&format!("roles[{n}]"), format!("`{role}` is not the ARN of an IAM role"), advice);
        }
    }
    check.tags(wanted.tags.as_ref());
}

fn nodes(check: &mut Check<'_>, wanted: &WarehousePlan, origin: Option<&WarehouseOrigin>) {
    if let Some(nodes) = wanted.nodes.filter(|nodes| !(1..=MOST_NODES).contains(nodes)) {
        check.problem("nodes", format!("a cluster has no {nodes} nodes"), format!("write 1 to {MOST_NODES}"));
    }
    if let Some(node) = wanted.node_type.as_ref().filter(|node| node.split('.').count() != 2) {
        check.problem("node_type", format!("`{node}` is no type of nodes"), "write one such as `ra3.xlplus`");
    }
    // Dense compute keeps its data on its nodes.
    let Some(origin) = origin.filter(|origin| origin.node_type.starts_with("dc")) else { return };
    let (node, count) = (&origin.node_type, origin.nodes);
    if wanted.node_type.as_ref().is_some_and(|wanted| wanted != node) {
        let message = format!("a snapshot of {node} nodes can only be restored to {node}");
        check.problem(
            "node_type",
            message,
            format!("leave it out, or write `{node}`; resize the cluster afterwards"),
        );
    }
    if wanted.nodes.is_some_and(|wanted| wanted != count) {
        let message = format!("a snapshot of {count} {node} nodes can only be restored to {count}");
        check.problem("nodes", message, format!("leave it out, or write {count}; resize the cluster afterwards"));
    }
}

fn place(check: &mut Check<'_>, wanted: &WarehousePlan, origin: Option<&WarehouseOrigin>) {
    let group = wanted.subnet_group.as_ref();
    let network = check.network(group, Question::WarehouseSubnetGroup);
    check.there("subnet_group", group, "subnet group of Redshift clusters", Question::WarehouseSubnetGroup);
    check.stays_in_vpc("subnet_group", group, origin.and_then(|origin| origin.subnet_group.as_ref()));
    check.groups(wanted.security_groups.as_deref().unwrap_or_default(), network);
    check.zone("zone", wanted.zone.as_ref(), network);
    if wanted.enhanced_vpc_routing == Some(true) && group.is_none_or(String::is_empty) {
        let message = "traffic can only go through a VPC that the cluster is in";
        check.problem("enhanced_vpc_routing", message, "name a `subnet_group`, or write `false`");
    }
}

pub(super) fn works(wanted: &WarehousePlan, region: &Region, subject: &Subject) -> Vec<Work> {
    let Some((_, unit)) = managed::unit(subject, UNIT) else { return Vec::new() };
    let mut works = Works::new(region);
    let shared = works.share(subject, UNIT, unit);
    // The ARN of a shared snapshot says whose it is; AWS wants to know that.
    let of = format!("snapshot:{}/", subject.source.id());
    let what = Action::RestoreWarehouse {
        snapshot: snapshot_name(subject, unit, "redshift", &of),
        plan: Box::new(to_send(wanted)),
    };
    let restored = works.add(&shared, Some(unit), what);
    works.unshare(&[restored], subject, UNIT, unit);
    works.into_all()
}

/// The plan as it is sent: nothing is empty.
fn to_send(wanted: &WarehousePlan) -> WarehousePlan {
    WarehousePlan {
        zone: some(wanted.zone.as_ref()),
        subnet_group: some(wanted.subnet_group.as_ref()),
        security_groups: wanted.security_groups.clone().filter(|groups| !groups.is_empty()),
        parameter_group: own_group(wanted.parameter_group.as_ref()),
        roles: wanted.roles.clone().filter(|roles| !roles.is_empty()),
        tags: Some(fitting(wanted.tags.as_ref())),
        ..wanted.clone()
    }
}

#[cfg(test)]
mod tests;
