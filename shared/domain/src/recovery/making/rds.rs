//! Databases (§9.4).

mod storage;

use super::{
    Findings, Subject,
    managed::{self, Check, Works, fitting, own_group, own_tags, snapshot_name, some},
};
use crate::{
    id::Region,
    kind::Kind,
    origin::{DatabaseOrigin, Origin},
    recovery::{
        facts::{Facts, ManagedFact, Question},
        plan::DatabasePlan,
        work::{Action, DatabaseSpec, MadeKind, Work},
    },
    unit::UnitKind,
};

const UNIT: UnitKind = UnitKind::RdsSnapshot;

/// The ports that databases listen on (`RestoreDBInstanceFromDBSnapshot`).
pub(super) const PORTS: [(i32, i32); 1] = [(1150, 65_535)];

/// Ports that SQL Server keeps for itself (`CreateDBInstance`).
const KEPT_BY_SQL_SERVER: [(i32, i32); 7] =
    [(1234, 1234), (1434, 1434), (3260, 3260), (3343, 3343), (3389, 3389), (47_001, 47_001), (49_152, 49_156)];

/// The logs that each engine can export to `CloudWatch`, by how its name begins.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html>
const LOGS: [(&str, &[&str]); 6] = [
    ("mysql", &["audit", "error", "general", "iam-db-auth-error", "slowquery"]),
    ("mariadb", &["audit", "error", "general", "iam-db-auth-error", "slowquery"]),
    ("postgres", &["iam-db-auth-error", "postgresql", "upgrade"]),
    ("oracle", &["alert", "audit", "listener", "oemagent", "trace"]),
    ("sqlserver", &["agent", "error"]),
    ("db2", &["diag.log", "iam-db-auth-error", "notify.log"]),
];

fn origin(subject: &Subject) -> Option<&DatabaseOrigin> {
    match &subject.origin {
        Some(Origin::Rds(origin)) => Some(origin),
        _ => None,
    }
}

pub(super) fn fill(wanted: &mut DatabasePlan, subject: &Subject) {
    let id = wanted.id.get_or_insert_with(|| subject.source.id().to_owned());
    // AWS writes identifiers in lower case, and that is how they are found again.
    id.make_ascii_lowercase();
    let Some(origin) = origin(subject) else { return };
    // Another subnet group may reach other zones: AWS chooses one of them.
    let moved = wanted.subnet_group.as_ref().is_some_and(|group| Some(group) != origin.subnet_group.as_ref());
    let list = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    wanted.class.get_or_insert_with(|| origin.class.clone());
    wanted.port = wanted.port.or(origin.port);
    let multi_az = *wanted.multi_az.get_or_insert(origin.multi_az);
    if !multi_az && !moved && wanted.zone.is_none() {
        wanted.zone.clone_from(&origin.zone);
    }
    wanted.subnet_group = wanted.subnet_group.take().or_else(|| origin.subnet_group.clone());
    wanted.security_groups = wanted.security_groups.take().or_else(|| list(&origin.security_groups));
    wanted.parameter_group = wanted.parameter_group.take().or_else(|| origin.parameter_group.clone());
    wanted.option_group = wanted.option_group.take().or_else(|| origin.option_group.clone());
    storage::fill(wanted, origin);
    wanted.public = wanted.public.or(Some(origin.public));
    wanted.deletion_protection = wanted.deletion_protection.or(Some(origin.deletion_protection));
    wanted.iam_authentication = wanted.iam_authentication.or(Some(origin.iam_authentication));
    wanted.auto_minor_upgrade = wanted.auto_minor_upgrade.or(Some(origin.auto_minor_upgrade));
    wanted.log_exports = wanted.log_exports.take().or_else(|| list(&origin.log_exports));
    wanted.tags = wanted.tags.take().or_else(|| Some(own_tags(&origin.tags)));
}

pub(super) fn questions(wanted: &DatabasePlan, subject: &Subject) -> Vec<Question> {
    let mut questions = Vec::new();
    managed::ask_name(&mut questions, Kind::Rds, wanted.id.as_deref(), subject, Question::Database);
    questions.extend(managed::unit(subject, UNIT).map(|(_, id)| Question::DatabaseSnapshot(id.clone())));
    questions.extend(some(wanted.subnet_group.as_ref()).map(Question::DatabaseSubnetGroup));
    questions.extend(wanted.security_groups.iter().flatten().cloned().map(Question::Group));
    questions.extend(own_group(wanted.parameter_group.as_ref()).map(Question::DatabaseParameterGroup));
    questions.extend(some(wanted.zone.as_ref()).map(|_| Question::Zones));
    questions.extend(origin(subject).and_then(|origin| origin.kms_key.clone()).map(Question::Key));
    questions
}

pub(super) fn check(wanted: &DatabasePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let mut check = Check { at: "rds", subject, facts, findings };
    let origin = origin(subject);
    let key = origin.and_then(|origin| origin.kms_key.as_ref());
    let fact = check.snapshot(UNIT);
    check.snapshot_key(fact, key);
    check.shared_encrypted(fact, key);
    check.name("id", Kind::Rds, wanted.id.as_deref(), Question::Database);
    class(&mut check, "class", wanted.class.as_ref());
    let engine = engine(origin, fact);
    port(&mut check, wanted.port, engine);
    place(&mut check, wanted, origin);
    let group = own_group(wanted.parameter_group.as_ref());
    check.there("parameter_group", group.as_ref(), "parameter group of databases", Question::DatabaseParameterGroup);
    storage::check(&mut check, wanted, engine, size(origin, fact));
    iam(&mut check, wanted.iam_authentication, engine);
    logs(&mut check, wanted.log_exports.as_deref().unwrap_or_default(), engine);
    check.tags(wanted.tags.as_ref());
}

