//! Sources and worlds to hold plans against.

use std::collections::BTreeSet;

use crate::{
    aws::Tags,
    id::{BackupId, UnitId},
    kind::{Kind, Resource},
    origin::{ClusterOrigin, DatabaseOrigin, MemberOrigin, Origin, TableOrigin, WarehouseOrigin},
    recovery::{
        RecoveryId,
        facts::{Facts, ManagedFact, Question, SubnetGroupFact},
        making::{Findings, Subject, check, fill, questions, works},
        plan::{Plan, PlanProblem},
        work::Work,
    },
    unit::{Unit, UnitKind, UnitState},
};

pub(crate) const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/6b4a9f6e-0000-4000-8000-000000000001";
pub(crate) const TABLE_BACKUP: &str =
    "arn:aws:dynamodb:us-east-1:111122223333:table/sessions/backup/01700000000000-a";

/// A source of a kind, with a complete unit of it, as it was.
pub(crate) fn subject(kind: Kind) -> Subject {
    let (source, unit, id, origin) = match kind {
        Kind::Rds => ("orders", UnitKind::RdsSnapshot, "cpm-db-orders-17-1", Origin::Rds(Box::new(database()))),
        Kind::Aurora => {
            ("ledger", UnitKind::AuroraSnapshot, "cpm-db-ledger-17-1", Origin::Aurora(Box::new(cluster())))
        }
        Kind::Redshift => {
            ("dwh", UnitKind::RedshiftSnapshot, "cpm-db-dwh-17-1", Origin::Redshift(Box::new(warehouse())))
        }
        Kind::Dynamodb => ("sessions", UnitKind::DynamodbBackup, TABLE_BACKUP, Origin::Dynamodb(Box::new(table()))),
        Kind::Instance | Kind::Volume => panic!("not managed"),
    };
    let source = Resource::new(kind, source).unwrap();
    let mut unit = Unit::planned(unit, source.clone());
    unit.id = Some(UnitId::new(id));
    unit.state = UnitState::Completed;
    Subject {
        backup: BackupId(17),
        source,
        region: "us-east-1".parse().unwrap(),
        origin: Some(origin),
        units: vec![unit],
        initial_image: None,
        shared_with: None,
        shared_by: None,
    }
}

/// The same, into another account.
pub(crate) fn shared(kind: Kind) -> Subject {
    Subject {
        shared_with: Some("444455556666".to_owned()),
        shared_by: Some("111122223333".to_owned()),
        ..subject(kind)
    }
}

fn tags() -> Tags {
    [("Name", "shop"), ("aws:cloudformation:stack-name", "shop"), ("cpm:policy", "db")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

pub(crate) fn database() -> DatabaseOrigin {
    DatabaseOrigin {
        id: "orders".into(),
        engine: "postgres".into(),
        engine_version: Some("16.3".into()),
        class: "db.m6g.large".into(),
        port: Some(5432),
        zone: Some("us-east-1a".into()),
        multi_az: false,
        subnet_group: Some("data".into()),
        security_groups: vec!["sg-0000000a".into()],
        parameter_group: Some("orders-16".into()),
        option_group: Some("default:postgres-16".into()),
        storage: Some(500),
        storage_type: Some("gp3".into()),
        iops: Some(12_000),
        throughput: Some(500),
        public: false,
        deletion_protection: true,
        iam_authentication: true,
        auto_minor_upgrade: true,
        encrypted: true,
        kms_key: Some(KEY.into()),
        license: None,
        log_exports: vec!["postgresql".into()],
        tags: tags(),
    }
}

pub(crate) fn cluster() -> ClusterOrigin {
    let member = |id: &str, is_writer, zone: &str, tier| MemberOrigin {
        id: id.to_owned(),
        is_writer,
        class: "db.r6g.large".into(),
        zone: Some(zone.into()),
        public: false,
        parameter_group: Some("default.aurora-postgresql16".into()),
        promotion_tier: Some(tier),
    };
    ClusterOrigin {
        id: "ledger".into(),
        engine: "aurora-postgresql".into(),
        engine_version: Some("16.3".into()),
        engine_mode: Some("provisioned".into()),
        port: Some(5432),
        zones: vec!["us-east-1a".into(), "us-east-1b".into()],
        subnet_group: Some("data".into()),
        security_groups: vec!["sg-0000000a".into()],
        parameter_group: Some("ledger-16".into()),
        database: Some("ledger".into()),
        deletion_protection: true,
        iam_authentication: false,
        encrypted: true,
        kms_key: Some(KEY.into()),
        capacity: None,
        members: vec![
            member("ledger-2", false, "us-east-1b", 1),
            member("ledger-1", true, "us-east-1a", 0),
            member("reports", false, "us-east-1a", 15),
        ],
        tags: tags(),
        ..ClusterOrigin::default()
    }
}

pub(crate) fn warehouse() -> WarehouseOrigin {
    WarehouseOrigin {
        id: "dwh".into(),
        node_type: "ra3.xlplus".into(),
        nodes: 2,
        port: Some(5439),
        zone: Some("us-east-1a".into()),
        subnet_group: Some("data".into()),
        security_groups: vec!["sg-0000000a".into()],
        parameter_group: Some("dwh-params".into()),
        public: false,
        encrypted: true,
        kms_key: Some(KEY.into()),
        roles: vec!["arn:aws:iam::111122223333:role/dwh-load".into()],
        enhanced_vpc_routing: true,
        tags: tags(),
    }
}

pub(crate) fn table() -> TableOrigin {
    TableOrigin {
        arn: None,
        name: "sessions".into(),
        billing: Some("PROVISIONED".into()),
        read_units: Some(20),
        write_units: Some(5),
        deletion_protection: true,
        kms_key: None,
        tags: tags(),
        ..TableOrigin::default()
    }
}

/// A plan as a file has it, filled in.
pub(crate) fn plan(subject: &Subject, wanted: &serde_json::Value) -> Plan {
    let key = match subject.source.kind() {
        Kind::Rds => "rds",
        Kind::Aurora => "aurora",
        Kind::Redshift => "redshift",
        _ => "dynamodb",
    };
    let mut file = serde_json::json!({"backup": 17});
    file[key] = wanted.clone();
    let mut plan: Plan = serde_json::from_value(file).unwrap();
    fill(&mut plan, subject);
    plan
}

/// A world in which all is there and every name is free.
pub(crate) fn world(plan: &Plan, subject: &Subject) -> Facts {
    let mut facts = Facts::default();
    for question in questions(plan, subject) {
        match question {
            Question::Group(group) => drop(facts.groups.insert(group, "vpc-0000000a".into())),
            Question::Key(key) => drop(facts.keys.insert(key, "Enabled".into())),
            Question::Zones => facts.zones = zones(&["us-east-1a", "us-east-1b", "us-east-1c"]),
            Question::DatabaseSnapshot(id) | Question::ClusterSnapshot(id) | Question::WarehouseSnapshot(id) => {
                facts.managed.insert(id, ManagedFact { encrypted: true, ..available() });
            }
            Question::TableBackup(id) => {
                facts.managed.insert(id, ManagedFact { status: "AVAILABLE".into(), ..available() });
            }
            Question::DatabaseSubnetGroup(_) | Question::WarehouseSubnetGroup(_) => {
                let vpc = "vpc-0000000a".to_owned();
                let group = SubnetGroupFact { vpc, zones: zones(&["us-east-1a", "us-east-1b"]) };
                facts.subnet_groups.insert(question, group);
            }
            Question::DatabaseParameterGroup(_)
            | Question::ClusterParameterGroup(_)
            | Question::WarehouseParameterGroup(_) => drop(facts.names.insert(question)),
            _ => {}
        }
    }
    facts
}

pub(crate) fn available() -> ManagedFact {
    ManagedFact { status: "available".into(), ..ManagedFact::default() }
}

pub(crate) fn zones(zones: &[&str]) -> BTreeSet<String> {
    zones.iter().map(|zone| (*zone).to_owned()).collect()
}

/// What is found out about a plan in a world.
pub(crate) fn found(subject: &Subject, wanted: &serde_json::Value, change: impl Fn(&mut Facts)) -> Findings {
    let plan = plan(subject, wanted);
    let mut facts = world(&plan, subject);
    change(&mut facts);
    check(&plan, subject, &facts)
}

/// What is wrong, a line each.
pub(crate) fn problems(subject: &Subject, wanted: &serde_json::Value, change: impl Fn(&mut Facts)) -> Vec<String> {
    found(subject, wanted, change).problems.iter().map(PlanProblem::to_string).collect()
}

/// The one thing that is wrong.
pub(crate) fn problem(subject: &Subject, wanted: &serde_json::Value, change: impl Fn(&mut Facts)) -> String {
    let problems = problems(subject, wanted, change);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap()
}

/// The works of a plan, in its world.
pub(crate) fn made(subject: &Subject, wanted: &serde_json::Value) -> Vec<Work> {
    let plan = plan(subject, wanted);
    works(RecoveryId(3), &plan, subject, &world(&plan, subject))
}

/// The works, a line each: number, what it needs, action, where.
pub(crate) fn lines(works: &[Work]) -> Vec<String> {
    let line = |work: &Work| {
        let action = serde_json::to_value(&work.what).unwrap()["action"].as_str().unwrap().to_owned();
        let side = if work.at_source { " at source" } else { "" };
        format!("{} {:?} {action}{side}", work.number, work.needs)
    };
    works.iter().map(line).collect()
}