fn engine<'a>(origin: Option<&'a DatabaseOrigin>, fact: Option<&'a ManagedFact>) -> &'a str {
    let told = fact.and_then(|fact| fact.engine.as_deref());
    told.or(origin.map(|origin| origin.engine.as_str())).unwrap_or_default()
}

fn size(origin: Option<&DatabaseOrigin>, fact: Option<&ManagedFact>) -> Option<i32> {
    fact.and_then(|fact| fact.size).or(origin.and_then(|origin| origin.storage))
}

fn place(check: &mut Check<'_>, wanted: &DatabasePlan, origin: Option<&DatabaseOrigin>) {
    let group = wanted.subnet_group.as_ref();
    let network = check.network(group, Question::DatabaseSubnetGroup);
    check.there("subnet_group", group, "subnet group of databases", Question::DatabaseSubnetGroup);
    check.stays_in_vpc("subnet_group", group, origin.and_then(|origin| origin.subnet_group.as_ref()));
    check.groups(wanted.security_groups.as_deref().unwrap_or_default(), network);
    match some(wanted.zone.as_ref()) {
        Some(zone) if wanted.multi_az == Some(true) => check.problem(
            "zone",
            format!("a database with a standby cannot be put into {zone}: AWS chooses two zones"),
            "leave `zone` out, or write `multi_az: false`",
        ),
        zone => check.zone("zone", zone.as_ref(), network),
    }
}

/// A class of databases: `db.`, the family, the size.
pub(super) fn class(check: &mut Check<'_>, field: &str, class: Option<&String>) {
    let Some(class) = class else { return };
    let parts: Vec<&str> = class.split('.').collect();
    let is_class = *class == "db.serverless"
        || (parts.len() >= 3 && parts.first() == Some(&"db") && parts.iter().all(|part| !part.is_empty()));
    if !is_class {
        check.problem(field, format!("`{class}` is no class of databases"), "write one such as `db.m6g.large`");
    }
}

fn port(check: &mut Check<'_>, port: Option<i32>, engine: &str) {
    let engine = if engine.is_empty() { "a database" } else { engine };
    check.port(port, &PORTS, engine);
    let kept = |port: &i32| KEPT_BY_SQL_SERVER.iter().any(|(first, last)| (*first..=*last).contains(port));
    if let Some(port) = port.filter(kept)
        && engine.starts_with("sqlserver")
    {
        check.problem("port", format!("SQL Server keeps port {port} for itself"), "write another, such as 1433");
    }
}

fn iam(check: &mut Check<'_>, wanted: Option<bool>, engine: &str) {
    let knows = ["mysql", "mariadb", "postgres", "aurora"].iter().any(|known| engine.starts_with(known));
    if wanted == Some(true) && !engine.is_empty() && !knows {
        let message = format!("{engine} lets nobody in by IAM");
        check.problem("iam_authentication", message, "leave it out: MySQL, MariaDB and PostgreSQL do");
    }
}

fn logs(check: &mut Check<'_>, wanted: &[String], engine: &str) {
    let Some((_, known)) = LOGS.iter().find(|(name, _)| engine.starts_with(name)) else { return };
    for (n, log) in wanted.iter().enumerate().filter(|(_, log)| !known.contains(&log.as_str())) {
        check.problem(
            &format!("log_exports[{n}]"),
            format!("{engine} has no log `{log}` to export"),
            format!("write of {}", known.join(", ")),
        );
    }
}

pub(super) fn works(wanted: &DatabasePlan, region: &Region, subject: &Subject) -> Vec<Work> {
    let Some((_, unit)) = managed::unit(subject, UNIT) else { return Vec::new() };
    let mut works = Works::new(region);
    let shared = works.share(subject, UNIT, unit);
    let spec = DatabaseSpec {
        snapshot: snapshot_name(subject, unit, "rds", "snapshot:"),
        id: wanted.id.clone().unwrap_or_default(),
        plan: to_send(wanted, subject),
    };
    let restored = works.add(&shared, Some(unit), Action::RestoreDatabase(Box::new(spec)));
    works.protect(wanted.deletion_protection, &[restored], MadeKind::Database, restored);
    works.unshare(&[restored], subject, UNIT, unit);
    works.into_all()
}

/// The plan as it is sent: nothing is empty, nothing is protected yet.
fn to_send(wanted: &DatabasePlan, subject: &Subject) -> DatabasePlan {
    let mut plan = DatabasePlan {
        zone: some(wanted.zone.as_ref()),
        subnet_group: some(wanted.subnet_group.as_ref()),
        security_groups: wanted.security_groups.clone().filter(|groups| !groups.is_empty()),
        parameter_group: own_group(wanted.parameter_group.as_ref()),
        option_group: own_group(wanted.option_group.as_ref()),
        storage_type: some(wanted.storage_type.as_ref()),
        deletion_protection: Some(false),
        log_exports: wanted.log_exports.clone().filter(|logs| !logs.is_empty()),
        tags: Some(fitting(wanted.tags.as_ref())),
        ..wanted.clone()
    };
    let origin = origin(subject);
    storage::trim(&mut plan, engine(origin, None), size(origin, None));
    plan
}

#[cfg(test)]
mod tests;
